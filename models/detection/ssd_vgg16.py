"""SSD300 and SSD512: single shot detectors on VGG-16."""
from __future__ import annotations

from typing import Any, NamedTuple

import autograd_nn.functions as F
from autograd_nn.link import Link
from autograd_nn.models.classification.vgg import CONVOLUTIONS
from autograd_nn.models.detection.multibox import Multibox
from autograd_nn.models.detection.ssd import SSD, Extractor
from autograd_nn.models.layers.blocks import he_convolution, max_pooling, pixel_convolution
from autograd_nn.models.recipes import PLAIN
from autograd_nn.models.registry import register
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Parameter, Variable

# The mean of ImageNet's pixels: red, green, blue.
MEAN = 123., 117., 104.


class Layout(NamedTuple):
    """What depends on the size of the images.

    Attributes:
        grids: The height and width of each feature map.
        aspect_ratios: The ratios of sides of the default boxes there.
        steps: The distances of neighbouring default boxes in pixels.
        sizes: The sizes of default boxes in pixels, and one more.
        extra: The layers behind VGG's, in pairs of 1 x 1 convolutions and others: the numbers of output channels of
            both, and the filter size, stride and padding of the second.
    """

    grids: tuple[int, ...]
    aspect_ratios: tuple[tuple[int, ...], ...]
    steps: tuple[int, ...]
    sizes: tuple[float, ...]
    extra: tuple[tuple[int, int, int, int, int], ...]


LAYOUTS = {
    300: Layout((38, 19, 10, 5, 3, 1), ((2,), (2, 3), (2, 3), (2, 3), (2,), (2,)), (8, 16, 32, 64, 100, 300),
                (30, 60, 111, 162, 213, 264, 315),
                ((256, 512, 3, 2, 1), (128, 256, 3, 2, 1), (128, 256, 3, 1, 0), (128, 256, 3, 1, 0))),
    512: Layout((64, 32, 16, 8, 4, 2, 1), ((2,), (2, 3), (2, 3), (2, 3), (2, 3), (2,), (2,)),
                (8, 16, 32, 64, 128, 256, 512), (35.84, 76.8, 153.6, 230.4, 307.2, 384.0, 460.8, 537.6),
                ((256, 512, 3, 2, 1), (128, 256, 3, 2, 1), (128, 256, 3, 2, 1), (128, 256, 3, 2, 1),
                 (128, 256, 4, 1, 1))),
}


class Normalize(Link):
    """Divides the vector of channels at each position by its length, then multiplies each channel by a factor.

    Reference: W. Liu, A. Rabinovich, A. C. Berg, ParseNet: Looking Wider to See Better, 2015,
    https://arxiv.org/abs/1506.04579.

    Args:
        n_channel: The number of channels.
        initial: The initial factors.
        eps: Added to the length.
    """

    def __init__(self, n_channel: int, initial: Any = 0, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        with self.init_scope():
            self.scale = Parameter(initial, n_channel)

    def forward(self, x: ArrayLike) -> Variable:
        """Applies the layer to an input of shape (N, C, H, W)."""
        x = F.normalize(x, eps=self.eps, axis=1)
        return x * F.broadcast_to(self.scale[:, None, None], x.shape)


class VGG16Extractor(Extractor):
    """VGG-16 without its classifier, as SSD has it, and smaller and smaller feature maps behind it.

    The large layers fc6 and fc7 have become convolutions, the first with holes, so that its filters see as much as
    before; the fifth pooling keeps the size of its input. Paths of parameters are those of ChainerCV's
    ``VGG16Extractor300`` and ``VGG16Extractor512``.

    Args:
        insize: 300 or 512.
    """

    def __init__(self, insize: int) -> None:
        layout = LAYOUTS[insize]
        last = [f'conv{i}_2' for i in range(8, 8 + len(layout.extra))]
        super().__init__(insize, layout.grids, ['conv7', *last])
        for i, (count, channels) in enumerate(zip(CONVOLUTIONS[16], (64, 128, 256, 512, 512)), start=1):
            for j in range(1, count + 1):
                conv = pixel_convolution if i == j == 1 else he_convolution
                self.add_stage(f'conv{i}_{j}', conv(channels, 3, pad=1), F.relu)
            if i == 4:
                self.add_stage('norm4', Normalize(channels, initial=20), branch=True)
            self.add_stage(f'pool{i}', max_pooling(2) if i < 5 else max_pooling(3, 1, 1))
        self.add_stage('conv6', he_convolution(1024, 3, pad=6, dilate=6), F.relu)
        self.add_stage('conv7', he_convolution(1024, 1), F.relu)
        for i, (squeezed, channels, ksize, stride, pad) in enumerate(layout.extra, start=8):
            self.add_stage(f'conv{i}_1', he_convolution(squeezed, 1), F.relu)
            self.add_stage(f'conv{i}_2', he_convolution(channels, ksize, stride, pad), F.relu)


class SSDVGG16(SSD):
    """A single shot multibox detector on VGG-16 (see `SSD`).

    Args:
        num_classes: The number of classes, without background.
        insize: 300 or 512.
    """

    def __init__(self, num_classes: int, insize: int) -> None:
        layout = LAYOUTS[insize]
        super().__init__(VGG16Extractor(insize), Multibox(num_classes + 1, layout.aspect_ratios), layout.steps,
                         layout.sizes, mean=MEAN)


@register('ssd300', input_shape=(3, 300, 300), task='detection', recipe=PLAIN)
class SSD300(SSDVGG16):
    """SSD300: a single shot detector with 8,732 default boxes on images of 300 x 300 pixels.

    26,285,486 parameters for 20 classes, whose paths are those of ChainerCV's ``SSD300``, so that its files load.
    Reference: W. Liu et al., SSD: Single Shot MultiBox Detector, 2016, https://arxiv.org/abs/1512.02325.

    Args:
        num_classes: The number of classes, without background.
    """

    def __init__(self, num_classes: int = 20) -> None:
        super().__init__(num_classes, 300)


@register('ssd512', input_shape=(3, 512, 512), task='detection', recipe=PLAIN)
class SSD512(SSDVGG16):
    """SSD512: a single shot detector with 24,564 default boxes on images of 512 x 512 pixels.

    27,188,676 parameters for 20 classes, whose paths are those of ChainerCV's ``SSD512``, so that its files load.
    Reference: W. Liu et al., SSD: Single Shot MultiBox Detector, 2016, https://arxiv.org/abs/1512.02325.

    Args:
        num_classes: The number of classes, without background.
    """

    def __init__(self, num_classes: int = 20) -> None:
        super().__init__(num_classes, 512)
