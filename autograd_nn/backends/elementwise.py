"""Elementwise mathematics, written once: the NumPy meaning beside the CUDA text."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd_nn import cuda
from autograd_nn.backends.contract import OPERATIONS
from autograd_nn.backends.dispatch import kernels
from autograd_nn.cuda.kernel import rounded_once
from autograd_nn.dtypes import is_floating, is_half

_NUMPY = np.generic, np.ndarray

# From this many elements on the kernels of a back end are asked to compute elementwise operations.
LARGE = 1 << 15


def is_small(array: Any) -> bool:
    """Whether an operator of Python is the fastest way to compute with an array, which has axes."""
    return array.size < LARGE and array.ndim > 0


def in_blocks(operation: Callable[[Any, Any], Any], ufunc: Callable[..., Any]) -> Callable[[Any, Any], Any]:
    """An operator of two arrays that leaves large ones of one shape to the kernels.

    Args:
        operation: The operator, such as ``operator.add``.
        ufunc: The same with NumPy's argument ``out``, such as ``numpy.add``.
    """
    def compute(x0: Any, x1: Any) -> Any:
        if x0.size >= LARGE and x0.shape == x1.shape:
            return kernels(x0, x1).elementwise(ufunc, (x0, x1), None)
        return operation(x0, x1)

    return compute


class elementwise:
    """Pairs the NumPy meaning of an elementwise operation with its CUDA text.

    The decorated function computes with NumPy, on large arrays in blocks on all cores; its first argument is an array.
    On CuPy arrays a `cupy.ElementwiseKernel` of the text runs instead; it is built when it is first called. Numbers of
    the type T in half precision are float32 in both; the result is rounded.

    Args:
        in_params: The input parameters, such as ``'T x, T gy'``.
        out_params: The output parameters.
        operation: The body, in CUDA C++.
        preamble: Declarations before the kernel.
        name: What a back end may know the operation by, to compute it faster: a name in `contract.OPERATIONS`.

    Raises:
        ValueError: There is no such name, or its operation has other arguments.

    Attributes:
        registry: All decorated operations by name; the tests run each of them both ways.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.backend import elementwise
        >>> @elementwise('T x', 'T y', 'y = x > 0 ? x : (T)0')
        ... def rectify(x):
        ...     return np.maximum(x, 0)
        >>> rectify(np.array([-1., 2.]))
        array([0., 2.])
    """

    registry: dict[str, Elementwise] = {}

    def __init__(self, in_params: str, out_params: str, operation: str, preamble: str = '',
                 name: str | None = None) -> None:
        arguments = ' '.join([parameter.split()[-1] for parameter in in_params.split(',')])
        if name is not None and OPERATIONS.get(name, (None,))[0] != arguments:
            raise ValueError(f'elementwise: contract.OPERATIONS has no operation {name!r} of the arguments {arguments}')
        self.in_params = in_params
        self.out_params = out_params
        self.operation = operation
        self.preamble = preamble
        self.name = name

    def __call__(self, body: Callable[..., Any]) -> Elementwise:
        kernel = Elementwise(body, self)
        self.registry[f'{body.__module__}.{body.__qualname__}'] = kernel
        return kernel


class Elementwise:
    """An elementwise operation: callable on NumPy and on CuPy arrays (see `elementwise`)."""

    def __init__(self, body: Callable[..., Any], source: elementwise) -> None:
        self.body = body
        self.source = source
        self.name = body.__name__
        self.keeps_type = source.out_params.startswith('T ')
        self.__doc__ = body.__doc__
        name = 'elementwise_' + self.name.strip('_')  # CUDA has functions such as tanh of its own
        self.kernel = rounded_once(source.in_params, source.out_params, source.operation, name,
                                   preamble=source.preamble)

    def __call__(self, *args: Any) -> Any:
        x = args[0]
        if cuda.available and any(isinstance(arg, cuda.ndarray) for arg in args):
            return self.kernel(*args)
        if x.dtype.itemsize == 2 and is_half(x.dtype):
            return self._in_single_precision(args)
        y = self.body(*args) if x.size < LARGE else kernels().elementwise(self.body, args, self.source.name)
        # Numbers of NumPy bring a type of their own, and NumPy 1 computes with arrays of no axes in double precision.
        return y if y.dtype is x.dtype or not (self.keeps_type and is_floating(x.dtype)) else y.astype(x.dtype)

    def _in_single_precision(self, args: Sequence[Any]) -> np.ndarray:
        """The operation on numbers in half precision, which would be rounded on the way."""
        wide = [x.astype(np.float32) if isinstance(x, _NUMPY) and is_half(x.dtype) else x for x in args]
        return np.asarray(self(*wide)).astype(args[0].dtype)
