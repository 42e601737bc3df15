"""Chainer's names for Intel's iDeep, which is no more: programs that ask find that it is not there."""
from __future__ import annotations

from typing import Any

from autograd_nn.backends.device import Device


class mdarray:
    """Stands for the arrays of iDeep: nothing is one."""


class Intel64Device(Device):
    """Stands for the device of iDeep: there is none.

    Raises:
        RuntimeError: Always.
    """

    def __init__(self) -> None:
        check_ideep_available()


def is_ideep_available() -> bool:
    """Whether iDeep is there: no."""
    return False


def check_ideep_available() -> None:
    """Makes sure that iDeep is there.

    Raises:
        RuntimeError: It is not.
    """
    raise RuntimeError('iDeep is not available: it is no longer developed; oneDNN, its successor, computes on the CPU '
                       'without being asked')


def should_use_ideep(level: str) -> bool:
    """Whether to compute by iDeep: no."""
    return False


def inputs_all_ready(inputs: Any, supported_ndim: Any = (2, 4)) -> bool:
    """Whether iDeep takes some arrays: no."""
    return False
