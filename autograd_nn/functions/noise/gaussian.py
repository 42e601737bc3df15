"""Random draws through which gradients reach the parameters of the distribution (the reparametrization trick)."""
from __future__ import annotations

from typing import Any

from autograd_nn.functions.activation.softmax import softmax
from autograd_nn.functions.checks import check_float, check_same_shape
from autograd_nn.functions.math.exponential import exp
from autograd_nn.functions.single_precision import in_single_precision
from autograd_nn.types import ArrayLike, BareArray
from autograd_nn.variable import Variable, as_variable


@in_single_precision
def gaussian(mean: ArrayLike, ln_var: ArrayLike, *, eps: BareArray | None = None, return_eps: bool = False) -> Any:
    """Draws from Gaussian distributions so that gradients reach their parameters (the reparametrization trick).

    It is ``mean + exp(ln_var / 2) * eps`` with standard normal `eps`.

    Args:
        mean: Variable or array of the means, of any shape, floating-point.
        ln_var: Variable or array of the logarithms of the variances, of the same shape.
        eps: Array of that shape instead of random numbers.
        return_eps: Whether to return `eps`, too.

    Returns:
        A Variable of the shape of `mean`; with `return_eps`, a tuple of it and the array `eps`.

    Raises:
        ValueError: The shapes differ.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.gaussian(np.array([1., 2.]), np.log([4., 9.]), eps=np.array([1., -1.]))
        variable([ 3., -1.])
    """
    mean, ln_var = as_variable(mean), as_variable(ln_var)
    check_float('gaussian', 'mean', mean)
    check_same_shape('gaussian', mean=mean, ln_var=ln_var)
    if eps is None:
        eps = mean.xp.random.standard_normal(mean.shape)
        eps = mean.xp.asarray(eps, mean.dtype)
    else:
        check_same_shape('gaussian', mean=mean, eps=eps)
    y = mean + exp(ln_var * 0.5) * eps
    return (y, eps) if return_eps else y


@in_single_precision
def gumbel_softmax(log_pi: ArrayLike, tau: float = 0.1, axis: int = 1) -> Variable:
    """Draws almost one-hot vectors so that gradients reach the probabilities of the classes.

    See Jang et al., Categorical Reparameterization with Gumbel-Softmax, https://arxiv.org/abs/1611.01144.

    Args:
        log_pi: Variable or array of the logarithms of the probabilities, which need not be normalized.
        tau: The temperature, positive: the lower, the closer to one-hot.
        axis: The axis of the classes.

    Returns:
        A Variable of the shape and dtype of `log_pi` that sums to 1 along `axis`.

    Raises:
        ValueError: `tau` is not positive, or there is no such axis.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.gumbel_softmax(np.log([[0.1, 0.9]])).array.sum().round(6)
        np.float64(1.0)
    """
    if tau <= 0:
        raise ValueError(f'gumbel_softmax: tau must be positive, not {tau}')
    log_pi = as_variable(log_pi)
    check_float('gumbel_softmax', 'log_pi', log_pi)
    noise = log_pi.xp.asarray(log_pi.xp.random.gumbel(size=log_pi.shape), log_pi.dtype)
    return softmax((log_pi + noise) * (1 / tau), axis)
