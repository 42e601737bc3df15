"""Environments by name."""
from __future__ import annotations

import importlib.util

from autograd_nn.reinforcement.cartpole import CartPole
from autograd_nn.reinforcement.catch import Catch
from autograd_nn.reinforcement.environments import EmbeddedEnvironment, Environment
from autograd_nn.reinforcement.gymnasium_environment import GymnasiumEnvironment
from autograd_nn.utils.hints import find_close

EMBEDDED: dict[str, type[EmbeddedEnvironment]] = {'cartpole': CartPole, 'catch': Catch}
"""The environments that come with this package."""


def make_environment(name: str) -> Environment:
    """Makes an environment.

    Args:
        name: One of `EMBEDDED`, or an id of Gymnasium.

    Raises:
        ImportError: It takes Gymnasium, which is not installed.
        ValueError: There is no such environment, or it is none that can be learned here.

    Example:
        >>> from autograd_nn.reinforcement import make_environment
        >>> make_environment('catch').n_actions
        3
    """
    if name in EMBEDDED:
        return EMBEDDED[name]()
    known = ', '.join(EMBEDDED)
    try:
        return GymnasiumEnvironment(name)
    except ImportError as error:
        if importlib.util.find_spec('gymnasium'):
            raise
        raise ImportError(f'{error}; expected that, or one of {known}') from None
    except ValueError as error:
        close = find_close(name, EMBEDDED)
        raise ValueError(f'{error}{f" (did you mean {close[0]}?)" if close else ""}') from None
