"""What the distributions of this package share: parameters that broadcast, points to evaluate at, random numbers."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any

import numpy as np

from autograd_nn.config import force_backprop_mode
from autograd_nn.distribution import Distribution, of_distributions
from autograd_nn.dtypes import is_floating
from autograd_nn.functions.array.broadcast import broadcast_to
from autograd_nn.functions.array.selection import where
from autograd_nn.functions.checks import check_float
from autograd_nn.functions.math.exponential import log, log1p
from autograd_nn.functions.operands import operands
from autograd_nn.functions.precision import cast
from autograd_nn.types import ArrayLike, Operand, Shape
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable, as_variable

_PROPERTIES = {'covariance', 'entropy', 'mean', 'mode', 'stddev', 'variance'}
_OF_POINTS = {'cdf', 'icdf', 'log_cdf', 'log_prob', 'log_survival_function', 'perplexity', 'prob', 'survival_function'}


class Parametric(Distribution):
    """A distribution given by parameters that broadcast against each other.

    What a subclass defines of the interface is computed in float32 where the parameters are in half precision, and is
    given the points to evaluate at as Variables, floating-point ones.

    Attributes:
        event_ndim: How many of the last axes of the parameters belong to an event.
    """

    event_ndim = 0
    _shape: Shape

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _prepare(cls, vars(cls))

    def _parameters(self, **given: ArrayLike | None) -> Any:
        """The parameters as Variables of one shape, that of the batch and the events; None for those that are None.

        Raises:
            TypeError: One is not floating-point.
            ValueError: The shapes do not broadcast.
        """
        name = type(self).__name__
        known = {key: as_variable(x) for key, x in given.items() if x is not None}
        for key, x in known.items():
            check_float(name, key, x)
        try:
            self._shape = np.broadcast_shapes(*[x.shape for x in known.values()])
        except ValueError:
            shapes = ', '.join([f'{key} {x.shape}' for key, x in known.items()])
            raise ShapeError(f'{name}: the shapes of the parameters do not broadcast: {shapes}') from None
        if len(self._shape) < self.event_ndim:
            raise ShapeError(f'{name}: expected {next(iter(known))} of shape (..., K), got {self._shape}')
        # The graph may be wanted later though it is not wanted now.
        with force_backprop_mode():
            found = [broadcast_to(known[key], self._shape) if key in known else None for key in given]
        return found[0] if len(found) == 1 else found

    @property
    def batch_shape(self) -> Shape:
        return self._shape[:len(self._shape) - self.event_ndim]

    @property
    def event_shape(self) -> Shape:
        return self._shape[len(self._shape) - self.event_ndim:]

    @property
    def _like(self) -> Variable:
        """One of the parameters, for dtype and device."""
        return next(x for x in vars(self).values() if isinstance(x, Variable))

    def _noise(self, generator: str, n: int, *args: Any) -> Any:
        """Random numbers of n batches as an array of the parameters' dtype.

        Args:
            generator: The function of ``numpy.random`` or ``cupy.random``.
            n: How many batches.
            args: Its first arguments: arrays of the parameters' shape.
        """
        like = self._like
        draw = getattr(like.xp.random, generator)
        return like.xp.asarray(draw(*args, size=(n, *self._shape)), like.dtype)


def _prepare(cls: type, definitions: Mapping[str, Any]) -> None:
    """Gives a class what is defined of the interface in the form that `Parametric` says."""
    for name, value in list(definitions.items()):
        if name in _PROPERTIES:
            setattr(cls, name, property(of_distributions(value.fget), doc=value.__doc__))
        elif name in _OF_POINTS:
            setattr(cls, name, of_distributions(_of_points(value)))
        elif name == 'sample_n':
            setattr(cls, name, of_distributions(value))


def _of_points(method: Callable[[Any, Variable], Variable]) -> Callable[[Any, Operand], Variable]:
    """A method of a Variable as one of whatever arithmetic takes beside the parameters."""
    @wraps(method)
    def call(self: Any, x: Operand) -> Variable:
        point, like = operands(x, self._like)
        return method(self, point if is_floating(point.dtype) else cast(point, like.dtype))

    return call


_prepare(Parametric, vars(Distribution))


def one_of(distribution: str, *groups: Sequence[str], **given: ArrayLike | None) -> None:
    """Requires one of several ways to give a parameter to be used, and no other.

    Args:
        distribution: The class.
        groups: The names of the parameters that are given together; by default each is a way of its own.
        given: The parameters, None for those that are not given.

    Raises:
        ValueError: None is given, or more than one.
    """
    ways = groups or [(name,) for name in given]
    names = [name for name, x in given.items() if x is not None]
    if names not in [list(way) for way in ways]:
        raise ValueError(f'{distribution}: expected either {" or ".join([" and ".join(way) for way in ways])}, '
                         f'got {" and ".join(names) or "neither"}')


def within(inside: Variable, x: Variable, formula: Callable[[Variable], Variable], outside: float,
           harmless: float = 1.) -> Variable:
    """A formula of `x` where a condition holds, and a number elsewhere.

    Elsewhere the formula sees a number that is harmless to it, so that neither a value nor a gradient becomes NaN.
    """
    return where(inside, formula(where(inside, x, harmless)), outside)


def xlogy(x: Variable, y: Variable) -> Variable:
    """x times the logarithm of y: zero, and without a gradient, where both are zero."""
    return x * log(where((x == 0) * (y == 0), 1, y))


def xlog1py(x: Variable, y: Variable) -> Variable:
    """x times the logarithm of 1 + y: zero, and without a gradient, where both x and 1 + y are zero."""
    return x * log1p(where((x == 0) * (y == -1), 0, y))


def covariance_of_shares(p: Variable) -> Variable:
    """The covariance matrix of one-hot vectors with the probabilities `p`, of shape (..., K, K)."""
    n = p.shape[-1]
    rows = p.reshape((*p.shape, 1))
    return rows * p.xp.eye(n, dtype=p.dtype) - rows * p.reshape((*p.shape[:-1], 1, n))
