"""What programs ask of iDeep, which is not part of this package: it is not there, and arrays stay as they are."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

__all__ = ['Intel64Device', 'check_ideep_available', 'inputs_all_ready', 'is_ideep_available', 'mdarray',
           'should_use_ideep']


class mdarray:
    """The type of iDeep's arrays, of which there are none."""


class Intel64Device:
    """The device of iDeep, which cannot be had."""

    def __new__(cls, *args: Any, **kwargs: Any) -> NoReturn:
        check_ideep_available()


def is_ideep_available() -> bool:
    """Whether there is iDeep: False."""
    return False


def check_ideep_available() -> NoReturn:
    """Raises an error.

    Raises:
        RuntimeError: Always.
    """
    raise RuntimeError('intel64: iDeep is not part of this package; oneDNN computes on the CPU without being asked for')


def should_use_ideep(level: str) -> bool:
    """Whether to use iDeep: False.

    Args:
        level: 'always' or 'auto', as Chainer has it.
    """
    return False


def inputs_all_ready(inputs: Sequence[Any], supported_ndim: Sequence[int] = (2, 4)) -> bool:
    """Whether iDeep can take arrays: False.

    Args:
        inputs: The arrays.
        supported_ndim: Numbers of their axes.
    """
    return False
