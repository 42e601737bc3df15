"""Files for people and programs: names in all scripts stay as they are, and JSON is what every reader takes."""
from __future__ import annotations

import json
import math
from typing import Any


def to_json(value: Any, indent: int = 1) -> bytes:
    r"""A value as strict JSON in UTF-8, with every character as it is.

    NaN and infinities, for which JSON has no words, become ``null``; at the ``NaN`` of `json.dumps`, browsers, jq and
    other readers stop.

    Args:
        value: What JSON can express: dicts, lists, tuples, strings, numbers, booleans, None.
        indent: The number of spaces that a level is indented by.

    Example:
        >>> to_json(['猫', float('nan')]).decode()
        '[\n "猫",\n null\n]'
    """
    # Only bytes that were no text in the name of a file become escapes, which JSON has for them.
    text = json.dumps(_finite(value), ensure_ascii=False, allow_nan=False, indent=indent)
    return text.encode(errors='backslashreplace')


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    return [_finite(each) for each in value] if isinstance(value, (list, tuple)) else value
