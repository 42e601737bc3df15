"""Images of 28 x 28 grey pixels in ten classes: MNIST, Fashion-MNIST, and the digits that come with this package."""
from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np

from autograd_nn.config import get_dtype
from autograd_nn.dataset.download import RemoteFile, download_files
from autograd_nn.datasets.tuple_dataset import TupleDataset
from autograd_nn.types import DTypeLike, PathLike

_DIGITS = Path(__file__).with_name('digits.npz')
_PARTS = ('train-images-idx3-ubyte.gz', 'train-labels-idx1-ubyte.gz',
          't10k-images-idx3-ubyte.gz', 't10k-labels-idx1-ubyte.gz')


def remote_parts(mirrors: tuple[str, ...], checksums: tuple[str, ...], unpacked: bool = True) -> list[RemoteFile]:
    """The four files of a data set in the format of MNIST.

    Args:
        mirrors: The addresses of directories that have them.
        checksums: Those of training images and labels, test images and labels (see `RemoteFile`).
        unpacked: Whether they are those of the contents.
    """
    return [RemoteFile(name, checksum, tuple([mirror + name for mirror in mirrors]), unpacked)
            for name, checksum in zip(_PARTS, checksums)]


_MNIST = remote_parts(
    ('https://ossci-datasets.s3.amazonaws.com/mnist/',
     'https://storage.googleapis.com/cvdf-datasets/mnist/',
     'http://yann.lecun.com/exdb/mnist/'),
    ('sha256:ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db',
     'sha256:65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5',
     'sha256:0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7',
     'sha256:ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2'))

_FASHION_MNIST = remote_parts(
    ('https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/',
     'http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/'),
    ('md5:f4a8712d7a061bf5bd6d2ca38dc4d50a',
     'md5:9018921c3c673c538a1fc5bad174d6f9',
     'md5:8181f5470baa50b63fa0f6fddb340f0a',
     'md5:15d484375f8d13e6eb1aabb0c3f46965'))


def get_digits(withlabel: bool = True, ndim: int = 1, scale: float = 1., dtype: DTypeLike | None = None,
               label_dtype: DTypeLike = np.int32, rgb_format: bool = False) -> tuple[Any, Any]:
    """The handwritten digits that come with this package: 10,000 to train with and 2,000 to test.

    They are a balanced part of MNIST (see `get_mnist`): of each digit, 1,000 images drawn at random from MNIST's
    training set and 200 from its test set, in a random order (see `build_digits`). The people who wrote the digits
    of the test set wrote none of the training set.

    Args:
        withlabel: Whether to return images with their labels, or images alone.
        ndim: 1 for images of shape (784,), 2 for (28, 28), 3 for (1, 28, 28).
        scale: The value of a white pixel; black is 0.
        dtype: That of the images; by default ``config.dtype``.
        label_dtype: That of the labels.
        rgb_format: If True, and with ``ndim=3``, images have shape (3, 28, 28), with three equal channels.

    Returns:
        The training and the test set: two `TupleDataset` of (image, label), or two arrays of images.

    Reference: Y. LeCun, C. Cortes, C. J. C. Burges, `The MNIST database of handwritten digits
    <http://yann.lecun.com/exdb/mnist/>`_.

    Example:
        >>> train, test = get_digits(ndim=3)
        >>> len(train), len(test), train[0][0].shape, train[0][0].dtype
        (10000, 2000, (1, 28, 28), dtype('float32'))
    """
    with np.load(_DIGITS, allow_pickle=False) as arrays:
        splits = [(arrays[f'{split}_images'], arrays[f'{split}_labels']) for split in ('train', 'test')]
    train, test = [_as_dataset('get_digits', images, labels, withlabel, ndim, scale, dtype, label_dtype, rgb_format)
                   for images, labels in splits]
    return train, test


def get_mnist(withlabel: bool = True, ndim: int = 1, scale: float = 1., dtype: DTypeLike | None = None,
              label_dtype: DTypeLike = np.int32, rgb_format: bool = False, *,
              directory: PathLike | None = None) -> tuple[Any, Any]:
    """MNIST: 60,000 handwritten digits to train with and 10,000 to test.

    The four files are looked for in the directory ``mnist`` under `get_dataset_root`, and downloaded into it if they
    are not there.

    Args:
        withlabel: Whether to return images with their labels, or images alone.
        ndim: 1 for images of shape (784,), 2 for (28, 28), 3 for (1, 28, 28).
        scale: The value of a white pixel; black is 0.
        dtype: That of the images; by default ``config.dtype``.
        label_dtype: That of the labels.
        rgb_format: If True, and with ``ndim=3``, images have shape (3, 28, 28), with three equal channels.
        directory: Where the four files are, if not under `get_dataset_root`. Others of the same names and format will
            do, those of KMNIST for instance.

    Returns:
        The training and the test set: two `TupleDataset` of (image, label), or two arrays of images.

    Raises:
        OSError: The files are not there and cannot be downloaded.

    Reference: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Gradient-based learning applied to document recognition,
    Proceedings of the IEEE 86 (1998).
    """
    options = withlabel, ndim, scale, dtype, label_dtype, rgb_format
    if directory is None:
        return load_parts('get_mnist', 'mnist', _MNIST, *options)
    return _read('get_mnist', [Path(directory, part) for part in _PARTS], *options)


def get_fashion_mnist(withlabel: bool = True, ndim: int = 1, scale: float = 1., dtype: DTypeLike | None = None,
                      label_dtype: DTypeLike = np.int32, rgb_format: bool = False) -> tuple[Any, Any]:
    """Fashion-MNIST: 60,000 photographs of clothes to train with and 10,000 to test.

    The four files are looked for in the directory ``fashion-mnist`` under `get_dataset_root`, and downloaded into it
    if they are not there. `get_fashion_mnist_labels` names the classes.

    Args:
        withlabel: Whether to return images with their labels, or images alone.
        ndim: 1 for images of shape (784,), 2 for (28, 28), 3 for (1, 28, 28).
        scale: The value of a white pixel; black is 0.
        dtype: That of the images; by default ``config.dtype``.
        label_dtype: That of the labels.
        rgb_format: If True, and with ``ndim=3``, images have shape (3, 28, 28), with three equal channels.

    Returns:
        The training and the test set: two `TupleDataset` of (image, label), or two arrays of images.

    Raises:
        OSError: The files are not there and cannot be downloaded.

    Reference: H. Xiao, K. Rasul, R. Vollgraf, `Fashion-MNIST: a novel image dataset for benchmarking machine learning
    algorithms <https://arxiv.org/abs/1708.07747>`_, 2017.
    """
    return load_parts('get_fashion_mnist', 'fashion-mnist', _FASHION_MNIST, withlabel, ndim, scale, dtype, label_dtype,
                 rgb_format)


def get_fashion_mnist_labels() -> list[str]:
    """The names of the classes of Fashion-MNIST."""
    return ['T-shirt/top', 'Trouser', 'Pullover', 'Dress', 'Coat', 'Sandal', 'Shirt', 'Sneaker', 'Bag', 'Ankle boot']


def read_idx(path: PathLike) -> np.ndarray:
    """Reads a gzipped file in MNIST's format.

    Args:
        path: The file: two zero bytes, 8 for bytes, the number of axes, the length of each axis as a big-endian
            32-bit integer, and the elements.

    Returns:
        uint8, of the shape that the file states.

    Raises:
        ValueError: The file is not in that format.
    """
    with gzip.open(path) as stream:
        content = stream.read()
    ndim = content[3] if content[:3] == b'\0\0\x08' and len(content) >= 4 else -1
    start = 4 + 4 * ndim
    if ndim < 0 or len(content) < start:
        raise ValueError(f'{path} is not in the IDX format of MNIST')
    shape = tuple(np.frombuffer(content, '>u4', ndim, 4).tolist())
    if len(content) - start != np.prod(shape, dtype=int):
        raise ValueError(f'{path}: {len(content) - start} bytes of elements for the shape {shape}')
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def build_digits(mnist: PathLike, path: PathLike) -> None:
    """Chooses the images of `get_digits` and writes the file that they are kept in.

    Args:
        mnist: A directory with the four files of MNIST.
        path: The ``.npz`` file to write.
    """
    random = np.random.RandomState(0)
    arrays: dict[str, Any] = {}
    for split, names, count in (('train', _PARTS[:2], 1000), ('test', _PARTS[2:], 200)):
        images, labels = [read_idx(Path(mnist, name)) for name in names]
        chosen = np.concatenate([random.permutation(np.flatnonzero(labels == digit))[:count] for digit in range(10)])
        chosen = random.permutation(chosen)
        arrays[f'{split}_images'], arrays[f'{split}_labels'] = images[chosen], labels[chosen]
    np.savez_compressed(path, **arrays)


def load_parts(name: str, directory: str, files: list[RemoteFile], *options: Any) -> tuple[Any, Any]:
    """The training and the test set of a data set in the format of MNIST.

    Args:
        name: What asks for them, for errors.
        directory: That of the files under `get_dataset_root`.
        files: The four files.
        options: The arguments of `get_mnist`.
    """
    return _read(name, download_files(directory, files), *options)


def _read(name: str, paths: list[Path], *options: Any) -> tuple[Any, Any]:
    train_images, train_labels, test_images, test_labels = map(read_idx, paths)
    return (_as_dataset(name, train_images, train_labels, *options),
            _as_dataset(name, test_images, test_labels, *options))


def _as_dataset(name: str, images: np.ndarray, labels: np.ndarray, withlabel: bool, ndim: int, scale: float,
                dtype: DTypeLike | None, label_dtype: DTypeLike, rgb_format: bool) -> Any:
    shapes: dict[int, tuple[int, ...]] = {1: (784,), 2: (28, 28), 3: (1, 28, 28)}
    if ndim not in shapes:
        raise ValueError(f'{name}: ndim must be 1, 2 or 3, got {ndim}')
    if rgb_format and ndim != 3:
        raise ValueError(f'{name}: rgb_format needs ndim=3, got {ndim}')
    images = images.reshape(-1, *shapes[ndim])
    if rgb_format:
        images = np.repeat(images, 3, axis=1)
    images = scale_pixels(images, scale, dtype)
    return TupleDataset(images, labels.astype(label_dtype)) if withlabel else images


def scale_pixels(images: np.ndarray, scale: float, dtype: DTypeLike | None) -> np.ndarray:
    """Bytes as numbers from 0 to `scale`, of the given dtype or ``config.dtype``."""
    dtype = get_dtype(dtype)
    if dtype.kind in 'iu':
        return np.rint(images * (scale / 255)).astype(dtype)
    return np.multiply(images, scale / 255, dtype=dtype)
