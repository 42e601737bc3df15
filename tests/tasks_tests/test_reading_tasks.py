"""Training networks that read: texts, words, tags and lines; resuming, using them, and users' mistakes."""
import json

import numpy as np
import pytest
from PIL import Image

from autograd_nn import models, tasks
from autograd_nn.datasets import (
    DigitStrips,
    Vocabulary,
    WordVectors,
    make_analogy_corpus,
    make_reviews,
    make_tagged_sentences,
)
from autograd_nn.tasks.tagging import draw_tags
from autograd_nn.tasks.text_classification import load_texts
from autograd_nn.tasks.transcription import draw_line
from autograd_nn.tasks.word_vectors import pairs_of
from support.programs import expect_one_line, run_here

NAMES = ['bad', 'poor', 'fair', 'good']
# For each task a network, the data that `write` makes, and what is said of samples that it has not seen.
KINDS = {'text_classification': ('text_lstm', 'reviews.tsv'), 'tagging': ('bilstm_crf_tagger', 'tagged.tsv'),
         'word_vectors': ('skip_gram', 'text.txt'), 'transcription': ('crnn', 'lines')}


def write(folder):
    """Writes small data of each kind as users have them."""
    (folder / 'reviews.tsv').write_text(''.join(f'{NAMES[label]}\t{text}\n' for text, label in make_reviews(60)))
    (folder / 'tagged.tsv').write_text('\n'.join(
        ''.join(f'{word}\t{tag}\n' for word, tag in zip(*sentence)) for sentence in make_tagged_sentences(40)))
    (folder / 'text.txt').write_text('\n'.join(make_analogy_corpus(700)[0]))
    (folder / 'analogies.txt').write_text(': gender\nking queen man woman\nKing queen prince zebra\n')
    (folder / 'lines').mkdir()
    rows = []
    for i, (image, text) in enumerate(DigitStrips(12, count=(1, 2))):
        Image.fromarray(np.rint(255 * image[0]).astype(np.uint8)).save(folder / 'lines' / f'{i}.png')
        rows.append(f'{i}.png\t{text}\n')
    (folder / 'lines' / 'lines.tsv').write_text(''.join(rows))


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp('data')
    write(folder)
    return folder


def train(folder, task, *arguments, out='run'):
    """Trains a small network on small data."""
    name, dataset = KINDS[task]
    units = () if task == 'transcription' else ('--units', 12)
    process = run_here('train', '--model', name, '--dataset', folder / dataset, '--schedule', 'constant', *units,
                       '--warmup', 0, *arguments, '--out', f'{out}-{task}', cwd=folder)
    assert process.returncode == 0, process.stderr
    return folder / f'{out}-{task}', process.stdout


@pytest.fixture(scope='module')
def runs(data):
    """For each task the folder of a run of two epochs, and what it printed."""
    return {task: train(data, task, '--epochs', 2) for task in KINDS}


def arrays(path):
    with np.load(path) as file:
        return dict(file)


@pytest.mark.parametrize('task', KINDS)
def test_a_run_writes_figures_and_pictures(runs, task):
    folder, said = runs[task]
    log = json.loads((folder / 'log.json').read_text())
    measured = tasks.get(task).measures
    assert len(log) == 2 and log[1]['main/loss'] < log[0]['main/loss']
    if task != 'word_vectors':  # no analogies are known of this text
        assert {f'validation/main/{name}' for name in measured} <= log[-1].keys()
        for name, meaning in measured.items():
            assert f'test {meaning}: {log[-1][f"validation/main/{name}"]:.4f}' in said
    expected = {'model.npz', 'results.png', 'config.json'} | ({'vocabulary.json'} if task != 'transcription' else set())
    assert expected <= {path.name for path in folder.iterdir()}
    assert Image.open(folder / 'results.png').width > 100


@pytest.mark.parametrize('task', KINDS)
def test_a_run_goes_on_bit_for_bit(data, runs, task):
    folder, _ = train(data, task, '--epochs', 1, out='again')
    process = run_here('train', '--resume', folder, '--epochs', 2, cwd=data)
    assert process.returncode == 0, process.stderr
    whole, parts = arrays(runs[task][0] / 'model.npz'), arrays(folder / 'model.npz')
    assert whole.keys() == parts.keys()
    for name, array in whole.items():
        np.testing.assert_array_equal(array, parts[name], err_msg=name)


def test_classes_of_texts_are_printed(data, runs):
    folder, _ = runs['text_classification']
    (data / 'texts.txt').write_text('The food was good.\n\nIt was not!\n')
    process = run_here('predict', folder / 'model.npz', 'The food was good.', data / 'texts.txt', cwd=data)
    assert process.returncode == 0, process.stderr
    one, first, second = process.stdout.splitlines()
    assert one.removeprefix('The food was good.: ') == first.removeprefix(f'{data / "texts.txt"}: ')
    for line in first.removeprefix(f'{data / "texts.txt"}: '), second:
        assert line.split()[0] in NAMES and line.endswith('%')


def test_words_are_printed_with_tags(data, runs):
    process = run_here('predict', runs['tagging'][0] / 'model.npz', 'The fish can zzz .', cwd=data)
    assert process.returncode == 0, process.stderr
    words = process.stdout.removeprefix('The fish can zzz .: ').split()
    assert [word.partition('/')[0] for word in words] == ['The', 'fish', 'can', 'zzz', '.']
    tags = json.loads((runs['tagging'][0] / 'config.json').read_text())['labels']
    assert {word.partition('/')[2] for word in words} <= {*tags}


def test_near_words_are_printed(data, runs):
    folder, _ = runs['word_vectors']
    vectors = WordVectors.load(folder / 'vectors.txt')
    process = run_here('predict', folder / 'model.npz', 'King - man + woman', 'throne', '--top', 2, cwd=data)
    assert process.returncode == 0, process.stderr
    for line, expression in zip(process.stdout.splitlines(), ('king - man + woman', 'throne')):
        expected = '; '.join(f'{word} {cosine:.2f}' for word, cosine in vectors.calculate(expression, 2))
        assert line.partition(': ')[2] == expected
    expect_one_line(run_here('predict', folder / 'model.npz', 'trone', cwd=data), "there is no 'trone'", "'throne'?")


@pytest.mark.parametrize('width', [1, 5])
def test_lines_are_read(data, runs, width):
    folder, _ = runs['transcription']
    process = run_here('predict', folder / 'model.npz', data / 'lines' / '0.png', '--beam-width', width, cwd=data)
    assert process.returncode == 0, process.stderr
    said = process.stdout.strip().rpartition(': ')[2]
    assert said == '(nothing)' or said.isdigit()
    Image.new('L', (90, 30), 200).save(data / 'empty.png')
    expect_one_line(run_here('predict', folder / 'model.npz', data / 'empty.png', cwd=data),
                    'empty.png: prepare_line: expected a line of characters')
    expect_one_line(run_here('predict', folder / 'model.npz', 'x.png', '--beam-width', 0, cwd=data),
                    '--beam-width: expected at least 1, got 0')


@pytest.mark.parametrize('task', ['text_classification', 'tagging', 'word_vectors'])
def test_the_vocabulary_of_another_model(data, runs, task, tmp_path):
    folder, _ = runs[task]
    for name in 'model.npz', 'config.json':
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    known = Vocabulary.load(folder / 'vocabulary.json')
    Vocabulary(['<unk>', *reversed(known.tokens[1:])], 'word').save(tmp_path / 'vocabulary.json')
    expect_one_line(run_here('predict', tmp_path / 'model.npz', 'the', cwd=tmp_path),
                    'vocabulary.json: expected the vocabulary that model.npz was trained with, got another one')


def test_a_run_does_not_go_on_with_other_words(data, runs, tmp_path):
    folder, _ = runs['tagging']
    other = tmp_path / 'tagged.tsv'
    other.write_text((data / 'tagged.tsv').read_text().replace('dog', 'zebra'))
    process = run_here('train', '--resume', folder, '--epochs', 3, '--dataset', other, cwd=data)
    expect_one_line(process, '--resume: ', 'has other words than the run in')


@pytest.mark.parametrize('name, dataset, content, message', [
    ('text_bow', 'a.tsv', 'good fine\n', "a.tsv, line 1: expected a label, a tab and a text, got 'good fine'"),
    ('text_cnn', 'a.csv', 'good,a,b\n', 'a.csv, line 1: expected a label, a comma and a text'),
    ('text_lstm', 'a.tsv', '', 'a.tsv: expected lines with a label and a text, it is empty'),
    ('text_lstm', 'a.tsv', 'good\ta\ngood\tb\n', 'a.tsv: expected texts of at least 2 classes, found only good'),
    ('bilstm_tagger', 'a.tsv', 'dog\tNN\tB-NP\n', 'a.tsv, line 1: expected a word, a tab and its tag, got 3 columns'),
    ('bilstm_tagger', 'a.tsv', '', 'a.tsv: expected lines with a word and its tag, it is empty'),
    ('bilstm_tagger', 'a.tsv', 'dog\tNOUN\n', 'a.tsv: expected at least 2 sentences, one of which to test with'),
    ('cbow', 'a.txt', 'a b\n', 'a.txt: expected a text of at least 2 lines'),
    ('cbow', 'a.txt', 'a b\nc d\n', 'a.txt: expected words that occur at least 2 times (--min-count), found 0'),
    ('skip_gram', 'b.txt', None, '--dataset: expected one of analogies, analogies_ja, a file or a folder, got'),
    ('crnn', 'a.tsv', 'x', '--dataset: expected one of digit_strips or a folder, got')])
def test_mistakes_in_data_take_one_line(name, dataset, content, message, tmp_path):
    if content is not None:
        (tmp_path / dataset).write_text(content)
    expect_one_line(run_here('train', '--model', name, '--dataset', tmp_path / dataset, cwd=tmp_path), message)
    assert not (tmp_path / 'result').exists()


@pytest.mark.parametrize('name, arguments, message', [
    ('skip_gram', ['--window', 0], '--window: expected at least 1, got 0'),
    ('skip_gram', ['--subsample', -1], '--subsample: expected at least 0, got -1'),
    ('text_cnn', ['--units', 0], '--units: expected at least 1, got 0'),
    ('text_cnn', ['--vocabulary-size', 1], '--vocabulary-size: expected at least 2, got 1'),
    ('cbow', ['--analogies', 'none.txt'], 'none.txt')])
def test_options_that_cannot_be_take_one_line(name, arguments, message, tmp_path):
    expect_one_line(run_here('train', '--model', name, *arguments, cwd=tmp_path), message)


def test_analogies_of_a_file_are_counted(data, tmp_path):
    process = run_here('train', '--model', 'cbow', '--dataset', data / 'text.txt', '--epochs', 1, '--analogies',
                       data / 'analogies.txt', '--loss', 'softmax', cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert 'analogies.txt: 1 of 2 analogies are of words that are known' in process.stdout
    assert 'test analogies that come out right: ' in process.stdout


def test_characters_in_place_of_words(tmp_path):
    (tmp_path / 'a.tsv').write_text('犬\t犬が走る。\n猫\t猫が寝る。\n' * 4, 'utf-8')
    process = run_here('train', '--model', 'text_cnn', '--dataset', 'a.tsv', '--level', 'char', '--units', 8,
                       '--epochs', 12, '--batch-size', 6, '--lr', 0.02, cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert '犬' in Vocabulary.load(tmp_path / 'result' / 'vocabulary.json').tokens
    process = run_here('predict', tmp_path / 'result' / 'model.npz', '犬が走る', '猫 が寝る', cwd=tmp_path)
    assert [line.rpartition(': ')[2].split()[0] for line in process.stdout.splitlines()] == ['犬', '猫']


def test_folders_of_texts(tmp_path):
    for part, count in ('train', 2), ('test', 1):
        for label in 'ham', 'spam':
            (tmp_path / part / label).mkdir(parents=True)
            for i in range(count):
                (tmp_path / part / label / f'{i}.txt').write_text(f'{label} {i}\nmore\n')
    train_texts, test_texts = load_texts(tmp_path)
    assert train_texts == [(label, f'{label} {i}\nmore') for label in ('ham', 'spam') for i in range(2)]
    assert test_texts == [('ham', 'ham 0\nmore'), ('spam', 'spam 0\nmore')]
    assert load_texts(tmp_path / 'train') == (train_texts, None)
    (tmp_path / 'train.tsv').write_text('ham\ta\n')
    (tmp_path / 'val.csv').write_text('ham,b\n')
    assert load_texts(tmp_path) == ([('ham', 'a')], [('ham', 'b')])
    with pytest.raises(ValueError, match=r'expected train\.tsv, or a folder of \.txt files for each class'):
        load_texts(tmp_path / 'train' / 'ham')


def test_pictures_of_results_show_mistakes_in_red():
    red = (192, 0, 0)

    def has_red(picture):
        return any(color == red for _, color in picture.getcolors(10 ** 6))

    assert has_red(draw_tags(['a', 'dog'], ['DET', 'VERB'], ['DET', 'NOUN']))
    assert not has_red(draw_tags(['a', 'dog'], ['DET', 'NOUN'], ['DET', 'NOUN']))
    image, text = DigitStrips(1)[0]
    assert has_red(draw_line(image, '', text)) and not has_red(draw_line(image, text, text))


def test_relations_are_found_from_their_analogies():
    _, analogies = make_analogy_corpus(0)
    assert [len(group) for group in pairs_of(analogies)] == [11, 12, 12]
    assert pairs_of([('a', 'b', 'c', 'd'), ('e', 'f', 'g', 'h'), ('c', 'd', 'e', 'f')]) == [
        [('a', 'b'), ('c', 'd'), ('e', 'f'), ('g', 'h')]]


def test_every_network_has_a_recipe_and_a_task():
    for task in KINDS:
        assert models.names(task)
        for name in models.names(task):
            assert models.get(name).recipe.epochs > 1


def figures(folder, name, *arguments):
    """Trains on what is made up as the recipe says; returns the last figures."""
    process = run_here('train', '--model', name, *arguments, '--out', name, cwd=folder)
    assert process.returncode == 0, process.stderr
    log = json.loads((folder / name / 'log.json').read_text())
    return {key.rpartition('/')[2]: value for key, value in log[-1].items() if key.startswith('validation/')}


@pytest.mark.slow
@pytest.mark.parametrize('name', models.names('word_vectors'))
def test_planted_analogies_come_out_right(name, tmp_path):
    assert figures(tmp_path, name)['analogies'] == 1


@pytest.mark.slow
def test_a_crf_makes_fewer_mistakes(tmp_path):
    without, with_crf = (figures(tmp_path, name) for name in ('bilstm_tagger', 'bilstm_crf_tagger'))
    assert with_crf['accuracy'] > without['accuracy'] > 0.94
    assert with_crf['exact'] > without['exact'] + 0.02


@pytest.mark.slow
def test_only_who_reads_in_order_understands_reviews(tmp_path):
    bag, reader = (figures(tmp_path, name, '--epochs', 4) for name in ('text_bow', 'text_lstm'))
    assert bag['accuracy'] < 0.65 and reader['accuracy'] > 0.95
