"""What programs for Chainer derive from it: functions, hooks, data sets, extensions, initializers, update rules."""
import numpy as np
import pytest

import autograd_nn as chainer
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import Function, FunctionNode, Variable, gradient_check, training
from autograd_nn.training import extensions
from autograd_nn.utils import force_array, type_check


class EntropyOfLogits(FunctionNode):

    def check_type_forward(self, in_types):
        type_check.argname(in_types, ('x', 'b'))
        x_type, b_type = in_types
        type_check.expect(x_type.dtype.kind == 'f', x_type.ndim == 2, b_type.dtype == x_type.dtype,
                          b_type.ndim == 1, x_type.shape[1] == b_type.shape[0])
        assert type_check.eval(x_type.ndim) == 2

    def forward(self, inputs):
        self.retain_inputs((0, 1))
        x, b = inputs
        return force_array((x * x).sum(axis=1) * b.sum()),

    def backward(self, indexes, grad_outputs):
        x, b = self.get_retained_inputs()
        gy = F.broadcast_to(F.expand_dims(grad_outputs[0], 1), x.shape)
        ret = []
        if 0 in indexes:
            ret.append(2 * x * gy * F.broadcast_to(F.sum(b), x.shape))
        if 1 in indexes:
            ret.append(F.broadcast_to(F.sum(x * x * gy), b.shape))
        return tuple(ret)


class OldStyle(Function):

    def check_type_forward(self, in_types):
        type_check.expect(in_types.size() == 2)
        x_type, y_type = in_types
        type_check.expect(x_type.shape == y_type.shape)

    def forward_cpu(self, inputs):
        x, y = inputs
        self.z = x * y
        return force_array(np.exp(self.z)), x + y

    def backward_cpu(self, inputs, grad_outputs):
        x, y = inputs
        g, h = grad_outputs
        g = np.zeros_like(x) if g is None else g * np.exp(self.z)
        h = np.zeros_like(x) if h is None else h
        return g * y + h, g * x + h


def test_functions_of_ones_own():
    rs = np.random.RandomState(0)
    x, b, gy = rs.rand(3, 4), rs.rand(4), rs.rand(3)

    def f(x, b):
        return EntropyOfLogits().apply((x, b))[0]
    np.testing.assert_allclose(f(x, b).array, (x * x).sum(1) * b.sum())
    gradient_check.check_backward(f, (x, b), gy, eps=1e-4)
    gradient_check.check_double_backward(f, (x, b), gy, (rs.rand(3, 4), rs.rand(4)), eps=1e-4)
    with pytest.raises(type_check.InvalidType):
        f(x.astype('f'), b)
    with pytest.raises(type_check.InvalidType), chainer.using_config('type_check', True):
        f(x, b[:2])


def test_old_functions_are_called():
    x, y = Variable(np.array([0.5, 1.0])), Variable(np.array([2.0, 3.0]))
    function = OldStyle()
    a, s = function(x, y)
    assert a.creator is function
    (F.sum(a) + F.sum(s * s)).backward()
    np.testing.assert_allclose(x.grad, np.exp([1, 3]) * y.array + 2 * s.array)
    np.testing.assert_allclose(y.grad, np.exp([1, 3]) * x.array + 2 * s.array)
    gradient_check.check_backward(lambda x, y: OldStyle()(x, y), (x.array, y.array), (np.ones(2), np.ones(2)))


# What Chainer's own classes have, beside methods that a program overrides to say something else.
NODE = {'apply', 'backward', 'backward_accumulate', 'check_type_forward', 'forward', 'forward_cpu', 'forward_gpu',
        'get_retained_inputs', 'get_retained_outputs', 'inputs', 'label', 'local_function_hooks', 'output_data',
        'outputs', 'rank', 'retain_inputs', 'retain_outputs', 'stack', 'unchain'}
LINK = {'add_hook', 'add_link', 'add_param', 'add_persistent', 'addgrads', 'children', 'cleargrads', 'copy',
        'copyparams', 'count_params', 'delete_hook', 'device', 'device_resident_accept', 'disable_update',
        'enable_update', 'forward', 'from_chx', 'init_scope', 'links', 'local_link_hooks', 'name', 'namedlinks',
        'namedparams', 'params', 'printable_specs', 'register_persistent', 'repeat', 'serialize', 'to_chx', 'to_cpu',
        'to_device', 'to_gpu', 'to_intel64', 'update_enabled', 'within_init_scope', 'xp', 'zerograds'}


def names_that_chainer_leaves_free(cls, taken):
    return sorted(name for name in dir(cls) if not name.startswith('_') and name not in taken)


@pytest.mark.parametrize('debug', [False, True])
@pytest.mark.parametrize('name', [*names_that_chainer_leaves_free(FunctionNode, NODE), 'order', 'output_count'])
def test_attributes_of_functions_are_kept(name, debug):
    class Times(FunctionNode):
        def __init__(self, factor):
            setattr(self, name, factor)

        def forward(self, inputs):
            return inputs[0] * getattr(self, name),

        def backward(self, indexes, grad_outputs):
            return grad_outputs[0] * getattr(self, name),

    x = Variable(np.array([1., 2.]))
    with chainer.using_config('debug', debug):
        y, = Times(7).apply((x * 2,))
        g, = chainer.grad([F.sum(y * y)], [x], enable_double_backprop=True)
        F.sum(g).backward()
    np.testing.assert_allclose(g.array, 2 * 14 ** 2 * x.array)
    np.testing.assert_allclose(x.grad, [2 * 14 ** 2] * 2)


@pytest.mark.parametrize('name', names_that_chainer_leaves_free(chainer.Chain, LINK))
def test_attributes_of_links_are_kept(name, tmp_path):
    class Net(chainer.Chain):
        def __init__(self):
            super().__init__()
            setattr(self, name, 7)
            with self.init_scope():
                self.l1, self.l2 = L.Linear(3, 4), L.Linear(4, 2)

        def forward(self, x):
            return self.l2(F.relu(self.l1(x)))

    net = Net()
    optimizer = chainer.optimizers.SGD().setup(net)
    x, t = np.ones((2, 3), 'f'), np.array([0, 1], 'i')
    optimizer.update(lambda: F.softmax_cross_entropy(net(x), t))
    chainer.serializers.save_npz(tmp_path / 'net.npz', net)
    other = Net()
    chainer.serializers.load_npz(tmp_path / 'net.npz', other)
    for copy in other, net.copy('copy'), net.to_cpu():
        np.testing.assert_array_equal(copy(x).array, net(x).array)
        assert getattr(copy, name) == 7


def test_idioms_of_variables():
    x_data = np.array([[1, 2, 3], [4, 5, 6]], dtype=np.float32)
    x = chainer.Variable(x_data)
    y = x ** 2 - 2 * x + 1
    y.grad = np.ones((2, 3), dtype=np.float32)
    y.backward()
    np.testing.assert_array_equal(x.grad, 2 * x_data - 2)
    z = 2 * x
    w = z.reshape(-1)[1:3]
    assert z.grad is None and w.shape == (2,) and x.T.shape == (3, 2) and len(x) == 2 and x.ndim == 2
    loss = F.sum(z * z)
    loss.backward(retain_grad=True)
    np.testing.assert_array_equal(z.grad, 2 * z.data)
    assert loss.creator.label and loss.creator.inputs[0].creator is not None
    loss.unchain_backward()
    assert loss.creator is None
    assert float(loss.data) == 4 * 91 == loss.item()
    assert np.asarray(x.array).dtype == np.float32
    a = chainer.Variable(np.array(3, np.int32))
    assert a.requires_grad is False or a.grad is None
    b = chainer.Parameter(chainer.initializers.One(), (2,))
    b.cleargrad()
    (b.sum() * 3).backward()
    np.testing.assert_array_equal(b.grad, [3, 3])
    b.zerograd()
    np.testing.assert_array_equal(b.grad, [0, 0])
    assert (x.data == x.array).all() and chainer.as_variable(x) is x
    with chainer.no_backprop_mode():
        assert (x * 2).creator is None
        with chainer.force_backprop_mode():
            assert (x * 2).creator is not None
    y = F.concat((x, x), axis=0)
    first, second = F.split_axis(y, 2, axis=0)
    np.testing.assert_array_equal((first - second).data, 0)
    assert F.max(x, axis=1).data.tolist() == [3, 6] and F.argmax(x, axis=1).data.tolist() == [2, 2]
    assert (-x / x_data + 1).data.sum() == 0 and (x_data @ x.T).shape == (2, 2)


class Multiples(chainer.dataset.DatasetMixin):

    def __init__(self, n):
        self.n = n

    def __len__(self):
        return self.n

    def get_example(self, i):
        return np.full(2, i, 'f'), np.int32(i % 3)


def test_data_sets(tmp_path):
    data = Multiples(10)
    assert len(data[2:6]) == 4 and data[-1][0][0] == 9 and [t for _, t in data[[0, 4]]] == [0, 1]
    doubled = chainer.datasets.TransformDataset(data, lambda example: (example[0] * 2, example[1]))
    assert doubled[3][0].tolist() == [6, 6]
    train, valid = chainer.datasets.split_dataset_random(doubled, 7, seed=0)
    assert len(train) == 7 and len(valid) == 3
    assert len(chainer.datasets.get_cross_validation_datasets(data, 5)) == 5
    x, t = chainer.dataset.concat_examples(data[:4])
    assert x.shape == (4, 2) and t.dtype == np.int32
    records = chainer.dataset.concat_examples([{'a': np.zeros(i, 'f'), 'b': i} for i in (1, 3)], padding=-1)
    assert records['a'].shape == (2, 3) and records['a'][0].tolist() == [0, -1, -1]
    zipped = chainer.datasets.tuple_dataset.TupleDataset(x, t)
    assert zipped[1][1] == 1 and len(zipped[1:3]) == 2
    joined = chainer.datasets.ConcatenatedDataset(zipped, zipped)
    assert len(joined) == 8
    named = chainer.datasets.DictDataset(x=x, y=t)
    assert named[2]['y'] == 2
    from PIL import Image
    for i in range(2):
        Image.fromarray(np.full((3, 4, 3), i, np.uint8)).save(tmp_path / f'{i}.png')
    (tmp_path / 'list.txt').write_text('0.png 0\n1.png 5\n')
    labeled = chainer.datasets.LabeledImageDataset(str(tmp_path / 'list.txt'), str(tmp_path))
    assert labeled[1][0].shape == (3, 3, 4) and labeled[1][0].dtype == np.float32 and labeled[1][1] == 5
    images = chainer.datasets.ImageDataset(['1.png'], root=str(tmp_path))
    assert images[0].max() == 1
    iterator = chainer.iterators.MultiprocessIterator(data, 5, repeat=False, shuffle=False, n_processes=1)
    assert [len(batch) for batch in iterator] == [5, 5]
    iterator.finalize()


def test_hooks():
    model = chainer.Sequential(L.Linear(3, 4), F.relu, L.Linear(4, 1))
    x = np.ones((2, 3), 'f')
    hook = chainer.function_hooks.TimerHook()
    with hook, chainer.link_hooks.TimerHook() as links:
        model(x)
    assert hook.total_time() > 0 and links.total_time() > 0
    names = [name for name, _ in hook.call_history]
    assert names.count('LinearFunction') == 2 and 'ReLU' in names
    assert hook.summary()['ReLU']['occurrence'] == 1
    hook.print_report()

    class Recorder(chainer.FunctionHook):
        name = 'recorder'

        def __init__(self):
            self.calls = []

        def forward_preprocess(self, function, in_data):
            self.calls.append(('forward', function.label, in_data[0].shape))

        def backward_postprocess(self, function, in_data, out_grad):
            self.calls.append(('backward', function.label, out_grad[0].shape))

    with Recorder() as recorder:
        F.sum(model(x)).backward()
    assert recorder.calls[0][0] == 'forward' and recorder.calls[0][2] == (2, 3)
    assert {kind for kind, _, _ in recorder.calls} == {'forward', 'backward'}


def test_reports_go_to_the_observers():
    model = chainer.Chain(l=L.Linear(2, 1))
    reporter = chainer.Reporter()
    reporter.add_observer('net', model)
    reporter.add_observers('net', model.namedlinks(skipself=True))
    observation = {}
    with reporter.scope(observation):
        chainer.report({'a': 1}, model)
        chainer.report({'b': 2}, model.l)
        chainer.report({'c': 3})
    assert observation == {'net/a': 1, 'net/l/b': 2, 'c': 3}
    with reporter, chainer.report_scope(observation):
        chainer.reporter.report({'d': 4}, model)
    assert observation['net/d'] == 4
    summary = chainer.DictSummary()
    summary.add({'x': 1.0, 'name': 'text'})
    summary.add({'x': 3.0})
    assert summary.compute_mean() == {'x': 2.0}
    assert summary.make_statistics()['x.std'] == 1.0


class Countdown(training.Extension):
    trigger = (2, 'iteration')
    priority = training.extension.PRIORITY_WRITER

    def __init__(self):
        self.calls, self.finished = [], False

    def initialize(self, trainer):
        self.calls.append(0)

    def __call__(self, trainer):
        self.calls.append(trainer.updater.iteration)
        chainer.report({'countdown': 10 - trainer.updater.iteration})

    def finalize(self):
        self.finished = True

    def serialize(self, serializer):
        self.calls[-1] = serializer('last', self.calls[-1])


def test_extensions_and_triggers(tmp_path):
    model = L.Classifier(L.Linear(2, 3))
    optimizer = chainer.optimizers.SGD().setup(model)
    iterator = chainer.iterators.SerialIterator(Multiples(6), 2, shuffle=False)
    updater = training.StandardUpdater(iterator, optimizer)
    trainer = training.Trainer(updater, (6, 'iteration'), tmp_path)
    countdown = Countdown()
    trainer.extend(countdown)
    seen = []

    @training.make_extension(trigger=(1, 'epoch'), default_name='epochs')
    def note(trainer):
        seen.append(trainer.updater.epoch)

    trainer.extend(note)
    trainer.extend(lambda trainer: seen.append('manual'), name='manual',
                   trigger=training.triggers.ManualScheduleTrigger([2, 5], 'iteration'))
    trainer.extend(extensions.LinearShift('lr', (1.0, 0.0), (0, 4)), trigger=(1, 'iteration'))
    trainer.extend(extensions.LogReport(trigger=(2, 'iteration')))
    trainer.run()
    assert countdown.calls == [0, 2, 4, 6] and countdown.finished
    assert seen == ['manual', 1, 'manual', 2]
    assert optimizer.lr == 0
    assert [entry['countdown'] for entry in trainer.get_extension('LogReport').log] == [8, 6, 4]
    assert trainer.get_extension('epochs') is not None


class SignRule(chainer.UpdateRule):

    def init_state(self, param):
        self.state['count'] = 0

    def update_core_cpu(self, param):
        self.state['count'] += 1
        param.data -= self.hyperparam.lr * np.sign(param.grad)


class SignSGD(chainer.GradientMethod):

    lr = chainer.optimizer.HyperparameterProxy('lr')

    def __init__(self, lr=0.5):
        super().__init__()
        self.hyperparam.lr = lr

    def create_update_rule(self):
        return SignRule(self.hyperparam)


class Diagonal(chainer.initializer.Initializer):

    def __call__(self, array):
        xp = chainer.backend.get_array_module(array)
        array[...] = xp.eye(*array.shape)


def test_optimizers_and_initializers_of_ones_own():
    link = L.Linear(2, 2, initialW=Diagonal())
    np.testing.assert_array_equal(link.W.array, np.eye(2))
    optimizer = SignSGD().setup(link)
    optimizer.lr = 0.25
    optimizer.update(lambda: F.sum(link(np.ones((1, 2), 'f'))))
    np.testing.assert_array_equal(link.W.array, np.eye(2) - 0.25)
    assert link.W.update_rule.state['count'] == 1


class PairUpdater(training.StandardUpdater):
    """Takes batches of two iterators."""

    def update_core(self):
        optimizer = self.get_optimizer('main')
        x, _ = self.converter(self.get_iterator('main').next(), self.device)
        other, _ = self.converter(self._iterators['second'].next(), self.device)
        model = optimizer.target
        loss = F.mean_absolute_error(model(x), model(other))
        model.cleargrads()
        loss.backward()
        optimizer.update()
        chainer.report({'loss': loss}, model)


def test_updaters_of_several_iterators(tmp_path):
    model = L.Linear(2, 1)
    optimizer = chainer.optimizers.RMSprop().setup(model)
    iterators = {'main': chainer.iterators.SerialIterator(Multiples(6), 3),
                 'second': chainer.iterators.SerialIterator(Multiples(4), 3)}
    trainer = training.Trainer(PairUpdater(iterators, optimizer), (4, 'iteration'), out=str(tmp_path))
    trainer.extend(extensions.LogReport(['main/loss'], trigger=(1, 'iteration')))
    trainer.run()
    assert len(trainer.get_extension('LogReport').log) == 4
