"""SegNet: what pooling made smaller, its own indices make larger again."""
from __future__ import annotations

from typing import Any

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import initializers
from autograd_nn.models.classification.vgg import CONVOLUTIONS
from autograd_nn.models.layers.blocks import he_convolution
from autograd_nn.models.preprocessing import TORCHVISION, Preprocessing
from autograd_nn.models.recipes import Recipe
from autograd_nn.models.registry import register
from autograd_nn.models.segmentation.segmentation_network import SegmentationNetwork
from autograd_nn.variable import Variable

_RECIPE = Recipe(lr=0.001, warmup=0.1, batch_size=8)
_SMALL = Recipe(lr=0.003, warmup=0.1, epochs=10, batch_size=8)


@register('segnet_basic', (3, 360, 480), 'segmentation', _RECIPE)
@register('segnet_basic_small', (3, 96, 96), 'segmentation', _SMALL, width=32, levels=3, growth=2, ksize=5,
          decoder_relu=True, centered=True)
class SegNetBasic(SegmentationNetwork):
    """SegNet-Basic: four convolutions with pooling, and four that lead back over its indices.

    1,416,075 parameters for 11 classes. The paths of the parameters are those of ChainerCV's ``SegNetBasic``, whose
    files load; like there, pictures are red, green and blue from 0 to 255. Reference: V. Badrinarayanan, A. Kendall,
    R. Cipolla, SegNet: A Deep Convolutional Encoder-Decoder Architecture for Image Segmentation, 2015,
    https://arxiv.org/abs/1511.00561, section 3.3.

    Args:
        num_classes: The number of classes.
        width: The channels of the first convolution.
        levels: How often the size is halved; each time is a convolution there and one back.
        growth: How many times as many channels each level has as the one before.
        ksize: The height and width of the filters, an odd number.
        decoder_relu: Whether rectifiers follow the convolutions back, too, as in the larger SegNet.
        centered: Whether the means of the channels are subtracted from pictures, and their deviations divided by. What
            is bright throughout drowns the differences between pixels: without, learning takes twice as long, but that
            is what files of ChainerCV expect.

    Raises:
        ValueError: `ksize` is not odd.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import SegNetBasic
        >>> SegNetBasic(num_classes=3, width=4)(np.zeros((1, 3, 40, 50), 'f')).shape
        (1, 3, 40, 50)
    """

    preprocessing = Preprocessing()

    def __init__(self, num_classes: int = 11, width: int = 64, levels: int = 4, growth: int = 1, ksize: int = 7,
                 decoder_relu: bool = False, centered: bool = False) -> None:
        super().__init__(num_classes)
        if centered:
            self.preprocessing = TORCHVISION
        if ksize < 1 or ksize % 2 == 0:
            raise ValueError(f'SegNetBasic: ksize must be odd, got {ksize}')
        self.levels, self.multiple = levels, 2 ** levels
        channels = [width * growth ** i for i in range(levels)]
        for i in range(levels):
            self._add_convolution(f'conv{i + 1}', channels[i], ksize, relu=True)
        for i in reversed(range(levels)):
            self._add_convolution(f'conv_decode{i + 1}', channels[max(i - 1, 0)], ksize, relu=decoder_relu)
        self.add_stage('conv_classifier', he_convolution(num_classes, 1))

    def _add_convolution(self, name: str, channels: int, ksize: int, relu: bool) -> None:
        layers: dict[str, Any] = {f'{name}_bn': L.BatchNormalization(channels, initial_beta=0.001)}
        if relu:
            layers['relu'] = F.relu
        self.add_stage(name, he_convolution(channels, ksize, pad=ksize // 2, nobias=True), **layers)

    def compute_scores(self, x: Variable) -> Variable:
        x = F.local_response_normalization(x, n=5, k=1, alpha=1e-4 / 5, beta=0.75)
        found = []
        for i in range(1, self.levels + 1):
            x, indices = F.max_pooling_2d(self.run_stage(f'conv{i}', x), 2, return_indices=True)
            found.append(indices)
        for i in range(self.levels, 0, -1):
            x = self.run_stage(f'conv_decode{i}', _enlarge(x, found.pop()))
        return self.run_stage('conv_classifier', x)


@register('segnet', (3, 224, 224), 'segmentation', _RECIPE)
@register('segnet_small', (3, 96, 96), 'segmentation', _SMALL, width=24, levels=3)
class SegNet(SegmentationNetwork):
    """SegNet: the convolutions of a VGG of 16 layers, and their mirror image, which leads back over pooling's indices.

    29,449,355 parameters for 11 classes (29.45 million in the paper's table 6). Reference: V. Badrinarayanan,
    A. Kendall, R. Cipolla, SegNet: A Deep Convolutional Encoder-Decoder Architecture for Image Segmentation, 2015,
    https://arxiv.org/abs/1511.00561. Names of layers are those of the authors' network for Caffe.

    Args:
        num_classes: The number of classes.
        width: The channels of the first convolution: 64 in VGG.
        levels: How often the size is halved: 5 times in VGG.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import SegNet
        >>> SegNet(num_classes=3, width=4)(np.zeros((1, 3, 40, 50), 'f')).shape
        (1, 3, 40, 50)
    """

    preprocessing = TORCHVISION

    def __init__(self, num_classes: int = 11, width: int = 64, levels: int = 5) -> None:
        super().__init__(num_classes)
        self.levels, self.multiple = levels, 2 ** levels
        counts = CONVOLUTIONS[16][:levels]
        channels = [min(width << i, 8 * width) for i in range(levels)]
        for i, count in enumerate(counts):
            self._add_block(f'pool{i + 1}', [(f'conv{i + 1}_{j}', channels[i]) for j in range(1, count + 1)])
        for i in reversed(range(levels)):
            outputs = [channels[i]] * (counts[i] - 1) + [channels[max(i - 1, 0)]]
            names = [f'conv{i + 1}_{j}_D' for j in range(counts[i], 0, -1)]
            if not i:
                outputs, names = outputs[:-1], names[:-1]
            self._add_block(f'unpool{i + 1}', list(zip(names, outputs)))
        self.add_stage('scores', conv1_1_D=L.Convolution2D(width, num_classes, 3, pad=1,
                                                           initialW=initializers.HeNormal()))

    def _add_block(self, stage: str, convolutions: list[tuple[str, int]]) -> None:
        layers: dict[str, Any] = {}
        for name, channels in convolutions:
            layers |= {name: he_convolution(channels, 3, pad=1), f'{name}_bn': L.BatchNormalization(channels),
                       f'{name}_relu': F.relu}
        self.add_stage(stage, **layers)

    def compute_scores(self, x: Variable) -> Variable:
        found = []
        for i in range(1, self.levels + 1):
            x, indices = F.max_pooling_2d(self.run_stage(f'pool{i}', x), 2, return_indices=True)
            found.append(indices)
        for i in range(self.levels, 0, -1):
            x = self.run_stage(f'unpool{i}', _enlarge(x, found.pop()))
        return self.run_stage('scores', x)


def _enlarge(x: Variable, indices: Any) -> Variable:
    """Puts each pixel where the maximum was among the four that pooling took it from."""
    return F.upsampling_2d(x, indices, 2, outsize=(2 * x.shape[2], 2 * x.shape[3]))
