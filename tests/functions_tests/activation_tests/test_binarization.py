"""Two values with a straight-through gradient: values, and the gradient against its formula."""
import numpy as np
import pytest
from hypothesis import given

import autograd_nn as ann
import autograd_nn.functions as F
from autograd_nn.gradient_check import check_double_backward
from support.checking import shapes, uniform


@given(shapes())
def test_values(shape):
    for dtype in 'efd':
        x = uniform(*shape, low=-3, high=3).astype(dtype)
        y = F.binarize(x)
        assert y.dtype == dtype
        np.testing.assert_array_equal(y.array, np.where(x < 0, -1., 1.))


@given(shapes())
def test_gradient_is_the_formula(shape):
    """It goes through where x lies between the two values, and is that of ``clip(x, -1, 1)``."""
    for dtype in 'efd':
        x, clipped = (ann.Variable(uniform(*shape, low=-2, high=2).astype(dtype)) for _ in range(2))
        clipped.array[...] = x.array
        gy = uniform(*shape).astype(dtype)
        for y in F.binarize(x), F.clip(clipped, -1, 1):
            y.grad = gy
            y.backward()
        assert x.grad.dtype == dtype
        np.testing.assert_array_equal(x.grad, np.where(np.abs(x.array) <= 1, gy, 0))
        np.testing.assert_array_equal(x.grad, clipped.grad)


def test_edges():
    x = ann.Variable(np.array([-1.5, -1, -0., 0., 1, 1.5, np.nan], 'f'))
    y = F.binarize(x)
    y.grad = np.full(7, 3, 'f')
    y.backward()
    np.testing.assert_array_equal(y.array, [-1, -1, 1, 1, 1, 1, 1])
    np.testing.assert_array_equal(x.grad, [0, 3, 3, 3, 3, 0, 0])


def test_gradients_of_the_gradient():
    """It is linear in the gradient of the output, and does not depend on x."""
    x, gy, ggx = uniform(3, 4, low=-2, high=2), uniform(3, 4), uniform(3, 4)
    check_double_backward(F.binarize, x, gy, ggx)
    x = ann.Variable(x)
    gx, = ann.grad([F.binarize(x)], [x], [ann.Variable(gy)], enable_double_backprop=True)
    gy_of_gx, = ann.grad([gx], [gx.creator.inputs[0].get_variable()], [ann.Variable(ggx)])
    np.testing.assert_array_equal(gy_of_gx.array, np.where(np.abs(x.array) <= 1, ggx, 0))


def test_wrong_type():
    with pytest.raises(TypeError, match=r'^binarize: .*x.*int64'):
        F.binarize(np.arange(3))
