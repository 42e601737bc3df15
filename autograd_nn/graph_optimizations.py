"""Chainer's marks for networks whose graph is always the same. Here it is recorded anew in each call, which is fast."""
from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

_logger = logging.getLogger(__name__)


def static_graph(*args: Any, **kwargs: Any) -> Any:
    """Decorator of the method that calls a chain, to be used with arguments or without: it runs as it is written.

    Chainer records the graph in the first call and repeats that afterwards; a debug log says that this is not done.

    Args:
        args: The method.
        kwargs: Chainer's options of recording.
    """
    if not (len(args) == 1 and callable(args[0])):
        return static_graph
    method = args[0]

    @wraps(method)
    def call(self: Any, *inputs: Any, **options: Any) -> Any:
        _logger.debug('static_graph: %s runs as it is written; its graph is recorded anew in each call',
                      type(self).__name__)
        return method(self, *inputs, **options)

    return call


def static_code(*args: Any, **kwargs: Any) -> Any:
    """Decorator of a function that a static chain is to repeat in each call: it runs as it is written.

    Args:
        args: The function, or nothing.
        kwargs: Chainer's options.
    """
    if len(args) == 1 and callable(args[0]):
        return args[0]

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        return function

    return decorate
