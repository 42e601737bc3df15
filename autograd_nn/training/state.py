"""What a snapshot holds besides arrays: structured data as JSON, and the state of the random numbers."""
from __future__ import annotations

import json
from typing import Any

from autograd_nn import random
from autograd_nn.backend import kernels
from autograd_nn.link import Link
from autograd_nn.optimizer import Optimizer
from autograd_nn.serializer import AbstractSerializer, serialize_if_there


def serialize_json(serializer: AbstractSerializer, key: str, value: Any, strict: bool = True) -> Any:
    """Stores data in a serializer, or restores it from one, as JSON text.

    Args:
        serializer: The serializer.
        key: Under which name.
        value: Numbers, strings, None, and lists and dictionaries of these. Floats come back exactly, NaN and infinities
            among them.
        strict: Whether a file must have it; otherwise the data stays as it is.

    Returns:
        The data that was stored, or that has been restored.
    """
    text = json.dumps(value)
    return json.loads(str(serializer(key, text) if strict else serialize_if_there(serializer, key, text)))


def serialize_number(serializer: AbstractSerializer, key: str, value: float | None) -> float | None:
    """Stores a number or None, or restores it where it is there.

    Args:
        serializer: The serializer.
        key: Under which name.
        value: The number or None.

    Returns:
        What was stored or restored; `value`, where the file does not have it.
    """
    value = serialize_if_there(serializer, key, value)
    return None if value is None else float(value)


def non_finite_parameters(target: Any) -> list[str]:
    """The paths of the parameters that have NaN or infinite elements, among those that are trained.

    Args:
        target: A link, an optimizer, an updater or a trainer; anything else has no parameters.
    """
    if isinstance(target, Link):
        return [path for path, param in target.namedparams(include_uninit=False)
                if param.requires_grad and not kernels(param.array).all_finite([param.array])]
    if isinstance(getattr(target, 'target', None), Link):  # an optimizer, or what stands for one
        return non_finite_parameters(target.target)
    optimizers: dict[str, Optimizer] = getattr(getattr(target, 'updater', target), 'get_all_optimizers', dict)()
    return [path for optimizer in optimizers.values() for path in non_finite_parameters(optimizer)]


def serialize_random_state(serializer: AbstractSerializer) -> None:
    """Stores the state of the global random numbers, from which initializers and dropout draw, or restores it."""
    # Every snapshot has an entry for the GPU, so that one from a machine without a GPU can be loaded on one with it.
    state = {'cupy_seed': -1, **random.get_state()}
    restored = {key: serialize_if_there(serializer, key, value) for key, value in state.items()}
    if restored['cupy_seed'] < 0:
        del restored['cupy_seed']
    random.set_state(restored)
