"""Computation without intermediate results: the same gradients as with them, and less memory."""
import weakref

import numpy as np
import pytest
from hypothesis import given

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from support.checking import check_function, shapes, uniform


@given(shapes())
def test_one_argument(shape):
    check_function(lambda x: F.forget(lambda x: F.tanh(x) * x, x), lambda x: np.tanh(x) * x, uniform(*shape))


def test_several_arguments_and_results():
    def function(x, y):
        return F.tanh(x) * y, x - y * y, x

    check_function(lambda x, y: F.forget(function, x, y), lambda x, y: (np.tanh(x) * y, x - y * y, x),
                   uniform(2, 3), uniform(2, 3))


def test_only_some_results_are_used():
    x = ann.Variable(uniform(3))
    _, y, _ = F.forget(lambda x: (F.exp(x), F.sin(x), x), x)
    y.grad = np.ones(3)
    y.backward()
    np.testing.assert_allclose(x.grad, np.cos(x.array))


def test_same_variable_as_two_arguments():
    check_function(lambda x: F.forget(lambda a, b: a * F.tanh(b), x, x), lambda x: x * np.tanh(x), uniform(3))


def test_result_is_an_argument_or_appears_twice():
    def function(x):
        y = F.tanh(x)
        return x, y, y

    check_function(lambda x: F.forget(function, x), lambda x: (x, np.tanh(x), np.tanh(x)), uniform(3))


def test_inside_a_graph():
    def function(x, y):
        h = F.exp(x)
        return F.tanh(F.forget(lambda a, b: F.sin(a) * b, h, y * y)) * h

    check_function(function, lambda x, y: np.tanh(np.sin(np.exp(x)) * y * y) * np.exp(x), uniform(3), uniform(3))


def test_nested():
    def inner(x):
        return F.sin(x) * x

    def outer(x):
        return F.exp(F.forget(inner, F.tanh(x)))

    check_function(lambda x: F.forget(outer, x), lambda x: np.exp(np.sin(np.tanh(x)) * np.tanh(x)), uniform(2, 2))


def test_parameters_that_the_function_captures():
    W = ann.Parameter(uniform(3))
    x = ann.Variable(uniform(3))
    y = F.forget(lambda x: F.tanh(x * W) * W, x)
    y.grad = np.ones(3)
    y.backward()
    z = np.tanh(x.array * W.array)
    np.testing.assert_allclose(W.grad, z + W.array * x.array * (1 - z ** 2))
    np.testing.assert_allclose(x.grad, W.array ** 2 * (1 - z ** 2))


def test_captured_variable_inside_the_graph():
    def function(x, w):
        h = F.exp(w)
        return F.forget(lambda x: F.tanh(x) * h, x) + h

    check_function(function, lambda x, w: (np.tanh(x) + 1) * np.exp(w), uniform(3), uniform(3))


def test_captured_and_given():
    check_function(lambda x: F.forget(lambda a: a * F.exp(x), x), lambda x: x * np.exp(x), uniform(3))


def test_parameters_are_reached_when_no_argument_needs_a_gradient():
    W = ann.Parameter(uniform(4, 2))
    ids = np.array([1, 3, 1])
    y = F.forget(lambda i: W[i.array] * 2, ids)
    y.grad = np.ones((3, 2))
    y.backward()
    np.testing.assert_array_equal(W.grad[:, 0], [0, 4, 0, 2])


def test_grad_touches_nothing_else():
    W, x = ann.Parameter(uniform(3)), ann.Variable(uniform(3))
    y = F.forget(lambda x: x * W, x)
    gx, = ann.grad([y], [x])
    np.testing.assert_array_equal(gx.array, W.array)
    assert W.grad is None
    assert x.grad is None


def test_dropout_draws_the_same_mask_again():
    x = ann.Variable(np.ones(1000))
    y = F.forget(lambda x: F.dropout(x) * 3, x)
    following = np.random.get_state()[1].copy()
    y.grad = np.ones(1000)
    y.backward()
    np.testing.assert_array_equal(x.grad, y.array)
    np.testing.assert_array_equal(np.random.get_state()[1], following)


def test_intermediate_results_go():
    held = []

    def function(x):
        h = F.exp(x)
        held.append(weakref.ref(h.array))
        return F.sin(h)

    x = ann.Variable(uniform(3))
    y = F.forget(function, x)
    assert held[0]() is None
    y.grad = np.ones(3)
    y.backward()
    assert len(held) == 2
    assert held[1]() is None
    np.testing.assert_allclose(x.grad, np.cos(np.exp(x.array)) * np.exp(x.array))


def test_without_backpropagation():
    x = ann.Variable(uniform(3))
    with ann.no_backprop_mode():
        y = F.forget(F.exp, x)
    assert y.creator is None
    np.testing.assert_array_equal(y.array, np.exp(x.array))


@pytest.mark.parametrize('number', [1, 2])
def test_a_tuple_of_results(number):
    x = ann.Variable(np.ones(2))
    ys = F.forget(lambda x: tuple([x * (i + 2) for i in range(number)]), x)
    # A tuple of one comes as its only Variable.
    assert isinstance(ys, tuple) == (number > 1)
    F.add(*(ys if number > 1 else (ys,))).sum().backward()
    assert x.grad.tolist() == ([2, 2] if number == 1 else [5, 5])


def test_wrong_result_is_named():
    with pytest.raises(TypeError, match='forget: func must return a Variable or a tuple of Variables, got list'):
        F.forget(lambda x: [x], ann.Variable(np.zeros(2)))


def test_running_statistics_change_once():
    """A second computation for the gradient sees the same batch, not another one."""
    plain, forgetful = L.BatchNormalization(3), L.BatchNormalization(3)
    x = np.random.rand(5, 3).astype('f')
    F.sum(plain(x) ** 2).backward()
    F.sum(F.forget(forgetful, x) ** 2).backward()
    np.testing.assert_array_equal(forgetful.avg_mean, plain.avg_mean)
    np.testing.assert_allclose(forgetful.gamma.grad, plain.gamma.grad, rtol=1e-6)
    assert forgetful.N == plain.N
