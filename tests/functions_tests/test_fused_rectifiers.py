"""What a kernel rectifies itself is what the rectifier behind it makes: also of what is infinite or not a number."""
import numpy as np
import pytest

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import Sequential, Variable, backend, config, cuda, using_config

ODD = [np.nan, np.inf, -np.inf, -0., 1e-40, -1e-40, 3e38, -3e38]
# Few elements, and so many that other kernels compute.
SIZES = {'small': (3, ODD), 'large': (24, ODD[:3])}
DEVICES = ['@numpy', *['@cupy:0'] * cuda.available]

pytestmark = pytest.mark.filterwarnings('ignore::RuntimeWarning')


def draw(*shapes):
    random = np.random.default_rng(0)
    return [random.standard_normal(shape).astype('f') for shape in shapes]


def convolution(n, groups=1, residual=False):
    """A convolution by filters of two pixels over n axes."""
    def arguments(size):
        size = min(size, 10) if n == 3 else size
        x, out = (4, 16, *[size] * n), (4, 16, *[size - 1] * n)
        return draw(x, (16, 16 // groups, *[2] * n), (16,), *[out] * residual)

    def fused(x, W, b, *added, activation=None):
        return F.convolution_nd(x, W, b, groups=groups, residual=added[0] if added else None, activation=activation)

    return arguments, fused


def normalization(fixed, residual):
    """Batch normalization, with the statistics of the batch or with given ones."""
    def arguments(size):
        x = 4, 16, size, size
        return draw(x, (16,), (16,), *[x] * residual)

    def fused(x, gamma, beta, *added, activation=None):
        options = {'activation': activation, 'residual': added[0] if added else None}
        if not fixed:
            return F.batch_normalization(x, gamma, beta, **options)
        mean, var = (backend.get_array_module(x.array).asarray(a) for a in (np.full(16, .1, 'f'), np.full(16, 2, 'f')))
        return F.fixed_batch_normalization(x, gamma, beta, mean, var, **options)

    return arguments, fused


FUSIONS = {
    'linear': (lambda size: draw((16 * size, 40), (96, 40), (96,)), F.linear),
    'convolution of 1 axis': convolution(1),
    'convolution': convolution(2),
    'convolution of 3 axes': convolution(3),
    'convolution of groups': convolution(2, 4),
    'depthwise convolution': convolution(2, 16),
    'convolution and a residual': convolution(2, residual=True),
    'add': (lambda size: draw(*[(4, 16, size, size)] * 2), F.add),
    'batch normalization': normalization(False, False),
    'batch normalization and a residual': normalization(False, True),
    'fixed batch normalization': normalization(True, False),
    'fixed batch normalization and a residual': normalization(True, True),
}
CASES = [(name, activation) for name in FUSIONS for activation in (F.relu, F.relu6)
         if activation is F.relu or name.startswith(('linear', 'conv', 'depth'))]


def with_odd(array, value):
    """A copy with the value in some places."""
    result = array.copy()
    result.reshape(-1)[::-(-result.size // 3)] = value
    return result


def outcome(function, arrays, gy, device):
    """The output of a function, with and without a graph, and the gradients of its inputs."""
    device = backend.get_device(device)
    inputs = [Variable(device.send(a)) for a in arrays]
    with using_config('enable_backprop', False):
        alone = function(*inputs)
    y = function(*inputs)
    y.grad = device.send(gy)
    y.backward()
    return [cuda.to_cpu(a) for a in (alone.array, y.array, *[x.grad for x in inputs])]


@pytest.mark.parametrize('device', DEVICES)
@pytest.mark.parametrize('use_onednn, size', [('auto', 'small'), ('auto', 'large'), ('never', 'small')])
@pytest.mark.parametrize('name, activation', CASES, ids=[f'{name}-{f.__name__}' for name, f in CASES])
def test_functions(name, activation, size, use_onednn, device):
    make, function = FUSIONS[name]
    width, values = SIZES[size]
    arrays = make(width)
    gy, = draw(function(*map(Variable, arrays)).shape)
    with using_config('use_onednn', use_onednn), using_config('num_threads', None if size == 'large' else 1):
        for place in range(len(arrays) + 1):
            for value in values:
                changed = [with_odd(a, value) if i == place else a for i, a in enumerate((*arrays, gy))]
                fused = outcome(lambda *xs: function(*xs, activation=activation), changed[:-1], changed[-1], device)
                parts = outcome(lambda *xs: activation(function(*xs)), changed[:-1], changed[-1], device)
                message = f'{value} in input {place}'
                for actual, expected in zip(fused[:2], parts[:2], strict=True):
                    assert_same(actual, expected, message)
                for actual, expected in zip(fused[2:], parts[2:], strict=True):
                    # Sums of infinities are infinite or no number, as they are ordered.
                    finite = np.isfinite(expected)
                    np.testing.assert_array_equal(np.isfinite(actual), finite, message)
                    assert_same(actual[finite], expected[finite], message)


def assert_same(actual, expected, message=''):
    """Equal where something is not a number or infinite, and close elsewhere."""
    np.testing.assert_array_equal(np.isnan(actual), np.isnan(expected), message)
    scale = max(1, abs(expected[np.isfinite(expected)]).max(initial=0))
    np.testing.assert_allclose(actual, expected, 1e-4, 1e-5 * scale, err_msg=message)


NETWORKS = {
    'linear': lambda: (Sequential(L.Linear(40, 96), F.relu), (24, 40)),
    'convolution': lambda: (Sequential(L.Convolution2D(8, 16, 3, pad=1), F.relu6), (4, 8, 24, 24)),
    'folded': lambda: (Sequential(L.Convolution2D(8, 16, 3, pad=1), L.BatchNormalization(16), F.relu), (4, 8, 24, 24)),
    'folded in three axes': lambda: (Sequential(L.Convolution3D(8, 16, 3), L.BatchNormalization(16), F.relu6),
                                     (2, 8, 9, 9, 9)),
    'deconvolution': lambda: (Sequential(L.Deconvolution2D(8, 16, 3), L.BatchNormalization(16), F.relu),
                              (4, 8, 24, 24)),
    'normalization': lambda: (Sequential(L.BatchNormalization(8), F.relu), (4, 8, 24, 24)),
    'shortcut': lambda: (Sequential(L.Convolution2D(8, 8, 3, pad=1), L.BatchNormalization(8),
                                    L.Shortcut(np.full((4, 8, 24, 24), .5, 'f')), F.relu), (4, 8, 24, 24)),
}


@pytest.mark.parametrize('use_onednn', ['auto', 'never'])
@pytest.mark.parametrize('train', [True, False])
@pytest.mark.parametrize('name', NETWORKS)
def test_sequential(name, train, use_onednn):
    """Layers that a `Sequential` computes together, in training and at inference, against one after the other."""
    network, shape = NETWORKS[name]()
    x, = draw(shape)
    for layer in network:
        if isinstance(layer, L.BatchNormalization):
            layer.avg_var[...] = 2
    with using_config('train', train), using_config('enable_backprop', train), using_config('use_onednn', use_onednn):
        for value in ODD[:6]:
            images = with_odd(x, value)
            expected = images
            for layer in network:
                expected = layer(expected)
            assert_same(network(images).array, expected.array, str(value))


def test_debug_mode_sees_what_is_not_a_number():
    x, W = draw((96, 40), (96, 40))
    x[0, 0] = np.nan
    with using_config('debug', True), pytest.raises(RuntimeError, match='NaN'):
        F.linear(x, W, activation=F.relu)
    assert not config.debug
