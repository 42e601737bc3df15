"""Inverses, determinants and triangular factors of matrices."""
from __future__ import annotations

import numpy as np

from autograd_nn.backend import get_array_module
from autograd_nn.function_node import Arrays, FunctionNode, Gradients, Indexes
from autograd_nn.functions.array.shape import reshape, swapaxes
from autograd_nn.functions.math.matrix_product import matmul
from autograd_nn.functions.single_precision import SinglePrecision
from autograd_nn.types import ArrayLike
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable, as_variable


class MatrixError(np.linalg.LinAlgError, ValueError):
    """A matrix has no such result: what programs catch of NumPy, too."""


class Inv(SinglePrecision):

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_outputs((0,))
        return get_array_module(*inputs).linalg.inv(*inputs),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        y, = self.get_retained_outputs()
        gy, = grad_outputs
        return -matmul(matmul(y, gy, transa=True), y, transb=True),


class Det(SinglePrecision):

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs((0,))
        self.retain_outputs((0,))
        return get_array_module(*inputs).linalg.det(*inputs),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        x, = self.get_retained_inputs()
        y, = self.get_retained_outputs()
        return reshape(grad_outputs[0] * y, y.shape + (1, 1)) * swapaxes(inverse('det (gradient)', x), -1, -2),


class Cholesky(SinglePrecision):

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_outputs((0,))
        return get_array_module(*inputs).linalg.cholesky(*inputs),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        # I. Murray, Differentiation of the Cholesky decomposition, https://arxiv.org/abs/1602.07527, equation 10.
        y, = self.get_retained_outputs()
        xp, n = y.xp, y.shape[-1]
        lower = xp.tri(n, dtype=y.dtype) - xp.eye(n, dtype=y.dtype) / 2
        y_inv = inverse('cholesky (gradient)', y)
        half = matmul(matmul(y_inv, matmul(y, grad_outputs[0], transa=True) * lower, transa=True), y_inv)
        return (half + swapaxes(half, -1, -2)) * 0.5,


def _apply(function: type[FunctionNode], name: str, a: ArrayLike, ndim: int | None = None,
           failure: str = 'has no inverse') -> Variable:
    a = as_variable(a)
    if ndim not in (None, a.ndim) or a.ndim < 2 or a.shape[-2:-1] != a.shape[-1:]:
        raise ShapeError(f'{name}: expected {"a square matrix" if ndim == 2 else "square matrices (B, M, M)"}, '
                         f'got shape {a.shape}')
    try:
        return function().apply((a,))[0]
    except np.linalg.LinAlgError as error:
        raise MatrixError(f'{name}: a of shape {a.shape} {failure} ({error})') from None


def inverse(function: str, a: ArrayLike) -> Variable:
    """The inverses of matrices of shape (..., M, M) for a function that needs them, whose name errors show."""
    return _apply(Inv, function, a)


def inv(a: ArrayLike) -> Variable:
    """The inverse of a matrix.

    Args:
        a: Variable or array of shape (M, M).

    Raises:
        ValueError: It is not square, or singular.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.inv(np.array([[2., 0.], [0., 4.]]))
        variable([[0.5 , 0.  ],
                  [0.  , 0.25]])
    """
    return _apply(Inv, 'inv', a, 2)


def batch_inv(a: ArrayLike) -> Variable:
    """The inverses of matrices.

    Args:
        a: Variable or array of shape (B, M, M).

    Raises:
        ValueError: They are not square, or one is singular.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.batch_inv(np.array([[[2.]], [[4.]]])).array.ravel()
        array([0.5 , 0.25])
    """
    return _apply(Inv, 'batch_inv', a, 3)


def det(a: ArrayLike) -> Variable:
    """The determinant of a matrix. Its gradient needs the inverse.

    Args:
        a: Variable or array of shape (M, M).

    Returns:
        Variable with no axes.

    Raises:
        ValueError: It is not square.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.det(np.array([[2., 0.], [0., 4.]]))
        variable(8.)
    """
    return _apply(Det, 'det', a, 2)


def batch_det(a: ArrayLike) -> Variable:
    """The determinants of matrices. Their gradients need the inverses.

    Args:
        a: Variable or array of shape (B, M, M).

    Returns:
        Variable of shape (B,).

    Raises:
        ValueError: They are not square.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.batch_det(np.array([[[2.]], [[4.]]]))
        variable([2., 4.])
    """
    return _apply(Det, 'batch_det', a, 3)


def cholesky(a: ArrayLike) -> Variable:
    """The lower triangular matrix L with positive diagonal whose product ``L @ L.T`` is a positive definite matrix.

    Of `a`, the lower triangle alone is read; the gradient is symmetric.

    Args:
        a: Variable or array of shape (..., M, M): a symmetric matrix, or several.

    Returns:
        Variable of the shape of `a`.

    Raises:
        ValueError: A matrix is not square, or (on the CPU) not positive definite.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.cholesky(np.array([[4., 2.], [2., 5.]]))
        variable([[2., 0.],
                  [1., 2.]])
    """
    return _apply(Cholesky, 'cholesky', a, failure='is not positive definite')
