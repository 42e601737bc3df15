"""Initial values as network files describe them."""
from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from autograd_nn import initializers
from autograd_nn.backend import get_array_module


def _fill_normal(mean: float, std: float, array: Any) -> None:
    array[...] = get_array_module(array).random.normal(mean, std, array.shape)


def _fill_uniform(low: float, high: float, array: Any) -> None:
    array[...] = get_array_module(array).random.uniform(low, high, array.shape)


def _fill_xavier(array: Any) -> None:
    bound = (3 * len(array) / array.size) ** 0.5
    _fill_uniform(-bound, bound, array)


def _fill_msra(array: Any) -> None:
    _fill_normal(0, (2 * len(array) / array.size) ** 0.5, array)


def _fill_bilinear(array: Any) -> None:
    """Filters that, with a stride of half their size, enlarge images by linear interpolation."""
    xp = get_array_module(array)
    profiles = []
    for size in array.shape[2:]:
        half = (size + 1) // 2
        profiles.append(1 - abs(xp.arange(size) / half - (size - 1) / (2 * half)))
    array[...] = xp.multiply.outer(*profiles)


def initializer(filler: Any) -> Callable[[Any], None]:
    """What fills an array as a `FillerParameter` describes.

    Raises:
        ValueError: Its type is unknown.
    """
    kinds: dict[str, Callable[[Any], None]] = {
        'constant': initializers.Constant(filler.value),
        'gaussian': partial(_fill_normal, filler.mean, filler.std),
        'uniform': partial(_fill_uniform, filler.min, filler.max),
        'xavier': _fill_xavier,
        'msra': _fill_msra,
        'bilinear': _fill_bilinear,
    }
    if filler.type not in kinds:
        raise ValueError(f'expected a filler of type {", ".join(kinds)}, got {filler.type!r}')
    return kinds[filler.type]
