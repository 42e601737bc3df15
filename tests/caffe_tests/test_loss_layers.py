"""Probabilities, losses and measures, against formulas written with NumPy."""
import numpy as np
import pytest

import autograd_nn as ann
from autograd_nn import caffe, optimizers
from support.caffe.layer_checks import check_layer, describe, load, random


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


def test_softmax_with_loss_of_images_and_the_softmax():
    x, t = random(2, 3, 4, 5), np.random.randint(3, size=(2, 1, 4, 5))

    def formula(x, t):
        scores = log_softmax(x, 1)
        return -np.take_along_axis(scores, t.astype(int), 1).mean(), np.exp(scores)

    check_layer('SoftmaxWithLoss', '', [x, t], reference=formula, tops=2)


def differentiate(kind, settings, *inputs):
    """What a loss is, and its gradient by its first input."""
    x, *others = (np.asarray(value, np.float32) for value in inputs)
    net = load(describe(kind, settings, [x.shape, *(other.shape for other in others)]))
    x = ann.Variable(x)
    loss = net.total_loss({'x0': x, **{f'x{i}': other for i, other in enumerate(others, start=1)}})
    loss.backward()
    return float(loss.array), x.grad


def test_softmax_with_loss_has_a_least_probability():
    """Caffe's is the smallest normal number of float32; the gradient knows nothing of it."""
    loss, gx = differentiate('SoftmaxWithLoss', '', [[0, 200]], [0])
    assert loss == pytest.approx(87.33655)
    np.testing.assert_array_equal(gx, [[-1, 1]])
    assert differentiate('SoftmaxWithLoss', '', [[-np.inf, 0]], [0])[0] == pytest.approx(87.33655)
    assert np.isnan(differentiate('SoftmaxWithLoss', '', [[np.nan, 0]], [0])[0])


def test_infogain_loss():
    x, t, matrix = [[1, 2], [0, 3]], [1, 0], [[1, 0.5], [0.2, 2]]
    check_layer('InfogainLoss', '', [x, t, matrix], reference=lambda *_: 1.981028)
    x, t, matrix = random(2, 3, 4, 2), np.random.randint(3, size=(2, 1, 4, 2)), random(1, 1, 3, 3)

    def formula(x, t, matrix):
        scores = log_softmax(x, 1)
        rows = matrix.reshape(3, 3)[t[:, 0].astype(int)].transpose(0, 3, 1, 2)
        return -(rows * scores).sum(1)[t[:, 0] != 1].sum() / (t != 1).sum(), np.exp(scores)

    check_layer('InfogainLoss', 'loss_param { ignore_label: 1 }', [x, t, matrix], reference=formula, tops=2)
    check_layer('InfogainLoss', 'infogain_loss_param { axis: 2 }', [x.transpose(0, 2, 1, 3), t, matrix],
                reference=lambda x, t, matrix: -(matrix.reshape(3, 3)[t[:, 0].astype(int)]
                                                 * log_softmax(x, 2).transpose(0, 1, 3, 2)).sum() / 16)
    # The least probability is 1e-20, and the gradient knows nothing of it.
    loss, gx = differentiate('InfogainLoss', '', [[0, 200]], [0], [[1, 0], [0, 1]])
    assert loss == pytest.approx(46.0517)
    np.testing.assert_array_equal(gx, [[-1, 1]])


def test_infogain_loss_of_a_file(tmp_path):
    matrix = np.array([[1, 0.5], [0.2, 2]], 'f')
    caffe.write_mean(tmp_path / 'infogain.binaryproto', matrix[None])
    settings = f'infogain_loss_param {{ source: "{tmp_path}/infogain.binaryproto" }}'
    check_layer('InfogainLoss', settings, [[[1, 2], [0, 3]], [1, 0]], reference=lambda *_: 1.981028)
    with pytest.raises(FileNotFoundError):
        load(describe('InfogainLoss', settings.replace('infogain.b', 'other.b'), [(2, 2), (2,)]))
    with pytest.raises(ValueError, match=r"layer 'y' \(InfogainLoss\): expected a matrix as the third bottom"):
        load(describe('InfogainLoss', '', [(2, 2), (2,)]))
    net = load(describe('InfogainLoss', '', [(2, 2), (2,), (3, 3)]))
    with pytest.raises(ValueError, match=r"layer 'y': expected a matrix of 2 x 2 numbers, got shape \(3, 3\)"):
        net({'x0': random(2, 2), 'x1': np.zeros(2), 'x2': random(3, 3)})
    with pytest.raises(ValueError, match="layer 'y': expected labels from 0 to 1, got 0 to 2"):
        net({'x0': random(2, 2), 'x1': np.array([0, 2]), 'x2': random(2, 2)})


def test_multinomial_logistic_loss():
    check_layer('MultinomialLogisticLoss', '', [[[0.25, 0.75], [0.6, 0.4]], [1, 0]], reference=lambda *_: 0.399254)
    loss, gx = differentiate('MultinomialLogisticLoss', '', [[0, 1], [0.5, 0.5]], [0, 1])
    assert loss == pytest.approx((46.0517 + np.log(2)) / 2)
    np.testing.assert_allclose(gx, [[-0.5e20, 0], [0, -1]], rtol=1e-5)


def test_contrastive_loss():
    x, z, t = [[1, 2], [0, 1]], [[0, 0], [1, 1]], [1, 0]
    check_layer('ContrastiveLoss', 'contrastive_loss_param { margin: 2 }', [x, z, t], reference=lambda *_: 1.5)
    x, z, t = random(6, 3, 1, 1), random(6, 3, 1, 1), np.array([1, 0, 0, 1, 0, 0])

    def formula(x, z, t, legacy):
        squared = ((x - z) ** 2).sum((1, 2, 3))
        missing = np.maximum(1.2 - squared, 0) if legacy else np.maximum(1.2 - np.sqrt(squared), 0) ** 2
        return (t * squared + (1 - t) * missing).sum() / 12

    for legacy in False, True:
        settings = f'contrastive_loss_param {{ margin: 1.2 legacy_version: {str(legacy).lower()} }}'
        check_layer('ContrastiveLoss', settings, [x, z, t],
                    reference=lambda *bottoms: formula(*bottoms, legacy))


@pytest.mark.parametrize('sigma', [1, 3])
@pytest.mark.parametrize('weights', [0, 1, 2])
def test_smooth_l1_loss(sigma, weights):
    def formula(x, t, inside=1, outside=1):
        d = (x - t) * inside
        small = abs(d) < 1 / sigma ** 2
        return (np.where(small, 0.5 * (sigma * d) ** 2, abs(d) - 0.5 / sigma ** 2) * outside).sum() / 4

    check_layer('SmoothL1Loss', f'smooth_l1_loss_param {{ sigma: {sigma} }}', [2 * random(4, 3, 2, 2)
                                                                               for _ in range(2 + weights)],
                reference=formula)


def test_the_weight_of_a_loss_belongs_to_the_total():
    """Whatever the type of the layer is; its blob is what it is without."""
    check_layer('EuclideanLoss', 'loss_weight: 0.5', [[[0, 2]], [[0, 0]]], reference=lambda *_: 2.)
    loss, gx = differentiate('EuclideanLoss', 'loss_weight: 0.5', [[0, 2]], [[0, 0]])
    assert loss == 1
    np.testing.assert_array_equal(gx, [[0, 1]])
    loss, gx = differentiate('Reduction', 'reduction_param { operation: ASUM } loss_weight: 0.25', [[1, -2, 3]])
    assert loss == 1.5
    np.testing.assert_array_equal(gx, [[0.25, -0.25, 0.25]])


TOTAL = '''input: "x" input: "t"
layer { name: "part" type: "Slice" bottom: "x" top: "a" top: "b" loss_weight: 2 loss_weight: 0 }
layer { name: "twice" type: "Power" bottom: "b" top: "b" power_param { scale: 2 } loss_weight: -1 }
layer { name: "relu" type: "ReLU" bottom: "b" top: "b" }
layer { name: "euclid" type: "EuclideanLoss" bottom: "b" bottom: "t" }
layer { name: "b" type: "EuclideanLoss" bottom: "a" bottom: "t" loss_weight: 3 }
layer { name: "off" type: "HingeLoss" bottom: "a" bottom: "t" top: "off" loss_weight: 0 }'''


def test_the_total_of_several_losses():
    x, t = random(2, 4), random(2, 2)
    net = load(TOTAL)
    a, b = np.split(x, 2, 1)
    euclid = ((np.maximum(2 * b, 0) - t) ** 2).sum() / 4
    other = ((a - t) ** 2).sum() / 4
    batch = {'x': x, 't': t}
    np.testing.assert_allclose(net(batch, 'euclid').array, euclid, rtol=1e-5)
    # A blob of that name is there already.
    np.testing.assert_allclose(net(batch, 'b').array, np.maximum(2 * b, 0), rtol=1e-5)
    np.testing.assert_allclose(net(batch, 'b (automatic)').array, other, rtol=1e-5)
    np.testing.assert_allclose(net.total_loss(batch).array, 2 * a.sum() - 2 * b.sum() + euclid + 3 * other, rtol=1e-5)
    with pytest.raises(ValueError, match="CaffeNetwork: expected the inputs 't', too, to compute 'euclid', 'b'"):
        net.total_loss({'x': x})


def test_a_network_without_a_loss_and_weights_that_do_not_fit():
    with pytest.raises(ValueError, match='CaffeNetwork: no layer has a loss'):
        load('input: "x" layer { name: "y" type: "ReLU" bottom: "x" top: "y" loss_weight: 0 }').total_loss(random(2, 3))
    with pytest.raises(ValueError, match=r"layer 'y' \(SoftmaxWithLoss\): expected a loss_weight for each of 2 tops, "
                                         'got 1'):
        load(describe('SoftmaxWithLoss', 'loss_weight: 0.5', [(2, 3), (2,)], tops=2))


def test_a_network_learns_by_its_total_loss():
    net = load('''input: "x" input: "t"
        layer { name: "fc" type: "InnerProduct" bottom: "x" top: "fc"
                inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
        layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "t" loss_weight: 0.3 }''', phase='TRAIN')
    batch = {'x': random(6, 4), 't': np.arange(6) % 3}
    first = net.total_loss(batch)
    optimizer = optimizers.SGD(1).setup(net)
    for _ in range(20):
        optimizer.update(net.total_loss, batch)
    assert net.total_loss(batch).array < 0.7 * first.array


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
