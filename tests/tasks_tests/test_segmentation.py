"""Segmentation as a task: data, what is learned from them, what is measured, and what is drawn."""
import json
from argparse import Namespace

import numpy as np
import pytest
from PIL import Image

import autograd_nn as ann
from autograd_nn import datasets, models, serializers
from autograd_nn.evaluation import eval_semantic_segmentation
from autograd_nn.tasks.segmentation import (
    DigitLabelMaps,
    LabelMapConverter,
    Segmentation,
    digit_scenes,
    load_pairs,
    load_voc,
    settle,
)
from autograd_nn.utils import draw_label_map
from support.programs import expect_one_line, run_here

CLASSES = ['ground', *'0123456789']


@pytest.fixture
def few_scenes(monkeypatch):
    """Eight scenes to train with, and four to test with, in place of thousands."""
    def load():
        scenes = (datasets.DigitScenes(length, split, size=(32, 32), count=(1, 1), sides=(20, 30))
                  for length, split in ((8, 'train'), (4, 'test')))
        return *map(DigitLabelMaps, scenes), CLASSES

    monkeypatch.setattr(Segmentation, 'embedded', {'digit_scenes': load})


def test_scenes_to_train_with_are_others_in_each_epoch_and_those_to_test_with_are_not():
    train, test, classes = digit_scenes()
    for epoch in 0, 3:
        images, labels = zip(*train.at_epoch(epoch)[[1, 1]])
        scene = datasets.DigitScenes(16_000, 'train', (64, 64), count=(1, 4), sides=(20, 40))[4000 * epoch + 1]
        np.testing.assert_array_equal(images, [np.rint(scene.image)] * 2)
        np.testing.assert_array_equal(labels, [datasets.label_map_of_scene(scene)] * 2)
    assert test.at_epoch(3) is test
    assert (len(train), len(test), len(classes)) == (4000, 200, 11)


def write_pairs(folder, count, size=(20, 30)):
    for part in 'images', 'masks':
        (folder / part).mkdir(parents=True)
    for i in range(count):
        Image.new('RGB', size, (20 * i, 100, 0)).save(folder / 'images' / f'{i}.png')
        datasets.write_label_map(folder / 'masks' / f'{i}.png', np.full(size[::-1], i % 2))
    return folder


def make_task(**options):
    options = {'augment': None, 'dataset': 'digit_scenes', 'longer_side': None, 'seed': 0, 'workers': 0,
               'val_split': 0., 'class_weights': None, **options}
    task = Segmentation(models.get('unet_small'), Namespace(**options), None, ann.get_device('cpu'))
    task.labels = CLASSES
    return task


def test_digit_label_maps_are_drawn_once():
    scenes = datasets.DigitScenes(3)
    data = DigitLabelMaps(scenes)
    assert len(data) == 3
    for _ in range(2):
        image, labels = data[1]
        np.testing.assert_allclose(image, scenes[1].image, atol=0.5)
        np.testing.assert_array_equal(labels, datasets.label_map_of_scene(scenes[1]))
        assert image.dtype == np.float32 and labels.dtype == np.int32
        image[...] = labels[...] = 0  # what is kept is not touched


def test_minibatches_of_several_sizes():
    rng = np.random.default_rng(0)
    samples = [(rng.uniform(0, 255, (3, *size)).astype('f'), rng.integers(0, 3, size).astype('i'))
               for size in [(5, 8), (7, 6)]]
    x, t = LabelMapConverter(models.TORCHVISION)(samples)
    assert x.shape == (2, 3, 7, 8) and x.dtype == np.float32 and t.shape == (2, 7, 8)
    for i, (image, labels) in enumerate(samples):
        height, width = labels.shape
        np.testing.assert_allclose(x[i, :, :height, :width], models.TORCHVISION.normalize(image, 255))
        np.testing.assert_array_equal(t[i, :height, :width], labels)
        assert (t[i, height:] == -1).all() and (t[i, :, width:] == -1).all() and not x[i, :, height:].any()


class Oracle:
    """Finds what is there, but takes one digit for the ground."""

    def __init__(self, samples):
        self.samples = samples

    def predict(self, images):
        return [np.where(labels == 4, 0, np.maximum(labels, 0)) for image in images for x, labels in self.samples
                if (x == image).all()]


def test_measures_and_pictures():
    task, scenes = make_task(), DigitLabelMaps(datasets.DigitScenes(6))
    samples = [scenes[i] for i in range(6)]
    task.network = Oracle(samples)
    answers = task.answer(samples)
    figures = task.measure(samples, answers)
    expected = eval_semantic_segmentation(task.network.predict([image for image, _ in samples]),
                                          [labels for _, labels in samples], len(CLASSES))
    assert figures.keys() == task.measures.keys()
    assert figures['miou'] == expected['miou'] < 1
    assert figures['fwiou'] == expected['frequency_weighted_iou']
    picture = task.draw(samples, answers)
    for i, labels in enumerate([np.zeros_like(samples[0][1]), samples[0][1], answers[0][1].astype(int)]):
        expected = draw_label_map(samples[0][0], labels, CLASSES, scale=128 / 96, legend=False)
        left = 16 + 132 * i
        assert picture.crop((left, 16, left + 128, 16 + 128)).tobytes() == expected.tobytes()
    assert picture.width > 2 * (3 * 128 + 16) and picture.height > 3 * 128


def test_what_is_varied():
    """Photographs are, and are mirrored as well; digit scenes are not, unless somebody asks for it."""
    scenes = DigitLabelMaps(datasets.DigitScenes(2))
    for dataset, flips in ('digit_scenes', False), ('photos', True):
        task = make_task(dataset=dataset)
        task.check()
        assert task.options.augment == flips and task.options.class_weights == ('none' if flips else 'mild')
        varied = task.augment(scenes)
        assert ('Flip' in repr(varied._transform)) == flips
        image, labels = varied.at_epoch(3)[0]
        assert image.shape == (3, 96, 96) and labels.shape == (96, 96)


@pytest.mark.parametrize('weights, power', [('median', 1), ('root', 0.5), ('mild', 0.25)])
def test_pictures_of_a_folder_have_one_size_and_classes_their_weights(weights, power, tmp_path):
    task = make_task(dataset=str(write_pairs(tmp_path / 'data', 5)), longer_side=24, class_weights=weights)
    task.load_data()
    assert len(task.train_data) == 4 and len(task.test) == 1 and list(task.labels) == ['0', '1']
    task.network = models.create('unet_small', num_classes=2)
    task.fit_data()
    image, labels = task.train_data[0]
    assert image.shape == (3, 24, 24) and labels.shape == (24, 24)
    counts = np.bincount(np.concatenate([labels[labels >= 0] for _, labels in task.train_data[:]]), minlength=2)
    np.testing.assert_allclose(task.network.class_weight, (np.median(counts[counts > 0]) / np.maximum(counts, 1) *
                                                           (counts > 0)) ** power, rtol=1e-6)
    assert task.describe_data() == {'labels': ['0', '1'], 'longer_side': 24}


def test_folders(tmp_path, capsys):
    write_pairs(tmp_path / 'train', 4)
    write_pairs(tmp_path / 'val', 2)
    (tmp_path / 'labels.txt').write_text('ground\ncat\ndog\n')
    train, test, classes = load_pairs(tmp_path, 0)
    assert (len(train), len(test), classes) == (4, 2, ['ground', 'cat', 'dog'])
    assert 'is trained with' in capsys.readouterr().out
    voc = tmp_path / 'voc'
    write_pairs(tmp_path / 'voc', 3)
    (voc / 'images').rename(voc / 'JPEGImages')
    (voc / 'masks').rename(voc / 'SegmentationClass')
    for path in (voc / 'JPEGImages').iterdir():
        path.rename(path.with_suffix('.jpg'))
    (voc / 'ImageSets' / 'Segmentation').mkdir(parents=True)
    for split, names in ('train', '0\n2\n'), ('val', '1\n'):
        (voc / 'ImageSets' / 'Segmentation' / f'{split}.txt').write_text(names)
    train, test, classes = load_voc(voc)
    assert (len(train), len(test), classes[1]) == (2, 1, 'aeroplane')
    assert (test[0][1] == 1).all()


def test_a_network_is_trained_and_used(tmp_path, few_scenes):
    arguments = '--model', 'unet_small', '--batch-size', 8, '--out', tmp_path / 'run'
    process = run_here('train', *arguments, '--epochs', 3, cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert ('unet_small on digit_scenes: 8 training and 4 test samples, 11 classes; 1,942,987 parameters'
            in process.stdout)
    assert 'test mIoU: 0.' in process.stdout
    log = json.loads((tmp_path / 'run' / 'log.json').read_text())
    assert all(0 <= log[-1][f'validation/main/{name}'] <= 1 for name in Segmentation.measures)
    assert Image.open(tmp_path / 'run' / 'results.png').width > 800
    resumed = run_here('train', *arguments, '--epochs', 4, '--resume', tmp_path / 'run', cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    Image.new('RGB', (50, 40), 'white').save(tmp_path / 'photo.png')
    process = run_here('predict', tmp_path / 'run' / 'model.npz', 'photo.png', '--longer-side', 32, cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert '%' in process.stdout
    assert datasets.read_label_map(tmp_path / 'predictions' / 'photo-mask.png').shape == (40, 50)
    assert Image.open(tmp_path / 'predictions' / 'photo-overlay.png').width > 256
    expect_one_line(run_here('predict', tmp_path / 'run' / 'model.npz', 'photo.png', '--longer-side', 0, cwd=tmp_path),
                    '--longer-side: expected at least 1, got 0')


@pytest.mark.slow
@pytest.mark.parametrize(('name', 'layer'), [('fcn_small', 'conv5'), ('unet_small', 'enc2')])
def test_starting_from_weights_for_other_classes(name, layer, tmp_path, few_scenes):
    network = models.create(name, num_classes=3)
    settle(network)
    serializers.save_npz(tmp_path / 'weights.npz', network)
    process = run_here('train', '--model', name, '--epochs', 1, '--initial-weights', 'weights.npz', '--freeze', layer,
                       cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert 'a new classifier with 11 outputs takes the place of the old one' in process.stdout


def test_nonsense(tmp_path):
    def train(*arguments):
        return run_here('train', '--model', 'unet_small', *arguments, cwd=tmp_path)

    expect_one_line(train('--longer-side', 32), '--longer-side: digit_scenes has pictures of one size')
    expect_one_line(train('--dataset', 'nothing'), 'expected one of digit_scenes or a folder')
    (tmp_path / 'empty').mkdir()
    expect_one_line(train('--dataset', 'empty'), 'there is no folder empty/images')
    folder = write_pairs(tmp_path / 'data', 1)
    expect_one_line(train('--dataset', 'data'), 'at least two classes in data/masks, found the class 0 alone')
    datasets.write_label_map(folder / 'masks' / '0.png', np.ones((30, 20), int))
    expect_one_line(train('--dataset', 'data'), 'data: expected at least 2 pictures')
    datasets.write_label_map(folder / 'masks' / '0.png', np.zeros((30, 19), int))
    expect_one_line(train('--dataset', 'data'), '0.png has 30 x 19 pixels', 'has 30 x 20')
    (folder / 'masks' / '0.png').unlink()
    expect_one_line(train('--dataset', 'data'), '0.png has no label map')
    assert not (tmp_path / 'result').exists()
