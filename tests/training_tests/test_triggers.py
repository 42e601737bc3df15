"""Triggers against brute force in exact arithmetic."""
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_nn import training
from autograd_nn.serializers import load_npz
from autograd_nn.training import triggers
from support.toy import FakeUpdater, Loader, Saver


class FakeTrainer:
    def __init__(self, size=10, batch_size=3):
        self.updater = FakeUpdater(size, batch_size)
        self.observation = {}
        self.elapsed_time = 0.


def fired(trigger, trainer, iterations=60, remake=None, values=None):
    """The iterations at which a trigger fires; `remake`, after each one, goes on with a restored trigger."""
    result = []
    for i in range(iterations):
        trainer.updater.update()
        if values is not None:
            trainer.observation = {'x': values[i]}
        if trigger(trainer):
            result.append(trainer.updater.iteration)
        if remake is not None:
            stored = {}
            trigger.serialize(Saver(stored))
            trigger = remake()
            trigger.serialize(Loader(stored))
    return result


fractions = st.builds(Fraction, st.integers(1, 30), st.sampled_from([1, 2, 3, 7, 10, 100]))


@given(fractions, st.integers(1, 40), st.integers(1, 12), st.booleans())
def test_interval_of_epochs(period, size, batch_size, resume):
    def make():
        return training.get_trigger((float(period), 'epoch'))
    times = [Fraction(i * batch_size, size) for i in range(61)]
    expected = [i for i in range(1, 61) if times[i] // period != times[i - 1] // period]
    assert fired(make(), FakeTrainer(size, batch_size), remake=make if resume else None) == expected


@given(st.integers(1, 20), st.booleans())
def test_interval_of_iterations(period, resume):
    def make():
        return triggers.IntervalTrigger(period, 'iteration')
    assert fired(make(), FakeTrainer(), remake=make if resume else None) == list(range(period, 61, period))


@pytest.mark.parametrize('args', [(0, 'epoch'), (-1, 'iteration'), (float('nan'), 'epoch'), (1, 'epochs')])
def test_bad_interval(args):
    with pytest.raises(ValueError, match='IntervalTrigger'):
        training.get_trigger(args)


def test_get_trigger():
    assert training.get_trigger(None)(FakeTrainer()) is False
    assert training.get_trigger(print) is print
    assert training.get_trigger((2, 'epoch')).get_training_length() == (2, 'epoch')
    for bad in 3, 'epoch', (1, 'epoch', 2):
        with pytest.raises(TypeError, match='get_trigger'):
            training.get_trigger(bad)


@given(st.lists(fractions, min_size=1, max_size=4), st.integers(1, 40), st.integers(1, 12), st.booleans())
def test_manual_schedule_of_epochs(points, size, batch_size, resume):
    def make():
        return triggers.ManualScheduleTrigger([float(p) for p in points], 'epoch')
    times = [Fraction(i * batch_size, size) for i in range(61)]
    expected = [i for i in range(1, 61) if any(times[i - 1] < p <= times[i] for p in points)]
    assert fired(make(), FakeTrainer(size, batch_size), remake=make if resume else None) == expected


def test_manual_schedule_of_iterations():
    trigger, trainer = triggers.ManualScheduleTrigger([7, 3, 3], 'iteration'), FakeTrainer()
    assert fired(trigger, trainer, 6) == [3] and not trigger.finished
    assert fired(trigger, trainer, 6) == [7] and trigger.finished
    assert fired(triggers.ManualScheduleTrigger(5, 'iteration'), FakeTrainer()) == [5]
    with pytest.raises(ValueError, match='ManualScheduleTrigger'):
        triggers.ManualScheduleTrigger([1], 'hour')


@pytest.mark.parametrize('call_on_resume', [False, True])
def test_once(call_on_resume):
    def make():
        return triggers.OnceTrigger(call_on_resume)
    trigger = make()
    assert not trigger.finished
    assert fired(trigger, FakeTrainer(), 5) == [1] and trigger.finished
    assert fired(make(), FakeTrainer(), 3, remake=make) == ([1, 2, 3] if call_on_resume else [1])


@pytest.mark.parametrize('resume', [False, True])
def test_time(resume):
    def make():
        return triggers.TimeTrigger(2.5)
    trigger, trainer = make(), FakeTrainer()
    result = []
    for elapsed in 0.1, 2.4, 2.5, 2.6, 4.9, 5.1, 14.9, 15.1, 15.2:
        trainer.updater.update()
        trainer.elapsed_time = elapsed
        if trigger(trainer):
            result.append(elapsed)
        if resume:
            stored = {}
            trigger.serialize(Saver(stored))
            trigger = make()
            trigger.serialize(Loader(stored))
    assert result == [2.5, 5.1, 14.9, 15.1]
    with pytest.raises(ValueError, match='TimeTrigger'):
        triggers.TimeTrigger(0)


@given(st.lists(st.integers(-5, 5), min_size=24, max_size=24), st.integers(1, 5), st.booleans())
def test_best_value(values, period, resume):
    means = {i: np.mean(values[i - period:i]) for i in range(period, 25, period)}
    for make, better in ((lambda: triggers.MaxValueTrigger('x', (period, 'iteration')), np.greater),
                         (lambda: triggers.MinValueTrigger('x', (period, 'iteration')), np.less),
                         (lambda: triggers.BestValueTrigger('x', lambda a, b: b >= a, (period, 'iteration')),
                          np.greater_equal)):
        best, expected = None, []
        for i, mean in means.items():
            if best is None or better(mean, best):
                best = mean
                expected.append(i)
        assert fired(make(), FakeTrainer(), 24, make if resume else None, values) == expected


def test_best_value_is_no_nan():
    trigger = triggers.MaxValueTrigger('x', (1, 'iteration'))
    assert trigger.best_value is None
    assert fired(trigger, FakeTrainer(), 5, values=[float('nan'), 1, float('nan'), 0, 2]) == [2, 5]
    assert trigger.best_value == 2


def test_best_value_not_reported():
    trainer = FakeTrainer()
    trainer.updater.update()
    trainer.observation = {'main/loss': 1}
    with pytest.raises(KeyError, match='loss'):
        triggers.MaxValueTrigger('main/lozz', (1, 'iteration'))(trainer)


@given(st.lists(st.integers(-3, 3), min_size=40, max_size=40), st.integers(1, 4), st.integers(1, 3),
       st.sampled_from(['min', 'max']), st.booleans())
def test_early_stopping(values, patience, period, mode, resume):
    def make():
        return triggers.EarlyStoppingTrigger((period, 'iteration'), 'x', patience, mode, max_trigger=(37, 'iteration'))
    expected, best, count = 37, None, 0
    for i in range(period, 37, period):
        mean = np.mean(values[i - period:i]) * (1 if mode == 'max' else -1)
        if best is None or mean > best:
            best, count = mean, 0
        else:
            count += 1
        if count == patience:
            expected = i
            break
    assert fired(make(), FakeTrainer(), 40, make if resume else None, values)[0] == expected


def test_early_stopping_mode():
    stop = triggers.EarlyStoppingTrigger
    for monitor, values in ('main/accuracy', [3, 2, 1]), ('main/loss', [1, 2, 3]):
        trigger, trainer = stop((1, 'iteration'), monitor, patience=2), FakeTrainer()
        results = []
        for value in values:
            trainer.updater.update()
            trainer.observation = {monitor: value}
            results.append(trigger(trainer))
        assert results == [False, False, True] and trigger.best == values[0]
    with pytest.raises(ValueError, match='mode'):
        stop(mode='best')
    assert stop().get_training_length() == (100, 'epoch')
    assert stop(max_trigger=lambda trainer: False).get_training_length() is None


def test_early_stopping_without_value(capsys):
    trigger, trainer = triggers.EarlyStoppingTrigger((1, 'iteration'), 'x', 1, verbose=True), FakeTrainer()
    trainer.updater.update()
    trainer.observation = {'y': 1}
    with pytest.warns(UserWarning, match="'x' was not reported.*y"):
        assert not trigger(trainer)
    assert fired(trigger, trainer, 2, values=[1, 2]) == [3]
    assert capsys.readouterr().out == 'x is 2, not better than 1: 1 of 1\n'


def test_patience_by_its_older_name():
    assert triggers.EarlyStoppingTrigger(patients=7).patience == 7
    assert triggers.EarlyStoppingTrigger().patience == 3
    with pytest.raises(TypeError, match='patients is an older name of patience'):
        triggers.EarlyStoppingTrigger(patience=4, patients=7)


def test_nan_is_never_the_best_value():
    trigger, trainer = triggers.EarlyStoppingTrigger((1, 'iteration'), 'x', 2), FakeTrainer()
    assert trigger.best == np.inf and triggers.EarlyStoppingTrigger(mode='max').best == -np.inf
    assert fired(trigger, trainer, 4, values=[np.nan, 2, 3, np.nan]) == [4]
    assert trigger.best == 2


@pytest.mark.parametrize('make', [
    lambda: triggers.IntervalTrigger(3, 'iteration'), lambda: triggers.IntervalTrigger(0.7, 'epoch'),
    lambda: triggers.ManualScheduleTrigger([2, 5], 'iteration'), lambda: triggers.ManualScheduleTrigger(1.5, 'epoch'),
    triggers.OnceTrigger, lambda: triggers.TimeTrigger(3), lambda: triggers.MaxValueTrigger('x', (2, 'iteration')),
    lambda: triggers.EarlyStoppingTrigger((2, 'iteration'), 'x', 1)])
def test_a_trigger_answers_everybody_alike(make):
    """One object asked three times in each iteration, and restored in between, is as good as three of them."""
    values = [1, 2, 0, 5, 4, 3, 3, 3, 9, 0, 0, 0]
    shared, alone, trainer = make(), make(), FakeTrainer()
    answers = []
    for value in values:
        trainer.updater.update()
        trainer.elapsed_time += 1
        trainer.observation = {'x': value}
        answers.append(alone(trainer))
        first = shared(trainer)
        stored = {}
        shared.serialize(Saver(stored))
        shared = make()
        shared.serialize(Loader(stored))
        shared.remember(trainer, first)
        assert [first, shared(trainer), shared(trainer)] == 3 * answers[-1:]
    assert any(answers) and not all(answers)


def test_one_trigger_for_several_extensions(tmp_path):
    """For the log, two extensions and the end of the training; a resumed one goes on with those that are due."""
    def make(calls, trigger):
        trainer = training.Trainer(FakeUpdater(), trigger, tmp_path)
        trainer.extend(training.extensions.LogReport(trigger=trigger))
        for name, priority in ('a', 3), ('b', 2), ('c', 1):
            trainer.extend(lambda t, name=name: calls.append((name, t.updater.iteration)), name, trigger, priority)
        return trainer

    every_third = training.get_trigger((3, 'iteration'))
    calls = []
    trainer = make(calls, every_third)
    trainer.run()
    assert calls == [('a', 3), ('b', 3), ('c', 3)] and len(trainer.get_extension('LogReport').log) == 1

    again, every_third = [], training.get_trigger((3, 'iteration'))
    trainer = make([], every_third)
    trainer.extend(training.extensions.snapshot(filename='snapshot'), trigger=every_third, priority=2)
    trainer.run()
    trainer = make(again, training.get_trigger((3, 'iteration')))
    load_npz(tmp_path / 'snapshot', trainer)
    trainer.run()
    assert again == [('c', 3)]
