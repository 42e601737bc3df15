"""Run folders: what is in one belongs together, whatever a person types and however a process ends."""
import json
import math
import os
import resource
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from support.digits import write_digits
from support.programs import ROOT, expect_one_line, run_here

TRAIN = ROOT / 'scripts' / 'train.py'
SMALL = '--model', 'perceptron', '--dataset', 'few', '--batch-size', '20'


@pytest.fixture(scope='module')
def finished(tmp_path_factory):
    """A folder with data, and in ``result`` a complete run of one epoch."""
    folder = tmp_path_factory.mktemp('finished')
    write_digits(folder / 'few')
    process = run_here('train', *SMALL, '--epochs', 1, cwd=folder)
    assert process.returncode == 0, process.stderr
    return folder


@pytest.fixture
def folder(finished, tmp_path):
    """A copy of that."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    return tmp_path


def train(folder, *arguments):
    return run_here('train', *arguments, cwd=folder)


def contents(path):
    return {file.name: file.read_bytes() for file in path.iterdir()}


def rates(path):
    return [entry['lr'] for entry in json.loads((path / 'log.json').read_text())]


def weights(path):
    with np.load(path, allow_pickle=False) as arrays:
        return arrays['updater/model:main/predictor/units/W'] if 'units/W' not in arrays else arrays['units/W']


def check_usable(path, epochs, model='perceptron'):
    """Configuration, log and snapshot tell of the same run."""
    config = json.loads((path / 'config.json').read_text())
    assert config['arguments']['model'] == model
    with np.load(path / 'snapshot.npz', allow_pickle=False) as snapshot:
        assert snapshot['updater/iterator:main/epoch'] == epochs
    assert [entry['epoch'] for entry in json.loads((path / 'log.json').read_text())] == list(range(1, epochs + 1))


@pytest.mark.parametrize('options, words', [
    (['--model', 'lenet'], ['of perceptron', 'not of lenet']),
    (['--model', 'lstm_lm'], ['of perceptron', 'not of lstm_lm']),
    (['--dataset', 'digits'], ['digits is not the data', 'began with', 'samples']),
    (['--dataset', 'nowhere'], ['nowhere']),
    (['--optimizer', 'sgd'], ['--optimizer adam', '--optimizer sgd']), (['--seed', 1], ['--seed 0', '--seed 1']),
    (['--initial-weights', 'result/model.npz'], ['no --initial-weights']), (['--units', 5], ['--units']),
    ([], ['is complete, with 1 epochs', '--epochs']), (['--batch-size', 0], ['--batch-size']),
    (['--amp', '--epochs', 2], ['--amp']),
])
def test_a_mistaken_resumption_is_refused_and_changes_nothing(finished, options, words):
    before = contents(finished / 'result')
    process = train(finished, '--resume', 'result', *options)
    assert process.returncode == 2 and 'Traceback' not in process.stderr
    last = process.stderr.splitlines()[-1]
    assert 'error:' in last and all(word in last for word in words), last
    assert contents(finished / 'result') == before and {path.name for path in finished.iterdir()} == {'few', 'result'}


def test_folders_without_a_run(folder):
    (folder / 'nothing').mkdir()
    shutil.copytree(folder / 'result', folder / 'broken')
    broken = folder / 'broken'
    whole = contents(broken)
    config, snapshot = whole['config.json'], whole['snapshot.npz']
    array = weights(broken / 'snapshot.npz').tobytes()
    for make, words in (
            (lambda: None, ['--resume', 'nothing', 'no run']),
            (lambda: (broken / 'config.json').write_text('{"argu'), ['broken/config.json is damaged']),
            (lambda: (broken / 'config.json').write_text('{"name": "app"}'), ['config.json', 'not the configuration']),
            (lambda: (broken / 'config.json').write_text('{"arguments": {"model": "lenet"}}'), ['another program']),
            (lambda: (broken / 'config.json').write_bytes(config.replace(b'"perceptron"', b'"perceptrom"')),
             ['perceptrom']),
            (lambda: (broken / 'config.json').write_bytes(config.replace(b'"epochs": 1', b'"epochs": "x"')),
             ['config.json is damaged', 'epochs']),
            (lambda: (broken / 'snapshot.npz').write_bytes(snapshot[:5000]), ['snapshot.npz is truncated']),
            (lambda: (broken / 'snapshot.npz').write_bytes(snapshot.replace(array, bytes(len(array)))),
             ['snapshot.npz is damaged']),
            (lambda: (broken / 'snapshot.npz').unlink(), ['before its first snapshot'])):
        for name, content in whole.items():
            (broken / name).write_bytes(content)
        make()
        before = contents(broken)
        expect_one_line(train(folder, '--resume', 'broken' if words[1:2] != ['nothing'] else 'nothing', '--epochs', 2),
                        *words)
        assert contents(broken) == before
    expect_one_line(train(folder, '--resume', 'result/model.npz'), 'is a file')


def test_a_new_run_moves_the_old_one_aside(folder):
    old = contents(folder / 'result')
    for number in 1, 2:
        process = train(folder, *SMALL, '--epochs', 1)
        assert process.returncode == 0, process.stderr
        assert f'result: the run that was there is in result.{number} now' in process.stdout
        assert contents(folder / 'result.1') == old
    check_usable(folder / 'result', 1)
    (folder / 'result' / 'notes.txt').write_text('mine')
    (folder / 'result' / 'vocabulary.json').write_text('of another kind of run')
    process = train(folder, *SMALL, '--epochs', 1, '--overwrite')
    assert process.returncode == 0 and 'is overwritten' in process.stdout
    assert {*contents(folder / 'result')} == {*old, 'notes.txt'} and not (folder / 'result.3').exists()


def test_what_is_in_use_is_not_moved(folder):
    shutil.move(folder / 'few', folder / 'result' / 'few')
    arguments = '--model', 'perceptron', '--dataset', folder / 'result' / 'few', '--epochs', 1
    before = (folder / 'result' / 'config.json').read_bytes()
    expect_one_line(train(folder, *arguments), 'there is a run in result already', 'few is in use', '--overwrite')
    expect_one_line(train(folder / 'result', *arguments, '--out', '.'), 'is in use', '--overwrite')
    assert (folder / 'result' / 'config.json').read_bytes() == before
    (folder / 'app').mkdir()
    (folder / 'app' / 'config.json').write_text('{"name": "app"}')
    expect_one_line(train(folder, *arguments, '--out', 'app', '--overwrite'), 'app/config.json', 'not that of a')


def test_one_process_at_a_time(folder, monkeypatch):
    fcntl = pytest.importorskip('fcntl')
    monkeypatch.setattr('autograd_nn.training.run_folder.PATIENCE', 0)
    descriptor = os.open(folder / 'result', os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    before = contents(folder / 'result')
    for arguments in SMALL, ('--resume', 'result', '--epochs', 2):
        expect_one_line(train(folder, *arguments), 'another process is training in result')
    os.close(descriptor)
    assert contents(folder / 'result') == before and not (folder / 'result.1').exists()


def test_rates_of_resumed_runs(folder):
    """Half a cosine over all epochs, whatever the size of the batches; from another --lr where it is."""
    def wave(epoch, epochs, steps):
        """At the last of the steps of an epoch."""
        return (1 + math.cos(math.pi * (steps * epoch - 1) / (steps * epochs))) / 2

    shutil.copytree(folder / 'result', folder / 'other')
    assert train(folder, '--resume', 'result', '--epochs', 3).returncode == 0
    assert train(folder, '--resume', 'other', '--epochs', 3, '--batch-size', 50).returncode == 0
    for name, steps in ('result', 10), ('other', 4):
        np.testing.assert_allclose(rates(folder / name)[1:], [0.003 * wave(epoch, 3, steps) for epoch in (2, 3)])
    assert train(folder, '--resume', 'result', '--epochs', 6, '--lr', 0.01).returncode == 0
    np.testing.assert_allclose(rates(folder / 'result')[3:], [0.01 * wave(i, 6, 10) / 0.5 for i in (4, 5, 6)])


def test_a_run_goes_on_in_another_folder(folder):
    before = contents(folder / 'result')
    assert train(folder, *SMALL, '--epochs', 1, '--out', 'longer').returncode == 0
    process = train(folder, '--resume', 'result', '--epochs', 2, '--out', 'longer')
    assert process.returncode == 0 and 'longer: the run that was there is in longer.1 now' in process.stdout
    assert contents(folder / 'result') == before
    check_usable(folder / 'longer', 2)
    assert train(folder, '--resume', 'result', '--epochs', 2).returncode == 0
    for name in 'model.npz', 'snapshot.npz':
        np.testing.assert_array_equal(weights(folder / 'result' / name), weights(folder / 'longer' / name))


def test_divergence_leaves_the_last_good_snapshot(folder):
    before = (folder / 'result' / 'snapshot.npz').read_bytes()
    process = train(folder, '--resume', 'result', '--epochs', 3, '--lr', 1e38)
    expect_one_line(process, 'the training diverged', 'a smaller --lr', '--resume result --lr')
    assert 'Warning' not in process.stderr
    assert (folder / 'result' / 'snapshot.npz').read_bytes() == before
    assert not (folder / 'result' / 'model.npz').exists()
    expect_one_line(run_here('predict', 'result/model.npz', 'x.png', cwd=folder), 'result/snapshot.npz')
    process = train(folder, '--resume', 'result', '--lr', 0.001)
    assert process.returncode == 0, process.stderr
    check_usable(folder / 'result', 3)
    process = train(folder, *SMALL, '--lr', 1e38, '--out', 'new')
    expect_one_line(process, 'the training diverged', 'no snapshot in new')
    assert contents(folder / 'new').keys() == {'config.json'}


def test_wrong_places_to_write_to(folder):
    (folder / 'file').write_text('text')
    for out in 'file', 'file/more', '/dev/null/more':
        expect_one_line(train(folder, *SMALL, '--out', out), '--out', 'is a file')
    process = train(folder, *SMALL, '--out', 'new/and/deep', '--epochs', 1)
    assert process.returncode == 0, process.stderr
    check_usable(folder / 'new' / 'and' / 'deep', 1)


def start(folder, *arguments, **options):
    return subprocess.Popen([sys.executable, TRAIN, *map(str, arguments)], cwd=folder, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, start_new_session=True, **options)


def wait_for(path, process):
    deadline = time.monotonic() + 300
    while not path.exists():
        assert process.poll() is None and time.monotonic() < deadline, process.stderr.read()
        time.sleep(0.01)


@pytest.mark.parametrize('options', [[], ['--workers', 1]])
def test_sigterm_does_what_ctrl_c_does(folder, options):
    """To the process alone, as Docker sends it, or to its helpers as well, as a batch system does."""
    process = start(folder, *SMALL, '--epochs', 100000, '--out', 'stopped', *options)
    wait_for(folder / 'stopped' / 'snapshot.npz', process)
    (os.killpg if options else os.kill)(process.pid, signal.SIGTERM)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 130 and '--resume stopped' in errors and 'Traceback' not in errors, errors
    assert 'the state is kept' in errors
    expect_one_line(train(folder, '--resume', 'stopped', '--model', 'lenet'), 'of perceptron')


def test_sigterm_ends_a_program_that_ignores_ctrl_c(folder):
    """As what a script starts in the background does."""
    process = start(folder, *SMALL, '--epochs', 100000, '--out', 'stopped',
                    preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
    wait_for(folder / 'stopped' / 'snapshot.npz', process)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 130 and 'to continue: python ' in errors and 'Traceback' not in errors, errors


def test_a_killed_run_leaves_the_old_one_and_its_own(folder):
    old = contents(folder / 'result')
    process = start(folder, *SMALL, '--epochs', 100000)
    wait_for(folder / 'result.1', process)
    wait_for(folder / 'result' / 'config.json', process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=300)
    assert contents(folder / 'result.1') == old
    if 'snapshot.npz' not in contents(folder / 'result'):
        expect_one_line(train(folder, '--resume', 'result'), 'before its first snapshot')
    (folder / 'result' / '.snapshot.npz-abcd').mkdir(exist_ok=True)
    (folder / 'result' / '.config.json.1234.tmp').write_text('{')
    process = train(folder, *SMALL, '--epochs', 1, '--overwrite')
    assert process.returncode == 0, process.stderr
    check_usable(folder / 'result', 1)
    assert contents(folder / 'result').keys() == old.keys()


def test_a_full_disk(folder):
    """A limit to the size of files stands for the end of the disk: weights fit, the state of the training does not."""
    assert train(folder, *SMALL, '--model', 'lenet5', '--epochs', 1, '--overwrite').returncode == 0
    before = contents(folder / 'result')
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, hard))
    try:
        process = train(folder, '--resume', 'result', '--epochs', 2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    expect_one_line(process, 'result/snapshot.npz: file too large', 'after 10 updates is kept', '--resume result')
    assert (folder / 'result' / 'snapshot.npz').read_bytes() == before['snapshot.npz']
    assert not [name for name in contents(folder / 'result') if name.startswith('.')]
    assert train(folder, '--resume', 'result').returncode == 0
    check_usable(folder / 'result', 2, 'lenet5')
