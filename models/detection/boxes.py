"""Boxes of detectors: offsets from one to another, and the anchors that objects are looked for around.

A box is (y_min, x_min, y_max, x_max) in pixels, the last two just behind it. All functions take arrays of NumPy and of
CuPy. How much boxes overlap, and non-maximum suppression, are in `autograd_nn.utils.boxes`, where data sets and metrics
find them, too.
"""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd_nn.backend import get_array_module
from autograd_nn.types import Array
from autograd_nn.utils.type_check import ShapeError

Scales = Sequence[float]


def encode_boxes(sources: Array, targets: Array, scales: Scales = (1., 1., 1., 1.)) -> Any:
    """The offsets from boxes to others, which a network learns: what `decode_boxes` undoes.

    Those of centres are in heights and widths of the source; those of sizes are logarithms of ratios. Each is divided
    by its scale: with that for a standard deviation, offsets of variance 1 come out.

    Reference: R. Girshick et al., Rich feature hierarchies for accurate object detection and semantic segmentation,
    2013, https://arxiv.org/abs/1311.2524, appendix C.

    Args:
        sources: Boxes, floating-point, shape (..., 4).
        targets: Boxes of the same shape.
        scales: Of the offsets (dy, dx, dh, dw).

    Returns:
        (dy, dx, dh, dw), shape (..., 4).

    Raises:
        ValueError: The shapes are others.

    Example:
        >>> encode_boxes(np.array([[0., 0., 4., 8.]]), np.array([[2., 0., 6., 8.]]))
        array([[0.5, 0. , 0. , 0. ]])
    """
    xp = get_array_module(sources, targets)
    _check_last_axis('encode_boxes', sources, targets)
    tiny = np.finfo(sources.dtype).eps
    sizes, wanted = (xp.maximum(boxes[..., 2:] - boxes[..., :2], tiny) for boxes in (sources, targets))
    shifts = (targets[..., :2] + targets[..., 2:] - sources[..., :2] - sources[..., 2:]) / (2 * sizes)
    return xp.concatenate([shifts, xp.log(wanted / sizes)], axis=-1) / xp.asarray(scales, sources.dtype)


def decode_boxes(sources: Array, offsets: Array, scales: Scales = (1., 1., 1., 1.), most: float = 1e6) -> Any:
    """The boxes that lie by given offsets from others: what `encode_boxes` undoes.

    Args:
        sources: Boxes, floating-point, shape (..., 4).
        offsets: (dy, dx, dh, dw), shape (..., 4); the axes before the last one may be others to which those of
            `sources` broadcast.
        scales: By which the offsets were divided.
        most: How many times as high or wide as its source a box may be: what a network says at first may be anything.

    Returns:
        Boxes of the shape of `offsets`.

    Raises:
        ValueError: The shapes are others.

    Example:
        >>> decode_boxes(np.array([[0., 0., 4., 8.]]), np.array([[0.5, 0., 0., np.log(2.)]]))
        array([[ 2., -4.,  6., 12.]])
    """
    xp = get_array_module(sources, offsets)
    _check_last_axis('decode_boxes', sources, offsets)
    offsets = offsets * xp.asarray(scales, offsets.dtype)
    sizes = sources[..., 2:] - sources[..., :2]
    centers = sources[..., :2] + sizes * (0.5 + offsets[..., :2])
    halves = xp.exp(xp.minimum(offsets[..., 2:], math.log(most))) * sizes / 2
    return xp.concatenate([centers - halves, centers + halves], axis=-1)


def clip_boxes(boxes: Array, size: Sequence[int]) -> Any:
    """The parts of boxes that are within a picture.

    Args:
        boxes: Shape (..., 4).
        size: (height, width) of the picture.

    Example:
        >>> clip_boxes(np.array([[-1., 2., 5., 9.]]), (4, 6))
        array([[0., 2., 4., 6.]])
    """
    xp = get_array_module(boxes)
    return xp.clip(boxes, 0, xp.asarray([*size, *size], boxes.dtype))


def base_anchors(base_size: float = 16, ratios: Sequence[float] = (0.5, 1, 2),
                 scales: Sequence[float] = (8, 16, 32)) -> np.ndarray:
    """Boxes of several sizes and shapes around the centre of one cell: what Faster R-CNN starts from.

    Args:
        base_size: The height and width of the cell.
        ratios: Heights of boxes over their widths.
        scales: The roots of the boxes' areas over `base_size`.

    Returns:
        For each ratio each scale, float32, shape (ratios * scales, 4).

    Example:
        >>> base_anchors(16, ratios=(1, 4), scales=(1,))
        array([[ 0.,  0., 16., 16.],
               [-8.,  4., 24., 12.]], dtype=float32)
    """
    roots, sides = np.sqrt(ratios)[:, None], base_size * np.asarray(scales, np.float64)
    halves = np.stack([sides * roots, sides / roots], axis=-1).reshape(-1, 2) / 2
    return (base_size / 2 + np.concatenate([-halves, halves], axis=1)).astype(np.float32)


def grid_anchors(base: Array, stride: float, size: Sequence[int]) -> Any:
    """The same boxes around the centre of every cell of a grid.

    Args:
        base: Those of the first cell, shape (A, 4).
        stride: The height and width of a cell.
        size: The number of cells (H, W).

    Returns:
        Shape (H * W * A, 4): row by row, the boxes of a cell together.

    Example:
        >>> grid_anchors(np.array([[0., 0., 16., 16.]]), 16, (1, 2))
        array([[ 0.,  0., 16., 16.],
               [ 0., 16., 16., 32.]])
    """
    xp = get_array_module(base)
    corners = stride * xp.stack(xp.meshgrid(*map(xp.arange, size), indexing='ij'), axis=-1).reshape(-1, 1, 2)
    return (base + xp.tile(corners, 2)).astype(base.dtype).reshape(-1, 4)


def _check_last_axis(function: str, *arrays: Array) -> None:
    for array in arrays:
        if array.shape[-1:] != (4,):
            raise ShapeError(f'{function}: expected arrays of shape (..., 4), got shapes '
                             f'{" and ".join(str(array.shape) for array in arrays)}')
