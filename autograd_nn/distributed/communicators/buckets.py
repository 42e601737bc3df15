"""Vectors that hold the gradients of several parameters each, so that few large messages are sent and not many small.

Latency makes small messages expensive, and a message can start only when its last gradient is there: a few MiB are
enough for the first and early enough for the second.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd_nn import backend
from autograd_nn.cpu import memory
from autograd_nn.dtypes import is_half
from autograd_nn.types import Array, DTypeLike
from autograd_nn.variable import Parameter


class Slot:
    """Where a parameter's gradient lies in a bucket.

    Args:
        param: The parameter.
        axes: The order in which its axes lie in memory, the slowest first.
        bucket: The bucket's number.
        start: The first element in the bucket.
    """

    __slots__ = ('_axes', '_back', '_shape', 'bucket', 'node', 'param', 'start', 'stop')

    def __init__(self, param: Parameter, axes: tuple[int, ...], bucket: int, start: int) -> None:
        self.param, self.node, self.bucket, self.start = param, param.node, bucket, start
        self.stop = start + param.size
        self._shape = tuple([param.shape[i] for i in axes])
        in_order = axes == tuple(range(param.ndim))
        self._axes = None if in_order else axes
        self._back = None if in_order else tuple(np.argsort(axes).tolist())

    def view(self, flat: Array) -> Array:
        """The bucket's part as an array of the parameter's shape, laid out as its array."""
        return self.unflatten(flat[self.start:self.stop])

    def unflatten(self, vector: Array) -> Array:
        """A vector of the parameter's elements as an array of its shape."""
        array = vector.reshape(self._shape)
        return array if self._back is None else array.transpose(self._back)

    def flatten(self, array: Array) -> Array:
        """An array of the parameter's shape as a vector, in the order of the bucket; a view where that is possible."""
        return (array if self._axes is None else array.transpose(self._axes)).reshape(-1)


class Bucket:
    """Some parameters whose gradients travel together.

    Args:
        param_dtype: The dtype of the parameters.
        wire_dtype: The dtype in which the gradients travel.
        kind: The kind of the parameters.
        xp: The array module.
    """

    def __init__(self, param_dtype: np.dtype, wire_dtype: DTypeLike, kind: str, xp: Any) -> None:
        self.slots: list[Slot] = []
        self.size = 0
        self.param_dtype, self.wire_dtype, self.kind, self._xp = param_dtype, wire_dtype, kind, xp
        # Sums need more digits than halves have.
        self.dtype = np.dtype(np.float32) if is_half(param_dtype) else param_dtype

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize

    def empty(self, dtype: np.dtype) -> Array:
        """A vector of the bucket's size. Those of the step before may still be in use as somebody's ``grad``."""
        # On the host, the pool has the memory of earlier ones again as soon as nobody uses them.
        return memory.empty((self.size,), dtype) if self._xp is np else self._xp.empty(self.size, dtype)

    def pack(self, grads: Sequence[Array | None], factor: float) -> Array:
        """A vector with multiples of the gradients.

        Args:
            grads: One for each slot; None counts as zeros.
            factor: What to multiply them by.
        """
        flat = self.empty(self.dtype)
        sources, targets = [], []
        for slot, grad in zip(self.slots, grads, strict=True):
            if grad is None:
                flat[slot.start:slot.stop] = 0
            else:
                sources.append(grad)
                targets.append(slot.view(flat))
        flat[self.slots[-1].stop:] = 0
        if sources:
            with np.errstate(over='ignore', invalid='ignore'):
                backend.kernels(flat).scaled_copies(sources, targets, factor)
        return flat
