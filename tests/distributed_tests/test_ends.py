"""What ends one process ends the job, and says which it was."""
from pathlib import Path

import pytest

from autograd_nn.distributed.witness import Rank, find_verdicts
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


WAITS = '''
import numpy as np
import autograd_nn as ann
from autograd_nn import distributed
ann.set_debug(True)
comm = distributed.create_communicator()
def program(x=np.ones(3)):
    {call}
program()
'''


@pytest.mark.slow
@pytest.mark.parametrize('call, said', [
    ('comm.recv(0, 5) if comm.rank else (comm.send(x, 1, 4), comm.allreduce(x))',
     'recv(source=0, tag=5) waits in vain: rank 0 waits in allreduce; rank 1 waits in recv(source=0, tag=5); from rank '
     '0 there is a message with tag 4'),
    ('comm.recv(0, 5) if comm.rank == 1 else None',
     'recv(source=0, tag=5) waits in vain: rank 1 waits in recv(source=0, tag=5); rank 0 has ended'),
    ('comm.start_sum(x).wait(); comm.bcast(x) if comm.rank else comm.start_sum(x).wait()',
     'bcast(root=0) waits in vain: rank 0 waits in a sum that was begun with start_sum; rank 1 waits in bcast(root=0)'),
])
def test_what_waits_in_vain_ends_in_debug_mode(tmp_path: Path, call: str, said: str) -> None:
    program = tmp_path / 'program.py'
    program.write_text(WAITS.format(call=call))
    process = mpi.run(2, [program], timeout=120, check=False)
    assert process.returncode != 0
    assert f'rank 1 of 2 ends the job: {said}' in process.stdout and 'in program\n' in process.stdout


def waiting(number: int, call: str, others: list[int], is_collective: bool = True, since: float = 0.) -> Rank:
    rank = Rank(number, f'rank {number}')
    rank.wait, rank.since = {'call': call, 'for': others, 'is_collective': is_collective}, since
    return rank


def test_who_waits_in_vain() -> None:
    together = [waiting(0, 'allreduce', [1]), waiting(1, 'allreduce', [0])]
    assert not find_verdicts(together, set(), 100.)  # it takes long
    assert find_verdicts(together, {2}, 100.) == {}
    apart = [waiting(0, 'allreduce', [1, 2]), waiting(1, 'bcast', [0, 2]), waiting(2, 'bcast', [0, 1])]
    assert find_verdicts(apart, set(), 100.) == dict.fromkeys(
        range(3), 'rank 0 waits in allreduce; ranks 1, 2 wait in bcast')
    assert not find_verdicts([*apart[:2], Rank(2, 'computes')], set(), 100.)
    assert not find_verdicts([*apart[:2], waiting(2, 'bcast', [0, 1], since=99.)], set(), 100.)
    message = waiting(0, 'recv(source=1, tag=0)', [1], False)
    assert find_verdicts([message, Rank(2, 'computes')], {1}, 100.) == {0: 'rank 1 has ended'}
    assert not find_verdicts([message, Rank(1, 'computes')], {2}, 100.)


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
