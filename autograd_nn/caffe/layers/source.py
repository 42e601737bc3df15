"""Layers that make blobs out of nothing."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_nn.caffe.layers.fillers import initializer
from autograd_nn.caffe.layers.registry import Layer, Specification, builder
from autograd_nn.caffe.schema import LayerParameter
from autograd_nn.link import Link
from autograd_nn.variable import Parameter, Variable


class ParameterBlob(Link):
    """A parameter as a blob.

    Args:
        shape: Its shape; it starts from zeros.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        with self.init_scope():
            self.W = Parameter(0, shape)

    def forward(self) -> Variable:
        """The parameter itself: the layer has no input."""
        return self.W


@builder('Parameter')
def parameter(spec: Specification) -> Layer:
    """A parameter as a blob; it lies in blob 0."""
    shape = tuple(spec.parameter_param.shape.dim)
    link = ParameterBlob(shape)
    spec.fill(link.W, 0, 'a parameter', shape)
    return link


class DummyData(Link):
    """Arrays filled with constants or, anew in every call, with random numbers.

    Args:
        shapes: Their shapes.
        fillers: What fills each.
    """

    def __init__(self, shapes: list[tuple[int, ...]], fillers: list[Callable[[Any], None]]) -> None:
        super().__init__()
        self.shapes = shapes
        self.fillers = fillers

    def forward(self) -> tuple[Variable, ...]:
        """An array for each shape."""
        arrays = [self.xp.empty(shape, np.float32) for shape in self.shapes]
        for fill, array in zip(self.fillers, arrays):
            fill(array)
        return tuple(Variable(array, requires_grad=False) for array in arrays)


@builder('DummyData')
def dummy_data(spec: Specification) -> Layer:
    """An array for each top; a shape or a filler that comes alone is that of all."""
    param, count = spec.dummy_data_param, len(spec.top)
    shapes = [tuple(shape.dim) for shape in param.shape] or [
        *zip(param.num, param.channels, param.height, param.width)]
    fillers = [*param.data_filler] or [LayerParameter().dummy_data_param.data_filler.add()]
    if len(shapes) not in (1, count) or len(fillers) not in (1, count):
        raise spec.error(f'expected a shape and a filler for each of {count} tops, or one for all, got {len(shapes)} '
                         f'and {len(fillers)}')
    return DummyData(shapes * (count // len(shapes)), [*map(initializer, fillers * (count // len(fillers)))])
