"""Signals that arrive while oneDNN computes."""
import subprocess
import sys

import pytest

from autograd_nn.cpu import onednn

pytestmark = pytest.mark.skipif(onednn.load()[0] is None, reason='oneDNN is not there')

SHAKEN = """
import signal
import time
import numpy as np
import autograd_nn as ann
from autograd_nn.backend import kernels
from autograd_nn.cpu.onednn import signal_stack

rng = np.random.default_rng(0)
x, W, gy = (rng.standard_normal(shape).astype('f') for shape in [(20, 784), (784, 1000), (20, 1000)])
products = [(a, b, a @ b) for a, b in [(x, W), (x.T, gy), (gy, W.T)]]
counts = [0, 0]


def handle(signum, frame):
    counts[0] += 1


with ann.using_config('num_threads', 1):
    kernels().matmul(x, W)
    assert signal_stack.has_one()
    signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 3e-4, 3e-4)
    while counts[0] < 2000:
        for a, b, y in products:
            counts[1] += not np.allclose(kernels().matmul(a, b), y, rtol=1e-3, atol=1e-3)
    signal.setitimer(signal.ITIMER_REAL, 0)
print('wrong:', counts[1])
"""


def test_signals_in_the_middle_of_products():
    """Kernels for AVX keep values where the system would put the handler's frame on the usual stack."""
    done = subprocess.run([sys.executable, '-c', SHAKEN], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, 'wrong: 0\n'), done.stderr
