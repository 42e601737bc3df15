"""Products of matrices and of arrays with more axes."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd_nn.backend import product
from autograd_nn.function_node import Arrays, FunctionNode, Gradients, Indexes
from autograd_nn.functions.array.broadcast import sum_to
from autograd_nn.functions.array.shape import expand_dims, reshape, transpose
from autograd_nn.functions.axes import normalize_axes
from autograd_nn.types import ArrayLike
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable, as_variable


class MatMul(FunctionNode):

    def __init__(self, transa: bool, transb: bool) -> None:
        self.transa = transa
        self.transb = transb

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs((0, 1))
        a, b = inputs
        if self.transa and a.ndim > 1:
            a = a.swapaxes(-1, -2)
        if self.transb and b.ndim > 1:
            b = b.swapaxes(-1, -2)
        return product(a, b),

    def multiply_adds(self, inputs: Arrays) -> int:
        """The number of products in each element of the result, times the number of these."""
        a, b = inputs
        terms = a.shape[-2 if self.transa and a.ndim > 1 else -1]
        columns = 1 if b.ndim == 1 else b.shape[-2 if self.transb else -1]
        rows = 1 if a.ndim == 1 else a.shape[-1 if self.transa else -2]
        return math.prod(np.broadcast_shapes(a.shape[:-2], b.shape[:-2])) * rows * terms * columns

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        gy, = grad_outputs
        a, b = self.get_retained_inputs()
        a_shape, b_shape = a._array.shape, b._array.shape
        transa, transb = self.transa and len(a_shape) > 1, self.transb and len(b_shape) > 1
        if len(b_shape) == 1:
            b, gy = reshape(b, (b_shape[0], 1)), expand_dims(gy, -1)
        if len(a_shape) == 1:
            a, gy = reshape(a, (1, a_shape[0])), expand_dims(gy, -2)
        ga = gb = None
        if 0 in target_input_indexes:
            ga = _matmul(b, gy, transb, True) if transa else _matmul(gy, b, False, not transb)
            if ga._array.shape != a_shape:
                ga = reshape(sum_to(ga, a._array.shape), a_shape)
        if 1 in target_input_indexes:
            if len(b_shape) == 2 and len(a_shape) > 2 and not transa:
                # One product of two matrices in place of a sum over many.
                a, gy = reshape(a, (-1, a_shape[-1])), reshape(gy, (-1, gy._array.shape[-1]))
            gb = _matmul(gy, a, True, transa) if transb else _matmul(a, gy, not transa, False)
            if gb._array.shape != b_shape:
                gb = reshape(sum_to(gb, b._array.shape), b_shape)
        return ga, gb


def _matmul(a: Variable, b: Variable, transa: bool, transb: bool) -> Variable:
    return MatMul(transa, transb).apply((a, b))[0]


def matmul(a: ArrayLike, b: ArrayLike, transa: bool = False, transb: bool = False) -> Variable:
    """The product of two matrices, or of stacks of matrices that broadcast.

    Args:
        a: Variable or array of shape (..., M, K), or a vector of shape (K,).
        b: Variable or array of shape (..., K, N), or a vector of shape (K,).
        transa: Whether to exchange the last two axes of `a` first (not those of a vector).
        transb: The same for `b`.

    Returns:
        Variable of shape (..., M, N); M or N is missing where `a` or `b` is a vector.

    Raises:
        ValueError: The shapes do not fit.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> a = np.array([[1., 0.], [0., 1.]])
        >>> b = np.array([[4., 1.], [2., 2.]])
        >>> F.matmul(a, b, transb=True)
        variable([[4., 2.],
                  [1., 2.]])
    """
    try:
        return MatMul(transa, transb).apply((a, b))[0]
    except ValueError:
        flags = ''.join([f', {name}=True' for name, on in (('transa', transa), ('transb', transb)) if on])
        raise ShapeError(f'matmul: a of shape {a.shape} and b of shape {b.shape} do not fit{flags}') from None


def batch_matmul(a: ArrayLike, b: ArrayLike, transa: bool = False, transb: bool = False) -> Variable:
    """The products of the matrices of two stacks of the same length.

    Args:
        a: Variable or array of shape (B, M, K); (B, M) counts as (B, M, 1).
        b: Variable or array of shape (B, K, N); (B, K) counts as (B, K, 1).
        transa: Whether to exchange the last two axes of `a` first.
        transb: The same for `b`.

    Returns:
        Variable of shape (B, M, N).

    Raises:
        ValueError: The shapes do not fit.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.batch_matmul(np.ones((5, 2)), np.ones((5, 2)), transa=True).shape
        (5, 1, 1)
    """
    a, b = as_variable(a), as_variable(b)
    if a.ndim not in (2, 3) or b.ndim not in (2, 3) or len(a) != len(b):
        raise ShapeError(f'batch_matmul: expected a and b with two or three axes and the same length, got shapes '
                         f'{a.shape} and {b.shape}')
    a, b = (expand_dims(x, 2) if x.ndim == 2 else x for x in (a, b))
    return matmul(a, b, transa, transb)


def tensordot(a: ArrayLike, b: ArrayLike, axes: int | tuple[Any, Any] = 2) -> Variable:
    """The sum of products over several axes of two arrays.

    Args:
        a: Variable or array.
        b: Variable or array.
        axes: Over how many axes, the last of `a` and the first of `b`; or two lists of axes, of `a` and of `b`.

    Returns:
        Variable with the other axes of `a`, then those of `b`.

    Raises:
        ValueError: There are no such axes, or their lengths differ.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.tensordot(np.ones((2, 3, 4)), np.ones((4, 3, 5)), axes=([1, 2], [1, 0])).shape
        (2, 5)
    """
    a, b = as_variable(a), as_variable(b)
    if isinstance(axes, int):
        if not 0 <= axes <= min(a.ndim, b.ndim):
            raise ShapeError(f'tensordot: a of shape {a.shape} and b of shape {b.shape} do not both have {axes} axes')
        a_axes, b_axes = tuple(range(a.ndim - axes, a.ndim)), tuple(range(axes))
    else:
        a_axes, b_axes = (normalize_axes(each, x.shape, 'tensordot') for each, x in zip(axes, (a, b)))
    common = [a.shape[i] for i in a_axes]
    if common != [b.shape[i] for i in b_axes]:
        raise ShapeError(f'tensordot: axes {a_axes} of a of shape {a.shape} and {b_axes} of b of shape {b.shape} '
                         'have different lengths')
    a_rest = [i for i in range(a.ndim) if i not in a_axes]
    b_rest = [i for i in range(b.ndim) if i not in b_axes]
    shape = [a.shape[i] for i in a_rest], [b.shape[i] for i in b_rest]
    count = math.prod(common)
    left = reshape(transpose(a, [*a_rest, *a_axes]), (math.prod(shape[0]), count))
    right = reshape(transpose(b, [*b_axes, *b_rest]), (count, math.prod(shape[1])))
    return reshape(_matmul(left, right, False, False), tuple(shape[0] + shape[1]))
