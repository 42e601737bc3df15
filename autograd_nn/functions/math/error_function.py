"""The error function, the normal distribution's cumulative function, and their inverses.

The rational approximations are those of W. J. Cody, `Rational Chebyshev approximations for the error function
<https://doi.org/10.1090/S0025-5718-1969-0247736-4>`_, Mathematics of Computation 23 (1969), 631-637. They are exact to
about 1e-16.
"""
from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from autograd_nn.backend import elementwise
from autograd_nn.dtypes import is_floating
from autograd_nn.functions.math.exponential import exp
from autograd_nn.functions.unary import UnaryByInput, UnaryByOutput
from autograd_nn.types import Array, ArrayLike
from autograd_nn.variable import Variable

_SQRT_PI = math.sqrt(math.pi)
_SQRT_2PI = math.sqrt(2 * math.pi)
_SQRT_HALF = math.sqrt(0.5)
# Coefficients of numerator and denominator, from the highest power down.
_NEAR = ((1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2,
          3.20937758913846947e3),
         (1., 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3))
_MIDDLE = ((2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1,
            2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3,
            1.23033935479799725e3),
           (1., 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
            3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3))
_FAR = ((1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
         1.60837851487422766e-2, 6.58749161529837803e-4),
        (1., 2.56852019228982242, 1.87295284992346725, 5.27905102951428412e-1, 6.05183413124413191e-2,
         2.33520497626869185e-3))
# erf(x) / x by x², fitted for |x| <= 4, beyond which erf rounds to 1 in single precision. The factor of 1 + 2 ** -24
# makes sure that it does so here, too.
_SINGLE = (tuple(c * (1 + 2 ** -24) for c in (1.9867774311550402e-6, 2.8456760225805647e-4, 3.883402433611671e-3,
                                              5.3101928391578436e-2, 1.9354636611706297e-1, 1.1283791393021922)),
           (3.742021305540948e-5, 1.1855860190691818e-3, 1.5207368244062202e-2, 1.1535054796567477e-1,
            5.048585563670724e-1, 1.))


def _rational(coefficients: tuple[tuple[float, ...], tuple[float, ...]], t: Array) -> Any:
    """A quotient of polynomials, by Horner's rule."""
    values = []
    for polynomial in coefficients:
        value = np.full_like(t, polynomial[0])
        for c in polynomial[1:]:
            value *= t
            value += c
        values.append(value)
    return values[0] / values[1]


def _parts(x: Array) -> tuple[Any, Any, Any]:
    """What all of the functions are made of, for a flat array.

    Returns:
        Where x is near zero; there erf(x); elsewhere exp(x²) erfc(|x|).
    """
    near = np.abs(x) <= 0.46875
    small, a = x[near], np.abs(x[~near])
    scaled = np.empty_like(a)
    far = a > 4
    inverse_square = 1 / (a[far] * a[far])
    scaled[far] = (1 / _SQRT_PI - inverse_square * _rational(_FAR, inverse_square)) / a[far]
    scaled[~far] = _rational(_MIDDLE, a[~far])
    return near, small * _rational(_NEAR, small * small), scaled


def _exp_minus_square(x: Array) -> Any:
    """exp(-x²) to full precision: the square of x rounded to sixteenths is exact."""
    x = np.minimum(np.abs(x), 100)
    rounded = np.trunc(x * 16) / 16
    return np.exp(-rounded * rounded) * np.exp((rounded - x) * (rounded + x))


def _on_flat_arrays(compute: Any) -> Any:
    """Makes a function of any array out of one of flat arrays; half precision is computed in single."""
    @functools.wraps(compute)
    def wrapped(x: Any) -> Any:
        dtype = x.dtype if is_floating(x.dtype) else np.dtype(float)
        with np.errstate(all='ignore'):
            y = compute(x.astype(np.promote_types(dtype, np.float32)).ravel())
        return y.astype(dtype, copy=False).reshape(x.shape)

    return wrapped


@elementwise('T x', 'T y', 'y = erf(x)')
@_on_flat_arrays
def erf_kernel(x: Array) -> Any:
    """The error function."""
    near, y_near, scaled = _parts(x)
    y = np.empty_like(x)
    y[near] = y_near
    x = x[~near]
    y[~near] = np.copysign(1 - _exp_minus_square(x) * scaled, x)
    return y


@elementwise('T x', 'T y', 'y = erfc(x)')
@_on_flat_arrays
def erfc_kernel(x: Array) -> Any:
    """One minus the error function."""
    near, y_near, scaled = _parts(x)
    y = np.empty_like(x)
    y[near] = 1 - y_near
    x = x[~near]
    tail = _exp_minus_square(x) * scaled
    y[~near] = np.where(x < 0, 2 - tail, tail)
    return y


@elementwise('T x', 'T y', 'y = erfcx(x)')
@_on_flat_arrays
def erfcx_kernel(x: Array) -> Any:
    """One minus the error function, times exp(x²)."""
    near, y_near, scaled = _parts(x)
    y = np.empty_like(x)
    y[near] = (1 - y_near) / _exp_minus_square(x[near])
    x = x[~near]
    y[~near] = np.where(x < 0, 2 / _exp_minus_square(x) - scaled, scaled)
    return y


def normal_share(x: Array) -> Any:
    """The cumulative function of the normal distribution, as exact as its product with x needs it to be.

    In single and half precision it is several times as fast as `ndtr_kernel`, which is exact far below zero, too.
    """
    if x.dtype == np.float64:
        return ndtr_kernel(x)
    z = np.clip(np.multiply(x, _SQRT_HALF, dtype=np.float32), -4, 4)
    y = z * _rational(_SINGLE, z * z)
    y = np.clip(y, -1, 1)
    y += 1
    y *= 0.5
    return y.astype(x.dtype, copy=False)


def _first_guess(log_term: Array) -> Any:
    """The inverse of erf to two digits, from the logarithm of 1 - erf² (S. Winitzki, 2008)."""
    a = 0.147
    b = 2 / (math.pi * a) + log_term / 2
    return np.sqrt(np.sqrt(b * b - log_term / a) - b)


def _erfinv(x: Array) -> Any:
    y = np.copysign(_first_guess(np.log1p(-x * x)), x)
    for _ in range(3):
        step = (erf_kernel(y) - x) * np.exp(y * y) * (_SQRT_PI / 2)
        y = y - step / (1 + y * step)
    return y


def _erfcinv(p: Array) -> Any:
    y = _first_guess(np.log(p) + np.log(2 - p))
    for _ in range(4):
        step = (p * np.exp(y * y) - erfcx_kernel(y)) * (_SQRT_PI / 2)
        y = y - step / (1 + y * step)
    return y


@elementwise('T x', 'T y', 'y = erfinv(x)')
@_on_flat_arrays
def erfinv_kernel(x: Array) -> Any:
    """The inverse of the error function."""
    a = np.abs(x)
    y = np.copysign(np.where(a <= 0.5, _erfinv(np.minimum(a, 0.5)), _erfcinv(1 - np.clip(a, 0.5, 1))), x)
    return np.where(a < 1, y, np.where(a == 1, np.copysign(np.inf, x), np.nan))


@elementwise('T p', 'T y', 'y = erfcinv(p)')
@_on_flat_arrays
def erfcinv_kernel(p: Array) -> Any:
    """The inverse of one minus the error function."""
    small = np.minimum(p, 2 - p)
    y = np.where(small <= 0.5, _erfcinv(np.clip(small, 0, 0.5)), _erfinv(1 - np.maximum(small, 0.5)))
    y = np.copysign(y, 1 - p)
    return np.where(small > 0, y, np.where(small == 0, np.copysign(np.inf, 1 - p), np.nan))


@elementwise('T x', 'T y', 'y = normcdf(x)')
@_on_flat_arrays
def ndtr_kernel(x: Array) -> Any:
    """The cumulative function of the normal distribution."""
    return 0.5 * erfc_kernel(x * -_SQRT_HALF)


@elementwise('T x', 'T y', 'y = x < -1 ? log(erfcx(-x * (T)0.7071067811865476) / 2) - x * x / 2 : log1p(-normcdf(-x))')
@_on_flat_arrays
def log_ndtr_kernel(x: Array) -> Any:
    """The logarithm of the normal distribution function, precise where that is close to 0."""
    lower = np.log(erfcx_kernel(x * -_SQRT_HALF) * 0.5) - x * x * 0.5
    return np.where(x < -1, lower, np.log1p(-0.5 * erfc_kernel(x * _SQRT_HALF)))


@elementwise('T p', 'T y', 'y = normcdfinv(p)')
@_on_flat_arrays
def ndtri_kernel(p: Array) -> Any:
    """The inverse of the cumulative function of the normal distribution."""
    return erfcinv_kernel(p * 2) * -math.sqrt(2)


class Erf(UnaryByInput):

    ufunc = erf_kernel

    def gradient(self, x: Variable, gy: Variable) -> Variable:
        return gy * exp(-x * x) * (2 / _SQRT_PI)


class Erfc(UnaryByInput):

    ufunc = erfc_kernel

    def gradient(self, x: Variable, gy: Variable) -> Variable:
        return gy * exp(-x * x) * (-2 / _SQRT_PI)


class Erfcx(UnaryByInput):

    ufunc = erfcx_kernel

    def gradient(self, x: Variable, gy: Variable) -> Variable:
        return gy * (x * erfcx(x) * 2 - 2 / _SQRT_PI)


class ErfInv(UnaryByOutput):

    ufunc = erfinv_kernel

    def gradient(self, y: Variable, gy: Variable) -> Variable:
        return gy * exp(y * y) * (_SQRT_PI / 2)


class ErfcInv(UnaryByOutput):

    ufunc = erfcinv_kernel

    def gradient(self, y: Variable, gy: Variable) -> Variable:
        return gy * exp(y * y) * (-_SQRT_PI / 2)


class Ndtr(UnaryByInput):

    ufunc = ndtr_kernel

    def gradient(self, x: Variable, gy: Variable) -> Variable:
        return gy * exp(x * x * -0.5) * (1 / _SQRT_2PI)


class LogNdtr(UnaryByInput):

    ufunc = log_ndtr_kernel

    def gradient(self, x: Variable, gy: Variable) -> Variable:
        return gy / erfcx(x * -_SQRT_HALF) * math.sqrt(2 / math.pi)


class NdtrI(UnaryByOutput):

    ufunc = ndtri_kernel

    def gradient(self, y: Variable, gy: Variable) -> Variable:
        return gy * exp(y * y * 0.5) * _SQRT_2PI


def erf(x: ArrayLike) -> Variable:
    """The error function of each element.

    Args:
        x: Variable or array of floating-point numbers, of any shape.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.erf(np.array([0., 1.]))
        variable([0.        , 0.84270079])
    """
    return Erf().apply((x,))[0]


def erfc(x: ArrayLike) -> Variable:
    """One minus the error function of each element, precise where that is small.

    Args:
        x: Variable or array of floating-point numbers, of any shape.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.erfc(np.array([0., 10.]))
        variable([1.00000000e+00, 2.08848758e-45])
    """
    return Erfc().apply((x,))[0]


def erfcx(x: ArrayLike) -> Variable:
    """One minus the error function, times exp(x²), of each element, without overflow or underflow.

    Args:
        x: Variable or array of floating-point numbers, of any shape.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.erfcx(np.array([0., 100.]))
        variable([1.        , 0.00564161])
    """
    return Erfcx().apply((x,))[0]


def erfinv(x: ArrayLike) -> Variable:
    """The inverse of the error function of each element; NaN outside of [-1, 1].

    Args:
        x: Variable or array of floating-point numbers, of any shape.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.erfinv(np.array([0., 0.5]))
        variable([0.        , 0.47693628])
    """
    return ErfInv().apply((x,))[0]


def erfcinv(x: ArrayLike) -> Variable:
    """The inverse of one minus the error function of each element; NaN outside of [0, 2].

    Args:
        x: Variable or array of floating-point numbers, of any shape.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.erfcinv(np.array([1., 1e-10]))
        variable([0.        , 4.57282497])
    """
    return ErfcInv().apply((x,))[0]


def ndtr(x: ArrayLike) -> Variable:
    """The probability that a normally distributed number is smaller than each element.

    Args:
        x: Variable or array of floating-point numbers, of any shape.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.ndtr(np.array([0., 1.96]))
        variable([0.5      , 0.9750021])
    """
    return Ndtr().apply((x,))[0]


def log_ndtr(x: ArrayLike) -> Variable:
    """The logarithm of `ndtr` of each element, precise in both tails.

    Args:
        x: Variable or array of floating-point numbers, of any shape.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.log_ndtr(np.array([0., -40.]))
        variable([-6.93147181e-01, -8.04608442e+02])
    """
    return LogNdtr().apply((x,))[0]


def ndtri(x: ArrayLike) -> Variable:
    """The inverse of `ndtr` of each element: the quantile of the normal distribution.

    Args:
        x: Variable or array of floating-point numbers, of any shape.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.ndtri(np.array([0.025, 0.975]))
        variable([-1.95996398,  1.95996398])
    """
    return NdtrI().apply((x,))[0]
