"""Text for people and programs: names in all scripts stay as they are, JSON is what every reader takes, and an error is
one line."""
from __future__ import annotations

import errno
import json
import math
import os
from pathlib import Path
from typing import Any

ADVICE = {errno.ENOSPC: 'make room, or write to another disk', errno.EDQUOT: 'make room, or write to another disk',
          errno.EFBIG: 'files are limited to this size here', errno.EACCES: 'there is no permission for it',
          errno.EROFS: 'write to another disk'}


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


def one_line(error: BaseException) -> str:
    """What an exception says, in one line: the file that it is about, if it is about one, and what to do.

    Args:
        error: The exception.

    Example:
        >>> one_line(FileNotFoundError(2, 'No such file or directory', 'weights.npz'))
        'weights.npz: no such file or directory'
    """
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        advice = f' ({ADVICE[error.errno]})' if error.errno in ADVICE else ''
        return f'{Path(os.fsdecode(error.filename))}: {error.strerror.lower()}{advice}'
    return ' '.join(str(error.args[0] if isinstance(error, KeyError) else error).split())


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    return [_finite(each) for each in value] if isinstance(value, (list, tuple)) else value
