"""The processes of a training run: those that a launcher of MPI jobs has started, or that are started here."""
from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autograd_nn.commands.command_line import CommandLine
from autograd_nn.training.processes import Processes
from autograd_nn.utils.launcher import find_launch, is_launched

INSTALL = "pip install 'autograd_nn[mpi]'"


@contextmanager
def find_processes() -> Iterator[Processes]:
    """A context for a whole program, with the processes that a launcher has started; without one, this one alone."""
    launch = find_launch(os.environ)
    if launch is None or launch.size == 1:
        yield Processes()
        return
    from autograd_nn.distributed.job import Job  # MPI takes time, and is not installed everywhere
    with Job(launch) as job:
        yield job


def start_processes(line: CommandLine) -> None:
    """With --processes, has mpiexec start this program so many times: it takes this process's place.

    Args:
        line: The command line.

    Raises:
        ValueError: mpiexec or mpi4py is missing.
    """
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument('--processes', default='')
    count = parser.parse_known_args(line.words)[0].processes
    if is_launched(os.environ) or not count.isdigit() or int(count) < 2:
        return  # what is no number, the parser of all options says
    places = [str(Path(sys.executable).parent), os.environ.get('PATH', os.defpath)]
    mpiexec = shutil.which('mpiexec', path=os.pathsep.join(places))
    missing = 'mpiexec' if mpiexec is None else 'mpi4py' if importlib.util.find_spec('mpi4py') is None else None
    if missing or mpiexec is None:
        raise ValueError(f'--processes: several processes need MPI, and {missing} is missing: {INSTALL}')
    sys.stdout.flush()
    os.execv(mpiexec, [mpiexec, '-n', count, sys.executable, *sys.orig_argv[1:]])
