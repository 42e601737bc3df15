"""CuPy itself on CUDA in software (`cuda_software`): tests for a GPU, in a session of their own, and of that software.

The emulated GPU runs all kernels and functions, with a stand-in for CuPy that is ours; here, what trains a network runs
with CuPy's own arrays, types, memory pools, streams and graphs.
"""
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import cuda_software
from autograd_nn import cuda

HERE = Path(__file__).parent
MODULES = [HERE / f'test_{name}.py' for name in (
    'software_cuda', 'device', 'training', 'cuda_graph', 'upload', 'cudnn')]
within = pytest.mark.skipif('CUDA_SOFTWARE' not in os.environ, reason='this session has no CUDA in software')


NEEDED = [
    ('CUDA_EMULATOR' not in os.environ and not cuda.available, 'this session has a GPU'),
    (sys.platform == 'linux' and platform.machine() == 'x86_64' and shutil.which(cuda_software.COMPILER) is not None,
     'CUDA in software needs Linux on x86-64 and a C++ compiler'),
    (cuda_software.packages() is not None, 'CuPy is not there (CUPY_PACKAGES: cupy-cuda12x and cuda-pathfinder)')]


@pytest.fixture
def run():
    """Runs Python with arguments, where CUDA in software can be."""
    for condition, reason in NEEDED:
        if not condition:
            pytest.skip(reason)

    def run(*arguments, **environment):
        path = os.pathsep.join(filter(None, [str(HERE.parent), os.environ.get('PYTHONPATH')]))
        done = subprocess.run([sys.executable, *arguments], cwd=HERE.parent.parent, capture_output=True, text=True,
                              env={**os.environ, 'PYTHONPATH': path, **environment})
        assert done.returncode == 0, f'{done.stdout[-20000:]}\n{done.stderr[-2000:]}'
        return done.stdout
    return run


@pytest.mark.slow
def test_with_cupy_itself(run):
    assert ' passed' in run('-m', 'pytest', '-q', '-p', 'no:cacheprovider', '-m', 'gpu', *MODULES, CUDA_SOFTWARE='1')


@pytest.mark.slow
def test_the_time_of_the_host(run):
    with_graph, without = (float(re.match(r'[\d.]+ ms a step, (\d+) launches',
                                          run('-m', 'cuda_software', 'mlp', '--steps', '2', *options))[1])
                           for options in (['--cuda-graph'], []))
    assert 0 < with_graph < without


@pytest.fixture
def runtime():
    return cuda.cupy.cuda.runtime


@within
@pytest.mark.gpu
def test_cupy_is_cupy():
    assert Path(cuda.cupy.__file__).is_relative_to(cuda_software.packages())
    assert cuda.cupy.show_config.__module__ == 'cupy'


@within
@pytest.mark.gpu
def test_new_memory_holds_no_numbers(runtime):
    address, x = runtime.malloc(8), np.zeros(2, 'f')
    runtime.memcpy(x.ctypes.data, address, 8, runtime.memcpyDeviceToHost)
    runtime.free(address)
    assert np.isnan(x).all()


@within
@pytest.mark.gpu
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


@within
@pytest.mark.gpu
@pytest.mark.parametrize('non_blocking, wrong, name', [
    (True, lambda stream, x: stream.synchronize(), 'StreamCaptureUnsupported'),
    (True, lambda stream, x: cuda.cupy.cuda.Device().synchronize(), 'StreamCaptureUnsupported'),
    (False, lambda stream, x: cuda.cupy.cuda.runtime.memsetAsync(x.data.ptr, 0, 4, 0), 'StreamCaptureImplicit')])
def test_what_breaks_a_capture(runtime, non_blocking, wrong, name):
    x, stream = cuda.cupy.zeros(3, 'f'), cuda.cupy.cuda.Stream(non_blocking=non_blocking)
    with stream:
        stream.begin_capture()
        x += 1
        with pytest.raises(runtime.CUDARuntimeError, match=name):
            wrong(stream, x)
        with pytest.raises(runtime.CUDARuntimeError, match='StreamCaptureInvalidated'):
            stream.end_capture()
    assert float(x.sum()) == 0


@within
@pytest.mark.gpu
def test_graphs_keep_arguments_and_repeat_work():
    x, stream = cuda.cupy.zeros(3, 'f'), cuda.cupy.cuda.Stream(non_blocking=True)
    with stream:
        stream.begin_capture()
        for number in range(4):
            x += number
        graph = stream.end_capture()
        assert float(x.sum()) == 0
        graph.launch()
        graph.launch()
        assert x.tolist() == [12, 12, 12]


@within
@pytest.mark.gpu
def test_threads_that_wait_for_each_other():
    kernel = cuda.cupy.RawKernel('''
    extern "C" __global__ void reversed(float* x) {
        extern __shared__ float shared[];
        shared[threadIdx.x] = x[threadIdx.x];
        __syncthreads();
        x[threadIdx.x] = shared[blockDim.x - 1 - threadIdx.x];
    }''', 'reversed')
    x = cuda.cupy.arange(100, dtype='f')
    kernel((1,), (100,), (x,), shared_mem=400)
    np.testing.assert_array_equal(x.get(), np.arange(100, dtype='f')[::-1])
    with pytest.raises(cuda.cupy.cuda.driver.CUDADriverError, match='InvalidValue'):
        kernel((1,), (2000,), (x,), shared_mem=400)


@within
@pytest.mark.gpu
def test_texts_that_do_not_compile():
    with pytest.raises(cuda.cupy.cuda.compiler.CompileException, match='nothing'):
        cuda.cupy.ElementwiseKernel('T x', 'T y', 'y = nothing(x)', 'wrong')(cuda.cupy.ones(3))
