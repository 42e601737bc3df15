"""Which kernels serve an array."""
from __future__ import annotations

from autograd_nn import cpu, cuda
from autograd_nn.backends.contract import Kernels
from autograd_nn.backends.device import check_same_device
from autograd_nn.cpu import onednn
from autograd_nn.cuda import cudnn
from autograd_nn.cuda import kernels as cuda_kernels
from autograd_nn.types import Array


def kernels(*arrays: Array) -> Kernels:
    """The kernels (see `Kernels`) for arrays that live on one device.

    Raises:
        TypeError: Some arrays are on the CPU and others on a GPU.
    """
    if not cuda.available:
        return onednn if onednn.in_use() else cpu
    devices = {x.device.id if isinstance(x, cuda.ndarray) else None for x in arrays if x is not None}
    if len(devices) > 1:
        check_same_device('kernels', arrays)
    if devices and None not in devices:
        return cudnn if cudnn.in_use() else cuda_kernels
    return onednn if onednn.in_use() else cpu
