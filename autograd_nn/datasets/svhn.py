"""SVHN: house numbers from street views."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from autograd_nn.dataset.download import RemoteFile, download_files
from autograd_nn.datasets.mnist import scale_pixels
from autograd_nn.datasets.tuple_dataset import TupleDataset
from autograd_nn.types import DTypeLike, PathLike

_FILES = {split: RemoteFile(f'{split}_32x32.mat', checksum, (f'http://ufldl.stanford.edu/housenumbers/{split}_32x32.mat',))
          for split, checksum in (('train', 'md5:e26dedcc434d2e4c54c9b2d4a06d8373'),
                                  ('test', 'md5:eb5a983be6a315427106f1b164d9cef3'),
                                  ('extra', 'md5:a93ce644f1a588dc4d68dda5feec44a7'))}


def get_svhn(withlabel: bool = True, scale: float = 1., dtype: DTypeLike | None = None,
             label_dtype: DTypeLike = np.int32, add_extra: bool = False) -> tuple[Any, ...]:
    """SVHN: 73,257 colour photographs of digits of house numbers to train with and 26,032 to test.

    The files ``train_32x32.mat`` and ``test_32x32.mat`` (and ``extra_32x32.mat``) are looked for in the directory
    ``svhn`` under `get_dataset_root`, and downloaded into it if they are not there.

    Args:
        withlabel: Whether to return images with their labels, or images alone.
        scale: The value of the brightest pixel; black is 0.
        dtype: That of the images; by default ``config.dtype``.
        label_dtype: That of the labels, which are the digits.
        add_extra: Whether to return another training set of 531,131 easier images as well.

    Returns:
        The training set, the test set and, if `add_extra`, the other training set: `TupleDataset` of (image, label), or
        arrays of images; images have shape (3, 32, 32).

    Raises:
        OSError: A file is not there and cannot be downloaded.
        ImportError: SciPy, which reads the files, is not installed.

    Reference: Y. Netzer, T. Wang, A. Coates, A. Bissacco, B. Wu, A. Ng, `Reading digits in natural images with
    unsupervised feature learning <http://ufldl.stanford.edu/housenumbers>`_, 2011.
    """
    splits = ['train', 'test', 'extra'] if add_extra else ['train', 'test']
    _import_loadmat()  # before anything is downloaded
    datasets: list[Any] = []
    for path in download_files('svhn', [_FILES[split] for split in splits]):
        images, labels = read_svhn(path)
        pixels = scale_pixels(images, scale, dtype)
        datasets.append(TupleDataset(pixels, labels.astype(label_dtype)) if withlabel else pixels)
    return tuple(datasets)


def read_svhn(path: PathLike) -> tuple[np.ndarray, np.ndarray]:
    """Reads a file of SVHN, in Matlab's format.

    Args:
        path: The file.

    Returns:
        Images, uint8, shape (n, 3, 32, 32), and the digits, uint8, shape (n,).

    Raises:
        ValueError: It is no such file.
        ImportError: SciPy is not installed.
    """
    loadmat = _import_loadmat()
    try:
        arrays = loadmat(Path(path))
        images, labels = arrays['X'], arrays['y'].ravel()
    except (ValueError, KeyError, TypeError, NotImplementedError) as error:
        raise ValueError(f"{path}: expected images 'X' and digits 'y' in Matlab's format: {error}") from error
    if images.shape[:3] != (32, 32, 3) or images.shape[3:] != labels.shape:
        raise ValueError(f'{path}: expected images of shape (32, 32, 3, n) and n digits, got {images.shape} and '
                         f'{labels.shape}')
    # The digit 0 has the number 10.
    return np.ascontiguousarray(images.astype(np.uint8).transpose(3, 2, 0, 1)), (labels % 10).astype(np.uint8)


def _import_loadmat() -> Any:
    try:
        from scipy.io import loadmat
    except ImportError as error:
        raise ImportError('get_svhn: SciPy reads the files: pip install scipy') from error
    return loadmat
