"""Playing: several environments side by side, without end or one episode each."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from autograd_nn.reinforcement.environments import Environment
from autograd_nn.serializer import AbstractSerializer, Deserializer

Policy = Callable[[np.ndarray], np.ndarray]
"""What chooses actions, int of shape (N,), for observations of shape (N, ...)."""


@dataclass(frozen=True)
class Steps:
    """What came of a step in each of N environments.

    Attributes:
        observations: What was shown before, shape (N, ...).
        actions: What was done, int64, shape (N,).
        rewards: What it brought, float32, shape (N,).
        terminated: Whether the episode came to its own end, bool, shape (N,).
        truncated: Whether it was cut off, bool, shape (N,).
        next_observations: What was shown then, shape (N, ...); of an episode that is over, its last.
    """

    observations: np.ndarray
    actions: np.ndarray
    rewards: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    next_observations: np.ndarray

    @property
    def is_over(self) -> np.ndarray:
        """Whether the episode is over, bool, shape (N,)."""
        return self.terminated | self.truncated


class Players:
    """Plays environments side by side, one episode after the other.

    Each episode begins with a seed drawn from NumPy's global generator. Seed and actions are all that is saved of the
    episodes that go on: when the state is restored, they are played again up to where they were.

    Args:
        environments: The environments, all of one kind.

    Attributes:
        observations: What they show now, shape (N, ...).

    Example:
        >>> import numpy as np
        >>> from autograd_nn.reinforcement import Catch, Players
        >>> players = Players([Catch(), Catch()])
        >>> for _ in range(9):
        ...     steps = players.step(np.array([0, 2]))
        >>> steps.terminated, len(players.take_returns())
        (array([ True,  True]), 2)
    """

    def __init__(self, environments: Sequence[Environment]) -> None:
        self.environments = list(environments)
        first = self.environments[0]
        shape = (len(self.environments), *first.observation_shape)
        self.observations = np.empty(shape, first.observation_dtype)
        self._seeds = [0] * len(self.environments)
        self._actions: list[list[int]] = [[] for _ in self.environments]
        self._returns = [0.] * len(self.environments)
        self._finished: list[float] = []
        for i in range(len(self.environments)):
            self._begin(i, np.random.randint(2 ** 31))

    def __len__(self) -> int:
        return len(self.environments)

    def _begin(self, i: int, seed: int) -> None:
        self._seeds[i], self._actions[i], self._returns[i] = seed, [], 0.
        self.observations[i], _ = self.environments[i].reset(seed=seed)

    def step(self, actions: np.ndarray) -> Steps:
        """Takes an action in each environment; where an episode ends, the next one begins.

        Args:
            actions: The actions, int of shape (N,).
        """
        before, following = self.observations, np.empty_like(self.observations)
        rewards, ends = np.empty(len(self), np.float32), np.empty((2, len(self)), bool)
        for i, (environment, action) in enumerate(zip(self.environments, actions.tolist())):
            following[i], rewards[i], ends[0, i], ends[1, i], _ = environment.step(action)
            self._actions[i].append(action)
            self._returns[i] += float(rewards[i])
        self.observations, over = following, np.flatnonzero(ends.any(axis=0)).tolist()
        if over:
            self.observations = following.copy()
            for i in over:
                self._finished.append(self._returns[i])
                self._begin(i, np.random.randint(2 ** 31))
        return Steps(before, actions, rewards, ends[0], ends[1], following)

    def take_returns(self) -> list[float]:
        """The returns of the episodes that have ended since this was asked last: the sums of their rewards."""
        finished, self._finished = self._finished, []
        return finished

    def serialize(self, serializer: AbstractSerializer) -> None:
        """Stores where all episodes are, or restores it."""
        actions = [np.array(actions, np.int32) for actions in self._actions]
        state = {'seeds': np.array(self._seeds), 'lengths': np.array([len(each) for each in actions]),
                 'actions': np.concatenate(actions), 'finished': np.array(self._finished)}
        if not isinstance(serializer, Deserializer):
            for name, value in state.items():
                serializer(name, value)
            return
        state = {name: np.asarray(serializer(name, None)) for name in state}
        if len(state['seeds']) != len(self):
            raise ValueError(f'Players: expected the state of {len(self)} environments, got one of '
                             f'{len(state["seeds"])}')
        self._finished = state['finished'].tolist()
        for i, played in enumerate(np.split(state['actions'], np.cumsum(state['lengths'])[:-1])):
            self._begin(i, int(state['seeds'][i]))
            for action in played.tolist():
                self.observations[i], reward, _, _, _ = self.environments[i].step(action)
                self._actions[i].append(action)
                self._returns[i] += float(np.float32(reward))


def play_episodes(environments: Sequence[Environment], policy: Policy, seeds: Iterable[int]) -> list[float]:
    """Plays an episode for each of some seeds, as many side by side as there are environments.

    Args:
        environments: The environments, all of one kind.
        policy: Chooses the actions.
        seeds: What the episodes begin with.

    Returns:
        Their returns, in the order of the seeds.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.reinforcement import Catch, play_episodes
        >>> def follow(x):
        ...     board = x.reshape(-1, 10, 5)
        ...     return 1 + np.sign(board[:, :-1].any(axis=1).argmax(axis=1) - board[:, -1].argmax(axis=1))
        >>> play_episodes([Catch(), Catch()], follow, range(3))
        [1.0, 1.0, 1.0]
    """
    waiting = list(enumerate(seeds))[::-1]
    returns = [0.] * len(waiting)
    playing: list[tuple[int, Environment]] = []
    shown: list[np.ndarray] = []
    idle = list(environments)[::-1]
    while waiting or playing:
        while waiting and idle:
            (number, seed), environment = waiting.pop(), idle.pop()
            playing.append((number, environment))
            shown.append(environment.reset(seed=seed)[0])
        going_on, still_shown = [], []
        for (number, environment), action in zip(playing, policy(np.array(shown)).tolist()):
            observation, reward, terminated, truncated, _ = environment.step(action)
            returns[number] += float(reward)
            if terminated or truncated:
                idle.append(environment)
            else:
                going_on.append((number, environment))
                still_shown.append(observation)
        playing, shown = going_on, still_shown
    return returns


def watch_episode(environment: Environment, policy: Policy, seed: int) -> Iterator[float]:
    """Plays an episode, and stops at its beginning and after each step, so that one can look at the environment.

    Args:
        environment: The environment.
        policy: Chooses the actions.
        seed: What the episode begins with.

    Yields:
        The return so far.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.reinforcement import Catch, watch_episode
        >>> environment = Catch()
        >>> stay = lambda x: np.ones(len(x), int)
        >>> pictures = [environment.render() for _ in watch_episode(environment, stay, seed=0)]
        >>> len(pictures), pictures[0].size
        (10, (100, 200))
    """
    observation, _ = environment.reset(seed=seed)
    total, is_over = 0., False
    yield total
    while not is_over:
        action = int(policy(observation[None])[0])
        observation, reward, terminated, truncated, _ = environment.step(action)
        total, is_over = total + float(reward), terminated or truncated
        yield total
