"""Softmax and its logarithm: one reduction that finds maximum and sum together, then one elementwise kernel.

See Milakov and Gimelshein, Online normalizer calculation for softmax, 2018, https://arxiv.org/abs/1805.02867.
"""
from __future__ import annotations

from math import prod
from typing import Any

from autograd_nn.cuda import device
from autograd_nn.cuda.kernel import COMPUTE, elementwise, reduce
from autograd_nn.cuda.reductions import product_sum
from autograd_nn.dtypes import compute_dtype
from autograd_nn.types import Array

# The sum is that of exponentials of what is less than the largest; where both are minus infinity, the exponential of
# their difference is taken for 1 here, and is not a number in the end, as NumPy has it.
_EXPONENTIALS = COMPUTE + '''
struct exponentials {
    C largest, total;
    __device__ exponentials() : largest(log((C)0)), total(0) {}
    __device__ exponentials(C x) : largest(x), total(1) {}
};
__device__ C shrunk(C total, C from, C to) {
    return from == to && from < 0 ? total : total * exp(from - to);
}
__device__ exponentials joined(const exponentials& a, const exponentials& b) {
    exponentials result;
    result.largest = a.largest > b.largest ? a.largest : b.largest;
    result.total = shrunk(a.total, a.largest, result.largest) + shrunk(b.total, b.largest, result.largest);
    return result;
}
'''
_exponentials = reduce('T x', 'U largest, U total', 'exponentials((C)x)', 'joined(a, b)',
                       'largest = (U)a.largest, total = (U)a.total', 'exponentials()', 'sum_of_exponentials',
                       reduce_type='exponentials', preamble=_EXPONENTIALS)
_softmax = elementwise('T x, U largest, U total', 'T y', 'y = (T)(exp((C)x - (C)largest) / (C)total)', 'softmax',
                       preamble=COMPUTE)
_softmax_grad = elementwise('T y, T gy, U sum', 'T gx', 'gx = (T)((C)y * ((C)gy - (C)sum))', 'softmax_grad',
                            preamble=COMPUTE)
_log_softmax = elementwise('T x, U largest, U total', 'T y', 'y = (T)((C)x - (C)largest - log((C)total))',
                           'log_softmax', preamble=COMPUTE)
_log_softmax_grad = elementwise('T y, T gy, U sum', 'T gx', 'gx = (T)((C)gy - exp((C)y) * (C)sum)', 'log_softmax_grad',
                                preamble=COMPUTE)
# The loss of a label that is none of the classes is not a number.
_cross_entropy = elementwise('T x, U largest, U total, S label, int64 classes', 'T y, raw T loss', '''
    const C difference = (C)x - (C)largest;
    y = (T)(exp(difference) / (C)total);
    const ptrdiff_t wanted = (ptrdiff_t)label, place[] = {_ind.get()[0], _ind.get()[2]};
    if (_ind.get()[1] == wanted) loss[place] = (T)(log((C)total) - difference);
    else if (_ind.get()[1] == 0 && (wanted < 0 || wanted >= classes)) loss[place] = (T)log((C)-1);
    ''', 'softmax_cross_entropy', reduce_dims=False, preamble=COMPUTE)
_cross_entropy_grad = elementwise('T y, S label, T scale', 'T gx', '''
    const C right = _ind.get()[1] == (ptrdiff_t)label ? 1 : 0;
    gx = (T)(((C)y - right) * (C)scale)''', 'softmax_cross_entropy_grad', reduce_dims=False, preamble=COMPUTE)


def softmax(x: Array, axis: int) -> Any:
    """``exp(x)`` over its sum along `axis`, with the largest element taken off first, so that nothing overflows."""
    y = device.cupy.empty(x.shape, x.dtype)
    return _softmax(x, *_find_exponentials(x, axis), y)


def softmax_grad(y: Array, gy: Array, axis: int) -> Any:
    """``y * (gy - sum(y * gy))``."""
    gx = device.cupy.empty(y.shape, y.dtype)
    return _softmax_grad(y, gy, product_sum(y, gy, (axis,), compute_dtype(y.dtype), keepdims=True), gx)


def log_softmax(x: Array, axis: int) -> Any:
    """``x - log(sum(exp(x)))``."""
    y = device.cupy.empty(x.shape, x.dtype)
    return _log_softmax(x, *_find_exponentials(x, axis), y)


def log_softmax_grad(y: Array, gy: Array, axis: int) -> Any:
    """``gy - exp(y) * sum(gy)``."""
    gx = device.cupy.empty(y.shape, y.dtype)
    return _log_softmax_grad(y, gy, product_sum(gy, 1, (axis,), compute_dtype(y.dtype), keepdims=True), gx)


def softmax_cross_entropy(x: Array, labels: Array) -> tuple[Any, Any]:
    """The elementwise kernel writes the softmax and, where the class is the right one, the loss."""
    x_ = _as_classes(x)
    n, _, positions = x_.shape
    y, loss = device.cupy.empty(x_.shape, x.dtype), device.cupy.empty((n, positions), x.dtype)
    _cross_entropy(x_, *_find_exponentials(x_, 1), labels.reshape(n, 1, positions), x.shape[1], y, loss)
    return y.reshape(x.shape), loss.reshape(labels.shape)


def softmax_cross_entropy_grad(y: Array, labels: Array, scale: Array) -> Any:
    """In one kernel: the probabilities `y`, less one at the labels, each sample times its element of `scale`."""
    y_ = _as_classes(y)
    gx = device.cupy.empty(y_.shape, y.dtype)
    shape = len(y), 1, y_.shape[2]
    _cross_entropy_grad(y_, labels.reshape(shape), scale.reshape(shape), gx)
    return gx.reshape(y.shape)


def _find_exponentials(x: Array, axis: int) -> tuple[Any, Any]:
    """The maximum along an axis, which stays with length 1, and the sum of the exponentials of what is less."""
    shape = [n for i, n in enumerate(x.shape) if i != axis]
    largest, total = device.cupy.empty((2, *shape), compute_dtype(x.dtype))
    _exponentials(x, largest, total, axis=axis)
    return device.cupy.expand_dims(largest, axis), device.cupy.expand_dims(total, axis)


def _as_classes(x: Array) -> Any:
    """`x` (N, C, *d) as an array (N, C, positions)."""
    return x.reshape(*x.shape[:2], prod(x.shape[2:]))
