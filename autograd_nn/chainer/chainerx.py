"""What programs ask of ChainerX, which is not part of this package: whether it is there, and whether arrays are its."""
from __future__ import annotations

from typing import Any, NoReturn

__all__ = ['is_available', 'ndarray']


class ndarray:
    """The type of ChainerX's arrays, of which there are none."""

    def __new__(cls, *args: Any, **kwargs: Any) -> NoReturn:
        raise RuntimeError('chainerx.ndarray: there is no ChainerX; use numpy or cupy')


def is_available() -> bool:
    """Whether there is ChainerX: False."""
    return False


def __getattr__(name: str) -> NoReturn:
    if name.startswith('__'):
        raise AttributeError(name)
    raise AttributeError(f'chainerx.{name}: there is no ChainerX (chainerx.is_available() is False); use numpy or cupy')
