"""Learning what actions are worth: Q-learning from a replay buffer, with a network that stands still as the target."""
from __future__ import annotations

from typing import Any

import numpy as np

import autograd_nn.functions as F
from autograd_nn.backend import Device, get_array_module, to_cpu
from autograd_nn.config import no_backprop_mode
from autograd_nn.link import Chain
from autograd_nn.reinforcement.explorers import LinearDecayEpsilonGreedy
from autograd_nn.reinforcement.players import Players
from autograd_nn.reinforcement.replay_buffers import ReplayBuffer
from autograd_nn.reinforcement.updater import PlayUpdater
from autograd_nn.reporter import report
from autograd_nn.serializer import AbstractSerializer
from autograd_nn.variable import Variable, as_array


class QLearningLoss(Chain):
    """How far the values that a network gives to actions are from what they should be: Huber's loss.

    Args:
        predictor: The network: for observations of shape (N, ...), the values of all A actions, shape (N, A).

    Attributes:
        errors: What the values of the last call lacked, shape (N,).

    Example:
        >>> import numpy as np, autograd_nn.links as L
        >>> from autograd_nn.reinforcement import QLearningLoss
        >>> model = QLearningLoss(L.Linear(4, 2, initialW=0))
        >>> x, actions, targets = np.ones((2, 4), 'f'), np.array([0, 1]), np.array([0.5, -3], 'f')
        >>> model(x, actions, targets, np.ones(2, 'f')).item(), model.errors     # (0.5 ** 2 / 2 + 3 - 0.5) / 2
        (1.3125, array([ 0.5, -3. ], dtype=float32))
    """

    def __init__(self, predictor: Any) -> None:
        super().__init__()
        self.errors: Any = None
        with self.init_scope():
            self.predictor = predictor

    def forward(self, observations: Any, actions: Any, targets: Any, weights: Any) -> Variable:
        """Computes the loss.

        Args:
            observations: What was shown, shape (N, ...).
            actions: What was done, int, shape (N,).
            targets: What the values of these actions should be, shape (N,).
            weights: How much each counts, shape (N,).
        """
        values = F.select_item(self.predictor(observations), actions)
        self.errors = targets - values.array
        return F.mean(weights * F.huber_loss(values, targets, 1., reduce='no'))


class QLearningUpdater(PlayUpdater):
    """Deep Q-learning, in which what a transition should be worth comes from an older copy of the network.

    It is ``reward + gamma * max Q(next observation)``, or the reward alone where the episode came to its end. With
    `double`, the network says which action is best, and the copy what that is worth: so chance does not make actions
    look better than they are.

    References: V. Mnih et al., Human-level control through deep reinforcement learning, Nature 518, 2015;
    H. van Hasselt, A. Guez, D. Silver, Deep reinforcement learning with double Q-learning, AAAI 2016.

    Args:
        iterator: Counts the steps (see `PlayUpdater`).
        optimizer: That of a `QLearningLoss`.
        players: The environments.
        device: Where the network is.
        replay_buffer: What minibatches are drawn from.
        explorer: When other actions are tried than what seems best.
        gamma: What a reward is worth that comes a step later.
        double: Whether to learn by the rule of double Q-learning.
        minibatch_size: The number of transitions in a minibatch.
        replay_start_size: How many transitions there are to be before the network learns.
        n_times_update: How many minibatches it learns from in an update.
        target_update_interval: After how many minibatches the copy is renewed.
    """

    def __init__(self, iterator: Any, optimizer: Any, players: Players, device: Device, replay_buffer: ReplayBuffer,
                 explorer: LinearDecayEpsilonGreedy, gamma: float = 0.99, double: bool = False,
                 minibatch_size: int = 64, replay_start_size: int = 1000, n_times_update: int = 1,
                 target_update_interval: int = 100) -> None:
        super().__init__(iterator, optimizer, players, device)
        self.replay_buffer = replay_buffer
        self.explorer = explorer
        self.gamma = gamma
        self.double = double
        self.minibatch_size = minibatch_size
        self.replay_start_size = replay_start_size
        self.n_times_update = n_times_update
        self.target_update_interval = target_update_interval
        self.target_network = self.network.copy('copy')
        self.n_minibatches = 0

    def play(self, count: int) -> None:
        for _ in range(count):
            actions = self.explorer.select_actions(self.t, self.network.act(self.players.observations))
            self.replay_buffer.append(self.players.step(actions))
            self.t += len(self.players)
        report({'epsilon': self.explorer.compute_epsilon(self.t)}, self.model)

    def learn(self) -> list[Any]:
        if len(self.replay_buffer) < self.replay_start_size:
            return []
        return [self.learn_once() for _ in range(self.n_times_update)]

    def learn_once(self) -> Any:
        """Learns from one minibatch, and returns the loss."""
        batch, optimizer, losses = self.replay_buffer.sample(self.minibatch_size), self._optimizers['main'], []

        def compute_loss(*arrays: Any) -> Variable:
            losses.append(self.model(*arrays))
            return losses[0]

        observations, actions, rewards, terminated, following, weights = self.send(
            batch.observations, batch.actions, batch.rewards, batch.terminated, batch.next_observations, batch.weights)
        targets = self.compute_targets(rewards, terminated, following)
        optimizer.update(compute_loss, observations, actions, targets, weights)
        self.replay_buffer.update_errors(batch.indices, to_cpu(self.model.errors))
        self.n_minibatches += 1
        if self.n_minibatches % self.target_update_interval == 0:
            self.target_network.copyparams(self.network)
        return losses[0].array

    def compute_targets(self, rewards: Any, terminated: Any, next_observations: Any) -> Any:
        """What the values of actions should be.

        Args:
            rewards: What they brought, shape (N,).
            terminated: Whether that was the end, bool, shape (N,).
            next_observations: What was shown then, shape (N, ...).
        """
        with no_backprop_mode():
            values = as_array(self.target_network(next_observations))
            chosen = as_array(self.network(next_observations)) if self.double else values
        xp = get_array_module(values)
        best = xp.take_along_axis(values, chosen.argmax(axis=1)[:, None], axis=1)[:, 0]
        return (rewards + self.gamma * best * ~terminated).astype(np.float32)

    def serialize(self, serializer: AbstractSerializer) -> None:
        super().serialize(serializer)
        self.n_minibatches = int(serializer('n_minibatches', self.n_minibatches))
        self.target_network.serialize(serializer['target_network'])
        self.replay_buffer.serialize(serializer['replay_buffer'])
