"""Faster R-CNN: one network proposes regions of a picture, and another says what is in each of them."""
from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import autograd_nn.functions as F
from autograd_nn.datasets import transforms
from autograd_nn.link import Link
from autograd_nn.models.detection.boxes import clip_boxes, decode_boxes
from autograd_nn.models.detection.detector import Detector, check_truths, picture_size
from autograd_nn.models.detection.region_proposals import join_regions
from autograd_nn.models.detection.region_targets import AnchorTargetCreator, ProposalTargetCreator, location_loss
from autograd_nn.types import Array
from autograd_nn.variable import Variable, as_variable


@dataclass
class Proposals:
    """What the first stage of a `FasterRCNN` says of N pictures.

    Unpacked, it is what the second stage says of the regions, as ChainerCV's class returns it: offsets of objects for
    each class, float of shape (R, classes * 4); scores before softmax, shape (R, classes), of background first; and
    `rois` and `roi_indices`.

    Attributes:
        network: The detector.
        features: The pictures' features.
        locs: Offsets of regions from S anchors, shape (N, S, 4).
        scores: How much each is like an object, as the first stage has it.
        rois: The regions of all pictures that are proposed, shape (R, 4).
        roi_indices: Which picture each of them is of, int32, shape (R,).
        anchors: Shape (S, 4).
        size: The height and width of the pictures.
    """

    network: FasterRCNN
    features: Any
    locs: Variable
    scores: Variable
    rois: Any
    roi_indices: Any
    anchors: Any
    size: Sequence[int]

    def __iter__(self) -> Iterator[Any]:
        yield from self.network.roi_head(self.features, self.rois, self.roi_indices)
        yield self.rois
        yield self.roi_indices


class FasterRCNN(Detector):
    """A detector of two stages: a feature extractor, what proposes regions, and what says what is in each of them.

    Presets and what is returned are those of ChainerCV's class of this name. Reference: S. Ren et al., Faster R-CNN:
    Towards real-time object detection with region proposal networks, 2015, https://arxiv.org/abs/1506.01497.

    Args:
        extractor: Computes features of prepared pictures.
        rpn: Called with features, the pictures' size and scales (see `RegionProposalNetwork`).
        head: Called with features, regions and which picture each is of; returns offsets (R, classes * 4) and scores
            (R, classes), of background first. It has the attribute `n_class`, the number of classes with background.
        mean: What is subtracted from pictures: a number, or one each for red, green and blue.
        min_size: The shorter side of prepared pictures in pixels,
        max_size: unless the longer one would be longer than this.
        loc_normalize_std: By which offsets are divided.

    Raises:
        ValueError: There are no classes.

    Attributes:
        head_name: What the last of the three is called in paths of parameters.
        anchor_target_creator: Chooses what the first stage learns from.
        proposal_target_creator: Chooses what the second stage learns from.
        sigmas: For the first and the second stage, where the loss of offsets becomes linear (see `location_loss`).
    """

    head_name = 'head'
    presets = {'visualize': (0.3, 0.7), 'evaluate': (0.3, 0.05)}
    sigmas = 3., 1.

    def __init__(self, extractor: Link, rpn: Link, head: Link, mean: float | Sequence[float], min_size: int = 600,
                 max_size: int = 1000, loc_normalize_std: Sequence[float] = (0.1, 0.1, 0.2, 0.2)) -> None:
        super().__init__()
        with self.init_scope():
            self.extractor: Any = extractor
            self.rpn: Any = rpn
            setattr(self, self.head_name, head)
        self._check_classes()
        self.mean = np.reshape(np.asarray(mean, np.float32), (-1, 1, 1))
        self.min_size = min_size
        self.max_size = max_size
        self.loc_normalize_std = tuple(loc_normalize_std)
        self.anchor_target_creator = AnchorTargetCreator()
        self.proposal_target_creator = ProposalTargetCreator()

    @property
    def roi_head(self) -> Any:
        """What says what is in regions: the child that is called `head_name`."""
        return self[self.head_name]

    @property
    def n_class(self) -> int:
        """The number of classes, background included."""
        return int(self.roi_head.n_class)

    @property
    def n_fg_class(self) -> int:
        """The number of classes, without background."""
        return self.n_class - 1

    @property
    def class_outputs(self) -> int:
        """How many outputs for each region depend on the classes."""
        return self.n_class

    def _layers_in_order(self) -> dict[str, list[Link]]:
        return {**self.extractor._layers_in_order(), 'rpn': [self.rpn], self.head_name: [self.roi_head]}

    def forward(self, x: Any, scales: Sequence[float] | None = None) -> Proposals:
        """Proposes regions; what is in them is said when the result is unpacked.

        Args:
            x: Prepared pictures, shape (N, 3, H, W).
            scales: By which each of them was scaled; 1 by default. Regions that were too small before are left out.

        Returns:
            For `losses`, or to be unpacked (see there).
        """
        features = self.extractor(as_variable(x))
        locs, scores, rois, indices, anchors = self.rpn(features, x.shape[2:], scales)
        return Proposals(self, features, locs, scores, rois, indices, anchors, x.shape[2:])

    def prepare(self, image: np.ndarray) -> np.ndarray:
        """Scales a picture so that its shorter side has `min_size` pixels, or its longer one `max_size`.

        Args:
            image: RGB from 0 to 255, shape (3, H, W).

        Returns:
            The picture less the mean, float32, shape (3, H, W).

        Raises:
            ValueError: It has another shape.
        """
        own = picture_size(image)
        size = self._prepared_size(own)
        scaled = np.asarray(image, np.float32)
        return (scaled if size == own else transforms.Resize(size)(scaled)) - self.mean

    def prepare_boxes(self, boxes: np.ndarray, size: Sequence[int]) -> np.ndarray:
        """Where boxes of a picture are after `prepare`.

        Args:
            boxes: (y_min, x_min, y_max, x_max) in pixels of the picture, shape (R, 4).
            size: The height and width of the picture.
        """
        return (boxes * np.tile(np.divide(self._prepared_size(size), size), 2)).astype(np.float32)

    def _prepared_size(self, size: Sequence[int]) -> tuple[int, int]:
        scale = min(self.min_size / min(size), self.max_size / max(size))
        return max(1, int(size[0] * scale + 1e-6)), max(1, int(size[1] * scale + 1e-6))

    def detect(self, images: Sequence[np.ndarray]) -> Iterable[tuple[Any, Any, Any]]:
        for image in images:
            size = self._prepared_size(picture_size(image))
            locs, scores, rois, _ = self(self.device.send(self.prepare(image)[None]), [size[1] / image.shape[2]])
            ratio = self.xp.asarray(np.tile(np.divide(image.shape[1:], size), 2), rois.dtype)
            yield self.decode(rois * ratio, locs.array, F.softmax(scores).array, image.shape[1:])

    def decode(self, rois: Array, locs: Array, probabilities: Array, size: Sequence[int]) -> tuple[Any, Any, Any]:
        """The objects that the network sees in a picture.

        Args:
            rois: Regions, shape (R, 4).
            locs: Offsets of objects from them for each class, shape (R, classes * 4).
            probabilities: Shape (R, classes), of background first.
            size: The height and width of the picture.

        Returns:
            Boxes, float32 of shape (K, 4); labels, int32 of shape (K,); and scores, float32 of shape (K,). They are
            sorted by label, then by falling score.
        """
        locs = locs.reshape(len(rois), self.n_class, 4).astype(np.float32, copy=False)
        boxes = clip_boxes(decode_boxes(rois[:, None], locs, self.loc_normalize_std), size)
        return self.choose(boxes[:, 1:], probabilities[:, 1:].astype(np.float32, copy=False))

    def losses(self, outputs: Proposals, boxes: Sequence[Array], labels: Sequence[Array]) -> dict[str, Variable]:
        """The four losses to train with, by ChainerCV's names: of offsets and of classes, in both stages.

        Args:
            outputs: What the network returned for N pictures.
            boxes: For each picture the objects' boxes, (y_min, x_min, y_max, x_max) in pixels of the prepared pictures,
                float of shape (R, 4).
            labels: For each picture their classes, integers of shape (R,).

        Raises:
            ValueError: The numbers or shapes do not fit, a box has no area or its centre is outside, or a class is not
                among those known.
        """
        boxes, labels = check_truths(boxes, labels, len(outputs.locs), outputs.size, self.n_fg_class)
        xp, rois, indices = self.xp, outputs.rois, outputs.roi_indices
        truths = [self.anchor_target_creator(box, outputs.anchors, outputs.size) for box in boxes]
        anchor_locs, anchor_labels = (xp.stack(column) for column in zip(*truths, strict=True))
        samples = [self.proposal_target_creator(rois[indices == i], box, label, self.loc_normalize_std)
                   for i, (box, label) in enumerate(zip(boxes, labels))]
        chosen, roi_locs, roi_labels = zip(*samples)
        rois, indices = join_regions(chosen)
        roi_locs, roi_labels = xp.concatenate(roi_locs), xp.concatenate(roi_labels)
        locs, scores = map(_single, self.roi_head(outputs.features, rois, indices))
        locs = F.reshape(locs, (len(rois), self.n_class, 4))[xp.arange(len(rois)), roi_labels]
        return {'rpn_loc_loss': location_loss(F.reshape(_single(outputs.locs), (-1, 4)), anchor_locs.reshape(-1, 4),
                                              anchor_labels.reshape(-1), self.sigmas[0]),
                'rpn_cls_loss': self.rpn.classification_loss(_single(outputs.scores), anchor_labels),
                'roi_loc_loss': location_loss(locs, roi_locs, roi_labels, self.sigmas[1]),
                'roi_cls_loss': F.softmax_cross_entropy(scores, roi_labels)}

    def loss(self, outputs: Proposals, boxes: Sequence[Array], labels: Sequence[Array]) -> Variable:
        """The sum of the losses to train with (see `losses`), a scalar."""
        first, *others = self.losses(outputs, boxes, labels).values()
        return sum(others, first)


def _single(x: Variable) -> Variable:
    """In single precision: sums of many losses go beyond half."""
    return F.cast(x, np.promote_types(x.dtype, np.float32))
