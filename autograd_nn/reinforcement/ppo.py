"""Learning what to do: proximal policy optimization."""
from __future__ import annotations

from typing import Any

import numpy as np

import autograd_nn.functions as F
from autograd_nn.backend import Device, to_cpu
from autograd_nn.config import no_backprop_mode
from autograd_nn.link import Chain
from autograd_nn.reinforcement.players import Players, Steps
from autograd_nn.reinforcement.updater import PlayUpdater
from autograd_nn.reporter import report
from autograd_nn.variable import Variable


def generalized_advantages(rewards: np.ndarray, values: np.ndarray, next_values: np.ndarray, terminated: np.ndarray,
                           is_over: np.ndarray, gamma: float, lambd: float) -> np.ndarray:
    """How much better actions were than what was to be expected: generalized advantage estimation.

    The sum of ``reward + gamma * next value - value`` over the rest of the episode, in which each step counts
    ``gamma * lambd`` times as much as the one before: with a `lambd` of 0 only the action's own, with 1 the whole
    return less the value.

    Reference: J. Schulman, P. Moritz, S. Levine, M. I. Jordan, P. Abbeel, High-dimensional continuous control using
    generalized advantage estimation, ICLR 2016.

    Args:
        rewards: What each step brought, shape (T, N) for T steps of N environments.
        values: What was expected before it, shape (T, N).
        next_values: What was expected after it, shape (T, N).
        terminated: Whether the episode came to its own end with it, bool, shape (T, N); nothing is expected then.
        is_over: Whether it ended or was cut off, bool, shape (T, N).
        gamma: What a reward is worth that comes a step later.
        lambd: How far ahead to look, from 0 to 1.

    Returns:
        The advantages, float32, shape (T, N).

    Example:
        >>> import numpy as np
        >>> from autograd_nn.reinforcement import generalized_advantages
        >>> ones, over = np.ones((3, 1), 'f'), np.array([[False], [True], [False]])
        >>> generalized_advantages(ones, ones, ones, over, over, gamma=0.5, lambd=1.).ravel()
        array([0.5, 0. , 0.5], dtype=float32)
    """
    deltas = rewards + gamma * next_values * ~terminated - values
    advantages, following = np.empty(rewards.shape, np.float32), np.zeros(rewards.shape[1])
    for t in reversed(range(len(rewards))):
        advantages[t] = following = deltas[t] + gamma * lambd * following * ~is_over[t]
    return advantages


class PPOLoss(Chain):
    """The clipped objective of proximal policy optimization, as a loss.

    Where an action was better than expected, it is to become more probable, but not by more than a factor of
    ``1 + clip_eps``; where it was worse, less probable, but not by more than a factor of ``1 - clip_eps``. What goes
    further has no gradient.

    Reference: J. Schulman, F. Wolski, P. Dhariwal, A. Radford, O. Klimov, Proximal policy optimization algorithms,
    2017.

    Args:
        predictor: The network: for observations of shape (N, ...), logits of A actions, shape (N, A), and values,
            shape (N,).
        clip_eps: How far probabilities may go from those with which was played.
        value_func_coef: How much the squared errors of the values count.
        entropy_coef: How much it counts that actions are left to chance.

    Example:
        >>> import numpy as np
        >>> from autograd_nn import models
        >>> from autograd_nn.reinforcement import PPOLoss
        >>> model = PPOLoss(models.create('ppo', observation_shape=(4,), n_actions=2))
        >>> x, ones = np.zeros((3, 4), 'f'), np.ones(3, 'f')
        >>> loss = model(x, np.array([0, 1, 1]), np.log(0.5 * ones), ones, 2 * ones)
        >>> print(f'{loss.item():.4f}')     # -1 + 0.5 * 2 ** 2 - 0 * log(2)
        1.0000
    """

    def __init__(self, predictor: Any, clip_eps: float = 0.2, value_func_coef: float = 0.5,
                 entropy_coef: float = 0.) -> None:
        super().__init__()
        self.clip_eps = clip_eps
        self.value_func_coef = value_func_coef
        self.entropy_coef = entropy_coef
        with self.init_scope():
            self.predictor = predictor

    def forward(self, observations: Any, actions: Any, log_probs: Any, advantages: Any, returns: Any) -> Variable:
        """Computes the loss, and reports ``entropy``, that of the probabilities.

        Args:
            observations: What was shown, shape (N, ...).
            actions: What was done, int, shape (N,).
            log_probs: The logarithms of the probabilities with which it was done, shape (N,).
            advantages: How much better it was than expected, shape (N,).
            returns: What the values should be, shape (N,).
        """
        logits, values = self.predictor(observations)
        all_log_probs = F.log_softmax(logits)
        ratios = F.exp(F.select_item(all_log_probs, actions) - log_probs)
        clipped = F.clip(ratios, 1 - self.clip_eps, 1 + self.clip_eps)
        gain = F.mean(F.minimum(ratios * advantages, clipped * advantages))
        entropy = -F.sum(F.exp(all_log_probs) * all_log_probs) / len(actions)
        report({'entropy': entropy}, self)
        return self.value_func_coef * F.mean_squared_error(values, returns) - gain - self.entropy_coef * entropy


class PPOUpdater(PlayUpdater):
    """Proximal policy optimization: plays for some steps, and goes over them several times in minibatches.

    Args:
        iterator: Counts the steps (see `PlayUpdater`).
        optimizer: That of a `PPOLoss`.
        players: The environments.
        device: Where the network is.
        gamma: What a reward is worth that comes a step later.
        lambd: How far ahead advantages look (see `generalized_advantages`).
        minibatch_size: The number of steps in a minibatch.
        epochs: How many times to go over the steps.
        standardize_advantages: Whether the advantages of a minibatch get mean 0 and standard deviation 1.
    """

    def __init__(self, iterator: Any, optimizer: Any, players: Players, device: Device, gamma: float = 0.99,
                 lambd: float = 0.95, minibatch_size: int = 64, epochs: int = 10,
                 standardize_advantages: bool = True) -> None:
        super().__init__(iterator, optimizer, players, device)
        self.gamma = gamma
        self.lambd = lambd
        self.minibatch_size = minibatch_size
        self.epochs = epochs
        self.standardize_advantages = standardize_advantages
        self._played: list[tuple[Steps, np.ndarray, np.ndarray]] = []

    def evaluate(self, observations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The logarithms of the probabilities of all actions, shape (N, A), and the values, shape (N,), on the CPU."""
        with no_backprop_mode():
            logits, values = self.network(*self.send(observations))
            return to_cpu(F.log_softmax(logits).array), to_cpu(values.array)

    def play(self, count: int) -> None:
        self._played = []
        for _ in range(count):
            log_probs, values = self.evaluate(self.players.observations)
            # The largest of the logarithms plus Gumbel's noise is a draw with these probabilities.
            actions = (log_probs + np.random.gumbel(size=log_probs.shape)).argmax(axis=1)
            chosen = np.take_along_axis(log_probs, actions[:, None], axis=1)[:, 0]
            self._played.append((self.players.step(actions), chosen, values))
            self.t += len(self.players)

    def learn(self) -> list[Any]:
        steps, log_probs, values = zip(*self._played)
        self._played = []
        following = np.stack([step.next_observations for step in steps])
        shape = following.shape[:2]
        next_values = self.evaluate(following.reshape(-1, *following.shape[2:]))[1].reshape(shape)
        advantages = generalized_advantages(
            np.stack([step.rewards for step in steps]), np.stack(values), next_values,
            np.stack([step.terminated for step in steps]), np.stack([step.is_over for step in steps]),
            self.gamma, self.lambd)
        arrays = [np.concatenate(each) for each in ([step.observations for step in steps],
                                                    [step.actions for step in steps], log_probs)]
        arrays += [advantages.ravel(), (advantages + np.stack(values)).ravel()]
        return [loss for _ in range(self.epochs) for loss in self.learn_once(arrays)]

    def learn_once(self, arrays: list[np.ndarray]) -> list[Any]:
        """Goes once over what was played, in a random order, and returns the losses.

        Args:
            arrays: The arguments of the loss, for all steps.
        """
        order, losses = np.random.permutation(len(arrays[0])), []

        def compute_loss(*batch: Any) -> Variable:
            losses.append(self.model(*batch))
            return losses[-1]

        for start in range(0, len(order), self.minibatch_size):
            part = order[start:start + self.minibatch_size]
            observations, actions, log_probs, advantages, returns = (array[part] for array in arrays)
            if self.standardize_advantages:
                advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
            self._optimizers['main'].update(compute_loss,
                                            *self.send(observations, actions, log_probs, advantages, returns))
        return [loss.array for loss in losses]
