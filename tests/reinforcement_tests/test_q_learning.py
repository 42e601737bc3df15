"""Q-learning: its loss and targets against loops, exploration, and the network that stands still."""
import numpy as np
import pytest

import autograd_nn as ann
from autograd_nn import gradient_check, models, optimizers
from autograd_nn import links as L
from autograd_nn.iterators import SerialIterator
from autograd_nn.reinforcement import (
    Catch,
    Environment,
    LinearDecayEpsilonGreedy,
    Players,
    PrioritizedReplayBuffer,
    QLearningLoss,
    QLearningUpdater,
    ReplayBuffer,
)

CPU = ann.get_device('cpu')


def make_updater(buffer=None, **options):
    model = QLearningLoss(models.create('dqn', observation_shape=(50,), n_actions=3, units=8))
    players = Players([Catch(), Catch()])
    buffer = ReplayBuffer(1000) if buffer is None else buffer
    return QLearningUpdater(SerialIterator(range(100), 10, shuffle=False), optimizers.SGD(0.1).setup(model), players,
                            CPU, buffer, LinearDecayEpsilonGreedy(1., 0.1, 100, 3), **options)


def test_loss():
    rng = np.random.default_rng(0)
    x, W, b = rng.normal(size=(6, 4)), rng.normal(size=(3, 4)), rng.normal(size=3)
    actions, targets, weights = rng.integers(3, size=6), rng.normal(0, 2, 6), rng.uniform(0.2, 1, 6)
    with ann.using_config('dtype', np.dtype(np.float64)):
        network = L.Linear(4, 3, initialW=W, initial_bias=b)
        model = QLearningLoss(network)
        total, errors = 0, []
        for i in range(6):
            error = targets[i] - (sum(W[actions[i], j] * x[i, j] for j in range(4)) + b[actions[i]])
            errors.append(error)
            total += weights[i] * (error ** 2 / 2 if abs(error) < 1 else abs(error) - 0.5)
        assert model(x, actions, targets, weights).item() == pytest.approx(total / 6, rel=1e-10)
        np.testing.assert_allclose(model.errors, errors, rtol=1e-10)
        assert min(map(abs, errors)) < 1 < max(map(abs, errors))
        gradient_check.check_backward(lambda x, W, b: call_with(model, x, W, b, actions, targets, weights), (x, W, b),
                                      None, eps=1e-5, atol=1e-7, rtol=1e-5)


def call_with(model, x, W, b, *more):
    """The loss of a linear network with other parameters, Variables that are part of the graph."""
    model.predictor.__dict__.update(W=W, b=b)
    return model(x, *more)


@pytest.mark.parametrize('double', [False, True])
def test_targets(double):
    updater = make_updater(double=double, gamma=0.9)
    rng = np.random.default_rng(1)
    for param in updater.target_network.params():
        param.array += rng.normal(0, 0.3, param.shape).astype(np.float32)
    following, rewards = rng.normal(size=(20, 50)).astype(np.float32), rng.normal(size=20).astype(np.float32)
    terminated = rng.uniform(size=20) < 0.3
    own, target = updater.network(following).array, updater.target_network(following).array
    expected = []
    for i in range(20):
        best = max(range(3), key=lambda a: (own if double else target)[i, a])
        expected.append(rewards[i] if terminated[i] else rewards[i] + 0.9 * target[i, best])
    found = updater.compute_targets(rewards, terminated, following)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert found.dtype == np.float32
    assert (own.argmax(axis=1) != target.argmax(axis=1)).any(), 'both rules say the same'


def test_the_target_stands_still_until_it_is_renewed():
    updater = make_updater(target_update_interval=3)
    updater.play(20)
    x = np.random.rand(5, 50).astype(np.float32)
    first = updater.target_network(x).array
    for count in range(1, 7):
        updater.learn_once()
        target, own = updater.target_network(x).array, updater.network(x).array
        if count % 3:
            assert (target == first).all() and (target != own).any()
        else:
            assert (target == own).all()
            first = target


def test_it_learns_when_enough_was_played():
    updater = make_updater(replay_start_size=40, n_times_update=4)
    updater.play(19)
    assert updater.learn() == [] and updater.t == 38
    updater.play(1)
    losses = updater.learn()
    assert len(losses) == 4 and updater.n_minibatches == 4


def test_errors_become_priorities():
    buffer = PrioritizedReplayBuffer(1000)
    updater = make_updater(buffer, minibatch_size=16)
    updater.play(30)
    drawn = []
    sample = buffer.sample
    buffer.sample = lambda count: drawn.append(sample(count)) or drawn[-1]
    updater.learn_once()
    last = dict(zip(drawn[0].indices, updater.model.errors))
    for place, error in last.items():
        assert buffer._tree[place] == pytest.approx((abs(error) + 0.01) ** 0.6, rel=1e-5)


def test_exploration():
    explorer = LinearDecayEpsilonGreedy(0.9, 0.3, 200, 4)
    assert [explorer.compute_epsilon(t) for t in (0, 100, 200, 900)] == pytest.approx([0.9, 0.6, 0.3, 0.3])
    np.random.seed(0)
    greedy = np.full(40_000, 2)
    counts = np.bincount(explorer.select_actions(100, greedy), minlength=4) / 40_000
    np.testing.assert_allclose(counts, [0.15, 0.15, 0.55, 0.15], atol=0.01)
    assert (LinearDecayEpsilonGreedy(0, 0, 1, 4).select_actions(0, greedy) == greedy).all()
    with pytest.raises(ValueError, match=r'expected end_epsilon from 0 to 1, got 1\.5'):
        LinearDecayEpsilonGreedy(1, 1.5, 10, 2)


class Lamp(Environment):
    """A picture that is dark or bright; the action is to be 0 or 1."""

    observation_shape, observation_dtype, n_actions = (36, 36, 1), np.dtype(np.uint8), 2

    def reset(self, *, seed=None):
        self.random = np.random.default_rng(seed)
        self.steps = 0
        return self.show(), {}

    def show(self):
        self.bright = int(self.random.integers(2))
        return np.full(self.observation_shape, 200 * self.bright, np.uint8)

    def step(self, action):
        reward = float(action == self.bright)
        self.steps += 1
        return self.show(), reward, self.steps == 5, False, {}


def test_pictures_are_remembered_as_bytes_and_learned():
    np.random.seed(0)
    model = QLearningLoss(models.create('dqn', observation_shape=(36, 36, 1), n_actions=2))
    buffer = ReplayBuffer(500)
    updater = QLearningUpdater(SerialIterator(range(100), 10, shuffle=False), optimizers.Adam(1e-3).setup(model),
                               Players([Lamp(), Lamp()]), CPU, buffer, LinearDecayEpsilonGreedy(1., 1., 1, 2),
                               gamma=0., minibatch_size=16)
    updater.play(30)
    batch = buffer.sample(5)
    assert batch.observations.dtype == np.uint8 and set(np.unique(batch.observations)) == {0, 200}
    for _ in range(15):
        updater.learn_once()
    lamps = np.zeros((2, 36, 36, 1), np.uint8)
    lamps[1] = 200
    assert updater.network.act(lamps).tolist() == [0, 1]
