"""Devices, copies between them, kernels from text, and errors, on a GPU."""
import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
from autograd_nn import backend, cuda

pytestmark = pytest.mark.gpu
X = np.arange(6, dtype='f').reshape(2, 3)


def test_there_and_back():
    x = cuda.to_gpu(X)
    assert isinstance(x, cuda.ndarray) and cuda.to_gpu(x) is x
    np.testing.assert_array_equal(cuda.to_cpu(x), X)
    assert cuda.to_cpu(X) is X and cuda.to_gpu(None) is None
    both = cuda.to_gpu((X, [X, None]))
    assert isinstance(both, tuple) and both[1][1] is None and isinstance(both[1][0], cuda.ndarray)
    assert cuda.to_gpu(3.5).shape == ()
    with pytest.raises(TypeError, match='to_gpu: expected an array, got str'):
        cuda.to_gpu('x')


def test_on_a_stream():
    stream = cuda.Stream(non_blocking=True)
    x = cuda.to_gpu(X, stream=stream)
    y = cuda.to_cpu(x, stream=stream)
    stream.synchronize()
    np.testing.assert_array_equal(y, X)


def test_copy():
    x = cuda.to_gpu(X)
    y = cuda.copy(x)
    y += 1
    np.testing.assert_array_equal(cuda.to_cpu(x), X)
    assert cuda.copy(x, out=y) is y
    np.testing.assert_array_equal(cuda.to_cpu(y), X)


def test_devices():
    x = cuda.to_gpu(X)
    assert cuda.get_device(None, X, x).id == 0 and cuda.get_device(0) == cuda.get_device_from_id(0)
    assert cuda.get_device(X) == cuda.DummyDevice and cuda.get_device_from_array(X, x).id == 0
    assert cuda.get_array_module(X, x) is cuda.cupy and ann.get_device_from_array(x).name == '@cupy:0'
    with ann.using_device('cuda:0') as device:
        assert device.xp is cuda.cupy and device.send(X).device.id == 0
    with pytest.raises(RuntimeError, match='CUDA device 99 does not exist'):
        ann.get_device('cuda:99')
    cuda.synchronize(x, X)


def test_model_goes_there_and_back():
    model = ann.links.Linear(3, 2)
    before = model.W.array
    x = model.to_device('cuda:0').xp.asarray(X)
    assert model.device.name == '@cupy:0' and isinstance(model(x).array, cuda.ndarray)
    model.to_cpu()
    np.testing.assert_array_equal(model.W.array, before)


def test_kernels_from_text():
    x = cuda.to_gpu(X)
    square = cuda.elementwise('T x', 'T y', 'y = x * x', 'test_square')
    assert square is cuda.elementwise('T x', 'T y', 'y = x * x', 'test_square')
    np.testing.assert_array_equal(cuda.to_cpu(square(x)), X * X)
    total = cuda.reduce('T x', 'T y', 'x', 'a + b', 'y = a', '0', 'test_total')
    np.testing.assert_array_equal(cuda.to_cpu(total(x, axis=1)), X.sum(1))
    twice = cuda.raw('extern "C" __global__ void twice(float* x) { x[threadIdx.x] *= 2; }', 'twice')
    twice((1,), (6,), (x,))
    np.testing.assert_array_equal(cuda.to_cpu(x), 2 * X)


def test_a_text_that_does_not_compile():
    with pytest.raises(RuntimeError, match=r'the CUDA kernel test_wrong does not compile.*error'):
        cuda.elementwise('T x', 'T y', 'y = no_such_function(x)', 'test_wrong')(cuda.to_gpu(X))


@pytest.mark.parametrize('f', [F.add, F.matmul, F.linear, F.minimum])
def test_arrays_on_different_devices(f):
    with pytest.raises(TypeError, match='expected arrays on one device, got @cupy:0 and @numpy'):
        f(cuda.to_gpu(np.ones((2, 2))), np.ones((2, 2)))
    with pytest.raises(TypeError, match='kernels: expected arrays on one device'):
        backend.kernels(cuda.to_gpu(X), X)


def test_out_of_memory():
    pool = cuda.memory_pool
    before = pool.get_limit()
    pool.set_limit(pool.used_bytes() + (1 << 20))
    try:
        with pytest.raises(MemoryError, match=r'out of memory on device 0: asked for 64.0 MiB.*free.*pool holds'):
            cuda.cupy.empty(1 << 24, 'f')
    finally:
        pool.set_limit(before)


def test_numbers_of_one_seed():
    def draw():
        ann.random.seed(3)
        x = cuda.to_gpu(np.ones((50, 40), 'f'))
        return [cuda.to_cpu(y.array) for y in (F.dropout(x), F.gaussian(x, x), F.zoneout(x, 2 * x))]

    for first, second in zip(draw(), draw()):
        np.testing.assert_array_equal(first, second)
    dropped = draw()[0]
    assert set(np.unique(dropped)) == {0, 2} and 0.45 < (dropped == 0).mean() < 0.55


def test_gradients_of_look_ups_in_a_fixed_order():
    gy, ids = np.random.normal(size=(500, 8)).astype('f'), np.random.randint(0, 20, 500)
    expected = np.zeros((20, 8))
    np.add.at(expected, ids, gy)
    for deterministic in False, True:
        with ann.using_config('cudnn_deterministic', deterministic):
            gW = backend.kernels(cuda.to_gpu(gy)).embedding_grad(cuda.to_gpu(gy), cuda.to_gpu(ids), (20, 8))
        np.testing.assert_allclose(cuda.to_cpu(gW), expected, rtol=1e-4, atol=1e-4)


def test_labels_of_no_class_are_seen():
    x, t = cuda.to_gpu(np.zeros((3, 4), 'f')), cuda.to_gpu(np.array([0, 4, -2]))
    loss = cuda.to_cpu(F.softmax_cross_entropy(x, t, reduce='no').array)
    np.testing.assert_allclose(loss[0], np.log(4), rtol=1e-6)
    assert np.isnan(loss[1:]).all()
    with ann.using_config('debug', True), pytest.raises(ValueError, match='t contains 4'):
        F.softmax_cross_entropy(x, t)
