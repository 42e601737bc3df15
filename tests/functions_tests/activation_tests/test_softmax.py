"""Softmax and its logarithm: values and gradients along every axis."""
import numpy as np
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st

import autograd_nn.functions as F
from support.checking import check_function, shapes, uniform

DTYPES = ('float64', 'float32', 'float16')
PAIRS = [(F.softmax, scipy.special.softmax), (F.log_softmax, scipy.special.log_softmax)]


@given(st.sampled_from(PAIRS), shapes(min_dims=1, min_side=1), st.data())
def test_values_and_gradients(pair, shape, data):
    function, reference = pair
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    check_function(lambda x: function(x, axis), lambda x: reference(x, axis), uniform(*shape, low=-3, high=3),
                   dtypes=DTYPES)


@pytest.mark.parametrize('function, reference', PAIRS)
def test_axis_is_1_by_default(function, reference):
    x = uniform(2, 3, 4)
    np.testing.assert_allclose(function(x).array, reference(x, 1))


@pytest.mark.parametrize('function', [F.softmax, F.log_softmax])
@pytest.mark.parametrize('shape, axis', [((0, 3), 1), ((3, 0), 1), ((0,), 0)])
def test_no_elements(function, shape, axis):
    check_function(lambda x: function(x, axis), None, uniform(*shape))


@pytest.mark.parametrize('function, reference', PAIRS)
def test_large_values_do_not_overflow(function, reference):
    x = np.array([[1e4, 0, -1e4], [1e4, 1e4, 1e4]])
    with np.errstate(all='raise', under='ignore'):
        y = function(x).array
    np.testing.assert_allclose(y, reference(x, 1))


@pytest.mark.parametrize('function', [F.softmax, F.log_softmax])
def test_axis_out_of_range(function):
    with pytest.raises(ValueError, match=r'softmax: axis 1 .*\(3,\)'):
        function(np.zeros(3))
