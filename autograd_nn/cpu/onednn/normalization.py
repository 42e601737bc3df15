"""Batch, layer and local response normalization.

oneDNN adds statistics up in single precision, one value after another. Where that would be seen, NumPy computes.
"""
from __future__ import annotations

from math import prod

import numpy as np

from autograd_nn import cpu as reference
from autograd_nn.contract import Ints
from autograd_nn.cpu import memory
from autograd_nn.cpu.onednn import library as c
from autograd_nn.cpu.onednn.primitive import Memory, Primitive, cached, channels_last, images, serves

# With more elements in a sum, or a mean further from zero (in standard deviations, squared), results were seen to be
# wrong by more than a thousandth.
_MOST_ELEMENTS, _MOST_DISTANCE = 1 << 20, 1e4
_AFFINE = c.USE_SCALE | c.USE_SHIFT


def batch_normalization(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, eps: float, axis: Ints,
                        relu: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
    """The rectifier costs nothing; the gradient needs one bit of it for each element."""
    if serves('batch_normalization', x, gamma, beta) and _is_channelwise(x, axis):
        key = 'batch_normalization', x.shape, gamma.shape, beta.shape, eps, relu
        plan = cached(key, _BatchForward, *key[1:])
        y = memory.empty(x.shape, channels_last=True)
        mask = [memory.empty((plan.mask_size,), np.uint8)] if relu else []
        gamma, beta = np.ascontiguousarray(gamma), np.ascontiguousarray(beta)
        mean, var = np.empty_like(gamma), np.empty_like(gamma)
        plan.primitive(channels_last(x), gamma, beta, y, mean, var, *mask)
        # The rectifier would make zero of what is not a number.
        if _are_sound(mean, var, eps) and not (relu and np.isnan(gamma + beta).any()):
            return y, mean, _inverse_root(var, eps), mask[0] if relu else None
    return reference.batch_normalization(x, gamma, beta, eps, axis, relu)


def batch_normalization_grad(x: np.ndarray, gamma: np.ndarray, gy: np.ndarray, mean: np.ndarray, inv_std: np.ndarray,
                             axis: Ints, mask: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The mask is one bit for each element, or what the reference makes."""
    if (serves('batch_normalization_grad', x, gamma, gy, mean, inv_std) and _is_channelwise(x, axis)
            and (mask is None or mask.dtype == np.uint8)):
        key = 'batch_normalization_grad', x.shape, gamma.shape, gy.shape, mean.shape, inv_std.shape, mask is not None
        primitive = cached(key, _batch_backward, *key[1:])
        gx = memory.empty(x.shape, channels_last=True)
        ggamma, gbeta = np.empty(gamma.shape, 'f'), np.empty(gamma.shape, 'f')
        primitive(channels_last(x), np.ascontiguousarray(gamma), np.ascontiguousarray(mean), _variance(inv_std),
                  channels_last(gy), gx, ggamma, gbeta, *([] if mask is None else [np.ascontiguousarray(mask)]))
        return gx, ggamma, gbeta
    return reference.batch_normalization_grad(x, gamma, gy, mean, inv_std, axis, mask)


def fixed_batch_normalization(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, mean: np.ndarray, var: np.ndarray,
                              eps: float, axis: Ints, relu: bool = False) -> np.ndarray:
    """One pass."""
    if serves('fixed_batch_normalization', x, gamma, beta, mean, var) and _is_channelwise(x, axis):
        key = 'fixed_batch_normalization', x.shape, gamma.shape, beta.shape, mean.shape, var.shape, eps
        primitive = cached(key, _batch_inference, *key[1:])
        y = memory.empty(x.shape, channels_last=True)
        primitive(channels_last(x), *map(np.ascontiguousarray, (gamma, beta, mean, var)), y)
        return np.maximum(y, 0, out=y) if relu else y
    return reference.fixed_batch_normalization(x, gamma, beta, mean, var, eps, axis, relu)


def layer_normalization(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray,
                        eps: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows are shared out among the threads."""
    if serves('layer_normalization', x, gamma, beta) and x.shape[-1] <= _MOST_ELEMENTS:
        key = 'layer_normalization', x.shape, gamma.shape, beta.shape, eps
        primitive = cached(key, _layer_forward, *key[1:])
        y, mean, var = memory.empty(x.shape), np.empty(len(x), 'f'), np.empty(len(x), 'f')
        primitive(*map(np.ascontiguousarray, (x, gamma, beta)), y, mean, var)
        if _are_sound(mean, var, eps):
            return y, mean, _inverse_root(var, eps)
    return reference.layer_normalization(x, gamma, beta, eps)


def layer_normalization_grad(x: np.ndarray, gamma: np.ndarray, gy: np.ndarray, mean: np.ndarray,
                             inv_std: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows are shared out among the threads."""
    if serves('layer_normalization_grad', x, gamma, gy, mean, inv_std):
        key = 'layer_normalization_grad', x.shape, gamma.shape, gy.shape, mean.shape, inv_std.shape
        primitive = cached(key, _layer_backward, *key[1:])
        gx, ggamma, gbeta = memory.empty(x.shape), np.empty(gamma.shape, 'f'), np.empty(gamma.shape, 'f')
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
            primitive(channels_last(x), y)
            return y
    return reference.local_response_normalization(x, n, k, alpha, beta)


def _is_channelwise(x: np.ndarray, axis: Ints) -> bool:
    """Whether statistics are those of the channels of `x` (N, C, ...), and of not too many elements."""
    return axis == (0, *range(2, x.ndim)) and x.ndim > 1 and x.size // x.shape[1] <= _MOST_ELEMENTS


def _are_sound(mean: np.ndarray, var: np.ndarray, eps: float) -> bool:
    """Whether the means are numbers, and not too far from zero."""
    return bool((mean * mean <= _MOST_DISTANCE * (var + eps)).all())


def _inverse_root(var: np.ndarray, eps: float) -> np.ndarray:
    var += eps
    return np.divide(1, np.sqrt(var, out=var), out=var)


def _variance(inv_std: np.ndarray) -> np.ndarray:
    """The variance plus `eps`; the primitives of gradients have an `eps` of zero."""
    return np.divide(1, np.square(inv_std, order='C'))


class _BatchForward:

    def __init__(self, x_shape: Ints, gamma_shape: Ints, beta_shape: Ints, eps: float, relu: bool) -> None:
        _check('batch_normalization', x_shape, x_shape[1:2], gamma=gamma_shape, beta=beta_shape)
        arrays = c.SRC, c.SCALE, c.SHIFT, c.DST, c.MEAN, c.VARIANCE
        self.primitive = _batch_forward(x_shape, c.FORWARD_TRAINING, eps, _AFFINE, relu, arrays)
        self.mask_size = self.primitive.size(c.WORKSPACE)


def _batch_forward(x_shape: Ints, kind: int, eps: float, flags: int, relu: bool, arrays: Ints) -> Primitive:
    x = images(x_shape)
    return Primitive('batch_normalization_forward', kind, x, x, float(eps), flags | relu * c.FUSE_NORM_RELU,
                     arrays=(*arrays, c.WORKSPACE) if relu and arrays else arrays)


def _batch_backward(x_shape: Ints, gamma_shape: Ints, gy_shape: Ints, mean_shape: Ints, inv_std_shape: Ints,
                    relu: bool) -> Primitive:
    _check('batch_normalization_grad', x_shape, x_shape[1:2], gamma=gamma_shape, mean=mean_shape,
           inv_std=inv_std_shape)
    _check('batch_normalization_grad', x_shape, x_shape, gy=gy_shape)
    x = images(x_shape)
    arrays = c.SRC, c.SCALE, c.MEAN, c.VARIANCE, c.DIFF_DST, c.DIFF_SRC, c.DIFF_SCALE, c.DIFF_SHIFT
    return Primitive('batch_normalization_backward', c.BACKWARD, x, x, x, 0., _AFFINE | relu * c.FUSE_NORM_RELU,
                     arrays=(*arrays, c.WORKSPACE) if relu else arrays,
                     hint=_batch_forward(x_shape, c.FORWARD_TRAINING, 0., _AFFINE, relu, ()))


def _batch_inference(x_shape: Ints, gamma_shape: Ints, beta_shape: Ints, mean_shape: Ints, var_shape: Ints,
                     eps: float) -> Primitive:
    _check('fixed_batch_normalization', x_shape, x_shape[1:2], gamma=gamma_shape, beta=beta_shape, mean=mean_shape,
           var=var_shape)
    arrays = c.SRC, c.SCALE, c.SHIFT, c.MEAN, c.VARIANCE, c.DST
    return _batch_forward(x_shape, c.FORWARD_INFERENCE, eps, _AFFINE | c.USE_GLOBAL_STATS, False, arrays)


def _layer_forward(x_shape: Ints, gamma_shape: Ints, beta_shape: Ints, eps: float) -> Primitive:
    _check('layer_normalization', x_shape, x_shape[1:], gamma=gamma_shape, beta=beta_shape)
    return _layer_primitive(x_shape, eps, (c.SRC, c.SCALE, c.SHIFT, c.DST, c.MEAN, c.VARIANCE))


def _layer_primitive(x_shape: Ints, eps: float, arrays: Ints) -> Primitive:
    x = Memory(x_shape)
    return Primitive('layer_normalization_forward', c.FORWARD_TRAINING, x, x, Memory(x_shape[:1]), float(eps), _AFFINE,
                     arrays=arrays)


def _layer_backward(x_shape: Ints, gamma_shape: Ints, gy_shape: Ints, mean_shape: Ints,
                    inv_std_shape: Ints) -> Primitive:
    _check('layer_normalization_grad', x_shape, x_shape[1:], gamma=gamma_shape)
    _check('layer_normalization_grad', x_shape, x_shape, gy=gy_shape)
    _check('layer_normalization_grad', x_shape, x_shape[:1], mean=mean_shape, inv_std=inv_std_shape)
    x = Memory(x_shape)
    arrays = (c.SRC, c.SCALE, c.SHIFT, c.MEAN, c.VARIANCE, c.DIFF_DST, c.DIFF_SRC, c.DIFF_SCALE, c.DIFF_SHIFT)
    return Primitive('layer_normalization_backward', c.BACKWARD, x, x, x, Memory(x_shape[:1]), 0., _AFFINE,
                     arrays=arrays, hint=_layer_primitive(x_shape, 0., ()))


def _response(x_shape: Ints, n: int, k: float, alpha: float, beta: float) -> Primitive:
    if len(x_shape) < 2 or n < 1:
        raise ValueError(f'local_response_normalization: expected x of shape (N, C, ...) and a positive n, '
                         f'got {x_shape} and {n}')
    pixels = images((*x_shape[:2], prod(x_shape[2:]), 1))
    width = n // 2 * 2 + 1
    return Primitive('lrn_forward', c.FORWARD_INFERENCE, c.LRN_ACROSS_CHANNELS, pixels, pixels, width, alpha * width,
                     beta, k, arrays=(c.SRC, c.DST))


def _check(kernel: str, x_shape: Ints, expected: Ints, **shapes: Ints) -> None:
    """Refuses arrays of other shapes than the expected one, which follows from that of x."""
    for name, shape in shapes.items():
        if shape != expected or len(expected) < 1:
            raise ValueError(f'{kernel}: expected {name} of shape {expected} for x {x_shape}, got {shape}')
