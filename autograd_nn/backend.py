"""Devices, arrays and kernels, under the name that programs for Chainer know; what is behind is in `backends/`."""
from autograd_nn.backends.arrays import (
    ARRAYS,
    as_output,
    copyto,
    from_dlpack,
    get_array_module,
    is_array,
    is_on_host,
    plain_array,
    scalar_beside,
    to_cpu,
)
from autograd_nn.backends.device import (
    CpuDevice,
    Device,
    DeviceLike,
    GpuDevice,
    beside,
    check_same_device,
    get_device,
    get_device_from_array,
    using_device,
)
from autograd_nn.backends.dispatch import kernels, product
from autograd_nn.backends.elementwise import LARGE, Elementwise, elementwise, in_blocks, is_small
from autograd_nn.backends.sharing import memory_owner, unshared

__all__ = [
    'ARRAYS',
    'LARGE',
    'CpuDevice',
    'Device',
    'DeviceLike',
    'Elementwise',
    'GpuDevice',
    'as_output',
    'beside',
    'check_same_device',
    'copyto',
    'elementwise',
    'from_dlpack',
    'get_array_module',
    'get_device',
    'get_device_from_array',
    'in_blocks',
    'is_array',
    'is_on_host',
    'is_small',
    'kernels',
    'memory_owner',
    'plain_array',
    'product',
    'scalar_beside',
    'to_cpu',
    'unshared',
    'using_device',
]
