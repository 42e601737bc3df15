"""Warnings of what may come out differently another time."""
from __future__ import annotations

import warnings

from autograd_nn.config import config


def nondeterministic(f_name: str) -> None:
    """Warns, where ``config.warn_nondeterministic`` is set, that a function takes sums in no fixed order.

    Args:
        f_name: The name of the function.
    """
    if config.warn_nondeterministic:
        warnings.warn(f'{f_name} may give another result each time, and config.warn_nondeterministic is set',
                      stacklevel=3)
