"""Checks of options that tasks and programs share."""
from __future__ import annotations

import argparse


def check_at_least(arguments: argparse.Namespace, **lowest: float) -> None:
    """Requires options to be at least a number each.

    Raises:
        ValueError: One is less.
    """
    for name, bound in lowest.items():
        value = getattr(arguments, name)
        if value < bound:
            raise ValueError(f'--{name.replace("_", "-")}: expected at least {bound}, got {value}')
