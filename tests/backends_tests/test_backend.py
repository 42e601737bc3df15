"""Devices, array modules, results of functions, elementwise operations."""
import numpy as np
import pytest

import autograd_nn as ann
from autograd_nn import Variable, backend, cpu, cuda
from autograd_nn.backend import elementwise

without_gpu = pytest.mark.skipif(cuda.available, reason='there is a GPU')


def test_get_array_module():
    assert ann.get_array_module() is np
    assert ann.get_array_module(np.ones(1), Variable(np.ones(1)), 3, None) is np


def test_is_array():
    assert backend.is_array(np.ones(1)) and not backend.is_array(np.float32(1)) and not backend.is_array([1])
    assert not backend.is_array(Variable(np.ones(1)))


@pytest.mark.parametrize('spec', ['cpu', '@numpy', 'native', 'native:0', 'cpu:0', -1, '-1', np.int64(-1),
                                  np.str_('-1'), ann.CpuDevice()])
def test_names_of_the_cpu(spec):
    device = ann.get_device(spec)
    assert isinstance(device, ann.CpuDevice) and device == ann.CpuDevice() and str(device) == device.name == '@numpy'
    assert device.xp is np and hash(device) == hash(ann.CpuDevice()) and repr(device) == '<CpuDevice (numpy)>'
    device.use()
    with ann.using_device(spec) as current:
        assert current == device


@pytest.mark.parametrize('spec', ['tpu', 'cuda:x', 'cpu:1', '', None, 'cuda:-1', '1.0', '--1', True - 0.5])
def test_unknown_devices(spec):
    with pytest.raises(ValueError, match=r'get_device.*expected cpu'):
        ann.get_device(spec)


@without_gpu
@pytest.mark.parametrize('spec', ['cuda', 'cuda:0', '@cupy:0', '@cupy:1', 'gpu', 0, '0', '12', np.int32(1)])
def test_a_gpu_that_is_not_there(spec):
    with pytest.raises(RuntimeError, match=r'CUDA is not available.*pip install'):
        ann.get_device(spec)
    with pytest.raises(RuntimeError, match='CUDA is not available'):
        Variable(np.ones(1)).to_device(spec)


@without_gpu
def test_to_gpu_without_one():
    x = Variable(np.ones(1))
    with pytest.raises(RuntimeError, match='CUDA is not available'):
        x.to_gpu()
    assert x.array[0] == 1

    class OnTheGpu:
        def __dlpack_device__(self):
            return 2, 0

    with pytest.raises(RuntimeError, match='CUDA is not available'):
        ann.from_dlpack(OnTheGpu())


def test_device_of_arrays():
    assert ann.get_device_from_array(np.ones(1), None) == ann.CpuDevice()
    assert ann.CpuDevice() != '@numpy'
    assert ann.CpuDevice.from_array(np.ones(1)) == ann.CpuDevice() and ann.CpuDevice.from_array([1]) is None
    assert ann.CpuDevice().is_array_supported(np.ones(1)) and not ann.CpuDevice().is_array_supported([1])
    assert ann.GpuDevice.from_array(np.ones(1)) is None
    with ann.CpuDevice().create_context() as current:
        assert current == ann.CpuDevice()


def test_the_device_that_stands_for_the_cpu():
    with cuda.DummyDevice as device:
        assert device is cuda.DummyDevice is cuda.get_device_from_id(-1) is cuda.get_device_from_array(np.ones(1))
    assert isinstance(cuda.DummyDevice, cuda.DummyDeviceType) and int(cuda.DummyDevice) == -1


def test_sending():
    device, a, b = ann.get_device('cpu'), np.ones(1), np.zeros(2)
    assert device.send(a) is a
    sent = device.send({'a': a, 'rest': [b, (a, 'text', 3, None)]})
    assert sent['a'] is a and sent['rest'][0] is b and sent['rest'][1] == (a, 'text', 3, None)
    assert isinstance(sent['rest'], list) and isinstance(sent['rest'][1], tuple)


def test_copyto():
    a = np.zeros((2, 2), 'f')
    backend.copyto(a, np.array([1., 2.]))
    assert a.tolist() == [[1, 2], [1, 2]]
    with pytest.raises(ValueError):
        backend.copyto(a, np.zeros(3))


def test_kernels_of_numpy_arrays():
    expected = cpu.onednn if cpu.onednn.load()[0] is not None else cpu
    assert backend.kernels(np.ones(1), None, np.ones(2)) is expected
    with ann.using_config('use_onednn', 'never'):
        assert backend.kernels() is cpu


def test_as_output():
    function = ann.FunctionNode()
    y = backend.as_output(np.float32(3), function)
    assert isinstance(y, np.ndarray) and y.shape == () and y.dtype == np.float32
    assert backend.as_output(np.bool_(True), function).dtype == np.bool_

    class Sub(np.ndarray):
        pass

    assert type(backend.as_output(np.ones(2).view(Sub), function)) is np.ndarray
    assert backend.as_output(None, function) is None
    for wrong in 1.0, [1.0], Variable(np.ones(1)):
        with pytest.raises(TypeError, match=r'FunctionNode.*arrays'):
            backend.as_output(wrong, function)


def test_elementwise():
    @elementwise('T x, T y', 'T z', 'z = x > y ? x : y')
    def larger(x, y):
        """The larger one."""
        return np.maximum(x, y)

    try:
        assert larger(np.array([1, 5]), np.array([2, 3])).tolist() == [2, 5]
        # Numbers of NumPy do not widen it.
        x = np.arange(backend.LARGE + 1, dtype='f')
        for array in x, x[:3], x[0]:
            assert larger(np.asarray(array), np.float64(1)).dtype == np.float32
        assert larger(np.array([1, 5]), 2.5).dtype == np.float64
        assert larger.__doc__ == 'The larger one.' and larger.name == 'larger'
        key = next(name for name, kernel in elementwise.registry.items() if kernel is larger)
        assert key.endswith('test_elementwise.<locals>.larger') and key.startswith(__name__)
    finally:
        elementwise.registry = {name: kernel for name, kernel in elementwise.registry.items() if kernel is not larger}
