"""The communicator between GPUs, where there are none: on CUDA in software, with a stand-in for NCCL."""
import os

import pytest

from cuda_tests.conftest import NEEDED, TESTS
from support import mpi

MODULE = TESTS / 'distributed_tests' / 'ranks' / 'gpu' / 'check_nccl.py'


@pytest.mark.slow
@pytest.mark.parametrize('n', [2, 4])
def test_ranks(n: int) -> None:
    for reason, condition in NEEDED.items():
        if not condition:
            pytest.skip(reason)
    path = os.pathsep.join(filter(None, [str(TESTS), os.environ.get('PYTHONPATH')]))
    mpi.run(n, ['-m', 'pytest', '-x', '-q', '-p', 'no:cacheprovider', '-p', 'no:xdist', '-o', 'python_files=check_*.py',
                '--import-mode=importlib', MODULE], PYTHONPATH=path, CUDA_SOFTWARE='1')
