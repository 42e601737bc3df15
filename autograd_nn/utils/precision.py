"""Half precision on arrays."""
from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from autograd_nn.dtypes import is_floating, is_half


def _fp16_mixed_precision_helper(
        fn: Callable[[Any, tuple[Any, ...]], tuple[Any, ...]]) -> Callable[[Any, tuple[Any, ...]], tuple[Any, ...]]:
    """Decorator: the `forward` of a function computes in float32 what it is given in half precision.

    Its results come back in half precision where all floating-point arrays that it is given are.

    Args:
        fn: The method.
    """
    @wraps(fn)
    def call(self: Any, in_data: tuple[Any, ...]) -> tuple[Any, ...]:
        outputs = fn(self, tuple([x.astype(np.float32) if is_half(x.dtype) else x for x in in_data]))
        floating = [x.dtype for x in in_data if is_floating(x.dtype)]
        if not floating or not all(map(is_half, floating)):
            return outputs
        return tuple([y if y is None or y.dtype != np.float32 else y.astype(floating[0]) for y in outputs])

    return call
