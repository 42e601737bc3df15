"""Faster R-CNN on VGG-16, as it was published."""
from __future__ import annotations

from typing import Any

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import initializers
from autograd_nn.link import Chain
from autograd_nn.models.classification.vgg import CONVOLUTIONS
from autograd_nn.models.detection.faster_rcnn import FasterRCNN
from autograd_nn.models.detection.region_proposals import RegionProposalNetwork
from autograd_nn.models.layers.blocks import StagedChain, he_convolution, max_pooling, pixel_convolution
from autograd_nn.models.recipes import Recipe
from autograd_nn.models.registry import register
from autograd_nn.types import Array
from autograd_nn.variable import Variable

MEAN = 122.7717, 115.9465, 102.9801
STRIDE = 16


@register('faster_rcnn_vgg16', input_shape=(3, 600, 800), task='detection',
          recipe=Recipe('momentum', lr=0.001, schedule='step', weight_decay=0.0005, epochs=14, batch_size=1))
class FasterRCNNVGG16(FasterRCNN):
    """Faster R-CNN on VGG-16: 137,078,239 parameters for 20 classes.

    The paths of its parameters are those of ChainerCV's class of this name, whose files load. Reference: S. Ren et al.,
    Faster R-CNN: Towards real-time object detection with region proposal networks, 2015,
    https://arxiv.org/abs/1506.01497.

    Args:
        num_classes: The number of classes, without background.
        min_size: The shorter side of prepared pictures in pixels,
        max_size: unless the longer one would be longer than this.
    """

    def __init__(self, num_classes: int = 20, min_size: int = 600, max_size: int = 1000) -> None:
        super().__init__(vgg16_extractor(), RegionProposalNetwork(feat_stride=STRIDE), VGG16RoIHead(num_classes + 1),
                         MEAN, min_size, max_size)


def vgg16_extractor() -> StagedChain:
    """The convolutions of VGG-16, up to ``conv5_3``: feature maps of 512 channels, 16 pixels apart."""
    extractor = StagedChain()
    for i, (count, channels) in enumerate(zip(CONVOLUTIONS[16], (64, 128, 256, 512, 512)), start=1):
        for j in range(1, count + 1):
            conv = pixel_convolution if i == j == 1 else he_convolution
            block = StagedChain()
            block.add_stage('conv', conv(channels, 3, pad=1), F.relu)
            extractor.add_stage(f'conv{i}_{j}', block)
        if i < 5:
            extractor.add_stage(f'pool{i}', max_pooling(2))
    return extractor


class VGG16RoIHead(Chain):
    """Says what is in regions by two large layers, as VGG-16 has them at its end.

    Args:
        n_class: The number of classes, background included.
        roi_size: The height and width of a region's features.
        spatial_scale: By which coordinates of the picture are multiplied to get those of the feature map.
    """

    def __init__(self, n_class: int, roi_size: int = 7, spatial_scale: float = 1 / STRIDE) -> None:
        super().__init__()
        self.n_class = n_class
        self.roi_size = roi_size
        self.spatial_scale = spatial_scale
        with self.init_scope():
            self.fc6 = L.Linear(512 * roi_size ** 2, 4096, initialW=initializers.Normal(0.01))
            self.fc7 = L.Linear(4096, 4096, initialW=initializers.Normal(0.01))
            self.cls_loc = L.Linear(4096, n_class * 4, initialW=initializers.Normal(0.001))
            self.score = L.Linear(4096, n_class, initialW=initializers.Normal(0.01))

    def forward(self, x: Any, rois: Array, roi_indices: Array) -> tuple[Variable, Variable]:
        """Says what is in regions.

        Args:
            x: Feature maps, shape (N, 512, H, W).
            rois: Regions in pixels of the pictures, shape (R, 4).
            roi_indices: Which picture each of them is of, shape (R,).

        Returns:
            Offsets, shape (R, n_class * 4), and scores before softmax, shape (R, n_class).
        """
        numbers = self.xp.concatenate([roi_indices[:, None].astype(rois.dtype), rois[:, [1, 0, 3, 2]]], axis=1)
        h = F.roi_pooling_2d(x, numbers, self.roi_size, self.roi_size, self.spatial_scale)
        h = F.relu(self.fc7(F.relu(self.fc6(h))))
        return self.cls_loc(h), self.score(h)
