"""Batch, layer and local response normalization.

oneDNN adds statistics up in single precision, one value after another. Where that would be seen, NumPy computes.
"""
from __future__ import annotations

from math import inf, prod

import numpy as np

from autograd_nn import cpu as reference
from autograd_nn.cpu import memory
from autograd_nn.cpu.blocks import add, all_finite, rectify
from autograd_nn.cpu.normalization import as_rows, statistics
from autograd_nn.cpu.onednn import library as c
from autograd_nn.cpu.onednn.primitive import Memory, Primitive, as_channels_last, cached, images, serves
from autograd_nn.types import Ints

# With more elements in a sum, or a mean further from zero (in standard deviations, squared), results were seen to be
# wrong by more than a thousandth.
_MOST_ELEMENTS, _MOST_DISTANCE = 1 << 20, 1e4
_AFFINE = c.USE_SCALE | c.USE_SHIFT


def batch_normalization(
        x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, eps: float, axis: Ints, relu: bool = False,
        residual: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
    """With a rectifier behind it, oneDNN's own; otherwise NumPy's exact statistics and its scale and shift."""
    if serves('batch_normalization', x, gamma, beta, residual) and _is_channelwise(x, axis):
        _check('batch_normalization', x.shape, x.shape[1:2], gamma=gamma, beta=beta)
        if relu and residual is None:
            result = _rectified(x, gamma, beta, eps)
            if result is not None:
                return result
        else:
            mean, var = statistics(as_rows(as_channels_last(x), axis))
            inv_std = 1 / np.sqrt(var + eps)
            y = _scaled_and_shifted('batch_normalization', x, mean, gamma * inv_std, beta, relu, residual)
            return y, mean.astype(np.float32), inv_std.astype(np.float32), None
    return reference.batch_normalization(x, gamma, beta, eps, axis, relu, residual)


def _rectified(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray,
               eps: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray] | None:
    """The rectifier costs nothing; the gradient needs one bit of it for each element."""
    if x.size // x.shape[1] > _MOST_ELEMENTS:
        return None
    primitive = cached(('batch_normalization', x.shape, eps), _batch_forward, x.shape, eps, True)
    y, mask = memory.empty(x.shape, channels_last=True), memory.empty((primitive.size(c.WORKSPACE),), np.uint8)
    gamma, beta = np.ascontiguousarray(gamma), np.ascontiguousarray(beta)
    mean, var = np.empty_like(gamma), np.empty_like(gamma)
    primitive(as_channels_last(x), gamma, beta, y, mean, var, mask)
    # The rectifier makes zero of what is not a number.
    if not _are_sound(mean, var, eps) or not np.isfinite(gamma + beta).all():
        return None
    return y, mean, _inverse_root(var, eps), mask


def _scaled_and_shifted(kernel: str, x: np.ndarray, mean: np.ndarray, scale: np.ndarray, shift: np.ndarray, relu: bool,
                        residual: np.ndarray | None) -> np.ndarray:
    """``(x - mean) * scale + shift + residual``, rectified with `relu`."""
    if residual is not None:
        _check(kernel, x.shape, x.shape, residual=residual)
    primitive = cached(('scale and shift', x.shape), _scale_and_shift, x.shape)
    centre = mean.astype(np.float32)
    # What the rounding of the mean leaves.
    shift = (shift + (centre - mean) * scale).astype(np.float32)
    y = memory.empty(x.shape, channels_last=True)
    primitive(as_channels_last(x), scale.astype(np.float32), shift, y, centre, np.ones_like(centre))
    if residual is not None:
        add(y, as_channels_last(residual), relu)
    elif relu:
        rectify(y, inf)
    return y


def batch_normalization_grad(x: np.ndarray, gamma: np.ndarray, gy: np.ndarray, mean: np.ndarray, inv_std: np.ndarray,
                             axis: Ints, mask: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The mask is one bit for each element, or what the reference makes."""
    kernel = 'batch_normalization_grad'
    if (serves(kernel, x, gamma, gy, mean, inv_std) and _is_channelwise(x, axis)
            and (mask is None or mask.dtype == np.uint8)):
        _check(kernel, x.shape, x.shape[1:2], gamma=gamma, mean=mean, inv_std=inv_std)
        _check(kernel, x.shape, x.shape, gy=gy)
        if mask is not None and not all_finite([gy]):
            # Under the mask, oneDNN makes zero of what is not a number.
            gy, mask = gy * _bits(mask, x.shape), None
        key = kernel, x.shape, mask is not None
        primitive = cached(key, _batch_backward, *key[1:])
        gx = memory.empty(x.shape, channels_last=True)
        ggamma, gbeta = np.empty(gamma.shape, 'f'), np.empty(gamma.shape, 'f')
        primitive(as_channels_last(x), np.ascontiguousarray(gamma), np.ascontiguousarray(mean), _variance(inv_std),
                  as_channels_last(gy), gx, ggamma, gbeta, *([] if mask is None else [np.ascontiguousarray(mask)]))
        return gx, ggamma, gbeta
    return reference.batch_normalization_grad(x, gamma, gy, mean, inv_std, axis, mask)


def _bits(mask: np.ndarray, shape: Ints) -> np.ndarray:
    """The mask (N, C, ...) that oneDNN keeps as one bit or one byte for each element, in channels-last order."""
    n, channels, *spatial = shape
    if mask.size < prod(shape):
        mask = np.unpackbits(mask, count=prod(shape), bitorder='little')
    return np.moveaxis(mask.reshape(n, *spatial, channels), -1, 1) != 0


def fixed_batch_normalization(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, mean: np.ndarray, var: np.ndarray,
                              eps: float, axis: Ints, relu: bool = False,
                              residual: np.ndarray | None = None) -> np.ndarray:
    """With given statistics it is one scale and one shift for each channel: one pass over `x`."""
    kernel = 'fixed_batch_normalization'
    if serves(kernel, x, gamma, beta, mean, var, residual) and _is_channelwise(x, axis):
        _check(kernel, x.shape, x.shape[1:2], gamma=gamma, beta=beta, mean=mean, var=var)
        scale = gamma / np.sqrt(var.astype(np.float64) + eps)
        return _scaled_and_shifted(kernel, x, mean, scale, beta, relu, residual)
    return reference.fixed_batch_normalization(x, gamma, beta, mean, var, eps, axis, relu, residual)


def layer_normalization(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray,
                        eps: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows are shared out among the threads."""
    if serves('layer_normalization', x, gamma, beta) and x.shape[-1] <= _MOST_ELEMENTS:
        _check('layer_normalization', x.shape, x.shape[1:], gamma=gamma, beta=beta)
        primitive = cached(('layer_normalization', x.shape, eps), _layer_forward, x.shape, eps)
        y, mean, var = memory.empty(x.shape), np.empty(len(x), 'f'), np.empty(len(x), 'f')
        primitive(*map(np.ascontiguousarray, (x, gamma, beta)), y, mean, var)
        if _are_sound(mean, var, eps):
            return y, mean, _inverse_root(var, eps)
    return reference.layer_normalization(x, gamma, beta, eps)


def layer_normalization_grad(x: np.ndarray, gamma: np.ndarray, gy: np.ndarray, mean: np.ndarray,
                             inv_std: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows are shared out among the threads."""
    kernel = 'layer_normalization_grad'
    if serves(kernel, x, gamma, gy, mean, inv_std):
        _check(kernel, x.shape, x.shape[1:], gamma=gamma)
        _check(kernel, x.shape, x.shape[:1], mean=mean, inv_std=inv_std)
        _check(kernel, x.shape, x.shape, gy=gy)
        primitive = cached((kernel, x.shape), _layer_backward, x.shape)
        gx = memory.empty(x.shape)
        ggamma, gbeta = np.empty(gamma.shape, 'f'), np.empty(gamma.shape, 'f')
        x, gamma, mean, gy = map(np.ascontiguousarray, (x, gamma, mean, gy))
        # oneDNN asks for the shift, too, and does not look at it.
        primitive(x, gamma, gamma, mean, _variance(inv_std), gy, gx, ggamma, gbeta)
        return gx, ggamma, gbeta
    return reference.layer_normalization_grad(x, gamma, gy, mean, inv_std)


def local_response_normalization(x: np.ndarray, n: int, k: float, alpha: float, beta: float) -> np.ndarray:
    """Images of any number of axes, as rows of pixels."""
    if serves('local_response_normalization', x):
        key = 'local_response_normalization', x.shape, n, k, alpha, beta
        primitive = cached(key, _response, *key[1:])
        # Of many neighbourhoods, oneDNN has a slow implementation only.
        if primitive.implementation.startswith('jit'):
            y = memory.empty(x.shape, channels_last=True)
            primitive(as_channels_last(x), y)
            return y
    return reference.local_response_normalization(x, n, k, alpha, beta)


def _is_channelwise(x: np.ndarray, axis: Ints) -> bool:
    """Whether statistics are those of the channels of `x` (N, C, ...)."""
    return x.ndim > 1 and axis == (0, *range(2, x.ndim))


def _are_sound(mean: np.ndarray, var: np.ndarray, eps: float) -> bool:
    """Whether the means are numbers, and not too far from zero, and the variances are finite."""
    return bool(((mean * mean <= _MOST_DISTANCE * (var + eps)) & (var < inf)).all())


def _inverse_root(var: np.ndarray, eps: float) -> np.ndarray:
    var += eps
    return np.divide(1, np.sqrt(var, out=var), out=var)


def _variance(inv_std: np.ndarray) -> np.ndarray:
    """The variance plus `eps`; the primitives of gradients have an `eps` of zero."""
    return np.divide(1, np.square(inv_std, order='C'))


def _batch_forward(x_shape: Ints, eps: float, relu: bool, arrays: Ints | None = None) -> Primitive:
    if arrays is None:
        arrays = c.SRC, c.SCALE, c.SHIFT, c.DST, c.MEAN, c.VARIANCE, c.WORKSPACE
    x = images(x_shape)
    return Primitive('batch_normalization_forward', c.FORWARD_TRAINING, x, x, float(eps),
                     _AFFINE | relu * c.FUSE_NORM_RELU, arrays=arrays)


def _batch_backward(x_shape: Ints, relu: bool) -> Primitive:
    x = images(x_shape)
    arrays = c.SRC, c.SCALE, c.MEAN, c.VARIANCE, c.DIFF_DST, c.DIFF_SRC, c.DIFF_SCALE, c.DIFF_SHIFT
    return Primitive('batch_normalization_backward', c.BACKWARD, x, x, x, 0., _AFFINE | relu * c.FUSE_NORM_RELU,
                     arrays=(*arrays, c.WORKSPACE) if relu else arrays, hint=_batch_forward(x_shape, 0., relu, ()))


def _scale_and_shift(x_shape: Ints) -> Primitive:
    """Normalization with given statistics, which has a faster kernel than a product and a sum with rows."""
    x = images(x_shape)
    return Primitive('batch_normalization_forward', c.FORWARD_INFERENCE, x, x, 0., _AFFINE | c.USE_GLOBAL_STATS,
                     arrays=(c.SRC, c.SCALE, c.SHIFT, c.DST, c.MEAN, c.VARIANCE))


def _layer_forward(x_shape: Ints, eps: float, arrays: Ints | None = None) -> Primitive:
    if arrays is None:
        arrays = c.SRC, c.SCALE, c.SHIFT, c.DST, c.MEAN, c.VARIANCE
    x = Memory(x_shape)
    return Primitive('layer_normalization_forward', c.FORWARD_TRAINING, x, x, Memory(x_shape[:1]), float(eps), _AFFINE,
                     arrays=arrays)


def _layer_backward(x_shape: Ints) -> Primitive:
    x = Memory(x_shape)
    arrays = (c.SRC, c.SCALE, c.SHIFT, c.MEAN, c.VARIANCE, c.DIFF_DST, c.DIFF_SRC, c.DIFF_SCALE, c.DIFF_SHIFT)
    return Primitive('layer_normalization_backward', c.BACKWARD, x, x, x, Memory(x_shape[:1]), 0., _AFFINE,
                     arrays=arrays, hint=_layer_forward(x_shape, 0., ()))


def _response(x_shape: Ints, n: int, k: float, alpha: float, beta: float) -> Primitive:
    if len(x_shape) < 2 or n < 1:
        raise ValueError(f'local_response_normalization: expected x of shape (N, C, ...) and a positive n, '
                         f'got {x_shape} and {n}')
    pixels = images((*x_shape[:2], prod(x_shape[2:]), 1))
    width = n // 2 * 2 + 1
    return Primitive('lrn_forward', c.FORWARD_INFERENCE, c.LRN_ACROSS_CHANNELS, pixels, pixels, width, alpha * width,
                     beta, k, arrays=(c.SRC, c.DST))


def _check(kernel: str, x_shape: Ints, expected: Ints, **arrays: np.ndarray) -> None:
    """Refuses arrays of other shapes than the expected one, which follows from that of x."""
    for name, array in arrays.items():
        if array.shape != expected or not expected:
            raise ValueError(f'{kernel}: expected {name} of shape {expected} for x {x_shape}, got {array.shape}')
