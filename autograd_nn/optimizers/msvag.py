"""Gradient descent with momentum whose step is the smaller, the less certain its direction is."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from autograd_nn.optimizer import GradientMethod
from autograd_nn.update_rule import KernelRule, UpdateRule, hyperparameter


@dataclass(eq=False, repr=False)
class MSVAG(GradientMethod):
    """M-SVAG: momentum, each element of which is scaled down by an estimate of its variance.

    The running mean of the gradient, divided by ``1 - beta ** t``, is multiplied by its square over the sum of its
    square and its variance. The papers:

    - Balles and Hennig, Dissecting Adam: the sign, magnitude and variance of stochastic gradients, 2017,
      https://arxiv.org/abs/1705.07774.
    - `weight_decay_rate`: Loshchilov and Hutter, Decoupled weight decay regularization, 2017,
      https://arxiv.org/abs/1711.05101.

    Args:
        lr: The learning rate.
        beta: How much of the running means of the gradient and of its square is kept from one update to the next, 0 to
            1.
        eta: Multiplies the whole step, weight decay included; for schedules.
        weight_decay_rate: How much of the parameter goes in each step, apart from the gradient.
    """

    lr: float = hyperparameter(0.1)
    beta: float = hyperparameter(0.9)
    eta: float = hyperparameter(1.0)
    weight_decay_rate: float = hyperparameter(0)

    def create_update_rule(self) -> UpdateRule:
        return MSVAGRule(self.hyperparam)


class MSVAGRule(KernelRule, optimizer=MSVAG):
    """Update rule of `MSVAG`; its state is the running means ``m`` and ``v`` of the gradient and of its square."""

    kernel = 'msvag'
    state_names = 'm', 'v'

    def numbers(self) -> tuple[Any, ...]:
        lr, beta, eta, weight_decay_rate = super().numbers()
        correction = 1 - beta ** self.t
        # The running mean's variance is `rho` times that of a gradient, and that is the running variance over 1 - rho.
        # The first gradient tells nothing about it.
        ratio = 0.
        if self.t > 1:
            rho = min((1 - beta) / (1 + beta) * (1 + beta ** self.t) / correction, 0.9999)
            ratio = rho / (1 - rho)
        return lr / correction, beta, correction, ratio, eta, weight_decay_rate
