"""Maximum and mean of windows, one kernel each; gradients gather, so that they are added in a fixed order.

Each kernel has a second text for channels-last images, whose threads go through memory in its order.
"""
from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from autograd_nn.cuda.im2col import each, integers, over_windows
from autograd_nn.cuda.kernel import COMPUTE, Kernel, elementwise
from autograd_nn.cuda.layout import empty, in_memory, is_channels_last
from autograd_nn.geometry import conv_output_size
from autograd_nn.types import Array, Ints


def max_pooling(x: Array, kernel_size: Ints, stride: Ints, pad: Ints, cover_all: bool,
                training: bool = True) -> tuple[Any, Any]:
    """Maximum and place at once."""
    last = is_channels_last(x)
    shape = _pooled(x, kernel_size, stride, pad, cover_all)
    y = empty(shape, x.dtype, last)
    indexes = empty(shape, np.min_scalar_type(max(prod(kernel_size) - 1, 0)), last)
    _max_pooling(len(stride), last)(_view(x, last), *x.shape[2:], *kernel_size, *stride, *pad, _view(y, last),
                                    _view(indexes, last))
    return y, indexes


def max_pooling_grad(gy: Array, indexes: Array, size: Ints, kernel_size: Ints, stride: Ints, pad: Ints) -> Any:
    """Each element asks the windows that it is part of whether it was their maximum."""
    last = is_channels_last(indexes)
    gx = empty((*gy.shape[:2], *size), gy.dtype, last)
    _max_pooling_grad(len(stride), last)(_view(gy, last), _view(indexes, last), *gy.shape[2:], *kernel_size, *stride,
                                         *pad, *_ones(stride), _view(gx, last))
    return gx


def max_pooling_gather(x: Array, indexes: Array, kernel_size: Ints, stride: Ints, pad: Ints) -> Any:
    """Takes the element of each window."""
    last = is_channels_last(indexes)
    y = empty(indexes.shape, x.dtype, last)
    _max_pooling_gather(len(stride), last)(_view(x, last), _view(indexes, last), *x.shape[2:], *kernel_size, *stride,
                                           *pad, _view(y, last))
    return y


def average_pooling(x: Array, kernel_size: Ints, stride: Ints, pad: Ints, cover_all: bool,
                    pad_value: int | None) -> Any:
    """Sum and number of each window."""
    last = is_channels_last(x)
    y = empty(_pooled(x, kernel_size, stride, pad, cover_all), x.dtype, last)
    _average_pooling(len(stride), last)(_view(x, last), pad_value is not None, *x.shape[2:], *kernel_size, *stride,
                                        *pad, _view(y, last))
    return y


def average_pooling_grad(gy: Array, size: Ints, kernel_size: Ints, stride: Ints, pad: Ints,
                         pad_value: int | None) -> Any:
    """Each element adds its shares up."""
    last = is_channels_last(gy)
    gx = empty((*gy.shape[:2], *size), gy.dtype, last)
    _average_pooling_grad(len(stride), last)(_view(gy, last), pad_value is not None, *size, *gy.shape[2:],
                                             *kernel_size, *stride, *pad, *_ones(stride), _view(gx, last))
    return gx


def _view(x: Array, last: bool) -> Any:
    return in_memory(x) if last else x


def _pooled(x: Array, kernel_size: Ints, stride: Ints, pad: Ints, cover_all: bool) -> Ints:
    return *x.shape[:2], *(conv_output_size(n, k, s, p, cover_all)
                           for n, k, s, p in zip(x.shape[2:], kernel_size, stride, pad, strict=True))


def _ones(axes: Ints) -> Ints:
    return (1,) * len(axes)


# The variables of the texts are those of `im2col`. Arrays are (N, C, *in), or, where `last` is true, (N, *in, C).


def _first(last: bool) -> int:
    """The first spatial axis."""
    return 1 if last else 2


def _end(last: bool) -> str:
    """The end of a kernel's name."""
    return '_channels_last' if last else ''


def _over_places(axes: int, last: bool) -> str:
    """The heads of loops over the places i_@ of the element's window, which are at_@ in the image."""
    return each(axes, f'''
        for (int i_@ = 0; i_@ < k_@; ++i_@) {{
            const ptrdiff_t at_@ = _ind.get()[{_first(last)} + @] * s_@ - p_@ + i_@;''')


def _inside(axes: int) -> str:
    return each(axes, 'at_@ >= 0 && at_@ < n_@', ' && ')


def _place(axes: int, last: bool) -> str:
    """Declares the place of the element at at_@."""
    spatial = each(axes, 'at_@', ', ')
    if last:
        return f'const ptrdiff_t place[] = {{_ind.get()[0], {spatial}, _ind.get()[{axes} + 1]}};'
    return f'const ptrdiff_t place[] = {{_ind.get()[0], _ind.get()[1], {spatial}}};'


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
def _max_pooling(axes: int, last: bool) -> Kernel:
    return elementwise('raw T x, ' + integers('n k s p', axes), 'T y, S index', f'''
        const C lowest = log((C)0);
        C best = 0;
        ptrdiff_t best_number = -1;
        {_over_places(axes, last)}
            {_place(axes, last)}
            const C value = {_inside(axes)} ? (C)x[place] : lowest;
            if (best_number < 0 || value > best || (value != value && best == best)) {{
                best = value;
                best_number = {_number(axes)};
            }}
        {'}' * axes}
        y = (T)best;
        index = (S)best_number;''', f'max_pooling_{axes}d{_end(last)}', reduce_dims=False, preamble=COMPUTE)


@lru_cache(None)
def _max_pooling_grad(axes: int, last: bool) -> Kernel:
    return elementwise('raw T gy, raw S index, ' + integers('m k s p d', axes), 'T gx', f'''
        C sum = 0;
        {over_windows(axes, _first(last))}
            {_place(axes, last)}
            if ((int)index[place] == {_number(axes)}) sum += (C)gy[place];
        {'}' * axes}
        gx = (T)sum;''', f'max_pooling_grad_{axes}d{_end(last)}', reduce_dims=False, preamble=COMPUTE)


@lru_cache(None)
def _max_pooling_gather(axes: int, last: bool) -> Kernel:
    first = _first(last)
    digits = ''.join(f'const ptrdiff_t at_{d} = _ind.get()[{first + d}] * s_{d} - p_{d} + rest % k_{d};\n'
                     f'rest /= k_{d};\n' for d in reversed(range(axes)))
    return elementwise('raw T x, S index, ' + integers('n k s p', axes), 'T y', f'''
        int rest = (int)index;
        {digits}
        {_place(axes, last)}
        y = {_inside(axes)} ? x[place] : (T)0;''', f'max_pooling_gather_{axes}d{_end(last)}', reduce_dims=False)


@lru_cache(None)
def _average_pooling(axes: int, last: bool) -> Kernel:
    windows = each(axes, f'const ptrdiff_t at_@ = _ind.get()[{_first(last)} + @];')
    return elementwise('raw T x, bool padding_counts, ' + integers('n k s p', axes), 'T y', f'''
        C sum = 0;
        {_over_places(axes, last)}
            {_place(axes, last)}
            if ({_inside(axes)}) sum += (C)x[place];
        {'}' * axes}
        {windows}
        {_count(axes)}
        y = (T)(sum / count);''', f'average_pooling_{axes}d{_end(last)}', reduce_dims=False, preamble=COMPUTE)


@lru_cache(None)
def _average_pooling_grad(axes: int, last: bool) -> Kernel:
    return elementwise('raw T gy, bool padding_counts, ' + integers('n m k s p d', axes), 'T gx', f'''
        C sum = 0;
        {over_windows(axes, _first(last))}
            {_place(axes, last)}
            {_count(axes)}
            sum += (C)gy[place] / count;
        {'}' * axes}
        gx = (T)sum;''', f'average_pooling_grad_{axes}d{_end(last)}', reduce_dims=False, preamble=COMPUTE)


for _axes, _last in (1, False), (2, False), (3, False), (2, True), (3, True):
    for _make in (_max_pooling, _max_pooling_grad, _max_pooling_gather, _average_pooling, _average_pooling_grad):
        _make(_axes, _last)
