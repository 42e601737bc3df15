"""Averages gradients over all processes, bucket after bucket, while the backward pass still computes others.

All processes start the same sums in the same order in each step, whatever happens in it: a bucket starts when its last
gradient and all buckets before it are there, and at the latest after the backward pass, where what has no gradient
counts as zeros. A process whose model has other parameters than in the step before says so in a vector of flags that is
summed, too; all processes then drop the sums, agree anew, and start over with the gradients that they have.
"""
from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Collection
from typing import Any

import numpy as np

from autograd_nn import backend
from autograd_nn.backprop import watching_leaves
from autograd_nn.distributed.communicators import CommunicatorBase
from autograd_nn.distributed.communicators.buckets import Bucket
from autograd_nn.distributed.optimizers.agreement import agree, no_kind
from autograd_nn.distributed.optimizers.buckets import Layout
from autograd_nn.link import Link
from autograd_nn.types import Array
from autograd_nn.update_rule import set_gradient
from autograd_nn.variable import Parameter, Variable, VariableNode

_logger = logging.getLogger(__name__)

# Starts to sum a bucket's vector over all processes, or as much of it as this process needs.
Start = Callable[[Bucket, Array], Any]


class Averages:
    """The averages of one step's gradients, on their way.

    While a backward pass runs, this is what watches it (see `backprop.watching_leaves`).

    Args:
        layout: The buckets.
        communicator: The processes.
        in_flight: The sums that have not ended, oldest first; those of this step are added.
        start: Starts the sum of a bucket.
        is_void: Whether this process has no gradients for this layout.
        zero_fill: Whether parameters without a gradient in any process get one of zeros.
    """

    def __init__(self, layout: Layout, communicator: CommunicatorBase, in_flight: deque[Any], start: Start,
                 is_void: bool, zero_fill: bool) -> None:
        self.layout = layout
        self._communicator, self._in_flight, self._start = communicator, in_flight, start
        self._is_void, self._zero_fill = is_void, zero_fill
        self._grads: list[dict[VariableNode, Array | None]] = [{} for _ in layout]
        self._missing = [len(bucket.slots) for bucket in layout]
        self._sums: list[tuple[Array, Any]] = []
        self._flags: np.ndarray | None = None
        self._flags_sum: Any = None
        self._there: set[VariableNode] = set()

    # --- during the backward pass

    def expect(self, leaves: Collection[VariableNode]) -> None:
        if self._zero_fill:
            self._start_flags()
        for node in self.layout.slots.keys() - set(leaves):
            self._put(node, None)
        self._start_complete()

    def arrived(self, leaf: VariableNode, g: Variable | None) -> None:
        if leaf in self.layout.slots:
            self._put(leaf, g)
            self._start_complete()
        self._poke()

    def _poke(self) -> None:
        while self._in_flight and self._in_flight[0].poke():
            self._in_flight.popleft()

    def _put(self, node: VariableNode, g: Variable | None) -> None:
        before = node.grad_var
        if before is not None:
            g = before if g is None else before.plus(g)
        bucket = self.layout.slots[node].bucket
        self._grads[bucket][node] = None if g is None else g.array
        self._missing[bucket] -= 1

    def _start_complete(self) -> None:
        while len(self._sums) < len(self._missing) and not self._missing[len(self._sums)]:
            grads = self._grads[len(self._sums)]
            self._start_next([grads.pop(slot.node) for slot in self._bucket().slots])

    def _bucket(self) -> Bucket:
        """The next one to start."""
        return self.layout.buckets[len(self._sums)]

    def _start_next(self, grads: list[Array | None]) -> None:
        bucket = self._bucket()
        if not self._zero_fill:
            self._there.update(slot.node for slot, grad in zip(bucket.slots, grads) if grad is not None)
        flat = bucket.pack(grads, 1 / self._communicator.size)
        reduction = self._start(bucket, flat)
        self._sums.append((flat, reduction))
        self._in_flight.append(reduction)

    def _start_flags(self) -> None:
        """Tells the other processes whether this one has other parameters, and which of them have gradients."""
        there = [] if self._zero_fill else [node in self._there for node in self.layout.slots]
        self._flags = np.array([self._is_void, *there], np.float32)
        self._flags_sum = self._communicator.start_sum(self._flags, None)
        self._in_flight.append(self._flags_sum)

    # --- after it

    def complete(self) -> None:
        """Starts what has not been started, with the gradients that the parameters have now."""
        # In the same order as where a backward pass was watched.
        if self._zero_fill and self._flags_sum is None:
            self._start_flags()
        while len(self._sums) < len(self.layout):
            self._start_next([None if self._is_void else slot.node.grad for slot in self._bucket().slots])
        if not self._zero_fill:
            self._start_flags()

    def are_void(self) -> bool:
        """Whether any process has other parameters; waits for their answers."""
        assert self._flags is not None
        self._flags_sum.wait()
        return bool(self._flags[0])

    def wait(self) -> list[Array]:
        """The buckets, as soon as all sums are there."""
        for _, reduction in self._sums:
            reduction.wait()
        self._poke()
        return [flat for flat, _ in self._sums]

    def deliver(self, scale: float | None = None) -> None:
        """Waits for the averages and makes them the parameters' gradients, as views of the buckets.

        Args:
            scale: What to divide them by.
        """
        assert self._flags is not None
        flats = self.wait()
        if scale is not None:
            divide(flats, scale)
        slots = list(self.layout.slots.values())
        if not self._zero_fill:
            slots = [slot for slot, is_there in zip(slots, self._flags[1:].tolist(), strict=True) if is_there]
        for slot in slots:
            set_gradient(slot.param, slot.view(flats[slot.bucket]))


def divide(flats: list[Array], scale: float) -> None:
    """Divides the elements of arrays, in place."""
    for flat in flats:
        with np.errstate(over='ignore', invalid='ignore'):
            backend.kernels(flat).scaled_copies([flat], [flat], 1 / scale)


class _Arrivals:
    """Watches a backward pass to learn in which order gradients arrive."""

    def __init__(self) -> None:
        self.nodes: list[VariableNode] = []

    def expect(self, leaves: Collection[VariableNode]) -> None:
        pass

    def arrived(self, leaf: VariableNode, g: Variable | None) -> None:
        self.nodes.append(leaf)


class GradientAverager:
    """Averages the gradients of a model over all processes, step after step.

    Args:
        communicator: The processes.
        bucket_bytes: How large a bucket becomes.
        zero_fill: Whether parameters without a gradient in any process get one of zeros.
        kind: The kind of a parameter, see `Layout`.
        divisor: What the number of elements of a bucket is a multiple of.
    """

    def __init__(self, communicator: CommunicatorBase, bucket_bytes: int, zero_fill: bool,
                 kind: Callable[[Parameter], str] = no_kind, divisor: int = 1) -> None:
        self.communicator = communicator
        self.layout: Layout | None = None
        self.zero_fill = zero_fill
        self._bucket_bytes, self._kind, self._divisor = bucket_bytes, kind, divisor
        self._in_flight: deque[Any] = deque()
        self._arrivals: list[VariableNode] = []
        self._failed = False

    def forget(self) -> None:
        """Forgets the layout: all processes agree anew in the next step."""
        self.layout = None

    def start(self, bucket: Bucket, flat: Array) -> Any:
        """Starts to sum a bucket."""
        return self.communicator.start_sum(flat, bucket.wire_dtype)

    def before_agreement(self) -> None:
        """Called in all processes before they agree anew, which gives the gradients other places."""

    def is_current(self, target: Link) -> bool:
        """Whether the model is as it was when the processes agreed."""
        return self.layout is not None and self.layout.fits(target)

    def watch(self, target: Link, backpropagate: Callable[[], None]) -> Averages | None:
        """Runs a backward pass, and starts to average gradients meanwhile if the model is as it was.

        Args:
            target: The model.
            backpropagate: Runs it.
        """
        if self._failed:
            raise RuntimeError('update: an earlier backward pass ended with an error while gradients were on their way '
                               'to other processes; start all processes anew')
        if not self.is_current(target):
            arrivals = _Arrivals()
            with watching_leaves(arrivals):
                backpropagate()
            self._arrivals = arrivals.nodes
            return None
        averages = self._averages(target)
        self._failed = True
        with watching_leaves(averages):
            backpropagate()
        self._failed = False
        return averages

    def _averages(self, target: Link) -> Averages:
        assert self.layout is not None
        return Averages(self.layout, self.communicator, self._in_flight, self.start, not self.layout.fits(target),
                        self.zero_fill)

    def complete(self, target: Link, averages: Averages | None,
                 recompute: Callable[[], None] | None) -> Averages | None:
        """Starts all that is left to do of a step; all processes call this together.

        Args:
            target: The model.
            averages: What `watch` returned, None where there is nothing yet.
            recompute: Computes the gradients again, in case the parameters are not those of the first process. None
                where it must not.

        Returns:
            The averages, on their way; None where nothing can be done with the gradients, as some were computed with
            other parameters.
        """
        while True:
            if self.layout is not None:
                averages = averages or self._averages(target)
                averages.complete()
                if not averages.are_void():
                    return averages
                averages.wait()
                averages = None
            self.before_agreement()
            agreement = agree(self.communicator, target, self._arrivals, self._kind)
            self._arrivals = []
            self.layout = Layout(target, agreement.parameters, agreement.axes, self._bucket_bytes,
                                 self.communicator.allreduce_grad_dtype, self._divisor, self._kind)
            _logger.debug('the gradients of %d parameters are averaged in %d buckets of %s bytes',
                          len(self.layout.slots), len(self.layout), [bucket.nbytes for bucket in self.layout])
            if agreement.has_changed:
                may_recompute = all(self.communicator.allgather_obj(recompute is not None))
                if recompute is None or not may_recompute:
                    _logger.debug('the parameters were not those of the first process: nothing is updated')
                    return None
                recompute()  # In all processes: the model may communicate, as batch normalization over all does.
