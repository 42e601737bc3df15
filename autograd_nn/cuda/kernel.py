"""CUDA kernels as text: registered when they are declared, compiled when they are first called.

The registry lets tests compile and run every one of them on machines that have no GPU.
"""
from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from autograd_nn.cuda import device
from autograd_nn.cuda.layout import keep_layout

# The type in which numbers of the type T are computed: float instead of those in 16 bits, float16 and bfloat16.
COMPUTE = '''
template <typename T, int bytes = sizeof(T)> struct compute { typedef T type; };
template <typename T> struct compute<T, 2> { typedef float type; };
typedef compute<T>::type C;
'''


class Kernel:
    """A kernel: callable as CuPy's object that it stands for.

    Attributes:
        kind: The name of CuPy's class: ``'ElementwiseKernel'``, ``'ReductionKernel'`` or ``'RawKernel'``.
        name: What the kernel is called.
        arguments: What the class is given, by name.
        registry: All kernels by name.
    """

    registry: dict[str, Kernel] = {}

    def __init__(self, kind: str, name: str, arguments: dict[str, Any]) -> None:
        self.kind = kind
        self.name = name
        self.arguments = arguments
        self._built: Any = None
        # Elements of raw arrays, and those of known places, are not to be reordered.
        self._keeps_layout = (kind == 'ElementwiseKernel' and arguments.get('reduce_dims', True)
                              and 'raw ' not in arguments['in_params'] + arguments['out_params'])
        # Two kernels of one name are both to be found.
        self.registry[f'{name} {len(self.registry)}' if name in self.registry else name] = self

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Runs the kernel.

        Raises:
            RuntimeError: There is no GPU, or the text does not compile for it.
        """
        if self._built is None:
            device.check_cuda_available()
            self._built = getattr(device.cupy, self.kind)(**self.arguments)
        try:
            if self._keeps_layout and not kwargs:
                return keep_layout(self._built, args)
            return self._built(*args, **kwargs)
        except device.cupy.cuda.compiler.CompileException as error:
            raise RuntimeError(f'the CUDA kernel {self.name} does not compile for this GPU: {_first_error(error)}'
                               ) from error

    def __repr__(self) -> str:
        return f'<{self.kind} {self.name}>'


def _first_error(error: Exception) -> str:
    """The line of a compiler's message that says what is wrong."""
    lines = str(error).strip().splitlines() or ['no message']
    return next((line for line in lines if 'error' in line), lines[0])


def elementwise(in_params: str, out_params: str, operation: str, name: str, **kwargs: Any) -> Kernel:
    """A ``cupy.ElementwiseKernel``, compiled when it is first called; the same arguments give the same object.

    Args:
        in_params: The input parameters, such as ``'T x, T gy'``.
        out_params: The output parameters.
        operation: What to do for each element, in CUDA C++.
        name: What the kernel is called.
        kwargs: Further arguments of CuPy's class, such as ``preamble``.

    Example:
        >>> from autograd_nn import cuda
        >>> cuda.elementwise('T x', 'T y', 'y = x * x', 'square')
        <ElementwiseKernel square>
    """
    return _kernel('ElementwiseKernel', name, in_params=in_params, out_params=out_params, operation=operation, **kwargs)


def rounded_once(in_params: str, out_params: str, operation: str, name: str, preamble: str = '') -> Kernel:
    """As `elementwise`; parameters of the type T in half precision are float within the operation, and T is, too.

    Args:
        in_params: The input parameters.
        out_params: The output parameters.
        operation: What to do for each element.
        name: What the kernel is called.
        preamble: Declarations before the kernel.
    """
    inputs, outputs = (re.findall(r'\bT (\w+)', params) for params in (in_params, out_params))
    body = ''.join([*[f'const C {x} = in_{x}; ' for x in inputs], *[f'C {y}; ' for y in outputs],
                    re.sub(r'\bT\b', 'C', operation), ';', *[f' out_{y} = (T){y};' for y in outputs]])
    return elementwise(re.sub(r'\bT (\w+)', r'T in_\1', in_params), re.sub(r'\bT (\w+)', r'T out_\1', out_params),
                       body, name, preamble=COMPUTE + preamble)


def reduce(in_params: str, out_params: str, map_expr: str, reduce_expr: str, post_map_expr: str, identity: Any,
           name: str, **kwargs: Any) -> Kernel:
    """A ``cupy.ReductionKernel``, compiled when it is first called; the same arguments give the same object.

    Args:
        in_params: The input parameters.
        out_params: The output parameters.
        map_expr: What to make of the inputs' elements.
        reduce_expr: How to join two such values, ``a`` and ``b``.
        post_map_expr: How to make the outputs of the value ``a`` that is left.
        identity: The value of nothing.
        name: What the kernel is called.
        kwargs: Further arguments of CuPy's class, such as ``reduce_type``.
    """
    return _kernel('ReductionKernel', name, in_params=in_params, out_params=out_params, map_expr=map_expr,
                   reduce_expr=reduce_expr, post_map_expr=post_map_expr, identity=identity, **kwargs)


def raw(code: str, name: str, **kwargs: Any) -> Kernel:
    """A ``cupy.RawKernel``, compiled when it is first called; the same arguments give the same object.

    Args:
        code: The text, in CUDA C++.
        name: Which of its functions is the kernel.
        kwargs: Further arguments of CuPy's class, such as ``options``.
    """
    return _kernel('RawKernel', name, code=code, **kwargs)


@lru_cache(None)
def _kernel(kind: str, name: str, **arguments: Any) -> Kernel:
    return Kernel(kind, name, {**arguments, 'name': name})
