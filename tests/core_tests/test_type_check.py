"""Expectations about inputs, and the messages when they do not hold."""
import numpy as np
import pytest

from autograd_nn.utils import type_check
from autograd_nn.utils.type_check import InvalidType, expect, get_types


@pytest.fixture
def types():
    return get_types((np.zeros((2, 3), 'f'), np.zeros(3, 'i4')), 'in_types')


def message(*expectations):
    with pytest.raises(InvalidType) as info:
        expect(*expectations)
    return str(info.value)


def test_what_holds_passes(types):
    x, n = types
    expect()
    expect(types.size() == 2, x.ndim == 2, x.ndim > n.ndim, x.ndim >= 2, n.ndim < 2, n.ndim <= 1, x.ndim != 3,
           x.shape == (2, 3), x.shape[1] == n.shape[0], x.shape[1:] == n.shape, x.dtype == np.float32,
           x.dtype.kind == 'f', n.dtype.kind == 'i', x.shape[0] + 1 == n.shape[0], x.size == 6, True)


@pytest.mark.parametrize('make, text', [
    (lambda x, n: x.ndim == 3, 'expected in_types[0].ndim == 3, got 2 == 3'),
    (lambda x, n: x.shape[0] == n.shape[0], 'expected in_types[0].shape[0] == in_types[1].shape[0], got 2 == 3'),
    (lambda x, n: x.shape[0] * 2 + 1 > n.shape[0] + 9,
     'expected ((in_types[0].shape[0] * 2) + 1) > (in_types[1].shape[0] + 9), got 5 > 12'),
    (lambda x, n: 10 - x.shape[1] // 2 % 2 <= 3, 'expected (10 - ((in_types[0].shape[1] // 2) % 2)) <= 3, got 9 <= 3'),
    (lambda x, n: n.dtype.kind == 'f', "expected in_types[1].dtype.kind == 'f', got 'i' == 'f'"),
    (lambda x, n: type_check.prod(x.shape) == 7, 'expected prod(in_types[0].shape) == 7, got 6 == 7')])
def test_messages_show_expectation_and_facts(types, make, text):
    x, n = types
    assert message(make(x, n)) == text


def test_the_first_that_fails_is_shown(types):
    x, n = types
    assert 'in_types[0].ndim == 1' in message(n.ndim == 1, x.ndim == 1, n.ndim == 5)


def test_number_of_inputs(types):
    assert message(types.size() == 3) == 'expected in_types.size() == 3, got 2 == 3'


def test_names(types):
    type_check.argname(types, ('x', 'label'))
    assert message(types[0].shape[0] == types[1].shape[0]) == 'expected x.shape[0] == label.shape[0], got 2 == 3'
    with pytest.raises(InvalidType, match=r'expected 3 inputs \(a, b, c\), got 2'):
        type_check.argname(types, ('a', 'b', 'c'))


def test_an_axis_that_is_not_there(types):
    with pytest.raises(InvalidType, match=r'in_types\[1\]\.shape\[1\].*\(3,\)'):
        assert types[1].shape[1] == 3


def test_iteration_over_a_shape(types):
    sides = list(types[0].shape)
    assert [side.eval() for side in sides] == [2, 3] and str(sides[1]) == 'in_types[0].shape[1]'
    assert len(types[0].shape) == 2


def test_plain_conditions():
    expect(True, 1)
    assert 'False' in message(False)


def test_make_variable():
    k = type_check.make_variable(3, 'k')
    assert message(k == 4) == 'expected k == 4, got 3 == 4'
    assert (2 + k).eval() == 5 and (7 // k).eval() == 2


def test_same_types():
    assert type_check.same_types() and type_check.same_types(np.ones(1), np.zeros(2))
    assert not type_check.same_types(np.ones(1), 1.0)
