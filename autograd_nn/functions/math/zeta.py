"""Hurwitz's zeta function, by the summation formula of Euler and Maclaurin."""
from __future__ import annotations

from typing import Any

import numpy as np

from autograd_nn.backend import elementwise, get_array_module
from autograd_nn.function_node import Arrays, Gradients, Indexes
from autograd_nn.functions.array.broadcast import sum_to
from autograd_nn.functions.checks import check_broadcast, check_float
from autograd_nn.functions.precision import in_double_precision
from autograd_nn.functions.single_precision import SinglePrecision
from autograd_nn.types import Array, ArrayLike, Operand
from autograd_nn.variable import Variable, as_array, as_variable

# So many terms are added one by one. What is left of the series is an integral and a few corrections, whose factors are
# Bernoulli's numbers B(2j) / (2j)!.
TERMS = 10
_CORRECTIONS = (1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160, -691 / 1307674368000, 1 / 74724249600,
                -3617 / 10670622842880000)


def _right_of_zero(q: Array, s: Array) -> Any:
    """The function of positive `q`."""
    y = sum((q + k) ** -s for k in range(TERMS))
    a = q + TERMS
    power = a ** -s
    y += a ** (1 - s) / (s - 1) + power * 0.5
    power = power * s / a
    for j, factor in enumerate(_CORRECTIONS):
        y += power * factor
        power = power * (s + (2 * j + 1)) * (s + (2 * j + 2)) / (a * a)
    return y


TEXT = f'''
__device__ double zeta_right_of_zero(double q, double s) {{
    const double factors[] = {{{', '.join(map(repr, _CORRECTIONS))}}}, a = q + {TERMS};
    double y = 0, power = pow(a, -s);
    for (int k = 0; k < {TERMS}; ++k)
        y += pow(q + k, -s);
    y += pow(a, 1 - s) / (s - 1) + power / 2;
    power *= s / a;
    for (int j = 0; j < {len(_CORRECTIONS)}; ++j) {{
        y += power * factors[j];
        power *= (s + (2 * j + 1)) * (s + (2 * j + 2)) / (a * a);
    }}
    return y;
}}
__device__ double hurwitz_zeta(double q, double s) {{
    if (!(s >= 1) || (q <= 0 && q != floor(q) && s != floor(s)))
        return nan("");
    if (s == 1 || (q <= 0 && q == floor(q)))
        return 1 / 0.;
    if (q > 0)
        return zeta_right_of_zero(q, s);
    const double f = q - floor(q), between = zeta_right_of_zero(1 - f, s) - zeta_right_of_zero(1 - q, s);
    return zeta_right_of_zero(f, s) + (fmod(s, 2.) ? -between : between);
}}
'''


@elementwise('T q, T s', 'T y', 'y = (T)hurwitz_zeta(q, s)', preamble=TEXT)
@in_double_precision
def zeta_kernel(q: Array, s: Array) -> Any:
    """The sum of (q + k) ** -s over k = 0, 1, ..."""
    f = q - np.floor(q)
    y = _right_of_zero(np.where(q > 0, q, f), s)
    if (q < 0).any():
        # The terms between q and 0 are those of two other series, from 1 - f to -q. Other powers of them are complex.
        between = _right_of_zero(1 - f, s) - _right_of_zero(np.where(q < 0, 1 - q, 1), s)
        y = np.where(q < 0, np.where(s == np.floor(s), y + np.where(s % 2 == 1, -between, between), np.nan), y)
    y = np.where((s == 1) | ((q <= 0) & (f == 0)), np.inf, y)
    return np.where(s >= 1, y, np.nan)


class Zeta(SinglePrecision):

    def __init__(self, s: Any) -> None:
        self.s = s

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs((0,))
        q, = inputs
        xp = get_array_module(q)
        s = xp.asarray(self.s, q.dtype)
        return zeta_kernel(xp.broadcast_to(q, np.broadcast_shapes(q.shape, s.shape)), s),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        q, = self.get_retained_inputs()
        gy, = grad_outputs
        return sum_to(zeta(self.s + 1, q) * gy * -self.s, q.shape),


def zeta(x: Operand, q: ArrayLike) -> Variable:
    """Hurwitz's zeta function: the sum of ``(q + k) ** -x`` over k = 0, 1, ...; ``q = 1`` makes it Riemann's.

    Args:
        x: Variable, array or number greater than 1, of a shape that broadcasts. The function is differentiable with
            respect to `q` alone.
        q: Variable or array, floating-point. Where it is negative, `x` must be an integer.

    Returns:
        Variable of the dtype of `q`: infinity where `x` is 1 and where `q` is 0 or a negative integer, NaN out of the
        domain.

    Raises:
        TypeError: `q` is not floating-point.
        ValueError: The shapes do not broadcast.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.zeta(2, np.array([1., 2.])) * (6 / np.pi ** 2)
        variable([1.       , 0.3920729])
    """
    q = as_variable(q)
    check_float('zeta', 'q', q)
    s: Any = np.asarray(x) if isinstance(x, (int, float)) else as_array(x)
    check_broadcast('zeta', x=s, q=q)
    if s.dtype.kind != 'f':
        s = s.astype(np.float64)  # which has place for one more, and for negative numbers
    return Zeta(s).apply((q,))[0]
