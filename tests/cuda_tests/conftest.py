"""A session of the tests of kernels on the emulated GPU, which several tests look at."""
import os
import subprocess
import sys
from pathlib import Path

import pytest

# A program that needs cuDNN.
collect_ignore = ['plan_graphs.py']

ROOT = Path(__file__).parent.parent.parent


def run_on_emulated_gpu(*arguments: str, log: Path | None = None) -> subprocess.CompletedProcess:
    """Runs pytest in a process of its own, where the stand-in for CuPy is the one that autograd_nn finds."""
    environment = {**os.environ, 'CUDA_EMULATOR': '1'}
    if log is not None:
        environment['CUDA_EMULATOR_LOG'] = str(log)
    return subprocess.run([sys.executable, '-m', 'pytest', '-q', '-p', 'no:cacheprovider',
                           *arguments], cwd=ROOT, env=environment, capture_output=True, text=True)


class KernelSession:
    """The tests of kernels on the emulated GPU: how they ended, and the directory of what ran."""

    def __init__(self, log: Path, status: int, output: str) -> None:
        self.log, self.status, self.output = log, status, output


@pytest.fixture(scope='session')
def kernel_session(tmp_path_factory):
    """Runs them once, however many test processes there are."""
    import fcntl  # where there is an emulated GPU, there is this module
    root = tmp_path_factory.getbasetemp()
    if 'PYTEST_XDIST_WORKER' in os.environ:
        root = root.parent
    log, result = root / 'kernel_log', root / 'kernel_result'
    with (root / 'kernel_lock').open('w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not result.exists():
            log.mkdir()
            done = run_on_emulated_gpu('-m', 'gpu', 'tests/cpu_tests', 'tests/cuda_tests', log=log)
            result.write_text(f'{done.returncode}\n{done.stdout[-20000:]}\n{done.stderr[-2000:]}')
    status, _, output = result.read_text().partition('\n')
    return KernelSession(log, int(status), output)
