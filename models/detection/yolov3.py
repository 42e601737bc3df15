"""YOLOv3 on Darknet-53."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import initializers
from autograd_nn.link import ChainList, Link
from autograd_nn.models.classification.darknet import DEPTHS_53, add_darknet53, darknet_conv, scaled
from autograd_nn.models.detection.yolo import YOLO, Anchors, Outputs
from autograd_nn.models.detection.yolo_losses import YOLOv3Loss
from autograd_nn.models.layers.blocks import StagedChain
from autograd_nn.models.recipes import NORMALIZED, Recipe
from autograd_nn.models.registry import register
from autograd_nn.sequential import Sequential, run_layers
from autograd_nn.types import Array, ArrayLike
from autograd_nn.variable import Variable

STEPS = 32, 16, 8
# How probable an object is before training. Reference: T.-Y. Lin et al., Focal Loss for Dense Object Detection, 2017,
# https://arxiv.org/abs/1708.02002, section 4.1.
PRIOR = 0.01
# (height, width) in pixels, from k-means over the boxes of COCO.
COCO_ANCHORS = (((90, 116), (198, 156), (326, 373)), ((61, 30), (45, 62), (119, 59)), ((13, 10), (30, 16), (23, 33)))
# The same for 96 x 96 pixels, from k-means over the boxes of `datasets.DigitScenes`.
DIGIT_ANCHORS = (((40, 37), (40, 30), (35, 23)), ((27, 28), (26, 20), (23, 15)), ((18, 17), (29, 8), (18, 11)))

DIGIT_DETECTOR = Recipe(lr=0.003, warmup=0.2, batch_size=16, epochs=15)


class Darknet53Extractor(StagedChain):
    """Darknet-53, and the layers that make feature maps for three sizes of cells from what it computes.

    Args:
        depths: The numbers of residual blocks for each size of the picture.
        width: By what to multiply the numbers of channels.
    """

    def __init__(self, depths: Sequence[int] = DEPTHS_53, width: float = 1) -> None:
        super().__init__()
        add_darknet53(self, tuple(depths), width)
        # The last blocks in front of the last two halvings.
        self._laterals = [str(sum(depths[:k]) + k) for k in (4, 3)]
        self._ends: list[str] = []
        self._joints: list[str] = []
        for channels in (scaled(n, width) for n in (512, 256, 128)):
            if self._ends:
                self._joints.append(self._append(channels, 1))
            for i in range(5):
                last = self._append(channels * (1 + i % 2), 1 + 2 * (i % 2))
            self._ends.append(last)

    def _append(self, channels: int, ksize: int) -> str:
        name = str(len(self.functions))
        self.add_stage(name, darknet_conv(channels, ksize))
        return name

    def forward(self, x: ArrayLike) -> list[Variable]:
        """Computes feature maps of 1/32, 1/16 and 1/8 of the height and width of pictures (N, 3, H, W)."""
        h: Any = x
        maps, laterals = [], []
        for name, layers in self.functions.items():
            h = run_layers(layers, h)
            if name in self._laterals:
                laterals.append(h)
            elif name in self._ends:
                maps.append(h)
            elif name in self._joints:
                h = F.concat([F.unpooling_2d(h, 2, cover_all=False), laterals.pop()])
        return maps


@register('yolov3', input_shape=(3, 416, 416), task='detection', recipe=NORMALIZED)
@register('yolov3_digits', input_shape=(3, 96, 96), task='detection', recipe=DIGIT_DETECTOR, num_classes=10, insize=96,
          depths=(1, 1, 1, 1, 1), width=0.25, anchors=DIGIT_ANCHORS)
class YOLOv3(YOLO):
    """YOLOv3: three sizes of cells on Darknet-53.

    61,949,149 parameters for the 80 classes of COCO. Called with pictures of shape (N, 3, insize, insize), prepared as
    `prepare` does it, it returns for each of K pairs of a cell and an anchor the location (N, K, 4), the objectness
    (N, K) and the classes (N, K, n_fg_class), the last two before the logistic function. Parameter paths and presets
    are those of ChainerCV's ``YOLOv3``. Reference: J. Redmon, A. Farhadi, YOLOv3: An Incremental Improvement, 2018,
    https://arxiv.org/abs/1804.02767.

    Args:
        num_classes: The number of classes.
        insize: The height and width of its pictures, in pixels; a multiple of 32.
        depths: The numbers of residual blocks for each size of the picture.
        width: By what to multiply the numbers of channels.
        anchors: For each of the three sizes of cells, from large to small, (height, width) of three anchors in pixels.

    Raises:
        ValueError: `insize` is no multiple of 32.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import YOLOv3
        >>> model = YOLOv3(num_classes=2, insize=64, width=0.125)
        >>> [y.shape for y in model(np.zeros((1, 3, 64, 64), 'f'))]
        [(1, 252, 4), (1, 252), (1, 252, 2)]
    """

    lossfun = YOLOv3Loss()

    def __init__(self, num_classes: int = 80, insize: int = 416, depths: Sequence[int] = DEPTHS_53, width: float = 1,
                 anchors: Anchors = COCO_ANCHORS) -> None:
        super().__init__(num_classes, insize, STEPS, anchors)
        with self.init_scope():
            self.extractor = Darknet53Extractor(depths, width)
            self.subnet = ChainList(*(
                Sequential(darknet_conv(scaled(n, width), 3), _output_layer(len(group), num_classes))
                for n, group in zip((1024, 512, 256), anchors, strict=True)))

    def forward(self, x: ArrayLike) -> Outputs:
        """Computes locations, objectness and classes (see the class) of pictures (N, 3, insize, insize)."""
        self._check_input(x)
        return self._split([layers(h) for layers, h in zip(self.subnet, self.extractor(x))])

    def _probabilities(self, confs: Array) -> Any:
        return F.sigmoid(confs).array

    def darknet_layers(self) -> list[Link]:
        """See `YOLO.darknet_layers`: the layers behind a feature map come before those of the next one."""
        heads = iter(self.subnet)
        layers: list[Link] = []
        for name in self.extractor.functions:
            layers.append(self.extractor[name])
            if name in self.extractor._ends:
                layers += next(heads)
        return layers


def _output_layer(anchors: int, num_classes: int) -> L.Convolution2D:
    """Says of each anchor where an object is, whether, and of which class; at first that there is hardly any."""
    bias = np.zeros((anchors, 5 + num_classes), np.float32)
    bias[:, 4] = -np.log(1 / PRIOR - 1)
    return L.Convolution2D(None, bias.size, 1, initialW=initializers.Normal(0.01), initial_bias=bias.reshape(-1))
