"""Initial values as network files describe them."""
from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from autograd_nn import initializers
from autograd_nn.backend import get_array_module
from autograd_nn.caffe.wire import Message
from autograd_nn.types import Array

_FAN_IN, _FAN_OUT = 0, 1


def _fill_normal(mean: float, std: float, sparse: int, array: Array) -> None:
    """Normal numbers; if they are to be sparse, all but so many for each input on average become 0."""
    random = get_array_module(array).random
    array[...] = random.normal(mean, std, array.shape)
    if sparse >= 0:
        array *= random.uniform(size=array.shape) < sparse / len(array)


def _fill_uniform(low: float, high: float, array: Array) -> None:
    array[...] = get_array_module(array).random.uniform(low, high, array.shape)


def _fill_positive_unitball(array: Array) -> None:
    """Positive numbers, of which those of each output sum to 1."""
    _fill_uniform(0, 1, array)
    array /= array.sum(tuple(range(1, array.ndim)), keepdims=True)


def _fill_xavier(variance_norm: int, array: Array) -> None:
    bound = (3 / _fan(variance_norm, array)) ** 0.5
    _fill_uniform(-bound, bound, array)


def _fill_msra(variance_norm: int, array: Array) -> None:
    _fill_normal(0, (2 / _fan(variance_norm, array)) ** 0.5, -1, array)


def _fan(variance_norm: int, array: Array) -> float:
    """By what the variance is divided: the number of inputs, that of outputs, or the mean of both."""
    inputs = array.size / (array.shape[0] if array.ndim else 1)
    outputs = array.size / (array.shape[1] if array.ndim > 1 else 1)
    return inputs if variance_norm == _FAN_IN else outputs if variance_norm == _FAN_OUT else (inputs + outputs) / 2


def _fill_bilinear(array: Array) -> None:
    """Filters that, with a stride of half their size, enlarge images by linear interpolation."""
    xp = get_array_module(array)
    profiles = []
    for size in array.shape[2:]:
        half = (size + 1) // 2
        profiles.append(1 - abs(xp.arange(size) / half - (size - 1) / (2 * half)))
    array[...] = xp.multiply.outer(*profiles)


def initializer(filler: Message) -> Callable[[Any], None]:
    """What fills an array as a `FillerParameter` describes.

    Raises:
        ValueError: Its type is unknown, or it is to be sparse and not gaussian.
    """
    kinds: dict[str, Callable[[Any], None]] = {
        'constant': initializers.Constant(filler.value),
        'gaussian': partial(_fill_normal, filler.mean, filler.std, filler.sparse),
        'uniform': partial(_fill_uniform, filler.min, filler.max),
        'positive_unitball': _fill_positive_unitball,
        'xavier': partial(_fill_xavier, filler.variance_norm),
        'msra': partial(_fill_msra, filler.variance_norm),
        'bilinear': _fill_bilinear,
    }
    if filler.type not in kinds:
        raise ValueError(f'expected a filler of type {", ".join(kinds)}, got {filler.type!r}')
    if filler.sparse >= 0 and filler.type != 'gaussian':
        raise ValueError(f'expected sparse with a filler of type gaussian only, got it with {filler.type}')
    return kinds[filler.type]
