"""Groups of channels that move one pixel or more, each in a direction of its own."""
from __future__ import annotations

import sys
from collections.abc import Iterator

from autograd_nn.backend import get_array_module
from autograd_nn.function_node import Arrays, FunctionNode, Gradients, Indexes
from autograd_nn.functions.checks import check_float
from autograd_nn.geometry import as_tuple
from autograd_nn.types import ArrayLike, Ints, Size
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable, as_variable


class Shift(FunctionNode):

    def __init__(self, kernel_size: Ints, dilate: Ints) -> None:
        self.kernel_size = kernel_size
        self.dilate = dilate

    def forward(self, inputs: Arrays) -> Arrays:
        x, = inputs
        y = get_array_module(x).zeros_like(x)
        for channels, distances in self._groups(x.shape[1]):
            (rows, columns), (from_rows, from_columns) = zip(*map(_overlap, x.shape[2:], distances))
            y[:, channels, rows, columns] = x[:, channels, from_rows, from_columns]
        return y,

    def _groups(self, channels: int) -> Iterator[tuple[slice, Ints]]:
        """The channels of each group, and how far down and to the right they move.

        There is a group for each place in the window. The one in its middle changes places with the last, which has
        the channels that are left over, and those do not move.
        """
        height, width = self.kernel_size
        size = channels // (height * width)
        places = [((i - height // 2) * self.dilate[0], (j - width // 2) * self.dilate[1])
                  for i in range(height) for j in range(width)]
        middle = len(places) // 2
        places[middle], places[-1] = places[-1], places[middle]
        for number, distances in enumerate(places):
            yield slice(number * size, (number + 1) * size if number < len(places) - 1 else channels), distances

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        return Shift(self.kernel_size, (-self.dilate[0], -self.dilate[1])).apply(grad_outputs)


def _overlap(n: int, distance: int) -> tuple[slice, slice]:
    """Where, on an axis of length `n`, what has moved that far is, and where it was."""
    return slice(max(distance, 0), max(n + distance, 0)), slice(max(-distance, 0), max(n - distance, 0))


def shift(x: ArrayLike, ksize: Size = 3, dilate: Size = 1) -> Variable:
    """Moves groups of channels against each other, so that a 1 x 1 convolution behind it sees what a larger one would.

    The channels are split into a group for each place of a window, which moves from the middle to there. What comes
    from outside is 0.

    See Wu et al., Shift: A Zero FLOP, Zero Parameter Alternative to Spatial Convolutions,
    https://arxiv.org/abs/1711.08141.

    Args:
        x: Variable or array of shape (N, C, H, W), floating-point.
        ksize: The window's height and width, which are odd; an integer or a pair.
        dilate: The distance between neighbouring places of the window; an integer or a pair. Negative ones move
            the other way.

    Returns:
        A Variable of the shape of `x`.

    Raises:
        ValueError: A size is not odd, or `x` has fewer channels than the window has places, or another number of axes.
        TypeError: `x` is not floating-point, or a size is no integer.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.shift(np.array([[[[1., 2.]], [[3., 4.]], [[5., 6.]]]]), ksize=(1, 3))
        variable([[[[2., 0.]],
                   [[0., 3.]],
                   [[5., 6.]]]])
    """
    x = as_variable(x)
    check_float('shift', 'x', x)
    kernel_size = as_tuple(ksize, 2, 'shift', 'ksize')
    if x.ndim != 4 or x.shape[1] < kernel_size[0] * kernel_size[1]:
        raise ShapeError(f'shift: expected x of shape (N, C, H, W) with a channel for each of the {kernel_size[0]} x '
                         f'{kernel_size[1]} places, got shape {x.shape}')
    if not (kernel_size[0] % 2 and kernel_size[1] % 2):
        raise ValueError(f'shift: ksize must be odd, got {ksize}')
    return Shift(kernel_size, as_tuple(dilate, 2, 'shift', 'dilate', least=-sys.maxsize)).apply((x,))[0]
