"""Feature pyramids: maps of several sizes, which all know what the smallest one says; and detectors' layers on them."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import initializers
from autograd_nn.backend import to_cpu
from autograd_nn.link import Chain, ChainList, Link
from autograd_nn.models.detection.boxes import grid_anchors
from autograd_nn.models.detection.region_proposals import ProposalCreator, join_regions, single_precision
from autograd_nn.types import Array
from autograd_nn.variable import Variable

# On each map of a pyramid.
PROPOSALS = ProposalCreator(0.7, 2000, 2000, 1000, 1000, 1e-6)


class FeaturePyramid(Chain):
    """Adds to each of several feature maps what the next smaller one says, from the smallest on.

    The paths of its parameters are those of ChainerCV's ``FPN``. Reference: T.-Y. Lin et al., Feature pyramid networks
    for object detection, 2016, https://arxiv.org/abs/1612.03144.

    Args:
        base: Computes feature maps, each half as high and as wide as the one before.
        count: How many these are.
        extra: How many still smaller maps to make of the last one.
        channels: The number of channels of the maps.
    """

    def __init__(self, base: Link, count: int = 4, extra: int = 1, channels: int = 256) -> None:
        super().__init__()
        self.extra = extra
        with self.init_scope():
            self.base: Any = base
            self.inner, self.outer = (
                ChainList(*[L.Convolution2D(None, channels, ksize, pad=ksize // 2,
                                            initialW=initializers.GlorotNormal()) for _ in range(count)])
                for ksize in (1, 3))

    def _layers_in_order(self) -> dict[str, list[Link]]:
        return {**self.base._layers_in_order(), 'inner': [self.inner], 'outer': [self.outer]}

    def forward(self, x: Any) -> list[Variable]:
        """Computes the maps.

        Args:
            x: Pictures, shape (N, 3, H, W), such that each map of `base` is exactly half of the one before.
        """
        maps: list[Variable] = []
        for h, layer in zip(reversed(self.base(x)), reversed(list(self.inner))):
            h = layer(h)
            maps.insert(0, h + F.unpooling_2d(maps[0], 2, cover_all=False) if maps else h)
        maps = [layer(h) for layer, h in zip(self.outer, maps, strict=True)]
        for _ in range(self.extra):
            maps.append(F.max_pooling_2d(maps[-1], 1, stride=2, cover_all=False))
        return maps


class PyramidRegionProposalNetwork(Chain):
    """A region proposal network that looks at anchors of one size, and of several shapes, on each map of a pyramid.

    The paths of its parameters are those of ChainerCV's ``RPN``. Reference: as for `FeaturePyramid`, section 4.1.

    Args:
        strides: The distances of places of each map in pixels.
        sizes: The roots of the areas of anchors on each map in pixels.
        ratios: Heights of anchors over their widths.
        proposal_creator: Makes regions of what the network says of one map.
        channels: The number of channels of the maps.
    """

    def __init__(self, strides: Sequence[int] = (4, 8, 16, 32, 64), sizes: Sequence[int] = (32, 64, 128, 256, 512),
                 ratios: Sequence[float] = (0.5, 1, 2),
                 proposal_creator: ProposalCreator = PROPOSALS, channels: int = 256) -> None:
        super().__init__()
        self.strides = tuple(strides)
        self.proposal_layer = proposal_creator
        self.anchor_bases = [_whole_anchors(stride, size, ratios) for stride, size in zip(strides, sizes, strict=True)]
        normal = initializers.Normal(0.01)
        with self.init_scope():
            self.conv = L.Convolution2D(channels, channels, 3, pad=1, initialW=normal)
            self.loc = L.Convolution2D(channels, 4 * len(ratios), 1, initialW=normal)
            self.conf = L.Convolution2D(channels, len(ratios), 1, initialW=normal)

    def forward(self, maps: Sequence[Variable], size: Sequence[int], scales: Sequence[float] | None = None,
                ) -> tuple[Variable, Variable, Any, Any, Any]:
        """Proposes regions.

        Args:
            maps: Feature maps of shape (N, channels, H, W).
            size: The height and width of the pictures that they are of.
            scales: By which each of them was scaled; 1 by default.

        Returns:
            As from `RegionProposalNetwork`, but with one score for each anchor, shape (N, S).
        """
        hidden = [F.relu(self.conv(h)) for h in maps]
        locs, scores = ([F.reshape(F.transpose(layer(h), (0, 2, 3, 1)), (len(h), -1, *rest)) for h in hidden]
                        for layer, rest in ((self.loc, (4,)), (self.conf, ())))
        anchors = [grid_anchors(self.xp.asarray(base), stride, h.shape[2:])
                   for base, stride, h in zip(self.anchor_bases, self.strides, maps, strict=True)]
        arrays = [(single_precision(loc), single_precision(score)) for loc, score in zip(locs, scores)]
        rois = [self._propose([(loc[i], score[i]) for loc, score in arrays], anchors, size, scale)
                for i, scale in enumerate(scales or [1.] * len(maps[0]))]
        return F.concat(locs), F.concat(scores), *join_regions(rois), self.xp.concatenate(anchors)

    def _propose(self, said: Sequence[tuple[Array, Array]], anchors: Sequence[Array], size: Sequence[int],
                 scale: float) -> Any:
        """The best regions of one picture, of those of all maps."""
        rois, scores = map(self.xp.concatenate, zip(*[
            self.proposal_layer.choose(loc, score, each, size, scale) for (loc, score), each in zip(said, anchors)]))
        return rois[(-scores).argsort(kind='stable')[:self.proposal_layer.limit]]

    def classification_loss(self, scores: Variable, labels: Array) -> Variable:
        """How far scores are from truth: sigmoid cross entropy.

        Args:
            scores: Shape (N, S).
            labels: 1 for an object, 0 for background, -1 where it does not count; int32, shape (N, S).
        """
        return F.sigmoid_cross_entropy(scores, labels)


class PyramidRoIHead(Chain):
    """Says what is in regions, with features from the map of a pyramid that suits each one's size.

    The paths of its parameters are those of ChainerCV's ``BboxHead``. Reference: as for `FeaturePyramid`, section 4.2.

    Args:
        n_class: The number of classes, background included.
        strides: The distances of places of each map in pixels; regions get nothing from the last one.
        units: The number of units of its layers.
        roi_size: The height and width of a region's features.
        canonical_size: The root of the area of regions that get their features
        canonical_level: from the map of this number.
        channels: The number of channels of the maps.
    """

    def __init__(self, n_class: int, strides: Sequence[int] = (4, 8, 16, 32, 64), units: int = 1024, roi_size: int = 7,
                 canonical_size: float = 224, canonical_level: int = 2, channels: int = 256) -> None:
        super().__init__()
        self.n_class = n_class
        self.strides = tuple(strides)
        self.roi_size = roi_size
        self.canonical_size = canonical_size
        self.canonical_level = canonical_level
        with self.init_scope():
            self.fc1, self.fc2 = (
                L.Linear(inputs, units, initialW=initializers.Uniform(inputs ** -0.5),
                         initial_bias=initializers.Uniform(units ** -0.5))
                for inputs in (channels * roi_size ** 2, units))
            self.loc = L.Linear(units, n_class * 4, initialW=initializers.Normal(0.001))
            self.conf = L.Linear(units, n_class, initialW=initializers.Normal(0.01))

    def levels(self, rois: Array) -> np.ndarray:
        """The number of the map for each region, shape (R,).

        Args:
            rois: Regions in pixels, shape (R, 4).
        """
        rois = to_cpu(rois)
        sizes = np.sqrt((rois[:, 2:] - rois[:, :2]).prod(axis=1))
        levels = np.floor(np.log2(sizes / self.canonical_size + 1e-6)).astype(int) + self.canonical_level
        return levels.clip(0, len(self.strides) - 2)

    def forward(self, maps: Sequence[Variable], rois: Array, roi_indices: Array) -> tuple[Variable, Variable]:
        """Says what is in regions.

        Args:
            maps: Feature maps of shape (N, channels, H, W).
            rois: Regions in pixels of the pictures, shape (R, 4).
            roi_indices: Which picture each of them is of, shape (R,).

        Returns:
            Offsets, shape (R, n_class * 4), and scores before softmax, shape (R, n_class).
        """
        levels = self.levels(rois)
        groups = [(level, np.flatnonzero(levels == level)) for level in sorted({*levels.tolist()} or {0})]
        parts = []
        for level, chosen in groups:
            at = self.xp.asarray(chosen)
            parts.append(F.roi_average_align_2d(maps[level], rois[at], roi_indices[at], self.roi_size,
                                                1 / self.strides[level], 2))
        order = np.concatenate([chosen for _, chosen in groups]).argsort()
        h = F.concat(parts, axis=0)[self.xp.asarray(order)]
        h = F.relu(self.fc2(F.relu(self.fc1(h))))
        return self.loc(h), self.conf(h)


def _whole_anchors(stride: int, size: int, ratios: Sequence[float]) -> np.ndarray:
    """Anchors around the centre of a cell, whose sides are rounded before they are scaled, as Detectron has it."""
    widths = np.round(stride / np.sqrt(ratios))
    halves = np.stack([np.round(widths * ratios), widths], axis=1) * size / stride / 2
    return (stride / 2 + np.concatenate([-halves, halves], axis=1)).astype(np.float32)
