"""Training steps as CUDA graphs, beside the same steps without."""
import logging
import re

import numpy as np
import pytest

import autograd_nn as ann
from autograd_nn import backend, cuda, optimizers, training
from autograd_nn import functions as F
from autograd_nn import links as L
from autograd_nn.cuda import cublas
from autograd_nn.cuda.capture import CapturedGraph, CaptureError
from autograd_nn.dataset.convert import concat_examples
from autograd_nn.dtypes import as_dtype
from autograd_nn.iterators import SerialIterator

pytestmark = pytest.mark.gpu
DATA = [(x, np.int32(i % 3)) for i, x in enumerate(np.random.RandomState(0).normal(size=(30, 2, 5, 5)).astype('f'))]


class Network(ann.Chain):

    def __init__(self):
        super().__init__()
        with self.init_scope():
            self.conv = L.Convolution2D(None, 4, 3, nobias=True)
            self.bn = L.BatchNormalization(4)
            self.l = L.Linear(None, 3)

    def forward(self, x):
        h = F.dropout(F.relu(self.bn(self.conv(x))), 0.3)
        return self.l(F.forget(lambda h: F.dropout(h, 0.2), h))


def run(cuda_graph, steps=14, model=None, loss_func=None, between=None, optimizer=None, batch_size=8,
        converter=concat_examples):
    """The losses of some steps and, at the end, all arrays of the model."""
    ann.random.seed(5)
    model = L.Classifier(Network()) if model is None else model()
    optimizer = (optimizer or (lambda: optimizers.MomentumSGD(0.05)))().setup(model)
    updater = training.StandardUpdater(SerialIterator(DATA, batch_size), optimizer, converter, device='cuda:0',
                                       cuda_graph=cuda_graph, loss_func=loss_func and loss_func(model))
    reporter = ann.Reporter()
    reporter.add_observer('main', model)
    observations = []
    for i in range(steps):
        observations.append({})
        with reporter.scope(observations[-1]):
            updater.update()
        if between:
            between(i, updater)
    values = {f'{i} {name}': cuda.to_cpu(ann.variable.as_array(value))
              for i, observation in enumerate(observations) for name, value in observation.items()}
    serializer = ann.serializers.DictionarySerializer()
    serializer.save(model)
    return values, serializer.target, updater


def assert_same(**kwargs):
    """That steps with graphs give what steps without give; returns the updater."""
    expected, actual = run(False, **kwargs), run(True, **kwargs)
    for a, b in zip(actual[:2], expected[:2]):
        assert list(a) == list(b)
        for name in a:
            np.testing.assert_array_equal(a[name], b[name], err_msg=name)
    return actual[2]


def graphs(updater):
    return [step for step in updater._steps._steps.values() if step.checked]


def test_same_numbers(caplog):
    """Losses, accuracies, masks, running averages and parameters."""
    with caplog.at_level(logging.WARNING):
        updater = assert_same()
    assert len(graphs(updater)) == 1 and not caplog.records


def test_smaller_minibatches():
    """The last of each epoch runs as usual; there is no graph of a kind that does not repeat."""
    def converter(batch, device):
        calls.append(None)
        return concat_examples(batch[:3] if len(calls) % 5 == 0 else batch, device)

    calls = []
    assert len(graphs(assert_same(steps=15, converter=converter))) == 1


def test_kinds_that_alternate():
    """Two kinds in turn, several steps each; and no more graphs than are kept."""
    def converter(batch, device):
        calls.append(None)
        return concat_examples(batch[:3 + len(calls) // 4 % 6], device)

    calls = []
    updater = assert_same(steps=24, converter=converter)
    assert len(updater._steps._steps) == 4


def test_resumed_weights(tmp_path):
    """A snapshot that is loaded between two steps is what the next one starts from."""
    def between(i, updater):
        if i == 2:
            ann.serializers.save_npz(tmp_path / 'x', updater.get_optimizer('main').target)
        elif i == 8:
            ann.serializers.load_npz(tmp_path / 'x', updater.get_optimizer('main').target)

    assert len(graphs(assert_same(between=between))) == 1


@pytest.mark.parametrize('type_', ['e', 'f', 'd', 'bfloat16'])
def test_masks_of_all_types(type_):
    x = cuda.to_gpu(np.ones((40, 30), type_))
    np.random.seed(1)
    graph = CapturedGraph(lambda: F.dropout(x, 0.5).array)
    masks = []
    for _ in range(3):
        graph.launch()
        masks.append(cuda.to_cpu(graph.result))
    np.random.seed(1)
    for mask in masks:
        np.testing.assert_array_equal(mask, cuda.to_cpu(F.dropout(x, 0.5).array))
    assert (masks[0] != masks[1]).any()


def test_loss_scale():
    """One that changes is not frozen."""
    def optimizer():
        result = optimizers.SGD(0.05)
        result.loss_scaling(interval=3)
        return result

    updater = assert_same(optimizer=optimizer)
    assert len(graphs(updater)) == 1 and updater.get_optimizer('main')._loss_scale > 100


def test_arrays_that_are_replaced():
    def between(i, updater):
        if i == 9:
            for param in updater.get_optimizer('main').target.params():
                param.array = param.array * 0.9
        if i == 10:
            updater.get_optimizer('main').target.predictor.bn.avg_mean = cuda.to_gpu(np.ones(4, 'f'))

    assert len(graphs(assert_same(steps=18, batch_size=5, between=between))) == 1


@pytest.mark.parametrize('loss_func, reason', [
    (lambda model: lambda x, t: model(x, t) * (1 + (float(x.sum()) > 0)), 'is capturing|Synchronize|Unsupported'),
    (lambda model: lambda x, t: model(x + cuda.to_gpu(np.full(5, 0.1, 'f')), t), 'from the host'),
    (lambda model: lambda x, t: model(x * float(np.random.rand()), t), 'random numbers'),
    (lambda model: lambda x, t: model(F.gaussian(x, x), t), 'cuRAND|Random'),
])
def test_what_cannot_be_captured(loss_func, reason, caplog):
    with caplog.at_level(logging.WARNING):
        updater = assert_same(loss_func=loss_func)
    record, = caplog.records
    assert 'without CUDA graphs' in record.message and not graphs(updater)
    assert re.search(reason, record.message), record.message


def counting(model):
    calls = []

    def loss(x, t):
        calls.append(None)
        return model(x, t) * len(calls)
    return loss


class Counter(ann.Chain):

    def __init__(self):
        super().__init__()
        self.add_persistent('count', 0)
        with self.init_scope():
            self.l = L.Linear(50, 3)

    def forward(self, x):
        self.count += 1
        return self.l(x)


class Stateful(ann.Chain):

    def __init__(self):
        super().__init__()
        with self.init_scope():
            self.lstm = L.LSTM(50, 3)

    def forward(self, x):
        if self.lstm.h is not None:
            self.lstm.h.unchain_backward()
            self.lstm.c.unchain_backward()
        return self.lstm(F.reshape(x, (len(x), -1)))


@pytest.mark.parametrize('kwargs, reason', [
    ({'loss_func': counting}, 'does not repeat'),
    ({'model': lambda: L.Classifier(Counter())}, 'count on the host'),
    ({'model': lambda: L.Classifier(Stateful()), 'batch_size': 5}, 'does not repeat'),
])
def test_state_on_the_host(kwargs, reason, caplog):
    with caplog.at_level(logging.WARNING):
        updater = assert_same(**kwargs)
    record, = caplog.records
    assert reason in record.message and not graphs(updater)


def remembering(model):
    """Adds to a minibatch what it remembers of the one before."""
    last = [cuda.to_gpu(np.ones((5, 2, 5, 5), 'f'))]

    def loss(x, t):
        result = model(x + last[0], t)
        last[0] = x * 0.5
        return result
    return loss


@pytest.mark.parametrize('kwargs', [{'loss_func': remembering}, {'model': lambda: L.Classifier(Stateful())}],
                         ids=['of the loss function', 'of a link'])
def test_a_state_that_is_replaced(kwargs, caplog, monkeypatch):
    """A launch reads what there was when its graph was captured, whoever is given memory that is free since then."""
    pool, launch = cuda.cupy.get_default_memory_pool(), CapturedGraph.launch

    def launch_later(graph):
        others = []
        while pool.free_bytes():
            others.append(cuda.cupy.full(128, np.nan, 'f'))
        launch(graph)

    monkeypatch.setattr(CapturedGraph, 'launch', launch_later)
    pool.free_all_blocks()
    with caplog.at_level(logging.WARNING):
        updater = assert_same(batch_size=5, **kwargs)
    record, = caplog.records
    assert 'does not repeat' in record.message and not graphs(updater)


def test_a_state_is_kept_where_a_capture_fails():
    """What the function left in the links while nothing was computed is not read."""
    def loss_func(model):
        def loss(x, t):
            result = model(x, t)
            return result if float(result.array) > 0 else None
        return loss

    assert not graphs(assert_same(loss_func=loss_func, model=lambda: L.Classifier(Stateful()), batch_size=5))


@pytest.mark.parametrize('type_, tolerance', [('bfloat16', 4e-2), ('e', 1e-2), ('f', 1e-5), ('d', 1e-12)])
@pytest.mark.parametrize('shapes, transposed', [
    (((3, 4), (4, 5)), ()), (((3, 4), (5, 4)), (1,)), (((4, 3), (4, 5)), (0,)), (((4, 3), (5, 4)), (0, 1)),
    (((1, 4), (4, 1)), ()), (((4, 1), (1, 4)), (0, 1)), (((3, 0), (0, 5)), ()), (((2, 3, 4), (2, 4, 5)), ()),
    (((2, 4, 3), (2, 5, 4)), (0, 1)), (((2, 3, 3, 4), (2, 3, 5, 4)), (1,)),
])
def test_products_of_matrices(shapes, transposed, type_, tolerance):
    a, b = (np.random.normal(size=shape).astype(type_) for shape in shapes)
    x, y = (cuda.to_gpu(each) for each in (a, b))
    a, b, x, y = (each.swapaxes(-1, -2) if i % 2 in transposed else each for i, each in enumerate((a, b, x, y)))
    cublas.prepare()
    graph = CapturedGraph(lambda: (cublas.matmul(x, y), cublas.matmul(x, y, cuda.cupy.empty((*x.shape[:-1],
                                                                                          y.shape[-1]), type_)),
                                   cublas.matmul(x[..., ::2], y[..., ::2, :])))
    graph.launch()
    halves = np.matmul(a[..., ::2].astype('d'), b[..., ::2, :].astype('d'))
    full = np.matmul(a.astype('d'), b.astype('d'))
    for result, expected in zip(graph.result, (full, full, halves)):
        assert result.dtype == type_
        np.testing.assert_allclose(cuda.to_cpu(result).astype('d'), expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize('type_, tolerance', [('bfloat16', 4e-2), ('e', 1e-2)])
@pytest.mark.parametrize('left, right', [((2, 3, 4), (2, 4, 5)), ((3, 4), (2, 4, 5)), ((2, 1, 3, 4), (6, 4, 5)),
                                         ((2, 0, 4), (2, 4, 5)), ((2, 3, 0), (2, 0, 5))])
def test_many_products_in_half_precision(monkeypatch, left, right, type_, tolerance):
    """They are the library's, unless it is not found; CuPy has them in single precision, or fails."""
    a, b = (np.random.normal(size=shape).astype(as_dtype(type_)) for shape in (left, right))
    x, y = cuda.to_gpu(a), cuda.to_gpu(b)
    exact = np.matmul(a.astype('d'), b.astype('d'))
    by_cupy = []
    matmul = cuda.cupy.matmul
    monkeypatch.setattr(cuda.cupy, 'matmul', lambda *args, **kwargs: by_cupy.append(args) or matmul(*args, **kwargs))
    results = [cublas.matmul(x, y), cublas.matmul(x, y, out=cuda.cupy.empty(exact.shape, a.dtype))]
    assert not by_cupy
    if type_ == 'e':
        monkeypatch.setattr(cublas, '_is_there', lambda: False)
        results.append(cublas.matmul(x, y))
        assert len(by_cupy) == 1
    for result in results:
        assert result.dtype == a.dtype
        np.testing.assert_allclose(cuda.to_cpu(result).astype('d'), exact, rtol=tolerance, atol=tolerance)


def test_hooks_see_every_step():
    with ann.function_hooks.TimerHook() as hook:
        updater = run(True)[2]
    assert not updater._steps._steps and hook.call_history


def test_needs_a_gpu():
    model = L.Classifier(Network())
    with pytest.raises(ValueError, match='cuda_graph=True needs a GPU'):
        training.StandardUpdater(SerialIterator(DATA, 8), optimizers.SGD().setup(model), cuda_graph=True)


def test_a_capture_that_fails_leaves_things_as_they_were():
    x = cuda.to_gpu(np.zeros(3, 'f'))

    def function():
        x.fill(3)
        np.random.rand()
        return float(x.sum())

    np.random.seed(0)
    with pytest.raises(CaptureError):
        CapturedGraph(function)
    assert np.random.rand() == np.random.RandomState(0).rand()
    np.testing.assert_array_equal(cuda.to_cpu(x), 0)


@pytest.mark.parametrize('kind, states, weights, options', [('lstm', 2, 8, ()), ('gru', 1, 6, ()),
                                                            ('rnn', 1, 2, ('tanh',))])
def test_recurrent_layers(kind, states, weights, options):
    """All their products of matrices are ones that a capture takes."""
    def draw(*shape):
        return cuda.to_gpu(np.random.uniform(-1, 1, shape).astype('f'))

    batch_sizes = (3, 2)
    x, hs = draw(5, 2), [draw(3, 4) for _ in range(states)]
    ws = [draw(4, 2) for _ in range(weights // 2)] + [draw(4, 4) for _ in range(weights // 2)]
    bs, gy, ghs = [draw(4) for _ in range(weights)], draw(5, 4), [draw(3, 4) for _ in range(states)]
    kernels = backend.kernels(x)

    def compute():
        y, *last, workspace = getattr(kernels, f'{kind}_sequence')(x, *hs, ws, bs, *options, batch_sizes, False, True)
        gx, *ghs_, gws, gbs = getattr(kernels, f'{kind}_sequence_grad')(x, *hs, ws, y, workspace, gy, *ghs, *options,
                                                                       batch_sizes, False)
        return [y, *last, gx, *ghs_, *gws, *gbs]

    expected = compute()
    graph = CapturedGraph(compute)
    graph.launch()
    for a, b in zip(graph.result, expected, strict=True):
        np.testing.assert_allclose(cuda.to_cpu(a), cuda.to_cpu(b), rtol=1e-5, atol=1e-6)
