"""Networks that say what actions are worth."""
from __future__ import annotations

from typing import Any

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn.models.recipes import Recipe
from autograd_nn.models.registry import register
from autograd_nn.models.reinforcement.features import PlayingNetwork, make_features, spread_layer
from autograd_nn.variable import Variable

RECIPE = Recipe(lr=0.0023, schedule='linear', clip=10., epochs=25, batch_size=64)


@register('dqn', task='q_learning', recipe=RECIPE)
class QNetwork(PlayingNetwork):
    """The deep Q-network: from an observation to the value of each action.

    Two layers of 128 rectified units for observations of numbers (17,410 parameters for the four numbers and two
    actions of CartPole), three convolutions and a layer of 512 units for pictures (1,686,180 for four pictures of
    84 x 84 pixels and four actions, as in the paper). Reference: V. Mnih et al., Human-level control through deep
    reinforcement learning, Nature 518, 2015.

    Args:
        observation_shape: The shape of what it is shown: one axis, or height, width and channels of pictures.
        n_actions: How many actions there are.
        units: The number of units of the two layers.

    Example:
        >>> import numpy as np
        >>> from autograd_nn import models
        >>> network = models.create('dqn', observation_shape=(4,), n_actions=2)
        >>> network(np.zeros((3, 4), 'f')).shape, network.act(np.zeros((3, 4), 'f')).shape
        ((3, 2), (3,))
    """

    def __init__(self, observation_shape: tuple[int, ...] = (4,), n_actions: int = 2, units: int = 128) -> None:
        super().__init__()
        with self.init_scope():
            self.features = make_features(observation_shape, units)
            self.hidden = spread_layer(self.features.out_size, self.features.hidden_size)
            self.value = L.Linear(self.features.hidden_size, n_actions)

    def forward(self, x: Any) -> Variable:
        """Computes the values of all A actions, shape (N, A), for observations of shape (N, ...)."""
        return self.value(F.relu(self.hidden(self.features(x))))

    score_actions = forward


@register('dueling_dqn', task='q_learning', recipe=RECIPE)
class DuelingQNetwork(PlayingNetwork):
    """The duelling network: what it is worth to be where one is, plus what each action makes better or worse.

    The second has mean 0 over the actions. Both go on from the same features, each with a hidden layer of its own:
    34,051 parameters for CartPole; 3,292,837 for pictures and four actions, as in the paper. Reference: Z. Wang,
    T. Schaul, M. Hessel, H. van Hasselt, M. Lanctot, N. de Freitas, Dueling network architectures for deep
    reinforcement learning, ICML 2016.

    Args:
        observation_shape: The shape of what it is shown: one axis, or height, width and channels of pictures.
        n_actions: How many actions there are.
        units: The number of units of the layers.

    Example:
        >>> import numpy as np
        >>> from autograd_nn import models
        >>> models.create('dueling_dqn', observation_shape=(50,), n_actions=3)(np.zeros((2, 50), 'f')).shape
        (2, 3)
    """

    def __init__(self, observation_shape: tuple[int, ...] = (4,), n_actions: int = 2, units: int = 128) -> None:
        super().__init__()
        with self.init_scope():
            self.features = make_features(observation_shape, units)
            sizes = self.features.out_size, self.features.hidden_size
            self.state1, self.state2 = spread_layer(*sizes), L.Linear(sizes[1], 1)
            self.advantage1, self.advantage2 = spread_layer(*sizes), L.Linear(sizes[1], n_actions)

    def forward(self, x: Any) -> Variable:
        """Computes the values of all A actions, shape (N, A), for observations of shape (N, ...)."""
        h = self.features(x)
        state, advantages = self.state2(F.relu(self.state1(h))), self.advantage2(F.relu(self.advantage1(h)))
        advantages = advantages - F.broadcast_to(F.mean(advantages, axis=1, keepdims=True), advantages.shape)
        return F.broadcast_to(state, advantages.shape) + advantages

    score_actions = forward
