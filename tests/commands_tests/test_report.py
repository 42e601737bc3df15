"""The report that training writes, and the program that compares runs."""
import json
import re
import shutil

import numpy as np
import pytest

from autograd_nn import datasets, tasks
from autograd_nn.commands import train
from autograd_nn.commands.command_line import CommandLine, write_options
from support.pages import check_self_contained
from support.programs import expect_one_line, run_here

# A network and data that take a second.
QUICK = '--model', 'mlp', '--epochs', 2, '--batch-size', 100


@pytest.fixture(scope='module')
def runs(tmp_path_factory):
    """Two runs of the bundled digits, a few of them, of which the second one has written no report."""
    folder, patch = tmp_path_factory.mktemp('runs'), pytest.MonkeyPatch()
    digits = [data[:300] for data in datasets.get_digits(ndim=3)]
    patch.setitem(tasks.get('images').embedded, 'digits', lambda: (*digits, list('0123456789')))
    for name, options in ('a', []), ('b', ['--no-report']), ('c', ['--no-report', '--lr', 0.01]):
        process = run_here('train', *QUICK, '--out', name, *options, cwd=folder)
        assert process.returncode == 0, process.stderr
    yield folder
    patch.undo()


def test_training_writes_a_report(runs):
    page = check_self_contained((runs / 'a/report.html').read_text(encoding='utf-8'))
    assert not (runs / 'b/report.html').exists()
    assert list(page.tables) == ['Summary', 'Confusion matrix', 'Precision and recall', 'Activations',
                                 'Weights and gradients', 'Configuration']
    log = json.loads((runs / 'a/log.json').read_text())
    rows = {row[0][0]: row[1][1] for row in page.tables['Summary']}
    assert rows['validation/main/loss'] == log[-1]['validation/main/loss']
    matrix = np.array([[int(cell) for cell, _ in row[1:]] for row in page.tables['Confusion matrix'][1:]])
    assert matrix.sum() == 300
    assert np.trace(matrix) / 300 == pytest.approx(log[-1]['validation/main/accuracy'], abs=1e-6)
    text = (runs / 'a/report.html').read_text(encoding='utf-8')
    assert 'Filters of the first layer' in text
    wrong = 300 - np.trace(matrix)
    assert text.count('taken for ') >= min(24, wrong) > 0


def test_a_report_changes_nothing_else(runs):
    with np.load(runs / 'a/model.npz') as a, np.load(runs / 'b/model.npz') as b:
        assert all(np.array_equal(a[name], b[name]) for name in a.files) and a.files == b.files
    logs = [json.loads((runs / name / 'log.json').read_text()) for name in 'ab']
    for log in logs:
        for entry in log:
            del entry['elapsed_time'], entry['images/s']
    assert logs[0] == logs[1]


def test_a_run_goes_on_with_or_without_a_report(runs, tmp_path):
    for source, option in ('a', '--no-report'), ('b', '--report'):
        process = run_here('train', '--resume', runs / source, '--out', tmp_path / source, '--epochs', 3, option,
                           cwd=runs)
        assert process.returncode == 0, process.stderr
    assert ['2 of 2' in (tmp_path / 'a/report.html').read_text(), '3 of 3' in (tmp_path / 'b/report.html').read_text()
            ] == [True, True], 'the first one was left as it was'


def test_the_command_repeats_the_run(runs):
    text = (runs / 'a/report.html').read_text(encoding='utf-8')
    command = re.search('<code>(autograd-nn train.*?)</code>', text)[1].split()
    process = run_here('train', *command[2:], '--out', 'again', cwd=runs)
    assert process.returncode == 0, process.stderr
    with np.load(runs / 'a/model.npz') as a, np.load(runs / 'again/model.npz') as again:
        assert all(np.array_equal(a[name], again[name]) for name in a.files)


@pytest.mark.parametrize('words', [
    ['--model', 'mlp'], ['--augment', '--lr', '0.01', '--no-report'], ['--no-augment', '--workers', '2', '--sync-bn'],
    ['--model', 'lstm_lm', '--dataset', 'a text.txt', '--level', 'char'], ['--amp', 'bfloat16', '--scale-lr', 'sqrt'],
    ['--seed', '7', '--dataset', 'my pictures', '--warmup', '0.1', '--clip', '2.5', '--weight-decay', '1e-05']])
def test_written_options_are_read_as_they_were(words):
    line = CommandLine('train', [], words)
    arguments = train.make_parser(line).parse_args(words)
    written = write_options(train.make_parser(line), vars(arguments))
    start = ['--model', arguments.model]
    parser = train.make_parser(CommandLine('train', [], start))
    assert parser.parse_args(start + written) == arguments


def test_runs_are_compared(runs, tmp_path):
    process = run_here('report', 'b', 'c', '--out', tmp_path / 'page.html', cwd=runs)
    assert process.returncode == 0 and process.stdout == f'written to {tmp_path / "page.html"}\n', process.stderr
    text = (tmp_path / 'page.html').read_text(encoding='utf-8')
    page = check_self_contained(text)
    head, *rows = page.tables['Runs']
    assert [cell for cell, _ in head][:4] == ['run', 'epochs', 'time', '--lr']
    logs = {name: json.loads((runs / name / 'log.json').read_text()) for name in 'bc'}
    for row in rows:
        losses = [entry['validation/main/loss'] for entry in logs[row[0][0]]]
        assert [value for _, value in row[4:7]] == [losses[-1], min(losses), max(losses)]
    assert [row[3][0] for row in rows] == ['0.001', '0.01']
    assert 'autograd-nn train --model mlp --epochs 2 --lr 0.01' in text


def test_a_log_alone_is_enough(runs, tmp_path):
    (tmp_path / 'old').mkdir()
    shutil.copy(runs / 'c/log.json', tmp_path / 'old/log')
    process = run_here('report', 'old', cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    page = check_self_contained((tmp_path / 'report.html').read_text(encoding='utf-8'))
    last = json.loads((runs / 'c/log.json').read_text())[-1]
    assert {row[0][0]: row[1][1] for row in page.tables['Summary']}['main/loss'] == last['main/loss']


@pytest.mark.parametrize('content, message', [
    (None, 'there is no log of a training'), ('[1]', 'is no log of a training'),
    ('{', 'expected the log of a training'), ('[{"main/loss": "x"}]', 'is no log of a training')])
def test_nonsense_takes_one_line(content, message, tmp_path):
    (tmp_path / 'run').mkdir()
    if content is not None:
        (tmp_path / 'run/log.json').write_text(content)
    expect_one_line(run_here('report', 'run', cwd=tmp_path), 'run', message)
    expect_one_line(run_here('report', 'nowhere', cwd=tmp_path), 'nowhere: there is no such folder')
    assert [path.name for path in tmp_path.iterdir()] == ['run']
    expect_one_line(run_here('report', 'run', '--out', 'a/b.html', cwd=tmp_path), 'cannot write a/b.html')
