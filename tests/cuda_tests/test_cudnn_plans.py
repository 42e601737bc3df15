"""The graphs that ran on the stand-in for cuDNN, planned by the real one for GPUs that need not be there.

cuDNN plans for a device that is described to it. Its libraries are linked against the driver, so a stand-in for that,
built from ``absent_driver.c``, is there when they are loaded.
"""
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autograd_nn import cuda

SUPPORT = Path(__file__).parents[1] / 'support' / 'cuda'

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(cuda.available, reason='this session has a GPU'),
    pytest.mark.skipif(sys.platform != 'linux' or shutil.which(os.environ.get('CC', 'cc')) is None,
                       reason='the stand-in for the driver needs Linux and a C compiler'),
    pytest.mark.skipif(importlib.util.find_spec('cudnn') is None,
                       reason='cuDNN is not installed (nvidia-cudnn-frontend and nvidia-cudnn-cu12)'),
]


def planned(capability, paths, directory):
    """cuDNN's version, and by file why it does not compute that graph, or None."""
    driver = directory / 'libcuda.so.1'
    subprocess.run([os.environ.get('CC', 'cc'), '-w', '-shared', '-fPIC', f'-DCAPABILITY={capability}',
                    '-Wl,-soname,libcuda.so.1', '-o', driver, SUPPORT / 'absent_driver.c'], check=True)
    done = subprocess.run([sys.executable, SUPPORT / 'plan_graphs.py', str(capability), *map(str, paths)],
                          env={**os.environ, 'LD_LIBRARY_PATH': str(directory),
                               'CUDNN_FRONTEND_CUDART_LIB_NAME': str(driver)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (_, version), *answers = map(json.loads, done.stdout.splitlines())
    assert len(answers) == len(paths)
    return version, dict(answers)


@pytest.mark.parametrize('capability', [80, 90])
def test_cudnn_plans_every_graph(kernel_log, capability, tmp_path, record_property):
    paths = sorted(kernel_log.glob('*.graph'))
    assert len(paths) > 50
    version, answers = planned(capability, paths, tmp_path)
    refused = {Path(path).read_text(): reason for path, reason in answers.items() if reason is not None}
    assert not refused
    record_property('report', f'cuDNN {version} planned {len(paths)} graphs for compute capability {capability / 10}')


def test_a_graph_that_cudnn_does_not_compute_is_found(kernel_log, tmp_path):
    """Batch normalization, and a sum that is not rectified."""
    path = next(path for path in sorted(kernel_log.glob('*.graph')) if '"batchnorm"' in path.read_text()
                and '"add"' in path.read_text())
    calls = json.loads(path.read_text())
    rectifier = next(i for i, call in enumerate(calls) if call[0] == 'relu')
    output = calls[rectifier + 1][1]
    calls = [[name, output - 1, *rest] if name.startswith('set_') and rest and first == output else [name, first, *rest]
             for name, first, *rest in calls[:rectifier] + calls[rectifier + 1:]]
    wrong = tmp_path / 'wrong.graph'
    wrong.write_text(json.dumps(calls))
    _, answers = planned(90, [path, wrong], tmp_path)
    assert answers[str(path)] is None
    assert 'NotSupported' in answers[str(wrong)]
