"""Runs the tests in ranks/ on several processes: each of these is a test in every process, and they go in step."""
from pathlib import Path

import pytest

from support import mpi

RANKS = Path(__file__).parent / 'ranks'


@pytest.mark.parametrize('module', sorted(path.name for path in RANKS.glob('check_*.py')))
@pytest.mark.parametrize('n', [2, pytest.param(4, marks=pytest.mark.slow)])
def test_ranks(n: int, module: str) -> None:
    mpi.run(n, ['-m', 'pytest', '-x', '-q', '-p', 'no:cacheprovider', '-p', 'no:xdist', '-o', 'python_files=check_*.py',
                '--import-mode=importlib', RANKS / module])
