"""Parameter updates against the formulas, written without blocks."""
import numpy as np
import pytest


def plain(name, p, g, states, h):
    """One update by the published formula; returns the parameter and its states."""
    if name == 'sgd':
        return p - h['lr'] * g, []
    if name == 'momentum_sgd':
        v = h['momentum'] * states[0] - h['lr'] * g
        return p + v, [v]
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
    m = states[0] + (1 - h['beta1']) * (g - states[0])
    v = states[1] + (1 - h['beta2']) * (g ** 2 - states[1])
    vhat = v if states[2] is None else np.maximum(states[2], v)
    rate = h['alpha_t'] / (np.sqrt(vhat) + h['eps'])
    if h['bounds'] is not None:
        rate = np.clip(rate, *h['bounds'])
    return (p - h['eta'] * (rate * m + h['weight_decay_rate'] * p),
            [m, v, None if states[2] is None else vhat])


ADAM = {'alpha_t': 0.01, 'beta1': 0.9, 'beta2': 0.99, 'eps': 1e-8, 'eta': 1.0, 'weight_decay_rate': 0., 'bounds': None}
CASES = [
    ('sgd', 0, {'lr': 0.1}),
    ('momentum_sgd', 1, {'lr': 0.1, 'momentum': 0.9}),
    ('nesterov_ag', 1, {'lr': 0.1, 'momentum': 0.9}),
    ('adagrad', 1, {'lr': 0.1, 'eps': 1e-8}),
    ('adadelta', 2, {'rho': 0.95, 'eps': 1e-6}),
    ('rmsprop', 1, {'lr': 0.1, 'alpha': 0.9, 'eps': 1e-3, 'eps_inside_sqrt': False}),
    ('rmsprop', 1, {'lr': 0.1, 'alpha': 0.9, 'eps': 1e-3, 'eps_inside_sqrt': True}),
    ('adam', 2, ADAM),
    ('adam', 3, ADAM),
    ('adam', 2, {**ADAM, 'eta': 0.5, 'weight_decay_rate': 0.1}),
    ('adam', 3, {**ADAM, 'eta': 0.5, 'weight_decay_rate': 0.1, 'bounds': (0.02, 0.05)}),
]
LAYOUTS = {
    'C': lambda a: a,
    'F': np.asfortranarray,
    'gaps': lambda a: np.repeat(a, 2, -1)[..., ::2],
    'channels-last': lambda a: np.ascontiguousarray(a.transpose(0, 2, 1)).transpose(0, 2, 1),
}


def run(kernel, name, count, hyperparameters, shape, dtype, layouts=('C', 'C'), steps=3):
    """Runs a few updates both ways and compares."""
    rng = np.random.default_rng(0)
    lay_param, lay_grad = (LAYOUTS[layout] for layout in layouts)
    p = lay_param(rng.normal(size=shape).astype(dtype))
    states = [np.zeros_like(p) for _ in range(count)]
    exact, exact_states = p.astype('d'), [s.astype('d') for s in states]
    if name == 'adam' and count == 2:
        states.append(None)
        exact_states.append(None)
    for _ in range(steps):
        g = lay_grad(rng.normal(size=shape).astype(dtype))
        before = g.copy()
        kernel(name, p, g, *states, *hyperparameters.values())
        np.testing.assert_array_equal(g, before)
        exact, exact_states = plain(name, exact, g.astype('d'), exact_states, hyperparameters)
    tolerance = {'float16': 5e-3, 'float32': 2e-6, 'float64': 1e-13}[dtype]
    for actual, expected in zip([p, *states], [exact, *exact_states]):
        if expected is not None:
            assert actual.dtype == dtype
            np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize('name, count, hyperparameters', CASES)
@pytest.mark.parametrize('dtype', ['float16', 'float32', 'float64'])
def test_formulas(kernel, name, count, hyperparameters, dtype):
    run(kernel, name, count, hyperparameters, (5, 4, 3), dtype)


@pytest.mark.parametrize('name, count, hyperparameters', CASES)
@pytest.mark.parametrize('shape', [(), (0,), (3, 0, 2), (32768,), (32769,), (70001,)])
def test_sizes_around_a_block(kernel, name, count, hyperparameters, shape):
    run(kernel, name, count, hyperparameters, shape, 'float32', steps=2)


@pytest.mark.parametrize('name, count, hyperparameters', CASES)
@pytest.mark.parametrize('param', LAYOUTS)
@pytest.mark.parametrize('grad', LAYOUTS)
def test_layouts(kernel, name, count, hyperparameters, param, grad):
    run(kernel, name, count, hyperparameters, (5, 4, 3), 'float32', (param, grad), steps=2)


def test_a_copied_layout_is_logged(kernel, caplog):
    with caplog.at_level('DEBUG', 'autograd_nn'):
        kernel('sgd', np.ones((4, 4), 'f')[:, ::2], np.ones((4, 2), 'f'), 0.1)
    assert 'are copied' in caplog.text
    caplog.clear()
    with caplog.at_level('DEBUG', 'autograd_nn'):
        kernel('sgd', np.ones((4, 2), 'f'), np.ones((4, 2), 'f'), 0.1)
    assert not caplog.text


def test_the_module_has_every_kernel_of_the_contract():
    from autograd_nn import cpu
    from autograd_nn.contract import Kernels
    names = {name for name in vars(Kernels) if not name.startswith('_')}
    assert names == set(cpu.__all__)
