"""What a snapshot holds besides arrays: structured data as JSON, and the state of the random numbers."""
from __future__ import annotations

import json
from typing import Any

from autograd_nn import random
from autograd_nn.backend import get_array_module
from autograd_nn.link import Link


def serialize_json(serializer: Any, key: str, value: Any) -> Any:
    """Stores data in a serializer, or restores it from one, as JSON text.

    Args:
        serializer: The serializer.
        key: Under which name.
        value: Numbers, strings, None, and lists and dictionaries of these. Floats come back exactly.

    Returns:
        The data that was stored, or that has been restored.
    """
    return json.loads(str(serializer(key, json.dumps(value))))


def find_non_number(target: Any) -> str | None:
    """The name of a parameter that has NaN or infinite elements, if there is one.

    Args:
        target: What a snapshot is taken of: a trainer or a link; in anything else nothing is looked for.
    """
    optimizers = target.updater.get_all_optimizers().values() if hasattr(target, 'updater') else ()
    for link in [target] if isinstance(target, Link) else [optimizer.target for optimizer in optimizers]:
        for name, param in link.namedparams(False):
            if not get_array_module(param.array).isfinite(param.array).all():
                return name
    return None


def serialize_random_state(serializer: Any) -> None:
    """Stores the state of the global random numbers, from which initializers and dropout draw, or restores it."""
    # Every snapshot has an entry for the GPU, so that one from a machine without a GPU can be loaded on one with it.
    state = {'cupy_seed': -1, **random.get_state()}
    restored = {key: serializer(key, value) for key, value in state.items()}
    if restored['cupy_seed'] < 0:
        del restored['cupy_seed']
    random.set_state(restored)
