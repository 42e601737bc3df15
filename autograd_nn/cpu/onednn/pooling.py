"""Maximum and mean of windows. Images go in and come out channels-last."""
from __future__ import annotations

from math import prod

import numpy as np

from autograd_nn import cpu as reference
from autograd_nn.cpu import memory
from autograd_nn.cpu.onednn import library as c
from autograd_nn.cpu.onednn.primitive import Primitive, as_channels_last, cached, extreme, images, serves
from autograd_nn.geometry import conv_output_size
from autograd_nn.types import Ints

_LOWEST = np.finfo(np.float32).min


def max_pooling(x: np.ndarray, kernel_size: Ints, stride: Ints, pad: Ints, cover_all: bool,
                training: bool = True) -> tuple[np.ndarray, np.ndarray | None]:
    """The places of the maxima are what oneDNN keeps for the gradient."""
    if serves('max_pooling', x):
        key = 'max_pooling', c.POOLING_MAX, x.shape, kernel_size, stride, pad, cover_all, training
        plan = cached(key, _Forward, *key)
        # oneDNN passes over NaN, and has no number below the lowest finite one.
        if plan.is_served and extreme(np.minimum, x) > _LOWEST:
            y = memory.empty(plan.y_shape, channels_last=True)
            indexes = memory.empty(plan.y_shape, plan.index_dtype, channels_last=True) if training else None
            plan.primitive(as_channels_last(x), y, *([] if indexes is None else [indexes]))
            return y, indexes
    return reference.max_pooling(x, kernel_size, stride, pad, cover_all, training)


def max_pooling_grad(gy: np.ndarray, indexes: np.ndarray, size: Ints, kernel_size: Ints, stride: Ints,
                     pad: Ints) -> np.ndarray:
    """Gives each gradient to the place of the maximum."""
    if serves('max_pooling_grad', gy):
        key = 'max_pooling_grad', c.POOLING_MAX, gy.shape, size, kernel_size, stride, pad
        plan = cached(key, _Backward, *key)
        if indexes.shape != gy.shape:
            raise ValueError(f'max_pooling_grad: expected indexes of the shape of gy, {gy.shape}, got {indexes.shape}')
        if plan.is_served and indexes.dtype == plan.index_dtype:
            gx = memory.empty(plan.x_shape, channels_last=True)
            plan.primitive(as_channels_last(gy), gx, as_channels_last(indexes))
            return gx
    return reference.max_pooling_grad(gy, indexes, size, kernel_size, stride, pad)


def average_pooling(x: np.ndarray, kernel_size: Ints, stride: Ints, pad: Ints, cover_all: bool,
                    pad_value: int | None) -> np.ndarray:
    """With or without the padding in the number of elements."""
    if serves('average_pooling', x):
        key = ('average_pooling', _mean('average_pooling', pad_value), x.shape, kernel_size, stride, pad, cover_all,
               False)
        plan = cached(key, _Forward, *key)
        if plan.is_served:
            y = memory.empty(plan.y_shape, channels_last=True)
            plan.primitive(as_channels_last(x), y)
            return y
    return reference.average_pooling(x, kernel_size, stride, pad, cover_all, pad_value)


def average_pooling_grad(gy: np.ndarray, size: Ints, kernel_size: Ints, stride: Ints, pad: Ints,
                         pad_value: int | None) -> np.ndarray:
    """Gives each place of a window an equal share."""
    if serves('average_pooling_grad', gy):
        key = ('average_pooling_grad', _mean('average_pooling_grad', pad_value), gy.shape, size, kernel_size, stride,
               pad)
        plan = cached(key, _Backward, *key)
        if plan.is_served:
            gx = memory.empty(plan.x_shape, channels_last=True)
            plan.primitive(as_channels_last(gy), gx)
            return gx
    return reference.average_pooling_grad(gy, size, kernel_size, stride, pad, pad_value)


def _mean(kernel: str, pad_value: int | None) -> int:
    if pad_value not in (0, None):
        raise ValueError(f'{kernel}: expected pad_value 0 or None, got {pad_value!r}')
    return c.POOLING_AVG_EXCLUDE_PADDING if pad_value is None else c.POOLING_AVG_INCLUDE_PADDING


class _Pooling:
    """Checked shapes as descriptors and C arrays.

    Attributes:
        is_served: Whether every window has a part of an image: oneDNN gives others a meaning of its own.
    """

    def __init__(self, kernel: str, algorithm: int, x_shape: Ints, out: Ints, kernel_size: Ints, stride: Ints,
                 pad: Ints) -> None:
        axes = list(zip(x_shape[2:], out, kernel_size, stride, pad, strict=True))
        self.is_served = all(p < k and (m - 1) * s - p < n for n, m, k, s, p in axes)
        beyond = tuple(max(0, s * (m - 1) + k - n - p) for n, m, k, s, p in axes)
        self.algorithm = algorithm
        self.x_shape, self.y_shape = x_shape, (*x_shape[:2], *out)
        self.x, self.y = images(self.x_shape), images(self.y_shape)
        self.window = (c.dims(stride), c.dims(kernel_size), c.dims((0,) * len(out)), c.dims(pad), c.dims(beyond))

    def forward(self, training: bool, arrays: Ints) -> Primitive:
        """The primitive of the forward pass."""
        return Primitive('pooling_forward', c.FORWARD_TRAINING if training else c.FORWARD_INFERENCE, self.algorithm,
                         self.x, self.y, *self.window, arrays=arrays)

    def set_primitive(self, primitive: Primitive) -> None:
        """Keeps the primitive and the type in which it keeps the places of maxima."""
        self.primitive = primitive
        self.index_dtype = np.int32 if primitive.size(c.WORKSPACE) > prod(self.y_shape) else np.uint8


class _Forward(_Pooling):

    def __init__(self, kernel: str, algorithm: int, x_shape: Ints, kernel_size: Ints, stride: Ints, pad: Ints,
                 cover_all: bool, training: bool) -> None:
        out = _output_size(kernel, x_shape[2:], kernel_size, stride, pad, cover_all)
        if min(out) < 1:
            raise ValueError(f'{kernel}: no window of size {kernel_size} fits images of size {x_shape[2:]} '
                             f'with pad {pad}')
        super().__init__(kernel, algorithm, x_shape, out, kernel_size, stride, pad)
        if self.is_served:
            self.set_primitive(self.forward(training, (c.SRC, c.DST, c.WORKSPACE) if training else (c.SRC, c.DST)))


class _Backward(_Pooling):

    def __init__(self, kernel: str, algorithm: int, gy_shape: Ints, size: Ints, kernel_size: Ints, stride: Ints,
                 pad: Ints) -> None:
        least, most = (_output_size(kernel, size, kernel_size, stride, pad, cover_all) for cover_all in (False, True))
        out = gy_shape[2:]
        if len(out) != len(size) or any(m < 1 or m not in ends
                                             for m, *ends in zip(out, least, most, strict=True)):
            raise ValueError(f'{kernel}: images of size {size} have {least} to {most} windows of size {kernel_size} '
                             f'with stride {stride} and pad {pad}, got gy of shape {gy_shape}')
        super().__init__(kernel, algorithm, (*gy_shape[:2], *size), out, kernel_size, stride, pad)
        if self.is_served:
            arrays = (c.DIFF_DST, c.DIFF_SRC, c.WORKSPACE) if algorithm == c.POOLING_MAX else (c.DIFF_DST, c.DIFF_SRC)
            self.set_primitive(Primitive('pooling_backward', algorithm, self.x, self.y, *self.window, arrays=arrays,
                                         hint=self.forward(True, ())))


def _output_size(kernel: str, size: Ints, kernel_size: Ints, stride: Ints, pad: Ints, cover_all: bool) -> Ints:
    """The checked number of windows along each axis."""
    if not 1 <= len(size) <= 3 or not len(size) == len(kernel_size) == len(stride) == len(pad):
        raise ValueError(f'{kernel}: expected 1 to 3 spatial axes throughout, got images of size {size}, '
                         f'window {kernel_size}, stride {stride}, pad {pad}')
    if min(*size, *kernel_size, *stride) < 1 or min(pad) < 0:
        raise ValueError(f'{kernel}: expected positive sizes and stride, and pad of 0 or more, got images of size '
                         f'{size}, window {kernel_size}, stride {stride}, pad {pad}')
    return tuple(conv_output_size(*axis, cover_all) for axis in zip(size, kernel_size, stride, pad, strict=True))
