"""Names for types that many signatures share."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

Array: TypeAlias = Any
"""An array of NumPy or of CuPy, which has no types of its own."""

Ints: TypeAlias = tuple[int, ...]
"""Integers, one for each axis or window."""

Shape: TypeAlias = tuple[int, ...]
"""The sizes of an array along its axes."""

Size: TypeAlias = int | Sequence[int]
"""A size along all axes, or one for each."""

Axis: TypeAlias = int | tuple[int, ...] | None
"""One axis, several, or all of them."""
