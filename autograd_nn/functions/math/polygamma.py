"""The digamma function and its derivatives."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd_nn.backend import elementwise, get_array_module, is_on_host
from autograd_nn.function_node import Arrays, Gradients, Indexes
from autograd_nn.functions.array.broadcast import sum_to
from autograd_nn.functions.checks import check_broadcast, check_float
from autograd_nn.functions.math import zeta
from autograd_nn.functions.precision import in_double_precision
from autograd_nn.functions.single_precision import SinglePrecision
from autograd_nn.types import Array, ArrayLike
from autograd_nn.utils.type_check import DTypeError
from autograd_nn.variable import Variable, as_array, as_variable

# Bernoulli's numbers B(2j) / 2j: the coefficients of the asymptotic series.
_SERIES = 1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12, -3617 / 8160
# -(-1)^n n! for all n for which it is finite in double precision, and two more.
_FACTORS = np.array([*[float(math.factorial(n)) for n in range(171)], np.inf, np.inf]) * -(-1.) ** np.arange(173)


def _digamma_right_of_zero(x: Array) -> Any:
    a = x + zeta.TERMS
    y = np.log(a) - 0.5 / a
    inverse_square = 1 / (a * a)
    power = inverse_square
    for c in _SERIES:
        y -= power * c
        power = power * inverse_square
    return y - sum(1 / (x + k) for k in range(zeta.TERMS))


TEXT = f'''
__device__ double digamma(double x) {{
    if (x < 0)  // a reflection
        return x == floor(x) ? nan("") : digamma(1 - x) - M_PI / tan(M_PI * (x - rint(x)));
    const double series[] = {{{', '.join(map(repr, _SERIES))}}}, a = x + {zeta.TERMS};
    double y = log(a) - 0.5 / a, power = 1;
    for (int j = 0; j < {len(_SERIES)}; ++j)
        y -= (power /= a * a) * series[j];
    for (int k = 0; k < {zeta.TERMS}; ++k)
        y -= 1 / (x + k);
    return y;
}}
'''


@elementwise('T x', 'T y', 'y = (T)digamma(x)', preamble=TEXT)
@in_double_precision
def digamma_kernel(x: Array) -> Any:
    """The derivative of the logarithm of the gamma function."""
    y = _digamma_right_of_zero(np.where(x < 0, 1 - x, x))
    if (x < 0).any():
        y = np.where(x < 0, np.where(x == np.floor(x), np.nan, y - np.pi / np.tan(np.pi * (x - np.rint(x)))), y)
    return y


class PolyGamma(SinglePrecision):

    def __init__(self, n: Any) -> None:
        self.n = n

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs((0,))
        x, = inputs
        xp = get_array_module(x)
        # In double precision, as factorials soon leave the range of any other.
        n, wide = xp.broadcast_arrays(xp.asarray(self.n), x.astype(np.float64))
        factors = xp.asarray(_FACTORS)[xp.minimum(n, 172 - n % 2)]
        with np.errstate(all='ignore'):
            y = factors * zeta.zeta_kernel(wide, n + 1.0)
            return xp.where(n == 0, digamma_kernel(wide), y).astype(x.dtype),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        x, = self.get_retained_inputs()
        return sum_to(PolyGamma(self.n + 1).apply((x,))[0] * grad_outputs[0], x.shape),


def polygamma(n: ArrayLike | int, x: ArrayLike) -> Variable:
    """The n-th derivative of the digamma function.

    Args:
        n: Variable or array of integers, or an integer, not negative, of a shape that broadcasts. The function is
            differentiable with respect to `x` alone.
        x: Variable or array of floating-point numbers.

    Returns:
        Variable of the dtype of `x`.

    Raises:
        TypeError: `n` are not integers, or `x` is not floating-point.
        ValueError: A number of `n` on the CPU is negative, or the shapes do not broadcast.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.polygamma(1, np.array([1., 2.]))
        variable([1.64493407, 0.64493407])
    """
    x = as_variable(x)
    check_float('polygamma', 'x', x)
    orders: Any = np.array(n) if isinstance(n, int) else as_array(n)
    if orders.dtype.kind not in 'iu':
        raise DTypeError(f'polygamma: expected integers n, got {orders.dtype} (shape {orders.shape})')
    if is_on_host(orders) and (orders < 0).any():
        raise ValueError(f'polygamma: expected n that are not negative, got {orders.min()}')
    check_broadcast('polygamma', n=orders, x=x)
    return PolyGamma(orders.astype(np.int64)).apply((x,))[0]
