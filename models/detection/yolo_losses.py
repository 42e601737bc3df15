"""What YOLO learns from: which cell and anchor each object belongs to, and the losses of YOLOv2 and YOLOv3."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import autograd_nn.functions as F
from autograd_nn.backend import get_array_module
from autograd_nn.models.detection.detector import check_truths
from autograd_nn.types import Array
from autograd_nn.utils.boxes import box_iou
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable

Outputs = tuple[Variable, Variable, Variable]


class Truths:
    """The objects of a batch of pictures.

    Args:
        boxes: For each picture (y_min, x_min, y_max, x_max) in pixels, float of shape (R, 4).
        labels: For each picture the classes, integers of shape (R,).
        count: The number of pictures.
        insize: The height and width of the pictures.
        n_fg_class: The number of classes.

    Attributes:
        images: Of each object the number of its picture, shape (P,).
        boxes: Of each object the box, float32 of shape (P, 4).
        labels: Of each object the class, int32 of shape (P,).
        insize: The height and width of the pictures.

    Raises:
        ValueError: See `check_truths`.
    """

    def __init__(self, boxes: Sequence[np.ndarray], labels: Sequence[np.ndarray], count: int, insize: int,
                 n_fg_class: int) -> None:
        boxes, labels = check_truths(boxes, labels, count, (insize, insize), n_fg_class)
        self.insize = insize
        self.images = np.repeat(np.arange(count), [len(box) for box in boxes])
        self.boxes = np.concatenate([np.zeros((0, 4), np.float32), *boxes])
        self.labels = np.concatenate([np.zeros(0, np.int32), *labels])

    @property
    def centers(self) -> np.ndarray:
        """(y, x) of each box."""
        return (self.boxes[:, :2] + self.boxes[:, 2:]) / 2

    @property
    def sizes(self) -> np.ndarray:
        """(height, width) of each box."""
        return self.boxes[:, 2:] - self.boxes[:, :2]


@dataclass(frozen=True)
class Targets:
    """What a network should say of the pairs of a cell and an anchor to which objects belong.

    An object belongs to the cells with its centre, one of each size, and of all their anchors to the one that overlaps
    it most if both have the same centre. Where two objects belong to one pair, the later one is learned.

    Attributes:
        images: The number of the picture, shape (P,).
        pairs: The number of the pair, shape (P,).
        offsets: Where in the cell the centre is, (y, x) from 0 to 1, float32 of shape (P, 2).
        logs: The logarithms of height and width over those of the anchor, float32 of shape (P, 2).
        weights: 2 minus the part of the picture that the object covers, so that small ones count as much: shape (P,).
        labels: The class, shape (P,).
        boxes: The box, shape (P, 4).
    """

    images: np.ndarray
    pairs: np.ndarray
    offsets: np.ndarray
    logs: np.ndarray
    weights: np.ndarray
    labels: np.ndarray
    boxes: np.ndarray

    @classmethod
    def of(cls, truths: Truths, cells: np.ndarray) -> Targets:
        """Finds the cell and the anchor of each object.

        Args:
            truths: The objects.
            cells: See `YOLO.cells`.
        """
        positions = truths.centers[:, None] / cells[:, 4:]
        contains = (np.floor(positions) == cells[:, :2]).all(axis=2)
        sizes, anchors = truths.sizes[:, None], cells[:, 2:4]
        common = np.minimum(sizes, anchors).prod(axis=2)
        iou = common / (sizes.prod(axis=2) + anchors.prod(axis=1) - common)
        pairs = np.where(contains, iou, -1).argmax(axis=1)
        # Of a number that occurs several times, the last place.
        _, places = np.unique((truths.images * len(cells) + pairs)[::-1], return_index=True)
        last = len(pairs) - 1 - places
        chosen = cells[pairs[last]]
        return cls(truths.images[last], pairs[last], truths.centers[last] / chosen[:, 4:] - chosen[:, :2],
                   np.log(truths.sizes[last] / chosen[:, 2:4]),
                   (2 - truths.sizes[last].prod(axis=1) / truths.insize ** 2), truths.labels[last], truths.boxes[last])


def decode_boxes(cells: Array, locs: Array) -> Any:
    """Boxes (y_min, x_min, y_max, x_max) in pixels, float32 of shape (..., K, 4).

    Args:
        cells: See `YOLO.cells`.
        locs: What a network said of locations, shape (..., K, 4).
    """
    xp = get_array_module(cells, locs)
    locs = locs.astype(np.float32, copy=False)
    centers = (cells[:, :2] + F.sigmoid(locs[..., :2]).array) * cells[:, 4:]
    halves = cells[:, 2:4] * xp.exp(locs[..., 2:]) / 2
    return xp.concatenate([centers - halves, centers + halves], axis=-1)


def best_overlaps(boxes: Array, truths: Truths) -> Any:
    """The greatest IoU of each predicted box with an object of its picture, 0 where there are no objects.

    Args:
        boxes: The predictions, shape (N, K, 4).
        truths: The objects.

    Returns:
        Shape (N, K).
    """
    xp = get_array_module(boxes)
    best = xp.zeros(boxes.shape[:2], np.float32)
    for i in np.unique(truths.images):
        best[i] = box_iou(boxes[i], xp.asarray(truths.boxes[truths.images == i])).max(axis=1)
    return best


class YOLOLoss:
    """What the losses of YOLOv2 and YOLOv3 have in common."""

    def __call__(self, outputs: Outputs, cells: np.ndarray, truths: Truths) -> Variable:
        """Computes the loss.

        Args:
            outputs: Locations (N, K, 4), objectness (N, K) and classes (N, K, C), before any activation.
            cells: See `YOLO.cells`.
            truths: The objects.

        Returns:
            The sum over all objects and all pairs of a cell and an anchor, divided by the number of pictures: a scalar.
        """
        locs, objs, confs = outputs
        if locs.shape[1] != len(cells):
            raise ShapeError(f'loss: expected outputs for {len(cells)} pairs of a cell and an anchor, got {locs.shape}')
        xp = get_array_module(locs.array)
        targets = Targets.of(truths, cells)
        where = xp.asarray(targets.images), xp.asarray(targets.pairs)
        boxes = decode_boxes(xp.asarray(cells), locs.array)
        weights = xp.asarray(targets.weights)[:, None]
        chosen = locs[where]
        total = (self._offset_loss(chosen[:, :2], xp.asarray(targets.offsets), weights)
                 + F.sum(weights / 2 * F.square(chosen[:, 2:] - xp.asarray(targets.logs)))
                 + self._objectness_loss(objs, where, boxes, best_overlaps(boxes, truths), targets)
                 + self._class_loss(confs[where], xp.asarray(targets.labels)))
        return total / len(locs)

    def _offset_loss(self, x: Variable, t: Array, weights: Array) -> Variable:
        """Of the centres of objects: `x` and `t` of shape (P, 2), `weights` of shape (P, 1)."""
        raise NotImplementedError

    def _objectness_loss(self, objs: Variable, where: tuple[Array, Array], boxes: Array, overlaps: Array,
                         targets: Targets) -> Variable:
        """Of all pairs.

        Args:
            objs: Objectness before the logistic function, shape (N, K).
            where: To which of them objects belong.
            boxes: The predictions, shape (N, K, 4).
            overlaps: Their greatest IoU with an object, shape (N, K).
            targets: The objects.
        """
        raise NotImplementedError

    def _class_loss(self, confs: Variable, labels: Array) -> Variable:
        """Of objects: `confs` of shape (P, C), `labels` of shape (P,)."""
        raise NotImplementedError


@dataclass(frozen=True)
class YOLOv3Loss(YOLOLoss):
    """The loss of YOLOv3: logistic losses of centres, objectness and classes, squared errors of sizes.

    Args:
        ignore_thresh: Predictions that overlap an object more than that, as IoU, and are not to learn it, learn
            nothing.
    """

    ignore_thresh: float = 0.5

    def _offset_loss(self, x: Variable, t: Array, weights: Array) -> Variable:
        return F.sum(weights * (F.softplus(x) - t * x))

    def _objectness_loss(self, objs: Variable, where: tuple[Array, Array], boxes: Array, overlaps: Array,
                         targets: Targets) -> Variable:
        t = -(overlaps > self.ignore_thresh).astype(np.int32)
        t[where] = 1
        return F.sum(F.sigmoid_cross_entropy(objs, t, reduce='no'))

    def _class_loss(self, confs: Variable, labels: Array) -> Variable:
        t = (labels[:, None] == get_array_module(labels).arange(confs.shape[1])).astype(np.int32)
        return F.sum(F.sigmoid_cross_entropy(confs, t, reduce='no'))


@dataclass(frozen=True)
class YOLOv2Loss(YOLOLoss):
    """The loss of YOLOv2: squared errors, of which objectness learns the IoU, and softmax cross entropy of classes.

    The numbers are those of Darknet's ``yolov2.cfg``.

    Args:
        ignore_thresh: Predictions that overlap an object more than that, as IoU, and are not to learn it, learn
            nothing.
        object_scale: The weight of the objectness of objects.
        noobject_scale: The weight of the objectness where there is none.
    """

    ignore_thresh: float = 0.6
    object_scale: float = 5.
    noobject_scale: float = 1.

    def _offset_loss(self, x: Variable, t: Array, weights: Array) -> Variable:
        return F.sum(weights / 2 * F.square(F.sigmoid(x) - t))

    def _objectness_loss(self, objs: Variable, where: tuple[Array, Array], boxes: Array, overlaps: Array,
                         targets: Targets) -> Variable:
        xp = get_array_module(overlaps)
        t, weights = xp.zeros_like(overlaps), self.noobject_scale * (overlaps <= self.ignore_thresh)
        t[where] = paired_iou(boxes[where], xp.asarray(targets.boxes))
        weights[where] = self.object_scale
        return F.sum(weights.astype(np.float32) / 2 * F.square(F.sigmoid(objs) - t))

    def _class_loss(self, confs: Variable, labels: Array) -> Variable:
        return F.sum(F.softmax_cross_entropy(confs, labels, reduce='no'))


def paired_iou(a: Array, b: Array) -> Any:
    """The IoU of each box (P, 4) with the one in the same place: shape (P,)."""
    xp = get_array_module(a, b)
    sides = xp.maximum(xp.minimum(a[:, 2:], b[:, 2:]) - xp.maximum(a[:, :2], b[:, :2]), 0)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (a, b)]
    common = sides.prod(axis=1)
    return common / (areas[0] + areas[1] - common)
