"""Small helpers of tests."""
from __future__ import annotations

import pkgutil
import unittest
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata
from typing import Any
from unittest import mock


@contextmanager
def assert_warns(expected: type[Warning]) -> Iterator[None]:
    """A context that has to warn.

    Args:
        expected: The kind of warning.

    Raises:
        AssertionError: It did not.
    """
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter('always')
        yield
    if not any(issubclass(each.category, expected) for each in seen):
        raise AssertionError(f'there was no {expected.__name__}')


def patch(target: str, *args: Any, **kwargs: Any) -> Any:
    """As ``unittest.mock.patch``; the mock calls what it takes the place of.

    Args:
        target: What to replace, by its dotted name.
        args: As for ``mock.patch``.
        kwargs: As for ``mock.patch``.

    Example:
        >>> import math
        >>> from autograd_nn import testing
        >>> with testing.patch('math.sqrt') as sqrt:
        ...     math.sqrt(9), sqrt.call_count
        (3.0, 1)
    """
    return mock.patch(target, *args, wraps=pkgutil.resolve_name(target), **kwargs)


def with_requires(*requirements: str) -> Callable[[Any], Any]:
    """Decorator: a test is skipped unless some libraries are there.

    Args:
        requirements: What they are, such as ``'scipy>=1.10'``.
    """
    return unittest.skipUnless(_are_met(requirements), f'it needs {", ".join(requirements)}')


def without_requires(*requirements: str) -> Callable[[Any], Any]:
    """Decorator: a test is skipped if some libraries are there.

    Args:
        requirements: What they are, such as ``'scipy>=1.10'``.
    """
    return unittest.skipIf(_are_met(requirements), f'it is for where {", ".join(requirements)} is not')


def _are_met(requirements: tuple[str, ...]) -> bool:
    from packaging.requirements import Requirement  # which comes with pytest

    for each in map(Requirement, requirements):
        try:
            if not each.specifier.contains(metadata.version(each.name), prereleases=True):
                return False
        except metadata.PackageNotFoundError:
            return False
    return True


def run_module(name: str, file: str) -> None:
    """Runs the tests of a file that is started as a program, with pytest; it stops at the first failure.

    Args:
        name: ``__name__`` of the file. Does nothing unless that is ``'__main__'``.
        file: ``__file__`` of the file.
    """
    if name == '__main__':
        import pytest

        pytest.main([file, '-vvs', '-x', '--pdb'])
