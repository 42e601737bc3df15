"""Layers that choose among samples."""
from __future__ import annotations

import autograd_nn.functions as F
from autograd_nn.backend import get_array_module
from autograd_nn.caffe.layers.registry import Layer, Specification, builder
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable, as_variable


@builder('Filter')
def filter_(spec: Specification) -> Layer:
    """Of all bottoms but the last those samples for which the last one is not 0."""
    def forward(*xs: ArrayLike) -> tuple[Variable, ...]:
        *others, selector = map(as_variable, xs)
        places = get_array_module(selector.array).flatnonzero(selector.array)
        for x in others:
            if len(x) != selector.array.size:
                raise ValueError(f'expected a number for each of {len(x)} samples, got shape {selector.shape}')
        return tuple(F.get_item(x, places) for x in others)

    return forward


@builder('BatchReindex')
def batch_reindex(spec: Specification) -> Layer:
    """The samples of the first bottom that the second one numbers."""
    def forward(x: ArrayLike, indexes: ArrayLike) -> Variable:
        x, array = as_variable(x), as_variable(indexes).array.ravel()
        if array.size and not 0 <= array.min() <= array.max() < len(x):
            raise ValueError(f'expected indexes from 0 to {len(x) - 1}, got {array.min()} to {array.max()}')
        return F.get_item(x, array.astype(int))

    return forward
