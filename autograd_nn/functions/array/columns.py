"""The windows of images as channels."""
from __future__ import annotations

from math import prod

from autograd_nn import backend
from autograd_nn.function_node import Arrays, FunctionNode, Gradients, Indexes
from autograd_nn.geometry import as_tuple, conv_output_size
from autograd_nn.types import ArrayLike, Ints, Size
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable, as_variable


class Im2Col(FunctionNode):

    def __init__(self, kernel_size: Ints, stride: Ints, pad: Ints, cover_all: bool, dilate: Ints) -> None:
        self.geometry = kernel_size, stride, pad, cover_all, dilate

    def forward(self, inputs: Arrays) -> Arrays:
        x, = inputs
        self.size = x.shape[2:]
        kernel_size, stride, pad, cover_all, dilate = self.geometry
        col = backend.kernels(x).im2col(x, kernel_size, stride, pad, dilate, cover_all)
        return col.reshape(len(x), x.shape[1] * prod(kernel_size), *col.shape[-len(self.size):]),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        return Col2Im(*self.geometry, self.size).apply(grad_outputs)


class Col2Im(FunctionNode):

    def __init__(self, kernel_size: Ints, stride: Ints, pad: Ints, cover_all: bool, dilate: Ints, size: Ints) -> None:
        self.geometry = kernel_size, stride, pad, cover_all, dilate
        self.size = size

    def forward(self, inputs: Arrays) -> Arrays:
        col, = inputs
        kernel_size, stride, pad, _, dilate = self.geometry
        channels = col.shape[1] // prod(kernel_size)
        windows = col.reshape(len(col), channels, *kernel_size, *col.shape[2:])
        return backend.kernels(col).col2im(windows, self.size, stride, pad, dilate),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        return Im2Col(*self.geometry).apply(grad_outputs)


def im2col(x: ArrayLike, ksize: Size, stride: Size = 1, pad: Size = 0, cover_all: bool = False,
           dilate: Size = 1) -> Variable:
    """Copies the windows of images: the channels of the output are the elements of the window.

    Args:
        x: Input of shape (N, C, H, W).
        ksize: Size of the window; an integer or a pair, as the next ones.
        stride: Step of the window.
        pad: Width of zeros around the image.
        cover_all: Add a last window where it is needed to cover all pixels.
        dilate: Distance between neighbouring elements of the window.

    Returns:
        Output of shape (N, C * kh * kw, out_h, out_w).

    Raises:
        ValueError: `x` does not have four axes, or no window fits.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.im2col(np.arange(4.).reshape(1, 1, 2, 2), 2)
        variable([[[[0.]], [[1.]], [[2.]], [[3.]]]])
    """
    x = as_variable(x)
    if x.ndim != 4:
        raise ShapeError(f'im2col: expected x with 4 axes (N, C, H, W), got shape {x.shape}')
    k, s, d = (as_tuple(value, 2, 'im2col', name)
               for value, name in ((ksize, 'ksize'), (stride, 'stride'), (dilate, 'dilate')))
    p = as_tuple(pad, 2, 'im2col', 'pad', least=0)
    if min(conv_output_size(*sizes[:4], cover_all, sizes[4]) for sizes in zip(x.shape[2:], k, s, p, d)) < 1:
        raise ShapeError(f'im2col: no window of size {k} and dilate {d} fits x of shape {x.shape} with pad {p}')
    return Im2Col(k, s, p, cover_all, d).apply((x,))[0]
