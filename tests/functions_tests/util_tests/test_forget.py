"""Computation without intermediate results: the same gradients as with them, and less memory."""
import weakref

import numpy as np
import pytest
from hypothesis import given

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn.functions.util.forget import once
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


class Counter:
    """Multiplies by 1, 2, 3 and so on, from call to call."""

    def __init__(self):
        self.calls = 0

    def count(self):
        self.calls += 1
        return self.calls

    def __call__(self, x):
        return F.tanh(x * once(self.count))


def inside(f):
    return lambda x: F.forget(f, x)


@pytest.mark.parametrize('wrap', [
    lambda f: lambda x: f(f(x)), lambda f: inside(lambda x: f(f(x))), lambda f: lambda x: inside(f)(inside(f)(x)),
    lambda f: inside(lambda x: inside(f)(inside(f)(x))), lambda f: inside(lambda x: f(inside(inside(f))(x))),
], ids=['not at all', 'together', 'one by one', 'within', 'deep within'])
def test_once(wrap):
    """What was computed once is found again, in a computation within another one, too, and each its own."""
    f, x = Counter(), ann.Variable(uniform(3))
    h, z = wrap(f)(x), wrap(f)(x * 2)
    gx, = ann.grad([h * z], [x], [np.ones(3)], enable_double_backprop=True)
    gx.grad = np.ones(3)
    gx.backward()
    assert f.calls == 4

    def exact(x):
        return np.tanh(2 * np.tanh(x)) * np.tanh(4 * np.tanh(3 * 2 * x))

    np.testing.assert_allclose((h * z).array, exact(x.array))
    step = 1e-4
    high, middle, low = (exact(x.array + d) for d in (step, 0, -step))
    np.testing.assert_allclose(gx.array, (high - low) / (2 * step), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(x.grad, (high - 2 * middle + low) / step ** 2, rtol=1e-3, atol=1e-3)


def test_once_in_a_gradient_that_is_computed_within():
    """As a penalty of the slope is."""
    f, x = Counter(), ann.Variable(uniform(3))

    def slope(x):
        y = F.forget(f, x)
        return ann.grad([y], [x], enable_double_backprop=True)[0] * once(f.count)

    F.sum(F.forget(slope, x)).backward()
    assert f.calls == 2
    y = np.tanh(x.array)
    np.testing.assert_allclose(x.grad, 2 * -2 * y * (1 - y ** 2))


def test_once_where_nothing_is_forgotten():
    f = Counter()
    f(np.ones(1)), f(np.ones(1))
    assert f.calls == 2


def test_function_that_computes_something_else_the_second_time():
    x, f = ann.Variable(uniform(3)), Counter()
    y = F.forget(lambda x: f(f(x)) if ann.config.in_recomputing else f(x), x)
    with pytest.raises(RuntimeError, match='func computes something else the second time'):
        F.sum(y).backward()
