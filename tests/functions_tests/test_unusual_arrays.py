"""Arrays that are not quite NumPy's own: subclasses, another byte order, masks, and axes of length zero."""
import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F

R = np.random.RandomState(0)


def array(*shape):
    return (R.rand(*shape) * 0.8 + 0.1).astype('f')


X, X2, IMAGES, LABELS = array(4, 6), array(4, 6), array(2, 4, 6, 6), np.arange(4)
FUNCTIONS = {
    **{name: (getattr(F, name), X) for name in (
        'absolute', 'arcsin', 'ceil', 'cumprod', 'cumsum', 'elu', 'erf', 'erfinv', 'exp', 'flatten', 'gelu',
        'hard_sigmoid', 'identity', 'leaky_relu', 'log', 'log_softmax', 'logsumexp', 'max', 'mean', 'normalize',
        'prod', 'relu', 'sigmoid', 'softmax', 'softplus', 'sqrt', 'square', 'squeeze', 'std', 'sum', 'tanh',
        'transpose', 'var')},
    **{name: (getattr(F, name), X, X2) for name in (
        'add', 'mul', 'div', 'pow', 'maximum', 'arctan2', 'mean_squared_error', 'mean_absolute_error',
        'bernoulli_nll')},
    'linear': (F.linear, X, array(5, 6), array(5)), 'matmul': (lambda a, b: F.matmul(a, b, transb=True), X, X2),
    'einsum': (lambda a, b: F.einsum('ij,kj->ik', a, b), X, X2), 'concat': (lambda a, b: F.concat((a, b)), X, X2),
    'stack': (lambda a, b: F.stack((a, b)), X, X2), 'tile': (lambda x: F.tile(x, 2), X),
    'where': (lambda a, b: F.where(X > 0.5, a, b), X, X2), 'getitem': (lambda x: F.get_item(x, (0, [1, 2])), X),
    'separate': (lambda x: F.separate(x)[1], X), 'maxout': (lambda x: F.maxout(x, 2), X),
    'softmax_cross_entropy': (lambda x: F.softmax_cross_entropy(x, LABELS), X),
    'hinge': (lambda x: F.hinge(x, LABELS), X), 'prelu': (F.prelu, X, array(6)),
    'lstm': (lambda c, x: F.lstm(c, x)[1], array(4, 3), array(4, 12)),
    'convolution_2d': (F.convolution_2d, IMAGES, array(3, 4, 3, 3)),
    'deconvolution_2d': (F.deconvolution_2d, IMAGES, array(4, 3, 3, 3)),
    'max_pooling_2d': (lambda x: F.max_pooling_2d(x, 2), IMAGES),
    'average_pooling_2d': (lambda x: F.average_pooling_2d(x, 2), IMAGES),
    'batch_normalization': (F.batch_normalization, IMAGES, array(4), array(4)),
    'layer_normalization': (F.layer_normalization, X, array(6), array(6)),
    'local_response_normalization': (F.local_response_normalization, IMAGES),
    'resize_images': (lambda x: F.resize_images(x, (3, 4)), IMAGES),
    'attention': (F.scaled_dot_product_attention, array(2, 4, 8), array(2, 5, 8), array(2, 5, 6)),
    'bilinear': (F.bilinear, array(4, 3), array(4, 2), array(3, 2, 5)),
    'roi_average_align_2d': (lambda x: F.roi_average_align_2d(x, np.array([[0, 1, 4, 5.5]]), np.array([1]), 2, 1),
                             IMAGES),
    'spatial_transformer_sampler': (F.spatial_transformer_sampler, IMAGES, array(2, 2, 3, 3)),
    'local_convolution_2d': (F.local_convolution_2d, IMAGES, array(3, 4, 4, 4, 3, 3)),
    'inv': (F.inv, array(3, 3) + 3 * np.eye(3, dtype='f')),
}


class OfUser(np.ndarray):
    """Whose arithmetic is not to be trusted."""

    def __mul__(self, other):
        return np.zeros(3)


KINDS = {
    'other byte order': lambda x: x.astype(x.dtype.newbyteorder('S')),
    'matrix': lambda x: np.matrix(x) if x.ndim == 2 else x,
    'subclass': lambda x: x.view(OfUser),
    'nothing masked': lambda x: np.ma.array(x, mask=np.zeros(x.shape, bool)),
    'record': lambda x: x.view(np.recarray),
}


def outputs_and_gradients(function, *arrays):
    variables = [ann.Variable(x) for x in arrays]
    y = function(*variables)
    if y.creator is not None:
        y.grad = np.ones_like(y.array)
        y.backward()
    return [y.array, *[x.grad for x in variables]]


@pytest.mark.filterwarnings('ignore:the matrix subclass')
@pytest.mark.parametrize('kind', KINDS.values(), ids=KINDS)
@pytest.mark.parametrize('case', FUNCTIONS.values(), ids=FUNCTIONS)
def test_functions(case, kind):
    function, *arrays = case
    expected = outputs_and_gradients(function, *arrays)
    for actual, right in zip(outputs_and_gradients(function, *map(kind, arrays)), expected, strict=True):
        if right is not None:
            assert type(actual) is np.ndarray and actual.dtype == right.dtype and actual.dtype.isnative
            np.testing.assert_allclose(actual, right, 1e-5, 1e-6)
    # Arrays themselves as arguments, and in arithmetic with a Variable.
    np.testing.assert_allclose(function(*map(kind, arrays)).array, expected[0], 1e-5, 1e-6)
    np.testing.assert_allclose((ann.Variable(arrays[0]) + kind(arrays[0])).array, 2 * arrays[0], 1e-6)


@pytest.mark.parametrize('use', [
    ann.Variable, F.softmax, F.sigmoid, lambda x: ann.Variable(X) * x, ann.Parameter, lambda x: F.linear(X, x),
    lambda x: setattr(ann.Variable(X), 'array', x), lambda x: setattr(ann.Variable(X), 'grad', x),
    lambda x: F.softmax_cross_entropy(np.zeros((2, 3, 4), 'f'), x.astype('i').reshape(2, 12)[:, :4])])
def test_masks_are_not_ignored(use):
    with pytest.raises(TypeError, match=r'know no masks.* are masked; x.filled\(value\)'):
        use(np.ma.array(X, mask=X < 0.5))


@pytest.mark.filterwarnings('ignore:the matrix subclass')
def test_the_memory_of_a_subclass_is_shared(tmp_path):
    matrix, mapped = np.matrix(X), np.memmap(tmp_path / 'x', 'f4', 'w+', shape=(3,))
    for x in matrix, mapped:
        assert np.shares_memory(ann.Variable(x).array, x) and type(ann.Variable(x).array) is np.ndarray
    swapped = X.astype(X.dtype.newbyteorder('S'))
    link = ann.Link()
    with link.init_scope():
        link.W = ann.Parameter(swapped)
    np.testing.assert_array_equal(link.W.array, X)
    assert link.W.dtype == np.float32 and link.W.array.dtype.isnative


IMAGE_FUNCTIONS = {
    'convolution_2d': lambda x: F.convolution_2d(x, np.ones((3, x.shape[1], 3, 3), 'f'), np.ones(3, 'f'), pad=1),
    'grouped': lambda x: F.convolution_2d(x, np.ones((4, x.shape[1] // 2, 1, 1), 'f'), groups=2),
    'depthwise': lambda x: F.depthwise_convolution_2d(x, np.ones((2, x.shape[1], 3, 3), 'f')),
    'deconvolution_2d': lambda x: F.deconvolution_2d(x, np.ones((x.shape[1], 3, 3, 3), 'f')),
    'max_pooling_2d': lambda x: F.max_pooling_2d(x, 3, 1, 1),
    'average_pooling_2d': lambda x: F.average_pooling_2d(x, 2),
    'unpooling_2d': lambda x: F.unpooling_2d(x, 2), 'im2col': lambda x: F.im2col(x, 2),
    'batch_normalization': lambda x: F.batch_normalization(x, np.ones(x.shape[1], 'f'), np.ones(x.shape[1], 'f')),
    'group_normalization': lambda x: F.group_normalization(x, 2, np.ones(x.shape[1], 'f'), np.ones(x.shape[1], 'f')),
    'local_response_normalization': F.local_response_normalization, 'normalize': F.normalize,
    'resize_images': lambda x: F.resize_images(x, (3, 3)), 'softmax': F.softmax, 'log_softmax': F.log_softmax,
    'softmax of rows': lambda x: F.softmax(x, axis=3), 'relu': F.relu, 'gelu': F.gelu,
    'max': lambda x: F.max(x, axis=1),
    'logsumexp': lambda x: F.logsumexp(x, axis=(2, 3)), 'sum': lambda x: F.sum(x, axis=1), 'prod': F.prod,
    'mean': lambda x: F.mean(x, axis=(2, 3)),
    'softmax_cross_entropy': lambda x: F.softmax_cross_entropy(x, np.zeros((x.shape[0], *x.shape[2:]), 'i')),
    'shift': lambda x: F.shift(x, 1), 'spatial_pyramid_pooling_2d': lambda x: F.spatial_pyramid_pooling_2d(x, 2, 'max'),
    'roi_max_align_2d': lambda x: F.roi_max_align_2d(x, np.zeros((len(x), 4)), np.arange(len(x)), 2, 1),
    'roi_average_align_2d': lambda x: F.roi_average_align_2d(x, np.zeros((len(x), 4)), np.arange(len(x)), 2, 1),
    'spatial_transformer_sampler': lambda x: F.spatial_transformer_sampler(x, np.zeros((len(x), 2, 3, 3), 'f')),
    'separate': lambda x: sum(map(F.sum, F.separate(x, 1)), F.sum(x)),
}


@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize('shape', [(0, 4, 6, 6), (2, 0, 6, 6), (2, 4, 0, 6), (2, 4, 6, 0), (4, 16, 0, 24),
                                   (0, 0, 0, 0)])
@pytest.mark.parametrize('name', IMAGE_FUNCTIONS)
def test_axes_of_length_zero(name, shape):
    """They are right, with a gradient, with and without oneDNN alike; or a clear error says so."""
    results = []
    for use in 'never', 'auto':
        with ann.using_config('use_onednn', use):
            x = ann.Variable(np.zeros(shape, 'f'))
            try:
                y = IMAGE_FUNCTIONS[name](x)
            except ValueError as error:
                words = ('no window|must have elements|has no elements|positive height|has 0 classes|too small|'
                         'a channel for each')
                assert any(word in str(error) for word in words.split('|')), error
                results.append(None)
                continue
            assert y.shape[:1] == shape[:1] or y.ndim < 4
            if y.creator is not None:
                y.grad = np.ones_like(y.array)
                y.backward()
                assert x.grad.shape == shape and x.grad.dtype == np.float32
            results.append(y.array)
    plain, fast = results
    assert (plain is None) == (fast is None)
    if plain is not None:
        np.testing.assert_array_equal(plain, fast)
    assert plain is not None or 0 in shape[1:]


def test_no_classes_and_no_features():
    with pytest.raises(ValueError, match=r'accuracy: y of shape \(3, 0\) has no classes'):
        F.accuracy(np.zeros((3, 0)), np.zeros(3, 'i'))
    with pytest.raises(ValueError, match=r'attention: queries must have features, got query of shape \(2, 0\)'):
        F.scaled_dot_product_attention(np.zeros((2, 0)), np.zeros((3, 0)), np.zeros((3, 4)))
    assert F.separate(np.zeros((3, 0)), axis=1) == ()
