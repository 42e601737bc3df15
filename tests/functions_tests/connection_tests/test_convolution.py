"""Convolution functions: values against loops, gradients against numerical ones, and everything against PyTorch."""
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd_nn as ann
import autograd_nn.functions as F
from support.checking import check_function, gradients


def plain_convolution(x, W, b, stride, pad, cover_all, dilate, groups):
    """A convolution as loops over the output."""
    n = x.ndim - 2
    span = [d * (k - 1) + 1 for k, d in zip(W.shape[2:], dilate)]
    out = [(size + 2 * p - m + (s - 1 if cover_all else 0)) // s + 1
           for size, p, m, s in zip(x.shape[2:], pad, span, stride)]
    x = np.pad(x, [(0, 0), (0, 0)] + [(p, p + s) for p, s in zip(pad, stride)])
    y = np.zeros((len(x), len(W), *out))
    for k in range(len(W)):
        first = k // (len(W) // groups) * W.shape[1]
        for position in itertools.product(*map(range, out)):
            where = tuple(slice(i * s, i * s + m, d) for i, s, m, d in zip(position, stride, span, dilate))
            patch = x[(slice(None), slice(first, first + W.shape[1]), *where)]
            y[(slice(None), k, *position)] = np.tensordot(patch, W[k], n + 1)
    return y if b is None else y + b.reshape(-1, *[1] * n)


def plain_deconvolution(x, W, b, stride, pad, outsize, dilate, groups):
    """A transposed convolution: every element adds a multiple of the filters to the output."""
    n = x.ndim - 2
    full = [max(o + 2 * p, s * (size - 1) + d * (k - 1) + 1) for o, p, s, size, d, k
            in zip(outsize, pad, stride, x.shape[2:], dilate, W.shape[2:])]
    per_group = W.shape[1]
    y = np.zeros((len(x), per_group * groups, *full))
    for c in range(len(W)):
        first = c // (len(W) // groups) * per_group
        for position in np.ndindex(*x.shape[2:]):
            where = tuple(slice(i * s, i * s + d * (k - 1) + 1, d)
                          for i, s, d, k in zip(position, stride, dilate, W.shape[2:]))
            y[(slice(None), slice(first, first + per_group), *where)] += np.multiply.outer(
                x[(slice(None), c, *position)], W[c])
    y = y[(..., *(slice(p, p + o) for p, o in zip(pad, outsize)))]
    return y if b is None else y + b.reshape(-1, *[1] * n)


@st.composite
def geometries(draw, max_dims=2):
    """Shapes of x and W, stride, pad, dilate and groups of a convolution whose output is not empty."""
    axes = [draw(st.tuples(*[st.integers(1, 3)] * 3, st.integers(0, 2))) for _ in range(draw(st.integers(1, max_dims)))]
    k, s, d, p = zip(*axes)
    size = tuple(draw(st.integers(max(1, b * (a - 1) + 1 - 2 * c), 7)) for a, b, c in zip(k, d, p))
    groups = draw(st.integers(1, 2))
    inputs, outputs = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    return (draw(st.integers(0, 2)), groups * inputs, *size), (groups * outputs, inputs, *k), s, p, d, groups


def normal(*shapes):
    return [np.random.normal(size=shape) for shape in shapes]


@given(geometry=geometries(), cover_all=st.booleans(), bias=st.booleans())
def test_convolution_nd(geometry, cover_all, bias):
    x_shape, W_shape, stride, pad, dilate, groups = geometry
    arrays = normal(x_shape, W_shape, *[W_shape[:1]] * bias)
    check_function(
        lambda x, W, b=None: F.convolution_nd(x, W, b, stride, pad, cover_all, dilate, groups),
        lambda x, W, b=None: plain_convolution(x, W, b, stride, pad, cover_all, dilate, groups),
        *arrays, tolerance={'float32': 2e-3})


@given(geometry=geometries(), extra=st.integers(0, 2), bias=st.booleans())
def test_deconvolution_nd(geometry, extra, bias):
    image, W_shape, stride, pad, dilate, groups = geometry
    x_size = [(n + 2 * p - d * (k - 1) - 1) // s + 1
              for n, p, d, k, s in zip(image[2:], pad, dilate, W_shape[2:], stride)]
    arrays = normal((image[0], W_shape[0], *x_size), W_shape, *[(W_shape[1] * groups,)] * bias)
    check_function(
        lambda x, W, b=None: F.deconvolution_nd(x, W, b, stride, pad, image[2:], dilate, groups),
        lambda x, W, b=None: plain_deconvolution(x, W, b, stride, pad, image[2:], dilate, groups),
        *arrays, tolerance={'float32': 2e-3})


@settings(max_examples=5)
@given(geometry=geometries(max_dims=3))
def test_half_precision(geometry):
    x_shape, W_shape, stride, pad, dilate, groups = geometry
    check_function(lambda x, W: F.convolution_nd(x, W, None, stride, pad, False, dilate, groups),
                   lambda x, W: plain_convolution(x, W, None, stride, pad, False, dilate, groups),
                   *[0.3 * a for a in normal(x_shape, W_shape)], dtypes=['float16'], tolerance={'float16': 5e-2})


@pytest.mark.parametrize('n, convolution, deconvolution', [
    (1, F.convolution_1d, F.deconvolution_1d), (2, F.convolution_2d, F.deconvolution_2d),
    (3, F.convolution_3d, F.deconvolution_3d)])
def test_each_number_of_axes_has_its_function(n, convolution, deconvolution):
    x, W, V, b = normal((2, 3, *[5, 4, 6][:n]), (4, 3, *[3, 2, 1][:n]), (3, 4, *[3, 2, 1][:n]), (4,))
    np.testing.assert_array_equal(convolution(x, W, b, 2, 1).array, F.convolution_nd(x, W, b, 2, 1).array)
    np.testing.assert_array_equal(deconvolution(x, V, b, 2).array, F.deconvolution_nd(x, V, b, 2).array)
    check_function(lambda x, W, b: convolution(x, W, b, 2, 1), None, x, W, b)
    check_function(lambda x, V, b: deconvolution(x, V, b, 2), None, x, V, b)
    with pytest.raises(ValueError, match=f'^convolution_{n}d: expected x and W with {n} spatial ax'):
        convolution(x[..., None], W)


def test_default_size_of_deconvolution():
    x, W = normal((1, 2, 4, 3), (2, 3, 3, 2))
    assert F.deconvolution_2d(x, W, stride=2, pad=1, dilate=2).shape == (1, 3, 9, 5)
    assert F.deconvolution_2d(x, W, stride=(1, 3)).shape == (1, 3, 6, 8)


def test_dilated_and_depthwise():
    x, W, b = normal((2, 3, 8, 7), (2, 3, 3, 2), (6,))
    np.testing.assert_array_equal(F.dilated_convolution_2d(x, W, stride=2, pad=1, dilate=2).array,
                                  F.convolution_2d(x, W, stride=2, pad=1, dilate=2).array)
    check_function(lambda x, W: F.dilated_convolution_2d(x, W, stride=2, pad=1, dilate=2), None, x, W)

    def plain(x, W, b):
        parts = [plain_convolution(x[:, c:c + 1], W[:, c:c + 1], b[2 * c:2 * c + 2], (2, 1), (1, 0), False, (1, 1), 1)
                 for c in range(3)]
        return np.concatenate(parts, 1)

    check_function(lambda x, W, b: F.depthwise_convolution_2d(x, W, b, (2, 1), (1, 0)), plain, x, W, b)


def test_third_order():
    """The three kinds of nodes are each other's gradients, so any order works."""
    x, W = (ann.Variable(a) for a in normal((1, 1, 4), (1, 1, 2)))
    y = F.convolution_1d(x ** 3, W)
    gx, = ann.grad([F.sum(y)], [x], enable_double_backprop=True)
    ggx, = ann.grad([F.sum(gx)], [x], enable_double_backprop=True)
    gggx, = ann.grad([F.sum(ggx)], [x])
    weight = np.convolve(np.ones(3), W.array[0, 0])
    np.testing.assert_allclose(gggx.array[0, 0], 6 * weight)


def test_no_gradient_for_what_needs_none(monkeypatch):
    x, W = (ann.Variable(a.astype('f')) for a in normal((1, 2, 5, 5), (3, 2, 3, 3)))
    computed: list[str] = []
    kernels = ann.backend.kernels(x.array)
    for name in 'deconvolution', 'convolution_filter_grad':
        kernel = getattr(kernels, name)
        monkeypatch.setattr(kernels, name, lambda *args, k=kernel, n=name: (computed.append(n), k(*args))[1])
    x.requires_grad = False
    F.sum(F.convolution_2d(x, W)).backward()
    assert computed == ['convolution_filter_grad']


@pytest.mark.parametrize('stride, pad, dilate, groups', [(1, 0, 1, 1), (2, 1, 1, 1), ((3, 2), (2, 1), (2, 1), 2),
                                                         (1, 1, 1, 4)])
def test_same_as_torch(stride, pad, dilate, groups):
    torch = pytest.importorskip('torch')
    x, W, V, b = normal((2, 4, 9, 8), (8, 4 // groups, 3, 2), (4, 8 // groups, 3, 2), (8,))
    options = {'stride': stride, 'dilation': dilate, 'groups': groups, 'padding': pad}
    for ours, theirs, filters in (
            (lambda x, W, b: F.convolution_2d(x, W, b, stride, pad, dilate=dilate, groups=groups),
             torch.nn.functional.conv2d, W),
            (lambda x, W, b: F.deconvolution_2d(x, W, b, stride, pad, dilate=dilate, groups=groups),
             torch.nn.functional.conv_transpose2d, V)):
        tensors = [torch.tensor(a, requires_grad=True) for a in (x, filters, b)]
        expected = theirs(*tensors, **options)
        gy = np.random.normal(size=expected.shape)
        expected.backward(torch.tensor(gy))
        y = ours(x, filters, b)
        np.testing.assert_allclose(y.array, expected.detach().numpy(), atol=1e-10)
        for g, tensor in zip(gradients(lambda *xs, f=ours: (f(*xs),), [x, filters, b], [gy], None), tensors):
            np.testing.assert_allclose(g, tensor.grad.numpy(), atol=1e-10)


@pytest.mark.parametrize('call, error, message', [
    (lambda: F.convolution_2d(np.ones((1, 3, 8, 8)), np.ones((2, 4, 3, 3))), ValueError,
     r'convolution_2d: x has 3 channels \(shape \(1, 3, 8, 8\)\) but W expects 4 \(shape \(2, 4, 3, 3\), groups 1\)'),
    (lambda: F.convolution_2d(np.ones((1, 4, 8, 8)), np.ones((3, 2, 3, 3)), groups=2), ValueError,
     'multiple of groups 2'),
    (lambda: F.convolution_2d(np.ones((1, 3, 8, 8)), np.ones((2, 3, 3, 3)), np.ones(3)), ValueError,
     r'expected b of shape \(2,\), got \(3,\)'),
    (lambda: F.convolution_2d(np.ones((1, 3, 2, 8)), np.ones((2, 3, 3, 3))), ValueError, 'no window fits'),
    (lambda: F.convolution_2d(np.ones((1, 3, 8, 8), int), np.ones((2, 3, 3, 3))), TypeError, 'got int64'),
    (lambda: F.convolution_2d(np.ones((1, 3, 8, 8)), np.ones((2, 3, 3, 3)), stride=(1, 2, 3)), ValueError,
     r'stride is \(1, 2, 3\)'),
    (lambda: F.deconvolution_2d(np.ones((1, 3, 8, 8)), np.ones((2, 3, 3, 3))), ValueError, 'W expects 2'),
    (lambda: F.deconvolution_2d(np.ones((1, 3, 8, 8)), np.ones((3, 3, 3, 3)), np.ones(2)), ValueError, 'b of shape'),
    (lambda: F.deconvolution_2d(np.ones((1, 3, 8, 8)), np.ones((3, 3, 3, 3)), outsize=(11, 10)), ValueError,
     r'outsize \(11, 10\) does not fit: its convolution has the size \(9, 8\)'),
    (lambda: F.deconvolution_2d(np.ones((1, 3, 1, 8)), np.ones((3, 3, 3, 3)), pad=2), ValueError, 'output would have'),
    (lambda: F.convolution_nd(np.ones((1, 3)), np.ones((2, 3))), ValueError, 'at least one spatial axis'),
    (lambda: F.depthwise_convolution_2d(np.ones((1, 3, 8, 8)), np.ones((2, 3, 3))), ValueError, 'W with 4 axes'),
])
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
