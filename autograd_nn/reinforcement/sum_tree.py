"""Drawing numbers with given weights, which change all the time."""
from __future__ import annotations

import numpy as np


class SumTree:
    """A binary tree whose leaves are weights and whose other nodes are the sums of the two below them.

    To change k weights, and to draw k numbers with probabilities that are proportional to them, takes k log n steps.
    The tree depends on the weights alone, not on the order in which they came to be what they are.

    Args:
        size: The number of weights, which are 0 at first.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.reinforcement import SumTree
        >>> tree = SumTree(3)
        >>> tree[np.array([0, 2])] = np.array([1., 3.])
        >>> tree.total, tree.find(np.array([0.5, 1., 3.9]))
        (4.0, array([0, 2, 2]))
    """

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError(f'SumTree: expected a size of at least 1, got {size}')
        self._depth = (size - 1).bit_length()
        self._size = size
        # The root is node 1, and below node i are 2i and 2i + 1.
        self._nodes = np.zeros(2 << self._depth)

    def __len__(self) -> int:
        return self._size

    @property
    def total(self) -> float:
        """The sum of all weights."""
        return float(self._nodes[1])

    @property
    def weights(self) -> np.ndarray:
        """All weights, float64 of shape (size,), as a view that is not to be changed."""
        return self._nodes[1 << self._depth:][:self._size]

    def __getitem__(self, i: np.ndarray) -> np.ndarray:
        """The weights of some numbers, which are from 0 to size - 1."""
        return self._nodes[i + (1 << self._depth)]

    def __setitem__(self, i: np.ndarray, weights: np.ndarray) -> None:
        """Sets weights, which are at least 0; of those for the same number, the last one counts."""
        nodes = i + (1 << self._depth)
        self._nodes[nodes] = weights
        for _ in range(self._depth):
            nodes = nodes >> 1
            self._nodes[nodes] = self._nodes[2 * nodes] + self._nodes[2 * nodes + 1]

    def find(self, places: np.ndarray) -> np.ndarray:
        """The numbers at some places, where each number takes up its weight on a line from 0 to `total`.

        Args:
            places: From 0 to less than `total`, float64, shape (k,).

        Returns:
            Numbers whose weight is not 0, int64, shape (k,).

        Raises:
            ValueError: All weights are 0.
        """
        if not self.total > 0:
            raise ValueError('SumTree.find: all weights are 0')
        nodes = np.ones(len(places), np.int64)
        for _ in range(self._depth):
            left = self._nodes[2 * nodes]
            # Where sums are rounded, a place can be behind the last number that has a weight.
            goes_right = (places >= left) & (self._nodes[2 * nodes + 1] > 0)
            places = np.where(goes_right, places - left, places)
            nodes = 2 * nodes + goes_right
        return nodes - (1 << self._depth)
