"""Drawing numbers by their probabilities in constant time; `autograd_nn.utils` has the name."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd_nn import backend
from autograd_nn.backend import DeviceLike
from autograd_nn.types import BareArray, Size


class WalkerAlias:
    """Draws numbers by given probabilities, in a time that does not depend on how many numbers there are.

    Walker, An Efficient Method for Generating Discrete Random Variables with General Distributions, ACM Transactions on
    Mathematical Software 3, 1977: columns of one height are filled with two numbers each. What is drawn is a place in
    them, by the generator that `autograd_nn.random.seed` seeds.

    Args:
        probs: The probability of each number from 0 on, or anything in proportion to it: N numbers, not negative, of
            which one is positive.

    Raises:
        ValueError: They are something else.

    Attributes:
        threshold: Up to which height each column is the first of its numbers, from 0 to 1: an array of shape (N,),
            float32.
        values: The two numbers of each column, one column after the other: an array of shape (2 N,), int32.
        device: Where these arrays are, and what is drawn.

    Example:
        >>> from autograd_nn.utils import WalkerAlias
        >>> WalkerAlias([0, 5, 0]).sample((2, 3))
        array([[1, 1, 1],
               [1, 1, 1]], dtype=int32)
    """

    def __init__(self, probs: Sequence[float] | BareArray) -> None:
        weights = np.array(probs, np.float64)
        if weights.ndim != 1 or not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
            raise ValueError('WalkerAlias: expected probs as a list of numbers, none negative and not all zero, got '
                             f'{probs!r}')
        n = len(weights)
        order = np.argsort(weights, kind='stable')
        heights = (weights[order] / weights.mean()).tolist()
        donors = list(range(n))  # a column that stays full has one number
        # From the lowest to the highest: what is above the line fills the first columns that are not full yet.
        first = 0
        for i in range(n):
            while heights[i] > 1 and first < i:
                donors[first] = i
                heights[i] -= 1 - heights[first]
                first += 1
        self.threshold: Any = np.array(heights, np.float32)
        self.values: Any = np.stack((order, order[donors]), 1).astype(np.int32).reshape(-1)
        self.device: backend.Device = backend.CpuDevice()

    def to_device(self, device: DeviceLike) -> WalkerAlias:
        """Moves the arrays to a device; what is drawn is there from now on."""
        self.device = backend.get_device(device)
        self.threshold, self.values = self.device.send((self.threshold, self.values))
        return self

    def to_cpu(self) -> WalkerAlias:
        """Moves the arrays to the CPU."""
        return self.to_device('cpu')

    def to_gpu(self, device: int | None = None) -> WalkerAlias:
        """Moves the arrays to a GPU (the first by default)."""
        return self.to_device(f'cuda:{device or 0}')

    def sample(self, shape: Size) -> Any:
        """Draws numbers.

        Args:
            shape: The shape of the result.

        Returns:
            An array of int32 on the device.
        """
        with backend.using_device(self.device):
            place = self.device.xp.random.uniform(0, len(self.threshold), shape)
            column = place.astype(np.int32)
            is_second = place - column >= self.threshold[column]
            return self.values[2 * column + is_second]
