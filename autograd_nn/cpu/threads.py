"""How many threads the CPU's kernels use."""
from __future__ import annotations

import os

from autograd_nn.config import config


def number() -> int:
    """How many threads this thread's kernels use: ``config.num_threads``, or one for each core it may run on."""
    return config.num_threads or _cores


def _count_cores() -> int:
    if hasattr(os, 'sched_getaffinity'):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


_cores = _count_cores()
