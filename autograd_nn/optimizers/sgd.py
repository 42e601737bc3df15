"""Gradient descent and its variants with momentum."""
from __future__ import annotations

from autograd_nn.backend import kernels
from autograd_nn.optimizer import (
    GradientMethod,
    Hyperparameter,
    HyperparameterProxy,
    UpdateRule,
    default_hyperparameters,
)
from autograd_nn.variable import Variable

_DEFAULTS = default_hyperparameters(lr=0.01, momentum=0.9)


class SGDRule(UpdateRule):
    """Update rule of `SGD`.

    Args:
        parent_hyperparam: The optimizer's hyperparameters.
        lr: Overrides the optimizer's for this parameter.
    """

    def __init__(self, parent_hyperparam: Hyperparameter | None = None, lr: float | None = None) -> None:
        super().__init__(parent_hyperparam or _DEFAULTS)
        self.hyperparam.override(lr=lr)

    def update_core(self, param: Variable) -> None:
        array, grad = param.array, param.grad
        if grad is not None:
            kernels(array, grad).sgd(array, grad, self.hyperparam.lr)


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

    lr = HyperparameterProxy('lr')

    def __init__(self, lr: float = 0.01) -> None:
        super().__init__()
        self.hyperparam.override(lr=lr)

    def create_update_rule(self) -> UpdateRule:
        return SGDRule(self.hyperparam)


class MomentumSGDRule(UpdateRule):
    """Update rule of `MomentumSGD`; its state is the velocity ``v``.

    Args:
        parent_hyperparam: The optimizer's hyperparameters.
        lr: Overrides the optimizer's for this parameter.
        momentum: Likewise.
    """

    def __init__(self, parent_hyperparam: Hyperparameter | None = None, lr: float | None = None,
                 momentum: float | None = None) -> None:
        super().__init__(parent_hyperparam or _DEFAULTS)
        self.hyperparam.override(lr=lr, momentum=momentum)

    def init_state(self, param: Variable) -> None:
        self.init_zeros(param, 'v')

    def update_core(self, param: Variable) -> None:
        array, grad, hp = param.array, param.grad, self.hyperparam
        if grad is not None and self.state is not None:
            kernels(array, grad).momentum_sgd(array, grad, self.state['v'], hp.lr, hp.momentum)


class MomentumSGD(GradientMethod):
    """Gradient descent with momentum: ``v = momentum * v - lr * grad``, ``param += v``.

    Args:
        lr: The learning rate.
        momentum: How much of the velocity is kept from one update to the next, 0 to 1.
    """

    lr = HyperparameterProxy('lr')
    momentum = HyperparameterProxy('momentum')

    def __init__(self, lr: float = 0.01, momentum: float = 0.9) -> None:
        super().__init__()
        self.hyperparam.override(lr=lr, momentum=momentum)

    def create_update_rule(self) -> UpdateRule:
        return MomentumSGDRule(self.hyperparam)


class CorrectedMomentumSGDRule(MomentumSGDRule):
    """Update rule of `CorrectedMomentumSGD`; its state is the velocity ``v``, in units of the gradient."""

    def update_core(self, param: Variable) -> None:
        array, grad, hp = param.array, param.grad, self.hyperparam
        if grad is not None and self.state is not None:
            v = self.state['v']
            v *= hp.momentum
            v -= grad
            array += hp.lr * v


class CorrectedMomentumSGD(MomentumSGD):
    """Gradient descent with momentum whose velocity does not hold the rate: ``v = momentum * v - grad``.

    The step is ``param += lr * v``, so that a change of the learning rate takes effect at once.

    Args:
        lr: The learning rate.
        momentum: How much of the velocity is kept from one update to the next, 0 to 1.
    """

    def create_update_rule(self) -> UpdateRule:
        return CorrectedMomentumSGDRule(self.hyperparam)


class NesterovAGRule(MomentumSGDRule):
    """Update rule of `NesterovAG`; its state is the velocity ``v``."""

    def update_core(self, param: Variable) -> None:
        array, grad, hp = param.array, param.grad, self.hyperparam
        if grad is not None and self.state is not None:
            kernels(array, grad).nesterov_ag(array, grad, self.state['v'], hp.lr, hp.momentum)


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
