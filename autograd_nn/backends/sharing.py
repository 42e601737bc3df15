"""Which arrays share memory."""
from __future__ import annotations

from mmap import mmap
from typing import Any

from autograd_nn.types import Array


def memory_owner(array: Array) -> Any:
    """The object that owns an array's memory: the array itself, or what it is a view of in the end."""
    owner = array
    # Many arrays lie in a memory map of the pool: the first array there owns its part.
    while (base := getattr(owner, 'base', None)) is not None and not isinstance(base, mmap):
        owner = base
    return owner


def unshared(array: Array, owners: set[int]) -> Array:
    """An array if it can be changed in place without changing another; a copy otherwise.

    Args:
        array: The array.
        owners: The identities of the memory owners that are spoken for. That of an array returned as it is is added.
    """
    owner = array
    broadcast = read_only = False
    if array.base is not None:
        owner = memory_owner(array)
        # The elements of a broadcast array share memory with each other.
        broadcast = 0 in array.strides
        read_only = not getattr(array.flags, 'writeable', True)
    if broadcast or read_only or id(owner) in owners:
        return array.copy('C' if broadcast else 'K')
    owners.add(id(owner))
    return array
