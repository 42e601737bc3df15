"""The losses of YOLOv2 and YOLOv3, against loops over pictures, cells, anchors and objects."""
import math

import numpy as np
import pytest

import autograd_nn as ann
from autograd_nn import gradient_check, models

ANCHORS = (((60, 40), (30, 50), (90, 90)), ((20, 30), (35, 20), (28, 28)), ((8, 9), (14, 6), (10, 18)))
BOXES = [np.array([[3, 5, 70, 60], [20, 30, 42, 57], [1, 80, 12, 92.5], [50, 50, 51, 53]], 'f'),
         np.zeros((0, 4), 'f'),
         # The last two belong to one cell and anchor.
         np.array([[0, 0, 96, 96], [40, 41, 60, 71], [41, 40, 60.5, 70]], 'f')]
LABELS = [np.array([0, 2, 1, 1], 'i'), np.zeros(0, 'i'), np.array([2, 0, 1], 'i')]


def network(name):
    if name == 'yolov3':
        return models.YOLOv3(3, 96, depths=(1,) * 5, width=0.125, anchors=ANCHORS)
    return models.YOLOv2(3, 96, width=0.125, anchors=ANCHORS[0] + ANCHORS[1][:2])


def random_outputs(model, dtype='d'):
    random = np.random.default_rng(1)
    shape = 3, len(model.cells)
    outputs = [0.7 * random.normal(size=(*shape, *more)).astype(dtype) for more in ((4,), (), (3,))]
    # Some predictions are near objects, so that they are to be ignored.
    for image, boxes in enumerate(BOXES):
        for y0, x0, y1, x1 in boxes:
            for k in random.permutation(len(model.cells))[:20]:
                _, _, height, width, step = model.cells[k]
                cell = math.floor((y0 + y1) / 2 / step), math.floor((x0 + x1) / 2 / step)
                near = next(n for n, c in enumerate(model.cells) if tuple(c[:2]) == cell and c[4] == step
                            and tuple(c[2:4]) == (height, width))
                outputs[0][image, near, 2:] = np.log([(y1 - y0) / height, (x1 - x0) / width])
    return outputs


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def logistic_loss(x, t):
    return -t * math.log(sigmoid(x)) - (1 - t) * math.log(1 - sigmoid(x))


def iou(a, b):
    height, width = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    common = max(height, 0) * max(width, 0)
    return common / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common)


def predicted_box(cell, loc):
    row, column, height, width, step = cell
    y, x = (row + sigmoid(loc[0])) * step, (column + sigmoid(loc[1])) * step
    h, w = height * math.exp(loc[2]), width * math.exp(loc[3])
    return y - h / 2, x - w / 2, y + h / 2, x + w / 2


def owners(cells, boxes):
    """For each pair of a cell and an anchor the object that it is to learn."""
    owner = {}
    for number, (y0, x0, y1, x1) in enumerate(boxes):
        overlaps = {}
        for k, (row, column, height, width, step) in enumerate(cells):
            if row <= (y0 + y1) / 2 / step < row + 1 and column <= (x0 + x1) / 2 / step < column + 1:
                overlaps[k] = iou((0, 0, height, width), (0, 0, y1 - y0, x1 - x0))
        owner[max(overlaps, key=overlaps.get)] = number
    return owner


def loss_by_loops(name, cells, outputs):
    """What Darknet's layers ``yolo`` and ``region`` descend on; their gradients are those of these terms."""
    total, ignored, learned = 0., 0, 0
    for locs, objs, confs, boxes, labels in zip(*outputs, BOXES, LABELS):
        owner = owners(cells, boxes)
        for k, cell in enumerate(cells):
            there = predicted_box(cell, locs[k])
            best = max((iou(there, box) for box in boxes), default=0)
            if k not in owner:
                if best > (0.5 if name == 'yolov3' else 0.6):
                    ignored += 1
                elif name == 'yolov3':
                    total += logistic_loss(objs[k], 0)
                else:
                    total += sigmoid(objs[k]) ** 2 / 2
                continue
            learned += 1
            box, label = boxes[owner[k]], labels[owner[k]]
            row, column, height, width, step = cell
            weight = 2 - (box[2] - box[0]) * (box[3] - box[1]) / 96 ** 2
            offsets = (box[0] + box[2]) / 2 / step - row, (box[1] + box[3]) / 2 / step - column
            logs = math.log((box[2] - box[0]) / height), math.log((box[3] - box[1]) / width)
            for x, t in zip(locs[k, 2:], logs):
                total += weight * (x - t) ** 2 / 2
            for x, t in zip(locs[k, :2], offsets):
                total += weight * (logistic_loss(x, t) if name == 'yolov3' else (sigmoid(x) - t) ** 2 / 2)
            if name == 'yolov3':
                total += logistic_loss(objs[k], 1)
                total += sum(logistic_loss(x, int(c == label)) for c, x in enumerate(confs[k]))
            else:
                total += 5 * (sigmoid(objs[k]) - iou(there, box)) ** 2 / 2
                total += math.log(sum(map(math.exp, confs[k]))) - confs[k, label]
    assert ignored and learned == 6
    return total / len(BOXES)


@pytest.mark.parametrize('name', ['yolov3', 'yolov2'])
def test_loss_is_that_of_loops(name):
    model = network(name)
    outputs = random_outputs(model)
    loss = model.loss([ann.Variable(y) for y in outputs], BOXES, LABELS)
    assert loss.shape == ()
    assert loss.item() == pytest.approx(loss_by_loops(name, model.cells, outputs), rel=1e-5)


@pytest.mark.parametrize('name', ['yolov3', 'yolov2'])
def test_gradients(name):
    """The IoU that objectness learns in YOLOv2 counts as given, so locations are left out there."""
    model = network(name)
    locs, objs, confs = random_outputs(model)
    if name == 'yolov3':
        gradient_check.check_backward(lambda x: model.loss((x, ann.Variable(objs), ann.Variable(confs)), BOXES, LABELS),
                                      locs, None, dtype='d', eps=1e-5, rtol=1e-3, atol=1e-4)
    gradient_check.check_backward(lambda x, y: model.loss((ann.Variable(locs), x, y), BOXES, LABELS),
                                  (objs, confs), None, dtype='d', eps=1e-4, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize('name', ['yolov3', 'yolov2'])
def test_pictures_without_objects(name):
    model = network(name)
    outputs = [ann.Variable(y[:1].astype('f')) for y in random_outputs(model)]
    loss = model.loss(outputs, BOXES[1:2], LABELS[1:2])
    loss.backward()
    assert loss.item() > 0 and outputs[1].grad.all()
    assert all(y.grad is None or not y.grad.any() for y in (outputs[0], outputs[2]))


@pytest.mark.parametrize('boxes, labels, message', [
    ([[0, 0, 5, 5]], [0, 1], r'got boxes of shape \(1, 4\) and labels of shape \(2,\)'),
    ([[0, 0, 5, 5]], [3], 'expected labels from 0 to 2, got 3 to 3'),
    ([[0, 0, 5, 5]], [-1], 'expected labels from 0 to 2, got -1 to -1'),
    ([[5, 0, 5, 5]], [0], r'expected boxes .* with an area, in pictures of 96 x 96 pixels, got \[5.0, 0.0, 5.0, 5.0\]'),
    ([[90, 90, 110, 96]], [0], r'in pictures of 96 x 96 pixels, got \[90.0, 90.0, 110.0, 96.0\]'),
    ([[0, 0, float('nan'), 96]], [0], 'expected boxes')])
def test_nonsense(boxes, labels, message):
    model = network('yolov2')
    outputs = [ann.Variable(y.astype('f')) for y in random_outputs(model)]
    with pytest.raises(ValueError, match=message):
        model.loss(outputs, [np.array(boxes, 'f'), *BOXES[1:2] * 2], [np.array(labels, 'i'), *LABELS[1:2] * 2])


def test_number_of_outputs_must_fit():
    model = network('yolov2')
    outputs = [ann.Variable(y[:, :7].astype('f')) for y in random_outputs(model)]
    with pytest.raises(ValueError, match='expected outputs for 45 pairs of a cell and an anchor'):
        model.loss(outputs, BOXES, LABELS)
