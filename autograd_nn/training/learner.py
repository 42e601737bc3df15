"""Training in a few lines: a model with its loss, its metrics and its optimizer."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from autograd_nn.backend import is_array, to_cpu
from autograd_nn.config import get_dtype, no_backprop_mode, using_config
from autograd_nn.dataset.convert import Converter, call_with_batch, concat_examples, to_device
from autograd_nn.dataset.dataset_mixin import gather
from autograd_nn.dataset.examples import is_column
from autograd_nn.dataset.iterator import Iterator
from autograd_nn.datasets import TupleDataset, split_dataset
from autograd_nn.iterators import SerialIterator
from autograd_nn.link import Link
from autograd_nn.optimizer import Optimizer
from autograd_nn.reporter import Reporter
from autograd_nn.symbolic import without_traces
from autograd_nn.training import extensions
from autograd_nn.training.callbacks import Course, FirstOf, resolve
from autograd_nn.training.history import History, short_name
from autograd_nn.training.objective import Objective, as_columns, find_optimizer
from autograd_nn.training.trainer import Trainer
from autograd_nn.training.updaters import StandardUpdater
from autograd_nn.types import PathLike
from autograd_nn.utils.nested import map_nested
from autograd_nn.variable import as_array

# At inference there is no graph, and larger minibatches are faster.
_INFERENCE_BATCH = 128


class Learner:
    """What trains, evaluates and applies a model: `autograd_nn.compile` makes one.

    Data are arrays (several inputs or targets: a tuple of arrays); or a data set, whose examples are tuples of inputs
    and targets; or an iterator over one. Under all of it is a `Trainer` with a `StandardUpdater`.

    Args:
        model: The model: any link.
        optimizer: The optimizer: the name of its class (``'adam'``, ``'sgd'``, ``'momentum'``, ...), or an object.
        loss: The loss: one of `objective.LOSSES` or what Keras and PyTorch call it; or a function of output and
            target. For a model that returns a tuple or a dict, a list or a dict of these. None for a model that
            returns its loss itself, such as `links.Classifier`.
        metrics: What else is measured: names of `objective.METRICS`, or functions of output and target. For several
            outputs, a list or dict of such lists.
        loss_weights: What each of several losses is multiplied by; 1 by default.

    Attributes:
        model: As given.
        objective: The loss and the metrics as a function of a minibatch.

    Raises:
        ValueError: There is no optimizer, loss or metric of a name; the message lists those there are.

    Example:
        >>> import numpy as np, autograd_nn as ann, autograd_nn.links as L
        >>> x = np.linspace(-1, 1, 64, dtype='f').reshape(64, 1)
        >>> learner = ann.compile(L.Linear(1, 1), ann.optimizers.SGD(lr=0.3), loss='mean_squared_error')
        >>> history = learner.fit(x, 3 * x + 1, epochs=20, verbose=0)
        >>> round(float(learner.predict(np.ones((1, 1), 'f'))[0, 0]), 2)
        4.0
    """

    def __init__(self, model: Link, optimizer: str | Optimizer = 'adam', loss: Any = None, metrics: Any = (),
                 loss_weights: Any = None) -> None:
        if not isinstance(model, Link):
            raise TypeError(f'compile: expected a link as model, got {type(model).__name__}')
        self.model = model
        self.objective = Objective(model, loss, metrics, loss_weights)
        self._optimizer: Any = find_optimizer(optimizer)
        # What was said in words can be saved with the model.
        self.settings = {'optimizer': optimizer, 'loss': loss, 'metrics': metrics, 'loss_weights': loss_weights}

    @property
    def optimizer(self) -> Any:
        """The optimizer. Before it is asked for, the model's parameters are none of its business."""
        if self._optimizer.target is not self.model:
            self._optimizer.setup(self.model)
        return self._optimizer

    def __repr__(self) -> str:
        return (f'<Learner of {type(self.model).__name__}: {type(self._optimizer).__name__}, '
                f'{", ".join(self.objective.names)}>')

    # --- whole data sets

    def fit(self, x: Any, y: Any = None, batch_size: int = 32, epochs: int = 1, verbose: int = 1, callbacks: Any = (),
            validation_split: float = 0., validation_data: Any = None, shuffle: bool = True,
            class_weight: Mapping[int, float] | None = None, sample_weight: Any = None, initial_epoch: int = 0,
            out: PathLike | None = None) -> History:
        """Trains the model. Called again, it goes on with the optimizer's state.

        Args:
            x: The inputs; or a data set or an iterator, without `y`.
            y: The targets.
            batch_size: The number of samples in a minibatch.
            epochs: At which epoch to end.
            verbose: 0 for silence, 1 for a progress bar (on a terminal) and a row for each epoch, 2 for the rows.
            callbacks: What runs beside the updates: names of `callbacks.CALLBACKS`, trainer extensions, pairs of an
                extension and its trigger, and `triggers.EarlyStoppingTrigger` objects; one or a list.
            validation_split: The part of the data, from 0 to less than 1 and from its end, to evaluate after each
                epoch and not to train with.
            validation_data: What to evaluate after each epoch instead: a tuple of inputs, targets and (if there are
                any) weights, a data set, or an iterator with ``repeat=False``.
            shuffle: Whether each epoch has the samples in another random order.
            class_weight: How much samples of a label count in the loss of the training: a dict.
            sample_weight: How much each sample counts in the loss: an array of shape (N,).
            initial_epoch: The number of epochs that were before: ``epochs - initial_epoch`` are trained.
            out: The folder for the files of callbacks; ``result`` by default.

        Returns:
            The figures of each epoch.

        Raises:
            ValueError: Data or weights do not fit.
        """
        if epochs <= initial_epoch:
            raise ValueError(f'fit: expected more epochs than the {initial_epoch} that were before (initial_epoch), '
                             f'got {epochs}')
        data, validation = self._data('fit', x, y, sample_weight), None
        if validation_split:
            data, validation = data.split(validation_split, validation_data)
        elif validation_data is not None:
            validation = self._data('validation_data', *(
                validation_data if isinstance(validation_data, tuple) else (validation_data,)))
        self._build(data)
        iterator = data.iterator(batch_size, repeat=True, shuffle=shuffle)
        loss = partial(self.objective, weighted=data.weighted, class_weight=class_weight)
        updater = StandardUpdater(iterator, self.optimizer, converter=data.convert, loss_func=loss,
                                  input_device=self.model.device)
        offset = initial_epoch - updater.epoch
        monitor = 'main/loss' if validation is None else 'validation/main/loss'
        per_epoch = -(-len(iterator.dataset) // iterator.batch_size)
        course = Course(self.model, self.optimizer, monitor, per_epoch * epochs, per_epoch * initial_epoch)
        added, stops, writes = resolve(callbacks, course)
        report = extensions.LogReport(filename=None, postprocess=partial(_count_epochs, offset))
        if out is None and writes:
            out = 'result'
        trainer = Trainer(updater, FirstOf(epochs - offset, stops), out)
        if validation is not None:
            trainer.extend(self._evaluator(validation), name='validation')
        trainer.extend(report, name='LogReport')
        for extension, trigger in added:
            trainer.extend(extension, trigger=trigger)
        if verbose:
            trainer.extend(extensions.PrintReport(['epoch', *self._columns(validation is not None), 'elapsed_time']))
        if verbose == 1:
            trainer.extend(extensions.ProgressBar())
        trainer.run(show_loop_exception_msg=out is not None)
        return History(report.log)

    def evaluate(self, x: Any, y: Any = None, batch_size: int = _INFERENCE_BATCH,
                 sample_weight: Any = None) -> dict[str, float]:
        """The loss and the metrics over a data set, at inference.

        Args:
            x: See `fit`.
            y: See `fit`.
            batch_size: The number of samples in a minibatch.
            sample_weight: See `fit`.

        Returns:
            The means over the samples by name.
        """
        data = self._data('evaluate', x, y, sample_weight)
        self._build(data)
        found = self._evaluator(data, batch_size)()
        return {short_name(key): float(value) for key, value in found.items()}

    def predict(self, x: Any, batch_size: int = _INFERENCE_BATCH) -> Any:
        """What the model returns for some inputs, at inference, minibatch by minibatch.

        Of a model that computes its loss itself and has a ``predictor``, such as `links.Classifier`, it is what that
        returns.

        Args:
            x: The inputs as for `fit`; or a data set of examples as for `fit`, whose targets are left out.
            batch_size: The number of samples in a minibatch.

        Returns:
            NumPy arrays of all samples: one, or a tuple, a list or a dict of them, as the model returns it.

        Raises:
            ValueError: The model returns something that has not one row for each sample.
        """
        data = self._data('predict', x)
        model = self.model if self.objective.losses else getattr(self.model, 'predictor', self.model)
        if model is self.model:
            self._build(data)
        size, structure = len(data.source), None
        whole: list[np.ndarray] = []
        with using_config('train', False), no_backprop_mode():
            for start in range(0, size, batch_size):
                batch = gather(data.source, np.arange(start, min(start + batch_size, size)))
                structure = call_with_batch(model, data.inputs(concat_examples(batch, self.model.device)))
                parts: list[np.ndarray] = []
                map_nested(parts.append, map_nested(lambda output: to_cpu(as_array(output)), structure))
                if not whole:
                    whole = [np.empty((size, *part.shape[1:]), part.dtype) for part in parts]
                for array, part in zip(whole, parts):
                    if part.shape[:1] != (len(batch),):
                        raise ValueError(f'predict: expected a row for each of {len(batch)} samples, got the shape '
                                         f'{part.shape}')
                    array[start:start + len(batch)] = part
        arrays = iter(whole)
        return map_nested(lambda _: next(arrays), structure)

    # --- one minibatch

    def train_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None,
                       class_weight: Mapping[int, float] | None = None) -> dict[str, float]:
        """Updates the model once.

        Args:
            x: The inputs of a minibatch.
            y: Its targets.
            sample_weight: See `fit`.
            class_weight: See `fit`.

        Returns:
            The loss and the metrics, before the update, by name.
        """
        data = self._data('train_on_batch', x, y, sample_weight)
        self._build(data)
        loss = partial(self.objective, weighted=data.weighted, class_weight=class_weight)
        return self._reported(partial(self.optimizer.update, loss), data)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None) -> dict[str, float]:
        """The loss and the metrics of a minibatch, at inference, by name.

        Args:
            x: See `train_on_batch`.
            y: See `train_on_batch`.
            sample_weight: See `fit`.
        """
        data = self._data('test_on_batch', x, y, sample_weight)
        self._build(data)
        with using_config('train', False), no_backprop_mode():
            return self._reported(partial(self.objective, weighted=data.weighted), data)

    def _reported(self, function: Callable[..., Any], data: _Data) -> dict[str, float]:
        observation: dict[str, Any] = {}
        reporter = Reporter()
        reporter.add_observer('main', self.model)
        reporter.add_observers('main', self.model.namedlinks(skipself=True))
        with reporter.scope(observation):
            batch = gather(data.source, np.arange(len(data.source)))
            call_with_batch(function, concat_examples(batch, self.model.device))
        return {short_name(key): float(as_array(value)) for key, value in observation.items()}

    # --- data

    def _data(self, method: str, x: Any, y: Any = None, sample_weight: Any = None) -> _Data:
        n_targets = self.objective.n_targets
        is_examples = isinstance(x, list) and bool(x) and isinstance(x[0], (tuple, dict))
        if y is None and (is_examples or not (is_array(x) or isinstance(x, (tuple, list)))):
            if sample_weight is not None:
                raise ValueError(f'{method}: sample_weight goes with arrays, x and y')
            return _Data(x, n_targets)
        columns = [_as_column(method, column) for column in as_columns(x)]
        n_inputs = len(columns)
        if y is not None:
            columns += [_as_column(method, column) for column in as_columns(y)]
        n_targets = len(columns) - n_inputs
        if sample_weight is not None:
            columns.append(np.asarray(sample_weight, get_dtype()))
        lengths = [len(column) for column in columns]
        if len(set(lengths)) > 1 or not lengths[0]:
            raise ValueError(f'{method}: expected arrays of as many samples, at least one; they have '
                             f'{", ".join(map(str, lengths))}')
        return _Data(TupleDataset(*columns), n_targets, sample_weight is not None, tuple(columns))

    def _build(self, data: _Data) -> None:
        """Gives parameters whose shape is not known yet their first values, before random numbers go elsewhere."""
        if any(param.array is None for param in self.model.params()) and (first := data.first()) is not None:
            with without_traces(self.model), using_config('train', False), no_backprop_mode():
                arrays = concat_examples(first, self.model.device)
                call_with_batch(self.model, data.inputs(arrays) if self.objective.losses else arrays)

    def _evaluator(self, data: _Data, batch_size: int = _INFERENCE_BATCH) -> extensions.Evaluator:
        iterator = data.iterator(batch_size, repeat=False, shuffle=False)
        return extensions.Evaluator(iterator, self.model, data.convert, self.model.device,
                                    eval_func=partial(self.objective, weighted=data.weighted))

    def _columns(self, is_evaluated: bool) -> list[str]:
        names = [f'main/{name}' for name in self.objective.names]
        return [*names, *(f'validation/{name}' for name in names if is_evaluated)]


class _RowIterator(SerialIterator):
    """Has the numbers of rows for batches: `_TakeRows` then reads all of them at once, which is faster than lists."""

    def _collect(self, ticket: list[Any]) -> Any:
        return ticket[0].indices if len(ticket) == 1 else np.concatenate([segment.indices for segment in ticket])


class _Data:
    """Samples, and what their arrays are.

    Args:
        source: A data set or an iterator.
        n_targets: How many arrays are targets; they follow the inputs.
        weighted: Whether the last array has the weights of the samples.
        columns: The arrays of the data set, if it is made of arrays.
    """

    def __init__(self, source: Any, n_targets: int, weighted: bool = False, columns: tuple[Any, ...] = ()) -> None:
        self.source = source
        self.n_targets = n_targets
        self.weighted = weighted
        self.columns = columns if all(map(is_column, columns)) else ()

    def inputs(self, arrays: Any) -> Any:
        """The inputs among the arrays of a minibatch."""
        others = self.n_targets + self.weighted
        return arrays[:-others] if others and isinstance(arrays, tuple) and len(arrays) > others else arrays

    def iterator(self, batch_size: int, repeat: bool, shuffle: bool) -> Any:
        """The iterator that was given, or one over the data set, for whose batches `convert` is."""
        if isinstance(self.source, Iterator):
            return self.source
        kind = _RowIterator if self.columns else SerialIterator
        return kind(self.source, min(batch_size, len(self.source)), repeat, shuffle)

    @property
    def convert(self) -> Callable[..., Any]:
        """What makes arrays of a batch of `iterator`."""
        return _TakeRows(self.columns) if self.columns else concat_examples

    def first(self) -> Any:
        """A minibatch of one sample; None where that cannot be had without reading on."""
        dataset = getattr(self.source, 'dataset', None) if isinstance(self.source, Iterator) else self.source
        return None if dataset is None else [dataset[0]]

    def split(self, part: float, validation_data: Any) -> tuple[_Data, _Data]:
        """Splits the last samples off."""
        if validation_data is not None or isinstance(self.source, Iterator):
            raise ValueError('validation_split: it goes with arrays and data sets, and without validation_data')
        size = int(len(self.source) * (1 - part)) if 0 < part < 1 else 0
        if not 0 < size < len(self.source):
            raise ValueError('validation_split: expected a part, from 0 to less than 1, that leaves samples on both '
                             f'sides of {len(self.source)}; got {part}')
        first, second = ([column[:size] for column in self.columns], [column[size:] for column in self.columns])
        parts = [TupleDataset(*first), TupleDataset(*second)] if self.columns else split_dataset(self.source, size)
        return (_Data(parts[0], self.n_targets, self.weighted, tuple(first)),
                _Data(parts[1], self.n_targets, self.weighted, tuple(second)))


class _TakeRows(Converter):

    def __init__(self, columns: tuple[Any, ...]) -> None:
        self._columns = columns

    def __call__(self, batch: Any, device: Any = None) -> tuple[Any, ...]:
        return tuple([to_device(device, column[batch]) for column in self._columns])


def _as_column(method: str, data: Any) -> Any:
    """Inputs or targets as an array: numbers with a point in ``config.dtype``. A data set stays what it is."""
    if hasattr(data, 'get_example'):
        return data
    array = data if is_array(data) else np.asarray(data)
    if array.ndim == 0 or array.dtype == object:
        raise ValueError(f'{method}: expected an array of samples, got {data!r:.60}')
    return array.astype(get_dtype()) if array.dtype.kind == 'f' and array.dtype != get_dtype() else array


def _count_epochs(offset: int, entry: dict[str, Any]) -> None:
    entry['epoch'] += offset
