"""Fully convolutional networks: VGG whose classifier slides over the picture."""
from __future__ import annotations

from typing import Any

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import initializers
from autograd_nn.models.classification.vgg import CONVOLUTIONS, VGG
from autograd_nn.models.layers.blocks import he_convolution, pixel_convolution
from autograd_nn.models.preprocessing import CAFFE, TORCHVISION
from autograd_nn.models.recipes import Recipe
from autograd_nn.models.registry import register
from autograd_nn.models.segmentation.segmentation_network import SegmentationNetwork
from autograd_nn.variable import Variable

STRIDES = 32, 16, 8, 4, 2, 1
# What has scores of its own, from coarse to fine, and what enlarges the scores so far before these are added.
SKIPS = 'pool4', 'pool3', 'conv3', 'conv2', 'conv1'
UPSCORES = 'upscore2', *(f'upscore_{skip}' for skip in SKIPS)
_RECIPE = Recipe(lr=0.0001, warmup=0.1, clip=1., batch_size=4)


@register('fcn32s', (3, 224, 224), 'segmentation', _RECIPE, stride=32)
@register('fcn16s', (3, 224, 224), 'segmentation', _RECIPE, stride=16)
@register('fcn8s', (3, 224, 224), 'segmentation', _RECIPE, stride=8)
@register('fcn_small', (3, 96, 96), 'segmentation', Recipe(lr=0.003, warmup=0.1, epochs=10, batch_size=8), stride=1,
          n_layers=16, width=16, hidden=128, batch_normalization=True, same=True)
class FCN(SegmentationNetwork):
    """FCN: VGG with convolutions for its fully connected layers, whose scores are enlarged to the size of the picture.

    For 21 classes 136,152,917 parameters with a stride of 32, 134,815,994 with 16, 134,489,759 with 8. Reference:
    J. Long, E. Shelhamer, T. Darrell, Fully Convolutional Networks for Semantic Segmentation, 2014,
    https://arxiv.org/abs/1411.4038. Names of layers are those of the authors' networks for Caffe.

    Transposed convolutions enlarge; they begin as bilinear interpolation. A stride of less than 32 adds the scores of
    earlier, larger features on the way: of the fourth and the third pooling, as in the paper; then of the last
    convolution before each of the first three, which has seen most of all features of its size.

    Args:
        num_classes: The number of classes, with the background.
        stride: The distance of the finest scores, in pixels: 32, 16 or 8 as in the paper, or 4, 2 or 1.
        n_layers: The number of layers of the VGG: 11, 13, 16 or 19.
        width: The channels of the first convolution: 64 in VGG.
        hidden: The channels of the layers that were fully connected.
        batch_normalization: Whether batch normalization follows each convolution before these.
        same: Whether features have the picture's place, with no more zeros around than convolutions need. False for
            the authors' margin of 100 pixels, which their weights expect, and which costs a multiple of the time where
            pictures are small.

    Raises:
        ValueError: There is no such network.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import FCN
        >>> FCN(num_classes=3, width=4, hidden=16)(np.zeros((1, 3, 40, 50), 'f')).shape
        (1, 3, 40, 50)
    """

    preprocessing = CAFFE

    def __init__(self, num_classes: int = 21, stride: int = 8, n_layers: int = 16, width: int = 64, hidden: int = 4096,
                 batch_normalization: bool = False, same: bool = False) -> None:
        if stride not in STRIDES or n_layers not in CONVOLUTIONS:
            raise ValueError(f'FCN: expected a stride of {", ".join(map(str, STRIDES))} and n_layers of '
                             f'{", ".join(map(str, CONVOLUTIONS))}; got {stride} and {n_layers}')
        super().__init__(num_classes)
        self.stride = stride
        self.same = same
        self.multiple = 32 if same else 1
        if batch_normalization:
            self.preprocessing = TORCHVISION
        for i, count in enumerate(CONVOLUTIONS[n_layers], start=1):
            layers: dict[str, Any] = {}
            for j in range(1, count + 1):
                convolution = pixel_convolution if i == j == 1 and not batch_normalization else he_convolution
                layers[f'conv{i}_{j}'] = convolution(min(width << i - 1, 8 * width), 3,
                                                     pad=1 if same or i > 1 or j > 1 else 100)
                if batch_normalization:
                    layers[f'bn{i}_{j}'] = L.BatchNormalization(min(width << i - 1, 8 * width))
                layers[f'relu{j}'] = F.relu
            self.add_stage(f'conv{i}', **layers)
        self.add_stage('fc7', fc6=he_convolution(hidden, 7, pad=3 * same), relu6=F.relu, drop6=F.dropout,
                       fc7=he_convolution(hidden, 1), relu7=F.relu, drop7=F.dropout)
        self._add_scores()

    def _add_scores(self) -> None:
        """The layers behind the VGG: scores of features, and what enlarges them."""
        zero = initializers.Zero()
        self.add_link('score_fr', L.Convolution2D(None, self.num_classes, 1, initialW=zero))
        for upscore, skip in zip(UPSCORES, self._skips):
            self.add_link(upscore, self._deconvolution(2))
            self.add_link(f'score_{skip}', L.Convolution2D(None, self.num_classes, 1, initialW=zero))
        if self.stride > 1:
            self.add_link(self._last, self._deconvolution(self.stride))

    def _deconvolution(self, factor: int) -> L.Deconvolution2D:
        return L.Deconvolution2D(self.num_classes, self.num_classes, 2 * factor, factor,
                                 factor // 2 if self.same else 0, nobias=True,
                                 initialW=initializers.UpsamplingDeconvFilter())

    @property
    def _skips(self) -> tuple[str, ...]:
        """The features whose scores are added, in this order."""
        return SKIPS[:STRIDES.index(self.stride)]

    @property
    def _last(self) -> str:
        if self.stride >= 8:  # the authors' networks
            return 'upscore' if self.stride == 32 else f'upscore{self.stride}'
        return UPSCORES[len(self._skips)]

    def compute_scores(self, x: Variable) -> Variable:
        features = {}
        for i in range(1, 6):
            features[f'conv{i}'] = self.run_stage(f'conv{i}', x)
            x = features[f'pool{i}'] = F.max_pooling_2d(features[f'conv{i}'], 2)
        # Without padding, fc6 leaves out three positions on each side, and each enlargement adds half a step.
        start = 0 if self.same else 3
        y = self['score_fr'](self.run_stage('fc7', x))
        for upscore, skip in zip(UPSCORES, self._skips):
            y = self[upscore](y)
            start = max(2 * start - 1, 0)
            y = y + _part(self[f'score_{skip}'](features[skip]), start, y.shape[2:])
        if self.stride > 1:
            y = self[self._last](y)
        return y if self.same else y[:, :, (first := self.stride // 2 + 99 - self.stride * start):, first:]

    def load_classifier(self, network: VGG) -> None:
        """Takes over the layers of a VGG that has learnt to classify, all but its last one.

        Args:
            network: A VGG of as many layers, for pictures of 224 x 224 pixels.

        Raises:
            ValueError: It is another network.
        """
        sources = dict(network.namedparams())
        own = {path: param for path, param in self.namedparams() if path.startswith(('/conv', '/bn', '/fc'))}
        missing = [path for path in own if path not in sources or sources[path].array is None]
        if missing:
            raise ValueError(f'load_classifier: expected a VGG with parameters {", ".join(own)}; it has no '
                             f'{", ".join(missing)} (or has not been called)')
        for path, param in own.items():
            array = sources[path].array
            shape = param.shape if param.array is not None else None
            if path.startswith('/fc') and path.endswith('/W'):
                array = array.reshape(len(array), -1, *([7, 7] if 'fc6' in path else [1, 1]))
            if shape is not None and array.shape != shape:
                raise ValueError(f'load_classifier: expected {path} of shape {shape}, got {array.shape}')
            param.array = self.device.send(array.copy())


def _part(x: Variable, start: int, size: tuple[int, ...]) -> Variable:
    """Features from a row and column on, of a height and width."""
    if not start and x.shape[2:] == size:
        return x
    return x[:, :, start:start + size[0], start:start + size[1]]
