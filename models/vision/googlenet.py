"""Chainer's GoogLeNet."""
from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

import autograd_nn.functions as F
from autograd_nn.models.classification import googlenet
from autograd_nn.models.vision import pretrained
from autograd_nn.types import PathLike


def prepare(image: Any, size: int | tuple[int, int] | None = (224, 224)) -> np.ndarray:
    """Turns a picture into the array that the network expects (see `pretrained.prepare`)."""
    return pretrained.prepare(googlenet.GoogLeNet.preprocessing, image, size)


class GoogLeNet(pretrained.PretrainedLayers, googlenet.GoogLeNet):
    """GoogLeNet, by default with the weights of Caffe's authors (see `models.GoogLeNet`).

    Args:
        pretrained_model: A file of weights: ``.npz`` of Chainer or of this framework, or the published
            ``.caffemodel``. ``'auto'`` takes ``bvlc_googlenet`` of one of these kinds from ``pfnet/chainer/models``
            under ``dataset.get_dataset_root()``. None for weights that are yet to be trained.

    Raises:
        OSError: There is no such file; the message says where it comes from.
        ValueError: It is damaged, or does not fit.
    """

    published = pretrained.Published('googlenet', 'bvlc_googlenet',
                                     'https://github.com/BVLC/caffe/tree/master/models/bvlc_googlenet')

    def __init__(self, pretrained_model: PathLike | None = 'auto') -> None:
        super().__init__()
        # As in Chainer, features have four axes here.
        self._stages = {**self._stages, 'pool5': [partial(F.mean, axis=(2, 3), keepdims=True)]}
        self.load_pretrained(pretrained_model)
