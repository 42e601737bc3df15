"""The orders of Chainer, so that a program which sets a seed sees the random numbers that it saw there.

With them what a program computes can be compared with what Chainer has printed. The package has others, for its own
reasons: parameters come in the order of their definition, a shuffled data set does not depend on what else draws random
numbers, large masks of dropout are drawn in parallel, and in the mean of an evaluation a small last batch counts for
less.
"""
from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_nn.cpu import dropout
from autograd_nn.initializers import Zero
from autograd_nn.iterators.order_samplers import ShuffleOrderSampler
from autograd_nn.link import Chain, Link
from autograd_nn.links.rnn.lstm import LSTMBase, _InFourParts
from autograd_nn.training.extensions import evaluator


def install() -> None:
    """Lets parameters come by their names and numbers from the global generator, and batches count alike."""
    if hasattr(Link._own_params, '__wrapped__'):
        return
    Link._own_params = _by_name(Link._own_params)
    Chain._named_children = _by_name(Chain._named_children)
    ShuffleOrderSampler.__init__ = _of_the_global_state(ShuffleOrderSampler.__init__)
    LSTMBase.__init__ = _in_turns(LSTMBase.__init__)
    dropout._SMALL_ELEMENTS = sys.maxsize
    evaluator.len = lambda batch: 1  # lengths are the weights of batches there


def _by_name(method: Callable[..., Any]) -> Any:
    """A method that returns pairs of a name and something else, in the order of the names."""
    @functools.wraps(method)
    def ordered(*args: Any) -> list[tuple[str, Any]]:
        return sorted(method(*args), key=lambda pair: pair[0])

    return ordered


def _of_the_global_state(constructor: Callable[..., None]) -> Any:
    """The constructor of `ShuffleOrderSampler`, for which no random state means NumPy's own."""
    @functools.wraps(constructor)
    def of_the_global_state(self: Any, random_state: np.random.RandomState | None = None) -> None:
        constructor(self, np.random.random.__self__ if random_state is None else random_state)

    return of_the_global_state


def _in_turns(constructor: Callable[..., None]) -> Any:
    """The constructor of LSTM layers, for which the quarters of both matrices are drawn in turns.

    Where the size of the inputs is not known yet, one matrix is drawn after the other.
    """
    @functools.wraps(constructor)
    def drawing_in_turns(self: Any, in_size: int | None, out_size: int | None = None, lateral_init: Any = None,
                         upward_init: Any = None, *args: Any, **kwargs: Any) -> None:
        initializers = _InFourParts(lateral_init), _InFourParts(upward_init)
        constructor(self, in_size, out_size, *(Zero(each.dtype) for each in initializers), *args, **kwargs)
        self.lateral.W.initializer, self.upward.W.initializer = initializers
        if self.upward.W.array is None:
            initializers[0](self.lateral.W.array)
        else:
            for parts in zip(np.split(self.lateral.W.array, 4), np.split(self.upward.W.array, 4)):
                for initializer, part in zip(initializers, parts):
                    initializer.initializer(part)

    return drawing_in_turns
