"""The first call of a model that settles its parameters' shapes, and how it is repeated with other initial values."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_nn import backend
from autograd_nn.link import Link
from autograd_nn.variable import Parameter


class FirstCall:
    """What a model was like before a call that may have to be repeated.

    Each process initializes parameters with random numbers of its own. The first process's are taken in all, but by
    then the loss has been computed from the others.

    Args:
        target: The model.
    """

    def __init__(self, target: Link) -> None:
        self._uninitialized = [param for param in target.params() if not param.is_initialized]
        self._restore_attributes = target.remember_attributes()
        self._persistent = [(value, value.copy()) for _, value in target.namedpersistents() if backend.is_array(value)]
        self._random_state = np.random.get_state()

    def repeat(self, call: Callable[[], Any]) -> None:
        """Calls the model as if it had not been called yet, except that parameters start from the values they have.

        Args:
            call: Calls it.
        """
        before: list[tuple[Parameter, Any, Any]] = []
        for param in self._uninitialized:
            if param.is_initialized:
                before.append((param, param.initializer, param.array))
                param.initializer = backend.to_cpu(param.array)
                param.array = None
        self._restore_attributes()
        for value, first in self._persistent:
            value[...] = first
        np.random.set_state(self._random_state)
        try:
            call()
        finally:
            for param, initializer, array in before:
                param.initializer = initializer
                if not param.is_initialized:  # the call has no use for it, other than that of another process
                    param.array = array
