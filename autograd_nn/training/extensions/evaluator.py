"""Evaluation on a validation set."""
from __future__ import annotations

import copy
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from tqdm import tqdm

from autograd_nn.backend import DeviceLike, get_device
from autograd_nn.config import no_backprop_mode, using_config
from autograd_nn.dataset.convert import call_converter, call_with_batch, concat_examples
from autograd_nn.dataset.iterator import Iterator
from autograd_nn.link import Link
from autograd_nn.reporter import DictSummary, Reporter, report, report_scope
from autograd_nn.serializer import AbstractSerializer
from autograd_nn.training.extension import PRIORITY_WRITER, Extension
from autograd_nn.training.trainer import Trainer


class MeanOverSet(float):
    """A value's mean over a set that has the mean over its batches beside it, in which each batch has the same weight.

    Where models report sums, such as numbers of correct answers, the ratio of two such means is that over the set.

    Attributes:
        over_batches: The mean over the batches.
    """

    over_batches: float

    @classmethod
    def of(cls, value: float, over_batches: float) -> MeanOverSet:
        """Puts both means together."""
        mean = cls(value)
        mean.over_batches = over_batches
        return mean


class Evaluator(Extension):
    """Runs a model over a validation set and reports the means of what it reports, under ``validation/``.

    A value's mean over the set is that of the batches, weighted by their sizes, so that a smaller last batch does not
    count for more than its examples; for ratios of reported sums there is `MicroAverage`. Dropout and the like behave
    as in inference, and no graph is recorded.

    Args:
        iterator: An iterator that goes over the set once (``repeat=False``), or several by name, ``main`` among them.
        target: The model, or several by name, ``main`` among them.
        converter: Makes arrays of a batch: a `Converter` or a function of the batch and the number of a GPU (-1 for the
            CPU; see `call_converter`).
        device: The device to which batches are sent; None leaves them where they are.
        eval_hook: Called with this extension before each evaluation.
        eval_func: What to call with each batch; by default the model.
        progress_bar: Whether to show a progress bar.
        summary: Makes what averages the values.

    Attributes:
        name: Another prefix than ``validation``: give it to `Trainer.extend`.

    Example:
        >>> import numpy as np, autograd_nn as ann
        >>> from autograd_nn.training import extensions
        >>> model = ann.Link()
        >>> iterator = ann.iterators.SerialIterator(np.arange(5.), 2, repeat=False, shuffle=False)
        >>> evaluator = extensions.Evaluator(
        ...     iterator, model, eval_func=lambda x: ann.report({'mean': x.mean()}, model))
        >>> evaluator()
        {'main/mean': 2.0}
    """

    trigger = (1, 'epoch')
    default_name = 'validation'
    priority = PRIORITY_WRITER

    def __init__(self, iterator: Iterator | dict[str, Iterator], target: Link | dict[str, Link],
                 converter: Callable[..., Any] = concat_examples, device: DeviceLike | None = None,
                 eval_hook: Callable[[Evaluator], Any] | None = None, eval_func: Callable[..., Any] | None = None, *,
                 progress_bar: bool = False, summary: Callable[[], DictSummary] = DictSummary) -> None:
        self._iterators: dict[str, Any] = iterator if isinstance(iterator, dict) else {'main': iterator}
        self._targets: dict[str, Any] = target if isinstance(target, dict) else {'main': target}
        for name, each in self._iterators.items():
            if getattr(each, 'repeat', False) is True:
                warnings.warn(f'{type(self).__name__}: the iterator {name!r} begins again at its end, so that the '
                              'evaluation would never end; give one with repeat=False',
                              stacklevel=3)  # the caller is behind what explains wrong arguments
        self.converter = converter
        self.device = None if device is None else get_device(device)
        self.eval_hook = eval_hook
        self.eval_func = eval_func
        self._progress_bar = progress_bar
        self._make_summary = summary

    def get_iterator(self, name: str) -> Any:
        """The iterator of that name."""
        return self._iterators[name]

    def get_all_iterators(self) -> dict[str, Any]:
        """All iterators by name."""
        return dict(self._iterators)

    def get_target(self, name: str) -> Any:
        """The model of that name."""
        return self._targets[name]

    def get_all_targets(self) -> dict[str, Any]:
        """All models by name."""
        return dict(self._targets)

    def __call__(self, trainer: Trainer | None = None) -> dict[str, float]:
        """Evaluates, and reports the results to the current reporter, if there is one.

        Args:
            trainer: The trainer; not needed.

        Returns:
            The mean of each value by name.
        """
        prefix = '' if self.name is None else f'{self.name}/'
        reporter = Reporter()
        for name, target in self._targets.items():
            reporter.add_observer(prefix + name, target)
            reporter.add_observers(prefix + name, target.namedlinks(skipself=True))
        with reporter, using_config('train', False):
            result = self.evaluate()
        report(result)
        return result

    def evaluate(self) -> dict[str, float]:
        """Goes over the main iterator; to evaluate something else, override this.

        Returns:
            The mean of each value that the models report, by name.
        """
        if self.eval_hook is not None:
            self.eval_hook(self)
        iterator = self._iterators['main']
        if hasattr(iterator, 'reset'):
            iterator.reset()
        else:
            iterator = copy.copy(iterator)
        summary, over_batches = self._make_summary(), self._make_summary()
        for batch in self._with_progress_bar(iterator):
            observation: dict[str, Any] = {}
            with report_scope(observation), no_backprop_mode():
                self._evaluate_batch(batch)
            summary.add({name: value if isinstance(value, tuple) else (value, len(batch))
                         for name, value in observation.items()})
            over_batches.add(observation)
        unweighted = self._merge(over_batches).compute_mean()
        means = self._merge(summary).compute_mean()
        return {name: MeanOverSet.of(mean, unweighted[name]) for name, mean in means.items()}

    def _merge(self, summary: DictSummary) -> DictSummary:
        """What the means are of; a multi-node evaluator adds what other processes have summed up."""
        return summary

    def _evaluate_batch(self, batch: Any) -> None:
        function = self.eval_func or self._targets['main']
        arrays = call_converter(self.converter, batch, self.device)
        call_with_batch(function, arrays)

    def _with_progress_bar(self, iterator: Any) -> Any:
        if not self._progress_bar:
            return iterator
        try:
            total = -(-len(iterator.dataset) // iterator.batch_size)
        except (AttributeError, TypeError):
            total = None
        return tqdm(iterator, desc=self.name or self.default_name, total=total, file=sys.stdout, leave=False,
                    disable=not sys.stdout.isatty())

    def finalize(self) -> None:
        for iterator in self._iterators.values():
            iterator.finalize()

    def serialize(self, serializer: AbstractSerializer) -> None:
        for name, iterator in self._iterators.items():
            if hasattr(iterator, 'serialize'):
                with suppress(KeyError):  # Files of Chainer do not have them.
                    iterator.serialize(serializer[f'iterator:{name}'])
