"""Hooks that look at a GPU."""
import io

import numpy as np
import pytest

import autograd_nn.functions as F
from autograd_nn import Variable, cuda
from autograd_nn.function_hooks import CUDAProfileHook, CupyMemoryProfileHook, TimerHook


@pytest.mark.skipif(cuda.available, reason='there is a GPU')
@pytest.mark.parametrize('hook', [CUDAProfileHook, CupyMemoryProfileHook])
def test_without_a_gpu(hook):
    with pytest.raises(RuntimeError, match='CUDA is not available'):
        hook()


@pytest.mark.gpu
def test_memory():
    x = Variable(cuda.to_gpu(np.ones((256, 1024), 'f')))
    hook = CupyMemoryProfileHook()
    with hook:
        y = F.exp(x)
        F.sum(F.exp(y)).backward()
    summary = hook.summary()
    assert summary['Exp']['used_bytes'] >= 2 << 20 and summary['Exp']['occurrence'] >= 2
    name, used, acquired = hook.call_history[0]
    assert (name, used) == ('Exp', 1 << 20) and acquired >= 0
    assert hook.total_used_bytes() >= 2 << 20 and hook.total_acquired_bytes() >= 0
    file = io.StringIO()
    hook.print_report('MB', file)
    assert 'Exp' in file.getvalue() and 'MB' in file.getvalue()
    for unit in 'auto', 'auto_foreach':
        hook.print_report(unit, file)
    with pytest.raises(ValueError, match='unit must be'):
        hook.print_report('kg')


@pytest.mark.gpu
def test_ranges(monkeypatch):
    ranges = []
    monkeypatch.setattr(cuda.cupy.cuda.nvtx, 'RangePush', ranges.append)
    monkeypatch.setattr(cuda.cupy.cuda.nvtx, 'RangePop', lambda: ranges.append('end'))
    x = Variable(cuda.to_gpu(np.ones(3)))
    with CUDAProfileHook():
        F.sum(F.exp(x)).backward()
    assert ranges[:4] == ['Exp.forward', 'end', 'Sum.forward', 'end'] and 'Exp.backward' in ranges
    assert ranges.count('end') * 2 == len(ranges)


@pytest.mark.gpu
def test_times():
    x = Variable(cuda.to_gpu(np.ones(3)))
    hook = TimerHook()
    with hook:
        F.exp(F.exp(x))
    assert [name for name, _ in hook.call_history] == ['Exp', 'Exp']
    assert all(elapsed > 0 for _, elapsed in hook.call_history) and hook.total_time() > 0
