"""Pooling: one number for each window of an image."""
from __future__ import annotations

from typing import Any

from autograd_nn import backend
from autograd_nn.config import config
from autograd_nn.function_node import Arrays, FunctionNode, Gradients, Indexes
from autograd_nn.functions.checks import check_float
from autograd_nn.geometry import as_tuple, conv_output_size
from autograd_nn.types import Array, ArrayLike, Ints, Size
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable, as_variable


class MaxPooling(FunctionNode):

    def __init__(self, kernel_size: Ints, stride: Ints, pad: Ints, cover_all: bool, return_indexes: bool) -> None:
        self.geometry = kernel_size, stride, pad
        self.cover_all = cover_all
        self.return_indexes = return_indexes

    def forward(self, inputs: Arrays) -> Arrays:
        x, = inputs
        self.size = x.shape[2:]
        y, self.indexes = backend.kernels(x).max_pooling(x, *self.geometry, self.cover_all,
                                                         self.return_indexes or config.enable_backprop)
        return y,

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        return MaxPoolingGrad(*self.geometry, self.indexes, self.size).apply(grad_outputs)


class MaxPoolingGrad(FunctionNode):
    """Puts each element at one place of its window."""

    def __init__(self, kernel_size: Ints, stride: Ints, pad: Ints, indexes: Array, size: Ints) -> None:
        self.geometry = kernel_size, stride, pad
        self.indexes = indexes
        self.size = size

    def forward(self, inputs: Arrays) -> Arrays:
        gy, = inputs
        return backend.kernels(gy).max_pooling_grad(gy, self.indexes, self.size, *self.geometry),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        return MaxPoolingGather(*self.geometry, self.indexes, self.size).apply(grad_outputs)


class MaxPoolingGather(FunctionNode):
    """Takes one place of each window."""

    def __init__(self, kernel_size: Ints, stride: Ints, pad: Ints, indexes: Array, size: Ints) -> None:
        self.geometry = kernel_size, stride, pad
        self.indexes = indexes
        self.size = size

    def forward(self, inputs: Arrays) -> Arrays:
        x, = inputs
        return backend.kernels(x).max_pooling_gather(x, self.indexes, *self.geometry),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        return MaxPoolingGrad(*self.geometry, self.indexes, self.size).apply(grad_outputs)


class AveragePooling(FunctionNode):

    def __init__(self, kernel_size: Ints, stride: Ints, pad: Ints, cover_all: bool, pad_value: int | None) -> None:
        self.geometry = kernel_size, stride, pad
        self.cover_all = cover_all
        self.pad_value = pad_value

    def forward(self, inputs: Arrays) -> Arrays:
        x, = inputs
        self.size = x.shape[2:]
        return backend.kernels(x).average_pooling(x, *self.geometry, self.cover_all, self.pad_value),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        return AveragePoolingGrad(*self.geometry, self.cover_all, self.pad_value, self.size).apply(grad_outputs)


class AveragePoolingGrad(FunctionNode):

    def __init__(self, kernel_size: Ints, stride: Ints, pad: Ints, cover_all: bool, pad_value: int | None,
                 size: Ints) -> None:
        self.geometry = kernel_size, stride, pad
        self.cover_all = cover_all
        self.pad_value = pad_value
        self.size = size

    def forward(self, inputs: Arrays) -> Arrays:
        gy, = inputs
        return backend.kernels(gy).average_pooling_grad(gy, self.size, *self.geometry, self.pad_value),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        return AveragePooling(*self.geometry, self.cover_all, self.pad_value).apply(grad_outputs)


def pooling_geometry(function: str, n: int | None, x: ArrayLike, ksize: Size, stride: Size | None,
                     pad: Size) -> tuple[Variable, tuple[Ints, Ints, Ints]]:
    """The checked arguments of a pooling function over `n` spatial axes (None: as many as there are)."""
    x = as_variable(x)
    if n is None:
        n = x.ndim - 2
    if x.ndim != n + 2 or n < 1:
        expected = f'{n + 2} axes (N, C and {n} of the image)' if n > 0 else 'at least 3 axes'
        raise ShapeError(f'{function}: expected x with {expected}, got shape {x.shape}')
    check_float(function, 'x', x)
    kernel_size = as_tuple(ksize, n, function, 'ksize')
    stride = kernel_size if stride is None else as_tuple(stride, n, function, 'stride')
    return x, (kernel_size, stride, as_tuple(pad, n, function, 'pad', least=0))


def _check_windows(function: str, x: Variable, kernel_size: Ints, stride: Ints, pad: Ints, cover_all: bool) -> None:
    if min(conv_output_size(*sizes, cover_all) for sizes in zip(x.shape[2:], kernel_size, stride, pad)) < 1:
        raise ShapeError(f'{function}: no window of size {kernel_size} fits x of shape {x.shape} with pad {pad}')


def _max_pooling(function: str, n: int | None, x: ArrayLike, ksize: Size, stride: Size | None, pad: Size,
                 cover_all: bool, return_indices: bool) -> Any:
    x, geometry = pooling_geometry(function, n, x, ksize, stride, pad)
    _check_windows(function, x, *geometry, cover_all)
    node = MaxPooling(*geometry, cover_all, return_indices)
    y, = node.apply((x,))
    return (y, node.indexes.astype(int)) if return_indices else y


def _average_pooling(function: str, n: int | None, x: ArrayLike, ksize: Size, stride: Size | None, pad: Size,
                     pad_value: int | None) -> Variable:
    x, geometry = pooling_geometry(function, n, x, ksize, stride, pad)
    _check_windows(function, x, *geometry, False)
    if pad_value not in (0, None):
        raise ValueError(f'{function}: expected pad_value 0 or None, got {pad_value!r}')
    return AveragePooling(*geometry, False, pad_value).apply((x,))[0]


def max_pooling_nd(x: ArrayLike, ksize: Size, stride: Size | None = None, pad: Size = 0, cover_all: bool = True,
                   return_indices: bool = False) -> Any:
    """The maximum of each window, over any number of spatial axes: see `max_pooling_2d`.

    Args:
        x: Input, floating point, of shape (N, C, d_1, ..., d_n).
        ksize: Size of the window; an integer, or one for each spatial axis, as the next ones.
        stride: Step of the window; by default its size.
        pad: Width of the padding, which never is the maximum.
        cover_all: Add a last window where it is needed to cover all elements.
        return_indices: Also return the places of the maxima.

    Returns:
        Output of shape (N, C, out_1, ..., out_n); with `return_indices` a tuple of it and an integer array, the place
        of each maximum within its window, counted row by row.

    Raises:
        ValueError: The shapes do not fit.
        TypeError: `x` is not floating point.
    """
    return _max_pooling('max_pooling_nd', None, x, ksize, stride, pad, cover_all, return_indices)


def max_pooling_1d(x: ArrayLike, ksize: Size, stride: Size | None = None, pad: Size = 0, cover_all: bool = True,
                   return_indices: bool = False) -> Any:
    """The maximum of each window, over one spatial axis: see `max_pooling_nd`."""
    return _max_pooling('max_pooling_1d', 1, x, ksize, stride, pad, cover_all, return_indices)


def max_pooling_2d(x: ArrayLike, ksize: Size, stride: Size | None = None, pad: Size = 0, cover_all: bool = True,
                   return_indices: bool = False) -> Any:
    """The maximum of each window of images.

    Args:
        x: Input, floating point, of shape (N, C, H, W).
        ksize: Size of the window; an integer or a pair, as the next ones.
        stride: Step of the window; by default its size.
        pad: Width of the padding, which never is the maximum.
        cover_all: Add a last window where it is needed to cover all pixels, so that the output may be larger.
        return_indices: Also return the places of the maxima, as `upsampling_2d` takes them.

    Returns:
        Output of shape (N, C, out_h, out_w); with `return_indices` a tuple of it and an integer array, the place of
        each maximum within its window, counted row by row. As that of convolutions, the output's array may lie in
        memory channels-last, with strides as those of an array of shape (N, out_h, out_w, C): what is written to a
        flat view of it, such as ``y.array.ravel()``, goes to a copy then. Write to ``y.array[...]``.

    Raises:
        ValueError: The shapes do not fit.
        TypeError: `x` is not floating point.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> x = np.arange(9.).reshape(1, 1, 3, 3)
        >>> F.max_pooling_2d(x, 2)
        variable([[[[4., 5.],
                    [7., 8.]]]])
        >>> F.max_pooling_2d(x, 2, cover_all=False)
        variable([[[[4.]]]])
    """
    return _max_pooling('max_pooling_2d', 2, x, ksize, stride, pad, cover_all, return_indices)


def max_pooling_3d(x: ArrayLike, ksize: Size, stride: Size | None = None, pad: Size = 0, cover_all: bool = True,
                   return_indices: bool = False) -> Any:
    """The maximum of each window, over three spatial axes: see `max_pooling_nd`."""
    return _max_pooling('max_pooling_3d', 3, x, ksize, stride, pad, cover_all, return_indices)


def average_pooling_nd(x: ArrayLike, ksize: Size, stride: Size | None = None, pad: Size = 0,
                       pad_value: int | None = 0) -> Variable:
    """The mean of each window, over any number of spatial axes.

    Args:
        x: Input, floating point, of shape (N, C, d_1, ..., d_n).
        ksize: Size of the window; an integer, or one for each spatial axis, as the next two.
        stride: Step of the window; by default its size.
        pad: Width of the padding.
        pad_value: 0 counts the padding as zeros; None leaves it out of the mean.

    Returns:
        Output of shape (N, C, out_1, ..., out_n).

    Raises:
        ValueError: The shapes do not fit.
        TypeError: `x` is not floating point.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> x = np.array([[[1., 2., 3., 4.]]])
        >>> F.average_pooling_nd(x, 3, stride=2, pad=1)
        variable([[[1., 3.]]])
        >>> F.average_pooling_nd(x, 3, stride=2, pad=1, pad_value=None)
        variable([[[1.5, 3. ]]])
    """
    return _average_pooling('average_pooling_nd', None, x, ksize, stride, pad, pad_value)


def average_pooling_1d(x: ArrayLike, ksize: Size, stride: Size | None = None, pad: Size = 0,
                       pad_value: int | None = 0) -> Variable:
    """The mean of each window, over one spatial axis: see `average_pooling_nd`."""
    return _average_pooling('average_pooling_1d', 1, x, ksize, stride, pad, pad_value)


def average_pooling_2d(x: ArrayLike, ksize: Size, stride: Size | None = None, pad: Size = 0) -> Variable:
    """The mean of each window of images; the padding counts as zeros.

    Args:
        x: Input, floating point, of shape (N, C, H, W).
        ksize: Size of the window; an integer or a pair, as the next two.
        stride: Step of the window; by default its size.
        pad: Width of zeros around the image.

    Returns:
        Output of shape (N, C, out_h, out_w).

    Raises:
        ValueError: The shapes do not fit.
        TypeError: `x` is not floating point.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.average_pooling_2d(np.arange(4.).reshape(1, 1, 2, 2), 2)
        variable([[[[1.5]]]])
    """
    return _average_pooling('average_pooling_2d', 2, x, ksize, stride, pad, 0)


def average_pooling_3d(x: ArrayLike, ksize: Size, stride: Size | None = None, pad: Size = 0,
                       pad_value: int | None = 0) -> Variable:
    """The mean of each window, over three spatial axes: see `average_pooling_nd`."""
    return _average_pooling('average_pooling_3d', 3, x, ksize, stride, pad, pad_value)
