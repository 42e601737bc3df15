"""The gamma distribution, and random numbers of it that gradients go through."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd_nn.backend import elementwise, get_array_module
from autograd_nn.distribution import register_kl
from autograd_nn.distributions.parametric import Parametric, within, xlogy
from autograd_nn.function_node import Arrays, FunctionNode, Gradients, Indexes
from autograd_nn.functions.array.broadcast import sum_to
from autograd_nn.functions.math.clipping import maximum
from autograd_nn.functions.math.digamma import digamma
from autograd_nn.functions.math.exponential import exp, log
from autograd_nn.functions.math.lgamma import lgamma
from autograd_nn.functions.math.polygamma import TEXT as DIGAMMA
from autograd_nn.functions.math.polygamma import digamma_kernel
from autograd_nn.functions.precision import in_double_precision
from autograd_nn.types import Array, ArrayLike
from autograd_nn.variable import Variable


class Gamma(Parametric):
    """The gamma distribution, with the density ``x^(k - 1) exp(-x / theta) / (Γ(k) theta^k)`` for x ≥ 0.

    Args:
        k: Variable or array of the shapes, positive, floating-point.
        theta: Variable or array of the scales, positive, of a shape that broadcasts.

    Raises:
        TypeError: A parameter is not floating-point.
        ValueError: The shapes do not broadcast.

    Example:
        >>> import numpy as np, autograd_nn.distributions as D
        >>> D.Gamma(np.array([1., 2.]), np.array([3., 3.])).variance
        variable([ 9., 18.])
    """

    support = 'positive'

    def __init__(self, k: ArrayLike, theta: ArrayLike) -> None:
        self.k, self.theta = self._parameters(k=k, theta=theta)

    @property
    def params(self) -> dict[str, Variable]:
        return {'k': self.k, 'theta': self.theta}

    @property
    def mean(self) -> Variable:
        return self.k * self.theta

    @property
    def variance(self) -> Variable:
        return self.k * self.theta ** 2

    @property
    def mode(self) -> Variable:
        return maximum(self.k - 1, 0) * self.theta

    @property
    def entropy(self) -> Variable:
        return self.k + log(self.theta) + lgamma(self.k) + (1 - self.k) * digamma(self.k)

    def log_prob(self, x: Any) -> Variable:
        return within(x >= 0, x, self._log_density, -math.inf)

    def _log_density(self, x: Variable) -> Variable:
        z = x / self.theta
        return xlogy(self.k - 1, z) - z - lgamma(self.k) - log(self.theta)

    def sample_n(self, n: int) -> Variable:
        draw, log_factor = draw_gamma(self.k, n)
        return self.theta * draw * exp(log_factor)


@register_kl(Gamma, Gamma)
def _kl_gamma_gamma(p: Gamma, q: Gamma) -> Variable:
    return ((p.k - q.k) * digamma(p.k) - lgamma(p.k) + lgamma(q.k) + q.k * log(q.theta / p.theta)
            + p.k * (p.theta / q.theta - 1))


def draw_gamma(k: Variable, n: int) -> tuple[Variable, Variable]:
    """Draws from gamma distributions with the scale 1.

    A number of the shape k + 1, times the k-th root of a uniform one, has the shape k. Where k is small, the root is
    out of the range of floating-point numbers; hence its logarithm.

    Args:
        k: The shapes.
        n: How many of each.

    Returns:
        Numbers of the shape k + 1, and the logarithms of what to multiply them by.
    """
    size = (n, *k.shape)
    return DrawGamma(n).apply((k + 1,))[0], k.xp.asarray(-k.xp.random.standard_exponential(size), k.dtype) / k


class DrawGamma(FunctionNode):
    """Random numbers x of the shape k >= 1 as a function of k, and of where they stand within the distribution.

    At the same place for another k stands what has the same value of the cumulative function F(x, k): so x is an
    implicit function of k. See M. Figurnov et al., Implicit Reparameterization Gradients,
    https://arxiv.org/abs/1805.08498.
    """

    def __init__(self, n: int) -> None:
        self.n = n

    def forward(self, inputs: Arrays) -> Arrays:
        k, = inputs
        self.retain_inputs((0,))
        self.retain_outputs((0,))
        xp = get_array_module(k)
        return xp.asarray(xp.random.standard_gamma(k, size=(self.n, *k.shape)), k.dtype),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        k, = self.get_retained_inputs()
        x, = self.get_retained_outputs()
        return sum_to(grad_outputs[0] * Slope().apply((x, k))[0], k.shape),


class Slope(FunctionNode):

    def forward(self, inputs: Arrays) -> Arrays:
        x, k = inputs
        return gamma_slope(x, get_array_module(k).broadcast_to(k, x.shape)),

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        raise RuntimeError('the gradient of numbers drawn from a gamma distribution cannot be differentiated again')


# Nodes and weights of Gauss and Legendre on the interval from 0 to 1.
_NODES, _WEIGHTS = (np.polynomial.legendre.leggauss(32) + np.array([[1], [0]])) / 2
_TEXT = f'''
__device__ double gamma_slope(double x, double k) {{
    const double nodes[] = {{{', '.join(map(repr, _NODES.tolist()))}}};
    const double weights[] = {{{', '.join(map(repr, _WEIGHTS.tolist()))}}};
    const double r = fabs(x - k), s = 40 - 2 * r, offset = log(x) - digamma(k);
    const double end = x < k ? -(s + sqrt(s * s + 320 * k)) / (2 * k) : 80 / (r + sqrt(r * r + 80 * x));
    double total = 0;
    for (int i = 0; i < {len(_NODES)}; ++i) {{
        const double w = nodes[i] * end;
        total += weights[i] * (offset + w) * exp(k * w - x * expm1(w));
    }}
    return x * end * total;
}}
'''


@elementwise('T x, T k', 'T y', 'y = (T)gamma_slope(x, k)', preamble=DIGAMMA + _TEXT)
@in_double_precision
def gamma_slope(x: Array, k: Array) -> Any:
    """The derivative of numbers of a gamma distribution with respect to its shape k >= 1, to ten digits.

    It is -F_k / F_x, where F_k is an integral over the density times its logarithm's derivative, up to x; or, as the
    whole of it is zero, beyond x. In t = x exp(w), w goes from 0 to where less than exp(-40) is left.
    """
    r = np.abs(x - k)
    s = 40 - 2 * r
    end = np.where(x < k, -(s + np.sqrt(s * s + 320 * k)) / (2 * k), 80 / (r + np.sqrt(r * r + 80 * x)))
    offset = np.log(x) - digamma_kernel(k)
    total = np.zeros_like(x)
    for node, weight in zip(_NODES, _WEIGHTS):
        w = node * end
        total += weight * (offset + w) * np.exp(k * w - x * np.expm1(w))
    return x * end * total
