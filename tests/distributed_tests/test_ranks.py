"""Runs the tests in ranks/ on several processes: each of these is a test in every process, and they go in step."""
from pathlib import Path

import pytest

from support import mpi

RANKS = Path(__file__).parent / 'ranks'


# What the numbers of ranks matter to most runs on four as well; at every change, what all else is made of.
QUICK = 'communicator', 'functions'
FOUR = 'communicator', 'functions', 'parts', 'sharded_state'
MODULES = sorted(path.stem.removeprefix('check_') for path in RANKS.glob('check_*.py'))
CASES = [pytest.param(2, name, marks=[pytest.mark.slow] * (name not in QUICK)) for name in MODULES]
CASES += [pytest.param(4, name, marks=pytest.mark.slow) for name in FOUR]


@pytest.mark.parametrize(('n', 'module'), CASES)
def test_ranks(n: int, module: str) -> None:
    mpi.run(n, ['-m', 'pytest', '-x', '-q', '-p', 'no:cacheprovider', '-p', 'no:xdist', '-o', 'python_files=check_*.py',
                '--import-mode=importlib', RANKS / f'check_{module}.py'])
