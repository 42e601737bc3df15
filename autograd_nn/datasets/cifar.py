"""CIFAR-10 and CIFAR-100: small colour photographs."""
from __future__ import annotations

import tarfile
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd_nn.dataset.download import RemoteFile, download_files
from autograd_nn.datasets.mnist import scale_pixels
from autograd_nn.datasets.tuple_dataset import TupleDataset
from autograd_nn.types import DTypeLike, PathLike

_CIFAR10 = RemoteFile(
    'cifar-10-binary.tar.gz', 'md5:c32a1d4ab5d03f1284b67883e8d87530',
    ('https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz',
     'https://cave.cs.toronto.edu/kriz/cifar-10-binary.tar.gz',
     'https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10/cifar-10-binary.tar.gz'))
_CIFAR100 = RemoteFile(
    'cifar-100-binary.tar.gz', 'md5:03b5dce01913d631647c71ecec9e9cb8',
    ('https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz',
     'https://cave.cs.toronto.edu/kriz/cifar-100-binary.tar.gz'))

_CIFAR10_TRAIN = tuple([f'cifar-10-batches-bin/data_batch_{i}.bin' for i in range(1, 6)])
_CIFAR10_TEST = ('cifar-10-batches-bin/test_batch.bin',)
_CIFAR100_TRAIN = ('cifar-100-binary/train.bin',)
_CIFAR100_TEST = ('cifar-100-binary/test.bin',)


def get_cifar10(withlabel: bool = True, ndim: int = 3, scale: float = 1.,
                dtype: DTypeLike | None = None) -> tuple[Any, Any]:
    """CIFAR-10: 50,000 colour photographs in ten classes to train with and 10,000 to test.

    The file ``cifar-10-binary.tar.gz`` is looked for in the directory ``cifar`` under `get_dataset_root`, and
    downloaded into it if it is not there.

    Args:
        withlabel: Whether to return images with their labels, or images alone.
        ndim: 3 for images of shape (3, 32, 32), 1 for (3072,).
        scale: The value of the brightest pixel; black is 0.
        dtype: That of the images; by default ``config.dtype``.

    Returns:
        The training and the test set: two `TupleDataset` of (image, label), labels being int32, or two arrays of
        images.

    Raises:
        OSError: The file is not there and cannot be downloaded.

    Reference: A. Krizhevsky, `Learning multiple layers of features from tiny images
    <https://www.cs.toronto.edu/~kriz/cifar.html>`_, 2009.
    """
    return _load('get_cifar10', _CIFAR10, (_CIFAR10_TRAIN, _CIFAR10_TEST), 1, withlabel, ndim, scale, dtype)


def get_cifar100(withlabel: bool = True, ndim: int = 3, scale: float = 1.,
                 dtype: DTypeLike | None = None) -> tuple[Any, Any]:
    """CIFAR-100: 50,000 colour photographs in a hundred classes to train with and 10,000 to test.

    The file ``cifar-100-binary.tar.gz`` is looked for in the directory ``cifar`` under `get_dataset_root`, and
    downloaded into it if it is not there.

    Args:
        withlabel: Whether to return images with their labels, or images alone.
        ndim: 3 for images of shape (3, 32, 32), 1 for (3072,).
        scale: The value of the brightest pixel; black is 0.
        dtype: That of the images; by default ``config.dtype``.

    Returns:
        The training and the test set: two `TupleDataset` of (image, label), labels being int32 (the fine ones), or
        two arrays of images.

    Raises:
        OSError: The file is not there and cannot be downloaded.

    Reference: A. Krizhevsky, `Learning multiple layers of features from tiny images
    <https://www.cs.toronto.edu/~kriz/cifar.html>`_, 2009.
    """
    return _load('get_cifar100', _CIFAR100, (_CIFAR100_TRAIN, _CIFAR100_TEST), 2, withlabel, ndim, scale, dtype)


def get_cifar10_labels() -> list[str]:
    """The names of the classes of CIFAR-10."""
    return ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck']


def get_cifar100_labels() -> list[str]:
    """The names of the classes of CIFAR-100."""
    return _CIFAR100_LABELS.split()


_CIFAR100_LABELS = """
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can
    castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin
    elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster
    man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck
    pine_tree plain plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk
    skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone television tiger
    tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm
"""


def read_cifar(path: PathLike, members: Sequence[str], label_bytes: int) -> tuple[np.ndarray, np.ndarray]:
    """Reads records from the binary version of CIFAR.

    Args:
        path: The archive.
        members: The files in it, whose records follow each other.
        label_bytes: The number of labels before each image; the last one counts.

    Returns:
        Images, uint8, shape (n, 3, 32, 32), and labels, uint8, shape (n,).

    Raises:
        ValueError: A file is not in the archive or not made of whole records.
    """
    contents = []
    with tarfile.open(path) as archive:
        for name in members:
            try:
                stream = archive.extractfile(name)
            except KeyError:
                stream = None
            if stream is None:
                raise ValueError(f'{path}: the archive has no file {name}')
            contents.append(stream.read())
    size = label_bytes + 3 * 32 * 32
    for name, content in zip(members, contents):
        if len(content) % size:
            raise ValueError(f'{path}: {name} has {len(content)} bytes, no multiple of {size}')
    records = np.frombuffer(b''.join(contents), np.uint8).reshape(-1, size)
    return records[:, label_bytes:].reshape(-1, 3, 32, 32), records[:, label_bytes - 1]


def _load(name: str, file: RemoteFile, splits: Sequence[Sequence[str]], label_bytes: int, withlabel: bool, ndim: int,
          scale: float, dtype: DTypeLike | None) -> tuple[Any, Any]:
    if ndim not in (1, 3):
        raise ValueError(f'{name}: ndim must be 1 or 3, got {ndim}')
    [path] = download_files('cifar', [file])
    datasets: list[Any] = []
    for members in splits:
        images, labels = read_cifar(path, members, label_bytes)
        images = scale_pixels(images if ndim == 3 else images.reshape(len(images), -1), scale, dtype)
        datasets.append(TupleDataset(images, labels.astype(np.int32)) if withlabel else images)
    train, test = datasets
    return train, test
