"""MPI: where mpi4py is imported, and how a program was started."""
from __future__ import annotations

import os
from typing import Any

from autograd_nn.utils.launcher import is_launched

INSTALL = "pip install 'autograd_nn[mpi]'"
START = 'mpiexec -n 2 python PROGRAM.py'


def load() -> Any:
    """The module `mpi4py.MPI`; the first import of it starts MPI in this process.

    Raises:
        ImportError: It is not installed, or finds no MPI.
    """
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        raise ImportError(f'training on many processes needs MPI and mpi4py ({INSTALL}): {error}') from error
    return MPI


def world() -> Any:
    """The communicator of MPI that has all processes of the job.

    Raises:
        ImportError: There is no MPI.
        RuntimeError: No launcher has started this process, so it would be alone.
    """
    comm = load().COMM_WORLD
    if comm.size == 1 and not is_launched(os.environ):
        raise RuntimeError(f'create_communicator: this process was not started by a launcher of MPI; start the program '
                           f'with "{START}" (or srun), or give mpi_comm=mpi4py.MPI.COMM_SELF to train alone')
    return comm
