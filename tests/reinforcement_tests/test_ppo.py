"""PPO: advantages and loss against loops, numerical gradients, and the course of an update."""
import math

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
from autograd_nn import gradient_check, models, optimizers
from autograd_nn.iterators import SerialIterator
from autograd_nn.link import Chain
from autograd_nn.reinforcement import CartPole, Players, PPOLoss, PPOUpdater, generalized_advantages


@pytest.mark.parametrize('gamma, lambd', [(0.9, 0.8), (1., 1.), (0.97, 0.)])
def test_generalized_advantages(gamma, lambd):
    rng = np.random.default_rng(0)
    T, N = 17, 3
    rewards, values, following = rng.normal(size=(3, T, N))
    terminated = rng.uniform(size=(T, N)) < 0.15
    is_over = terminated | (rng.uniform(size=(T, N)) < 0.1)
    found = generalized_advantages(rewards, values, following, terminated, is_over, gamma, lambd)
    for n in range(N):
        for t in range(T):  # the definition: a sum over the rest of the episode
            total, factor = 0., 1.
            for k in range(t, T):
                after = 0. if terminated[k, n] else following[k, n]
                total += factor * (rewards[k, n] + gamma * after - values[k, n])
                factor *= gamma * lambd
                if is_over[k, n]:
                    break
            assert found[t, n] == pytest.approx(total, abs=1e-5)
    assert (is_over & ~terminated).any()


def test_advantages_of_a_whole_episode_are_returns_less_values():
    rewards = np.array([[1.], [2], [4]])
    values = np.array([[0.5], [0.25], [8]])
    over = np.array([[False], [False], [True]])
    following = np.concatenate([values[1:], [[99]]])
    found = generalized_advantages(rewards, values, following, over, over, 0.5, 1.)
    np.testing.assert_allclose(found, [[1 + 1 + 1 - 0.5], [2 + 2 - 0.25], [4 - 8]])


class Given(Chain):
    """Returns logits and values that are given instead of observations."""

    def forward(self, x):
        return x[:, :-1], x[:, -1]


def expected_loss(x, actions, old, advantages, returns, clip, value_coef, entropy_coef):
    gain = error = entropy = 0.
    for i in range(len(x)):
        logits, value = x[i, :-1], x[i, -1]
        total = sum(math.exp(z) for z in logits)
        p = [math.exp(z) / total for z in logits]
        ratio = p[actions[i]] / math.exp(old[i])
        gain += min(ratio * advantages[i], min(max(ratio, 1 - clip), 1 + clip) * advantages[i])
        error += (value - returns[i]) ** 2
        entropy -= sum(q * math.log(q) for q in p)
    return (value_coef * error - gain - entropy_coef * entropy) / len(x)


def test_loss_and_gradients():
    rng = np.random.default_rng(0)
    x, actions = rng.normal(size=(40, 4)), rng.integers(3, size=40)
    log_probs = F.log_softmax(x[:, :3]).array[np.arange(40), actions]
    old = log_probs + rng.normal(0, 0.3, 40)
    advantages, returns = rng.normal(size=(2, 40))
    ratios = np.exp(log_probs - old)
    for sign in -1, 1:  # each case is there: within the limits, beyond one that matters, beyond one that does not
        assert {1, 2, 3} <= set(np.digitize(ratios[sign * advantages > 0], [0, 0.8, 1.2]).tolist())
    assert abs(ratios - 0.8).min() > 1e-3 and abs(ratios - 1.2).min() > 1e-3
    model = PPOLoss(Given(), clip_eps=0.2, value_func_coef=0.4, entropy_coef=0.03)
    arguments = actions, old, advantages, returns
    assert model(x, *arguments).item() == pytest.approx(expected_loss(x, *arguments, 0.2, 0.4, 0.03), rel=1e-10)
    gradient_check.check_backward(lambda x: model(x, *arguments), (x,), None, eps=1e-5, atol=1e-7, rtol=1e-5)
    variable = ann.Variable(x)
    model(variable, *arguments).backward()
    numerical = np.empty_like(x)
    for i in np.ndindex(*x.shape):
        values = []
        for step in -1e-6, 1e-6:
            moved = x.copy()
            moved[i] += step
            values.append(expected_loss(moved, *arguments, 0.2, 0.4, 0.03))
        numerical[i] = (values[1] - values[0]) / 2e-6
    np.testing.assert_allclose(variable.grad, numerical, atol=1e-8)
    beyond = (ratios > 1.2) & (advantages > 0)
    alone = PPOLoss(Given(), 0.2, 0., 0.)
    variable.cleargrad()
    alone(variable, *arguments).backward()
    assert beyond.any() and not variable.grad[beyond].any(), 'what goes further has no gradient'


def make_updater(**options):
    np.random.seed(0)
    model = PPOLoss(models.create('ppo', units=16))
    players = Players([CartPole() for _ in range(4)])
    return PPOUpdater(SerialIterator(range(400), 40, shuffle=False), optimizers.Adam(1e-3).setup(model), players,
                      ann.get_device('cpu'), **options)


def test_an_update_goes_over_what_was_played():
    updater = make_updater(minibatch_size=16, epochs=3, standardize_advantages=False)
    batches, model = [], updater.model
    forward = model.forward
    model.forward = lambda *batch: batches.append([np.copy(array) for array in batch]) or forward(*batch)
    updater.play(10)
    played = [(steps, log_probs.copy(), values.copy()) for steps, log_probs, values in updater._played]
    following = np.stack([updater.evaluate(steps.next_observations)[1] for steps, _, _ in played])
    losses = updater.learn()
    assert len(losses) == len(batches) == 3 * 3  # 16 + 16 + 8 steps, three times
    advantages = generalized_advantages(
        np.stack([steps.rewards for steps, _, _ in played]), np.stack([values for _, _, values in played]), following,
        np.stack([steps.terminated for steps, _, _ in played]), np.stack([steps.is_over for steps, _, _ in played]),
        0.99, 0.95)
    expected = {tuple(steps.observations[n]): (steps.actions[n], log_probs[n], advantages[t, n],
                                               advantages[t, n] + values[n])
                for t, (steps, log_probs, values) in enumerate(played) for n in range(4)}
    for part in range(3):
        seen = [row for batch in batches[3 * part:3 * part + 3] for row in zip(*batch)]
        assert {tuple(row[0]) for row in seen} == set(expected) and len(seen) == 40
        for observation, *rest in seen:
            np.testing.assert_allclose(rest, expected[tuple(observation)], rtol=1e-4, atol=1e-5)


def test_actions_have_the_probabilities_that_are_remembered():
    updater = make_updater()
    updater.network.actor.b.array[...] = [0., 1.]
    updater.play(800)
    chosen = np.concatenate([steps.actions for steps, _, _ in updater._played])
    remembered = np.exp(np.concatenate([log_probs for _, log_probs, _ in updater._played]))
    assert chosen.mean() == pytest.approx(1 / (1 + math.exp(-1)), abs=0.03)
    for action, probability in (0, 1 / (1 + math.e)), (1, math.e / (1 + math.e)):
        np.testing.assert_allclose(remembered[chosen == action], probability, atol=0.05)
