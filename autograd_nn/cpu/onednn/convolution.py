"""Convolution, transposed convolution and the gradient of the filters.

Large ones by filters of 3 x 3 pixels go a way of their own where their values allow it (see `winograd`); all others are
oneDNN's. Images go in and come out channels-last. The filters are brought into the format that oneDNN chose, which
takes a fraction of the time of the convolution itself.
"""
from __future__ import annotations

from functools import partial
from math import prod
from typing import Any, NamedTuple, TypeVar

import numpy as np

from autograd_nn import cpu as reference
from autograd_nn.cpu import memory
from autograd_nn.cpu.blocks import rectify
from autograd_nn.cpu.convolution import scaled_filters
from autograd_nn.cpu.onednn import library as c
from autograd_nn.cpu.onednn import winograd
from autograd_nn.cpu.onednn.matrix_product import matmul
from autograd_nn.cpu.onednn.primitive import (
    Converter,
    Memory,
    Primitive,
    as_channels_last,
    cached,
    images,
    loaded,
    same_bytes,
    serves,
)
from autograd_nn.cpu.window import channels_last as pixels
from autograd_nn.geometry import conv_output_size
from autograd_nn.types import Ints

_Plan = TypeVar('_Plan', '_Forward', '_InputGradient', '_FilterGradient')


def convolution(x: np.ndarray, W: np.ndarray, b: np.ndarray | None, stride: Ints, pad: Ints, dilate: Ints,
                groups: int, scale: np.ndarray | None = None, residual: np.ndarray | None = None,
                ceiling: float | None = None, kept: dict[str, Any] | None = None) -> np.ndarray:
    """Adds bias and residual before a result leaves the processor."""
    if not serves('convolution', x, W, b, residual):
        return reference.convolution(x, W, b, stride, pad, dilate, groups, scale, residual, ceiling)
    x, stride = _without_gaps(x, W.shape[2:], stride, pad)
    key = ('convolution', x.shape, W.shape, b is not None and b.shape, residual is not None and residual.shape, stride,
           pad, dilate, groups, kept is not None)
    plan = _plan(key, _Forward, x)
    filters = _filters(plan, W, scale, kept)
    if plan.in_tiles:
        return winograd.convolve(x, filters, b, pad, residual, ceiling)
    y = memory.empty(plan.y_shape, channels_last=True)
    arrays = [as_channels_last(x), filters, y]
    if b is not None:
        arrays.append(np.ascontiguousarray(b))
    if residual is not None:
        arrays.append(as_channels_last(residual))
    plan.primitive(*arrays)
    if ceiling is not None:
        rectify(y, ceiling)
    return y


class _Prepared(NamedTuple):
    """Filters in the format of a plan, and all that they were made of."""

    format: Any
    scale: bytes | None
    source: np.ndarray
    filters: np.ndarray


def _filters(plan: _Forward, W: np.ndarray, scale: np.ndarray | None, kept: dict[str, Any] | None) -> np.ndarray:
    """The filters as the plan wants them, from an earlier call if they would be the same again.

    To compare all bytes of the filters with those they were made of takes less than half of the time of making them.
    """
    W = np.ascontiguousarray(W)
    if kept is None or (scale is None and not plan.filters.needed):
        return plan.filters.convert(W if scale is None else scaled_filters(W, scale))
    wanted = plan.filters.format, None if scale is None else scale.tobytes()
    found: _Prepared | None = kept.get('filters')
    same = found is not None and same_bytes(found.source, W)
    if same and found is not None and found[:2] == wanted:
        return found.filters
    # Made of the copy, which nobody else can change meanwhile.
    source = found.source if same and found is not None else W.copy()
    filters = plan.filters.convert(source if scale is None else scaled_filters(source, scale))
    kept['filters'] = _Prepared(*wanted, source, filters)
    return filters


def _plan(key: Any, make: type[_Plan], *images: np.ndarray) -> _Plan:
    """How to compute what the key says: in tiles only where that is as exact as the direct algorithm for the images."""
    plan = cached(key, make, *key[1:])
    if plan.in_tiles and not all(map(winograd.is_exact, images)):
        return cached((*key, 'not in tiles'), partial(make, tiles=False), *key[1:])
    return plan


def _without_gaps(x: np.ndarray, kernel_size: Ints, stride: Ints, pad: Ints) -> tuple[np.ndarray, Ints]:
    """The pixels that windows of one pixel see, side by side, and a stride of 1.

    Measured with AVX2: oneDNN takes up to three times as long for a filter gradient where pixels are left out.
    """
    if _leaves_gaps(kernel_size, stride, pad) and len(stride) == x.ndim - 2:
        return x[_seen(stride)], (1,) * len(stride)
    return x, stride


def _leaves_gaps(kernel_size: Ints, stride: Ints, pad: Ints) -> bool:
    return set(kernel_size) == {1} and set(pad) == {0} and max(stride) > 1 <= min(stride)


def _seen(stride: Ints) -> tuple[slice, ...]:
    return (slice(None), slice(None), *(slice(None, None, s) for s in stride))


def deconvolution(x: np.ndarray, W: np.ndarray, b: np.ndarray | None, stride: Ints, pad: Ints, out_size: Ints,
                  dilate: Ints, groups: int) -> np.ndarray:
    """The gradient of a convolution with respect to its input."""
    if not serves('deconvolution', x, W, b):
        return reference.deconvolution(x, W, b, stride, pad, out_size, dilate, groups)
    y_shape = (len(x), W.shape[1] * groups, *out_size)
    key = 'deconvolution', y_shape, W.shape, x.shape, stride, pad, dilate, groups
    plan = _plan(key, _InputGradient, x)
    if b is not None and b.shape != y_shape[1:2]:
        raise ValueError(f'deconvolution: expected b of shape ({y_shape[1]},), got {b.shape}')
    if plan.leaves_gaps:
        y = memory.empty(y_shape, channels_last=True)
        y[...] = 0
        y[_seen(stride)] = deconvolution(x, W, None, (1,) * len(stride), pad, x.shape[2:], dilate, groups)
    else:
        filters = plan.filters.convert(np.ascontiguousarray(W))
        if plan.in_tiles:
            return winograd.convolve(x, filters, b, (2 - pad[0], 2 - pad[1]))
        y = memory.empty(y_shape, channels_last=True)
        plan.primitive(as_channels_last(x), filters, y)
    if b is not None:
        pixels(y)[...] += b
    return y


def convolution_filter_grad(x: np.ndarray, gy: np.ndarray, kernel_size: Ints, stride: Ints, pad: Ints, dilate: Ints,
                            groups: int) -> np.ndarray:
    """Sums over samples and positions, on all cores."""
    if not serves('convolution_filter_grad', x, gy):
        return reference.convolution_filter_grad(x, gy, kernel_size, stride, pad, dilate, groups)
    x, stride = _without_gaps(x, kernel_size, stride, pad)
    W_shape = gy.shape[1], x.shape[1] // groups, *kernel_size
    key = 'convolution_filter_grad', x.shape, W_shape, gy.shape, stride, pad, dilate, groups
    plan = _plan(key, _FilterGradient, x, gy)
    if plan.in_tiles:
        return winograd.filter_grad(x, gy, pad)
    if plan.is_product:
        return matmul(_rows(gy).T, _rows(x)).reshape(W_shape)
    gW = plan.filters.empty(W_shape)
    plan.primitive(plan.inputs.convert(as_channels_last(x)), plan.gradients.convert(as_channels_last(gy)), gW)
    return plan.filters.restore(gW, W_shape)


def convolution_bias_grad(gy: np.ndarray) -> np.ndarray:
    """Multiplies by a vector of ones, which is many times as fast as oneDNN's reduction."""
    if not serves('convolution_bias_grad', gy):
        return reference.convolution_bias_grad(gy)
    rows = _rows(gy)
    return matmul(np.ones((1, len(rows)), gy.dtype), rows).reshape(-1)


def _rows(x: np.ndarray) -> np.ndarray:
    """Images as a matrix of pixels and channels."""
    return pixels(as_channels_last(x)).reshape(-1, x.shape[1])


class _Geometry:
    """What the three computations have in common: checked shapes as descriptors and C arrays."""

    def __init__(self, kernel: str, x_shape: Ints, W_shape: Ints, stride: Ints, pad: Ints, dilate: Ints,
                 groups: int) -> None:
        n = len(x_shape) - 2
        if not 1 <= n <= 3 or not len(stride) == len(pad) == len(dilate) == len(W_shape) - 2 == n:
            raise ValueError(f'{kernel}: expected 1 to 3 spatial axes throughout, got x {x_shape}, W {W_shape}, '
                             f'stride {stride}, pad {pad}, dilate {dilate}')
        if groups < 1 or W_shape[0] % groups or x_shape[1] != W_shape[1] * groups:
            raise ValueError(f'{kernel}: channels do not fit: x {x_shape}, W {W_shape}, groups {groups}')
        if min(*stride, *dilate) < 1 or min(pad) < 0:
            raise ValueError(f'{kernel}: expected positive stride and dilate, and pad of 0 or more, '
                             f'got {stride}, {dilate} and {pad}')
        out = tuple(conv_output_size(size, k, s, p, d=d)
                    for size, k, s, p, d in zip(x_shape[2:], W_shape[2:], stride, pad, dilate, strict=True))
        if min(out) < 1:
            raise ValueError(f'{kernel}: no window fits: x {x_shape}, W {W_shape}, pad {pad}, dilate {dilate}')
        self.x_shape, self.W_shape, self.groups = x_shape, W_shape, groups
        self.y_shape = x_shape[0], W_shape[0], *out
        beyond = [max(0, s * (m - 1) + d * (k - 1) + 1 - size - p) for size, k, s, p, d, m
                  in zip(x_shape[2:], W_shape[2:], stride, pad, dilate, out, strict=True)]
        self.window = (c.dims(stride), c.dims(tuple(d - 1 for d in dilate)), c.dims(pad), c.dims(tuple(beyond)))
        self.geometry = W_shape[2:], stride, pad, dilate, groups
        self.x, self.y = images(x_shape), images(self.y_shape)
        shape = (groups, W_shape[0] // groups, *W_shape[1:]) if groups > 1 else W_shape
        self.W, self.W_any = Memory(shape), Memory(shape, any=True)


class _Forward(_Geometry):

    def __init__(self, x_shape: Ints, W_shape: Ints, b_shape: Ints | None, residual_shape: Ints | None, stride: Ints,
                 pad: Ints, dilate: Ints, groups: int, keeps: bool, *, tiles: bool = True) -> None:
        super().__init__('convolution', x_shape, W_shape, stride, pad, dilate, groups)
        if b_shape and b_shape != W_shape[:1]:
            raise ValueError(f'convolution: expected b of shape ({W_shape[0]},), got {b_shape}')
        if residual_shape and residual_shape != self.y_shape:
            raise ValueError(f'convolution: expected residual of shape {self.y_shape}, got {residual_shape}')
        self.in_tiles = tiles and winograd.is_faster('convolution', x_shape[1], self.y_shape, *self.geometry, keeps)
        if self.in_tiles:
            self.filters: Converter | winograd.Filters = winograd.Filters(transposed=False)
            return
        bias = Memory(b_shape) if b_shape else None
        given = (c.BIAS,) * bool(b_shape) + (c.ADDED,) * bool(residual_shape)
        self.primitive = Primitive(
            'convolution_forward', c.FORWARD_TRAINING, c.CONVOLUTION_DIRECT, self.x, self.W_any, bias, self.y,
            *self.window, arrays=(c.SRC, c.WEIGHTS, c.DST, *given), added=self.y if residual_shape else None)
        self.filters = Converter(self.W, self.primitive.format(c.WEIGHTS))


class _Backward(_Geometry):
    """A gradient, whose primitive wants to know that of the forward pass."""

    def __init__(self, kernel: str, x_shape: Ints, W_shape: Ints, gy_shape: Ints, stride: Ints, pad: Ints,
                 dilate: Ints, groups: int) -> None:
        super().__init__(kernel, x_shape, W_shape, stride, pad, dilate, groups)
        if gy_shape != self.y_shape:
            raise ValueError(f'{kernel}: a convolution of {x_shape} by {W_shape} has the shape {self.y_shape}, '
                             f'got {gy_shape}')

    def _forward(self) -> Primitive:
        return Primitive(
            'convolution_forward', c.FORWARD_TRAINING, c.CONVOLUTION_DIRECT, self.x, self.W_any, None, self.y,
            *self.window, arrays=())


class _InputGradient(_Backward):

    in_tiles = False

    def __init__(self, *geometry: Any, tiles: bool = True) -> None:
        super().__init__('deconvolution', *geometry)
        self.leaves_gaps = _leaves_gaps(*self.geometry[:3])
        if self.leaves_gaps:
            return
        self.in_tiles = tiles and winograd.is_faster('convolution', self.y_shape[1], self.x_shape, *self.geometry)
        if self.in_tiles:
            self.filters: Converter | winograd.Filters = winograd.Filters(transposed=True)
            return
        self.primitive = Primitive(
            'convolution_backward_data', c.CONVOLUTION_DIRECT, self.x, self.W_any, self.y, *self.window,
            arrays=(c.DIFF_DST, c.WEIGHTS, c.DIFF_SRC), hint=self._forward())
        self.filters = Converter(self.W, self.primitive.format(c.WEIGHTS))


class _FilterGradient(_Backward):

    def __init__(self, *geometry: Any, tiles: bool = True) -> None:
        super().__init__('convolution_filter_grad', *geometry)
        self.in_tiles = tiles and winograd.is_faster('filter_grad', self.x_shape[1], self.y_shape, *self.geometry)
        self.is_product = self._is_faster_as_product()
        if self.in_tiles or self.is_product:
            return
        any_format = self._is_faster_in_blocks()
        x, y = (Memory(shape, any=True) if any_format else images(shape) for shape in (self.x_shape, self.y_shape))
        self.primitive = Primitive(
            'convolution_backward_weights', c.CONVOLUTION_DIRECT, x, self.W_any, None, y, *self.window,
            arrays=(c.SRC, c.DIFF_DST, c.DIFF_WEIGHTS), hint=self._forward())
        self.inputs = Converter(self.x, self.primitive.format(c.SRC))
        self.gradients = Converter(self.y, self.primitive.format(c.DIFF_DST))
        self.filters = Converter(self.W, self.primitive.format(c.DIFF_WEIGHTS))

    def _is_faster_as_product(self) -> bool:
        """Whether to multiply two matrices, for windows of one pixel.

        Measured with AVX2: with many channels, oneDNN's convolution takes 1.4 to 1.6 times as long; with few, the
        product does.
        """
        window, stride, pad, _, groups = self.geometry
        return prod(window) == groups == 1 and set(stride) == {1} and not any(pad) and min(self.W_shape[:2]) >= 512

    def _is_faster_in_blocks(self) -> bool:
        """Whether to let oneDNN choose the format of the images, and copy them into it.

        Measured with AVX2: on large images its kernel for windows larger than 1x1 takes up to four times as long on
        channels-last memory. With AVX-512 it does not.
        """
        channels, *window = self.W_shape[1:]
        return (prod(window) > 1 and (channels >= 16 or channels == 3) and self.W_shape[0] // self.groups % 8 == 0
                and not loaded().has_avx512)
