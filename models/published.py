"""Loading weights that somebody has published into a network of the zoo, whatever wrote them."""
from __future__ import annotations

import zipfile
from pathlib import Path

from autograd_nn import serializers
from autograd_nn.link import Link
from autograd_nn.models.classification.torch_names import TORCH_NAMES
from autograd_nn.models.detection.darknet_weights import create_from_darknet
from autograd_nn.serializers.matching import LoadReport, load_arrays
from autograd_nn.serializers.npz import DictionarySerializer
from autograd_nn.types import PathLike

SUFFIXES = {'.caffemodel': 'caffe', '.weights': 'darknet'}
"""The formats that the ends of names say."""


def find_format(path: PathLike) -> str:
    """What has written a file of weights.

    Args:
        path: The file.

    Returns:
        ``'caffe'`` or ``'darknet'``, which its name says; or what its first bytes say: ``'torch'`` for a file of
        PyTorch or a safetensors file; ``'npz'`` for all others.

    Raises:
        OSError: It cannot be read.
    """
    with Path(path).open('rb') as file:
        start = file.read(9)
        if Path(path).suffix in SUFFIXES:
            return SUFFIXES[Path(path).suffix]
        # A pickle, as PyTorch wrote them before version 1.6; safetensors, whose header is JSON.
        if start[:1] == b'\x80' or start[8:] == b'{':
            return 'torch'
        try:
            names = zipfile.ZipFile(file).namelist() if start[:2] == b'PK' else []
        except zipfile.BadZipFile:
            names = []
        return 'torch' if any(name.endswith('/data.pkl') for name in names) else 'npz'


def load_published(path: PathLike, network: Link, name: str) -> LoadReport:
    """Loads from a file of weights what fits a network of the zoo, and leaves the rest of the network as it is.

    Args:
        path: The file: an ``.npz`` of Chainer or of this framework; a file of PyTorch or a safetensors file, with the
            names that `TORCH_NAMES` has for the network, or else its own; a ``.caffemodel``, if `CAFFE_NAMES` has the
            network; Darknet's ``.weights``, if `DARKNET_NETWORKS` has it.
        network: The network, whose shapes are settled, as by a first call. It stays as it is if an error is raised.
        name: Its name in the zoo.

    Returns:
        What has been loaded, and what not, such as a classifier for other classes.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is damaged, or holds the weights of another network.

    Example:
        >>> import numpy as np
        >>> from autograd_nn import models, serializers
        >>> import tempfile
        >>> published, network = (models.create('deep_convnet', num_classes=count) for count in (10, 3))
        >>> for model in published, network:
        ...     _ = model(np.zeros((1, 1, 28, 28), 'f'))
        >>> with tempfile.NamedTemporaryFile(suffix='.npz') as file:
        ...     serializers.save_npz(file, published)
        ...     print(models.load_published(file.name, network, 'deep_convnet'))
        loaded 14 of 16 arrays (123,042 numbers)
        not loaded, of another shape: fc8/W (3, 50) (in the file (10, 50)), fc8/b (3,) (in the file (10,))
    """
    kind = find_format(path)
    if kind == 'torch':
        try:
            return serializers.load_state_dict(path, network, TORCH_NAMES.get(name))
        except ValueError as error:
            raise ValueError(f'{path} does not fit {name}: {error}') from error
    if kind == 'npz':
        return serializers.load_matching(path, network)
    arrays = DictionarySerializer()
    if kind == 'darknet':
        arrays.save(create_from_darknet(path, name))
    else:
        from autograd_nn.models.classification.caffe_weights import create_from_caffemodel  # it needs protobuf

        arrays.save(create_from_caffemodel(path, name))
    return load_arrays(arrays.target, network)
