"""Training steps of networks on a GPU, beside the same steps on the CPU."""
import ctypes
import gc

import numpy as np
import pytest

import autograd_nn as ann
import cuda_software
from autograd_nn import cuda, models, optimizer_hooks, optimizers, training
from autograd_nn import functions as F
from autograd_nn import links as L
from autograd_nn.backends.dispatch import cpu, cuda_kernels, cudnn, onednn
from autograd_nn.iterators import SerialIterator
from autograd_nn.training import extensions
from support.checking import IN_SOFTWARE

pytestmark = pytest.mark.gpu


class Convolutional(ann.Chain):
    """A layer of most kinds."""

    def __init__(self):
        super().__init__()
        with self.init_scope():
            self.conv = L.Convolution2D(1, 8, 3, pad=1, nobias=True)
            self.bn = L.BatchNormalization(8)
            self.depthwise = L.Convolution2D(8, 8, 3, stride=2, pad=1, groups=8)
            self.grouped = L.Convolution2D(8, 12, 3, groups=2)
            self.norm = L.GroupNormalization(3, 12)
            self.deconv = L.Deconvolution2D(12, 4, 2, stride=2)
            self.l = L.Linear(None, 10)

    def forward(self, x):
        h = F.relu(self.bn(self.conv(x)))
        h = F.local_response_normalization(F.max_pooling_2d(h, 3, 2))
        h = F.leaky_relu(self.norm(self.grouped(self.depthwise(h))))
        return self.l(F.average_pooling_2d(F.gelu(self.deconv(h)), 2))


class Recurrent(ann.Chain):

    def __init__(self):
        super().__init__()
        with self.init_scope():
            self.embed = L.EmbedID(20, 6)
            self.lstm = L.NStepBiLSTM(1, 6, 5, 0)
            self.gru = L.NStepGRU(1, 10, 5, 0)
            self.cell = L.LSTM(5, 4)
            self.norm = L.LayerNormalization(4)
            self.l = L.Linear(4, 3)

    def forward(self, x):
        words = self.embed(x)
        _, _, ys = self.lstm(None, None, [words[i] for i in range(len(words))])
        h, _ = self.gru(None, ys)
        self.cell.reset_state()
        return self.l(self.norm(self.cell(h[-1])))


def steps(model, x, t, optimizer, device):
    """The parameters after some steps, and the losses."""
    model = model.copy('copy')
    model.to_device(device)
    optimizer = optimizer().setup(model)
    optimizer.add_hook(optimizer_hooks.WeightDecay(1e-3))
    optimizer.add_hook(optimizer_hooks.GradientClipping(1.))
    x, t = ann.get_device(device).send((x, t))
    losses = []
    for _ in range(2):
        optimizer.update(model, x, t)
        losses.append(float(cuda.to_cpu(model.loss.array)))
    assert all(isinstance(param.array, cuda.ndarray) == (device != 'cpu') for param in model.params())
    return {name: cuda.to_cpu(param.array) for name, param in model.namedparams()}, losses


@pytest.mark.parametrize('optimizer', [optimizers.Adam, optimizers.MomentumSGD, lambda: optimizers.Adam(amsgrad=True)])
@pytest.mark.parametrize('build, x, classes', [
    (Convolutional, np.random.default_rng(0).normal(size=(4, 1, 12, 12)).astype('f'), 10),
    (Recurrent, np.random.default_rng(0).integers(0, 20, (4, 5)), 3)])
def test_steps(build, x, classes, optimizer):
    network = build()
    with ann.using_config('train', False):
        network(x)
    model = L.Classifier(network)
    t = np.arange(len(x)) % classes
    (expected, losses), (actual, gpu_losses) = (steps(model, x, t, optimizer, device) for device in ('cpu', 'cuda:0'))
    np.testing.assert_allclose(gpu_losses, losses, rtol=1e-4)
    for name, array in expected.items():
        np.testing.assert_allclose(actual[name], array, rtol=1e-3, atol=1e-4, err_msg=name)


@pytest.mark.parametrize('name', ['lenet', 'resnet20'])
def test_networks_of_the_zoo(name):
    network = models.create(name, num_classes=10)
    entry = models.get(name)
    x = np.random.normal(size=(2, *entry.input_shape)).astype('f')
    with ann.using_config('train', False):
        network(x)
    model = L.Classifier(network)
    results = [steps(model, x, np.array([1, 2]), lambda: optimizers.SGD(0.01), device) for device in ('cpu', 'cuda:0')]
    np.testing.assert_allclose(results[1][1], results[0][1], rtol=1e-3)


@pytest.mark.skipif(IN_SOFTWARE, reason='without a device this takes an hour')
@pytest.mark.parametrize('name', models.names('images'))
def test_a_step_of_every_network(name, monkeypatch):
    for kernels in cpu, onednn, cuda_kernels, cudnn:  # which draw other numbers
        monkeypatch.setattr(kernels, 'dropout_mask', lambda x, ratio: ann.get_array_module(x).ones_like(x))
    channels, insize, _ = models.get(name).input_shape
    network = models.create(name, num_classes=10)
    size = max(network.minsize, min(insize, 64))
    x, t = np.random.normal(size=(8, channels, size, size)).astype('f'), np.arange(8)
    with ann.no_backprop_mode():
        network(x)
    before = np.concatenate([param.array.ravel() for param in network.params()])
    moves, losses = [], []
    for device in 'cpu', 'cuda:0':
        ann.random.seed(0)
        copy = network.copy('copy')
        model = L.Classifier(copy, copy.lossfun).to_device(device)
        optimizers.SGD(1e-3).setup(model).update(model, *ann.get_device(device).send((x, t)))
        losses.append(float(cuda.to_cpu(model.loss.array)))
        moves.append(np.concatenate([cuda.to_cpu(param.array).ravel() for param in model.params()]) - before)
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-4)
    # Where rounding moves a number over the kink of a rectifier, the gradient jumps: on the CPU, too.
    assert np.linalg.norm(moves[1] - moves[0]) < 0.05 * np.linalg.norm(moves[0])


@pytest.mark.parametrize('build, x, cuda_graph', [
    (Convolutional, np.random.default_rng(0).normal(size=(4, 1, 12, 12)).astype('f'), False),
    (Convolutional, np.random.default_rng(0).normal(size=(4, 1, 12, 12)).astype('f'), True),
    (Recurrent, np.random.default_rng(0).integers(0, 20, (4, 5)), False)])
def test_memory_does_not_grow(build, x, cuda_graph):
    """Neither what is in use after a step nor what the pool holds, though nothing collects cycles."""
    data = [(each, np.int32(i % 3)) for i, each in enumerate(x)]
    optimizer = optimizers.Adam().setup(L.Classifier(build()))
    updater = training.StandardUpdater(SerialIterator(data, len(data)), optimizer, device='cuda:0',
                                       cuda_graph=cuda_graph)
    reporter = ann.Reporter()
    reporter.add_observer('main', optimizer.target)
    pool, sizes = cuda.memory_pool, []
    gc.disable()
    try:
        for i in range(20 if IN_SOFTWARE else 1010):
            with reporter.scope({}):
                updater.update()
            if i >= 9:
                sizes.append((pool.used_bytes(), pool.total_bytes()))
    finally:
        gc.enable()
    assert set(sizes) == {sizes[0]}
    if cuda_graph:
        assert [step.checked for step in updater._steps._steps.values()] == [True]


def test_trainer(tmp_path):
    """The whole loop: data go to the device, the evaluator and the snapshot come back from it."""
    data = [(np.random.normal(size=4).astype('f'), np.int32(i % 2)) for i in range(24)]
    model = L.Classifier(ann.Sequential(L.Linear(4, 8), F.relu, L.Linear(8, 2)))
    optimizer = optimizers.Adam(0.05).setup(model)
    iterator = SerialIterator(data, 8)
    updater = training.StandardUpdater(iterator, optimizer, device='cuda:0')
    trainer = training.Trainer(updater, (8, 'epoch'), out=tmp_path)
    trainer.extend(extensions.Evaluator(SerialIterator(data, 8, repeat=False, shuffle=False), model, device='cuda:0'))
    trainer.extend(extensions.LogReport())
    trainer.extend(extensions.FailOnNonNumber())
    trainer.extend(extensions.snapshot(filename='snapshot'))
    trainer.run()
    log = trainer.get_extension('LogReport').log
    assert log[-1]['validation/main/loss'] < log[0]['validation/main/loss']
    other = L.Classifier(ann.Sequential(L.Linear(4, 8), F.relu, L.Linear(8, 2)))
    ann.serializers.load_npz(tmp_path / 'snapshot', other, path='updater/model:main/')
    for a, b in zip(model.params(), other.params()):
        np.testing.assert_array_equal(cuda.to_cpu(a.array), b.array)


@pytest.mark.parametrize('dtype', [ann.mixed16, ann.mixed_bfloat16])
def test_half_precision(dtype):
    with ann.using_config('dtype', dtype):
        model = L.Classifier(ann.Sequential(L.Linear(4, 8), L.BatchNormalization(8), F.relu, L.Linear(8, 2)))
        model.to_device('cuda:0')
        optimizer = optimizers.Adam(0.02).setup(model)
        x, t = model.device.send((np.random.normal(size=(16, 4)).astype(dtype), np.arange(16) % 2))
        losses = []
        for _ in range(30):
            optimizer.update(model, x, t)
            losses.append(float(cuda.to_cpu(model.loss.array)))
    assert losses[-1] < losses[0] and model.predictor[0].W.dtype == np.dtype(dtype)


@pytest.mark.parametrize('dtype, tolerance', [(ann.mixed16, 1e-2), (ann.mixed_bfloat16, 4e-2)])
def test_inference_in_half_precision(dtype, tolerance):
    """A normalization, whose numbers are more precise, becomes part of a convolution."""
    with ann.using_config('dtype', dtype):
        model = ann.Sequential(L.Convolution2D(3, 8, 3), L.BatchNormalization(8), F.relu)
    x = np.random.normal(size=(4, 3, 6, 6)).astype(dtype)
    model(x)
    results = []
    with ann.using_config('train', False), ann.no_backprop_mode():
        results.append(F.relu(model[1](model[0](x))).array)
        for device in 'cpu', 'cuda:0':
            model.to_device(device)
            results.append(cuda.to_cpu(model(ann.get_device(device).send(x)).array))
    assert {y.dtype for y in results} == {np.dtype(dtype)}
    for y in results[1:]:
        np.testing.assert_allclose(y.astype('d'), results[0].astype('d'), rtol=tolerance, atol=tolerance)


@pytest.mark.skipif(not IN_SOFTWARE, reason='nobody counts the launches')
@pytest.mark.parametrize('dtype', [np.float32, ann.mixed16, ann.mixed_bfloat16])
@pytest.mark.parametrize('optimizer', [optimizers.SGD, optimizers.MomentumSGD, optimizers.Adam])
@pytest.mark.parametrize('scale', [None, 128.])
def test_launches_do_not_grow_with_the_number_of_parameters(dtype, optimizer, scale):
    launches = ctypes.c_long.in_dll(cuda_software.driver(), 'launches')

    def count(layers):
        with ann.using_config('dtype', dtype):
            model = ann.Sequential(*[L.Linear(3, 3) for _ in range(layers)])
            model.to_device('cuda:0')
            updater = optimizer().setup(model)
            if scale is not None:
                updater.set_loss_scale(scale)
                updater.add_hook(optimizer_hooks.GradientClipping(1e-3))
            for _ in range(2):
                for param in model.params():
                    param.grad = cuda.cupy.ones_like(param.array)
                before = launches.value
                updater.apply_gradients(updater._loss_scale)
        return launches.value - before
    assert 0 < count(2) < 9 and count(2) == count(10)
