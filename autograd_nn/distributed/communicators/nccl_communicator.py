"""The communicator between GPUs: what is on them goes through NCCL, all else through MPI."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_nn import backend, cuda
from autograd_nn.distributed.communicators.messages import Header
from autograd_nn.distributed.communicators.mpi_communicator import MpiCommunicator
from autograd_nn.distributed.communicators.parts import part_of
from autograd_nn.distributed.communicators.reductions import Reduction
from autograd_nn.dtypes import as_dtype, is_half
from autograd_nn.training.updaters.nccl_group import TYPES, NcclGroup
from autograd_nn.types import Array, DTypeLike


class NcclCommunicator(MpiCommunicator):
    """Processes of an MPI job, each with a GPU of its own.

    The sums of gradients, `allreduce`, `bcast`, and `allgather` of arrays of one shape go from GPU to GPU, if they are
    there in all processes. Sums of gradients are on a stream of their own, beside what is computed meanwhile; nobody
    waits for them on the host.

    Args:
        mpi_comm: A communicator of mpi4py.
        allreduce_grad_dtype: See `MpiCommunicator`.
    """

    def __init__(self, mpi_comm: Any, allreduce_grad_dtype: np.dtype | None = None) -> None:
        super().__init__(mpi_comm, allreduce_grad_dtype)
        self._nccl: Any = None
        self._stream: Any = None

    def _get_nccl(self) -> Any:
        """NCCL's communicator for the GPU that this process uses now; all processes ask for it first together."""
        if self._nccl is None:
            unique_id = self.bcast_obj(NcclGroup.make_id() if self.rank == 0 else None)
            self._nccl = cuda.cupy.cuda.nccl.NcclCommunicator(self.size, unique_id, self.rank)
            self._stream = cuda.cupy.cuda.Stream(non_blocking=True)
        return self._nccl

    # --- arrays

    def _add(self, x: Array, headers: list[Header]) -> Array:
        if any(header.is_on_host for header in headers) or x.dtype.name not in TYPES or not x.size:
            return super()._add(x, headers)
        total = cuda.cupy.ascontiguousarray(x.astype(np.float32 if is_half(x.dtype) else x.dtype))
        _all_reduce(self._get_nccl(), total, _current().ptr)
        return total.astype(x.dtype, copy=False)

    def _bcast(self, x: Array | None, header: Header, root: int) -> Array:
        if header.is_on_host or not header.nbytes:
            return super()._bcast(x, header, root)
        cupy = cuda.cupy
        array = cupy.ascontiguousarray(x) if self.rank == root else cupy.empty(header.shape, header.dtype)
        self._get_nccl().bcast(array.data.ptr, header.nbytes, cupy.cuda.nccl.NCCL_UINT8, root, _current().ptr)
        return x if self.rank == root and x is not None else array

    def _gather(self, x: Array, headers: list[Header], root: int | None) -> tuple[Array, ...]:
        first = headers[0]
        if root is not None or first.is_on_host or not first.nbytes or any(header != first for header in headers):
            return super()._gather(x, headers, root)
        cupy = cuda.cupy
        all_ = cupy.empty((self.size, *first.shape), first.dtype)
        self._get_nccl().allGather(cupy.ascontiguousarray(x).data.ptr, all_.data.ptr, first.nbytes,
                                   cupy.cuda.nccl.NCCL_UINT8, _current().ptr)
        return tuple(all_)

    def start_sum(self, flat: Array, wire_dtype: DTypeLike | None = None) -> Reduction:
        if backend.is_on_host(flat) or flat.dtype.name not in TYPES or not flat.size:
            return super().start_sum(flat, wire_dtype)
        nccl = self._get_nccl()
        wire = flat.dtype if wire_dtype is None else as_dtype(wire_dtype)
        if is_half(wire):
            return OnStream(self._stream, lambda stream: self._sum_halves(flat, wire, stream))
        return OnStream(self._stream, lambda stream: _all_reduce(nccl, flat, stream))

    def _sum_halves(self, flat: Array, wire: np.dtype, stream: int) -> None:
        """Adds up in float32 what travels in half precision: each process one part, as `reductions.HalfSum` does."""
        cupy, nccl = cuda.cupy, self._get_nccl()
        length = -(-flat.size // self.size)
        sent = cupy.zeros(length * self.size, wire)
        sent[:flat.size] = flat.astype(wire)
        parts = cupy.empty((self.size, length), wire)
        nbytes, kind = length * wire.itemsize, cupy.cuda.nccl.NCCL_UINT8
        cupy.cuda.nccl.groupStart()
        for rank in range(self.size):
            nccl.send(sent.data.ptr + rank * nbytes, nbytes, kind, rank, stream)
            nccl.recv(parts.data.ptr + rank * nbytes, nbytes, kind, rank, stream)
        cupy.cuda.nccl.groupEnd()
        mine = parts.astype(np.float32).sum(0).astype(wire)
        nccl.allGather(mine.data.ptr, sent.data.ptr, nbytes, kind, stream)
        flat[...] = sent[:flat.size].astype(flat.dtype)

    def start_part_sum(self, flat: Array, wire_dtype: DTypeLike | None = None) -> Reduction:
        is_plain = wire_dtype is None or not is_half(as_dtype(wire_dtype))
        if backend.is_on_host(flat) or flat.dtype.name not in TYPES or not flat.size or not is_plain:
            return super().start_part_sum(flat, wire_dtype)
        part, nccl = part_of(flat, self.rank, self.size), self._get_nccl()
        return OnStream(self._stream, lambda stream: nccl.reduceScatter(
            flat.data.ptr, part.data.ptr, part.size, _type(flat), cuda.cupy.cuda.nccl.NCCL_SUM, stream))

    def start_allgather(self, flat: Array) -> Reduction:
        if backend.is_on_host(flat) or not flat.size:
            return super().start_allgather(flat)
        part, nccl = part_of(flat, self.rank, self.size), self._get_nccl()
        return OnStream(self._stream, lambda stream: nccl.allGather(
            part.data.ptr, flat.data.ptr, part.nbytes, cuda.cupy.cuda.nccl.NCCL_UINT8, stream))

    def finalize(self) -> None:
        if self._nccl is not None:
            self._nccl.destroy()
        self._nccl = None
        super().finalize()


class OnStream(Reduction):
    """What goes on on a stream of its own, after what the current one has to do; waiting has the current one wait.

    Args:
        stream: The stream.
        work: Starts it, with the pointer of that stream, which is the current one meanwhile.
    """

    def __init__(self, stream: Any, work: Callable[[int], Any]) -> None:
        stream.wait_event(_current().record())
        with stream:
            work(stream.ptr)
        self._done = stream.record()

    def poke(self) -> bool:
        return bool(self._done.done)

    def wait(self) -> None:
        _current().wait_event(self._done)


def _current() -> Any:
    return cuda.cupy.cuda.get_current_stream()


def _type(array: Array) -> int:
    return getattr(cuda.cupy.cuda.nccl, TYPES[array.dtype.name])


def _all_reduce(nccl: Any, array: Array, stream: int) -> None:
    """Replaces the elements of a contiguous array by their sums over all processes."""
    nccl.allReduce(array.data.ptr, array.data.ptr, array.size, _type(array), cuda.cupy.cuda.nccl.NCCL_SUM, stream)
