"""The means of a model's gradients over all processes, without a multi-node optimizer.

Small gradients travel together in buckets. A large one goes in pieces: while a piece is in the cache, it is scaled and
added up. (MPICH's sums are the fastest for some MiB; for more, it takes new memory from the system in each.) The new
gradients are views of the buckets.
"""
from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from autograd_nn import backend
from autograd_nn.distributed.communicators.buckets import Bucket, Slot
from autograd_nn.distributed.communicators.communicator_base import CommunicatorBase
from autograd_nn.dtypes import name_of
from autograd_nn.link import Link
from autograd_nn.types import Array
from autograd_nn.update_rule import set_gradient
from autograd_nn.variable import Parameter

_PIECE_BYTES = 16 * 2 ** 20
_NAME = 'multi_node_mean_grad'


def mean_gradients(comm: CommunicatorBase, model: Link, zero_fill: bool) -> None:
    """See `CommunicatorBase.multi_node_mean_grad`.

    Args:
        comm: The processes.
        model: The model.
        zero_fill: Whether a parameter without a gradient in any process gets one of zeros.

    Raises:
        ValueError: The processes have different parameters.
    """
    params = _parameters(model)
    table = {path: f'{name_of(param.dtype)} {param.shape}' for path, param in params.items()}
    orders = [_order(param) for param in params.values()]
    there = np.array([param.grad is not None for param in params.values()], bool)
    everybodys = comm.allgather_obj((_digest(table), _digest(orders), np.packbits(there).tobytes()))
    if any(other[0] != everybodys[0][0] for other in everybodys):
        raise ValueError(_difference(comm.allgather_obj(table)))
    if any(other[1] != everybodys[0][1] for other in everybodys):
        orders = [tuple(range(param.ndim)) for param in params.values()]
    bits = np.bitwise_or.reduce([np.frombuffer(other[2], np.uint8) for other in everybodys])
    chosen = np.unpackbits(bits, count=len(params)).astype(bool) | zero_fill
    for bucket in _buckets([(param, order) for param, order, is_chosen in zip(params.values(), orders, chosen)
                            if is_chosen]):
        _average(comm, bucket)


def _parameters(model: Link) -> dict[str, Parameter]:
    """Those that have arrays, by their paths; one with several paths by the first in the order of paths."""
    found: dict[int, tuple[str, Parameter]] = {}
    for path, param in sorted(model.namedparams(False)):
        found.setdefault(id(param), (path, param))
    return dict(found.values())


def _order(param: Parameter) -> tuple[int, ...]:
    """The axes in which its gradient lies in memory, or else its array, the slowest first."""
    strides = (param.array if param.grad is None else param.grad).strides
    return tuple(sorted(range(param.ndim), key=lambda i: -abs(strides[i])))


def _digest(facts: Any) -> bytes:
    return hashlib.blake2b(repr(facts).encode(), digest_size=16).digest()


def _difference(tables: list[dict[str, str]]) -> str:
    for rank, table in enumerate(tables):
        for path in sorted(table.keys() | tables[0].keys()):
            first, other = tables[0].get(path, 'none'), table.get(path, 'none')
            if first != other:
                return f'{_NAME}: the parameter {path} differs: rank 0 has {first}; rank {rank} has {other}'
    return f'{_NAME}: the parameters differ in their order'


def _buckets(parameters: list[tuple[Parameter, tuple[int, ...]]]) -> Iterator[Bucket]:
    """Buckets in the order in which they are full."""
    unfilled: dict[Any, Bucket] = {}
    for param, order in parameters:
        key = param.xp, param.dtype
        bucket = unfilled.setdefault(key, Bucket(param.dtype, param.dtype, '', param.xp))
        slot = Slot(param, order, 0, bucket.size)
        bucket.slots.append(slot)
        bucket.size = slot.stop
        if bucket.nbytes >= _PIECE_BYTES:
            yield unfilled.pop(key)
    yield from unfilled.values()


def _average(comm: CommunicatorBase, bucket: Bucket) -> None:
    """Replaces the gradients of a bucket's parameters by their means."""
    flat = bucket.empty(bucket.dtype)
    length = _PIECE_BYTES // bucket.dtype.itemsize
    sources: list[Array] = []
    targets: list[Array] = []
    done = 0
    places = [(slot, start) for slot in bucket.slots for start in range(slot.start, slot.stop, length)]
    for slot, start in places:
        stop = min(start + length, slot.stop)
        grad = slot.param.grad
        if grad is None:
            flat[start:stop] = 0
        else:
            sources.append(slot.flatten(grad)[start - slot.start:stop - slot.start])
            targets.append(flat[start:stop])
        if stop - done >= length or stop == bucket.size:
            if sources:
                with np.errstate(over='ignore', invalid='ignore'):
                    backend.kernels(flat).scaled_copies(sources, targets, 1 / comm.size)
            comm.start_sum(flat[done:stop], comm.allreduce_grad_dtype).wait()
            sources, targets, done = [], [], stop
    for slot in bucket.slots:
        set_gradient(slot.param, slot.view(flat).astype(slot.param.dtype, copy=False))
