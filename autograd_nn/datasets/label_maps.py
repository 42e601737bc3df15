"""Label maps: for each pixel its class, as arrays and as files."""
from __future__ import annotations

import os
import re

import numpy as np
from PIL import Image, ImageOps
from PIL.ImageFile import ImageFile

from autograd_nn.datasets.digit_scenes import Scene
from autograd_nn.types import File
from autograd_nn.utils.label_map_pictures import IGNORED, label_map_picture

# WebP and AVIF are pictures in colours always.
_LOSSY = 'JPEG', 'MPO', 'JPEG2000', 'HEIF'


def read_label_map(file: File) -> np.ndarray:
    """Reads a label map, upright as `read_image` does, from a picture whose pixels are numbers of classes.

    Args:
        file: A path or a binary file object: a PNG with a palette, or one in grey of 8 bits or less (or any other
            format without loss), in which 255 stands for pixels that do not matter.

    Returns:
        The classes, -1 for pixels that do not matter; int32, shape (H, W).

    Raises:
        OSError: The file is missing or damaged.
        ValueError: It is a picture in colours, or in a format with loss.

    Example:
        >>> import io
        >>> file = io.BytesIO()
        >>> write_label_map(file, np.array([[0, 3, -1]]))
        >>> read_label_map(file)
        array([[ 0,  3, -1]], dtype=int32)
    """
    with Image.open(file) as picture:
        if picture.format in _LOSSY or picture.info.get('compression') in ('jpeg', 'tiff_jpeg'):
            raise ValueError(f'read_label_map: {_name(file)}: expected a format without loss, such as PNG, got '
                             f'{picture.format}{" of JPEG" if picture.format == "TIFF" else ""}')
        if picture.mode not in ('P', 'L', '1'):
            raise ValueError(f'read_label_map: {_name(file)}: expected numbers of classes (a PNG with a palette, or in '
                             f'grey of 8 bits), got a picture of mode {picture.mode}')
        brightest = _brightest(picture)
        try:
            labels = np.asarray(ImageOps.exif_transpose(picture)).astype(np.int32)
        except Exception as error:  # as in read_image
            raise OSError(f'cannot read the label map {_name(file)}: {error}') from error
    if brightest != 255:
        labels = np.rint(labels * (brightest / 255)).astype(np.int32)
    labels[labels == IGNORED] = -1
    return labels


def write_label_map(file: File, labels: np.ndarray, colors: np.ndarray | None = None) -> None:
    """Writes a label map as a PNG with a palette, as those of PASCAL VOC are.

    Args:
        file: A path or a binary file object.
        labels: Classes from 0 to 254, or -1 for pixels that do not matter; integers, shape (H, W).
        colors: Red, green and blue for each class, uint8, shape (C, 3); by default `utils.voc_colormap`.

    Raises:
        ValueError: `labels` has another shape or other numbers.
    """
    label_map_picture(labels, colors).save(file, 'PNG')


def label_map_of_scene(scene: Scene, border: int = 0) -> np.ndarray:
    """The label map of a scene of objects: 0 for the ground, 1 for objects with label 0, and so on.

    Args:
        scene: See `DigitScenes`.
        border: How many pixels on either side of a border between classes do not matter.

    Returns:
        The classes, -1 for pixels that do not matter; int32, shape (H, W).

    Example:
        >>> from autograd_nn.datasets import DigitScenes
        >>> scene = DigitScenes(10)[0]
        >>> sorted({0, *scene.labels + 1}) == np.unique(label_map_of_scene(scene)).tolist()
        True
    """
    labels = np.zeros(scene.image.shape[1:], np.int32)
    for mask, label in zip(scene.masks, scene.labels):
        labels[mask] = label + 1
    if border:
        size = 2 * border + 1
        around = np.lib.stride_tricks.sliding_window_view(np.pad(labels, border, 'edge'), (size, size))
        labels[around.min(axis=(2, 3)) < around.max(axis=(2, 3))] = -1
    return labels


def _brightest(picture: ImageFile) -> int:
    """The number that Pillow makes 255, in grey of fewer than 8 bits, when it reads the pixels."""
    if picture.mode != 'L' or not picture.tile:
        return 255
    codec, _, _, arguments = picture.tile[0]  # how the file has its pixels, such as 'L;4'
    layout, *others = [arguments] if isinstance(arguments, str) else arguments or ['L']
    if codec in ('ppm', 'ppm_plain'):
        return int(others[0])
    bits = re.match(r'L;([24])', layout)
    return 2 ** int(bits[1]) - 1 if bits else 255


def _name(file: File) -> str:
    return str(file) if isinstance(file, (str, os.PathLike)) else str(getattr(file, 'name', 'the file object'))
