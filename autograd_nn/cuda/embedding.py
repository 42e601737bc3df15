"""The gradient of a table look-up."""
from __future__ import annotations

from typing import Any

from autograd_nn.config import config
from autograd_nn.cuda import device
from autograd_nn.cuda.kernel import COMPUTE, elementwise
from autograd_nn.dtypes import compute_dtype
from autograd_nn.types import Array, Ints

_sorted_sum = elementwise('raw T gy, raw int64 order, raw int64 start', 'T gW', '''
    C sum = 0;
    for (long long k = start[_ind.get()[0]]; k < start[_ind.get()[0] + 1]; ++k) {
        const ptrdiff_t place[] = {(ptrdiff_t)order[k], (ptrdiff_t)_ind.get()[1]};
        sum += (C)gy[place];
    }
    gW = (T)sum''', 'embedding_sum', reduce_dims=False, preamble=COMPUTE)

_scattered_sum = elementwise('T gy, S id, int64 length', 'raw U gW', '''
    const ptrdiff_t place[] = {(ptrdiff_t)id, (ptrdiff_t)_ind.get()[1]};
    if (place[0] >= 0 && place[0] < length) atomicAdd(&gW[place], (U)gy)''', 'embedding_scatter', reduce_dims=False)


def embedding_grad(gy: Array, ids: Array, W_shape: Ints) -> Any:
    """Adds rows in the order in which threads come to them; sorted with ``config.cudnn_deterministic``."""
    cupy = device.cupy
    rows, ids = gy.reshape(ids.size, W_shape[1]), ids.reshape(ids.size)
    if config.cudnn_deterministic:
        order = cupy.argsort(ids).astype('q', copy=False)
        start = cupy.searchsorted(ids[order].astype('q', copy=False), cupy.arange(W_shape[0] + 1, dtype='q'))
        return _sorted_sum(rows, order, start.astype('q', copy=False), cupy.empty(W_shape, gy.dtype))
    gW = cupy.zeros(W_shape, compute_dtype(gy.dtype))
    _scattered_sum(rows, ids[:, None], len(gW), gW)
    return gW.astype(gy.dtype, copy=False)
