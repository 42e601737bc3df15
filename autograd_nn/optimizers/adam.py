"""Adam and its variants."""
from __future__ import annotations

import math
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from autograd_nn.optimizer import GradientMethod
from autograd_nn.serializer import AbstractSerializer, serialize_if_there
from autograd_nn.update_rule import KernelRule, UpdateRule, hyperparameter

# What the kernel is given between the rate and the bounds, in its order.
_NUMBERS = itemgetter('beta1', 'beta2', 'eps', 'eta', 'weight_decay_rate')


def _corrected_rate(hp: dict[str, Any], t: int, what: str) -> float:
    """`alpha` with the correction of the means' bias towards their initial zeros, at update `t`."""
    if t == 0:
        raise RuntimeError(f'{what}: Adam\'s learning rate depends on the number of updates, and there was none yet')
    return float(hp['alpha'] * math.sqrt(1 - hp['beta2'] ** t) / (1 - hp['beta1'] ** t))


@dataclass(eq=False, repr=False)
class Adam(GradientMethod):
    """Adam: running means of the gradient and of its square determine the step.

    With the means ``m`` and ``v`` and the rate ``alpha_t``, in which their bias is corrected, the step is
    ``param -= eta * (alpha_t * m / (sqrt(v) + eps) + weight_decay_rate * param)``. The papers:

    - Kingma and Ba, Adam: a method for stochastic optimization, 2014, https://arxiv.org/abs/1412.6980.
    - `weight_decay_rate` (AdamW): Loshchilov and Hutter, Decoupled weight decay regularization, 2017,
      https://arxiv.org/abs/1711.05101.
    - `amsgrad`: Reddi et al., On the convergence of Adam and beyond, 2018, https://arxiv.org/abs/1904.09237.
    - `adabound`: Luo et al., Adaptive gradient methods with dynamic bound of learning rate, 2019,
      https://arxiv.org/abs/1902.09843.

    Args:
        alpha: The step size.
        beta1: How much of the gradient's mean is kept from one update to the next, 0 to 1.
        beta2: How much of the mean of its square is kept, 0 to 1.
        eps: Added to the root, against division by zero.
        eta: Multiplies the whole step, weight decay included; for schedules.
        weight_decay_rate: How much of the parameter goes in each step, apart from the gradient.
        amsgrad: Whether to use the largest mean square so far instead of the current one.
        adabound: Whether to keep the rate within bounds that approach `final_lr`.
        final_lr: The rate that AdaBound ends up at.
        gamma: How fast AdaBound gets there.
    """

    alpha: float = hyperparameter(0.001)
    beta1: float = hyperparameter(0.9)
    beta2: float = hyperparameter(0.999)
    eps: float = hyperparameter(1e-8)
    eta: float = hyperparameter(1.0)
    weight_decay_rate: float = hyperparameter(0)
    amsgrad: bool = hyperparameter(False)
    adabound: bool = hyperparameter(False)
    final_lr: float = hyperparameter(0.1)
    gamma: float = hyperparameter(1e-3)

    def create_update_rule(self) -> UpdateRule:
        return AdamRule(self.hyperparam)

    @property
    def alpha_t(self) -> float:
        """The rate with the correction of the bias, at the current update.

        Raises:
            RuntimeError: Before the first update.
        """
        return _corrected_rate(self.hyperparam.get_dict(), self.t, f'{type(self).__name__}.lr')

    @property
    def lr(self) -> float:
        """The same as `alpha_t`: what an observer of learning rates wants to see. To set the rate, set `alpha`."""
        return self.alpha_t


class AdamRule(KernelRule, optimizer=Adam):
    """Update rule of `Adam`; its state is the running means ``m`` and ``v``, and ``vhat`` with AMSGrad."""

    def __init__(self, *hyperparameters: Any, **named: Any) -> None:
        super().__init__(*hyperparameters, **named)
        self._initial_alpha = self.hyperparam.alpha

    def serialize(self, serializer: AbstractSerializer) -> None:
        super().serialize(serializer)
        if self.hyperparam.adabound:
            self._initial_alpha = serialize_if_there(serializer, 'initial_alpha', float(self._initial_alpha))

    @property
    def kernel(self) -> str:  # type: ignore[override]
        return 'amsgrad' if self.hyperparam.amsgrad else 'adam'

    @property
    def state_names(self) -> tuple[str, ...]:  # type: ignore[override]
        return ('m', 'v', 'vhat') if self.hyperparam.amsgrad else ('m', 'v')

    @property
    def alpha_t(self) -> float:
        """The rate with the correction of the bias.

        Raises:
            RuntimeError: Before the first update.
        """
        return _corrected_rate(self.hyperparam.get_dict(), self.t, 'AdamRule.alpha_t')

    @property
    def lr(self) -> float:
        """The same as `alpha_t`."""
        return self.alpha_t

    @property
    def bounds(self) -> tuple[float, float]:
        """AdaBound's lower and upper bound of the rate, which approach ``final_lr``.

        Raises:
            RuntimeError: Before the first update.
        """
        if self.t == 0:
            raise RuntimeError('AdamRule.bounds: they depend on the number of updates, and there was none yet')
        hp = self.hyperparam
        # A schedule that lowers alpha lowers the rate it ends up at as well.
        final_lr = hp.final_lr * hp.alpha / self._initial_alpha
        return final_lr * (1 - 1 / (hp.gamma * self.t + 1)), final_lr * (1 + 1 / (hp.gamma * self.t))

    def numbers(self) -> tuple[Any, ...]:
        hp = self.hyperparam.get_dict()
        return (_corrected_rate(hp, self.t, 'AdamRule'), *map(float, _NUMBERS(hp)),
                self.bounds if hp['adabound'] else None)


class AdamW(Adam):
    """`Adam` with decoupled weight decay: without AMSGrad and AdaBound, but otherwise with the arguments of `Adam`.

    In each step, `eta` times `weight_decay_rate` of a parameter goes, whatever `alpha` is; with the default of
    `weight_decay_rate`, this is `Adam`. For the algorithm of the paper, and of other frameworks, where the rate
    multiplies step and decay alike, give ``alpha=1`` and the rate as `eta`.
    """

    def __init__(self, alpha: float = Adam.alpha, beta1: float = Adam.beta1, beta2: float = Adam.beta2,
                 eps: float = Adam.eps, eta: float = Adam.eta,
                 weight_decay_rate: float = Adam.weight_decay_rate) -> None:
        super().__init__(alpha, beta1, beta2, eps, eta, weight_decay_rate)


class AMSGrad(Adam):
    """`Adam` with the largest mean square so far instead of the current one; its arguments are those of `Adam`."""

    def __init__(self, alpha: float = Adam.alpha, beta1: float = Adam.beta1, beta2: float = Adam.beta2,
                 eps: float = Adam.eps, eta: float = Adam.eta) -> None:
        super().__init__(alpha, beta1, beta2, eps, eta, amsgrad=True)


class AdaBound(Adam):
    """`Adam` whose rate is kept within bounds that approach `final_lr`; its arguments are those of `Adam`."""

    def __init__(self, alpha: float = Adam.alpha, beta1: float = Adam.beta1, beta2: float = Adam.beta2,
                 final_lr: float = Adam.final_lr, gamma: float = Adam.gamma, eps: float = Adam.eps,
                 eta: float = Adam.eta) -> None:
        super().__init__(alpha, beta1, beta2, eps, eta, adabound=True, final_lr=final_lr, gamma=gamma)


class AMSBound(Adam):
    """`AMSGrad` and `AdaBound` together; its arguments are those of `Adam`."""

    def __init__(self, alpha: float = Adam.alpha, beta1: float = Adam.beta1, beta2: float = Adam.beta2,
                 final_lr: float = Adam.final_lr, gamma: float = Adam.gamma, eps: float = Adam.eps,
                 eta: float = Adam.eta) -> None:
        super().__init__(alpha, beta1, beta2, eps, eta, amsgrad=True, adabound=True, final_lr=final_lr, gamma=gamma)
