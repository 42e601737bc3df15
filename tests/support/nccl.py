"""Stands in for NCCL where GPUs are software: their memory is that of the host, which MPI can send.

What was begun on a stream ends before a call here looks at its memory, as a kernel of NCCL would wait its turn.
"""
from __future__ import annotations

import ctypes
from types import SimpleNamespace
from typing import Any

import numpy as np
from mpi4py import MPI

from autograd_nn import cuda

_DTYPES = [np.dtype(np.uint8), np.dtype(np.float16), np.dtype(np.float32), np.dtype(np.float64)]
SUM = 7
calls: list[str] = []
_group: list[Any] | None = None


def _vector(pointer: int, size: int, kind: int, stream: int) -> np.ndarray:
    cuda.cupy.cuda.runtime.streamSynchronize(stream)
    dtype = _DTYPES[kind]
    return np.frombuffer((ctypes.c_char * (size * dtype.itemsize)).from_address(pointer), dtype)


class NcclCommunicator:
    def __init__(self, n: int, unique_id: str, rank: int) -> None:
        self.comm = MPI.COMM_WORLD.Dup()
        assert (n, rank, unique_id) == (self.comm.size, self.comm.rank, 'id of rank 0')

    def allReduce(self, source: int, target: int, size: int, kind: int, op: int, stream: int) -> None:  # noqa: N802
        calls.append('allReduce')
        assert source == target and op == SUM
        vector = _vector(source, size, kind, stream)
        vector[...] = sum(self.comm.allgather(vector))

    def reduceScatter(self, source: int, target: int, size: int, kind: int, op: int, stream: int) -> None:  # noqa: N802
        calls.append('reduceScatter')
        whole = _vector(source, size * self.comm.size, kind, stream)
        total = sum(self.comm.allgather(whole))
        _vector(target, size, kind, stream)[...] = total[self.comm.rank * size:][:size]

    def allGather(self, source: int, target: int, size: int, kind: int, stream: int) -> None:  # noqa: N802
        calls.append('allGather')
        parts = self.comm.allgather(_vector(source, size, kind, stream).copy())
        _vector(target, size * self.comm.size, kind, stream)[...] = np.concatenate(parts)

    def bcast(self, pointer: int, size: int, kind: int, root: int, stream: int) -> None:
        calls.append('bcast')
        vector = _vector(pointer, size, kind, stream)
        vector[...] = self.comm.bcast(vector, root)

    def send(self, pointer: int, size: int, kind: int, peer: int, stream: int) -> None:
        assert _group is not None, 'groupStart'
        _group.append(self.comm.isend(_vector(pointer, size, kind, stream).copy(), peer))

    def recv(self, pointer: int, size: int, kind: int, peer: int, stream: int) -> None:
        assert _group is not None, 'groupStart'
        _group.append((_vector(pointer, size, kind, stream), self.comm.irecv(2 ** 20, peer)))

    def destroy(self) -> None:
        calls.append('destroy')


def _start() -> None:
    global _group
    _group = []


def _end() -> None:
    global _group
    calls.append('group')
    for each in _group or ():
        if isinstance(each, tuple):
            each[0][...] = each[1].wait()
        else:
            each.wait()
    _group = None


def install() -> None:
    """Puts it in NCCL's place."""
    cuda.cupy.cuda.nccl = SimpleNamespace(
        NcclCommunicator=NcclCommunicator, get_unique_id=lambda: f'id of rank {MPI.COMM_WORLD.rank}', available=True,
        NCCL_SUM=SUM, NCCL_UINT8=0, NCCL_HALF=1, NCCL_FLOAT=2, NCCL_DOUBLE=3, groupStart=_start, groupEnd=_end)
