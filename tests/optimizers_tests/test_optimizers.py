"""Every optimizer against its formula in plain NumPy and, where the meaning is the same, against PyTorch."""
import inspect
import io

import ml_dtypes
import numpy as np
import pytest

from autograd_nn import optimizers
from autograd_nn.dtypes import as_dtype
from autograd_nn.link import Link
from autograd_nn.serializers import load_npz, save_npz
from autograd_nn.variable import Parameter

STEPS = 6


def sgd(hp):
    return lambda p, g, s, t: p - hp['lr'] * g


def momentum(hp):
    def step(p, g, s, t):
        s['v'] = hp['momentum'] * s.get('v', 0) - hp['lr'] * g
        return p + s['v']
    return step


def corrected_momentum(hp):
    def step(p, g, s, t):
        s['v'] = hp['momentum'] * s.get('v', 0) - g
        return p + hp['lr'] * s['v']
    return step


def nesterov(hp):
    def step(p, g, s, t):
        s['v'] = hp['momentum'] * s.get('v', 0) - hp['lr'] * g
        return p + hp['momentum'] ** 2 * s['v'] - (1 + hp['momentum']) * hp['lr'] * g
    return step


def adagrad(hp):
    def step(p, g, s, t):
        s['h'] = s.get('h', 0) + g ** 2
        return p - hp['lr'] * g / (np.sqrt(s['h']) + hp['eps'])
    return step


def adadelta(hp):
    def step(p, g, s, t):
        s['msg'] = hp['rho'] * s.get('msg', 0) + (1 - hp['rho']) * g ** 2
        dx = np.sqrt((s.get('msdx', 0) + hp['eps']) / (s['msg'] + hp['eps'])) * g
        s['msdx'] = hp['rho'] * s.get('msdx', 0) + (1 - hp['rho']) * dx ** 2
        return p - dx
    return step


def rmsprop(hp):
    def step(p, g, s, t):
        s['ms'] = hp['alpha'] * s.get('ms', 0) + (1 - hp['alpha']) * g ** 2
        root = np.sqrt(s['ms'] + hp['eps']) if hp['eps_inside_sqrt'] else np.sqrt(s['ms']) + hp['eps']
        return p - hp['lr'] * g / root
    return step


def graves(hp):
    def step(p, g, s, t):
        s['n'] = hp['alpha'] * s.get('n', 0) + (1 - hp['alpha']) * g ** 2
        s['g'] = hp['alpha'] * s.get('g', 0) + (1 - hp['alpha']) * g
        s['delta'] = hp['momentum'] * s.get('delta', 0) - hp['lr'] * g / np.sqrt(s['n'] - s['g'] ** 2 + hp['eps'])
        return p + s['delta']
    return step


def smorms3(hp):
    def step(p, g, s, t):
        mem = s.get('mem', 1)
        r = 1 / (mem + 1)
        s['g'] = (1 - r) * s.get('g', 0) + r * g
        s['g2'] = (1 - r) * s.get('g2', 0) + r * g ** 2
        x = s['g'] ** 2 / (s['g2'] + hp['eps'])
        s['mem'] = 1 + mem * (1 - x)
        return p - g * np.minimum(hp['lr'], x) / (np.sqrt(s['g2']) + hp['eps'])
    return step


def msvag(hp):
    def step(p, g, s, t):
        beta = hp['beta']
        s['m'] = beta * s.get('m', 0) + (1 - beta) * g
        s['v'] = beta * s.get('v', 0) + (1 - beta) * g ** 2
        m, v = s['m'] / (1 - beta ** t), s['v'] / (1 - beta ** t)
        rho = (1 - beta) ** 2 * (1 - beta ** (2 * t)) / ((1 - beta ** t) ** 2 * (1 - beta ** 2))
        variance = 0 if t == 1 else rho * (v - m ** 2) / (1 - rho)
        return p - hp['eta'] * (hp['lr'] * m ** 3 / (m ** 2 + variance) + hp['weight_decay_rate'] * p)
    return step


def adam(hp):
    def step(p, g, s, t):
        b1, b2 = hp['beta1'], hp['beta2']
        s['m'] = b1 * s.get('m', 0) + (1 - b1) * g
        s['v'] = b2 * s.get('v', 0) + (1 - b2) * g ** 2
        v = s['v']
        if hp['amsgrad']:
            v = s['vhat'] = np.maximum(s.get('vhat', 0), v)
        alpha_t = hp['alpha'] * np.sqrt(1 - b2 ** t) / (1 - b1 ** t)
        rate = alpha_t / (np.sqrt(v) + hp['eps'])
        if hp['adabound']:
            low = hp['final_lr'] * (1 - 1 / (hp['gamma'] * t + 1))
            high = hp['final_lr'] * (1 + 1 / (hp['gamma'] * t))
            rate = np.clip(rate, low, high)
        return p - hp['eta'] * (rate * s['m'] + hp['weight_decay_rate'] * p)
    return step


ADAM = {'alpha': 0.001, 'beta1': 0.9, 'beta2': 0.999, 'eps': 1e-8, 'eta': 1.0, 'weight_decay_rate': 0,
        'amsgrad': False, 'adabound': False, 'final_lr': 0.1, 'gamma': 1e-3}
MSVAG = {'lr': 0.1, 'beta': 0.9, 'eta': 1.0, 'weight_decay_rate': 0}
RMSPROP = {'lr': 0.01, 'alpha': 0.99, 'eps': 1e-8, 'eps_inside_sqrt': False}
# class, arguments, all hyperparameters as the documentation has them, formula
CASES = [
    ('SGD', {}, {'lr': 0.01}, sgd),
    ('SGD', {'lr': 0.3}, {'lr': 0.3}, sgd),
    ('MomentumSGD', {}, {'lr': 0.01, 'momentum': 0.9}, momentum),
    ('CorrectedMomentumSGD', {}, {'lr': 0.01, 'momentum': 0.9}, corrected_momentum),
    ('NesterovAG', {}, {'lr': 0.01, 'momentum': 0.9}, nesterov),
    ('AdaGrad', {}, {'lr': 0.001, 'eps': 1e-8}, adagrad),
    ('AdaDelta', {}, {'rho': 0.95, 'eps': 1e-6}, adadelta),
    ('RMSprop', {}, RMSPROP, rmsprop),
    ('RMSprop', {'eps': 1e-2, 'eps_inside_sqrt': True}, dict(RMSPROP, eps=1e-2, eps_inside_sqrt=True), rmsprop),
    ('RMSpropGraves', {}, {'lr': 1e-4, 'alpha': 0.95, 'momentum': 0.9, 'eps': 1e-4}, graves),
    ('SMORMS3', {}, {'lr': 0.001, 'eps': 1e-16}, smorms3),
    ('MSVAG', {}, MSVAG, msvag),
    ('MSVAG', {'beta': 0.5, 'eta': 0.5, 'weight_decay_rate': 0.1},
     dict(MSVAG, beta=0.5, eta=0.5, weight_decay_rate=0.1), msvag),
    ('Adam', {}, ADAM, adam),
    ('Adam', {'eta': 0.5, 'weight_decay_rate': 0.1}, dict(ADAM, eta=0.5, weight_decay_rate=0.1), adam),
    ('AdamW', {}, ADAM, adam),
    ('AMSGrad', {}, dict(ADAM, amsgrad=True), adam),
    ('AdaBound', {'final_lr': 0.02}, dict(ADAM, adabound=True, final_lr=0.02), adam),
    ('AMSBound', {'final_lr': 0.02}, dict(ADAM, amsgrad=True, adabound=True, final_lr=0.02), adam),
]


def model_of(array):
    link = Link()
    with link.init_scope():
        link.W = Parameter(array)
    return link


def gradients(shape, dtype):
    random = np.random.RandomState(1)
    return [np.asarray(random.randn(*shape) * 10. ** random.randint(-3, 2), dtype) for _ in range(STEPS)]


def run(optimizer, array, grads):
    model = model_of(array)
    optimizer.setup(model)
    for g in grads:
        model.W.grad = g.copy()
        optimizer.update()
    return model


@pytest.mark.parametrize('dtype', ['f', 'd'])
@pytest.mark.parametrize('shape', [(), (0, 3), (4, 5)])
@pytest.mark.parametrize('name, args, hp, formula', CASES)
def test_formula(name, args, hp, formula, shape, dtype):
    array = np.asarray(np.random.randn(*shape), dtype)
    grads = gradients(shape, dtype)
    optimizer = getattr(optimizers, name)(**args)
    assert optimizer.hyperparam.get_dict() == hp
    model = run(optimizer, array, grads)
    p, state, step = array.astype('d'), {}, formula(hp)
    for t, g in enumerate(grads, 1):
        p = step(p, g.astype('d'), state, t)
    assert model.W.dtype == dtype
    tolerance = 2e-5 if dtype == 'f' else 1e-12
    np.testing.assert_allclose(model.W.array, p, tolerance, tolerance)
    rule = model.W.update_rule
    assert optimizer.t == rule.t == STEPS
    assert set(rule.state) == set(state)
    for key, value in state.items():
        np.testing.assert_allclose(rule.state[key], value, 20 * tolerance, tolerance)


@pytest.mark.parametrize('dtype', ['float16', 'bfloat16'])
@pytest.mark.parametrize('scale', [1e-4, 1, 300, 1e4])
@pytest.mark.parametrize('name, args, hp, formula', CASES)
def test_half_precision(name, args, hp, formula, scale, dtype):
    """States are in float32, and each update is rounded once: it starts from 0, so that no digit of it is hidden."""
    random, dtype = np.random.RandomState(1), as_dtype(dtype)
    epsilon, smallest = (float(getattr(ml_dtypes.finfo(dtype), key)) for key in ('eps', 'smallest_subnormal'))
    model = model_of(np.zeros((4, 5), dtype))
    optimizer = getattr(optimizers, name)(**args).setup(model)
    state, step = {}, formula(hp)
    for t in range(1, STEPS + 1):
        g = (random.randn(4, 5) * scale).astype(dtype)
        model.W.array[...] = 0
        model.W.grad = g
        optimizer.update()
        exact = step(np.zeros((4, 5)), g.astype('d'), state, t)
        assert model.W.dtype == dtype
        error = 0.51 * (epsilon * abs(exact) + smallest)
        assert (abs(model.W.array.astype('d') - exact) <= error).all()
        for key, value in state.items():
            assert model.W.update_rule.state[key].dtype == np.float32
            np.testing.assert_allclose(model.W.update_rule.state[key], value, 2e-5)


def test_every_optimizer_is_tested():
    assert {case[0] for case in CASES} == set(optimizers.__all__)


@pytest.mark.parametrize('name, args, hp, formula', CASES)
def test_states_that_were_saved_in_half_precision(name, args, hp, formula):
    """They are read as they are, and go on in float32."""
    def trained():
        model = run(getattr(optimizers, name)(**args), np.ones((4, 5), 'e'), gradients((4, 5), 'e'))
        return model, model.W.update_rule

    _, old = trained()
    for key, value in (old.state or {}).items():
        old.state[key] = value.clip(-6e4, 6e4).astype('e')
    file = io.BytesIO()
    save_npz(file, old)
    for used in True, False:
        model, rule = trained() if used else (model_of(np.ones((4, 5), 'e')), None)
        if not used:
            getattr(optimizers, name)(**args).setup(model)
            rule = model.W.update_rule
        file.seek(0)
        load_npz(file, rule)
        before = {key: value.astype('d') for key, value in (rule.state or {}).items()}
        assert all((before[key] == value.astype('d')).all() for key, value in (old.state or {}).items())
        g = np.full((4, 5), 1e4, 'e')
        model.W.array[...] = 0
        model.W.grad = g
        rule.update(model.W)
        exact = formula(hp)(np.zeros((4, 5)), g.astype('d'), before, rule.t)
        np.testing.assert_allclose(model.W.array, exact, 1e-3)
        for key, value in before.items():
            assert rule.state[key].dtype == np.float32
            np.testing.assert_allclose(rule.state[key], value, 2e-5)


def test_gradients_that_are_nearly_the_same():
    """Rounded, their variance may be negative, and RMSpropGraves takes its root."""
    random = np.random.RandomState(0)
    model = model_of(np.zeros(1000, 'f'))
    optimizer = optimizers.RMSpropGraves().setup(model)
    for _ in range(300):
        model.W.grad = (np.linspace(1, 3e4, 1000) * (1 + 1e-4 * random.randn(1000))).astype('f')
        optimizer.update()
    state = model.W.update_rule.state
    assert (state['n'] - state['g'] ** 2 < -1e-4).any()
    assert np.isfinite(model.W.array).all()


@pytest.mark.parametrize('name, torch_name, args, torch_args', [
    ('SGD', 'SGD', {'lr': 0.1}, {'lr': 0.1}),
    ('MomentumSGD', 'SGD', {'lr': 0.1, 'momentum': 0.8}, {'lr': 0.1, 'momentum': 0.8}),
    ('AdaGrad', 'Adagrad', {'lr': 0.1}, {'lr': 0.1, 'eps': 1e-8}),
    ('AdaDelta', 'Adadelta', {'rho': 0.9}, {'rho': 0.9, 'lr': 1.0}),
    ('RMSprop', 'RMSprop', {'lr': 0.1, 'alpha': 0.9}, {'lr': 0.1, 'alpha': 0.9}),
    # PyTorch adds eps after the correction of the bias: the same only where it is negligible.
    ('Adam', 'Adam', {'alpha': 0.1, 'eps': 1e-16}, {'lr': 0.1, 'eps': 1e-16}),
    ('AdamW', 'AdamW', {'alpha': 0.1, 'eps': 1e-16, 'weight_decay_rate': 0.02},
     {'lr': 0.1, 'eps': 1e-16, 'weight_decay': 0.2}),
])
def test_torch(name, torch_name, args, torch_args):
    torch = pytest.importorskip('torch')
    array = np.random.randn(3, 4)
    grads = gradients((3, 4), 'd')
    model = run(getattr(optimizers, name)(**args), array, grads)
    W = torch.tensor(array, requires_grad=True)
    optimizer = getattr(torch.optim, torch_name)([W], **torch_args)
    for g in grads:
        W.grad = torch.tensor(g)
        optimizer.step()
    np.testing.assert_allclose(model.W.array, W.detach().numpy(), 1e-9, 1e-9)


def test_parameters_in_any_layout():
    array = np.random.randn(2, 3, 4, 5).astype('f')
    grads = gradients(array.shape, 'f')
    expected = run(optimizers.Adam(), array, grads).W.array
    model = model_of(array)
    model.W.array = array.transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2)
    strides = model.W.array.strides
    optimizer = optimizers.Adam().setup(model)
    for g in grads:
        model.W.grad = g
        optimizer.update()
    assert model.W.array.strides == strides == model.W.update_rule.state['m'].strides
    np.testing.assert_allclose(model.W.array, expected, 1e-6)


def test_rule_overrides_optimizer():
    model = model_of(np.ones(2))
    optimizer = optimizers.SGD(lr=1).setup(model)
    model.W.update_rule.hyperparam.lr = 0.5
    model.W.grad = np.ones(2)
    optimizer.update()
    np.testing.assert_array_equal(model.W.array, [0.5, 0.5])
    assert optimizer.lr == 1
    optimizer.lr = 2
    assert optimizer.hyperparam.lr == 2 and model.W.update_rule.hyperparam.lr == 0.5


@pytest.mark.parametrize('rule, args', [
    ('sgd.SGDRule', {'lr': 0.5}), ('sgd.MomentumSGDRule', {'lr': 0.5, 'momentum': 0.1}),
    ('adaptive.AdaGradRule', {'eps': 0.5}), ('adaptive.AdaDeltaRule', {'rho': 0.5}),
    ('adaptive.RMSpropRule', {'alpha': 0.5}), ('adaptive.RMSpropGravesRule', {'lr': 0.5}),
    ('adaptive.SMORMS3Rule', {'lr': 0.5}), ('adam.AdamRule', {'alpha': 0.5, 'amsgrad': True})])
def test_rule_without_optimizer(rule, args):
    module, _, name = rule.partition('.')
    update_rule = getattr(getattr(optimizers, module), name)(**args)
    for key, value in args.items():
        assert getattr(update_rule.hyperparam, key) == value
    param = Parameter(np.ones(3))
    param.grad = np.ones(3)
    param.update_rule = update_rule
    param.update()
    assert (param.array < 1).all() and update_rule.t == 1


def test_what_a_rule_is_given():
    """Positions and names are the optimizer's; a class with a constructor of its own has its own."""
    rule = optimizers.sgd.NesterovAGRule(None, 0.5, momentum=None)
    assert (rule.hyperparam.lr, rule.hyperparam.momentum) == (0.5, optimizers.NesterovAG.momentum)
    for args, kwds in [((None, 1, 2, 3), {}), ((), {'alpha': 1})]:
        with pytest.raises(TypeError, match='NesterovAGRule'):
            optimizers.sgd.NesterovAGRule(*args, **kwds)

    class Half(optimizers.sgd.SGDRule):
        def __init__(self, parent):
            super().__init__(parent, 0.5)

    assert str(inspect.signature(Half)) == '(parent)'
    assert Half(None).hyperparam.lr == 0.5


def test_adam_lr():
    model = model_of(np.ones(2))
    optimizer = optimizers.Adam(alpha=0.1).setup(model)
    for read in (lambda: optimizer.lr, lambda: model.W.update_rule.lr, lambda: model.W.update_rule.bounds):
        with pytest.raises(RuntimeError, match='number of updates'):
            read()
    for t in 1, 2, 3:
        model.W.grad = np.ones(2)
        optimizer.update()
        expected = 0.1 * np.sqrt(1 - 0.999 ** t) / (1 - 0.9 ** t)
        for value in optimizer.lr, optimizer.alpha_t, model.W.update_rule.lr:
            assert value == pytest.approx(expected, rel=1e-12)


def test_adabound_follows_alpha():
    model = model_of(np.ones(2))
    optimizer = optimizers.AdaBound(alpha=0.1, final_lr=1, gamma=1).setup(model)
    model.W.grad = np.ones(2)
    optimizer.update()
    assert model.W.update_rule.bounds == (0.5, 2)
    optimizer.alpha = 0.05
    assert model.W.update_rule.bounds == (0.25, 1)
