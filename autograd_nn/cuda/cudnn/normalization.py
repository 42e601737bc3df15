"""Batch normalization of channels-last images, in one pass over them where that fits into the device's caches.

cuDNN declines numbers of channels that are no multiple of 16 bytes, and wants gamma and beta in single precision.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from autograd_nn.cuda import device, layout
from autograd_nn.cuda import kernels as reference
from autograd_nn.cuda.cudnn.plan import Operand, operand, prepared, serves
from autograd_nn.cuda.kernel import elementwise
from autograd_nn.cuda.pointwise import finish
from autograd_nn.types import Array, Ints

_where_positive = elementwise('T gy, T y', 'T g', 'g = y <= (T)0 ? (T)(gy * (T)0) : gy', 'where_positive')


def batch_normalization(x: Array, gamma: Array, beta: Array, eps: float, axis: Ints, relu: bool = False,
                        residual: Array = None) -> tuple[Any, Any, Any, Any]:
    """Rectifies in the same kernel, and adds the residual there if the sum is rectified: cuDNN has no other sums."""
    plan, fused = None, relu and residual is not None
    if _serves('batch_normalization', axis, x, (gamma, beta), residual):
        image, vector = _operands(x)
        # cuDNN updates running statistics, too; that is done elsewhere, so it gets some to play with.
        plan = prepared(_batch_normalization, (relu, fused), [image, *[vector] * 4, *[image] * fused],
                        [image, *[vector] * 4], (eps, 0.5))
    if plan is None:
        return reference.batch_normalization(x, gamma, beta, eps, axis, relu, residual)
    y = layout.empty(x.shape, x.dtype, True)
    mean, inv_std, spare = device.cupy.empty((3, *gamma.shape), 'f')
    added = [layout.laid_out(residual, True)] if fused else []
    plan(x, gamma, beta, spare, spare, *added, y, mean, inv_std, spare, spare)
    if not fused:
        y = finish(y, None, residual, None)
    return y, mean, inv_std, y if relu and residual is None else None


def batch_normalization_grad(x: Array, gamma: Array, gy: Array, mean: Array, inv_std: Array, axis: Ints,
                             mask: Array = None) -> tuple[Any, Any, Any]:
    """After the gradient of the rectifier, which cuDNN does not include."""
    plan = None
    if _serves('batch_normalization_grad', axis, x, (gamma, mean, inv_std), gy):
        image, vector = _operands(x)
        plan = prepared(_gradient, (), [image, image, *[vector] * 3], [image, vector, vector])
    if plan is None:
        return reference.batch_normalization_grad(x, gamma, gy, mean, inv_std, axis, mask)
    gy = layout.laid_out(gy if mask is None else _where_positive(gy, mask), True)
    gx = layout.empty(x.shape, x.dtype, True)
    ggamma, gbeta = device.cupy.empty(gamma.shape, 'f'), device.cupy.empty(gamma.shape, 'f')
    plan(gy, x, gamma, mean, inv_std, gx, ggamma, gbeta)
    return gx, ggamma, gbeta


def _batch_normalization(relu: bool, residual: bool) -> Callable[..., Sequence[Any]]:
    def describe(graph: Any, x: Array, gamma: Array, beta: Array, mean: Array, var: Array, *rest: Any) -> Sequence[Any]:
        *added, eps, momentum = rest
        y, *statistics = graph.batchnorm(input=x, scale=gamma, bias=beta, in_running_mean=mean, in_running_var=var,
                                         epsilon=eps, momentum=momentum)
        if residual:
            y = graph.add(a=y, b=added[0])
        if relu:
            y = graph.relu(input=y)
        return [y, *statistics]
    return describe


def _gradient() -> Callable[..., Sequence[Any]]:
    def describe(graph: Any, gy: Array, x: Array, gamma: Array, mean: Array, inv_std: Array) -> Sequence[Any]:
        return graph.batchnorm_backward(grad=gy, input=x, scale=gamma, mean=mean, inv_variance=inv_std)
    return describe


def _serves(kernel: str, axis: Ints, x: Array, vectors: Sequence[Any], other: Any) -> bool:
    """Whether `x` is a channels-last image that is normalised over all axes but that of its channels."""
    return (layout.is_channels_last(x) and axis == (0, *range(2, x.ndim)) and serves(kernel, x, other)
            and all(vector.dtype == 'float32' for vector in vectors))


def _operands(x: Array) -> tuple[Operand, Operand]:
    """What plans need to know of images like `x`, and of vectors (C,) of float32."""
    return operand(x.shape, x.dtype, True), operand((1, x.shape[1], *[1] * (x.ndim - 2)), 'float32', True)
