"""Trials that several processes share: none is lost, none counts twice, whoever is killed."""
import os
import signal
import subprocess
import sys
import time

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from autograd_nn import training, tuning
from support.toy import make_trainer

SPACE = [tuning.parse_dimension('x=1:64:log'), tuning.parse_dimension('n=1,2,3', int)]

pytestmark = pytest.mark.filterwarnings('ignore::optuna.exceptions.ExperimentalWarning')


def quality(values):
    return abs(np.log2(values['x']) - 3) + values['n']


def search(folder, n_trials, **options):
    """Does the trials; returns those that count."""
    with tuning.Search(folder / 'study.db', SPACE, **options) as found:
        found.run(lambda trial, values: (quality(values), False), n_trials)
        return found.trials


def test_as_many_trials_as_were_asked_for(tmp_path):
    trials = search(tmp_path, 5, sampler='random')
    assert [trial.number for trial in trials] == list(range(5)) and len({trial.params['x'] for trial in trials}) == 5
    assert all(trial.values == [quality(trial.params)] for trial in trials)
    assert len(search(tmp_path, 5, sampler='random')) == len(search(tmp_path, 3, sampler='random')) == 5
    more = search(tmp_path, 7, sampler='random')
    assert [trial.params for trial in more[:5]] == [trial.params for trial in trials] and len(more) == 7
    # What is drawn depends on seed and number alone.
    (tmp_path / 'other').mkdir()
    assert [trial.params for trial in search(tmp_path / 'other', 7, sampler='random')] == [
        trial.params for trial in more]
    (tmp_path / 'third').mkdir()
    assert search(tmp_path / 'third', 1, sampler='random', seed=1)[0].params != trials[0].params


def test_the_best(tmp_path):
    for maximize in False, True:
        with tuning.Search(tmp_path / f'{maximize}.db', SPACE, 'random', maximize=maximize) as found:
            assert found.best is None
            found.run(lambda trial, values: (quality(values), False), 6)
            values = [trial.values[0] for trial in found.ranked]
            assert values == sorted(values, reverse=maximize) and found.best.values == [values[0]] and len(values) == 6


def test_a_grid_has_each_combination_once(tmp_path):
    grid = tuning.grid_of(SPACE)
    assert len(grid) == 9
    first = search(tmp_path, 4, sampler='grid')
    assert [trial.params for trial in first] == grid[:4]
    assert [trial.params for trial in search(tmp_path, None, sampler='grid')] == grid


@pytest.mark.parametrize('sampler', ['tpe', 'gp', 'cmaes'])
def test_samplers_learn_from_what_was_good(sampler, tmp_path):
    needed = {'gp': 'torch', 'cmaes': 'cmaes'}.get(sampler)
    if needed:
        pytest.importorskip(needed)
    trials = search(tmp_path, 16, sampler=sampler)
    values = [trial.values[0] for trial in trials]
    assert np.mean(values[-5:]) < np.mean(values[:8])


def test_what_an_objective_raises_ends_the_search_and_counts_as_nothing(tmp_path):
    def fail(trial, values):
        if trial.number == 2:
            raise OSError('a full disk')
        return 0., False

    with tuning.Search(tmp_path / 'study.db', SPACE, 'random') as found:
        with pytest.raises(OSError, match='a full disk'):
            found.run(fail, 4)
        assert len(found.done) == 2
    trials = search(tmp_path, 4, sampler='random')
    assert len(trials) == 4 and {trial.state for trial in trials} == {TrialState.COMPLETE}


def test_no_study(tmp_path):
    (tmp_path / 'study.db').write_text('something else')
    with pytest.raises(ValueError, match=r'study\.db is no study: .*not a database'):
        search(tmp_path, 1)
    with tuning.Search(tmp_path / 'a.db', SPACE):
        pass
    with pytest.raises(ValueError, match='is to minimize, not to maximize'):
        tuning.Search(tmp_path / 'a.db', SPACE, maximize=True)
    with pytest.raises(ValueError, match='expected a number of trials'), tuning.Search(tmp_path / 'b.db', SPACE) as it:
        it.run(lambda trial, values: (0., False))


# A process that writes down each trial that it has done, and takes its time for each.
WORKER = '''
import sys, time
from autograd_nn import tuning
space = [tuning.parse_dimension('x=0:5', int), tuning.parse_dimension('y=1,2,3', int)]
def objective(trial, values):
    print('begun', trial.number, values['x'], values['y'], flush=True)
    time.sleep(float(sys.argv[2]))
    return values['x'] * values['y'], values['y'] == 3
with tuning.Search(sys.argv[1], space, sys.argv[3]) as search:
    search.run(objective, 18, lambda trial: print('done', trial.number, flush=True))
'''


def start(folder, sampler, seconds):
    return subprocess.Popen([sys.executable, '-c', WORKER, folder / 'study.db', str(seconds), sampler],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


@pytest.mark.slow
@pytest.mark.skipif(os.name != 'posix', reason='locks are those of POSIX')
@pytest.mark.parametrize('sampler', ['grid', 'random'])
def test_two_processes_one_of_which_is_killed(sampler, tmp_path):
    """The other one does what was lost; each trial counts once, and is done by one process."""
    killed, other = start(tmp_path, sampler, 0.3), start(tmp_path, sampler, 0.3)
    begun = [killed.stdout.readline() for _ in range(5)]  # two are done, the third one runs
    os.kill(killed.pid, signal.SIGKILL)
    lines, errors = other.communicate(timeout=120)
    assert other.returncode == 0, errors
    study = optuna.load_study(study_name='search', storage=f'sqlite:///{tmp_path}/study.db')
    trials = study.get_trials(deepcopy=False)
    counted = [trial for trial in trials if trial.state in (TrialState.COMPLETE, TrialState.PRUNED)]
    failed = [trial for trial in trials if trial.state == TrialState.FAIL]
    assert len(counted) == 18 and len(trials) == 18 + len(failed) and len(failed) == 1
    number = int(begun[-1].split()[1])
    assert begun[-1].startswith('begun') and failed[0].number == number
    retried = [trial for trial in counted if trial.user_attrs.get('retry_of') == number]
    assert [trial.params for trial in retried] == [failed[0].params]
    if sampler == 'grid':
        assert sorted((trial.params['x'], trial.params['y']) for trial in counted) == [
            (x, y) for x in range(6) for y in (1, 2, 3)]
    done = [int(line.split()[1]) for line in [*begun, *lines.splitlines()] if line.startswith('done')]
    assert sorted(done) == sorted(trial.number for trial in counted), 'each was done once, by one process'
    assert all((trial.state == TrialState.PRUNED) == (trial.params['y'] == 3) for trial in counted)


@pytest.mark.slow
@pytest.mark.skipif(os.name != 'posix', reason='locks are those of POSIX')
def test_all_are_killed_and_the_search_goes_on(tmp_path):
    processes = [start(tmp_path, 'random', 60) for _ in range(2)]
    for process in processes:
        assert process.stdout.readline().startswith('begun')
    for process in processes:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    again = start(tmp_path, 'random', 0)
    _, errors = again.communicate(timeout=120)
    assert again.returncode == 0, errors
    study = optuna.load_study(study_name='search', storage=f'sqlite:///{tmp_path}/study.db')
    states = [trial.state for trial in study.get_trials(deepcopy=False)]
    counted = sum(state in (TrialState.COMPLETE, TrialState.PRUNED) for state in states)
    assert counted == 18 and states.count(TrialState.FAIL) == len(states) - 18 == 2


def test_a_trial_that_ends_while_others_look_at_it_is_done(tmp_path, monkeypatch):
    with tuning.Search(tmp_path / 'study.db', SPACE, 'random') as found:
        found.study.enqueue_trial({})
        running = found.study.ask()
        take = found._locks.take

        def end_first(number):
            if number == running.number + 1:  # its process, which has the lock until then
                found.study.tell(running, 1.)
            return take(number)

        monkeypatch.setattr(found._locks, 'take', end_first)
        found._revive()
        assert [(trial.state, trial.values) for trial in found.study.get_trials()] == [(TrialState.COMPLETE, [1.])]


@pytest.mark.skipif(os.name != 'posix', reason='locks are those of POSIX')
def test_locks_go_with_their_process(tmp_path):
    code = ('import sys, time; from autograd_nn.tuning import Locks; locks = Locks(sys.argv[1]); '
            'print(locks.take(3), locks.take(4), flush=True); locks.release(4); print(flush=True); time.sleep(60)')
    process = subprocess.Popen([sys.executable, '-c', code, tmp_path / 'locks'], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == 'True True\n'
    process.stdout.readline()
    locks = tuning.Locks(tmp_path / 'locks')
    assert (locks.take(3), locks.take(4), locks.take(5)) == (False, True, True)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + 10
    while not locks.take(3) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert locks.take(3)
    locks.close()


class Report:
    """Stands for a trial that is pruned after some epochs."""

    def __init__(self, epochs):
        self.epochs, self.reported = epochs, []

    def report(self, value, step):
        self.reported.append((step, value))

    def should_prune(self):
        return len(self.reported) == self.epochs


@pytest.mark.parametrize('epochs', [2, 9])
def test_a_pruned_training_ends_early(epochs, tmp_path):
    trainer = make_trainer(tmp_path, stop=(4, 'epoch'), extensions=False)
    trainer.extend(training.extensions.LogReport())
    trial = Report(epochs)
    pruning = tuning.Pruning(trial, 'main/loss')
    trainer.extend(pruning)
    trainer.extend(training.extensions.ProgressBar())  # which asks the trigger how long the training is
    trainer.run()
    log = trainer.get_extension('LogReport').log
    assert len(log) == min(epochs, 4) and pruning.is_pruned == (epochs == 2)
    assert trial.reported == [(entry['epoch'], entry['main/loss']) for entry in log]
    assert trainer.stop_trigger.get_training_length() == (4, 'epoch')


def test_nothing_comes_after_nan(tmp_path):
    trainer = make_trainer(tmp_path, stop=(4, 'epoch'), extensions=False)
    trainer.extend(training.extensions.LogReport(postprocess=lambda entry: entry.update({'main/loss': float('nan')})))
    trial = Report(9)
    pruning = tuning.Pruning(trial, 'main/loss')
    trainer.extend(pruning)
    trainer.run()
    assert pruning.is_pruned and trial.reported == [] and trainer.updater.epoch == 1


def test_importance_finds_what_matters():
    from autograd_nn.tuning.pictures import importances

    def objective(trial):
        trial.suggest_float('nothing', 0, 1)
        return trial.suggest_float('much', 0, 1)

    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(0))
    study.optimize(objective, 3)
    assert importances(study) == {}
    study.optimize(objective, 30)
    matters = importances(study)
    assert list(matters) == ['much', 'nothing'] and matters['much'] > 0.6
    assert sum(matters.values()) == pytest.approx(1)


def test_pictures_show_the_trials(tmp_path):
    pytest.importorskip('matplotlib')
    with tuning.Search(tmp_path / 'study.db', SPACE, 'random') as found:
        def objective(trial, values):
            trial.report(quality(values), 1)
            return quality(values), trial.number % 3 == 0

        found.run(objective, 6)
        done = found.done
    figure = tuning.draw_slices(done, SPACE, 'quality')
    assert [axes.get_xlabel() for axes in figure.axes] == ['x', 'n']
    pruned, complete = figure.axes[0].collections
    for points, state in (pruned, TrialState.PRUNED), (complete, TrialState.COMPLETE):
        np.testing.assert_allclose(points.get_offsets(), [
            (trial.params['x'], quality(trial.params)) for trial in done if trial.state == state])
    assert figure.axes[0].get_xlim() == (1, 64) and figure.axes[0].get_xscale() == 'log'
    log = [{'epoch': epoch, 'validation/main/loss': 1 / epoch, 'main/loss': 2 / epoch} for epoch in (1, 2, 3)]
    figure = tuning.draw_curves([('first', log), ('second', log[:1])], 'validation/main/loss')
    lines = [line.get_ydata().tolist() for line in figure.axes[0].lines]
    assert lines == [[1, 1 / 2, 1 / 3], [2, 1, 2 / 3]] and [axes.get_title() for axes in figure.axes] == [
        'first', 'second']
    figure = tuning.draw_importance({'a': 0.75, 'b': 0.25})
    assert [bar.get_width() for bar in figure.axes[0].patches] == [0.25, 0.75]
