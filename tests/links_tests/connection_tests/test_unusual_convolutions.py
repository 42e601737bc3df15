"""Deformable and local convolutions: Chainer's names of parameters, what they are at first, and wrong arguments."""
import numpy as np
import pytest

import autograd_nn.links as L
from autograd_nn.utils.type_check import ShapeError

X = np.ones((2, 3, 8, 8), 'f')


def parameters(link):
    return {name: param.shape if param.is_initialized else None for name, param in link.namedparams()}


def test_parameters_of_deformable_convolution():
    link = L.DeformableConvolution2D(3, 4, (3, 2), stride=2, pad=(1, 0))
    assert parameters(link) == {'/offset_conv/W': (12, 3, 3, 2), '/offset_conv/b': (12,),
                                '/deform_conv/W': (4, 3, 3, 2), '/deform_conv/b': (4,)}
    assert link.offset_conv.W.array.any() and not link.deform_conv.W.array.any()
    assert link(X).shape == (2, 4, 4, 4)
    without = L.DeformableConvolution2D(None, 4, 3, offset_nobias=True, deform_nobias=True)
    without(X)
    assert parameters(without) == {'/offset_conv/W': (18, 3, 3, 3), '/deform_conv/W': (4, 3, 3, 3)}
    given = L.DeformableConvolution2D(3, 4, 3, 1, 0, False, 0, 2, False, 1, 5)  # all windows move by 2 pixels
    np.testing.assert_array_equal(given.deform_conv.W.array, np.ones((4, 3, 3, 3)))
    np.testing.assert_allclose(given(X).array[0, 0, :4, :4], np.full((4, 4), 27 + 5))
    np.testing.assert_allclose(given(X).array[0, 0, 4:, 5], [3 * 2 + 5, 3 * 1 + 5])


def test_parameters_of_local_convolution():
    assert parameters(L.LocalConvolution2D(3, 4, 8, (3, 2), (2, 1))) == {'/W': (4, 3, 7, 3, 3, 2), '/b': (4, 3, 7)}
    late = L.LocalConvolution2D(None, 4, ksize=3, nobias=True)
    assert parameters(late) == {'/W': None} and late.b is None
    late(X)
    assert parameters(late) == {'/W': (4, 6, 6, 3, 3, 3)}
    size_alone = L.LocalConvolution2D(None, 4, 8, 3)
    assert parameters(size_alone) == {'/W': None, '/b': None}


@pytest.mark.parametrize('call, error, message', [
    (lambda: L.LocalConvolution2D(3, 4, 8), TypeError, 'LocalConvolution2D: expected ksize'),
    (lambda: L.LocalConvolution2D(3, 4, (8, 2), 3), ValueError, r'no window of size \(3, 3\) fits .* size \(8, 2\)'),
    (lambda: L.LocalConvolution2D(None, 4, ksize=3)(X[0]), ShapeError, r'x of shape \(N, C, H, W\), got'),
    (lambda: L.LocalConvolution2D(3, 4, 9, 3)(X), ShapeError, r'is for 3 channels and 7 x 7 positions'),
    (lambda: L.DeformableConvolution2D(3, 4, 0), ValueError, 'ksize is 0, expected at least 1'),
])
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
