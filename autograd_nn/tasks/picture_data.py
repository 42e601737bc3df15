"""Pictures to learn from, for networks that make pictures: those that come along, and those in folders."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from autograd_nn import datasets
from autograd_nn.dataset import DatasetMixin
from autograd_nn.datasets import transforms
from autograd_nn.datasets.image_folder import find_images, leave_out_damaged
from autograd_nn.tasks.network_input import DIGITS
from autograd_nn.tasks.picture_folder import find_parts, hold_out

HAND_WRITING = 'digits', 'mnist'


def known(get: Callable[..., Any], labels: Sequence[str]) -> Callable[[], tuple[Any, Any, Sequence[str]]]:
    """What loads a data set that is known by its name.

    Args:
        get: Loads its two parts.
        labels: The names of its classes.
    """
    return lambda: (*get(ndim=3), labels)


PICTURES = {'digits': known(datasets.get_digits, DIGITS), 'mnist': known(datasets.get_mnist, DIGITS),
            'fashion_mnist': known(datasets.get_fashion_mnist, datasets.get_fashion_mnist_labels())}


class FitPictures:
    """Brings the first pictures of a sample to a shape: grey ones get three channels where colours are wanted.

    Args:
        shape: Channels, height and width.
        count: How many of the sample's elements are pictures.
    """

    def __init__(self, shape: tuple[int, ...], count: int = 1) -> None:
        self.shape = shape
        self.count = count

    def __call__(self, sample: Any) -> Any:
        return *map(self.fit, sample[:self.count]), *sample[self.count:]

    def fit(self, x: np.ndarray) -> np.ndarray:
        """A picture, shape (C, H, W), of the shape that is wanted."""
        if len(x) != self.shape[0]:
            x = np.repeat(x, self.shape[0], axis=0) if len(x) == 1 else x.mean(axis=0, keepdims=True)
        if x.shape[1:] == (28, 28) and self.shape[1:] == (32, 32):  # digits keep their size, and get a margin
            return np.pad(x, ((0, 0), (2, 2), (2, 2)))
        return x if x.shape == tuple(self.shape) else transforms.Resize((self.shape[1], self.shape[2]))(x)


def fit_pictures(data: Any, shape: tuple[int, ...], count: int = 1) -> Any:
    """A data set of tuples that begin with pictures, of one shape.

    Args:
        data: The data set.
        shape: Channels, height and width.
        count: How many elements of each tuple are pictures.
    """
    fits = all(x.shape == tuple(shape) for x in data[0][:count])
    return data if fits else datasets.TransformDataset(data, FitPictures(shape, count))


class PictureFiles(DatasetMixin):
    """Pictures of one size from files; those that are damaged are left out, with a warning.

    An example is a pair of an image of values from 0 to 1, float32, shape (channels, height, width), and 0.

    Args:
        root: The folder; pictures may lie in folders of their own within.
        shape: Channels, height and width: pictures are scaled to cover it, and what sticks out is cut off.

    Raises:
        OSError: The folder cannot be read.
        ValueError: There are no pictures that can be read.
    """

    def __init__(self, root: Path, shape: tuple[int, ...]) -> None:
        self.paths = leave_out_damaged(find_images(root)[0])
        self.shape = shape
        if not self.paths:
            raise ValueError(f'{root}: expected pictures (name.jpg and the like), found none that can be read')

    def __len__(self) -> int:
        return len(self.paths)

    def get_example(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        return read_fitting(self.paths[i], self.shape), np.array(0, np.int32)


def read_fitting(path: str | Path, shape: tuple[int, ...]) -> np.ndarray:
    """Reads a picture, scaled to cover a size, of which the middle is cut out.

    Args:
        path: The file.
        shape: Channels, height and width.

    Returns:
        Values from 0 to 1, float32.

    Raises:
        OSError: The file is missing or damaged.
    """
    x = datasets.read_image(path, shape[0] == 3, (shape[1], shape[2]), np.float32)
    return x * np.float32(1 / 255)


def load_pictures(folder: Path, shape: tuple[int, ...], seed: int) -> tuple[Any, Any]:
    """Loads pictures of any kind from a folder, and says what becomes of them.

    Args:
        folder: The folder, or one with a folder each for training and testing.
        shape: Channels, height and width of what is wanted.
        seed: Chooses the fifth that is held out where there is no folder for testing.

    Returns:
        What to train and to test with.

    Raises:
        OSError: A file cannot be read.
        ValueError: There are too few pictures.
    """
    train_folder, test_folder = find_parts(folder)
    pictures = PictureFiles(train_folder, shape)
    if test_folder is not None:
        print(f'{train_folder} is trained with, {test_folder} is tested with')
        return pictures, PictureFiles(test_folder, shape)
    return hold_out_fifth(pictures, folder, seed)


def hold_out_fifth(pictures: Any, folder: Path, seed: int) -> tuple[Any, Any]:
    """Splits pictures in those to train with and about a fifth to test with, and says so.

    Args:
        pictures: A data set.
        folder: Where they come from.
        seed: Chooses.

    Raises:
        ValueError: There are fewer than four: two to train with, and two whose spread can be measured.
    """
    count = max(2, len(pictures) // 5)
    if len(pictures) < 4:
        raise ValueError(f'{folder}: expected at least 4 pictures, two of which to test with, got {len(pictures)}')
    test, train = datasets.split_dataset_random(pictures, count, seed=seed)
    print(f'{folder}: {count:,} of {len(pictures):,} pictures, about a fifth, are held out to test with '
          '(--seed chooses them)')
    return train, test


def load_classes(folder: Path, shape: tuple[int, ...], seed: int) -> tuple[Any, Any, Sequence[str]]:
    """Loads pictures of classes, each with a folder of its own (see `load_pictures`).

    Returns:
        What to train and to test with, and the names of the classes.
    """
    train_folder, test_folder = find_parts(folder)
    wanted: dict[str, Any] = {'size': (shape[1], shape[2]), 'color': shape[0] == 3, 'on_error': 'skip',
                              'dtype': np.float32}
    pictures = datasets.ImageFolderDataset(train_folder, **wanted)
    if test_folder is None:
        train, test = hold_out(pictures, seed)
        print(f'{train_folder}: {len(test):,} of {len(pictures):,} pictures, about a fifth of each class, are held out '
              'to test with (--seed chooses them)')
        return train, test, pictures.labels
    others = datasets.ImageFolderDataset(test_folder, **wanted)
    if others.labels != pictures.labels:
        raise ValueError(f'{folder}: expected the same classes in {train_folder.name} and {test_folder.name}, got '
                         f'{", ".join(pictures.labels)} and {", ".join(others.labels)}')
    print(f'{train_folder} is trained with, {test_folder} is tested with')
    return pictures, others, pictures.labels
