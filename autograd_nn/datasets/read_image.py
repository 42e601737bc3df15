"""From a picture, a file or one that Pillow has opened, to an array: every picture comes this way."""
from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from autograd_nn.config import get_dtype
from autograd_nn.types import DTypeLike, File

HEIF_SUFFIXES = ('.heic', '.heif', '.hif')
"""The endings of pictures that Pillow reads with the help of pillow-heif."""

SUFFIXES = ('.apng', '.avif', '.bmp', '.dib', '.gif', '.jfif', '.jp2', '.jpe', '.jpeg', '.jpg', '.mpo', '.pbm', '.pgm',
            '.png', '.pnm', '.ppm', '.qoi', '.tga', '.tif', '.tiff', '.webp')
"""The endings of pictures that Pillow reads by itself, unless it was built without the format."""


def image_suffixes() -> frozenset[str]:
    """The endings, in lower case, by which files are known to be pictures that can be read on this machine.

    Example:
        >>> '.png' in image_suffixes(), '.txt' in image_suffixes()
        (True, False)
    """
    readable = Image.registered_extensions().keys() & set(SUFFIXES)
    return frozenset(readable.union(HEIF_SUFFIXES if find_spec('pillow_heif') else ()))


def read_image(image: File | Image.Image, color: bool | None = None, size: int | tuple[int, int] | None = None,
               dtype: DTypeLike | None = None) -> np.ndarray:
    """Reads a picture, upright: the orientation that cameras note down in EXIF is applied.

    A picture that Pillow has opened gives what its file would. Of animations and files of several pages the first
    picture counts. More than 8 bits are brought to 8 where `color` is given: 16 bits as such; the numbers of a TIFF of
    int32 or float have no range of their own and are taken to go from 0 to the least of 1 (float only), 255, 65535 and
    2\\ :sup:`31` - 1 that none of them exceeds.

    Args:
        image: A path or a binary file object with a picture in any format that Pillow reads (HEIF takes
            ``pip install 'autograd_nn[heif]'``), or a picture of Pillow, which is left as it is.
        color: True for three channels (red, green, blue), False for one, in both cases on white where the picture is
            transparent; None for those of the file.
        size: (height, width), or one number for both: the picture is scaled to cover this size, and what sticks out is
            cut off evenly. None for the size of the file.
        dtype: That of the result; by default ``config.dtype``.

    Returns:
        Values from 0 to 255 (or as the file has them, if it has more than 8 bits and `color` is None), shape
        (channels, height, width).

    Raises:
        OSError: The file is missing or damaged, or its format cannot be read here; the message names it.

    Example:
        >>> from PIL import Image
        >>> read_image(Image.new('L', (4, 3), 7), color=True).shape
        (3, 3, 4)
    """
    try:
        if isinstance(image, Image.Image):
            picture = _with_mode(image, color)
        else:
            with _open(image) as file:
                picture = _with_mode(file, color)
    except (FileNotFoundError, PermissionError, IsADirectoryError):
        raise
    except Exception as error:  # Damaged files make Pillow raise nearly anything.
        name = image if isinstance(image, (str, os.PathLike)) else (
            getattr(image, 'filename', '') or getattr(image, 'name', '') or image)
        raise OSError(f'cannot read the image {name}: {_reason(error)}') from error
    if size is not None:
        height, width = (size, size) if isinstance(size, int) else size
        picture = ImageOps.fit(picture, (width, height), Image.Resampling.BILINEAR)
    pixels = np.asarray(picture, dtype=get_dtype(dtype))
    return pixels[None] if pixels.ndim == 2 else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _open(file: File) -> Image.Image:
    try:
        return Image.open(file)
    except UnidentifiedImageError:
        # HEIF is known by its content: many programs call such files .jpg. (Pillow has read AVIF, which begins alike.)
        if _start(file)[4:] != b'ftyp':
            raise
    try:
        import pillow_heif
    except ImportError:
        raise OSError("HEIF pictures need pillow-heif (pip install 'autograd_nn[heif]')") from None
    pillow_heif.register_heif_opener()
    return Image.open(file)


def _start(file: File) -> bytes:
    """The first eight bytes of a file."""
    if isinstance(file, (str, os.PathLike)):
        with Path(file).open('rb') as stream:
            return stream.read(8)
    file.seek(0)
    return file.read(8)


def _reason(error: Exception) -> str:
    return 'no format that Pillow knows' if isinstance(error, UnidentifiedImageError) else str(error)


def _with_mode(image: Image.Image, color: bool | None) -> Image.Image:
    file_format = image.format  # which a copy does not have
    image = ImageOps.exif_transpose(image)
    if color is not None:
        if image.mode[0] in 'IF':
            image = _to_bytes(image, file_format)
        if image.has_transparency_data:  # What is transparent shows the paper behind it.
            image = image.convert('RGBA')
            image = Image.alpha_composite(Image.new('RGBA', image.size, 'white'), image)
        if image.mode == 'LAB':  # From it Pillow comes to RGB alone.
            image = image.convert('RGB')
        return image.convert('RGB' if color else 'L')
    if image.mode == 'P':  # Indices of a palette mean nothing without it.
        return image.convert('RGBA' if 'transparency' in image.info else 'RGB')
    return image.convert('L') if image.mode == '1' else image


def _to_bytes(image: Image.Image, file_format: str | None) -> Image.Image:
    """Scales grey values of more than 8 bits, which Pillow would cut off at 255."""
    pixels = np.asarray(image)
    low, high = pixels.min(), pixels.max()
    if not 0 <= low <= high < 2 ** 31:  # which catches NaN, too
        raise ValueError(f'its pixels go from {low} to {high}; expected numbers from 0 to 1, 255, 65535 or 2 ** 31 - 1')
    if image.mode.startswith('I;16') or file_format in ('PNG', 'PPM'):
        limit = 65535
    else:
        limits = (1, 255, 65535, 2 ** 31) if image.mode == 'F' else (255, 65535, 2 ** 31 - 1)
        limit = next(limit for limit in limits if high <= limit)
    grey = np.rint(pixels * (255 / limit)).astype(np.uint8)
    if 'transparency' in image.info:
        grey[pixels == image.info['transparency']] = 255
    return Image.fromarray(grey)
