"""Names for types that many signatures share.

The module stands below the graph, so it says by protocols what it means by a Variable and by an array on a GPU.
"""
from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, BinaryIO, Protocol, TypeAlias

import numpy as np


class _Shaped(Protocol):
    """What Variables and arrays have in common."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> Any: ...
    @property
    def ndim(self) -> int: ...
    @property
    def size(self) -> int: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Any]: ...
    def __getitem__(self, key: Any, /) -> Any: ...
    def reshape(self, *shape: Any) -> Any: ...


class GpuArray(_Shaped, Protocol):
    """An array of CuPy, which has no types of its own."""

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]: ...


class InGraph(_Shaped, Protocol):
    """A `Variable`."""

    @property
    def array(self) -> Any: ...
    @property
    def node(self) -> Any: ...
    @property
    def requires_grad(self) -> bool: ...


Array: TypeAlias = Any
"""An array of NumPy or of CuPy, where its methods are used, which the two do not declare alike."""

BareArray: TypeAlias = np.ndarray | GpuArray
"""An array and no Variable."""

ArrayLike: TypeAlias = BareArray | InGraph
"""A Variable or an array: what functions and links take."""

Number: TypeAlias = complex | np.generic
"""A number of Python or of NumPy; `complex` stands for `int` and `float`, too."""

Operand: TypeAlias = ArrayLike | Number
"""A Variable, an array or a number: what arithmetic takes."""

Activation: TypeAlias = Callable[[Any], Any]
"""A function that a layer is followed by, such as `functions.relu`."""

Ints: TypeAlias = tuple[int, ...]
"""Integers, one for each axis or window."""

Shape: TypeAlias = tuple[int, ...]
"""The sizes of an array along its axes."""

Size: TypeAlias = int | Sequence[int]
"""A size along all axes, or one for each."""

Axis: TypeAlias = int | Sequence[int] | None
"""One axis, several, or all of them."""

DTypeLike: TypeAlias = str | type | np.dtype
"""What names a dtype: ``'float32'``, ``numpy.float32``, or the dtype itself."""

InitializerLike: TypeAlias = Callable[[Any], Any] | BareArray | Number | None
"""What fills a parameter: a function of its array (an `Initializer`, say), an array, a number, or None by default."""

RandomNumbers: TypeAlias = 'np.random.RandomState | np.random.Generator'
"""Where random numbers come from."""

PathLike: TypeAlias = str | os.PathLike[str]
"""The path of a file or of a folder."""

File: TypeAlias = str | os.PathLike[str] | BinaryIO
"""A file by its path, or one that is open."""


class AbstractInitializer(Protocol):
    """What fills a parameter: an `Initializer`, or any function of an array.

    Attributes:
        dtype: The dtype of parameters created with it; None for ``config.dtype``.
    """

    dtype: Any

    def __call__(self, array: Any) -> None: ...
