"""Hooks around links."""
import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.links as L
from autograd_nn.link_hooks import TimerHook


class Twice(ann.Link):
    def forward(self, x, plus=0):
        return 2 * x + plus


class Pair(ann.Chain):
    def __init__(self):
        super().__init__(first=Twice(), second=Twice())

    def forward(self, x):
        return self.second(self.first(x), plus=1)


class Record(ann.LinkHook):
    """Writes down what it is told."""

    name = 'Record'

    def __init__(self):
        self.log = []

    def added(self, link):
        self.log.append(('added', link))

    def deleted(self, link):
        self.log.append(('deleted', link))

    def forward_preprocess(self, args):
        self.log.append(('pre', args.link, args.forward_name, args.args, args.kwargs))

    def forward_postprocess(self, args):
        self.log.append(('post', args.link, args.forward_name, args.args, args.kwargs, args.out))


def test_hook_for_all_links():
    model = Pair()
    with Record() as hook:
        assert 'Record' in ann.get_link_hooks()
        assert model(3) == 13
    model(3)
    first, second = model.first, model.second
    assert hook.log == [
        ('added', None), ('pre', model, 'forward', (3,), {}),
        ('pre', first, 'forward', (3,), {}), ('post', first, 'forward', (3,), {}, 6),
        ('pre', second, 'forward', (6,), {'plus': 1}), ('post', second, 'forward', (6,), {'plus': 1}, 13),
        ('post', model, 'forward', (3,), {}, 13), ('deleted', None)]
    assert ann.get_link_hooks() == {}


def test_hook_for_one_link():
    model, hook = Pair(), Record()
    assert model.second.add_hook(hook) is model.second
    model(1)
    model.second.delete_hook('Record')
    model(1)
    assert [entry[0] for entry in hook.log] == ['added', 'pre', 'post', 'deleted']
    assert hook.log[0][1] is hook.log[-1][1] is model.second
    assert model.second.local_link_hooks == {} == model.first.local_link_hooks


def test_hook_of_a_copy_is_its_own():
    link = Twice().add_hook(Record())
    copied = link.copy()
    copied.delete_hook('Record')
    assert list(link.local_link_hooks) == ['Record']


def test_names_are_unique():
    link = Twice().add_hook(Record())
    link.add_hook(Record(), 'another')
    with pytest.raises(KeyError, match='Record'):
        link.add_hook(Record())
    with pytest.raises(KeyError, match='nothing'):
        link.delete_hook('nothing')
    with Record(), pytest.raises(KeyError, match='Record'), Record():
        pass


def test_hook_is_removed_after_an_exception():
    with pytest.raises(ZeroDivisionError), Record():
        raise ZeroDivisionError
    assert ann.get_link_hooks() == {}


class Fails(ann.Link):
    def forward(self):
        raise ZeroDivisionError


class Refuses(ann.LinkHook):
    """Raises an error in one of its methods."""

    name = 'Refuses'

    def __init__(self, method):
        setattr(self, method, self.refuse)

    def refuse(self, args):
        raise ZeroDivisionError


class RecordFailures(Record):
    name = 'RecordFailures'

    def forward_failed(self, args):
        self.log.append(('failed', args.link, args.forward_name, args.args, args.kwargs))


def test_hook_is_told_of_a_failure():
    link, hook = Fails().add_hook(RecordFailures()), RecordFailures()
    with hook, pytest.raises(ZeroDivisionError):
        link()
    for each in hook, link.local_link_hooks['RecordFailures']:
        assert [entry[:2] for entry in each.log[1:3]] == [('pre', link), ('failed', link)]


@pytest.mark.parametrize('method, logs', [
    ('forward_preprocess', (['pre', 'failed'], [])), ('forward_postprocess', (['pre', 'post'], ['pre', 'failed']))])
def test_hook_that_fails_between_others(method, logs):
    """What was told of the beginning is told of the end, once."""
    link = Twice().add_hook(RecordFailures(), 'first').add_hook(Refuses(method)).add_hook(RecordFailures(), 'last')
    with pytest.raises(ZeroDivisionError):
        link(1)
    for name, expected in zip(('first', 'last'), logs):
        assert [entry[0] for entry in link.local_link_hooks[name].log[1:]] == expected


def test_hook_that_refuses_a_link():
    link = Twice()
    with pytest.raises(ZeroDivisionError):
        link.add_hook(Refuses('added'))
    assert not link.local_link_hooks and link(1) == 2


def test_hook_that_puts_a_variable_in_the_place_of_a_parameter():
    """As those that were written for Chainer do."""
    class Doubling(ann.LinkHook):
        name = 'Doubling'

        def forward_preprocess(self, args):
            self.W = args.link.W
            args.link.W = self.W * 2

        def forward_postprocess(self, args):
            args.link.W = self.W

    for link, x in ((L.Linear(3, 2), np.ones((1, 3), 'f')), (L.EmbedID(4, 2), np.array([3, 1])),
                    (L.Convolution2D(3, 2, 1), np.ones((1, 3, 2, 2), 'f')),
                    (L.Deconvolution2D(3, 2, 1), np.ones((1, 3, 2, 2), 'f'))):
        expected = link(x).array
        y = link.add_hook(Doubling())(x)
        np.testing.assert_allclose(y.array, 2 * expected, rtol=1e-5)
        y.sum().backward()
        assert link.W.grad.any() and isinstance(link.W, ann.Parameter)


def test_timer_after_a_failure():
    with TimerHook() as hook:
        with pytest.raises(ZeroDivisionError):
            Fails()()
        Twice()(1)
    assert len(hook.call_history) == 1 and hook.total_time() == hook.call_history[0][1]


def test_timer(capsys):
    model = Pair()
    with TimerHook() as hook:
        for _ in range(3):
            model(np.ones(2))
    assert [name for name, _ in hook.call_history] == ['Twice', 'Twice', 'Pair'] * 3
    report = hook.summary()
    assert {name: entry['occurrence'] for name, entry in report.items()} == {'Twice': 6, 'Pair': 3}
    assert 0 < report['Twice']['elapsed_time'] < report['Pair']['elapsed_time'] == hook.total_time()
    hook.print_report(unit='us')
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ['LinkName', 'ElapsedTime', 'Occurrence']
    assert lines[1][0] == 'Twice' and lines[1][1].endswith('us') and lines[2][2] == '3'
    with pytest.raises(ValueError, match='hour'):
        hook.print_report(unit='hour')
