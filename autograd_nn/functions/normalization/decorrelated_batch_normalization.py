"""Decorrelated batch normalization: groups of channels without correlations, by ZCA whitening."""
from __future__ import annotations

import numpy as np

from autograd_nn.backend import get_array_module
from autograd_nn.config import config
from autograd_nn.function_node import Arrays, FunctionNode, Gradients, Indexes
from autograd_nn.functions.array.shape import expand_dims, reshape, transpose
from autograd_nn.functions.checks import check_float
from autograd_nn.functions.math.matrix_product import matmul
from autograd_nn.functions.math.reduction import sum as sum_over
from autograd_nn.functions.precision import cast
from autograd_nn.functions.single_precision import widened
from autograd_nn.types import Array, ArrayLike, BareArray, Ints
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable, as_variable


class InverseSquareRoot(FunctionNode):
    """``(a + eps) ** (-1 / 2)`` of symmetric matrices (..., M, M) whose eigenvalues are not negative."""

    def __init__(self, eps: float) -> None:
        self.eps = eps

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs((0,))
        self.retain_outputs((0,))
        values, vectors = _eigen(*inputs)
        # Rounding may have taken zeros below zero.
        self.eigen = roots, vectors = (values.clip(0) + self.eps) ** 0.5, vectors
        return (vectors / roots[..., None, :]) @ vectors.swapaxes(-1, -2),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        a, = self.get_retained_inputs()
        y, = self.get_retained_outputs()
        # As y (a + eps) y = 1, root dy + dy root = -y da y with the root (a + eps) y.
        root = matmul(a, y) + self.eps * y
        return -matmul(matmul(y, Lyapunov(*self.eigen).apply((root, *grad_outputs))[0]), y),


def _eigen(a: Array) -> tuple[Array, Array]:
    """The eigenvalues and -vectors of symmetric matrices."""
    xp = get_array_module(a)
    try:
        return xp.linalg.eigh(a)
    except np.linalg.LinAlgError:
        # NumPy refuses some matrices that are not finite. Their results are not, either.
        return xp.full_like(a[..., 0], np.nan), xp.full_like(a, np.nan)


class Lyapunov(FunctionNode):
    """The x for which ``a x + x a = b``, of symmetric matrices `a` whose eigenvalues and -vectors are known."""

    def __init__(self, values: Array, vectors: Array) -> None:
        self.values = values
        self.vectors = vectors

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_outputs((0,))
        self.retain_inputs((0,))
        _, b = inputs
        to, back = self.vectors.swapaxes(-1, -2), self.vectors
        return back @ (to @ b @ back / (self.values[..., :, None] + self.values[..., None, :])) @ to,

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        a, = self.get_retained_inputs()
        x, = self.get_retained_outputs()
        gb, = Lyapunov(self.values, self.vectors).apply((a, *grad_outputs))
        return -(matmul(gb, x, transb=True) + matmul(x, gb, transa=True)), gb


def decorrelated_batch_normalization(x: ArrayLike, *, groups: int = 16, eps: float = 2e-5,
                                     running_mean: BareArray | None = None,
                                     running_projection: BareArray | None = None, decay: float = 0.9) -> Variable:
    """Decorrelated batch normalization: channels get mean 0, variance 1, and no correlation within their group.

    Of all matrices that do so, each group is multiplied by the symmetric one, ``(covariance + eps) ** (-1 / 2)``, which
    changes it least (ZCA whitening). Scales and shifts, as in `batch_normalization`, are left to who wants them.

    Args:
        x: Input of shape (N, C, ...), floating point.
        groups: The number of equal parts of channels that are whitened separately.
        eps: Added to the eigenvalues of the covariance.
        running_mean: Array of shape (groups, C / groups) that is moved, in place, towards the mean of this batch:
            ``running_mean = decay * running_mean + (1 - decay) * mean``.
        running_projection: The same for the matrices, of shape (groups, C / groups, C / groups), times ``m / (m - 1)``
            for m values of each channel, as in Chainer.
        decay: How much of the running statistics stays.

    Returns:
        Output of the shape of `x`.

    Raises:
        ValueError: The shapes do not fit.

    See `Decorrelated Batch Normalization <https://arxiv.org/abs/1804.08450>`_.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> x = np.random.randn(100, 2) @ np.array([[1., 2.], [0., 3.]])
        >>> y = F.decorrelated_batch_normalization(x, groups=1, eps=0).array
        >>> np.allclose(y.T @ y / 100, np.eye(2))
        True
    """
    x = as_variable(x)
    shape = _shape_of_means('decorrelated_batch_normalization', x, groups)
    for name, array, expected in (('running_mean', running_mean, shape),
                                  ('running_projection', running_projection, (*shape, shape[1]))):
        _check_shape('decorrelated_batch_normalization', x, groups, name, array, expected)
    columns = _as_columns(x, shape)
    count = max(columns.shape[2], 1)
    mean = sum_over(columns, 2, keepdims=True) / count
    centred = columns - mean
    projection, = InverseSquareRoot(eps).apply((matmul(centred, centred, transb=True) / count,))
    if x.size and not config.in_recomputing:
        _move(running_mean, mean.array[..., 0], decay)
        _move(running_projection, projection.array * (count / max(count - 1, 1)), decay)
    return _from_columns(matmul(projection, centred), x)


def fixed_decorrelated_batch_normalization(x: ArrayLike, mean: ArrayLike, projection: ArrayLike,
                                           groups: int = 16) -> Variable:
    """Decorrelated batch normalization with given statistics, as when testing.

    Args:
        x: Input of shape (N, C, ...), floating point.
        mean: What is subtracted, of shape (groups, C / groups).
        projection: What groups are multiplied by, of shape (groups, C / groups, C / groups).
        groups: The number of equal parts of channels.

    Returns:
        Output of the shape of `x`.

    Raises:
        ValueError: The shapes do not fit.

    See `decorrelated_batch_normalization`.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> x, mean, projection = np.array([[1., 3.]]), np.array([[0., 1.]]), np.array([[[2., 0.], [1., 1.]]])
        >>> F.fixed_decorrelated_batch_normalization(x, mean, projection, groups=1)
        variable([[2., 3.]])
    """
    x, mean, projection = as_variable(x), as_variable(mean), as_variable(projection)
    shape = _shape_of_means('fixed_decorrelated_batch_normalization', x, groups)
    for name, array, expected in ('mean', mean, shape), ('projection', projection, (*shape, shape[1])):
        _check_shape('fixed_decorrelated_batch_normalization', x, groups, name, array, expected)
    columns = _as_columns(x, shape)
    mean, projection = cast(mean, columns.dtype), cast(projection, columns.dtype)
    return _from_columns(matmul(projection, columns - expand_dims(mean, 2)), x)


def _shape_of_means(function: str, x: Variable, groups: int) -> Ints:
    check_float(function, 'x', x)
    if x.ndim < 2 or groups < 1 or x.shape[1] % groups:
        raise ShapeError(f'{function}: expected x of shape (N, C, ...) with C a multiple of groups {groups}, '
                         f'got {x.shape}')
    return groups, x.shape[1] // groups


def _check_shape(function: str, x: Variable, groups: int, name: str, array: Array, expected: Ints) -> None:
    if array is not None and array.shape != expected:
        raise ShapeError(f'{function}: expected {name} of shape {expected} for x of shape {x.shape} in {groups} '
                         f'groups, got {array.shape}')


def _as_columns(x: Variable, shape: Ints) -> Variable:
    """A matrix of each group, in at least float32, whose rows are its channels."""
    wide, = widened(x)
    return reshape(transpose(wide, (1, 0, *range(2, x.ndim))), (*shape, x.size // max(x.shape[1], 1)))


def _from_columns(columns: Variable, x: Variable) -> Variable:
    """The inverse of `_as_columns`."""
    n, channels, *rest = x.shape
    return cast(transpose(reshape(columns, (channels, n, *rest)), (1, 0, *range(2, x.ndim))), x.dtype)


def _move(running: Array, new: Array, decay: float) -> None:
    """Moves a running statistic, if there is one."""
    if running is not None:
        running *= decay
        running += ((1 - decay) * new).astype(running.dtype, copy=False)
