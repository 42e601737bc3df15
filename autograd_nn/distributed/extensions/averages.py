"""Means over many processes: of what they observe, and of what layers remember."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_nn import backend
from autograd_nn.distributed.communicators import CommunicatorBase
from autograd_nn.dtypes import has_gradient
from autograd_nn.link import Link
from autograd_nn.reporter import Summary
from autograd_nn.serializer import AbstractSerializer, Deserializer
from autograd_nn.training.extension import PRIORITY_EDITOR, PRIORITY_WRITER, Extension
from autograd_nn.training.progress import Progress
from autograd_nn.training.trainer import Trainer
from autograd_nn.training.triggers import EarlyStoppingTrigger
from autograd_nn.training.triggers.interval import TriggerLike, get_trigger, serialize_trigger
from autograd_nn.variable import as_array


class AllreducePersistent(Extension):
    """Replaces what the layers of a model remember, such as running means and variances, by the means over all processes.

    Integers, such as counts, stay as they are. It is to be called before the model is evaluated or saved.

    Args:
        model: The model; of the same structure in all processes.
        comm: The processes.
    """

    trigger = (1, 'epoch')
    priority = PRIORITY_WRITER + 1  # before evaluators

    def __init__(self, model: Link, comm: CommunicatorBase) -> None:
        self.model = model
        self.comm = comm

    def __call__(self, trainer: Trainer | None = None) -> None:
        """Does it; all processes call this together.

        Args:
            trainer: The trainer; not needed.
        """
        for _, link in sorted(self.model.namedlinks()):
            for name in sorted(link._persistent):
                value = getattr(link, name)
                if backend.is_array(value) and has_gradient(value.dtype):
                    value[...] = self.comm.allreduce(value) / self.comm.size


class ObservationAggregator(Extension):
    """Replaces a value that the trainer observes by the mean over all processes.

    Args:
        comm: The processes.
        original_key: The value's key in the observation.
        aggregated_key: Under which key to write the mean; by default the same.
        comm_trigger: When to do so: the values since the last time are gathered, and count alike.
        aggregator: What to write instead of the mean: a function of the values, for each process a list of those since
            the last time. It is called in the process of rank 0.
    """

    trigger = (1, 'iteration')
    priority = PRIORITY_EDITOR

    def __init__(self, comm: CommunicatorBase, original_key: str, aggregated_key: str | None = None, *,
                 comm_trigger: TriggerLike = (1, 'iteration'),
                 aggregator: Callable[[list[list[Any]]], Any] | None = None) -> None:
        self.comm = comm
        self.original_key = original_key
        self.aggregated_key = original_key if aggregated_key is None else aggregated_key
        self.comm_trigger = get_trigger(comm_trigger)
        self.aggregator = aggregator or _mean
        self._values: list[Any] = []

    def __call__(self, trainer: Trainer) -> None:
        """Takes down the value, and writes the mean when the trigger fires; all processes call this together.

        Args:
            trainer: The trainer.
        """
        if self.original_key in trainer.observation:
            value = as_array(trainer.observation[self.original_key])
            self._values.append(backend.to_cpu(value) if backend.is_array(value) else value)
        if self.comm_trigger(trainer):
            everybodys = self.comm.gather_obj(self._values)
            self._values = []
            result = self.comm.bcast_obj(None if everybodys is None else self.aggregator(everybodys))
            if result is not None:
                trainer.observation[self.aggregated_key] = result

    def serialize(self, serializer: AbstractSerializer) -> None:
        """Stores the values since the last time in a serializer, or restores them from one."""
        serialize_trigger(self.comm_trigger, serializer['comm_trigger'])
        values = serializer('values', None if isinstance(serializer, Deserializer) else np.array(self._values))
        self._values = list(values)


def _mean(everybodys: list[list[Any]]) -> Any:
    values = [value for values in everybodys for value in values]
    return sum(values) / len(values) if values else None


class MultiNodeEarlyStoppingTrigger(EarlyStoppingTrigger):
    """An `EarlyStoppingTrigger` that goes by the average over all processes, so that they stop together.

    Args:
        comm: The processes.
        check_trigger: See `EarlyStoppingTrigger`, as for the others.
        monitor: As there.
        patience: As there; 3 by default.
        mode: As there.
        verbose: As there; the process of rank 0 prints.
        max_trigger: As there.
        suffix: What is added to the key, under which the average is written to the observation.
        patients: An older name of `patience`.
    """

    def __init__(self, comm: CommunicatorBase, *, check_trigger: TriggerLike = (1, 'epoch'), monitor: str = 'main/loss',
                 patience: int | None = None, mode: str = 'auto', verbose: bool = False,
                 max_trigger: TriggerLike = (100, 'epoch'), suffix: str = '_aggregated',
                 patients: int | None = None) -> None:
        super().__init__(check_trigger, monitor, 3 if patience is None else patience, mode,
                         verbose and comm.rank == 0, max_trigger, patients=patients)
        self.comm = comm
        self.suffix = suffix

    def fires(self, trainer: Progress) -> bool:
        """Whether to stop, as in all other processes, which call this together."""
        self._average: float | None = None
        fires = super().fires(trainer)
        if self._average is not None:
            trainer.observation[self.monitor + self.suffix] = self._average
        return fires

    def _merge(self, summary: Summary) -> Summary:
        summary = self.comm.allreduce_obj(Summary() + summary)
        if not summary.is_empty:
            self._average = summary.compute_mean()
        return summary
