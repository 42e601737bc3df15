"""Functions that draw random numbers, from the generator that `autograd_nn.random.seed` seeds."""
from __future__ import annotations

from typing import Any, Literal, overload

from autograd_nn.backend import elementwise, kernels
from autograd_nn.config import config
from autograd_nn.functions.activation.softmax import softmax
from autograd_nn.functions.checks import check_float, check_same_shape
from autograd_nn.functions.math.exponential import exp
from autograd_nn.functions.scaling import Scaling
from autograd_nn.functions.single_precision import in_single_precision
from autograd_nn.types import Array, ArrayLike, BareArray
from autograd_nn.variable import Variable, as_variable


@elementwise('T mask, T x', 'T y', 'y = mask * x', name='multiply')
def _masked(mask: Array, x: Array) -> Any:
    return mask * x


class Dropout(Scaling):

    def __init__(self, mask: Array) -> None:
        super().__init__(_masked, mask)


def _check_ratio(function: str, ratio: float) -> None:
    if not 0 <= ratio < 1:
        raise ValueError(f'{function}: ratio must be from 0 to less than 1, not {ratio}')


def _kept(x: Variable, shape: tuple[int, ...], ratio: float) -> Any:
    """An array with the dtype of `x`: ones with probability ``1 - ratio``, and zeros."""
    return (x.xp.random.random_sample(shape) >= ratio).astype(x.dtype)


def _drop(function: str, x: Variable, shape: tuple[int, ...], ratio: float, mask: Array, return_mask: bool) -> Any:
    """`dropout` with a mask of a shape that broadcasts to that of `x`."""
    check_float(function, 'x', x)
    _check_ratio(function, ratio)
    if not config.train:
        return (x, None) if return_mask else x
    if mask is None:
        like = x.array if shape == x.shape else x.xp.empty(shape, x.dtype)
        mask = kernels(like).dropout_mask(like, ratio)
    elif mask.shape != shape:
        raise ValueError(f'{function}: mask must have the shape {shape} for x of shape {x.shape}; it has {mask.shape}')
    y, = Dropout(mask).apply((x,))
    return (y, mask) if return_mask else y


@overload
def dropout(x: ArrayLike, ratio: float = ..., *, mask: BareArray | None = ...,
            return_mask: Literal[False] = ...) -> Variable: ...
@overload
def dropout(x: ArrayLike, ratio: float = ..., *, mask: BareArray | None = ...,
            return_mask: Literal[True]) -> tuple[Variable, Any]: ...
def dropout(x: ArrayLike, ratio: float = .5, *, mask: BareArray | None = None, return_mask: bool = False) -> Any:
    """In training, sets elements to zero at random and scales the others up so that the mean stays the same.

    At inference (``config.train`` is False) it returns `x`.

    See Srivastava et al., Dropout: A Simple Way to Prevent Neural Networks from Overfitting, JMLR 15, 2014.

    Args:
        x: Variable or array of any shape, floating-point.
        ratio: The probability of zero, from 0 to less than 1.
        mask: What to multiply `x` by instead of something random: an array of the shape of `x`.
        return_mask: Whether to return the mask, too.

    Returns:
        A Variable of the shape and dtype of `x`; with `return_mask`, a tuple of it and the mask, which holds 0 and
        ``1 / (1 - ratio)`` (None at inference).

    Raises:
        ValueError: `ratio` is out of range, or `mask` has another shape than `x`.

    Example:
        >>> import numpy as np, autograd_nn as ann, autograd_nn.functions as F
        >>> x = np.ones((2, 3), 'f')
        >>> y, mask = F.dropout(x, 0.5, return_mask=True)
        >>> bool((y.array == x * mask).all())
        True
        >>> with ann.using_config('train', False):
        ...     F.dropout(x).array.sum()
        np.float32(6.0)
    """
    x = as_variable(x)
    return _drop('dropout', x, x.shape, ratio, mask, return_mask)


def stochastic_depth(x: ArrayLike, ratio: float = .5, *, mask: ArrayLike | None = None,
                     return_mask: bool = False) -> Any:
    """In training, sets whole samples to zero at random and scales the others up so that the mean stays the same.

    Applied to what a residual block adds to its input, it skips the block for some samples of the batch. At inference
    (``config.train`` is False) it returns `x`.

    See Huang et al., Deep Networks with Stochastic Depth, https://arxiv.org/abs/1603.09382.

    Args:
        x: Variable or array of shape (N, ...), floating-point.
        ratio: The probability of zero, from 0 to less than 1.
        mask: What to multiply `x` by instead of something random: an array of shape (N, 1, ..., 1) with as many axes
            as `x`.
        return_mask: Whether to return the mask, too.

    Returns:
        A Variable of the shape and dtype of `x`; with `return_mask`, a tuple of it and the mask, which holds 0 and
        ``1 / (1 - ratio)`` (None at inference).

    Raises:
        ValueError: `ratio` is out of range, or `mask` has another shape.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.stochastic_depth(np.ones((2, 3)), 0.5, mask=np.array([[0.], [2.]]))
        variable([[0., 0., 0.],
                  [2., 2., 2.]])
    """
    x = as_variable(x)
    return _drop('stochastic_depth', x, (*x.shape[:1], *[1] * (x.ndim - 1)), ratio, mask, return_mask)


@in_single_precision
@overload
def gaussian(mean: ArrayLike, ln_var: ArrayLike, *, eps: BareArray | None = ...,
             return_eps: Literal[False] = ...) -> Variable: ...
@overload
def gaussian(mean: ArrayLike, ln_var: ArrayLike, *, eps: BareArray | None = ...,
             return_eps: Literal[True]) -> tuple[Variable, Any]: ...
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


@in_single_precision
def zoneout(h: ArrayLike, x: ArrayLike, ratio: float = .5) -> Variable:
    """In training, keeps elements of a recurrent network's old state `h` at random and takes the others from `x`.

    At inference (``config.train`` is False) it returns their expected value, ``h * ratio + x * (1 - ratio)``.

    See Krueger et al., Zoneout, https://arxiv.org/abs/1606.01305.

    Args:
        h: Variable or array of any shape, floating-point: the old state.
        x: Variable or array of the same shape: the new state.
        ratio: The probability of keeping the old element, from 0 to less than 1.

    Returns:
        A Variable of the shape of `h`.

    Raises:
        ValueError: `ratio` is out of range, or the shapes differ.

    Example:
        >>> import numpy as np, autograd_nn as ann, autograd_nn.functions as F
        >>> with ann.using_config('train', False):
        ...     F.zoneout(np.zeros(2), np.ones(2), 0.25)
        variable([0.75, 0.75])
    """
    h, x = as_variable(h), as_variable(x)
    _check_ratio('zoneout', ratio)
    check_same_shape('zoneout', h=h, x=x)
    if not config.train:
        return h * ratio + x * (1 - ratio)
    new = _kept(x, x.shape, ratio)
    return h * (1 - new) + x * new
