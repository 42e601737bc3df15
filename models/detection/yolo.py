"""YOLO: one look at a picture, which is cut into cells; each says which objects have their centres in it."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from PIL import Image

import autograd_nn.functions as F
from autograd_nn.backend import get_array_module
from autograd_nn.link import Link
from autograd_nn.models.detection.boxes import clip_boxes
from autograd_nn.models.detection.detector import Detector
from autograd_nn.models.detection.yolo_losses import Outputs, Truths, YOLOLoss, decode_boxes
from autograd_nn.types import Array, ArrayLike
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable

# What lies beside a picture that is not square.
_GREY = 0.5

Anchors = Sequence[Sequence[tuple[float, float]]]


class YOLO(Detector):
    """What YOLOv2 and YOLOv3 have in common.

    The picture is cut into cells, once for each feature map. For each cell and each anchor, a height and a width, the
    network says how an object with its centre in the cell differs from the anchor, whether there is one, and of which
    class it is. A subclass computes that from a batch of pictures.

    Args:
        n_fg_class: The number of classes.
        insize: The height and width of the pictures that it works on, in pixels; a multiple of 32.
        steps: The height and width of a cell of each feature map in pixels.
        anchors: For each feature map the heights and widths of its anchors in pixels.

    Attributes:
        insize: The height and width of the pictures that it works on; may be changed to another multiple of 32.

    Raises:
        ValueError: `insize` is no multiple of 32, or there are no classes.
    """

    presets = {'visualize': (0.45, 0.5), 'evaluate': (0.45, 0.005)}
    lossfun: ClassVar[YOLOLoss]
    extractor: Any
    subnet: Any

    def __init__(self, n_fg_class: int, insize: int, steps: Sequence[int], anchors: Anchors) -> None:
        super().__init__()
        self.n_fg_class = n_fg_class
        self._check_classes()
        self.insize = insize
        self.steps = tuple(steps)
        self.anchors = tuple(tuple((float(h), float(w)) for h, w in group) for group in anchors)

    @property
    def insize(self) -> int:
        return self._insize

    @insize.setter
    def insize(self, insize: int) -> None:
        if insize < 32 or insize % 32:
            raise ValueError(f'{type(self).__name__}: insize: expected a multiple of 32, got {insize}')
        self._insize = insize

    @property
    def cells(self) -> np.ndarray:
        """Where objects are looked for: (y, x, height, width, step), float32 of shape (K, 5).

        These are the upper left corner of a cell in cells, the size of an anchor in pixels, and the size of a cell in
        pixels; in the order of feature maps, then of rows, of columns and of anchors.
        """
        return _cells(self.insize, self.steps, self.anchors)

    @property
    def class_outputs(self) -> int:
        """How many outputs there are for each pair of a cell and an anchor."""
        return 5 + self.n_fg_class

    def _layers_in_order(self) -> dict[str, list[Link]]:
        return {**self.extractor._layers_in_order(), 'subnet': [self.subnet]}

    def _check_input(self, x: ArrayLike) -> None:
        if x.ndim != 4 or x.shape[2:] != (self.insize, self.insize):
            raise ShapeError(f'{type(self).__name__}: expected pictures of shape (N, 3, {self.insize}, {self.insize}), '
                             f'got {x.shape}')

    def _split(self, maps: Sequence[Variable]) -> Outputs:
        """What feature maps (N, anchors * (5 + n_fg_class), H, W) say of locations, objectness and classes."""
        rows = F.concat([F.reshape(F.transpose(y, (0, 2, 3, 1)), (len(y), -1, self.class_outputs)) for y in maps])
        # Boxes and sums over all pairs need the precision.
        rows = F.cast(rows, np.float32) if rows.dtype.itemsize == 2 else rows
        return rows[:, :, :4], rows[:, :, 4], rows[:, :, 5:]

    def prepare(self, image: np.ndarray) -> np.ndarray:
        """Brings a picture into the square that the network works on, with grey on the sides (see `letterbox`).

        Args:
            image: RGB from 0 to 255, shape (3, H, W).

        Returns:
            From 0 to 1, a float32 array of shape (3, insize, insize).

        Raises:
            ValueError: It has another shape.
        """
        return letterbox(image, self.insize)[0]

    def prepare_boxes(self, boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Where boxes of a picture are after `prepare`.

        Args:
            boxes: (y_min, x_min, y_max, x_max) in pixels of the picture, shape (R, 4).
            size: The height and width of the picture.
        """
        scaled, corner = _place(size, self.insize)
        return (boxes * np.tile(np.divide(scaled, size), 2) + np.tile(corner, 2)).astype(np.float32)

    def loss(self, outputs: Outputs, boxes: Sequence[np.ndarray], labels: Sequence[np.ndarray]) -> Variable:
        """The loss to train with: that of the paper (see `YOLOv2` and `YOLOv3`).

        Args:
            outputs: What the network returned for N pictures.
            boxes: For each picture the objects' boxes, (y_min, x_min, y_max, x_max) in pixels of the prepared pictures,
                float of shape (R, 4).
            labels: For each picture their classes, integers of shape (R,).

        Returns:
            A scalar.

        Raises:
            ValueError: The numbers or shapes do not fit, a box has no area or its centre is outside, or a class is not
                among those known.
        """
        truths = Truths(boxes, labels, len(outputs[0]), self.insize, self.n_fg_class)
        return self.lossfun(outputs, self.cells, truths)

    def detect(self, images: Sequence[np.ndarray]) -> Iterable[tuple[Any, Any, Any]]:
        prepared = [letterbox(image, self.insize) for image in images]
        outputs = self(self.device.send(np.stack([x for x, _, _ in prepared])))
        for image, (_, scaled, corner), *y in zip(images, prepared, *(y.array for y in outputs)):
            boxes, labels, scores = self.decode(*y)
            corners, ratio = (self.xp.asarray(np.tile(part, 2), np.float32)
                              for part in (corner, np.divide(image.shape[1:], scaled)))
            yield clip_boxes((boxes - corners) * ratio, image.shape[1:]), labels, scores

    def decode(self, locs: Array, objs: Array, confs: Array) -> tuple[Any, Any, Any]:
        """The objects that the network sees in a prepared picture.

        Args:
            locs: What it said of locations, shape (K, 4).
            objs: What it said of objectness, shape (K,).
            confs: What it said of classes, shape (K, n_fg_class).

        Returns:
            Boxes (y_min, x_min, y_max, x_max) in pixels of the prepared picture, float32 of shape (R, 4); labels, int32
            of shape (R,); and scores, float32 of shape (R,). They are sorted by label, then by falling score.
        """
        xp = get_array_module(locs)
        boxes = decode_boxes(xp.asarray(self.cells), locs)
        scores = F.sigmoid(objs).array[:, None] * self._probabilities(confs)
        return self.choose(boxes, scores)

    def _probabilities(self, confs: Array) -> Any:
        """The probability of each class, if there is an object."""
        raise NotImplementedError

    def darknet_layers(self) -> list[Link]:
        """The convolutions, with their normalization where they have one, in the order of Darknet's files."""
        raise NotImplementedError


@lru_cache(64)
def _cells(insize: int, steps: tuple[int, ...], anchors: tuple[tuple[tuple[float, float], ...], ...]) -> np.ndarray:
    parts = []
    for step, group in zip(steps, anchors, strict=True):
        part = np.empty((insize // step, insize // step, len(group), 5), np.float32)
        part[..., 0] = np.arange(len(part))[:, None, None]
        part[..., 1] = np.arange(len(part))[:, None]
        part[..., 2:4] = group
        part[..., 4] = step
        parts.append(part.reshape(-1, 5))
    cells = np.concatenate(parts)
    cells.flags.writeable = False
    return cells


def letterbox(image: np.ndarray, insize: int) -> tuple[np.ndarray, tuple[int, int], tuple[int, int]]:
    """Puts a picture into the middle of a grey square, scaled down if it is larger, as ChainerCV does.

    Args:
        image: RGB from 0 to 255, shape (3, H, W).
        insize: The height and width of the square.

    Returns:
        The square, from 0 to 1, float32 of shape (3, insize, insize); the height and width to which the picture was
        scaled; and where in the square its first pixel is.

    Raises:
        ValueError: It has another shape.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models.detection.yolo import letterbox
        >>> x, scaled, corner = letterbox(np.full((3, 64, 128), 255, 'f'), 96)
        >>> scaled, corner, x[0, [0, 23, 24, 71, 72], 0].tolist()
        ((48, 96), (24, 0), [0.5, 0.5, 1.0, 1.0, 0.5])
    """
    if np.ndim(image) != 3 or len(image) != 3 or not np.size(image):
        raise ShapeError(f'letterbox: expected a picture of shape (3, H, W), got {np.shape(image)}')
    scaled, corner = _place(image.shape[1:], insize)
    pixels = np.asarray(image, np.float32) / 255
    if scaled != pixels.shape[1:]:
        pixels = np.stack([np.asarray(Image.fromarray(channel).resize(scaled[::-1], Image.Resampling.BILINEAR))
                           for channel in pixels])
    square = np.full((3, insize, insize), _GREY, np.float32)
    square[:, corner[0]:corner[0] + scaled[0], corner[1]:corner[1] + scaled[1]] = pixels
    return square, scaled, corner


def _place(size: tuple[int, ...], insize: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """The size to which a picture is scaled, and the corner where it is put."""
    ratio = min(1., *(insize / n for n in size))
    height, width = (max(1, int(n * ratio + 1e-6)) for n in size)
    return (height, width), ((insize - height) // 2, (insize - width) // 2)
