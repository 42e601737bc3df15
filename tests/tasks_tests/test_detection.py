"""Detection as a task: data, what is learned from them, what is measured, and what is drawn."""
import json
from argparse import Namespace

import numpy as np
import pytest
from PIL import Image

import autograd_nn as ann
from autograd_nn import datasets, models, serializers
from autograd_nn.evaluation import eval_detection_voc
from autograd_nn.tasks.detection import (
    Detection,
    DetectionLoss,
    DigitBoxes,
    SceneConverter,
    draw_objects,
    load_coco,
    load_voc,
    settle,
)
from support.programs import expect_one_line, run_here


@pytest.fixture
def few_scenes(monkeypatch):
    """Eight scenes to train with, and four to test with, in place of thousands."""
    def load():
        scenes = datasets.DigitScenes(8, count=(1, 3)), datasets.DigitScenes(4, 'test', count=(1, 3))
        return *map(DigitBoxes, scenes), list('0123456789')

    monkeypatch.setattr(Detection, 'embedded', {'digit_scenes': load})


def write_voc(folder, lists, names=('cat', 'dog')):
    """A folder of pictures of 40 x 60 pixels, with one object each; those whose numbers are odd are difficult."""
    for part in 'ImageSets/Main', 'Annotations', 'JPEGImages':
        (folder / part).mkdir(parents=True)
    for name, numbers in lists.items():
        (folder / 'ImageSets' / 'Main' / f'{name}.txt').write_text('\n'.join(map(str, numbers)))
    for i in {i for numbers in lists.values() for i in numbers}:
        (folder / 'Annotations' / f'{i}.xml').write_text(
            f'<annotation><filename>{i}.jpg</filename><size><width>60</width><height>40</height></size><object>'
            f'<name>{names[i % 2]}</name><difficult>{i % 2}</difficult><bndbox><xmin>1</xmin><ymin>11</ymin>'
            f'<xmax>30</xmax><ymax>40</ymax></bndbox></object></annotation>')
        Image.new('RGB', (60, 40), (30 * i, 100, 0)).save(folder / 'JPEGImages' / f'{i}.jpg')


def test_digit_boxes_are_the_scenes_without_masks():
    scenes = datasets.DigitScenes(3)
    data = DigitBoxes(scenes)
    assert len(data) == 3
    for _ in range(2):
        image, boxes, labels = data[1]
        np.testing.assert_allclose(image, scenes[1].image, atol=0.5)
        np.testing.assert_array_equal(boxes, scenes[1].boxes)
        np.testing.assert_array_equal(labels, scenes[1].labels)
        assert image.dtype == np.float32
        boxes[...] = image[...] = 0  # what is kept is not touched


@pytest.mark.parametrize('lists, train, test', [
    ({'train': [0, 2], 'val': [3], 'trainval': [0, 2, 3], 'test': [4]}, 3, [4]),
    ({'train': [0, 2], 'val': [3, 1], 'trainval': [0, 1, 2, 3]}, 2, [3, 1]),
    ({'train': [0, 2], 'test': [3]}, 2, [3])])
def test_voc_folders(tmp_path, lists, train, test):
    write_voc(tmp_path, lists)
    data, others, names = load_voc(tmp_path)
    assert len(data) == train
    assert tuple(names) == datasets.VOC_CLASSES
    assert [path.stem for path, *_ in others.annotations] == list(map(str, test))
    image, boxes, labels, difficult = others[0]
    assert (image.shape, boxes.tolist()) == ((3, 40, 60), [[10, 0, 40, 30]])
    assert names[labels[0]] == ('cat', 'dog')[test[0] % 2]
    assert difficult.tolist() == [bool(test[0] % 2)]


def test_classes_of_ones_own(tmp_path):
    write_voc(tmp_path, {'train': [0], 'val': [0]}, names=('screw', 'nut'))
    with pytest.raises(ValueError, match="the class 'screw' is not in the list"):
        load_voc(tmp_path)
    (tmp_path / 'labels.txt').write_text('nut\nscrew\n')
    data, _, names = load_voc(tmp_path)
    assert names == ['nut', 'screw']
    assert data[0][2].tolist() == [1]


def test_coco_folders(tmp_path):
    for i, split in enumerate(('train2017', 'val2017')):
        (tmp_path / split).mkdir()
        Image.new('RGB', (60, 40)).save(tmp_path / split / 'a.jpg')
        (tmp_path / 'annotations').mkdir(exist_ok=True)
        (tmp_path / 'annotations' / f'instances_{split}.json').write_text(json.dumps({
            'images': [{'id': 1, 'file_name': 'a.jpg', 'height': 40, 'width': 60}],
            'categories': [{'id': 7, 'name': 'screw'}, {'id': 5, 'name': 'nut'}],
            'annotations': [{'id': 1, 'image_id': 1, 'category_id': 7, 'bbox': [i, 10, 30, 20], 'area': 600,
                             'iscrowd': 0},
                            {'image_id': 1, 'category_id': 7, 'bbox': [0, 0, 60, 9], 'iscrowd': 1}]}))
    train, test, names = load_coco(tmp_path)
    assert list(names) == ['nut', 'screw']
    _, boxes, labels = train[0]
    assert (boxes.tolist(), labels.tolist()) == ([[10, 0, 30, 30]], [1])
    _, boxes, labels, areas, crowds = test[0]
    assert (boxes.tolist(), labels.tolist()) == ([[10, 1, 30, 31], [0, 0, 9, 60]], [1, 1])
    assert (areas.tolist(), crowds.tolist()) == ([600, 540], [False, True])
    # The screw is found, and then, less surely, one of the crowd, which does not count.
    found = np.array([[10, 1, 30, 31], [0, 20, 9, 30]], 'f'), np.array([1, 1]), np.array([0.9, 0.8], 'f')
    figures = Detection.measure(None, test, [(test[0][1:], found)])
    assert figures['ap'] == pytest.approx(1)
    assert figures['map'] == 1
    (tmp_path / 'annotations' / 'instances_val2017.json').unlink()
    with pytest.raises(ValueError, match=r'instances_val\*.json, found 0'):
        load_coco(tmp_path)


def test_minibatches_of_pictures_of_several_sizes():
    """A detector that takes any size gets the larger of them."""
    network = models.create('faster_rcnn96', num_classes=2)
    network.max_size = 200
    samples = [(np.full((3, *size), 255, 'f'), np.array([[0, 0, 24, 48]], 'f'), np.array([1], 'i'))
               for size in ((48, 96), (96, 48))]
    x, boxes, labels = SceneConverter(network)(samples)
    assert x.shape == (2, 3, 192, 192)
    assert x[0, :, :96].min() == x[1, ..., :96].min() == 127.5 and not x[0, :, 96:].any() and not x[1, ..., 96:].any()
    assert [box.tolist() for box in boxes] == [[[0, 0, 48, 96]]] * 2
    assert DetectionLoss(network)(x, boxes, labels).item() > 0


def test_minibatches_are_of_prepared_pictures():
    network = models.create('ssd96')
    sample = 255 * np.random.rand(3, 48, 192).astype('f'), np.array([[0, 0, 24, 48]], 'f'), np.array([3], 'i')
    x, boxes, labels = SceneConverter(network)([sample, sample])
    assert x.shape == (2, 3, 96, 96)
    np.testing.assert_array_equal(x[0], network.prepare(sample[0]))
    assert [box.tolist() for box in boxes] == [[[0, 0, 48, 24]]] * 2
    assert [label.tolist() for label in labels] == [[3], [3]]
    loss = DetectionLoss(network)
    with ann.reporter.Reporter() as reporter:
        reporter.add_observer('main', loss)
        assert loss(x, boxes, labels).item() == reporter.observation['main/loss'].item() > 0


class Oracle:
    """Finds all objects of the scenes that it knows, and one more, of which it is hardly sure."""

    score_thresh = 0.01

    def __init__(self, samples):
        self.samples = samples

    def use_preset(self, preset):
        self.score_thresh = {'visualize': 0.6, 'evaluate': 0.01}[preset]

    def predict(self, images):
        known = [next(sample for sample in self.samples if (sample[0] == image).all()) for image in images]
        more = np.array([[0, 0, 9, 9]], 'f')
        return ([np.concatenate([boxes, more]) for _, boxes, *_ in known],
                [np.append(labels, np.int32(0)) for _, _, labels, *_ in known],
                [np.append(np.full(len(labels), 0.9), 0.1) for _, _, labels, *_ in known])


@pytest.fixture
def task():
    task = Detection(models.get('ssd96'), Namespace(augment=None, dataset='digit_scenes'), None, ann.get_device('cpu'))
    task.labels = list('0123456789')
    return task


def test_measures_and_pictures(task):
    scenes = DigitBoxes(datasets.DigitScenes(6))
    samples = [scenes[i] for i in range(6)]
    task.network = Oracle(samples)
    answers = task.answer(samples)
    figures = task.measure(samples, answers)
    found, there = zip(*task.network.predict([sample[0] for sample in samples])), [list(x) for x in zip(*samples)][1:]
    assert figures.keys() == task.measures.keys()
    assert figures['map'] == eval_detection_voc(*map(list, zip(*found)), *there)['map'] == 1
    assert 0.9 < figures['ap'] <= 1
    picture = task.draw(samples, answers)
    expected = draw_objects(samples[0][0], *(x[:-1] for x in answers[0][1]), task.labels)
    assert picture.crop((12, 12, 12 + expected.width, 12 + expected.height)).tobytes() == expected.tobytes()
    assert expected.size == (256, 256)


def test_difficult_objects_need_not_be_found(task):
    image, boxes = np.zeros((3, 40, 40), 'f'), np.array([[0, 0, 20, 20], [20, 20, 40, 40]], 'f')
    sample = image, boxes, np.array([1, 1]), np.array([False, True])
    answers = [(sample[1:], (boxes[:1], np.array([1]), np.array([0.9])))]
    assert task.measure([sample], answers)['map'] == 1


def test_what_is_varied(task):
    """Photographs are, and are mirrored as well; digit scenes are not, unless somebody asks for it."""
    scenes = DigitBoxes(datasets.DigitScenes(2))
    task.options.seed = 0
    for dataset, flips in ('digit_scenes', False), ('photos', True):
        task.options.dataset = dataset
        varied = task.augment(scenes)
        assert ('Flip' in repr(varied._transform)) == flips
        image, boxes, labels = varied.at_epoch(3)[0]
        assert len(boxes) == len(labels)
        assert boxes.min() >= 0
        assert (boxes[:, 2:] <= image.shape[1:]).all()
        assert (boxes[:, :2] < boxes[:, 2:]).all()


@pytest.mark.slow
def test_a_detector_is_trained_and_used(tmp_path, few_scenes):
    arguments = '--model', 'ssd96', '--batch-size', 8, '--out', tmp_path / 'run'
    process = run_here('train', *arguments, '--epochs', 4, cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert 'ssd96 on digit_scenes: 8 training and 4 test samples, 10 classes; 968,276 parameters' in process.stdout
    assert "test mAP by PASCAL VOC's rules: 0." in process.stdout
    log = json.loads((tmp_path / 'run' / 'log.json').read_text())
    assert log[-1]['main/loss'] < log[0]['main/loss']
    assert 0 <= log[-1]['validation/main/ap'] <= log[-1]['validation/main/map'] <= 1
    assert Image.open(tmp_path / 'run' / 'results.png').size[0] > 1000
    resumed = run_here('train', *arguments, '--epochs', 5, '--resume', tmp_path / 'run', cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    image = datasets.DigitScenes(8, count=(1, 3))[0].image.astype(np.uint8)
    Image.fromarray(image.transpose(1, 2, 0)).save(tmp_path / 'scene.png')
    process = run_here('predict', tmp_path / 'run' / 'model.npz', 'scene.png', '--min-score', '0.05', cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert '%' in process.stdout
    assert Image.open(tmp_path / 'predictions' / 'scene-boxes.png').size == (256, 256)
    expect_one_line(run_here('predict', tmp_path / 'run' / 'model.npz', 'scene.png', '--min-score', '2', cwd=tmp_path),
                    '--min-score: expected a number from 0 to 1, got 2')


@pytest.mark.slow
def test_training_on_a_folder(tmp_path):
    """Pictures of any size; the options and weights of one run are those of the other."""
    write_voc(tmp_path / 'voc', {'train': [0, 2, 4, 6], 'test': [8]}, names=('screw', 'nut'))
    (tmp_path / 'voc' / 'labels.txt').write_text('screw\n')
    process = run_here('train', '--model', 'ssd96', '--dataset', 'voc', '--epochs', 1, cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert '4 training and 1 test samples, 1 classes' in process.stdout
    assert json.loads((tmp_path / 'result' / 'config.json').read_text())['labels'] == ['screw']


@pytest.mark.slow
def test_starting_from_weights_for_other_classes(tmp_path, few_scenes):
    """All layers are loaded but those that say which class there is."""
    network = models.create('ssd96', num_classes=3)
    settle(network)
    serializers.save_npz(tmp_path / 'weights.npz', network)
    process = run_here('train', '--model', 'ssd96', '--epochs', 1, '--initial-weights', 'weights.npz', '--freeze',
                       'conv4_1', cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert 'a new classifier with 11 outputs takes the place of the old one' in process.stdout
    with np.load(tmp_path / 'result' / 'model.npz') as arrays:
        for path, param in network.namedparams():
            if path.split('/')[2] in ('conv1', 'conv4_1'):
                np.testing.assert_array_equal(arrays[path[1:]], param.array)


def test_folders_of_other_kinds(tmp_path):
    expect_one_line(run_here('train', '--model', 'ssd96', '--dataset', tmp_path, cwd=tmp_path),
                    'has neither JPEGImages/')
    expect_one_line(run_here('train', '--model', 'ssd96', '--dataset', 'nothing', cwd=tmp_path),
                    'expected one of digit_scenes or a folder')
