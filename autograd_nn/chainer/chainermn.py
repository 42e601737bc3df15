"""The place of ChainerMN, Chainer's training on many processes, of which nothing is there yet."""
from __future__ import annotations

from typing import NoReturn

__all__: list[str] = []


def __getattr__(name: str) -> NoReturn:
    if name.startswith('__'):
        raise AttributeError(name)
    raise AttributeError(f'chainermn.{name}: training on many processes is not part of this version')
