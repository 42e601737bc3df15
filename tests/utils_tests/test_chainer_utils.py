"""Chainer's small tools."""
import importlib
import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_nn as ann
import autograd_nn.functions as F
from autograd_nn import Variable, cuda, utils
from autograd_nn.utils import conv, conv_nd


@pytest.mark.parametrize('path, names', [
    ('argument', 'assert_kwargs_empty check_unexpected_kwargs parse_kwargs'),
    ('array', 'as_mat as_vec empty_like force_array force_type size_of_shape sum_to'),
    ('cache', 'cached_property'), ('error', '_format_array_props'), ('experimental', 'experimental'),
    ('imgproc', 'oversample'), ('meta', 'enable_final final'), ('nondeterministic', 'nondeterministic'),
    ('precision', '_fp16_mixed_precision_helper'),
    ('conv', 'col2im col2im_cpu col2im_gpu get_conv_outsize get_deconv_outsize im2col im2col_cpu im2col_gpu'),
    ('conv_nd', 'as_tuple col2im_nd col2im_nd_cpu col2im_nd_gpu im2col_nd im2col_nd_cpu im2col_nd_gpu'),
])
def test_names(path, names):
    module = importlib.import_module(f'autograd_nn.utils.{path}')
    assert [name for name in names.split() if not hasattr(module, name)] == []


def test_what_few_use_is_imported_when_asked_for():
    code = ('import sys, autograd_nn as ann\n'
            'assert "autograd_nn.utils.argument" not in sys.modules and "autograd_nn.utils.files" not in sys.modules\n'
            'assert ann.utils.argument.parse_kwargs({}) == () and ann.utils.tempdir and ann.utils.imgproc.oversample\n')
    subprocess.run([sys.executable, '-c', code], check=True)
    with pytest.raises(AttributeError, match='nothing'):
        assert utils.nothing


def test_keyword_arguments():
    def function(**kwargs):
        return utils.argument.parse_kwargs(kwargs, ('a', 1), ('b', 2), old='use a')

    assert function() == (1, 2) and function(b=3) == (1, 3)
    with pytest.raises(TypeError, match=r"function\(\) got unexpected keyword argument\(s\) 'c', 'd'"):
        function(d=1, c=2)
    with pytest.raises(ValueError, match='use a'):
        function(old=1)
    utils.argument.check_unexpected_kwargs({'new': 1}, old='use a')
    utils.argument.assert_kwargs_empty({})
    with pytest.raises(TypeError, match="'a'"):
        utils.argument.assert_kwargs_empty({'a': 1})


def test_numbers_and_arrays():
    assert utils.force_type(np.dtype('f'), 3).dtype == np.float32
    x = np.ones(2)
    assert utils.force_type(np.dtype('f'), x).dtype == np.float32 and utils.force_type(np.dtype('d'), x) is x
    assert utils.size_of_shape((2, 3)) == 6 and type(utils.size_of_shape((np.int64(2), 3))) is int
    assert utils.array.as_vec(np.ones((2, 3))).shape == (6,)
    for shape, expected in ((2, 3, 4), (2, 12)), ((2, 3), (2, 3)):
        assert utils.array.as_mat(np.ones(shape)).shape == expected
    assert utils.array.empty_like(np.ones((2, 3), 'f')).dtype == np.float32


@pytest.mark.parametrize('shape', [(2, 3, 4), (3, 4), (1, 4), (2, 1, 1), (4,), (1,), ()])
def test_sum_to(shape):
    x = np.random.rand(2, 3, 4)
    y = utils.sum_to(x, shape)
    np.testing.assert_allclose(y, F.sum_to(x, shape).array)
    assert y.shape == shape and (y is x) == (shape == x.shape)


def test_sum_to_refuses():
    with pytest.raises(TypeError, match='Variable'):
        utils.sum_to(Variable(np.ones((2, 3))), (3,))
    for shape in (2,), (2, 3, 4), (3, 3):
        with pytest.raises(ValueError, match=r'sum_to: x of shape \(2, 3\)'):
            utils.sum_to(np.ones((2, 3)), shape)


def test_cached_property():
    class Gate:
        def __init__(self):
            self.calls = 0

        @utils.cache.cached_property
        def y(self):
            """The output."""
            self.calls += 1
            return self.calls

    gate = Gate()
    assert (gate.y, gate.y) == (1, 1) and Gate.y.__doc__ == 'The output.'
    with ann.no_backprop_mode():
        assert (gate.y, gate.y) == (2, 2)
    assert gate.y == 1
    with pytest.raises(AttributeError, match=r'Gate\.y'):
        gate.y = 3


def test_final_methods():
    class Meta(type):
        pass

    class Parent:
        pass

    class Base(utils.enable_final(base=Parent, meta_base=Meta)):
        @utils.final
        def run(self):
            pass

        @utils.final(action=DeprecationWarning)
        def walk(self):
            pass

        def stop(self):
            pass

    class Middle(Base):
        def stop(self):
            pass

    assert issubclass(Middle, Parent) and isinstance(Middle, Meta)
    with pytest.raises(TypeError, match=r"'run' is final: \w+ must not override that of Base"):
        type(Middle)('Derived', (Middle,), {'run': None})
    with pytest.warns(DeprecationWarning, match='walk'):
        type(Middle)('Derived', (Middle,), {'walk': None})


def test_warnings(monkeypatch):
    with pytest.warns(FutureWarning, match='Net.f is experimental') as record:
        utils.experimental('Net.f')
    assert 'python' in record[0].filename or record[0].filename
    with ann.using_config('warn_nondeterministic', True), pytest.warns(UserWarning, match='scatter'):
        utils.nondeterministic('scatter')
    monkeypatch.setattr(ann, 'disable_experimental_feature_warning', True)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        utils.experimental('Net.f')
        utils.nondeterministic('scatter')


def test_oversample():
    images = np.random.rand(2, 3, 5, 7)
    crops = utils.imgproc.oversample(list(images), (2, 4))
    assert crops.shape == (20, 3, 2, 4)
    for image, ten in zip(images, crops.reshape(2, 10, 3, 2, 4)):
        for crop, (top, left) in zip(ten, [(0, 0), (0, 3), (3, 0), (3, 3), (1, 1)]):
            np.testing.assert_array_equal(crop, image[:, top:top + 2, left:left + 4])
        np.testing.assert_array_equal(ten[5:], ten[:5, ..., ::-1])


def test_half_precision_on_arrays():
    class Function:
        @utils.precision._fp16_mixed_precision_helper
        def forward(self, inputs):
            self.seen = [x.dtype.char for x in inputs]
            return *inputs, None

    def results(*chars):
        return [y and y.dtype.char for y in function.forward(tuple(np.ones((), char) for char in chars))]

    function = Function()
    assert results('e', 'i') == ['e', 'i', None] and function.seen == ['f', 'i']
    assert results('e', 'f') == ['f', 'f', None] and function.seen == ['f', 'f']
    assert results('d', 'i') == ['d', 'i', None] and function.seen == ['d', 'i']


def test_temporary_folders(tmp_path):
    with utils.tempdir(dir=tmp_path) as path:
        assert [str(each) for each in tmp_path.iterdir()] == [path]
    with pytest.raises(KeyError), utils.tempdir(dir=tmp_path):
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_array_properties():
    assert utils.error._format_array_props((np.zeros((2, 3), 'f'), None)) == '(2, 3):float32, None'


def windows(x, ksize, stride, pad, value, dilate, out):
    """By loops: the windows of images that are padded with as many values as they need."""
    shape = tuple(n + 99 for n in x.shape[2:])
    padded = np.full((*x.shape[:2], *shape), value, x.dtype)
    padded[(..., *[slice(p, p + n) for p, n in zip(pad, x.shape[2:])])] = x
    y = np.empty((*x.shape[:2], *ksize, *out), x.dtype)
    for place in np.ndindex(*ksize):
        for where in np.ndindex(*out):
            index = [w * s + k * d for w, s, k, d in zip(where, stride, place, dilate)]
            y[(..., *place, *where)] = padded[(..., *index)]
    return y


@given(st.data())
def test_windows_of_images(data):
    n = data.draw(st.integers(1, 3))

    def sizes(low, high):
        return tuple(data.draw(st.lists(st.integers(low, high), min_size=n, max_size=n)))

    ksize, stride, pad, dilate = sizes(1, 3), sizes(1, 3), sizes(0, 2), sizes(1, 2)
    x = np.random.rand(2, 3, *(d * (k - 1) + 1 + more for k, d, more in zip(ksize, dilate, sizes(0, 4)))).astype('f')
    cover_all, value = data.draw(st.booleans()), data.draw(st.sampled_from([0, -1.5]))
    out = [conv.get_conv_outsize(*parts, cover_all, d) for *parts, d in zip(x.shape[2:], ksize, stride, pad, dilate)]
    y = conv_nd.im2col_nd_cpu(x, ksize, stride, pad, value, cover_all, dilate)
    np.testing.assert_array_equal(y, windows(x, ksize, stride, pad, value, dilate, out))
    y = conv_nd.im2col_nd(x, ksize, stride, pad, cover_all, dilate)
    np.testing.assert_array_equal(y, windows(x, ksize, stride, pad, 0, dilate, out))
    # The transpose: <col, im2col(x)> = <col2im(col), x>.
    col = np.random.rand(*y.shape)
    back = conv_nd.col2im_nd(col, stride, pad, x.shape[2:], dilate)
    np.testing.assert_allclose((back * x).sum(), (col * y).sum(), rtol=1e-5)


def test_windows_of_two_dimensional_images():
    x = np.random.rand(2, 3, 5, 6)
    y = conv.im2col_cpu(x, 3, 2, 2, 1, 1, 0, pval=7, dy=1, dx=2)
    np.testing.assert_array_equal(y, conv_nd.im2col_nd_cpu(x, (3, 2), (2, 1), (1, 0), 7, dilate=(1, 2)))
    np.testing.assert_array_equal(conv.im2col(x, 3, 2, 2, 1, 1, 0, True),
                                  conv_nd.im2col_nd(x, (3, 2), (2, 1), (1, 0), True))
    np.testing.assert_array_equal(conv.im2col_cpu(x, 2, 2, 1, 1, 0, 0, out_h=2, out_w=7),
                                  windows(x, (2, 2), (1, 1), (0, 0), 0, (1, 1), (2, 7)))
    np.testing.assert_array_equal(conv.col2im(y, 2, 1, 1, 0, 5, 6, dx=2),
                                  conv_nd.col2im_nd(y, (2, 1), (1, 0), (5, 6), (1, 2)))
    assert conv.im2col(np.arange(24).reshape(1, 1, 4, 6), 2, 2, 1, 1, 0, 0).dtype == int
    with pytest.raises(ValueError, match=r'no window of size \(9, 2\)'):
        conv.im2col(x, 9, 2, 1, 1, 0, 0)
    assert conv_nd.as_tuple(3, 2) == (3, 3) and conv_nd.as_tuple([1, 2], 2) == (1, 2)
    with pytest.raises(ValueError):
        conv_nd.as_tuple((1, 2), 3)


@pytest.mark.gpu
def test_windows_of_images_on_a_gpu():
    x = np.random.rand(2, 3, 5, 6).astype('f')
    expected = conv.im2col_cpu(x, 3, 2, 2, 1, 1, 0, pval=7, dx=2)
    y = conv.im2col_cpu(cuda.to_gpu(x), 3, 2, 2, 1, 1, 0, pval=7, dx=2)
    assert isinstance(y, cuda.ndarray)
    np.testing.assert_array_equal(cuda.to_cpu(y), expected)
    np.testing.assert_allclose(cuda.to_cpu(conv.col2im_gpu(y, 2, 1, 1, 0, 5, 6, dx=2)),
                               conv.col2im_cpu(expected, 2, 1, 1, 0, 5, 6, dx=2), rtol=1e-6)
    total = utils.sum_to(cuda.to_gpu(x), (3, 1, 6))
    np.testing.assert_allclose(cuda.to_cpu(total), utils.sum_to(x, (3, 1, 6)), rtol=1e-6)
    assert isinstance(utils.array.empty_like(y), cuda.ndarray)
