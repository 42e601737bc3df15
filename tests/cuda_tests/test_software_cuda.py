"""CUDA in software itself (`cuda_software`): what kernels compute on it, and what it refuses."""
import os
from pathlib import Path

import numpy as np
import pytest

import cuda_software
from autograd_nn import cuda

pytestmark = [pytest.mark.gpu, pytest.mark.skipif('CUDA_SOFTWARE' not in os.environ, reason='CUDA is not in software')]
cupy = cuda.cupy
FAILURES = () if cupy is None else (cupy.cuda.driver.CUDADriverError, cupy.cuda.runtime.CUDARuntimeError)


def on_gpu(*shape, dtype='f'):
    return cupy.asarray(np.random.uniform(0.5, 2, shape).astype(dtype))


@pytest.fixture
def runtime():
    return cupy.cuda.runtime


def test_cupy_is_cupy():
    assert Path(cupy.__file__).is_relative_to(cuda_software.packages())
    assert cupy.show_config.__module__ == 'cupy'


def test_new_memory_holds_no_numbers(runtime):
    address, x = runtime.malloc(8), np.zeros(2, 'f')
    runtime.memcpy(x.ctypes.data, address, 8, runtime.memcpyDeviceToHost)
    runtime.free(address)
    assert np.isnan(x).all()


def test_copies_that_are_not_what_they_say(runtime):
    address, x = runtime.malloc(8), np.zeros(2, 'f')
    for target, source, size, kind in ((address, x.ctypes.data, 8, runtime.memcpyDeviceToHost),
                                       (address, x.ctypes.data, 16, runtime.memcpyHostToDevice),
                                       (x.ctypes.data, address, 8, runtime.memcpyDeviceToDevice)):
        with pytest.raises(runtime.CUDARuntimeError, match='InvalidValue'):
            runtime.memcpy(target, source, size, kind)
    runtime.free(address)
    with pytest.raises(runtime.CUDARuntimeError, match='InvalidValue'):
        runtime.free(address)


@pytest.mark.parametrize('non_blocking, wrong, name', [
    (True, lambda stream, x: stream.synchronize(), 'StreamCaptureUnsupported'),
    (True, lambda stream, x: cupy.cuda.Device().synchronize(), 'StreamCaptureUnsupported'),
    (False, lambda stream, x: cupy.cuda.runtime.memsetAsync(x.data.ptr, 0, 4, 0), 'StreamCaptureImplicit')])
def test_what_breaks_a_capture(runtime, non_blocking, wrong, name):
    x, stream = cupy.zeros(3, 'f'), cupy.cuda.Stream(non_blocking=non_blocking)
    with stream:
        stream.begin_capture()
        x += 1
        with pytest.raises(runtime.CUDARuntimeError, match=name):
            wrong(stream, x)
        with pytest.raises(runtime.CUDARuntimeError, match='StreamCaptureInvalidated'):
            stream.end_capture()
    assert float(x.sum()) == 0


def test_graphs_keep_arguments_and_repeat_work():
    x, stream = cupy.zeros(3, 'f'), cupy.cuda.Stream(non_blocking=True)
    with stream:
        stream.begin_capture()
        for number in range(4):
            x += number
        graph = stream.end_capture()
        assert float(x.sum()) == 0
        graph.launch()
        graph.launch()
        assert x.tolist() == [12, 12, 12]


def test_what_nobody_waited_for_is_not_there():
    x, stream = cupy.zeros(3, 'f'), cupy.cuda.Stream(non_blocking=True)
    cupy.cuda.get_current_stream().synchronize()
    with stream:
        x += 1
    assert x.tolist() == [0, 0, 0]
    cupy.cuda.get_current_stream().wait_event(stream.record())
    assert x.tolist() == [1, 1, 1]


def test_devices_do_not_mix(runtime):
    with cupy.cuda.Device(1):
        y = on_gpu(3)
        assert (y + y).device.id == 1
    x, add = on_gpu(3), cupy.ElementwiseKernel('T x, T y', 'T z', 'z = x + y', 'add')
    for mistake in lambda: x + y, lambda: add(x, y):
        with pytest.raises(ValueError, match='device where the array resides'):
            mistake()
    assert cupy.array(y).device.id == 0
    with pytest.raises(runtime.CUDARuntimeError):
        cupy.cuda.Device(2).use()


def test_half_precision_is_that_of_numpy():
    bits = np.arange(1 << 16).astype('H')
    widen = cupy.ElementwiseKernel('float16 x', 'float32 y', 'y = x', 'widen')
    np.testing.assert_array_equal(widen(cupy.asarray(bits.view('e'))).get(), bits.view('e').astype('f'))
    x = np.concatenate([np.random.uniform(-2, 2, 5000), np.random.uniform(-7e4, 7e4, 500), [65519, 65520, np.inf, -0.],
                        np.random.uniform(-1e-4, 1e-4, 5000), [2. ** -24, 2. ** -25, 3 * 2. ** -25, np.nan]])
    x = x.astype('f')
    narrow = cupy.ElementwiseKernel('float32 x', 'float16 y', 'y = x', 'narrow')
    with np.errstate(over='ignore'):
        np.testing.assert_array_equal(narrow(cupy.asarray(x)).get(), x.astype('e'))


def test_special_functions():
    scipy = pytest.importorskip('scipy.special')
    for name, low, high, expected in [('erfinv', -0.999, 0.999, scipy.erfinv), ('erfcinv', 1e-10, 1.99, scipy.erfcinv),
                                      ('erfcx', -3, 40, scipy.erfcx), ('normcdf', -8, 8, scipy.ndtr),
                                      ('normcdfinv', 1e-12, 1 - 1e-12, scipy.ndtri), ('rsqrt', 0.1, 9, np.reciprocal),
                                      ('cospi', -3, 3, None)]:
        x = np.random.uniform(low, high, 200)
        y = cupy.ElementwiseKernel('T x', 'T y', f'y = {name}(x)', f'run_{name}')(cupy.asarray(x)).get()
        exact = np.cos(np.pi * x) if expected is None else x ** -0.5 if name == 'rsqrt' else expected(x)
        np.testing.assert_allclose(y, exact, 1e-12, 1e-13, err_msg=name)


@pytest.mark.parametrize('text, message', [('y = nothing(x)', 'nothing'), ('x = 1; y = x', 'read-only')])
def test_texts_that_do_not_compile(text, message):
    with pytest.raises(cupy.cuda.compiler.CompileException, match=message):
        cupy.ElementwiseKernel('T x', 'T y', text, 'wrong')(cupy.ones(3))


@pytest.mark.parametrize('operation, message', [
    ('y = x[i + 1]', 'kernel beyond: index 12 is out of bounds for size 12'),
    ('int at[] = {2, 4}; y = x[at]', 'kernel beyond: index 4 is out of bounds for size 4'),
    ('int at[] = {-1, 0}; y = x[at]', 'kernel beyond: index -1 is out of bounds for size 3')])
def test_elements_that_arrays_do_not_have(operation, message):
    beyond = cupy.ElementwiseKernel('raw T x', 'T y', operation, 'beyond')
    for x in on_gpu(3, 4), on_gpu(4, 3).T, on_gpu(5, 4)[1:4]:
        with pytest.raises(FAILURES, match=message):
            beyond(x, size=12)


def test_elements_that_are_not_taken():
    """CuPy assigns where a mask is true by a kernel that refers to the element before the first one."""
    x = cupy.arange(6, dtype='f').reshape(2, 3)
    x[cupy.asarray([[False, True, False]] * 2)] = 7
    assert x.tolist() == [[0, 7, 2], [3, 7, 5]]


@pytest.mark.parametrize('text, what', [('x[0] = x[at]', 'reads'), ('x[at] = 1', 'writes'),
                                        ('atomicAdd(x + at, 1)', 'reads')])
@pytest.mark.parametrize('shape', [(12,), (128,), (1000,)])
def test_pointers_beyond_an_array(text, what, shape):
    kernel = cupy.RawKernel(f'extern "C" __global__ void move(float* x, int at) {{ {text}; }}', 'move')
    with cupy.cuda.using_allocator(cupy.cuda.MemoryPool().malloc):  # in the usual pool, an array may follow at once
        x = on_gpu(*shape)
    for at in (0, x.size - 1):
        kernel((1,), (1,), (x, np.int32(at)))
    for at in (-1, x.size):
        with pytest.raises(FAILURES, match=f'kernel move: it {what} 4 bytes'):
            kernel((1,), (1,), (x, np.int32(at)))


def test_arguments_and_sizes_of_a_launch():
    kernel = cupy.RawKernel('extern "C" __global__ void one(float* x) { x[0] = 1; }', 'one')
    with pytest.raises(TypeError, match='a kernel takes 1 arguments, 2 given'):
        kernel((1,), (1,), (on_gpu(1), np.int32(1)))
    for grid, block in ((1,), (2000,)), ((1, 1 << 16), (1,)):
        with pytest.raises(FAILURES, match='InvalidValue'):
            kernel(grid, block, (on_gpu(1),))


SUM = '''
template <typename T> __global__ void sum(const T* x, T* y, int n) {
    extern __shared__ double parts[];
    double mine = 0;
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += blockDim.x * gridDim.x) mine += x[i];
    for (int k = 16; k > 0; k /= 2) mine += __shfl_down_sync(0xffffffff, mine, k);
    if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = mine;
    __syncthreads();
    if (threadIdx.x > 0) return;
    for (int k = 1; k < blockDim.x / 32; ++k) mine += parts[k];
    atomicAdd(y, (T)mine);
}'''


@pytest.mark.parametrize('dtype, kind', [('f', 'float'), ('d', 'double')])
def test_threads_of_a_block_work_together(dtype, kind):
    x, y = on_gpu(1000, dtype=dtype), cupy.zeros(1, dtype)
    kernel = cupy.RawModule(code=SUM, name_expressions=['sum<float>', 'sum<double>']).get_function(f'sum<{kind}>')
    kernel((3,), (96,), (x, y, np.int32(1000)), shared_mem=24)
    assert float(y[0]) == pytest.approx(x.get().sum(), rel=1e-5)


def test_threads_that_do_not_meet():
    """Threads that have ended count as met, as on a GPU; those that wait at different barriers never go on."""
    meet = 'extern "C" __global__ void meet() {{ {} }}'
    cupy.RawKernel(meet.format('if (threadIdx.x < 5) __syncthreads();'), 'meet')((1,), (64,), ())
    never = 'if (threadIdx.x < 40) __shfl_sync(~0u, 1, 0); else __syncthreads(); __shfl_sync(~0u, 1, 0);'
    with pytest.raises(FAILURES, match='wait at a barrier'):
        cupy.RawKernel(meet.format(never), 'meet')((1,), (64,), ())


def test_the_order_of_threads_and_blocks_changes():
    kernel = cupy.RawKernel('extern "C" __global__ void queue(int* place, int* x) '
                            '{ x[atomicAdd(place, 1)] = 4 * blockIdx.x + threadIdx.x; }', 'queue')
    for blocks, threads in (1, 4), (4, 1):
        orders = set()
        for _ in range(8):
            x = cupy.empty(4, 'i')
            kernel((blocks,), (threads,), (cupy.zeros(1, 'i'), x))
            orders.add(tuple(x.get() // (4 if blocks > 1 else 1)))
        assert orders == {(0, 1, 2, 3), (3, 2, 1, 0), (0, 2, 1, 3), (3, 1, 2, 0)}


def test_a_missing_barrier_shows():
    text = '''extern "C" __global__ void reverse(float* x) {
        __shared__ float all[64];
        all[threadIdx.x] = x[threadIdx.x + 64 * blockIdx.x];
        BARRIER
        x[threadIdx.x + 64 * blockIdx.x] = all[63 - threadIdx.x];
        __syncthreads();
    }'''
    for barrier in '__syncthreads();', '':
        x = on_gpu(3, 64)
        expected = x.get()[:, ::-1]
        cupy.RawKernel(text.replace('BARRIER', barrier), 'reverse')((3,), (64,), (x,))
        assert np.array_equal(x.get(), expected) == bool(barrier)
