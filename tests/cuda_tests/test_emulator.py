"""The emulated GPU itself: what its kernels compute, and what it refuses as CuPy does."""
import os

import numpy as np
import pytest

pytestmark = [pytest.mark.gpu, pytest.mark.skipif('CUDA_EMULATOR' not in os.environ, reason='the GPU is not emulated')]
cupy = pytest.importorskip('cupy')


def on_gpu(*shape, dtype='f'):
    return cupy.asarray(np.random.uniform(0.5, 2, shape).astype(dtype))


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


def test_types_of_arguments_decide_those_of_parameters():
    kernel = cupy.ElementwiseKernel('T x, U y, bool flag', 'T z', 'z = flag ? x + y : x', 'mixed')
    x, y = on_gpu(3), on_gpu(2, 3, dtype='d')
    z = kernel(x, y, True)
    assert z.dtype == 'f' and z.shape == (2, 3)
    np.testing.assert_allclose(z.get(), x.get() + y.get(), rtol=1e-6)
    with pytest.raises(TypeError, match='Type is mismatched'):
        cupy.ElementwiseKernel('T x, T y', 'T z', 'z = x + y', 'add')(x, y)
    with pytest.raises(KeyError):
        kernel(x, 2., True)  # a number does not decide what U is
    with pytest.raises(ValueError, match='Loop size is undecided'):
        cupy.ElementwiseKernel('raw T x', 'T y', 'y = x[i]', 'take')(x)
    with pytest.raises(ValueError, match='Out shape is mismatched'):
        kernel(x, y, True, on_gpu(3))
    with pytest.raises(TypeError, match='Wrong number of arguments'):
        kernel(x)
    with pytest.raises(TypeError, match='Unsupported type'):
        kernel(x, np.ones(3), True)


def test_raw_arrays():
    x = on_gpu(3, 4).T
    by_number = cupy.ElementwiseKernel('raw T x', 'T y', 'y = x[x.size() - 1 - i] * x.shape()[1]', 'by_number')
    np.testing.assert_array_equal(by_number(x, size=12).get(), x.get().ravel()[::-1] * 3)
    by_index = cupy.ElementwiseKernel('raw T x', 'T y', 'ptrdiff_t at[] = {_ind.get()[1], _ind.get()[0]}; y = x[at]',
                                      'by_index', reduce_dims=False)
    np.testing.assert_array_equal(by_index(x, cupy.empty((3, 4), 'f')).get(), x.get().T)
    beyond = cupy.ElementwiseKernel('raw T x', 'T y', 'y = x[i + 1]', 'beyond')
    with pytest.raises(RuntimeError, match='kernel beyond: index 12 is out of bounds for size 12'):
        beyond(x, size=12)


def test_inputs_are_constant():
    with pytest.raises(cupy.cuda.compiler.CompileException, match='read-only'):
        cupy.ElementwiseKernel('T x', 'T y', 'x = 1; y = x', 'writes')(on_gpu(3))


def test_what_is_before_and_after_the_loop():
    kernel = cupy.ElementwiseKernel('T x, raw T total', '', 'sum += twice(x)', 'total', loop_prep='T sum = 0',
                                    after_loop='atomicAdd((T*)&total[0], sum)', no_return=True,
                                    preamble='template <typename A> __device__ A twice(A a) { return a + a; }')
    x, total = on_gpu(50), cupy.zeros(1, 'f')
    assert kernel(x, total) is None
    assert float(total[0]) == pytest.approx(2 * x.get().sum(), rel=1e-5)


@pytest.mark.parametrize('axis', [None, 0, 1, 2, (0, 2), (-1, 1)])
@pytest.mark.parametrize('keepdims', [False, True])
def test_reductions(axis, keepdims):
    x = on_gpu(3, 4, 5).transpose(2, 0, 1)
    mean = cupy.ReductionKernel('T x, float64 n', 'T y', 'x', 'a + b', 'y = a / n', '0', 'mean', reduce_type='double')
    expected = x.get().mean(axis, keepdims=keepdims)
    y = mean(x, x.size / expected.size, axis=axis, keepdims=keepdims)
    assert y.shape == expected.shape
    np.testing.assert_allclose(y.get(), expected, rtol=1e-6)
    largest = cupy.ReductionKernel('T x', 'T y', 'x', 'max(a, b)', 'y = a', '-1e30', 'largest')
    np.testing.assert_array_equal(largest(x, axis=axis, keepdims=keepdims).get(), x.get().max(axis, keepdims=keepdims))


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


@pytest.mark.parametrize('text, message', [
    ('if (threadIdx.x < 5) __syncthreads();', None),
    ('if (threadIdx.x < 40) __shfl_sync(~0u, 1, 0); else __syncthreads(); __shfl_sync(~0u, 1, 0);',
     'wait at a barrier'),
])
def test_threads_that_do_not_meet(text, message):
    """Threads that have ended count as met, as on a GPU; those that wait at different barriers never go on."""
    kernel = cupy.RawKernel(f'extern "C" __global__ void meet() {{ {text} }}', 'meet')
    if message is None:
        kernel((1,), (64,), ())
    else:
        with pytest.raises(RuntimeError, match=message):
            kernel((1,), (64,), ())


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


def test_refusals_of_arrays():
    x, numpy_array = on_gpu(3), np.ones(3, 'f')
    for mistake in (lambda: np.asarray(x), lambda: x + numpy_array, lambda: numpy_array + x,
                    lambda: cupy.maximum(x, numpy_array), lambda: np.maximum(numpy_array, x), lambda: np.array([x, x]),
                    lambda: x.__setitem__(0, numpy_array[:1]), lambda: cupy.concatenate([x, numpy_array])):
        with pytest.raises(TypeError):
            mistake()
    assert isinstance(np.exp(x), cupy.ndarray) and isinstance(np.float32(2) * x, cupy.ndarray)
    assert isinstance(x.sum(), cupy.ndarray) and x[0].shape == () and x[0].base is x


def test_devices_do_not_mix():
    with cupy.cuda.Device(1):
        y = on_gpu(3)
        assert y.device.id == 1 and (y + y).device.id == 1
    x = on_gpu(3)
    add = cupy.ElementwiseKernel('T x, T y', 'T z', 'z = x + y', 'add')
    for mistake in lambda: x + y, lambda: add(x, y), lambda: y + 1:
        with pytest.raises(ValueError, match='device where the array resides'):
            mistake()
    assert cupy.array(y).device.id == 0
    with pytest.raises(cupy.cuda.runtime.CUDARuntimeError):
        cupy.cuda.Device(2).use()


def test_memory_is_counted():
    pool = cupy.get_default_memory_pool()
    before = pool.used_bytes()
    x = cupy.empty(1 << 16, 'f')
    assert pool.used_bytes() == before + (1 << 18)
    assert np.isnan(x.get()).all()
    view = x[5:]
    del x
    assert pool.used_bytes() == before + (1 << 18)
    del view
    assert pool.used_bytes() == before
    try:
        pool.set_limit(before + 1000)
        with pytest.raises(MemoryError):
            cupy.empty(1 << 16)
    finally:
        pool.set_limit(0)


def captured(function):
    stream = cupy.cuda.Stream(non_blocking=True)
    with stream:
        stream.begin_capture()
        assert stream.is_capturing()
        result = function()
        return result, stream.end_capture()


def test_a_capture_executes_nothing_and_a_launch_all():
    x, ids = on_gpu(2, 3), cupy.asarray(np.array([1, 1, 0]))
    kernel = cupy.ElementwiseKernel('T x', 'T y', 'y = 2 * x', 'twice')
    before = x.get()

    def function():
        y = kernel(x)
        y[:, 1] += 1
        x.fill(4)
        return y, y.sum(axis=0), y[ids], cupy.concatenate([y, x]), x.astype('d'), cupy.arange(3), y.copy()

    results, graph = captured(function)
    np.testing.assert_array_equal(x.get(), before)
    assert all((result.get().view('u1') == 0xff).all() for result in results)
    for elements in before, np.full((2, 3), 4, 'f'), before + 1:
        x.set(elements)
        graph.launch()
        y = 2 * elements
        y[:, 1] += 1
        fours = np.full((2, 3), 4, 'f')
        expected = y, y.sum(0), y[[1, 1, 0]], np.concatenate([y, fours]), fours, np.arange(3), y
        for result, right in zip(results, expected):
            np.testing.assert_array_equal(result.get(), right)


@pytest.mark.parametrize('wait', [float, bool, str, lambda x: x.get(), lambda x: x.tolist(), cupy.asnumpy,
                                  lambda x: cupy.nonzero(x.reshape(1)),
                                  lambda x: cupy.cuda.get_current_stream().synchronize(),
                                  lambda x: cupy.cuda.Device().synchronize()])
def test_waiting_makes_a_capture_invalid(wait):
    x, stream = on_gpu(), cupy.cuda.Stream(non_blocking=True)
    with stream:
        stream.begin_capture()
        with pytest.raises(cupy.cuda.runtime.CUDARuntimeError, match='StreamCaptureUnsupported'):
            wait(x)
        with pytest.raises(cupy.cuda.runtime.CUDARuntimeError, match='StreamCaptureInvalidated'):
            stream.end_capture()
    assert not stream.is_capturing()
    wait(x)


@pytest.mark.parametrize('call, library', [(lambda x: x @ x, 'cuBLAS'), (lambda x: cupy.tensordot(x, x), 'cuBLAS'),
                                           (lambda x: cupy.random.normal(size=2), 'cuRAND')])
def test_libraries_that_a_capture_does_not_call(call, library):
    x, stream = on_gpu(2, 2), cupy.cuda.Stream(non_blocking=True)
    with stream:
        stream.begin_capture()
        with pytest.raises(NotImplementedError, match=library):
            call(x)
        stream.end_capture()


def test_the_null_stream_is_not_captured():
    with pytest.raises(RuntimeError, match='legacy'):
        cupy.cuda.Stream.null.begin_capture()
