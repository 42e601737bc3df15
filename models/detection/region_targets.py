"""What the two stages of Faster R-CNN are to say of a picture: anchors and regions are matched with its objects."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import autograd_nn.functions as F
from autograd_nn.backend import get_array_module, to_cpu
from autograd_nn.models.detection.boxes import Scales, encode_boxes
from autograd_nn.types import Array
from autograd_nn.utils.boxes import box_iou
from autograd_nn.variable import Variable


@dataclass(frozen=True)
class AnchorTargetCreator:
    """Chooses which anchors a region proposal network learns from, and what.

    Anchors within the picture count that overlap an object by much, or more than all others, and some of those that
    overlap none; the latter two drawn by NumPy's global generator. Reference: S. Ren et al., Faster R-CNN: Towards
    real-time object detection with region proposal networks, 2015, https://arxiv.org/abs/1506.01497, section 3.1.2.

    Args:
        n_sample: How many anchors of a picture count.
        pos_iou_thresh: Those are objects that overlap one by this (the area of the intersection over the union).
        neg_iou_thresh: Those are background that overlap all by less.
        pos_ratio: At most this part of them is objects.
        border: How many pixels anchors may reach beyond the picture.

    Example:
        >>> anchors = np.array([[0., 0., 8., 8.], [0., 8., 8., 16.], [0., 2., 8., 10.], [8., 8., 17., 17.]], 'f')
        >>> locs, labels = AnchorTargetCreator()(np.array([[0., 1., 8., 9.]], 'f'), anchors, (16, 16))
        >>> labels
        array([ 1,  0,  1, -1], dtype=int32)
        >>> locs[0]
        array([0.   , 0.125, 0.   , 0.   ], dtype=float32)
    """

    n_sample: int = 256
    pos_iou_thresh: float = 0.7
    neg_iou_thresh: float = 0.3
    pos_ratio: float = 0.5
    border: float = 0.

    def __call__(self, boxes: Array, anchors: Array, size: Sequence[int]) -> tuple[Any, Any]:
        """What to learn from one picture.

        Args:
            boxes: Its objects, shape (R, 4).
            anchors: Shape (S, 4).
            size: Its height and width.

        Returns:
            Offsets of objects from anchors, float32, shape (S, 4); and labels: 1 for an object, 0 for background, -1
            for what does not count, int32, shape (S,).
        """
        xp = get_array_module(anchors)
        boxes, anchors = to_cpu(boxes), to_cpu(anchors)
        inside = ((anchors[:, :2] >= -self.border) & (anchors[:, 2:] <= np.array(size) + self.border)).all(axis=1)
        labels, locs = np.full(len(anchors), -1, np.int32), np.zeros(anchors.shape, np.float32)
        if len(boxes):
            overlaps = box_iou(anchors, boxes)
            overlaps[~inside] = 0
            best, most = overlaps.argmax(axis=1), overlaps.max(axis=1)
            labels[inside & (most < self.neg_iou_thresh)] = 0
            labels[((overlaps == overlaps.max(axis=0)) & (overlaps > 0)).any(axis=1)] = 1
            labels[most >= self.pos_iou_thresh] = 1
            found = labels == 1
            locs[found] = encode_boxes(anchors[found], boxes[best[found]])
        else:
            labels[inside] = 0
        _forget(labels, 1, int(self.pos_ratio * self.n_sample))
        _forget(labels, 0, self.n_sample - np.count_nonzero(labels == 1))
        return xp.asarray(locs), xp.asarray(labels)


def _forget(labels: np.ndarray, label: int, most: int) -> None:
    """Has at most so many of the elements with a label keep it, chosen at random."""
    there = np.flatnonzero(labels == label)
    labels[np.random.permutation(there)[most:]] = -1


@dataclass(frozen=True)
class ProposalTargetCreator:
    """Chooses which regions the second stage learns from, and what.

    Objects themselves are among the regions. Which ones are taken is drawn by NumPy's global generator. Reference: R.
    Girshick, Fast R-CNN, 2015, https://arxiv.org/abs/1504.08083, section 2.3.

    Args:
        n_sample: How many regions of a picture count.
        pos_ratio: At most this part of them is objects.
        pos_iou_thresh: Those are objects that overlap one by this (the area of the intersection over the union).
        neg_iou_thresh_hi: Those are background that overlap all by less, and one
        neg_iou_thresh_lo: by at least this.

    Example:
        >>> rois = np.array([[0., 0., 8., 8.], [0., 9., 8., 17.]], 'f')
        >>> chosen, locs, labels = ProposalTargetCreator()(rois, np.array([[0., 0., 8., 7.]], 'f'), np.array([4], 'i'))
        >>> sorted(labels.tolist()), len(chosen)
        ([0, 5, 5], 3)
    """

    n_sample: int = 128
    pos_ratio: float = 0.25
    pos_iou_thresh: float = 0.5
    neg_iou_thresh_hi: float = 0.5
    neg_iou_thresh_lo: float = 0.

    def __call__(self, rois: Array, boxes: Array, labels: Array,
                 scales: Scales = (0.1, 0.1, 0.2, 0.2)) -> tuple[Any, Any, Any]:
        """What to learn from one picture.

        Args:
            rois: The regions that the first stage proposes, shape (R, 4).
            boxes: The objects, shape (G, 4).
            labels: Their classes, integers from 0 on, shape (G,).
            scales: By which offsets are divided.

        Returns:
            Regions, shape (S, 4); offsets of objects from them, float32, shape (S, 4); and their classes plus 1, 0 for
            background, int32, shape (S,).
        """
        xp = get_array_module(rois)
        rois, boxes, labels = to_cpu(rois), to_cpu(boxes).astype(np.float32).reshape(-1, 4), to_cpu(labels)
        rois = np.concatenate([rois, boxes.astype(rois.dtype)])
        # Background overlaps an object without area, so that there is always one.
        overlaps = np.concatenate([box_iou(rois, boxes), np.zeros((len(rois), 1))], axis=1)
        best, most = overlaps.argmax(axis=1), overlaps.max(axis=1)
        positive = np.random.permutation(np.flatnonzero(most >= self.pos_iou_thresh))
        positive = positive[:round(self.n_sample * self.pos_ratio)]
        negative = np.flatnonzero((most >= self.neg_iou_thresh_lo) & (most < self.neg_iou_thresh_hi))
        negative = np.random.permutation(negative)[:self.n_sample - len(positive)]
        chosen = rois[np.concatenate([positive, negative])].astype(np.float32)
        classes, locs = np.zeros(len(chosen), np.int32), np.zeros((len(chosen), 4), np.float32)
        classes[:len(positive)] = labels[best[positive]] + 1
        locs[:len(positive)] = encode_boxes(chosen[:len(positive)], boxes[best[positive]], scales)
        return xp.asarray(chosen), xp.asarray(locs), xp.asarray(classes)


def location_loss(locs: Variable, truth: Array, labels: Array, sigma: float) -> Variable:
    """How far the offsets of objects are from truth: Girshick's smooth L1 loss, over the number of all that counts.

    Args:
        locs: What the network says, shape (S, 4).
        truth: What it should say, shape (S, 4).
        labels: Greater than 0 for objects, 0 for background, -1 for what does not count; shape (S,).
        sigma: Beyond 1 / sigma ** 2 the loss is linear.

    Returns:
        A scalar; 0 if nothing counts.

    Example:
        >>> locs = np.array([[0.5, 0., 0., 3.], [9., 9., 9., 9.]])
        >>> location_loss(locs, np.zeros((2, 4)), np.array([3, 0]), sigma=1.)
        variable(1.3125)
    """
    xp = get_array_module(truth)
    delta = sigma ** -2
    loss = F.sum(F.huber_loss(locs, truth.astype(locs.dtype, copy=False), delta, reduce='no'), axis=1) / delta
    count = xp.maximum(xp.count_nonzero(labels >= 0), 1)
    return F.sum(loss * (labels > 0).astype(loss.dtype)) / count.astype(loss.dtype)
