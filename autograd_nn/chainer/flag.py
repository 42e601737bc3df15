"""`Flag`, which said in Chainer 1 whether a Variable was volatile."""
from __future__ import annotations

import enum

__all__ = ['AUTO', 'OFF', 'ON', 'Flag']


class Flag(enum.Enum):
    """Yes, no, or what the others say; equal to the words and truth values that it can be made of.

    Example:
        >>> Flag('on'), Flag(True) == 'on', bool(Flag('off'))
        (ON, True, False)
    """

    ON = True
    OFF = False
    AUTO = None

    @classmethod
    def _missing_(cls, value: object) -> Flag | None:
        return cls.__members__.get(str(value).upper())

    def __bool__(self) -> bool:
        if self is Flag.AUTO:
            raise ValueError('flag: AUTO is neither true nor false')
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
