"""Random numbers that are the same in every run of a test."""
from __future__ import annotations

import random as python_random
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import numpy as np

from autograd_nn import random
from autograd_nn.testing.bundle import Bundle

_Test = TypeVar('_Test', bound=Any)
_SEED = 100

# A test may run within another one (see `condition`); only the outer one begins anew.
_states: list[Any] = []


def _begin() -> None:
    _states.append(None if _states else (python_random.getstate(), random.get_state()))
    if _states[-1] is not None:
        python_random.seed(_SEED)
        random.seed(_SEED)


def _end() -> None:
    state = _states.pop()
    if state is not None:
        python_random.setstate(state[0])
        random.set_state(state[1])


def fix_random(*, setup_method: str = 'setUp', teardown_method: str = 'tearDown') -> Callable[[_Test], _Test]:
    """Decorator of a test, or of a class of tests: each begins with the same random numbers.

    Those of Python's ``random``, of NumPy and of CuPy; afterwards they go on where they were.

    Args:
        setup_method: The method of the class that runs before each test.
        teardown_method: The method that runs after each test.

    Example:
        >>> import numpy as np
        >>> from autograd_nn import testing
        >>> @testing.fix_random()
        ... def test_draw():
        ...     return np.random.rand()
        >>> test_draw() == test_draw()
        True
    """
    def decorate(test: Any) -> Any:
        if isinstance(test, Bundle):
            for cls in test.classes:
                _fix_class(cls, setup_method, teardown_method)
        elif isinstance(test, type):
            _fix_class(test, setup_method, teardown_method)
        else:
            return _fixed(test)
        return test

    return decorate


def _fixed(test: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(test)
    def call(*args: Any, **kwargs: Any) -> Any:
        _begin()
        try:
            return test(*args, **kwargs)
        finally:
            _end()

    return call


def _fix_class(cls: type, setup_method: str, teardown_method: str) -> None:
    setup, teardown = getattr(cls, setup_method), getattr(cls, teardown_method)

    def begin(self: Any, *args: Any) -> None:
        _begin()
        setup(self, *args)

    def end(self: Any, *args: Any) -> None:
        try:
            teardown(self, *args)
        finally:
            _end()

    setattr(cls, setup_method, wraps(setup)(begin))
    setattr(cls, teardown_method, wraps(teardown)(end))


def generate_seed() -> int:
    """A seed, drawn from NumPy's random numbers, which `fix_random` fixes."""
    return int(np.random.randint(2 ** 32 - 1, dtype=np.uint32))
