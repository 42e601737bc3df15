"""Convolution by filters of 3 x 3 pixels with a quarter of the multiplications.

Reference: A. Lavin, S. Gray, Fast Algorithms for Convolutional Neural Networks, CVPR 2016,
https://arxiv.org/abs/1509.09308: the algorithm F(4 x 4, 3 x 3).

The output is cut into tiles of 4 x 4 pixels, each of which sees 6 x 6 pixels of the input. Three fixed matrices
transform a tile of the input (36 pixels) and a filter (9) to 36 numbers each, and 36 products to a tile of the output
(16). For each of the 36, the products of all channels, tiles and filters are one product of matrices. The gradient of
the filters takes the same way back: it is what the transposed matrices do.

The matrices come from evaluating polynomials at five points. With 0, 3/4, -3/4, 3/2 and -3/2 they are exact in float32,
and results are as close to the exact ones as those of oneDNN's direct convolution; with the paper's 0, 1, -1, 2 and -2
errors are four times as large (measured).
"""
from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from math import isinf
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from autograd_nn.config import config, using_config
from autograd_nn.cpu import blocks, memory, threads
from autograd_nn.cpu.onednn import library as c
from autograd_nn.cpu.onednn.primitive import Memory, Primitive, as_channels_last, cached, element_strides, loaded
from autograd_nn.cpu.window import channels_last as pixels
from autograd_nn.types import Ints

_logger = logging.getLogger(__name__)

_POINTS = 0, 3 / 4, -3 / 4, 3 / 2, -3 / 2
_TILE, _SEEN = 4, 6
# The columns of the matrices of 36 rows that a thread transforms at a time, and those of all that wait together for the
# products: the former are to fit a core's cache, the latter the one that cores share.
_PART_COLUMNS, _BLOCK_COLUMNS = 1 << 14, 1 << 17
_LEAST_TILES = 32
# See `is_exact`: how much larger than the mean of magnitudes (of a sample) the largest may be, how large that may be at
# all, and how many elements are looked at at a time. At the limit, errors are 1e-4 of the output's standard deviation.
_MOST_RANGE, _LARGEST, _SAMPLE, _RANGE_ELEMENTS = 1e3, 1e30, 1 << 14, 1 << 18
# The 36 products, in parts for the threads.
_STACKS = [slice(i, i + 6) for i in range(0, _SEEN * _SEEN, 6)]


class _Costs(NamedTuple):
    """Nanoseconds of one core."""

    input: float
    """For each tile and input channel."""
    output: float
    """For each tile and output channel."""
    product: float
    """For each tile and filter."""
    filter: float
    """For each filter that is not kept."""
    call: float
    direct: float
    """Of the direct algorithm, for each pixel and filter."""


# Fitted to measurements: with AVX2 on one core, and on two of a processor that takes AVX-512 in halves.
_AVX2 = {'convolution': _Costs(100, 70, 1.1, 60, 0, 0.21), 'filter_grad': _Costs(60, 60, 1.15, 60, 0, 0.31)}
_AVX512_IN_HALVES = {'convolution': _Costs(61, 36, 1.09, 27, 9e5, 0.159),
                     'filter_grad': _Costs(43, 89, 0.78, 43, 6e5, 0.174)}


def _matrices() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What transforms an input tile, a filter and a tile of products (Toom and Cook's algorithm, in two dimensions)."""
    monic = np.zeros((6, 6))
    output, filters = np.zeros((4, 6)), np.zeros((6, 3))
    for i, point in enumerate(_POINTS):
        others = [p for p in _POINTS if p != point]
        monic[i, :5] = np.poly(others)[::-1]
        output[:, i] = [point ** k for k in range(4)]
        filters[i] = np.array([1, point, point ** 2]) / np.prod([point - p for p in others])
    monic[5] = np.poly(_POINTS)[::-1]
    output[3, 5] = filters[5, 2] = 1
    return tuple(np.kron(a, a).astype(np.float32) for a in (monic, filters, output))  # type: ignore[return-value]


_INPUT, _FILTER, _OUTPUT = _matrices()


class _Part(NamedTuple):
    """Some of the tiles of a batch of images: those of some samples, in some rows."""

    samples: slice
    rows: slice
    columns: int
    place: slice
    """Which tiles of its block they are."""

    @property
    def shape(self) -> Ints:
        """The numbers of samples, rows and columns."""
        return self.samples.stop - self.samples.start, self.rows.stop - self.rows.start, self.columns

    def gather(self, x: np.ndarray, seen: int, pad: Ints = (0, 0)) -> np.ndarray:
        """The pixels of the tiles as rows of a matrix.

        Args:
            x: Images (N, height, width, C).
            seen: How many pixels of a row and of a column each tile sees.
            pad: How many of them lie before the image, for the first tiles.

        Returns:
            A matrix (seen * seen, tiles * C); pixels beyond the image are zero.
        """
        count, height, width = self.shape
        beyond, channels = seen - _TILE, x.shape[-1]
        padded = memory.empty((count, _TILE * height + beyond, _TILE * width + beyond, channels))
        down, down_source = _inside(_TILE * self.rows.start - pad[0], padded.shape[1], x.shape[1])
        across, across_source = _inside(-pad[1], padded.shape[2], x.shape[2])
        padded[:, down, across] = x[self.samples, down_source, across_source]
        for edge in _outside(down, padded.shape[1]):
            padded[:, edge] = 0
        for edge in _outside(across, padded.shape[2]):
            padded[:, :, edge] = 0
        sample, row, column, one = padded.strides
        windows = as_strided(padded, (seen, seen, count, height, width, channels),
                             (row, column, sample, _TILE * row, _TILE * column, one), writeable=False)
        matrix = memory.empty((seen * seen, count * height * width * channels))
        matrix.reshape(windows.shape)[...] = windows
        return matrix

    def scatter(self, matrix: np.ndarray, y: np.ndarray, bias: np.ndarray | None) -> np.ndarray:
        """Writes the tiles, the rows of a matrix (16, tiles * C), to images (N, height, width, C); returns where."""
        part = y[self.pixels]
        for row, (i, j) in zip(matrix, np.ndindex(_TILE, _TILE), strict=True):
            target = part[:, i::_TILE, j::_TILE]
            source = row.reshape(*self.shape, -1)[:, :target.shape[1], :target.shape[2]]
            if bias is None:
                target[...] = source
            else:
                np.add(source, bias, out=target)
        return part

    @property
    def pixels(self) -> tuple[slice, slice]:
        """Where the tiles lie in images (N, height, ...)."""
        return self.samples, slice(self.rows.start * _TILE, self.rows.stop * _TILE)


def _blocks(shape: Ints, channels: int) -> list[list[_Part]]:
    """Cuts images into blocks, which are computed one after the other, and those into parts for the threads.

    Args:
        shape: That of the output, (N, K, height, width).
        channels: How many columns a tile needs.
    """
    samples, _, height, width = shape
    rows, columns = -(-height // _TILE), -(-width // _TILE)
    wanted = max(1, _PART_COLUMNS // channels)
    if rows * columns > wanted:
        places = [(slice(n, n + 1), part) for n in range(samples)
                  for part in _cut(rows, min(rows, -(-rows * columns // wanted)))]
    else:
        number = threads.number()
        count = -(-samples * rows * columns // wanted)
        places = [(part, slice(0, rows)) for part in _cut(samples, min(samples, -(-count // number) * number))]
    blocks: list[list[_Part]] = [[]]
    start = 0
    for some_samples, some_rows in places:
        size = (some_samples.stop - some_samples.start) * (some_rows.stop - some_rows.start) * columns
        if (start + size) * channels > _BLOCK_COLUMNS and blocks[-1]:
            blocks.append([])
            start = 0
        blocks[-1].append(_Part(some_samples, some_rows, columns, slice(start, start + size)))
        start += size
    return blocks


def _cut(length: int, parts: int) -> list[slice]:
    """Cuts 0 ... length into nearly equal parts."""
    ends = [length * i // parts for i in range(parts + 1)]
    return [slice(start, end) for start, end in pairwise(ends)]


def _inside(start: int, length: int, size: int) -> tuple[slice, slice]:
    """Where pixels start ... start + length lie within an image of that size: among themselves, and in the image."""
    first, end = max(start, 0), max(start, 0, min(start + length, size))
    return slice(first - start, end - start), slice(first, end)


def _outside(inside: slice, length: int) -> Iterator[slice]:
    """What `inside` leaves of 0 ... length."""
    if inside.start > 0:
        yield slice(0, inside.start)
    if inside.stop < length:
        yield slice(inside.stop, length)


def is_faster(what: str, inputs: int, y_shape: Ints, kernel_size: Ints, stride: Ints, pad: Ints, dilate: Ints,
              groups: int, keeps: bool = False) -> bool:
    """Whether there is an algorithm here for a geometry, and it takes at most nine tenths of the direct one's time.

    Args:
        what: ``'convolution'`` or ``'filter_grad'``.
        inputs: The number of input channels.
        y_shape: The shape of the output, (N, K, height, width).
        keeps: Whether transformed filters are kept for the next call.
    """
    if not (kernel_size == (3, 3) and stride == dilate == (1, 1) and groups == 1 and max(pad) <= 2):
        return False
    # Nothing is measured with whole AVX-512, and sums of numbers rounded to bfloat16 would lose too many digits here.
    library = loaded()
    halves = library.has_avx512_in_halves
    if (library.has_avx512 and not halves) or config.use_bfloat16:
        _logger.debug('%s of %s: not in tiles with %s', what, y_shape,
                      'bfloat16' if config.use_bfloat16 else 'AVX-512')
        return False
    samples, outputs, height, width = y_shape
    tiles = samples * -(-height // _TILE) * -(-width // _TILE)
    costs = (_AVX512_IN_HALVES if halves else _AVX2)[what]
    filters = inputs * outputs
    time = (costs.call + (0 if keeps else costs.filter * filters)
            + tiles * (costs.input * inputs + costs.output * outputs + costs.product * filters))
    return tiles >= _LEAST_TILES and time < 0.9 * costs.direct * samples * height * width * filters


def is_exact(x: np.ndarray) -> bool:
    """Whether all of `x` are numbers, and none is so much larger than most that its tile would lose digits of others.

    What a pixel's rounding leaves in the other pixels of its tile is in proportion to the pixel.
    """
    values, = blocks.flat([x]) or [x.reshape(-1)]
    usual = np.abs(values[::-(-values.size // _SAMPLE)]).mean(dtype=np.float64)
    largest: list[float] = []

    def measure(start: int) -> None:
        part = values[start:start + _RANGE_ELEMENTS]
        largest.append(np.maximum(-part.min(), part.max()))

    threads.run(measure, range(0, values.size, _RANGE_ELEMENTS))
    exact = bool(np.max(largest) <= min(_MOST_RANGE * usual, _LARGEST))
    if not exact:
        _logger.debug('images of %s: not in tiles, as there is a value of %g', x.shape, np.max(largest))
    return exact


class Filters:
    """Transforms filters for `convolve`.

    Args:
        transposed: Whether they are to spread outputs back over inputs.
    """

    def __init__(self, transposed: bool) -> None:
        self.transposed = transposed
        self.format = 'in tiles', transposed
        self._matrix = np.ascontiguousarray(_FILTER[:, ::-1]) if transposed else _FILTER

    needed = True

    def convert(self, W: np.ndarray) -> np.ndarray:
        """The matrices (36, C, K) for filters (K, C, 3, 3); (36, K, C) if they are transposed."""
        U = memory.empty((len(_FILTER), *W.shape[:2]))
        columns, filters = U.reshape(len(U), -1), W.reshape(-1, 9)

        def compute(part: slice) -> None:
            _multiply(self._matrix, np.ascontiguousarray(filters[part].T), columns[:, part])

        _run(compute, _cut(len(filters), -(-len(filters) // _PART_COLUMNS)))
        return U if self.transposed else U.transpose(0, 2, 1)


def convolve(x: np.ndarray, U: np.ndarray, b: np.ndarray | None, pad: Ints, residual: np.ndarray | None = None,
             ceiling: float | None = None) -> np.ndarray:
    """Convolves with transformed filters.

    Args:
        x: Images (N, C, height, width).
        U: What `Filters` made of the filters, a stack of matrices (36, C, K).
        b: Bias (K,), or None.
        pad: The width of zeros above and beside the images.
        residual: What is added to the output, or None.
        ceiling: As in `Kernels.convolution`.
    """
    inputs, outputs = U.shape[1:]
    shape = len(x), outputs, *(n + 2 * p - 2 for n, p in zip(x.shape[2:], pad, strict=True))
    y = memory.empty(shape, channels_last=True)
    images, results = pixels(as_channels_last(x)), pixels(y)
    added = None if residual is None else pixels(residual)
    for parts in _blocks(shape, max(inputs, outputs)):
        V = _transformed(_INPUT, parts, images, _SEEN, pad)
        products = memory.empty((*V.shape[:2], outputs))
        _multiply_stacks(V, U, products)
        del V
        _run(partial(_finish, products, results, b, added, ceiling), parts)
    return y


def _finish(products: np.ndarray, y: np.ndarray, b: np.ndarray | None, residual: np.ndarray | None,
            ceiling: float | None, part: _Part) -> None:
    """Makes some tiles of the output from their products (36, tiles, C)."""
    matrix = memory.empty((len(_OUTPUT), (part.place.stop - part.place.start) * products.shape[2]))
    _multiply(_OUTPUT, _columns(products, part), matrix)
    where = part.scatter(matrix, y, b)
    if residual is not None:
        where += residual[part.pixels]
    if ceiling is not None:
        np.maximum(where, 0, out=where)
        if not isinf(ceiling):
            np.minimum(where, ceiling, out=where)


def filter_grad(x: np.ndarray, gy: np.ndarray, pad: Ints) -> np.ndarray:
    """The gradient (K, C, 3, 3) of the filters, from images (N, C, ...) and the output's gradient (N, K, ...)."""
    inputs, outputs = x.shape[1], gy.shape[1]
    images, gradients = pixels(as_channels_last(x)), pixels(as_channels_last(gy))
    total = memory.empty((len(_INPUT), outputs, inputs))
    for k, parts in enumerate(_blocks(gy.shape, max(inputs, outputs))):
        V = _transformed(_INPUT, parts, images, _SEEN, pad)
        G = _transformed(_OUTPUT.T, parts, gradients, _TILE)
        _multiply_stacks(G.swapaxes(1, 2), V, total, accumulate=k > 0)
    gW = memory.empty((outputs, inputs, 3, 3))
    columns, filters = total.reshape(len(total), -1), gW.reshape(-1, 9)

    def compute(part: slice) -> None:
        matrix = memory.empty((9, part.stop - part.start))
        _multiply(_FILTER.T, columns[:, part], matrix)
        filters[part] = matrix.T

    _run(compute, _cut(len(filters), -(-len(filters) // _PART_COLUMNS)))
    return gW


def _transformed(matrix: np.ndarray, parts: Sequence[_Part], x: np.ndarray, seen: int,
                 pad: Ints = (0, 0)) -> np.ndarray:
    """The tiles of a block of images (N, height, width, C), transformed to matrices (36, tiles, C)."""
    result = memory.empty((len(matrix), parts[-1].place.stop, x.shape[-1]))
    _run(lambda part: _multiply(matrix, part.gather(x, seen, pad), _columns(result, part)), parts)
    return result


def _columns(matrices: np.ndarray, part: _Part) -> np.ndarray:
    """A part's columns in a stack of matrices (36, tiles, C): a matrix (36, some tiles * C)."""
    return matrices[:, part.place].reshape(len(matrices), -1)


def _run(function: Callable[[Any], None], items: Iterable[Any]) -> None:
    """Shares items out among the threads, each of which has one core to itself."""
    def call(item: Any) -> None:
        # The helping threads have a configuration of their own.
        with using_config('num_threads', 1), using_config('use_bfloat16', False):
            function(item)

    threads.run(call, items)


def _multiply_stacks(a: np.ndarray, b: np.ndarray, out: np.ndarray, accumulate: bool = False) -> None:
    """The 36 products, shared out among the threads."""
    _run(lambda part: _multiply(a[part], b[part], out[part], accumulate), _STACKS)


def _multiply(a: np.ndarray, b: np.ndarray, out: np.ndarray, accumulate: bool = False) -> None:
    """A product of matrices, or of stacks of them, into memory that is there."""
    key = ('winograd', a.shape, element_strides(a), b.shape, element_strides(b), element_strides(out), accumulate)
    cached(key, _product, *key[1:])(a, b, out)


def _product(a_shape: Ints, a_strides: Ints, b_shape: Ints, b_strides: Ints, strides: Ints,
             accumulate: bool) -> Primitive:
    return Primitive('matmul', Memory(a_shape, a_strides), Memory(b_shape, b_strides), None,
                     Memory((*a_shape[:-1], b_shape[-1]), strides), arrays=(c.SRC, c.WEIGHTS, c.DST),
                     accumulate=accumulate, strided=True)
