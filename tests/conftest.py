"""Settings that all tests share.

With ``CUDA_SOFTWARE=1`` in the environment this session has CuPy, on CUDA in software (`cuda_software/__init__.py`).
"""
import atexit
import gc
import os
import shutil
import signal
import sys
import tempfile

# Programs that tests start would compile the whole package, each of them, where byte code may not be written beside it.
if os.environ.pop('PYTHONDONTWRITEBYTECODE', None):
    os.environ['PYTHONPYCACHEPREFIX'] = sys.pycache_prefix = tempfile.mkdtemp(prefix='byte_code_')
    sys.dont_write_bytecode = False
    atexit.register(shutil.rmtree, sys.pycache_prefix, ignore_errors=True)

if os.environ.get('CUDA_SOFTWARE'):
    import cuda_software
    cuda_software.install()

# Programs speak English in tests, whatever the language of the machine is.
os.environ['LANGUAGE'] = 'C'

# A shell has what it starts in the background ignore Ctrl-C, which some tests are about.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Parallel test processes fill the cores; more threads in each would only wait for one another.
if 'PYTEST_XDIST_WORKER' in os.environ:
    os.environ.setdefault('OPENBLAS_NUM_THREADS', '1')
    os.environ.setdefault('AUTOGRAD_NN_NUM_THREADS', '1')

import hypothesis
import numpy as np
import pytest

from autograd_nn import cuda, global_config
from autograd_nn.cpu import onednn

# The second is a program that needs cuDNN.
collect_ignore = ['cuda_software', 'support/cuda/plan_graphs.py']

# Each type of a kernel is compiled for CUDA in software, which takes longer than all that is computed with it.
hypothesis.settings.register_profile('default', max_examples=5 if os.environ.get('CUDA_SOFTWARE') else 25,
                                     deadline=None, derandomize=True)
hypothesis.settings.load_profile('default')


def pytest_report_header():
    """Says what the tests of kernels run on."""
    present = {'NumPy': True, 'oneDNN': onednn.load()[0] is not None, 'GPU': cuda.available}
    return f"back ends: {', '.join(name for name, there in present.items() if there)}"


def pytest_collection_modifyitems(config, items):
    """Where there is no GPU, tests that need one are left out; those that fork this process come first.

    What they take is mostly copying its tables of pages, several times as many when all others have left their traces.
    """
    items.sort(key=lambda item: {'iterators_tests', 'test_parallel_updaters.py'}.isdisjoint(item.path.parts))
    if not cuda.available:
        needing = [item for item in items if item.get_closest_marker('gpu')]
        config.hook.pytest_deselected(items=needing)
        items[:] = [item for item in items if not item.get_closest_marker('gpu')]


def pytest_collection_finish():
    """The garbage collector passes over the tests themselves: 4,000 of functions, core and links take 8 % less time."""
    gc.collect()
    gc.freeze()


def pytest_collectstart(collector):
    """Weights that a module makes when it is imported are the same in every run, whatever was imported before."""
    np.random.seed(0)


@pytest.fixture(autouse=True)
def fixed_seed():
    """Every test starts from the same random numbers."""
    np.random.seed(0)


@pytest.fixture(autouse=True)
def own_configuration():
    """What a test sets for the whole program ends with it: more threads, say, would hold up all tests behind it."""
    before = dict(vars(global_config))
    yield
    for name, value in before.items():
        if vars(global_config)[name] is not value:
            setattr(global_config, name, value)


def pytest_terminal_summary(terminalreporter):
    """Prints what tests report of themselves (``record_property('report', ...)``)."""
    reports = [value for report in terminalreporter.stats.get('passed', []) for key, value in report.user_properties
               if key == 'report']
    if reports:
        terminalreporter.section('reports of tests')
        terminalreporter.write_line('\n'.join(reports))
