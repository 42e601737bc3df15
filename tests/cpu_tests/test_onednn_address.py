"""Addresses of arrays are read out of their objects in CPython alone, and only where that finds what NumPy says."""
import ctypes
import logging
import sys
import types

import numpy as np
import pytest

from autograd_nn.cpu import onednn
from autograd_nn.cpu.onednn import address, primitive

ARRAYS = [np.zeros(3), np.zeros((4, 5), 'f')[1:, ::-2], np.zeros((2, 3), 'B').T, np.zeros(2).view(np.recarray),
          np.zeros(())]


def never(array):
    raise AssertionError('an array object was read')


@pytest.mark.parametrize('array', ARRAYS)
@pytest.mark.parametrize('function', [address.address, address.ask_numpy])
def test_addresses(array, function):
    assert function(array) == array.ctypes.data


@pytest.mark.skipif(sys.implementation.name != 'cpython', reason='objects have no address that is known')
def test_cpython_reads():
    assert address.why_not_read() is None
    assert address.address is address.chosen() is address.read_from_object


def test_other_implementations_ask_numpy(monkeypatch, caplog):
    """Without a try: it may end the process."""
    monkeypatch.setattr(address, 'sys', types.SimpleNamespace(implementation=types.SimpleNamespace(name='pypy')))
    monkeypatch.setattr(address, 'read_from_object', never)
    with caplog.at_level(logging.DEBUG, address.__name__):
        assert address.chosen() is address.ask_numpy
    assert 'not in pypy' in caplog.text


@pytest.mark.parametrize(('name', 'value', 'message'), [
    ('_HEADER', object.__basicsize__ + ctypes.sizeof(ctypes.c_void_p), 'does not begin with the place'),
    ('_HEADER', np.ndarray.__basicsize__, 'has no fields behind its header'),
])
def test_another_layout_of_arrays_asks_numpy(monkeypatch, caplog, name, value, message):
    monkeypatch.setattr(address, name, value)
    with caplog.at_level(logging.DEBUG, address.__name__):
        assert address.chosen() is address.ask_numpy
    assert message in caplog.text


@pytest.mark.skipif(onednn.load()[0] is None, reason=onednn.load()[1])
def test_kernels_compute_the_same_with_either(monkeypatch):
    random = np.random.RandomState(0)
    x, W = random.randn(2, 8, 6, 6).astype('f'), random.randn(4, 8, 3, 3).astype('f')
    results = []
    for function in (primitive.address, address.ask_numpy):
        monkeypatch.setattr(primitive, 'address', function)
        results.append(onednn.convolution(x, W, None, (1, 1), (1, 1), (1, 1), 1))
    np.testing.assert_array_equal(*results)
