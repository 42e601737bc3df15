"""Layers that are computed together, and filters that are prepared once: nothing changes but the time."""
import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import link_hooks
from autograd_nn.sequential import run_layers


@pytest.fixture
def model():
    model = ann.Sequential(L.Convolution2D(16, 32, 3), L.BatchNormalization(32), F.relu,
                           L.Convolution2D(32, 32, 3, groups=2), F.relu, L.Linear(None, 5), F.relu)
    for _ in range(3):
        model(data())
    return model


def data():
    return np.random.RandomState(0).randn(4, 16, 9, 9).astype('f')


def one_by_one(model, x):
    for layer in model:
        x = layer(x)
    return x


def assert_infers_as_one_by_one(model):
    with ann.using_config('train', False), ann.no_backprop_mode():
        actual = model(data()).array
        with ann.using_config('use_onednn', 'never'):
            expected = one_by_one(model, data()).array
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5 * abs(expected).max())


@pytest.mark.parametrize('train', [True, False])
def test_gradients(model, train):
    gradients = []
    for call in model, lambda x: one_by_one(model, x):
        model.cleargrads()
        x = ann.Variable(data())
        with ann.using_config('train', train):
            y = call(x)
        F.sum(y * y).backward()
        gradients.append([x.grad] + [param.grad for param in model.params()])
    for actual, expected in zip(*gradients, strict=True):
        # The bias of a convolution before a normalization has no effect: what there is of its gradient is rounding.
        np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-4 * max(abs(expected).max(), 1e-2))


def test_neighbours_take_one_function(model):
    names = []
    node = model(data()).creator
    while node is not None:
        names.append(node.label)
        node = node.inputs[0].creator
    assert 'ReLU' not in names


def test_other_activations_are_refused():
    for link in L.Convolution2D(2, 3, 1), L.Linear(2, 3):
        with pytest.raises(ValueError, match=r'functions.relu or functions.relu6, got <function tanh'):
            link(np.zeros((1, 2, 1, 1), 'f'), activation=F.tanh)


def test_a_hook_sees_every_link(model):
    with link_hooks.TimerHook() as hook, ann.using_config('train', False), ann.no_backprop_mode():
        model(data())
    assert model[1] in [record[0] for record in hook.call_history]


def changes():
    def in_place(model):
        model[3].W.array[...] *= 2

    def through_data(model):
        model[0].W.data *= 0.5

    def through_numpy(model):
        np.asarray(model[3].W)[0] = 1

    def another_array(model):
        model[3].W.array = np.ones_like(model[3].W.array)

    def copied(model):
        model[0].W.copydata(L.Convolution2D(16, 32, 3).W)

    def averages(model):
        model[1].avg_mean += 1

    def scale(model):
        model[1].gamma.array[::2] = 3

    def bias(model):
        model[3].b.array += 1

    def updated(model):
        optimizer = ann.optimizers.SGD(0.001).setup(model)
        F.sum(model(data())).backward()
        optimizer.update()

    return [change for change in locals().values() if callable(change)]


@pytest.mark.parametrize('change', changes())
def test_changes_of_parameters_show(model, change):
    for _ in range(3):
        assert_infers_as_one_by_one(model)
    change(model)
    for _ in range(3):
        assert_infers_as_one_by_one(model)


@pytest.mark.parametrize('part', [lambda W: W.array, lambda W: W.array[0], lambda W: memoryview(W.array)],
                         ids=['array', 'view', 'buffer'])
def test_changes_of_an_array_that_somebody_holds_show(model, part):
    held = part(model[3].W)
    for factor in 2, 3:
        assert_infers_as_one_by_one(model)
        np.asarray(held)[...] = factor
        assert_infers_as_one_by_one(model)
    del held
    assert_infers_as_one_by_one(model)


def test_filters_are_prepared_once(model):
    for _ in range(2):
        assert_infers_as_one_by_one(model)
    if ann.cpu.onednn.in_use():
        assert 'filters' in model[0].W.kept()
        prepared = model[3].W.kept()['filters'][1]
        assert_infers_as_one_by_one(model)
        assert model[3].W.kept()['filters'][1] is prepared


@pytest.mark.parametrize('activation', [None, F.relu, F.relu6])
@pytest.mark.parametrize('rows', [[L.BatchNormalization(8)], []], ids=['normalized', 'plain'])
def test_a_shortcut_is_part_of_the_row(activation, rows):
    convolution = L.Convolution2D(8, 8, 3, pad=1, nobias=True)
    x = 4 * np.random.randn(3, 8, 5, 6).astype('f')
    after = [] if activation is None else [activation]
    for _ in range(2):
        run_layers([convolution, *rows], x)

    def together(x):
        return run_layers([convolution, *rows, L.Shortcut(x), *after], x)

    def one_by_one(x):
        h = convolution(x)
        for layer in rows:
            h = layer(h)
        return (activation or F.identity)(h + x)

    with ann.using_config('train', False), ann.no_backprop_mode():
        np.testing.assert_allclose(together(x).array, one_by_one(x).array, rtol=1e-4, atol=1e-4)
    for train in False, True:
        gradients = []
        for call in together, one_by_one:
            variable = ann.Variable(x)
            with ann.using_config('train', train):
                y = call(variable)
            F.sum(y ** 2).backward()
            gradients.append(variable.grad)
        np.testing.assert_allclose(*gradients, rtol=1e-3, atol=1e-3)


def test_a_residual_of_another_shape_is_refused():
    x, W = np.zeros((1, 2, 4, 4), 'f'), np.zeros((3, 2, 1, 1), 'f')
    with pytest.raises(ValueError, match=r'convolution_2d: expected residual of shape .1, 3, 4, 4., got .1, 2'):
        F.convolution_2d(x, W, residual=x)
