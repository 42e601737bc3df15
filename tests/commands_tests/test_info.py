"""What ``autograd-nn info`` says."""
import importlib.metadata
from types import SimpleNamespace

import numpy as np

import autograd_nn
from autograd_nn import cuda
from autograd_nn.commands import info
from support.programs import run_here


def test_info(tmp_path):
    process = run_here('info', cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    shown = dict(line.split(': ', 1) for line in process.stdout.splitlines())
    assert shown['autograd_nn'] == autograd_nn.__version__ and shown['NumPy'] == np.__version__
    assert {'Platform', 'Python', 'oneDNN', 'CuPy', 'threads', 'GPU', 'extras'} <= shown.keys()
    if not cuda.available:
        assert 'is not available: ' in shown['GPU']
    kernels = run_here('info', '--kernels', cwd=tmp_path).stdout
    assert 'kernels on the CPU' in kernels and 'extras: ' in kernels


def test_extras(monkeypatch):
    metadata = SimpleNamespace(get_all=lambda name: ['plot', 'both', 'test', 'none'])
    package = SimpleNamespace(metadata=metadata, requires=[
        'numpy>=1.24', 'numpy[x]>=1; extra == "plot"', 'numpy; extra == "both"',
        'no.such-library>=3; platform_system == "Linux" and extra == "both"', 'another; extra == "none"'])
    distribution = importlib.metadata.distribution
    monkeypatch.setattr(importlib.metadata, 'distribution',
                        lambda name: package if name == 'autograd_nn' else distribution(name))
    assert info.describe_extras() == 'plot (not installed: both, none)'
    package.requires = package.requires[-1:]
    package.metadata.get_all = lambda name: ['none']
    assert info.describe_extras() == 'none (not installed: none)'


def test_a_package_that_is_not_installed(monkeypatch):
    def distribution(name):
        raise importlib.metadata.PackageNotFoundError

    monkeypatch.setattr(importlib.metadata, 'distribution', distribution)
    assert info.describe_extras().startswith('unknown')


def test_gpus(monkeypatch):
    runtime = SimpleNamespace(getDeviceCount=lambda: 2, getDeviceProperties=lambda i: {
        'name': f'GPU {i}'.encode(), 'totalGlobalMem': 3 << 20})
    monkeypatch.setattr(cuda, 'check_cuda_available', lambda: None)
    monkeypatch.setattr(cuda, 'cupy', SimpleNamespace(cuda=SimpleNamespace(runtime=runtime)))
    assert info.describe_gpus() == 'GPU 0 (3 MiB), GPU 1 (3 MiB)'
