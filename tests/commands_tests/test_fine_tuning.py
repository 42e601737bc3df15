"""Fine-tuning: a network's weights, another classifier, layers that stay as they are."""
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

import autograd_nn as ann
from autograd_nn import models, serializers
from autograd_nn.commands.fine_tuning import freeze, load_initial_weights
from autograd_nn.tasks.network_input import settle
from support.programs import ROOT, expect_one_line, run

LATER = 'res4'  # the last stage of resnet20 that is not the classifier


def read(path):
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Pictures of two kinds, and weights of networks with ten classes; in ``tuned`` a run that has learnt from both."""
    folder = tmp_path_factory.mktemp('fine_tuning')
    random = np.random.default_rng(0)
    for kind, colour in ('night', 60), ('day', 190):
        (folder / 'pictures' / kind).mkdir(parents=True)
        for i in range(10):
            pixels = np.clip(colour + 40 * random.standard_normal((40, 50, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / 'pictures' / kind / f'{i}.png')
    ann.random.seed(0)
    network = models.create('resnet20')
    for _ in range(3):
        network(random.standard_normal((8, 3, 32, 32)).astype('f'))
    serializers.save_npz(folder / 'published.npz', network)
    process = tune(folder, '--freeze', LATER, '--epochs', 3, '--lr', 0.01, '--out', 'tuned')
    assert process.returncode == 0, process.stderr
    (folder / 'tuned' / 'shown').write_text(process.stdout)
    return folder


def tune(folder, *arguments):
    return run('train', '--model', 'resnet20', '--dataset', 'pictures', '--initial-weights', 'published.npz',
               '--batch-size', 8, *arguments, cwd=folder)


def test_what_is_said(folder):
    shown = (folder / 'tuned' / 'shown').read_text()
    assert 'starting from published.npz: loaded 114 of 116 arrays' in shown
    assert 'fc5/W (2, 64) (in the file (10, 64)), fc5/b (2,) (in the file (10,))' in shown
    assert 'a new classifier with 2 outputs' in shown
    assert 'frozen up to res4: 130 of 269,202 parameters train' in shown


def test_frozen_layers_are_the_same_to_the_last_bit(folder):
    """Parameters and running averages."""
    published, tuned = read(folder / 'published.npz'), read(folder / 'tuned' / 'model.npz')
    assert published.keys() == tuned.keys() and 'res4/b2/bn2/avg_var' in tuned
    for name, array in tuned.items():
        if name.startswith('fc5'):
            assert array.shape[0] == 2
        else:
            np.testing.assert_array_equal(array, published[name], err_msg=name)
    assert np.abs(tuned['fc5/W']).max() > 0


def test_prediction_prepares_pictures_as_the_training_did(folder):
    assert json.loads((folder / 'tuned' / 'log.json').read_text())[-1]['validation/main/accuracy'] == 1
    process = run('predict', 'tuned/model.npz', 'pictures/night/3.png', 'pictures/day/3.png', cwd=folder)
    assert [line.split()[1] for line in process.stdout.splitlines()] == ['night', 'day'], process.stdout
    network = models.create('resnet20', num_classes=2)
    network(np.zeros((1, 3, 32, 32), 'f'))
    serializers.load_npz(folder / 'tuned' / 'model.npz', network)
    p = network.predict([folder / 'pictures' / 'night' / '3.png']).array[0]
    assert f'night {p[1]:.1%}' in process.stdout
    # Pictures from 0 to 255, say, would be something else to the network.
    config = json.loads((folder / 'tuned' / 'config.json').read_text())
    assert config['preprocessing']['mean'] == list(network.preprocessing.mean)


def test_without_freezing_all_layers_learn(folder):
    process = tune(folder, '--epochs', 1, '--out', 'all')
    assert process.returncode == 0 and 'frozen' not in process.stdout
    published, tuned = read(folder / 'published.npz'), read(folder / 'all' / 'model.npz')
    same = [name for name in tuned if not name.startswith('fc5') and np.array_equal(tuned[name], published[name])]
    assert all(name.endswith('/N') for name in same)


def test_a_fine_tuned_network_is_where_the_next_run_starts(folder):
    """The same classes: the classifier is taken over; a snapshot is as good as the weights."""
    process = tune(folder, '--initial-weights', 'tuned/snapshot.npz', '--freeze', 'res4', '--epochs', 1,
                   '--out', 'more')
    assert process.returncode == 0, process.stderr
    assert 'loaded 116 of 116 arrays' in process.stdout and 'new classifier' not in process.stdout


@pytest.mark.slow
def test_an_interrupted_run_ends_as_if_never_stopped(folder):
    arguments = ['--freeze', 'res3', '--epochs', '2', '--weight-decay', '0.01']
    assert tune(folder, *arguments, '--out', 'whole').returncode == 0
    command = [sys.executable, ROOT / 'scripts' / 'train.py', '--model', 'resnet20', '--dataset', 'pictures',
               '--initial-weights', 'published.npz', '--batch-size', '8', *arguments, '--out', 'parts']
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               start_new_session=True)
    deadline = time.monotonic() + 300
    while not (folder / 'parts' / 'snapshot.npz').exists():
        assert process.poll() is None and time.monotonic() < deadline, process.stderr.read()
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 130, errors
    resumed = run('train', '--resume', 'parts', cwd=folder)
    assert resumed.returncode == 0, resumed.stderr
    assert 'starting from' not in resumed.stdout and 'frozen up to res3' in resumed.stdout
    whole, parts = read(folder / 'whole' / 'model.npz'), read(folder / 'parts' / 'model.npz')
    published = read(folder / 'published.npz')
    for name in whole:
        np.testing.assert_array_equal(whole[name], parts[name], err_msg=name)
        assert np.array_equal(whole[name], published[name]) == (name.endswith('/N') or not name.startswith(
            ('res4', 'fc5'))), name


def test_mistakes_take_one_line(folder):
    expect_one_line(tune(folder, '--freeze', 'conv9'), '--freeze', "no layer 'conv9'", 'conv1, res2, res3, res4')
    expect_one_line(tune(folder, '--initial-weights', 'nothing.npz'), 'nothing.npz')


@pytest.fixture
def network():
    network = models.create('resnet20', num_classes=2)
    settle(network, (3, 32, 32))
    return network


def test_wrong_layers(folder, network):
    fresh = load_initial_weights(folder / 'published.npz', network, 2)
    assert fresh == {'fc5/W', 'fc5/b'}
    with pytest.raises(ValueError, match='--freeze: fc5 would freeze fc5/W, fc5/b, which the weights do not have'):
        freeze(network, 'fc5', fresh)
    with pytest.raises(ValueError, match='--freeze: fc5 leaves nothing to train'):
        freeze(network, 'fc5', set())


def test_wrong_files(folder, network):
    np.savez(folder / 'other.npz', **{'l1/W': np.zeros((3, 3)), 'conv1/W': np.zeros((16, 3, 3, 3), 'f')})
    with pytest.raises(ValueError, match=r'other\.npz has the weights of another network .*loaded 1 of 116'):
        load_initial_weights(folder / 'other.npz', network, 2)
    arrays = read(folder / 'published.npz')
    np.savez(folder / 'wide.npz', **{**arrays, 'res3/a/conv1/W': np.zeros((64, 16, 3, 3), 'f')})
    with pytest.raises(ValueError, match=r'res3/a/conv1/W with the shape \(64, 16, 3, 3\).* needs \(32, 16, 3, 3\)'):
        load_initial_weights(folder / 'wide.npz', network, 2)
    with pytest.raises(ValueError, match='has fc5/W with the shape'):
        load_initial_weights(folder / 'published.npz', network)
    with pytest.raises(ValueError, match=r'3\.png is not an \.npz file'):
        load_initial_weights(folder / 'pictures' / 'day' / '3.png', network, 2)


@pytest.mark.slow
def test_a_network_of_imagenet_size(folder):
    """ResNet-18 sees pictures of 224 x 224 pixels, as its published weights expect them."""
    small = folder / 'four'
    for kind in 'night', 'day':
        (small / kind).mkdir(parents=True)
        for i in range(3):
            shutil.copy(folder / 'pictures' / kind / f'{i}.png', small / kind)
    network = models.create('resnet18', num_classes=1000)
    network(np.random.rand(2, 3, 64, 64).astype('f'))
    serializers.save_npz(folder / 'resnet18.npz', network, compression=False)
    process = run('train', '--model', 'resnet18', '--dataset', 'four', '--initial-weights', 'resnet18.npz',
                  '--freeze', 'res5', '--epochs', 1, '--batch-size', 3, '--lr', 0.01, cwd=folder)
    assert process.returncode == 0, process.stderr
    assert 'shape (3, 224, 224)' in process.stdout
    assert 'frozen up to res5: 1,026 of 11,177,538 parameters train' in process.stdout
    before, after = read(folder / 'resnet18.npz'), read(folder / 'result' / 'model.npz')
    assert [name for name in after if not np.array_equal(after[name], before[name])] == ['fc6/W', 'fc6/b']
