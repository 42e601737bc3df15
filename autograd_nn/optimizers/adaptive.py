"""Optimizers that scale each element's step by running means of its gradient."""
from __future__ import annotations

from autograd_nn.optimizer import GradientMethod
from autograd_nn.update_rule import Hyperparameter, HyperparameterProxy, KernelRule, UpdateRule, default_hyperparameters
from autograd_nn.variable import Variable


class AdaGradRule(KernelRule):
    """Update rule of `AdaGrad`; its state is the sum of squares ``h``.

    Args:
        parent_hyperparam: The optimizer's hyperparameters.
        lr: Overrides the optimizer's for this parameter.
        eps: Likewise.
    """

    kernel = 'adagrad'
    state_names = 'h',

    def __init__(self, parent_hyperparam: Hyperparameter | None = None, lr: float | None = None,
                 eps: float | None = None) -> None:
        super().__init__(parent_hyperparam or default_hyperparameters(lr=0.001, eps=1e-8))
        self.hyperparam.override(lr=lr, eps=eps)

    def numbers(self) -> tuple[float, float]:
        return float(self.hyperparam.lr), float(self.hyperparam.eps)


class AdaGrad(GradientMethod):
    """AdaGrad: the step is the gradient over the root of the sum of all its squares so far.

    See Duchi et al., Adaptive subgradient methods for online learning and stochastic optimization, 2011,
    http://jmlr.org/papers/v12/duchi11a.html.

    Args:
        lr: The learning rate.
        eps: Added to the root, against division by zero.
    """

    lr = HyperparameterProxy('lr')
    eps = HyperparameterProxy('eps')

    def __init__(self, lr: float = 0.001, eps: float = 1e-8) -> None:
        super().__init__()
        self.hyperparam.override(lr=lr, eps=eps)

    def create_update_rule(self) -> UpdateRule:
        return AdaGradRule(self.hyperparam)


class AdaDeltaRule(KernelRule):
    """Update rule of `AdaDelta`; its state is the mean squares of the gradient, ``msg``, and of the step, ``msdx``.

    Args:
        parent_hyperparam: The optimizer's hyperparameters.
        rho: Overrides the optimizer's for this parameter.
        eps: Likewise.
    """

    kernel = 'adadelta'
    state_names = 'msg', 'msdx'

    def __init__(self, parent_hyperparam: Hyperparameter | None = None, rho: float | None = None,
                 eps: float | None = None) -> None:
        super().__init__(parent_hyperparam or default_hyperparameters(rho=0.95, eps=1e-6))
        self.hyperparam.override(rho=rho, eps=eps)

    def numbers(self) -> tuple[float, float]:
        return float(self.hyperparam.rho), float(self.hyperparam.eps)


class AdaDelta(GradientMethod):
    """AdaDelta: the step has the size of recent steps and needs no learning rate.

    See Zeiler, ADADELTA: an adaptive learning rate method, 2012, https://arxiv.org/abs/1212.5701.

    Args:
        rho: How much of the running means is kept from one update to the next, 0 to 1.
        eps: Added to the mean squares.
    """

    rho = HyperparameterProxy('rho')
    eps = HyperparameterProxy('eps')

    def __init__(self, rho: float = 0.95, eps: float = 1e-6) -> None:
        super().__init__()
        self.hyperparam.override(rho=rho, eps=eps)

    def create_update_rule(self) -> UpdateRule:
        return AdaDeltaRule(self.hyperparam)


class RMSpropRule(KernelRule):
    """Update rule of `RMSprop`; its state is the mean square of the gradient ``ms``.

    Args:
        parent_hyperparam: The optimizer's hyperparameters.
        lr: Overrides the optimizer's for this parameter.
        alpha: Likewise.
        eps: Likewise.
        eps_inside_sqrt: Likewise.
    """

    kernel = 'rmsprop'
    state_names = 'ms',

    def __init__(self, parent_hyperparam: Hyperparameter | None = None, lr: float | None = None,
                 alpha: float | None = None, eps: float | None = None, eps_inside_sqrt: bool | None = None) -> None:
        super().__init__(parent_hyperparam or default_hyperparameters(lr=0.01, alpha=0.99, eps=1e-8,
                                                                      eps_inside_sqrt=False))
        self.hyperparam.override(lr=lr, alpha=alpha, eps=eps, eps_inside_sqrt=eps_inside_sqrt)

    def numbers(self) -> tuple[float, float, float, bool]:
        hp = self.hyperparam
        return float(hp.lr), float(hp.alpha), float(hp.eps), bool(hp.eps_inside_sqrt)


class RMSprop(GradientMethod):
    """RMSprop: the step is the gradient over the root of the running mean of its square.

    See Tieleman and Hinton, Lecture 6.5 - rmsprop, Neural Networks for Machine Learning, 2012.

    Args:
        lr: The learning rate.
        alpha: How much of the running mean is kept from one update to the next, 0 to 1.
        eps: Added to the root, against division by zero.
        eps_inside_sqrt: Whether to add `eps` to the mean under the root instead.
    """

    lr = HyperparameterProxy('lr')
    alpha = HyperparameterProxy('alpha')
    eps = HyperparameterProxy('eps')
    eps_inside_sqrt = HyperparameterProxy('eps_inside_sqrt')

    def __init__(self, lr: float = 0.01, alpha: float = 0.99, eps: float = 1e-8, eps_inside_sqrt: bool = False) -> None:
        super().__init__()
        self.hyperparam.override(lr=lr, alpha=alpha, eps=eps, eps_inside_sqrt=eps_inside_sqrt)

    def create_update_rule(self) -> UpdateRule:
        return RMSpropRule(self.hyperparam)


class RMSpropGravesRule(KernelRule):
    """Update rule of `RMSpropGraves`; its state is the means ``n`` (of squares) and ``g``, and the step ``delta``.

    Args:
        parent_hyperparam: The optimizer's hyperparameters.
        lr: Overrides the optimizer's for this parameter.
        alpha: Likewise.
        momentum: Likewise.
        eps: Likewise.
    """

    kernel = 'rmsprop_graves'
    state_names = 'n', 'g', 'delta'

    def __init__(self, parent_hyperparam: Hyperparameter | None = None, lr: float | None = None,
                 alpha: float | None = None, momentum: float | None = None, eps: float | None = None) -> None:
        super().__init__(parent_hyperparam or default_hyperparameters(lr=1e-4, alpha=0.95, momentum=0.9, eps=1e-4))
        self.hyperparam.override(lr=lr, alpha=alpha, momentum=momentum, eps=eps)

    def numbers(self) -> tuple[float, float, float, float]:
        hp = self.hyperparam
        return float(hp.lr), float(hp.alpha), float(hp.momentum), float(hp.eps)


class RMSpropGraves(GradientMethod):
    """RMSprop with momentum, by the running variance of the gradient instead of its mean square.

    See Graves, Generating sequences with recurrent neural networks, 2013, https://arxiv.org/abs/1308.0850.

    Args:
        lr: The learning rate.
        alpha: How much of the running means is kept from one update to the next, 0 to 1.
        momentum: How much of the step is kept from one update to the next, 0 to 1.
        eps: Added to the variance under the root.
    """

    lr = HyperparameterProxy('lr')
    alpha = HyperparameterProxy('alpha')
    momentum = HyperparameterProxy('momentum')
    eps = HyperparameterProxy('eps')

    def __init__(self, lr: float = 1e-4, alpha: float = 0.95, momentum: float = 0.9, eps: float = 1e-4) -> None:
        super().__init__()
        self.hyperparam.override(lr=lr, alpha=alpha, momentum=momentum, eps=eps)

    def create_update_rule(self) -> UpdateRule:
        return RMSpropGravesRule(self.hyperparam)


class SMORMS3Rule(KernelRule):
    """Update rule of `SMORMS3`; its state is the memory ``mem`` and the means ``g`` and ``g2``.

    Args:
        parent_hyperparam: The optimizer's hyperparameters.
        lr: Overrides the optimizer's for this parameter.
        eps: Likewise.
    """

    kernel = 'smorms3'
    state_names = 'mem', 'g', 'g2'

    def __init__(self, parent_hyperparam: Hyperparameter | None = None, lr: float | None = None,
                 eps: float | None = None) -> None:
        super().__init__(parent_hyperparam or default_hyperparameters(lr=0.001, eps=1e-16))
        self.hyperparam.override(lr=lr, eps=eps)

    def init_state(self, param: Variable) -> None:
        super().init_state(param)
        assert self.state is not None
        self.state['mem'][...] = 1

    def numbers(self) -> tuple[float, float]:
        return float(self.hyperparam.lr), float(self.hyperparam.eps)


class SMORMS3(GradientMethod):
    """SMORMS3: RMSprop whose memory and rate follow the ratio of the gradient to its noise.

    See Funk, RMSprop loses to SMORMS3 - beware the epsilon!, 2015, https://sifter.org/~simon/journal/20150420.html.

    Args:
        lr: The largest rate.
        eps: Added to denominators, against division by zero.
    """

    lr = HyperparameterProxy('lr')
    eps = HyperparameterProxy('eps')

    def __init__(self, lr: float = 0.001, eps: float = 1e-16) -> None:
        super().__init__()
        self.hyperparam.override(lr=lr, eps=eps)

    def create_update_rule(self) -> UpdateRule:
        return SMORMS3Rule(self.hyperparam)
