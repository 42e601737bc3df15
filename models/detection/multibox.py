"""Detection from default boxes: what is learned of each of them, and what a network says of each of them."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import initializers
from autograd_nn.backend import get_array_module
from autograd_nn.link import Chain, ChainList
from autograd_nn.models.detection.boxes import decode_boxes, encode_boxes, grid_anchors
from autograd_nn.models.detection.detector import choose_objects
from autograd_nn.types import Array, ArrayLike, InitializerLike
from autograd_nn.utils.boxes import box_iou
from autograd_nn.variable import Variable, as_array, as_variable

# A default box that hardly touches an object cannot learn it.
_LEAST_OVERLAP = 1e-6


def default_boxes(grids: Sequence[int], aspect_ratios: Sequence[Sequence[float]], steps: Sequence[float],
                  sizes: Sequence[float]) -> np.ndarray:
    """The boxes that a multibox detector starts from.

    Around the centre of each cell of each grid there is a square of that grid's size, a square of the geometric mean of
    this and the next grid's size, and for each aspect ratio a wide and a high box of the first one's area. Reference:
    W. Liu et al., SSD: Single Shot MultiBox Detector, 2016, https://arxiv.org/abs/1512.02325, section 2.2.

    Args:
        grids: The height and width of each feature map.
        aspect_ratios: For each of them ratios of sides other than 1.
        steps: For each of them the distance of neighbouring cells in pixels.
        sizes: For each of them the side of a default box in pixels, and one more.

    Returns:
        (y_min, x_min, y_max, x_max) in pixels; float32, shape (K, 4). They are in the order of grids, then of rows,
        then of columns.

    Raises:
        ValueError: The numbers of grids, ratios, steps and sizes do not fit together.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models.detection.multibox import default_boxes
        >>> default_boxes([1], [[4]], [20], [4, 9]).tolist()
        [[8.0, 8.0, 12.0, 12.0], [7.0, 7.0, 13.0, 13.0], [9.0, 6.0, 11.0, 14.0], [6.0, 9.0, 14.0, 11.0]]
    """
    if not len(grids) == len(aspect_ratios) == len(steps) == len(sizes) - 1:
        raise ValueError(f'default_boxes: expected as many aspect_ratios and steps as grids, and one size more, got '
                         f'{len(grids)} grids, {len(aspect_ratios)} aspect_ratios, {len(steps)} steps and '
                         f'{len(sizes)} sizes')
    boxes = []
    for grid, ratios, step, size, next_size in zip(grids, aspect_ratios, steps, sizes, sizes[1:]):
        roots = [ratio ** power for ratio in ratios for power in (0.5, -0.5)]
        shapes = [(size, size), ((size * next_size) ** 0.5,) * 2, *((size / root, size * root) for root in roots)]
        halves = np.array(shapes) / 2
        around_corner = np.concatenate([-halves, halves], axis=1)
        boxes.append(grid_anchors((around_corner + step / 2).astype(np.float32), step, (grid, grid)))
    return np.concatenate(boxes)


class MultiboxCoder:
    """Translates objects to what a network is to say of each default box, and back.

    Of a box with centre (y, x), height h and width w, the network says how it differs from a default box (Y, X, H, W):
    (y - Y) / (H v), (x - X) / (W v), log(h / H) / u and log(w / W) / u, where v and u are the variances.

    Args:
        grids: See `default_boxes`, as for the next three.
        aspect_ratios: See there.
        steps: See there.
        sizes: See there.
        variance: The two variances.

    Attributes:
        default_boxes: What `default_boxes` returns, for K boxes.

    Raises:
        ValueError: The numbers of grids, ratios, steps and sizes do not fit together.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models.detection.multibox import MultiboxCoder
        >>> coder = MultiboxCoder(grids=[2], aspect_ratios=[[2]], steps=[16], sizes=[10, 20])
        >>> locs, labels = coder.encode(np.array([[2, 3, 13, 14]], 'f'), np.array([7], 'i'))
        >>> labels.tolist()
        [8, 8, 8, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        >>> confs = 9. * np.eye(11)[labels]
        >>> boxes, labels, scores = coder.decode(locs, confs)
        >>> boxes.round(3).tolist(), labels.tolist()
        ([[2.0, 3.0, 13.0, 14.0]], [7])
    """

    def __init__(self, grids: Sequence[int], aspect_ratios: Sequence[Sequence[float]], steps: Sequence[float],
                 sizes: Sequence[float], variance: tuple[float, float] = (0.1, 0.2)) -> None:
        self.default_boxes = default_boxes(grids, aspect_ratios, steps, sizes)
        self.variance = variance
        self._scales = *variance[:1] * 2, *variance[1:] * 2

    def encode(self, boxes: np.ndarray, labels: np.ndarray, iou_threshold: float = 0.5,
               ) -> tuple[np.ndarray, np.ndarray]:
        """What a network should say of a picture.

        Each object goes to the default box that it overlaps most, and to all others with an IoU of at least
        `iou_threshold`, if they have no more of another object.

        Args:
            boxes: The objects of the picture, (y_min, x_min, y_max, x_max) in pixels of the network's input; float,
                shape (R, 4).
            labels: Their classes, integers of shape (R,).
            iou_threshold: The least IoU.

        Returns:
            Differences, float32 of shape (K, 4), and classes, int32 of shape (K,): 0 for background (where the
            differences are 0), otherwise a label plus 1.

        Raises:
            ValueError: The shapes do not fit, or a box has no area.
        """
        boxes, labels = np.asarray(boxes, np.float32).reshape(-1, 4), np.asarray(labels, np.int32)
        if labels.shape != (len(boxes),):
            raise ValueError(f'encode: expected a label for each of {len(boxes)} boxes, got labels of shape '
                             f'{labels.shape}')
        right = (np.isfinite(boxes[:, 2:] - boxes[:, :2]) & (boxes[:, 2:] > boxes[:, :2])).all(axis=1)
        if not right.all():
            raise ValueError('encode: expected boxes (y_min, x_min, y_max, x_max) with an area, got '
                             f'{boxes[~right][0].tolist()}')
        chosen = self._match(boxes, iou_threshold)
        found = np.flatnonzero(chosen >= 0)
        locs, classes = np.zeros((len(chosen), 4), np.float32), np.zeros(len(chosen), np.int32)
        locs[found] = encode_boxes(self.default_boxes[found], boxes[chosen[found]], self._scales)
        classes[found] = labels[chosen[found]] + 1
        return locs, classes

    def _match(self, boxes: np.ndarray, iou_threshold: float) -> np.ndarray:
        """For each default box the index of its object, or -1."""
        chosen = np.full(len(self.default_boxes), -1)
        if not len(boxes):
            return chosen
        iou = box_iou(self.default_boxes, boxes)
        near = iou.max(axis=1) >= iou_threshold
        chosen[near] = iou[near].argmax(axis=1)
        # No object goes without a default box: of all pairs that are left, the one that overlaps most.
        for _ in boxes:
            default, box = np.unravel_index(iou.argmax(), iou.shape)
            if iou[default, box] <= _LEAST_OVERLAP:
                break
            chosen[default] = box
            iou[default] = iou[:, box] = 0
        return chosen

    def decode(self, locs: Array, confs: Array, nms_threshold: float = 0.45, score_threshold: float = 0.6,
               ) -> tuple[Array, Array, Array]:
        """What a network says of a picture, as objects.

        Args:
            locs: Differences, float of shape (K, 4).
            confs: Scores before softmax, float of shape (K, classes + 1), the first for background.
            nms_threshold: The largest IoU of two objects of a class; of those with more, the one with the greater
                score is taken (see `utils.non_maximum_suppression`).
            score_threshold: The least score of an object.

        Returns:
            Boxes (y_min, x_min, y_max, x_max) in pixels of the network's input, float32 of shape (R, 4); labels, int32
            of shape (R,); and scores, float32 of shape (R,). They are sorted by label, then by falling score.
        """
        xp = get_array_module(locs)
        boxes = decode_boxes(xp.asarray(self.default_boxes), locs.astype(np.float32, copy=False), self._scales)
        confs = confs.astype(np.float32, copy=False)
        scores = xp.exp(confs - confs.max(axis=1, keepdims=True))
        scores /= scores.sum(axis=1, keepdims=True)
        return choose_objects(boxes, scores[:, 1:], nms_threshold, score_threshold)


class Multibox(Chain):
    """The layers of a multibox detector that say, from feature maps, what is at each default box.

    The paths of its parameters are those of ChainerCV's ``Multibox``. Reference: W. Liu et al., SSD: Single Shot
    MultiBox Detector, 2016, https://arxiv.org/abs/1512.02325, section 2.1.

    Args:
        n_class: The number of classes, background included.
        aspect_ratios: For each feature map the ratios of sides of its default boxes (see `default_boxes`).
        initialW: Initial filters; `LeCunUniform` by default.
        initial_bias: Initial bias; 0 by default.
    """

    def __init__(self, n_class: int, aspect_ratios: Sequence[Sequence[float]], initialW: InitializerLike = None,
                 initial_bias: InitializerLike = None) -> None:
        super().__init__()
        self.n_class = n_class
        self.aspect_ratios = aspect_ratios
        initialW = initializers.LeCunUniform() if initialW is None else initialW
        with self.init_scope():
            self.loc, self.conf = (
                ChainList(*[L.Convolution2D(None, 2 * (len(ratios) + 1) * numbers, 3, pad=1, initialW=initialW,
                                            initial_bias=initial_bias) for ratios in aspect_ratios])
                for numbers in (4, n_class))

    def forward(self, features: Iterable[ArrayLike]) -> tuple[Variable, Variable]:
        """Computes what is at each default box.

        Args:
            features: As many feature maps as there are `aspect_ratios`, of shape (N, C, H, W) each.

        Returns:
            Differences of shape (N, K, 4) and scores of shape (N, K, n_class), for K default boxes.
        """
        features = list(features)
        locs, confs = (F.concat([_by_box(layer(x), numbers) for layer, x in zip(layers, features, strict=True)])
                       for layers, numbers in ((self.loc, 4), (self.conf, self.n_class)))
        return locs, confs


def _by_box(x: Variable, numbers: int) -> Variable:
    """From shape (N, boxes * numbers, H, W) to (N, H * W * boxes, numbers)."""
    return F.reshape(F.transpose(x, (0, 2, 3, 1)), (len(x), -1, numbers))


def multibox_loss(mb_locs: ArrayLike, mb_confs: ArrayLike, gt_mb_locs: Any, gt_mb_labels: Any,
                  k: float) -> tuple[Variable, Variable]:
    """The losses of a multibox detector.

    The loss of places is counted where there is an object, and that of classes as well where it is greatest without
    one. Both are divided by the number of default boxes with an object in all the minibatch; without any, they are 0.
    Reference: W. Liu et al., SSD: Single Shot MultiBox Detector, 2016, https://arxiv.org/abs/1512.02325, equations 1
    to 3 and "Hard negative mining".

    Args:
        mb_locs: Differences that the network says, float of shape (B, K, 4).
        mb_confs: Its scores before softmax, float of shape (B, K, classes + 1), the first for background.
        gt_mb_locs: The true differences (see `MultiboxCoder.encode`), float of shape (B, K, 4).
        gt_mb_labels: The true classes, integers of shape (B, K); 0 for background.
        k: How many default boxes without an object are counted in a picture, for each one with an object.

    Returns:
        The loss of places (Huber's) and that of classes (softmax cross entropy), both of shape ().

    Raises:
        ValueError: The shapes do not fit.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models.detection.multibox import multibox_loss
        >>> labels = np.array([[2, 0, 0, 0]])
        >>> locs, confs = np.zeros((1, 4, 4), 'f'), np.zeros((1, 4, 3), 'f')
        >>> loc_loss, conf_loss = multibox_loss(locs, confs, locs + 1, labels, k=2)
        >>> loc_loss.item(), np.allclose(conf_loss.array, 3 * np.log(3))
        (2.0, True)
    """
    # Sums of many losses go beyond half precision.
    locs, confs = (F.cast(x, np.promote_types(x.dtype, np.float32)) for x in map(as_variable, (mb_locs, mb_confs)))
    true_locs, classes = as_array(gt_mb_locs), as_array(gt_mb_labels)
    if not (locs.shape == true_locs.shape == (*classes.shape, 4) and confs.shape[:-1] == classes.shape):
        raise ValueError(f'multibox_loss: expected gt_mb_labels of shape (B, K), locations of shape (B, K, 4) and '
                         f'mb_confs of shape (B, K, classes), got {classes.shape}, {locs.shape} and '
                         f'{true_locs.shape}, and {confs.shape}')
    xp = get_array_module(classes)
    positive = classes > 0
    count = xp.maximum(xp.count_nonzero(positive), 1).astype(locs.dtype)
    loc_loss = F.sum(F.huber_loss(locs, true_locs, 1, reduce='no'), axis=-1) * positive.astype(locs.dtype)
    entropy = F.reshape(F.softmax_cross_entropy(F.reshape(confs, (-1, confs.shape[-1])), classes.reshape(-1),
                                                reduce='no'), classes.shape)
    counted = positive | _hard_negatives(entropy.array, positive, k)
    return F.sum(loc_loss) / count, F.sum(entropy * counted.astype(entropy.dtype)) / count


def _hard_negatives(losses: Array, positive: Array, k: float) -> Array:
    """In each row the negatives of greatest loss, `k` times as many as it has positives."""
    order = get_array_module(losses).where(positive, 0, -losses).argsort(axis=1)
    return (order.argsort(axis=1) < k * positive.sum(axis=1, keepdims=True)) & ~positive
