"""Training on folders of pictures: layouts, what is held out, what is said."""
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from autograd_nn import datasets, models
from autograd_nn.tasks.network_input import show_to_network
from autograd_nn.tasks.picture_folder import hold_out, load_folder
from support.programs import ROOT, expect_one_line, run_here

COLOURS = {'red': (200, 60, 60), 'green': (60, 200, 60), 'blue': (60, 60, 200)}


def paint(folder, count=5, names=COLOURS, suffix='png'):
    """Writes a folder with pictures for each of some colours."""
    rng = np.random.default_rng(0)
    for name in names:
        (folder / name).mkdir(parents=True, exist_ok=True)
        for i in range(count):
            pixels = np.clip(COLOURS[name] + 25 * rng.standard_normal((30, 40, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f'{i}.{suffix}')
    return folder


def load(folder, model='lenet'):
    return load_folder(folder, models.get(model), 0)


@pytest.mark.parametrize('parts', [('train', 'val'), ('train', 'valid'), ('train', 'validation'), ('train', 'test'),
                                   ('Training', 'Testing')])
def test_layouts_with_two_parts(parts, tmp_path, capsys):
    paint(tmp_path / parts[0])
    paint(tmp_path / parts[1], 2)
    train, test, labels = load(tmp_path)
    assert (len(train), len(test), labels) == (15, 6, ['blue', 'green', 'red'])
    shown = capsys.readouterr().out
    assert f'{tmp_path / parts[0]} is trained with, {tmp_path / parts[1]} is tested with' in shown
    assert 'lenet sees shades of grey: the colours of the pictures are not used' in shown


def test_validation_pictures_come_before_test_pictures(tmp_path):
    for part, count in ('train', 3), ('test', 2), ('val', 1):
        paint(tmp_path / part, count)
    assert len(load(tmp_path)[1]) == 3


@pytest.mark.parametrize('part', ['.', 'train'])
def test_a_fifth_is_held_out_and_announced(part, tmp_path, capsys):
    paint(tmp_path / part, 10)
    train, test, labels = load(tmp_path, 'resnet20')
    assert labels == ['blue', 'green', 'red']
    assert (len(train), sorted(int(label) for _, label in test)) == (24, [0, 0, 1, 1, 2, 2])
    shown = capsys.readouterr().out
    assert '6 of 30 pictures, about a fifth of each class, are held out to test with (--seed chooses them)' in shown
    assert 'grey' not in shown


def test_pictures_of_trains_are_a_class(tmp_path):
    paint(tmp_path, names=['red', 'green'])
    (tmp_path / 'red').rename(tmp_path / 'train')
    assert load(tmp_path)[2] == ['green', 'train']


def test_each_class_has_pictures_to_train_with(tmp_path):
    paint(tmp_path, 1, ['red'])
    paint(tmp_path, 2, ['green'])
    paint(tmp_path, 11, ['blue'])
    pictures = datasets.ImageFolderDataset(tmp_path)
    found = [np.bincount([int(label) for _, label in part], minlength=3).tolist() for part in hold_out(pictures, 0)]
    assert found == [[9, 1, 1], [2, 1, 0]]
    parts = [[{image.tobytes() for image, _ in part} for part in hold_out(pictures, seed)] for seed in (0, 0, 1)]
    assert parts[0] == parts[1] != parts[2]
    assert all(len(train | test) == 14 and not train & test for train, test in parts)


def one_folder_too_high(folder):
    paint(folder / 'pets')
    return 'only directories', 'folder/cat/1.jpg', 'folder/dog/1.jpg', 'is folder/pets what you mean'


def one_class(folder):
    paint(folder, names=['red'])
    return 'at least 2 classes', 'only red'


def other_classes(folder):
    paint(folder / 'train')
    paint(folder / 'val', names=['red', 'green'])
    (folder / 'val' / 'red').rename(folder / 'val' / 'azure')
    return 'same classes', 'only train has blue, red', 'only val has azure'


def pictures_without_classes(folder):
    paint(folder / 'train')
    (folder / 'test').mkdir()
    Image.new('RGB', (9, 9)).save(folder / 'test' / '1.jpg')
    return 'no images', 'folder/test', 'of folder/train alone, a fifth is held out'


@pytest.mark.parametrize('mistake', [one_folder_too_high, one_class, other_classes, pictures_without_classes])
def test_other_layouts_are_refused(mistake, tmp_path):
    words = mistake(tmp_path / 'folder')
    process = run_here('train', '--dataset', 'folder', '--epochs', 1, cwd=tmp_path)
    expect_one_line(process, *words)
    assert not (tmp_path / 'result').exists()


def test_pictures_of_one_in_each_class_cannot_be_split(tmp_path):
    paint(tmp_path, 1)
    with pytest.raises(ValueError, match='expected at least 2 pictures of a class'):
        load(tmp_path)


def test_minibatches_are_no_larger_than_the_data(tmp_path):
    paint(tmp_path / 'few', 2)
    process = run_here('train', '--dataset', 'few', '--epochs', 2, '--model', 'mlp', cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert 'minibatches have 3 samples instead of 64 (--batch-size)' in process.stdout
    log = json.loads((tmp_path / 'result' / 'log.json').read_text())
    assert [entry['epoch'] for entry in log] == [1, 2]


def test_digits_are_seen_in_training_as_in_prediction(tmp_path, capsys):
    """Dark on bright paper, somewhere on it: made like those of MNIST both times."""
    for digit in range(10):
        (tmp_path / str(digit)).mkdir()
        for i in range(2):
            sheet = Image.new('L', (60, 80), 250)
            sheet.paste(20, (10, 10, 14 + 2 * digit, 40))
            sheet.save(tmp_path / str(digit) / f'{i}.png')
    train, _, labels = load(tmp_path)
    assert 'made like those of MNIST' in capsys.readouterr().out
    lenet = models.get('lenet').build()
    for i in 0, 9:
        path = tmp_path / str(i) / '0.png'
        expected = lenet.prepare(path)
        np.testing.assert_allclose(show_to_network(path, labels, (1, 28, 28), lenet.preprocessing), expected, atol=1e-6)
    images = np.stack([image for image, _ in train])
    assert images.shape[1:] == (1, 28, 28) and not images[:, :, 0].any() and (images.max(axis=(1, 2, 3)) == 1).all()


def test_names_that_cannot_be_printed_end_no_program(tmp_path):
    """Where the terminal has no letters for them, they are escaped."""
    paint(tmp_path / 'few', 2)
    (tmp_path / 'few' / 'red').rename(tmp_path / 'few' / '赤')
    environment = {**os.environ, 'PYTHONIOENCODING': 'ascii'}
    for arguments in (['train.py', '--dataset', 'few', '--model', 'perceptron', '--epochs', '1'],
                      ['predict.py', 'result/model.npz', 'few/赤/0.png']):
        process = subprocess.run([sys.executable, ROOT / 'scripts' / arguments[0], *arguments[1:]], cwd=tmp_path,
                                 env=environment, capture_output=True, text=True, check=False)
        assert process.returncode == 0, process.stderr
    assert process.stdout.startswith(r'few/\u8d64/0.png: ') and r'\u8d64 ' in process.stdout.split(': ')[1]
