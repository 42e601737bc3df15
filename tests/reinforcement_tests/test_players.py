"""Playing side by side, and going on in the middle of episodes."""
import numpy as np
import pytest

from autograd_nn import serializers
from autograd_nn.reinforcement import CartPole, Catch, Players, play_episodes, watch_episode
from autograd_nn.serializers import DictionarySerializer, NpzDeserializer


def push_right(x):
    return np.ones(len(x), np.int64)


def test_steps_are_those_of_each_environment():
    np.random.seed(0)
    players = Players([CartPole() for _ in range(3)])
    lengths, returns = [], []
    count = np.zeros(3, int)
    for _ in range(60):
        shown = players.observations.copy()
        actions = np.random.randint(2, size=3)
        steps = players.step(actions)
        np.testing.assert_array_equal(steps.observations, shown)
        np.testing.assert_array_equal(steps.actions, actions)
        assert (steps.rewards == 1).all() and not steps.truncated.any()
        count += 1
        for i in range(3):
            if steps.terminated[i]:
                assert abs(steps.next_observations[i, 2]) > 0.2
                assert abs(players.observations[i]).max() < 0.05, 'the next episode begins'
                lengths.append(count[i])
                count[i] = 0
            else:
                np.testing.assert_array_equal(steps.next_observations[i], players.observations[i])
        returns += players.take_returns()
    assert returns == lengths and len(returns) > 3


@pytest.mark.parametrize('kind', [CartPole, Catch])
def test_the_state_is_that_in_the_middle_of_episodes(kind, tmp_path):
    def play(players, count):
        return [players.step(np.random.randint(players.environments[0].n_actions, size=2)) for _ in range(count)]

    np.random.seed(1)
    players = Players([kind(), kind()])
    play(players, 45)
    serializers.save_npz(tmp_path / 'state.npz', players)
    finished = len(players._finished)
    state = np.random.get_state()
    expected = play(players, 40)
    other = Players([kind(), kind()])
    serializers.load_npz(tmp_path / 'state.npz', other)
    np.random.set_state(state)
    for mine, theirs in zip(play(other, 40), expected):
        for name in vars(theirs):
            np.testing.assert_array_equal(getattr(mine, name), getattr(theirs, name))
    returns = other.take_returns()
    assert returns == players.take_returns() and len(returns) > finished > 0


def test_a_state_of_another_number_of_environments():
    target = DictionarySerializer()
    target.save(Players([Catch()]))
    with pytest.raises(ValueError, match='expected the state of 2 environments, got one of 1'):
        NpzDeserializer(target.target).load(Players([Catch(), Catch()]))


def test_episodes_by_their_seeds():
    """Each has the return of its seed, however many are played side by side."""
    def alone(seed):
        environment, total = CartPole(), 0
        observation, _ = environment.reset(seed=seed)
        is_over = False
        while not is_over:
            observation, reward, *ends, _ = environment.step(int(observation[2] > 0.01))
            total, is_over = total + reward, any(ends)
        return total

    expected = [alone(seed) for seed in range(7)]
    assert len(set(expected)) > 2
    for count in 1, 3, 9:
        environments = [CartPole() for _ in range(count)]
        assert play_episodes(environments, lambda x: (x[:, 2] > 0.01).astype(int), range(7)) == expected
    environment = CartPole()
    for seed in range(3):
        totals = list(watch_episode(environment, lambda x: (x[:, 2] > 0.01).astype(int), seed))
        assert totals == [float(i) for i in range(int(expected[seed]) + 1)]
