"""Hooks that limit, scale or perturb gradients."""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from autograd_nn.backend import get_array_module, kernels
from autograd_nn.dtypes import at_least_float32
from autograd_nn.optimizer import Optimizer
from autograd_nn.types import Array, DTypeLike
from autograd_nn.update_rule import UpdateRule, set_gradient
from autograd_nn.variable import Variable


def _norm(*arrays: Array) -> float:
    """The root of the sum of squares of all elements."""
    return math.sqrt(float(kernels(*arrays).sum_of_squares(arrays)))


class GradientClipping:
    """Scales all gradients down together so that their common norm is at most `threshold`.

    See Pascanu et al., On the difficulty of training recurrent neural networks, 2012,
    https://arxiv.org/abs/1211.5063.

    Args:
        threshold: The largest norm: the root of the sum of squares over all parameters.
    """

    name = 'GradientClipping'
    timing = 'pre'

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold

    def __call__(self, opt: Optimizer) -> None:
        params = [param for param in opt.target.params(False) if param.grad_var is not None]
        grads = [at_least_float32(param.grad) for param in params]
        norm = _norm(*grads)
        if norm > self.threshold:
            for param, grad in zip(params, kernels(*grads).scaled(grads, self.threshold / norm), strict=True):
                set_gradient(param, grad)


class GradientHardClipping:
    """Clips each element of each gradient.

    Args:
        lower_bound: The smallest value.
        upper_bound: The largest value.
    """

    name = 'GradientHardClipping'
    call_for_each_param = True
    timing = 'pre'

    def __init__(self, lower_bound: float, upper_bound: float) -> None:
        self.lower_bound = lower_bound
        self.upper_bound = upper_bound

    def __call__(self, rule: UpdateRule, param: Variable) -> None:
        grad = at_least_float32(param.grad)
        if grad is not None:
            set_gradient(param, grad.clip(self.lower_bound, self.upper_bound))


class GradientScaling:
    """Multiplies each gradient by a number: for parameters that are to learn at another rate than the others.

    Args:
        rate: The number.

    Example:
        As SSD is trained: biases learn twice as fast as filters, which decay.

        >>> import autograd_nn as ann, autograd_nn.links as L
        >>> model = L.Convolution2D(3, 8, 3)
        >>> optimizer = ann.optimizers.MomentumSGD(1e-3).setup(model)
        >>> for param in model.params():
        ...     is_bias = param.name == 'b'
        ...     param.update_rule.add_hook(ann.optimizer_hooks.GradientScaling(2) if is_bias else
        ...                                ann.optimizer_hooks.WeightDecay(5e-4))
    """

    name = 'GradientScaling'
    call_for_each_param = True
    timing = 'pre'

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def __call__(self, rule: UpdateRule, param: Variable) -> None:
        grad = at_least_float32(param.grad)
        if grad is not None:
            set_gradient(param, grad * grad.dtype.type(self.rate))


def exponential_decay_noise(xp: Any, shape: tuple[int, ...], dtype: DTypeLike, hook: Any, opt: Any) -> Any:
    """Normal noise of variance ``eta / (1 + t) ** 0.55``, which decays with the number of updates t.

    See Neelakantan et al., Adding gradient noise improves learning for very deep networks, 2015,
    https://arxiv.org/abs/1511.06807.

    Args:
        xp: The array module.
        shape: The shape of the noise.
        dtype: Its dtype.
        hook: The `GradientNoise`, for its ``eta``.
        opt: The update rule (or optimizer), for its ``t``.

    Returns:
        An array of that shape and dtype.
    """
    return xp.random.normal(0, math.sqrt(hook.eta / (1 + opt.t) ** 0.55), shape).astype(dtype)


class GradientNoise:
    """Adds noise to each gradient.

    Args:
        eta: The scale of the noise, see `exponential_decay_noise`.
        noise_func: Makes the noise: called with the array module, shape, dtype, this hook and the update rule.
    """

    name = 'GradientNoise'
    call_for_each_param = True
    timing = 'pre'

    def __init__(self, eta: float, noise_func: Callable[..., Any] = exponential_decay_noise) -> None:
        self.eta = eta
        self.noise_func = noise_func

    def __call__(self, rule: UpdateRule, param: Variable) -> None:
        grad = at_least_float32(param.grad)
        if grad is not None:
            noise = self.noise_func(get_array_module(grad), grad.shape, grad.dtype, self, rule)
            set_gradient(param, grad + noise)


class GradientLARS:
    """Layer-wise adaptive rate scaling: scales each gradient to the size of its parameter.

    The gradient ``g`` of a parameter ``w`` becomes ``(g + weight_decay * w)`` times
    ``norm(w) / (eps + norm(g) + weight_decay * norm(w))``. The step then is as long as the parameter times the
    learning rate, which takes the place of the paper's coefficient. See You et al., Large batch training of
    convolutional networks, 2017, https://arxiv.org/abs/1708.03888.

    Args:
        threshold: Parameters whose norm is not above it are not scaled, so that they can grow.
        weight_decay: The coefficient of a weight decay that is added before scaling.
        eps: Added to the denominator, against division by zero.
    """

    name = 'GradientLARS'
    call_for_each_param = True
    timing = 'pre'

    def __init__(self, threshold: float = 1e-2, weight_decay: float = 0.0, eps: float = 1e-9) -> None:
        self.threshold = threshold
        self.weight_decay = weight_decay
        self.eps = eps

    def __call__(self, rule: UpdateRule, param: Variable) -> None:
        grad = at_least_float32(param.grad)
        if grad is None:
            return
        p_norm, g_norm = _norm(param.array), _norm(grad)
        rate = 1.0
        if p_norm > self.threshold:
            rate = p_norm / (self.eps + g_norm + self.weight_decay * p_norm)
        kernel = kernels(grad)
        set_gradient(param, *kernel.scaled([kernel.scaled_sum(grad, param.array, self.weight_decay)], rate))
