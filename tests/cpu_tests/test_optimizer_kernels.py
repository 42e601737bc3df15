"""Parameter updates against the formulas, written without blocks."""
import numpy as np
import pytest

from autograd_nn import using_config
from autograd_nn.dtypes import as_dtype
from support.checking import IN_SOFTWARE
from support.pairs import every_pair


def plain(name, p, g, states, h):
    """One update by the published formula; returns the parameter and its states."""
    if name == 'sgd':
        return p - h['lr'] * g, []
    if name == 'momentum_sgd':
        v = h['momentum'] * states[0] - h['lr'] * g
        return p + v, [v]
    if name == 'corrected_momentum_sgd':
        v = h['momentum'] * states[0] - g
        return p + h['lr'] * v, [v]
    if name == 'nesterov_ag':
        v = h['momentum'] * states[0] - h['lr'] * g
        return p + h['momentum'] ** 2 * v - (1 + h['momentum']) * h['lr'] * g, [v]
    if name == 'adagrad':
        s = states[0] + g ** 2
        return p - h['lr'] * g / (np.sqrt(s) + h['eps']), [s]
    if name == 'adadelta':
        msg = h['rho'] * states[0] + (1 - h['rho']) * g ** 2
        dx = np.sqrt((states[1] + h['eps']) / (msg + h['eps'])) * g
        return p - dx, [msg, h['rho'] * states[1] + (1 - h['rho']) * dx ** 2]
    if name == 'rmsprop':
        ms = h['alpha'] * states[0] + (1 - h['alpha']) * g ** 2
        root = np.sqrt(ms + h['eps']) if h['eps_inside_sqrt'] else np.sqrt(ms) + h['eps']
        return p - h['lr'] * g / root, [ms]
    if name == 'rmsprop_graves':
        n = states[0] + (1 - h['alpha']) * (g ** 2 - states[0])
        mean = states[1] + (1 - h['alpha']) * (g - states[1])
        delta = h['momentum'] * states[2] - h['lr'] * g / np.sqrt(n - mean ** 2 + h['eps'])
        return p + delta, [n, mean, delta]
    if name == 'smorms3':
        r = 1 / (states[0] + 1)
        mean, square = (1 - r) * states[1] + r * g, (1 - r) * states[2] + r * g ** 2
        x = mean ** 2 / (square + h['eps'])
        return (p - g * np.minimum(x, h['lr']) / (np.sqrt(square) + h['eps']),
                [states[0] * (1 - x) + 1, mean, square])
    if name == 'msvag':
        m = states[0] + (1 - h['beta']) * (g - states[0])
        v = states[1] + (1 - h['beta']) * (g ** 2 - states[1])
        variance = np.maximum(h['correction'] * v - m ** 2, 0)
        factor = m ** 2 / (m ** 2 + h['ratio'] * variance)
        return p - h['eta'] * (h['rate'] * factor * m + h['weight_decay_rate'] * p), [m, v]
    m = states[0] + (1 - h['beta1']) * (g - states[0])
    v = states[1] + (1 - h['beta2']) * (g ** 2 - states[1])
    root = [np.maximum(states[2], v)] if name == 'amsgrad' else []
    rate = h['alpha_t'] / (np.sqrt(root[0] if root else v) + h['eps'])
    if h['bounds'] is not None:
        rate = np.clip(rate, *h['bounds'])
    return p - h['eta'] * (rate * m + h['weight_decay_rate'] * p), [m, v, *root]


ADAM = {'alpha_t': 0.01, 'beta1': 0.9, 'beta2': 0.99, 'eps': 1e-8, 'eta': 1.0, 'weight_decay_rate': 0., 'bounds': None}
CASES = [
    ('sgd', 0, {'lr': 0.1}),
    ('momentum_sgd', 1, {'lr': 0.1, 'momentum': 0.9}),
    ('corrected_momentum_sgd', 1, {'lr': 0.1, 'momentum': 0.9}),
    ('nesterov_ag', 1, {'lr': 0.1, 'momentum': 0.9}),
    ('adagrad', 1, {'lr': 0.1, 'eps': 1e-8}),
    ('adadelta', 2, {'rho': 0.95, 'eps': 1e-6}),
    ('rmsprop', 1, {'lr': 0.1, 'alpha': 0.9, 'eps': 1e-3, 'eps_inside_sqrt': False}),
    ('rmsprop', 1, {'lr': 0.1, 'alpha': 0.9, 'eps': 1e-3, 'eps_inside_sqrt': True}),
    ('rmsprop_graves', 3, {'lr': 0.1, 'alpha': 0.9, 'momentum': 0.8, 'eps': 1e-2}),
    ('smorms3', 3, {'lr': 0.1, 'eps': 1e-3}),
    ('msvag', 2, {'rate': 0.1, 'beta': 0.9, 'correction': 0.6, 'ratio': 0.7, 'eta': 1.0, 'weight_decay_rate': 0.}),
    ('msvag', 2, {'rate': 0.1, 'beta': 0.8, 'correction': 0.9, 'ratio': 0., 'eta': 0.5, 'weight_decay_rate': 0.1}),
    ('adam', 2, ADAM),
    ('adam', 2, {**ADAM, 'eta': 0.5, 'weight_decay_rate': 0.1}),
    ('adam', 2, {**ADAM, 'bounds': (0.02, 0.05)}),
    ('amsgrad', 3, ADAM),
    ('amsgrad', 3, {**ADAM, 'eta': 0.5, 'weight_decay_rate': 0.1, 'bounds': (0.02, 0.05)}),
]
pytestmark = pytest.mark.kernels(*{name for name, *_ in CASES}, 'scaled_copies', 'all_finite')
LAYOUTS = {
    'C': lambda a: a,
    'F': np.asfortranarray,
    'gaps': lambda a: np.repeat(a, 2, -1)[..., ::2],
    'channels-last': lambda a: np.ascontiguousarray(a.transpose(0, 2, 1)).transpose(0, 2, 1),
}


def run(kernel, name, count, hyperparameters, shapes, dtype, layouts=('C', 'C'), steps=3):
    """Runs a few updates of parameters of some shapes both ways and compares."""
    rng = np.random.default_rng(0)
    lay_param, lay_grad = (LAYOUTS[layout] for layout in layouts)
    params = [lay_param(rng.normal(size=shape).astype(dtype)) for shape in shapes]
    states = [[np.zeros_like(p) for p in params] for _ in range(count)]
    exact = [p.astype('d') for p in params]
    exact_states = [[s.astype('d') for s in ss] for ss in states]
    for _ in range(steps):
        grads = [lay_grad(rng.normal(size=shape).astype(dtype)) for shape in shapes]
        before = [g.copy() for g in grads]
        kernel(name, params, grads, *states, *hyperparameters.values())
        for i, g in enumerate(grads):
            np.testing.assert_array_equal(g, before[i])
            exact[i], new = plain(name, exact[i], g.astype('d'), [s[i] for s in exact_states], hyperparameters)
            for s, value in zip(exact_states, new):
                s[i] = value
    tolerance = {'bfloat16': 5e-2, 'float16': 5e-3, 'float32': 2e-6, 'float64': 1e-13}[dtype]
    for arrays, expected in zip([params, *states], [exact, *exact_states]):
        for actual, wanted in zip(arrays, expected):
            assert actual.dtype == dtype
            np.testing.assert_allclose(actual.astype('d'), wanted, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize('name, count, hyperparameters', CASES)
@pytest.mark.parametrize('dtype', ['bfloat16', 'float16', 'float32', 'float64'])
def test_formulas(kernel, name, count, hyperparameters, dtype):
    run(kernel, name, count, hyperparameters, [(5, 4, 3)], dtype)


@pytest.mark.parametrize('name, count, hyperparameters', CASES)
@pytest.mark.parametrize('shape', [(), (0,), (3, 0, 2),
                                   *([(8192,), (8193,)] if IN_SOFTWARE else [(131072,), (131073,), (280001,)])])
def test_sizes_around_a_block(kernel, name, count, hyperparameters, shape):
    run(kernel, name, count, hyperparameters, [shape], 'float32', steps=2)


@pytest.mark.parametrize('case, param, grad', every_pair(CASES, LAYOUTS, LAYOUTS))
def test_layouts(kernel, case, param, grad):
    run(kernel, *case, [(5, 4, 3)], 'float32', (param, grad), steps=2)


@pytest.mark.parametrize('name, count, hyperparameters', CASES)
@pytest.mark.parametrize('num_threads', [1, 2, 3])
def test_many_parameters(kernel, name, count, hyperparameters, num_threads):
    """Large ones in parts and small ones together, on several threads."""
    n = 30 if IN_SOFTWARE else 300
    shapes = [(), (7,), (n, n + 1), (0, 2), (5, 4), (64, 3 * n + 131), (3,), (300 * n + 1,), (1,)]
    with using_config('num_threads', num_threads):
        run(kernel, name, count, hyperparameters, shapes, 'float32', steps=2)


@pytest.mark.parametrize('layouts', [('C', 'F'), ('channels-last', 'channels-last'), ('gaps', 'C')])
def test_many_parameters_in_other_layouts(kernel, layouts):
    with using_config('num_threads', 2):
        run(kernel, 'momentum_sgd', 1, {'lr': 0.1, 'momentum': 0.9}, [(2, 3, 4), (30, 40, 50), (1, 1, 90001)],
            'float32', layouts)


def test_results_do_not_depend_on_the_number_of_threads(kernel):
    def updated(num_threads):
        rng = np.random.default_rng(0)
        p, g, m, v = ([rng.random(n, 'f') for n in (10, 100_000, 3000, 70_000)] for _ in range(4))
        with using_config('num_threads', num_threads):
            kernel('adam', p, g, m, v, *ADAM.values())
        return p + m + v

    for one, several in zip(updated(1), updated(5)):
        np.testing.assert_array_equal(one, several)


def test_parameters_of_several_types(kernel):
    params = [np.ones(5, dtype) for dtype in ('f', 'd', 'e', 'f')]
    kernel('sgd', params, [p / 2 for p in params], 0.5)
    for p in params:
        np.testing.assert_array_equal(p, 0.75)


def test_no_parameters(kernel):
    kernel('sgd', [], [], 0.1)


def test_a_copied_layout_is_logged(kernel, caplog):
    with caplog.at_level('DEBUG', 'autograd_nn'):
        kernel('sgd', [np.ones((4, 4), 'f')[:, ::2]], [np.ones((4, 2), 'f')], 0.1)
    assert 'are copied' in caplog.text
    caplog.clear()
    with caplog.at_level('DEBUG', 'autograd_nn'):
        kernel('sgd', [np.ones((4, 2), 'f')], [np.ones((4, 2), 'f')], 0.1)
    assert not caplog.text


def test_the_module_has_every_kernel_of_the_contract():
    from autograd_nn import cpu
    from autograd_nn.backends.contract import Kernels
    names = {name for name in vars(Kernels) if not name.startswith('_')}
    assert names == set(cpu.__all__)


HALVES = np.arange(1 << 16, dtype=np.uint16).view('e')


@pytest.mark.parametrize('numbers', [HALVES, HALVES.view(as_dtype('bfloat16'))])
def test_every_number_in_half_precision_becomes_one_in_single(kernel, numbers):
    y = np.zeros(numbers.size, 'f')
    with np.errstate(invalid='ignore'):  # one kind of NaN is
        kernel('scaled_copies', [numbers], [y], 1)
    np.testing.assert_array_equal(y, numbers.astype('f'))
    assert (np.signbit(y) == np.signbit(numbers.astype('f'))).all()


@pytest.mark.parametrize('numbers', [HALVES, HALVES.view(as_dtype('bfloat16'))])
def test_rounding_to_half_precision(kernel, numbers):
    """To the nearest number, of two to the even one: numbers, those half way between two, and their neighbours."""
    singles = numbers.astype('f')
    singles = singles[np.isfinite(singles)]
    with np.errstate(over='ignore'):
        between = np.concatenate([singles, singles[:-1] / 2 + singles[1:] / 2,
                                  np.float32([65520, 65519.99, 1e30, 3.4e38, np.inf])])
        x = np.concatenate([between, np.nextafter(between, np.float32(np.inf)),
                            np.nextafter(between, np.float32(-np.inf)), [np.nan]]).astype('f')
        y = np.zeros(x.size, numbers.dtype)
        kernel('scaled_copies', [x], [y], 1)
        np.testing.assert_array_equal(y.astype('f'), x.astype(numbers.dtype).astype('f'))


@pytest.mark.parametrize('types', ['ee', 'ef', 'fe', 'ff', 'dd', ('bfloat16', 'bfloat16'), ('bfloat16', 'f'),
                                   ('f', 'bfloat16')])
def test_scaled_copies(kernel, types):
    shapes = [(3,), (20, 5), (), (0, 2), (9000,)]
    sources = [np.random.normal(size=shape).astype(types[0]) for shape in shapes]
    sources.append(np.asfortranarray(np.random.normal(size=(4, 6)).astype(types[0])))
    targets = [np.zeros(x.shape, types[1]) for x in sources]
    kernel('scaled_copies', sources, targets, 0.3)
    for x, y in zip(sources, targets):
        rtol = {'b': 1e-2, 'e': 1e-3, 'f': 1e-6, 'd': 1e-15}[min(types)[0]]
        np.testing.assert_allclose(y.astype('d'), x.astype('d') * 0.3, rtol, atol=1e-7)


@pytest.mark.parametrize('dtype', ['bfloat16', 'e', 'f', 'd'])
def test_one_number_that_is_not_finite(kernel, dtype):
    arrays = [np.ones(n, dtype) for n in (3, 600_000, 1)]
    arrays.append(HALVES[np.isfinite(HALVES)].astype(dtype))
    assert kernel.kernels.all_finite(list(map(kernel.send, arrays)))
    for where, place, what in (0, -1, np.inf), (1, 300_000, -np.inf), (1, -1, np.nan), (3, -1, np.nan):
        changed = [a.copy() for a in arrays]
        changed[where].flat[place] = what
        assert not kernel.kernels.all_finite(list(map(kernel.send, changed)))
