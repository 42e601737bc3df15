"""Views of memory: values and gradients against those of indices."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_nn.functions as F
from autograd_nn import Variable
from support.checking import check_function, uniform


@st.composite
def views(draw):
    """Shape, strides and offset of a view of 24 elements."""
    shape, strides, least, most = [], [], 0, 0
    for _ in range(draw(st.integers(0, 3))):
        shape.append(draw(st.integers(0, 3)))
        strides.append(draw(st.integers(-4, 4)))
        end = max(shape[-1] - 1, 0) * strides[-1]
        least, most = least + min(end, 0), most + max(end, 0)
    return tuple(shape), tuple(strides), draw(st.integers(-least, 23 - most))


def places(shape, strides, offset):
    """The place in memory of each element."""
    found = np.zeros(shape, int)
    for index in np.ndindex(*shape):
        found[index] = offset + sum(i * stride for i, stride in zip(index, strides))
    return found


@given(view=views())
def test_view(view):
    check_function(lambda x: F.as_strided(x, *view), lambda x: x[places(*view)], uniform(24))


@given(view=views(), order=st.permutations(range(3)))
def test_the_view_of_the_argument_does_not_matter(view, order):
    """What counts is its memory: here that of the argument before its axes are permuted."""
    check_function(lambda x: F.as_strided(x.transpose(*order), *view), lambda x: x.ravel()[places(*view)],
                   uniform(2, 3, 4))


def test_the_memory_is_shared_and_begins_where_the_array_does():
    x = np.arange(12.).reshape(3, 4)
    y = F.as_strided(x[1:, 2:], (2, 2), (3, 1))
    np.testing.assert_array_equal(y.array, [[6, 7], [9, 10]])
    assert np.shares_memory(y.array, x)
    np.testing.assert_array_equal(F.as_strided(x[1:, 2:], (2, 2), (3, 1), 0).array, [[0, 1], [3, 4]])
    backwards = F.as_strided(x[::-1, ::-1], (3,), (-5,))
    np.testing.assert_array_equal(backwards.array, [11, 6, 1])
    integers = F.as_strided(np.arange(6, dtype='h').view('i'), (2,), (2,))
    np.testing.assert_array_equal(integers.array, np.arange(6, dtype='h').view('i')[::2])


def test_a_view_of_a_view():
    x = np.arange(12.)
    y = F.as_strided(F.as_strided(x, (5, 2), (1, 1), 2), (3,), (2,))
    np.testing.assert_array_equal(y.array, [2, 4, 6])
    np.testing.assert_array_equal(F.as_strided(y, (2,), (11,), 0).array, [0, 11])
    backwards = F.as_strided(np.lib.stride_tricks.as_strided(x[3:], (2, 2), (8, 8)), (4,), (-1,))
    np.testing.assert_array_equal(backwards.array, [3, 2, 1, 0])


def test_memory_of_the_pool():
    """Large arrays lie in memory that many of them share; each one's begins with itself."""
    x = F.relu(uniform(200, 200))
    np.testing.assert_array_equal(F.as_strided(x, (3,), (201,), 0).array, np.diag(x.array)[:3])
    image = F.relu(np.moveaxis(uniform(2, 50, 50, 20), 3, 1))
    assert not image.array.flags.c_contiguous
    np.testing.assert_array_equal(F.as_strided(image, (20,), (1,), 0).array, image.array[0, :, 0, 0])


def test_only_elements_of_the_argument_have_gradients():
    whole = Variable(np.arange(6.))
    part = Variable(whole.array[2:4])
    F.sum(F.as_strided(part, (6,), (1,), 0) * np.arange(6.)).backward()
    np.testing.assert_array_equal(part.grad, [2, 3])


def test_elements_that_share_memory_share_the_gradient():
    x = Variable(np.broadcast_to(np.array([1., 2.]), (3, 2)))
    y = F.as_strided(x, (4,), (0,), 1)
    np.testing.assert_array_equal(y.array, [2, 2, 2, 2])
    F.sum(y * 3).backward()
    np.testing.assert_array_equal(x.grad, [[0, 4]] * 3)


def test_no_elements():
    x = Variable(np.zeros((0, 3), 'f'))
    y = F.as_strided(x, (2, 0), (1, 1))
    assert y.shape == (2, 0)
    y.grad = np.zeros_like(y.array)
    y.backward()
    assert x.grad.shape == (0, 3) and x.grad.dtype == np.float32


def test_memory_with_gaps_is_refused():
    x = np.ndarray((3,), 'd', bytearray(40), 0, (16,))
    with pytest.raises(ValueError, match=r'^as_strided: elements of x do not lie .* \(shape \(3,\), strides \(16,\)\)'):
        F.as_strided(x, (2,), (1,))


@pytest.mark.parametrize('call, error, message', [
    (lambda x: F.as_strided(x, (3,), (2,), 2), ValueError, r'take elements 2 to 6, but the memory of x has 6'),
    (lambda x: F.as_strided(x, (3,), (-1,), 1), ValueError, r'take elements -1 to 1, but the memory of x has 6'),
    (lambda x: F.as_strided(x, (3, 2), (1,)), ValueError, r'strides is \(1,\), expected one integer or 2'),
    (lambda x: F.as_strided(x, (-1,), (1,)), ValueError, r'shape is \(-1,\), expected at least 0'),
    (lambda x: F.as_strided(x, (1.,), (1,)), TypeError, r'shape is \(1.0,\), expected integers'),
])
def test_errors(call, error, message):
    with pytest.raises(error, match=f'^as_strided: .*{message}'):
        call(np.arange(6.))
