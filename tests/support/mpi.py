"""Programs on several processes: what `mpiexec` is given, and how long it may take."""
from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

MPIEXEC = shutil.which('mpiexec', path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get('PATH', '')]))


def run(n: int, arguments: Sequence[str | Path], *, timeout: float = 300, check: bool = True,
        cwd: str | Path | None = None, **environ: str) -> subprocess.CompletedProcess[str]:
    """Runs Python with these arguments in n processes, each on one thread.

    Args:
        n: The number of processes.
        arguments: Those of Python.
        timeout: After how many seconds they hang, and are killed.
        check: Whether to fail with what they printed, unless they end with status 0.
        cwd: In which folder.
        environ: Further environment variables.
    """
    pytest.importorskip('mpi4py')
    if MPIEXEC is None:
        pytest.skip('needs mpiexec')
    process = subprocess.run([MPIEXEC, '-n', str(n), sys.executable, *map(str, arguments)], timeout=timeout, text=True,
                             cwd=cwd,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                             env={**os.environ, 'OMP_NUM_THREADS': '1', 'OPENBLAS_NUM_THREADS': '1', **environ})
    assert not check or process.returncode == 0, process.stdout
    return process


def run_alone(arguments: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
    """Runs Python with these arguments in one process that no launcher knows of; returns what it printed."""
    signs = 'PMI_', 'PMIX_', 'MPI_', 'OMPI_', 'SLURM_', 'HYDRA_'
    return subprocess.run([sys.executable, *map(str, arguments)], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                          env={name: value for name, value in os.environ.items() if not name.startswith(signs)})
