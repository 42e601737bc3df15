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

from collections.abc import Iterator
from itertools import pairwise
from math import isinf

import numpy as np
from numpy.lib.stride_tricks import as_strided

from autograd_nn.config import config, using_config
from autograd_nn.contract import Ints
from autograd_nn.cpu import memory, threads
from autograd_nn.cpu.onednn import library as c
from autograd_nn.cpu.onednn.primitive import Memory, Primitive, cached, channels_last, element_strides, loaded
from autograd_nn.cpu.window import channels_last as pixels

_POINTS = 0, 3 / 4, -3 / 4, 3 / 2, -3 / 2
_TILE, _SEEN = 4, 6
# A thread takes so many tiles at a time that each of 36 numbers makes a row of about 16,384, but no fewer than 128:
# products of smaller matrices are slow. Measured, as what follows, with AVX2 on cores with 512 KB of cache.
_BLOCK_COLUMNS, _LEAST_TILES = 1 << 14, 128
# Nanoseconds on one core: for each tile and input channel, for each tile and output channel, for each tile and filter,
# for each filter; and for each multiplication of the direct algorithm.
_COSTS = {'convolution': (120, 80, 1.25, 90, 0.21), 'filter_grad': (120, 110, 1.45, 200, 0.31)}


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


class _Tiles:
    """How an output (N, C, height, width) is cut into tiles, and these into blocks for the threads.

    Args:
        shape: That of the output.
        columns: How many columns the matrices of a tile's pixels have for each tile.

    Attributes:
        count: The number of tiles.
        blocks: Slices of the samples and of the rows of tiles in each.
    """

    def __init__(self, shape: Ints, columns: int) -> None:
        samples, _, height, width = shape
        self.rows, self.columns = -(-height // _TILE), -(-width // _TILE)
        self.count = samples * self.rows * self.columns
        wanted = max(_LEAST_TILES, _BLOCK_COLUMNS // columns)
        per_sample = self.rows * self.columns
        if per_sample > wanted:
            parts = _spread(self.rows, -(-per_sample // wanted))
            self.blocks = [(slice(n, n + 1), part) for n in range(samples) for part in parts]
        else:
            parts = _spread(samples, _even(-(-self.count // wanted), samples))
            self.blocks = [(part, slice(0, self.rows)) for part in parts]

    def size(self, block: tuple[slice, slice]) -> int:
        """The number of tiles in a block."""
        samples, rows = block
        return (samples.stop - samples.start) * (rows.stop - rows.start) * self.columns

    def gather(self, x: np.ndarray, block: tuple[slice, slice], seen: int, pad: Ints = (0, 0)) -> np.ndarray:
        """The pixels of a block's tiles as rows of a matrix.

        Args:
            x: Images (N, height, width, C).
            seen: How many pixels of a row and of a column each tile sees.
            pad: How many of them lie before the image, for the first tiles.

        Returns:
            A matrix (seen * seen, tiles * C); pixels beyond the image are zero.
        """
        samples, rows = block
        count, height, width, channels = samples.stop - samples.start, rows.stop - rows.start, self.columns, x.shape[-1]
        beyond = seen - _TILE
        padded = memory.empty((count, _TILE * height + beyond, _TILE * width + beyond, channels))
        down, down_source = _inside(_TILE * rows.start - pad[0], padded.shape[1], x.shape[1])
        across, across_source = _inside(-pad[1], padded.shape[2], x.shape[2])
        padded[:, down, across] = x[samples, down_source, across_source]
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

    def scatter(self, matrix: np.ndarray, y: np.ndarray, block: tuple[slice, slice], bias: np.ndarray | None) -> None:
        """Writes the tiles of a block, the rows of a matrix (16, tiles * C), to images (N, height, width, C)."""
        samples, rows = block
        shape = (samples.stop - samples.start, rows.stop - rows.start, self.columns, y.shape[-1])
        part = y[samples, rows.start * _TILE:rows.stop * _TILE]
        for row, (i, j) in zip(matrix, np.ndindex(_TILE, _TILE), strict=True):
            target = part[:, i::_TILE, j::_TILE]
            source = row.reshape(shape)[:, :target.shape[1], :target.shape[2]]
            if bias is None:
                target[...] = source
            else:
                np.add(source, bias, out=target)


def _spread(length: int, parts: int) -> list[slice]:
    """Cuts 0 ... length into nearly equal parts."""
    ends = [length * i // parts for i in range(parts + 1)]
    return [slice(start, end) for start, end in pairwise(ends) if end > start]


def _even(parts: int, most: int) -> int:
    """As many parts or a few more, so that all threads are done at the same time."""
    number = threads.number()
    return min(-(-parts // number) * number, most)


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
              groups: int) -> bool:
    """Whether there is an algorithm here for a geometry, and it takes at most 4/5 of the direct one's time.

    Args:
        what: ``'convolution'`` or ``'filter_grad'``.
        inputs: The number of input channels.
        y_shape: The shape of the output, (N, K, height, width).
    """
    if not (kernel_size == (3, 3) and stride == dilate == (1, 1) and groups == 1 and max(pad) <= 2):
        return False
    # With AVX-512 nothing is measured yet, and sums of numbers rounded to bfloat16 would lose too many digits here.
    if loaded().has_avx512 or config.use_bfloat16:
        return False
    samples, outputs, height, width = y_shape
    tiles = samples * -(-height // _TILE) * -(-width // _TILE)
    per_input, per_output, per_pair, per_filter, direct = _COSTS[what]
    filters = inputs * outputs
    time = tiles * (per_input * inputs + per_output * outputs + per_pair * filters) + per_filter * filters
    return tiles >= _LEAST_TILES / 2 and time < 0.8 * direct * samples * height * width * filters


class Filters:
    """Transforms filters for `convolve`.

    Args:
        transposed: Whether they are to spread outputs back over inputs.
    """

    def __init__(self, transposed: bool) -> None:
        self.transposed = transposed
        self._matrix = np.ascontiguousarray(_FILTER[:, ::-1]) if transposed else _FILTER

    def convert(self, W: np.ndarray) -> np.ndarray:
        """The matrices (36, C, K) for filters (K, C, 3, 3); (36, K, C) if they are transposed."""
        U = memory.empty((len(_FILTER), *W.shape[:2]))
        _multiply(self._matrix, W.reshape(-1, 9).T, U.reshape(len(U), -1))
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
    outputs = U.shape[2]
    shape = len(x), outputs, *(n + 2 * p - 2 for n, p in zip(x.shape[2:], pad, strict=True))
    y = memory.empty(shape, channels_last=True)
    tiles = _Tiles(shape, max(U.shape[1:]))
    images, results = pixels(channels_last(x)), pixels(y)
    added = None if residual is None else pixels(residual)

    def compute(block: tuple[slice, slice]) -> None:
        with using_config('num_threads', 1):
            n = tiles.size(block)
            V = _transformed(_INPUT, tiles.gather(images, block, _SEEN, pad)).reshape(len(_INPUT), n, -1)
            products = memory.empty((len(V), n, outputs))
            _multiply(V, U, products)
            del V
            tiles.scatter(_transformed(_OUTPUT, products.reshape(len(products), -1)), results, block, b)
            samples, rows = block
            part = samples, slice(rows.start * _TILE, rows.stop * _TILE)
            _finish(results[part], None if added is None else added[part], ceiling)

    threads.run(compute, tiles.blocks)
    return y


def _finish(y: np.ndarray, residual: np.ndarray | None, ceiling: float | None) -> None:
    if residual is not None:
        y += residual
    if ceiling is not None:
        np.maximum(y, 0, out=y)
        if not isinf(ceiling):
            np.minimum(y, ceiling, out=y)


def filter_grad(x: np.ndarray, gy: np.ndarray, pad: Ints) -> np.ndarray:
    """The gradient (K, C, 3, 3) of the filters, from images (N, C, ...) and the output's gradient (N, K, ...)."""
    inputs, outputs = x.shape[1], gy.shape[1]
    tiles = _Tiles(gy.shape, max(inputs, outputs))
    images, gradients = pixels(channels_last(x)), pixels(channels_last(gy))
    back = np.ascontiguousarray(_OUTPUT.T)
    sums = [memory.empty((len(_INPUT), outputs, inputs)) for _ in range(min(threads.number(), len(tiles.blocks)))]

    def compute(i: int) -> None:
        total = sums[i]
        with using_config('num_threads', 1):
            for k, block in enumerate(tiles.blocks[i::len(sums)]):
                n = tiles.size(block)
                V = _transformed(_INPUT, tiles.gather(images, block, _SEEN, pad)).reshape(len(total), n, inputs)
                G = _transformed(back, tiles.gather(gradients, block, _TILE)).reshape(len(total), n, outputs)
                _multiply(G.transpose(0, 2, 1), V, total, accumulate=k > 0)

    threads.run(compute, range(len(sums)))
    total = sums[0]
    for other in sums[1:]:
        total += other
    gW = memory.empty((outputs, inputs, 3, 3))
    _multiply(total.reshape(len(total), -1).T, _FILTER, gW.reshape(-1, 9))
    return gW


def _transformed(matrix: np.ndarray, columns: np.ndarray) -> np.ndarray:
    result = memory.empty((len(matrix), columns.shape[1]))
    _multiply(matrix, columns, result)
    return result


def _multiply(a: np.ndarray, b: np.ndarray, out: np.ndarray, accumulate: bool = False) -> None:
    """Products of matrices, or of stacks of them, into memory that is there."""
    key = 'winograd', a.shape, element_strides(a), b.shape, element_strides(b), accumulate
    cached(key, _product, *key[1:])(a, b, out)


def _product(a_shape: Ints, a_strides: Ints, b_shape: Ints, b_strides: Ints, accumulate: bool) -> Primitive:
    return Primitive('matmul', Memory(a_shape, a_strides), Memory(b_shape, b_strides), None,
                     Memory((*a_shape[:-1], b_shape[-1])), arrays=(c.SRC, c.WEIGHTS, c.DST), accumulate=accumulate,
                     strided=True)

