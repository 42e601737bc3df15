"""What all networks that segment pictures have in common."""
from __future__ import annotations

from typing import Any

import numpy as np

import autograd_nn.functions as F
from autograd_nn.backend import get_array_module
from autograd_nn.config import no_backprop_mode, using_config
from autograd_nn.datasets.transforms import Resize
from autograd_nn.models.layers.blocks import StagedChain
from autograd_nn.models.preprocessing import ONE_PICTURE, TORCHVISION, Picture, Preprocessing, as_picture
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable, as_variable


class SegmentationNetwork(StagedChain):
    """A network from a picture to the scores of each class at each pixel.

    It takes pictures of any size: a subclass defines `compute_scores` for heights and widths that are multiples of
    `multiple`, and `forward` sees to that.

    Attributes:
        num_classes: The number of classes, with the background where there is one.
        multiple: What `compute_scores` needs heights and widths to be multiples of.
        min_input_size: The height and width up to which `predict` enlarges smaller pictures, by a margin.
        preprocessing: How its published weights expect their pictures.
        class_weight: What the loss of a pixel is multiplied by, for each class; None for the same for all (see
            `median_frequency_weights`).
    """

    multiple = 1
    min_input_size: tuple[int, int] = (1, 1)
    preprocessing: Preprocessing = TORCHVISION

    def __init__(self, num_classes: int) -> None:
        if num_classes < 1:
            raise ValueError(f'{type(self).__name__}: expected a num_classes of at least 1, got {num_classes}')
        super().__init__()
        self.num_classes = num_classes
        self.class_weight: np.ndarray | None = None

    def compute_scores(self, x: Variable) -> Variable:
        """Computes scores for pictures whose sides are multiples of `multiple`.

        Args:
            x: Prepared pictures of shape (N, C, H, W).

        Returns:
            Scores of shape (N, num_classes, H, W), or larger at the bottom and on the right.
        """
        raise NotImplementedError(f'{type(self).__name__} does not override compute_scores')

    def pad(self, x: Variable) -> Variable:
        """Puts zeros below pictures and on their right, so that their sides are multiples of `multiple`."""
        return _pad_to(x, [-(-side // self.multiple) * self.multiple for side in x.shape[2:]])

    def forward(self, x: ArrayLike) -> Variable:
        """Computes the scores of each class at each pixel.

        Args:
            x: Prepared pictures (see `prepare`), float32, shape (N, C, H, W).

        Returns:
            Logits of shape (N, num_classes, H, W).
        """
        x = as_variable(x)
        height, width = x.shape[2:]
        y = self.compute_scores(self.pad(x))
        return y if y.shape[2:] == (height, width) else y[:, :, :height, :width]

    def lossfun(self, y: Variable, t: ArrayLike) -> Variable:
        """Computes the loss to train with.

        Args:
            y: Logits of shape (N, num_classes, H, W).
            t: The class of each pixel, -1 where it does not matter; int32, shape (N, H, W).

        Returns:
            The softmax cross entropy, weighted by `class_weight`, its mean over all pixels that matter; a scalar.
        """
        weight = None if self.class_weight is None else get_array_module(y).asarray(self.class_weight, y.dtype)
        return F.softmax_cross_entropy(y, t, class_weight=weight, ignore_label=-1)

    def prepare(self, image: Picture) -> np.ndarray:
        """Turns a picture into the array that the published weights expect, in its own size.

        Args:
            image: A path, a picture of Pillow, an array of bytes of shape (H, W, 3), (3, H, W) or (H, W), or one of
                floating-point numbers from 0 to 255, red, green and blue, shape (3, H, W).

        Returns:
            A float32 array of shape (3, H, W).

        Raises:
            OSError: The file is missing or damaged.
            TypeError: `image` is something else.
            ValueError: It has another shape.
        """
        return self.preprocessing.normalize(_as_rgb(image), brightest=255)

    def predict(self, images: Any, size: int | None = None) -> list[np.ndarray]:
        """Finds what each pixel of pictures belongs to, in test mode and without a graph.

        Args:
            images: Pictures of any sizes, as `prepare` takes them, in something that can be iterated over.
            size: The length to which the longer side of each picture is scaled before; scores are scaled back. None to
                work with pictures as they are.

        Returns:
            For each picture the classes of its pixels, int32, shape (H, W).

        Raises:
            OSError: A file is missing or damaged.
            TypeError: `images` is one picture instead of a list, or has something else in it.
            ValueError: A picture has another shape, or `size` is not positive.

        Example:
            >>> import numpy as np
            >>> from autograd_nn.models import UNet
            >>> label, = UNet(num_classes=3, width=4).predict([np.zeros((3, 30, 43), 'f')])
            >>> label.shape, label.dtype
            ((30, 43), dtype('int32'))
        """
        if isinstance(images, ONE_PICTURE):
            raise TypeError(f'predict: expected a list of pictures, such as [picture]; got one, a '
                            f'{type(images).__name__}')
        if size is not None and size < 1:
            raise ValueError(f'predict: expected a size of at least 1, got {size}')
        return [self.predict_probabilities(image, size).argmax(axis=0).astype(np.int32) for image in images]

    def predict_probabilities(self, image: Picture, size: int | None = None) -> np.ndarray:
        """Computes the probability of each class at each pixel of one picture, in test mode and without a graph.

        Args:
            image: The picture, as `prepare` takes it.
            size: See `predict`.

        Returns:
            Probabilities, float32, shape (num_classes, H, W).
        """
        rgb = _as_rgb(image)
        whole = rgb.shape[1:]
        scaled = whole if size is None else tuple(max(1, round(side * size / max(whole))) for side in whole)
        if scaled != whole:
            rgb = Resize(scaled)(rgb)
        x = as_variable(self.device.send(self.preprocessing.normalize(rgb, brightest=255)[None]))
        with using_config('train', False), no_backprop_mode():
            y = F.softmax(self(_pad_to(x, [max(*sides) for sides in zip(scaled, self.min_input_size)])))
            y = y[:, :, :scaled[0], :scaled[1]]
            if scaled != whole:
                y = F.resize_images(y, whole, align_corners=False)
        return np.asarray(y[0], np.float32)


def median_frequency_weights(counts: np.ndarray) -> np.ndarray:
    """Weights by which small classes count as much as large ones: median frequency balancing.

    Reference: D. Eigen, R. Fergus, Predicting Depth, Surface Normals and Semantic Labels with a Common Multi-Scale
    Convolutional Architecture, 2014, https://arxiv.org/abs/1411.4734, section 6.3.2; SegNet is trained with them.

    Args:
        counts: How many pixels each class has, shape (C,); a class without a pixel gets the weight 0.

    Returns:
        For each class the median of the frequencies, divided by its own; float32, shape (C,).

    Raises:
        ValueError: No class has a pixel.

    Example:
        >>> median_frequency_weights(np.array([800, 200, 100, 0])).tolist()
        [0.25, 1.0, 2.0, 0.0]
    """
    counts = np.asarray(counts, np.float64)
    present = counts > 0
    if not present.any():
        raise ValueError(f'median_frequency_weights: expected a class with pixels, got counts {counts.tolist()}')
    median = np.median(counts[present])
    return np.where(present, median / np.where(present, counts, 1), 0).astype(np.float32)


def _as_rgb(image: Picture) -> np.ndarray:
    """A picture as float32 of shape (3, H, W), from 0 to 255."""
    if isinstance(image, np.ndarray) and image.dtype.kind == 'f':
        if image.ndim != 3 or len(image) != 3 or 0 in image.shape:
            raise ValueError(f'prepare: expected an image of floating-point numbers of shape (3, H, W), got '
                             f'{image.shape}')
        return image.astype(np.float32, copy=False)
    return np.asarray(as_picture(image), np.float32).transpose(2, 0, 1)


def _pad_to(x: Variable, sides: list[int]) -> Variable:
    margins = [(0, wanted - side) for wanted, side in zip(sides, x.shape[2:])]
    return F.pad(x, [(0, 0), (0, 0), *margins], 'constant') if any(after for _, after in margins) else x
