"""Training a language model with the training program, as a person does it."""
import json
import math
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from autograd_nn import datasets, models, tasks
from autograd_nn.commands import train
from autograd_nn.commands.command_line import CommandLine
from support.programs import ROOT, expect_one_line, run, run_here

NAMES = ['the cat', 'a dog', 'the old man', 'my sister', 'the king']
VERBS = ['sees', 'likes', 'eats', 'finds']
THINGS = ['fish', 'the moon', 'a house', 'an apple', 'the river']
# A sentence has 2.2 + 1 + 1.8 words on average, a full stop and the end of its line.
PERPLEXITY = math.exp(math.log(5 * 4 * 5) / 7)
SMALL = '--model', 'lstm_lm', '--dataset', 'text.txt', '--units', 64, '--dropout', 0.1


def write_sentences(folder, count=3000):
    numbers = random.Random(1)
    lines = [f'{numbers.choice(NAMES)} {numbers.choice(VERBS)} {numbers.choice(THINGS)} .\n' for _ in range(count)]
    (folder / 'text.txt').write_text(''.join(lines))


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """A folder with the results of a run on words, and what it printed."""
    folder = tmp_path_factory.mktemp('text')
    write_sentences(folder)
    process = run_here('train', *SMALL, '--optimizer', 'sgd', '--epochs', 8, '--sample', 300, cwd=folder)
    assert process.returncode == 0, process.stderr
    return folder, process.stdout


@pytest.mark.slow
def test_perplexity_comes_close_to_what_is_possible(trained):
    """No model can do better than the entropy of the sentences; one that knows nothing of the past is at 10 or more."""
    folder, shown = trained
    log = json.loads((folder / 'result' / 'log.json').read_text())
    assert [entry['epoch'] for entry in log] == [*range(1, 9)]
    last = log[-1]
    assert 0.97 * PERPLEXITY < last['validation/main/perplexity'] < 1.06 * PERPLEXITY
    assert last['validation/main/perplexity'] == pytest.approx(math.exp(last['validation/main/loss']))
    assert f'perplexity on the text held out: {last["validation/main/perplexity"]:.2f}' in shown
    assert last['words/s'] > 0 and 'words a second' in shown


def test_made_up_text_is_sentences(trained):
    _, shown = trained
    lines, share = sentences(shown.partition('made up (')[2].partition(':\n')[2].partition('\n\n')[0])
    assert len(lines) > 30 and share > 0.9


def test_files(trained):
    folder, shown = trained
    result = folder / 'result'
    for name in 'model.npz', 'vocabulary.json', 'snapshot.npz', 'config.json', 'loss.png':
        assert (result / name).stat().st_size > 0 and name in shown
    vocabulary = datasets.Vocabulary.load(result / 'vocabulary.json')
    assert vocabulary.level == 'word' and {'<unk>', '<eos>', '.', 'apple'} <= set(vocabulary.tokens)
    with np.load(result / 'model.npz') as arrays:
        assert arrays['embed/W'].shape == (len(vocabulary), 64)
        assert not any(name.endswith(('/h', '/c')) for name in arrays.files)


def sentences(text):
    possible = {f'{name} {verb} {thing} .' for name in NAMES for verb in VERBS for thing in THINGS}
    lines = text.splitlines()[:-1]
    return lines, sum(line in possible for line in lines) / len(lines)


def test_generated_text(trained):
    folder, _ = trained
    process = run('generate', 'result', '--length', 300, cwd=folder)
    assert process.returncode == 0 and process.stderr == ''
    lines, share = sentences(process.stdout)
    assert len(lines) > 30 and share > 0.9 and len(process.stdout.replace('\n', ' <eos> ').split()) == 301
    options = 'result/model.npz', '--start', 'the king eats', '--length', 40, '--seed'
    first, same, other = (run_here('generate', *options, seed, cwd=folder).stdout for seed in (1, 1, 2))
    assert first == same != other and first.startswith('the king eats') and other.startswith('the king eats')
    # The likeliest word always comes, whatever the numbers.
    options = 'result', '--top-k', 1, '--temperature', 2, '--seed'
    first, other = (run_here('generate', *options, seed, cwd=folder).stdout for seed in (1, 2))
    assert first == other and sentences(first)[1] == 1
    process = run_here('generate', 'result', '--start', 'elephants eats elephants', '--length', 1, cwd=folder)
    assert process.returncode == 0 and process.stderr == "--start: the model has never seen 'elephants'\n"


def test_generating_from_the_snapshot_of_a_run_that_goes_on(trained, tmp_path):
    folder, _ = trained
    for name in 'config.json', 'vocabulary.json', 'snapshot.npz':
        (tmp_path / name).write_bytes((folder / 'result' / name).read_bytes())
    options = '--length', 30, '--seed', 3
    assert run_here('generate', tmp_path, *options, cwd=tmp_path).stdout == \
        run_here('generate', folder / 'result', *options, cwd=tmp_path).stdout
    (tmp_path / 'snapshot.npz').unlink()
    expect_one_line(run_here('generate', tmp_path, cwd=tmp_path), 'no weights yet')
    (tmp_path / 'snapshot.npz').write_bytes(b'damaged')
    expect_one_line(run_here('generate', tmp_path, cwd=tmp_path), 'snapshot.npz')
    (tmp_path / 'vocabulary.json').write_text('{}')
    expect_one_line(run_here('generate', tmp_path, cwd=tmp_path), 'vocabulary.json')
    (tmp_path / 'config.json').write_text('{"arguments": {"model": "lenet"}}')
    expect_one_line(run_here('generate', tmp_path, cwd=tmp_path), 'a run of lenet', 'autograd-nn predict')
    (tmp_path / 'config.json').write_text('{"arguments": {"model": "lstm_lm"}}')
    expect_one_line(run_here('generate', tmp_path, cwd=tmp_path), 'config.json', 'units')


@pytest.mark.parametrize('arguments, word', [
    ([], 'RUN'), (['nowhere'], 'nowhere'), (['.'], 'config.json'), (['result', '--length', '0'], '--length'),
    (['result', '--temperature', '0'], '--temperature'), (['result', '--temperature', 'nan'], '--temperature'),
    (['result', '--top-k', '0'], '--top-k'), (['result', '--seed', '-1'], '--seed'),
    (['result', '--device', 'nonsense'], 'nonsense'), (['result', '--nonsense'], '--nonsense'),
])
def test_wrong_arguments_of_generate(trained, arguments, word):
    expect_one_line(run_here('generate', *arguments, cwd=trained[0]), word)


def test_prediction_needs_a_classifier(trained, tmp_path):
    expect_one_line(run_here('predict', trained[0] / 'result' / 'model.npz', 'picture.png', cwd=tmp_path),
                    'no classifier', 'autograd-nn generate')


def test_starting_from_weights_keeps_their_vocabulary(trained, tmp_path):
    """Another text, with a word that the weights do not know: it begins where the other run ended."""
    folder, _ = trained
    write_sentences(tmp_path, 800)
    text = (tmp_path / 'text.txt').read_text()
    (tmp_path / 'text.txt').write_text(text.replace('fish', 'bread'))
    process = run_here('train', *SMALL, '--epochs', 1, '--lr', 1e-6, '--initial-weights',
                       folder / 'result' / 'model.npz', '--sample', 0, cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert 'made up' not in process.stdout
    vocabularies = [json.loads((path / 'result' / 'vocabulary.json').read_text()) for path in (folder, tmp_path)]
    assert vocabularies[0] == vocabularies[1]
    log = json.loads((tmp_path / 'result' / 'log.json').read_text())
    assert log[0]['main/perplexity'] < 3
    expect_one_line(run_here('train', *SMALL, '--level', 'char', '--initial-weights', folder / 'result' / 'model.npz',
                             cwd=tmp_path), '--level', 'words')


def weights(folder):
    with np.load(folder / 'model.npz', allow_pickle=False) as arrays:
        return dict(arrays)


@pytest.mark.slow
def test_interrupted_and_resumed_run_ends_as_if_never_stopped(tmp_path):
    """In the middle of an epoch, at the level of characters: the state goes on, too."""
    write_sentences(tmp_path, 600)
    arguments = [*map(str, SMALL), '--level', 'char', '--layers', '1', '--epochs', '2', '--sample', '20']
    assert run_here('train', *arguments, '--out', 'whole', cwd=tmp_path).returncode == 0
    process = subprocess.Popen([sys.executable, ROOT / 'scripts' / 'train.py', *arguments, '--out', 'parts'],
                               cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               start_new_session=True)
    deadline = time.monotonic() + 300
    while not (tmp_path / 'parts' / 'snapshot.npz').exists():
        assert process.poll() is None and time.monotonic() < deadline, process.stderr.read()
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130 and '--resume parts' in errors and 'Traceback' not in errors
    with np.load(tmp_path / 'parts' / 'snapshot.npz') as snapshot:
        assert snapshot['updater/h'].shape == (1, 20, 64)
    resumed = run_here('train', '--resume', 'parts', cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    whole, parts = weights(tmp_path / 'whole'), weights(tmp_path / 'parts')
    assert whole.keys() == parts.keys()
    for name in whole:
        np.testing.assert_array_equal(whole[name], parts[name], err_msg=name)
    (tmp_path / 'text.txt').write_text('xyz ' * 200 + (tmp_path / 'text.txt').read_text())
    expect_one_line(run_here('train', '--resume', 'parts', cwd=tmp_path), '--resume', 'not the text')


@pytest.mark.parametrize('arguments, word', [
    (['--layers', '0'], '--layers'), (['--dataset', 'nothing.txt'], 'nothing.txt'),
    (['--dataset', 'picture.png'], 'UTF-8'),
    (['--dataset', 'short.txt'], 'too short'), (['--dataset', 'empty.txt'], 'too short'), (['--dataset', '.'], '.'),
    (['--dataset', 'short.txt', '--steps', '0'], '--steps'), (['--dataset', 'short.txt', '--clip', '-1'], '--clip'),
    (['--dataset', 'short.txt', '--units', '-1'], '--units'), (['--dataset', 'short.txt', '--layers', '0'], '--layers'),
    (['--dataset', 'short.txt', '--dropout', '1'], '--dropout'),
    (['--dataset', 'short.txt', '--sample', '-1'], '--sample'),
    (['--dataset', 'short.txt', '--vocabulary-size', '1'], '--vocabulary-size'),
    (['--dataset', 'short.txt', '--level', 'line'], '--level'), (['--dataset', 'short.txt', '--augment'], '--augment'),
])
def test_wrong_arguments(arguments, word, tmp_path):
    (tmp_path / 'short.txt').write_text('to be or not to be')
    (tmp_path / 'empty.txt').write_text('')
    (tmp_path / 'picture.png').write_bytes(b'\x89PNG\r\n\x1a\n')
    expect_one_line(run_here('train', '--model', 'lstm_lm', *arguments, cwd=tmp_path), word)


@pytest.mark.parametrize('options, tokens', [([], 60), (['--dataset', 'short_texts_ja'], 469)])
def test_texts_of_the_package(options, tokens, tmp_path):
    """Without a file, characters of the English ones; sizes that are given are as given."""
    process = run_here('train', '--model', 'lstm_lm', *options, '--epochs', 2, '--units', 16, cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    config = json.loads((tmp_path / 'result' / 'config.json').read_text())['arguments']
    assert [config[name] for name in ('level', 'units', 'layers', 'epochs')] == ['char', 16, 1, 2]
    vocabulary = datasets.Vocabulary.load(tmp_path / 'result' / 'vocabulary.json')
    assert len(vocabulary) == tokens
    log = json.loads((tmp_path / 'result' / 'log.json').read_text())
    assert log[-1]['validation/main/perplexity'] < len(vocabulary)


def test_recipe_of_the_texts_of_the_package():
    def settled(*words):
        options = train.make_parser(CommandLine('train', [], ['--model', 'lstm_lm', *words])).parse_args(words)
        tasks.get('text')(models.get('lstm_lm'), options, None, None).check()
        return [getattr(options, name) for name in ('dataset', 'level', 'units', 'layers', 'epochs')]

    assert settled() == ['short_texts', 'char', 256, 1, 60]
    assert settled('--level', 'word', '--layers', '2', '--epochs', '3') == ['short_texts', 'word', 256, 2, 3]
    assert settled('--dataset', 'short_texts') == settled()
    assert settled('--dataset', 'book.txt') == ['book.txt', 'word', 650, 2, None]


def test_a_text_of_one_line(tmp_path):
    """No place to cut at, and fewer words than streams usually have."""
    (tmp_path / 'text.txt').write_text('to be or not to be ' * 30)
    process = run_here('train', '--model', 'lstm_lm', '--dataset', 'text.txt', '--units', 8, '--batch-size', 2,
                       '--steps', 5, '--epochs', 1, '--level', 'char', '--sample', 30, cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert 'a vocabulary of 8' in process.stdout
