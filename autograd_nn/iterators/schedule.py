"""Which examples make up the batches of an iterator: a pure function of its state."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np


class Segment(NamedTuple):
    """Examples of one epoch.

    Attributes:
        epoch: The epoch.
        indices: The indices of the examples, integers, shape (n,).
    """

    epoch: int
    indices: np.ndarray


@dataclass(frozen=True, eq=False)
class State:
    """Where an iterator stands between two batches.

    Attributes:
        position: How many examples of the current epoch have been visited.
        epoch: The current epoch.
        is_new_epoch: Whether the last batch completed an epoch.
        previous_epoch_detail: The epoch before the last batch, with the fraction; -1 before the first batch.
        order: The order of this epoch, integers, shape (n,); None for 0, 1, 2, ...
        sampler_state: The state of the order sampler after it made `order`.
    """

    position: int
    epoch: int
    is_new_epoch: bool
    previous_epoch_detail: float
    order: np.ndarray | None
    sampler_state: np.ndarray | None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, State) and all(map(np.array_equal, vars(self).values(), vars(other).values()))


class Schedule:
    """Cuts epochs into batches.

    Args:
        size: The number of examples in the data set.
        repeat: Whether another epoch follows each; a batch may then reach from one into the next.
        sampler: Makes the order of an epoch (see `OrderSampler`); None for 0, 1, 2, ...
    """

    def __init__(self, size: int, repeat: bool, sampler: Any | None) -> None:
        self.size = size
        self.repeat = repeat
        self.sampler = sampler

    def start(self) -> State:
        """The state before the first batch."""
        return State(0, 0, False, -1., *self._new_order(None, 0))

    def epoch_detail(self, state: State) -> float:
        """The epoch with the fraction of it that has been visited."""
        return state.epoch + state.position / self.epoch_size(state.order)

    def next_batch(self, state: State, batch_size: int) -> tuple[list[Segment], State] | None:
        """The batch after `state`, and the state after it; None at the end."""
        if not self.repeat and state.epoch > 0:
            return None
        segments: list[Segment] = []
        position, epoch, order, sampler_state = state.position, state.epoch, state.order, state.sampler_state
        while batch_size and (self.repeat or epoch == 0):
            start, stop = position, min(position + batch_size, self.epoch_size(order))
            segments.append(Segment(epoch, np.arange(start, stop) if order is None else order[start:stop]))
            batch_size -= stop - start
            position = stop
            if stop == self.epoch_size(order):
                position, epoch = 0, epoch + 1
                if self.repeat:
                    order, sampler_state = self._new_order(order, start)
        return segments, State(position, epoch, epoch > state.epoch, self.epoch_detail(state), order, sampler_state)

    def rewind(self, state: State) -> None:
        """Puts the order sampler back to where it was when it had made the order of `state`."""
        if self.sampler is not None and state.sampler_state is not None:
            self.sampler.state = state.sampler_state

    def epoch_size(self, order: np.ndarray | None) -> int:
        """The number of examples in an epoch of that order: a sampler may leave some out, or repeat some."""
        return self.size if order is None else len(order)

    def _new_order(self, order: np.ndarray | None, position: int) -> tuple[np.ndarray | None, np.ndarray | None]:
        if self.sampler is None:
            return None, None
        order = np.asarray(self.sampler(np.arange(self.size) if order is None else order, position))
        if order.ndim != 1 or order.dtype.kind not in 'iu' or not len(order):
            raise ValueError('order_sampler: expected integers of shape (n,) with n > 0, '
                             f'got {order.dtype} of shape {order.shape}')
        if order.min() < 0 or order.max() >= self.size:
            raise ValueError(f'order_sampler: indices from {order.min()} to {order.max()} for {self.size} examples')
        return order, getattr(self.sampler, 'state', None)
