"""Networks that say what to do, and what is to be expected."""
from __future__ import annotations

from typing import Any

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import initializers
from autograd_nn.models.recipes import Recipe
from autograd_nn.models.registry import register
from autograd_nn.models.reinforcement.features import PictureFeatures, PlayingNetwork
from autograd_nn.variable import Variable


@register('ppo', task='ppo', recipe=Recipe(lr=0.001, schedule='linear', clip=0.5, epochs=25, batch_size=256))
class ActorCritic(PlayingNetwork):
    """An actor, which gives each action a probability, and a critic, which says what return is to be expected.

    Each has two layers of 64 tanh units for observations of numbers (9,155 parameters for CartPole); for pictures they
    share three convolutions and a layer of 512 rectified units. Weights begin orthogonal, those of the last layer of
    the actor so small that it first leaves all to chance. Reference: J. Schulman, F. Wolski, P. Dhariwal, A. Radford,
    O. Klimov, Proximal policy optimization algorithms, 2017.

    Args:
        observation_shape: The shape of what it is shown: one axis, or height, width and channels of pictures.
        n_actions: How many actions there are.
        units: The number of units of the layers.

    Example:
        >>> import numpy as np
        >>> from autograd_nn import models
        >>> logits, values = models.create('ppo', observation_shape=(4,), n_actions=2)(np.zeros((3, 4), 'f'))
        >>> logits.shape, values.shape
        ((3, 2), (3,))
    """

    def __init__(self, observation_shape: tuple[int, ...] = (4,), n_actions: int = 2, units: int = 64) -> None:
        super().__init__()
        self.is_shared = len(observation_shape) != 1

        def layer(in_size: int, out_size: int, scale: float = 2 ** 0.5) -> L.Linear:
            return L.Linear(in_size, out_size, initialW=initializers.Orthogonal(scale))

        with self.init_scope():
            if self.is_shared:
                self.features = PictureFeatures(observation_shape)
                units = self.features.hidden_size
                self.hidden = layer(self.features.out_size, units)
            else:
                self.actor1, self.actor2 = layer(observation_shape[0], units), layer(units, units)
                self.critic1, self.critic2 = layer(observation_shape[0], units), layer(units, units)
            self.actor = layer(units, n_actions, 0.01)
            self.critic = layer(units, 1, 1.)

    def forward(self, x: Any) -> tuple[Variable, Variable]:
        """Computes logits of all A actions, shape (N, A), and values, shape (N,), for N observations."""
        h = self.actor_hidden(x)
        values = self.critic(h if self.is_shared else F.tanh(self.critic2(F.tanh(self.critic1(x)))))
        return self.actor(h), F.reshape(values, (len(values),))

    def actor_hidden(self, x: Any) -> Variable:
        """What the actor's last layer goes on from."""
        if self.is_shared:
            return F.relu(self.hidden(self.features(x)))
        return F.tanh(self.actor2(F.tanh(self.actor1(x))))

    def score_actions(self, x: Any) -> Variable:
        return self.actor(self.actor_hidden(x))
