"""Objects that move from device to device with all that belongs to them."""
import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.links as L
from autograd_nn.device_resident import DeviceResidentsVisitor


class Elsewhere(ann.backend.CpuDevice):
    """A device of which one can tell that an array was sent there."""

    def __init__(self):
        self.sent = []

    def send_array(self, array):
        self.sent.append(array)
        return array.copy()


class WithTable(ann.Chain):
    """Has an array that nobody else knows of."""

    def __init__(self):
        super().__init__()
        with self.init_scope():
            self.layer = L.Linear(2, 3)
        self.table = np.arange(3)
        self.add_persistent('mean', np.zeros(2))
        self.add_persistent('count', 0)

    def device_resident_accept(self, visitor):
        super().device_resident_accept(visitor)
        self.table = visitor.visit_array(self.table)


def test_what_a_class_adds_moves_along():
    model = ann.Chain(inner=WithTable())
    before = [model.inner.table, model.inner.mean, *[param.array for param in model.params()]]
    device = Elsewhere()
    assert model.to_device(device) is model
    assert sorted(map(id, device.sent)) == sorted(map(id, before))
    assert all(link.device is device and link.xp is np for link in model.links())
    assert model.inner.table is not before[0] and model.inner.count == 0


def test_a_visitor_sees_everything():
    class Names(DeviceResidentsVisitor):
        def __init__(self):
            self.seen = []

        def visit_device_resident(self, device_resident):
            self.seen.append(type(device_resident).__name__)

        def visit_array(self, arr):
            self.seen.append(arr.shape)
            return arr

        def visit_variable(self, param):
            self.seen.append(param.name)

    names = Names()
    WithTable().device_resident_accept(names)
    assert names.seen == ['WithTable', (2,), 'Linear', 'W', 'b', (3,)]
    with pytest.raises(NotImplementedError, match='visit_device_resident'):
        ann.DeviceResident().device_resident_accept(DeviceResidentsVisitor())


def test_methods_of_an_older_style_are_called():
    class Old(L.Linear):
        calls = 0

        def to_cpu(self):
            super().to_cpu()
            self.calls += 1
            return self

    old = Old(2, 3)
    for move in (old.to_cpu, lambda: old.to_device('cpu'), ann.Sequential(old).to_cpu,
                 lambda: ann.Chain(old=old).to_device('cpu')):
        old.calls = 0
        move()
        assert old.calls == 1


def test_what_is_not_there():
    link, x = L.Linear(2, 3), ann.Variable(np.ones(2))
    for each in link, x:
        with pytest.raises(RuntimeError, match='ChainerX is not available'):
            each.to_chx()
        with pytest.raises(RuntimeError, match='iDeep is not available'):
            each.to_intel64()
    assert link.from_chx() is link
    x.from_chx()
    with pytest.raises(ValueError, match='ChainerX'):
        assert x.chx_array
    with pytest.raises(RuntimeError, match=r'CUDA is not available|does not exist'):
        link.to_gpu(99)
    assert link.device == ann.get_device('cpu') and link._device_id is None


@pytest.mark.gpu
def test_to_gpu_goes_to_the_current_one():
    class Old(WithTable):
        def to_gpu(self, device=None):
            super().to_gpu(device)
            self.went_to = device
            return self

    model = ann.Chain(inner=Old()).to_gpu()
    assert model.device == model.inner.device == ann.get_device(ann.cuda.Device().id)
    assert model.inner.went_to == model._device_id == ann.cuda.Device().id
    for x in model.inner.table, model.inner.mean, model.inner.layer.W.array:
        assert isinstance(x, ann.cuda.ndarray)
    x = ann.Variable(np.ones(2))
    x.to_gpu(ann.cuda.Device())
    assert x.device == model.device and ann.GpuDevice.from_array(x.array) == x.device
    assert x.device.is_array_supported(x.array) and not ann.CpuDevice().is_array_supported(x.array)
    assert isinstance(model.to_cpu().inner.table, np.ndarray)
