"""Symbols: every call is recorded, and nothing else changes."""
import inspect
import pickle
import types

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import Input, Symbol
from autograd_nn.functions import selu, tanh  # by name, as programs do
from autograd_nn.symbolic import without_traces


def shape_of(symbol):
    return tuple(n if isinstance(n, int) else None for n in symbol.shape)


def test_shapes_have_a_free_axis_wherever_the_samples_go():
    x = Input((3, 4), name='x')
    assert (repr(x), x.ndim, x.dtype) == ('<Symbol x: (None, 3, 4), float32>', 3, np.float32)
    assert shape_of(F.transpose(x, (1, 0, 2))) == (3, None, 4) and shape_of(x.T) == (4, 3, None)
    assert shape_of(F.sum(x)) == () and shape_of(x.sum(axis=0)) == (3, 4)
    assert shape_of(F.reshape(x, (-1, 4))) == (None, 4)                # three rows for each sample
    assert shape_of(x.reshape(x.shape[0], 12)) == (None, 12) and shape_of(x[:, 1]) == (None, 4)
    assert Input(5, 'int32').dtype == np.int32


@pytest.mark.parametrize('compute', [
    lambda x, y: x + y, lambda x, y: x - y, lambda x, y: 2 - x, lambda x, y: x * 3 * y, lambda x, y: 1 / y,
    lambda x, y: x // 2, lambda x, y: x % 2, lambda x, y: x ** 2, lambda x, y: 2 ** x, lambda x, y: x @ y.T,
    lambda x, y: -x, lambda x, y: +x, lambda x, y: abs(x), lambda x, y: x[:, ::2], lambda x, y: x.T,
    lambda x, y: x.reshape(-1, 2),
    lambda x, y: x.transpose(1, 0), lambda x, y: x.transpose(), lambda x, y: x.astype('d'), lambda x, y: x.flatten(),
    lambda x, y: x.sum(axis=1), lambda x, y: x.mean(), lambda x, y: x.max(axis=1),
    lambda x, y: x.min(axis=1, keepdims=True),
    lambda x, y: x[:, :1].squeeze(axis=1), lambda x, y: F.where(x > y, x, 2 * y), lambda x, y: F.where(x <= y, x, y),
    lambda x, y: F.concat([x, y]), lambda x, y: F.split_axis(x, 2, axis=1)[1], lambda x, y: F.tanh(x=x),
    lambda x, y: np.ones(4, 'f') + x, lambda x, y: np.float32(2) * y, lambda x, y: ann.Variable(np.ones(4, 'f')) - x])
def test_a_formula_computes_what_it_says(compute):
    x, y = Input(4), Input(4)
    model = ann.Model([x, y], compute(x, y))
    a, b = np.random.rand(5, 4).astype('f') + 0.5, np.random.rand(5, 4).astype('f') + 0.5
    expected = compute(ann.Variable(a), ann.Variable(b))
    found = model(a, b)
    np.testing.assert_array_equal(found.array, expected.array)
    assert found.dtype == expected.dtype


@pytest.mark.parametrize('ask', [
    bool, float, int, len, list, np.asarray, lambda x: x.array, lambda x: x.data, lambda x: x.grad, lambda x: x.size,
    lambda x: [0, 1][x], lambda x: x.backward()])
def test_who_asks_for_numbers_is_told(ask):
    with pytest.raises(TypeError, match=r'a symbol has a shape but no numbers.*Sequential\(function\)'):
        ask(Input(3))


def test_who_computes_with_the_number_of_samples_is_told():
    with pytest.raises(TypeError, match=r'number of samples \(axis 0 of <Symbol a.*-1'):
        Input(3, name='a').shape[0] * 2


def test_a_size_that_only_one_minibatch_has_is_refused():
    with pytest.raises(ValueError, match=r'reshape: works for 2 samples, but for 3'):
        F.reshape(Input(4), (2, 4))
    with pytest.raises(ValueError, match=r'linear: x has 4 features .* but W expects 5'):
        L.Linear(5, 2)(Input(4))


def test_other_attributes_are_as_absent_as_those_of_any_object():
    assert not hasattr(Input(3), 'nonsense')


def test_functions_stay_what_they_are():
    Input(1)
    for name in F.__all__:
        function = getattr(F, name)
        if isinstance(function, types.FunctionType):
            assert '_recorder' not in inspect.signature(function).parameters, name
    assert list(inspect.signature(F.dropout).parameters) == ['x', 'ratio', 'mask', 'return_mask']
    assert pickle.loads(pickle.dumps(F.relu)) is F.relu and tanh is F.tanh
    assert isinstance(tanh(Input(2)), Symbol) and isinstance(selu(Input(2)), Symbol)
    np.testing.assert_allclose(selu(np.ones(2)).array, 1.0507009873554805)
    with pytest.raises(TypeError, match='relu'):
        F.relu()
    # Rows of layers are still computed together: the functions in them are the same objects.
    linear = L.Linear(3, 2)
    assert ann.Sequential(linear, F.relu)[1] is F.relu
    x = np.random.rand(4, 3).astype('f')
    np.testing.assert_array_equal(ann.Sequential(linear, F.relu)(x).array, np.maximum(linear(x).array, 0))


def test_recording_leaves_no_traces():
    lstm, norm, dropconnect = L.LSTM(3, 2), L.BatchNormalization(3), L.SimplifiedDropconnect(3, 2)
    x = Input(3)
    before = np.random.get_state()[1].copy()
    F.gaussian(x, x)
    dropconnect(norm(lstm(x)[:, :1] * x))
    np.testing.assert_array_equal(np.random.get_state()[1], before)
    assert lstm.h is None and lstm.c is None
    np.testing.assert_array_equal(norm.avg_mean, 0)


def test_first_values_stay():
    np.random.seed(3)
    expected, state = L.Linear(4, 2), np.random.get_state()
    np.random.seed(3)
    linear, norm = L.Linear(2), L.BatchNormalization()
    linear(norm(Input(4)))
    np.testing.assert_array_equal(linear.W.array, expected.W.array)
    assert norm.avg_mean.shape == (4,) and norm.gamma.shape == (4,)
    # As many random numbers as the layer took, and no more.
    np.testing.assert_array_equal(np.random.get_state()[1], state[1])
    assert np.random.get_state()[2] == state[2]


def test_without_traces_restores_what_was_set_and_deleted():
    link = ann.Link()
    link.state, link.other = 1, 2
    with without_traces(link):
        link.state, link.new = 5, 6
        del link.other
    assert link.state == 1 and not hasattr(link, 'new') and link.other == 2


def test_what_a_function_returns_may_be_nested():
    x = Input((4, 3))
    parts = F.separate(x, axis=1)
    assert [shape_of(part) for part in parts] == [(None, 3)] * 4
    hy, _, ys = L.NStepLSTM(1, 3, 2, 0.)(None, None, [x[0], x[1]])
    assert shape_of(hy) == (1, 2, 2) and [shape_of(y) for y in ys] == [(4, 2)] * 2
    y, mask = F.dropout(x, return_mask=True)
    assert isinstance(y, Symbol) and mask is None


def test_a_function_of_yours_is_recorded_as_a_whole():
    calls = []

    def double(x):
        calls.append(type(x).__name__)
        return 2 * x if float(x.array.sum()) >= 0 else x      # it may ask for numbers

    x = Input(3)
    model = ann.Model(x, ann.Sequential(double)(x))
    calls.clear()
    np.testing.assert_array_equal(model(ann.Variable(np.ones((1, 3), 'f'))).array, 2)
    np.testing.assert_array_equal(model(ann.Variable(-np.ones((1, 3), 'f'))).array, -1)
    assert calls == ['Variable', 'Variable']
