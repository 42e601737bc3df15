"""YOLOv2 on Darknet-19, and its small sister."""
from __future__ import annotations

from typing import Any

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import initializers
from autograd_nn.link import Link
from autograd_nn.models.classification.darknet import add_darknet19, darknet_conv, scaled
from autograd_nn.models.detection.yolo import YOLO, Outputs
from autograd_nn.models.detection.yolo_losses import YOLOv2Loss
from autograd_nn.models.layers.blocks import StagedChain, max_pooling
from autograd_nn.models.recipes import NORMALIZED
from autograd_nn.models.registry import register
from autograd_nn.sequential import run_layers
from autograd_nn.types import Array, ArrayLike
from autograd_nn.variable import Variable

STEP = 32
# (height, width) in pixels, from k-means: those of Darknet's files times 32.
VOC_ANCHORS = tuple((32 * h, 32 * w) for h, w in (
    (1.73145, 1.3221), (4.00944, 3.19275), (8.09892, 5.05587), (4.84053, 9.47112), (10.0071, 11.2364)))
COCO_ANCHORS = tuple((32 * h, 32 * w) for h, w in (
    (0.677385, 0.57273), (2.06253, 1.87446), (5.47434, 3.33843), (3.52778, 7.88282), (9.16828, 9.77052)))
TINY_VOC_ANCHORS = tuple((32 * h, 32 * w) for h, w in (
    (1.19, 1.08), (4.41, 3.42), (11.38, 6.63), (5.11, 9.42), (10.52, 16.62)))


class Darknet19Extractor(StagedChain):
    """The convolutions of Darknet-19, and four more, of which the last sees finer features, too (the passthrough).

    Args:
        width: By what to multiply the numbers of channels.
    """

    def __init__(self, width: float = 1) -> None:
        super().__init__()
        add_darknet19(self, width=width)
        channels = scaled(1024, width)
        self.add_stage('18', darknet_conv(channels, 3))
        self.add_stage('19', darknet_conv(channels, 3))
        self.add_stage('20', darknet_conv(scaled(64, width), 1), branch=True)
        self.add_stage('21', darknet_conv(channels, 3))

    def forward(self, x: ArrayLike) -> Variable:
        """Computes a feature map of 1/32 of the height and width of pictures (N, 3, H, W)."""
        h: Any = x
        fine = h
        for name, layers in self.functions.items():
            if name == '20':
                h = F.concat([reorganize(run_layers(layers, fine)), h])
            else:
                h = run_layers(layers, h)
            if name == '12':
                fine = h
        return h


class DarknetExtractor(StagedChain):
    """The eight convolutions of Darknet's small reference network for detection.

    Args:
        width: By what to multiply the numbers of channels.
    """

    def __init__(self, width: float = 1) -> None:
        super().__init__()
        for k in range(8):
            self.add_stage(str(k), darknet_conv(scaled(16 << min(k, 6), width), 3))
            if k < 6:
                self.add_stage(f'pool{k}', max_pooling(2) if k < 5 else _pool_to_the_right)


def _pool_to_the_right(x: Variable) -> Variable:
    """The maximum of each pixel and its neighbours to the right, below, and both."""
    return F.max_pooling_2d(x, 2, stride=1, pad=1)[:, :, 1:, 1:]


def reorganize(x: Variable) -> Variable:
    """Halves height and width and makes four channels of one, as Darknet's layer ``reorg`` does.

    Darknet takes the memory of C channels for that of C / 4 channels of twice the height and width, and takes every
    second pixel of those; the published weights have learned to live with that.

    Args:
        x: Shape (N, C, H, W), with C a multiple of 4 and H and W of 2.

    Returns:
        Shape (N, 4 * C, H / 2, W / 2).
    """
    n, channels, height, width = x.shape
    x = F.reshape(x, (n, channels // 4, height, 2, width, 2))
    return F.reshape(F.transpose(x, (0, 3, 5, 1, 2, 4)), (n, 4 * channels, height // 2, width // 2))


class YOLOv2Base(YOLO):
    """What YOLOv2 and its small sister have in common: one feature map, and classes that exclude each other.

    Args:
        extractor: What computes the feature map.
        num_classes: The number of classes.
        insize: The height and width of its pictures, in pixels; a multiple of 32.
        anchors: (height, width) of its anchors in pixels.

    Raises:
        ValueError: `insize` is no multiple of 32.
    """

    lossfun = YOLOv2Loss()

    def __init__(self, extractor: StagedChain, num_classes: int, insize: int,
                 anchors: tuple[tuple[float, float], ...]) -> None:
        super().__init__(num_classes, insize, [STEP], [anchors])
        with self.init_scope():
            self.extractor = extractor
            self.subnet = L.Convolution2D(None, len(anchors) * (5 + num_classes), 1, initialW=initializers.Normal(0.01))

    def forward(self, x: ArrayLike) -> Outputs:
        """Computes locations, objectness and classes (see `YOLOv2`) of pictures (N, 3, insize, insize)."""
        self._check_input(x)
        return self._split([self.subnet(self.extractor(x))])

    def _probabilities(self, confs: Array) -> Any:
        return F.softmax(confs).array

    def darknet_layers(self) -> list[Link]:
        """See `YOLO.darknet_layers`."""
        return [*self.extractor.children(), self.subnet]


@register('yolov2', input_shape=(3, 416, 416), task='detection', recipe=NORMALIZED)
class YOLOv2(YOLOv2Base):
    """YOLOv2: anchors on Darknet-19, with a passthrough of finer features.

    50,962,889 parameters for the 80 classes of COCO. Called with pictures of shape (N, 3, insize, insize), prepared as
    `prepare` does it, it returns for each of K pairs of a cell and an anchor the location (N, K, 4), the objectness
    before the logistic function (N, K) and the classes before softmax (N, K, n_fg_class). Parameter paths and presets
    are those of ChainerCV's ``YOLOv2``. Reference: J. Redmon, A. Farhadi, YOLO9000: Better, Faster, Stronger, 2016,
    https://arxiv.org/abs/1612.08242.

    Args:
        num_classes: The number of classes.
        insize: The height and width of its pictures, in pixels; a multiple of 32.
        width: By what to multiply the numbers of channels.
        anchors: (height, width) of its anchors in pixels; by default those of COCO, or, for 20 classes, of VOC.

    Raises:
        ValueError: `insize` is no multiple of 32.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import YOLOv2
        >>> model = YOLOv2(num_classes=2, insize=64, width=0.125)
        >>> [y.shape for y in model(np.zeros((1, 3, 64, 64), 'f'))]
        [(1, 20, 4), (1, 20), (1, 20, 2)]
    """

    def __init__(self, num_classes: int = 80, insize: int = 416, width: float = 1,
                 anchors: tuple[tuple[float, float], ...] | None = None) -> None:
        usual = VOC_ANCHORS if num_classes == 20 else COCO_ANCHORS
        super().__init__(Darknet19Extractor(width), num_classes, insize, usual if anchors is None else anchors)


@register('yolov2_tiny', input_shape=(3, 416, 416), task='detection', recipe=NORMALIZED)
class YOLOv2Tiny(YOLOv2Base):
    """YOLOv2 on a network of nine convolutions: fast, and less exact.

    15,861,773 parameters for the 20 classes of VOC. It is called as `YOLOv2` is; parameter paths and presets are those
    of ChainerCV's ``YOLOv2Tiny``. Reference: see `YOLOv2`; Darknet's ``yolov2-tiny-voc.cfg``.

    Args:
        num_classes: The number of classes.
        insize: The height and width of its pictures, in pixels; a multiple of 32.
        width: By what to multiply the numbers of channels.
        anchors: (height, width) of its anchors in pixels.

    Raises:
        ValueError: `insize` is no multiple of 32.
    """

    def __init__(self, num_classes: int = 20, insize: int = 416, width: float = 1,
                 anchors: tuple[tuple[float, float], ...] = TINY_VOC_ANCHORS) -> None:
        super().__init__(DarknetExtractor(width), num_classes, insize, anchors)
