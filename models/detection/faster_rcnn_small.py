"""A small Faster R-CNN, for small images."""
from __future__ import annotations

from typing import Any

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import initializers
from autograd_nn.link import Chain
from autograd_nn.models.detection.faster_rcnn import FasterRCNN
from autograd_nn.models.detection.region_proposals import ProposalCreator, RegionProposalNetwork
from autograd_nn.models.detection.region_targets import AnchorTargetCreator, ProposalTargetCreator
from autograd_nn.models.layers.blocks import StagedChain, conv_bn
from autograd_nn.models.recipes import Recipe
from autograd_nn.models.registry import register
from autograd_nn.types import Array
from autograd_nn.variable import Variable

# The number of output channels and the stride of each 3 x 3 convolution.
LAYERS = {'conv1': (32, 2), 'conv2': (64, 2), 'conv3_1': (64, 1), 'conv3_2': (64, 1), 'conv3_3': (64, 1),
          'conv4_1': (128, 2), 'conv4_2': (128, 1), 'conv4_3': (128, 1)}
STRIDE = 8


@register('faster_rcnn96', input_shape=(3, 96, 96), task='detection',
          recipe=Recipe(lr=0.002, warmup=0.1, batch_size=16))
class FasterRCNN96(FasterRCNN):
    """FasterRCNN96: a small Faster R-CNN, with 12 anchors at each of 12 x 12 places of images of 96 x 96 pixels.

    For objects of 8 to 50 pixels, such as those of `datasets.DigitScenes`; with eight convolutions and batch
    normalization in place of VGG-16, and with aligned regions. References: S. Ren et al., Faster R-CNN: Towards
    real-time object detection with region proposal networks, 2015, https://arxiv.org/abs/1506.01497; K. He et al., Mask
    R-CNN, 2017, https://arxiv.org/abs/1703.06870, section 3.

    Args:
        num_classes: The number of classes, without background.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models.detection.faster_rcnn_small import FasterRCNN96
        >>> network = FasterRCNN96(num_classes=10)
        >>> boxes, labels, scores = network.predict([np.zeros((3, 40, 60), 'f')])
        >>> len(boxes) == len(labels) == len(scores) == 1
        True
    """

    def __init__(self, num_classes: int = 10) -> None:
        extractor = StagedChain()
        for name, (channels, stride) in LAYERS.items():
            conv, bn = conv_bn(channels, 3, stride)
            layers: dict[str, Any] = {name.replace('conv', 'bn'): bn, 'relu': F.relu}
            extractor.add_stage(name, conv, **layers)
        rpn = RegionProposalNetwork(
            128, 128, ratios=(0.8, 1.4, 2.6), anchor_scales=(0.7, 1.1, 1.7, 2.6), feat_stride=STRIDE,
            proposal_creator=ProposalCreator(0.7, 1000, 200, 500, 60, min_size=3))
        super().__init__(extractor, rpn, AlignedRoIHead(num_classes + 1, 128, 1 / STRIDE), 127.5, 96, 96)
        self.anchor_target_creator = AnchorTargetCreator(128, pos_iou_thresh=0.6, border=12)
        self.proposal_target_creator = ProposalTargetCreator(32)


class AlignedRoIHead(Chain):
    """Says what is in regions, whose features are the means of points between places of the feature map.

    Args:
        n_class: The number of classes, background included.
        in_channels: The number of channels of the feature map.
        spatial_scale: By which coordinates of the picture are multiplied to get those of the feature map.
        units: The number of units of its layers.
        roi_size: The height and width of a region's features.
    """

    def __init__(self, n_class: int, in_channels: int, spatial_scale: float, units: int = 256,
                 roi_size: int = 6) -> None:
        super().__init__()
        self.n_class = n_class
        self.roi_size = roi_size
        self.spatial_scale = spatial_scale
        with self.init_scope():
            self.fc1 = L.Linear(in_channels * roi_size ** 2, units, initialW=initializers.HeNormal())
            self.fc2 = L.Linear(units, units, initialW=initializers.HeNormal())
            self.cls_loc = L.Linear(units, n_class * 4, initialW=initializers.Normal(0.001))
            self.score = L.Linear(units, n_class, initialW=initializers.Normal(0.01))

    def forward(self, x: Any, rois: Array, roi_indices: Array) -> tuple[Variable, Variable]:
        """Says what is in regions (see `VGG16RoIHead`)."""
        h = F.roi_average_align_2d(x, rois, roi_indices, self.roi_size, self.spatial_scale, 2)
        h = F.relu(self.fc2(F.relu(self.fc1(h))))
        return self.cls_loc(h), self.score(h)
