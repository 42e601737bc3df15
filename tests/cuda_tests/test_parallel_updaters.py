"""Updates by several devices; NCCL, which takes two GPUs, is one whose calls are recorded and computed by CuPy."""
from types import SimpleNamespace

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import cuda
from autograd_nn.training.updaters import ParallelUpdater, nccl_group

pytestmark = pytest.mark.gpu
SUM = 'sum'


def vector(pointer, size, kind):
    dtype = np.dtype(kind)
    memory = cuda.cupy.cuda.UnownedMemory(pointer, size * dtype.itemsize, None)
    return cuda.cupy.ndarray((size,), dtype, cuda.cupy.cuda.MemoryPointer(memory, 0))


class Communicator:
    """What the second of two processes would have: gradients of 10, parameters of 3."""

    calls = []

    def __init__(self, n, unique_id, rank):
        assert (n, unique_id) == (2, 'id')

    def reduce(self, source, target, size, kind, operation, root, stream):
        assert (source, operation, root, stream) == (target, SUM, 0, cuda.cupy.cuda.get_current_stream().ptr)
        self.calls.append(('reduce', size, kind))
        vector(target, size, kind)[...] += 10

    def bcast(self, pointer, size, kind, root, stream):
        assert root == 0
        self.calls.append(('bcast', size, kind))
        vector(pointer, size, kind)[...] = 3


@pytest.fixture
def group(monkeypatch):
    nccl = SimpleNamespace(NcclCommunicator=Communicator, NCCL_SUM=SUM, NCCL_FLOAT='f', NCCL_DOUBLE='d',
                           NCCL_HALF='e', get_unique_id=lambda: 'id', available=True)
    monkeypatch.setattr(cuda.cupy.cuda, 'nccl', nccl, raising=False)
    Communicator.calls = []
    assert nccl_group.NcclGroup.available()
    return lambda rank: nccl_group.NcclGroup(nccl_group.NcclGroup.make_id(), 2, rank)


def make_model():
    model = ann.Chain(a=ann.Link(), b=ann.Link())
    with model.a.init_scope(), model.b.init_scope():
        model.a.x = ann.Parameter(np.arange(6, dtype='f').reshape(2, 3))
        model.a.y = ann.Parameter(np.ones(2, 'd'))
        model.b.z = ann.Parameter(np.full((), 5, 'f'))
        model.b.never = ann.Parameter()
    model.to_device('cuda:0')
    model.a.x.grad = cuda.cupy.ones((2, 3), 'f')
    model.b.z.grad = cuda.cupy.full((), 2, 'f')
    return model


def test_gradients(group):
    model = make_model()
    group(0).sum_gradients(model)
    assert cuda.to_cpu(model.a.x.grad).tolist() == [[11] * 3] * 2
    assert cuda.to_cpu(model.a.y.grad).tolist() == [10, 10]  # None here counts as zeros.
    assert float(model.b.z.grad) == 12
    assert Communicator.calls == [('reduce', 7, 'f'), ('reduce', 2, 'd')]
    assert model.b.never.grad is None
    group(1).sum_gradients(model)
    assert model.a.x.grad is None


@pytest.mark.parametrize('rank', [0, 1])
def test_parameters(group, rank):
    model = make_model()
    group(rank).share_parameters(model)
    expected = [[3] * 3] * 2 if rank else np.arange(6).reshape(2, 3).tolist()
    assert cuda.to_cpu(model.a.x.array).tolist() == expected
    assert float(model.b.z.array) == (3 if rank else 5)
    assert Communicator.calls == [('bcast', 7, 'f'), ('bcast', 2, 'd')]


def test_a_gpu_beside_the_cpu():
    """The sum of both halves' gradients, in the place of the main device."""
    x, t = np.random.rand(6, 3).astype('f'), np.random.rand(6, 2).astype('f')
    found = []
    for main, other in ('cpu', 'cpu'), ('cuda:0', 'cpu'), ('cpu', 'cuda:0'):
        devices = {'main': main, 'other': other}
        model = L.Classifier(L.Linear(3, 2, initialW=np.ones((2, 3))), F.mean_squared_error)
        model.compute_accuracy = False
        batches = ann.iterators.SerialIterator(ann.datasets.TupleDataset(x, t), 6, shuffle=False)
        updater = ParallelUpdater(batches, ann.optimizers.SGD(0.1).setup(model), devices=devices)
        updater.update()
        updater.update()
        assert model.device == ann.get_device(devices['main'])
        found.append(cuda.to_cpu(model.predictor.W.array))
    np.testing.assert_allclose(found[1], found[0], rtol=1e-5)
    np.testing.assert_allclose(found[2], found[0], rtol=1e-5)
