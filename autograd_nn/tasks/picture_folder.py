"""Folders of pictures as data sets: how they are laid out, and which part is held out."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from autograd_nn import datasets, models
from autograd_nn.datasets.image_folder import visible
from autograd_nn.tasks.network_input import are_digits, show_to_network

# The names, in upper or lower case, of folders above those of the classes; of several the first counts.
TRAIN = ('train', 'training')
HELD_OUT = ('val', 'valid', 'validation', 'test', 'testing')
LOOK_AT = 20


class PictureFolder(datasets.ImageFolderDataset):
    """Pictures in a folder as a network sees them (see `show_to_network`); damaged ones are left out.

    Args:
        root: The folder, with one for each class in it.
        shape: Channels, height and width.
        preprocessing: The network's preprocessing.

    Raises:
        OSError: A folder cannot be read.
        ValueError: There are pictures of fewer than two classes, or they lie elsewhere.
    """

    def __init__(self, root: Path, shape: tuple[int, int, int], preprocessing: models.Preprocessing) -> None:
        super().__init__(root, on_error='skip')
        self.shape = shape
        self.preprocessing = preprocessing
        if len(self.labels) < 2:
            raise ValueError(f'{root}: expected pictures of at least 2 classes, found only {self.labels[0]}')

    def get_image(self, i: int) -> np.ndarray:
        return show_to_network(self.paths[i], self.labels, self.shape, self.preprocessing)


def load_folder(folder: Path, entry: models.Entry, seed: int) -> tuple[Any, Any, list[str]]:
    """Loads a folder of pictures, and says what becomes of them.

    Args:
        folder: The folder: one for each class is in it, or one of `TRAIN` and perhaps one of `HELD_OUT` above these.
        entry: The model, whose input shape and preprocessing the pictures take.
        seed: Chooses the fifth that is held out where there is no folder of such pictures.

    Returns:
        The pictures to train with, those held out, and the names of the classes.

    Raises:
        OSError: A folder cannot be read.
        ValueError: There are too few pictures or classes, or the folders are laid out in another way.
    """
    network: Any = entry.build()
    preprocessing: models.Preprocessing = network.preprocessing
    shape = preprocessing.channels, network.insize, network.insize
    train_folder, test_folder = find_parts(folder)
    pictures = PictureFolder(train_folder, shape, preprocessing)
    if are_digits(pictures.labels, shape):
        print('the classes are the ten digits: pictures are made like those of MNIST, bright on dark and centred')
    elif preprocessing.channels == 1 and have_colors(pictures.paths):
        print(f'{entry.name} sees shades of grey: the colours of the pictures are not used')
    if test_folder is None:
        train, test = hold_out(pictures, seed)
        print(f'{train_folder}: {len(test):,} of {len(pictures):,} pictures, about a fifth of each class, are held out '
              'to test with (--seed chooses them)')
        return train, test, pictures.labels
    try:
        others = PictureFolder(test_folder, shape, preprocessing)
    except ValueError as error:
        raise ValueError(f'{error}\n(of {train_folder} alone, a fifth is held out to test with)') from None
    if others.labels != pictures.labels:
        raise ValueError(f'{folder}: expected the same classes in {train_folder.name} and {test_folder.name}; '
                         + ', '.join(only_in(pictures, others) + only_in(others, pictures)))
    print(f'{train_folder} is trained with, {test_folder} is tested with')
    return pictures, others, pictures.labels


def find_parts(folder: Path) -> tuple[Path, Path | None]:
    """The folders of a data set that have the classes of the training pictures and of those held out.

    Args:
        folder: The data set. If it has neither `TRAIN` nor `HELD_OUT`, its own folders are the classes.
    """
    found = {path.name.lower(): path for path in sorted(visible(folder)) if path.is_dir()}
    train, test = (next((found[name] for name in names if name in found), None) for names in (TRAIN, HELD_OUT))
    # Alone, train/ may also be the class of pictures of trains.
    if train is None or (test is None and any(path.is_file() for path in visible(train))):
        return folder, None
    return train, test


def only_in(one: PictureFolder, other: PictureFolder) -> list[str]:
    """In words, what classes one folder has and the other one has not."""
    names = [name for name in one.labels if name not in other.labels]
    return [f'only {one.root.name} has {", ".join(names)}'] if names else []


def hold_out(pictures: datasets.ImageFolderDataset, seed: int) -> tuple[datasets.SubDataset, datasets.SubDataset]:
    """Splits pictures in those to train with and, chosen at random, a fifth of each class, but at least one picture.

    Args:
        pictures: The pictures. Where a class has only one, it is one to train with.
        seed: Chooses.

    Raises:
        ValueError: No class has two pictures.
    """
    rng = np.random.default_rng(seed)
    labels = np.array([pictures.get_label(i) for i in range(len(pictures))])
    held_out = np.zeros(len(labels), bool)
    for label in range(len(pictures.labels)):
        members = rng.permutation(np.flatnonzero(labels == label))
        held_out[members[:max(1, len(members) // 5) if len(members) > 1 else 0]] = True
    if not held_out.any():
        raise ValueError(f'{pictures.root}: expected at least 2 pictures of a class, one of which to test with')
    order, first = np.argsort(held_out, kind='stable'), len(labels) - int(held_out.sum())
    return datasets.split_dataset(pictures, first, order)


def have_colors(paths: Sequence[Path]) -> bool:
    """Whether some of a few pictures are more than shades of grey (and the noise of their compression)."""
    return any(np.ptp(datasets.read_image(path, color=True, dtype=np.uint8), axis=0).mean() > 4
               for path in paths[::-(-len(paths) // LOOK_AT)])
