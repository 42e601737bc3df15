"""The base classes of optimizers and update rules."""
import copy
import pickle
import types

import numpy as np
import pytest

from autograd_nn import cpu, optimizers, using_config
from autograd_nn import functions as F  # noqa: F401  (Variables compute once it is imported)
from autograd_nn.link import Chain, Link
from autograd_nn.optimizer import GradientMethod, Hyperparameter, Optimizer, UpdateRule
from autograd_nn.update_rule import set_gradient
from autograd_nn.variable import Parameter


class Dictionary:
    """A serializer that writes to or reads from a dictionary of arrays."""

    def __init__(self, target, load, path=''):
        self.target, self.load, self.path = target, load, path

    def __getitem__(self, name):
        return Dictionary(self.target, self.load, f'{self.path}{name.strip("/")}/')

    def __call__(self, name, value):
        if not self.load:
            assert value is not None
            self.target[self.path + name] = np.array(value)
            return value
        stored = self.target[self.path + name]
        return stored.copy() if isinstance(value, np.ndarray) or value is None else type(value)(stored)


def make_model(dtype='f'):
    model = Chain(l1=Link(), l2=Link())
    with model.l1.init_scope():
        model.l1.W = Parameter(np.arange(6, dtype=dtype).reshape(2, 3))
    with model.l2.init_scope():
        model.l2.b = Parameter(np.ones(2, dtype))
    return model


def loss(model):
    return (model.l1.W * model.l1.W).sum() / 2 + model.l2.b.sum() * 3


def test_update_with_lossfun():
    model = make_model()
    optimizer = optimizers.SGD(lr=0.5)
    assert optimizer.setup(model) is optimizer and optimizer.target is model
    W = model.l1.W.array.copy()
    optimizer.update(loss, model)
    np.testing.assert_array_equal(model.l1.W.array, W / 2)
    np.testing.assert_array_equal(model.l2.b.array, [-0.5, -0.5])
    assert optimizer.t == 1
    optimizer.use_cleargrads(False)
    optimizer.update(lossfun=loss, model=model)
    np.testing.assert_array_equal(model.l1.W.array, W / 4)


def test_setup_forgets():
    model = make_model()
    optimizer = optimizers.MomentumSGD().setup(model)
    optimizer.add_hook(lambda opt: None, 'hook')
    optimizer.update(loss, model)
    optimizer.new_epoch()
    optimizer.setup(model)
    assert optimizer.t == optimizer.epoch == 0 and model.l1.W.update_rule.state is None
    optimizer.add_hook(lambda opt: None, 'hook')


def test_misuse():
    optimizer = optimizers.SGD()
    with pytest.raises(TypeError, match='expected a Link, got list'):
        optimizer.setup([])
    with pytest.raises(RuntimeError, match=r'add_hook: call setup\(model\) first'):
        optimizer.add_hook(print)
    with pytest.raises(RuntimeError, match=r'update: call setup\(model\) first'):
        optimizer.update()
    optimizer.setup(make_model())
    with pytest.raises(TypeError, match='add_hook'):
        optimizer.add_hook(3)
    with pytest.raises(ValueError, match="'pre', 'post' or 'auto'"):
        optimizer.add_hook(print, timing='late')
    optimizer.add_hook(print)
    with pytest.raises(KeyError, match='print'):
        optimizer.add_hook(print, timing='post')
    optimizer.remove_hook('print')
    with pytest.raises(KeyError, match='print'):
        optimizer.remove_hook('print')


def test_base_classes_say_what_is_missing():
    model = make_model()
    with pytest.raises(NotImplementedError, match='does not override update'):
        Optimizer().setup(model).update()
    with pytest.raises(NotImplementedError, match='create_update_rule'):
        GradientMethod().setup(model)
    with pytest.raises(NotImplementedError, match='on the CPU'):
        UpdateRule().update(model.l1.W)


def test_parameters_without_gradient_or_array():
    model = make_model()
    with model.init_scope():
        model.lazy = Parameter(0)
    optimizer = optimizers.MomentumSGD().setup(model)
    model.l1.W.grad = np.ones((2, 3), 'f')
    optimizer.update()
    np.testing.assert_array_equal(model.l2.b.array, [1, 1])
    np.testing.assert_array_equal(model.l2.b.grad, [0, 0])
    assert model.lazy.update_rule.t == 0
    model.lazy.initialize((3,))
    optimizer.update()
    assert model.lazy.update_rule.t == 1


def test_disabled_rule():
    model = make_model()
    optimizer = optimizers.SGD().setup(model)
    model.l1.disable_update()
    W = model.l1.W.array.copy()
    optimizer.update(loss, model)
    np.testing.assert_array_equal(model.l1.W.array, W)
    assert model.l1.W.update_rule.t == 0 and model.l2.b.update_rule.t == 1


def test_hooks_of_optimizer():
    calls = []

    def record(what):
        return lambda *args: calls.append((what, len(args), float(model.l2.b.array[0])))

    model = make_model()
    optimizer = optimizers.SGD(lr=1).setup(model)
    optimizer.add_hook(record('after'), 'after', 'post')
    optimizer.add_hook(record('first'), 'first')
    each = record('each')
    each.call_for_each_param = True
    optimizer.add_hook(each, 'each', 'pre')
    late = record('late')
    late.name, late.timing = 'late', 'post'
    optimizer.add_hook(late)
    optimizer.update(loss, model)
    assert calls == [('first', 1, 1), ('each', 2, 1), ('each', 2, 1), ('after', 1, -2), ('late', 1, -2)]


def test_hooks_of_rule():
    model = make_model()
    optimizers.SGD(lr=1).setup(model)
    calls = []
    b = model.l2.b
    rule = b.update_rule
    rule.add_hook(lambda rule, param: calls.append(param.array.copy()), 'before')
    rule.add_hook(lambda rule, param: calls.append(param.array.copy()), 'after', timing='post')
    b.grad = np.ones(2, 'f')
    b.update()
    np.testing.assert_array_equal(calls, [[1, 1], [0, 0]])
    rule.remove_hook('before')
    rule.remove_hook('after')
    b.update()
    assert len(calls) == 2


def test_new_epoch():
    optimizer = optimizers.SGD().setup(make_model())
    optimizer.new_epoch()
    optimizer.new_epoch(auto=True)
    assert optimizer.epoch == 2 and optimizer.use_auto_new_epoch
    with pytest.raises(RuntimeError, match='auto_new_epoch=False'):
        optimizer.new_epoch()


@pytest.mark.parametrize('name', optimizers.__all__)
@pytest.mark.parametrize('used', [False, True])
def test_serialize(name, used):
    """Training on after loading, into a used optimizer or a fresh one, equals training without a break."""
    model = make_model('d')
    optimizer = getattr(optimizers, name)().setup(model)
    for _ in range(3):
        optimizer.update(loss, model)
    optimizer.new_epoch()
    stored = {}
    optimizer.serialize(Dictionary(stored, load=False))
    assert {'t', 'epoch', 'l1/W/t', 'l2/b/t'} <= set(stored)

    other_model = make_model('d')
    other = getattr(optimizers, name)().setup(other_model)
    if used:
        other.update(loss, other_model)
    other_model.copyparams(model)
    other.serialize(Dictionary(stored, load=True))
    assert (other.t, other.epoch) == (3, 1)
    for _ in range(2):
        optimizer.update(loss, model)
        other.update(loss, other_model)
    for param, other_param in zip(model.params(), other_model.params()):
        np.testing.assert_array_equal(param.array, other_param.array)
        assert set(param.update_rule.state) == set(other_param.update_rule.state)


def test_serialize_before_first_update():
    stored = {}
    model = make_model()
    optimizer = optimizers.Adam().setup(model)
    optimizer.serialize(Dictionary(stored, load=False))
    hyperparameters = {f'hyperparam/{name}' for name in optimizer.hyperparam.get_dict()}
    assert set(stored) == {'t', 'epoch', 'l1/W/t', 'l2/b/t'} | hyperparameters and len(hyperparameters) == 10
    optimizers.Adam().setup(make_model()).serialize(Dictionary(stored, load=True))


@pytest.mark.parametrize('name', optimizers.__all__)
def test_hyperparameters_are_part_of_the_state(name):
    """What a schedule has made of them comes back, also where a default is an integer or a rule has its own."""
    stored = {}
    optimizer, other = (getattr(optimizers, name)().setup(make_model()) for _ in range(2))
    numbers = {key: value for key, value in optimizer.hyperparam.get_dict().items() if type(value) is float}
    for i, key in enumerate(numbers):
        setattr(optimizer.hyperparam, key, 0.5 + i / 64)
        setattr(other.hyperparam, key, 1)
    optimizer.target.l1.W.update_rule.hyperparam.lr = np.array(0.25)
    other.target.l1.W.update_rule.hyperparam.lr = 3
    optimizer.serialize(Dictionary(stored, load=False))
    other.serialize(Dictionary(stored, load=True))
    assert numbers and other.hyperparam.get_dict() == optimizer.hyperparam.get_dict()
    assert other.target.l1.W.update_rule.hyperparam.lr == 0.25


def test_a_file_without_hyperparameters_leaves_them():
    """As Chainer writes it."""
    stored = {}
    optimizers.Adam().setup(make_model()).serialize(Dictionary(stored, load=False))
    stored = {key: value for key, value in stored.items() if not key.startswith('hyperparam')}
    optimizer = optimizers.Adam(alpha=0.5, amsgrad=True).setup(make_model())
    optimizer.serialize(Dictionary(stored, load=True))
    assert optimizer.alpha == 0.5 and optimizer.hyperparam.amsgrad is True


def test_kinds_of_adam_come_back_whole():
    """The state of AMSGrad, and AdaBound's last rate, into an Adam that was made with other hyperparameters."""
    models = [make_model('d') for _ in range(2)]
    optimizer = optimizers.Adam(amsgrad=True, adabound=True).setup(models[0])
    for alpha in 0.001, 0.01:
        optimizer.alpha = alpha
        optimizer.update(loss, models[0])
    stored = {}
    optimizer.serialize(Dictionary(stored, load=False))
    models[1].copyparams(models[0])
    other = optimizers.Adam(alpha=0.7).setup(models[1])
    other.serialize(Dictionary(stored, load=True))
    for each, model in zip((optimizer, other), models):
        each.update(loss, model)
    for a, b in zip(*(model.params() for model in models)):
        np.testing.assert_array_equal(a.array, b.array)
        assert set(b.update_rule.state) == {'m', 'v', 'vhat'}


def test_restored_state_takes_the_layout_of_its_parameter():
    array = np.random.randn(2, 3, 4, 5)
    stored = {}
    results = []
    for dense in False, True:
        link = Link()
        with link.init_scope():
            link.W = Parameter(array if dense else np.asfortranarray(array))
        link.W.array = np.asfortranarray(array) if not dense else link.W.array
        optimizer = optimizers.MomentumSGD().setup(link)
        if stored:
            optimizer.serialize(Dictionary(stored, load=True))
            link.W.array = np.asfortranarray(results[0])
        link.W.grad = array
        optimizer.update()
        results.append(link.W.array.copy())
        if not stored:
            optimizer.serialize(Dictionary(stored, load=False))
    assert link.W.update_rule.state['v'].strides == link.W.array.strides == np.asfortranarray(array).strides
    np.testing.assert_allclose(link.W.update_rule.state['v'], -0.019 * array)


def test_hyperparameter():
    parent = Hyperparameter()
    parent.lr, parent.eps = 0.1, 1
    child = Hyperparameter(parent)
    child.override(eps=2, lr=None)
    assert (child.lr, child.eps, parent.eps, child.parent) == (0.1, 2, 1, parent)
    assert child.get_dict() == {'lr': 0.1, 'eps': 2}
    assert repr(child) == 'Hyperparameter(eps=2, lr=0.1)'
    for rate in child, parent:
        with pytest.raises(AttributeError, match="no hyperparameter 'momentum'"):
            rate.momentum  # noqa: B018
    for copied in copy.deepcopy(child), copy.copy(child), pickle.loads(pickle.dumps(child)):
        assert copied.get_dict() == child.get_dict()


def test_optimizer_pickles():
    model = make_model()
    optimizer = optimizers.Adam().setup(model)
    optimizer.update(loss, model)
    copied = pickle.loads(pickle.dumps(optimizer))
    for _ in range(2):
        optimizer.update(loss, model)
        copied.update(loss, copied.target)
    np.testing.assert_array_equal(copied.target.l1.W.array, model.l1.W.array)


class TestLossScaling:
    def test_constant(self):
        model, plain = make_model(), make_model()
        optimizer = optimizers.SGD(lr=0.5).setup(model)
        optimizer.set_loss_scale(8)
        seen = []
        optimizer.add_hook(lambda opt: seen.append(model.l2.b.grad.copy()), 'look')
        optimizer.update(loss, model)
        optimizers.SGD(lr=0.5).setup(plain).update(loss, plain)
        np.testing.assert_array_equal(model.l1.W.array, plain.l1.W.array)
        np.testing.assert_array_equal(seen, [[3, 3]])

    def test_dynamic(self):
        model = make_model('e')
        model.l1.W.array[...] = 1
        optimizer = optimizers.SGD(lr=0.).setup(model)
        optimizer.loss_scaling(interval=2)
        scales, updates = [], []
        for _ in range(18):
            optimizer.update(loss, model)
            scales.append(optimizer._loss_scale)
            updates.append(model.l2.b.update_rule.t)
        # The gradient 3 overflows float16 at a scale of 2 ** 15.
        assert scales[:16] == [2. ** i for i in range(1, 16)] + [2. ** 14]
        assert updates[14:17] == [15, 15, 16] and optimizer.t == 18
        np.testing.assert_allclose(scales[16:], [2 ** 14.5, 2 ** 13.5], rtol=1e-12)

    def test_small_gradients_survive(self):
        """In half precision a gradient of 1e-8 is zero; scaled, and updated in single precision, it counts."""
        for scale, moved in (None, False), (1024., True):
            model = make_model('e')
            optimizer = optimizers.SGD(lr=1e4)
            optimizer.use_fp32_update()
            optimizer.setup(model)
            if scale is not None:
                optimizer.set_loss_scale(scale)
            for _ in range(20):
                optimizer.update(lambda m: (m.l2.b * np.full(2, 1e-4, 'e') * np.full(2, 1e-4, 'e')).sum(), model)
            assert (model.l2.b.array < 0.9985).all() == moved

    @pytest.mark.parametrize('args', [{'interval': 0}, {'scale': 0}, {'scale': float('nan')}])
    def test_not_positive(self, args):
        with pytest.raises(ValueError, match='expected a positive'):
            optimizers.SGD().setup(make_model()).loss_scaling(**args)


def test_fp32_update():
    """Steps too small for half precision add up in the copy in single precision, across a restart too."""
    model = make_model('e')
    optimizer = optimizers.SGD(lr=1e-4).setup(model)
    optimizer.use_fp32_update()
    stored = {}
    for _ in range(30):
        model.l2.b.grad = np.ones(2, 'e')
        optimizer.update()
    optimizer.serialize(Dictionary(stored, load=False))
    other = optimizers.SGD(lr=1e-4).setup(model)
    other.use_fp32_update()
    other.serialize(Dictionary(stored, load=True))
    for _ in range(20):
        other.update()
    np.testing.assert_allclose(model.l2.b.array, 0.995, 1e-3)
    assert model.l2.b.dtype == np.float16
    np.testing.assert_allclose(other.target.l2.b.update_rule._fp32_param.array, 0.995, 1e-6)


class TestUpdatesOfManyParameters:
    """Parameters whose rules agree are updated by one call of a kernel; all others as before."""

    @pytest.fixture
    def calls(self, monkeypatch):
        calls = []

        def record(name):
            kernel = getattr(cpu, name)

            def recorded(params, *args):
                calls.append((name, len(params)))
                kernel(params, *args)

            return recorded

        module = types.SimpleNamespace(**{name: record(name) for name in ('sgd', 'momentum_sgd', 'adam', 'amsgrad')},
                                       scaled_copies=cpu.scaled_copies)
        monkeypatch.setattr('autograd_nn.backend.kernels', lambda *arrays: module)
        return calls

    @staticmethod
    def model(count=4):
        model = Link()
        with model.init_scope():
            for i in range(count):
                setattr(model, f'p{i}', Parameter(np.full((i, 3), i, 'f')))
        for param in model.params():
            param.grad = np.ones_like(param.array)
        return model

    def test_one_call(self, calls):
        model = self.model()
        optimizers.MomentumSGD(lr=1).setup(model).update()
        assert calls == [('momentum_sgd', 4)]
        for i in range(4):
            np.testing.assert_array_equal(getattr(model, f'p{i}').array, np.full((i, 3), i - 1))
        assert {param.update_rule.t for param in model.params()} == {1}

    def test_own_hyperparameters(self, calls):
        model = self.model()
        optimizer = optimizers.SGD(lr=1).setup(model)
        model.p1.update_rule.hyperparam.lr = model.p3.update_rule.hyperparam.lr = np.array(0.5)
        optimizer.update()
        assert calls == [('sgd', 2), ('sgd', 2)]
        assert [float(getattr(model, f'p{i}').array[0, 0]) for i in (1, 2, 3)] == [0.5, 1, 2.5]

    def test_rules_that_were_used_a_different_number_of_times(self, calls):
        model = self.model()
        optimizer = optimizers.Adam().setup(model)
        model.p1.update()
        model.p2.update_rule.enabled = False
        optimizer.update()
        assert calls == [('adam', 1), ('adam', 2), ('adam', 1)]
        assert [param.update_rule.t for _, param in sorted(model.namedparams())] == [1, 2, 0, 1]
        assert (model.p2.array == 2).all()

    def test_kernel_by_hyperparameter(self, calls):
        model = self.model()
        optimizer = optimizers.Adam().setup(model)
        model.p1.update_rule.hyperparam.amsgrad = True
        optimizer.update()
        assert sorted(calls) == [('adam', 3), ('amsgrad', 1)]
        assert set(model.p1.update_rule.state) == {'m', 'v', 'vhat'}

    def test_a_rule_with_an_update_of_its_own(self, calls):
        class Halved(optimizers.sgd.SGDRule):
            def update_core(self, param):
                super().update_core(param)
                param.array /= 2

        class Skipped(optimizers.sgd.SGDRule):
            def update_core_cpu(self, param):
                pass

        model = self.model()
        optimizer = optimizers.SGD(lr=1).setup(model)
        model.p1.update_rule, model.p3.update_rule = Halved(optimizer.hyperparam), Skipped(optimizer.hyperparam)
        optimizer.update()
        # Nothing that has an update of its own is overtaken: p0, p1 itself, p2, and p3 does nothing.
        assert calls == [('sgd', 1), ('sgd', 1), ('sgd', 1)]
        assert [float(getattr(model, f'p{i}').array[0, 0]) for i in (1, 2, 3)] == [0, 1, 3]

    def test_a_parameter_with_an_update_of_its_own(self, calls):
        class Frozen(Parameter):
            def update(self):
                seen.append(self)

        seen = []
        model = self.model(2)
        with model.init_scope():
            model.frozen = Frozen(np.ones(3, 'f'))
        model.frozen.grad = np.ones(3, 'f')
        optimizers.SGD(lr=1).setup(model).update()
        assert seen == [model.frozen] and calls == [('sgd', 2)]

    def test_hooks_of_rules(self, calls):
        model = self.model()
        optimizer = optimizers.SGD(lr=1).setup(model)
        order = []
        model.p1.update_rule.add_hook(lambda rule, param: order.append(float(param.array[0, 0])), 'late', 'post')

        def double(rule, param):
            set_gradient(param, param.grad * 2)

        model.p2.update_rule.add_hook(double)
        optimizer.update()
        assert calls == 4 * [('sgd', 1)]
        assert order == [0] and model.p2.array[0, 0] == 0

    @pytest.mark.parametrize('timing', ['pre', 'post'])
    @pytest.mark.parametrize('half', [False, True])
    def test_a_hook_of_a_rule_sees_earlier_parameters_updated_and_later_ones_not(self, calls, timing, half):
        model = self.model(6)
        optimizer = optimizers.SGD(lr=1)
        if half:
            optimizer.use_fp32_update()
            for param in model.params():
                param.array, param.grad = param.array.astype('e'), param.grad.astype('e')
        optimizer.setup(model)
        names = [f'p{i}' for i in range(1, 6)]
        seen = []
        model.p3.update_rule.add_hook(
            lambda rule, param: seen.append([float(getattr(model, name).array[0, 0]) for name in names]),
            'look', timing)
        optimizer.add_hook(lambda opt: seen.append('all'), 'all')
        optimizer.update()
        assert seen[0] == 'all' and len(seen) == 2
        # A copy in single precision has been updated before the parameter gets its values.
        assert seen[1] == [0, 1, 2 if timing == 'post' and not half else 3, 4, 5]
        assert calls == [('sgd', 3), ('sgd', 1), ('sgd', 2)]
        assert [float(getattr(model, name).array[0, 0]) for name in names] == [0, 1, 2, 3, 4]

    def test_a_hook_that_reads_another_parameter(self):
        """Weights tied by a hook: what comes out is what updating one by one gives."""
        def updated(one_by_one):
            model = self.model()
            optimizer = optimizers.MomentumSGD(lr=0.5).setup(model)

            def tie(rule, param):
                set_gradient(param, param.grad + param.array - model.p1.array[0] - model.p3.array[0])

            model.p2.update_rule.add_hook(tie)
            for _ in range(3):
                for param in model.params():
                    param.grad = np.ones_like(param.array)
                if one_by_one:
                    for param in model.params():
                        param.update()
                else:
                    optimizer.update()
            return [param.array for param in model.params()]

        for actual, expected in zip(updated(False), updated(True)):
            np.testing.assert_array_equal(actual, expected)

    def test_parameters_that_share_memory(self, calls):
        """Each gradient counts, whatever the threads do."""
        memory = np.zeros((1 << 18) + 1, 'f')
        model = Link()
        with model.init_scope():
            model.a, model.b, model.c = Parameter(np.zeros(3, 'f')), Parameter(0, (1,)), Parameter(0, (1,))
        model.b.array, model.c.array = memory[:-1], memory[1:]
        for param in model.params():
            param.grad = np.ones_like(param.array)
        with using_config('num_threads', 4):
            optimizers.SGD(lr=1).setup(model).update()
        assert sorted(calls) == [('sgd', 1), ('sgd', 2)]
        assert memory[0] == memory[-1] == -1 and (memory[1:-1] == -2).all()

    def test_half_precision(self, calls):
        model = self.model(2)
        with model.init_scope():
            model.half = Parameter(np.ones(3, 'e'))
        model.half.grad = np.full(3, 2e-4, 'e')
        optimizer = optimizers.SGD(lr=1)
        optimizer.use_fp32_update()
        optimizer.setup(model)
        for _ in range(4):
            optimizer.update()
        assert calls == 4 * [('sgd', 3)]
        assert model.half.array[0] == np.float16(1 - 4 * np.float16(2e-4).astype('f'))
        optimizer.use_fp32_update(False)
        optimizer.update()
        assert calls[-1] == ('sgd', 3)

    def test_a_parameter_whose_hook_took_the_gradient_away(self, calls):
        model = self.model()
        optimizer = optimizers.SGD(lr=1).setup(model)
        model.p2.update_rule.add_hook(lambda rule, param: param.cleargrad(), 'clear')
        optimizer.update()
        assert calls == [('sgd', 2), ('sgd', 1)] and model.p2.array[0, 0] == 2
