"""What is searched over: a range or some values for each hyperparameter, as they are written on a command line."""
from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class Suggesting(Protocol):
    """What chooses values: an ``optuna.Trial``."""

    def suggest_float(self, name: str, low: float, high: float, *, step: float | None = None,
                      log: bool = False) -> float:
        """A number."""

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """A whole number."""

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """One of some values."""


@dataclass(frozen=True)
class Range:
    """All numbers from one to another.

    Args:
        name: The hyperparameter.
        low: The smallest.
        high: The largest.
        is_log: Whether each order of magnitude is as likely as any other.
        step: The distance between two numbers; None for any.
        is_whole: Whether they are whole numbers.
    """

    name: str
    low: float
    high: float
    is_log: bool = False
    step: float | None = None
    is_whole: bool = False

    def suggest(self, trial: Suggesting) -> Any:
        """Has a trial choose.

        Args:
            trial: The trial.
        """
        if self.is_whole:
            return trial.suggest_int(self.name, int(self.low), int(self.high), step=int(self.step or 1),
                                     log=self.is_log)
        return trial.suggest_float(self.name, self.low, self.high, step=self.step, log=self.is_log)

    def grid(self) -> list[Any]:
        """The numbers that a grid has: those of the steps; on a logarithmic scale the ends and the powers of ten.

        Raises:
            ValueError: There are endless many.

        Example:
            >>> Range('lr', 0.003, 1, is_log=True).grid(), Range('units', 10, 30, step=10, is_whole=True).grid()
            ([0.003, 0.01, 0.1, 1], [10, 20, 30])
        """
        if self.is_log:
            powers = range(math.floor(math.log10(self.low)) + 1, math.ceil(math.log10(self.high)))
            inner = [10 ** power if self.is_whole else float(f'1e{power}') for power in powers]
            return [self.low, *(x for x in inner if self.low * 1.0001 < x < self.high / 1.0001), self.high]
        step = self.step or (1 if self.is_whole else None)
        if step is None:
            raise ValueError(f'{self.name}={self.low:g}:{self.high:g} has endless many values: a grid needs a step, as '
                             f'{self.name}={self.low:g}:{self.high:g}:{(self.high - self.low) / 4:g}, or values, as '
                             f'{self.name}={self.low:g},{self.high:g}')
        count = math.floor((self.high - self.low) / step + 1e-9) + 1
        return [int(self.low + i * step) if self.is_whole else float(f'{self.low + i * step:.12g}')
                for i in range(count)]

    @property
    def example(self) -> Any:
        """One of the numbers."""
        return self.low

    @property
    def text(self) -> str:
        """How it is written."""
        end = ':log' if self.is_log else f':{self.step:g}' if self.step else ''
        return f'{self.name}={self.low:g}:{self.high:g}{end}'


@dataclass(frozen=True)
class Choice:
    """Some values.

    Args:
        name: The hyperparameter.
        values: The values.
    """

    name: str
    values: tuple[Any, ...]

    def suggest(self, trial: Suggesting) -> Any:
        """Has a trial choose.

        Args:
            trial: The trial.
        """
        return trial.suggest_categorical(self.name, self.values)

    def grid(self) -> list[Any]:
        """All values."""
        return list(self.values)

    @property
    def example(self) -> Any:
        """One of the values."""
        return self.values[0]

    @property
    def text(self) -> str:
        """How it is written."""
        return f'{self.name}={",".join(map(str, self.values))}'


Dimension = Range | Choice


def parse_dimension(text: str, kind: Callable[[str], Any] = float) -> Dimension:
    """Reads what one hyperparameter is searched over: ``NAME=LOW:HIGH[:log|:STEP]`` or ``NAME=VALUE,VALUE,...``.

    Args:
        text: The text.
        kind: What makes a value of a word, such as ``int``; it raises `ValueError` for others.

    Raises:
        ValueError: It is neither, or a value is of another kind.

    Example:
        >>> parse_dimension('lr=1e-5:1e-1:log')
        Range(name='lr', low=1e-05, high=0.1, is_log=True, step=None, is_whole=False)
        >>> parse_dimension('batch_size=32,64', int).suggest
        <bound method Choice.suggest of Choice(name='batch_size', values=(32, 64))>
    """
    name, equals, rest = text.partition('=')
    name = name.strip().lstrip('-').replace('-', '_')
    if not equals or not name or not rest:
        raise ValueError(f'expected NAME=LOW:HIGH[:log] or NAME=VALUE,VALUE,..., got {text!r}')
    if ':' not in rest or kind not in (int, float):
        return _parse_choice(name, rest, kind)
    low_text, high_text, *more = rest.split(':')
    if len(more) > 1:
        raise ValueError(f'{name}: expected LOW:HIGH, LOW:HIGH:log or LOW:HIGH:STEP, got {rest!r}')
    low, high = (_value(name, word, kind) for word in (low_text, high_text))
    is_log = more == ['log']
    step = None if is_log or not more else _value(name, more[0], kind)
    if not low < high:
        raise ValueError(f'{name}: expected a range from a smaller to a larger number, got {rest!r}')
    if is_log and low <= 0:
        raise ValueError(f'{name}: a logarithmic range begins above 0, got {rest!r}')
    if step is not None and not 0 < step <= high - low:
        raise ValueError(f'{name}: expected a step from 0 to {high - low:g}, got {more[0]}')
    return Range(name, low, high, is_log, step, kind is int)


def grid_of(dimensions: Sequence[Dimension]) -> list[dict[str, Any]]:
    """All combinations of the values of some hyperparameters.

    Args:
        dimensions: What they are searched over.

    Raises:
        ValueError: There are endless many.

    Example:
        >>> grid_of([Choice('a', (1, 2)), Choice('b', ('x', 'y'))])
        [{'a': 1, 'b': 'x'}, {'a': 1, 'b': 'y'}, {'a': 2, 'b': 'x'}, {'a': 2, 'b': 'y'}]
    """
    names = [dimension.name for dimension in dimensions]
    return [dict(zip(names, values)) for values in itertools.product(*(each.grid() for each in dimensions))]


def _parse_choice(name: str, text: str, kind: Callable[[str], Any]) -> Choice:
    values = tuple(_value(name, word, kind) for word in text.split(','))
    if len(set(values)) < len(values):
        raise ValueError(f'{name}: the same value stands there twice: {text!r}')
    return Choice(name, values)


def _value(name: str, word: str, kind: Callable[[str], Any]) -> Any:
    try:
        value = kind(word)
    except ValueError as error:
        kinds = {int: 'whole numbers', float: 'numbers'}
        expected = f'expected {kinds[kind]}' if kind in kinds else str(error)
        raise ValueError(f'{name}: {expected}, got {word!r}') from None
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f'{name}: expected finite numbers, got {word!r}')
    return value
