"""Sequences of several lengths without their padding, as recurrent layers read them."""
from __future__ import annotations

from typing import Any

import numpy as np

from autograd_nn.backend import Device, to_cpu
from autograd_nn.functions.array.joining import concat
from autograd_nn.functions.connection.embedding import embed_id
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable, as_array


class Packing:
    """Where the steps of padded sequences lie when they are packed: those of all sequences, step after step.

    So recurrent layers (see `forward_packed` of `links.NStepLSTM` and the like) compute nothing for padding, and what
    they say of a sequence does not depend on those beside it.

    Args:
        lengths: The lengths of N sequences, at least 1 each: integers of shape (N,), on any device.
        longest: The number L of steps with the padding.
        device: Where the sequences are.

    Attributes:
        shape: The numbers N and L.
        sizes: How many sequences take part in each step.
        rows: For each of the M packed steps its place in a padded array of shape (N * L, ...), on the device.
        places: For each sequence, its place in the order in which they are packed, on the device.

    Example:
        >>> from autograd_nn.backend import CpuDevice
        >>> packing = Packing(np.array([1, 3]), 3, CpuDevice())
        >>> packing.sizes, packing.rows, packing.places
        ((2, 1, 1), array([3, 0, 4, 5]), array([1, 0]))
        >>> packing.pack(np.array([[7, -1, -1], [4, 5, 6]]))
        array([4, 7, 5, 6])
    """

    def __init__(self, lengths: ArrayLike, longest: int, device: Device) -> None:
        counts = to_cpu(as_array(lengths))
        order = np.argsort(-counts, kind='stable')
        self.shape = len(counts), longest
        steps = np.arange(longest)[:, None]
        taking_part = steps < counts[order]
        self.sizes = tuple(taking_part.sum(1)[:counts.max(initial=0)].tolist())
        self.rows: Any = device.send((order * longest + steps)[taking_part])
        self.places: Any = device.send(np.argsort(order))

    def pack(self, x: Any) -> Any:
        """The packed steps, of shape (M, ...), of a padded array or Variable of shape (N, L, ...)."""
        return x.reshape(-1, *x.shape[2:])[self.rows]

    def unpack(self, steps: Variable, padding: Any) -> Variable:
        """The padded Variable of shape (N, L, K) of packed steps.

        Args:
            steps: Shape (M, K).
            padding: What stands behind the end of a sequence: an array of shape (K,) or a number.
        """
        xp = steps.xp
        last = xp.empty((1, steps.shape[1]), steps.dtype)
        last[:] = padding
        table = xp.full(self.shape[0] * self.shape[1], len(steps), 'i')
        table[self.rows] = xp.arange(len(steps), dtype='i')
        # Its gradient takes a fraction of the time of that of indexing.
        return embed_id(table, concat((steps, last), axis=0)).reshape(*self.shape, -1)

    def steps(self, packed: Any) -> list[Any]:
        """What is packed, an array or a Variable, as a list with the rows of each step."""
        ends = np.cumsum(self.sizes).tolist()
        return [packed[end - size:end] for end, size in zip(ends, self.sizes)]


def lengths_of(tokens: ArrayLike) -> Any:
    """The lengths of sequences of tokens that -1 stands behind.

    Args:
        tokens: Integers of shape (N, L).

    Returns:
        Integers of shape (N,), on the device of the tokens.

    Example:
        >>> lengths_of(np.array([[3, 0, -1], [5, -1, -1]]))
        array([2, 1])
    """
    return (as_array(tokens) >= 0).sum(axis=1)
