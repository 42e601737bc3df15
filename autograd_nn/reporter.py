"""Reporting values from inside a model to whoever observes it, and averaging them."""
from __future__ import annotations

import json
import math
import threading
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from autograd_nn import backend
from autograd_nn.config import config
from autograd_nn.dtypes import is_real
from autograd_nn.serializer import AbstractSerializer, serialize_real
from autograd_nn.types import Operand
from autograd_nn.variable import Variable, as_array


class _Stack(threading.local):
    """This thread's active reporters, the current one last."""

    def __init__(self) -> None:
        self.reporters: list[Reporter] = []


_active = _Stack()


class Reporter:
    """Collects what models report, each value under the name of the object that reported it.

    As a context manager it becomes this thread's current reporter, to which `report` sends. A `Trainer` has one in
    which the model of the optimizer ``main`` is registered under that name, hence keys like ``main/loss``.

    Attributes:
        observation: The dictionary to which values are written.

    Example:
        >>> import autograd_nn as ann
        >>> reporter, model = ann.Reporter(), object()
        >>> reporter.add_observer('main', model)
        >>> with reporter:
        ...     ann.report({'loss': 0.5}, model)
        >>> reporter.observation
        {'main/loss': 0.5}
    """

    def __init__(self) -> None:
        self.observation: dict[str, Any] = {}
        # The observer is kept beside its name: the identity of an object that is gone could be given to another.
        self._observers: dict[int, tuple[str, Any]] = {}

    def __enter__(self) -> Reporter:
        _active.reporters.append(self)
        return self

    def __exit__(self, *exc_info: object) -> None:
        _active.reporters.pop()

    @contextmanager
    def scope(self, observation: dict[str, Any]) -> Iterator[None]:
        """A context in which this is the current reporter and writes to another dictionary.

        Args:
            observation: The dictionary.
        """
        old, self.observation = self.observation, observation
        try:
            with self:
                yield
        finally:
            self.observation = old

    def add_observer(self, name: str, observer: Any) -> None:
        """Registers an object under whose name values can be reported.

        Args:
            name: The prefix of the keys of its values.
            observer: Any object, usually a `Link`.
        """
        self._observers[id(observer)] = name, observer

    def add_observers(self, prefix: str, observers: Iterable[tuple[str, Any]]) -> None:
        """Registers several objects.

        Args:
            prefix: What to put before each name.
            observers: Pairs of name and object, such as ``link.namedlinks()``.
        """
        for name, observer in observers:
            self.add_observer(prefix + name, observer)

    def report(self, values: Mapping[str, Any], observer: Any = None) -> None:
        """Writes values to the observation.

        Args:
            values: Arrays, Variables or numbers by name. The graph behind a Variable is let go unless
                ``config.keep_graph_on_report`` is set.
            observer: The registered object that reports; None writes the names as they are.

        Raises:
            KeyError: `observer` is not registered.
        """
        prefix = ''
        if observer is not None:
            if id(observer) not in self._observers:
                raise KeyError(f'report: this {type(observer).__name__} is not registered with the reporter; '
                               'add_observer(name, object) registers it')
            prefix = self._observers[id(observer)][0] + '/'
        for name, value in values.items():
            if isinstance(value, Variable) and not config.keep_graph_on_report:
                value = Variable(value.array, requires_grad=False)
            self.observation[prefix + name] = value


def get_current_reporter() -> Reporter:
    """This thread's current reporter.

    Raises:
        RuntimeError: There is none.
    """
    if not _active.reporters:
        raise RuntimeError('get_current_reporter: no reporter is active; use one in a with statement')
    return _active.reporters[-1]


def report(values: Mapping[str, Any], observer: Any = None) -> None:
    """Reports values to this thread's current reporter, if there is one.

    Args:
        values: Arrays, Variables or numbers by name.
        observer: The object that reports, usually a `Link` with ``self``; None writes the names as they are.

    Raises:
        KeyError: `observer` is not registered with the reporter.

    Example:
        >>> import autograd_nn as ann
        >>> observation = {}
        >>> with ann.Reporter(), ann.report_scope(observation):
        ...     ann.report({'lr': 0.1})
        >>> observation
        {'lr': 0.1}
    """
    if _active.reporters:
        _active.reporters[-1].report(values, observer)


@contextmanager
def report_scope(observation: dict[str, Any]) -> Iterator[None]:
    """A context in which the current reporter writes to another dictionary.

    Args:
        observation: The dictionary.

    Raises:
        RuntimeError: No reporter is active.
    """
    reporter = get_current_reporter()
    old, reporter.observation = reporter.observation, observation
    try:
        yield
    finally:
        reporter.observation = old


class Summary:
    """The weighted mean and standard deviation of a sequence of scalars, summed up in double precision.

    Example:
        >>> from autograd_nn.reporter import Summary
        >>> summary = Summary()
        >>> for x in 1, 2, 3, 4:
        ...     summary.add(x)
        >>> summary.compute_mean()
        2.5
        >>> mean, std = summary.make_statistics()
        >>> round(std, 3)
        1.118
    """

    def __init__(self) -> None:
        # Python numbers, or arrays of no axes on a GPU, where summing up does not wait for the device.
        self._x: Any = 0.0
        self._x2: Any = 0.0
        self._n: Any = 0.0

    def add(self, value: Operand, weight: Operand = 1) -> None:
        """Adds a value.

        Args:
            value: A number, or an array or Variable with one element.
            weight: Its weight: likewise.
        """
        x, w = as_double(value), as_double(weight)
        self._x += w * x
        self._x2 += w * x * x
        self._n += w

    def __add__(self, other: Summary) -> Summary:
        """The summary of both sequences, on the host: those of several processes make one."""
        total = Summary()
        for name in vars(total):
            setattr(total, name, float(getattr(self, name)) + float(getattr(other, name)))
        return total

    @property
    def sums(self) -> tuple[float, float, float]:
        """The sums of weight times value, of weight times square, and of the weights, for `add_sums`."""
        return float(self._x), float(self._x2), float(self._n)

    def add_sums(self, x: float, x2: float, n: float) -> None:
        """Adds what another summary has added up, such as that of another process."""
        self._x += x
        self._x2 += x2
        self._n += n

    @property
    def is_empty(self) -> bool:
        """Whether nothing has been added yet."""
        return not self._n

    def compute_mean(self) -> float:
        """The mean; NaN before anything has been added."""
        x, n = float(self._x), float(self._n)
        return x / n if n else math.nan

    def make_statistics(self) -> tuple[float, float]:
        """The mean and the standard deviation (that of the values themselves: no correction of the bias)."""
        mean, n = self.compute_mean(), float(self._n)
        variance = float(self._x2) / n - mean * mean if n else math.nan
        # Rounding may leave a tiny negative number; NaN stays NaN.
        return mean, math.sqrt(0.0 if variance < 0 else variance)

    def serialize(self, serializer: AbstractSerializer) -> None:
        """Stores the sums in a serializer, or restores them from one."""
        self._x = float(serializer('_x', float(self._x)))
        self._x2 = float(serializer('_x2', float(self._x2)))
        self._n = serialize_real(serializer, '_n', self._n)


def as_double(value: Any) -> Any:
    """A scalar as a Python float, or as an array of double precision on the GPU it is on."""
    array = as_array(value)
    if backend.is_array(array) and not isinstance(array, np.ndarray):
        return array.astype('d').reshape(())
    return float(array.item() if hasattr(array, 'item') else array)


class DictSummary:
    """A `Summary` for each key of a sequence of dictionaries, such as the observations of all iterations.

    Example:
        >>> from autograd_nn.reporter import DictSummary
        >>> summary = DictSummary()
        >>> summary.add({'loss': 2, 'accuracy': 0.5})
        >>> summary.add({'loss': 1})
        >>> summary.compute_mean()
        {'loss': 1.5, 'accuracy': 0.5}
    """

    def __init__(self) -> None:
        self._summaries: dict[str, Summary] = {}

    def add(self, d: Mapping[str, Any]) -> None:
        """Adds the scalars of a dictionary; whatever else is in it is passed over.

        Args:
            d: Numbers, or arrays and Variables of no axes, or pairs of one of these and its weight.
        """
        for name, value in d.items():
            pair = value if isinstance(value, tuple) else (value, 1)
            if len(pair) == 2 and is_scalar(pair[0]) and is_scalar(pair[1]):
                self._summaries.setdefault(name, Summary()).add(*pair)

    def __add__(self, other: DictSummary) -> DictSummary:
        """The summary of both sequences."""
        total = DictSummary()
        for name, summary in [*self._summaries.items(), *other._summaries.items()]:
            total._summaries[name] = total._summaries.get(name, Summary()) + summary
        return total

    def compute_mean(self) -> dict[str, float]:
        """The mean of each key's values."""
        return {name: summary.compute_mean() for name, summary in self._summaries.items()}

    def make_statistics(self) -> dict[str, float]:
        """The mean of each key's values under the key, and their standard deviation under ``<key>.std``."""
        statistics = {}
        for name, summary in self._summaries.items():
            statistics[name], statistics[f'{name}.std'] = summary.make_statistics()
        return statistics

    def serialize(self, serializer: AbstractSerializer) -> None:
        """Stores all sums in a serializer, or restores them from one."""
        try:
            names = json.loads(str(serializer('_names', json.dumps(list(self._summaries)))))
        except KeyError:
            warnings.warn('DictSummary: the file has no sums; what was reported before it was written does not count',
                          stacklevel=2)
            names = []
        self._summaries = {name: self._summaries.get(name, Summary()) for name in names}
        for index, name in enumerate(names):
            self._summaries[name].serialize(serializer['_summaries'][str(index)])


def is_scalar(value: Any) -> bool:
    """Whether `value` is a real number, or an array or Variable of no axes."""
    value = as_array(value)
    if isinstance(value, (int, float)):
        return True
    return getattr(value, 'ndim', None) == 0 and is_real(value.dtype)
