"""Sessions of tests with CuPy on CUDA in software (`cuda_software`), which tests start where there is no GPU."""
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import cuda_software
from autograd_nn import cuda

TESTS = Path(__file__).parent.parent
NEEDED = {
    'this session has a GPU': not cuda.available,
    'CUDA in software needs Linux on x86-64 and a C++ compiler':
        sys.platform == 'linux' and platform.machine() == 'x86_64' and shutil.which(cuda_software.COMPILER) is not None,
    'CuPy is not there (CUPY_PACKAGES: cupy-cuda12x and cuda-pathfinder)': cuda_software.packages() is not None}


def _environment():
    """That of this process, without what says that it is one of several that test."""
    return {name: value for name, value in os.environ.items() if not name.startswith('PYTEST_XDIST')}


@pytest.fixture(scope='session')
def run():
    """Runs Python with arguments, where CUDA in software can be, and returns what it prints."""
    for reason, condition in NEEDED.items():
        if not condition:
            pytest.skip(reason)

    def run(*arguments, **environment):
        path = os.pathsep.join(filter(None, [str(TESTS), os.environ.get('PYTHONPATH')]))
        done = subprocess.run([sys.executable, *map(str, arguments)], cwd=TESTS.parent, capture_output=True, text=True,
                              env={**_environment(), 'PYTHONPATH': path, **environment})
        assert done.returncode == 0, f'{done.stdout[-20000:]}\n{done.stderr[-2000:]}'
        return done.stdout
    return run


@pytest.fixture(scope='session')
def run_tests(run):
    """Runs pytest with arguments and CUDA in software."""
    def run_tests(*arguments, **environment):
        output = run('-m', 'pytest', '-q', '-p', 'no:cacheprovider', *arguments, CUDA_SOFTWARE='1', **environment)
        assert ' passed' in output
    return run_tests


@pytest.fixture(scope='session')
def kernel_log(tmp_path_factory, run_tests):
    """The directory of what the tests of kernels ran, which passed; once, however many test processes there are."""
    import fcntl  # where CUDA in software can be, there is this module
    root = tmp_path_factory.getbasetemp()
    if 'PYTEST_XDIST_WORKER' in os.environ:
        root = root.parent
    log, result = root / 'kernel_log', root / 'kernel_result'
    with (root / 'kernel_lock').open('w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not result.exists():
            log.mkdir()
            try:
                # The other processes wait for the log meanwhile.
                run_tests('-n', 'auto', '-m', 'gpu', TESTS / 'cpu_tests', TESTS / 'cuda_tests',
                          CUDA_SOFTWARE_LOG=str(log))
                result.write_text('')
            except AssertionError as error:
                result.write_text(str(error))
    assert not result.read_text(), result.read_text()
    return log
