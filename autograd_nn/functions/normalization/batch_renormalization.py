"""Batch renormalization: the statistics of the batch, corrected towards the running ones."""
from __future__ import annotations

import warnings

from autograd_nn import backend
from autograd_nn.functions.normalization.batch_normalization import (
    batch_normalization,
    fixed_batch_normalization,
    statistics_axes,
)
from autograd_nn.functions.single_precision import widened
from autograd_nn.functions.util.forget import once
from autograd_nn.types import Activation, Array, ArrayLike, BareArray, Ints
from autograd_nn.variable import Variable, as_variable


def batch_renormalization(x: ArrayLike, gamma: ArrayLike, beta: ArrayLike, rmax: float, dmax: float, eps: float = 2e-5,
                          running_mean: BareArray | None = None, running_var: BareArray | None = None,
                          decay: float = 0.9, update_statistics: bool = False, *, residual: ArrayLike | None = None,
                          activation: Activation | None = None) -> Variable:
    """Batch renormalization: normalises as inference does, as far as the statistics of the batch are near the running.

    Where `batch_normalization` has ``x_hat``, this has ``x_hat * r + d`` with ``r = std / running_std`` and ``d = (mean
    - running_mean) / running_std``, the former limited to 1 / `rmax` to `rmax` and the latter to -`dmax` to `dmax`. For
    gradients both are constants. `rmax` of 1 and `dmax` of 0 make it batch normalization.

    Args:
        x: Input of shape (N, C, ...), floating point.
        gamma: Scale, of shape (C,), or with further axes that `x` has after the first.
        beta: Shift, of the shape of `gamma`.
        rmax: The limit of the correction of the scale, at least 1.
        dmax: The limit of the correction of the mean, at least 0.
        eps: Added to variances.
        running_mean: Array of the shape of `gamma`, as `batch_normalization` moves it; it has no default.
        running_var: The same for the variance.
        decay: How much of the running statistics stays.
        update_statistics: Whether to move the running statistics, in place, after they were used.
        residual: What is added to the output, of its shape, or None.
        activation: `relu`, to be computed in the same kernel, or None.

    Returns:
        Output of the shape of `x`.

    Raises:
        TypeError: There are no running statistics.
        ValueError: The shapes do not fit, a limit is too small, or `activation` is something else.

    See `Batch Renormalization: Towards Reducing Minibatch Dependence in Batch-Normalized Models
    <https://arxiv.org/abs/1702.03275>`_. As in Chainer, and not as there, the running average is that of the unbiased
    variance.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> x, one, zero = np.array([[1.], [3.]]), np.ones(1), np.zeros(1)
        >>> F.batch_renormalization(x, one, zero, rmax=3, dmax=5, eps=0, running_mean=one, running_var=4 * one)
        variable([[0.],
                  [1.]])
    """
    if running_mean is None or running_var is None:
        raise TypeError('batch_renormalization: running_mean and running_var are required')
    if rmax < 1 or dmax < 0:
        raise ValueError(f'batch_renormalization: expected rmax of at least 1 and dmax of at least 0, got {rmax} and '
                         f'{dmax}')
    x, gamma, beta = as_variable(x), as_variable(gamma), as_variable(beta)
    axes = statistics_axes('batch_renormalization', x, None, gamma=gamma, beta=beta,
                            running_mean=as_variable(running_mean), running_var=as_variable(running_var))
    if x.size:
        arrays = x.array, gamma.array, running_mean, running_var
        r, d = once(lambda: _corrections(*arrays, rmax, dmax, eps, axes))
        wide_gamma, wide_beta = widened(gamma, beta)
        gamma, beta = wide_gamma * r, wide_beta + wide_gamma * d
    if not update_statistics:
        running_mean = running_var = None
    return batch_normalization(x, gamma, beta, eps, running_mean, running_var, decay, axes, residual=residual,
                               activation=activation)


def _corrections(x: Array, gamma: Array, running_mean: Array, running_var: Array, rmax: float, dmax: float, eps: float,
                 axes: Ints) -> tuple[Array, Array]:
    """By what to scale and to shift the normalized `x`: arrays of the shape of `gamma`, in at least float32."""
    # The kernel's statistics are those that it normalizes with.
    _, mean, inv_std, _ = backend.kernels(x, gamma).batch_normalization(x, gamma, gamma, eps, axes, False, None)
    running_inv_std = (running_var.astype(mean.dtype) + eps) ** -0.5
    return ((running_inv_std / inv_std).clip(1 / rmax, rmax),
            ((mean - running_mean) * running_inv_std).clip(-dmax, dmax))


def fixed_batch_renormalization(x: ArrayLike, gamma: ArrayLike, beta: ArrayLike, mean: ArrayLike, var: ArrayLike,
                                eps: float = 2e-5) -> Variable:
    """Chainer's other name for `fixed_batch_normalization`: with given statistics there is nothing to correct.

    Args:
        x: Input, floating point.
        gamma: Scale, of the shape of `x` without the axes of the batch.
        beta: Shift, of the shape of `gamma`.
        mean: Mean, of the shape of `gamma`.
        var: Variance, of the shape of `gamma`.
        eps: Added to the variance.

    Returns:
        Output of the shape of `x`.

    Warns:
        DeprecationWarning: Always.
    """
    warnings.warn('fixed_batch_renormalization is deprecated: use fixed_batch_normalization', DeprecationWarning,
                  stacklevel=2)
    return fixed_batch_normalization(x, gamma, beta, mean, var, eps)
