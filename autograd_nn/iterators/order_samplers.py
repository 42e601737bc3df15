"""In which order an iterator visits the examples."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np


class OrderSampler:
    """Base class of order samplers: callables that say in which order to visit the examples of the next epoch.

    Any callable with this signature will do.

    A sampler is asked for the order of an epoch when the first batch that reaches into it is prepared, which may be
    some batches before that batch is returned. One that draws random numbers defines `state`, so that an iterator
    can be resumed exactly.
    """

    def __call__(self, current_order: np.ndarray, current_position: int) -> np.ndarray:
        """The order of the next epoch.

        Args:
            current_order: The order of the epoch before, integers, shape (n,); 0, 1, 2, ... before the first epoch.
            current_position: The position in it of the batch that reaches the end.

        Returns:
            Indices of examples, integers, shape (n,).
        """
        raise NotImplementedError

    @property
    def state(self) -> np.ndarray | None:
        """What the next orders depend on, as an array of constant shape and dtype; None if there is no such thing."""
        return None

    @state.setter
    def state(self, state: np.ndarray) -> None:
        raise NotImplementedError


class ShuffleOrderSampler(OrderSampler):
    """Visits the examples in a new random order in each epoch.

    Args:
        random_state: Where the orders are drawn from. By default a generator of its own, seeded here from NumPy's
            global one: the orders then depend on the global seed, and not on what else draws random numbers during
            the training, nor on how many batches are prepared ahead.

    Example:
        >>> order = ShuffleOrderSampler(np.random.RandomState(0))(np.arange(5), 0)
        >>> sorted(order.tolist())
        [0, 1, 2, 3, 4]
    """

    def __init__(self, random_state: np.random.RandomState | None = None) -> None:
        if random_state is None:
            random_state = np.random.RandomState(np.random.randint(0, 2 ** 32, 4, dtype=np.uint32))
        if not isinstance(random_state, np.random.RandomState):
            raise TypeError('ShuffleOrderSampler: random_state must be a numpy.random.RandomState, '
                            f'got {type(random_state).__name__}')
        self._random = random_state

    def __call__(self, current_order: np.ndarray, current_position: int) -> np.ndarray:
        return self._random.permutation(len(current_order))

    @property
    def state(self) -> np.ndarray:
        """The random state: uint32, shape (628,)."""
        _, key, position, has_gauss, gauss = self._random.get_state(legacy=True)
        return np.concatenate([key, np.array([position, has_gauss], np.uint32), np.array([gauss]).view(np.uint32)])

    @state.setter
    def state(self, state: np.ndarray) -> None:
        state = np.asarray(state, np.uint32)
        gauss = float(state[626:].copy().view(np.float64)[0])
        self._random.set_state(('MT19937', state[:624], int(state[624]), int(state[625]), gauss))


class LengthOrderSampler(ShuffleOrderSampler):
    """Visits the examples in a new random order in each epoch, but so that those of a batch are about equally long.

    Sequences of a batch are filled up to the longest, which is wasted. Here the random order is cut into pools, each
    pool is sorted by length and cut into batches, and the order of the batches is random again.

    Args:
        lengths: The length of each example, shape (n,).
        batch_size: The number of examples in a batch.
        pool: How many batches are sorted together.
        random_state: Where the orders are drawn from (see `ShuffleOrderSampler`).

    Raises:
        ValueError: `batch_size` or `pool` is not positive.

    Example:
        >>> sampler = LengthOrderSampler([3, 1, 1, 3], 2, random_state=np.random.RandomState(0))
        >>> sampler(np.arange(4), 0)
        array([2, 1, 3, 0])
    """

    def __init__(self, lengths: Sequence[int] | np.ndarray, batch_size: int, pool: int = 50,
                 random_state: np.random.RandomState | None = None) -> None:
        super().__init__(random_state)
        if batch_size < 1 or pool < 1:
            raise ValueError(f'LengthOrderSampler: expected positive batch_size and pool, got {batch_size} and {pool}')
        self.lengths = np.asarray(lengths)
        self.batch_size = batch_size
        self.pool = pool

    def __call__(self, current_order: np.ndarray, current_position: int) -> np.ndarray:
        order = super().__call__(current_order, current_position)
        # The batch that reaches the end of the epoch takes the first examples of the next one.
        first = max(0, current_position + self.batch_size - len(order))
        size = self.batch_size * self.pool
        pools = [order[i:i + size] for i in range(first, len(order), size)]
        ordered = [pool[np.argsort(self.lengths[pool], kind='stable')] for pool in pools]
        by_length = np.concatenate([order[:0], *ordered])
        whole = len(by_length) // self.batch_size * self.batch_size
        batches = by_length[:whole].reshape(-1, self.batch_size)
        return np.concatenate([order[:first], self._random.permutation(batches).ravel(), by_length[whole:]])
