"""The environments: their dynamics, limits, rewards and pictures; Gymnasium's, where it is installed."""
import importlib.util
import math

import numpy as np
import pytest

from autograd_nn.reinforcement import CartPole, Catch, GymnasiumEnvironment, make_environment

needs_gymnasium = pytest.mark.skipif(importlib.util.find_spec('gymnasium') is None, reason='gymnasium is missing')


def accelerations(x, velocity, angle, rotation, force):
    """The two equations of motion of the 1983 paper without friction, as a linear system in both accelerations."""
    # (M + m) a + m l cos(angle) s = F + m l rotation^2 sin(angle);  cos(angle) a + 4/3 l s = g sin(angle), where the
    # paper's force on the pole has this sign for an angle that is measured from upright.
    m, total, half, g = 0.1, 1.1, 0.5, 9.8
    A = np.array([[total, m * half * math.cos(angle)], [math.cos(angle), 4 / 3 * half]])
    return np.linalg.solve(A, [force + m * half * rotation ** 2 * math.sin(angle), g * math.sin(angle)])


def test_cartpole_moves_as_the_equations_say():
    environment = CartPole()
    state = np.array(environment.reset(seed=3)[0], np.float64)
    for action in [1, 1, 0, 1, 0, 0, 0] + [1] * 20:
        a, s = accelerations(*state, 10. if action else -10.)
        x, velocity, angle, rotation = state
        state = np.array([x + 0.02 * velocity, velocity + 0.02 * a, angle + 0.02 * rotation, rotation + 0.02 * s])
        observation, reward, terminated, truncated, _ = environment.step(action)
        np.testing.assert_allclose(observation, state, atol=1e-6)
        assert observation.dtype == np.float32 and reward == 1
        is_over = abs(state[0]) > 2.4 or abs(state[2]) > math.radians(12)
        assert (terminated, truncated) == (is_over, False)
        if is_over:
            break
    else:
        pytest.fail('the pole has not fallen')


def balance(x):
    """Pushes toward where the pole falls, and to the middle."""
    return int(x @ [0.3, 0.6, 3., 1.] > 0)


def test_cartpole_is_cut_off_after_500_steps():
    environment = CartPole()
    observation, _ = environment.reset(seed=0)
    for step in range(1, 501):
        observation, _, terminated, truncated, _ = environment.step(balance(observation))
        assert not terminated and truncated == (step == 500)
    with pytest.raises(RuntimeError, match='the episode is over'):
        environment.step(0)


@needs_gymnasium
@pytest.mark.parametrize('policy', ['random', 'balance'])
def test_cartpole_is_gymnasiums(policy):
    """Whole episodes: what is shown, to the last bit, rewards and ends."""
    ours, theirs = CartPole(), make_environment('CartPole-v1')
    assert ours.observation_shape == theirs.observation_shape and ours.n_actions == theirs.n_actions
    assert ours.steps_per_second == theirs.steps_per_second
    rng, length = np.random.default_rng(0), 0
    for seed in range(30 if policy == 'random' else 2):
        (x, _), (y, _) = ours.reset(seed=seed), theirs.reset(seed=seed)
        is_over = False
        np.testing.assert_array_equal(x, y)
        while not is_over:
            action = int(rng.integers(2)) if policy == 'random' else balance(x)
            (x, *mine, _), (y, *others, _) = ours.step(action), theirs.step(action)
            np.testing.assert_array_equal(x, y)
            assert mine == others
            is_over, length = any(mine[1:]), length + 1
    assert length > 500


@needs_gymnasium
def test_spaces_of_gymnasium():
    lake = GymnasiumEnvironment('FrozenLake-v1')  # one of 16 places
    assert lake.observation_shape == (16,) and lake.n_actions == 4
    observation, _ = lake.reset(seed=0)
    assert observation.dtype == np.float32 and observation.tolist() == [1] + [0] * 15
    assert lake.step(1)[0].sum() == 1
    blackjack = GymnasiumEnvironment('Blackjack-v1')  # a tuple of three
    assert blackjack.observation_shape == (32 + 11 + 2,)
    with pytest.raises(ValueError, match=r'Pendulum-v1 has the actions Box.*expected a choice from a list'):
        GymnasiumEnvironment('Pendulum-v1')
    for name, hint in ('cartpol', r'\(did you mean cartpole\?\)'), ('Cartpol-v1', 'Did you mean: `CartPole`'):
        with pytest.raises(ValueError, match=f'there is no environment {name}: .*{hint}'):
            make_environment(name)


@needs_gymnasium
def test_episodes_without_a_limit_are_cut_off():
    walk = GymnasiumEnvironment('CliffWalking-v1')
    walk.reset(seed=0)
    assert [any(walk.step(0)[2:4]) for _ in range(1000)] == [False] * 999 + [True]


def test_without_gymnasium(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setitem(__import__('sys').modules, 'gymnasium', None)
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name, *more: None if name == 'gymnasium' else find(name))
    with pytest.raises(ImportError, match=r"CartPole-v1 needs gymnasium \(pip install 'autograd_nn\[rl\]'\); expected "
                                          'that, or one of cartpole, catch'):
        make_environment('CartPole-v1')
    assert isinstance(make_environment('cartpole'), CartPole)


@pytest.mark.parametrize('rows, columns', [(10, 5), (4, 7), (2, 1)])
def test_catch(rows, columns):
    rng, columns_seen = np.random.default_rng(0), set()
    for seed in range(60):
        environment = Catch(rows, columns)
        observation, _ = environment.reset(seed=seed)
        paddle = columns // 2
        ball = int(observation[:columns].argmax())
        columns_seen.add(ball)
        for row in range(1, rows):
            action = int(rng.integers(3))
            paddle = min(max(paddle + action - 1, 0), columns - 1)
            observation, reward, terminated, truncated, _ = environment.step(action)
            expected = np.zeros((rows, columns))
            expected[row, ball] = expected[-1, paddle] = 1
            np.testing.assert_array_equal(observation.reshape(rows, columns), expected)
            last = row == rows - 1
            assert (terminated, truncated) == (last, False)
            assert reward == (0 if not last else 1 if paddle == ball else -1)
    assert columns_seen == set(range(columns))


def test_seeds():
    a, b = Catch(), Catch()
    starts = [(a.reset(seed=seed)[0], b.reset(seed=seed)[0]) for seed in range(20)]
    assert all((x == y).all() for x, y in starts)
    a.reset(seed=5), b.reset(seed=5)
    assert all((a.reset()[0] == b.reset()[0]).all() for _ in range(10)), 'goes on with the same random numbers'


@pytest.mark.parametrize('environment', [CartPole(), Catch()])
def test_pictures(environment):
    fresh = type(environment)()
    for method, arguments in (fresh.render, ()), (fresh.step, (0,)):
        with pytest.raises(RuntimeError, match='reset'):
            method(*arguments)
    environment.reset(seed=0)
    with pytest.raises(ValueError, match='expected an action from 0 to'):
        environment.step(environment.n_actions)
    first = environment.render()
    assert environment.render().tobytes() == first.tobytes()
    environment.step(1)
    environment.step(1)
    picture = environment.render()
    assert picture.size == first.size and picture.tobytes() != first.tobytes()
    # What is drawn smoothly has colours between those of the things.
    assert 20 < len(picture.getcolors(100_000)) < 1500


def test_the_pole_is_drawn_where_it_is():
    environment = CartPole()
    environment.reset(seed=0)
    for _ in range(8):
        observation = environment.step(1)[0]
    pixels = np.array(environment.render(), int)
    pole = np.argwhere(abs(pixels - [0xd6, 0x89, 0x10]).max(axis=2) < 30)
    top, bottom = pole[pole[:, 0].argmin()], pole[pole[:, 0].argmax()]
    assert math.atan2(top[1] - bottom[1], bottom[0] - top[0]) == pytest.approx(observation[2], abs=0.07)
    assert observation[2] < -0.1


def test_nonsense():
    with pytest.raises(ValueError, match='Catch: expected at least 2 rows and 1 column, got 1 and 5'):
        Catch(rows=1)
