"""Files that several processes have written at the same time, each its own, of which all or none are of use."""
from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from autograd_nn.distributed.communicators import CommunicatorBase
from autograd_nn.serializers.npz import NpzReader, load_from


def load_newest(comm: CommunicatorBase, files: Mapping[Any, Path] | None, caller: str
                ) -> tuple[Any, dict[str, np.ndarray]] | None:
    """The arrays of this process's file of the newest generation that is whole in all processes.

    All processes call this together. A file is read to its end before it counts. A warning in the process of rank 0
    says which newer generations are not whole, and why.

    Args:
        comm: The processes.
        files: This process's files by generation: numbers or tuples of them, of which the largest is the newest. None
            for a process that has no part in this.
        caller: For the warning.

    Returns:
        The generation, and the arrays by name, of which a process without a part has none; None if there is no whole
        generation.
    """
    there = comm.allgather_obj(None if files is None else set(files))
    broken: list[str] = []
    found = None
    for generation in sorted(set().union(*filter(None, there)), reverse=True):
        reasons = [f'rank {rank} has no file' for rank, keys in enumerate(there) if keys is not None
                   and generation not in keys]
        arrays: dict[str, np.ndarray] = {}
        if not reasons:
            arrays, error = ({}, None) if files is None else _read(files[generation])
            reasons = [f'rank {rank}: {each}' for rank, each in enumerate(comm.allgather_obj(error)) if each]
        if not reasons:
            found = generation, arrays
            break
        broken.append(f'{_text(generation)} ({"; ".join(reasons)})')
    if broken and comm.rank == 0:
        used = 'nothing is loaded' if found is None else f'{_text(found[0])} is loaded'
        warnings.warn(f'{caller}: not whole in all processes: {", ".join(broken)}; {used}', stacklevel=3)
    return found


def load(arrays: dict[str, np.ndarray], target: Any) -> None:
    """Loads a link, a trainer or the like from all arrays of a file."""
    load_from(arrays, target, '', True, None)


def _read(path: Path) -> tuple[dict[str, np.ndarray], str | None]:
    """The arrays of a file, and what is wrong with it."""
    try:
        with NpzReader(path) as npz:
            return dict(npz), None
    except (OSError, ValueError, RuntimeError) as error:  # the last: by its damaged header it is encrypted, or new
        return {}, str(error).removeprefix('load_npz: ')


def _text(generation: Any) -> str:
    numbers = generation if isinstance(generation, tuple) else (generation,)
    return f'generation {"-".join(map(str, numbers))}' if numbers else 'the only generation'
