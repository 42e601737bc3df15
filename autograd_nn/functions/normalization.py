"""Normalization over the batch, over features, over groups of channels and over neighbouring channels."""
from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from autograd_nn import backend
from autograd_nn.backprop import grad
from autograd_nn.config import config, force_backprop_mode
from autograd_nn.function_node import FunctionNode
from autograd_nn.functions.affine import identity
from autograd_nn.functions.axes import keep_dims, normalize_axes
from autograd_nn.functions.broadcast import broadcast_to
from autograd_nn.functions.exponential import rsqrt, sqrt
from autograd_nn.functions.pooling import average_pooling_2d
from autograd_nn.functions.reduction import average
from autograd_nn.functions.reduction import sum as sum_over
from autograd_nn.functions.shape import reshape
from autograd_nn.variable import Variable, as_variable

Ints = tuple[int, ...]


class _Gradients(FunctionNode):
    """First-order gradients by a kernel; those of second order are taken of the same formula in terms of functions.

    Gradients of gradients are rare here, and their formulas long: what they cost does not matter, that they are right
    does.
    """

    def formula(self, *inputs: Variable) -> tuple[Variable, ...]:
        """What `forward` computes, in functions."""
        raise NotImplementedError

    def backward(self, target_input_indexes: tuple[int, ...],
                 grad_outputs: tuple[Variable | None, ...]) -> tuple[Variable | None, ...]:
        recorded = config.enable_backprop
        with force_backprop_mode():
            # Variables of their own, as one may have been given twice.
            inputs = [identity(x) if recorded else Variable(x.array) for x in self.get_retained_inputs()]
            outputs = self.formula(*inputs)
        known = [(y, gy) for y, gy in zip(outputs, grad_outputs) if gy is not None]
        return tuple(grad([y for y, _ in known], inputs, [gy for _, gy in known], enable_double_backprop=recorded))


class BatchNormalization(FunctionNode):

    def __init__(self, eps: float, axis: Ints, running_mean: Any, running_var: Any, decay: float) -> None:
        self.eps = eps
        self.axis = axis
        self.running_mean = running_mean
        self.running_var = running_var
        self.decay = decay

    def forward(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        self.retain_inputs((0, 1))
        x, gamma, beta = inputs
        y, self.mean, self.inv_std = backend.kernels(*inputs).batch_normalization(x, gamma, beta, self.eps, self.axis)
        if x.size and not getattr(config, 'in_recomputing', False):
            self._update_statistics(x.size // gamma.size)
        return y,

    def _update_statistics(self, count: int) -> None:
        """Moves the running statistics, in place, towards the mean and the unbiased variance of this batch."""
        if self.running_mean is not None:
            self.running_mean *= self.decay
            self.running_mean += (1 - self.decay) * self.mean
        if self.running_var is not None:
            var = (self.inv_std ** -2 - self.eps).clip(0)
            self.running_var *= self.decay
            self.running_var += (1 - self.decay) * count / max(count - 1, 1) * var

    def backward(self, target_input_indexes: tuple[int, ...],
                 grad_outputs: tuple[Variable | None, ...]) -> tuple[Variable | None, ...]:
        x, gamma = self.get_retained_inputs()
        return BatchNormalizationGrad(self.eps, self.axis, self.mean, self.inv_std).apply((x, gamma, *grad_outputs))


class BatchNormalizationGrad(_Gradients):

    def __init__(self, eps: float, axis: Ints, mean: Any, inv_std: Any) -> None:
        self.eps = eps
        self.axis = axis
        self.mean = mean
        self.inv_std = inv_std

    def forward(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        self.retain_inputs((0, 1, 2))
        x, gamma, gy = inputs
        return backend.kernels(*inputs).batch_normalization_grad(x, gamma, gy, self.mean, self.inv_std, self.axis)

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

    def __init__(self, eps: float, axis: Ints) -> None:
        self.eps = eps
        self.axis = axis

    def forward(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        self.retain_inputs((0, 1, 3, 4))
        x, gamma, beta, mean, var = inputs
        return backend.kernels(*inputs).fixed_batch_normalization(x, gamma, beta, mean, var, self.eps, self.axis),

    def backward(self, target_input_indexes: tuple[int, ...],
                 grad_outputs: tuple[Variable | None, ...]) -> tuple[Variable | None, ...]:
        x, gamma, mean, var = self.get_retained_inputs()
        gy, = grad_outputs
        assert gy is not None
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
        return gx, ggamma, gbeta, gmean, gvar


class LayerNormalization(FunctionNode):

    def __init__(self, eps: float) -> None:
        self.eps = eps

    def forward(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        self.retain_inputs((0, 1))
        x, gamma, beta = inputs
        y, self.mean, self.inv_std = backend.kernels(*inputs).layer_normalization(x, gamma, beta, self.eps)
        return y,

    def backward(self, target_input_indexes: tuple[int, ...],
                 grad_outputs: tuple[Variable | None, ...]) -> tuple[Variable | None, ...]:
        x, gamma = self.get_retained_inputs()
        return LayerNormalizationGrad(self.eps, self.mean, self.inv_std).apply((x, gamma, *grad_outputs))


class LayerNormalizationGrad(_Gradients):

    def __init__(self, eps: float, mean: Any, inv_std: Any) -> None:
        self.eps = eps
        self.mean = mean
        self.inv_std = inv_std

    def forward(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        self.retain_inputs((0, 1, 2))
        x, gamma, gy = inputs
        return backend.kernels(*inputs).layer_normalization_grad(x, gamma, gy, self.mean, self.inv_std)

    def formula(self, *inputs: Variable) -> tuple[Variable, ...]:
        x, gamma, gy = inputs
        centred = x - average(x, 1, keepdims=True)
        inv_std = rsqrt(average(centred * centred, 1, keepdims=True) + self.eps)
        x_hat = centred * inv_std
        d = gy * gamma
        gx = inv_std * (d - average(d, 1, keepdims=True) - x_hat * average(d * x_hat, 1, keepdims=True))
        return gx, sum_over(gy * x_hat, 0), sum_over(gy, 0)


class LocalResponseNormalization(FunctionNode):

    def __init__(self, n: int, k: float, alpha: float, beta: float) -> None:
        self.n = n
        self.k = k
        self.alpha = alpha
        self.beta = beta

    def forward(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        self.retain_inputs((0,))
        x, = inputs
        y, self.scale = backend.kernels(x).local_response_normalization(x, self.n, self.k, self.alpha, self.beta)
        return y,

    def backward(self, target_input_indexes: tuple[int, ...],
                 grad_outputs: tuple[Variable | None, ...]) -> tuple[Variable | None, ...]:
        return LocalResponseNormalizationGrad(self).apply((*self.get_retained_inputs(), *grad_outputs))


class LocalResponseNormalizationGrad(_Gradients):

    def __init__(self, forward_node: LocalResponseNormalization) -> None:
        self.n = forward_node.n
        self.k = forward_node.k
        self.alpha = forward_node.alpha
        self.beta = forward_node.beta
        self.scale = forward_node.scale

    def forward(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        self.retain_inputs((0, 1))
        x, gy = inputs
        return backend.kernels(x, gy).local_response_normalization_grad(x, self.scale, gy, self.n, self.alpha,
                                                                        self.beta),

    def formula(self, *inputs: Variable) -> tuple[Variable, ...]:
        x, gy = inputs
        scale = self.k + self.alpha * self.sum_of_neighbours(x * x)
        g = gy * scale ** -self.beta
        return g - 2 * self.alpha * self.beta * x * self.sum_of_neighbours(x * g / scale),

    def sum_of_neighbours(self, x: Variable) -> Variable:
        """For each channel the sum of itself and its neighbours: pooling over the axis of channels."""
        half = self.n // 2
        planes = reshape(x, (len(x), 1, x.shape[1], prod(x.shape[2:])))
        return reshape(average_pooling_2d(planes, (2 * half + 1, 1), 1, (half, 0)), x.shape) * (2 * half + 1)


def batch_normalization(x: Any, gamma: Any, beta: Any, eps: float = 2e-5, running_mean: Any = None,
                        running_var: Any = None, decay: float = 0.9,
                        axis: int | Sequence[int] | None = None) -> Variable:
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

    Returns:
        Output of the shape of `x`.

    Raises:
        ValueError: The shapes do not fit.

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
    axes = _statistics_axes('batch_normalization', x, axis, gamma=gamma, beta=beta)
    for name, array in (('running_mean', running_mean), ('running_var', running_var)):
        if array is not None and array.shape != gamma.shape:
            raise ValueError(f'batch_normalization: expected {name} of the shape of gamma, {gamma.shape}, '
                             f'got {array.shape}')
    return BatchNormalization(eps, axes, running_mean, running_var, decay).apply((x, gamma, beta))[0]


def fixed_batch_normalization(x: Any, gamma: Any, beta: Any, mean: Any, var: Any, eps: float = 2e-5,
                              axis: int | Sequence[int] | None = None) -> Variable:
    """Batch normalization with given statistics, as when testing: see `batch_normalization`.

    Args:
        x: Input, floating point.
        gamma: Scale, of the shape of `x` without the axes of the batch.
        beta: Shift, of the shape of `gamma`.
        mean: Mean, of the shape of `gamma`.
        var: Variance, of the shape of `gamma`.
        eps: Added to the variance.
        axis: The axes of the batch.

    Returns:
        Output of the shape of `x`.

    Raises:
        ValueError: The shapes do not fit.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> one = np.ones(1)
        >>> F.fixed_batch_normalization(np.array([[1.], [3.]]), one, 0 * one, mean=one, var=4 * one, eps=0)
        variable([[0.],
                  [1.]])
    """
    x, gamma, beta, mean, var = (as_variable(v) for v in (x, gamma, beta, mean, var))
    axes = _statistics_axes('fixed_batch_normalization', x, axis, gamma=gamma, beta=beta, mean=mean, var=var)
    return FixedBatchNormalization(eps, axes).apply((x, gamma, beta, mean, var))[0]


def _statistics_axes(function: str, x: Variable, axis: int | Sequence[int] | None, **parameters: Variable) -> Ints:
    """The checked axes of the batch, ascending."""
    if x.dtype.kind != 'f':
        raise TypeError(f'{function}: expected floating-point x, got {x.dtype} (shape {x.shape})')
    if axis is None:
        ndim = parameters['gamma'].ndim
        axes = (0, *range(ndim + 1, x.ndim))
    else:
        axes = tuple(sorted(normalize_axes(axis if isinstance(axis, int) else tuple(axis), x.shape, function)))
    expected = tuple(n for i, n in enumerate(x.shape) if i not in axes)
    for name, parameter in parameters.items():
        if parameter.shape != expected:
            raise ValueError(f'{function}: expected {name} of shape {expected}, that of x {x.shape} without the axes '
                             f'{axes}, got {parameter.shape}')
    return axes


def layer_normalization(x: Any, gamma: Any, beta: Any, eps: float = 1e-5) -> Variable:
    """Layer normalization: normalises the features of each sample to mean 0 and variance 1, then scales and shifts.

    Args:
        x: Input, floating point, of shape (N, D).
        gamma: Scale of shape (D,).
        beta: Shift of shape (D,).
        eps: Added to the variance.

    Returns:
        Output of shape (N, D).

    Raises:
        ValueError: The shapes do not fit.

    See `Layer Normalization <https://arxiv.org/abs/1607.06450>`_.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.layer_normalization(np.array([[1., 3.]]), np.ones(2), np.zeros(2), eps=0)
        variable([[-1.,  1.]])
    """
    x, gamma, beta = as_variable(x), as_variable(gamma), as_variable(beta)
    if x.ndim != 2:
        raise ValueError(f'layer_normalization: expected x with 2 axes (N, features), got shape {x.shape}')
    for name, parameter in (('gamma', gamma), ('beta', beta)):
        if parameter.shape != x.shape[1:]:
            raise ValueError(f'layer_normalization: expected {name} of shape {x.shape[1:]}, as x has the shape '
                             f'{x.shape}, got {parameter.shape}')
    return LayerNormalization(eps).apply((x, gamma, beta))[0]


def group_normalization(x: Any, groups: int, gamma: Any, beta: Any, eps: float = 1e-5) -> Variable:
    """Group normalization: normalises groups of channels of each sample, then scales and shifts each channel.

    Args:
        x: Input, floating point, of shape (N, C, ...).
        groups: The number of groups, a divisor of C.
        gamma: Scale of shape (C,).
        beta: Shift of shape (C,).
        eps: Added to the variance.

    Returns:
        Output of the shape of `x`.

    Raises:
        ValueError: The shapes do not fit.

    See `Group Normalization <https://arxiv.org/abs/1803.08494>`_.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.group_normalization(np.array([[1., 3., 10., 30.]]), 2, np.ones(4), np.zeros(4), eps=0)
        variable([[-1.,  1., -1.,  1.]])
    """
    x, gamma, beta = as_variable(x), as_variable(gamma), as_variable(beta)
    if x.ndim < 2 or groups < 1 or x.shape[1] % groups:
        raise ValueError(f'group_normalization: expected x of shape (N, C, ...) with C a multiple of groups {groups}, '
                         f'got {x.shape}')
    n, C, *rest = x.shape
    if gamma.shape != (C,) or beta.shape != (C,):
        raise ValueError(f'group_normalization: expected gamma and beta of shape ({C},), as x has the shape {x.shape}, '
                         f'got {gamma.shape} and {beta.shape}')
    width = C // groups * prod(rest)
    xp = backend.get_array_module(x)
    one, zero = xp.ones(width, x.dtype), xp.zeros(width, x.dtype)
    y = reshape(layer_normalization(reshape(x, (n * groups, width)), one, zero, eps), x.shape)
    column = (C, *[1] * len(rest))
    return y * reshape(gamma, column) + reshape(beta, column)


def normalize(x: Any, eps: float = 1e-5, axis: int | Sequence[int] = 1) -> Variable:
    """Divides by the Euclidean norm along axes.

    Args:
        x: Input, floating point.
        eps: Added to the norm.
        axis: The axes along which the norm is taken.

    Returns:
        Output of the shape of `x`.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.normalize(np.array([[3., 4.], [0., 0.]]), eps=0.001)
        variable([[0.59988002, 0.79984003],
                  [0.        , 0.        ]])
    """
    x = as_variable(x)
    axes = normalize_axes(axis if isinstance(axis, int) else tuple(axis), x.shape, 'normalize')
    square = sum_over(x * x, axes, keepdims=True)
    # The root has no derivative at zero: there, a root of one, taken off again, has the gradient zero.
    null = (square.array == 0).astype(x.dtype)
    return x / broadcast_to(sqrt(square + null) - null + eps, x.shape)


def local_response_normalization(x: Any, n: int = 5, k: float = 2, alpha: float = 1e-4, beta: float = .75) -> Variable:
    """Local response normalization across neighbouring channels.

    ``y_i = x_i / (k + alpha * sum of x_j ** 2) ** beta``, where j runs over the channels from ``i - n // 2`` to
    ``i + n // 2``.

    Args:
        x: Input, floating point, of shape (N, C, ...).
        n: Width of the neighbourhood.
        k: See the formula.
        alpha: See the formula.
        beta: See the formula.

    Returns:
        Output of the shape of `x`.

    Raises:
        ValueError: `x` has no axis of channels.

    See section 3.3 of `ImageNet Classification with Deep Convolutional Neural Networks
    <https://papers.nips.cc/paper/4824-imagenet-classification-with-deep-convolutional-neural-networks>`_.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.local_response_normalization(np.array([[1., 2.]]), n=3, k=0, alpha=1, beta=0.5)
        variable([[0.4472136 , 0.89442719]])
    """
    x = as_variable(x)
    if x.ndim < 2:
        raise ValueError(f'local_response_normalization: expected x of shape (N, C, ...), got {x.shape}')
    return LocalResponseNormalization(n, k, alpha, beta).apply((x,))[0]
