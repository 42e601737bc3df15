"""Kernels and functions on a GPU that is emulated, and the texts of all kernels in the hands of NVIDIA's compiler.

A sample runs at every change: the tests of the emulator itself, and some of each kind. The rest is slow. The session on
the emulated GPU runs every test that is marked ``gpu``. Its log holds the texts that ran, with the types that they ran
with; these texts are compiled to machine code for each compute capability. What CuPy lays around them is represented by
a header of our own, `cuda_emulator/cupy/types.h`, with the interface of CuPy's; where CuPy's headers are (they are no
part of the tests' requirements: its wheel takes six times the room of NVRTC's), within these, too. CuPy's generator of
code needs a device; on a machine with a GPU CuPy itself compiles all.
"""
import json
import os
import shutil
import sys
from pathlib import Path

import pytest

import programs
from autograd_nn import cuda
from autograd_nn.cuda.kernel import Kernel
from cuda_tests import kernel_log, nvrtc
from cuda_tests.conftest import run_on_emulated_gpu

pytestmark = [
    pytest.mark.skipif('CUDA_EMULATOR' in os.environ or cuda.available, reason='this session has a GPU'),
    pytest.mark.skipif(sys.platform != 'linux' or shutil.which(os.environ.get('CXX', 'c++')) is None,
                       reason='the emulated GPU needs Linux and a C++ compiler'),
]

TESTS = Path(__file__).parent.parent
FUNCTIONS = sorted(str(path) for path in TESTS.glob('functions_tests/test_*.py'))
SAMPLE = [str(TESTS / name) for name in (
    'cuda_tests/test_emulator.py', 'cuda_tests/test_device.py', 'cuda_tests/test_upload.py',
    'cpu_tests/test_pooling_kernels.py', 'cpu_tests/test_attention_kernels.py')]
# Gates and cells of sequences are in single precision at least, and what belongs to cuDNN's kernels in single at most.
NEVER = {**{name: {'float16', 'bfloat16'} for name in ('lstm_step', 'lstm_step_grad', 'gru_step', 'gru_step_grad',
                                                       'rnn_step', 'joined_moments', 'joined_statistics')},
         'where_positive': {'double'}}


def test_a_sample():
    done = run_on_emulated_gpu('-m', 'gpu', *SAMPLE)
    assert done.returncode == 0, f'{done.stdout[-20000:]}\n{done.stderr[-2000:]}'


@pytest.mark.slow
def test_kernels(kernel_session, record_property):
    """All tests of kernels pass, and no registered kernel is left out."""
    assert kernel_session.status == 0, kernel_session.output
    log = kernel_log.read(kernel_session.log)
    assert kernel_log.missing(Kernel.registry, log, NEVER) == []
    record_property('report', kernel_log.listed(Kernel.registry, log))


@pytest.mark.slow
def test_a_kernel_that_did_not_run_is_found(kernel_session):
    log = kernel_log.read(kernel_session.log)
    name, kernel = next((name, k) for name, k in Kernel.registry.items() if k.kind == 'ElementwiseKernel')
    other = object.__new__(Kernel)
    other.kind, other.arguments = kernel.kind, {**kernel.arguments, 'operation': 'y = 0'}
    assert kernel_log.missing({name: kernel, 'other': other}, log) == ['other']
    halves = [text for text in log if not (text.is_of(kernel) and text.types['T'] == 'float16')]
    assert kernel_log.missing({name: kernel}, halves) == [f'{name} of float16']


@pytest.mark.slow
@pytest.mark.parametrize('part', range(3))
def test_functions(part):
    done = run_on_emulated_gpu(*FUNCTIONS[part::3])
    assert done.returncode == 0, f'{done.stdout[-20000:]}\n{done.stderr[-2000:]}'


@pytest.fixture
def gpu_for_programs(monkeypatch):
    monkeypatch.setenv('PYTHONPATH', str(TESTS / 'cuda_emulator'))


def test_a_program_trains_as_on_the_cpu(tmp_path, gpu_for_programs):
    losses = []
    for device in 'cpu', 'cuda:1':
        done = programs.run('train', '--model', 'perceptron', '--epochs', 1, '--batch-size', 500, '--no-augment',
                            '--device', device, '--out', tmp_path / device, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        losses.append([entry['main/loss'] for entry in json.loads((tmp_path / device / 'log.json').read_text())])
    assert losses[0] and losses[1] == pytest.approx(losses[0], rel=1e-4)


@pytest.mark.slow
def test_a_program_launches_cuda_graphs(tmp_path, gpu_for_programs):
    losses = []
    for options in (), ('--cuda-graph',):
        done = programs.run('train', '--model', 'perceptron', '--epochs', 2, '--batch-size', 200, '--no-augment',
                            '--device', 'cuda:0', '--out', tmp_path / str(options), *options, cwd=tmp_path)
        assert done.returncode == 0 and 'without CUDA graphs' not in done.stderr, done.stderr
        losses.append([entry['main/loss'] for entry in json.loads((tmp_path / str(options) / 'log.json').read_text())])
    assert losses[0] and losses[1] == losses[0]


def test_cuda_graphs_without_a_gpu(tmp_path):
    done = programs.run('train', '--model', 'perceptron', '--cuda-graph', cwd=tmp_path)
    programs.expect_one_line(done, '--cuda-graph: expected a GPU as --device, got cpu')


def test_a_gpu_that_is_not_there(tmp_path, gpu_for_programs):
    done = programs.run('train', '--model', 'perceptron', '--device', 'cuda:2', cwd=tmp_path)
    programs.expect_one_line(done, 'CUDA device 2 does not exist', '2 found')


needs_nvrtc = pytest.mark.skipif(nvrtc.library() is None, reason='NVRTC is not installed (nvidia-cuda-nvrtc-cu12)')


@pytest.mark.slow
@needs_nvrtc
@pytest.mark.parametrize('capability', [70, 75, 80, 86, 89, 90])
def test_every_text_compiles(kernel_session, capability, record_property):
    if capability not in nvrtc.architectures():
        pytest.skip(f'NVRTC {".".join(map(str, nvrtc.version()))} does not know compute capability {capability / 10}')
    texts = kernel_log.read(kernel_session.log)
    assert texts
    if nvrtc.errors(nvrtc.joined([text.text for text in texts]), capability) is not None:
        found = {text.kernels: nvrtc.errors(text.text, capability) for text in texts}
        pytest.fail('\n'.join(f'{kernels}: {errors}' for kernels, errors in found.items() if errors)
                    or 'the texts compile one by one, but not together')
    record_property('report', f'NVRTC {".".join(map(str, nvrtc.version()))} compiled {len(texts)} texts of '
                              f'{len(Kernel.registry)} kernels for compute capability {capability / 10}')


@pytest.mark.slow
@needs_nvrtc
@pytest.mark.skipif(not nvrtc.cupy_headers(), reason="CuPy's headers are not there (cupy-cuda12x and "
                                                     'nvidia-cuda-runtime-cu12)')
@pytest.mark.parametrize('capability', [80])
def test_every_text_compiles_within_cupys_headers(kernel_session, capability, record_property):
    texts = kernel_log.read(kernel_session.log)
    if nvrtc.errors(nvrtc.joined([text.text for text in texts]), capability, nvrtc.cupy_headers()) is not None:
        found = {text.kernels: nvrtc.errors(text.text, capability, nvrtc.cupy_headers()) for text in texts}
        pytest.fail('\n'.join(f'{kernels}: {errors}' for kernels, errors in found.items() if errors)
                    or 'the texts compile one by one, but not together')
    record_property('report', f"within CuPy's headers {len(texts)} texts compile")


@needs_nvrtc
@pytest.mark.parametrize('text', ['void f(float* x) { x[0] = y; }', 'void f(const float* x) { x[0] = 1; }',
                                  'void f(CArray<float16> x) { x[0] = true ? x[1] : 0.5f; }'])
def test_errors_in_a_text_are_found(text):
    right = 'extern "C" __global__ void f(CArray<float16> x, CIndexer<> i) { i.set(0); x[i.get()] = (float16)1.5; }'
    assert nvrtc.errors(nvrtc.joined([right, right]), 70) is None
    assert 'error' in nvrtc.errors(f'extern "C" __global__ {text}', 70)
    assert 'error' in nvrtc.errors(nvrtc.joined([right, f'extern "C" __global__ {text}']), 70)
