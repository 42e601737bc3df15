"""Functions that drop elements at random in training, by the generator that `autograd_nn.random.seed` seeds."""
from __future__ import annotations

from typing import Any, Literal, overload

from autograd_nn.backend import elementwise, kernels
from autograd_nn.config import config
from autograd_nn.functions.checks import check_float, check_same_shape
from autograd_nn.functions.scaling import Scaling
from autograd_nn.functions.single_precision import in_single_precision
from autograd_nn.types import Array, ArrayLike, BareArray
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable, as_variable


@elementwise('T mask, T x', 'T y', 'y = mask * x', name='multiply')
def _masked(mask: Array, x: Array) -> Any:
    return mask * x


class Dropout(Scaling):

    def __init__(self, mask: Array) -> None:
        super().__init__(_masked, mask)


def check_ratio(function: str, ratio: float) -> None:
    """Requires a probability of zero to leave something.

    Raises:
        ValueError: It is out of range.
    """
    if not 0 <= ratio < 1:
        raise ValueError(f'{function}: ratio must be from 0 to less than 1, not {ratio}')


def kept(x: Variable, shape: tuple[int, ...], ratio: float) -> Any:
    """An array with the dtype of `x`: ones with probability ``1 - ratio``, and zeros."""
    return (x.xp.random.random_sample(shape) >= ratio).astype(x.dtype)


def _drop(function: str, x: Variable, shape: tuple[int, ...], ratio: float, mask: Array, return_mask: bool) -> Any:
    """`dropout` with a mask of a shape that broadcasts to that of `x`."""
    check_float(function, 'x', x)
    check_ratio(function, ratio)
    if not config.train:
        return (x, None) if return_mask else x
    if not ratio and mask is None and not return_mask:
        return x
    if mask is None:
        like = x.array if shape == x.shape else x.xp.empty(shape, x.dtype)
        mask = kernels(like).dropout_mask(like, ratio)
    elif mask.shape != shape:
        raise ShapeError(f'{function}: mask must have the shape {shape} for x of shape {x.shape}; it has {mask.shape}')
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
def zoneout(h: ArrayLike, x: ArrayLike, ratio: float = .5) -> Variable:
    """In training, keeps elements of a recurrent network's old state `h` at random and takes the others from `x`.

    At inference (``config.train`` is False) it returns their expected value, ``h * ratio + x * (1 - ratio)``.

    See Krueger et al., Zoneout, https://arxiv.org/abs/1606.01305.

    Args:
        h: Variable or array of any shape, floating-point: the old state.
        x: Variable or array of the same shape: the new state.
        ratio: The probability of keeping the old element, from 0 to 1.

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
    if not 0 <= ratio <= 1:
        raise ValueError(f'zoneout: ratio must be from 0 to 1, not {ratio}')
    check_same_shape('zoneout', h=h, x=x)
    if not config.train:
        return h * ratio + x * (1 - ratio)
    new = kept(x, x.shape, ratio)
    return h * (1 - new) + x * new
