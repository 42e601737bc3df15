"""Batch normalization, with the statistics of the batch or with given ones."""
from __future__ import annotations

from typing import Any

from autograd_nn import backend
from autograd_nn.config import config
from autograd_nn.function_node import Arrays, FunctionNode, Gradients, Indexes
from autograd_nn.functions.array.shape import reshape
from autograd_nn.functions.axes import keep_dims, normalize_axes
from autograd_nn.functions.checks import check_float
from autograd_nn.functions.fused_rectifiers import is_relu, relu_grad
from autograd_nn.functions.kernel_gradients import KernelGradients
from autograd_nn.functions.math.exponential import rsqrt
from autograd_nn.functions.math.reduction import average
from autograd_nn.functions.math.reduction import sum as sum_over
from autograd_nn.functions.single_precision import widened
from autograd_nn.types import Activation, Array, ArrayLike, Axis, BareArray, Ints
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable, as_variable


class BatchNormalization(FunctionNode):
    """Of `x`, `gamma` and `beta`; a fourth input is added to the result, before it is rectified."""

    def __init__(self, eps: float, axis: Ints, running_mean: Array, running_var: Array, decay: float,
                 relu: bool) -> None:
        self.eps = eps
        self.axis = axis
        self.running_mean = running_mean
        self.running_var = running_var
        self.decay = decay
        self.relu = relu

    def forward(self, inputs: Arrays) -> Arrays:
        x, gamma, beta, *residual = inputs
        # Gradients need the output to know what was rectified, or else a mask, and what the output is made of.
        self.retain_inputs((0, 1, 2) if self.relu and not residual else (0, 1))
        if self.relu and residual:
            self.retain_outputs((0,))
        # What is kept for the gradient may be in a form of these kernels' own.
        self.kernels = backend.kernels(*inputs)
        y, self.mean, self.inv_std, self.mask = self.kernels.batch_normalization(
            x, gamma, beta, self.eps, self.axis, self.relu, residual[0] if residual else None)
        if x.size and not config.in_recomputing:
            self._update_statistics(x.size // gamma.size)
        return y,

    def _update_statistics(self, count: int) -> None:
        """Moves the running statistics, in place, towards the mean and the unbiased variance of this batch."""
        running_mean, running_var = self.running_mean, self.running_var
        if running_mean is None and running_var is None:
            return
        # The kernel moves both; what nobody keeps is a copy.
        self.kernels.update_statistics(running_var.copy() if running_mean is None else running_mean,
                                       running_mean.copy() if running_var is None else running_var,
                                       self.mean, self.inv_std, self.eps, self.decay, count)

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        x, gamma, *beta = self.get_retained_inputs()
        gy, = grad_outputs
        mask = self.mask
        if self._retained_outputs:
            gy = relu_grad(self._retained_outputs[0], gy)
        elif beta and config.enable_backprop:
            y, *_ = self.kernels.batch_normalization(x.array, gamma.array, beta[0].array, self.eps, self.axis, False,
                                                     None)
            gy, mask = relu_grad(y, gy), None
        gradients = BatchNormalizationGrad(self, mask).apply((x, gamma, gy))
        return (*gradients, gy)[:len(self.inputs or ())]


class BatchNormalizationGrad(KernelGradients):

    def __init__(self, forward_node: BatchNormalization, mask: Array) -> None:
        self.eps = forward_node.eps
        self.axis = forward_node.axis
        self.kernels = forward_node.kernels
        self.mean = forward_node.mean
        self.inv_std = forward_node.inv_std
        self.mask = mask

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs((0, 1, 2))
        x, gamma, gy = inputs
        return self.kernels.batch_normalization_grad(x, gamma, gy, self.mean, self.inv_std, self.axis, self.mask)

    def formula(self, *inputs: Variable) -> tuple[Variable, ...]:
        x, gamma, gy = inputs
        axis = self.axis
        wide = keep_dims(x.shape, axis)
        centred = x - average(x, axis, keepdims=True)
        inv_std = rsqrt(average(centred * centred, axis, keepdims=True) + self.eps)
        x_hat = centred * inv_std
        gbeta = sum_over(gy, axis)
        ggamma = sum_over(gy * x_hat, axis)
        mean_gy = average(gy, axis, keepdims=True)
        mean_gy_x_hat = average(gy * x_hat, axis, keepdims=True)
        gx = reshape(gamma, wide) * inv_std * (gy - mean_gy - x_hat * mean_gy_x_hat)
        return gx, ggamma, gbeta


class FixedBatchNormalization(FunctionNode):
    """Of `x`, `gamma`, `beta`, `mean` and `var`; a sixth input is added to the result, before it is rectified."""

    def __init__(self, eps: float, axis: Ints, relu: bool) -> None:
        self.eps = eps
        self.axis = axis
        self.relu = relu

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs((0, 1, 3, 4))
        if self.relu:
            self.retain_outputs((0,))
        x, gamma, beta, mean, var, *residual = inputs
        return backend.kernels(*inputs).fixed_batch_normalization(x, gamma, beta, mean, var, self.eps, self.axis,
                                                                  self.relu, residual[0] if residual else None),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        x, gamma, mean, var = self.get_retained_inputs()
        gy, = grad_outputs
        if self.relu:
            gy = relu_grad(self._retained_outputs[0], gy)
        x, gamma, mean, var, gy = widened(x, gamma, mean, var, gy)
        wide = keep_dims(x.shape, self.axis)
        inv_std = rsqrt(var + self.eps)
        scale = gamma * inv_std
        gx = ggamma = gmean = gvar = None
        gbeta = sum_over(gy, self.axis)
        if 0 in target_input_indexes:
            gx = gy * reshape(scale, wide)
        if 1 in target_input_indexes or 4 in target_input_indexes:
            ggamma = sum_over(gy * (x - reshape(mean, wide)), self.axis) * inv_std
        if 3 in target_input_indexes:
            gmean = -scale * gbeta
        if 4 in target_input_indexes:
            assert ggamma is not None
            gvar = -0.5 * scale * inv_std * ggamma
        return (gx, ggamma, gbeta, gmean, gvar, gy)[:len(self.inputs or ())]


def batch_normalization(x: ArrayLike, gamma: ArrayLike, beta: ArrayLike, eps: float = 2e-5,
                        running_mean: BareArray | None = None, running_var: BareArray | None = None, decay: float = 0.9,
                        axis: Axis = None, *, residual: ArrayLike | None = None,
                        activation: Activation | None = None) -> Variable:
    """Batch normalization: normalises to mean 0 and variance 1 over the batch, then scales and shifts.

    Args:
        x: Input, floating point.
        gamma: Scale, of the shape of `x` without the axes of the batch.
        beta: Shift, of the shape of `gamma`.
        eps: Added to the variance.
        running_mean: Array of the shape of `gamma` that is moved, in place, towards the mean of this batch:
            ``running_mean = decay * running_mean + (1 - decay) * mean``.
        running_var: The same for the (unbiased) variance.
        decay: How much of the running statistics stays.
        axis: The axes of the batch. By default the first, and those that `x` has beyond the shape of `gamma`: for
            images (N, C, H, W) with `gamma` of shape (C,), the axes 0, 2 and 3.
        residual: What is added to the output, of its shape, or None.
        activation: `relu`, to be computed in the same kernel, or None.

    Returns:
        Output of the shape of `x`.

    Raises:
        ValueError: The shapes do not fit, or `activation` is something else.

    See `Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate Shift
    <https://arxiv.org/abs/1502.03167>`_.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> x = np.array([[1.], [3.]])
        >>> F.batch_normalization(x, np.array([1.]), np.array([10.]), eps=0)
        variable([[ 9.],
                  [11.]])
    """
    x, gamma, beta = as_variable(x), as_variable(gamma), as_variable(beta)
    axes = statistics_axes('batch_normalization', x, axis, gamma=gamma, beta=beta)
    for name, array in (('running_mean', running_mean), ('running_var', running_var)):
        if array is not None and array.shape != gamma.shape:
            raise ShapeError(f'batch_normalization: expected {name} of the shape of gamma, {gamma.shape}, '
                             f'got {array.shape}')
    node = BatchNormalization(eps, axes, running_mean, running_var, decay, is_relu('batch_normalization', activation))
    return node.apply((x, gamma, beta, *added_inputs('batch_normalization', residual, x)))[0]


def fixed_batch_normalization(x: ArrayLike, gamma: ArrayLike, beta: ArrayLike, mean: ArrayLike, var: ArrayLike,
                              eps: float = 2e-5, axis: Axis = None, *, residual: ArrayLike | None = None,
                              activation: Activation | None = None) -> Variable:
    """Batch normalization with given statistics, as when testing: see `batch_normalization`.

    Args:
        x: Input, floating point.
        gamma: Scale, of the shape of `x` without the axes of the batch.
        beta: Shift, of the shape of `gamma`.
        mean: Mean, of the shape of `gamma`.
        var: Variance, of the shape of `gamma`.
        eps: Added to the variance.
        axis: The axes of the batch.
        residual: What is added to the output, of its shape, or None.
        activation: `relu`, to be computed in the same kernel, or None.

    Returns:
        Output of the shape of `x`.

    Raises:
        ValueError: The shapes do not fit, or `activation` is something else.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> one = np.ones(1)
        >>> F.fixed_batch_normalization(np.array([[1.], [3.]]), one, 0 * one, mean=one, var=4 * one, eps=0)
        variable([[0.],
                  [1.]])
    """
    x, gamma, beta, mean, var = (as_variable(v) for v in (x, gamma, beta, mean, var))
    axes = statistics_axes('fixed_batch_normalization', x, axis, gamma=gamma, beta=beta, mean=mean, var=var)
    node = FixedBatchNormalization(eps, axes, is_relu('fixed_batch_normalization', activation))
    return node.apply((x, gamma, beta, mean, var, *added_inputs('fixed_batch_normalization', residual, x)))[0]


def added_inputs(function: str, residual: Any, x: Variable) -> tuple[Variable, ...]:
    """The checked `residual` as a further input; none if it is None."""
    if residual is None:
        return ()
    residual = as_variable(residual)
    if residual.shape != x.shape:
        raise ShapeError(f'{function}: expected residual of the shape of x, {x.shape}, got {residual.shape}')
    return residual,


def statistics_axes(function: str, x: Variable, axis: Axis, **parameters: Variable) -> Ints:
    """The checked axes of the batch, ascending."""
    check_float(function, 'x', x)
    if axis is None:
        ndim = parameters['gamma'].ndim
        axes = (0, *range(ndim + 1, x.ndim))
    else:
        axes = tuple(sorted(normalize_axes(axis, x.shape, function)))
    expected = tuple(n for i, n in enumerate(x.shape) if i not in axes)
    for name, parameter in parameters.items():
        if parameter.shape != expected:
            raise ShapeError(f'{function}: expected {name} of shape {expected}, that of x {x.shape} without the axes '
                             f'{axes}, got {parameter.shape}')
    return axes
