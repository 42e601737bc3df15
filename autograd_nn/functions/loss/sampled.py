"""What losses over a few words of a large vocabulary share: the scores of these words."""
from __future__ import annotations

from autograd_nn.functions.array.shape import expand_dims, squeeze
from autograd_nn.functions.checks import check_float
from autograd_nn.functions.connection.embedding import embed_id
from autograd_nn.functions.math.matrix_product import matmul
from autograd_nn.types import Array
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable


def check_labelled(function: str, x: Variable, t: Array, W: Variable) -> None:
    """Requires vectors (N, D), labels (N,) and weights (V, D).

    Raises:
        TypeError: Vectors or weights are not floating-point.
        ValueError: Shapes do not fit.
    """
    check_float(function, 'x', x)
    check_float(function, 'W', W)
    if x.ndim != 2 or W.ndim != 2 or W.shape[1] != x.shape[1] or t.shape != x.shape[:1] or t.dtype.kind not in 'iu':
        raise ShapeError(f'{function}: expected x of shape (N, D), integers t of shape (N,) and W of shape (V, D), got '
                         f'{x.shape}, {t.shape} of {t.dtype} and {W.shape}')


def scores_of(words: Array, x: Variable, W: Variable) -> Variable:
    """The product of each vector with the weights of its words.

    Args:
        words: Integers of shape (N, S).
        x: The vectors, of shape (N, D).
        W: The weights, of shape (V, D).

    Returns:
        A Variable of shape (N, S).
    """
    return squeeze(matmul(embed_id(words, W), expand_dims(x, 2)), 2)
