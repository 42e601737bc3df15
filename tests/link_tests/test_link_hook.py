"""Hooks around links."""
import numpy as np
import pytest

import autograd_nn as ann
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
