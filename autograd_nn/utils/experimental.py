"""Warnings of what may change."""
from __future__ import annotations

import sys
import warnings


def experimental(api_name: str) -> None:
    """Warns that a part of a program's interface may change.

    ``autograd_nn.disable_experimental_feature_warning = True`` turns these warnings off.

    Args:
        api_name: The name of the part.
    """
    package = sys.modules[__name__.partition('.')[0]]
    if not getattr(package, 'disable_experimental_feature_warning', False):
        warnings.warn(f'{api_name} is experimental: its interface may change', FutureWarning, stacklevel=3)
