"""What the figures were measured on, and with."""
from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

import autograd_nn
from autograd_nn import cuda

# The instruction sets that decide how fast kernels are.
INSTRUCTION_SETS = 'avx2', 'fma', 'avx512f', 'avx512_vnni', 'avx512_bf16', 'amx_bf16', 'asimd', 'sve'


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1


def installed_version(*distributions: str) -> str | None:
    """The version of the first of these distributions that is installed."""
    for name in distributions:
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None


def versions() -> dict[str, str | None]:
    """The versions of what computes; None for what is not installed."""
    return {'autograd_nn': autograd_nn.__version__, 'numpy': installed_version('numpy'),
            'onednn': installed_version('onednn-cpu-gomp', 'onednn'), 'torch': installed_version('torch'),
            'opencv': installed_version('opencv-python-headless', 'opencv-python'),
            'chainer': installed_version('chainer'), 'cupy': cuda.cupy and cuda.cupy.__version__,
            'python': platform.python_version()}


def describe() -> dict[str, Any]:
    """The machine, the date, and how busy the machine was in the last minute."""
    fields: dict[str, str] = {}
    path = Path('/proc/cpuinfo')
    if path.exists():
        for line in path.read_text(encoding='utf-8').splitlines():
            name, _, value = line.partition(':')
            fields.setdefault(name.strip(), value.strip())
    flags = (fields.get('flags') or fields.get('Features') or '').split()
    return {'processor': fields.get('model name') or platform.processor() or platform.machine(), 'cores': cores(),
            'instruction sets': [name for name in INSTRUCTION_SETS if name in flags], 'system': platform.system(),
            'load': os.getloadavg()[0] if hasattr(os, 'getloadavg') else None,
            'gpu': (cuda.available and cuda.cupy.cuda.runtime.getDeviceProperties(0)['name'].decode()) or None,
            'date': datetime.date.today().isoformat()}
