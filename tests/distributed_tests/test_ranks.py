"""Runs the tests in ranks/ on several processes: each of these is a test in every process, and they go in step."""
from collections.abc import Sequence
from pathlib import Path

import pytest

from support import mpi

RANKS = Path(__file__).parent / 'ranks'


# What the numbers of ranks matter to most runs on four as well; at every change, what all else is made of.
QUICK = 'communicator', 'functions'
FOUR = 'communicator', 'functions', 'parts', 'sharded_state'
MODULES = sorted(path.stem.removeprefix('check_') for path in RANKS.glob('check_*.py'))
# What runs on the same number of processes takes one start of them.
CASES = [pytest.param(2, QUICK, id='2 quick'),
         pytest.param(2, [name for name in MODULES if name not in QUICK], marks=pytest.mark.slow, id='2'),
         pytest.param(4, FOUR, marks=pytest.mark.slow, id='4')]


@pytest.mark.parametrize(('n', 'modules'), CASES)
def test_ranks(n: int, modules: Sequence[str]) -> None:
    mpi.run(n, ['-m', 'pytest', '-x', '-q', '-p', 'no:cacheprovider', '-p', 'no:xdist', '-o', 'python_files=check_*.py',
                '--import-mode=importlib', *(RANKS / f'check_{name}.py' for name in modules)])
