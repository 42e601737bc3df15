"""Gradient descent and its variants with momentum."""
from __future__ import annotations

from dataclasses import dataclass

from autograd_nn.optimizer import GradientMethod
from autograd_nn.update_rule import KernelRule, UpdateRule, hyperparameter


@dataclass(eq=False, repr=False)
class SGD(GradientMethod):
    """Stochastic gradient descent: ``param -= lr * grad``.

    Args:
        lr: The learning rate.

    Example:
        >>> import autograd_nn as ann
        >>> model = ann.Link(x=())
        >>> model.x.array[...] = 3
        >>> optimizer = SGD(lr=0.25).setup(model)
        >>> optimizer.update(lambda: model.x ** 2)
        >>> float(model.x)
        1.5
    """

    lr: float = hyperparameter(0.01)

    def create_update_rule(self) -> UpdateRule:
        return SGDRule(self.hyperparam)


class SGDRule(KernelRule, optimizer=SGD):
    """Update rule of `SGD`."""

    kernel = 'sgd'


@dataclass(eq=False, repr=False)
class MomentumSGD(GradientMethod):
    """Gradient descent with momentum: ``v = momentum * v - lr * grad``, ``param += v``.

    Args:
        lr: The learning rate.
        momentum: How much of the velocity is kept from one update to the next, 0 to 1.
    """

    lr: float = hyperparameter(0.01)
    momentum: float = hyperparameter(0.9)

    def create_update_rule(self) -> UpdateRule:
        return MomentumSGDRule(self.hyperparam)


class MomentumSGDRule(KernelRule, optimizer=MomentumSGD):
    """Update rule of `MomentumSGD`; its state is the velocity ``v``."""

    kernel = 'momentum_sgd'
    state_names = 'v',


class CorrectedMomentumSGD(MomentumSGD):
    """Gradient descent with momentum whose velocity does not hold the rate: ``v = momentum * v - grad``.

    The step is ``param += lr * v``, so that a change of the learning rate takes effect at once.

    Args:
        lr: The learning rate.
        momentum: How much of the velocity is kept from one update to the next, 0 to 1.
    """

    def create_update_rule(self) -> UpdateRule:
        return CorrectedMomentumSGDRule(self.hyperparam)


class CorrectedMomentumSGDRule(MomentumSGDRule):
    """Update rule of `CorrectedMomentumSGD`; its state is the velocity ``v``, in units of the gradient."""

    kernel = 'corrected_momentum_sgd'


class NesterovAG(MomentumSGD):
    """Nesterov's accelerated gradient: momentum that looks ahead.

    First ``v = momentum * v - lr * grad``, then ``param += momentum ** 2 * v - (1 + momentum) * lr * grad``. See
    Bengio et al., Advances in optimizing recurrent networks, https://arxiv.org/abs/1212.0901.

    Args:
        lr: The learning rate.
        momentum: How much of the velocity is kept from one update to the next, 0 to 1.
    """

    def create_update_rule(self) -> UpdateRule:
        return NesterovAGRule(self.hyperparam)


class NesterovAGRule(MomentumSGDRule):
    """Update rule of `NesterovAG`; its state is the velocity ``v``."""

    kernel = 'nesterov_ag'
