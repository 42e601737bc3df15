"""Reporters and summaries."""
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_nn import functions as F  # noqa: F401
from autograd_nn.config import using_config
from autograd_nn.link import Chain, Link
from autograd_nn.reporter import DictSummary, Reporter, Summary, get_current_reporter, report, report_scope
from autograd_nn.variable import Variable


def test_names():
    model = Chain(child=Link())
    reporter = Reporter()
    reporter.add_observer('main', model)
    reporter.add_observers('main', model.namedlinks(skipself=True))
    with reporter:
        report({'loss': 1}, model)
        report({'x': 2}, model.child)
        report({'lr': 3})
    assert reporter.observation == {'main/loss': 1, 'main/child/x': 2, 'lr': 3}


def test_unknown_observer():
    with Reporter(), pytest.raises(KeyError, match='Link is not registered'):
        report({'loss': 1}, Link())


def test_without_reporter():
    report({'loss': 1}, Link())
    with pytest.raises(RuntimeError, match='no reporter is active'):
        get_current_reporter()


def test_scopes():
    outer, inner = Reporter(), Reporter()
    first, second, third = {}, {}, {}
    with outer.scope(first):
        assert get_current_reporter() is outer
        report({'a': 1})
        with inner.scope(second):
            report({'a': 2})
            assert get_current_reporter() is inner
        with report_scope(third):
            report({'a': 3})
        report({'b': 4})
    assert (first, second, third) == ({'a': 1, 'b': 4}, {'a': 2}, {'a': 3})
    assert outer.observation == inner.observation == {}


def test_scope_ends_with_an_error():
    reporter, observation = Reporter(), {}
    with pytest.raises(ZeroDivisionError), reporter.scope({}), report_scope(observation):
        raise ZeroDivisionError
    assert reporter.observation == {}
    with pytest.raises(RuntimeError):
        get_current_reporter()


def test_threads_have_their_own():
    seen = []

    def look():
        report({'a': 1})
        with Reporter() as mine:
            seen.append(get_current_reporter() is mine)

    with Reporter() as reporter:
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
    assert seen == [True] and reporter.observation == {}


@pytest.mark.parametrize('keep', [False, True])
def test_graph(keep):
    x = Variable(np.array(2.))
    y = x * x
    with Reporter() as reporter, using_config('keep_graph_on_report', keep):
        report({'y': y})
    reported = reporter.observation['y']
    assert (reported.creator is not None) == keep and reported.array is y.array and y.creator is not None


@given(st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(0.5, 8)), min_size=1, max_size=20))
def test_summary(pairs):
    summary = Summary()
    for value, weight in pairs:
        summary.add(np.asarray(value), weight)
    values, weights = np.array(pairs).T
    mean = np.average(values, weights=weights)
    mean_got, std = summary.make_statistics()
    assert mean_got == summary.compute_mean() == pytest.approx(mean, abs=1e-9)
    assert std == pytest.approx(np.sqrt(np.average((values - mean) ** 2, weights=weights)), rel=1e-3, abs=1e-3)


def test_empty_summary():
    assert np.isnan(Summary().compute_mean()) and np.isnan(Summary().make_statistics()).all()


def test_nan_stays():
    summary = Summary()
    summary.add(float('nan'))
    summary.add(1)
    assert np.isnan(summary.make_statistics()).all()


def test_dict_summary():
    summary = DictSummary()
    summary.add({'a': 1, 'b': np.float32(2), 'c': Variable(np.array(3)), 'd': 'text', 'e': np.ones(2)})
    summary.add({'a': (4, 3), 'b': np.array(4.), 'f': True})
    assert summary.compute_mean() == {'a': 3.25, 'b': 3, 'c': 3, 'f': 1}
    statistics = summary.make_statistics()
    assert statistics['b.std'] == 1 and statistics['a.std'] == pytest.approx(np.sqrt(27 / 16))


def test_serialize():
    stored = {}

    class Saver:
        def __init__(self, path=''):
            self.path = path

        def __getitem__(self, name):
            return type(self)(f'{self.path}{name}/')

        def __call__(self, name, value):
            stored[self.path + name] = np.array(value)
            return value

    class Loader(Saver):
        def __call__(self, name, value):
            return type(value)(stored[self.path + name])

    summary, other = DictSummary(), DictSummary()
    for x in 0.1, 0.7:
        summary.add({'main/loss': x, 'später': -x})
    other.add({'stale': 1})
    summary.serialize(Saver())
    other.serialize(Loader())
    for s in summary, other:
        s.add({'main/loss': np.float32(0.3)})
    assert other.make_statistics() == summary.make_statistics()
    assert all(array.dtype != object for array in stored.values())
