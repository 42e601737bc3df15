"""Reading the pickles in PyTorch's files as data: nothing in them is ever called.

A pickle is a program for a machine with a stack, and Python's reader calls what it names. The one here knows only what
a dictionary of tensors needs, and stands for each tensor with a description of it.
"""
from __future__ import annotations

import pickletools
from typing import Any, BinaryIO, NamedTuple

# More instructions than this has no dictionary of tensors; it bounds time and memory.
MAX_INSTRUCTIONS = 1_000_000
_MAX_AXES = 32
_MARK = object()
_ORDERED_DICT = 'collections.OrderedDict'
_CONSTANTS: dict[str, Any] = {'EMPTY_DICT': dict, 'EMPTY_LIST': list, 'EMPTY_TUPLE': tuple, 'NONE': lambda: None,
                              'NEWTRUE': lambda: True, 'NEWFALSE': lambda: False, 'MARK': lambda: _MARK}
_VALUES = {'BININT', 'BININT1', 'BININT2', 'LONG1', 'BINFLOAT', 'BINUNICODE', 'SHORT_BINUNICODE', 'BINUNICODE8',
           'BINSTRING', 'SHORT_BINSTRING', 'SHORT_BINBYTES', 'BINBYTES'}
_TUPLES = {'TUPLE1': 1, 'TUPLE2': 2, 'TUPLE3': 3}


class Global(NamedTuple):
    """The name of something in a module, such as ``'torch.FloatStorage'``."""

    name: str


class Storage(NamedTuple):
    """Numbers that tensors share: the name of their type, their key in the file, and how many they are."""

    kind: str
    key: str
    size: int


class Tensor(NamedTuple):
    """A view of a storage, offset and strides in numbers, not in bytes."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_pickle(stream: BinaryIO) -> Any:
    """Reads a pickle that PyTorch has written.

    Args:
        stream: A file at the start of the pickle; afterwards it is at the end of it.

    Returns:
        Dictionaries, lists, tuples, numbers and strings, with `Tensor` for a tensor.

    Raises:
        ValueError: It is damaged, or it holds anything else.
    """
    stack: list[Any] = []
    memo: dict[Any, Any] = {}
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
            if opcode.name == 'STOP':
                return stack.pop()
            if count > MAX_INSTRUCTIONS:
                raise ValueError(f'more than {MAX_INSTRUCTIONS:,} instructions in its pickle')
            _step(opcode.name, argument, stack, memo)
    except (IndexError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise ValueError(f'a damaged pickle ({error})') from error
    raise ValueError('a truncated pickle')


def _step(name: str, argument: Any, stack: list[Any], memo: dict[Any, Any]) -> None:
    if name in _CONSTANTS:
        stack.append(_CONSTANTS[name]())
    elif name in _VALUES:
        stack.append(argument)
    elif name in ('BINPUT', 'LONG_BINPUT'):
        memo[argument] = stack[-1]
    elif name == 'MEMOIZE':
        memo[len(memo)] = stack[-1]
    elif name in ('BINGET', 'LONG_BINGET'):
        stack.append(memo[argument])
    elif name in _TUPLES:
        stack[-_TUPLES[name]:] = [tuple(stack[-_TUPLES[name]:])]
    elif name == 'TUPLE':
        stack.append(tuple(_pop_to_mark(stack)))
    elif name in ('APPEND', 'APPENDS'):
        items = [stack.pop()] if name == 'APPEND' else _pop_to_mark(stack)
        _expect(stack[-1], list).extend(items)
    elif name in ('SETITEM', 'SETITEMS'):
        items = [stack.pop(-2), stack.pop()] if name == 'SETITEM' else _pop_to_mark(stack)
        pairs = list(zip(items[::2], items[1::2], strict=True))
        _expect(stack[-1], dict).update(_check_keys(pairs))
    elif name in ('GLOBAL', 'STACK_GLOBAL'):
        module, attribute = argument.split(' ', 1) if name == 'GLOBAL' else (stack.pop(-2), stack.pop())
        stack.append(Global(f'{_expect(module, str)}.{_expect(attribute, str)}'))
    elif name == 'BINPERSID':
        stack.append(_make_storage(stack.pop()))
    elif name in ('REDUCE', 'NEWOBJ'):
        arguments = stack.pop()
        stack.append(_make_object(stack.pop(), arguments))
    elif name == 'BUILD':
        # PyTorch's OrderedDict carries the versions of its modules in an attribute, of no use here.
        stack.pop()
        _expect(stack[-1], dict)
    elif name not in ('PROTO', 'FRAME'):
        raise ValueError(f'an instruction in its pickle that no dictionary of tensors needs, {name}')


def _pop_to_mark(stack: list[Any]) -> list[Any]:
    mark = next((place for place in reversed(range(len(stack))) if stack[place] is _MARK), None)
    if mark is None:
        raise IndexError('no mark on the stack')
    items = stack[mark + 1:]
    del stack[mark:]
    return items


def _expect(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise TypeError(f'expected a {kind.__name__}, found a {type(value).__name__}')
    return value


def _check_keys(pairs: list[Any]) -> list[Any]:
    # Python hashes a tuple of tuples without any limit of depth, which would end the process.
    for key, _ in pairs:
        if not isinstance(key, (str, int, float)):
            raise TypeError(f'expected names as keys, found a {type(key).__name__}')
    return pairs


def _make_storage(identifier: Any) -> Storage:
    kind, storage_type, key, _, size, *view = _expect(identifier, tuple)
    if _expect(kind, str) != 'storage' or not isinstance(storage_type, Global) or view not in ([], [None]):
        raise TypeError('expected a storage')
    return Storage(storage_type.name, _expect(key, str), _expect(size, int))


def _make_object(function: Any, arguments: Any) -> Any:
    name = function.name if isinstance(function, Global) else f'a {type(function).__name__}'
    arguments = _expect(arguments, tuple)
    if name == _ORDERED_DICT:
        # Python 2 gave the items to the function.
        return dict(_check_keys(_expect(arguments[0], list) if arguments else []))
    if name in ('torch._utils._rebuild_tensor_v2', 'torch._utils._rebuild_tensor'):
        storage, offset, shape, strides = arguments[:4]
        numbers = [_expect(number, int) for number in (offset, *_expect(shape, tuple), *_expect(strides, tuple))]
        if len(shape) != len(strides) or len(shape) > _MAX_AXES or min(numbers) < 0 or type(storage) is not Storage:
            raise TypeError('a tensor whose shape or strides cannot be')
        return Tensor(storage, offset, shape, strides)
    if name == 'torch._utils._rebuild_parameter' and type(arguments[0]) is Tensor:
        return arguments[0]
    raise ValueError(f'{name} in its pickle, which is not part of a dictionary of tensors and is not executed')
