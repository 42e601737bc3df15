"""A hook that prints what functions are given."""
from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import IO, Any

from autograd_nn.backend import get_array_module, get_device_from_array
from autograd_nn.function_hook import FunctionHook
from autograd_nn.function_node import FunctionNode
from autograd_nn.types import Array


class PrintHook(FunctionHook):
    """Prints the name and the inputs of each function before it runs, forward and backward.

    Of each array it shows shape, dtype, device, mean and standard deviation; in a backward pass, of the gradients of
    the outputs as well, and of those inputs only that the function kept.

    Args:
        sep: Separator, as for `print`.
        end: End, as for `print`.
        file: Where to print; standard output by default.
        flush: Whether to flush after each line.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> from autograd_nn.function_hooks import PrintHook
        >>> with PrintHook():
        ...     y = F.sum(F.exp(np.array([[1., 3.]])))
        forward of Exp
          input 0: shape (1, 2), float64, @numpy, mean 2, std 1
        forward of Sum
          input 0: shape (1, 2), float64, @numpy, mean 11.4019, std 8.68363
    """

    name = 'PrintHook'

    def __init__(self, sep: str | None = None, end: str = '\n', file: IO[str] | None = None,
                 flush: bool = True) -> None:
        self.sep = sep
        self.end = end
        self.file = file
        self.flush = flush

    def forward_preprocess(self, function: FunctionNode, in_data: tuple[Any, ...]) -> None:
        self._print(f'forward of {function.label}')
        self._print_arrays('input', in_data, 'absent')

    def backward_preprocess(self, function: FunctionNode, in_data: tuple[Any, ...], out_grad: tuple[Any, ...]) -> None:
        self._print(f'backward of {function.label}')
        self._print_arrays('input', in_data, 'not kept')
        self._print_arrays('gradient of output', out_grad, 'none')

    def _print_arrays(self, what: str, arrays: Iterable[Any], absent: str) -> None:
        for i, array in enumerate(arrays):
            self._print(f'  {what} {i}:', absent if array is None else _describe(array))

    def _print(self, *words: str) -> None:
        print(*words, sep=self.sep, end=self.end, file=self.file or sys.stdout, flush=self.flush)


def _describe(array: Array) -> str:
    text = f'shape {array.shape}, {array.dtype}, {get_device_from_array(array)}'
    if array.size == 0:
        return text
    xp = get_array_module(array)
    values = array if array.dtype.kind == 'c' else array.astype(xp.float64)
    return f'{text}, mean {values.mean().item():.6g}, std {values.std().item():.6g}'
