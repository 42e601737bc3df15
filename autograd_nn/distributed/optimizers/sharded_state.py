"""Optimizers whose state is spread over the processes: each keeps, and updates by, its part of it (ZeRO, stage 1).

See Rajbhandari et al., ZeRO: memory optimizations toward training trillion parameter models, 2019,
https://arxiv.org/abs/1910.02054.

Every bucket of gradients has as many parts as there are processes. Of rules that update each element by itself, a
process updates the elements in its part, whichever parameters they belong to, so that one large parameter is
spread evenly, too. It needs the averages of that part alone (a reduce-scatter), unless a hook looks at whole gradients.
Then all processes get the new values of all parts. A parameter with another rule is updated by one process.
"""
from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from autograd_nn import backend
from autograd_nn.distributed.communicators import CommunicatorBase
from autograd_nn.distributed.communicators.buckets import Bucket, Slot
from autograd_nn.distributed.communicators.parts import part_of
from autograd_nn.distributed.optimizers.averaging import Averages, GradientAverager, divide
from autograd_nn.distributed.optimizers.buckets import Layout
from autograd_nn.distributed.optimizers.multi_node_optimizer import MultiNodeOptimizer
from autograd_nn.link import Link
from autograd_nn.optimizer import GradientMethod
from autograd_nn.optimizer_hooks import GradientHardClipping, GradientScaling, Lasso, WeightDecay
from autograd_nn.serializer import AbstractSerializer, Deserializer
from autograd_nn.types import Array
from autograd_nn.update_rule import KernelRule, UpdateRule, set_gradient, update_parameters
from autograd_nn.variable import Parameter, Variable

_logger = logging.getLogger(__name__)

# The kinds of parameters: a process needs the averages of its part of the gradient; it updates its part, but needs the
# whole gradient for hooks; one process updates all of it.
_SCATTERED, _SLICED, _WHOLE = 'updated in parts', 'updated in parts by whole gradients', 'updated as a whole'
# A subclass may do something else.
_ELEMENTWISE_HOOKS = WeightDecay, Lasso, GradientHardClipping, GradientScaling


class _Piece(NamedTuple):
    """The elements of a parameter that this process updates: those from `start` to `stop` of it as a vector."""

    slot: Slot
    start: int
    stop: int
    param: Parameter

    def of(self, array: Array) -> Array:
        """The same elements of an array of the parameter's shape."""
        return self.slot.flatten(array)[self.start:self.stop]


class _Shards:
    """What this process updates.

    Args:
        layout: The buckets.
        communicator: The processes.
    """

    def __init__(self, layout: Layout, communicator: CommunicatorBase) -> None:
        self.layout, self._communicator = layout, communicator
        self.pieces: list[_Piece] = []
        self.owners: list[tuple[Parameter, int]] = []
        rank, size = communicator.rank, communicator.size
        loads = [0] * size
        for slot in layout.slots.values():
            bucket = layout.buckets[slot.bucket]
            if bucket.kind == _WHOLE:
                owner = loads.index(min(loads))
                loads[owner] += slot.param.size
                self.owners.append((slot.param, owner))
                continue
            first = rank * bucket.size // size
            start, stop = max(slot.start, first), min(slot.stop, first + bucket.size // size)
            if start < stop:
                piece = Parameter(name=slot.param.name, dtype=slot.param.dtype)
                self.pieces.append(_Piece(slot, start - slot.start, stop - slot.start, piece))
        self.owned = [param for param, owner in self.owners if owner == rank]
        mine = {id(piece.slot.param) for piece in self.pieces} | {id(param) for param in self.owned}
        self._others = [slot.param for slot in layout.slots.values() if id(slot.param) not in mine]
        self._cut_states()

    def params(self, include_uninit: bool = True) -> Iterator[Parameter]:
        """What this process updates, as if it were all parameters of a model."""
        for piece in self.pieces:
            yield piece.param
        yield from self.owned

    def refresh(self) -> None:
        """Has the pieces follow what a program has given to the parameters since."""
        for piece in self.pieces:
            # A view of the parameter's memory, unless that has gaps or another order of axes than the bucket.
            piece.param.array = piece.of(piece.slot.param.array)
            piece.param.update_rule = piece.slot.param.update_rule

    def exchange(self) -> None:
        """Gives all processes the values that each has updated, and counts the updates of the others' rules."""
        started = []
        for number, bucket in enumerate(self.layout):
            if bucket.kind != _WHOLE:
                values = bucket.empty(bucket.param_dtype)
                for piece in self.pieces:
                    if piece.slot.bucket == number:
                        start = piece.slot.start
                        values[start + piece.start:start + piece.stop] = piece.param.array
                started.append((bucket, values, self._communicator.start_allgather(values)))
        for bucket, values, gathering in started:
            gathering.wait()
            for slot in bucket.slots:
                backend.copyto(slot.param.array, slot.view(values))
        for param, owner in self.owners:
            backend.copyto(param.array, self._communicator.bcast(param.array, owner))
        for param in self._others:
            if param.update_rule is not None and param.update_rule.enabled:
                param.update_rule.t += 1

    # --- states

    def rules(self) -> list[UpdateRule]:
        """The rules of all parameters."""
        return [slot.param.update_rule for slot in self.layout.slots.values() if slot.param.update_rule is not None]

    def _cut_states(self) -> None:
        """Keeps only this process's part of states that are there already."""
        for param in self._others:
            if param.update_rule is not None:
                _set_state(param.update_rule, None, None)
        for piece in self.pieces:
            rule = piece.slot.param.update_rule
            if rule is None:
                continue
            state, precise = _get_state(rule)
            shape = piece.slot.param.shape
            if state is not None:
                state = {name: piece.of(value).copy() if _has_shape(value, shape) else value
                         for name, value in state.items()}
            _set_state(rule, state, None if precise is None else piece.of(precise).copy())

    def states(self) -> dict[int, tuple[int, int, Any, Any]]:
        """This process's part of the states, on the host, by the numbers of parameters."""
        numbers = {id(slot.param): i for i, slot in enumerate(self.layout.slots.values())}
        parts = [(piece.slot.param, piece.start, piece.stop) for piece in self.pieces]
        parts += [(param, -1, -1) for param in self.owned]
        found = {}
        for param, start, stop in parts:
            if param.update_rule is not None:
                state, precise = _get_state(param.update_rule)
                state = state and {name: backend.to_cpu(value) if backend.is_array(value) else value
                                   for name, value in state.items()}
                found[numbers[id(param)]] = start, stop, state, precise if precise is None else backend.to_cpu(precise)
        return found

    def join_states(self, everybodys: list[dict[int, tuple[int, int, Any, Any]]]) -> None:
        """Gives every rule its whole state.

        Args:
            everybodys: The `states` of all processes.
        """
        for number, slot in enumerate(self.layout.slots.values()):
            parts = [each[number] for each in everybodys if number in each]
            if not parts or slot.param.update_rule is None:
                continue
            state, precise = parts[0][2:]
            if parts[0][0] >= 0:
                if state is not None:
                    state = {name: _join(slot, [(*part[:2], part[2][name]) for part in parts]) for name in state}
                if precise is not None:
                    precise = _join(slot, [(*part[:2], part[3]) for part in parts])
            _set_state(slot.param.update_rule, state, None if precise is None else slot.param.device.send(precise))


def _has_shape(value: Any, shape: tuple[int, ...]) -> bool:
    return backend.is_array(value) and value.shape == shape


def _join(slot: Slot, parts: list[tuple[int, int, Any]]) -> Any:
    """An entry of a parameter's state, from those of the parts."""
    start, stop, first = parts[0]
    if not _has_shape(first, (stop - start,)):
        return first
    xp = slot.param.xp
    vector = xp.empty(slot.param.size, first.dtype)
    for start, stop, value in parts:
        vector[start:stop] = xp.asarray(value)
    return slot.unflatten(vector)


def _get_state(rule: UpdateRule) -> tuple[dict[str, Any] | None, Array | None]:
    """A rule's state, and its copy of the parameter in float32."""
    return rule._state, None if rule._fp32_param is None else rule._fp32_param.array


def _set_state(rule: UpdateRule, state: dict[str, Any] | None, precise: Array | None) -> None:
    rule._state, rule._state_place = state, None
    rule._fp32_param = None if precise is None else Variable(precise)


class _ScatteringAverager(GradientAverager):
    """Averages as much of the gradients as each process needs."""

    optimizer: ShardedOptimizer

    def start(self, bucket: Bucket, flat: Array) -> Any:
        if bucket.kind == _SCATTERED:
            return self.communicator.start_part_sum(flat, bucket.wire_dtype)
        return super().start(bucket, flat)

    def before_agreement(self) -> None:
        self.optimizer._join_states()


class ShardedOptimizer(MultiNodeOptimizer):
    """A multi-node optimizer of which each process has a part of the state (ZeRO, stage 1); the numbers are the same.

    Parameters have no gradients after an update, unless a hook needs them whole. `serialize` gives and takes whole
    states, as they are without this. To save, all processes call it together; or they call `collect_state` together,
    and then the first one alone can save.

    Args:
        actual_optimizer: The optimizer.
        communicator: The processes.
        bucket_bytes: How large a bucket becomes.
        zero_fill: Whether parameters without a gradient in any process get one of zeros.
    """

    _shards: _Shards | None = None
    # The number of updates after which states were collected, and in the first process what it got.
    _collected: tuple[int, list[dict[int, Any]] | None] | None = None
    _own = {*MultiNodeOptimizer._own, '_shards', '_collected'}

    def __init__(self, actual_optimizer: GradientMethod, communicator: CommunicatorBase, bucket_bytes: int,
                 zero_fill: bool) -> None:
        averager = _ScatteringAverager(communicator, bucket_bytes, zero_fill, self._kind, communicator.size)
        averager.optimizer = self
        super().__init__(actual_optimizer, communicator, averager)

    def setup(self, link: Link) -> MultiNodeOptimizer:
        self._shards = None
        return super().setup(link)

    def _kind(self, param: Parameter) -> str:
        rule = param.update_rule
        if isinstance(rule, KernelRule) and rule.is_elementwise and rule.can_share_a_call(param):
            return _SCATTERED if self._hook_of_whole_gradients() is None else _SLICED
        return _WHOLE

    def _hook_of_whole_gradients(self) -> str | None:
        """The name of a hook that may look at more than one element of a gradient."""
        for hooks in self.actual_optimizer._named_hooks('update').hooks.values():
            for name, hook in hooks.items():
                if type(hook) not in _ELEMENTWISE_HOOKS:
                    return name
        return None

    def _update(self, averages: Averages | None, scale: float | None) -> None:
        if averages is None:
            return
        if self._shards is None:
            self._shards = _Shards(averages.layout, self.communicator)
            hook = self._hook_of_whole_gradients()
            if hook is not None:
                _logger.debug('all processes get whole gradients: the hook %s may look at them', hook)
        shards = self._shards
        shards.refresh()
        flats = averages.wait()
        buckets = list(averages.layout)
        rank, size = self.communicator.rank, self.communicator.size
        parts = [part_of(flat, rank, size) if bucket.kind == _SCATTERED else flat
                 for bucket, flat in zip(buckets, flats)]
        if scale is not None:
            divide(parts, scale)
        for slot in averages.layout.slots.values():
            if buckets[slot.bucket].kind == _SCATTERED:
                slot.param.cleargrad()
            else:
                set_gradient(slot.param, slot.view(flats[slot.bucket]))
        for piece in shards.pieces:
            set_gradient(piece.param, _part_of(piece, flats[piece.slot.bucket]))
        with self._in_parts(shards):
            self.actual_optimizer.update()

    @contextmanager
    def _in_parts(self, shards: _Shards) -> Iterator[None]:
        """Has the optimizer update this process's parts, and see nothing else if that is enough for its hooks."""
        actual: Any = self.actual_optimizer
        target = actual.target
        takes_parts = self._hook_of_whole_gradients() is None

        def update_params() -> None:
            if not takes_parts:
                for piece in shards.pieces:
                    set_gradient(piece.param, piece.of(piece.slot.param.grad))
            update_parameters(shards.params(), actual.is_safe_to_update)
            if actual.is_safe_to_update():
                shards.exchange()

        actual._update_params = update_params
        if takes_parts:
            actual.target = shards
            actual._is_true_anywhere = lambda value: any(self.communicator.allgather_obj(value))
        try:
            yield
        finally:
            actual.target = target
            del actual._update_params
            vars(actual).pop('_is_true_anywhere', None)
            for piece in shards.pieces:
                piece.param.cleargrad()

    # --- states

    def collect_state(self) -> None:
        """Brings the states of all processes, which call this together, to the first one.

        From then on `serialize` sends nothing: it stores, in the first process, what was collected since the last
        update.
        """
        self._collected = self.t, self.communicator.gather_obj(self._states())

    def _states(self) -> dict[int, Any]:
        return {} if self._shards is None else self._shards.states()

    def _take_collected(self) -> list[dict[int, Any]]:
        assert self._collected is not None
        t, everybodys = self._collected
        if t != self.t or everybodys is None:
            raise RuntimeError('serialize: the parts of the state that other processes have were not collected here '
                               'after the last update')
        return everybodys

    def _join_states(self, everybodys: list[dict[int, Any]] | None = None) -> None:
        """Gives every rule its whole state.

        Args:
            everybodys: The parts of all processes; None where these call this together.
        """
        if everybodys is None:
            everybodys = self.communicator.allgather_obj(self._states())
        if self._shards is not None:
            self._shards.join_states(everybodys)
        self._shards = None

    def serialize(self, serializer: AbstractSerializer) -> None:
        """Stores the whole state, for which all processes call this together, or restores it.

        Raises:
            RuntimeError: `collect_state` was called, but not after the last update, or this is not the first process.
        """
        shards = self._shards
        if isinstance(serializer, Deserializer):
            for rule in [] if shards is None else shards.rules():
                _set_state(rule, None, None)
            self._shards = None
            self.actual_optimizer.serialize(serializer)
            return
        parts = [] if shards is None else [(rule, *_get_state(rule)) for rule in shards.rules()]
        self._join_states(None if self._collected is None else self._take_collected())
        try:
            self.actual_optimizer.serialize(serializer)
        finally:
            for rule, state, precise in parts:
                _set_state(rule, state, precise)
            self._shards = shards
            if self._collected is not None:
                self._collected = -1, None  # What was collected is large, and no longer needed.


def _part_of(piece: _Piece, flat: Array) -> Array:
    """The elements of a piece in its bucket's vector."""
    return flat[piece.slot.start + piece.start:piece.slot.start + piece.stop]
