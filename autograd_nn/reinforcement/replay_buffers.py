"""Memories of what was played, from which minibatches are drawn."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from autograd_nn.reinforcement.players import Steps
from autograd_nn.reinforcement.sum_tree import SumTree
from autograd_nn.serializer import AbstractSerializer, Deserializer


@dataclass(frozen=True)
class Transitions:
    """A minibatch of N transitions from a replay buffer.

    Attributes:
        indices: Where they are in the buffer, int64, shape (N,).
        observations: What was shown, shape (N, ...).
        actions: What was done, int64, shape (N,).
        rewards: What it brought, float32, shape (N,).
        terminated: Whether that was the end, bool, shape (N,). An episode that was cut off did not end.
        next_observations: What was shown then, shape (N, ...).
        weights: How much each counts in the loss, float32, shape (N,).
    """

    indices: np.ndarray
    observations: np.ndarray
    actions: np.ndarray
    rewards: np.ndarray
    terminated: np.ndarray
    next_observations: np.ndarray
    weights: np.ndarray


class ReplayBuffer:
    """The last steps of play, from which all transitions are drawn equally often.

    It is a ring of observations. Each has beside it the action that followed, its reward, and where the next
    observation is; so none is kept twice, though it belongs to two transitions. The last observation of an episode,
    and those from which play has not gone on yet, belong to no transition of their own.

    Args:
        capacity: How many observations it holds; the oldest is forgotten for each that is more.

    Reference: V. Mnih et al., Human-level control through deep reinforcement learning, Nature 518, 2015.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.reinforcement import Catch, Players, ReplayBuffer
        >>> buffer, players = ReplayBuffer(100), Players([Catch(), Catch()])
        >>> for _ in range(9):
        ...     buffer.append(players.step(np.array([0, 1])))
        >>> len(buffer)
        18
        >>> batch = buffer.sample(4)
        >>> batch.observations.shape, batch.rewards.dtype, batch.weights
        ((4, 50), dtype('float32'), array([1., 1., 1., 1.], dtype=float32))
    """

    def __init__(self, capacity: int) -> None:
        if capacity < 2:
            raise ValueError(f'ReplayBuffer: expected a capacity of at least 2, got {capacity}')
        self.capacity = capacity
        self._observations = np.empty((0,))
        self._actions = np.zeros(capacity, np.int32)
        self._rewards = np.zeros(capacity, np.float32)
        self._terminated = np.zeros(capacity, bool)
        # Where the next observation is; -1 if there is none. As a ring forgets the oldest, it never forgets an
        # observation before the one that points to it.
        self._next = np.full(capacity, -1, np.int32)
        self._position = 0
        self._filled = 0
        self._count = 0
        self._current = np.full(0, -1, np.int64)  # the last observation of each environment; -1: another episode begins

    def __len__(self) -> int:
        """How many transitions it has."""
        return self._count

    def append(self, steps: Steps) -> None:
        """Remembers a step in each of some environments, which are always the same.

        Args:
            steps: The steps.

        Raises:
            ValueError: The buffer is too small for so many environments.
        """
        count = len(steps.actions)
        if not len(self._current):
            if self.capacity < 3 * count:  # less could forget an observation before play has gone on from it
                raise ValueError(f'ReplayBuffer: expected a capacity of at least {3 * count} for {count} '
                                 f'environments, got {self.capacity}')
            self._observations = np.zeros((self.capacity, *steps.observations.shape[1:]), steps.observations.dtype)
            self._current = np.full(count, -1)
        fresh = np.flatnonzero(self._current < 0)
        if len(fresh):
            self._current[fresh] = self._write(steps.observations[fresh])
        here, following = self._current, self._write(steps.next_observations)
        self._actions[here] = steps.actions
        self._rewards[here] = steps.rewards
        self._terminated[here] = steps.terminated
        self._next[here] = following
        self._count += count
        self._appended(here)
        self._current = np.where(steps.is_over, -1, following)

    def _write(self, observations: np.ndarray) -> np.ndarray:
        """Puts observations in the place of the oldest ones, and returns where they are."""
        places = (self._position + np.arange(len(observations))) % self.capacity
        self._position = (self._position + len(observations)) % self.capacity
        self._filled = min(self._filled + len(observations), self.capacity)
        self._observations[places] = observations
        old = places[self._next[places] >= 0]
        if len(old):
            self._next[old] = -1
            self._count -= len(old)
            self._forgotten(old)
        return places

    def _appended(self, places: np.ndarray) -> None:
        """Called with the places of new transitions."""

    def _forgotten(self, places: np.ndarray) -> None:
        """Called with the places where there is no transition any more."""

    def sample(self, count: int) -> Transitions:
        """Draws transitions, each time from all that there are.

        Args:
            count: How many.

        Raises:
            ValueError: There is none.
        """
        if not len(self):
            raise ValueError(f'{type(self).__name__}.sample: there is no transition yet')
        places, weights = self._draw(count)
        return Transitions(places, self._observations[places], self._actions[places].astype(np.int64),
                           self._rewards[places], self._terminated[places], self._observations[self._next[places]],
                           weights)

    def _draw(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        places = np.random.randint(self._filled, size=count)
        while len(missed := np.flatnonzero(self._next[places] < 0)):
            places[missed] = np.random.randint(self._filled, size=len(missed))
        return places, np.ones(count, np.float32)

    def update_errors(self, indices: np.ndarray, errors: np.ndarray) -> None:
        """Takes note of how wrong the network was about transitions that were drawn; here, it does not matter.

        Args:
            indices: `Transitions.indices`.
            errors: The errors, shape (N,).
        """

    def serialize(self, serializer: AbstractSerializer) -> None:
        """Stores what is remembered, or restores it."""
        arrays: dict[str, np.ndarray] = {
            'observations': self._observations, 'actions': self._actions, 'rewards': self._rewards,
            'terminated': self._terminated, 'next': self._next}
        self._position = int(serializer('position', self._position))
        self._filled = int(serializer('filled', self._filled))
        self._count = int(serializer('count', self._count))
        if not isinstance(serializer, Deserializer):
            serializer('current', self._current)
            for name, array in arrays.items():
                serializer(name, array[:self._filled])
            return
        self._current = np.array(serializer('current', None))
        stored = {name: np.asarray(serializer(name, None)) for name in arrays}
        if not self._position < self.capacity >= self._filled:
            raise ValueError(f'ReplayBuffer: expected the state of one of the capacity {self.capacity}, got one with '
                             f'{self._filled} observations')
        if self._filled:
            shape = stored['observations'].shape[1:]
            self._observations = arrays['observations'] = np.zeros((self.capacity, *shape),
                                                                   stored['observations'].dtype)
        for name, array in stored.items():
            arrays[name][:self._filled] = array


class PrioritizedReplayBuffer(ReplayBuffer):
    """A replay buffer from which transitions are drawn the more often the more wrong the network was about them.

    A transition has the priority (error + eps) ** alpha, that of the most wrong so far at first, and is drawn with a
    probability that is proportional to it; minibatches are spread evenly over the sum of all priorities. In
    the loss it counts (n times that probability) ** -beta, divided by the largest of the minibatch, so that it does not
    count for more than before; beta rises from `beta0` to 1.

    Args:
        capacity: How many observations it holds.
        alpha: How much priorities matter; 0: not at all.
        beta0: How much of this weights make good at first, from 0 to 1.
        betasteps: After how many minibatches they make good all of it.
        eps: What is added to errors, so that each transition is drawn now and then.

    Reference: T. Schaul, J. Quan, I. Antonoglou, D. Silver, Prioritized experience replay, ICLR 2016.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.reinforcement import Catch, Players, PrioritizedReplayBuffer
        >>> buffer, players = PrioritizedReplayBuffer(100), Players([Catch()])
        >>> for _ in range(9):
        ...     buffer.append(players.step(np.array([0])))
        >>> batch = buffer.sample(4)
        >>> buffer.update_errors(batch.indices, np.array([2., 0.5, 0., 1.]))
    """

    def __init__(self, capacity: int, alpha: float = 0.6, beta0: float = 0.4, betasteps: int = 10_000,
                 eps: float = 0.01) -> None:
        super().__init__(capacity)
        for name, value in ('alpha', alpha), ('beta0', beta0):
            if not 0 <= value <= 1:
                raise ValueError(f'PrioritizedReplayBuffer: expected {name} from 0 to 1, got {value}')
        self.alpha = alpha
        self.beta0 = beta0
        self.betasteps = betasteps
        self.eps = eps
        self._tree = SumTree(capacity)
        self._highest = 1.
        self._drawn = 0

    @property
    def beta(self) -> float:
        """How much of the uneven drawing the weights of the next minibatch make good."""
        return min(1., self.beta0 + (1 - self.beta0) * self._drawn / max(1, self.betasteps))

    def _appended(self, places: np.ndarray) -> None:
        self._tree[places] = np.full(len(places), self._highest)

    def _forgotten(self, places: np.ndarray) -> None:
        self._tree[places] = np.zeros(len(places))

    def _draw(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        places = self._tree.find((np.arange(count) + np.random.random_sample(count)) * (self._tree.total / count))
        weights = (len(self) * self._tree[places] / self._tree.total) ** -self.beta
        self._drawn += 1
        return places, (weights / weights.max()).astype(np.float32)

    def update_errors(self, indices: np.ndarray, errors: np.ndarray) -> None:
        """Changes the priorities of transitions that were drawn.

        Args:
            indices: `Transitions.indices`.
            errors: The errors, of either sign, shape (N,).
        """
        priorities = (np.abs(errors).astype(np.float64) + self.eps) ** self.alpha
        self._highest = max(self._highest, float(priorities.max()))
        self._tree[indices] = priorities

    def serialize(self, serializer: AbstractSerializer) -> None:
        super().serialize(serializer)
        self._highest = float(serializer('highest', self._highest))
        self._drawn = int(serializer('drawn', self._drawn))
        if not isinstance(serializer, Deserializer):
            serializer('priorities', self._tree.weights[:self._filled])
        else:
            self._tree[np.arange(self._filled)] = np.asarray(serializer('priorities', None))
