"""Networks that make pictures, as tasks: what is trained on, what is measured and drawn, and what comes of a run."""
import json
from argparse import Namespace

import numpy as np
import pytest
from PIL import Image

import autograd_nn as ann
from autograd_nn import datasets, models
from autograd_nn.dataset import concat_examples
from autograd_nn.evaluation import fid
from autograd_nn.tasks import autoencoding, digit_judge, generation, picture_task, picture_translation
from autograd_nn.tasks.digit_judge import DigitJudge, as_digits, load_digit_judge, make_reader, train_reader
from autograd_nn.tasks.generated_pictures import as_image, draw_rows, draw_samples, interpolate
from autograd_nn.tasks.picture_data import FitPictures
from autograd_nn.tasks.picture_task import Maker, PictureTask
from autograd_nn.training.processes import Processes
from support.programs import expect_one_line, run_here

DIGITS = [*'0123456789']


@pytest.fixture(scope='module')
def judge():
    """A reader that has had a short look at a few digits."""
    np.random.seed(0)
    return DigitJudge(train_reader(epochs=2, size=500))


@pytest.fixture
def few_digits(monkeypatch, judge):
    """Digits to train and to test with, in place of thousands, and a judge that is there at once."""
    def load():
        return *(data[:count] for data, count in zip(datasets.get_digits(ndim=3), (40, 20))), DIGITS

    monkeypatch.setattr(PictureTask, 'embedded', {'digits': load})
    monkeypatch.setattr(picture_translation.PictureTranslation, 'embedded', {
        'outlines': lambda: (*map(datasets.DigitOutlines, load()[:2]), ())})
    for module in picture_task, picture_translation:
        monkeypatch.setattr(module, 'load_digit_judge', lambda device: judge)


@pytest.fixture
def small_networks(monkeypatch):
    """Networks of few units, which are trained in no time."""
    for name, options in {
            'gan': {'hidden': 20, 'units': 8}, 'cgan': {'width': 0.02}, 'autoencoder': {'hidden': (30,)},
            'denoising_autoencoder': {'hidden': (30,)}, 'vae': {'hidden': (30,), 'components': 5, 'latent_size': 4},
            'dcgan': {'width': 2, 'shape': (1, 32, 32)}, 'wgan_gp': {'width': 2},
            'pix2pix': {'shape': (1, 32, 32), 'width': 2, 'halvings': 5, 'patch_halvings': 1},
            'dcgan64': {'shape': (3, 64, 64), 'width': 2}}.items():
        monkeypatch.setitem(models.get(name).options, 'ignored', None)
        monkeypatch.delitem(models.get(name).options, 'ignored')
        for option, value in options.items():
            monkeypatch.setitem(models.get(name).options, option, value)


def train(folder, name, *arguments, out='run'):
    process = run_here('train', '--model', name, '--batch-size', 10, '--out', folder / out, *arguments, cwd=folder)
    assert process.returncode == 0, process.stderr
    return process.stdout


def snapshot(path):
    """All arrays of a snapshot but those that have to do with the time of day."""
    with np.load(path) as arrays:
        found = {name: arrays[name] for name in arrays.files}
    return {name: array for name, array in found.items()
            if name != 'observation' and not any(word in name for word in ('Report', 'elapsed', 'plot_'))}


@pytest.mark.parametrize('name', ['gan', 'cgan', 'dcgan', 'wgan_gp'])
def test_a_resumed_run_goes_on_bit_for_bit(name, tmp_path, few_digits, small_networks):
    """Weights and running means of both networks, both optimizers' states and the random numbers: all are equal."""
    train(tmp_path, name, '--epochs', 2, '--schedule', 'constant', out='whole')
    train(tmp_path, name, '--epochs', 1, '--schedule', 'constant', out='parts')
    said = train(tmp_path, name, '--epochs', 2, '--schedule', 'constant', '--resume', tmp_path / 'parts', out='parts')
    assert 'continuing after epoch 1.00' in said
    whole, parts = (snapshot(tmp_path / out / 'snapshot.npz') for out in ('whole', 'parts'))
    assert whole.keys() == parts.keys()
    for kind in ('updater/model:main/', 'updater/model:discriminator/', 'updater/optimizer:main/',
                 'updater/optimizer:discriminator/', 'random_state/'):
        assert any(key.startswith(kind) for key in whole), kind
    differing = [key for key, array in whole.items() if array.tobytes() != parts[key].tobytes()]
    assert differing == []
    models_ = [dict(np.load(tmp_path / out / 'model.npz')) for out in ('whole', 'parts')]
    assert all(np.array_equal(array, models_[1][key]) for key, array in models_[0].items())
    logs = [json.loads((tmp_path / out / 'log.json').read_text()) for out in ('whole', 'parts')]
    for figure in 'main/loss', 'discriminator/loss', 'validation/main/fid', 'validation/main/sure':
        assert logs[0][1][figure] == logs[1][1][figure]


def test_samples_are_made_and_measured(tmp_path, few_digits, small_networks, judge):
    said = train(tmp_path, 'vae', '--epochs', 2, '--latent-size', 2)
    assert 'vae on digits: 40 training and 20 test samples, 10 classes' in said
    for text in 'test Fréchet distance of features: ', 'test part of samples that a LeNet is sure of: 0.':
        assert text in said
    log = json.loads((tmp_path / 'run' / 'log.json').read_text())[-1]
    assert log['main/loss'] == pytest.approx(log['main/reconstruction'] + log['main/kl'], rel=1e-4)
    assert 1 <= log['validation/main/classes'] <= 10
    assert Image.open(tmp_path / 'run' / 'results.png').size == (604, 604)
    assert Image.open(tmp_path / 'run' / 'interpolation.png').size == (604, 484)
    assert Image.open(tmp_path / 'run' / 'latent_map.png').width > 1400
    # What the log says of the last epoch is what its weights make.
    network = models.create('vae', latent_size=2)
    picture_task.load_network(tmp_path / 'run' / 'model.npz', network)
    maker = Maker(network, DIGITS)
    features, p = judge(maker(*maker.draw(20, 1)))
    x, _ = concat_examples(datasets.get_digits(ndim=3)[1][:20])
    assert log['validation/main/fid'] == pytest.approx(fid(features, judge(x)[0]), rel=1e-4)
    assert log['validation/main/sure'] == pytest.approx((p.max(axis=1) >= 0.9).mean())
    process = run_here('predict', 'run/model.npz', '--samples', 5, '--seed', 3, cwd=tmp_path)
    assert process.returncode == 0 and process.stdout.startswith('5 new pictures'), process.stderr
    sheet = np.asarray(Image.open(tmp_path / 'predictions' / 'model-samples.png'))
    np.testing.assert_array_equal(sheet, np.asarray(draw_samples(maker(*maker.draw(5, 3)))))
    as_image(x[0]).save(tmp_path / 'seven.png')
    process = run_here('predict', 'run/model.npz', 'seven.png', cwd=tmp_path)
    assert process.returncode == 0 and 'seven.png: 2 numbers' in process.stdout, process.stderr
    assert Image.open(tmp_path / 'predictions' / 'seven-reconstruction.png').size == (124, 64)


def test_classes_that_are_asked_for(tmp_path, few_digits, small_networks):
    train(tmp_path, 'cgan', '--epochs', 1)
    for weights in 'model', 'best', 'snapshot':
        process = run_here('predict', f'run/{weights}.npz', '--samples', 4, '--class', 7, '--out', weights,
                           cwd=tmp_path)
        assert process.returncode == 0 and process.stdout.startswith('4 new pictures of 7'), process.stderr
    sheets = [np.asarray(Image.open(tmp_path / weights / f'{weights}-samples.png'))
              for weights in ('model', 'snapshot')]
    np.testing.assert_array_equal(*sheets)
    predict = lambda *words: run_here('predict', 'run/model.npz', *words, cwd=tmp_path)  # noqa: E731
    expect_one_line(predict('--class', 12), '--class: expected one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, got 12')
    expect_one_line(predict('--samples', 0), '--samples: expected from 1 to 10,000, got 0')
    expect_one_line(predict('--seed', -1), '--seed: expected at least 0, got -1')
    Image.new('L', (28, 28)).save(tmp_path / 'black.png')
    expect_one_line(predict('black.png'), 'black.png: cgan makes pictures of random numbers; expected no files')
    expect_one_line(predict('--top', 3), '--top: not for the network that these weights are of')


def test_classes_where_none_are_known(tmp_path, few_digits, small_networks):
    train(tmp_path, 'gan', '--epochs', 1)
    expect_one_line(run_here('predict', 'run/model.npz', '--class', 3, cwd=tmp_path), '--class: gan knows no classes')


@pytest.mark.parametrize('name', ['autoencoder', 'denoising_autoencoder'])
def test_pictures_come_back(name, tmp_path, few_digits, small_networks):
    said = train(tmp_path, name, '--epochs', 1)
    assert 'test root of the mean squared error: 0.' in said and 'that a LeNet reads right afterwards' in said
    rows = 3 if name == 'denoising_autoencoder' else 2
    assert Image.open(tmp_path / 'run' / 'results.png').size == (4 + 12 * 60, 4 + rows * 60)
    assert Image.open(tmp_path / 'run' / 'interpolation.png').size == (604, 484)
    assert not (tmp_path / 'run' / 'latent_map.png').exists(), 'only two numbers make a map'
    Image.new('RGB', (60, 50), 'white').save(tmp_path / 'white.png')
    process = run_here('predict', 'run/model.npz', 'white.png', cwd=tmp_path)
    assert process.returncode == 0 and 'white.png: 30 numbers' in process.stdout, process.stderr
    expect_one_line(run_here('predict', 'run/model.npz', cwd=tmp_path), 'expected the files')


def test_how_good_pictures_are_that_come_back(judge):
    task = autoencoding.Autoencoding(models.get('autoencoder'), Namespace(), None, None)
    task.judge = judge
    data = datasets.get_digits(ndim=3)[1][:50]
    right = (judge(np.stack([x for x, _ in data]))[1].argmax(axis=1) == [t for _, t in data]).mean()
    assert task.measure(data, [(x, x) for x, _ in data]) == {'error': 0, 'read': pytest.approx(right)}
    found = task.measure(data, [(x, 0 * x) for x, _ in data])
    assert found['error'] == pytest.approx(np.sqrt(np.mean([(x ** 2).mean() for x, _ in data])))
    assert found['read'] < 0.3


def write_pictures(folder, count, size=(70, 50)):
    folder.mkdir(parents=True)
    for i in range(count):
        Image.new('RGB', size, (20 * i, 100, 0)).save(folder / f'{i}.png')


def test_a_folder_of_photographs(tmp_path, small_networks):
    write_pictures(tmp_path / 'photos' / 'deeper', 12)
    said = train(tmp_path, 'dcgan64', '--dataset', tmp_path / 'photos', '--epochs', 1)
    assert '2 of 12 pictures, about a fifth, are held out' in said
    assert 'test Fréchet distance of features' in said and 'LeNet' not in said
    assert run_here('predict', 'run/model.npz', '--samples', 1, cwd=tmp_path).stdout.startswith('1 new picture\n')
    assert Image.open(tmp_path / 'predictions' / 'model-samples.png').size == (72, 72)


def test_a_folder_of_classes(tmp_path, small_networks):
    for name in 'cats', 'dogs':
        write_pictures(tmp_path / 'pets' / name, 5)
    train(tmp_path, 'cgan', '--dataset', tmp_path / 'pets', '--epochs', 1)
    assert 'of dogs' in run_here('predict', 'run/model.npz', '--class', 'dogs', cwd=tmp_path).stdout


def test_mistakes_take_one_line(tmp_path):
    def mistake(name, *arguments):
        return run_here('train', '--model', name, *arguments, cwd=tmp_path)

    (tmp_path / 'empty').mkdir()
    write_pictures(tmp_path / 'few', 3)
    expect_one_line(mistake('vae', '--dataset', 'empty'), 'empty: expected pictures')
    expect_one_line(mistake('vae', '--dataset', 'few'), 'few: expected at least 4 pictures', 'got 3')
    expect_one_line(mistake('vae', '--dataset', 'nothing'), 'expected one of digits, mnist, fashion_mnist or a folder')
    expect_one_line(mistake('vae', '--latent-size', 0), '--latent-size: expected at least 1, got 0')
    expect_one_line(mistake('gan', '--betas', 0.5, 1), '--betas: expected two numbers from 0 to less than 1')
    expect_one_line(mistake('gan', '--optimizer', 'sgd', '--betas', 0.5, 0.9), '--betas: expected adam or adamw')
    write_pictures(tmp_path / 'odd', 5, (71, 50))
    expect_one_line(mistake('pix2pix', '--dataset', 'odd'), 'expected two pictures of one size')
    assert not (tmp_path / 'result').exists()


def test_weights_without_an_array(tmp_path):
    np.savez(tmp_path / 'model.npz', W=np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"model\.npz does not fit Linear: there is no 'b', only W$"):
        picture_task.load_network(tmp_path / 'model.npz', ann.links.Linear(3, 2))


def test_translation(tmp_path, few_digits, small_networks):
    said = train(tmp_path, 'pix2pix', '--epochs', 2)
    assert 'pix2pix on outlines: 40 training and 20 test samples' in said
    assert 'test mean absolute difference: 0.' in said and 'that a LeNet reads right: 0.' in said
    assert Image.open(tmp_path / 'run' / 'results.png').size == (4 + 12 * 68, 4 + 3 * 68)
    Image.new('L', (90, 90), 'white').save(tmp_path / 'white.png')
    for weights in 'model', 'snapshot':
        process = run_here('predict', f'run/{weights}.npz', 'white.png', cwd=tmp_path)
        assert process.returncode == 0 and 'white.png: translated, 32 x 32 pixels' in process.stdout, process.stderr
    assert Image.open(tmp_path / 'predictions' / 'white-translation.png').size == (32, 32)


def test_pairs_of_a_folder(tmp_path, small_networks):
    for part, shade in ('inputs', 0), ('targets', 255):
        (tmp_path / 'pairs' / part).mkdir(parents=True)
        for i in range(6):
            Image.new('L', (40, 40), shade).save(tmp_path / 'pairs' / part / f'{i}.png')
    said = train(tmp_path, 'pix2pix', '--dataset', tmp_path / 'pairs', '--epochs', 1, '--reverse')
    assert '2 of 6 pictures' in said and 'LeNet' not in said
    task = picture_translation.PictureTranslation(models.get('pix2pix'), Namespace(
        dataset=str(tmp_path / 'pairs'), seed=0, reverse=True), Processes(), ann.get_device('cpu'))
    task.load_data()
    task.network = models.create('pix2pix')
    task.make_model()
    task.fit_data()
    x, y = task.converter(task.train_data[:3])
    assert x.shape == y.shape == (3, 1, 32, 32) and (x == 1).all() and (y == -1).all(), 'the targets are first'
    varied = task.augment(datasets.TransformDataset(task.train_data, lambda pair: (pair[0], pair[0].copy())))
    assert all(np.array_equal(*varied.at_epoch(epoch)[0]) for epoch in range(3)), 'both are varied alike'
    Image.new('L', (41, 40)).save(tmp_path / 'pairs' / 'targets' / '3.png')
    process = run_here('train', '--model', 'pix2pix', '--dataset', tmp_path / 'pairs', '--out', 'x', cwd=tmp_path)
    expect_one_line(process, '3.png: expected 40 x 40 pixels', 'got 41 x 40')


def test_ways_between_latents():
    rng = np.random.default_rng(0)
    start, end = rng.standard_normal((2, 5, 30))
    for around in False, True:
        ways = interpolate(start, end, 7, around)
        assert ways.shape == (5, 7, 30)
        np.testing.assert_allclose(ways[:, 0], start, atol=1e-12)
        np.testing.assert_allclose(ways[:, -1], end, atol=1e-12)
    lengths = np.linalg.norm(ways, axis=2)
    assert (lengths > 0.95 * np.minimum(lengths[:, :1], lengths[:, -1:])).all(), 'an arc does not come near 0'
    np.testing.assert_allclose(interpolate(start, start, 3, around=True), start[:, None].repeat(3, axis=1), atol=1e-3)


def test_sheets_show_pictures_as_they_are():
    x = np.zeros((6, 1, 28, 28), 'f')
    x[4] = 1
    sheet = np.asarray(draw_samples(x))[..., 0]
    assert sheet.shape == (4 + 2 * 60, 4 + 3 * 60)
    assert (sheet[64:120, 64:120] == 255).all() and (sheet[4:60, 4:60] == 0).all()
    assert draw_rows([list(x[:2]), list(x[2:4]), list(x[4:])]).size == (4 + 2 * 60, 4 + 3 * 60)


def test_pictures_are_brought_to_a_shape():
    x = np.random.default_rng(0).random((1, 28, 28), np.float32)
    framed, t = FitPictures((1, 32, 32))((x, 3))
    np.testing.assert_array_equal(framed[:, 2:30, 2:30], x)
    assert framed.sum() == pytest.approx(x.sum(), rel=1e-6) and t == 3
    np.testing.assert_array_equal(as_digits(framed[None])[0], x)
    colored, _ = FitPictures((3, 28, 28))((x, 3))
    assert (colored == x).all() and colored.shape == (3, 28, 28)
    grey, _ = FitPictures((1, 14, 14))((colored, 3))
    assert grey.shape == (1, 14, 14)
    assert as_digits(np.zeros((2, 3, 64, 64), 'f')).shape == (2, 1, 28, 28)


def test_the_judge_is_trained_once_and_takes_no_random_numbers(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(digit_judge, 'get_dataset_root', lambda: tmp_path)
    monkeypatch.setattr(digit_judge, 'train_reader', lambda: train_reader(epochs=1, size=100))
    x, _ = concat_examples(datasets.get_digits(ndim=3)[1][:9])
    found = []
    for _ in range(2):
        np.random.seed(5)
        found.append(load_digit_judge(ann.get_device('cpu'))(x))
        assert np.random.random() == np.random.RandomState(5).random_sample()
    assert capsys.readouterr().out.count('learns to read') == 1
    for one, other in zip(*found):
        np.testing.assert_array_equal(one, other)
    (tmp_path / 'digit_judge' / 'lenet.npz').write_bytes(b'half')
    again = load_digit_judge(ann.get_device('cpu'))(x)
    np.testing.assert_array_equal(again[1], found[0][1])


def test_the_judge_sees_what_the_network_computes(judge):
    x, _ = concat_examples(datasets.get_digits(ndim=3)[1][:7])
    features, p = judge(x)
    with ann.using_config('train', False), ann.no_backprop_mode():
        logits = judge.network(x).array.astype(float)
    expected = np.exp(logits - logits.max(axis=1, keepdims=True))
    np.testing.assert_allclose(p, expected / expected.sum(axis=1, keepdims=True), atol=1e-5)
    assert features.shape == (7, 500) and features.min() >= 0
    assert make_reader().count_params() == 431_080
    assert generation.SHEET == 100
