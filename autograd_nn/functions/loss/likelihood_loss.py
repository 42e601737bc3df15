"""Negative log-likelihoods and divergences: the losses of variational autoencoders."""
from __future__ import annotations

import math

from autograd_nn.functions.activation.smooth_rectifier import softplus
from autograd_nn.functions.checks import check_same_shape
from autograd_nn.functions.loss.reduce import reduced
from autograd_nn.functions.math.exponential import exp, square
from autograd_nn.functions.single_precision import in_single_precision
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable, as_variable


@in_single_precision
def gaussian_kl_divergence(mean: ArrayLike, ln_var: ArrayLike, reduce: str = 'sum') -> Variable:
    """The Kullback-Leibler divergence of Gaussian distributions from the standard one.

    See Kingma and Welling, Auto-Encoding Variational Bayes, https://arxiv.org/abs/1312.6114.

    Args:
        mean: Variable or array of the means, of any shape, floating-point.
        ln_var: Variable or array of the logarithms of the variances, of the same shape.
        reduce: ``'sum'``, ``'mean'``, or ``'no'`` for the divergence of each element.

    Returns:
        A Variable of shape ``()``, or that of `mean` with ``reduce='no'``.

    Raises:
        ValueError: The shapes differ, or `reduce` is unknown.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.gaussian_kl_divergence(np.array([0., 2.]), np.array([0., 0.]))
        variable(2.)
    """
    mean, ln_var = as_variable(mean), as_variable(ln_var)
    check_same_shape('gaussian_kl_divergence', mean=mean, ln_var=ln_var)
    loss = (square(mean) + exp(ln_var) - ln_var - 1) * 0.5
    return reduced('gaussian_kl_divergence', loss, reduce)


@in_single_precision
def bernoulli_nll(x: ArrayLike, y: ArrayLike, reduce: str = 'sum') -> Variable:
    """The negative log-likelihood of yes-or-no outcomes, or of probabilities, under predictions given as logits.

    Args:
        x: Variable or array of outcomes from 0 to 1, of any shape, floating-point.
        y: Variable or array of logits, of the same shape.
        reduce: ``'sum'``, ``'mean'``, or ``'no'`` for the loss of each element.

    Returns:
        A Variable of shape ``()``, or that of `x` with ``reduce='no'``.

    Raises:
        ValueError: The shapes differ, or `reduce` is unknown.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.bernoulli_nll(np.array([1., 0.]), np.array([0., -1000.]))
        variable(0.69314718)
    """
    x, y = as_variable(x), as_variable(y)
    check_same_shape('bernoulli_nll', x=x, y=y)
    return reduced('bernoulli_nll', softplus(y) - x * y, reduce)


@in_single_precision
def gaussian_nll(x: ArrayLike, mean: ArrayLike, ln_var: ArrayLike, reduce: str = 'sum') -> Variable:
    """The negative log-likelihood of values under Gaussian distributions.

    Args:
        x: Variable or array of values, of any shape, floating-point.
        mean: Variable or array of the means, of the same shape.
        ln_var: Variable or array of the logarithms of the variances, of the same shape.
        reduce: ``'sum'``, ``'mean'``, or ``'no'`` for the loss of each element.

    Returns:
        A Variable of shape ``()``, or that of `x` with ``reduce='no'``.

    Raises:
        ValueError: The shapes differ, or `reduce` is unknown.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.gaussian_nll(np.array([1.]), np.array([0.]), np.array([0.]))
        variable(1.41893853)
    """
    x, mean, ln_var = as_variable(x), as_variable(mean), as_variable(ln_var)
    check_same_shape('gaussian_nll', x=x, mean=mean, ln_var=ln_var)
    loss = (ln_var + math.log(2 * math.pi) + square(x - mean) * exp(-ln_var)) * 0.5
    return reduced('gaussian_nll', loss, reduce)
