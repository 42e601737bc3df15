"""What tests of functions and of links have in common."""
from __future__ import annotations

import unittest
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import numpy as np

from autograd_nn.backend import to_cpu
from autograd_nn.dtypes import is_floating
from autograd_nn.gradient_check import NondifferentiableError, assert_allclose
from autograd_nn.testing.array import as_noncontiguous
from autograd_nn.testing.backend import BackendConfig
from autograd_nn.types import Array
from autograd_nn.utils.error import _format_array_props
from autograd_nn.variable import Variable

# So often a point is drawn anew where the function has no derivative.
_ATTEMPTS = 100


class ErrorOfTest(AssertionError):
    """What is tested is wrong."""

    @classmethod
    def check(cls, expr: bool, message: str) -> None:
        """Raises this error, with a message, unless something holds."""
        if not expr:
            raise cls(message)

    @classmethod
    def fail(cls, message: str, exc: BaseException | None = None) -> NoReturn:
        """Raises this error with a message, and that of an exception that is the reason."""
        raise cls(message if exc is None else f'{message}: {exc}') from exc

    @classmethod
    @contextmanager
    def raise_if_fail(cls, message: str, error_types: Any = AssertionError) -> Iterator[None]:
        """A context in which other errors become this one, with a message before theirs."""
        try:
            yield
        except error_types as error:
            cls.fail(message, error)


class BackendTestCase(unittest.TestCase):
    """A test that gets a `BackendConfig`.

    Attributes:
        backend_config: The `BackendConfig` of the test that is running.
        test_name: Its name.
        contiguous: ``'C'``: the arrays that are given to what is tested lie in memory without gaps. None: they have
            gaps where that is possible.
        error: The kind of error that says that what is tested is wrong.
    """

    backend_config: BackendConfig
    test_name = ''
    contiguous: str | None = None
    error: type[ErrorOfTest] = ErrorOfTest

    def before_test(self, test_name: str) -> None:
        """Called before each test, with its name; may raise ``unittest.SkipTest``."""

    def begin(self, test_name: str, backend_config: BackendConfig | None, skip: bool) -> BackendConfig:
        """Begins a test; without a `BackendConfig`, it is on the CPU."""
        if skip:
            raise unittest.SkipTest(f'skip_{test_name.removeprefix("test_")}_test is set')
        self.backend_config = backend_config or BackendConfig({})
        self.test_name = test_name
        self.before_test(test_name)
        return self.backend_config

    def sent(self, arrays: Sequence[Any]) -> tuple[Any, ...]:
        """Arrays on the device of the test, with gaps if there are to be any."""
        if self.contiguous not in (None, 'C'):
            raise ValueError(f"contiguous: expected None or 'C', got {self.contiguous!r}")
        arrays = tuple([self.backend_config.get_array(x) for x in arrays])
        return arrays if self.contiguous == 'C' else as_noncontiguous(arrays)

    def outputs_of(self, ys: Any) -> tuple[Variable, ...]:
        """What a `forward` has returned, after a look at it."""
        if not isinstance(ys, tuple) or not all(isinstance(y, Variable) for y in ys):
            raise self.error(f'forward: expected a tuple of Variables, got {ys!r:.200}')
        device = self.backend_config.device
        for i, y in enumerate(ys):
            if not device.is_array_supported(y.array):
                raise self.error(f'forward: expected output {i} on {device}, got {type(y.array)} on {y.device}')
        return ys

    def check_equal(self, actual: tuple[Any, ...], expected: tuple[Any, ...], options: dict[str, Any]) -> None:
        """Compares number, shapes, dtypes and values of arrays; `options` are those of `assert_allclose`."""
        props = f'expected {_format_array_props(expected)}, got {_format_array_props(actual)}'
        if [(x.shape, x.dtype) for x in actual] != [(x.shape, x.dtype) for x in expected]:
            raise self.error(f'the outputs have other shapes or dtypes: {props}')
        for i, (x, y) in enumerate(zip(actual, expected)):
            with self.error.raise_if_fail(f'output {i} has other values ({props})'):
                assert_allclose(x, y, **options)

    @staticmethod
    def where_differentiable(check: Callable[[], None], dodge: bool) -> None:
        """Runs a check of gradients at a point that it draws; with `dodge`, again as long as there is no derivative."""
        for attempt in range(_ATTEMPTS):
            try:
                check()
            except NondifferentiableError:
                if not dodge or attempt == _ATTEMPTS - 1:
                    raise
            else:
                return


def checked_arrays(arrays: Any, method: str) -> tuple[Any, ...]:
    """What a method of a test has returned, which has to be a tuple of NumPy arrays or None.

    Raises:
        TypeError: It is something else.
    """
    if not isinstance(arrays, tuple) or not all(x is None or isinstance(x, np.ndarray) for x in arrays):
        raise TypeError(f'{method}: expected a tuple of NumPy arrays, got {arrays!r:.200}')
    return arrays


def uniform_like(arrays: Sequence[Array]) -> tuple[np.ndarray, ...]:
    """Arrays of the shapes and dtypes of others, drawn evenly from -1 to 1."""
    return tuple([np.random.uniform(-1, 1, x.shape).astype(x.dtype) for x in arrays])


def as_variables(arrays: Sequence[Array]) -> tuple[Variable, ...]:
    """Variables, of which the floating-point ones want gradients."""
    return tuple([Variable(x, requires_grad=is_floating(x.dtype)) for x in arrays])


def on_cpu(variables: Sequence[Variable]) -> tuple[np.ndarray, ...]:
    """The arrays of Variables, on the CPU."""
    return tuple([to_cpu(y.array) for y in variables])
