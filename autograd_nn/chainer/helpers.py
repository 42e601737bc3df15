"""Small functions that Chainer's modules have for themselves, and that links and functions of programs import."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd_nn import backend
from autograd_nn.initializers import generate_array, get_initializer

__all__ = ['argsort_list_descent', 'init_weight', 'permutate_list']


def argsort_list_descent(lst: Sequence[Any]) -> np.ndarray:
    """The order of sequences in which the longest comes first.

    Args:
        lst: The sequences.

    Example:
        >>> argsort_list_descent(['ab', 'c', 'def'])
        array([2, 0, 1], dtype=int32)
    """
    return np.argsort([-len(x) for x in lst], kind='stable').astype(np.int32)


def permutate_list(lst: Sequence[Any], indices: Sequence[int], inv: bool) -> list[Any]:
    """The items of a list in another order.

    Args:
        lst: The list.
        indices: The place of each item that is taken.
        inv: Whether to put things back: item ``i`` comes to the place ``indices[i]``.

    Example:
        >>> permutate_list('abc', [2, 0, 1], False), permutate_list('cab', [2, 0, 1], True)
        (['c', 'a', 'b'], ['a', 'b', 'c'])
    """
    return [lst[i] for i in (np.argsort(indices) if inv else indices)]


def init_weight(weights: Any, initializer: Any, scale: float = 1.0) -> None:
    """Fills an array, as links of Chainer 1 did with their weights.

    Args:
        weights: The array.
        initializer: As links take it.
        scale: What to multiply by.

    Example:
        >>> W = np.empty(2, 'f')
        >>> init_weight(W, 3, scale=2)
        >>> W
        array([6., 6.], dtype=float32)
    """
    weights[...] = generate_array(get_initializer(initializer), weights.shape, backend.get_array_module(weights),
                                  weights.dtype)
    weights *= scale


def _pair(x: Any) -> Any:
    """Two of a number; anything that has items stays what it is."""
    return x if hasattr(x, '__getitem__') else (x, x)


def _extract_gates(x: Any) -> list[Any]:
    """The four gates of an LSTM, whose numbers stand beside each other."""
    gates = x.reshape(len(x), x.shape[1] // 4, 4, *x.shape[2:])
    return [gates[:, :, i] for i in range(4)]
