"""The networks of fast style transfer and super-resolution, by what is to be done and by a file of weights."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from autograd_nn import models, serializers
from autograd_nn.training.run_folder import path_of_network, read_config


def make_network(factor: int, normalization: str) -> models.PictureTransformer:
    """Makes a network with fresh weights.

    Args:
        factor: How much larger its results are: 1 for style transfer, 4 or 8 for super-resolution.
        normalization: ``'batch'`` or ``'instance'``.
    """
    if factor == 1:
        return models.FastStyleNet(normalization)
    return models.SuperResolutionNet(factor, normalization)


def load_network(path: Path, normalization: str | None) -> models.PictureTransformer:
    """Makes the network that a file has the weights of.

    Args:
        path: ``model.npz`` or ``snapshot.npz`` of a run, or a ``.model`` file of the program for Chainer.
        normalization: How it normalizes; None for what the run's configuration says, or else ``'instance'``.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is damaged, or has the weights of another kind of network.
    """
    prefix = path_of_network(path)
    with np.load(path, allow_pickle=False) as arrays:
        names = {name.removeprefix(prefix) for name in arrays.files}
    doublings = sum(f'd{i}/W' in names for i in range(1, 5)) - 1
    if 'c1/W' not in names or doublings not in (2, 3):
        raise ValueError(f'{path} does not have the weights of a network that transforms pictures')
    if normalization is None:
        normalization = 'instance'
        if (path.parent / 'config.json').is_file():
            saved: dict[str, Any] = read_config(path.parent).get('arguments', {})
            normalization = saved.get('normalization', normalization)
    network = make_network(1 if 'c2/W' in names else 2 ** doublings, normalization)
    serializers.load_npz(path, network, prefix)
    return network
