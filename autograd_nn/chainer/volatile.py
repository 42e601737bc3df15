"""`volatile` of Chainer 1: nothing that is computed of such a Variable is recorded, whatever else it is computed of."""
from __future__ import annotations

import enum
import functools
from collections.abc import Iterable
from typing import Any

import autograd_nn
from autograd_nn.chainer.spellings import warn
from autograd_nn.config import no_backprop_mode
from autograd_nn.function_node import FunctionNode
from autograd_nn.variable import Parameter, Variable

__all__ = ['AUTO', 'OFF', 'ON', 'Flag']


class Flag(enum.Enum):
    """What `volatile` may be; equal to its name in small letters, and to True, False or None."""

    ON = 'on'
    OFF = 'off'
    AUTO = 'auto'

    @classmethod
    def _missing_(cls, value: object) -> Flag | None:
        return {'ON': cls.ON, True: cls.ON, 'OFF': cls.OFF, False: cls.OFF, 'AUTO': cls.AUTO, None: cls.AUTO}.get(value)

    def __bool__(self) -> bool:
        if self is Flag.AUTO:
            raise ValueError('Flag: AUTO is neither true nor false')
        return self is Flag.ON

    def __eq__(self, other: object) -> bool:
        try:
            return self is Flag(other)
        except ValueError:
            return False

    def __hash__(self) -> int:
        return hash(self.value)

    def __repr__(self) -> str:
        return self.name

    __str__ = __repr__


ON, OFF, AUTO = Flag.ON, Flag.OFF, Flag.AUTO


class _NotRecorded:
    """The `requires_grad` of volatile Variables: false, as of constants, but it spreads."""

    def __bool__(self) -> bool:
        return False

    def __reduce__(self) -> str:
        return '_NOT_RECORDED'


_NOT_RECORDED: Any = _NotRecorded()


def install() -> None:
    """Lets Variables be volatile."""
    if hasattr(Variable.__init__, '__wrapped__'):
        return
    constructor = Variable.__init__

    @functools.wraps(constructor)
    def accepting(self: Any, *args: Any, **kwargs: Any) -> None:
        if len(args) > 1:
            args, kwargs = args[:1], {**dict(zip(('volatile', 'name', 'grad'), args[1:])), **kwargs}
        if 'volatile' not in kwargs:
            constructor(self, *args, **kwargs)
            return
        warn('Variable(volatile=...)', 'with no_backprop_mode(): around what is computed of it')
        flag = Flag(kwargs.pop('volatile'))
        constructor(self, *args, **kwargs)
        if flag is ON:
            _set_flag(self, flag)

    Variable.__init__ = accepting  # type: ignore[method-assign]
    Variable.volatile = property(_get_flag, _set_flag)  # type: ignore[attr-defined]
    vars(autograd_nn).update(ON=ON, OFF=OFF, AUTO=AUTO, Flag=Flag)


def _get_flag(self: Variable) -> Flag:
    """Whether the Variable is volatile; AUTO for parameters."""
    return ON if self.requires_grad is _NOT_RECORDED else AUTO if isinstance(self, Parameter) else OFF


def _set_flag(self: Variable, flag: Any) -> None:
    if Flag(flag) is ON:
        self.requires_grad = _NOT_RECORDED
        _spread()
    elif self.requires_grad is _NOT_RECORDED:
        self.requires_grad = self.dtype is not None and self.dtype.kind == 'f'


def _spread() -> None:
    """Has functions heed volatile inputs, from the first volatile Variable of a program on."""
    if hasattr(FunctionNode.apply, '__wrapped__'):
        return
    apply = FunctionNode.apply

    @functools.wraps(apply)
    def heeding(self: FunctionNode, inputs: Iterable[Any]) -> tuple[Variable, ...]:
        inputs = tuple(inputs)
        if not any(isinstance(x, Variable) and x.requires_grad is _NOT_RECORDED for x in inputs):
            return apply(self, inputs)
        with no_backprop_mode():
            outputs = apply(self, inputs)
        for y in outputs:
            y.requires_grad = _NOT_RECORDED
        return outputs

    FunctionNode.apply = heeding  # type: ignore[method-assign]
