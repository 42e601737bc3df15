"""Layers that are computed together, and filters that are prepared once: nothing changes but the time."""
import copy
import ctypes
import functools
import multiprocessing
import os
import threading

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import link_hooks, models
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
    assert type(model[1]).__name__ in [name for name, _ in hook.call_history]


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

    def by_reshape(model):
        model[3].W.reshape(32, -1).array[...] = 0

    def by_item(model):
        model[3].W[2].array[...] = 5

    def by_transpose(model):
        F.transpose(model[3].W).array[..., 1] = 5

    def by_identity(model):
        F.identity(model[3].W).array[...] *= 2

    def by_split(model):
        F.split_axis(model[3].W, 2, axis=0)[1].array[...] = 1

    def by_flatten(model):
        model[3].W.flatten().array[:100] = 1

    def by_a_function(model):
        class Doubling(ann.FunctionNode):
            def forward(self, inputs):
                inputs[0][...] *= 2
                return inputs[0].sum(),

        Doubling().apply((model[3].W,))

    def by_a_hook(model):
        class Halving(ann.FunctionHook):
            def forward_preprocess(self, function, in_data):
                in_data[0][...] *= 0.5

        with Halving():
            F.sum(model[3].W)

    def by_a_retained_input(model):
        class Keeping(ann.FunctionNode):
            def forward(self, inputs):
                self.retain_inputs((0,))
                return inputs[0].sum(),

        y, = Keeping().apply((model[3].W,))
        y.creator_node.get_retained_inputs()[0].array[...] *= 3

    def by_a_copy(model):
        copy.copy(model[3].W).array[...] *= 2

    def by_a_link_that_shares(model):
        shared = model[3].copy()
        optimizer = ann.optimizers.SGD(0.1).setup(shared)
        F.sum(shared(np.ones((1, 32, 9, 9), 'f')) ** 2).backward()
        optimizer.update()

    def by_the_state(model):
        state = model[3].W.__getstate__()
        next(value for value in state.values() if isinstance(value, np.ndarray))[...] *= 2

    def swapped_filters(model):
        # Any sum of the elements stays as it is.
        model[3].W.reshape(32, -1).array[[0, 1]] = model[3].W.array.reshape(32, -1)[[1, 0]]

    def by_address(model):
        array = model[3].W.array
        (ctypes.c_float * array.size).from_address(array.ctypes.data)[7] = 9.

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
        assert 'filters' in model[0].W.kept
        prepared = model[3].W.kept['filters']
        assert_infers_as_one_by_one(model)
        assert model[3].W.kept['filters'] is prepared
        model(data())
        assert not model[3].W.kept, 'in training'


def test_filters_that_are_not_a_number_and_signed_zeros_are_told_apart():
    layer, x = L.Convolution2D(1, 8, 1, nobias=True, initialW=np.nan), np.ones((1, 1, 5, 5), 'f')
    with ann.no_backprop_mode():
        for value in np.nan, 0., -0.:
            layer.W.reshape(-1).array[...] = value
            for _ in range(2):
                np.testing.assert_array_equal(layer(x).array, np.full((1, 8, 5, 5), value, 'f'))


def test_prepared_filters_depend_on_all_that_they_were_made_for():
    """On the number of threads, of this thread and of others, on the precision and on being a fork."""
    layer, x = L.Convolution2D(64, 256, 1), np.random.randn(1, 64, 56, 56).astype('f')
    expected = np.einsum('nchw,kc->nkhw', x, layer.W.array[:, :, 0, 0])

    def error():
        with ann.no_backprop_mode():
            return float(abs(layer(x).array - expected).max())

    def in_a_thread(threads):
        def run():
            with ann.using_config('num_threads', threads):
                errors.append(error())

        errors = []
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        return errors[0]

    for _ in range(2):
        for threads in 2, 1, None, 2:
            with ann.using_config('num_threads', threads):
                assert error() < 1e-4
        with ann.using_config('use_bfloat16', True):
            assert error() < 0.1
        assert error() < 1e-4
        assert max(map(in_a_thread, (1, 2))) < 1e-4
    if hasattr(os, 'fork'):
        with multiprocessing.get_context('fork').Pool(1, initializer=_keep, initargs=(error,)) as pool:
            assert pool.apply(_call_kept) < 1e-4


def _keep(function):
    global _kept_function
    _kept_function = function


def _call_kept():
    return _kept_function()


class Shifted(L.BatchNormalization):
    """As a user writes it."""

    def forward(self, x):
        return super().forward(x) + 100


class Plain(L.Linear):

    def forward(self, x):
        return super().forward(x) * 2


class Doubled(L.Convolution2D):

    def __call__(self, x):
        return super().__call__(x) * 2


class Halved(L.Convolution2D):

    def forward(self, x):
        return super().forward(x) * 0.5


class OwnShortcut(L.Shortcut):

    def __call__(self, h):
        return h - self.x


def with_a_forward_of_its_own(link):
    link.forward = lambda x: -type(link).forward(link, x)
    return link


def through_a_wrapper(link_class):
    """A subclass whose method has all that `functools.wraps` copies."""
    @functools.wraps(link_class.forward)
    def forward(self, x):
        return link_class.forward(self, x) + 1

    return type('Wrapped', (link_class,), {'forward': forward})


@pytest.mark.parametrize('make_layers', [
    lambda: [L.Convolution2D(16, 8, 3), Shifted(8), F.relu],
    lambda: [L.Convolution2D(16, 8, 3), L.BatchNormalization(8), F.relu],
    lambda: [L.Convolution2D(16, 8, 3), with_a_forward_of_its_own(L.BatchNormalization(8)), F.relu],
    lambda: [L.Convolution2D(16, 8, 3), through_a_wrapper(L.BatchNormalization)(8), F.relu],
    lambda: [Doubled(16, 8, 3), L.BatchNormalization(8), F.relu],
    lambda: [Halved(16, 8, 3), L.BatchNormalization(8), F.relu6],
    lambda: [with_a_forward_of_its_own(L.Convolution2D(16, 8, 3)), F.relu],
    lambda: [through_a_wrapper(L.Convolution2D)(16, 8, 3), F.relu],
    lambda: [Plain(None, 8), F.relu],
    lambda: [with_a_forward_of_its_own(L.Linear(None, 8)), F.relu],
    lambda: [through_a_wrapper(L.Linear)(None, 8), F.relu],
    lambda: [L.Convolution2D(16, 8, 1), OwnShortcut(np.ones((4, 8, 9, 9), 'f')), F.relu],
    lambda: [L.Convolution2D(16, 8, 1), lambda h: L.Shortcut(data()[:, :8])(h), F.relu],
])
@pytest.mark.parametrize('train', [True, False])
def test_what_users_change_of_a_layer_happens(make_layers, train):
    layers = make_layers()
    model = ann.Sequential(*layers)
    for _ in range(2):
        one_by_one(layers, data())
    state = [(link, link.avg_mean.copy(), link.avg_var.copy())
             for link in model.links() if isinstance(link, L.BatchNormalization)]
    with ann.using_config('train', train), ann.no_backprop_mode():
        actual = model(data()).array
        for link, mean, var in state:
            link.avg_mean, link.avg_var = mean, var
        with ann.using_config('use_onednn', 'never'):
            expected = one_by_one(layers, data()).array
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-4)


def test_a_method_that_is_patched_is_called(monkeypatch, model):
    monkeypatch.setattr(L.BatchNormalization, 'forward', lambda self, x: ann.as_variable(x) * 0 + 7)
    monkeypatch.setattr(L.Linear, 'forward', lambda self, x: ann.as_variable(x) * 3)
    x = np.ones((2, 16, 3, 3), 'f')
    with ann.using_config('train', False), ann.no_backprop_mode():
        np.testing.assert_array_equal(ann.Sequential(model[0], model[1], F.relu)(x).array, np.full((2, 32, 1, 1), 7))
        np.testing.assert_array_equal(ann.Sequential(L.Linear(16, 16), F.relu)(x).array, 3 * x)


def test_names_of_children_are_free():
    class Net(ann.Chain):
        def __init__(self):
            super().__init__()
            with self.init_scope():
                self.fuse = L.Linear(3, 4)

        def forward(self, x):
            return self.fuse(x)

    assert ann.Sequential(Net(), F.relu)(np.ones((2, 3), 'f')).shape == (2, 4)


def test_a_child_of_a_zoo_network_that_is_replaced_by_a_subclass():
    net = models.create('resnet18', num_classes=3)
    x = np.random.randn(1, 3, 64, 64).astype('f')
    with ann.using_config('train', False), ann.no_backprop_mode():
        before = net(x).array
        owner, name, norm = next((owner, name, child) for owner in net.links() if isinstance(owner, ann.Chain)
                                 for name, child in owner._named_children() if isinstance(child, L.BatchNormalization))
        delattr(owner, name)
        with owner.init_scope():
            setattr(owner, name, Shifted(len(norm.gamma)))
        changed = net(x).array
        with ann.using_config('use_onednn', 'never'):
            expected = net(x).array
    assert abs(changed - before).max() > 1e-3
    np.testing.assert_allclose(changed, expected, rtol=1e-3, atol=1e-3 * abs(expected).max())


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
