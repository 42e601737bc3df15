"""What is played: the interface of environments, which is Gymnasium's, and how they are found by name."""
from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from PIL import Image

StepResult = tuple[np.ndarray, float, bool, bool, dict[str, Any]]
"""What comes of an action, in Gymnasium's order: the observation, the reward, whether the episode has come to an end
that belongs to the game (*terminated*), whether it was cut off (*truncated*), and further facts."""


class Environment:
    """What is played: it shows something, takes an action, gives a reward, and so on to the end of an episode.

    `reset` and `step` take and return what those of Gymnasium do. An episode depends on nothing but the seed that
    `reset` was given and the actions since: from these, `Players` brings a resumed run back into the middle of it.

    Attributes:
        observation_shape: The shape of what it shows: one axis, or three for pictures (height, width, channels).
        observation_dtype: Of what type that is: float32, or uint8 for pictures.
        n_actions: How many actions there are; they are numbers from 0.
        steps_per_second: How fast people are shown an episode.
    """

    observation_shape: tuple[int, ...]
    observation_dtype: np.dtype = np.dtype(np.float32)
    n_actions: int
    steps_per_second: float = 30.

    def reset(self, *, seed: int | None = None) -> tuple[np.ndarray, dict[str, Any]]:
        """Begins an episode.

        Args:
            seed: Where its random numbers start; None for anywhere.

        Returns:
            What is shown, and further facts.
        """
        raise NotImplementedError

    def step(self, action: int) -> StepResult:
        """Takes an action.

        Args:
            action: From 0 to `n_actions` - 1.

        Raises:
            ValueError: There is no such action.
            RuntimeError: The episode is over, or none has begun.
        """
        raise NotImplementedError

    def render(self) -> Image.Image:
        """A picture of how things stand.

        Raises:
            RuntimeError: No episode has begun, or there are no pictures of this environment.
        """
        raise NotImplementedError


class EmbeddedEnvironment(Environment):
    """What the environments of this package share: their random numbers, and the checks of a step.

    A subclass has `_begin`, `_act` and `_draw`.
    """

    max_episode_steps: ClassVar[int]
    """After how many steps an episode is cut off."""

    def __init__(self) -> None:
        self._random = np.random.default_rng()
        self._steps: int | None = None  # None: no episode goes on
        self._has_begun = False

    def reset(self, *, seed: int | None = None) -> tuple[np.ndarray, dict[str, Any]]:
        if seed is not None:
            self._random = np.random.default_rng(seed)
        self._steps, self._has_begun = 0, True
        return self._begin(), {}

    def step(self, action: int) -> StepResult:
        if self._steps is None:
            raise RuntimeError(f'{type(self).__name__}.step: the episode is over, or none has begun; call reset first')
        if not 0 <= action < self.n_actions:
            raise ValueError(f'{type(self).__name__}.step: expected an action from 0 to {self.n_actions - 1}, got '
                             f'{action}')
        observation, reward, terminated = self._act(int(action))
        self._steps += 1
        truncated = self._steps >= self.max_episode_steps
        if terminated or truncated:
            self._steps = None
        return observation, reward, terminated, truncated, {}

    def render(self) -> Image.Image:
        if not self._has_begun:
            raise RuntimeError(f'{type(self).__name__}.render: no episode has begun; call reset first')
        return self._draw()

    def _begin(self) -> np.ndarray:
        raise NotImplementedError

    def _act(self, action: int) -> tuple[np.ndarray, float, bool]:
        raise NotImplementedError

    def _draw(self) -> Image.Image:
        raise NotImplementedError
