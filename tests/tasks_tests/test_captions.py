"""Training networks that write captions, on scenes and files, and using them."""
import argparse
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from autograd_nn import models, serializers, tasks
from autograd_nn.datasets import DigitSceneCaptions, SentenceVocabulary
from autograd_nn.evaluation import bleu
from autograd_nn.serializers import DictionarySerializer
from autograd_nn.tasks.captions import Captioning, draw_attention, draw_caption, find_captions, load_encoder
from support.programs import expect_one_line, run_here
from support.torch_writer import describe, write_zip


@pytest.fixture(scope='module')
def scenes(tmp_path_factory):
    """A folder with pictures of scenes, and captions of them."""
    folder = tmp_path_factory.mktemp('scenes')
    captions = {}
    for i, (image, sentences) in enumerate(DigitSceneCaptions(20, size=(40, 48), count=(1, 2))):
        Image.fromarray(image.astype(np.uint8).transpose(1, 2, 0)).save(folder / f'{i}.png')
        captions[f'{i}.png'] = sentences
    (folder / 'captions.json').write_text(json.dumps(captions))
    return folder


@pytest.fixture(scope='module')
def run(scenes):
    """The folder of a run on these."""
    process = run_here('train', '--model', 'attention_scenes', '--dataset', scenes, '--epochs', 2, '--batch-size', 9,
                       '--beam-width', 2, cwd=scenes)
    assert process.returncode == 0, process.stderr
    assert 'of 20 pictures, 2 are kept to test with' in process.stdout and 'a vocabulary of ' in process.stdout
    assert 'test BLEU-4: ' in process.stdout and 'test CIDEr-D: ' in process.stdout
    return scenes / 'result'


def test_every_network_has_a_task():
    for name in models.names('captions'):
        assert tasks.get(models.get(name).task) is Captioning


def test_a_run_writes_figures_and_pictures(run):
    log = json.loads((run / 'log.json').read_text())
    assert len(log) == 2 and {'main/loss', 'validation/main/loss', 'validation/main/bleu4',
                              'validation/main/cider_d'} <= log[-1].keys()
    assert {'model.npz', 'vocabulary.json', 'results.png', 'config.json'} <= {path.name for path in run.iterdir()}
    assert Image.open(run / 'results.png').width > 300
    words = SentenceVocabulary.load(run / 'vocabulary.json').tokens
    assert json.loads((run / 'config.json').read_text())['words'] == len(words)


def test_a_caption_is_printed_and_its_attention_drawn(run, scenes):
    process = run_here('predict', run / 'model.npz', scenes / '3.png', '--beam-width', 1, cwd=scenes)
    assert process.returncode == 0, process.stderr
    first, second = process.stdout.splitlines()
    network = models.create('attention_scenes', vocabulary_size=len(
        SentenceVocabulary.load(run / 'vocabulary.json').tokens))
    network(np.zeros((1, 3, 64, 64), 'f'), np.ones((1, 1), 'i'))
    serializers.load_npz(run / 'model.npz', network)
    assert first.startswith(f'{scenes / "3.png"}: ')
    assert second.strip() == f'written: {"predictions/3-attention.png"}'
    assert (scenes / 'predictions' / '3-attention.png').exists()


def test_a_run_goes_on_with_its_words(run, scenes):
    process = run_here('train', '--resume', run, '--epochs', 3, cwd=scenes)
    assert process.returncode == 0, process.stderr
    assert len(json.loads((run / 'log.json').read_text())) == 3


def test_the_encoder_starts_from_the_weights_of_a_classifier(scenes, tmp_path):
    classifier = models.SceneNet()
    classifier(np.zeros((1, 3, 64, 64), 'f'))
    serializers.save_npz(tmp_path / 'classifier.npz', classifier)
    process = run_here('train', '--model', 'nic_scenes', '--dataset', scenes, '--epochs', 1, '--freeze-encoder',
                       '--encoder-weights', tmp_path / 'classifier.npz', cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert 'the encoder starts from' in process.stdout
    expected = classifier['conv3'].conv.W.array
    with np.load(tmp_path / 'result' / 'model.npz') as arrays:
        np.testing.assert_array_equal(arrays['encoder/conv3/conv/W'], expected)
    process = run_here('train', '--model', 'nic_scenes', '--dataset', scenes, '--freeze-encoder', cwd=tmp_path)
    expect_one_line(process, '--freeze-encoder: an encoder that is not trained needs --encoder-weights')
    serializers.save_npz(tmp_path / 'other.npz', models.create('lenet'))
    process = run_here('train', '--model', 'nic_scenes', '--dataset', scenes, '--out', 'other',
                       '--encoder-weights', tmp_path / 'other.npz', cwd=tmp_path)
    expect_one_line(process, '--encoder-weights: ', 'other.npz does not fit SceneNet: loaded 0 of')


def test_the_encoder_starts_from_a_file_of_pytorch(tmp_path):
    names = {'W': 'weight', 'gamma': 'weight', 'beta': 'bias', 'avg_mean': 'running_mean', 'avg_var': 'running_var'}
    encoders = [models.create('nic_scenes').encoder for _ in range(2)]
    for encoder in encoders:
        encoder(np.zeros((1, 3, 64, 64), 'f'))
    arrays = DictionarySerializer()
    arrays.save(encoders[0])
    state, storages = {}, {}
    for path, array in arrays.target.items():
        *module, name = path.split('/')
        if name in names:
            storages[path] = array.tobytes()
            state['.'.join([*module, names[name]])] = describe(array, path)
    (tmp_path / 'published.pt').write_bytes(write_zip(state, storages))
    load_encoder(str(tmp_path / 'published.pt'), encoders[1], 'scenes')
    for param, other in zip(*(encoder.params() for encoder in encoders)):
        np.testing.assert_array_equal(param.array, other.array)


@pytest.mark.parametrize('content, message', [
    ('', 'captions.json: expected JSON with captions'), ('{}', 'captions.json has no captions'),
    ('{"0.png": [" "]}', "captions.json: 0.png: expected a sentence with words, got ' '"),
    ('{"9.png": ["A cat."]}', 'captions.json: there is no picture '),
    ('{"0.png": ["A cat."]}', 'captions.json: expected captions of at least two pictures')])
def test_mistakes_in_captions_take_one_line(content, message, tmp_path):
    Image.new('RGB', (40, 40)).save(tmp_path / '0.png')
    (tmp_path / 'captions.json').write_text(content)
    process = run_here('train', '--model', 'nic_scenes', '--dataset', tmp_path, cwd=tmp_path)
    expect_one_line(process, message)
    assert not (tmp_path / 'result').exists()


def test_no_word_is_frequent_enough(scenes, tmp_path):
    process = run_here('train', '--model', 'nic_scenes', '--dataset', scenes, '--min-count', 1000, cwd=tmp_path)
    expect_one_line(process, f'--min-count: expected words that occur at least 1000 times in {scenes}, found none')


def test_weights_without_some_arrays_and_with_nan(run, scenes, tmp_path):
    """What is wrong is said of the file that it is wrong in."""
    for name in 'config.json', 'vocabulary.json':
        shutil.copy(run / name, tmp_path)
    with np.load(run / 'model.npz') as file:
        arrays = dict(file)
    np.savez(tmp_path / 'model.npz', **{name: np.full_like(array, np.nan) if array.dtype.kind == 'f' else array
                                        for name, array in arrays.items()})
    expect_one_line(run_here('predict', 'model.npz', scenes / '3.png', cwd=tmp_path), 'beam_search: ', 'got NaN')
    del arrays['embed/W']
    np.savez(tmp_path / 'model.npz', **arrays)
    expect_one_line(run_here('predict', 'model.npz', scenes / '3.png', cwd=tmp_path),
                    "model.npz does not fit ", "there is no 'embed/W', only ")


def test_where_captions_are_found(tmp_path):
    with pytest.raises(ValueError, match=r'expected captions\.json, train/captions\.json and val/captions\.json'):
        find_captions(tmp_path)
    (tmp_path / 'annotations').mkdir()
    for part in 'train', 'val':
        (tmp_path / 'annotations' / f'captions_{part}2017.json').touch()
    assert find_captions(tmp_path) == [
        (tmp_path / 'annotations' / f'captions_{part}2017.json', tmp_path / f'{part}2017') for part in ('train', 'val')]
    for part in 'train', 'test':
        (tmp_path / part).mkdir()
        (tmp_path / part / 'captions.json').touch()
    assert find_captions(tmp_path) == [(tmp_path / part / 'captions.json', tmp_path / part)
                                       for part in ('train', 'test')]


def test_pictures_of_results():
    image = np.random.uniform(0, 255, (3, 32, 48)).astype('f')
    right, wrong = (draw_caption(image, sentence, ['a small one', 'a large two']) for sentence in
                    ('a small one', 'a small two'))
    assert right.size == wrong.size and (200, 0, 0) not in {color for _, color in right.getcolors(10 ** 6)}
    drawn = draw_attention(image, 'a small one', np.random.dirichlet(np.ones(6), 4).reshape(4, 2, 3))
    assert drawn.mode == 'RGB' and drawn.width > 4 * 160


def test_easy_scenes_come_first(tmp_path):
    options = argparse.Namespace(dataset='scenes', epochs=12, vocabulary_size=100, min_count=1, resume=None,
                                 initial_weights=None)
    task = Captioning(models.get('nic_scenes'), options, None, None)
    task.load_data()
    assert task.train_data.easy_epochs == 4 and len(task.vocabulary) == 32 and len(task.test) == 500


def test_figures_are_those_of_the_metrics():
    task = object.__new__(Captioning)
    data = [(None, ['A cat sits on a mat.', 'a cat']), (None, ['Two dogs run in the park.'])]
    written = ['a cat sits on a mat', 'two dogs run in a park']
    expected = bleu(written, [['a cat sits on a mat', 'a cat'], ['two dogs run in the park']]).scores[3]
    assert task.measure(data, written)['bleu4'] == pytest.approx(expected)
