"""The first stage of Faster R-CNN: which regions of a picture may be objects."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import initializers
from autograd_nn.backend import get_array_module
from autograd_nn.config import config
from autograd_nn.link import Chain
from autograd_nn.models.detection.boxes import base_anchors, clip_boxes, decode_boxes, grid_anchors
from autograd_nn.types import Array, InitializerLike
from autograd_nn.utils.boxes import non_maximum_suppression
from autograd_nn.variable import Variable


@dataclass(frozen=True)
class ProposalCreator:
    """Makes regions of what a region proposal network says of anchors.

    Reference: S. Ren et al., Faster R-CNN: Towards real-time object detection with region proposal networks, 2015,
    https://arxiv.org/abs/1506.01497, section 3.3.

    Args:
        nms_thresh: Of two regions that overlap by this (the area of their intersection over that of their union), the
            one with the higher score is left.
        n_train_pre_nms: How many regions are looked at in training.
        n_train_post_nms: How many of them are left in training.
        n_test_pre_nms: How many regions are looked at in inference.
        n_test_post_nms: How many of them are left in inference.
        min_size: Regions are at least so high and so wide, in pixels of the picture before it was scaled.

    Example:
        >>> import numpy as np
        >>> anchors = np.array([[0., 0., 20., 20.], [1., 1., 20., 20.], [30., 0., 50., 20.]], 'f')
        >>> create = ProposalCreator()
        >>> create(np.zeros((3, 4), 'f'), np.array([0.5, 0.9, 0.1], 'f'), anchors, (40, 40))
        array([[ 1.,  1., 20., 20.]], dtype=float32)
    """

    nms_thresh: float = 0.7
    n_train_pre_nms: int = 12000
    n_train_post_nms: int = 2000
    n_test_pre_nms: int = 6000
    n_test_post_nms: int = 300
    min_size: float = 16

    @property
    def limit(self) -> int:
        """How many regions are left, in training or in inference."""
        return self.n_train_post_nms if config.train else self.n_test_post_nms

    def __call__(self, locs: Array, scores: Array, anchors: Array, size: Sequence[int], scale: float = 1.) -> Any:
        """The regions of one picture (see `choose`), shape (R, 4), from the highest score on."""
        return self.choose(locs, scores, anchors, size, scale)[0]

    def choose(self, locs: Array, scores: Array, anchors: Array, size: Sequence[int], scale: float = 1.,
               ) -> tuple[Any, Any]:
        """The regions of one picture, and their scores.

        Args:
            locs: Offsets of regions from anchors, shape (S, 4).
            scores: How much each is like an object, shape (S,).
            anchors: Shape (S, 4).
            size: The height and width of the picture.
            scale: By which it was scaled.

        Returns:
            Shapes (R, 4) and (R,), from the highest score on.
        """
        before = self.n_train_pre_nms if config.train else self.n_test_pre_nms
        xp = get_array_module(locs)
        rois = clip_boxes(decode_boxes(anchors, locs), size)
        large = xp.flatnonzero(((rois[:, 2:] - rois[:, :2]) >= self.min_size * scale).all(axis=1))
        best = large[(-scores[large]).argsort(kind='stable')[:before]]
        best = best[non_maximum_suppression(rois[best], self.nms_thresh, limit=self.limit)]
        return rois[best], scores[best]


class RegionProposalNetwork(Chain):
    """Says of anchors around every place of a feature map whether they are objects, and how these differ from them.

    The paths of its parameters are those of ChainerCV's class of this name. Reference: S. Ren et al., Faster R-CNN:
    Towards real-time object detection with region proposal networks, 2015, https://arxiv.org/abs/1506.01497,
    section 3.1.

    Args:
        in_channels: The number of channels of the feature map.
        mid_channels: That of the layer between.
        ratios: Heights of anchors over their widths.
        anchor_scales: The roots of their areas, in 16 pixels.
        feat_stride: The distance of the feature map's places in pixels.
        initialW: Initial filters.
        proposal_creator: Makes regions of what the network says.
    """

    def __init__(self, in_channels: int = 512, mid_channels: int = 512, ratios: Sequence[float] = (0.5, 1, 2),
                 anchor_scales: Sequence[float] = (8, 16, 32), feat_stride: int = 16, initialW: InitializerLike = None,
                 proposal_creator: ProposalCreator = ProposalCreator()) -> None:
        super().__init__()
        centered = base_anchors(16, ratios, anchor_scales) - 8
        # The centres of anchors are those of cells; ChainerCV's are at 8 pixels, as all its cells have 16.
        self.anchor_base = centered + feat_stride / 2
        self.feat_stride = feat_stride
        self.proposal_layer = proposal_creator
        initialW = initializers.Normal(0.01) if initialW is None else initialW
        count = len(self.anchor_base)
        with self.init_scope():
            self.conv1 = L.Convolution2D(in_channels, mid_channels, 3, 1, 1, initialW=initialW)
            self.score = L.Convolution2D(mid_channels, count * 2, 1, initialW=initialW)
            self.loc = L.Convolution2D(mid_channels, count * 4, 1, initialW=initialW)

    def forward(self, x: Variable, size: Sequence[int], scales: Sequence[float] | None = None,
                ) -> tuple[Variable, Variable, Any, Any, Any]:
        """Proposes regions.

        Args:
            x: Feature maps of shape (N, C, H, W).
            size: The height and width of the pictures that they are of.
            scales: By which each of them was scaled; 1 by default.

        Returns:
            Offsets from S anchors, shape (N, S, 4); scores of background and of an object, shape (N, S, 2); regions of
            all pictures, shape (R, 4), and which picture each is of, int32, shape (R,); and the anchors, shape (S, 4).
        """
        h = F.relu(self.conv1(x))
        locs, scores = (F.reshape(F.transpose(layer(h), (0, 2, 3, 1)), (len(x), -1, numbers))
                        for layer, numbers in ((self.loc, 4), (self.score, 2)))
        anchors = grid_anchors(self.xp.asarray(self.anchor_base), self.feat_stride, x.shape[2:])
        rois = [self.proposal_layer(loc, score[:, 1], anchors, size, scale)
                for loc, score, scale in zip(*map(single_precision, (locs, scores)), scales or [1.] * len(x),
                                             strict=True)]
        return locs, scores, *join_regions(rois), anchors

    def classification_loss(self, scores: Variable, labels: Array) -> Variable:
        """How far scores are from truth: softmax cross entropy.

        Args:
            scores: Shape (N, S, 2).
            labels: 1 for an object, 0 for background, -1 where it does not count; int32, shape (N, S).
        """
        return F.softmax_cross_entropy(F.reshape(scores, (-1, 2)), labels.reshape(-1))


def join_regions(rois: Sequence[Array]) -> tuple[Any, Any]:
    """Regions of several pictures as one array, and which picture each is of, int32.

    Args:
        rois: Those of each picture, shape (R, 4).

    Example:
        >>> join_regions([np.zeros((2, 4)), np.zeros((1, 4))])[1]
        array([0, 0, 1], dtype=int32)
    """
    xp = get_array_module(*rois)
    return xp.concatenate(list(rois)), xp.asarray(np.repeat(np.arange(len(rois), dtype=np.int32), list(map(len, rois))))


def single_precision(x: Variable) -> Any:
    """The array of a Variable, in single precision at least."""
    return x.array.astype(np.promote_types(x.dtype, np.float32), copy=False)
