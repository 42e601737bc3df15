"""Pooling with Caffe's windows, and its reverse."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import autograd_nn.functions as F
from autograd_nn.backend import get_array_module
from autograd_nn.caffe.layers.registry import Layer, Specification, builder
from autograd_nn.caffe.wire import Message
from autograd_nn.config import config
from autograd_nn.functions.pooling.pooling import AveragePooling
from autograd_nn.geometry import conv_output_size
from autograd_nn.types import ArrayLike, Ints
from autograd_nn.variable import Variable, as_variable

# Caffe's maximum of nothing.
_LEAST = float(np.finfo(np.float32).min)


@dataclass(frozen=True)
class Pooling:
    """Maximum, mean or expectation of windows.

    The last window may reach beyond the padding, unless it would begin there; the mean counts the padding, but nothing
    beyond it.

    Args:
        method: ``'MAX'``, ``'AVE'`` or ``'STOCHASTIC'``.
        ksize: The windows' height and width; None makes the whole image one window.
        stride: Their distances.
        pad: The widths of the padding.
        round_up: Whether the last window may reach beyond the padding.
        with_mask: Whether to return a second array: the place of each maximum in its channel, counted row by row. Of a
            window without any pixel the maximum is the least number and its place -1, the mean is not a number.
    """

    method: str
    ksize: Ints | None
    stride: Ints = (1, 1)
    pad: Ints = (0, 0)
    round_up: bool = True
    with_mask: bool = False

    def __call__(self, x: ArrayLike) -> Any:
        """Pools `x` of shape (N, C, H, W)."""
        x = as_variable(x)
        if x.ndim != 4:
            raise ValueError(f'expected images of shape (N, C, H, W), got {x.shape}')
        size = x.shape[2:]
        ksize = size if self.ksize is None else self.ksize
        out = tuple(map(self._count, size, ksize, self.stride, self.pad))
        if min(out) < 1:
            raise ValueError(f'no window of {ksize} fits images of {size} with pad {self.pad}')
        beyond = any(m > conv_output_size(n, k, s, p) for m, n, k, s, p in zip(out, size, ksize, self.stride, self.pad))
        if self.method == 'MAX':
            return self._maximum(x, ksize, out, beyond)
        if self.method == 'AVE':
            return self._mean(x, ksize, out, beyond)
        if config.train:
            raise ValueError('stochastic pooling is there for inference only, in the phase TEST')
        total = self._mean(x, ksize, out, beyond)
        return self._mean(x * x, ksize, out, beyond) / (total + (total.array <= 0).astype(x.dtype))

    def _count(self, size: int, k: int, s: int, p: int) -> int:
        count = conv_output_size(size, k, s, p, self.round_up)
        return count - 1 if any(self.pad) and (count - 1) * s >= size + p else count

    def _maximum(self, x: Variable, ksize: Ints, out: Ints, beyond: bool) -> Any:
        result = F.max_pooling_2d(x, ksize, self.stride, self.pad, beyond, self.with_mask)
        y = _cut(result[0] if self.with_mask else result, out)
        # How many windows along each axis have pixels.
        inside = [-(-(size + p) // s) for size, s, p in zip(x.shape[2:], self.stride, self.pad)]
        if any(n < m for n, m in zip(inside, out)):
            margins = [(0, max(m - n, 0)) for n, m in zip(inside, out)]
            y = F.pad(y[:, :, :inside[0], :inside[1]], [(0, 0), (0, 0), *margins], constant_values=_LEAST)
        if not self.with_mask:
            return y
        places = result[1][:, :, :out[0], :out[1]]
        xp = get_array_module(places)
        rows, columns = (xp.arange(m) * s - p for m, s, p in zip(out, self.stride, self.pad))
        mask = (rows[:, None] + places // ksize[1]) * x.shape[3] + columns + places % ksize[1]
        mask[:, :, inside[0]:] = mask[:, :, :, inside[1]:] = -1
        return y, Variable(mask.astype(x.dtype), requires_grad=False)

    def _mean(self, x: Variable, ksize: Ints, out: Ints, beyond: bool) -> Variable:
        y = _cut(AveragePooling(ksize, self.stride, self.pad, beyond, 0).apply((x,))[0], out)
        if not beyond:
            return y
        xp = get_array_module(x.array)
        rows, columns = (xp.minimum(k, size + 2 * p - xp.arange(m) * s) / k
                         for m, size, k, s, p in zip(out, x.shape[2:], ksize, self.stride, self.pad))
        parts = rows[:, None] * columns
        return y * xp.where(parts == 0, xp.nan, 1 / xp.where(parts == 0, 1, parts)).astype(x.dtype)


def _cut(y: Variable, out: Ints) -> Variable:
    return y if y.shape[2:] == out else y[:, :, :out[0], :out[1]]


@builder('Pooling')
def pooling(spec: Specification) -> Layer:
    """Maximum, mean or, at inference, the expectation of stochastic pooling."""
    param = spec.pooling_param
    method = ('MAX', 'AVE', 'STOCHASTIC')[param.pool]
    ksize, stride, pad = (_pair(param, *names) for names in (('kernel', 'kernel_size'), ('stride',), ('pad',)))
    if param.global_pooling:
        ksize, stride, pad = None, (1, 1), (0, 0)
    elif ksize is None or min(ksize) < 1 or min(stride) < 1:
        raise spec.error(f'expected a kernel_size and a stride of at least 1, got {ksize or 0} and {stride}')
    elif any(p >= k for p, k in zip(pad, ksize)):
        raise spec.error(f'expected pad to be smaller than the windows, got {pad} and {ksize}')
    return Pooling(method, ksize, stride, pad, _rounds_up(param), len(spec.top) > 1)


@builder('SPP')
def spatial_pyramid_pooling(spec: Specification) -> Layer:
    """Images of any size as vectors of one: the results of pooling with 1, 2 x 2, 4 x 4, ... windows.

    He et al., Spatial pyramid pooling in deep convolutional networks (2014), https://arxiv.org/abs/1406.4729.
    """
    height, method = spec.spp_param.pyramid_height, ('MAX', 'AVE', 'STOCHASTIC')[spec.spp_param.pool]
    if height < 1:
        raise spec.error(f'expected a pyramid_height of at least 1, got {height}')

    def forward(x: ArrayLike) -> Variable:
        x = as_variable(x)
        levels = []
        for bins in (2 ** level for level in range(height)):
            ksize = tuple(-(-n // bins) for n in x.shape[2:])
            pad = tuple((k * bins - n + 1) // 2 for k, n in zip(ksize, x.shape[2:]))
            if any(p >= k for p, k in zip(pad, ksize)):
                raise ValueError(f'expected images larger than {x.shape[2:]} for {bins} x {bins} windows')
            levels.append(Pooling(method, ksize, ksize, pad)(x))
        return levels[0] if height == 1 else F.concat([F.reshape(y, (len(y), -1)) for y in levels], 1)

    return forward


def _pair(param: Message, short: str, name: str | None = None) -> Any:
    if param.HasField(f'{short}_h') or param.HasField(f'{short}_w'):
        return getattr(param, f'{short}_h'), getattr(param, f'{short}_w')
    name = name or short
    return None if name == 'kernel_size' and not param.HasField(name) else (getattr(param, name),) * 2


def _rounds_up(param: Message) -> bool:
    return param.round_mode == 0 and param.ceil_mode


@dataclass(frozen=True)
class Upsample:
    """Puts each element where a mask says, or, without a mask, repeats it.

    Args:
        scale: How many times as high and as wide the output is.
        less: How many rows and columns fewer it has.
        size: Its height and width, where they are not computed from the above.
    """

    scale: Ints
    less: Ints = (0, 0)
    size: Ints | None = None

    def __call__(self, x: ArrayLike, *mask: ArrayLike) -> Variable:
        """Enlarges `x` of shape (N, C, H, W); `mask` is of its shape (see `Pooling`)."""
        x = as_variable(x)
        size = self.size or tuple(n * s - d for n, s, d in zip(x.shape[2:], self.scale, self.less))
        if not mask:
            return F.repeat(F.repeat(x, self.scale[0], 2), self.scale[1], 3)[:, :, :size[0], :size[1]]
        xp = get_array_module(x.array)
        places = as_variable(mask[0]).array.astype(int)
        if places.size and not 0 <= places.min() <= places.max() < size[0] * size[1]:
            raise ValueError(f'a mask from {places.min()} to {places.max()} does not fit an output of {size}')
        samples, channels = xp.arange(x.shape[0])[:, None, None, None], xp.arange(x.shape[1])[:, None, None]
        zeros = xp.zeros((*x.shape[:2], size[0] * size[1]), x.dtype)
        return F.scatter_add(zeros, (samples, channels, places), x).reshape((*x.shape[:2], *size))


@builder('Upsample')
def upsample(spec: Specification) -> Layer:
    """Enlarges images by the mask of a pooling layer, its second bottom, or by repetition."""
    param = spec.upsample_param
    scale = _pair(param, 'scale')
    size = (param.upsample_h, param.upsample_w) if param.upsample_h and param.upsample_w else None
    if min(scale) < 1:
        raise spec.error(f'expected a scale of at least 1, got {scale}')
    return Upsample(scale, (int(param.pad_out_h), int(param.pad_out_w)), size)


@dataclass(frozen=True)
class Interp:
    """Resizes images by linear interpolation; the centres of the corner pixels stay where they are.

    Args:
        size: The height and width, or None: then shrinking and zooming decide.
        shrink: What the distance between corners is divided by.
        zoom: What it is multiplied by, afterwards.
        pad: How many rows and columns are left out in the beginning and at the end: numbers up to 0.
    """

    size: Ints | None
    shrink: int = 1
    zoom: int = 1
    pad: Ints = (0, 0)

    def __call__(self, x: ArrayLike, *like: ArrayLike) -> Variable:
        """Resizes `x` of shape (N, C, H, W), to the size of `like` if there is a second bottom."""
        x = as_variable(x)
        begin, end = (-p for p in self.pad)
        x = x[:, :, begin:x.shape[2] - end, begin:x.shape[3] - end] if begin or end else x
        size = tuple(as_variable(like[0]).shape[2:]) if like else self.size
        rows, columns = size or map(self._resized, x.shape[2:])
        return F.resize_images(x, (rows, columns), align_corners=True)

    def _resized(self, n: int) -> int:
        n = (n - 1) // self.shrink + 1
        return n + (n - 1) * (self.zoom - 1)


@builder('Interp')
def interp(spec: Specification) -> Layer:
    """Resizes images by linear interpolation."""
    param = spec.interp_param
    if min(param.shrink_factor, param.zoom_factor) < 1 or max(param.pad_beg, param.pad_end) > 0:
        raise spec.error(f'expected factors of at least 1 and no padding above 0, got shrink_factor '
                         f'{param.shrink_factor}, zoom_factor {param.zoom_factor}, pad_beg {param.pad_beg} and pad_end '
                         f'{param.pad_end}')
    size = (param.height, param.width) if param.height > 0 and param.width > 0 else None
    return Interp(size, param.shrink_factor, param.zoom_factor, (param.pad_beg, param.pad_end))
