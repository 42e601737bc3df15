"""Parameter lists of kernels: their syntax, and how the types of arguments decide those of parameters."""
from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np

C_TYPES = {'bool': 'bool', 'int8': 'signed char', 'uint8': 'unsigned char', 'int16': 'short',
           'uint16': 'unsigned short', 'int32': 'int', 'uint32': 'unsigned int', 'int64': 'long long',
           'uint64': 'unsigned long long', 'float16': 'float16', 'float32': 'float', 'float64': 'double',
           'bfloat16': 'bfloat16'}


class Parameter(NamedTuple):
    """One parameter of a kernel.

    Attributes:
        name: Its name in the kernel's text.
        dtype: Its type, or None where arguments decide it.
        letter: The type's name in the list: a letter where arguments decide it.
        raw: Whether the kernel does its own indexing.
        const: Whether the kernel may only read it.
    """

    name: str
    dtype: np.dtype | None
    letter: str
    raw: bool
    const: bool

    def is_array(self, argument: Any) -> bool:
        return hasattr(argument, '__cuda_array_interface__')


@functools.cache
def parse(text: str, const: bool) -> tuple[Parameter, ...]:
    """The parameters of a list such as ``'T x, raw int32 index'``.

    Raises:
        Exception: It is no such list.
    """
    parameters = []
    for part in text.split(',') if text.strip() else []:
        words = part.split()
        if len(words) < 2 or words[:-2] not in ([], ['raw']):
            raise Exception(f'Syntax error: {part}')
        kind, name = words[-2:]
        dtype = None if len(kind) == 1 else np.dtype(kind)
        parameters.append(Parameter(name, dtype, kind, 'raw' in words[:-2], const))
    return tuple(parameters)


def decide_types(ins: tuple[Parameter, ...], outs: tuple[Parameter, ...], in_args: list[Any],
                 out_args: list[Any]) -> tuple[list[np.dtype], list[np.dtype], dict[str, np.dtype]]:
    """The type of each parameter: outputs that were given decide first, then arrays among the inputs; numbers do not.

    Returns:
        The types of the inputs, those of the outputs, and the meaning of letters.

    Raises:
        TypeError: An argument has another type than its parameter, or two of one letter differ.
        KeyError: No array decides a letter.
    """
    meaning: dict[str, np.dtype] = {}
    for parameter, arg in [*zip(outs, out_args), *zip(ins, in_args)]:
        if not parameter.is_array(arg):
            continue
        expected = parameter.dtype or meaning.setdefault(parameter.letter, arg.dtype)
        if arg.dtype != expected:
            raise TypeError(f'Type is mismatched. {parameter.name} {arg.dtype} {expected} {parameter.letter}')
    in_types, out_types = ([p.dtype or meaning[p.letter] for p in group] for group in (ins, outs))
    return in_types, out_types, meaning
