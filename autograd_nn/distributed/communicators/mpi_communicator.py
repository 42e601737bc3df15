"""The communicator on MPI. Arrays on a GPU go over the host, since MPI need not know of GPUs."""
from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from typing import Any, TypeVar

import numpy as np

from autograd_nn import backend
from autograd_nn.distributed import mpi
from autograd_nn.distributed.communicators.communicator_base import CommunicatorBase
from autograd_nn.distributed.communicators.mean_gradients import mean_gradients
from autograd_nn.distributed.communicators.messages import Header, as_bytes, on_host
from autograd_nn.distributed.communicators.parts import Done, Gather, PartSum, is_in_reach, part_of
from autograd_nn.distributed.communicators.reductions import Background, Reduction
from autograd_nn.distributed.communicators.traffic import note
from autograd_nn.distributed.waiting import waiting
from autograd_nn.dtypes import as_dtype, is_half
from autograd_nn.link import Link
from autograd_nn.types import Array, DTypeLike

# Counts of MPI 3 are 32 bits; larger messages go in pieces.
PIECE = 2 ** 30

T = TypeVar('T')


class MpiCommunicator(CommunicatorBase):
    """Processes of an MPI job.

    Args:
        mpi_comm: A communicator of mpi4py.
        allreduce_grad_dtype: The half precision in which gradients travel; None for their own.
    """

    def __init__(self, mpi_comm: Any, allreduce_grad_dtype: np.dtype | None = None) -> None:
        self._mpi = mpi.load()
        self.allreduce_grad_dtype = allreduce_grad_dtype
        self.mpi_comm = mpi_comm
        self._background: Background | None = None
        self.rank, self.size = mpi_comm.rank, mpi_comm.size
        node = mpi_comm.Split_type(self._mpi.COMM_TYPE_SHARED, self.rank)
        self.intra_rank, self.intra_size = node.rank, node.size
        first = node.bcast(self.rank)
        node.Free()
        machines = sorted(set(mpi_comm.allgather(first)))
        self.inter_rank, self.inter_size = machines.index(first), len(machines)

    def has_all_of(self, other: CommunicatorBase) -> bool:
        return other is self or (isinstance(other, MpiCommunicator) and self.mpi_comm.Compare(
            other.mpi_comm) != self._mpi.UNEQUAL)

    def split(self, color: int, key: int) -> MpiCommunicator:
        self._agree('split', lambda: None)
        return type(self)(self.mpi_comm.Split(color, key), self.allreduce_grad_dtype)

    # --- agreement

    def _agree(self, call: str, describe: Callable[[], T]) -> list[T]:
        """What each process has in this call; an error in all of them, if one calls another method or has an error.

        Args:
            call: The method, with those of its arguments that are the same in all.
            describe: Checks the arguments of this process and returns what the others have to know of them.
        """
        note(self)
        try:
            mine: Any = describe()
        except Exception as error:
            self.mpi_comm.allgather((call, error))
            raise
        with waiting(call, self.mpi_comm):
            all_ = self.mpi_comm.allgather((call, mine))
        if any(other != call for other, _ in all_):
            raise RuntimeError(f'{call}: the processes do not call the same: '
                               + '; '.join(f'rank {i} calls {other}' for i, (other, _) in enumerate(all_)))
        for i, (_, theirs) in enumerate(all_):
            if isinstance(theirs, Exception):
                raise RuntimeError(f'{call}: failed in rank {i}: {type(theirs).__name__}: {theirs}')
        return [theirs for _, theirs in all_]

    # --- bytes

    def _send_bytes(self, data: np.ndarray, dest: int, tag: int) -> None:
        for start in range(0, data.size, PIECE):
            self.mpi_comm.Send([data[start:start + PIECE], self._mpi.BYTE], dest, tag)

    def _recv_bytes(self, data: np.ndarray, source: int, tag: int) -> None:
        for start in range(0, data.size, PIECE):
            self.mpi_comm.Recv([data[start:start + PIECE], self._mpi.BYTE], source, tag)

    def _bcast_bytes(self, data: np.ndarray, root: int, piece: int = PIECE) -> None:
        for start in range(0, data.size, piece):
            self.mpi_comm.Bcast([data[start:start + piece], self._mpi.BYTE], root)

    def _rounds(self, sizes: Sequence[int]) -> Iterator[tuple[int, int, list[int]]]:
        """Where the pieces of messages of these sizes start and end, and how long each is, so that all fit a count."""
        step = max(PIECE // self.size, 1)
        for start in range(0, max(sizes), step):
            yield start, start + step, [min(max(size - start, 0), step) for size in sizes]

    def _gather_bytes(self, data: np.ndarray, targets: list[np.ndarray], sizes: list[int], root: int | None) -> None:
        """Brings the bytes of each rank into the targets; of all processes if there is no root."""
        for start, end, counts in self._rounds(sizes):
            whole = np.empty(sum(counts) if targets else 0, np.uint8)
            receive = [whole, counts, self._mpi.BYTE] if targets else None
            if root is None:
                self.mpi_comm.Allgatherv([data[start:end], self._mpi.BYTE], receive)
            else:
                self.mpi_comm.Gatherv([data[start:end], self._mpi.BYTE], receive, root)
            _unpack(whole, counts, targets, start)

    def _scatter_bytes(self, parts: list[np.ndarray], target: np.ndarray, sizes: list[int], root: int) -> None:
        for start, end, counts in self._rounds(sizes):
            whole = np.concatenate([part[start:end] for part in parts]) if parts else None
            self.mpi_comm.Scatterv([whole, counts, self._mpi.BYTE] if parts else None,
                                   [target[start:end], self._mpi.BYTE], root)

    def _alltoall_bytes(self, parts: list[np.ndarray], targets: list[np.ndarray], sizes: list[int]) -> None:
        for start, end, counts in self._rounds(sizes):
            whole = np.empty(sum(counts[self.rank::self.size]), np.uint8)
            pieces = [part[start:end] for part in parts]
            arriving = counts[self.rank::self.size]
            self.mpi_comm.Alltoallv([np.concatenate(pieces), [piece.size for piece in pieces], self._mpi.BYTE],
                                    [whole, arriving, self._mpi.BYTE])
            _unpack(whole, arriving, targets, start)

    # --- arrays

    def send(self, data: Array | tuple[Array, ...] | list[Array], dest: int, tag: int) -> None:
        note(self)
        self._check_peer('send', 'dest', dest)
        arrays = data if isinstance(data, (tuple, list)) else [data]
        headers = [Header.of(x, 'send', 'data') for x in arrays]
        with waiting(f'send(dest={dest}, tag={tag})', self.mpi_comm, dest):
            self.mpi_comm.send((headers, isinstance(data, (tuple, list))), dest, tag)
            for x in arrays:
                self._send_bytes(as_bytes(on_host(x)), dest, tag)

    def recv(self, source: int, tag: int) -> Any:
        note(self)
        self._check_peer('recv', 'source', source)
        headers, are_many = self._recv('recv', source, tag)
        arrays = []
        for header in headers:
            x = header.empty()
            self._recv_bytes(as_bytes(x), source, tag)
            arrays.append(header.deliver(x))
        return tuple(arrays) if are_many else arrays[0]

    def _recv(self, caller: str, source: int, tag: int, status: Any = None) -> Any:
        """Receives what precedes a message."""
        def describe_other() -> str:
            found = self._mpi.Status()
            if self.mpi_comm.Iprobe(source, self._mpi.ANY_TAG, found):
                return f'; from rank {found.Get_source()} there is a message with tag {found.Get_tag()}'
            return ''

        words = f'source={"any" if source < 0 else source}, tag={"any" if tag < 0 else tag}'
        with waiting(f'{caller}({words})', self.mpi_comm, source, describe_other):
            return self.mpi_comm.recv(None, source, tag, status)

    def bcast(self, x: Array | None, root: int = 0) -> Array:
        self._check_root('bcast', root)
        headers = self._agree(f'bcast(root={root})', lambda: Header.of(x, 'bcast') if self.rank == root else None)
        header = headers[root]
        assert header is not None
        return self._bcast(x, header, root)

    def _bcast(self, x: Array | None, header: Header, root: int) -> Array:
        array = on_host(x) if self.rank == root and x is not None else header.empty()
        self._bcast_bytes(as_bytes(array), root)
        return x if self.rank == root and x is not None else header.deliver(array)

    def gather(self, x: Array, root: int = 0) -> tuple[Array, ...] | None:
        self._check_root('gather', root)
        headers = self._agree(f'gather(root={root})', lambda: Header.of(x, 'gather'))
        arrays = self._gather(x, headers, root)
        return arrays if self.rank == root else None

    def allgather(self, x: Array) -> tuple[Array, ...]:
        return self._gather(x, self._agree('allgather', lambda: Header.of(x, 'allgather')), None)

    def _gather(self, x: Array, headers: list[Header], root: int | None) -> tuple[Array, ...]:
        arrays = [header.empty() for header in headers] if root is None or self.rank == root else []
        self._gather_bytes(as_bytes(on_host(x)), [as_bytes(array) for array in arrays], _sizes(headers), root)
        return tuple(header.deliver(array) for header, array in zip(headers, arrays))

    def alltoall(self, xs: tuple[Array, ...] | list[Array]) -> tuple[Array, ...]:
        table = self._agree('alltoall', lambda: self._headers('alltoall', xs))
        headers = [row[self.rank] for row in table]
        arrays = [header.empty() for header in headers]
        self._alltoall_bytes([as_bytes(on_host(x)) for x in xs], [as_bytes(array) for array in arrays],
                             [size for row in table for size in _sizes(row)])
        return tuple(header.deliver(array) for header, array in zip(headers, arrays))

    def scatter(self, xs: tuple[Array, ...] | list[Array] | None, root: int = 0) -> Array:
        self._check_root('scatter', root)
        rows = self._agree(f'scatter(root={root})',
                           lambda: self._headers('scatter', xs) if self.rank == root else None)
        headers = rows[root]
        assert headers is not None
        array = headers[self.rank].empty()
        parts = [as_bytes(on_host(x)) for x in xs or ()] if self.rank == root else []
        self._scatter_bytes(parts, as_bytes(array), _sizes(headers), root)
        return headers[self.rank].deliver(array)

    def _headers(self, caller: str, xs: Any) -> list[Header]:
        if not isinstance(xs, (tuple, list)) or len(xs) != self.size:
            got = f'{len(xs)}' if isinstance(xs, (tuple, list)) else type(xs).__name__
            raise ValueError(f'{caller}: xs must be a tuple of {self.size} arrays, one for each process, got {got}')
        return [Header.of(x, caller, f'xs[{i}]') for i, x in enumerate(xs)]

    def allreduce(self, x: Array) -> Array:
        headers = self._agree('allreduce', lambda: Header.of(x, 'allreduce'))
        if any((header.shape, header.dtype) != (headers[0].shape, headers[0].dtype) for header in headers):
            raise ValueError('allreduce: the arrays differ: '
                             + '; '.join(f'rank {i} has {header}' for i, header in enumerate(headers)))
        return self._add(x, headers)

    def _add(self, x: Array, headers: list[Header]) -> Array:
        """The sum, by the headers of all processes' arrays."""
        mine = headers[self.rank]
        # MPI has no half precision; the sum of many such numbers needs more digits, too.
        total = on_host(x).astype(np.float32 if is_half(mine.dtype) else mine.dtype)
        self._sum(total.reshape(-1))
        return mine.deliver(total.astype(mine.dtype, copy=False))

    def _sum(self, flat: np.ndarray) -> None:
        """Replaces the elements of a vector by their sums over all processes."""
        op = self._mpi.LOR if flat.dtype == bool else self._mpi.SUM
        for start in range(0, flat.size, PIECE):
            self.mpi_comm.Allreduce(self._mpi.IN_PLACE, flat[start:start + PIECE], op)

    def start_sum(self, flat: Array, wire_dtype: DTypeLike | None = None) -> Reduction:
        if flat.ndim != 1 or not flat.flags.c_contiguous:
            raise ValueError(f'start_sum: flat must be a contiguous vector, got one of shape {flat.shape} with strides '
                             f'{flat.strides}')
        if backend.is_on_host(flat):
            return self._get_background().start_sum(flat, wire_dtype)
        host = on_host(flat)
        self._get_background().start_sum(host, wire_dtype).wait()
        backend.copyto(flat, host)
        return Done()

    def start_part_sum(self, flat: Array, wire_dtype: DTypeLike | None = None) -> Reduction:
        part = part_of(flat, self.rank, self.size)
        if not is_in_reach(flat) or (wire_dtype is not None and is_half(as_dtype(wire_dtype))):
            return self.start_sum(flat, wire_dtype)
        return PartSum(self._get_background(), flat, part)

    def start_allgather(self, flat: Array) -> Reduction:
        part_of(flat, self.rank, self.size)
        return Gather(self._get_background(), flat) if is_in_reach(flat) else super().start_allgather(flat)

    def _get_background(self) -> Background:
        if self._background is None:
            self._agree('start_sum', lambda: None)
            self._background = Background(self._mpi, self.mpi_comm)
        return self._background

    # --- Python objects

    def send_obj(self, obj: Any, dest: int, tag: int = 0) -> None:
        note(self)
        self._check_peer('send_obj', 'dest', dest)
        data = _pickled(obj)
        with waiting(f'send_obj(dest={dest}, tag={tag})', self.mpi_comm, dest):
            self.mpi_comm.send(data.size, dest, tag)
            self._send_bytes(data, dest, tag)

    def recv_obj(self, source: int, status: Any = None, tag: int = 0) -> Any:
        note(self)
        status = status or self._mpi.Status()
        data = np.empty(self._recv('recv_obj', source, tag, status), np.uint8)
        self._recv_bytes(data, status.Get_source(), status.Get_tag())
        return pickle.loads(data.data)

    def bcast_obj(self, obj: Any, max_buf_len: int = 256 * 1024 * 1024, root: int = 0) -> Any:
        self._check_root('bcast_obj', root)
        data = np.empty(0, np.uint8)

        def describe() -> int:
            nonlocal data
            if self.rank == root:
                data = _pickled(obj)
            return data.size

        size = self._agree(f'bcast_obj(root={root})', describe)[root]
        if self.rank != root:
            data = np.empty(size, np.uint8)
        self._bcast_bytes(data, root, max_buf_len)
        return obj if self.rank == root else pickle.loads(data.data)

    def gather_obj(self, obj: Any, root: int = 0) -> list[Any] | None:
        self._check_root('gather_obj', root)
        return self._gather_obj(f'gather_obj(root={root})', obj, root)

    def allgather_obj(self, obj: Any) -> list[Any]:
        objs = self._gather_obj('allgather_obj', obj, None)
        assert objs is not None
        return objs

    def _gather_obj(self, call: str, obj: Any, root: int | None) -> list[Any] | None:
        data = np.empty(0, np.uint8)

        def describe() -> int:
            nonlocal data
            data = _pickled(obj)
            return data.size

        sizes = self._agree(call, describe)
        is_here = root is None or self.rank == root
        parts = [np.empty(size, np.uint8) for size in sizes] if is_here else []
        self._gather_bytes(data, parts, sizes, root)
        return [pickle.loads(part.data) for part in parts] if is_here else None

    def scatter_obj(self, objs: Any, root: int = 0) -> Any:
        self._check_root('scatter_obj', root)
        parts: list[np.ndarray] = []

        def describe() -> list[int]:
            if self.rank == root:
                if len(objs) != self.size:
                    raise ValueError(f'scatter_obj: expected {self.size} objects, one for each process, got '
                                     f'{len(objs)}')
                parts.extend(map(_pickled, objs))
            return [part.size for part in parts]

        sizes = self._agree(f'scatter_obj(root={root})', describe)[root]
        data = np.empty(sizes[self.rank], np.uint8)
        self._scatter_bytes(parts, data, sizes, root)
        return pickle.loads(data.data)

    def allreduce_obj(self, obj: Any) -> Any:
        return reduce(lambda total, each: total + each, self.allgather_obj(obj))

    # --- models

    def bcast_data(self, model: Link) -> None:
        for _, param in sorted(model.namedparams()):
            data = self.bcast(param.array) if param.is_initialized else None
            if self.rank and data is not None:
                param.array[...] = data

    def multi_node_mean_grad(self, model: Link, zero_fill: bool = False) -> None:
        mean_gradients(self, model, zero_fill)

    def finalize(self) -> None:
        if self._background is not None:
            self._background.free()
        self.mpi_comm = self._background = None

    # --- arguments

    def _check_root(self, caller: str, root: int) -> None:
        if not 0 <= root < self.size:
            raise ValueError(f'{caller}: root must be a rank from 0 to {self.size - 1}, got {root}')

    def _check_peer(self, caller: str, argument: str, rank: int) -> None:
        if not 0 <= rank < self.size or rank == self.rank:
            raise ValueError(f'{caller}: {argument} must be the rank of another process, from 0 to {self.size - 1}, '
                             f'got {rank} in rank {self.rank}')


def _pickled(obj: Any) -> np.ndarray:
    return np.frombuffer(pickle.dumps(obj, pickle.HIGHEST_PROTOCOL), np.uint8)


def _sizes(headers: Sequence[Header]) -> list[int]:
    return [header.nbytes for header in headers]


def _unpack(whole: np.ndarray, counts: Sequence[int], targets: Sequence[np.ndarray], start: int) -> None:
    offset = 0
    for target, count in zip(targets, counts):
        target[start:start + count] = whole[offset:offset + count]
        offset += count
