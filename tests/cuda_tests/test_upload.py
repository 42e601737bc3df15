"""Copies from the host beside the computation."""
import os

import numpy as np
import pytest

import autograd_nn as ann
from autograd_nn import cuda
from autograd_nn.cuda import capture, upload
from autograd_nn.dataset.convert import ConcatWithAsyncTransfer, Conveyor

pytestmark = pytest.mark.gpu


@pytest.fixture
def sent(monkeypatch):
    """The sizes of the arrays that go this way."""
    sizes = []
    send = upload.upload
    monkeypatch.setattr(upload, 'upload', lambda array: (sizes.append(array.nbytes), send(array))[1])
    return sizes


@pytest.mark.parametrize('dtype', ['e', 'f', 'd', 'i', '?', 'B'])
@pytest.mark.parametrize('order', ['C', 'F', 'gaps'])
def test_values(dtype, order, sent):
    device = ann.get_device('cuda:0')
    for n in 40, 300, 41, 500, 7, 300, 300:
        x = (np.random.uniform(0, 200, (n, 600)) if order != 'gaps' else
             np.random.uniform(0, 200, (n, 1200))[:, ::2]).astype(dtype, order='K')
        x = np.asfortranarray(x) if order == 'F' else x
        y = device.send(x)
        exact = x.copy()
        x[...] = 1  # what is done to the array afterwards is not seen
        np.testing.assert_array_equal(cuda.to_cpu(y), exact)
        assert y.dtype == x.dtype
    assert len(sent) >= 3


def test_sizes(sent, monkeypatch):
    device = ann.get_device('cuda:0')
    device.send((np.ones(10), {'x': np.ones(upload._SMALLEST // 8 - 1)}))
    assert not sent
    device.send(np.ones(upload._SMALLEST // 8))
    monkeypatch.setattr(upload, '_LARGEST', 1 << 17)
    device.send(np.ones((1 << 17) // 8 + 1))
    assert sent == [upload._SMALLEST]
    assert not upload.is_worth_it(np.ones(10_000, '>f8')) and not upload.is_worth_it(np.full(10_000, None))


def test_many_in_a_row(sent):
    """More arrays than places, all of which are used later."""
    device = ann.get_device('cuda:0')
    xs = [np.full(20_000, i, 'f') for i in range(4 * upload._PLACES)]
    for i, y in enumerate([device.send(x) for x in xs]):
        np.testing.assert_array_equal(cuda.to_cpu(y), i)
    assert len(sent) == len(xs)


def test_another_device(sent):
    if cuda.cupy.cuda.runtime.getDeviceCount() < 2:
        pytest.skip('there is one GPU')
    x = np.random.uniform(size=20_000)
    for name in '@cupy:1', '@cupy:0', '@cupy:1':
        y = ann.get_device(name).send(x)
        assert str(ann.get_device_from_array(y)) == name
        np.testing.assert_array_equal(cuda.to_cpu(y), x)
    assert len(sent) == 3


@pytest.mark.skipif('CUDA_SOFTWARE' not in os.environ, reason='CUDA is not in software')
def test_a_computation_that_does_not_wait_is_noticed(monkeypatch):
    x = np.random.uniform(size=20_000)
    monkeypatch.setattr(cuda.Stream, 'wait_event', lambda self, event: None)
    upload._local.__dict__.clear()
    y = ann.get_device('cuda:0').send(x)
    assert not np.array_equal(cuda.to_cpu(y), x)
    upload._local.__dict__.clear()


def test_within_a_graph():
    with pytest.raises(capture.CaptureError, match='copies 160000 bytes from the host'):
        capture.CapturedGraph(lambda: ann.get_device('cuda:0').send(np.ones(20_000)))
    np.testing.assert_array_equal(cuda.to_cpu(ann.get_device('cuda:0').send(np.ones(20_000))), 1)


@pytest.mark.parametrize('waits', [False, True])
def test_streams_of_ones_own(waits):
    """Arrays come into being on one stream, and another one waits for them, or the host does."""
    stream, compute_stream = cuda.Stream(non_blocking=True), cuda.Stream(non_blocking=True)
    convert = ConcatWithAsyncTransfer(stream, compute_stream if waits else None)
    images = np.random.rand(4, 100, 100).astype('f')
    batch = [{'x': image, 't': i} for i, image in enumerate(images)]
    for device in 0, 'cuda:0', ann.get_device('cuda:0'):
        arrays = convert(batch, device)
        with compute_stream:
            doubled = 2 * arrays['x']
        compute_stream.synchronize()
        np.testing.assert_array_equal(cuda.to_cpu(doubled), 2 * images)
        assert cuda.to_cpu(arrays['t']).tolist() == [0, 1, 2, 3]
    conveyor = Conveyor(0, stream)
    conveyor.put(images)
    array = conveyor.get(sync=False)
    stream.synchronize()
    np.testing.assert_array_equal(cuda.to_cpu(array), images)
