"""Normalization and softmax kernels against plain formulas in float64."""
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes
from scipy import special

from autograd_nn import cpu, using_config
from autograd_nn.dtypes import as_dtype, is_half
from support.checking import IN_SOFTWARE, epsilon
from support.pairs import every_pair

softmax_kernels = pytest.mark.kernels('softmax', 'softmax_grad', 'log_softmax', 'log_softmax_grad')


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


def random_arrays(kernel, seed, *shapes):
    """Normally distributed numbers of the kernels' type, some channels last, backwards or with gaps."""
    rng = np.random.default_rng(seed)
    for i, shape in enumerate(shapes):
        x = rng.normal(size=shape).astype(kernel.dtype)
        if (seed + i) % 4 == 1 and len(shape) > 2:
            x = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)
        elif (seed + i) % 4 == 2 and shape:
            x = np.ascontiguousarray(x[..., ::-1])[..., ::-1]
        elif (seed + i) % 4 == 3 and shape:
            x = np.repeat(x, 2, axis=-1)[..., ::2]
        yield x


def test_kernels_of_the_reference_are_all_there(kernel):
    assert all(hasattr(kernel.kernels, name) for name in cpu.__all__)


@pytest.mark.parametrize('relu', [False, True])
@given(shape_and_axis=shapes_with_axis(), seed=st.integers(0, 7))
def test_batch_normalization(kernel, relu, shape_and_axis, seed):
    shape, axis = shape_and_axis
    kept = tuple(n for i, n in enumerate(shape) if i not in axis)
    x, gy, gamma, beta, other_mean, var = random_arrays(kernel, seed, shape, shape, *[kept] * 4)
    gamma, var, eps = abs(gamma) + 0.5, abs(var) + 0.5, 0.1

    def plain(x, *statistics):
        y = plain_batch_normalization(x, gamma.astype('d'), beta.astype('d'), eps, axis, *statistics)
        return np.maximum(y, 0) if relu else y

    exact = x.astype('d')
    y, mean, inv_std, mask = kernel('batch_normalization', x, gamma, beta, eps, axis, relu)
    assert (mask is not None) == relu
    np.testing.assert_allclose(y, plain(exact), atol=kernel.atol)
    np.testing.assert_allclose(mean, exact.mean(axis), atol=kernel.atol)
    np.testing.assert_allclose(inv_std, 1 / np.sqrt(exact.var(axis) + eps), atol=kernel.atol)
    gx, ggamma, gbeta = kernel('batch_normalization_grad', x, gamma, gy, mean, inv_std, axis, mask)
    if relu:
        # Where rounding decides whether a result is positive, the gradient may be either.
        near = abs(plain_batch_normalization(exact, gamma, beta, eps, axis)) < 1e-5
        assume(not near.any())
        gy = gy * (y > 0)
    without = plain_batch_normalization
    expected = numerical(lambda x: without(x, gamma.astype('d'), beta.astype('d'), eps, axis), exact, gy)
    np.testing.assert_allclose(gx, expected, atol=max(1e-7, 5 * kernel.atol))
    x_hat = without(exact, np.ones(kept), np.zeros(kept), eps, axis)
    np.testing.assert_allclose(ggamma, (gy * x_hat).sum(axis), atol=10 * kernel.atol)
    np.testing.assert_allclose(gbeta, gy.sum(axis), atol=10 * kernel.atol)
    y = kernel('fixed_batch_normalization', x, gamma, beta, other_mean, var, eps, axis, relu)
    np.testing.assert_allclose(y, plain(exact, other_mean.astype('d'), var.astype('d')), atol=kernel.atol)


@pytest.mark.parametrize('relu', [False, True])
@given(shape_and_axis=shapes_with_axis(), seed=st.integers(0, 7))
def test_what_is_added_to_a_normalized_array(kernel, relu, shape_and_axis, seed):
    shape, axis = shape_and_axis
    kept = tuple(n for i, n in enumerate(shape) if i not in axis)
    x, residual, gamma, beta, other_mean, var = random_arrays(kernel, seed, shape, shape, *[kept] * 4)
    var = abs(var) + 0.5
    for name, statistics in ('batch_normalization', ()), ('fixed_batch_normalization', (other_mean, var)):
        expected = plain_batch_normalization(x.astype('d'), gamma, beta, 0.1, axis, *statistics) + residual
        y = kernel(name, x, gamma, beta, *statistics, 0.1, axis, relu, residual)
        if not statistics:
            y, mean, _, mask = y
            assert mask is None
            np.testing.assert_allclose(mean, x.astype('d').mean(axis), atol=kernel.atol)
        np.testing.assert_allclose(y, np.maximum(expected, 0) if relu else expected, atol=2 * kernel.atol)


@pytest.mark.parametrize('dtype', ['bfloat16', 'e', 'f', 'd'])
def test_running_statistics(kernel, dtype):
    """A variance that rounding has made negative counts as none."""
    running = [np.random.uniform(0.5, 1, 6).astype(as_dtype(dtype)) for _ in range(2)]
    precise = np.promote_types('f', 'f' if dtype == 'bfloat16' else dtype)
    mean, var = np.random.uniform(0.5, 1, (2, 6))
    var[0] = -1e-4
    arrays = [array.copy() for array in running]
    kernel('update_statistics', *arrays, mean.astype(precise), ((var + 1e-3) ** -0.5).astype(precise), 1e-3, 0.9, 5)
    for actual, before, new in zip(arrays, running, (mean, np.maximum(var, 0) * 5 / 4)):
        np.testing.assert_allclose(actual.astype('d'), 0.9 * before.astype('d') + 0.1 * new,
                                   rtol={'bfloat16': 1e-2, 'e': 2e-3, 'f': 1e-5, 'd': 1e-12}[dtype])


@pytest.mark.parametrize('shape', [(7, 5), (64, 32), (3, 16, 9), (4, 24, 6, 5), (2, 8, 3, 4, 5), (2, 3, 30, 31)])
@pytest.mark.parametrize('relu', [False, True])
def test_batch_normalization_of_images(kernel, shape, relu):
    """Every element of the gradients, by the rules of differentiation."""
    axis = (0, *range(2, len(shape)))
    x, gy, gamma, beta = random_arrays(kernel, 0, shape, shape, shape[1:2], shape[1:2])
    y, mean, inv_std, mask = kernel('batch_normalization', x, gamma, beta, 1e-3, axis, relu)
    exact, gy = x.astype('d'), gy.astype('d')
    column = (-1, *[1] * (len(shape) - 2))
    x_hat = (exact - exact.mean(axis).reshape(column)) / np.sqrt(exact.var(axis) + 1e-3).reshape(column)
    linear = x_hat * gamma.reshape(column) + beta.reshape(column)
    np.testing.assert_allclose(y, np.maximum(linear, 0) if relu else linear, atol=2 * kernel.atol)
    gx, ggamma, gbeta = kernel('batch_normalization_grad', x, gamma, gy.astype(x.dtype), mean, inv_std, axis, mask)
    if relu:
        gy = gy * (y > 0)
    d = gy * gamma.reshape(column)
    expected = d - (d.mean(axis).reshape(column) + x_hat * (d * x_hat).mean(axis).reshape(column))
    np.testing.assert_allclose(gx, expected * inv_std.reshape(column), atol=4 * kernel.atol)
    np.testing.assert_allclose(ggamma, (gy * x_hat).sum(axis), atol=100 * kernel.atol)
    np.testing.assert_allclose(gbeta, gy.sum(axis), atol=100 * kernel.atol)


def test_statistics_of_rows_that_begin_far_from_the_rest(kernel):
    """The first rows are not where the mean is, nor are those at regular distances."""
    x = np.random.normal(0, 1e-2, (4096, 3)).astype(kernel.dtype)
    x[::8] += 1000
    _, mean, inv_std, _ = kernel('batch_normalization', x, np.ones(3, x.dtype), np.ones(3, x.dtype), 1e-5, (0,), False)
    exact = x.astype('d')
    np.testing.assert_allclose(mean, exact.mean(0), rtol=1e-6)
    np.testing.assert_allclose(inv_std, 1 / np.sqrt(exact.var(0) + 1e-5), rtol=1e-5)


def test_statistics_do_not_depend_on_the_number_of_threads(kernel):
    if kernel.on_gpu:
        pytest.skip('the number of threads is of the CPU')
    x = np.random.normal(size=(8, 16, 70, 70)).astype(kernel.dtype)
    results = []
    for number in 1, 2, 3:
        with using_config('num_threads', number):
            results.append(kernel('batch_normalization', x, x[0, :, 0, 0], x[0, :, 0, 1], 0.1, (0, 2, 3), False))
    for other in results[1:]:
        for actual, expected in zip(other[:3], results[0]):
            np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize('memory', ['NCHW', 'NHWC'])
def test_batch_normalization_of_many_values_far_from_zero(kernel, memory):
    """In float32, a mean of 1000 and a million values: neither cancellation nor rounding of long sums is seen."""
    x = np.random.normal(1000, 1, (4 if IN_SOFTWARE else 64, 8, 40, 50)).astype('f')
    if memory == 'NHWC':
        x = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    axis = (0, 2, 3)
    gamma, beta = np.ones(8, 'f'), np.zeros(8, 'f')
    y, mean, inv_std, _ = kernel('batch_normalization', x, gamma, beta, 1e-5, axis, False)
    exact = x.astype('d')
    np.testing.assert_allclose(mean, exact.mean(axis), rtol=1e-7)
    np.testing.assert_allclose(inv_std, 1 / np.sqrt(exact.var(axis) + 1e-5), rtol=1e-5)
    np.testing.assert_allclose(y, plain_batch_normalization(exact, gamma, beta, 1e-5, axis), atol=2e-4)


def test_batch_normalization_of_an_empty_batch(kernel):
    y, mean, inv_std, mask = kernel('batch_normalization', np.zeros((0, 3, 2), kernel.dtype), np.ones(3, kernel.dtype),
                                    np.zeros(3, kernel.dtype), 1e-5, (0, 2), True)
    assert y.shape == (0, 3, 2) and mean.shape == inv_std.shape == (3,)
    assert np.isfinite(mean).all() and np.isfinite(inv_std).all()
    gx, ggamma, gbeta = kernel('batch_normalization_grad', y, inv_std, y, mean, inv_std, (0, 2), mask)
    assert gx.shape == (0, 3, 2) and not ggamma.any() and not gbeta.any()


@pytest.mark.parametrize('relu', [False, True])
@pytest.mark.parametrize('channels', [3, 12, 24, 32])
def test_what_is_added_to_many_values(kernel, channels, relu):
    """More than fit one block; numbers of channels for which back ends have kernels of their own."""
    shape = 3, channels, 90, 130
    x, residual, gamma, beta = random_arrays(kernel, 0, shape, shape, (channels,), (channels,))
    x += 100
    residual[0, 1, 0, 0] = np.nan
    expected = plain_batch_normalization(x.astype('d'), gamma, beta, 0.1, (0, 2, 3)) + residual
    y, *_ = kernel('batch_normalization', x, gamma, beta, 0.1, (0, 2, 3), relu, residual)
    np.testing.assert_allclose(y, np.maximum(expected, 0) if relu else expected, atol=30 * kernel.atol)


@pytest.mark.parametrize('where', ['x', 'gamma', 'beta'])
@pytest.mark.parametrize('channels', [3, 8, 12, 16])
def test_a_rectifier_within_does_not_hide_what_is_not_a_number(kernel, where, channels):
    shapes = (4, channels, 3, 3), (channels,), (channels,)
    arrays = dict(zip(('x', 'gamma', 'beta'), random_arrays(kernel, 0, *shapes)))
    arrays[where].flat[1] = np.nan
    lost = np.isnan(plain_batch_normalization(*(a.astype('d') for a in arrays.values()), 1e-3, (0, 2, 3)))
    assert lost.any() and not lost.all()
    y, mean, inv_std, mask = kernel('batch_normalization', *arrays.values(), 1e-3, (0, 2, 3), True)
    np.testing.assert_array_equal(np.isnan(y), lost)
    kernel('batch_normalization_grad', arrays['x'], arrays['gamma'], y, mean, inv_std, (0, 2, 3), mask)
    statistics = np.zeros(channels, kernel.dtype), np.ones(channels, kernel.dtype)
    y = kernel('fixed_batch_normalization', *arrays.values(), *statistics, 1e-3, (0, 2, 3), True)
    expected = plain_batch_normalization(*arrays.values(), 1e-3, (0, 2, 3), *statistics)
    np.testing.assert_array_equal(np.isnan(y), np.isnan(expected))
    for residual in np.zeros_like(y), np.where(np.arange(y.size) % 7, 1, np.nan).reshape(y.shape).astype(y.dtype):
        sums, *_ = kernel('batch_normalization', *arrays.values(), 1e-3, (0, 2, 3), True, residual)
        np.testing.assert_array_equal(np.isnan(sums), lost | np.isnan(residual))


@given(n=st.integers(0, 4), d=st.sampled_from([1, 2, 3, 5, 8, 19]), seed=st.integers(0, 7))
@pytest.mark.kernels('layer_normalization', 'layer_normalization_grad')
def test_layer_normalization(kernel, n, d, seed):
    x, gy, gamma, beta = random_arrays(kernel, seed, (n, d), (n, d), (d,), (d,))
    exact, eps = x.astype('d'), 0.1

    def plain(x, gamma, beta):
        return (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + eps) * gamma + beta

    y, mean, inv_std = kernel('layer_normalization', x, gamma, beta, eps)
    np.testing.assert_allclose(y, plain(exact, gamma, beta), atol=kernel.atol)
    gx, ggamma, gbeta = kernel('layer_normalization_grad', x, gamma, gy, mean, inv_std)
    np.testing.assert_allclose(gx, numerical(lambda x: plain(x, gamma.astype('d'), beta), exact, gy),
                               atol=max(1e-7, 5 * kernel.atol))
    np.testing.assert_allclose(ggamma, (plain(exact, 1, 0) * gy).sum(0), atol=5 * kernel.atol)
    np.testing.assert_allclose(gbeta, gy.sum(0), atol=kernel.atol)


@pytest.mark.parametrize('shape, groups', [((2, 6), 3), ((3, 4, 5), 2), ((2, 6, 3, 2), 3), ((2, 6, 3, 2), 6),
                                           ((1, 2, 3, 2, 2), 1), ((0, 4, 2), 2),
                                           ((2, 3, 40 if IN_SOFTWARE else 400, 300), 3)])
@pytest.mark.parametrize('seed', range(3))
@pytest.mark.kernels('group_normalization', 'group_normalization_grad')
def test_group_normalization(kernel, shape, groups, seed):
    x, gy, gamma, beta = random_arrays(kernel, seed, shape, shape, shape[1:2], shape[1:2])
    column, eps = (-1, *[1] * (len(shape) - 2)), 0.1

    def normalized(x):
        rows = x.reshape(shape[0], groups, int(np.prod(shape[1:])) // groups).astype('d')
        return ((rows - rows.mean(2, keepdims=True)) / np.sqrt(rows.var(2, keepdims=True) + eps)).reshape(shape)

    y, mean, inv_std = kernel('group_normalization', x, groups, gamma, beta, eps)
    assert mean.shape == inv_std.shape == (shape[0], groups)
    expected = normalized(x) * gamma.reshape(column) + beta.reshape(column)
    scale = kernel.atol * max(1, np.sqrt(x.size / shape[1]))
    np.testing.assert_allclose(y, expected, rtol=kernel.atol, atol=min(scale, 100 * kernel.atol))
    gx, ggamma, gbeta = kernel('group_normalization_grad', x, groups, gamma, gy, mean, inv_std)
    axis = (0, *range(2, len(shape)))
    np.testing.assert_allclose(ggamma, (gy.astype('d') * normalized(x)).sum(axis), atol=10 * scale)
    np.testing.assert_allclose(gbeta, gy.astype('d').sum(axis), atol=10 * scale)
    if x.size < 200:
        weighted = gy * gamma.reshape(column)
        np.testing.assert_allclose(gx, numerical(normalized, x.astype('d'), weighted), atol=max(1e-7, 5 * kernel.atol))


@pytest.mark.parametrize('shape', [(2, 16), (1, 32, 9), (2, 24, 4, 3), (1, 16, 2, 3, 4)])
@pytest.mark.parametrize('n, beta', [(5, 0.75), (3, 0.75), (5, 0.5), (1, 1)])
def test_local_response_normalization_of_many_channels(kernel, shape, n, beta):
    for x in random_arrays(kernel, 0, *[shape] * 4):
        squares = np.pad(x.astype('d') ** 2, [(0, 0), (n // 2, n // 2), *[(0, 0)] * (len(shape) - 2)])
        scale = 2 + 0.1 * sum(squares[:, i:i + shape[1]] for i in range(n // 2 * 2 + 1))
        y = kernel('local_response_normalization', x, n, 2, 0.1, beta)
        np.testing.assert_allclose(y, x / scale ** beta, atol=kernel.atol)


@given(shape=array_shapes(min_dims=2, max_dims=4, max_side=7), n=st.integers(1, 6), seed=st.integers(0, 5),
       beta=st.sampled_from([0.75, 0.5]))
@pytest.mark.kernels('local_response_normalization', 'local_response_normalization_grad')
def test_local_response_normalization(kernel, shape, n, seed, beta):
    x, gy = random_arrays(kernel, seed, shape, shape)
    k, alpha = 2, 0.1

    def plain(x):
        scale = np.empty_like(x)
        for c in range(shape[1]):
            scale[:, c] = k + alpha * (x[:, max(0, c - n // 2):c + n // 2 + 1] ** 2).sum(1)
        return x / scale ** beta

    exact = x.astype('d')
    np.testing.assert_allclose(kernel('local_response_normalization', x, n, k, alpha, beta), plain(exact),
                               atol=kernel.atol)
    if x.size < 100:
        gx = kernel('local_response_normalization_grad', x, gy, n, k, alpha, beta)
        np.testing.assert_allclose(gx, numerical(plain, exact, gy), atol=max(1e-7, kernel.atol))


@given(shape_and_axis=shapes_with_axis(), seed=st.integers(0, 7))
@softmax_kernels
def test_softmax(kernel, shape_and_axis, seed):
    shape, (axis, *_) = shape_and_axis
    x, gy = random_arrays(kernel, seed, shape, shape)
    x *= 3
    exact = x.astype('d')
    for name, plain in (('softmax', special.softmax), ('log_softmax', special.log_softmax)):
        y = kernel(name, x, axis)
        np.testing.assert_allclose(y, plain(exact, axis=axis), atol=kernel.atol)
        gx = kernel(name + '_grad', y, gy, axis)
        np.testing.assert_allclose(gx, numerical(lambda x, f=plain: f(x, axis=axis), exact, gy),
                                   atol=max(1e-7, kernel.atol))


@pytest.mark.parametrize('shape, axis', [((130, 70), 1), ((70, 130), 0), ((3, 70, 9, 8), 1), ((3, 4, 5, 90), 3),
                                         ((9, 1, 1000), 2), ((5000,), 0), ((30 if IN_SOFTWARE else 300, 300), 1)])
@pytest.mark.parametrize('seed', range(4))
@softmax_kernels
def test_softmax_of_many_elements(kernel, shape, axis, seed):
    x, gy = random_arrays(kernel, seed, shape, shape)
    exact = x.astype('d')
    y = kernel('softmax', x, axis)
    p = special.softmax(exact, axis)
    np.testing.assert_allclose(y, p, rtol=kernel.atol, atol=0)
    gx = kernel('softmax_grad', y, gy, axis)
    np.testing.assert_allclose(gx, p * (gy - (p * gy).sum(axis, keepdims=True)), atol=kernel.atol)
    y = kernel('log_softmax', x, axis)
    np.testing.assert_allclose(y, special.log_softmax(exact, axis), rtol=kernel.atol, atol=0)
    gx = kernel('log_softmax_grad', y, gy, axis)
    np.testing.assert_allclose(gx, gy - p * gy.astype('d').sum(axis, keepdims=True), atol=20 * kernel.atol)


@pytest.mark.parametrize('shape', [(1, 1), (3, 5), (130, 700), (700, 10), (2, 3, 4), (30, 70, 3, 4), (0, 3), (4, 3, 0)])
@pytest.mark.parametrize('seed', range(4))
@pytest.mark.kernels('softmax_cross_entropy', 'softmax_cross_entropy_grad')
def test_softmax_cross_entropy(kernel, shape, seed):
    x, scale = random_arrays(kernel, seed, shape, (*shape[:1], *shape[2:]))
    x *= 5
    labels = np.random.default_rng(seed).integers(shape[1], size=scale.shape)
    y, loss = kernel('softmax_cross_entropy', x, labels)
    exact = x.astype('d')
    np.testing.assert_allclose(y, special.softmax(exact, 1), rtol=10 * kernel.atol, atol=0)
    picked = np.take_along_axis(special.log_softmax(exact, 1), labels[:, None], 1)[:, 0]
    np.testing.assert_allclose(loss, -picked, atol=kernel.atol)
    gx = kernel('softmax_cross_entropy_grad', y, labels, scale)
    one_hot = np.arange(shape[1]).reshape(-1, *[1] * (len(shape) - 2)) == labels[:, None]
    np.testing.assert_allclose(gx, (y - one_hot) * scale[:, None], atol=kernel.atol)
    assert y.dtype == loss.dtype == gx.dtype == kernel.dtype


@pytest.mark.parametrize('repeats', [1, 1000])
@softmax_kernels
def test_softmax_of_extreme_values(kernel, repeats):
    x = np.tile(np.array([[1e4, 0, -1e4], [-np.inf, 0, 0]], kernel.dtype), (repeats, 1))
    np.testing.assert_allclose(kernel('softmax', x, 1), [[1, 0, 0], [0, 0.5, 0.5]] * repeats)
    expected = [[0, -1e4, -2e4], [-np.inf, np.log(0.5), np.log(0.5)]]
    np.testing.assert_allclose(kernel('log_softmax', x, 1), expected * repeats, rtol=1e-6)


@pytest.mark.parametrize('lost', [np.nan, np.inf])
@pytest.mark.filterwarnings('ignore:invalid value')
def test_softmax_of_what_is_not_a_number(kernel, lost):
    """It spreads over its row, and no further."""
    x = np.random.normal(size=(700, 10)).astype(kernel.dtype)
    x[[3, 600], [9, 2]] = lost
    for name in 'softmax', 'log_softmax':
        y = kernel(name, x, 1)
        assert np.isnan(y[[3, 600]]).all() and np.isnan(y).sum() == 20
    y, loss = kernel('softmax_cross_entropy', x, np.zeros(700, int))
    assert np.isnan(y[[3, 600]]).all() and np.isnan(y).sum() == 20
    assert np.isnan(loss[[3, 600]]).all() and np.isnan(loss).sum() == 2


@pytest.mark.parametrize('shape, channels_last, dtype', every_pair(
    [(8, 4, 16, 16), (40, 2, 30, 30), (2100, 3), (3, 40, 5, 6, 9), (1500, 2, 1, 1)], [False, True],
    ['bfloat16', 'e', 'f', 'd']))
def test_few_channels_of_many_numbers(kernel, shape, channels_last, dtype):
    """A GPU takes the sums in several steps."""
    rtol = {'bfloat16': 2e-2, 'e': 3e-3, 'f': 1e-4, 'd': 1e-9}[dtype]
    dtype = as_dtype(dtype)
    far = 1 if is_half(dtype) else 1000
    x, gy = (np.random.normal(far, 1, shape).astype(dtype) for _ in range(2))
    if channels_last:
        x, gy = (np.moveaxis(np.ascontiguousarray(np.moveaxis(a, 1, -1)), -1, 1) for a in (x, gy))
    gamma, beta = np.random.uniform(0.5, 2, (2, shape[1])).astype(dtype)
    axis = (0, *range(2, len(shape)))
    y, mean, inv_std, _ = kernel('batch_normalization', x, gamma, beta, 1e-3, axis, False)
    exact, (gamma_, beta_) = x.astype('d'), (a.astype('d') for a in (gamma, beta))
    np.testing.assert_allclose(mean, exact.mean(axis), rtol=min(rtol, 1e-4) / 100, atol=min(rtol, 1e-4) / 10)
    np.testing.assert_allclose(inv_std, (exact.var(axis) + 1e-3) ** -0.5, rtol=min(rtol, 1e-4))
    np.testing.assert_allclose(y.astype('d'), plain_batch_normalization(exact, gamma_, beta_, 1e-3, axis), rtol=rtol,
                               atol=10 * rtol)
    gy -= dtype.type(far)
    gx, ggamma, gbeta = kernel('batch_normalization_grad', x, gamma, gy, mean, inv_std, axis, None)
    x_hat = (exact - expand(mean.astype('d'), x.ndim, axis)) * expand(inv_std.astype('d'), x.ndim, axis)
    sums = (gy * x_hat).sum(axis), gy.astype('d').sum(axis)
    np.testing.assert_allclose(ggamma.astype('d'), sums[0], rtol=rtol, atol=100 * rtol)
    np.testing.assert_allclose(gbeta.astype('d'), sums[1], rtol=rtol, atol=100 * rtol)
    parts = [expand(a, x.ndim, axis) / (x.size // shape[1]) for a in sums]
    wanted = expand(gamma_ * inv_std, x.ndim, axis) * (gy.astype('d') - parts[1] - x_hat * parts[0])
    np.testing.assert_allclose(gx.astype('d'), wanted, rtol=rtol, atol=10 * rtol)
    if len(shape) > 2:
        gb = kernel('convolution_bias_grad', gy).astype('d')
        np.testing.assert_allclose(gb, sums[1], rtol=rtol, atol=100 * rtol)


@pytest.mark.filterwarnings('ignore:divide by zero')
@pytest.mark.parametrize('shape', [(0, 3), (3, 0)])
@softmax_kernels
def test_softmax_of_nothing(kernel, shape):
    assert kernel('softmax', np.zeros(shape), 1).shape == kernel('log_softmax', np.zeros(shape), 1).shape == shape


@pytest.mark.parametrize('dtype', ['bfloat16', 'float16', 'float32', 'float64'])
def test_normalization_dtypes(kernel, dtype):
    x, gy = (np.random.uniform(-1, 1, (6, 4, 3)).astype(as_dtype(dtype)) for _ in range(2))
    gamma, beta = np.ones(4, x.dtype), np.zeros(4, x.dtype)
    statistics = np.result_type(x, np.float32)
    for relu in False, True:
        y, mean, inv_std, mask = kernel('batch_normalization', x, gamma, beta, 1e-3, (0, 2), relu)
        assert y.dtype == dtype and mean.dtype == inv_std.dtype == statistics
        gradients = kernel('batch_normalization_grad', x, gamma, gy, mean, inv_std, (0, 2), mask)
        assert [g.dtype for g in gradients] == [dtype] * 3
        assert kernel('fixed_batch_normalization', x, gamma, beta, mean, inv_std, 1e-3, (0, 2), relu).dtype == dtype
    y, mean, inv_std = kernel('group_normalization', x, 2, gamma, beta, 1e-3)
    assert y.dtype == dtype and mean.dtype == inv_std.dtype == statistics
    assert [g.dtype for g in kernel('group_normalization_grad', x, 2, gamma, gy, mean, inv_std)] == [dtype] * 3
    assert kernel('local_response_normalization', x, 5, 2, 1e-4, 0.75).dtype == dtype
    assert kernel('local_response_normalization_grad', x, gy, 5, 2, 1e-4, 0.75).dtype == dtype
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
    y, mean, inv_std, _ = kernel('batch_normalization', x, gamma, beta, 1e-3, (0,), False)
    gx, ggamma, gbeta = kernel('batch_normalization_grad', x, gamma, y, mean, inv_std, (0,), None)
    assert y.dtype == gx.dtype == 'float16' and mean.dtype == ggamma.dtype == gbeta.dtype == 'float32'


@given(rows=st.integers(1, 5), width=st.integers(1, 4), shape=array_shapes(min_dims=0, max_dims=3, min_side=0),
       dtype=st.sampled_from(['bfloat16', 'float16', 'float32', 'float64']))
@pytest.mark.kernels('embedding_grad')
def test_embedding_grad(kernel, rows, width, shape, dtype):
    ids = np.random.randint(0, rows, shape)
    gy = np.random.uniform(-1, 1, (*shape, width)).astype(as_dtype(dtype))
    gW = kernel('embedding_grad', gy, np.asarray(ids), (rows, width))
    expected = np.zeros((rows, width))
    for index in np.ndindex(*shape):
        expected[ids[index]] += gy[index]
    assert gW.dtype == dtype
    np.testing.assert_allclose(gW.astype('d'), expected, atol=50 * epsilon(dtype))
