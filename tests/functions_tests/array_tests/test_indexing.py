"""Indexing of every kind, and functions made of it."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import basic_indices, integer_array_indices

import autograd_nn.functions as F
from autograd_nn import Variable
from support.checking import check_function, shapes, uniform

INDEXES = [
    1, -1, np.int64(1), slice(1, 3), slice(None, None, -1), Ellipsis, None, (), (1, 2), (slice(None), 1),
    (Ellipsis, -1),
    (None, 1, Ellipsis, None), (0, 1, 1), (slice(0, 0),), np.array([0, 2, 0]), [1, 1, 1], np.array(1),
    np.array([[0, 1], [2, 2]]), (np.array([0, 1, 0]), np.array([1, 1, 1])), (slice(None), np.array([1, 0, 1])),
    (np.array([2, 0]), slice(None), np.array([1, 1])), (np.array([[0], [1]]), np.array([0, 2])), ([0, 0], 1),
    (0, [1, 1]),
    np.array([True, False, True]), (slice(None), np.array([True, False, True])),
    (np.array([True, True, False]), np.array([2, 1])), np.array([False, False, False]), np.array([], int),
    (None, np.array([1, 1]), Ellipsis, slice(None, None, 2)), True,
]


@pytest.mark.parametrize('index', INDEXES, ids=range(len(INDEXES)))
def test_get_item_and_scatter_add(index):
    x = uniform(3, 3, 4)
    check_function(lambda x: F.get_item(x, index), lambda x: x[index], x, dtypes=('float64', 'float32', 'float16'))

    def reference(a, b):
        y = a.copy()
        np.add.at(y, index, b)
        return y

    check_function(lambda a, b: F.scatter_add(a, index, b), reference, x, uniform(*x[index].shape))


def test_mask_of_all_axes():
    mask = np.random.rand(2, 3) > 0.5
    check_function(lambda x: x[mask], lambda x: x[mask], uniform(2, 3))
    check_function(lambda x: x[Variable(mask)], lambda x: x[mask], uniform(2, 3))


def test_scatter_add_broadcasts():
    def reference(a, b):
        y = a.copy()
        np.add.at(y, ([0, 0, 1],), b)
        return y

    check_function(lambda a, b: F.scatter_add(a, ([0, 0, 1],), b), reference, uniform(2, 3), uniform(3))
    check_function(lambda a, b: F.scatter_add(a, ([0, 0, 1],), b), reference, uniform(2, 3), uniform(3, 1))


@given(shapes(min_side=1), st.data())
def test_drawn_indexes(shape, data):
    x = uniform(*shape)
    index = data.draw(basic_indices(shape, allow_newaxis=True))
    check_function(lambda x: x[index], lambda x: x[index], x)
    if shape:
        index = data.draw(integer_array_indices(shape))
        check_function(lambda x: x[index], lambda x: x[index], x)


def test_variables_as_index():
    x, i = uniform(3, 2), np.array([2, 0, 2])
    check_function(lambda x: x[Variable(i)], lambda x: x[i], x)
    check_function(lambda x: x[Variable(i), 1], lambda x: x[i, 1], x)


def test_basic_index_is_a_view():
    x = Variable(uniform(3, 2))
    assert np.shares_memory(x[1:].array, x.array)


def test_iteration():
    x = Variable(uniform(3, 2))
    rows = list(x)
    assert len(rows) == len(x) == 3
    np.testing.assert_array_equal(rows[1].array, x.array[1])
    F.sum(rows[1]).backward()
    assert x.grad.tolist() == [[0, 0], [1, 1], [0, 0]]
    with pytest.raises(TypeError, match='no axes'):
        iter(Variable(np.array(1.)))


def test_where():
    def where(condition, x, y):
        return F.where((x if isinstance(x, Variable) else y).device.send(condition), x, y)

    condition = np.random.rand(2, 3) > 0.5
    check_function(lambda x, y: where(condition, x, y), lambda x, y: np.where(condition, x, y), uniform(2, 3),
                   uniform(2, 3), dtypes=('float64', 'float32', 'float16'))
    check_function(lambda x, y: where(condition, x, y), lambda x, y: np.where(condition, x, y), uniform(4, 1, 1),
                   uniform(3))
    check_function(lambda x: F.where(Variable(x.device.send(condition)), x, 2), lambda x: np.where(condition, x, 2),
                   uniform(3))
    check_function(lambda x: where(condition, -1, x), lambda x: np.where(condition, -1, x), uniform())
    check_function(lambda x, y: where(condition[:0], x, y), lambda x, y: np.where(condition[:0], x, y), uniform(0, 3),
                   uniform(3))


def test_where_keeps_bad_gradients_apart():
    """An infinite gradient on one side does not become NaN on the other."""
    x = Variable(np.array([0., 4.]))
    F.sum(F.where(x > 1, F.sqrt(F.where(x > 1, x, 1)), 0)).backward()
    assert x.grad.tolist() == [0, 0.25]
    x, y = Variable(np.ones(2)), Variable(np.ones(2))
    z = F.where(np.array([True, False]), x, y)
    z.grad = np.array([np.inf, np.nan])
    z.backward()
    assert x.grad.tolist() == [np.inf, 0]
    assert y.grad[0] == 0


def test_select_item():
    t = np.array([2, 0, 2, 1])
    check_function(lambda x: F.select_item(x, t), lambda x: x[np.arange(4), t], uniform(4, 3))
    check_function(lambda x: F.select_item(x, t[:0]), lambda x: np.zeros(0), uniform(0, 3))


@pytest.mark.parametrize('offset', [-4, -2, -1, 0, 1, 2, 3])
def test_diagonal(offset):
    for axes in (0, 1), (1, 0), (0, 2), (-1, 1):
        check_function(lambda x: F.diagonal(x, offset, *axes), lambda x: np.diagonal(x, offset, *axes),
                       uniform(3, 4, 2))


def test_scale_bias_and_interpolation():
    x = uniform(2, 3, 4)
    check_function(F.scale, lambda x, y: x * y[:, None], x, uniform(3))
    check_function(F.bias, lambda x, y: x + y[:, None], x, uniform(3))
    check_function(lambda x, y: F.scale(x, y, axis=0), lambda x, y: x * y[:, :, None], x, uniform(2, 3))
    check_function(lambda x, y: F.bias(x, y, axis=-1), lambda x, y: x + y, x, uniform(4))
    check_function(F.scale, lambda x, y: x * y, x, uniform())
    check_function(F.linear_interpolate, lambda p, x, y: p * x + (1 - p) * y, uniform(2, 3, low=0), uniform(2, 3),
                   uniform(2, 3))


def test_identity_of_several():
    check_function(F.identity, lambda x, y: (x, y), uniform(2), uniform(3))


@pytest.mark.parametrize('call, error, message', [
    (lambda x: Variable(x)[2], IndexError, r'get_item: index 2 is out of bounds .* \(x has shape \(2, 3\)\)'),
    (lambda x: Variable(x)[0, 0, 0], IndexError, 'get_item: too many indices'),
    (lambda x: Variable(x)['a'], IndexError, 'get_item: only integers, slices'),
    (lambda x: F.scatter_add(x, 5, x), IndexError, 'scatter_add: index 5 is out of bounds'),
    (lambda x: F.scatter_add(x, 0, x), ValueError, r'scatter_add: b of shape \(2, 3\) does not fit'),
    (lambda x: F.where(x, x, x), TypeError, 'where: condition must be an array of booleans, got float64'),
    (lambda x: F.where(True, x, x), TypeError, 'where: condition must be an array of booleans, got bool'),
    (lambda x: F.where(x > 0, x, x.T), ValueError, r'where: .* \(2, 3\), \(2, 3\) and \(3, 2\) do not broadcast'),
    (lambda x: F.select_item(x, np.array([0, 3])), ValueError, 'select_item: t contains 3, expected numbers from 0'),
    (lambda x: F.select_item(x, np.array([0])), ValueError, r'select_item: .* got \(2, 3\) and \(1,\)'),
    (lambda x: F.diagonal(x, 0, 1, 1), ValueError, 'diagonal: expected two different axes'),
])
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call(np.ones((2, 3)))
