"""Training in half precision: which numbers are in which precision, and what happens to steps that overflow."""
import io
import logging
import pickle
import sys

import numpy as np
import pytest

import autograd_nn as ann
from autograd_nn import functions as F
from autograd_nn import links as L
from autograd_nn import optimizer_hooks as hooks
from autograd_nn import optimizers


class Net(ann.Chain):

    def __init__(self):
        super().__init__()
        with self.init_scope():
            self.l1 = L.Linear(4, 8)
            self.bn = L.BatchNormalization(8)
            self.norm = L.LayerNormalization(8)
            self.group_norm = L.GroupNormalization(2, 8)
            self.l2 = L.Linear(8, 3)

    def forward(self, x):
        return self.l2(self.group_norm(self.norm(F.relu(self.bn(self.l1(x))))))


@pytest.fixture
def mixed16():
    with ann.using_config('dtype', ann.mixed16):
        yield


@pytest.fixture(params=[ann.mixed16, ann.mixed_bfloat16])
def half(request):
    """The type in half precision, while mixed precision is in force."""
    with ann.using_config('dtype', request.param):
        yield np.dtype(request.param)


def data():
    x = np.random.normal(size=(32, 4)).astype(ann.get_dtype())
    return x, (x.sum(1) > 0).astype('i') + (x[:, 0] > 1)


def test_the_name_of_a_type(mixed16):
    assert ann.get_dtype() == np.float16 and ann.get_dtype(map_mixed16='f') == np.float32
    assert ann.get_dtype('d', map_mixed16='f') == np.float64
    assert np.dtype(ann.mixed16) == np.float16 and repr(ann.config.dtype) == 'mixed16'


def test_bfloat16_by_name():
    assert ann.get_dtype(ann.mixed_bfloat16).name == ann.get_dtype('bfloat16').name == 'bfloat16'
    assert ann.get_dtype(ann.mixed_bfloat16, map_mixed16='f') == np.float32
    for mixed in ann.mixed16, ann.mixed_bfloat16:
        assert pickle.loads(pickle.dumps(mixed)) is mixed


def test_bfloat16_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, 'ml_dtypes', None)
    with ann.using_config('dtype', ann.mixed_bfloat16), pytest.raises(ImportError, match='pip install ml_dtypes'):
        L.Linear(3, 2)


def test_precisions(half):
    model = L.Classifier(Net())
    optimizer = optimizers.Adam().setup(model)
    optimizer.update(model, *data())
    for name, param in model.namedparams():
        precise = 'norm' in name or 'bn' in name
        assert param.dtype == (np.float32 if precise else half)
        copy = param.update_rule._fp32_param
        assert (copy is None) == precise
        if copy is not None:
            assert copy.dtype == np.float32 and param.update_rule.state['m'].dtype == np.float32
            np.testing.assert_array_equal(param.array, copy.array.astype(half))
    assert (optimizer._loss_scale is not None) == (half == np.float16)
    assert model.y.dtype == half and model.predictor.bn.avg_mean.dtype == np.float32


def test_it_learns_what_single_precision_learns(half):
    def losses():
        np.random.seed(0)
        model = L.Classifier(Net())
        optimizer = optimizers.MomentumSGD(0.1).setup(model)
        x, t = data()
        for _ in range(30):
            optimizer.update(model, x, t)
            yield float(model.loss.array)

    rounded = list(losses())
    with ann.using_config('dtype', np.dtype('f')):
        single = list(losses())
    np.testing.assert_allclose(rounded, single, rtol=0.1, atol=0.02 if half == np.float16 else 0.1)
    assert rounded[-1] < rounded[0] / 4


def test_small_steps_are_not_lost(half):
    """Steps too small for half precision add up in the copies."""
    link = ann.Link()
    with link.init_scope():
        link.W = ann.Parameter(np.ones(1, half))
    optimizer = optimizers.SGD(1e-4).setup(link)
    for _ in range(100):
        optimizer.update(lambda: F.sum(link.W))
    np.testing.assert_allclose(link.W.array.astype('f'), 0.99, rtol=1e-3 if half == np.float16 else 4e-3)


def test_overflowing_steps_are_left_out(mixed16, caplog):
    link = ann.Link()
    with link.init_scope():
        link.W = ann.Parameter(np.full(3, 2, 'e'))
    optimizer = optimizers.SGD(0.1).setup(link)
    scale = optimizer._loss_scale = 2.0 ** 15
    # What is expected, and logged, is no warning of NumPy's.
    with caplog.at_level(logging.INFO, 'autograd_nn'), np.errstate(all='raise', under='ignore'):
        optimizer.update(lambda: F.sum(link.W * 4))
    assert not optimizer.is_safe_to_update() and optimizer._loss_scale == scale / 2
    assert 'left out' in caplog.text
    np.testing.assert_array_equal(link.W.array, 2)
    optimizer.update(lambda: F.sum(link.W) * 0.5)
    assert optimizer.is_safe_to_update()
    np.testing.assert_allclose(link.W.array, 1.95, rtol=1e-3)


def test_parameters_updated_together_and_apart(half):
    """Hooks after the update keep a parameter out of the common call; the numbers are the same."""
    def trained(hook):
        np.random.seed(0)
        model = L.Classifier(Net())
        optimizer = optimizers.Adam(0.01).setup(model)
        if hook:
            for param in model.params():
                param.update_rule.add_hook(lambda rule, param: None, 'nothing', 'post')
        x, t = data()
        for _ in range(3):
            optimizer.update(model, x, t)
        return [param.array for param in model.params()]

    for together, apart in zip(trained(False), trained(True)):
        np.testing.assert_array_equal(together, apart)


@pytest.mark.parametrize('function, expected', [(F.sum, 3000), (F.mean, 1), (lambda x: F.cumsum(x)[-1], 3000),
                                                (lambda x: F.sum_to(x, (1,)), 3000), (F.logsumexp, 1 + np.log(3000)),
                                                (lambda x: F.einsum('i,i', x, x), 3000)])
def test_sums_have_more_digits_than_their_numbers(half, function, expected):
    """Added up in bfloat16, ones come to 256."""
    y = function(np.ones(3000, half))
    assert y.dtype == half
    np.testing.assert_allclose(y.array.astype('f'), expected, rtol=4e-3)


@pytest.mark.parametrize('save, load', [(ann.serializers.save_npz, ann.serializers.load_npz),
                                        (ann.serializers.save_safetensors, ann.serializers.load_safetensors)])
def test_files(half, save, load):
    """What is loaded is what was saved, in that precision and in single."""
    def trained():
        model = L.Classifier(Net())
        return optimizers.Adam().setup(model), model

    optimizer, model = trained()
    optimizer.update(model, *data())
    file, other_file = io.BytesIO(), io.BytesIO()
    save(file, model)
    save(other_file, optimizer)
    file.seek(0), other_file.seek(0)
    optimizer, other = trained()
    load(file, other)
    load(other_file, optimizer)
    with ann.using_config('dtype', np.dtype('f')):
        single = L.Classifier(Net())
        file.seek(0)
        load(file, single)
    for a, b, c in zip(model.params(), other.params(), single.params(), strict=True):
        assert a.dtype == b.dtype and c.dtype == np.float32
        np.testing.assert_array_equal(a.array, b.array)
        np.testing.assert_array_equal(a.array.astype('f'), c.array)
        for key, state in a.update_rule.state.items():
            np.testing.assert_array_equal(state, b.update_rule.state[key])


def updated(array, grad, *hooks, scale=None, dtype='e'):
    """The parameter after an update with rate 1 that starts from `array`."""
    link = ann.Link()
    with link.init_scope():
        link.W = ann.Parameter(np.array(array, dtype))
    optimizer = optimizers.SGD(1).setup(link)
    for hook in hooks:
        optimizer.add_hook(hook)
    link.W.grad = np.array(grad, dtype)
    if scale is None:
        optimizer.update()
    else:
        optimizer.apply_gradients(scale)
    assert link.W.dtype == dtype
    return link.W.array.astype('d')


@pytest.mark.parametrize('hook, array, grad', [
    (hooks.WeightDecay(2 ** -12), 1., 1.), (hooks.WeightDecay(1e-3), 0.5, 300.), (hooks.Lasso(2 ** -12), 1., 1.),
    (hooks.GradientClipping(1e-3), 0., [3e4, 4e4]), (hooks.GradientHardClipping(-1, 1), 0., [3e4, -4e4]),
    (hooks.GradientNoise(0, lambda xp, shape, dtype, hook, opt: xp.full(shape, 2 ** -12, dtype)), 1., 1.),
    (hooks.GradientLARS(0.1), [3., 4.], [4e4, 3e4]), (hooks.GradientLARS(weight_decay=1e-4), [3., 4.], [4e-4, 3e-4]),
])
def test_hooks_lose_nothing(hook, array, grad):
    """What a hook makes of a gradient is not rounded before the update."""
    array = np.broadcast_to(array, np.shape(grad))
    exact = updated(array.astype('e'), np.array(grad, 'e'), hook, dtype='d')
    np.testing.assert_allclose(updated(array, grad, hook), exact, rtol=2 ** -11, atol=2 ** -25)


def test_a_scaled_gradient_keeps_its_digits():
    """Divided by the scale, it would be too small for float16; in an update that multiplies it again it is not."""
    link = ann.Link()
    with link.init_scope():
        link.W = ann.Parameter(np.zeros(2, 'e'))
    optimizer = optimizers.SGD(2. ** 20).setup(link)
    link.W.grad = np.array([1, 3], 'e')
    optimizer.apply_gradients(2. ** 30)
    np.testing.assert_array_equal(link.W.array, np.array([-1, -3]) / 1024)


def test_running_averages_of_large_numbers():
    """The variance 90,000 is out of the range of float16."""
    layer = L.BatchNormalization(2, decay=0, dtype='float16')
    x = (300 * np.random.normal(size=(1000, 2))).astype('e')
    layer(x)
    np.testing.assert_allclose(layer.avg_var, x.astype('d').var(0, ddof=1), rtol=1e-4)
    with ann.using_config('train', False):
        y = layer(x)
    assert y.dtype == layer.gamma.dtype == np.float16
    np.testing.assert_allclose(y.array.std(0, dtype='d'), 1, rtol=2e-3)
