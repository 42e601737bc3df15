"""Optimizers that scale each element's step by running means of its gradient."""
from __future__ import annotations

from dataclasses import dataclass

from autograd_nn.optimizer import GradientMethod
from autograd_nn.update_rule import KernelRule, UpdateRule, hyperparameter
from autograd_nn.variable import Variable


@dataclass(eq=False, repr=False)
class AdaGrad(GradientMethod):
    """AdaGrad: the step is the gradient over the root of the sum of all its squares so far.

    See Duchi et al., Adaptive subgradient methods for online learning and stochastic optimization, 2011,
    http://jmlr.org/papers/v12/duchi11a.html.

    Args:
        lr: The learning rate.
        eps: Added to the root, against division by zero.
    """

    lr: float = hyperparameter(0.001)
    eps: float = hyperparameter(1e-8)

    def create_update_rule(self) -> UpdateRule:
        return AdaGradRule(self.hyperparam)


class AdaGradRule(KernelRule, optimizer=AdaGrad):
    """Update rule of `AdaGrad`; its state is the sum of squares ``h``."""

    kernel = 'adagrad'
    state_names = 'h',


@dataclass(eq=False, repr=False)
class AdaDelta(GradientMethod):
    """AdaDelta: the step has the size of recent steps and needs no learning rate.

    See Zeiler, ADADELTA: an adaptive learning rate method, 2012, https://arxiv.org/abs/1212.5701.

    Args:
        rho: How much of the running means is kept from one update to the next, 0 to 1.
        eps: Added to the mean squares.
    """

    rho: float = hyperparameter(0.95)
    eps: float = hyperparameter(1e-6)

    def create_update_rule(self) -> UpdateRule:
        return AdaDeltaRule(self.hyperparam)


class AdaDeltaRule(KernelRule, optimizer=AdaDelta):
    """Update rule of `AdaDelta`; its state is the mean squares of the gradient, ``msg``, and of the step, ``msdx``."""

    kernel = 'adadelta'
    state_names = 'msg', 'msdx'


@dataclass(eq=False, repr=False)
class RMSprop(GradientMethod):
    """RMSprop: the step is the gradient over the root of the running mean of its square.

    See Tieleman and Hinton, Lecture 6.5 - rmsprop, Neural Networks for Machine Learning, 2012.

    Args:
        lr: The learning rate.
        alpha: How much of the running mean is kept from one update to the next, 0 to 1.
        eps: Added to the root, against division by zero.
        eps_inside_sqrt: Whether to add `eps` to the mean under the root instead.
    """

    lr: float = hyperparameter(0.01)
    alpha: float = hyperparameter(0.99)
    eps: float = hyperparameter(1e-8)
    eps_inside_sqrt: bool = hyperparameter(False)

    def create_update_rule(self) -> UpdateRule:
        return RMSpropRule(self.hyperparam)


class RMSpropRule(KernelRule, optimizer=RMSprop):
    """Update rule of `RMSprop`; its state is the mean square of the gradient ``ms``."""

    kernel = 'rmsprop'
    state_names = 'ms',


@dataclass(eq=False, repr=False)
class RMSpropGraves(GradientMethod):
    """RMSprop with momentum, by the running variance of the gradient instead of its mean square.

    See Graves, Generating sequences with recurrent neural networks, 2013, https://arxiv.org/abs/1308.0850.

    Args:
        lr: The learning rate.
        alpha: How much of the running means is kept from one update to the next, 0 to 1.
        momentum: How much of the step is kept from one update to the next, 0 to 1.
        eps: Added to the variance under the root.
    """

    lr: float = hyperparameter(1e-4)
    alpha: float = hyperparameter(0.95)
    momentum: float = hyperparameter(0.9)
    eps: float = hyperparameter(1e-4)

    def create_update_rule(self) -> UpdateRule:
        return RMSpropGravesRule(self.hyperparam)


class RMSpropGravesRule(KernelRule, optimizer=RMSpropGraves):
    """Update rule of `RMSpropGraves`; its state is the means ``n`` (of squares) and ``g``, and the step ``delta``."""

    kernel = 'rmsprop_graves'
    state_names = 'n', 'g', 'delta'


@dataclass(eq=False, repr=False)
class SMORMS3(GradientMethod):
    """SMORMS3: RMSprop whose memory and rate follow the ratio of the gradient to its noise.

    See Funk, RMSprop loses to SMORMS3 - beware the epsilon!, 2015, https://sifter.org/~simon/journal/20150420.html.

    Args:
        lr: The largest rate.
        eps: Added to denominators, against division by zero.
    """

    lr: float = hyperparameter(0.001)
    eps: float = hyperparameter(1e-16)

    def create_update_rule(self) -> UpdateRule:
        return SMORMS3Rule(self.hyperparam)


class SMORMS3Rule(KernelRule, optimizer=SMORMS3):
    """Update rule of `SMORMS3`; its state is the memory ``mem`` and the means ``g`` and ``g2``."""

    kernel = 'smorms3'
    state_names = 'mem', 'g', 'g2'

    def init_state(self, param: Variable) -> None:
        super().init_state(param)
        assert self.state is not None
        self.state['mem'][...] = 1
