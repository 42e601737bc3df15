"""Looking rows up in a table."""
from __future__ import annotations

from autograd_nn import backend
from autograd_nn.function_node import Arrays, FunctionNode, Gradients, Indexes
from autograd_nn.functions.checks import check_indices
from autograd_nn.types import ArrayLike
from autograd_nn.utils.type_check import DTypeError, ShapeError
from autograd_nn.variable import Variable, as_variable


class EmbedID(FunctionNode):

    def __init__(self, ignore_label: int | None) -> None:
        self.ignore_label = ignore_label

    def forward(self, inputs: Arrays) -> Arrays:
        ids, W = inputs
        self.retain_inputs((0,))
        self.W_shape = W.shape
        if self.ignore_label is None:
            return W[ids],
        ignored = ids == self.ignore_label
        y = W[backend.get_array_module(ids).where(ignored, 0, ids)]
        y[ignored] = 0
        return y,

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        ids, = self.get_retained_inputs()
        gy, = grad_outputs
        return None, EmbedIDGrad(self.ignore_label, self.W_shape).apply((ids, gy))[0]


class EmbedIDGrad(FunctionNode):

    def __init__(self, ignore_label: int | None, W_shape: tuple[int, ...]) -> None:
        self.ignore_label = ignore_label
        self.W_shape = W_shape

    def forward(self, inputs: Arrays) -> Arrays:
        ids, gy = inputs
        self.retain_inputs((0,))
        if self.ignore_label is not None:
            used = ids != self.ignore_label
            ids, gy = ids[used], gy[used]
        return backend.kernels(gy).embedding_grad(gy, ids, self.W_shape),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        ids, = self.get_retained_inputs()
        ggW, = grad_outputs
        return None, EmbedID(self.ignore_label).apply((ids, ggW))[0]


def embed_id(x: ArrayLike, W: ArrayLike, ignore_label: int | None = None) -> Variable:
    """Looks up a row of a table for each number, as word embeddings do.

    Args:
        x: Integer array of any shape: numbers of rows.
        W: The table, floating point, of shape (V, D).
        ignore_label: Where `x` has this number, the result is zero.

    Returns:
        Output of shape (*x.shape, D).

    Raises:
        TypeError: `x` is not an integer array.
        ValueError: There is no such row, or `W` is not a matrix.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> W = np.array([[0., 0.], [1., 2.], [3., 4.]])
        >>> F.embed_id(np.array([2, 1, -1]), W, ignore_label=-1)
        variable([[3., 4.],
                  [1., 2.],
                  [0., 0.]])
    """
    x, W = as_variable(x), as_variable(W)
    if x.dtype.kind not in 'iu':
        raise DTypeError(f'embed_id: expected integers as x, got {x.dtype} (shape {x.shape})')
    if W.ndim != 2:
        raise ShapeError(f'embed_id: expected W of shape (rows, width), got {W.shape}')
    check_indices('embed_id', 'x', x.array, len(W), f'W has the shape {W.shape}', ignore_label)
    return EmbedID(ignore_label).apply((x, W))[0]
