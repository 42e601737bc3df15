"""Replay buffers and the sum tree, against lists and loops."""
import numpy as np
import pytest

from autograd_nn.reinforcement import CartPole, Players, PrioritizedReplayBuffer, ReplayBuffer, SumTree
from autograd_nn.serializers import DictionarySerializer, NpzDeserializer


@pytest.mark.parametrize('size', [1, 2, 3, 8, 13])
def test_sum_tree(size):
    rng, tree, weights = np.random.default_rng(size), SumTree(size), np.zeros(size)
    assert len(tree) == size and tree.total == 0
    with pytest.raises(ValueError, match='all weights are 0'):
        tree.find(np.zeros(1))
    for _ in range(20):
        i = rng.integers(size, size=3)
        values = rng.choice([0, 1, 0.5, 3.25], 3)
        tree[i] = values
        for place, value in zip(i, values):
            weights[place] = value
        np.testing.assert_array_equal(tree.weights, weights)
        np.testing.assert_array_equal(tree[i], weights[i])
        assert tree.total == weights.sum()
        if not weights.any():
            continue
        places = rng.uniform(0, tree.total, 50)
        expected = []
        for place in places:
            number, below = 0, weights[0]
            while place >= below:
                number += 1
                below += weights[number]
            expected.append(number)
        np.testing.assert_array_equal(tree.find(places), expected)


def test_sum_tree_never_finds_what_has_no_weight():
    """Not even where rounding puts a place behind the last number."""
    rng, tree = np.random.default_rng(0), SumTree(100)
    tree[np.arange(70)] = rng.uniform(0, 1, 70) * (rng.uniform(size=70) < 0.5)
    places = np.append(rng.uniform(0, tree.total, 1000), [0, tree.total, np.nextafter(tree.total, 0)])
    assert (tree[tree.find(places)] > 0).all()


def play(buffer, steps, count=3, seed=0):
    """Fills a buffer, and returns all that was played: lists of transitions of each environment in order of time."""
    np.random.seed(seed)
    players, played = Players([CartPole() for _ in range(count)]), []
    for _ in range(steps):
        step = players.step(np.random.randint(2, size=count))
        buffer.append(step)
        played += [tuple(np.array(part[i]).tobytes() for part in (
            step.observations, step.actions, step.rewards, step.terminated, step.next_observations))
            for i in range(count)]
    return played


def contents(batch):
    return [tuple(np.array(part[i]).tobytes() for part in (batch.observations, batch.actions, batch.rewards,
                                                           batch.terminated, batch.next_observations))
            for i in range(len(batch.actions))]


@pytest.mark.parametrize('kind', [ReplayBuffer, PrioritizedReplayBuffer])
@pytest.mark.parametrize('capacity', [1000, 50, 9])
def test_what_is_remembered(kind, capacity):
    """All of it, or if there is no room, the last: as many observations as it holds."""
    buffer = kind(capacity)
    played = play(buffer, 100)
    found = {each for _ in range(30) for each in contents(buffer.sample(200))}
    assert found <= set(played)
    assert len(found) == len(buffer)
    if capacity == 1000:
        assert found == set(played) and len(buffer) == 300
    else:
        # Those that end episodes take room of their own.
        assert found == set(played[-len(buffer):]) and capacity // 2 - 3 <= len(buffer) <= capacity - 3


def test_transitions_are_drawn_equally_often():
    buffer = ReplayBuffer(40)
    play(buffer, 60)
    counts = np.bincount(buffer.sample(40_000).indices, minlength=40)
    expected = 40_000 / len(buffer)
    assert (counts > 0).sum() == len(buffer)
    chi_square = ((counts[counts > 0] - expected) ** 2 / expected).sum()
    assert chi_square < 2 * len(buffer)  # its mean is one less than their number, its deviation about 8


def test_prioritized_transitions_are_drawn_in_proportion():
    buffer = PrioritizedReplayBuffer(100, alpha=0.7, beta0=0.5, betasteps=4, eps=0.1)
    play(buffer, 20, count=2)
    everything = np.unique(np.concatenate([buffer.sample(64).indices for _ in range(20)]))
    assert len(everything) == len(buffer) == 40
    errors = np.random.default_rng(0).normal(0, 3, 40)
    buffer.update_errors(everything, errors)
    buffer._drawn = 0
    priorities = (abs(errors) + 0.1) ** 0.7
    probabilities = priorities / priorities.sum()
    counts, total = np.zeros(40), 0
    for minibatch in range(600):
        beta = min(1, 0.5 + 0.5 * minibatch / 4)
        batch = buffer.sample(50)
        drawn = np.searchsorted(everything, batch.indices)
        np.add.at(counts, drawn, 1)
        total += 50
        weights = (40 * probabilities[drawn]) ** -beta
        np.testing.assert_allclose(batch.weights, weights / weights.max(), rtol=1e-5)
    np.testing.assert_allclose(counts / total, probabilities, atol=0.003)
    # Each minibatch is spread evenly: of what has the probability p there are 50 p, rounded up or down.
    largest = probabilities.argmax()
    times = [(np.searchsorted(everything, buffer.sample(50).indices) == largest).sum() for _ in range(50)]
    assert max(abs(np.array(times) - 50 * probabilities[largest])) < 2


def test_new_transitions_have_the_highest_priority():
    buffer = PrioritizedReplayBuffer(100)
    play(buffer, 5, count=1)
    batch = buffer.sample(20)
    buffer.update_errors(batch.indices, np.full(20, 7.))
    before = buffer._tree.weights.copy()
    play(buffer, 1, count=1)
    fresh = np.flatnonzero((buffer._tree.weights > 0) & (before == 0))
    np.testing.assert_allclose(buffer._tree[fresh], 7.01 ** 0.6)


@pytest.mark.parametrize('kind', [ReplayBuffer, PrioritizedReplayBuffer])
@pytest.mark.parametrize('steps', [0, 15, 100])
def test_a_restored_buffer_goes_on_as_the_saved_one(kind, steps):
    def run(buffer):
        np.random.seed(3)
        batches = []
        for i in range(30):
            buffer.append(following[i])
            batches.append(buffer.sample(5))
            buffer.update_errors(batches[-1].indices, np.random.rand(5))
        return batches

    np.random.seed(2)
    players = Players([CartPole(), CartPole()])
    first = [players.step(np.random.randint(2, size=2)) for _ in range(steps)]
    following = [players.step(np.random.randint(2, size=2)) for _ in range(30)]
    buffer = kind(80)
    for step in first:
        buffer.append(step)
        buffer.update_errors(buffer.sample(4).indices, np.array([1., 2, 3, 4]))
    saved = DictionarySerializer()
    saved.save(buffer)
    saved = {name: np.array(value) for name, value in saved.target.items()}
    other = kind(80)
    NpzDeserializer(saved).load(other)
    assert len(other) == len(buffer)
    for mine, theirs in zip(run(other), run(buffer)):
        for name in vars(theirs):
            np.testing.assert_array_equal(getattr(mine, name), getattr(theirs, name))


def test_a_snapshot_holds_no_observation_twice():
    buffer = ReplayBuffer(100_000)
    play(buffer, 300, count=1)
    saved = DictionarySerializer()
    saved.save(buffer)
    size = sum(np.asarray(value).nbytes for value in saved.target.values())
    observations = 300 + 1 + 40  # one more than steps for each episode
    assert size < observations * (16 + 4 + 4 + 1 + 4) + 100


def test_nonsense():
    for kind in ReplayBuffer, PrioritizedReplayBuffer:
        with pytest.raises(ValueError, match='there is no transition yet'):
            kind(10).sample(1)
    with pytest.raises(ValueError, match='expected a capacity of at least 2, got 1'):
        ReplayBuffer(1)
    with pytest.raises(ValueError, match='expected a capacity of at least 9 for 3 environments, got 8'):
        play(ReplayBuffer(8), 1)
    with pytest.raises(ValueError, match='expected alpha from 0 to 1, got 2'):
        PrioritizedReplayBuffer(10, alpha=2)
    with pytest.raises(ValueError, match='expected a size of at least 1, got 0'):
        SumTree(0)
