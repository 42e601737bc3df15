"""Lists, tuples and dicts, one within the other."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any


def map_nested(function: Callable[[Any], Any], value: Any) -> Any:
    """Replaces everything in a structure but the lists, tuples and dicts that it is made of.

    Args:
        function: Says what stands in the place of something.
        value: The structure, or one thing alone.

    Example:
        >>> map_nested(abs, {'a': [-1, (2, -3)], 'b': 4})
        {'a': [1, (2, 3)], 'b': 4}
    """
    if isinstance(value, (list, tuple)):
        items = [map_nested(function, each) for each in value]
        return type(value)(*items) if hasattr(value, '_fields') else type(value)(items)
    if isinstance(value, dict):
        return {key: map_nested(function, each) for key, each in value.items()}
    return function(value)
