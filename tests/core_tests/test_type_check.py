"""Expectations about inputs, and the messages when they do not hold."""
import pickle

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
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


def test_more_arithmetic(types):
    x, n = types
    assert (-x.ndim).eval() == -2 and (n.shape[0] / 2).eval() == 1.5 and (n.shape[0] ** 2).eval() == 9
    assert message(-x.ndim == 1) == 'expected -in_types[0].ndim == 1, got -2 == 1'
    (x.ndim == 2).expect()
    with pytest.raises(InvalidType, match='ndim == 3'):
        (x.ndim == 3).expect()


def test_variables_and_what_is_known_of_an_array():
    info = type_check.Variable(type_check.TypeInfo([2, 3], 'f'), 'x')
    expect(info.shape == (2, 3), info.dtype == np.float32, info.ndim == 2, info.size == 6)
    assert message(info.shape[1] == 4) == 'expected x.shape[1] == 4, got 3 == 4'
    assert isinstance(type_check.make_variable(3, 'n'), type_check.Variable)


def test_none_among_the_arrays():
    assert len(get_types((np.ones(1), None), 'a')) == 2
    with pytest.raises(InvalidType, match=r'expected a\[1\] to be an array, got None'):
        get_types((np.ones(1), None), 'a', accept_none=False)


def test_shapes_that_broadcast(types):
    x, n = types
    type_check.expect_broadcast_shapes(x.shape, n.shape, (1, 1))
    with pytest.raises(InvalidType, match=r'in_types\[0\]\.shape and \(2,\) to broadcast.*got \(2, 3\) and \(2,\)'):
        type_check.expect_broadcast_shapes(x.shape, (2,))


def test_exceptions():
    error = InvalidType('a', 'b', 'first')
    assert str(error) == 'first: expected a, got b' and (error.expect, error.actual, error.msg) == ('a', 'b', 'first')
    assert str(InvalidType('all of it')) == 'all of it'
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error) and again.actual == 'b'


def test_context_of_a_function():
    with pytest.raises(InvalidType, match='FunctionNode: expected k == 4, got 3 == 4') as info, \
            type_check.get_function_check_context(ann.FunctionNode()):
        expect(type_check.make_variable(3, 'k') == 4)
    assert info.value.expect == 'k == 4'
    with pytest.raises(InvalidType, match='FunctionNode: more: a'), \
            type_check.get_function_check_context(ann.FunctionNode()):
        raise InvalidType('a', None, 'more')


def test_light_mode():
    assert not type_check.in_light_mode()
    with type_check.light_mode:
        assert type_check.in_light_mode()
        x, = type_check.get_light_types((np.ones(2),))
        assert 'ndim == 2' in message(x.ndim == 2)
    assert not type_check.in_light_mode()


@pytest.mark.parametrize('call, kind', [
    (lambda x: F.linear(x, x[:, :1]), ValueError), (lambda x: F.relu(x) + x[:1, :2], ValueError),
    (lambda x: F.sum(x, axis=5), ValueError), (lambda x: F.max_pooling_2d(x, 2), ValueError),
    (lambda x: F.sigmoid(x.astype(int)), TypeError), (lambda x: F.concat([x, x[:, :1]], axis=0), ValueError)])
def test_functions_raise_what_both_kinds_of_programs_catch(call, kind):
    for expected in kind, InvalidType:
        with pytest.raises(expected):
            call(np.ones((2, 3)))
