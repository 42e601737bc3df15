"""Reading and writing the pictures that programs paint."""
from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from autograd_nn import datasets
from autograd_nn.commands.command_line import check_file
from autograd_nn.utils.atomic import atomic_write


def load_picture(path: str | Path, size: int | None = None) -> Image.Image:
    """Reads a picture, upright and in colour.

    Args:
        path: The file.
        size: To which its longer side is scaled, in pixels; None leaves it.

    Raises:
        OSError: The file is missing or damaged.
    """
    pixels = datasets.read_image(path, color=True, dtype=np.uint8)
    picture = Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))
    return picture if size is None else scale(picture, size)


def scale(picture: Image.Image, size: int) -> Image.Image:
    """Scales a picture so that its longer side has `size` pixels."""
    ratio = size / max(picture.size)
    width, height = (max(1, round(side * ratio)) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def to_array(picture: Image.Image) -> np.ndarray:
    """A picture as a float32 array of shape (1, channels, H, W), values from 0 to 255."""
    pixels = np.asarray(picture, np.float32)
    return np.ascontiguousarray(pixels.reshape(*pixels.shape[:2], -1).transpose(2, 0, 1)[None])


def to_picture(x: np.ndarray) -> Image.Image:
    """The reverse of `to_array`; values beyond 0 and 255 are cut off."""
    pixels = np.rint(x[0]).clip(0, 255).astype(np.uint8).transpose(1, 2, 0)
    return Image.fromarray(np.ascontiguousarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels))


def with_colors_of(photo: Image.Image, painting: Image.Image) -> Image.Image:
    """A picture with the colours of one and the luminance of another.

    L. A. Gatys, M. Bethge, A. Hertzmann, E. Shechtman, Preserving Color in Neural Artistic Style Transfer, 2016,
    https://arxiv.org/abs/1606.05897, section 4.

    Args:
        photo: The picture with the colours.
        painting: The picture with the luminance: in colour or grey, of the same size.
    """
    _, blue, red = photo.convert('YCbCr').split()
    luminance = painting if painting.mode == 'L' else painting.convert('YCbCr').getchannel(0)
    return Image.merge('YCbCr', (luminance, blue, red)).convert('RGB')


def check_target(path: str | Path) -> None:
    """Makes sure, before anything is computed, that a picture can be written.

    Raises:
        ValueError: The folder does not exist, there is no permission, or the ending of the name says no format that can
            be written.
    """
    path = Path(path)
    check_file(path)
    if Image.registered_extensions().get(path.suffix.lower()) not in ('JPEG', 'PNG', 'BMP', 'TIFF', 'WEBP'):
        raise ValueError(f'cannot write {path}: the name should end with .jpg, .png, .bmp, .tif or .webp')


def save_picture(path: str | Path, picture: Image.Image) -> None:
    """Writes a picture in the format that the ending of its name says."""
    kind = Image.registered_extensions()[Path(path).suffix.lower()]
    options = {'quality': 92} if kind in ('JPEG', 'WEBP') else {}
    with atomic_write(path) as file:
        picture.save(file, kind, **options)
