"""What ends one process ends the job, and says which it was."""
from pathlib import Path

import pytest

from support import mpi

PROGRAM = '''
import os, signal, sys, time
from autograd_nn import distributed
distributed.add_global_except_hook()
comm = distributed.create_communicator()
comm.allgather_obj(None)
if comm.rank == 1:
    {end}
comm.allgather_obj(None)
'''


@pytest.mark.parametrize('end, said', [
    ("raise ValueError('no such thing')", 'ValueError: no such thing'),
    ('os.kill(os.getpid(), signal.SIGKILL)', ''),
])
def test_all_end_with_one(tmp_path: Path, end: str, said: str) -> None:
    program = tmp_path / 'program.py'
    program.write_text(PROGRAM.format(end=end))
    process = mpi.run(2, [program], timeout=60, check=False)
    assert process.returncode != 0
    assert said in process.stdout and 'rank 1' in process.stdout


def test_alone_it_says_how_to_start(tmp_path: Path) -> None:
    program = tmp_path / 'program.py'
    program.write_text(PROGRAM.format(end='pass'))
    process = mpi.run_alone([program])
    assert process.returncode != 0 and 'mpiexec -n 2 python' in process.stdout


def test_the_package_does_without_mpi() -> None:
    code = ("import sys, autograd_nn; assert not any(name.startswith(('mpi4py', 'autograd_nn.distributed')) "
            "for name in sys.modules)\n"
            "sys.modules['mpi4py'] = None\n"
            "from autograd_nn import distributed\ndistributed.create_communicator()")
    process = mpi.run_alone(['-c', code])
    assert "ImportError" in process.stdout and "pip install 'autograd_nn[mpi]'" in process.stdout
