"""What the printing hook shows."""
import io

import numpy as np

import autograd_nn as ann
import autograd_nn.functions as F
from autograd_nn.function_hooks import PrintHook


def test_forward_and_backward():
    file = io.StringIO()
    x = ann.Variable(np.array([1, 3], 'f'))
    with PrintHook(file=file):
        F.tanh(x).sum().backward()
    lines = file.getvalue().splitlines()
    assert lines[:2] == ['forward of Tanh', '  input 0: shape (2,), float32, @numpy, mean 2, std 1']
    start = lines.index('backward of Tanh')
    assert lines[start + 1:start + 3] == ['  input 0: not kept',
                                          '  gradient of output 0: shape (2,), float32, @numpy, mean 1, std 0']


def test_one_function_only():
    file = io.StringIO()
    x = ann.Variable(np.array([1., 3.]))
    y = F.exp(x)
    y.creator.add_hook(PrintHook(file=file))
    F.sum(y).backward()
    assert [line for line in file.getvalue().splitlines() if line[0] != ' '] == ['backward of Exp']


def test_empty_integer_and_missing_arrays():
    file = io.StringIO()
    x = ann.Variable(np.zeros((0, 2)))
    with PrintHook(file=file, sep='', end='|'):
        y, _ = F.split_axis(x, 2, 1)
        y.grad = np.zeros((0, 1))
        y.backward()
        F.softmax_cross_entropy(np.zeros((2, 3)), np.array([0, 2]))
    lines = file.getvalue().split('|')
    assert '  input 0:shape (0, 2), float64, @numpy' in lines
    assert '  gradient of output 1:none' in lines
    assert '  input 1:shape (2,), int64, @numpy, mean 1, std 1' in lines
