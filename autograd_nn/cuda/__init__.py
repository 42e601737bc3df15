"""CUDA devices through CuPy. Importing this never fails; using a GPU without CuPy or a driver gives one clear error.

The kernels for arrays on a GPU are in `autograd_nn.cuda.kernels`.
"""
from autograd_nn.cuda import device
from autograd_nn.cuda.device import (
    Device,
    DummyDevice,
    DummyDeviceType,
    Event,
    Stream,
    available,
    check_cuda_available,
    clear_memo,
    copy,
    cudnn_enabled,
    cupy,
    fuse,
    get_array_module,
    get_device,
    get_device_from_array,
    get_device_from_id,
    get_max_workspace_size,
    memoize,
    memory_pool,
    ndarray,
    set_max_workspace_size,
    should_use_cudnn,
    should_use_cudnn_tensor_core,
    synchronize,
    to_cpu,
    to_gpu,
)
from autograd_nn.cuda.kernel import Kernel, elementwise, raw, reduce

__all__ = [
    'Device', 'DummyDevice', 'DummyDeviceType', 'Event', 'Kernel', 'Stream', 'available', 'check_cuda_available',
    'clear_memo', 'copy', 'cudnn_enabled', 'cupy', 'elementwise', 'fuse', 'get_array_module', 'get_device',
    'get_device_from_array', 'get_device_from_id', 'get_max_workspace_size', 'memoize', 'memory_pool', 'ndarray',
    'raw', 'reduce', 'set_max_workspace_size', 'should_use_cudnn', 'should_use_cudnn_tensor_core', 'synchronize',
    'to_cpu', 'to_gpu',
]

if available:
    device.use_pool()
