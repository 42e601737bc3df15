"""Training networks that translate, on dates and files, going on with it, and using them."""
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from autograd_nn import datasets, models, tasks
from autograd_nn.datasets import DateSpellings
from autograd_nn.evaluation import bleu
from autograd_nn.tasks.attention_picture import CELL, draw_attention
from autograd_nn.tasks.token_task import fingerprint
from autograd_nn.tasks.translation import Translation
from support.programs import expect_one_line, run_here

SMALL = 'transformer_small', 'seq2seq_small'


@pytest.fixture(scope='module')
def texts(tmp_path_factory):
    """A folder with parallel texts, of which 40 are to train with, and 6 to test with."""
    folder = tmp_path_factory.mktemp('texts')
    for part, pairs in ('train', DateSpellings(40)[:]), ('test', DateSpellings(6, 'test')[:]):
        for end, lines in zip(('en', 'iso'), zip(*pairs)):
            (folder / f'{part}.{end}').write_text('\n'.join(lines) + '\n', encoding='utf-8')
    return folder


def train(texts, *options, cwd, model='transformer_small', epochs=2):
    return run_here('train', '--model', model, '--dataset', texts, '--languages', 'en', 'iso', '--level', 'char',
                    '--batch-size', 16, '--epochs', epochs, '--beam-width', 2, *options, cwd=cwd)


@pytest.fixture(scope='module')
def run(texts, tmp_path_factory):
    """The folder of a run on these."""
    folder = tmp_path_factory.mktemp('run')
    process = train(texts, cwd=folder)
    assert process.returncode == 0, process.stderr
    assert 'transformer_small on ' in process.stdout and '40 training and 6 test samples' in process.stdout
    assert 'characters, both languages together' in process.stdout
    assert 'test exact matches: ' in process.stdout and 'test BLEU-4: ' in process.stdout
    return folder / 'result'


def test_every_network_has_a_task():
    assert set(models.names('translation')) == {'seq2seq', 'seq2seq_small', 'transformer_base', 'transformer_big',
                                                'transformer_small'}
    for name in models.names('translation'):
        assert tasks.get(models.get(name).task) is Translation


def test_a_run_writes_figures_and_pictures(run):
    log = json.loads((run / 'log.json').read_text())
    assert len(log) == 2 and {'main/loss', 'validation/main/loss', 'validation/main/exact',
                              'validation/main/bleu4'} <= log[-1].keys()
    assert {'model.npz', 'vocabulary.json', 'results.png', 'config.json'} <= {path.name for path in run.iterdir()}
    assert Image.open(run / 'results.png').width > 300
    vocabulary = datasets.load_vocabulary(run / 'vocabulary.json')
    assert vocabulary.level == 'char' and len(vocabulary) > 20
    assert json.loads((run / 'config.json').read_text())['vocabulary'] == fingerprint(vocabulary)


@pytest.mark.slow
@pytest.mark.parametrize('model', SMALL)
def test_a_run_in_two_parts_is_the_run_in_one(model, texts, tmp_path):
    """Bit for bit: parameters, state of the optimizer, order of the samples. 16 is no divisor of 40."""
    for options in ['--epochs', 2, '--out', 'whole'], ['--epochs', 1, '--out', 'part']:
        process = train(texts, '--schedule', 'constant', *options, cwd=tmp_path, model=model)
        assert process.returncode == 0, process.stderr
    process = run_here('train', '--resume', 'part', '--epochs', 2, cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    with np.load(tmp_path / 'whole' / 'snapshot.npz') as whole, np.load(tmp_path / 'part' / 'snapshot.npz') as part:
        for name in part.files:
            if name.startswith(('updater/model:main', 'updater/optimizer:main', 'updater/iterator:main')):
                np.testing.assert_array_equal(part[name], whole[name], err_msg=name)
    logs = [json.loads((tmp_path / name / 'log.json').read_text()) for name in ('whole', 'part')]
    first, second = ([{name: value for name, value in entry.items() if name.endswith(('loss', 'exact', 'bleu4'))}
                      for entry in log] for log in logs)
    assert first == second and len(first) == 2


def test_a_text_is_translated_and_a_file_line_by_line(run, tmp_path):
    process = run_here('predict', run / 'model.npz', 'March 3rd, 2021', '03/04/2021', '--beam-width', 3, cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    lines = process.stdout.splitlines()
    assert len(lines) == 4 and lines[0].startswith('March 3rd, 2021: ') and lines[2].startswith('03/04/2021: ')
    for line in lines[1::2]:
        assert Image.open(tmp_path / line.removeprefix('  written: ')).width > 15 * CELL
    (tmp_path / 'dates.txt').write_text('3 March 2021\n\n4 March 2021\n')
    process = run_here('predict', run / 'model.npz', 'dates.txt', '--length-penalty', 0, cwd=tmp_path)
    lines = process.stdout.splitlines()
    assert lines[0] == 'dates.txt: ' and [line.partition(' → ')[0] for line in lines[1:]] == [
        '  3 March 2021', '  4 March 2021']


def test_a_run_is_evaluated_again(run, texts, tmp_path):
    process = run_here('predict', '--evaluate', run / 'model.npz', cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    last = json.loads((run / 'log.json').read_text())[-1]
    exact, bleu4 = (last[f'validation/main/{name}'] for name in ('exact', 'bleu4'))
    assert f'model.npz: exact {exact:.4f}, bleu4 {bleu4:.4f}' in process.stdout


def test_a_text_that_is_too_long_for_a_file_name(run, tmp_path):
    process = run_here('predict', run / 'model.npz', '3 March 2021 ' * 9, cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    path, = (tmp_path / 'predictions').iterdir()
    assert path.name.startswith('3 March 2021 3') and len(path.name) == 60 + len('-attention.png')


def test_another_vocabulary_takes_one_line(run, tmp_path):
    for path in run.iterdir():
        if path.is_file():
            shutil.copy(path, tmp_path)
    vocabulary = datasets.MarkedVocabulary.of_texts(['another one'], 'char')
    vocabulary.save(tmp_path / 'vocabulary.json')
    process = run_here('predict', tmp_path / 'model.npz', 'a', cwd=tmp_path)
    expect_one_line(process, 'vocabulary.json: expected the vocabulary that model.npz was trained with, got another')
    (tmp_path / 'vocabulary.json').unlink()
    process = run_here('predict', tmp_path / 'model.npz', 'a', cwd=tmp_path)
    expect_one_line(process, 'vocabulary.json')


def test_weights_bring_their_vocabulary(run, texts, tmp_path):
    """A run that starts from them has their characters, though its texts have others."""
    (tmp_path / 'a').write_text('x1\n' * 20)
    (tmp_path / 'b').write_text('y2\n' * 20)
    process = run_here('train', '--model', 'transformer_small', '--source', 'a', '--target', 'b', '--level', 'char',
                       '--epochs', 1, '--initial-weights', run / 'model.npz', cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert (tmp_path / 'result' / 'vocabulary.json').read_bytes() == (run / 'vocabulary.json').read_bytes()
    assert 'of 20 pairs of texts, 2 are kept to test with' in process.stdout


def test_subwords(texts, tmp_path):
    pytest.importorskip('tokenizers')
    process = run_here('train', '--model', 'seq2seq_small', '--source', texts / 'train.en', '--target',
                       texts / 'train.iso', '--subwords', 120, '--max-length', 12, '--epochs', 1, cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert 'a vocabulary of 120 parts of words' in process.stdout
    assert 'pairs of texts with more than 12 parts of words are left out in training' in process.stdout
    vocabulary = datasets.load_vocabulary(tmp_path / 'result' / 'vocabulary.json')
    assert vocabulary.level == 'subword' and vocabulary.decode(vocabulary.encode('3 March 2021')) == '3 March 2021'
    process = run_here('predict', tmp_path / 'result' / 'model.npz', '3 March 2021', cwd=tmp_path)
    assert process.returncode == 0, process.stderr


@pytest.mark.parametrize('options, message', [
    (['--source', 'a'], '--source: expected --target, too'),
    (['--target', 'a'], '--target: expected --source, too'),
    (['--source', 'a', '--target', 'c'], 'c: expected as many lines as a has, 2, got 3'),
    (['--source', 'a', '--target', 'd'], '--target d: no such file'),
    (['--source', 'e', '--target', 'e'], 'e: expected at least two pairs of texts'),
    (['--source', 'a', '--target', 'a', '--max-length', 1], '--max-length: expected more than 1, all texts to train'),
    (['--source', 'a', '--target', 'a', '--dataset', 'dates'], '--dataset: expected it, or --source and --target; got'),
    (['--source', 'a', '--target', 'a', '--languages', 'a', 'b'], '--languages: not with --source and --target'),
    (['--dataset', '.'], 'expected train.src and train.tgt; of files called train there are: none'),
    (['--dataset', 'times'], '--dataset: expected one of dates or a folder, got times'),
    (['--subwords', 50, '--level', 'char'], '--level: not with --subwords, got char and 50'),
    (['--subwords', 3], '--subwords: expected at least 4, got 3'),
    (['--label-smoothing', 1], '--label-smoothing: expected a part, from 0 to less than 1, got 1'),
    (['--beam-width', 0], '--beam-width: expected at least 1, got 0'),
    (['--length-penalty', -1], '--length-penalty: expected at least 0, got -1'),
    (['--augment'], 'unrecognized arguments: --augment')])
def test_mistakes_take_one_line(options, message, tmp_path):
    for name, text in {'a': '1 2\n1 2\n', 'c': '1\n2\n3\n', 'e': '1\n'}.items():
        (tmp_path / name).write_text(text)
    expect_one_line(run_here('train', '--model', 'seq2seq_small', *options, cwd=tmp_path), message)
    assert not (tmp_path / 'result').exists()


def test_other_texts_or_options_cannot_go_on(run, texts, tmp_path):
    for part in 'train', 'test':
        shutil.copy(texts / f'{part}.iso', tmp_path / f'{part}.iso')
        lines = (texts / f'{part}.en').read_text().splitlines()
        (tmp_path / f'{part}.en').write_text('\n'.join([*lines[1:], lines[0]]) + '\n')
    process = run_here('train', '--resume', run, '--dataset', tmp_path, '--epochs', 3, cwd=tmp_path)
    expect_one_line(process, 'is not the data that the run in', 'its texts differ')
    process = run_here('train', '--resume', run, '--max-length', 50, '--epochs', 3, cwd=tmp_path)
    expect_one_line(process, '--max-length')


def test_files_may_be_moved(texts, tmp_path):
    for folder in 'here', 'there':
        (tmp_path / folder).mkdir()
        for end in 'en', 'iso':
            shutil.copy(texts / f'test.{end}', tmp_path / folder / end)
    for options in ['--source', 'here/en', '--target', 'here/iso', '--level', 'char', '--epochs', 1], [
            '--resume', 'result', '--source', 'there/en', '--target', 'there/iso', '--epochs', 2]:
        process = run_here('train', '--model', 'seq2seq_small', *options, cwd=tmp_path)
        assert process.returncode == 0, process.stderr
    process = run_here('train', '--resume', 'result', '--dataset', 'dates', '--epochs', 3, cwd=tmp_path)
    expect_one_line(process, '--dataset: expected it, or --source and --target; got dates and there/en')


def test_figures():
    task = object.__new__(Translation)
    task.vocabulary = datasets.MarkedVocabulary.of_texts(['a b'], 'word')
    data = [('', 'a cat sits on a mat'), ('', 'two dogs run in the park')]
    written = ['a cat sits on a mat', 'two dogs run in a park']
    found = task.measure(data, written)
    assert found == {'exact': 0.5, 'bleu4': pytest.approx(bleu(written, [[text] for _, text in data]).scores[3])}
    task.vocabulary = datasets.MarkedVocabulary.of_texts(['a b'], 'char')
    assert task.measure([('', '猫がいる。')], ['猫がいる。'])['bleu4'] == 1


def test_picture_of_attention():
    weights = np.array([[1, 0, 0], [0, 0.5, 0.5]])
    picture = np.asarray(draw_attention('a b', ['x', '<eos>'], weights))
    cells = picture[-2 * CELL - 1:, -3 * CELL - 1:][CELL // 2::CELL, CELL // 2::CELL, 0][:2, :3]
    np.testing.assert_array_equal(cells, [[8, 255, 255], [255, 132, 132]])
    upright = draw_attention(['a', 'very long word'], ['x'], weights[:1, :2], 'a title in red', '#c00000')
    assert upright.height > draw_attention('ab', ['x'], weights[:1, :2]).height + 4 * CELL
    assert any(red > 180 > 60 > green for _, (red, green, _) in upright.getcolors(10 ** 6))
