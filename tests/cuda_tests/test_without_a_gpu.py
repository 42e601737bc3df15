"""What is for a GPU, where there is none: on CUDA in software, and the texts of all kernels in NVIDIA's compiler.

A sample runs at every change, where CuPy is unpacked: the tests of that software, and some of each kind. The rest is
slow: every test that is marked ``gpu``, and all functions. The log of the former holds the texts that CuPy made of each
kernel, with the types that they ran with; these are compiled for each compute capability.
"""
import re

import pytest

from autograd_nn import cuda
from autograd_nn.cuda.kernel import Kernel
from cuda_tests.conftest import TESTS
from support import programs
from support.cuda import nvrtc
from support.cuda.kernel_log import listed, missing, read

pytestmark = pytest.mark.skipif(cuda.available, reason='this session has a GPU')
FUNCTIONS = sorted(TESTS.glob('functions_tests/**/test_*.py'))
PARTS = 3  # as many as keep several cores at work; each has to import and collect
SAMPLE = [TESTS / 'cuda_tests' / f'test_{name}.py' for name in ('software_cuda', 'device', 'upload')]
# Gates and cells of sequences are in single precision at least, and what belongs to cuDNN's kernels in single at most.
NEVER = {**{name: {'float16', 'bfloat16'} for name in ('lstm_step', 'lstm_step_grad', 'gru_step', 'gru_step_grad',
                                                       'rnn_step', 'joined_moments', 'joined_statistics')},
         'overlaps_of_boxes': {'float16', 'bfloat16'}, 'where_positive': {'double'}}


def test_a_sample(run_tests):
    run_tests('-m', 'gpu', *SAMPLE)


@pytest.mark.slow
def test_kernels(kernel_log, record_property):
    """All tests of kernels pass, and no registered kernel is left out."""
    log = read(kernel_log)
    assert missing(Kernel.registry, log, NEVER) == []
    record_property('report', listed(Kernel.registry, log))


@pytest.mark.slow
def test_a_kernel_that_did_not_run_is_found(kernel_log):
    log = read(kernel_log)
    name, kernel = next((name, k) for name, k in Kernel.registry.items() if k.kind == 'ElementwiseKernel')
    other = object.__new__(Kernel)
    other.kind, other.arguments = kernel.kind, {**kernel.arguments, 'operation': 'y = 0'}
    assert missing({name: kernel, 'other': other}, log) == ['other']
    halves = [text for text in log if not (text.is_of(kernel) and text.types['T'] == 'float16')]
    assert missing({name: kernel}, halves) == [f'{name} of float16']


@pytest.mark.slow
@pytest.mark.parametrize('part', range(PARTS))
def test_functions(part, run_tests):
    run_tests(*FUNCTIONS[part::PARTS])


@pytest.mark.slow
def test_the_time_of_the_host(run):
    with_graph, without = (float(re.match(r'[\d.]+ ms a step, (\d+) launches',
                                          run('-m', 'cuda_software', 'mlp', '--steps', '2', *options))[1])
                           for options in (['--cuda-graph'], []))
    assert 0 < with_graph < without


def test_cuda_graphs_without_a_gpu(tmp_path):
    done = programs.run('train', '--model', 'perceptron', '--cuda-graph', cwd=tmp_path)
    programs.expect_one_line(done, '--cuda-graph: expected a GPU as --device, got cpu')


needs_nvrtc = pytest.mark.skipif(nvrtc.library() is None, reason='NVRTC is not installed (nvidia-cuda-nvrtc-cu12)')
needs_headers = pytest.mark.skipif(not nvrtc.headers(), reason="CuPy's headers are not there (CUPY_PACKAGES: "
                                                               'cupy-cuda12x and nvidia-cuda-runtime-cu12)')


@pytest.mark.slow
@needs_nvrtc
@needs_headers
@pytest.mark.parametrize('capability', [70, 75, 80, 86, 89, 90])
def test_every_text_compiles(kernel_log, capability, record_property):
    """In each type to machine code, or to PTX for machines that are much as the one before; to PTX in all layouts."""
    if capability not in nvrtc.architectures():
        pytest.skip(f'NVRTC {".".join(map(str, nvrtc.version()))} does not know compute capability {capability / 10}')
    texts = [text for text in read(kernel_log) if any(map(text.is_of, Kernel.registry.values()))]
    of_types = list({(text.kernels, *text.types.items()): text for text in texts}.values())
    assert texts
    for some, machine_code in (of_types, capability in (70, 80, 90)), (texts if capability == 80 else [], False):
        if nvrtc.errors(nvrtc.joined([text.text for text in some]), capability, machine_code) is not None:
            found = {text.kernels: nvrtc.errors(text.text, capability, machine_code) for text in some}
            pytest.fail('\n'.join(f'{kernels}: {errors}' for kernels, errors in found.items() if errors)
                        or 'the texts compile one by one, but not together')
    record_property('report', f'NVRTC {".".join(map(str, nvrtc.version()))} compiled {len(of_types)} texts of '
                              f'{len(Kernel.registry)} kernels for compute capability {capability / 10}')


@needs_nvrtc
@needs_headers
@pytest.mark.parametrize('text', ['void f(float* x) { x[0] = y; }', 'void f(const float* x) { x[0] = 1; }',
                                  'void f(CArray<float16, 1> x) { x[0] = true ? x[1] : 0.5f; }'])
def test_errors_in_a_text_are_found(text):
    right = 'extern "C" __global__ void f(CArray<float16, 1> x, CIndexer<1> i) { i.set(0); x[i.get()] = (float16)1.5; }'
    assert nvrtc.errors(nvrtc.joined([right, right]), 70) is None
    assert 'error' in nvrtc.errors(f'extern "C" __global__ {text}', 70)
    assert 'error' in nvrtc.errors(nvrtc.joined([right, f'extern "C" __global__ {text}']), 70)


def test_a_folder_called_cupy_is_not_cupy(tmp_path):
    (tmp_path / 'cupy').mkdir()
    done = programs.run_python('-c', 'import autograd_nn', cwd=tmp_path)
    assert done.returncode == 0, done.stderr
