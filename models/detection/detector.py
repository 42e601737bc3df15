"""What detectors of all kinds have in common."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import ClassVar

import numpy as np

from autograd_nn.backend import get_array_module, to_cpu
from autograd_nn.config import no_backprop_mode, using_config
from autograd_nn.link import Chain
from autograd_nn.types import Array
from autograd_nn.utils.boxes import non_maximum_suppression

Found = tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]


class Detector(Chain):
    """A network that says where on pictures objects are, and of which class.

    A subclass has `presets` and overrides `detect`.

    Attributes:
        presets: By what is asked for, the largest IoU of two objects of a class and the least score of an object.
        nms_thresh: The largest IoU of two objects of a class in a prediction (see `use_preset`).
        score_thresh: The least score of an object in a prediction.
        whole: What a loss that is divided by a number of this minibatch divides by instead. Where several processes
            share minibatches, it is to return the number's mean over them (see `training.processes.Processes.whole`).
    """

    presets: ClassVar[Mapping[str, tuple[float, float]]]

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
