"""Metrics of semantic segmentation against sets of pixels, and against scikit-learn."""
import warnings

import numpy as np
import pytest

from autograd_nn.evaluation import (
    calc_semantic_segmentation_confusion,
    calc_semantic_segmentation_iou,
    eval_semantic_segmentation,
    metrics_of_confusion,
)


def random_label_maps(seed, classes=5, count=4):
    rng = np.random.default_rng(seed)
    shapes = rng.integers(1, 12, (count, 2))
    true = [rng.integers(-1, classes, shape).astype('i') for shape in shapes]
    predicted = [np.where(rng.random(t.shape) < 0.5, np.maximum(t, 0), rng.integers(0, classes, t.shape)).astype('i')
                 for t in true]
    return predicted, true


@pytest.mark.parametrize('seed', range(5))
def test_against_sets_of_pixels(seed):
    predicted, true = random_label_maps(seed)
    pixels = [(int(p), int(t)) for ps, ts in zip(predicted, true) for p, t in zip(ps.flat, ts.flat) if t >= 0]
    classes = range(max(map(max, pixels)) + 1)
    confusion = [[pixels.count((column, row)) for column in classes] for row in classes]
    np.testing.assert_array_equal(calc_semantic_segmentation_confusion(predicted, true), confusion)
    iou, accuracy, frequency = [], [], []
    for c in classes:
        found = {i for i, (p, _) in enumerate(pixels) if p == c}
        there = {i for i, (_, t) in enumerate(pixels) if t == c}
        iou.append(len(found & there) / len(found | there) if found | there else np.nan)
        accuracy.append(len(found & there) / len(there) if there else np.nan)
        frequency.append(len(there) / len(pixels))
    result = eval_semantic_segmentation(iter(predicted), iter(true))
    np.testing.assert_allclose(result['iou'], iou)
    np.testing.assert_allclose(result['class_accuracy'], accuracy)
    assert result['miou'] == pytest.approx(np.nanmean(iou))
    assert result['mean_class_accuracy'] == pytest.approx(np.nanmean(accuracy))
    assert result['pixel_accuracy'] == pytest.approx(np.mean([p == t for p, t in pixels]))
    assert result['frequency_weighted_iou'] == pytest.approx(np.nansum(np.multiply(frequency, iou)))


@pytest.mark.parametrize('seed', range(3))
def test_against_scikit_learn(seed):
    metrics = pytest.importorskip('sklearn.metrics')
    predicted, true = random_label_maps(seed, count=20)
    p, t = (np.concatenate([x.ravel() for x in maps]) for maps in (predicted, true))
    p, t = p[t >= 0], t[t >= 0]
    result = eval_semantic_segmentation(predicted, true)
    np.testing.assert_array_equal(calc_semantic_segmentation_confusion(predicted, true), metrics.confusion_matrix(t, p))
    np.testing.assert_allclose(result['iou'], metrics.jaccard_score(t, p, average=None))
    assert result['miou'] == pytest.approx(metrics.jaccard_score(t, p, average='macro'))
    assert result['frequency_weighted_iou'] == pytest.approx(metrics.jaccard_score(t, p, average='weighted'))
    assert result['pixel_accuracy'] == pytest.approx(metrics.accuracy_score(t, p))
    assert result['mean_class_accuracy'] == pytest.approx(metrics.balanced_accuracy_score(t, p))


def test_matrices_add_up():
    predicted, true = random_label_maps(0)
    parts = [calc_semantic_segmentation_confusion([p], [t], num_classes=7) for p, t in zip(predicted, true)]
    whole = eval_semantic_segmentation(predicted, true, num_classes=7)
    for name, value in metrics_of_confusion(np.sum(parts, axis=0)).items():
        np.testing.assert_array_equal(value, whole[name])
    assert whole['iou'].shape == (7,) and np.isnan(whole['iou'][5:]).all()


def test_lists():
    assert eval_semantic_segmentation([[[0, 1], [1, 1]]], [[[0, 0], [1, -1]]])['iou'].tolist() == [0.5, 0.5]


def test_nothing_to_count():
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        result = eval_semantic_segmentation([np.zeros((2, 2), 'i')], [np.full((2, 2), -1)])
        assert np.isnan(result['miou']) and np.isnan(result['pixel_accuracy'])
        assert np.isnan(calc_semantic_segmentation_iou(np.zeros((2, 2), int))).all()


@pytest.mark.parametrize(('predicted', 'true', 'message'), [
    ([np.zeros((2, 3), 'i')], [np.zeros((3, 2), 'i')], r'label maps 0 of one shape \(H, W\), got .*\(2, 3\).*\(3, 2\)'),
    ([np.zeros(3, 'i')], [np.zeros(3, 'i')], r'of one shape \(H, W\)'),
    ([np.zeros((2, 3), 'i')], [], 'got 0 gt_labels and more of the others'),
    ([], [np.zeros((2, 3), 'i')], 'got 0 pred_labels and more of the others'),
    ([np.full((1, 1), -1)], [np.zeros((1, 1), 'i')], 'at least 0 in pred_labels, got -1 in map 0')])
def test_label_maps_that_do_not_fit(predicted, true, message):
    with pytest.raises(ValueError, match=message):
        eval_semantic_segmentation(predicted, true)
