"""Parts of images."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def oversample(images: Sequence[np.ndarray], crop_dims: tuple[int, int]) -> np.ndarray:
    """Crops the corners and the center of images, and mirrors them.

    Args:
        images: Arrays of one shape (C, H, W).
        crop_dims: The height and the width of a crop.

    Returns:
        An array of shape (10 * N, C, *crop_dims): of each image the four corners, row by row, and the center, then the
        same mirrored.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.utils.imgproc import oversample
        >>> oversample([np.arange(9).reshape(1, 3, 3)], (1, 1)).ravel()
        array([0, 2, 6, 8, 4, 0, 2, 6, 8, 4])
    """
    height, width = crop_dims
    rest_h, rest_w = (n - m for n, m in zip(images[0].shape[1:], crop_dims))
    corners = [(top, left) for top in (0, rest_h) for left in (0, rest_w)] + [(rest_h // 2, rest_w // 2)]
    crops = np.stack([[image[:, top:top + height, left:left + width] for top, left in corners] for image in images])
    both = np.concatenate([crops, crops[..., ::-1]], axis=1)
    return both.reshape(-1, *both.shape[2:])
