"""Decorators that say what a test needs: it is skipped where that is not there, and marked where pytest runs it.

With pytest, ``-m gpu`` runs the tests that need a GPU and ``-m 'not slow'`` leaves out what takes long; a project
registers the marks ``gpu``, ``cudnn`` and ``slow`` in its configuration.
"""
from __future__ import annotations

import unittest
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from autograd_nn import cuda

try:
    import pytest as _pytest
except ImportError:
    _pytest = None  # type: ignore[assignment]

_Test = TypeVar('_Test', bound=Callable[..., Any])


def is_available() -> bool:
    """Whether pytest is installed, without which nothing is marked."""
    return _pytest is not None


def slow(test: _Test) -> _Test:
    """Decorator: a test takes long."""
    return _marked('slow', test)


def gpu(f: _Test) -> _Test:
    """Decorator: a test needs a GPU."""
    return multi_gpu(1)(f)


def multi_gpu(gpu_num: int) -> Callable[[_Test], _Test]:
    """Decorator: a test needs several GPUs.

    Args:
        gpu_num: How many.
    """
    count = cuda.cupy.cuda.runtime.getDeviceCount() if cuda.available else 0

    def decorate(test: _Test) -> _Test:
        return unittest.skipIf(count < gpu_num, f'it needs {gpu_num} GPUs, of which there are {count}')(
            _marked('gpu', test))

    return decorate


def cudnn(test: _Test) -> _Test:
    """Decorator: a test needs cuDNN."""
    return unittest.skipIf(not cuda.cudnn_enabled, 'it needs cuDNN')(_marked('cudnn', test))


def chainerx(test: _Test) -> _Test:
    """Decorator: a test needs ChainerX, which is never there."""
    return unittest.skip('there is no ChainerX')(test)


def ideep(test: _Test) -> _Test:
    """Decorator: a test needs iDeep, which is never there."""
    return unittest.skip('there is no iDeep')(test)


def _marked(name: str, test: _Test) -> _Test:
    if _pytest is None:
        return test
    with warnings.catch_warnings():
        # A project that runs all its tests need not know of the mark.
        warnings.simplefilter('ignore')
        return getattr(_pytest.mark, name)(test)
