"""``cupy.random``: a generator of its own on each device."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ._array import call, ndarray, wrap
from .cuda import DEVICES, current_device, graph

_states = [np.random.RandomState(device) for device in range(DEVICES)]


def seed(seed: int | None = None) -> None:
    """Seeds the generator of the current device."""
    _states[current_device()].seed(seed)


class RandomState:
    """As ``cupy.random.RandomState``."""

    def __init__(self, seed: int | None = None, method: int = 100) -> None:
        self._state = np.random.RandomState(seed)

    def seed(self, seed: int | None = None) -> None:
        self._state.seed(seed)

    def __getattr__(self, name: str) -> Callable[..., ndarray]:
        return _drawing(lambda: self._state, name)


def _drawing(state: Callable[[], np.random.RandomState], name: str) -> Callable[..., ndarray]:
    def draw(*args: Any, dtype: Any = None, **kwargs: Any) -> ndarray:
        graph.refuse_library('cuRAND')
        values = call(getattr(state(), name), *args, **kwargs)
        if values is None:
            return None
        values = values if isinstance(values, ndarray) else wrap(np.asarray(values))
        return values if dtype is None else values.astype(dtype)

    draw.__name__ = name
    return draw


_NAMES = ('beta binomial choice exponential gamma geometric gumbel laplace lognormal multinomial normal permutation '
          'poisson rand randint randn random_sample shuffle standard_cauchy standard_normal uniform')
globals().update({_name: _drawing(lambda: _states[current_device()], _name) for _name in _NAMES.split()})
random = globals()['random_sample']
