"""Training steps by CUDA graphs, beside the same steps without."""
import logging

import numpy as np
import pytest

import autograd_nn as ann
from autograd_nn import cuda, optimizer_hooks, optimizers, training
from autograd_nn import functions as F
from autograd_nn import links as L
from autograd_nn.cuda.capture import Capture, CaptureError
from autograd_nn.iterators import SerialIterator
from autograd_nn.training.captured_step import CapturedSteps

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not cuda.available, reason='there is no GPU (test_emulated_gpu.py '
                                                  'runs this on an emulated one)')]


class Network(ann.Chain):
    """With running statistics, random masks, and a parameter whose shape comes with the data."""

    def __init__(self, dropout=0.5):
        super().__init__()
        self.dropout = dropout
        with self.init_scope():
            self.conv = L.Convolution2D(1, 8, 3, pad=1, nobias=True)
            self.bn = L.BatchNormalization(8)
            self.l = L.Linear(None, 3)

    def forward(self, x):
        h = F.max_pooling_2d(F.relu(self.bn(self.conv(x))), 2)
        return self.l(F.dropout(h, self.dropout))


def examples(dtype='f'):
    rng = np.random.default_rng(0)
    return [(x, np.int32(x.sum() > 0)) for x in rng.normal(size=(40, 1, 6, 6)).astype(dtype)]


class Alternating(SerialIterator):
    """Minibatches of two sizes in turn."""

    def next(self):
        self.batch_size = 12 - self.batch_size
        return super().next()


def train(cuda_graph, steps=12, network=Network, optimizer=None, iterator=SerialIterator, change=None, loss_func=None,
          dtype=np.float32):
    """Trains a network; returns what is left of it, and what was reported in each step."""
    ann.random.seed(0)
    with ann.using_config('dtype', dtype):
        model = L.Classifier(network())
        optimizer = (optimizer or (lambda: optimizers.MomentumSGD(0.1)))().setup(model)
        batches = iterator(examples(ann.get_dtype()), 8, shuffle=False)
        updater = training.StandardUpdater(batches, optimizer, device='cuda:0', cuda_graph=cuda_graph,
                                           loss_func=loss_func and loss_func(model))
        reported = []
        for step in range(steps):
            reporter = ann.Reporter()
            reporter.add_observer('main', model)
            with reporter:
                updater.update()
            reported.append(reporter.observation)
            if change:
                change(step, model, optimizer)
    # Only now are the numbers looked at: later steps must not have written over them.
    losses = [{name: float(cuda.to_cpu(getattr(x, 'array', x))) for name, x in each.items()} for each in reported]
    state = {name: cuda.to_cpu(param.array) for name, param in model.namedparams()}
    state.update(mean=cuda.to_cpu(model.predictor.bn.avg_mean) if hasattr(model.predictor, 'bn') else np.zeros(1))
    return state, losses, updater


def assert_same(**kwargs):
    """Training with a graph and without ends with the same bits."""
    (expected, losses, _), (actual, reported, updater) = [train(cuda_graph, **kwargs) for cuda_graph in (False, True)]
    assert reported == losses
    for name, x in expected.items():
        np.testing.assert_array_equal(actual[name], x)
    return updater._captured


def ready(captured):
    return [step.capture.is_ready for step in captured._steps.values()]


@pytest.mark.parametrize('optimizer', [
    lambda: optimizers.MomentumSGD(0.1), optimizers.Adam,
    lambda: hooked(optimizers.SGD(0.1), optimizer_hooks.WeightDecay(1e-2), optimizer_hooks.GradientClipping(1.))])
def test_the_same_bits(optimizer):
    captured = assert_same(optimizer=optimizer)
    assert ready(captured) == [True] and captured.obstacle is None


def hooked(optimizer, *hooks):
    setup = optimizer.setup

    def with_hooks(model):
        setup(model)
        for hook in hooks:
            optimizer.add_hook(hook)
        return optimizer
    optimizer.setup = with_hooks
    return optimizer


def test_half_precision_with_a_scale_that_adapts_itself():
    assert ready(assert_same(dtype=ann.mixed16, steps=15)) == [True]


def test_a_rate_that_changes():
    def change(step, model, optimizer):
        optimizer.lr *= 0.8
    assert ready(assert_same(change=change)) == [True]


def test_a_graph_for_each_size():
    captured = assert_same(iterator=Alternating)
    assert sorted(ready(captured)) == [True, True]


def test_arrays_that_are_replaced():
    def change(step, model, optimizer):
        if step == 7:
            model.predictor.l.W.array = model.predictor.l.W.array * 2
        if step == 9:
            model.predictor.bn.avg_mean = model.predictor.bn.avg_mean + 1
    assert ready(assert_same(change=change)) == [True]


def test_gradients_that_are_looked_at_and_cleared():
    norms = []

    def change(step, model, optimizer):
        norms.append(float(cuda.to_cpu((model.predictor.l.W.grad ** 2).sum())))
        model.cleargrads()
    assert_same(change=change)
    assert norms[:12] == norms[12:] and len(set(norms)) == 12


def goes_on_without(caplog, reason, **kwargs):
    with caplog.at_level(logging.WARNING, 'autograd_nn.training'):
        captured = assert_same(**kwargs)
    message, = caplog.messages
    assert message.startswith('training goes on without a CUDA graph, since the step cannot be captured: ')
    assert reason in message and captured.obstacle == message.partition('captured: ')[2]


def test_a_program_that_waits(caplog):
    def loss_func(model):
        def compute(x, t):
            loss = model(x, t)
            return loss * 2 if float(loss.array) > 1e9 else loss
        return compute
    goes_on_without(caplog, 'it waits for the device', loss_func=loss_func)


def test_a_program_that_branches(caplog):
    def loss_func(model):
        calls = []

        def compute(x, t):
            calls.append(0)
            return model(F.tanh(x) if len(calls) % 2 else x, t)
        return compute
    goes_on_without(caplog, 'where it had computed', loss_func=loss_func)


def test_a_number_that_changes(caplog):
    def loss_func(model):
        factors = iter(np.linspace(0.5, 1, 100))
        return lambda x, t: model(x, t) * float(next(factors))
    goes_on_without(caplog, 'MultiplyNumber with number', loss_func=loss_func)


class Remembering(ann.Chain):

    def __init__(self):
        super().__init__()
        with self.init_scope():
            self.lstm, self.l = L.LSTM(36, 4), L.Linear(4, 2)

    def forward(self, x):
        y = self.l(self.lstm(x.reshape(len(x), -1)))
        self.lstm.h.unchain_backward()
        self.lstm.c.unchain_backward()
        return y


def test_a_network_with_a_state(caplog):
    goes_on_without(caplog, 'it uses what the step before has left in LSTM.', network=Remembering)


@pytest.mark.parametrize('draw, reason', [
    (lambda x: x.xp.asarray(np.ones(x.shape, 'f')), 'it copies from memory of the host'),
    (lambda x: x.xp.random.random_sample(x.shape).astype('f'), 'it draws random numbers of CuPy'),
    (lambda x: x * float(np.random.uniform()), 'it draws random numbers of NumPy')])
def test_what_the_host_does(draw, reason):
    x = ann.Variable(cuda.to_gpu(np.ones((2, 3), 'f')))
    capture = Capture()
    with pytest.raises(CaptureError, match=reason):
        capture.capture(lambda: draw(x))
    assert not capture.is_ready
    # All is as it was.
    cuda.to_gpu(np.ones(2))
    x.xp.random.random_sample(2)


def test_nothing_is_computed_before_the_launch():
    x, y = (cuda.to_gpu(np.arange(3, dtype='f')) for _ in range(2))
    capture = Capture()

    def compute():
        nonlocal z
        z = F.exp(x).array
        y[1:] += z[1:]
    z = None
    capture.capture(compute)
    np.testing.assert_array_equal(cuda.to_cpu(y), [0, 1, 2])
    for k in 1, 2:
        capture.launch()
        np.testing.assert_allclose(cuda.to_cpu(z), np.exp([0, 1, 2]), rtol=1e-6)
        np.testing.assert_allclose(cuda.to_cpu(y), np.arange(3) + k * np.array([0, np.exp(1), np.exp(2)]), rtol=1e-6)
    x[...] = 0
    capture.launch()
    np.testing.assert_array_equal(cuda.to_cpu(z), 1)


@pytest.mark.parametrize('dtype', 'efd')
def test_masks_are_new_in_each_launch(dtype):
    x = cuda.to_gpu(np.ones(100, dtype))
    capture = Capture()
    ys = []
    capture.capture(lambda: ys.extend(F.dropout(x, 0.5).array for _ in range(2)))
    ann.random.seed(0)
    masks = []
    for _ in range(3):
        capture.launch()
        masks += [cuda.to_cpu(y) for y in ys]
    ann.random.seed(0)
    for mask in masks:
        np.testing.assert_array_equal(cuda.to_cpu(F.dropout(x, 0.5).array), mask)
    assert len({mask.tobytes() for mask in masks}) == 6


def test_hooks_see_every_function():
    model = L.Classifier(Network())
    model.to_device('cuda:0')
    captured = CapturedSteps(optimizers.SGD(0.1).setup(model))
    x, t = cuda.to_gpu(np.ones((4, 1, 6, 6), 'f')), cuda.to_gpu(np.zeros(4, 'i'))
    for _ in range(5):
        captured.update(model, x, t)
    assert ready(captured) == [True]

    class Count(ann.FunctionHook):
        labels = []

        def forward_preprocess(self, function, in_data):
            self.labels.append(function.label)
    with Count() as count:
        captured.update(model, x, t)
    assert count.labels.count('Dropout') == 1


def test_arguments_on_the_cpu(caplog):
    model = L.Classifier(L.Linear(3, 2))
    captured = CapturedSteps(optimizers.SGD(0.1).setup(model))
    with caplog.at_level(logging.DEBUG, 'autograd_nn.training'):
        captured.update(model, np.ones((4, 3), 'f'), np.zeros(4, 'i'))
    assert 'an argument of the loss function is no array on a GPU' in caplog.text
