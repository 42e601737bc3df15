"""Convolution kernels against sums written as loops over the output."""
import itertools
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal

from autograd_nn.cpu import window
from autograd_nn.dtypes import as_dtype
from autograd_nn.geometry import conv_output_size, deconv_output_size


def naive_convolution(x, W, b, stride, pad, dilate, groups):
    x = np.pad(x, [(0, 0), (0, 0)] + [(p, p) for p in pad])
    span = [d * (k - 1) + 1 for k, d in zip(W.shape[2:], dilate)]
    out = [(n - m) // s + 1 for n, m, s in zip(x.shape[2:], span, stride)]
    y = np.zeros((len(x), len(W), *out))
    for k in range(len(W)):
        first = k // (len(W) // groups) * W.shape[1]
        for position in itertools.product(*map(range, out)):
            where = tuple(slice(i * s, i * s + m, d) for i, s, m, d in zip(position, stride, span, dilate))
            patch = x[(slice(None), slice(first, first + W.shape[1]), *where)]
            y[(slice(None), k, *position)] = (patch * W[k]).reshape(len(x), W[k].size).sum(1)
    return y if b is None else y + b.reshape(-1, *[1] * len(out))


@st.composite
def geometries(draw):
    """Arguments of a convolution whose output is not empty: shapes of x and W, stride, pad, dilate, groups."""
    ndim = draw(st.integers(1, 3))
    axes = [draw(st.tuples(*[st.integers(1, 3)] * 3, st.integers(0, 2))) for _ in range(ndim)]
    k, s, d, p = zip(*axes)
    size = tuple(draw(st.integers(max(1, b * (a - 1) + 1 - 2 * c), 7)) for a, b, c in zip(k, d, p))
    groups = draw(st.integers(1, 3))
    inputs, outputs = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    n = draw(st.integers(0, 3))
    return (n, groups * inputs, *size), (groups * outputs, inputs, *k), s, p, d, groups


def random_layout(x, seed):
    """`x` with its axes in another order in memory, or with gaps."""
    order = np.random.default_rng(seed).permutation(x.ndim)
    if seed % 3 == 0:
        return np.repeat(x, 2, axis=-1)[..., ::2]
    return np.ascontiguousarray(x.transpose(order)).transpose(np.argsort(order))


@given(geometry=geometries(), seed=st.integers(0, 9), bias=st.booleans())
def test_convolution_matches_loops(kernel, geometry, seed, bias):
    x_shape, W_shape, stride, pad, dilate, groups = geometry
    rng = np.random.default_rng(seed)
    x, W = random_layout(rng.normal(size=x_shape), seed), rng.normal(size=W_shape)
    b = rng.normal(size=W_shape[0]) if bias else None
    y = kernel('convolution', x, W, b, stride, pad, dilate, groups)
    np.testing.assert_allclose(y, naive_convolution(x, W, b, stride, pad, dilate, groups), atol=1e-12)


@given(geometry=geometries(), seed=st.integers(0, 9), bias=st.booleans())
def test_deconvolution_and_filter_gradient_are_transposes(kernel, geometry, seed, bias):
    """<conv(x, W), gy> = <x, deconv(gy, W)> = <W, filter_grad(x, gy)>, for the convolution written as loops."""
    x_shape, W_shape, stride, pad, dilate, groups = geometry
    rng = np.random.default_rng(seed)
    x, W = random_layout(rng.normal(size=x_shape), seed), rng.normal(size=W_shape)
    y = naive_convolution(x, W, None, stride, pad, dilate, groups)
    gy = random_layout(rng.normal(size=y.shape), seed + 1)
    b = rng.normal(size=x_shape[1]) if bias else None
    gx = kernel('deconvolution', gy, W, b, stride, pad, x_shape[2:], dilate, groups)
    gW = kernel('convolution_filter_grad', x, gy, W_shape[2:], stride, pad, dilate, groups)
    assert gx.shape == x_shape and gW.shape == W_shape
    if b is not None:
        gx = gx - b.reshape(-1, *[1] * len(stride))
    np.testing.assert_allclose((x * gx).sum(), (y * gy).sum(), atol=1e-10)
    np.testing.assert_allclose((W * gW).sum(), (y * gy).sum(), atol=1e-10)


@pytest.mark.parametrize('stride, dilate, size', [((1, 1), (1, 1), (9, 8)), ((2, 3), (1, 2), (6, 10)),
                                                  ((2, 1), (1, 1), (10, 7))])
@pytest.mark.parametrize('channels, groups', [((2, 5), 1), ((40, 3), 1), ((4, 4), 4), ((4, 6), 2)])
def test_each_element_of_the_gradients(kernel, stride, dilate, size, channels, groups):
    """The transposes hold for every unit vector, not only on the whole."""
    C, K = channels
    pad, k = (1, 0), (3, 2)
    x, W = np.random.normal(size=(2, C, *size)), np.random.normal(size=(K, C // groups, *k))
    y = naive_convolution(x, W, None, stride, pad, dilate, groups)
    gy = np.random.normal(size=y.shape)
    gx = kernel('deconvolution', gy, W, None, stride, pad, size, dilate, groups)
    gW = kernel('convolution_filter_grad', x, gy, k, stride, pad, dilate, groups)
    for gradient, array, f in (
            (gx, x, lambda e: naive_convolution(e, W, None, stride, pad, dilate, groups)),
            (gW, W, lambda e: naive_convolution(x, e, None, stride, pad, dilate, groups))):
        for _ in range(20):
            index = tuple(np.random.randint(n) for n in array.shape)
            unit = np.zeros_like(array)
            unit[index] = 1
            np.testing.assert_allclose(gradient[index], (f(unit) * gy).sum(), atol=1e-10)


def test_convolution_matches_scipy(kernel):
    x, W = np.random.normal(size=(1, 1, 12, 15)), np.random.normal(size=(1, 1, 4, 3))
    y = kernel('convolution', x, W, None, (1, 1), (0, 0), (1, 1), 1)
    np.testing.assert_allclose(y[0, 0], signal.correlate(x[0, 0], W[0, 0], 'valid'), atol=1e-12)


def test_deconvolution_matches_scipy(kernel):
    x, W = np.random.normal(size=(1, 1, 6, 7)), np.random.normal(size=(1, 1, 4, 3))
    y = kernel('deconvolution', x, W, None, (1, 1), (0, 0), (9, 9), (1, 1), 1)
    np.testing.assert_allclose(y[0, 0], signal.convolve(x[0, 0], W[0, 0], 'full'), atol=1e-12)


@pytest.mark.parametrize('shape, filters, stride', [
    ((5, 16, 24, 24), (16, 16, 3, 3), (1, 1)), ((3, 3, 40, 40), (32, 3, 5, 5), (2, 2)),
    ((1, 64, 60, 60), (16, 64, 3, 3), (1, 1)), ((4, 32, 30, 30), (32, 32, 1, 1), (1, 1)),
    ((3, 48, 30, 30), (48, 1, 3, 3), (1, 1))])
def test_blocks_are_joined(kernel, shape, filters, stride, monkeypatch):
    """What is computed in blocks, of several samples or of a few rows, is what is computed at once."""
    if kernel.on_gpu:
        pytest.skip('blocks are of the CPU')
    groups = shape[1] // filters[1]
    x, W = np.random.normal(size=shape), np.random.normal(size=filters)
    b = np.random.normal(size=len(W))

    def compute():
        y = kernel('convolution', x, W, b, stride, (1, 1), (1, 1), groups)
        return (y, kernel('deconvolution', y, W, None, stride, (1, 1), shape[2:], (1, 1), groups),
                kernel('convolution_filter_grad', x, y, filters[2:], stride, (1, 1), (1, 1), groups))

    several = compute()
    monkeypatch.setattr(sys.modules['autograd_nn.cpu.convolution'], 'BLOCK_BYTES', 1 << 40)
    monkeypatch.setattr(window.samples_per_block, '__defaults__', (1 << 40,))
    for actual, expected in zip(several, compute()):
        np.testing.assert_allclose(actual, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize('dtype, tolerance', [('bfloat16', 2e-2), ('float16', 2e-3), ('float32', 1e-6),
                                              ('float64', 1e-14)])
@pytest.mark.parametrize('groups', [1, 2, 4])
def test_dtypes(kernel, dtype, tolerance, groups):
    x = np.random.uniform(-1, 1, (2, 4, 9, 8)).astype(as_dtype(dtype))
    W = np.random.uniform(-1, 1, (4, 4 // groups, 3, 3)).astype(as_dtype(dtype))
    b = np.random.uniform(-1, 1, 4).astype(as_dtype(dtype))
    geometry = (2, 2), (1, 1), (1, 1)
    y = kernel('convolution', x, W, b, *geometry, groups)
    exact = naive_convolution(x.astype('d'), W.astype('d'), b.astype('d'), *geometry, groups)
    assert y.dtype == dtype
    np.testing.assert_allclose(y.astype('d'), exact, atol=tolerance * 10)
    gx = kernel('deconvolution', y, W, None, (2, 2), (1, 1), (9, 8), (1, 1), groups)
    gW = kernel('convolution_filter_grad', x, y, (3, 3), *geometry, groups)
    gb = kernel('convolution_bias_grad', y)
    assert gx.dtype == gW.dtype == gb.dtype == dtype
    exact_gx = kernel('deconvolution', exact, W.astype('d'), None, (2, 2), (1, 1), (9, 8), (1, 1), groups)
    exact_gW = kernel('convolution_filter_grad', x.astype('d'), exact, (3, 3), *geometry, groups)
    np.testing.assert_allclose(gx.astype('d'), exact_gx, atol=tolerance * 50)
    np.testing.assert_allclose(gW.astype('d'), exact_gW, atol=tolerance * 100)
    np.testing.assert_allclose(gb.astype('d'), exact.sum((0, 2, 3)), atol=tolerance * 100)


@pytest.mark.parametrize('stride, size', [((1, 1), (3, 2)), ((2, 3), (6, 7)), ((1, 2), (3, 4))])
@pytest.mark.parametrize('channels, groups', [((3, 5), 1), ((512, 600), 1), ((8, 4), 4)])
def test_windows_of_one_pixel(kernel, stride, size, channels, groups):
    """Products of matrices of the pixels that are seen; the gradient of those that are not is the bias."""
    C, K = channels
    x, W, b = (np.random.normal(size=shape).astype(kernel.dtype) for shape in
               ((2, C, *size), (K, C // groups, 1, 1), (C,)))
    seen = x[:, :, ::stride[0], ::stride[1]]
    gy = np.random.normal(size=(2, K, *seen.shape[2:])).astype(kernel.dtype)
    parts = [(a, w[:, :, 0, 0], g) for a, w, g in zip(*(np.split(array.astype('d'), groups, axis) for array, axis in
                                                        ((seen, 1), (W, 0), (gy, 1))))]
    atol = kernel.atol * C
    y = kernel('convolution', x, W, None, stride, (0, 0), (1, 1), groups)
    np.testing.assert_allclose(y, np.concatenate([np.einsum('kc,nchw->nkhw', w, a) for a, w, _ in parts], 1), atol=atol)
    gx = kernel('deconvolution', gy, W, b, stride, (0, 0), size, (1, 1), groups)
    expected = np.zeros(x.shape)
    expected[:, :, ::stride[0], ::stride[1]] = np.concatenate(
        [np.einsum('kc,nkhw->nchw', w, g) for _, w, g in parts], 1)
    np.testing.assert_allclose(gx, expected + b[:, None, None], atol=atol)
    gW = kernel('convolution_filter_grad', x, gy, (1, 1), stride, (0, 0), (1, 1), groups)
    np.testing.assert_allclose(gW[..., 0, 0], np.concatenate([np.einsum('nchw,nkhw->kc', a, g) for a, _, g in parts]),
                               atol=atol)


def test_deconvolution_beyond_the_last_window_is_the_bias(kernel):
    x, W = np.ones((1, 1, 2)), np.ones((1, 1, 2))
    y = kernel('deconvolution', x, W, np.array([3.]), (3,), (0,), (7,), (1,), 1)
    np.testing.assert_array_equal(y, [[[4, 4, 3, 4, 4, 3, 3]]])


def test_filter_gradient_is_contiguous(kernel):
    """Parameters are, and updates are fastest where both have one layout."""
    x, gy = np.ones((2, 3, 5, 5), 'f'), np.ones((2, 4, 3, 3), 'f')
    gW = kernel('convolution_filter_grad', x, gy, (3, 3), (1, 1), (0, 0), (1, 1), 1)
    assert gW.flags.c_contiguous


@given(geometry=geometries(), cover_all=st.booleans(), seed=st.integers(0, 9))
def test_im2col(kernel, geometry, cover_all, seed):
    x_shape, W_shape, stride, pad, dilate, _ = geometry
    k = W_shape[2:]
    x = random_layout(np.random.default_rng(seed).normal(size=x_shape), seed)
    col = kernel('im2col', x, k, stride, pad, dilate, cover_all)
    out = tuple(conv_output_size(*args[:4], cover_all, args[4]) for args in zip(x_shape[2:], k, stride, pad, dilate))
    assert col.shape == (*x_shape[:2], *k, *out)
    padded = np.pad(x, [(0, 0), (0, 0)] + [(p, p + s) for p, s in zip(pad, stride)])
    for place in np.ndindex(*k):
        for position in np.ndindex(*out):
            where = tuple(i * s + j * d for i, s, j, d in zip(position, stride, place, dilate))
            np.testing.assert_array_equal(col[(..., *place, *position)], padded[(..., *where)])
    gcol = np.random.default_rng(seed + 1).normal(size=col.shape)
    gx = kernel('col2im', gcol, x_shape[2:], stride, pad, dilate)
    assert gx.shape == x_shape
    np.testing.assert_allclose((gx * x).sum(), (gcol * col).sum(), atol=1e-10)


@given(st.integers(1, 30), st.integers(1, 5), st.integers(1, 4), st.integers(0, 2), st.booleans(), st.integers(1, 3))
def test_output_sizes(size, k, s, p, cover_all, d):
    """The number of windows, counted one by one; and the inverse gives the smallest input with as many."""
    span = d * (k - 1) + 1
    if size + 2 * p < span:
        return
    starts = [start for start in range(0, size + 2 * p, s) if start + span <= size + 2 * p]
    if cover_all and starts[-1] + span < size + 2 * p:
        starts.append(starts[-1] + s)
    n = conv_output_size(size, k, s, p, cover_all, d)
    assert n == len(starts)
    smallest = deconv_output_size(n, k, s, p, cover_all, d)
    assert smallest <= size
    assert conv_output_size(smallest, k, s, p, cover_all, d) == n
    assert conv_output_size(smallest - 1, k, s, p, cover_all, d) == n - 1
