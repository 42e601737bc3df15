"""In which buckets the gradients of a model travel."""
from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from autograd_nn.distributed.communicators.buckets import Bucket, Slot
from autograd_nn.distributed.optimizers.agreement import no_kind, trained
from autograd_nn.link import Link
from autograd_nn.types import DTypeLike
from autograd_nn.variable import Parameter, VariableNode


class Layout:
    """In which buckets the gradients of a model travel; the same in all processes.

    Args:
        target: This process's model.
        parameters: Those that are trained, in the order in which their gradients arrive.
        axes: For each, the order in which its axes lie in memory.
        bucket_bytes: How large a bucket becomes.
        wire_dtype: The dtype in which gradients travel; None for that of the parameter.
        divisor: What the number of elements of a bucket is a multiple of; those beyond the gradients are zeros.
        kind: The kind of a parameter; those of one kind are in one bucket.
    """

    def __init__(self, target: Link, parameters: Sequence[Parameter], axes: Sequence[tuple[int, ...]],
                 bucket_bytes: int, wire_dtype: DTypeLike | None, divisor: int = 1,
                 kind: Callable[[Parameter], str] = no_kind) -> None:
        self._kind = kind
        self._signature = self._sign(target)
        self.buckets: list[Bucket] = []
        self.slots: dict[VariableNode, Slot] = {}
        open_buckets: dict[Any, int] = {}
        for param, order in zip(parameters, axes, strict=True):
            key = param.xp, param.dtype, kind(param)
            if key not in open_buckets:
                open_buckets[key] = len(self.buckets)
                self.buckets.append(Bucket(param.dtype, wire_dtype or param.dtype, kind(param), param.xp))
            number = open_buckets[key]
            bucket = self.buckets[number]
            slot = self.slots[param.node] = Slot(param, order, number, bucket.size)
            bucket.slots.append(slot)
            bucket.size = slot.stop
            if bucket.nbytes >= bucket_bytes:
                del open_buckets[key]
        for bucket in self.buckets:
            bucket.size += -bucket.size % divisor

    def fits(self, target: Link) -> bool:
        """Whether the model still has the parameters that it had, with the same shapes and dtypes, in one place."""
        return self._sign(target) == self._signature

    def _sign(self, target: Link) -> list[tuple[Any, ...]]:
        """What the layout depends on."""
        return [(param.node, param.shape, param.dtype, type(param.array), self._kind(param))
                for param in trained(target)]

    def __iter__(self) -> Iterator[Bucket]:
        return iter(self.buckets)

    def __len__(self) -> int:
        return len(self.buckets)

