"""Fourier transforms of complex numbers that come as pairs of real arrays."""
from __future__ import annotations

from autograd_nn.backend import get_array_module
from autograd_nn.function_node import Arrays, Gradients, Indexes
from autograd_nn.functions.checks import check_float, check_same_shape
from autograd_nn.functions.single_precision import SinglePrecision
from autograd_nn.types import ArrayLike
from autograd_nn.utils.type_check import DTypeError, ShapeError
from autograd_nn.variable import Variable, as_variable


class FFT(SinglePrecision):

    def __init__(self, method: str) -> None:
        self.method = method

    def forward(self, inputs: Arrays) -> Arrays:
        real, imag = inputs
        y = getattr(get_array_module(real).fft, self.method)(real + imag * 1j)
        return y.real.astype(real.dtype), y.imag.astype(real.dtype)

    def backward(self, target_input_indexes: Indexes, grad_outputs: Gradients) -> Gradients:
        # The matrix of the transform is symmetric: its transpose, on real and imaginary parts, exchanges these twice.
        given = next(gy for gy in grad_outputs if gy is not None)
        real, imag = (Variable(given.xp.zeros_like(given.array)) if gy is None else gy for gy in grad_outputs)
        imag, real = FFT(self.method).apply((imag, real))
        return real, imag


def _apply(method: str, x: tuple[ArrayLike, ArrayLike]) -> tuple[Variable, ...]:
    real, imag = map(as_variable, x)
    check_float(method, 'real', real)
    check_same_shape(method, real=real, imag=imag)
    if real.dtype != imag.dtype:
        raise DTypeError(f'{method}: real and imag must have one dtype, got {real.dtype} and {imag.dtype}')
    if not real.shape or not real.shape[-1]:
        raise ShapeError(f'{method}: expected one element or more along the last axis, got shape {real.shape}')
    return FFT(method).apply((real, imag))


def fft(x: tuple[ArrayLike, ArrayLike]) -> tuple[Variable, ...]:
    """The discrete Fourier transform along the last axis.

    Args:
        x: The real and the imaginary part: two Variables or arrays of shape (..., N), floating-point, of one dtype.

    Returns:
        The real and the imaginary part of the transform, as Variables of that shape and dtype.

    Raises:
        TypeError: The parts are not floating-point, or of different dtypes.
        ValueError: Their shapes differ, or there is nothing to transform.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.fft((np.array([1., 0., -1., 0.]), np.zeros(4)))
        (variable([0., 2., 0., 2.]), variable([0., 0., 0., 0.]))
    """
    return _apply('fft', x)


def ifft(x: tuple[ArrayLike, ArrayLike]) -> tuple[Variable, ...]:
    """The inverse of the discrete Fourier transform along the last axis.

    Args:
        x: The real and the imaginary part: two Variables or arrays of shape (..., N), floating-point, of one dtype.

    Returns:
        The real and the imaginary part of the numbers whose transform `x` is.

    Raises:
        TypeError: The parts are not floating-point, or of different dtypes.
        ValueError: Their shapes differ, or there is nothing to transform.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.ifft((np.array([0., 2., 0., 2.]), np.zeros(4)))[0]
        variable([ 1.,  0., -1.,  0.])
    """
    return _apply('ifft', x)
