"""An adversary: what users do to a network, in any order, beside the same with every fast path off.

The fast network is a row of layers, which may be fused, with oneDNN and prepared filters, and optimizers that update
all parameters at once. The plain one calls layer after layer on NumPy's kernels and updates by the formula.
"""
import copy
import io
import multiprocessing
import threading
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import link_hooks, optimizer_hooks, optimizers, serializers

RATE, MOMENTUM, DECAY = 0.01, 0.9, 0.01


class Shifted(L.BatchNormalization):
    """A user's subclass."""

    def forward(self, x):
        return super().forward(x) + 1


class Network:
    """A network with an optimizer, and how it is called.

    Args:
        model: The row of layers.
        plain: Whether every fast path is off.
    """

    def __init__(self, model, plain):
        self.model, self.plain = model, plain
        self.velocities = {}
        self.setup()

    def setup(self):
        """A new optimizer."""
        self.velocities.clear()
        if not self.plain:
            self.optimizer = optimizers.MomentumSGD(RATE, MOMENTUM).setup(self.model)
            self.optimizer.add_hook(optimizer_hooks.WeightDecay(DECAY))

    def __call__(self, x):
        if not self.plain:
            return self.model(x)
        with ann.using_config('use_onednn', 'never'):
            for layer in self.model:
                x = layer(x)
        return x

    def infer(self, x):
        """The output at inference, an array."""
        with ann.using_config('train', False), ann.no_backprop_mode():
            return self(x).array

    def train(self, x):
        """One step."""
        self.model.cleargrads()
        loss = F.mean(self(x) ** 2)
        with ann.using_config('use_onednn', 'never' if self.plain else 'auto'):
            loss.backward()
        if not self.plain:
            self.optimizer.update()
            return
        for param in self.model.params():
            if param.grad is not None and param.requires_grad:
                velocity = self.velocities.setdefault(id(param), np.zeros_like(param.array))
                velocity *= MOMENTUM
                velocity -= RATE * (param.grad + DECAY * param.array)
                param.array += velocity


def new_model():
    ann.random.seed(0)
    model = ann.Sequential(
        L.Convolution2D(3, 16, 3, pad=1), L.BatchNormalization(16), F.relu,
        L.Convolution2D(16, 24, 3, groups=2), F.relu6, L.Convolution2D(24, 8, 1, nobias=True), L.BatchNormalization(8),
        L.Linear(8 * 6 * 6, 10), F.relu, L.Linear(10, 4))
    return model


def write(network, random):
    """By a view, a copy that shares, or an address: never by the parameter's own attribute."""
    W = network.model[random.choice([0, 3, 5, 7])].W
    way = random.randrange(7)
    factor = random.choice([-1, 0.5, 2])
    if way == 0:
        W.reshape(len(W), -1).array[...] *= factor
    elif way == 1:
        W[random.randrange(len(W))].array[...] *= factor
    elif way == 2:
        F.transpose(W).array[..., 0] *= factor
    elif way == 3:
        np.asarray(copy.copy(W).array)[-1] *= factor
    elif way == 4:
        F.split_axis(W, 2, axis=0)[1].array[...] *= factor
    elif way == 5:
        memoryview(W.array.reshape(-1)).cast('B')[:4] = np.float32(factor).tobytes()
    else:
        next(a for a in W.__getstate__().values() if isinstance(a, np.ndarray))[..., :1] *= factor


def replace(network, random):
    """An array, or the values, of a parameter."""
    param = network.model[random.choice([0, 3, 5])].W
    values = np.random.RandomState(random.randrange(100)).randn(*param.shape).astype('f') * 0.3
    if random.random() < 0.5:
        param.array = values
    else:
        param.copydata(ann.Parameter(values))


def replace_layer(network, random):
    """A normalization by a subclass, or back."""
    index = random.choice([1, 6])
    old = network.model[index]
    new = (L.BatchNormalization if type(old) is Shifted else Shifted)(len(old.gamma))
    new.copyparams(old)
    network.model[index] = new
    network.setup()


def share(network, random):
    """A copy that shares the parameters is trained and dropped."""
    index = random.choice([0, 3])
    shared = network.model[index].copy()
    x = np.ones((1, (3, 0, 0, 16)[index], 8, 8), 'f')
    twin = Network(ann.Sequential(shared), network.plain)
    twin.train(x)
    # The optimizer of the copy has given the parameters rules of its own.
    network.setup()


def freeze(network, random):
    """A layer, or all is trained again."""
    if random.random() < 0.6:
        network.model[random.choice([0, 1, 3, 5])].freeze()
    else:
        network.model.unfreeze()


def change_threads(network, random):
    """For all that follows."""
    ann.config.num_threads = random.choice([1, 2])


def reload(network, random):
    """Written to a file and read from it, after other values were there."""
    file = io.BytesIO()
    serializers.save_npz(file, network.model)
    for param in network.model.params():
        param.array[...] = 1
    file.seek(0)
    serializers.load_npz(file, network.model)


def deep_copy(network, random):
    """It goes on with a copy."""
    network.model = copy.deepcopy(network.model)
    network.setup()


def watch(network, random):
    """A hook comes or goes."""
    layer = network.model[random.choice([0, 1, 7])]
    if 'TimerHook' in layer.local_link_hooks:
        layer.delete_hook('TimerHook')
    else:
        layer.add_hook(link_hooks.TimerHook())


def train(network, random):
    """A step or two on batches of some sizes."""
    network.train(data(random.choice([2, 3])))


def infer(network, random):
    """As before a change; it may prepare filters."""
    network.infer(data(random.choice([1, 2])))


ACTIONS = {action.__name__: action for action in (
    write, replace, replace_layer, share, freeze, change_threads, reload, deep_copy, watch, train, infer)}


def data(n, seed=0):
    return np.random.RandomState(seed).randn(n, 3, 8, 8).astype('f')


def in_a_thread(function):
    results = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join()
    return results[0]


def assert_agree(fast, plain, batch):
    """At inference, on this thread and on another."""
    expected = plain.infer(data(batch, seed=1))
    bound = 1e-3 * abs(expected).max() + 1e-6
    for actual in fast.infer(data(batch, seed=1)), in_a_thread(lambda: fast.infer(data(batch, seed=1))):
        assert actual.shape == expected.shape
        assert abs(actual - expected).max() <= bound


@pytest.fixture(autouse=True)
def threads():
    """The test may change them."""
    with ann.using_config('num_threads', 2):
        yield


@settings(max_examples=25, deadline=None)
@given(actions=st.lists(st.tuples(st.sampled_from(sorted(ACTIONS)), st.integers(0, 10 ** 6)), max_size=12),
       batch=st.sampled_from([1, 2, 5]))
def test_any_sequence_of_actions(actions, batch):
    with ann.using_config('num_threads', 2):
        fast, plain = (Network(new_model(), plain) for plain in (False, True))
        assert_agree(fast, plain, batch)
        for name, seed in actions:
            for network in fast, plain:
                ACTIONS[name](network, Random(seed))
            assert_agree(fast, plain, batch)
        for (path, actual), (_, expected) in zip(fast.model.namedparams(), plain.model.namedparams(), strict=True):
            np.testing.assert_allclose(actual.array, expected.array, rtol=1e-3, atol=1e-3, err_msg=path)


@pytest.mark.skipif('fork' not in multiprocessing.get_all_start_methods(), reason='needs fork')
def test_a_fork_agrees():
    fast, plain = (Network(new_model(), plain) for plain in (False, True))
    assert_agree(fast, plain, 2)
    fast.model[3].W[0].array[...] = plain.model[3].W[0].array[...] = 2
    here, there = multiprocessing.get_context('fork').Pipe()
    child = multiprocessing.get_context('fork').Process(target=lambda: there.send(fast.infer(data(2))))
    child.start()
    assert here.poll(60)
    np.testing.assert_allclose(here.recv(), plain.infer(data(2)), rtol=1e-3, atol=1e-3)
    child.join()
