"""Maximum and mean of windows, one kernel each; gradients gather, so that they are added in a fixed order."""
from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from autograd_nn.contract import Ints
from autograd_nn.cuda import device
from autograd_nn.cuda.im2col import each, integers, over_windows
from autograd_nn.cuda.kernel import COMPUTE, Kernel, elementwise
from autograd_nn.geometry import conv_output_size


def max_pooling(x: Any, kernel_size: Ints, stride: Ints, pad: Ints, cover_all: bool,
                training: bool = True) -> tuple[Any, Any]:
    """Maximum and place at once."""
    y = device.cupy.empty(_pooled(x, kernel_size, stride, pad, cover_all), x.dtype)
    indexes = device.cupy.empty(y.shape, np.min_scalar_type(max(prod(kernel_size) - 1, 0)))
    _max_pooling(len(stride))(x, *x.shape[2:], *kernel_size, *stride, *pad, y, indexes)
    return y, indexes


def max_pooling_grad(gy: Any, indexes: Any, size: Ints, kernel_size: Ints, stride: Ints, pad: Ints) -> Any:
    """Each element asks the windows that it is part of whether it was their maximum."""
    gx = device.cupy.empty((*gy.shape[:2], *size), gy.dtype)
    return _max_pooling_grad(len(stride))(gy, indexes, *gy.shape[2:], *kernel_size, *stride, *pad, *_ones(stride), gx)


def max_pooling_gather(x: Any, indexes: Any, kernel_size: Ints, stride: Ints, pad: Ints) -> Any:
    """Takes the element of each window."""
    y = device.cupy.empty(indexes.shape, x.dtype)
    return _max_pooling_gather(len(stride))(x, indexes, *x.shape[2:], *kernel_size, *stride, *pad, y)


def average_pooling(x: Any, kernel_size: Ints, stride: Ints, pad: Ints, cover_all: bool, pad_value: int | None) -> Any:
    """Sum and number of each window."""
    y = device.cupy.empty(_pooled(x, kernel_size, stride, pad, cover_all), x.dtype)
    return _average_pooling(len(stride))(x, pad_value is not None, *x.shape[2:], *kernel_size, *stride, *pad, y)


def average_pooling_grad(gy: Any, size: Ints, kernel_size: Ints, stride: Ints, pad: Ints,
                         pad_value: int | None) -> Any:
    """Each element adds its shares up."""
    gx = device.cupy.empty((*gy.shape[:2], *size), gy.dtype)
    return _average_pooling_grad(len(stride))(gy, pad_value is not None, *size, *gy.shape[2:], *kernel_size, *stride,
                                              *pad, *_ones(stride), gx)


def _pooled(x: Any, kernel_size: Ints, stride: Ints, pad: Ints, cover_all: bool) -> Ints:
    return *x.shape[:2], *(conv_output_size(n, k, s, p, cover_all)
                           for n, k, s, p in zip(x.shape[2:], kernel_size, stride, pad, strict=True))


def _ones(axes: Ints) -> Ints:
    return (1,) * len(axes)


# The variables of the texts are those of `im2col`.


def _over_places(axes: int) -> str:
    """The heads of loops over the places i_@ of the element's window, which are at_@ in the image."""
    return each(axes, '''
        for (int i_@ = 0; i_@ < k_@; ++i_@) {
            const ptrdiff_t at_@ = _ind.get()[2 + @] * s_@ - p_@ + i_@;''')


def _inside(axes: int) -> str:
    return each(axes, 'at_@ >= 0 && at_@ < n_@', ' && ')


def _place(axes: int) -> str:
    """Declares the place of the element at at_@."""
    return f'const ptrdiff_t place[] = {{_ind.get()[0], _ind.get()[1], {each(axes, "at_@", ", ")}}};'


def _number(axes: int) -> str:
    """The number of the place i_@ in the window, row by row."""
    number = 'i_0'
    for d in range(1, axes):
        number = f'({number}) * k_{d} + i_{d}'
    return number


def _count(axes: int) -> str:
    """Declares the number of elements of the window at_@ that count: all, or those inside the image."""
    return each(axes, '''
        const ptrdiff_t from_@ = at_@ * s_@ - p_@;
        const ptrdiff_t to_@ = from_@ + k_@;
        const ptrdiff_t count_@ = padding_counts ? k_@
            : (to_@ < n_@ ? to_@ : n_@) - (from_@ > 0 ? from_@ : 0);''') + f'''
        const ptrdiff_t product = {each(axes, "count_@", " * ")};
        const ptrdiff_t count = product > 0 ? product : 1;'''


@lru_cache(None)
def _max_pooling(axes: int) -> Kernel:
    return elementwise('raw T x, ' + integers('n k s p', axes), 'T y, S index', f'''
        const C lowest = log((C)0);
        C best = 0;
        ptrdiff_t best_number = -1;
        {_over_places(axes)}
            {_place(axes)}
            const C value = {_inside(axes)} ? (C)x[place] : lowest;
            if (best_number < 0 || value > best || (value != value && best == best)) {{
                best = value;
                best_number = {_number(axes)};
            }}
        {'}' * axes}
        y = (T)best;
        index = (S)best_number;''', f'max_pooling_{axes}d', reduce_dims=False, preamble=COMPUTE)


@lru_cache(None)
def _max_pooling_grad(axes: int) -> Kernel:
    return elementwise('raw T gy, raw S index, ' + integers('m k s p d', axes), 'T gx', f'''
        C sum = 0;
        {over_windows(axes)}
            {_place(axes)}
            if ((int)index[place] == {_number(axes)}) sum += (C)gy[place];
        {'}' * axes}
        gx = (T)sum;''', f'max_pooling_grad_{axes}d', reduce_dims=False, preamble=COMPUTE)


@lru_cache(None)
def _max_pooling_gather(axes: int) -> Kernel:
    digits = ''.join(f'const ptrdiff_t at_{d} = _ind.get()[2 + {d}] * s_{d} - p_{d} + rest % k_{d};\nrest /= k_{d};\n'
                     for d in reversed(range(axes)))
    return elementwise('raw T x, S index, ' + integers('n k s p', axes), 'T y', f'''
        int rest = (int)index;
        {digits}
        {_place(axes)}
        y = {_inside(axes)} ? x[place] : (T)0;''', f'max_pooling_gather_{axes}d', reduce_dims=False)


@lru_cache(None)
def _average_pooling(axes: int) -> Kernel:
    windows = each(axes, 'const ptrdiff_t at_@ = _ind.get()[2 + @];')
    return elementwise('raw T x, bool padding_counts, ' + integers('n k s p', axes), 'T y', f'''
        C sum = 0;
        {_over_places(axes)}
            {_place(axes)}
            if ({_inside(axes)}) sum += (C)x[place];
        {'}' * axes}
        {windows}
        {_count(axes)}
        y = (T)(sum / count);''', f'average_pooling_{axes}d', reduce_dims=False, preamble=COMPUTE)


@lru_cache(None)
def _average_pooling_grad(axes: int) -> Kernel:
    return elementwise('raw T gy, bool padding_counts, ' + integers('n m k s p d', axes), 'T gx', f'''
        C sum = 0;
        {over_windows(axes)}
            {_place(axes)}
            {_count(axes)}
            sum += (C)gy[place] / count;
        {'}' * axes}
        gx = (T)sum;''', f'average_pooling_grad_{axes}d', reduce_dims=False, preamble=COMPUTE)


for _axes in (1, 2, 3):
    for _make in (_max_pooling, _max_pooling_grad, _max_pooling_gather, _average_pooling, _average_pooling_grad):
        _make(_axes)
