"""Sparse matrices, and their products with dense ones.

A sparse matrix is kept as a list of its entries, each with its row and column (the format COO).
"""
from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

from autograd_nn.backend import get_array_module, is_array
from autograd_nn.functions.array.indexing import get_item
from autograd_nn.functions.array.shape import expand_dims, reshape, swapaxes
from autograd_nn.functions.checks import check_choice, check_float, check_indices
from autograd_nn.functions.connection.embedding import EmbedID, EmbedIDGrad
from autograd_nn.functions.single_precision import in_single_precision
from autograd_nn.types import Array, ArrayLike, BareArray
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable, as_variable

Order = Literal['C', 'F', 'other']


class CooMatrix:
    """A sparse matrix, or several of the same size, as a list of entries.

    Where there are several, lists of different lengths are filled up at their ends, with -1 for row and column.

    Args:
        data: Array or Variable of shape (L,), or (B, L) for B matrices, floating-point: the entries. Those of one place
            are added.
        row: Array of integers of that shape: their rows.
        col: The same: their columns.
        shape: The number of rows and of columns.
        order: How the entries are sorted (see `get_order`); None finds out.
        requires_grad: Whether to compute a gradient with respect to entries that are given as an array.

    Raises:
        ValueError: The shapes do not fit, a row or column does not exist, or there is no such order.

    Attributes:
        data: The entries as a Variable.
        row: Their rows.
        col: Their columns.
        shape: The number of rows and of columns.
        order: ``'C'``, ``'F'`` or ``'other'``.

    Example:
        >>> import numpy as np, autograd_nn as ann
        >>> ann.utils.CooMatrix(np.array([2., -1.]), np.array([0, 1]), np.array([1, 0]), (2, 3)).to_dense()
        array([[ 0.,  2.,  0.],
               [-1.,  0.,  0.]])
    """

    def __init__(self, data: Any, row: Any, col: Any, shape: tuple[int, ...],
                 order: Order | None = None, requires_grad: bool = False) -> None:
        if data.ndim not in (1, 2) or not data.shape == row.shape == col.shape:
            raise ShapeError('CooMatrix: expected data, row and col of one shape, (L,) or (B, L), '
                             f'got {data.shape}, {row.shape} and {col.shape}')
        if len(shape) != 2 or min(shape) <= 0:
            raise ValueError(f'CooMatrix: expected a positive number of rows and of columns as shape, got {shape}')
        check_choice('CooMatrix', 'order', order, ('C', 'F', 'other', None))
        check_indices('CooMatrix', 'row', row, shape[0], f'shape is {shape}', -1)
        check_indices('CooMatrix', 'col', col, shape[1], f'shape is {shape}', -1)
        self.data = data if isinstance(data, Variable) else Variable(data, requires_grad=requires_grad)
        self.row = row
        self.col = col
        self.shape = shape
        self.order = get_order(row, col) if order is None else order

    def to_dense(self) -> Any:
        """The matrices as an array of shape (M, N) or (B, M, N)."""
        xp = self.data.xp
        places, rows, cols = self.entries()
        y = xp.zeros((*self.data.shape[:-1], *self.shape), self.data.dtype)
        xp.add.at(y, (*places[:-1], rows, cols), self.data.array[places])
        return y

    def entries(self) -> tuple[tuple[Array, ...], Array, Array]:
        """Where in `data` the entries are (not what the lists are filled up with), their rows, and their columns."""
        places = self.data.xp.nonzero(self.row >= 0)
        return places, self.row[places], self.col[places]


def to_coo(x: BareArray, ldnz: int | None = None, requires_grad: bool = False) -> CooMatrix:
    """The elements of a matrix that are not zero, as a sparse matrix.

    Args:
        x: Array of shape (M, N), or (B, M, N) for several matrices.
        ldnz: How long the lists of entries are at least.
        requires_grad: Whether to compute a gradient with respect to the entries.

    Raises:
        ValueError: `x` has another number of axes.

    Example:
        >>> import numpy as np, autograd_nn as ann
        >>> x = ann.utils.to_coo(np.array([[0., 2., 0.], [-1., 0., 0.]]))
        >>> x.data, x.row, x.col, x.shape, x.order
        (variable([ 2., -1.]), array([0, 1], dtype=int32), array([1, 0], dtype=int32), (2, 3), 'C')
    """
    if x.ndim not in (2, 3):
        raise ShapeError(f'to_coo: expected x with two or three axes, got shape {x.shape}')
    xp = get_array_module(x)
    batch = x.shape[:-2]
    matrices, rows, cols = xp.nonzero(x.reshape(-1, *x.shape[-2:]))
    counts = xp.bincount(matrices, minlength=math.prod(batch))
    length = max(ldnz or 0, int(counts.max()) if counts.size else 0)
    # The number of an entry within its matrix.
    places = xp.arange(len(matrices)) - (xp.cumsum(counts) - counts)[matrices]

    def listed(values: Array, filler: float, dtype: Any) -> Any:
        y = xp.full((len(counts), length), filler, dtype)
        y[matrices, places] = values
        return y.reshape(*batch, length)

    return CooMatrix(listed(x.reshape(-1, *x.shape[-2:])[matrices, rows, cols], 0, x.dtype), listed(rows, -1, np.int32),
                     listed(cols, -1, np.int32), x.shape[-2:], requires_grad=requires_grad)


def get_order(row: Any, col: Any) -> Order:
    """How the entries of a sparse matrix are sorted.

    Args:
        row: Array of shape (L,) or (B, L): their rows; -1 at the end where there are fewer.
        col: The same: their columns.

    Returns:
        ``'C'`` if the rows ascend, and within a row the columns; ``'F'`` if the columns ascend, and within a column the
        rows; ``'other'`` otherwise.

    Raises:
        ValueError: The shapes differ, or an entry has a row and no column, or the other way round.

    Example:
        >>> import numpy as np, autograd_nn as ann
        >>> ann.utils.get_order(np.array([0, 1, 1]), np.array([2, 0, 1]))
        'C'
    """
    if row.shape != col.shape:
        raise ShapeError(f'get_order: row and col must have one shape, got {row.shape} and {col.shape}')
    xp = get_array_module(row)
    known = row >= 0
    if bool((known != (col >= 0)).any()):
        raise ValueError('get_order: an entry has a row and no column, or a column and no row')
    names: tuple[Order, Order] = ('C', 'F')
    for order, (first, second) in zip(names, ((row, col), (col, row))):
        step, inner = xp.diff(first), xp.diff(second)
        if bool(((step > 0) | (step == 0) & (inner >= 0) | ~known[..., 1:]).all()):
            return order
    return 'other'


def sparse_matmul(a: CooMatrix | ArrayLike, b: CooMatrix | ArrayLike, transa: bool = False,
                  transb: bool = False) -> Variable:
    """The product of a sparse and a dense matrix, or of as many of these as of those.

    Args:
        a: The left factor (M, K): a `CooMatrix`, or a Variable or an array of shape (M, K) or (B, M, K).
        b: The right one (K, N), a `CooMatrix` if `a` is none.
        transa: Whether to transpose `a` first.
        transb: The same for `b`.

    Returns:
        Variable of shape (M, N) or (B, M, N).

    Raises:
        TypeError: Not one of the factors is sparse and the other dense, or they are not floating-point.
        ValueError: The shapes do not fit.

    Example:
        >>> import numpy as np, autograd_nn as ann, autograd_nn.functions as F
        >>> a = ann.utils.to_coo(np.array([[0., 2., 0.], [-1., 0., 0.]]))
        >>> F.sparse_matmul(a, np.array([[1., 2.], [3., 4.], [5., 6.]]))
        variable([[ 6.,  8.],
                  [-1., -2.]])
    """
    kinds = [CooMatrix if isinstance(x, CooMatrix) else Variable if isinstance(x, Variable) or is_array(x) else None
             for x in (a, b)]
    if kinds == [CooMatrix, Variable]:
        return _product(a, b, transa, transb)
    if kinds == [Variable, CooMatrix]:
        return swapaxes(_product(b, a, not transb, not transa), -1, -2)
    raise TypeError('sparse_matmul: expected a CooMatrix and a Variable or array, in either order, got '
                    f'{type(a).__name__} and {type(b).__name__}')


def _product(a: Any, b: Any, transa: bool, transb: bool) -> Variable:
    b = as_variable(b)
    for name, x in ('the sparse', a.data), ('the dense', b):
        check_float('sparse_matmul', f'numbers in {name} matrix', x)
    places, rows, cols = a.entries()
    m, k = a.shape
    if transa:
        rows, cols, m, k = cols, rows, k, m
    batch = a.data.shape[:-1]
    if b.ndim != len(batch) + 2 or b.shape[:-2] != batch or b.shape[-1 if transb else -2] != k:
        wanted = (*batch, 'N', k) if transb else (*batch, k, 'N')
        raise ShapeError(f'sparse_matmul: to a sparse matrix of shape {(*batch, *a.shape)} a dense one of shape '
                         f'({", ".join(map(str, wanted))}) fits, got {b.shape}')
    b = swapaxes(b, -1, -2) if transb else b
    # All matrices of a batch as one, above each other.
    if batch:
        rows, cols = rows.astype(np.int64) + places[0] * m, cols.astype(np.int64) + places[0] * k
    count, n = math.prod(batch), b.shape[-1]
    return reshape(_added(get_item(a.data, places), rows, cols, reshape(b, (count * k, n)), count * m), (*batch, m, n))


@in_single_precision
def _added(data: Variable, rows: Array, cols: Array, b: Variable, length: int) -> Variable:
    """Each entry adds its multiple of a row of `b` to a row of the result."""
    terms = EmbedID(None).apply((cols, b))[0] * expand_dims(data, 1)
    return EmbedIDGrad(None, (length, b.shape[1])).apply((rows, terms))[0]
