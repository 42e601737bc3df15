"""The program that searches for hyperparameters."""
import csv
import json
import re
import shlex

import pytest

from autograd_nn import datasets, tasks
from support.pages import check_self_contained
from support.programs import expect_one_line, run_here

pytest.importorskip('optuna')
KEY = 'validation/main/loss'
QUICK = '--model', 'perceptron', '--epochs', 1, '--batch-size', 50


@pytest.fixture(scope='module')
def few_digits():
    """A few of the bundled digits in the place of all."""
    digits = [data[:250] for data in datasets.get_digits(ndim=3)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(tasks.get('images').embedded, 'digits', lambda: (*digits, list('0123456789')))
        yield


@pytest.fixture(scope='module')
def found(few_digits, tmp_path_factory):
    """A search of three trials: its folder, and what was printed."""
    folder = tmp_path_factory.mktemp('search')
    process = run_here('search', *QUICK, '--search', 'lr=1e-4:1e-1:log', 'optimizer=adam,momentum', '--sampler',
                       'random', '--trials', 3, cwd=folder)
    assert process.returncode == 0, process.stderr
    return folder, process.stdout


def read_table(path):
    with path.open(encoding='utf-8') as file:
        return list(csv.DictReader(file))


def test_each_trial_is_a_run_with_its_values(found):
    folder, printed = found
    rows = read_table(folder / 'search/trials.csv')
    assert [row['trial'] for row in rows] == ['0', '1', '2'] and {row['state'] for row in rows} == {'complete'}
    for row in rows:
        run = folder / f'search/trials/{int(row["trial"]):03d}'
        options = json.loads((run / 'config.json').read_text())['arguments']
        assert (options['lr'], options['optimizer']) == (float(row['lr']), row['optimizer'])
        assert options['val_split'] == 0.2 and 'search' not in options and 'trials' not in options
        log = json.loads((run / 'log.json').read_text())
        assert float(row[KEY]) == min(entry[KEY] for entry in log)
        assert not list(run.glob('*snapshot*')) and (run / 'report.html').exists()
    best = min(rows, key=lambda row: float(row[KEY]))
    assert [path.parent.name for path in folder.glob('search/trials/*/best.npz')] == [f'{int(best["trial"]):03d}']
    assert '3 trials: 3 complete, 0 pruned' in printed and len(re.findall('^trial +[012] ', printed, re.M)) == 3
    page = check_self_contained((folder / 'search/report.html').read_text(encoding='utf-8'))
    assert [row[1][1] for row in page.tables['Trials'][1:]] == sorted(float(row[KEY]) for row in rows)


def test_the_command_repeats_the_best(found):
    folder, printed = found
    command = shlex.split(re.search('^the best: (.*)$', printed, re.M)[1])
    assert command[:2] == ['autograd-nn', 'train']
    process = run_here('train', *command[2:], '--out', 'again', cwd=folder)
    assert process.returncode == 0, process.stderr
    log = json.loads((folder / 'again/log.json').read_text())
    assert log[-1][KEY] == min(float(row[KEY]) for row in read_table(folder / 'search/trials.csv'))


def test_a_search_goes_on_with_more_trials_and_with_nothing_else(found):
    folder, _ = found
    before = read_table(folder / 'search/trials.csv')
    words = ['--search', 'lr=1e-4:1e-1:log', 'optimizer=adam,momentum', '--sampler', 'random']
    process = run_here('search', *QUICK, *words, '--trials', 4, cwd=folder)
    assert process.returncode == 0 and '4 trials, of which 3 are done' in process.stdout, process.stderr
    assert read_table(folder / 'search/trials.csv')[:3] == before
    for more, message in [
            (['--epochs', 2], '--study: the study in search/study.db is of --epochs 1, not of --epochs 2'),
            (['--search', 'clip=1,2'], 'is of --search lr=0.0001:0.1:log optimizer=adam,momentum, not of --search lr='),
            (['--minimize', 'main/loss'], f'is of --minimize {KEY}, not of --minimize main/loss'),
            (['--maximize', KEY], 'is to minimize, not to maximize')]:
        expect_one_line(run_here('search', *QUICK, *words, *more, cwd=folder), message)


def test_what_diverges_is_no_error_and_what_is_large_can_be_best(few_digits, tmp_path):
    process = run_here('search', *QUICK, '--search', 'lr=1e38,1e-3', '--optimizer', 'sgd', '--sampler', 'grid',
                       '--maximize', 'validation/main/accuracy', '--no-report', '--pruner', 'none', cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert 'diverged' in process.stdout and '2 trials: 1 complete, 1 pruned' in process.stdout
    assert [row['state'] for row in read_table(tmp_path / 'search/trials.csv')] == ['diverged', 'complete']
    assert not (tmp_path / 'search/trials/001/report.html').exists()


@pytest.mark.slow
def test_what_promises_little_ends_early(few_digits, tmp_path):
    rates = 'lr=' + ','.join(f'{0.1 / (i + 1):.4f}' for i in range(5)) + ',1e-9'
    process = run_here('search', '--model', 'perceptron', '--epochs', 3, '--batch-size', 50, '--optimizer', 'sgd',
                       '--search', rates, '--sampler', 'grid', '--no-report', cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    last = read_table(tmp_path / 'search/trials.csv')[-1]
    log = json.loads((tmp_path / 'search/trials/005/log.json').read_text())
    assert (last['state'], last['epochs'], float(last[KEY])) == ('pruned', '1', log[0][KEY]) and len(log) == 1
    assert f'pruned at {log[0][KEY]:.5g}' in process.stdout
    complete = sum(row['state'] == 'complete' for row in read_table(tmp_path / 'search/trials.csv'))
    assert f'6 trials: {complete} complete, {6 - complete} pruned' in process.stdout and complete >= 4


@pytest.mark.parametrize('words, message', [
    (['lr'], "--search: expected NAME=LOW:HIGH[:log] or NAME=VALUE,VALUE,..., got 'lr'"),
    (['lrr=1:2'], '--search: lrr is no option that can be searched over (did you mean lr?); expected one of'),
    (['model=mlp,lenet'], '--search: model is no option that can be searched over'),
    (['trials=1,2'], '--search: trials is no option that'), (['lr=2:1'], '--search: lr: expected a range'),
    (['optimizer=adam,sdg'], "--search: optimizer: expected some of sgd, momentum"),
    (['batch_size=a,b'], "--search: batch_size: expected whole numbers, got 'a'"),
    (['augment=yes,no'], "--search: augment: expected true,false, got 'yes'"),
    (['lr=1,2', 'lr=3,4'], '--search: lr stands there twice'),
    (['lr=0.1:0.2', '--sampler', 'grid'], '--search: lr=0.1:0.2 has endless many values: a grid needs a step'),
    (['batch_size=0,5'], '--batch-size: expected at least 1, got 0'), (['lr=1,2', '--trials', 0], '--trials: expected'),
    (['lr=1,2', '--maximize', 'acc'], '--maximize: there is no acc in the log, which has main/loss'),
    (['lr=1,2', '--sampler', 'best'], "--sampler: invalid choice: 'best'"), ([], '--search'),
    (['lr=1,2', '--model', 'lennet'], "there is no 'lennet' (did you mean 'lenet'?)"),
    (['lr=1,2', '--maximize', 'a', '--minimize', 'b'], 'not allowed with argument'),
    (['lr=1,2', '--study', 'no/where.db'], 'cannot write no/where.db: there is no folder no'),
])
def test_nonsense_takes_one_line(words, message, few_digits, tmp_path):
    process = run_here('search', '--model', 'mlp', '--epochs', 1, '--search', *words, cwd=tmp_path)
    expect_one_line(process, message)
    assert not list(tmp_path.iterdir()) or '--maximize' in words, 'nothing is written for nothing'


def test_a_folder_with_a_run_is_refused(few_digits, tmp_path):
    (tmp_path / 'search').mkdir()
    (tmp_path / 'search/config.json').write_text('{}')
    expect_one_line(run_here('search', '--search', 'lr=1,2', cwd=tmp_path), '--out: there is a training run in search')
    (tmp_path / 'search/config.json').rename(tmp_path / 'search/study.db')
    expect_one_line(run_here('search', '--search', 'lr=1,2', cwd=tmp_path), 'search/study.db is no study')
