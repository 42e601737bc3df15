"""Tests that are run several times, since what they are about depends on chance."""
from __future__ import annotations

import unittest
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

_Test = TypeVar('_Test', bound=Callable[..., Any])


def repeat_with_success_at_least(times: int, min_success: int) -> Callable[[_Test], _Test]:
    """Decorator: a test passes if it does so some times out of several.

    For a method of a ``unittest.TestCase``, ``setUp`` and ``tearDown`` run around each.

    Args:
        times: How often it is run at most. It is not run again when the outcome is certain.
        min_success: How often it has to pass.

    Raises:
        ValueError: That is more often than it is run.
    """
    if min_success > times:
        raise ValueError(f'repeat_with_success_at_least: {min_success} passes out of {times} are not possible')

    def decorate(test: _Test) -> _Test:
        @wraps(test)
        def call(*args: Any, **kwargs: Any) -> None:
            failures: list[Exception] = []
            for trial in range(times):
                try:
                    _run(test, args, kwargs)
                except unittest.SkipTest:
                    raise
                except Exception as error:
                    failures.append(error)
                if trial + 1 - len(failures) >= min_success:
                    return
                if len(failures) > times - min_success:
                    raise AssertionError(f'{len(failures)} of {trial + 1} trials failed, and {min_success} of {times} '
                                         f'were to pass; the first: {failures[0]}') from failures[0]

        return call  # type: ignore[return-value]

    return decorate


def _run(test: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    if not (args and isinstance(args[0], unittest.TestCase)):
        test(*args, **kwargs)
        return
    case = type(args[0])(args[0]._testMethodName)
    case.setUp()
    try:
        test(case, *args[1:], **kwargs)
    finally:
        case.tearDown()
        case.doCleanups()


def repeat(times: int) -> Callable[[_Test], _Test]:
    """Decorator: a test passes if it does so several times in a row.

    Args:
        times: How often.
    """
    return repeat_with_success_at_least(times, times)


def retry(times: int) -> Callable[[_Test], _Test]:
    """Decorator: a test passes if it does so once out of several times.

    Args:
        times: How often it is run at most.

    Example:
        >>> from autograd_nn.testing import condition
        >>> attempts = []
        >>> @condition.retry(3)
        ... def test_luck():
        ...     attempts.append(len(attempts))
        ...     assert attempts[-1] == 1
        >>> test_luck()
        >>> attempts
        [0, 1]
    """
    return repeat_with_success_at_least(times, 1)
