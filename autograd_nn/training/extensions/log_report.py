"""The log of a training."""
from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from autograd_nn.reporter import DictSummary
from autograd_nn.serializer import AbstractSerializer
from autograd_nn.training.extension import Extension
from autograd_nn.training.state import serialize_json
from autograd_nn.training.trainer import Trainer
from autograd_nn.training.triggers.interval import TriggerLike, get_trigger, serialize_trigger
from autograd_nn.utils.atomic import atomic_write
from autograd_nn.utils.readable import to_json


class LogReport(Extension):
    """Averages what is reported, interval by interval, and writes the log as JSON: a list with a dict per interval.

    Each dict has the means of the reported values (``main/loss``, ``validation/main/accuracy``, ...) and ``epoch``,
    ``iteration`` and ``elapsed_time`` (in seconds). The file is replaced as a whole, so that it can be read at any
    time. It is strict JSON: where a mean is NaN or infinite, it has ``null``.

    Args:
        keys: The values to log; None for all of them.
        trigger: The interval.
        postprocess: Called with each dict, which it may change, before it is added.
        filename: The file's name in the trainer's directory, in which ``{epoch}``, say, stands for that value of the
            dict; None writes no file.
        log_name: An older name of `filename`.
        summary: Makes what averages the values of an interval.
    """

    def __init__(self, keys: Iterable[str] | None = None, trigger: TriggerLike = (1, 'epoch'),
                 postprocess: Callable[[dict[str, Any]], Any] | None = None, filename: str | None = 'log', *,
                 log_name: str | None = None, summary: Callable[[], DictSummary] = DictSummary) -> None:
        self._keys = None if keys is None else list(keys)
        self._trigger = get_trigger(trigger)
        self._postprocess = postprocess
        self._filename = log_name or filename
        self._log: list[dict[str, Any]] = []
        self._make_summary = summary
        self._summary = summary()

    @property
    def log(self) -> list[dict[str, Any]]:
        """The dicts of all intervals so far."""
        return self._log

    def __call__(self, trainer: Trainer) -> None:
        observation = trainer.observation
        if self._keys is not None:
            observation = {key: observation[key] for key in self._keys if key in observation}
        self._summary.add(observation)
        # Before the training there are values but no interval yet.
        if not (trainer.is_before_training or self._trigger(trainer)):
            return
        entry: dict[str, Any] = {**self._summary.compute_mean()}
        entry['epoch'] = trainer.updater.epoch
        entry['iteration'] = trainer.updater.iteration
        entry['elapsed_time'] = trainer.elapsed_time
        if self._postprocess is not None:
            self._postprocess(entry)
        self._log.append(entry)
        self._summary = self._make_summary()
        if self._filename is not None:
            with atomic_write(Path(trainer.out, self._filename.format(**entry))) as file:
                file.write(to_json(self._log, indent=4))

    def serialize(self, serializer: AbstractSerializer) -> None:
        serialize_trigger(self._trigger, serializer['_trigger'])
        self._summary.serialize(serializer['_summary'])
        self._log[:] = serialize_json(serializer, '_log', self._log)
