"""Classifiers that answer together, and what a run's networks are worth on its test data."""
import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

import autograd_nn as ann
from autograd_nn import datasets, models, serializers, training
from autograd_nn.dataset import concat_examples
from support.digits import write_digits
from support.programs import expect_one_line, run_here

NETWORKS = {'one': 'perceptron', 'two': 'perceptron', 'three': 'mlp'}


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Runs on the same digits: two of one network with other seeds, and one of another; a run on pictures of two
    kinds; and a digit."""
    folder = tmp_path_factory.mktemp('ensembles')
    write_digits(folder / 'few', 200)
    for i, (kind, colour) in enumerate({'night': 60, 'day': 190}.items()):
        (folder / 'pictures' / kind).mkdir(parents=True)
        for j in range(10):
            pixels = np.random.default_rng([i, j]).normal(colour, 40, (30, 40)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / 'pictures' / kind / f'{j}.png')
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training.extensions.PlotReport, '_draw', lambda self, path: None)
        for seed, (name, network) in enumerate(NETWORKS.items()):
            train(folder, '--model', network, '--dataset', 'few', '--epochs', 3, '--seed', seed, '--out', name)
        train(folder, '--model', 'perceptron', '--dataset', 'pictures', '--epochs', 1, '--out', 'kinds')
        train(folder, '--model', 'perceptron', '--dataset', 'pictures', '--epochs', 1, '--seed', 1, '--out', 'kinds1')
    x, _ = datasets.get_digits(ndim=2, scale=255)[1][5]
    Image.fromarray(x.astype(np.uint8)).save(folder / 'digit.png')
    return folder


def train(folder, *arguments):
    process = run_here('train', *arguments, cwd=folder)
    assert process.returncode == 0, process.stderr


def probabilities(folder, x):
    """What each of the networks says, computed without the program."""
    found = []
    for name, kind in NETWORKS.items():
        network = models.create(kind)
        network(x[:1])
        serializers.load_npz(folder / name / 'model.npz', network)
        with ann.using_config('train', False), ann.no_backprop_mode():
            y = network(network.preprocessing.normalize(x)).array.astype('d')
        e = np.exp(y - y.max(axis=1, keepdims=True))
        found.append(e / e.sum(axis=1, keepdims=True))
    return np.array(found)


WEIGHTS = [f'{name}/model.npz' for name in NETWORKS]


def test_probabilities_are_averaged(folder):
    x = models.create('mlp').prepare(folder / 'digit.png')
    p = probabilities(folder, x[None])[:, 0]
    process = run_here('predict', '--top', 10, *WEIGHTS, 'digit.png', 'digit.png', cwd=folder)
    assert process.returncode == 0, process.stderr
    said = dict(re.findall(r'(\d) ([\d.]+)%', process.stdout.splitlines()[0].partition(':')[2]))
    assert process.stdout.splitlines() == 2 * process.stdout.splitlines()[:1] and len(said) == 10
    for label, percent in said.items():
        assert float(percent) == pytest.approx(100 * p.mean(axis=0)[int(label)], abs=0.06)
    assert np.ptp(p, axis=0).max() > 0.02, 'they differ'


def test_what_several_gain(folder):
    """Accuracies by NumPy, and those that the runs have written down."""
    x, t = concat_examples(datasets.get_mnist(ndim=3, directory=folder / 'few')[1][:])
    p = probabilities(folder, x)
    own = (p.argmax(axis=2) == t).mean(axis=1)
    together = (p.mean(axis=0).argmax(axis=1) == t).mean()
    process = run_here('predict', '--evaluate', *WEIGHTS, cwd=folder)
    assert process.returncode == 0, process.stderr
    assert process.stdout.splitlines() == [
        '200 test samples of few', *(f'{path}: accuracy {value:.4f}' for path, value in zip(WEIGHTS, own)),
        f'together: accuracy {together:.4f}: {together - own.mean():+.4f} against their mean of {own.mean():.4f}, '
        f'{together - own.max():+.4f} against the best of them']
    for name, value in zip(NETWORKS, own):
        log = json.loads((folder / name / 'log.json').read_text())
        assert log[-1]['validation/main/accuracy'] == pytest.approx(value)


def test_files_after_an_evaluation_are_answered_for(folder):
    process = run_here('predict', '--evaluate', 'one/model.npz', 'digit.png', cwd=folder)
    assert process.returncode == 0, process.stderr
    lines = process.stdout.splitlines()
    assert lines[1].startswith('one/model.npz: accuracy') and lines[2].startswith('digit.png: ') and len(lines) == 3


def test_a_folder_of_which_the_seed_chooses_what_is_held_out(folder):
    process = run_here('predict', '--evaluate', 'kinds/model.npz', 'kinds/best.npz', cwd=folder)
    assert process.returncode == 0 and 'together' in process.stdout, process.stderr
    expect_one_line(run_here('predict', '--evaluate', 'kinds/model.npz', 'kinds1/model.npz', cwd=folder),
                    'kinds1/model.npz is of a run that is tested with pictures (of which --seed 1', '--seed 0')


def test_mistakes(folder):
    def refuse(*arguments, words):
        expect_one_line(run_here('predict', *arguments, cwd=folder), *words)

    refuse('one/model.npz', 'kinds/model.npz', 'digit.png',
           words=['kinds/model.npz: expected the classes of one/model.npz', '0, 1, 2 and 7 more; got day, night'])
    refuse('--evaluate', 'one/model.npz', 'kinds/model.npz', words=['kinds/model.npz', 'few', 'pictures', 'the same'])
    refuse('one/model.npz', 'two/model.npz', words=['after two/model.npz, expected the files'])
    refuse('--evaluate', '--model', 'mlp', 'one/model.npz', words=['--evaluate: not with --model'])
    refuse('--evaluate', '--caffe', 'a', 'b', 'digit.png', words=['--evaluate: not with --caffe'])
    refuse('--evaluate', 'nothing/model.npz', words=['nothing/model.npz: no such file'])
    shutil.copytree(folder / 'one', folder / 'moved')
    config = (folder / 'moved' / 'config.json').read_text()
    (folder / 'moved' / 'config.json').write_text(config.replace('"few"', '"gone"'))
    refuse('--evaluate', 'moved/model.npz', words=['--dataset', 'gone'])
    (folder / 'moved' / 'config.json').write_text(config.replace('"few"', '"pictures"'))
    refuse('--evaluate', 'moved/model.npz', words=['pictures is not the data that the run of moved/model.npz had'])
    for model, words in ('ssd96', ['moved/model.npz is of ssd96, for detection', 'one/model.npz of perceptron']), (
            'lenot', ["'lenot'"]):
        (folder / 'moved' / 'config.json').write_text(config.replace('"perceptron"', f'"{model}"'))
        refuse('one/model.npz', 'moved/model.npz', 'digit.png', words=words)
    (folder / 'moved' / 'config.json').write_text(config.replace('"perceptron"', '"ssd96"'))
    refuse('moved/model.npz', 'moved/best.npz', 'digit.png',
           words=['moved/best.npz: networks such as ssd96 do not answer together; expected a file'])
    (folder / 'moved' / 'config.json').write_text(config.replace('"perceptron"', '"lstm_lm"'))
    refuse('--evaluate', 'moved/model.npz', words=['--evaluate: not for lstm_lm'])
    shutil.rmtree(folder / 'moved')
