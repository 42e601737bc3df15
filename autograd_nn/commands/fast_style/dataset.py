"""Squares out of the pictures in a folder, to train with."""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from autograd_nn import datasets
from autograd_nn.dataset import Converter, DatasetMixin, to_device
from autograd_nn.datasets.image_folder import find_images, leave_out_damaged, warn_of_others


class Pictures(DatasetMixin):
    """All pictures in a folder and the folders in it, each a uint8 array of shape (3, H, W).

    A warning names what cannot be read and is left out.

    Args:
        folder: The folder.

    Raises:
        OSError: A folder in it cannot be read.
        ValueError: There is no such folder, or no picture in it that can be read.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise ValueError(f'{folder}: no such folder')
        found, others = find_images(folder)
        warn_of_others(folder, others)
        self.paths = leave_out_damaged(found)
        if not self.paths:
            raise ValueError(f'{folder}: no pictures in this folder that can be read (.jpg, .png and the like)')

    def __len__(self) -> int:
        return len(self.paths)

    def get_example(self, i: int) -> np.ndarray:
        return datasets.read_image(self.paths[i], color=True, dtype=np.uint8)


@dataclass(frozen=True)
class RandomSquare:
    """Cuts a random square out of a picture, scales it, and exchanges left and right half of the time.

    Args:
        size: Height and width of the result in pixels. The square is at least as large, where the picture is.
    """

    size: int

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        height, width = image.shape[1:]
        longest = min(height, width)
        side = int(rng.integers(min(self.size, longest), longest + 1))
        top, left = (int(rng.integers(length - side + 1)) for length in (height, width))
        square = Image.fromarray(np.ascontiguousarray(image[:, top:top + side, left:left + side].transpose(1, 2, 0)))
        pixels = np.asarray(square.resize((self.size, self.size), Image.Resampling.BICUBIC)).transpose(2, 0, 1)
        return pixels[:, :, ::-1] if rng.random() < 0.5 else pixels


def reduce(picture: Image.Image, factor: int) -> Image.Image:
    """Makes a picture smaller as the paper on super-resolution does: blurred with a standard deviation of 1 pixel, then
    scaled by bicubic interpolation.

    Args:
        picture: The picture.
        factor: By what to divide height and width.
    """
    size = max(1, picture.width // factor), max(1, picture.height // factor)
    return picture.filter(ImageFilter.GaussianBlur(1)).resize(size, Image.Resampling.BICUBIC)


class PairConverter(Converter):
    """Makes of a minibatch what the network is given and what its result is compared with.

    Args:
        factor: By how much what it is given is smaller; 1 for the same pictures.
    """

    def __init__(self, factor: int = 1) -> None:
        self.factor = factor

    def __call__(self, batch: Any, device: Any = None) -> Any:
        target = np.stack(batch)
        given = target
        if self.factor > 1:
            given = np.stack([np.asarray(reduce(Image.fromarray(image.transpose(1, 2, 0)), self.factor))
                              .transpose(2, 0, 1) for image in target])
        return to_device(device, (given.astype(np.float32), target.astype(np.float32)))
