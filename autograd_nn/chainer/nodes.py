"""Attributes by which hooks and exporters for Chainer ask nodes of the graph for their parameters."""
from __future__ import annotations

from typing import Any

from autograd_nn.functions.array import broadcast, shape
from autograd_nn.functions.connection.convolution import ConvolutionND, DeconvolutionND
from autograd_nn.functions.math.number_arithmetic import WithNumber
from autograd_nn.functions.pooling.pooling import AveragePooling, MaxPooling

# For pairs of numbers the names of the second last and of the last axis; and where a node has the pairs.
_PAIRS = {'kernel': ('kh', 'kw'), 'stride': ('sy', 'sx'), 'pad': ('ph', 'pw'), 'dilate': ('dy', 'dx')}
_PLACES = {MaxPooling: ('kernel', 'stride', 'pad'), AveragePooling: ('kernel', 'stride', 'pad'),
           ConvolutionND: ('stride', 'pad', 'dilate', 'groups'), DeconvolutionND: ('stride', 'pad', 'dilate', 'groups')}


def install() -> None:
    """Gives the classes of nodes the attributes."""
    for node, places in _PLACES.items():
        for i, place in enumerate(places):
            for axis, name in enumerate(_PAIRS.get(place, ())):
                _offer(node, name, lambda self, i=i, axis=axis: self.geometry[i][axis - 2])
            if place == 'groups':
                _offer(node, 'groups', lambda self, i=i: self.geometry[i])
    _offer(ConvolutionND, 'cover_all', lambda self: False)  # what it adds to the input is a node of its own
    _offer(DeconvolutionND, 'outh', lambda self: self.out_size[-2])
    _offer(DeconvolutionND, 'outw', lambda self: self.out_size[-1])
    _offer(WithNumber, 'value', lambda self: self.number)
    for node in broadcast.BroadcastTo, shape.Reshape:
        _offer(node, '_shape', lambda self: self.shape)


def _offer(node: type, name: str, getter: Any) -> None:
    if not hasattr(node, name):
        setattr(node, name, property(getter))
