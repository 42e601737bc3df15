"""SSD: one look at a picture, from which feature maps of several sizes say what is at each of their places."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from autograd_nn.datasets import transforms
from autograd_nn.link import Link
from autograd_nn.models.detection.boxes import clip_boxes
from autograd_nn.models.detection.detector import Detector, check_truths, picture_size
from autograd_nn.models.detection.multibox import Multibox, MultiboxCoder, multibox_loss
from autograd_nn.models.layers.blocks import Layer, StagedChain
from autograd_nn.sequential import run_layers
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable

# How many default boxes without an object are trained on, for each one with an object.
NEGATIVES = 3


class SSD(Detector):
    """A single shot multibox detector: a feature extractor, and what says from its maps what is at each default box.

    Called with images of shape (N, 3, insize, insize), prepared as `prepare` does it, it returns differences from the
    default boxes and scores before softmax (see `Multibox`). Parameter paths and presets are those of ChainerCV's
    ``SSD``. Reference: W. Liu et al., SSD: Single Shot MultiBox Detector, 2016, https://arxiv.org/abs/1512.02325.

    Args:
        extractor: The link that computes feature maps; with attributes `insize` and `grids` as in `Extractor`.
        multibox: What says what is at each default box.
        steps: The distances of neighbouring default boxes in pixels (see `default_boxes`).
        sizes: The sizes of default boxes in pixels (see there).
        variance: The variances of `MultiboxCoder`.
        mean: What is subtracted from pictures: a number, or one each for red, green and blue.

    Attributes:
        coder: The `MultiboxCoder`.

    Raises:
        ValueError: The numbers of grids, ratios, steps and sizes do not fit together, or there are no classes.
    """

    presets = {'visualize': (0.45, 0.6), 'evaluate': (0.45, 0.01)}

    def __init__(self, extractor: Any, multibox: Multibox, steps: Sequence[float], sizes: Sequence[float],
                 variance: tuple[float, float] = (0.1, 0.2), mean: float | Sequence[float] = 0.) -> None:
        super().__init__()
        with self.init_scope():
            self.extractor = extractor
            self.multibox = multibox
        self._check_classes()
        self.mean = np.reshape(np.asarray(mean, np.float32), (-1, 1, 1))
        self.coder = MultiboxCoder(self.extractor.grids, multibox.aspect_ratios, steps, sizes, variance)

    @property
    def insize(self) -> int:
        """The height and width of the images it works on, in pixels."""
        return int(self.extractor.insize)

    @property
    def n_fg_class(self) -> int:
        """The number of classes, without background."""
        return self.multibox.n_class - 1

    @property
    def class_outputs(self) -> int:
        """How many outputs for each default box depend on the classes."""
        return self.multibox.n_class

    def _layers_in_order(self) -> dict[str, list[Link]]:
        return {**self.extractor._layers_in_order(), 'multibox': [self.multibox]}

    def forward(self, x: ArrayLike) -> tuple[Variable, Variable]:
        """Computes what is at each default box.

        Args:
            x: Prepared images of shape (N, 3, insize, insize).

        Returns:
            Differences of shape (N, K, 4) and scores of shape (N, K, classes + 1), for K default boxes.
        """
        return self.multibox(self.extractor(x))

    def prepare(self, image: np.ndarray) -> np.ndarray:
        """Scales an image to the size that the network works on, and subtracts the mean.

        Args:
            image: RGB from 0 to 255, shape (3, H, W).

        Returns:
            A float32 array of shape (3, insize, insize).

        Raises:
            ValueError: It has another shape.
        """
        size, scaled = picture_size(image), np.asarray(image, np.float32)
        if size != (self.insize, self.insize):
            scaled = transforms.Resize(self.insize)(scaled)
        return scaled - self.mean

    def prepare_boxes(self, boxes: np.ndarray, size: Sequence[int]) -> np.ndarray:
        """Where boxes of an image are after `prepare`.

        Args:
            boxes: (y_min, x_min, y_max, x_max) in pixels of the image, shape (R, 4).
            size: The height and width of the image.

        Returns:
            A float32 array of shape (R, 4).
        """
        return (boxes * np.tile(np.divide(self.insize, size), 2)).astype(np.float32)

    def loss(self, outputs: tuple[Variable, Variable], boxes: Sequence[np.ndarray],
             labels: Sequence[np.ndarray]) -> Variable:
        """The loss to train with (see `multibox_loss`).

        Args:
            outputs: What the network returned for N images.
            boxes: For each image the objects' boxes, (y_min, x_min, y_max, x_max) in pixels of the prepared images,
                float of shape (R, 4).
            labels: For each image their classes, integers of shape (R,).

        Returns:
            A scalar.

        Raises:
            ValueError: The numbers or shapes do not fit, a box has no area or its centre is outside, or a class is not
                among those known.
        """
        known = check_truths(boxes, labels, len(outputs[0]), (self.insize,) * 2, self.n_fg_class)
        truths = [self.coder.encode(*truth) for truth in zip(*known)]
        locs, classes = map(np.stack, zip(*truths))
        loc_loss, conf_loss = multibox_loss(*outputs, self.device.send(locs), self.device.send(classes), NEGATIVES)
        # Both are divided by the number of default boxes with an object.
        own = int(np.count_nonzero(classes))
        whole = self.whole(own)
        return loc_loss + conf_loss if own == whole else (loc_loss + conf_loss) * (own / whole)

    def detect(self, images: Sequence[np.ndarray]) -> Iterable[tuple[Any, Any, Any]]:
        outputs = self(self.device.send(np.stack([self.prepare(image) for image in images])))
        for image, locs, confs in zip(images, *(y.array for y in outputs)):
            boxes, labels, scores = self.coder.decode(locs, confs, self.nms_thresh, self.score_thresh)
            ratio = self.xp.asarray(np.divide(image.shape[1:] * 2, self.insize), np.float32)
            yield clip_boxes(boxes * ratio, image.shape[1:]), labels, scores


class Extractor(StagedChain):
    """Stages that compute feature maps: those of the stages that are named, and of all branches.

    Args:
        insize: The height and width of its images, in pixels.
        grids: The height and width of each feature map.
        features: The names of the stages whose outputs are feature maps.
    """

    def __init__(self, insize: int, grids: Sequence[int], features: Iterable[str]) -> None:
        super().__init__()
        self.insize = insize
        self.grids = tuple(grids)
        self.features = tuple(features)

    def forward(self, x: ArrayLike) -> list[Variable]:
        """Computes the feature maps.

        Args:
            x: Images of shape (N, 3, insize, insize).

        Returns:
            Arrays of shape (N, C, grid, grid).
        """
        maps: list[Variable] = []
        row: list[Layer] = []
        h: Any = x
        for name, layers in self.functions.items():
            # Layers up to the next feature map are one row, so that they can be computed together.
            if name not in self._branches:
                row += layers
            if name in self._branches or name in self.features:
                h, row = run_layers(row, h), []
                maps.append(run_layers(layers, h) if name in self._branches else h)
        return maps
