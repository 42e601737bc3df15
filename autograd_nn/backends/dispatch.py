"""Which kernels serve an array."""
from __future__ import annotations

import numpy as np

from autograd_nn import cpu, cuda
from autograd_nn.backends.contract import Kernels
from autograd_nn.backends.device import check_same_device
from autograd_nn.cpu import onednn
from autograd_nn.cuda import cudnn
from autograd_nn.cuda import kernels as cuda_kernels
from autograd_nn.types import Array

# Fewer elements are multiplied without looking for a back end, by NumPy's older product of two matrices: it takes half
# the time of the operator.
_SMALL = 1 << 8


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


def product(a: Array, b: Array) -> Array:
    """The product of matrices, or of arrays of them (see `Kernels.matmul`)."""
    if a.ndim == b.ndim == 2 and a.size + b.size < _SMALL and isinstance(a, np.ndarray):
        return a.dot(b)
    return kernels(a, b).matmul(a, b)
