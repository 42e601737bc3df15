"""Environments of Gymnasium, as far as their actions are a choice from a list."""
from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from autograd_nn.reinforcement.environments import Environment, StepResult

LONGEST = 1000
"""After how many steps episodes are cut off of environments that have no limit of their own."""


class GymnasiumEnvironment(Environment):
    """An environment of Gymnasium, which is imported here.

    Observations of numbers come as one row, as `gymnasium.spaces.flatten` makes it (what is one of a list becomes ones
    and zeros), float32; pictures come as they are, uint8. Where Gymnasium knows no limit for the length of an episode,
    it is cut off after 1,000 steps.

    Args:
        name: The environment's id, such as ``'CartPole-v1'``.

    Raises:
        ImportError: Gymnasium, or what the environment needs besides, is not installed.
        ValueError: There is no such environment, its actions are not a choice from a list, or its observations have no
            fixed size.
    """

    def __init__(self, name: str) -> None:
        try:
            import gymnasium
        except ImportError:
            raise ImportError(f"{name} needs gymnasium (pip install 'autograd_nn[rl]')") from None
        spaces, error = gymnasium.spaces, gymnasium.error
        try:
            limit = {} if gymnasium.spec(name).max_episode_steps else {'max_episode_steps': LONGEST}
            environment: Any = gymnasium.make(name, render_mode='rgb_array', disable_env_checker=True, **limit)
        except (error.DependencyNotInstalled, ImportError) as problem:
            raise ImportError(f'{name}: {problem}') from None
        except error.Error as problem:
            raise ValueError(f'there is no environment {name}: {problem}') from None
        actions, observations = environment.action_space, environment.observation_space
        if not isinstance(actions, spaces.Discrete):
            raise ValueError(f'{name} has the actions {actions}; expected a choice from a list, Discrete(n)')
        is_picture = (isinstance(observations, spaces.Box) and len(observations.shape) == 3
                      and observations.dtype == np.uint8)
        if is_picture:
            self.observation_shape, self.observation_dtype = observations.shape, np.dtype(np.uint8)
        elif observations.is_np_flattenable:
            self.observation_shape = (spaces.flatdim(observations),)
            environment = gymnasium.wrappers.FlattenObservation(environment)
        else:
            raise ValueError(f'{name} shows {observations}, which has no fixed size; expected numbers or pictures')
        self.n_actions = int(actions.n)
        self.steps_per_second = float(environment.metadata.get('render_fps') or self.steps_per_second)
        self._environment = environment
        self._first_action = int(actions.start)
        self._missing = error.DependencyNotInstalled

    def reset(self, *, seed: int | None = None) -> tuple[np.ndarray, dict[str, Any]]:
        observation, facts = self._environment.reset(seed=seed)
        return np.asarray(observation, self.observation_dtype), facts

    def step(self, action: int) -> StepResult:
        observation, reward, *rest = self._environment.step(self._first_action + int(action))
        return (np.asarray(observation, self.observation_dtype), float(reward), *rest)

    def render(self) -> Image.Image:
        try:
            return Image.fromarray(self._environment.render())
        except self._missing as problem:
            raise RuntimeError(f'there are no pictures of it: {problem}') from None
        except (AttributeError, NotImplementedError, TypeError):
            raise RuntimeError('there are no pictures of it') from None
