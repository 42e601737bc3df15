"""Transforms strong enough to make different views of one image, for learning without labels."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from autograd_nn.datasets.transforms import Compose, ImageTransform, RandomHorizontalFlip

# How bright red, green and blue look (ITU-R BT.601).
LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True)
class RandomAffine(ImageTransform):
    """Turns, scales, shears and shifts, with bilinear interpolation; what comes in from outside has the value 0.

    Args:
        degrees: The angle is between minus and plus this many degrees.
        scale: The logarithms of the factors for height and width are between minus and plus this number.
        shear: By how much of its height, at most, the upper edge is moved against the lower one.
        shift: By how much of height and width, at most, everything moves.

    Example:
        >>> RandomAffine(degrees=25, shift=0.1)(np.ones((1, 28, 28), 'f'), np.random.default_rng(0)).shape
        (1, 28, 28)
    """

    degrees: float = 0.
    scale: float = 0.
    shear: float = 0.
    shift: float = 0.
    random_numbers = 6

    def apply(self, images: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        signed = 2 * numbers - 1
        angles, shears = np.radians(self.degrees) * signed[:, 0], self.shear * signed[:, 3]
        sin, cos = np.sin(angles), np.cos(angles)
        # Where each pixel comes from: turned back, sheared back, scaled back.
        turned = np.array([[cos, sin], [-sin, cos]])
        turned[1] += shears * turned[0]
        matrices = np.exp(-self.scale * signed[:, 1:3].T)[:, None] * turned
        return sample_affine(images, matrices.transpose(2, 0, 1), self.shift * signed[:, 4:] * images.shape[-2:])


@dataclass(frozen=True)
class RandomElastic(ImageTransform):
    """Distorts as if drawn on rubber: random shifts of the knots of a grid, and between them what is in between.

    Reference: P. Y. Simard, D. Steinkraus, J. C. Platt, Best Practices for Convolutional Neural Networks Applied to
    Visual Document Analysis, 2003.

    Args:
        shift: By how much of height and width, at most, a knot moves.
        knots: How many knots there are along height and width.

    Example:
        >>> RandomElastic(0.05)(np.ones((1, 28, 28), 'f'), np.random.default_rng(0)).shape
        (1, 28, 28)
    """

    shift: float = 0.075
    knots: int = 5

    @property
    def random_numbers(self) -> int:  # type: ignore[override]
        """How many random numbers each image takes."""
        return 2 * self.knots ** 2

    def apply(self, images: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        size = images.shape[-2:]
        moved = (self.shift * (2 * numbers - 1)).astype(np.float32).reshape(-1, 2, self.knots, self.knots)
        rows, columns = (_between(length, self.knots) for length in size)
        field = np.einsum('yi,ncij,xj->ncyx', rows, moved, columns) * np.array(size, np.float32)[:, None, None]
        places = np.stack(np.meshgrid(*map(np.arange, size), indexing='ij'))
        return sample(images, (places + field).reshape(len(images), 2, -1))


@dataclass(frozen=True)
class RandomThickness(ImageTransform):
    """Makes bright strokes thicker or thinner, by up to a pixel on either side.

    Each pixel goes towards the brightest or the darkest of itself and its four neighbours.

    Args:
        strength: How far it goes at most, as a part of the way.

    Example:
        >>> RandomThickness(1.).apply(np.array([[[0., 0., 1., 0., 0.]]]), np.array([[1.]]))
        array([[[0., 1., 1., 1., 0.]]])
    """

    strength: float = 1.
    random_numbers = 1

    def apply(self, images: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        framed = np.pad(images, [(0, 0)] * (images.ndim - 2) + [(1, 1), (1, 1)], mode='edge')
        neighbours = [images, framed[..., :-2, 1:-1], framed[..., 2:, 1:-1], framed[..., 1:-1, :-2],
                      framed[..., 1:-1, 2:]]
        part = (self.strength * (2 * numbers[:, 0] - 1)).astype(images.dtype).reshape(-1, *[1] * (images.ndim - 1))
        target = np.where(part > 0, np.maximum.reduce(neighbours), np.minimum.reduce(neighbours))
        return images + abs(part) * (target - images)


@dataclass(frozen=True)
class RandomResizedCrop(ImageTransform):
    """Cuts a part out and enlarges it to the size of the image, with bilinear interpolation.

    Args:
        area: What part of the area it has, from the least to the greatest.
        ratio: How many times as wide as high it is at most, compared with the image, or as high as wide.

    Example:
        >>> RandomResizedCrop()(np.ones((3, 32, 32), 'f'), np.random.default_rng(0)).shape
        (3, 32, 32)
    """

    area: tuple[float, float] = (0.2, 1.)
    ratio: float = 4 / 3
    random_numbers = 4

    def apply(self, images: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        low, high = self.area
        sides = np.sqrt(low + (high - low) * numbers[:, 0])[:, None]
        stretch = self.ratio ** (numbers[:, 1:2] - 0.5)
        parts = np.minimum(sides * np.concatenate([1 / stretch, stretch], axis=1), 1)
        room = (1 - parts) / 2 * images.shape[-2:]
        return sample_affine(images, parts[:, :, None] * np.eye(2), room * (2 * numbers[:, 2:] - 1))


@dataclass(frozen=True)
class RandomColorStrength(ImageTransform):
    """Changes brightness, contrast and saturation by random factors, and takes the colours away now and then.

    Args:
        strength: Factors are between 1 - strength and 1 + strength.
        grey: How often only shades of grey are left.

    Example:
        >>> grey = RandomColorStrength(grey=1.)(np.random.rand(3, 4, 4), np.random.default_rng(0))
        >>> bool(np.allclose(grey[0], grey[2]))
        True
    """

    strength: float = 0.4
    grey: float = 0.2
    random_numbers = 4

    def apply(self, images: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        if images.ndim != 4 or images.shape[1] != 3:
            raise ValueError('RandomColorStrength: expected images of shape (3, height, width), '
                             f'got {images.shape[1:]}')
        factors = (1 + self.strength * (2 * numbers[:, :3] - 1)).astype(images.dtype).reshape(-1, 3, 1, 1, 1)
        saturation = np.where(numbers[:, 3].reshape(-1, 1, 1, 1) < self.grey, 0, factors[:, 2]).astype(images.dtype)
        x = images * factors[:, 0]
        mean = x.mean(axis=(1, 2, 3), keepdims=True)
        x = mean + (x - mean) * factors[:, 1]
        luminance = np.einsum('nchw,c->nhw', x, LUMINANCE.astype(images.dtype))[:, None]
        return luminance + (x - luminance) * saturation


@dataclass(frozen=True)
class Views(ImageTransform):
    """Makes several views of an image: its result is the image itself and, behind it, the views.

    Args:
        transform: What makes one view: a transform for many images at once (see `ImageTransform`).
        count: The number of views.

    Raises:
        ValueError: The transform cannot take many images.

    Example:
        >>> Views(RandomAffine(25))(np.ones((1, 28, 28), 'f'), np.random.default_rng(0)).shape
        (3, 1, 28, 28)
    """

    transform: ImageTransform
    count: int = 2

    def __post_init__(self) -> None:
        if self.transform.random_numbers is None:
            raise ValueError(f'Views: expected a transform that takes many images at once, got {self.transform}')

    @property
    def random_numbers(self) -> int:  # type: ignore[override]
        """How many random numbers each image takes."""
        return self.count * (self.transform.random_numbers or 0)

    def apply(self, images: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        parts = np.split(numbers, self.count, axis=1)
        return np.stack([images, *(self.transform.apply(images, part) for part in parts)], axis=1)


def view_augmentation(shape: tuple[int, ...]) -> Compose:
    """Random transforms that make views of images of a shape that have little in common but what they show.

    Small grey images are taken for characters (see `standard_augmentation`): turned by up to 25 degrees, scaled by up
    to a third, sheared, shifted, distorted, and written with another pen. Others are taken for photographs: a part of
    a fifth to all of the area, mirrored half of the time, with other colours.

    Args:
        shape: (channels, height, width).

    Raises:
        ValueError: It is another kind of shape.

    Example:
        >>> view_augmentation((1, 28, 28))
        Compose(RandomAffine(degrees=25, scale=0.3, shear=0.3, shift=0.1), RandomElastic(shift=0.075, knots=5),
                RandomThickness(strength=1.0))
    """
    if len(shape) != 3:
        raise ValueError(f'view_augmentation: expected a shape (channels, height, width), got {shape}')
    channels, height, width = shape
    if channels == 1 and max(height, width) <= 64:
        return Compose([RandomAffine(25, 0.3, 0.3, 0.1), RandomElastic(), RandomThickness()])
    return Compose([RandomResizedCrop(), RandomHorizontalFlip(), *([RandomColorStrength()] if channels == 3 else [])])


def sample_affine(images: np.ndarray, matrices: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """Makes images whose pixels come from other places of given ones, with bilinear interpolation and 0 outside.

    Args:
        images: Shape (n, channels, height, width) or (n, height, width), floating-point.
        matrices: What the place of a pixel, (row, column) from the centre, is multiplied by; shape (n, 2, 2).
        shifts: What is added then, in pixels, shape (n, 2).

    Returns:
        Images of the same shape and dtype.
    """
    height, width = images.shape[-2:]
    center = np.array([(height - 1) / 2, (width - 1) / 2])
    places = np.stack(np.meshgrid(*(np.arange(size) - middle for size, middle in zip((height, width), center)),
                                  indexing='ij')).reshape(2, -1)
    return sample(images, matrices @ places + (shifts + center)[..., None])


def sample(images: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Makes images whose pixels come from other places of given ones, with bilinear interpolation and 0 outside.

    Args:
        images: Shape (n, channels, height, width) or (n, height, width), floating-point.
        places: For each pixel of each image, row by row, the row and the column it comes from, shape (n, 2, height *
            width).

    Returns:
        Images of the same shape and dtype.

    Example:
        >>> sample(np.array([[[1., 3.]]]), np.array([[[0, 0], [0.5, 5.]]]))
        array([[[2., 0.]]])
    """
    height, width = images.shape[-2:]
    framed = np.zeros((*images.shape[:-2], height + 4, width + 4), images.dtype)
    framed[..., 2:-2, 2:-2] = images
    # Beyond the frame everything is 0, as within it.
    sources = np.clip(places.astype(np.float32) + 2, 0, np.array([[height + 2.5], [width + 2.5]], np.float32))
    corners = sources.astype(np.int32)
    down, right = (sources - corners).astype(images.dtype).transpose(1, 0, 2)
    rows = framed.reshape(len(images), -1, (height + 4) * (width + 4))
    index = (corners[:, 0] * (width + 4) + corners[:, 1])[:, None]
    a, b, c, d = (np.take_along_axis(rows, index + step, axis=2) for step in (0, 1, width + 4, width + 5))
    above, below = a + (b - a) * right[:, None], c + (d - c) * right[:, None]
    return (above + (below - above) * down[:, None]).reshape(images.shape)


def _between(length: int, knots: int) -> np.ndarray:
    """What part each of some knots has in each of many places between the first and the last, (length, knots)."""
    distance = np.arange(length)[:, None] * ((knots - 1) / max(1, length - 1)) - np.arange(knots)
    return np.maximum(0, 1 - abs(distance)).astype(np.float32)
