"""Hooks against their formulas."""
import numpy as np
import pytest

from autograd_nn import optimizer_hooks, optimizers
from autograd_nn.link import Link
from autograd_nn.variable import Parameter, Variable


def make(dtype, *hooks, lr=1.0):
    """A model of three parameters with gradients, ready for an update with the hooks."""
    random = np.random.RandomState(3)
    link = Link()
    with link.init_scope():
        for name, shape in ('W', (3, 4)), ('b', (3,)), ('s', ()):
            setattr(link, name, Parameter(np.asarray(random.randn(*shape), dtype)))
    for param in link.params():
        param.grad = np.asarray(random.randn(*param.shape), dtype)
    optimizer = optimizers.SGD(lr=lr).setup(link)
    for hook in hooks:
        optimizer.add_hook(hook)
    return link, optimizer


def check(hook, expected, dtype, tolerance=None):
    """`expected` maps all parameters and gradients, in double precision, to the gradients after the hook."""
    link, optimizer = make(dtype, hook)
    params = [p.array.astype('d') for p in link.params()]
    grads = [p.grad.astype('d') for p in link.params()]
    optimizer.update()
    tolerance = tolerance or {'e': 1e-3, 'f': 1e-5, 'd': 1e-12}[dtype]
    for param, p, g in zip(link.params(), params, expected(params, grads)):
        assert param.dtype == dtype and param.grad.dtype in (dtype, 'f')
        np.testing.assert_allclose(param.grad, g, *[min(tolerance, 1e-5)] * 2)  # not rounded to half precision
        np.testing.assert_allclose(param.array, p - g, tolerance, tolerance)


@pytest.fixture(params=['e', 'f', 'd'])
def dtype(request):
    return request.param


def test_weight_decay(dtype):
    check(optimizer_hooks.WeightDecay(0.1), lambda ps, gs: [g + 0.1 * p for p, g in zip(ps, gs)], dtype)


def test_lasso(dtype):
    check(optimizer_hooks.Lasso(0.1), lambda ps, gs: [g + 0.1 * np.sign(p) for p, g in zip(ps, gs)], dtype)


@pytest.mark.parametrize('threshold', [0.5, 100])
def test_gradient_clipping(dtype, threshold):
    def expected(params, grads):
        norm = np.sqrt(sum((g ** 2).sum() for g in grads))
        return [g * min(1, threshold / norm) for g in grads]
    check(optimizer_hooks.GradientClipping(threshold), expected, dtype)


def test_gradient_clipping_does_not_overflow():
    link, optimizer = make('e', optimizer_hooks.GradientClipping(1.0))
    for param in link.params():
        param.grad = np.full(param.shape, 60000, 'e')
    optimizer.update()
    np.testing.assert_allclose(link.W.grad, 0.25, 1e-3)


def test_gradient_hard_clipping(dtype):
    check(optimizer_hooks.GradientHardClipping(-0.2, 0.3), lambda ps, gs: [g.clip(-0.2, 0.3) for g in gs], dtype)


def test_gradient_scaling(dtype):
    check(optimizer_hooks.GradientScaling(3), lambda ps, gs: [3 * g for g in gs], dtype)


def test_gradient_noise(dtype):
    def noise(xp, shape, dtype, hook, opt):
        return np.full(shape, hook.eta * opt.t, dtype)
    check(optimizer_hooks.GradientNoise(0.5, noise), lambda ps, gs: [g + 0.5 * 0 for g in gs], dtype)
    link, optimizer = make(dtype, optimizer_hooks.GradientNoise(0.5, noise))
    optimizer.update()
    W = link.W.grad.copy()
    optimizer.update()
    np.testing.assert_allclose(link.W.grad, W + 0.5, 1e-2)


def test_gradient_noise_decays():
    hook = optimizer_hooks.GradientNoise(0.3)
    for t in 0, 10:
        class At:
            pass
        At.t = t
        noise = hook.noise_func(np, (20000,), np.dtype('f'), hook, At)
        assert noise.dtype == np.float32 and abs(noise.mean()) < 0.02
        assert noise.var() == pytest.approx(0.3 / (1 + t) ** 0.55, rel=0.05)


@pytest.mark.parametrize('decay', [0, 0.2])
def test_gradient_lars(dtype, decay):
    def expected(params, grads):
        results = []
        for p, g in zip(params, grads):
            p_norm, g_norm = np.sqrt((p ** 2).sum()), np.sqrt((g ** 2).sum())
            results.append(p_norm / (1e-9 + g_norm + decay * p_norm) * (g + decay * p))
        return results
    check(optimizer_hooks.GradientLARS(weight_decay=decay), expected, dtype)


def test_gradient_lars_by_hand():
    """The gradient becomes as long as the parameter: at a rate of 1 nothing is left."""
    link = Link()
    with link.init_scope():
        link.W = Parameter(np.array([3., 4.]))
    link.W.grad = np.array([0.6, 0.8])
    optimizer = optimizers.SGD(1.).setup(link)
    optimizer.add_hook(optimizer_hooks.GradientLARS())
    optimizer.update()
    np.testing.assert_allclose(link.W.array, 0, atol=1e-7)


def test_gradient_lars_leaves_small_parameters_alone():
    link, optimizer = make('d', optimizer_hooks.GradientLARS())
    link.b.array[...] = 1e-4
    before = link.b.grad.copy()
    optimizer.update()
    np.testing.assert_array_equal(link.b.grad, before)


@pytest.mark.parametrize('hook', [
    optimizer_hooks.WeightDecay(0.1), optimizer_hooks.Lasso(0.1), optimizer_hooks.GradientHardClipping(-.1, .1),
    optimizer_hooks.GradientNoise(0.1), optimizer_hooks.GradientLARS(), optimizer_hooks.GradientClipping(.1),
    optimizer_hooks.GradientScaling(2)])
def test_gradients_that_share_memory(hook):
    """Two parameters may have one array as gradient, which may be read-only; a hook leaves it alone."""
    shared = np.broadcast_to(np.float64(1), (3, 4))
    link, optimizer = make('d')
    link.W.grad_var = Variable(shared)
    optimizer.add_hook(hook)
    optimizer.update()
    assert (shared == 1).all() and not (link.W.grad == 1).any()


def test_rule_hook():
    """A hook for each parameter can be added to one parameter alone."""
    link, optimizer = make('d')
    link.W.update_rule.add_hook(optimizer_hooks.WeightDecay(0.5))
    W, b, gW, gb = link.W.array.copy(), link.b.array.copy(), link.W.grad.copy(), link.b.grad.copy()
    optimizer.update()
    np.testing.assert_allclose(link.W.array, W - gW - 0.5 * W)
    np.testing.assert_allclose(link.b.array, b - gb)


def test_weight_clipping(dtype):
    link, optimizer = make(dtype, optimizer_hooks.WeightClipping(0.5))
    expected = [np.clip(p.array - p.grad, -0.5, 0.5) for p in link.params()]
    optimizer.update()
    for param, p in zip(link.params(), expected, strict=True):
        assert param.dtype == dtype
        np.testing.assert_array_equal(param.array, p)
    assert max(abs(param.array).max() for param in link.params()) == 0.5


@pytest.mark.parametrize('kind', [bool, np.float32])
def test_weight_mask(dtype, kind):
    """Of one parameter; the mask may change."""
    link, optimizer = make(dtype)
    mask = (np.arange(12).reshape(3, 4) % 3 > 0).astype(kind)
    link.W.update_rule.add_hook(optimizer_hooks.WeightMask(mask))
    for _ in range(2):
        expected = [p.array - p.grad for p in link.params()]
        optimizer.update()
        for param, p in zip(link.params(), expected, strict=True):
            assert param.dtype == dtype
            np.testing.assert_array_equal(param.array, np.where(mask > 0, p, 0) if param is link.W else p)
        assert not np.signbit(link.W.array[mask == 0]).any(), 'there is one kind of zero'
        mask[0] = 0


def test_hooks_of_a_parameter_come_with_every_setup():
    """They belong to it, and not to an optimizer; also where its array comes later."""
    link = Link()
    with link.init_scope():
        link.W, link.b = Parameter(0), Parameter(0, 2)
    link.W.update_hooks = optimizer_hooks.WeightClipping(0.5),
    for optimizer in optimizers.SGD(1.), optimizers.MomentumSGD(1.), optimizers.Adam(1.):
        optimizer.setup(link)
        link.W.initialize(2)
        for param in link.params():
            param.array[...] = 0
            param.grad = np.full(2, -3, 'f')
        optimizer.update()
        assert link.W.array.tolist() == [0.5, 0.5] and (link.b.array > 0.9).all()
