"""Normalization over features, over groups of channels, and to unit length."""
from __future__ import annotations

from math import prod

from autograd_nn import backend
from autograd_nn.function_node import Arrays, FunctionNode, Gradients, Indexes
from autograd_nn.functions.array.broadcast import broadcast_to
from autograd_nn.functions.array.shape import reshape
from autograd_nn.functions.axes import keep_dims, normalize_axes
from autograd_nn.functions.checks import check_float
from autograd_nn.functions.kernel_gradients import KernelGradients
from autograd_nn.functions.math.exponential import rsqrt, sqrt
from autograd_nn.functions.math.reduction import average
from autograd_nn.functions.math.reduction import sum as sum_over
from autograd_nn.functions.single_precision import in_single_precision
from autograd_nn.types import Array, ArrayLike, Axis
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable, as_variable


class LayerNormalization(FunctionNode):

    def __init__(self, eps: float) -> None:
        self.eps = eps

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs((0, 1))
        x, gamma, beta = inputs
        y, self.mean, self.inv_std = backend.kernels(*inputs).layer_normalization(x, gamma, beta, self.eps)
        return y,

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        x, gamma = self.get_retained_inputs()
        return LayerNormalizationGrad(self.eps, self.mean, self.inv_std).apply((x, gamma, *grad_outputs))


class LayerNormalizationGrad(KernelGradients):

    def __init__(self, eps: float, mean: Array, inv_std: Array) -> None:
        self.eps = eps
        self.mean = mean
        self.inv_std = inv_std

    def forward(self, inputs: Arrays) -> Arrays:
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


class GroupNormalization(FunctionNode):

    def __init__(self, groups: int, eps: float) -> None:
        self.groups = groups
        self.eps = eps

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs((0, 1))
        x, gamma, beta = inputs
        y, self.mean, self.inv_std = backend.kernels(*inputs).group_normalization(x, self.groups, gamma, beta, self.eps)
        return y,

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        x, gamma = self.get_retained_inputs()
        return GroupNormalizationGrad(self.groups, self.eps, self.mean, self.inv_std).apply((x, gamma, *grad_outputs))


class GroupNormalizationGrad(KernelGradients):

    def __init__(self, groups: int, eps: float, mean: Array, inv_std: Array) -> None:
        self.groups = groups
        self.eps = eps
        self.mean = mean
        self.inv_std = inv_std

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs((0, 1, 2))
        x, gamma, gy = inputs
        return backend.kernels(*inputs).group_normalization_grad(x, self.groups, gamma, gy, self.mean, self.inv_std)

    def formula(self, *inputs: Variable) -> tuple[Variable, ...]:
        x, gamma, gy = inputs
        rows = (len(x) * self.groups, prod(x.shape[1:]) // self.groups)
        others = (0, *range(2, x.ndim))
        centred = reshape(x, rows) - average(reshape(x, rows), 1, keepdims=True)
        inv_std = rsqrt(average(centred * centred, 1, keepdims=True) + self.eps)
        x_hat = centred * inv_std
        d = reshape(gy * reshape(gamma, keep_dims(x.shape, others)), rows)
        gx = inv_std * (d - average(d, 1, keepdims=True) - x_hat * average(d * x_hat, 1, keepdims=True))
        return reshape(gx, x.shape), sum_over(gy * reshape(x_hat, x.shape), others), sum_over(gy, others)


def layer_normalization(x: ArrayLike, gamma: ArrayLike, beta: ArrayLike, eps: float = 1e-5) -> Variable:
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
    check_float('layer_normalization', 'x', x)
    if x.ndim != 2:
        raise ShapeError(f'layer_normalization: expected x with 2 axes (N, features), got shape {x.shape}')
    for name, parameter in (('gamma', gamma), ('beta', beta)):
        if parameter.shape != x.shape[1:]:
            raise ShapeError(f'layer_normalization: expected {name} of shape {x.shape[1:]}, as x has the shape '
                             f'{x.shape}, got {parameter.shape}')
    return LayerNormalization(eps).apply((x, gamma, beta))[0]


def group_normalization(x: ArrayLike, groups: int, gamma: ArrayLike, beta: ArrayLike, eps: float = 1e-5) -> Variable:
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
    check_float('group_normalization', 'x', x)
    if x.ndim < 2 or groups < 1 or x.shape[1] % groups:
        raise ShapeError(f'group_normalization: expected x of shape (N, C, ...) with C a multiple of groups {groups}, '
                         f'got {x.shape}')
    C = x.shape[1]
    if gamma.shape != (C,) or beta.shape != (C,):
        raise ShapeError(f'group_normalization: expected gamma and beta of shape ({C},), as x has the shape {x.shape}, '
                         f'got {gamma.shape} and {beta.shape}')
    return GroupNormalization(groups, eps).apply((x, gamma, beta))[0]


@in_single_precision
def normalize(x: ArrayLike, eps: float = 1e-5, axis: Axis = 1) -> Variable:
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
    axes = normalize_axes(axis, x.shape, 'normalize')
    square = sum_over(x * x, axes, keepdims=True)
    # The root has no derivative at zero: there, a root of one, taken off again, has the gradient zero.
    null = (square.array == 0).astype(x.dtype)
    return x / broadcast_to(sqrt(square + null) - null + eps, x.shape)
