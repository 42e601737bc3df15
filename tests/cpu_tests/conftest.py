"""The back ends whose kernels the tests here run; each test runs on every one that is present."""
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autograd_nn import cpu


class BackEnd:
    """Calls kernels by name on NumPy arrays, wherever they compute."""

    def __init__(self, kernels: Any, send: Callable[[np.ndarray], Any], fetch: Callable[[Any], np.ndarray]) -> None:
        self.kernels = kernels
        self.send = send
        self.fetch = fetch

    def __call__(self, name: str, *args: Any) -> Any:
        pairs: list[tuple[np.ndarray, Any]] = []
        result = getattr(self.kernels, name)(*[self._sent(a, pairs) for a in args])
        for original, array in pairs:
            if array is not original:
                original[...] = self.fetch(array)
        if isinstance(result, tuple):
            return tuple(self.fetch(array) for array in result)
        return None if result is None else self.fetch(result)

    def _sent(self, arg: Any, pairs: list[tuple[np.ndarray, Any]]) -> Any:
        """An argument as the kernel takes it; each array that is in it, and what is sent for it, joins `pairs`."""
        if isinstance(arg, list):
            return [self._sent(a, pairs) for a in arg]
        if not isinstance(arg, np.ndarray):
            return arg
        pairs.append((arg, self.send(arg)))
        return pairs[-1][1]


BACK_ENDS = {'numpy': BackEnd(cpu, lambda a: a, lambda a: a)}


@pytest.fixture(scope='session', params=BACK_ENDS)
def kernel(request):
    """A callable ``kernel(name, *args)``."""
    return BACK_ENDS[request.param]
