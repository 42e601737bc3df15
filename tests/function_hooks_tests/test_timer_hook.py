"""What the timing hook measures."""
import io
import time

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
from autograd_nn.function_hooks import TimerHook


class Sleep(ann.FunctionNode):

    def forward(self, inputs):
        time.sleep(0.01)
        return inputs

    def backward(self, target_input_indexes, grad_outputs):
        gx, = Sleep().apply(grad_outputs)
        time.sleep(0.01)
        return gx,


class Fail(ann.FunctionNode):

    def forward(self, inputs):
        raise ValueError('on purpose')


def test_times_of_forward_and_backward():
    hook = TimerHook()
    x = ann.Variable(np.ones(3))
    started = time.perf_counter()
    with hook:
        y, = Sleep().apply((x,))
        F.sum(y).backward()
    elapsed = time.perf_counter() - started
    # Forward 10 ms, the gradient's own forward 10 ms within the backward pass's 20 ms.
    times = [t for name, t in hook.call_history if name == 'Sleep']
    assert len(times) == 3
    assert times[0] >= 0.01
    assert times[1] >= 0.01
    assert times[2] >= 0.02
    assert 0.03 <= hook.total_time() <= elapsed
    assert hook.total_time() < sum(t for _, t in hook.call_history) - 0.009
    summary = hook.summary()
    assert next(iter(summary)) == 'Sleep'
    assert summary['Sleep'] == {'elapsed_time': pytest.approx(sum(times)), 'occurrence': 3}


def test_goes_on_after_an_exception():
    hook = TimerHook()
    with pytest.raises(ValueError, match='on purpose'), hook:
        Fail().apply((np.ones(3),))
    with hook:
        F.exp(np.ones(3))
    assert [name for name, _ in hook.call_history] == ['Exp']
    assert hook.total_time() == hook.call_history[0][1]


@pytest.mark.parametrize('unit, expected', [
    ('sec', ['1.50sec', '0.00sec']), ('ms', ['1500.00ms', '2.50ms']), ('us', ['1500000.00us', '2500.00us']),
    ('ns', ['1500000000.00ns', '2500000.00ns']), ('auto', ['1.50sec', '0.00sec']),
    ('auto_foreach', ['1.50sec', '2.50ms'])])
def test_report(unit, expected):
    hook = TimerHook()
    hook.call_history += [('LinearFunction', 1.0), ('ReLU', 0.0025), ('LinearFunction', 0.5)]
    file = io.StringIO()
    hook.print_report(unit, file)
    rows = file.getvalue().splitlines()
    assert len(set(map(len, rows))) == 1
    assert [row.split() for row in rows] == [['FunctionName', 'ElapsedTime', 'Occurrence'],
                                             ['LinearFunction', expected[0], '2'], ['ReLU', expected[1], '1']]


def test_report_of_nothing_goes_to_standard_output(capsys):
    TimerHook().print_report()
    assert capsys.readouterr().out.split() == ['FunctionName', 'ElapsedTime', 'Occurrence']


def test_unknown_unit():
    with pytest.raises(ValueError, match=r'print_report: unit must be .* not'):
        TimerHook().print_report('min')
