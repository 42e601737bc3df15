"""Fully connected layers as functions."""
from __future__ import annotations

from math import prod

from autograd_nn import backend
from autograd_nn.function_node import Arrays, FunctionNode, Gradients, Indexes
from autograd_nn.functions.array.shape import reshape
from autograd_nn.functions.checks import check_float
from autograd_nn.functions.connection.convolution import BiasGrad
from autograd_nn.functions.fused_rectifiers import ceiling_of, rectifier_grad
from autograd_nn.functions.math.matrix_product import MatMul, matmul
from autograd_nn.functions.single_precision import in_single_precision
from autograd_nn.types import Activation, ArrayLike
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable, as_variable


class LinearFunction(FunctionNode):

    def __init__(self, ceiling: float | None = None) -> None:
        self.ceiling = ceiling

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs((0, 1))
        if self.ceiling is not None:
            self.retain_outputs((0,))
        x, W, *b = inputs
        return backend.kernels(*inputs).linear(x, W, b[0] if b else None, self.ceiling),

    def multiply_adds(self, inputs: Arrays) -> int:
        return inputs[0].size * len(inputs[1])

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        gy, = grad_outputs
        if self.ceiling is not None:
            gy = rectifier_grad(self._retained_outputs[0], gy, self.ceiling)
        x, W = self.get_retained_inputs()
        return (MatMul(False, False).apply((gy, W))[0] if 0 in target_input_indexes else None,
                MatMul(True, False).apply((gy, x))[0] if 1 in target_input_indexes else None,
                BiasGrad().apply((gy,))[0] if 2 in target_input_indexes else None)[:len(self.inputs or ())]


def linear(x: ArrayLike, W: ArrayLike, b: ArrayLike | None = None, n_batch_axes: int = 1, *,
           activation: Activation | None = None) -> Variable:
    """A fully connected layer: ``y = x W^T + b``.

    Args:
        x: Input, floating point. Its first `n_batch_axes` axes are the batch; the others are taken together as D
            features.
        W: Weights of shape (M, D).
        b: Bias of shape (M,).
        n_batch_axes: The number of axes of the batch.
        activation: `relu` or `relu6`, to be computed in the same kernel, or None.

    Returns:
        Output of shape (*batch, M).

    Raises:
        ValueError: The shapes do not fit.
        TypeError: `x` is not floating point.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> x, W, b = np.array([[1., 2.]]), np.array([[1., 0.], [0., 1.], [1., 1.]]), np.array([0., 0., 10.])
        >>> F.linear(x, W, b)
        variable([[ 1.,  2., 13.]])
        >>> F.linear(np.ones((4, 5, 2)), W, n_batch_axes=2).shape
        (4, 5, 3)
    """
    x, W = as_variable(x), as_variable(W)
    x_shape = x._array.shape
    check_float('linear', 'x', x)
    if W.ndim != 2:
        raise ShapeError(f'linear: expected W of shape (outputs, features), got {W.shape}')
    if not 1 <= n_batch_axes < max(len(x_shape), 2):
        raise ShapeError(f'linear: n_batch_axes must be at least 1 and leave an axis of features, got {n_batch_axes} '
                         f'for x of shape {x_shape}')
    features = prod(x_shape[n_batch_axes:])
    outputs, expected = W._array.shape
    if len(x_shape) <= n_batch_axes or features != expected:
        raise ShapeError(f'linear: x has {features} features (shape {x_shape}) but W expects {expected} '
                         f'(shape {W.shape})')
    if b is not None and b.shape != (outputs,):
        raise ShapeError(f'linear: expected b of shape ({outputs},), got {b.shape}')
    batch = x_shape[:n_batch_axes]
    if len(x_shape) != 2:
        x = reshape(x, (prod(batch), features))
    y, = LinearFunction(ceiling_of('linear', activation)).apply((x, W) if b is None else (x, W, b))
    return y if n_batch_axes == 1 else reshape(y, (*batch, outputs))


@in_single_precision
def bilinear(e1: ArrayLike, e2: ArrayLike, W: ArrayLike, V1: ArrayLike | None = None, V2: ArrayLike | None = None,
             b: ArrayLike | None = None) -> Variable:
    """A bilinear layer: ``y_k = sum_ij e1_i e2_j W_ijk``, plus ``e1 V1 + e2 V2 + b`` where these are given.

    Args:
        e1: First input of shape (N, ...), J features in all.
        e2: Second input of shape (N, ...), K features in all.
        W: Weights of shape (J, K, L).
        V1: Weights of shape (J, L); `V1`, `V2` and `b` are given together or not at all.
        V2: Weights of shape (K, L).
        b: Bias of shape (L,).

    Returns:
        Output of shape (N, L).

    Raises:
        ValueError: The shapes do not fit, or some of `V1`, `V2` and `b` are missing.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.bilinear(np.array([[1., 2.]]), np.array([[10.]]), np.ones((2, 1, 3)))
        variable([[30., 30., 30.]])
    """
    e1, e2, W = as_variable(e1), as_variable(e2), as_variable(W)
    missing = [name for name, value in (('V1', V1), ('V2', V2), ('b', b)) if value is None]
    if missing and len(missing) < 3:
        raise ValueError(f'bilinear: V1, V2 and b are given together or not at all; {", ".join(missing)} missing')
    n, J, K = len(e1.array), prod(e1.shape[1:]), prod(e2.shape[1:])
    if len(e2.array) != n or W.shape[:2] != (J, K):
        raise ShapeError(f'bilinear: e1 of shape {e1.shape}, e2 of shape {e2.shape} and W of shape {W.shape} do not '
                         f'fit; W must have the shape ({J}, {K}, outputs)')
    L = W.shape[2]
    e1, e2 = reshape(e1, (n, J)), reshape(e2, (n, K))
    pairs = reshape(e1, (n, J, 1)) * reshape(e2, (n, 1, K))
    y = matmul(reshape(pairs, (n, J * K)), reshape(W, (J * K, L)))
    if V1 is not None and V2 is not None and b is not None:
        if V1.shape != (J, L) or V2.shape != (K, L) or b.shape != (L,):
            raise ShapeError(f'bilinear: expected V1 of shape ({J}, {L}), V2 ({K}, {L}) and b ({L},), '
                             f'got {V1.shape}, {V2.shape} and {b.shape}')
        y = y + matmul(e1, V1) + matmul(e2, V2) + b
    return y
