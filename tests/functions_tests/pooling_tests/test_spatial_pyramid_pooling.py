"""Spatial pyramid pooling against maxima of slices."""
import numpy as np
import pytest

import autograd_nn.functions as F
from autograd_nn.utils.type_check import ShapeError
from support.checking import check_function, spread


@pytest.mark.parametrize('size, height', [((1, 1), 1), ((2, 3), 2), ((4, 4), 3), ((9, 8), 3), ((7, 13), 3),
                                          ((8, 8), 4)])
def test_values_and_gradients(size, height):
    def plain(x):
        levels = []
        for n in [2 ** level for level in range(height)]:
            cuts = []
            for m in size:
                k = -(-m // n)
                pad = (k * n - m) // 2
                cuts.append([slice(max(i * k - pad, 0), (i + 1) * k - pad) for i in range(n)])
            levels.append(np.stack([x[:, :, rows, columns].max((2, 3)) for rows in cuts[0] for columns in cuts[1]], 2))
        return np.concatenate([level.reshape(len(x), -1) for level in levels], 1)[:, :, None, None]

    x = spread(2, 3, *size)
    assert F.spatial_pyramid_pooling_2d(x, height, 'max').shape == (2, 3 * (4 ** height - 1) // 3, 1, 1)
    check_function(lambda x: F.spatial_pyramid_pooling_2d(x, height, 'max'), plain, x)


@pytest.mark.parametrize('call, error, message', [
    (lambda x: F.spatial_pyramid_pooling_2d(x, 2), ValueError, "pooling must be 'max', not None"),
    (lambda x: F.spatial_pyramid_pooling_2d(x, 2, 'average'), ValueError, "pooling must be 'max', not 'average'"),
    (lambda x: F.spatial_pyramid_pooling_2d(x, 0, 'max'), ValueError, 'pyramid_height must be at least 1, not 0'),
    (lambda x: F.spatial_pyramid_pooling_2d(x[0], 1, 'max'), ShapeError, r'x of shape \(N, C, H, W\), got \(3, 9, 9\)'),
    (lambda x: F.spatial_pyramid_pooling_2d(x[:, :, :3], 3, 'max'), ShapeError, r'too small for 4 x 4 windows'),
    # The first of eight windows of two pixels would be padding alone.
    (lambda x: F.spatial_pyramid_pooling_2d(x, 4, 'max'), ShapeError, r'too small for 8 x 8 windows of 2 x 2 pixels'),
])
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call(np.ones((2, 3, 9, 9)))
