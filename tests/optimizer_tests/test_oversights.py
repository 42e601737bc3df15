"""What is easily forgotten around an optimizer, and what it says then."""
import warnings

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import optimizers

x = np.ones((2, 3), 'f')


@pytest.fixture
def model():
    return L.Linear(3, 2)


def forgotten(model, optimizer):
    optimizer.update()


def without_graph(model, optimizer):
    model.cleargrads()
    with ann.no_backprop_mode():
        loss = F.sum(model(x))
    loss.backward()
    optimizer.update()


def through_array(model, optimizer):
    optimizer.update(lambda: F.sum(ann.Variable(model(x).array)))


def frozen(model, optimizer):
    model.freeze()
    optimizer.update(lambda: F.sum(model(x)))


def never_called(model, optimizer):
    if optimizer.target is model:
        optimizer.setup(L.Linear(None, 2, nobias=True))
    optimizer.update()


@pytest.mark.parametrize('action, reason', [
    (forgotten, 'was backward called'), (without_graph, 'no_backprop_mode'), (through_array, r'\.array'),
    (frozen, 'frozen'), (never_called, 'was the model called')])
def test_update_without_gradient_warns_once(model, action, reason):
    optimizer = optimizers.SGD().setup(model)
    before = model.W.array.copy()
    with pytest.warns(UserWarning, match=f'update: no parameter of .* has a gradient: .*{reason}') as seen:
        action(model, optimizer)
        action(model, optimizer)
    assert len(seen) == 1
    np.testing.assert_array_equal(model.W.array, before)


def test_no_warning_where_something_is_learnt(model):
    two = ann.Chain(used=model, unused=L.Linear(3, 2))
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        optimizer = optimizers.Adam().setup(two)
        optimizer.update(lambda: F.sum(model(x)))
        optimizer.use_cleargrads(False)
        two.zerograds()
        optimizer.update()


def test_setup_of_a_model_without_parameters():
    class Model(ann.Chain):
        def __init__(self):
            super().__init__()
            self.layers = [L.Linear(2, 2)]

    with pytest.warns(UserWarning, match='setup: Model has no parameters.*init_scope') as seen:
        optimizer = optimizers.SGD().setup(Model())
    assert seen[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        optimizer.update()


@pytest.mark.parametrize('call, error, words', [
    (lambda model: optimizers.SGD().update(), RuntimeError, r'update: call setup\(model\) first'),
    (lambda model: optimizers.SGD().setup(model.params()), TypeError, 'expected a Link, got generator'),
    (lambda model: optimizers.SGD().setup(model).update(lambda: 1.5), TypeError,
     'update: expected the loss as a Variable, got float from <lambda>'),
    (lambda model: optimizers.SGD().setup(model).update(lambda: model(x)), RuntimeError, r'backward: .*\(2, 2\)'),
])
def test_errors(model, call, error, words):
    with pytest.raises(error, match=words):
        call(model)
