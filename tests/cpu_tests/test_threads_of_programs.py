"""Threads in processes of their own: how many there are by default, and what becomes of them at the end."""
import os
import subprocess
import sys

import pytest

from autograd_nn.config import threads_from_environment


def run(program, **environment):
    return subprocess.run([sys.executable, '-W', 'ignore', '-c', program], env={**os.environ, **environment},
                          capture_output=True, text=True, timeout=300)


FORK = '''
import os, threading
from autograd_nn import config
from autograd_nn.cpu import threads

config.num_threads = 3
def both(item):
    barrier.wait(60)
barrier = threading.Barrier(3)
threads.run(both, range(3))
child = os.fork()
barrier = threading.Barrier(3)
threads.run(both, range(3))
if child:
    assert not os.waitpid(child, 0)[1]
    threads.run(both, range(3))
else:
    os._exit(0)
'''


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='no fork here')
def test_fork():
    done = run(FORK)
    assert not done.returncode, done.stderr


def test_the_process_ends_while_threads_wait():
    done = run('import os; from autograd_nn.cpu import threads; threads.run(lambda i: os.write(1, b"1"), [1, 1, 1])',
               AUTOGRAD_NN_NUM_THREADS='3')
    assert (done.returncode, done.stdout, done.stderr) == (0, '111', '')


def test_environment(monkeypatch):
    show = 'from autograd_nn import config; from autograd_nn.cpu import threads; print(config.num_threads)'
    assert run(show, AUTOGRAD_NN_NUM_THREADS='7').stdout == '7\n'
    for variables, expected in [(('7', ''), 7), (('0', ''), None), (('', ''), None), (('', '3'), 3), (('', '4,2'), 4),
                                (('5', '3'), 5), (('0', '3'), None), (('', 'many'), None)]:
        for name, value in zip(('AUTOGRAD_NN_NUM_THREADS', 'OMP_NUM_THREADS'), variables):
            monkeypatch.setenv(name, value)
        assert threads_from_environment() == expected, variables


@pytest.mark.parametrize('variable', [None, 'OMP_NUM_THREADS', 'AUTOGRAD_NN_NUM_THREADS'])
def test_a_limit_is_for_all_libraries_unless_the_user_has_set_one(variable):
    """OpenBLAS, which NumPy brings along, says how many threads it has."""
    code = '''if True:
        import ctypes
        from pathlib import Path
        from autograd_nn.cpu import threads
        print(threads.limit(1))
        for path in threads._libraries('openblas'):
            library = ctypes.CDLL(path)
            print(*[getattr(library, name)() for name in ('scipy_openblas_get_num_threads64_',
                                                          'openblas_get_num_threads64_') if hasattr(library, name)])
    '''
    environ = {name: value for name, value in os.environ.items() if not name.endswith('NUM_THREADS')}
    if variable is not None:
        environ[variable] = '2'
    shown = subprocess.run([sys.executable, '-c', code], env=environ, check=True, capture_output=True, text=True).stdout
    if variable is None:
        assert set(shown.split()) == {'1'}
    else:
        assert shown.split()[0] == '2'
