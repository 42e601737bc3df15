"""Normalization and softmax kernels against plain formulas in float64."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes
from scipy import special


def numerical(f, x, gy, eps=1e-5):
    """The gradient of <f(x), gy> by central differences."""
    gx = np.zeros_like(x)
    for index in np.ndindex(*x.shape):
        step = np.zeros_like(x)
        step[index] = eps
        gx[index] = ((f(x + step) - f(x - step)) * gy).sum() / (2 * eps)
    return gx


def expand(a, ndim, axis):
    return np.expand_dims(a, axis) if axis else a.reshape(a.shape + (1,) * (ndim - a.ndim))


def plain_batch_normalization(x, gamma, beta, eps, axis, mean=None, var=None):
    mean = x.mean(axis) if mean is None else mean
    var = x.var(axis) if var is None else var
    mean, var, gamma, beta = (expand(a, x.ndim, axis) for a in (mean, var, gamma, beta))
    return gamma * (x - mean) / np.sqrt(var + eps) + beta


@st.composite
def shapes_with_axis(draw):
    shape = draw(array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=4))
    axis = draw(st.sets(st.integers(0, len(shape) - 1), min_size=1).map(sorted).map(tuple))
    return shape, axis


@given(shape_and_axis=shapes_with_axis(), seed=st.integers(0, 5))
def test_batch_normalization(kernel, shape_and_axis, seed):
    shape, axis = shape_and_axis
    rng = np.random.default_rng(seed)
    x, gy = rng.normal(size=shape), rng.normal(size=shape)
    kept = tuple(n for i, n in enumerate(shape) if i not in axis)
    gamma, beta, eps = rng.uniform(0.5, 2, kept), rng.normal(size=kept), 0.1
    y, mean, inv_std = kernel('batch_normalization', x, gamma, beta, eps, axis)
    np.testing.assert_allclose(y, plain_batch_normalization(x, gamma, beta, eps, axis), atol=1e-10)
    np.testing.assert_allclose(mean, x.mean(axis), atol=1e-12)
    np.testing.assert_allclose(inv_std, 1 / np.sqrt(x.var(axis) + eps), atol=1e-12)
    gx, ggamma, gbeta = kernel('batch_normalization_grad', x, gamma, gy, mean, inv_std, axis)
    np.testing.assert_allclose(gx, numerical(lambda x: plain_batch_normalization(x, gamma, beta, eps, axis), x, gy),
                               atol=1e-7)
    x_hat = plain_batch_normalization(x, np.ones(kept), np.zeros(kept), eps, axis)
    np.testing.assert_allclose(ggamma, (gy * x_hat).sum(axis), atol=1e-10)
    np.testing.assert_allclose(gbeta, gy.sum(axis), atol=1e-10)
    other_mean, var = rng.normal(size=kept), rng.uniform(0.5, 2, kept)
    np.testing.assert_allclose(kernel('fixed_batch_normalization', x, gamma, beta, other_mean, var, eps, axis),
                               plain_batch_normalization(x, gamma, beta, eps, axis, other_mean, var), atol=1e-10)


@pytest.mark.parametrize('memory', ['NCHW', 'NHWC'])
def test_batch_normalization_of_many_values_far_from_zero(kernel, memory):
    """In float32, a mean of 1000 and a million values: neither cancellation nor rounding of long sums is seen."""
    x = np.random.normal(1000, 1, (64, 8, 40, 50)).astype('f')
    if memory == 'NHWC':
        x = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    axis = (0, 2, 3)
    gamma, beta = np.ones(8, 'f'), np.zeros(8, 'f')
    y, mean, inv_std = kernel('batch_normalization', x, gamma, beta, 1e-5, axis)
    exact = x.astype('d')
    np.testing.assert_allclose(mean, exact.mean(axis), rtol=1e-7)
    np.testing.assert_allclose(inv_std, 1 / np.sqrt(exact.var(axis) + 1e-5), rtol=1e-5)
    np.testing.assert_allclose(y, plain_batch_normalization(exact, gamma, beta, 1e-5, axis), atol=2e-4)


def test_batch_normalization_of_an_empty_batch(kernel):
    y, mean, inv_std = kernel('batch_normalization', np.zeros((0, 3, 2)), np.ones(3), np.zeros(3), 1e-5, (0, 2))
    assert y.shape == (0, 3, 2) and mean.shape == inv_std.shape == (3,)
    assert np.isfinite(mean).all() and np.isfinite(inv_std).all()


@given(n=st.integers(0, 4), d=st.integers(1, 5), seed=st.integers(0, 5))
def test_layer_normalization(kernel, n, d, seed):
    rng = np.random.default_rng(seed)
    x, gy = rng.normal(size=(n, d)), rng.normal(size=(n, d))
    gamma, beta, eps = rng.normal(size=d), rng.normal(size=d), 0.1

    def plain(x, gamma, beta):
        return (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + eps) * gamma + beta

    y, mean, inv_std = kernel('layer_normalization', x, gamma, beta, eps)
    np.testing.assert_allclose(y, plain(x, gamma, beta), atol=1e-12)
    gx, ggamma, gbeta = kernel('layer_normalization_grad', x, gamma, gy, mean, inv_std)
    np.testing.assert_allclose(gx, numerical(lambda x: plain(x, gamma, beta), x, gy), atol=1e-7)
    np.testing.assert_allclose(ggamma, (plain(x, 1, 0) * gy).sum(0), atol=1e-12)
    np.testing.assert_allclose(gbeta, gy.sum(0), atol=1e-12)


@given(shape=array_shapes(min_dims=2, max_dims=4, max_side=7), n=st.integers(1, 6), seed=st.integers(0, 5))
def test_local_response_normalization(kernel, shape, n, seed):
    rng = np.random.default_rng(seed)
    x, gy = rng.normal(size=shape), rng.normal(size=shape)
    k, alpha, beta = 2, 0.1, 0.75

    def plain(x):
        scale = np.empty_like(x)
        for c in range(shape[1]):
            scale[:, c] = k + alpha * (x[:, max(0, c - n // 2):c + n // 2 + 1] ** 2).sum(1)
        return x / scale ** beta, scale

    y, scale = kernel('local_response_normalization', x, n, k, alpha, beta)
    np.testing.assert_allclose(y, plain(x)[0], atol=1e-12)
    np.testing.assert_allclose(scale, plain(x)[1], atol=1e-12)
    if x.size < 100:
        gx = kernel('local_response_normalization_grad', x, scale, gy, n, alpha, beta)
        np.testing.assert_allclose(gx, numerical(lambda x: plain(x)[0], x, gy), atol=1e-7)


@given(shape_and_axis=shapes_with_axis(), seed=st.integers(0, 5))
def test_softmax(kernel, shape_and_axis, seed):
    shape, (axis, *_) = shape_and_axis
    rng = np.random.default_rng(seed)
    x, gy = rng.normal(0, 3, shape), rng.normal(size=shape)
    for name, plain in (('softmax', special.softmax), ('log_softmax', special.log_softmax)):
        y = kernel(name, x, axis)
        np.testing.assert_allclose(y, plain(x, axis=axis), atol=1e-12)
        gx = kernel(name + '_grad', y, gy, axis)
        np.testing.assert_allclose(gx, numerical(lambda x, f=plain: f(x, axis=axis), x, gy), atol=1e-7)


def test_softmax_of_extreme_values(kernel):
    x = np.array([[1e4, 0, -1e4], [-np.inf, 0, 0]], 'f')
    np.testing.assert_allclose(kernel('softmax', x, 1), [[1, 0, 0], [0, 0.5, 0.5]])
    np.testing.assert_allclose(kernel('log_softmax', x, 1), [[0, -1e4, -2e4], [-np.inf, np.log(0.5), np.log(0.5)]],
                               rtol=1e-6)


@pytest.mark.filterwarnings('ignore:divide by zero')
@pytest.mark.parametrize('shape', [(0, 3), (3, 0)])
def test_softmax_of_nothing(kernel, shape):
    assert kernel('softmax', np.zeros(shape), 1).shape == kernel('log_softmax', np.zeros(shape), 1).shape == shape


@pytest.mark.parametrize('dtype', ['float16', 'float32', 'float64'])
def test_normalization_dtypes(kernel, dtype):
    x, gy = (np.random.uniform(-1, 1, (6, 4, 3)).astype(dtype) for _ in range(2))
    gamma, beta = np.ones(4, dtype), np.zeros(4, dtype)
    statistics = np.result_type(dtype, 'f')
    y, mean, inv_std = kernel('batch_normalization', x, gamma, beta, 1e-3, (0, 2))
    assert y.dtype == dtype and mean.dtype == inv_std.dtype == statistics
    assert [g.dtype for g in kernel('batch_normalization_grad', x, gamma, gy, mean, inv_std, (0, 2))] == [dtype] * 3
    assert kernel('fixed_batch_normalization', x, gamma, beta, mean, inv_std, 1e-3, (0, 2)).dtype == dtype
    y, scale = kernel('local_response_normalization', x, 5, 2, 1e-4, 0.75)
    assert y.dtype == dtype and scale.dtype == statistics
    assert kernel('local_response_normalization_grad', x, scale, gy, 5, 1e-4, 0.75).dtype == dtype
    x, gy = x[..., 0], gy[..., 0]
    y, mean, inv_std = kernel('layer_normalization', x, gamma, beta, 1e-3)
    assert y.dtype == dtype and mean.dtype == inv_std.dtype == statistics
    assert [g.dtype for g in kernel('layer_normalization_grad', x, gamma, gy, mean, inv_std)] == [dtype] * 3
    for name in 'softmax', 'log_softmax':
        y = kernel(name, x, 1)
        assert y.dtype == kernel(name + '_grad', y, gy, 1).dtype == dtype


def test_batch_normalization_with_float32_parameters_of_float16_data(kernel):
    x = np.random.uniform(-1, 1, (6, 4)).astype('e')
    gamma, beta = np.ones(4, 'f'), np.zeros(4, 'f')
    y, mean, inv_std = kernel('batch_normalization', x, gamma, beta, 1e-3, (0,))
    gx, ggamma, gbeta = kernel('batch_normalization_grad', x, gamma, y, mean, inv_std, (0,))
    assert y.dtype == gx.dtype == 'float16' and mean.dtype == ggamma.dtype == gbeta.dtype == 'float32'


@given(rows=st.integers(1, 5), width=st.integers(1, 4), shape=array_shapes(min_dims=0, max_dims=3, min_side=0),
       dtype=st.sampled_from(['float16', 'float32', 'float64']))
def test_embedding_grad(kernel, rows, width, shape, dtype):
    ids = np.random.randint(0, rows, shape)
    gy = np.random.uniform(-1, 1, (*shape, width)).astype(dtype)
    gW = kernel('embedding_grad', gy, np.asarray(ids), (rows, width))
    expected = np.zeros((rows, width))
    for index in np.ndindex(*shape):
        expected[ids[index]] += gy[index]
    assert gW.dtype == dtype
    np.testing.assert_allclose(gW, expected, atol=50 * np.finfo(dtype).eps)
