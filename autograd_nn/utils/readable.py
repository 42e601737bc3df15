"""Files that people read: names in all scripts stay as they are."""
from __future__ import annotations

import json
from typing import Any


def to_json(value: Any, indent: int = 1) -> bytes:
    r"""A value as JSON in UTF-8, with every character as it is.

    Args:
        value: What JSON can express: dicts, lists, strings, numbers, booleans, None.
        indent: The number of spaces that a level is indented by.

    Example:
        >>> to_json(['猫']).decode()
        '[\n "猫"\n]'
    """
    # Only bytes that were no text in the name of a file become escapes, which JSON has for them.
    return json.dumps(value, ensure_ascii=False, indent=indent).encode(errors='backslashreplace')
