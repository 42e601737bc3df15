"""Devices, arrays and kernels, under the name that programs for Chainer know; what is behind is in `backends/`."""
from autograd_nn.backends.arrays import (
    as_output,
    copyto,
    from_dlpack,
    get_array_module,
    is_array,
    plain_array,
    to_cpu,
)
from autograd_nn.backends.device import (
    CpuDevice,
    Device,
    DeviceLike,
    GpuDevice,
    check_same_device,
    get_device,
    get_device_from_array,
    using_device,
)
from autograd_nn.backends.dispatch import kernels
from autograd_nn.backends.elementwise import LARGE, Elementwise, elementwise

__all__ = ['LARGE', 'CpuDevice', 'Device', 'DeviceLike', 'Elementwise', 'GpuDevice', 'as_output', 'check_same_device',
           'copyto', 'elementwise', 'from_dlpack', 'get_array_module', 'get_device', 'get_device_from_array',
           'is_array', 'kernels', 'plain_array', 'to_cpu', 'using_device']
