"""Layers that put elements elsewhere: parts, rows, other shapes and orders."""
from __future__ import annotations

from dataclasses import dataclass
from math import prod

import autograd_nn.functions as F
from autograd_nn.caffe.layers.registry import Layer, Specification, builder
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable, as_variable


@builder('Split')
def split(spec: Specification) -> Layer:
    """One output for each top, all of them the input itself."""
    count = len(spec.top)
    return lambda x: (as_variable(x),) * count


@builder('Silence')
def silence(spec: Specification) -> Layer:
    """A layer without outputs, for inputs that nothing else uses."""
    return lambda *xs: ()


@builder('Concat')
def concat(spec: Specification) -> Layer:
    """All bottoms side by side."""
    param = spec.concat_param
    axis = param.concat_dim if param.HasField('concat_dim') else param.axis
    return lambda *xs: F.concat(xs, axis % as_variable(xs[0]).ndim)


@builder('Slice')
def slice_(spec: Specification) -> Layer:
    """A part for each top: parts between the given points, or of one size."""
    param = spec.slice_param
    axis = param.slice_dim if param.HasField('slice_dim') else param.axis
    count, points = len(spec.top), list(param.slice_point)
    if points and len(points) != count - 1:
        raise spec.error(f'expected {count - 1} slice_points for {count} tops, got {len(points)}')
    return lambda x: F.split_axis(x, points or count, axis)


@builder('Flatten')
def flatten(spec: Specification) -> Layer:
    """The axes from ``axis`` to ``end_axis`` become one."""
    param = spec.flatten_param
    first, last = param.axis, param.end_axis

    def forward(x: ArrayLike) -> Variable:
        x = as_variable(x)
        start, stop = first % x.ndim, last % x.ndim + 1
        if start >= stop:
            raise ValueError(f'expected axis to come before end_axis, got {first} and {last} for shape {x.shape}')
        return F.reshape(x, (*x.shape[:start], prod(x.shape[start:stop]), *x.shape[stop:]))

    return forward


@builder('Reshape')
def reshape(spec: Specification) -> Layer:
    """Other axes in place of some: 0 keeps the length of the axis at that place, -1 is for the rest."""
    param = spec.reshape_param
    dims, axis, num_axes = list(param.shape.dim), param.axis, param.num_axes

    def forward(x: ArrayLike) -> Variable:
        x = as_variable(x)
        start = axis if axis >= 0 else x.ndim + axis + 1
        stop = x.ndim if num_axes == -1 else start + num_axes
        if not 0 <= start <= stop <= x.ndim or any(n == 0 and start + i >= x.ndim for i, n in enumerate(dims)):
            raise ValueError(f'axes {start} to {stop} cannot become {dims} in an input of shape {x.shape}')
        new = [x.shape[start + i] if n == 0 else n for i, n in enumerate(dims)]
        return F.reshape(x, (*x.shape[:start], *new, *x.shape[stop:]))

    return forward


@builder('Permute')
def permute(spec: Specification) -> Layer:
    """The axes in another order; those not named come last."""
    order = list(spec.permute_param.order)
    if len(set(order)) != len(order):
        raise spec.error(f'expected each axis once, got the order {order}')
    return lambda x: F.transpose(x, (*order, *(i for i in range(as_variable(x).ndim) if i not in order)))


@builder('Crop')
def crop(spec: Specification) -> Layer:
    """The part of the first bottom that has the size of the second one."""
    param = spec.crop_param
    axis, offsets = param.axis, list(param.offset)

    def forward(x: ArrayLike, like: ArrayLike) -> Variable:
        x, size = as_variable(x), as_variable(like).shape
        start = axis % x.ndim
        begins = offsets * (x.ndim - start) if len(offsets) == 1 else offsets or [0] * (x.ndim - start)
        if len(begins) != x.ndim - start or len(size) != x.ndim or any(
                begin + n > m for begin, n, m in zip(begins, size[start:], x.shape[start:])):
            raise ValueError(f'no part of shape {size[start:]} at {begins} in an input of shape {x.shape}')
        return x[(slice(None),) * start + tuple(slice(b, b + n) for b, n in zip(begins, size[start:]))]

    return forward


@builder('Tile')
def tile(spec: Specification) -> Layer:
    """The input, repeated ``tiles`` times along an axis."""
    param = spec.tile_param
    axis, tiles = param.axis, param.tiles
    if tiles < 1:
        raise spec.error(f'expected at least 1 tile, got {tiles}')

    def forward(x: ArrayLike) -> Variable:
        n = as_variable(x).ndim
        return F.tile(x, tuple(tiles if i == axis % n else 1 for i in range(n)))

    return forward


@dataclass(frozen=True)
class Eltwise:
    """The sum, product or maximum of corresponding elements.

    Args:
        operation: ``'SUM'``, ``'PROD'`` or ``'MAX'``.
        coefficients: The factors of a sum; none for ones.
    """

    operation: str
    coefficients: tuple[float, ...] = ()

    @property
    def is_sum(self) -> bool:
        """Whether it is a sum without factors."""
        return self.operation == 'SUM' and set(self.coefficients) <= {1.}

    def __call__(self, *xs: ArrayLike) -> Variable:
        """Combines arrays of one shape."""
        bottoms = [as_variable(x) for x in xs]
        if len({x.shape for x in bottoms}) > 1:
            raise ValueError(f'expected bottoms of one shape, got {", ".join(str(x.shape) for x in bottoms)}')
        if self.operation == 'SUM' and not self.is_sum:
            bottoms = [x * factor for x, factor in zip(bottoms, self.coefficients)]
        y, *others = bottoms
        for x in others:
            y = y + x if self.operation == 'SUM' else y * x if self.operation == 'PROD' else F.maximum(y, x)
        return y


@builder('Eltwise')
def eltwise(spec: Specification) -> Layer:
    """The sum, product or maximum of all bottoms."""
    param = spec.eltwise_param
    operation = ('PROD', 'SUM', 'MAX')[param.operation]
    if param.coeff and len(param.coeff) != len(spec.bottom):
        raise spec.error(f'expected a coeff for each of {len(spec.bottom)} bottoms, got {len(param.coeff)}')
    return Eltwise(operation, tuple(param.coeff) if operation == 'SUM' else ())


@builder('Reduction')
def reduction(spec: Specification) -> Layer:
    """A sum or mean over all axes from one on."""
    param = spec.reduction_param
    operation, axis, coefficient = param.operation, param.axis, param.coeff

    def forward(x: ArrayLike) -> Variable:
        x = as_variable(x)
        axes = tuple(range(axis % x.ndim, x.ndim))
        summands = {2: F.absolute, 3: F.square}.get(operation, F.identity)(x)
        y = (F.mean if operation == 4 else F.sum)(summands, axes)
        return y if coefficient == 1 else y * coefficient

    return forward
