"""What detectors of all kinds have in common."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from autograd_nn.backend import get_array_module, to_cpu
from autograd_nn.config import no_backprop_mode, using_config
from autograd_nn.link import Chain
from autograd_nn.types import Array
from autograd_nn.utils.boxes import non_maximum_suppression
from autograd_nn.utils.type_check import ShapeError

Found = tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]


class Detector(Chain):
    """A network that says where on pictures objects are, and of which class.

    A subclass has `presets` and `n_fg_class`, the number of classes, and overrides `detect`.

    Attributes:
        presets: By what is asked for, the largest IoU of two objects of a class and the least score of an object.
        nms_thresh: The largest IoU of two objects of a class in a prediction (see `use_preset`).
        score_thresh: The least score of an object in a prediction.
        whole: What a loss that is divided by a number of this minibatch divides by instead. Where several processes
            share minibatches, it is to return the number's mean over them (see `training.processes.Processes.whole`).
    """

    presets: ClassVar[Mapping[str, tuple[float, float]]]
    n_fg_class: Any

    def __init__(self) -> None:
        super().__init__()
        self.use_preset('visualize')
        self.whole: Callable[[float], float] = _itself

    def use_preset(self, preset: str) -> None:
        """Chooses how sure the network is to be of an object in a prediction.

        Args:
            preset: ``'visualize'`` for objects that a person is to see, ``'evaluate'`` for as many as count in a
                metric.

        Raises:
            ValueError: There is no such preset.
        """
        if preset not in self.presets:
            raise ValueError(f'use_preset: expected {" or ".join(map(repr, self.presets))}, got {preset!r}')
        self.nms_thresh, self.score_thresh = self.presets[preset]

    def _check_classes(self) -> None:
        """Requires a class at least."""
        count: int = self.n_fg_class
        if count < 1:
            raise ValueError(f'{type(self).__name__}: expected a num_classes of at least 1, got {count}')

    def predict(self, images: Iterable[np.ndarray]) -> Found:
        """Detects the objects in pictures, in test mode and without a graph.

        Args:
            images: RGB from 0 to 255, of shape (3, H, W) each, of any sizes.

        Returns:
            For each picture the objects' boxes (y_min, x_min, y_max, x_max) in its pixels, float32 of shape (R, 4);
            their labels, int32 of shape (R,); and scores from 0 to 1, float32 of shape (R,). Objects are sorted by
            label, then by falling score.

        Raises:
            ValueError: A picture has another shape.
        """
        found: Found = ([], [], [])
        images = list(images)
        if images:
            with using_config('train', False), no_backprop_mode():
                for parts in self.detect(images):
                    for row, part in zip(found, parts):
                        row.append(to_cpu(part))
        return found

    def detect(self, images: Sequence[np.ndarray]) -> Iterable[tuple[Array, Array, Array]]:
        """Computes what `predict` returns, picture by picture, in any memory.

        Args:
            images: See there; one at least.
        """
        raise NotImplementedError

    def choose(self, boxes: Array, scores: Array) -> tuple[Array, Array, Array]:
        """The objects among candidates, by `nms_thresh` and `score_thresh`.

        Args:
            boxes: See `choose_objects`.
            scores: See there.
        """
        return choose_objects(boxes, scores, self.nms_thresh, self.score_thresh)


def picture_size(image: np.ndarray) -> tuple[int, int]:
    """The height and width of a picture that is to be prepared.

    Args:
        image: RGB from 0 to 255, shape (3, H, W).

    Raises:
        ValueError: It has another shape, or no pixels.
    """
    if np.ndim(image) != 3 or len(image) != 3 or not np.size(image):
        raise ShapeError(f'prepare: expected an image of shape (3, H, W), got {np.shape(image)}')
    return image.shape[1], image.shape[2]


def check_truths(boxes: Sequence[Any], labels: Sequence[Any], count: int, size: Sequence[int],
                 n_fg_class: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """What a loss is told of the objects in pictures, as arrays of NumPy.

    Args:
        boxes: For each picture (y_min, x_min, y_max, x_max) in pixels, shape (R, 4).
        labels: For each picture the classes, integers of shape (R,).
        count: The number of pictures.
        size: Their height and width.
        n_fg_class: The number of classes.

    Returns:
        Boxes, float32, and labels, int32.

    Raises:
        ValueError: The numbers or shapes do not fit, a box has no area or its centre is outside, or a class is not
            among those known.

    Example:
        >>> check_truths([[[1, 2, 3, 4]]], [[7]], count=1, size=(8, 8), n_fg_class=10)
        ([array([[1., 2., 3., 4.]], dtype=float32)], [array([7], dtype=int32)])
    """
    if not len(boxes) == len(labels) == count:
        raise ShapeError(f'loss: expected boxes and labels of {count} pictures, got boxes of {len(boxes)} and labels '
                         f'of {len(labels)}')
    arrays = [np.asarray(to_cpu(box), np.float32) for box in boxes]
    arrays = [box if box.size else box.reshape(0, 4) for box in arrays]
    numbers = [np.asarray(to_cpu(label)) for label in labels]
    for box, number in zip(arrays, numbers):
        if box.ndim != 2 or box.shape[1] != 4 or number.shape != box.shape[:1]:
            raise ShapeError(f'loss: expected boxes of shape (R, 4) and a label for each box, got boxes of shape '
                             f'{box.shape} and labels of shape {number.shape}')
        centers, sizes = (box[:, :2] + box[:, 2:]) / 2, box[:, 2:] - box[:, :2]
        right = ((sizes > 0) & (sizes < np.inf) & (centers >= 0) & (centers < np.asarray(size))).all(axis=1)
        if not right.all():
            raise ValueError('loss: expected boxes (y_min, x_min, y_max, x_max) with an area, in pictures of '
                             f'{size[0]} x {size[1]} pixels, got {box[~right][0].tolist()}')
        if not np.isin(number, np.arange(n_fg_class)).all():
            raise ValueError(f'loss: expected labels from 0 to {n_fg_class - 1}, got {number.min()} to {number.max()}')
    return arrays, [number.astype(np.int32) for number in numbers]


def choose_objects(boxes: Array, scores: Array, nms_threshold: float,
                   score_threshold: float) -> tuple[Array, Array, Array]:
    """The objects among candidates: those with a score that is high enough, and no better one of their class nearby.

    Args:
        boxes: (y_min, x_min, y_max, x_max) of K candidates, float of shape (K, 4), or for each class others, of shape
            (K, classes, 4).
        scores: Of each class, float of shape (K, classes).
        nms_threshold: The largest IoU of two objects of a class; of those with more, the one with the greater score is
            taken (see `utils.non_maximum_suppression`).
        score_threshold: The least score of an object.

    Returns:
        Boxes of shape (R, 4); labels, int32 of shape (R,); and scores of shape (R,). They are sorted by label, then by
        falling score.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models.detection.detector import choose_objects
        >>> boxes = np.array([[0, 0, 9, 9], [0, 0, 9, 8], [5, 5, 9, 9]], 'f')
        >>> scores = np.array([[0.7, 0.1], [0.9, 0.1], [0.2, 0.6]], 'f')
        >>> _, labels, scores = choose_objects(boxes, scores, 0.5, 0.5)
        >>> labels.tolist(), scores.round(1).tolist()
        ([0, 1], [0.8999999761581421, 0.6000000238418579])
    """
    xp = get_array_module(boxes)
    found: list[tuple[Array, Array, Array]] = []
    for label in range(scores.shape[1]):
        own = boxes if boxes.ndim == 2 else boxes[:, label]
        likely = xp.flatnonzero(scores[:, label] >= score_threshold)
        best = likely[non_maximum_suppression(own[likely], nms_threshold, scores[likely, label])]
        found.append((own[best], xp.full(len(best), label, np.int32), scores[best, label]))
    return tuple(map(xp.concatenate, zip(*found)))


def _itself(number: float) -> float:
    return number
