"""Normalization over neighbouring channels."""
from __future__ import annotations

from math import prod
from typing import Any

from autograd_nn import backend
from autograd_nn.function_node import Arrays, FunctionNode, Gradients, Indexes
from autograd_nn.functions.array.shape import reshape
from autograd_nn.functions.checks import check_float
from autograd_nn.functions.kernel_gradients import KernelGradients
from autograd_nn.functions.pooling.pooling import average_pooling_2d
from autograd_nn.types import ArrayLike
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable, as_variable


class LocalResponseNormalization(FunctionNode):

    def __init__(self, *options: Any) -> None:
        self.options = options

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs((0,))
        x, = inputs
        return backend.kernels(x).local_response_normalization(x, *self.options),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        return LocalResponseNormalizationGrad(*self.options).apply((*self.get_retained_inputs(), *grad_outputs))


class LocalResponseNormalizationGrad(KernelGradients):

    def __init__(self, n: int, k: float, alpha: float, beta: float) -> None:
        self.n = n
        self.k = k
        self.alpha = alpha
        self.beta = beta

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs((0, 1))
        x, gy = inputs
        return backend.kernels(x, gy).local_response_normalization_grad(x, gy, self.n, self.k, self.alpha, self.beta),

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


def local_response_normalization(x: ArrayLike, n: int = 5, k: float = 2, alpha: float = 1e-4,
                                 beta: float = .75) -> Variable:
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
    check_float('local_response_normalization', 'x', x)
    if x.ndim < 2:
        raise ShapeError(f'local_response_normalization: expected x of shape (N, C, ...), got {x.shape}')
    return LocalResponseNormalization(n, k, alpha, beta).apply((x,))[0]
