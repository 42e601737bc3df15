"""The networks that play: their sizes, what they compute, and that they learn."""
import re
from pathlib import Path

import numpy as np
import pytest

import autograd_nn.functions as F
from autograd_nn import models, optimizers
from autograd_nn.reinforcement import PPOLoss, QLearningLoss

NAMES = [*models.names('q_learning'), *models.names('ppo')]
ATARI = {'observation_shape': (84, 84, 4), 'n_actions': 4}
DOCS = Path(__file__).parents[3] / 'docs' / 'reference' / 'models.md'
# For CartPole, and for Atari's pictures: of `dqn` and `dueling_dqn` as in their papers.
PARAMETERS = {'dqn': (17_410, 1_686_180), 'dueling_dqn': (34_051, 3_292_837), 'ppo': (9_155, 1_686_693)}


def test_every_network_has_an_expected_number_of_parameters():
    assert sorted(PARAMETERS) == sorted(NAMES)
    rows = dict(re.findall(r'^\| `(\w+)` \| ([\d,]+) \|', DOCS.read_text(), re.MULTILINE))
    for name, (small, large) in PARAMETERS.items():
        assert models.create(name).count_params() == small == int(rows[name].replace(',', ''))
        assert models.create(name, **ATARI).count_params() == large


@pytest.mark.parametrize('name', NAMES)
def test_pictures(name):
    network = models.create(name, observation_shape=(47, 40, 3), n_actions=5)
    x = np.random.default_rng(0).integers(0, 256, (2, 47, 40, 3)).astype(np.uint8)
    scores = network.score_actions(x).array
    assert scores.shape == (2, 5) and scores.dtype == np.float32
    np.testing.assert_array_equal(network.act(x), scores.argmax(axis=1))
    np.testing.assert_allclose(network.score_actions(np.ascontiguousarray(x[:, ::-1])[:, ::-1]).array, scores,
                               rtol=1e-4, atol=1e-5)


def test_what_is_refused():
    with pytest.raises(ValueError, match=r'pictures of the shape \(35, 84, 3\); expected at least 36 x 36 pixels'):
        models.create('dqn', observation_shape=(35, 84, 3))
    with pytest.raises(ValueError, match=r'expected observations of one axis, or of three for pictures, got the shape '
                                         r'\(2, 2\)'):
        models.create('dqn', observation_shape=(2, 2))


def test_advantages_have_mean_zero():
    network = models.create('dueling_dqn', observation_shape=(6,), n_actions=3)
    x = np.random.default_rng(0).normal(size=(9, 6)).astype(np.float32)
    h = network.features(x)
    state = network.state2(F.relu(network.state1(h))).array
    y = network(x).array
    np.testing.assert_allclose(y.mean(axis=1), state[:, 0], rtol=1e-4, atol=1e-5)
    network.advantage2.b.array += 7  # what is added to the advantages of all actions makes no difference
    np.testing.assert_allclose(network(x).array, y, rtol=1e-4, atol=1e-5)
    network.state2.b.array += 7
    np.testing.assert_allclose(network(x).array, y + 7, rtol=1e-4, atol=1e-5)


def test_an_actor_first_leaves_all_to_chance():
    network = models.create('ppo')
    logits, values = network(np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32))
    assert abs(logits.array).max() < 0.05 < abs(values.array).max()
    np.testing.assert_array_equal(network.score_actions(np.ones((1, 4), 'f')).array,
                                  network(np.ones((1, 4), 'f'))[0].array)


@pytest.mark.parametrize('name', NAMES)
def test_overfits_eight_samples(name):
    rng = np.random.default_rng(0)
    np.random.seed(0)
    network = models.create(name, observation_shape=(6,), n_actions=3)
    x, actions = rng.normal(size=(8, 6)).astype(np.float32), rng.integers(3, size=8)
    targets, ones = rng.normal(0, 3, 8).astype(np.float32), np.ones(8, np.float32)
    if name == 'ppo':
        model, arguments = PPOLoss(network, clip_eps=1e9), (np.log(ones / 3), ones, targets)
    else:
        model, arguments = QLearningLoss(network), (targets, ones)
    optimizer = optimizers.Adam(1e-2).setup(model)
    for _ in range(120):
        optimizer.update(model, x, actions, *arguments)
    if name == 'ppo':
        logits, values = network(x)
        np.testing.assert_array_equal(network.act(x), actions)
        assert F.softmax(logits).array[np.arange(8), actions].min() > 0.95
        np.testing.assert_allclose(values.array, targets, atol=0.2)
    else:
        np.testing.assert_allclose(network(x).array[np.arange(8), actions], targets, atol=0.1)
