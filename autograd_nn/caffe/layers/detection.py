"""The layers of single-shot detectors.

Liu et al., SSD: Single shot multibox detector (2016), https://arxiv.org/abs/1512.02325.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autograd_nn.backend import get_array_module, to_cpu
from autograd_nn.caffe.layers.registry import Layer, Specification, builder
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable, as_variable

CORNER, CENTER_SIZE, CORNER_SIZE = 1, 2, 3


def prior_sizes(min_sizes: Sequence[float], max_sizes: Sequence[float], aspect_ratios: Sequence[float],
                flip: bool) -> list[tuple[float, float]]:
    """The widths and heights, in pixels, of the boxes that a detector starts from at each position.

    For each least size: a square of it, a square of the geometric mean of it and the largest size where there is one,
    and a box of the first one's area for each aspect ratio.

    Args:
        min_sizes: Least sizes.
        max_sizes: As many largest sizes, or none.
        aspect_ratios: Ratios of width to height other than 1; one that comes again is left out.
        flip: Whether each ratio also comes with width and height exchanged.

    Example:
        >>> from autograd_nn.caffe.layers.detection import prior_sizes
        >>> prior_sizes([9], [16], [4], flip=False)
        [(9.0, 9.0), (12.0, 12.0), (18.0, 4.5)]
    """
    ratios = [1.]
    for ratio in aspect_ratios:
        if all(abs(ratio - other) >= 1e-6 for other in ratios):
            ratios += [ratio, 1 / ratio] if flip else [ratio]
    sizes = []
    for i, least in enumerate(min_sizes):
        sides = [least, (least * max_sizes[i]) ** 0.5] if max_sizes else [least]
        sizes += [(float(side), float(side)) for side in sides]
        sizes += [(least * ratio ** 0.5, least / ratio ** 0.5) for ratio in ratios[1:]]
    return sizes


@dataclass(frozen=True)
class PriorBox:
    """The boxes that a detector starts from, on the grid of a feature map.

    Args:
        sizes: Widths and heights in pixels (see `prior_sizes`).
        variances: One number or four: what predictions are multiplied by.
        image_size: The image's height and width, or None for those of the second bottom.
        step: The height and width of a cell of the grid in pixels, or None to divide the image evenly.
        offset: Where in its cell a box has its centre.
        clip: Whether to clip boxes to the image.
    """

    sizes: Sequence[tuple[float, float]]
    variances: Sequence[float]
    image_size: tuple[int, int] | None = None
    step: tuple[float, float] | None = None
    offset: float = 0.5
    clip: bool = False

    def __call__(self, features: ArrayLike, image: ArrayLike) -> Variable:
        """Returns boxes and variances, of shape (1, 2, 4 * boxes); coordinates go from 0 to 1 over the image.

        Args:
            features: The feature map, of shape (N, C, H, W).
            image: The image, of shape (N, C, H, W).
        """
        features = as_variable(features)
        rows, columns = features.shape[2:]
        height, width = self.image_size or as_variable(image).shape[2:]
        step_h, step_w = self.step or (height / rows, width / columns)
        centers = np.empty((rows, columns, len(self.sizes), 2))
        centers[..., 0] = ((np.arange(columns) + self.offset) * step_w)[:, None]
        centers[..., 1] = ((np.arange(rows) + self.offset) * step_h)[:, None, None]
        halves = np.array(self.sizes) / 2
        boxes = np.concatenate([centers - halves, centers + halves], -1) / [width, height, width, height]
        if self.clip:
            boxes = boxes.clip(0, 1)
        variances = np.broadcast_to(np.array(self.variances), (*boxes.shape[:-1], 4))
        xp = get_array_module(features.array)
        return Variable(xp.asarray(np.stack([boxes.reshape(-1), variances.reshape(-1)])[None], features.dtype),
                        requires_grad=False)


@builder('PriorBox')
def prior_box(spec: Specification) -> Layer:
    """The boxes that a detector starts from."""
    param = spec.prior_box_param
    if not param.min_size or min(param.min_size) <= 0 or any(ratio <= 0 for ratio in param.aspect_ratio):
        raise spec.error('expected at least one min_size, and positive sizes and aspect ratios')
    if param.max_size and len(param.max_size) != len(param.min_size):
        raise spec.error(f'expected as many max_sizes as min_sizes, got {len(param.max_size)} and '
                         f'{len(param.min_size)}')
    variances = list(param.variance) or [0.1]
    if len(variances) not in (1, 4):
        raise spec.error(f'expected one variance or four, got {len(variances)}')
    image = (param.img_h, param.img_w) if param.img_h and param.img_w else (param.img_size,) * 2
    step = (param.step_h, param.step_w) if param.step_h and param.step_w else (param.step,) * 2
    sizes = prior_sizes(param.min_size, param.max_size, param.aspect_ratio, param.flip)
    return PriorBox(sizes, variances, image if all(image) else None, step if all(step) else None, param.offset,
                    param.clip)


def decode_boxes(predictions: np.ndarray, priors: np.ndarray, variances: np.ndarray | None,
                 code_type: int = CENTER_SIZE) -> np.ndarray:
    """Boxes from a detector's predictions.

    Args:
        predictions: What the network says of each box, of shape (..., boxes, 4).
        priors: Where each box starts, corners (x1, y1, x2, y2) of shape (boxes, 4).
        variances: What predictions are multiplied by, of shape (boxes, 4); None where that has been done.
        code_type: What predictions are: shifts of the corners (1); shifts of the centre in units of the box, and
            logarithms of the factors of its size (2); shifts of the corners in units of the box (3).

    Returns:
        Corners of the shape of `predictions`.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.caffe.layers.detection import decode_boxes
        >>> decode_boxes(np.array([[.5, 0, np.log(2), 0]]), np.array([[0., 0, 2, 1]]), None)
        array([[0., 0., 4., 1.]])
    """
    shifts = predictions if variances is None else predictions * variances
    size = priors[:, 2:] - priors[:, :2]
    if code_type == CORNER:
        return priors + shifts
    if code_type == CORNER_SIZE:
        return priors + shifts * np.concatenate([size, size], 1)
    center = (priors[:, :2] + priors[:, 2:]) / 2 + shifts[..., :2] * size
    half = np.exp(shifts[..., 2:]) * size / 2
    return np.concatenate([center - half, center + half], -1)


def suppress_overlaps(boxes: np.ndarray, scores: np.ndarray, threshold: float, top_k: int = -1,
                      eta: float = 1.) -> np.ndarray:
    """Non-maximum suppression: drops boxes that overlap one with a higher score too much.

    Args:
        boxes: Corners (x1, y1, x2, y2), of shape (N, 4).
        scores: Of shape (N,).
        threshold: The largest ratio of intersection to union that is tolerated.
        top_k: Only so many boxes with the highest scores are looked at; -1 for all.
        eta: What the threshold, while it is above 0.5, is multiplied by after each box that stays.

    Returns:
        The indexes of those that stay, by falling score.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.caffe.layers.detection import suppress_overlaps
        >>> boxes = np.array([[0., 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10]])
        >>> suppress_overlaps(boxes, np.array([.5, .9, .7]), 0.5)
        array([1, 2])
    """
    order = np.argsort(-scores, kind='stable')
    order = order[:top_k] if top_k > -1 else order
    area = np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), 1)
    kept: list[int] = []
    for i in order:
        low, high = np.maximum(boxes[i, :2], boxes[kept, :2]), np.minimum(boxes[i, 2:], boxes[kept, 2:])
        common = np.prod(np.maximum(high - low, 0), 1)
        # Of boxes without an area, the ratio is 0.
        if (common <= threshold * (area[i] + area[kept] - common)).all():
            kept.append(i)
            if eta < 1 and threshold > 0.5:
                threshold *= eta
    return np.array(kept, int)


@dataclass(frozen=True)
class DetectionOutput:
    """Decodes a detector's predictions and keeps the best ones of each class.

    Args:
        num_classes: The number of classes, the background included.
        share_location: Whether all classes have one prediction of a place.
        background: The label of the background, which is not detected.
        code_type: See `decode_boxes`.
        variance_encoded: Whether predictions have been multiplied by the variances.
        confidence_threshold: Scores up to this one are dropped.
        nms_threshold: See `suppress_overlaps`, as for the next two.
        nms_top_k: See there.
        nms_eta: See there.
        keep_top_k: How many detections a sample keeps, -1 for all.
    """

    num_classes: int
    share_location: bool = True
    background: int = 0
    code_type: int = CORNER
    variance_encoded: bool = False
    confidence_threshold: float = -np.inf
    nms_threshold: float = 0.3
    nms_top_k: int = -1
    nms_eta: float = 1.
    keep_top_k: int = -1

    def __call__(self, locations: ArrayLike, confidences: ArrayLike, priors: ArrayLike, *rest: ArrayLike) -> Variable:
        """Detects.

        Args:
            locations: Predictions of places, of shape (N, boxes * 4), or (N, boxes * classes * 4).
            confidences: Scores, of shape (N, boxes * classes).
            priors: What `PriorBox` returns, of shape (1, 2, boxes * 4).

        Returns:
            An array of shape (1, 1, detections, 7) without a gradient; a row is sample, label, score and the corners
            x1, y1, x2 and y2. Without any detection there is a row for each sample, its number followed by -1.
        """
        variables = [as_variable(x) for x in (locations, confidences, priors)]
        xp, dtype = get_array_module(variables[0].array), variables[0].dtype
        location, confidence, prior = (to_cpu(x.array).astype(np.float32) for x in variables)
        boxes = prior.reshape(2, -1, 4)
        count, places = boxes.shape[1], 1 if self.share_location else self.num_classes
        n = len(location)
        if location.size != n * count * places * 4 or confidence.size != n * count * self.num_classes:
            raise ValueError(f'{count} boxes and {self.num_classes} classes do not fit locations of shape '
                             f'{location.shape} and confidences of shape {confidence.shape}')
        location = location.reshape(n, count, places, 4).transpose(0, 2, 1, 3)
        decoded = decode_boxes(location, boxes[0], None if self.variance_encoded else boxes[1], self.code_type)
        scores = confidence.reshape(n, count, self.num_classes).transpose(0, 2, 1)
        rows = [row for i in range(n) for row in self._detect(i, decoded[i], scores[i])]
        y = np.array(rows, np.float32) if rows else np.array([[i] + [-1] * 6 for i in range(n)], np.float32)
        return Variable(xp.asarray(y.reshape(1, 1, -1, 7), dtype), requires_grad=False)

    def _detect(self, sample: int, boxes: np.ndarray, scores: np.ndarray) -> list[np.ndarray]:
        """The rows of one sample, from boxes (1 or classes, boxes, 4) and scores (classes, boxes)."""
        found = []
        for label in range(self.num_classes):
            if label != self.background:
                candidates = np.flatnonzero(scores[label] > self.confidence_threshold)
                places = boxes[0 if self.share_location else label][candidates]
                kept = suppress_overlaps(places, scores[label][candidates], self.nms_threshold, self.nms_top_k,
                                         self.nms_eta)
                found += [np.array([sample, label, score, *place]) for score, place
                          in zip(scores[label][candidates][kept], places[kept])]
        if -1 < self.keep_top_k < len(found):
            best = np.argsort([-row[2] for row in found], kind='stable')[:self.keep_top_k]
            found = [found[i] for i in sorted(best)]
        return found


@builder('DetectionOutput')
def detection_output(spec: Specification) -> Layer:
    """Decodes predictions, and keeps the best ones of each class."""
    param = spec.detection_output_param
    nms = param.nms_param
    if param.num_classes < 1:
        raise spec.error('expected num_classes of at least 1')
    confidence = param.confidence_threshold if param.HasField('confidence_threshold') else -np.inf
    return DetectionOutput(param.num_classes, param.share_location, param.background_label_id, param.code_type,
                           param.variance_encoded_in_target, confidence, nms.nms_threshold,
                           nms.top_k if nms.HasField('top_k') else -1, nms.eta, param.keep_top_k)
