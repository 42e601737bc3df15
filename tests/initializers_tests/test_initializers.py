"""Initial values: statistics, orthogonality, and the messages for shapes that cannot be filled."""
import math
import pickle

import numpy as np
import pytest

import autograd_nn as ann
from autograd_nn import initializers

SHAPE = (60, 50, 3, 3)
FAN_IN, FAN_OUT = 50 * 9, 60 * 9


def fill(initializer, shape=SHAPE, dtype='f'):
    array = np.full(shape, np.nan, dtype)
    initializer(array)
    return array


@pytest.mark.parametrize('initializer, deviation', [
    (initializers.Normal(), 0.05),
    (initializers.Normal(2.0), 2.0),
    (initializers.LeCunNormal(), math.sqrt(1 / FAN_IN)),
    (initializers.LeCunNormal(3), 3 * math.sqrt(1 / FAN_IN)),
    (initializers.GlorotNormal(), math.sqrt(2 / (FAN_IN + FAN_OUT))),
    (initializers.HeNormal(), math.sqrt(2 / FAN_IN)),
    (initializers.HeNormal(0.5, fan_option='fan_out'), 0.5 * math.sqrt(2 / FAN_OUT)),
])
@pytest.mark.parametrize('dtype', ['e', 'f', 'd'])
def test_normal(initializer, deviation, dtype):
    x = fill(initializer, dtype=dtype).astype('d').ravel() / deviation
    # Mean, deviation, skewness, kurtosis and tails of the standard normal distribution, within five standard errors.
    n = x.size
    assert abs(x.mean()) < 5 / math.sqrt(n)
    assert abs(x.std() - 1) < 5 / math.sqrt(2 * n)
    assert abs((x ** 3).mean()) < 5 * math.sqrt(15 / n)
    assert abs((x ** 4).mean() - 3) < 5 * math.sqrt(96 / n)
    assert abs((abs(x) > 2).mean() - 0.0455) < 0.01


@pytest.mark.parametrize('initializer, bound', [
    (initializers.Uniform(), 0.05),
    (initializers.Uniform(2.0), 2.0),
    (initializers.LeCunUniform(), math.sqrt(3 / FAN_IN)),
    (initializers.GlorotUniform(2), 2 * math.sqrt(6 / (FAN_IN + FAN_OUT))),
    (initializers.HeUniform(), math.sqrt(6 / FAN_IN)),
])
def test_uniform(initializer, bound):
    x = np.sort(fill(initializer, dtype='d').ravel())
    assert -bound <= x[0] < -0.99 * bound and 0.99 * bound < x[-1] <= bound
    # Kolmogorov's distance from the uniform distribution; five in ten million samples of this size exceed the limit.
    distance = abs((x / bound + 1) / 2 - (np.arange(x.size) + 0.5) / x.size).max()
    assert distance < 2.75 / math.sqrt(x.size)


def test_global_state_seeds_the_values():
    np.random.seed(5)
    first = fill(initializers.LeCunNormal(), (3, 4)), fill(initializers.HeUniform(), (3, 4))
    np.random.seed(5)
    second = fill(initializers.LeCunNormal(), (3, 4)), fill(initializers.HeUniform(), (3, 4))
    np.testing.assert_array_equal(first, second)
    assert (first[0] != fill(initializers.LeCunNormal(), (3, 4))).any()


@pytest.mark.parametrize('cls', [initializers.Normal, initializers.Uniform, initializers.Orthogonal])
@pytest.mark.parametrize('rng', [np.random.RandomState, np.random.default_rng])
def test_rng_of_its_own(cls, rng):
    np.random.seed(5)
    state = np.random.get_state()[1].copy()
    first, second = (fill(cls(rng=rng(3)), (4, 5)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(np.random.get_state()[1], state)


@pytest.mark.parametrize('shape', [(4, 4), (3, 8), (8, 3), (2, 3, 2, 2), (9, 2, 2), (1, 5), (5,), ()])
@pytest.mark.parametrize('dtype', ['f', 'd'])
def test_orthogonal(shape, dtype):
    W = fill(initializers.Orthogonal(scale=1.5), shape, dtype).reshape(shape[0] if shape else 1, -1).astype('d')
    gram = W @ W.T if W.shape[0] <= W.shape[1] else W.T @ W
    np.testing.assert_allclose(gram, 1.5 ** 2 * np.eye(min(W.shape)), atol=1e-6)


def test_orthogonal_default_scale_and_distribution():
    W = fill(initializers.Orthogonal(), (2, 2), 'd')
    np.testing.assert_allclose(np.linalg.norm(W, axis=0), 1.1)
    # An even distribution prefers no direction: in two dimensions all four signs of a row come equally often.
    rows = np.array([fill(initializers.Orthogonal(1), (2, 2), 'd')[0] for _ in range(2000)])
    quadrants = np.bincount((rows > 0) @ [1, 2], minlength=4)
    assert abs(quadrants - 500).max() < 100


@pytest.mark.parametrize('mode, allowed', [('embedding', [(5, 3), (3, 3)]), ('projection', [(3, 5), (3, 3)]),
                                           ('basis', [(3, 3)]), ('auto', [(5, 3), (3, 5), (3, 3)])])
def test_orthogonal_modes(mode, allowed):
    initializer = initializers.Orthogonal(mode=mode)
    for shape in (5, 3), (3, 5), (3, 3):
        if shape in allowed:
            assert np.isfinite(fill(initializer, shape)).all()
        else:
            with pytest.raises(ValueError, match=mode):
                fill(initializer, shape)


def test_orthogonal_of_unknown_mode():
    with pytest.raises(ValueError, match='sideways'):
        initializers.Orthogonal(mode='sideways')


def test_constants():
    np.testing.assert_array_equal(fill(initializers.Constant(3), (2, 2)), np.full((2, 2), 3))
    np.testing.assert_array_equal(fill(initializers.Zero(), 3), np.zeros(3))
    np.testing.assert_array_equal(fill(initializers.One(), ()), 1)
    array = np.zeros(2)
    initializers.NaN()(array)
    assert np.isnan(array).all()
    values = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(fill(initializers.Constant(values), (2, 3)), values)
    np.testing.assert_array_equal(fill(initializers.Constant(values[0]), (2, 3)), [values[0]] * 2)
    with pytest.raises(ValueError, match=r'\(3, 2\).*\(2, 3\)'):
        fill(initializers.Constant(values), (3, 2))


def test_identity():
    np.testing.assert_array_equal(fill(initializers.Identity(2), (3, 3)), 2 * np.eye(3))
    for shape in (2, 3), (3,), (3, 3, 3):
        with pytest.raises(ValueError, match='square'):
            fill(initializers.Identity(), shape)


@pytest.mark.parametrize('ksize', [2, 3, 4, 5])
@pytest.mark.parametrize('groups', [False, True])
def test_resampling_filters(ksize, groups):
    stride = (ksize + 1) // 2
    shape = (3, 1 if groups else 3, ksize, ksize)
    W = fill(initializers.UpsamplingDeconvFilter(), shape)
    # Every output element of a transposed convolution over a constant image adds up to that constant.
    sums = np.zeros((stride, stride))
    for i, j in np.ndindex(ksize, ksize):
        sums[i % stride, j % stride] += W[1, 0 if groups else 1, i, j]
    np.testing.assert_allclose(sums, 1, rtol=1e-6)
    # The tent is symmetric, and falls off linearly from its centre.
    np.testing.assert_allclose(W[0, 0], W[0, 0, ::-1, ::-1])
    hat = np.bartlett(ksize + 2)[1:-1] if ksize % 2 else 1 - abs(np.arange(ksize) - (ksize - 1) / 2) / stride
    np.testing.assert_allclose(W[0, 0], np.outer(hat, hat), rtol=1e-6)
    if not groups:
        assert W[0, 1].any() is np.False_
    down = fill(initializers.DownsamplingConvFilter(), shape)
    np.testing.assert_allclose(down[2].sum(), 1, rtol=1e-6)
    np.testing.assert_allclose(down * stride ** 2, W, rtol=1e-6)


def test_resampling_filters_of_wrong_shape():
    for initializer in initializers.UpsamplingDeconvFilter(), initializers.DownsamplingConvFilter():
        with pytest.raises(ValueError, match=r'\(3, 2, 3, 3\)'):
            fill(initializer, (3, 2, 3, 3))
    with pytest.raises(ValueError, match='cubic'):
        initializers.UpsamplingDeconvFilter('cubic')


def test_get_fans():
    assert initializers.get_fans((5, 3)) == (3, 5)
    assert initializers.get_fans((5, 3, 2, 4)) == (24, 40)
    with pytest.raises(ValueError, match=r'\(5,\)'):
        initializers.get_fans((5,))
    with pytest.raises(ValueError, match='fan_sideways'):
        initializers.HeNormal(fan_option='fan_sideways')


def test_get_initializer():
    assert isinstance(initializers.get_initializer(None), initializers.LeCunNormal)
    for value in 3, 0.5, np.float32(2), np.arange(3.0):
        assert initializers.get_initializer(value).fill_value is value
    assert initializers.get_initializer(fill) is fill
    for misuse in 'zeros', [1, 2]:
        with pytest.raises(TypeError, match=type(misuse).__name__):
            initializers.get_initializer(misuse)


def test_generate_array():
    x = initializers.generate_array(initializers.Constant(2, 'd'), (2, 3), np)
    np.testing.assert_array_equal(x, np.full((2, 3), 2.0))
    assert x.dtype == np.float64
    assert initializers.generate_array(initializers.One(), 3, np).dtype == np.float32
    assert initializers.generate_array(initializers.One(), 3, np, dtype='e').dtype == np.float16
    assert isinstance(initializers.generate_array(initializers.One(), 3, device='cpu'), np.ndarray)
    with ann.using_config('dtype', np.float64):
        assert initializers.generate_array(initializers.One(), 3, np).dtype == np.float64
    with pytest.raises(ValueError, match=r'float64.*float32'):
        initializers.generate_array(initializers.One('f'), 3, np, dtype='d')


def test_dtype_of_parameters():
    assert ann.Parameter(initializers.Normal(dtype='d'), (2, 2)).dtype == np.float64
    assert ann.Parameter(initializers.Normal(), (2, 2)).dtype == np.float32


def test_representation_and_pickling():
    initializer = pickle.loads(pickle.dumps(initializers.HeNormal(2.0)))
    assert repr(initializer) == "HeNormal(fan_option='fan_in', scale=2.0)"


def test_layers_without_connections():
    assert ann.links.Linear(0, 2)(np.ones((3, 0), 'f')).shape == (3, 2)
