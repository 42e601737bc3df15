"""Pairs of pictures, to learn how one becomes the other."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from autograd_nn.dataset.dataset_mixin import DatasetMixin
from autograd_nn.datasets.image_folder import find_images
from autograd_nn.datasets.read_image import read_image
from autograd_nn.types import PathLike

INPUTS, TARGETS = 'inputs', 'targets'


class PicturePairDataset(DatasetMixin):
    """Pairs of pictures of one size each, read when they are asked for.

    Args:
        root: A folder with pictures in ``inputs/``, and pictures of the same names in ``targets/`` (endings may
            differ); or one with pictures that stand side by side in one file, the input on the left.
        size: The height and width to which both are scaled.
        color: Whether images have three channels (red, green, blue) or one.

    Raises:
        OSError: A folder or a file cannot be read.
        ValueError: There are no pictures, one has no counterpart or one of another size, or a file cannot be halved.

    Attributes:
        paths: The files of the inputs, or of both.

    An example is a pair of images, float32, both of shape (channels, height, width), values from 0 to 1.
    """

    def __init__(self, root: PathLike, size: tuple[int, int], color: bool = True) -> None:
        self.root = Path(root)
        self._size = size
        self._color = color
        self._targets: list[Path] = []
        if (self.root / INPUTS).is_dir() or (self.root / TARGETS).is_dir():
            self.paths, self._targets = _find_pairs(self.root)
        else:
            self.paths = find_images(self.root)[0]
            for path in self.paths:
                width, height = _size_of(path)
                if width % 2:
                    raise ValueError(f'{path}: expected two pictures of one size side by side, got {width} x {height} '
                                     'pixels, which cannot be halved')
        if not self.paths:
            raise ValueError(f'{self.root}: expected pictures in {INPUTS}/ and {TARGETS}/, or pictures with both side '
                             'by side; found none')

    def __len__(self) -> int:
        return len(self.paths)

    def get_example(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        if self._targets:
            return self._fit(self._read(self.paths[i])), self._fit(self._read(self._targets[i]))
        left, right = np.split(self._read(self.paths[i]), 2, axis=2)
        return self._fit(left), self._fit(right)

    def _read(self, path: Path) -> np.ndarray:
        return read_image(path, self._color, dtype=np.uint8)

    def _fit(self, x: np.ndarray) -> np.ndarray:
        picture = Image.fromarray(x.transpose(1, 2, 0) if len(x) == 3 else x[0])
        scaled = picture.resize(self._size[::-1], Image.Resampling.BILINEAR)
        pixels = np.asarray(scaled, np.float32).reshape(*self._size, -1).transpose(2, 0, 1)
        return np.ascontiguousarray(pixels) * np.float32(1 / 255)


class DigitOutlines(DatasetMixin):
    """Outlines of handwritten digits, and the digits: pairs that come with the package.

    Args:
        digits: Pairs of an image of shape (1, 28, 28), values from 0 to 1, and a class, such as `get_digits` has.

    An example is a triple of two images, float32, both of shape (1, 32, 32): the outline, of pixels that are 0 or 1,
    and the digit; and its class.

    Example:
        >>> from autograd_nn.datasets import get_digits
        >>> outline, digit, t = DigitOutlines(get_digits(ndim=3)[1])[0]
        >>> outline.shape, digit.shape, sorted(set(outline.ravel().tolist()))
        ((1, 32, 32), (1, 32, 32), [0.0, 1.0])
    """

    def __init__(self, digits: Sequence[Any]) -> None:
        self._digits = digits

    def __len__(self) -> int:
        return len(self._digits)

    def get_example(self, i: int) -> tuple[np.ndarray, np.ndarray, Any]:
        x, t = self._digits[i]
        digit = np.pad(x, ((0, 0), (2, 2), (2, 2))).astype(np.float32)
        return outline(digit), digit, t


def outline(x: np.ndarray, threshold: float = 0.4) -> np.ndarray:
    """The border of what is bright: bright pixels with a dark one above, below, on the left or on the right.

    Args:
        x: Images of shape (..., H, W).
        threshold: What is at least as large is bright.

    Returns:
        Ones and zeros, of the shape and the dtype of `x`.

    Example:
        >>> import numpy as np
        >>> outline(np.pad(np.ones((3, 3)), 1))[1:-1, 1:-1]
        array([[1., 1., 1.],
               [1., 0., 1.],
               [1., 1., 1.]])
    """
    bright = x >= threshold
    around = np.pad(bright, [(0, 0)] * (x.ndim - 2) + [(1, 1), (1, 1)])
    inside = (around[..., :-2, 1:-1] & around[..., 2:, 1:-1] & around[..., 1:-1, :-2] & around[..., 1:-1, 2:])
    return (bright & ~inside).astype(x.dtype)


def _find_pairs(root: Path) -> tuple[list[Path], list[Path]]:
    """The files of inputs and of targets, in the same order; their names and sizes fit."""
    kinds = {}
    for kind in INPUTS, TARGETS:
        if not (root / kind).is_dir():
            raise ValueError(f'{root}: expected folders {INPUTS} and {TARGETS}, there is no {kind}')
        folder = root / kind
        kinds[kind] = {path.relative_to(folder).with_suffix(''): path for path in find_images(folder)[0]}
    for kind, other in (INPUTS, TARGETS), (TARGETS, INPUTS):
        alone = sorted(kinds[kind].keys() - kinds[other].keys())
        if alone:
            raise ValueError(f'{kinds[kind][alone[0]]}: expected a picture of this name in {root / other}, too')
    names = sorted(kinds[INPUTS])
    inputs, targets = ([kinds[kind][name] for name in names] for kind in (INPUTS, TARGETS))
    for one, two in zip(inputs, targets):
        sizes = [_size_of(path) for path in (one, two)]
        if sizes[0] != sizes[1]:
            raise ValueError(f'{two}: expected {" x ".join(map(str, sizes[0]))} pixels, as {one} has, got '
                             f'{" x ".join(map(str, sizes[1]))}')
    return inputs, targets


def _size_of(path: Path) -> tuple[int, int]:
    height, width = read_image(path, color=False, dtype=np.uint8).shape[1:]
    return width, height
