"""YOLOv2 and YOLOv3: published counts, ChainerCV's paths, the same networks in OpenCV, and what they predict."""
import io
import sys
from pathlib import Path

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.links as L
from autograd_nn import models, serializers
from autograd_nn.datasets import DigitScenes
from autograd_nn.evaluation import eval_detection_voc
from autograd_nn.models.detection.darknet_weights import settle
from autograd_nn.models.detection.yolo import letterbox
from autograd_nn.models.detection.yolo_losses import decode_boxes
from autograd_nn.models.detection.yolov2 import reorganize
from support.overfitting import overfit

sys.path.append(str(Path(__file__).parents[3] / 'scripts'))

from benchmarks.darknet_configs import yolov2, yolov2_tiny, yolov3

SMALL = {'yolov3': lambda **options: models.YOLOv3(4, 96, depths=(1, 2, 1, 2, 1), width=0.25, **options),
         'yolov2': lambda **options: models.YOLOv2(4, 96, width=0.25, **options),
         'yolov2_tiny': lambda **options: models.YOLOv2Tiny(4, 96, width=0.25, **options)}
CONFIGS = {'yolov3': lambda model: yolov3(model, (1, 2, 1, 2, 1), 0.25),
           'yolov2': lambda model: yolov2(model, 0.25),
           'yolov2_tiny': lambda model: yolov2_tiny(model, 0.25)}


def randomized(model):
    """Gives it parameters and averages that a mistake would show in."""
    settle(model)
    random = np.random.default_rng(0)
    for link in model.links():
        if isinstance(link, L.BatchNormalization):
            for array, low, high in ((link.beta.array, -0.3, 0.3), (link.gamma.array, 0.7, 1.3),
                                     (link.avg_mean, -0.2, 0.2), (link.avg_var, 0.5, 1.5)):
                array[...] = random.uniform(low, high, array.shape)
        elif isinstance(link, L.Convolution2D) and link.b is not None:
            link.W.array[...] = random.normal(0, 0.03, link.W.shape)
            link.b.array[...] = random.uniform(-1, 1, link.b.shape)
    return model


def infer(model, x):
    with ann.using_config('train', False), ann.no_backprop_mode():
        return [y.array for y in model(x)]


@pytest.mark.parametrize('name, classes, trainable, averages', [
    ('yolov3', 80, 61_949_149, 52_608), ('yolov2', 80, 50_962_889, 20_672), ('yolov2_tiny', 20, 15_861_773, 6_112)])
def test_parameter_counts(name, classes, trainable, averages, blank_parameters):
    """Those of Keras and Darknet users; with the averages, a quarter of the bytes of the published files."""
    model = models.create(name, num_classes=classes)
    settle(model)
    assert model.count_params() == trainable
    assert sum(2 * link.avg_mean.size for link in model.links() if isinstance(link, L.BatchNormalization)) == averages
    assert model.insize == 416 and models.get(name).input_shape == (3, 416, 416)


def normalized(path):
    return {f'{path}/conv/W', *(f'{path}/bn/{name}' for name in ('gamma', 'beta', 'avg_mean', 'avg_var', 'N'))}


def chainercv_keys(name):
    """The paths in an .npz of ChainerCV's networks, written down from its ``Chain``s."""
    if name == 'yolov2':
        return set().union({'subnet/W', 'subnet/b'}, *(normalized(f'extractor/{i}') for i in range(22)))
    if name == 'yolov2_tiny':
        return set().union({'subnet/W', 'subnet/b'}, *(normalized(f'extractor/{i}') for i in range(8)))
    blocks = {2, *range(4, 6), *range(7, 15), *range(16, 24), *range(25, 29)}
    extractor = [f'extractor/{i}/{j}' if i in blocks else f'extractor/{i}' for i in range(46)
                 for j in ((0, 1) if i in blocks else (0,))]
    heads = [f'subnet/{i}/0' for i in range(3)]
    return set().union(*(normalized(path) for path in extractor + heads),
                       *({f'subnet/{i}/1/W', f'subnet/{i}/1/b'} for i in range(3)))


@pytest.mark.parametrize('name, shapes', [
    ('yolov3', {'extractor/0/conv/W': (32, 3, 3, 3), 'extractor/1/conv/W': (64, 32, 3, 3),
                'extractor/2/0/conv/W': (32, 64, 1, 1), 'extractor/2/1/conv/W': (64, 32, 3, 3),
                'extractor/24/conv/W': (1024, 512, 3, 3), 'extractor/28/1/conv/W': (1024, 512, 3, 3),
                'extractor/33/conv/W': (512, 1024, 1, 1), 'extractor/34/conv/W': (256, 512, 1, 1),
                'extractor/35/conv/W': (256, 768, 1, 1), 'extractor/40/conv/W': (128, 256, 1, 1),
                'extractor/41/conv/W': (128, 384, 1, 1), 'extractor/45/bn/avg_var': (128,),
                'subnet/0/0/conv/W': (1024, 512, 3, 3), 'subnet/0/1/W': (75, 1024, 1, 1), 'subnet/2/1/b': (75,)}),
    ('yolov2', {'extractor/0/conv/W': (32, 3, 3, 3), 'extractor/17/conv/W': (1024, 512, 3, 3),
                'extractor/20/conv/W': (64, 512, 1, 1), 'extractor/21/conv/W': (1024, 1280, 3, 3),
                'subnet/W': (125, 1024, 1, 1)}),
    ('yolov2_tiny', {'extractor/7/conv/W': (1024, 1024, 3, 3), 'subnet/W': (125, 1024, 1, 1)})])
def test_paths_and_shapes_are_those_of_chainercv(name, shapes, blank_parameters):
    model = models.create(name, num_classes=20)
    settle(model)
    serializer = serializers.DictionarySerializer()
    serializer.save(model)
    assert set(serializer.target) == chainercv_keys(name)
    assert model.count_params() == {'yolov3': 61_626_049, 'yolov2': 50_655_389, 'yolov2_tiny': 15_861_773}[name]
    assert {path: serializer.target[path].shape for path in shapes} == shapes


@pytest.mark.parametrize('name', SMALL)
def test_computes_what_opencv_computes(name):
    """OpenCV reads the network from Darknet's own description, and the weights from a file that was written here."""
    cv2 = pytest.importorskip('cv2')
    model = randomized(SMALL[name]())
    file = io.BytesIO()
    models.save_darknet(file, model)
    config = CONFIGS[name](model)
    net = cv2.dnn.readNetFromDarknet(np.frombuffer(config.encode(), np.uint8), np.frombuffer(file.getvalue(), np.uint8))
    x = np.random.rand(1, 3, 96, 96).astype('f')
    net.setInput(x)
    expected = np.concatenate(net.forward(net.getUnconnectedOutLayersNames()))
    locs, objs, confs = (y[0] for y in infer(model, x))
    boxes = decode_boxes(model.cells, locs) / 96
    centers, sizes = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    objectness = 1 / (1 + np.exp(-objs[:, None]))
    probabilities = (1 / (1 + np.exp(-confs)) if name == 'yolov3'
                     else np.exp(confs) / np.exp(confs).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(np.hstack([centers[:, ::-1], sizes[:, ::-1], objectness]), expected[:, :5], rtol=2e-3)
    # OpenCV leaves out what is unlikely, and what others overlap.
    kept = expected[:, 5:] > 0
    assert kept.mean() > 0.02
    np.testing.assert_allclose((objectness * probabilities)[kept], expected[:, 5:][kept], rtol=2e-3)


def test_reorganization_is_that_of_darknet():
    """The loops over channels, rows and columns of its layer ``reorg`` at the stride 2."""
    x = np.arange(1 * 8 * 4 * 6, dtype='f').reshape(1, 8, 4, 6)
    expected, flat = np.zeros(x.size, 'f'), x.reshape(-1)
    for k, j, i in np.ndindex(8, 4, 6):
        offset, channel = divmod(k, 2)
        expected[i + 6 * (j + 4 * k)] = flat[2 * i + offset % 2 + 12 * (2 * j + offset // 2 + 8 * channel)]
    np.testing.assert_array_equal(reorganize(ann.Variable(x)).array.reshape(-1), expected)


def test_letterbox():
    """The middle of a grey square; smaller pictures keep their size, as in ChainerCV."""
    x, scaled, corner = letterbox(np.full((3, 50, 200), 51, np.uint8), 96)
    assert (scaled, corner) == ((24, 96), (36, 0))
    np.testing.assert_allclose(x[:, 36:60], 0.2, rtol=1e-6)
    assert (x[:, :36] == 0.5).all() and (x[:, 60:] == 0.5).all() and x.dtype == np.float32
    x, scaled, corner = letterbox(np.zeros((3, 31, 20), 'f'), 96)
    assert (scaled, corner) == ((31, 20), (32, 38)) and (x == 0).sum() == 3 * 31 * 20
    for wrong in np.zeros((31, 20)), np.zeros((1, 31, 20)), np.zeros((3, 0, 5)):
        with pytest.raises(ValueError, match=r'letterbox: expected a picture of shape \(3, H, W\), got \('):
            letterbox(wrong, 96)


@pytest.mark.parametrize('size', [(50, 200), (131, 77), (20, 30)])
def test_boxes_follow_pictures_there_and_back(size, monkeypatch):
    model = SMALL['yolov3']()
    boxes = np.array([[0, 0, *size], [5, 6, 15, 19.5]], 'f')
    prepared = model.prepare_boxes(boxes, size)
    filled = np.flatnonzero((model.prepare(np.full((3, *size), 255, 'f'))[0] == 1).any(axis=1))
    assert prepared[0, 0] == filled[0] and prepared[0, 2] == pytest.approx(filled[-1] + 1)
    monkeypatch.setattr(model, 'decode', lambda *y: (prepared, np.arange(2, dtype='i'), np.ones(2, 'f')))
    (found,), _, _ = model.predict([np.zeros((3, *size), 'f')])
    np.testing.assert_allclose(found, boxes, atol=1e-4)


@pytest.mark.parametrize('name', SMALL)
def test_decodes_as_the_paper_says(name):
    """Box by box, from the numbers of each cell and anchor."""
    model = SMALL[name]()
    model.score_thresh, model.nms_thresh = 0.3, 1.1
    random = np.random.default_rng(0)
    count = len(model.cells)
    locs, objs, confs = (random.normal(size=(count, *shape)).astype('f') for shape in ((4,), (), (4,)))
    expected, k = [], 0
    for step, anchors in zip(model.steps, model.anchors):
        for row, column in np.ndindex(96 // step, 96 // step):
            for height, width in anchors:
                y, x = (step * (place + 1 / (1 + np.exp(-t))) for place, t in zip((row, column), locs[k]))
                h, w = height * np.exp(locs[k, 2]), width * np.exp(locs[k, 3])
                p = 1 / (1 + np.exp(-confs[k])) if name == 'yolov3' else np.exp(confs[k]) / np.exp(confs[k]).sum()
                for label, score in enumerate(p / (1 + np.exp(-objs[k]))):
                    if score >= 0.3:
                        expected.append((label, -score, y - h / 2, x - w / 2, y + h / 2, x + w / 2))
                k += 1
    assert k == count
    boxes, labels, scores = model.decode(locs, objs, confs)
    assert boxes.dtype == scores.dtype == np.float32 and labels.dtype == np.int32
    found = np.column_stack([labels, -scores, boxes])
    np.testing.assert_allclose(found, sorted(expected), rtol=1e-4, atol=1e-4)


def test_of_boxes_of_a_class_that_overlap_the_best_is_left():
    model = SMALL['yolov3']()
    locs, objs, confs = np.zeros((567, 4), 'f'), np.full(567, -20, 'f'), np.full((567, 4), -20, 'f')
    # Two anchors of one cell, and a third pair elsewhere.
    for k, objectness in (0, 3.), (1, 2.), (560, 1.):
        objs[k], confs[k, 2] = objectness, 10
    sizes = model.cells[:2, 2:4]
    locs[1, 2:] = np.log(sizes[0] / sizes[1])
    _, labels, scores = model.decode(locs, objs, confs)
    assert labels.tolist() == [2, 2]
    np.testing.assert_allclose(scores, 1 / (1 + np.exp([-3., -1.])), rtol=1e-3)


def test_presets():
    model = SMALL['yolov2_tiny']()
    assert (model.nms_thresh, model.score_thresh) == (0.45, 0.5)
    model.use_preset('evaluate')
    assert (model.nms_thresh, model.score_thresh) == (0.45, 0.005)
    with pytest.raises(ValueError, match="use_preset: expected 'visualize' or 'evaluate', got 'best'"):
        model.use_preset('best')


@pytest.mark.parametrize('name', SMALL)
def test_predicts_for_pictures_of_any_size(name):
    model = randomized(SMALL[name]())
    model.score_thresh = 0.1
    images = [np.random.uniform(0, 255, (3, *size)).astype('f') for size in ((40, 70), (300, 100))]
    results = model.predict(images)
    for image, boxes, labels, scores in zip(images, *results):
        assert len(boxes) == len(labels) == len(scores) > 0
        assert boxes.shape[1:] == (4,) and labels.max() < 4 and scores.min() >= 0.1
        assert boxes.min() >= 0 and (boxes[:, 2:] <= image.shape[1:]).all()
    alone = model.predict(images[1:])
    np.testing.assert_allclose(alone[0][0], results[0][1], rtol=1e-3, atol=1e-2)
    assert model.predict([]) == ([], [], [])


def test_other_sizes_after_construction():
    """As in the papers, where the size changes during training."""
    model = SMALL['yolov2']()
    model.insize = 64
    assert [y.shape for y in infer(model, np.zeros((1, 3, 64, 64), 'f'))] == [(1, 20, 4), (1, 20), (1, 20, 4)]
    with pytest.raises(ValueError, match=r'YOLOv2: expected pictures of shape \(N, 3, 64, 64\), got \(1, 3, 96, 96\)'):
        model(np.zeros((1, 3, 96, 96), 'f'))
    with pytest.raises(ValueError, match='YOLOv3: insize: expected a multiple of 32, got 100'):
        models.YOLOv3(insize=100)
    with pytest.raises(ValueError, match='YOLOv2: insize: expected a multiple of 32, got 100'):
        model.insize = 100
    with pytest.raises(ValueError, match='YOLOv3: expected a num_classes of at least 1, got -1'):
        models.YOLOv3(-1)


@pytest.mark.slow
@pytest.mark.parametrize(('name', 'rate', 'steps'), [('yolov2', 5e-3, 200), ('yolov2_tiny', 5e-3, 130),
                                                   ('yolov3', 1e-2, 70)])
def test_overfits_eight_samples(name, rate, steps):
    anchors = {'anchors': models.get('yolov3_digits').options['anchors'] if name == 'yolov3' else
               ((40, 37), (35, 23), (26, 20), (18, 17), (18, 11))}
    scenes = [DigitScenes(8, size=(64, 64), count=(1, 3))[i] for i in range(8)]
    model = {'yolov2': lambda: models.YOLOv2(10, 64, width=0.125, **anchors),
             'yolov2_tiny': lambda: models.YOLOv2Tiny(10, 64, width=0.25, **anchors),
             'yolov3': lambda: models.YOLOv3(10, 64, depths=(1,) * 5, width=0.125, **anchors)}[name]()
    boxes, labels = [scene.boxes for scene in scenes], [scene.labels for scene in scenes]
    x = np.stack([model.prepare(scene.image) for scene in scenes])
    overfit(model, lambda: model.loss(model(x), boxes, labels), steps, rate)
    found = model.predict([scene.image for scene in scenes])
    assert eval_detection_voc(*found, boxes, labels)['map'] > 0.99
