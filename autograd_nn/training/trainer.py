"""The training loop: an updater does the iterations, extensions run beside it when their triggers fire."""
from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from autograd_nn.reporter import Reporter, is_scalar
from autograd_nn.serializer import AbstractSerializer, Deserializer
from autograd_nn.serializers import save_npz
from autograd_nn.training.interrupt import DeferredInterrupt
from autograd_nn.training.state import non_finite_parameters, serialize_json, serialize_random_state
from autograd_nn.training.triggers.interval import (
    EPOCH_TOLERANCE,
    StatefulTrigger,
    TriggerLike,
    get_trigger,
    serialize_trigger,
)
from autograd_nn.training.updaters import Updater
from autograd_nn.types import PathLike
from autograd_nn.variable import as_array

# Extensions of higher priority are called first: what writes to the observation, what edits it, what reads it.
PRIORITY_WRITER = 300
PRIORITY_EDITOR = 200
PRIORITY_READER = 100


@dataclass
class _Entry:
    extension: Any
    trigger: Any
    priority: int
    call_before_training: bool

    def call(self, method: str, *args: Any) -> Any:
        """Calls a method that the extension, which may be a plain function, need not have."""
        function = getattr(self.extension, method, None)
        return None if function is None else function(*args)


class Trainer:
    """Runs an updater until a trigger stops it, and extensions between the iterations.

    In each iteration the updater updates the model once; then every extension is called whose trigger fires, those of
    higher priority first. What the model reports meanwhile is the trainer's observation.

    A trainer can be saved with `save_npz` (the extension `extensions.snapshot` does it) and loaded into another one
    that was made in the same way: the training then continues bit for bit as if it had never stopped. When an
    exception or Ctrl-C ends the training, a snapshot is left in `out`.

    Args:
        updater: The updater.
        stop_trigger: When to stop: a pair such as ``(20, 'epoch')``, a trigger, or None for never.
        out: The directory for files that extensions write; it is created. None if none of them writes any: then there
            is no snapshot of an interrupted training either.
        extensions: Extensions to add (see `extend`).

    Attributes:
        updater: The updater.
        stop_trigger: The trigger.
        observation: What has been reported in the current iteration, by name.
        out: The directory.
        is_updating: Whether an update has begun and not ended, so that a snapshot would not be exact.
        reporter: The `Reporter`, to which the optimizers' models and all their links are known by the optimizers'
            names: ``main`` and ``main/l1``, for instance.

    Example:
        >>> import tempfile, numpy as np, autograd_nn as ann
        >>> from autograd_nn import training
        >>> model = ann.Link(W=(2,))
        >>> model.W.array[...] = 0
        >>> optimizer = ann.optimizers.SGD(lr=0.1).setup(model)
        >>> iterator = ann.iterators.SerialIterator(np.ones((20, 2), 'f'), batch_size=4)
        >>> updater = training.StandardUpdater(iterator, optimizer, loss_func=lambda x: ((x - model.W) ** 2).sum())
        >>> trainer = training.Trainer(updater, (10, 'epoch'), out=tempfile.mkdtemp())
        >>> trainer.run()
        >>> updater.iteration, model.W
        (50, parameter W([1., 1.], dtype=float32))
    """

    def __init__(self, updater: Updater, stop_trigger: TriggerLike = None, out: PathLike | None = 'result',
                 extensions: Iterable[Callable[[Trainer], Any]] | None = None) -> None:
        self.updater: Any = updater
        self.stop_trigger = get_trigger(stop_trigger)
        self.observation: dict[str, Any] = {}
        self.out: Any = out
        self.is_updating = False
        self.reporter = Reporter()
        for name, optimizer in updater.get_all_optimizers().items():
            self.reporter.add_observer(name, optimizer.target)
            self.reporter.add_observers(name, optimizer.target.namedlinks(skipself=True))
        self._extensions: dict[str, _Entry] = {}
        # The names of the extensions whose turn in the current iteration is still to come.
        self._pending: list[str] = []
        self._start_at: float | None = None
        self._elapsed_before = 0.0
        self._final_elapsed_time: float | None = None
        updater.connect_trainer(self)
        for extension in extensions or ():
            self.extend(extension)

    @property
    def elapsed_time(self) -> float:
        """How long the training has been running, in seconds, up to a snapshot it was resumed from included.

        Raises:
            RuntimeError: It has not been started.
        """
        if self._start_at is None:
            raise RuntimeError('Trainer.elapsed_time: the training has not been started yet')
        return self._elapsed()

    def _elapsed(self) -> float:
        if self._final_elapsed_time is not None:
            return self._final_elapsed_time
        running = 0.0 if self._start_at is None else time.perf_counter() - self._start_at
        return self._elapsed_before + running

    @property
    def is_before_training(self) -> bool:
        """Whether no update has been made yet."""
        return self.updater.iteration == 0

    def extend(self, extension: Callable[[Trainer], Any], name: str | None = None, trigger: TriggerLike = None,
               priority: int | None = None, *, call_before_training: bool = False) -> None:
        """Adds an extension.

        Args:
            extension: An `Extension`, or any function of the trainer.
            name: Under which it is registered; by default its own name. If that is taken, a number is added to it.
            trigger: When to call it (see `get_trigger`); by default as the extension has it, or in each iteration.
            priority: By default as the extension has it.
            call_before_training: Whether to call it also before the first iteration.

        Raises:
            TypeError: It cannot be called.
            ValueError: It is named ``training``.
        """
        if not callable(extension):
            raise TypeError(f'Trainer.extend: expected an extension or a function, got {type(extension).__name__}')
        if name is None:
            name = (getattr(extension, 'name', None) or getattr(extension, 'default_name', None)
                    or getattr(extension, '__name__', None) or type(extension).__name__)
        if name == 'training':
            raise ValueError("Trainer.extend: an extension cannot be named 'training'")
        unique, count = name, 0
        while unique in self._extensions:
            count += 1
            unique = f'{name}_{count}'
        if trigger is None:
            trigger = getattr(extension, 'trigger', (1, 'iteration'))
        if priority is None:
            priority = getattr(extension, 'priority', PRIORITY_READER)
        if hasattr(extension, 'name'):
            extension.name = unique
        self._extensions[unique] = _Entry(extension, get_trigger(trigger), priority, call_before_training)

    def get_extension(self, name: str) -> Any:
        """The extension of that name.

        Raises:
            ValueError: There is none.
        """
        if name not in self._extensions:
            raise ValueError(f'Trainer.get_extension: there is no {name!r}, only '
                             f'{", ".join(self._extensions) or "no extension at all"}')
        return self._extensions[name].extension

    def run(self, show_loop_exception_msg: bool = True) -> None:
        """Runs the training loop.

        Args:
            show_loop_exception_msg: Whether to print, when an exception ends the training, where the snapshot is.

        Raises:
            RuntimeError: It has been run before.
        """
        if self._start_at is not None:
            raise RuntimeError('Trainer.run: it has been run before; make a new Trainer')
        if self.out is not None:
            Path(self.out).mkdir(parents=True, exist_ok=True)
        names = sorted(self._extensions, key=lambda name: -self._extensions[name].priority)
        self._start_at = time.perf_counter()
        try:
            # A snapshot, whose priority is low, may load the state of the others.
            for name in sorted(names, key=lambda name: self._extensions[name].priority):
                self._extensions[name].call('initialize', self)
            self._first_iteration = self.updater.iteration
            self._unset = set(non_finite_parameters(self))
            with DeferredInterrupt() as interrupt:
                self._loop(names, interrupt)
        except (Exception, KeyboardInterrupt) as error:
            self._handle(error, names, show_loop_exception_msg)
            raise
        finally:
            for name in names:
                self._extensions[name].call('finalize')
            self.updater.finalize()
            self._final_elapsed_time = self._elapsed()

    def _loop(self, names: list[str], interrupt: DeferredInterrupt) -> None:
        with self.reporter.scope(self.observation):
            if self.is_before_training:
                for name in names:
                    if self._extensions[name].call_before_training:
                        self._extensions[name].extension(self)
            # After a resumption: those that came after the extension which took the snapshot.
            self._call_extensions(self._pending)
        while not self._is_over():
            self.observation = {}
            with self.reporter.scope(self.observation):
                self._update(interrupt)
                self._call_extensions(names)
            interrupt.check()

    def _update(self, interrupt: DeferredInterrupt) -> None:
        before = getattr(self.updater, 'epoch_detail', None)
        self.is_updating = True
        try:
            self.updater.update()
        except Exception:
            # The signal that ends a program may have ended the processes of its iterator first. No batch has come then.
            self.is_updating = before is None or self.updater.epoch_detail != before
            interrupt.check()
            raise
        self.is_updating = False

    def _call_extensions(self, names: list[str]) -> None:
        self._pending = list(names)
        while self._pending:
            entry = self._extensions[self._pending.pop(0)]
            if entry.trigger(self):
                entry.extension(self)

    def _is_over(self) -> bool:
        fired = self.stop_trigger(self)
        # A training that is resumed where it is longer than the trigger has it does not wait for the next multiple.
        length = getattr(self.stop_trigger, 'get_training_length', lambda: None)()
        if fired or length is None:
            return bool(fired)
        period, unit = length
        if unit == 'iteration':
            return self.updater.iteration >= period
        return self.updater.epoch_detail >= period - EPOCH_TOLERANCE

    def _handle(self, error: BaseException, names: list[str], show: bool) -> None:
        """Lets the extensions know of an exception, and sees that there is a snapshot."""
        lines = [f'The training ended at iteration {self.updater.iteration}: {_describe(error)}']
        saved = []
        for name in names:
            try:
                path = self._extensions[name].call('on_error', self, error, error.__traceback__)
            except Exception as another:
                lines.append(f'The extension {name} could not deal with that: {_describe(another)}')
            else:
                if isinstance(path, (str, Path)):
                    saved.append(path)
        # Nothing is lost before the first update of this run.
        iteration = self.updater.iteration
        if saved or self.out is None or iteration <= getattr(self, '_first_iteration', iteration):
            pass
        elif diverged := set(non_finite_parameters(self)) - self._unset:
            lines.append(f'No snapshot of this state is saved: the parameter {min(diverged)} has become NaN or '
                         'infinite.')
        else:
            path = Path(self.out, 'snapshot_interrupted')
            try:
                save_npz(path, self)
            except Exception as another:
                lines.append(f'No snapshot could be saved: {_describe(another)}')
            else:
                saved.append(path)
        lines += [f'Snapshot: {path}' for path in saved]
        if show:
            tqdm.write('\n'.join(lines), file=sys.stderr)

    def serialize(self, serializer: AbstractSerializer) -> None:
        """Stores the whole state of the training in a serializer, or restores it from one.

        It holds the updater with its iterators, optimizers and models, the extensions, all triggers, the last
        observation, and the state of NumPy's random numbers. Chainer loads it, and snapshots of Chainer are loaded
        here; they lack the state of the random numbers and the like, which then stay as they are.
        """
        self.updater.serialize(serializer['updater'])
        serialize_trigger(self.stop_trigger, serializer['stop_trigger'])
        for name, entry in self._extensions.items():
            entry.call('serialize', serializer['extensions'][name])
            serialize_trigger(entry.trigger, serializer['extension_triggers'][name])
        elapsed = float(serializer('_snapshot_elapsed_time', self._elapsed()))
        scalars = {name: float(as_array(value)) for name, value in self.observation.items() if is_scalar(value)}
        observation = serialize_json(serializer, 'observation', scalars, strict=False)
        pending = serialize_json(serializer, 'pending_extensions',
                                 [[name, self._given_answer(name)] for name in self._pending], strict=False)
        serialize_random_state(serializer['random_state'])
        if isinstance(serializer, Deserializer):
            self._elapsed_before = elapsed
            self.observation = observation
            pending = [(name, answer) for name, answer in pending if name in self._extensions]
            self._pending = [name for name, _ in pending]
            for name, answer in pending:
                trigger = self._extensions[name].trigger
                if answer is not None and isinstance(trigger, StatefulTrigger):
                    trigger.remember(self, answer)

    def _given_answer(self, name: str) -> bool | None:
        """What an extension's trigger, which others may share, has answered in this iteration."""
        trigger = self._extensions[name].trigger
        return trigger.given_answer(self) if isinstance(trigger, StatefulTrigger) else None


def _describe(error: BaseException) -> str:
    return f'{type(error).__name__}: {error}'.rstrip(': ')
