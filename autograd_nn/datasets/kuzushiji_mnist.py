"""Kuzushiji-MNIST: characters of old Japanese books, in the format of MNIST."""
from __future__ import annotations

from typing import Any

import numpy as np

from autograd_nn.datasets.mnist import load_parts, remote_parts
from autograd_nn.types import DTypeLike

_KUZUSHIJI_MNIST = remote_parts(
    ('https://codh.rois.ac.jp/kmnist/dataset/kmnist/', 'http://codh.rois.ac.jp/kmnist/dataset/kmnist/'),
    ('md5:bdb82020997e1d708af4cf47b453dcf7',
     'md5:e144d726b3acfaa3e44228e80efcd344',
     'md5:5c965bf0a639b31b8f53240b1b52f4d7',
     'md5:7320c461ea6c1c855c0b718fb2a4b134'), unpacked=False)


def get_kuzushiji_mnist(withlabel: bool = True, ndim: int = 1, scale: float = 1., dtype: DTypeLike | None = None,
                        label_dtype: DTypeLike = np.int32, rgb_format: bool = False) -> tuple[Any, Any]:
    """Kuzushiji-MNIST: 60,000 handwritten Japanese characters to train with and 10,000 to test.

    The four files are looked for in the directory ``kuzushiji-mnist`` under `get_dataset_root`, and downloaded into it
    if they are not there. `get_kuzushiji_mnist_labels` names the classes.

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

    Reference: T. Clanuwat, M. Bober-Irizar, A. Kitamoto, A. Lamb, K. Yamamoto, D. Ha, `Deep learning for classical
    Japanese literature <https://arxiv.org/abs/1812.01718>`_, 2018.
    """
    return load_parts('get_kuzushiji_mnist', 'kuzushiji-mnist', _KUZUSHIJI_MNIST, withlabel, ndim, scale, dtype,
                      label_dtype, rgb_format)


def get_kuzushiji_mnist_labels() -> list[tuple[str, str]]:
    """The classes of Kuzushiji-MNIST: pairs of a syllable's name and its hiragana."""
    return list(zip(['o', 'ki', 'su', 'tsu', 'na', 'ha', 'ma', 'ya', 're', 'wo'], 'おきすつなはまやれを'))
