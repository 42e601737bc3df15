"""JSON that every reader takes."""
from __future__ import annotations

import json
import math
from typing import Any


def dumps(value: Any, **options: Any) -> str:
    """A value as strict JSON: NaN and infinities, for which JSON has no words, become ``null``.

    `json.dumps` writes ``NaN``, at which browsers, jq and other readers stop.

    Args:
        value: Numbers, strings, truth values, None, and lists, tuples and dictionaries of these.
        options: Those of `json.dumps`.

    Example:
        >>> from autograd_nn.utils import strict_json
        >>> strict_json.dumps({'loss': float('nan'), 'epoch': 3})
        '{"loss": null, "epoch": 3}'
    """
    return json.dumps(_finite(value), allow_nan=False, **options)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    return [_finite(each) for each in value] if isinstance(value, (list, tuple)) else value
