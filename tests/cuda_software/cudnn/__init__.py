"""Stands for NVIDIA's ``cudnn`` (nvidia-cudnn-frontend) on CUDA in software: graphs are computed with NumPy.

It has what autograd_nn uses. It declines what cuDNN 9.28 was seen to decline for an H100: batch normalization whose
channels are no multiple of 16 bytes, attention of vectors of other lengths, and some sequences of operations. Beyond
that, the names in `declined` are declined, for tests of what happens then. Workspaces are filled with noise.

With ``CUDA_SOFTWARE_LOG`` in the environment the calls that described a graph are kept in that directory: a test has
the real cuDNN, where it is installed, plan these graphs for devices that need not be there.
"""
from __future__ import annotations

from ._graph import pygraph
from ._types import build_plan_policy, cudnnGraphNotSupportedError, data_type, heur_mode, numerical_note

__version__ = '1.32.0'
declined: set[str] = set()


def backend_version_string() -> str:
    return 'in software'


class Handle:
    """As ``cudnn.Handle``."""

    def __init__(self) -> None:
        self.stream = 0


def create_handle() -> Handle:
    return Handle()


def set_stream(handle: Handle, stream: int) -> None:
    handle.stream = stream
