"""The kernels through oneDNN are given any arguments: in this process, in another one, and in several threads."""
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_nn.cpu import onednn
from support import random_arguments

pytestmark = [pytest.mark.skipif(onednn.load()[0] is None, reason=onednn.load()[1]),
              pytest.mark.filterwarnings('ignore::RuntimeWarning', 'ignore:Casting complex')]


@pytest.mark.parametrize('name', random_arguments.KERNELS)
@given(seed=st.integers(0, 2 ** 32 - 1))
def test_any_arguments(name, seed):
    """Those that fit give what NumPy gives; others are refused by name, or mean the same to both."""
    random_arguments.check(name, seed)


def test_no_arguments_end_the_process():
    done = subprocess.run([sys.executable, '-W', 'ignore', '-X', 'faulthandler', random_arguments.__file__, '20'],
                          capture_output=True, text=True)
    assert done.stdout == 'done\n', done.stderr


def test_threads_of_all_kernels():
    failures = []

    def work(start):
        try:
            for name in random_arguments.KERNELS:
                for seed in range(start, start + 3):
                    random_arguments.check(name, seed)
        except BaseException as error:
            failures.append(error)

    workers = [threading.Thread(target=work, args=(2 * i,)) for i in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not failures


@pytest.mark.skipif(not Path('/proc/self/statm').exists(), reason='this system does not say how much memory is in use')
def test_memory_of_primitives_is_given_back():
    """Over thousands of primitives that are made and go; oneDNN itself keeps some that are still wanted."""
    code = '''
import numpy as np
from autograd_nn.cpu import onednn
from autograd_nn.cpu.onednn import primitive
primitive.CAPACITY = 20

def megabytes():
    with open('/proc/self/statm') as file:
        return int(file.read().split()[1]) * 4096 / 1e6

def compute():
    one = np.ones(8, 'f')
    for i in range(80):
        x = np.ones((1 + i % 5, 8, 3 + i % 7, 4 + i % 11), 'f')
        y, indexes = onednn.max_pooling(x, (2, 2), (2, 2), (0, 0), True)
        onednn.max_pooling_grad(y, indexes, x.shape[2:], (2, 2), (2, 2), (0, 0))
        y, mean, inv_std, mask = onednn.batch_normalization(x, one, one, 0.1, (0, 2, 3), True)
        onednn.batch_normalization_grad(x, one, y, mean, inv_std, (0, 2, 3), mask)

compute()
before = megabytes()
for _ in range(4):
    compute()
print(megabytes() - before)
'''
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert float(done.stdout) < 3, done.stderr
