"""Probabilities, losses and measures, against formulas written with NumPy."""
import numpy as np
import pytest

from caffe_tests.layer_checks import check_layer, load, random


def log_softmax(x, axis):
    x = x - x.max(axis, keepdims=True)
    return x - np.log(np.exp(x).sum(axis, keepdims=True))


@pytest.mark.parametrize('axis', [1, 2, -1])
def test_softmax(axis):
    check_layer('Softmax', f'softmax_param {{ axis: {axis} }}', [3 * random(2, 3, 4)],
                reference=lambda x: np.exp(log_softmax(x, axis)))


@pytest.mark.parametrize('shape', [(2, 7), (2, 5, 3, 4)])
def test_softmax_and_opencv(shape):
    check_layer('Softmax', '', [3 * random(*shape)])


@pytest.mark.parametrize('settings, divisor', [
    ('', lambda valid, t: valid.sum()), ('normalization: FULL', lambda valid, t: t.size),
    ('normalization: BATCH_SIZE', None), ('normalization: NONE', lambda valid, t: 1),
    ('normalize: false', None), ('normalize: true', lambda valid, t: valid.sum())])
@pytest.mark.parametrize('axis', [1, 2])
@pytest.mark.parametrize('ignore', [None, 2])
def test_softmax_with_loss(settings, divisor, axis, ignore):
    x = 2 * random(2, 4, 5)
    t = np.random.randint(4, size=(2, 9 - 4 if axis == 1 else 4))
    ignoring = '' if ignore is None else f'ignore_label: {ignore}'

    def formula(x, t):
        t = t.astype(int)
        valid = np.ones(t.shape, bool) if ignore is None else t != ignore
        picked = np.take_along_axis(log_softmax(x, axis), np.expand_dims(t, axis), axis).squeeze(axis)
        # The batch is all that lies before the axis.
        return -(picked * valid).sum() / (divisor(valid, t) if divisor else np.prod(t.shape[:axis]))

    check_layer('SoftmaxWithLoss', f'loss_param {{ {settings} {ignoring} }} softmax_param {{ axis: {axis} }}', [x, t],
                reference=formula)


def test_softmax_with_loss_of_images_and_its_weight():
    x, t = random(2, 3, 4, 5), np.random.randint(3, size=(2, 1, 4, 5))

    def formula(x, t):
        scores = log_softmax(x, 1)
        return (-0.5 * np.take_along_axis(scores, t.astype(int), 1).mean(), np.exp(scores))

    check_layer('SoftmaxWithLoss', 'loss_weight: 0.5', [x, t], reference=formula, tops=2)


def test_softmax_along_the_first_axis():
    check_layer('SoftmaxWithLoss', 'softmax_param { axis: 0 }', [random(3, 4), np.array([0, 1, 2, 1])],
                reference=lambda x, t: -log_softmax(x, 0)[t.astype(int), range(4)].sum() / 4)


def test_other_losses():
    x, t = random(4, 3), random(4, 3)
    check_layer('EuclideanLoss', '', [x, t], reference=lambda x, t: ((x - t) ** 2).sum() / 8)
    labels = np.random.randint(2, size=(4, 3))

    def cross_entropy(x, t):
        return np.log1p(np.exp(x)) - x * t

    check_layer('SigmoidCrossEntropyLoss', '', [x, labels], reference=lambda x, t: cross_entropy(x, t).sum() / 4)
    check_layer('SigmoidCrossEntropyLoss', 'loss_param { ignore_label: 1 normalization: VALID }', [x, labels],
                reference=lambda x, t: cross_entropy(x, t)[t != 1].mean())
    classes = np.array([0, 2, 1, 1])
    margins = 1 + x * np.where(np.arange(3) == classes[:, None], -1, 1)
    check_layer('HingeLoss', '', [x, classes], reference=lambda x, t: np.maximum(margins, 0).sum() / 4)
    check_layer('HingeLoss', 'hinge_loss_param { norm: L2 }', [x, classes],
                reference=lambda x, t: (np.maximum(margins, 0) ** 2).sum() / 4)


@pytest.mark.parametrize('top_k', [1, 2])
@pytest.mark.parametrize('ignore', [None, 1])
def test_accuracy(top_k, ignore):
    ignoring = '' if ignore is None else f'ignore_label: {ignore}'

    def formula(x, t):
        t = t.astype(int)
        valid = np.ones(t.shape, bool) if ignore is None else t != ignore
        best = np.argsort(-x, 1)[:, :top_k]
        hits = (best == t[:, None]).any(1)
        each = [(hits & valid)[t == c].sum() / max((valid & (t == c)).sum(), 1) for c in range(4)]
        return (hits & valid).sum() / valid.sum(), np.array(each)

    x, t = random(6, 4, 3), np.random.randint(4, size=(6, 3))
    check_layer('Accuracy', f'accuracy_param {{ top_k: {top_k} {ignoring} }}', [x, t], reference=formula, tops=2)
    check_layer('Accuracy', f'accuracy_param {{ top_k: {top_k} {ignoring} }}', [x, t],
                reference=lambda x, t: formula(x, t)[0])


def test_accuracy_of_ties_is_pessimistic():
    check_layer('Accuracy', '', [np.zeros((2, 3)), np.array([0, 1])], reference=lambda x, t: 0.)


@pytest.mark.parametrize('axis', [None, 1, -1])
@pytest.mark.parametrize('top_k', [1, 3])
@pytest.mark.parametrize('values', [False, True])
def test_argmax(axis, top_k, values):
    x = np.random.permutation(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)

    def formula(x):
        if axis is None:
            rows = x.reshape(2, -1)
            places = np.argsort(-rows, 1)[:, :top_k]
            both = np.stack([places, np.take_along_axis(rows, places, 1)], 1)
            return (both if values else both[:, :1])[..., None]
        places = np.take(np.argsort(-x, axis), range(top_k), axis)
        return np.take_along_axis(x, places, axis) if values else places

    where = '' if axis is None else f'axis: {axis}'
    check_layer('ArgMax', f'argmax_param {{ {where} top_k: {top_k} out_max_val: {str(values).lower()} }}', [x],
                reference=formula)


def test_argmax_of_ties_and_of_too_few():
    check_layer('ArgMax', 'argmax_param { axis: 1 }', [np.ones((2, 3))], reference=lambda x: np.full((2, 1), 2))
    net = load('input: "x" layer { name: "y" type: "ArgMax" bottom: "x" top: "y" argmax_param { top_k: 9 } }')
    with pytest.raises(ValueError, match="layer 'y': expected top_k from 1 to 3, got 9"):
        net(random(2, 3))


def test_labels_that_do_not_fit():
    net = load('input: "x" input: "t" layer { name: "loss" type: "SoftmaxWithLoss" bottom: "x" bottom: "t" top: "y" }')
    with pytest.raises(ValueError, match=r"layer 'loss': expected labels of shape \(2,\) for an input of shape"):
        net({'x': random(2, 3), 't': np.zeros(3, 'f')})
