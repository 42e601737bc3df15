"""Windows of images as an array of their own, and back: a thread for each element of the result."""
from __future__ import annotations

from functools import lru_cache
from typing import Any

from autograd_nn.cuda import device
from autograd_nn.cuda.kernel import COMPUTE, Kernel, elementwise
from autograd_nn.geometry import conv_output_size
from autograd_nn.types import Array, Ints


def im2col(x: Array, kernel_size: Ints, stride: Ints, pad: Ints, dilate: Ints, cover_all: bool) -> Any:
    """In one kernel: each element of the result is read from its place in the image, or is padding."""
    out = tuple(conv_output_size(n, k, s, p, cover_all, d)
                for n, k, s, p, d in zip(x.shape[2:], kernel_size, stride, pad, dilate, strict=True))
    col = device.cupy.empty((*x.shape[:2], *kernel_size, *out), x.dtype)
    return copy_windows(x, col, stride, pad, dilate)


def copy_windows(x: Array, col: Array, stride: Ints, pad: Ints, dilate: Ints) -> Any:
    """Writes the windows of `x` (N, C, *in) into `col` (N, C, *k, *out), which may have any strides; returns it."""
    return _im2col(len(stride))(x, *x.shape[2:], *stride, *pad, *dilate, col)


def col2im(col: Array, size: Ints, stride: Ints, pad: Ints, dilate: Ints) -> Any:
    """In one kernel: each element of the image gathers the elements that it is part of, in a fixed order."""
    return add_windows(col, device.cupy.empty((*col.shape[:2], *size), col.dtype), stride, pad, dilate)


def add_windows(col: Array, x: Array, stride: Ints, pad: Ints, dilate: Ints) -> Any:
    """Writes the sums of the windows `col` (N, C, *k, *out), which may have any strides, to `x` (N, C, *size)."""
    return _col2im(len(stride))(col, *col.shape[2:], *stride, *pad, *dilate, x)


def integers(names: str, axes: int) -> str:
    """Declares an integer for each of the names and each axis: of ``'k'`` it makes ``'int32 k_0, int32 k_1'``."""
    return ', '.join(f'int32 {name}_{d}' for name in names.split() for d in range(axes))


def each(axes: int, text: str, by: str = '\n') -> str:
    """The text once for each spatial axis, with the number of the axis in the place of ``@``."""
    return by.join(text.replace('@', str(d)) for d in range(axes))


# The variables of the texts, for axis @: n_@, m_@ and k_@ are the sizes of input, output and window; s_@, p_@ and d_@
# are stride, padding and dilation; i_@ is the place in the window, at_@ that in an image.


@lru_cache(None)
def _im2col(axes: int) -> Kernel:
    places = each(axes, f'const ptrdiff_t at_@ = _ind.get()[{axes} + 2 + @] * s_@ - p_@ + _ind.get()[2 + @] * d_@;')
    return elementwise('raw T x, ' + integers('n s p d', axes), 'T col', f'''
        {places}
        const ptrdiff_t place[] = {{_ind.get()[0], _ind.get()[1], {each(axes, 'at_@', ', ')}}};
        col = {each(axes, 'at_@ >= 0 && at_@ < n_@', ' && ')} ? x[place] : (T)0;
        ''', f'im2col_{axes}d', reduce_dims=False)


@lru_cache(None)
def _col2im(axes: int) -> Kernel:
    return elementwise('raw T col, ' + integers('k m s p d', axes), 'T x', f'''
        C sum = 0;
        {over_windows(axes)}
            const ptrdiff_t place[] = {{_ind.get()[0], _ind.get()[1], {each(axes, 'i_@, ', '')}
                                        {each(axes, 'at_@', ', ')}}};
            sum += (C)col[place];
        {'}' * axes}
        x = (T)sum;''', f'col2im_{axes}d', reduce_dims=False, preamble=COMPUTE)


def over_windows(axes: int, first: int = 2) -> str:
    """The heads of loops over all windows that have the element: it is at i_@ in the window number at_@.

    Args:
        axes: The number of spatial axes.
        first: Which axis of the element's array is the first of them.
    """
    return each(axes, f'''
        for (int i_@ = 0; i_@ < k_@; ++i_@) {{
            ptrdiff_t at_@ = _ind.get()[{first} + @] + p_@ - i_@ * d_@;
            if (at_@ < 0 || at_@ % s_@ != 0) continue;
            at_@ /= s_@;
            if (at_@ >= m_@) continue;''')


for _axes in (1, 2, 3):
    _im2col(_axes)
    _col2im(_axes)
