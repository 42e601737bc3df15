"""Rectifiers: activations that treat positive and negative values differently."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd_nn.backend import elementwise, get_array_module
from autograd_nn.config import config
from autograd_nn.function_node import Arrays, FunctionNode, Gradients, Indexes
from autograd_nn.functions.activation.sigmoid import per_channel
from autograd_nn.functions.array.broadcast import sum_to
from autograd_nn.functions.array.joining import concat
from autograd_nn.functions.axes import normalize_axis
from autograd_nn.functions.checks import check_float
from autograd_nn.functions.fused_rectifiers import CEILINGS, clipped_relu_grad, relu_grad
from autograd_nn.functions.scaling import Scaling
from autograd_nn.functions.single_precision import widened
from autograd_nn.types import Array, ArrayLike, BareArray
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable, as_variable


@elementwise('T x', 'T y', 'y = x < (T)0 ? (T)0 : x', name='relu')
def _relu(x: Array) -> Any:
    # On small arrays, NumPy is faster with an array than with a number.
    return np.maximum(x, np.zeros((), x.dtype))


@elementwise('T x, T z', 'T y', 'y = x < (T)0 ? (T)0 : x > z ? z : x', name='clipped_relu')
def _clipped_relu(x: Array, z: Array) -> Any:
    return np.minimum(np.maximum(x, 0), z)


@elementwise('T x, T slope', 'T y', 'y = x < (T)0 ? (T)(x * slope) : x', name='leaky_relu')
def _leaky_relu(x: Array, slope: Array) -> Any:
    # Arithmetic instead of a choice: NumPy's `where` stumbles over unpredictable conditions.
    y = np.minimum(x, 0)
    y *= slope
    y += np.maximum(x, 0)
    return y


@elementwise('T x, T slope, T gy', 'T gx', 'gx = x <= (T)0 ? (T)(gy * slope) : gy')
def _leaky_relu_grad(x: Array, slope: Array, gy: Array) -> Any:
    leaky = x <= 0
    gx = leaky.astype(x.dtype)
    gx *= slope
    gx += ~leaky
    gx *= gy
    return gx


class ReLU(FunctionNode):

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_outputs((0,))
        return _relu(inputs[0]),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        return relu_grad(self._retained_outputs[0], grad_outputs[0]),


class ClippedReLU(FunctionNode):

    def __init__(self, z: float) -> None:
        self.z = z

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_outputs((0,))
        return _clipped_relu(inputs[0], self.z),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        return Scaling(clipped_relu_grad, self._retained_outputs[0], self.z).apply(grad_outputs)


class LeakyReLU(FunctionNode):

    def __init__(self, slope: float) -> None:
        self.slope = slope

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs((0,))
        return _leaky_relu(inputs[0], self.slope),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        x, = self.get_retained_inputs()
        return Scaling(_leaky_relu_grad, x.array, self.slope).apply(grad_outputs)


class PReLU(FunctionNode):
    """A leaky rectifier whose slope `W` is an input that broadcasts against `x`.

    Args:
        zero_is_negative: Whether the gradient at exactly 0 is the slope, and not 1.
    """

    def __init__(self, zero_is_negative: bool = False) -> None:
        self.zero_is_negative = zero_is_negative

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs((0, 1))
        x, W = inputs
        return _leaky_relu(x, W),

    def backward(self, target_input_indexes: Indexes, grad_outputs: Gradients) -> Gradients:
        x, W, gy = widened(*self.get_retained_inputs(), *grad_outputs)
        sloping = x.array <= 0 if self.zero_is_negative else x.array < 0
        negative = Variable(get_array_module(x.array).asarray(sloping, x.dtype), requires_grad=False)
        gx = gy * (1 + (W - 1) * negative)
        return gx, sum_to(gy * x * negative, W.shape) if 1 in target_input_indexes else None


def relu(x: ArrayLike) -> Variable:
    """The rectifier ``max(x, 0)`` of each element.

    Args:
        x: Variable or array of any shape, floating-point.

    Returns:
        A Variable of the shape and dtype of `x`.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.relu(np.array([-1., 0., 2.]))
        variable([0., 0., 2.])
    """
    return ReLU().apply((x,))[0]


def clipped_relu(x: ArrayLike, z: float = 20.0) -> Variable:
    """The rectifier with a ceiling, ``min(max(x, 0), z)``.

    Args:
        x: Variable or array of any shape, floating-point.
        z: The ceiling, positive.

    Returns:
        A Variable of the shape and dtype of `x`.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.clipped_relu(np.array([-1., 2., 30.]))
        variable([ 0.,  2., 20.])
    """
    return ClippedReLU(z).apply((x,))[0]


def relu6(x: ArrayLike) -> Variable:
    """The rectifier with the ceiling 6 that mobile networks use, ``min(max(x, 0), 6)``.

    Args:
        x: Variable or array of any shape, floating-point.

    Returns:
        A Variable of the shape and dtype of `x`.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.relu6(np.array([-1., 2., 30.]))
        variable([0., 2., 6.])
    """
    return clipped_relu(x, 6.0)


def leaky_relu(x: ArrayLike, slope: float = 0.2) -> Variable:
    """`x` where it is not negative, ``slope * x`` elsewhere.

    Args:
        x: Variable or array of any shape, floating-point.
        slope: The slope for negative values; it is that of the gradient at 0, too.

    Returns:
        A Variable of the shape and dtype of `x`.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.leaky_relu(np.array([-1., 0., 2.]))
        variable([-0.2,  0. ,  2. ])
    """
    x = as_variable(x)
    check_float('leaky_relu', 'x', x)
    return LeakyReLU(slope).apply((x,))[0]


def prelu(x: ArrayLike, W: ArrayLike) -> Variable:
    """A leaky rectifier with slopes that are learned: `x` where it is not negative, ``W * x`` elsewhere.

    See He et al., Delving Deep into Rectifiers, https://arxiv.org/abs/1502.01852.

    Args:
        x: Variable or array of shape (N, ...), floating-point.
        W: Variable or array whose shape is a prefix of ``x.shape[1:]``: ``()`` for one slope, ``(C,)`` for one for each
            channel, and so on.

    Returns:
        A Variable of the shape and dtype of `x`.

    Raises:
        ValueError: The shape of `W` does not fit.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.prelu(np.array([[-1., -1.], [3., 4.]]), np.array([0.1, 0.5]))
        variable([[-0.1, -0.5],
                  [ 3. ,  4. ]])
    """
    x = as_variable(x)
    check_float('prelu', 'x', x)
    return PReLU().apply((x, per_channel('prelu', 'W', as_variable(W), x)))[0]


def rrelu(x: ArrayLike, l: float = 1. / 8, u: float = 1. / 3, *, r: BareArray | None = None,
          return_r: bool = False) -> Any:
    """A leaky rectifier with random slopes in training, and with their mean at inference (``config.train``).

    See Xu et al., Empirical Evaluation of Rectified Activations in Convolutional Network,
    https://arxiv.org/abs/1505.00853.

    Args:
        x: Variable or array of any shape, floating-point.
        l: The smallest slope.
        u: The largest slope.
        r: The slopes, an array of the shape of `x`, instead of random ones (in training).
        return_r: Whether to return the slopes, too.

    Returns:
        A Variable of the shape and dtype of `x`; with `return_r`, a tuple of it and the array of slopes.

    Raises:
        ValueError: `r` has another shape than `x`.

    Example:
        >>> import numpy as np, autograd_nn as ann, autograd_nn.functions as F
        >>> with ann.using_config('train', False):
        ...     F.rrelu(np.array([-1., 2.]), 0.1, 0.3)
        variable([-0.2,  2. ])
    """
    x = as_variable(x)
    check_float('rrelu', 'x', x)
    if not config.train:
        y = leaky_relu(x, (l + u) / 2)
        r = get_array_module(x.array).full_like(x.array, (l + u) / 2) if return_r else None
    else:
        if r is None:
            r = get_array_module(x.array).random.uniform(l, u, x.shape).astype(x.dtype)
        elif r.shape != x.shape:
            raise ShapeError(f'rrelu: r must have the shape of x, {x.shape}; it has {r.shape}')
        y, = PReLU().apply((x, r))
    return (y, r) if return_r else y


def crelu(x: ArrayLike, axis: int = 1) -> Variable:
    """The positive parts of `x` and of ``-x``, side by side.

    See Shang et al., Understanding and Improving Convolutional Neural Networks via Concatenated Rectified Linear
    Units, https://arxiv.org/abs/1603.05201.

    Args:
        x: Variable or array, floating-point.
        axis: The axis that becomes twice as long.

    Returns:
        A Variable of the dtype of `x`.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.crelu(np.array([[-1., 2.]]))
        variable([[0., 2., 1., 0.]])
    """
    x = as_variable(x)
    return concat((relu(x), relu(-x)), axis)


def maxout(x: ArrayLike, pool_size: int, axis: int = 1) -> Variable:
    """The maximum of each group of `pool_size` neighbours along an axis.

    See Goodfellow et al., Maxout Networks, https://arxiv.org/abs/1302.4389.

    Args:
        x: Variable or array, floating-point.
        pool_size: The size of a group.
        axis: The axis, which becomes `pool_size` times shorter.

    Returns:
        A Variable of the dtype of `x`.

    Raises:
        ValueError: The axis does not exist or its length is not a multiple of `pool_size`.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.maxout(np.array([[1., 3., 2., -1.]]), 2)
        variable([[3., 2.]])
    """
    x = as_variable(x)
    shape = x.shape
    axis = normalize_axis(axis, shape, 'maxout')
    if pool_size < 1 or shape[axis] % pool_size:
        raise ShapeError(f'maxout: expected axis {axis} of x to be a multiple of pool_size {pool_size}, '
                         f'got x of shape {shape}')
    return x.reshape((*shape[:axis], shape[axis] // pool_size, pool_size, *shape[axis + 1:])).max(axis=axis + 1)


CEILINGS.update({relu: math.inf, relu6: 6.0})
