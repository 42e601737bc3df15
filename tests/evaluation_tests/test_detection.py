"""Metrics of detection against loops that share no code with them, and against pycocotools."""
import contextlib
import io

import numpy as np
import pytest

from autograd_nn.evaluation import (
    calc_detection_voc_ap,
    calc_detection_voc_prec_rec,
    eval_detection_coco,
    eval_detection_voc,
)


def random_data(seed, count=12, classes=4, most=8, size=150):
    """Objects of all sizes, some found well, some badly, twice or not at all; and boxes where there is nothing."""
    rng = np.random.default_rng(seed)
    columns = {name: [] for name in ('pred_bboxes', 'pred_labels', 'pred_scores', 'gt_bboxes', 'gt_labels')}
    flags = []
    for _ in range(count):
        there = int(rng.integers(0, most))
        corners = rng.integers(0, size, (there, 2))
        objects = np.concatenate([corners, corners + rng.integers(2, size, (there, 2))], axis=1).astype('f')
        labels = rng.integers(0, classes, there)
        # Each object is found as often as it comes out here.
        chosen = rng.integers(0, there, int(rng.integers(0, 2 * most))) if there else np.zeros(0, int)
        sides = objects[chosen, 2:] - objects[chosen, :2]
        found = objects[chosen] + np.tile(sides, 2) * rng.choice([0, 0.05, 0.1, 0.3], (len(chosen), 4))
        found[:, 2:] = np.maximum(found[:, 2:], found[:, :2] + 1)
        found_labels = np.where(rng.random(len(chosen)) < 0.8, labels[chosen], rng.integers(0, classes, len(chosen)))
        scores = rng.integers(0, 30, len(chosen)) / 30  # some of which are equal
        for name, x in zip(columns, (found.astype('f'), found_labels, scores, objects, labels)):
            columns[name].append(x)
        flags.append(rng.random(there) < 0.2)
    return columns, flags


def overlap(a, b, crowd=False):
    height, width = (max(min(a[axis + 2], b[axis + 2]) - max(a[axis], b[axis]), 0) for axis in (0, 1))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return height * width / (areas[0] if crowd else areas[0] + areas[1] - height * width)


def sorted_boxes(data, label):
    """All that was found of a class: (score, image, box), from the highest score on."""
    found = [(score, i, box.astype('d')) for i, row in enumerate(zip(
        data['pred_scores'], data['pred_bboxes'], data['pred_labels'])) for score, box, k in zip(*row) if k == label]
    return sorted(found, key=lambda each: -each[0])


def voc_curve(data, difficult, label, threshold):
    """What became of the boxes of a class, one after the other: the numbers of right and of wrong ones so far."""
    used, hits, misses, curve = set(), 0, 0, []
    for _, i, box in sorted_boxes(data, label):
        overlaps = {j: overlap(box, other.astype('d')) for j, other in enumerate(data['gt_bboxes'][i])
                    if data['gt_labels'][i][j] == label}
        best = max(overlaps, key=overlaps.get, default=None)
        if best is None or overlaps[best] < threshold:
            misses += 1
        elif not difficult[i][best]:
            hits, misses = (hits, misses + 1) if (i, best) in used else (hits + 1, misses)
            used.add((i, best))
        curve.append((hits, misses))
    return curve


@pytest.mark.parametrize('seed', range(4))
@pytest.mark.parametrize('use_07_metric', [False, True])
def test_voc(seed, use_07_metric):
    data, difficult = random_data(seed)
    result = eval_detection_voc(**data, gt_difficults=difficult, use_07_metric=use_07_metric)
    prec, rec = calc_detection_voc_prec_rec(**data, gt_difficults=difficult)
    expected = []
    for label in range(4):
        positive = sum(((labels == label) & ~hard).sum() for labels, hard in zip(data['gt_labels'], difficult))
        points = [(hits / (hits + misses) if hits + misses else 0, hits / positive)
                  for hits, misses in voc_curve(data, difficult, label, 0.5)]
        np.testing.assert_allclose(np.nan_to_num(prec[label]), [p for p, _ in points])
        np.testing.assert_allclose(rec[label], [r for _, r in points])
        heights = [max([p for p, r in points if r >= recall], default=0) for recall in np.arange(0, 1.1, 0.1)]
        if use_07_metric:
            expected.append(sum(heights) / 11)
        else:
            steps = np.linspace(0, 1, positive + 1)[1:]
            expected.append(np.mean([max([p for p, r in points if r >= step - 1e-9], default=0) for step in steps]))
    np.testing.assert_allclose(result['ap'], expected)
    assert result['map'] == pytest.approx(np.mean(expected))


def test_voc_classes_that_are_not_there():
    box, empty = np.array([[0., 0, 9, 9]]), np.zeros((0, 4))
    none, result = np.zeros(0, int), None
    result = eval_detection_voc([box, empty], [np.array([3]), none], [np.array([0.5]), np.zeros(0)],
                                [box, box], [np.array([1]), np.array([2])], [np.array([False]), np.array([True])])
    np.testing.assert_array_equal(result['ap'], [np.nan, 0, np.nan, np.nan])
    assert result['map'] == 0
    prec, rec = calc_detection_voc_prec_rec([box], [np.array([0])], [np.array([0.5])], [box], [np.array([0])],
                                            [np.array([True])])
    assert np.isnan(prec[0]).all() and rec == [None]
    assert np.isnan(eval_detection_voc([], [], [], [], [])['map'])


def test_voc_average_of_a_curve():
    prec, rec = [np.array([1, 0.5, 2 / 3, 0.75]), None], [np.array([0.25, 0.25, 0.5, 0.75]), None]
    np.testing.assert_allclose(calc_detection_voc_ap(prec, rec), [0.25 + 0.5 * 0.75, np.nan])
    np.testing.assert_allclose(calc_detection_voc_ap(prec, rec, True), [(3 + 5 * 0.75) / 11, np.nan])


def coco_numbers(data, crowds, areas, label, threshold, bounds, most):
    """Average precision and the recall at the end, by one loop over boxes; None if there is nothing to find."""
    ignored = [crowd | (area < bounds[0]) | (area > bounds[1]) for crowd, area in zip(crowds, areas)]
    positive = sum(((labels == label) & ~skip).sum() for labels, skip in zip(data['gt_labels'], ignored))
    if not positive:
        return None
    used, hits, misses, points, seen = set(), 0, 0, [], {}
    for _, i, box in sorted_boxes(data, label):
        seen[i] = seen.get(i, 0) + 1
        if seen[i] > most:
            continue
        candidates = [(not ignored[i][j], overlap(box, other.astype('d'), crowds[i][j]), j)
                      for j, other in enumerate(data['gt_bboxes'][i])
                      if data['gt_labels'][i][j] == label and (crowds[i][j] or (i, j) not in used)]
        candidates = [each for each in candidates if each[1] >= threshold]
        if candidates:
            counts, _, best = max(candidates)
            used.add((i, best))
            hits += counts
        elif bounds[0] <= (box[2] - box[0]) * (box[3] - box[1]) <= bounds[1]:
            misses += 1
        points.append((hits / max(1, hits + misses), hits / positive))
    precision = np.mean([max([p for p, r in points if r >= recall], default=0) for recall in np.linspace(0, 1, 101)])
    return precision, max([r for _, r in points], default=0)


@pytest.mark.parametrize('seed', range(3))
def test_coco(seed):
    """All overlaps, sizes and numbers of boxes that are in question."""
    data, crowds = random_data(seed, most=7)
    rng = np.random.default_rng(seed)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) * rng.uniform(0.5, 1, len(boxes))
             for boxes in data['gt_bboxes']]
    result = eval_detection_coco(**data, gt_areas=areas, gt_crowdeds=crowds)
    sizes = {'all': (0, 1e10), 'small': (0, 1024), 'medium': (1024, 9216), 'large': (9216, 1e10)}
    numbers = {name: value for name, value in result.items() if name.startswith('a')}
    assert len(numbers) == 12
    for name, actual in numbers.items():
        kind, iou, area, most = (part.rpartition('=')[2] for part in name.split('/'))
        thresholds = np.linspace(0.5, 0.95, 10) if ':' in iou else [float(iou)]
        for label in range(4):
            pairs = [coco_numbers(data, crowds, areas, label, threshold, sizes[area], int(most))
                     for threshold in thresholds]
            expected = np.nan if pairs[0] is None else np.mean([pair[kind == 'ar'] for pair in pairs])
            assert actual[label] == pytest.approx(expected, nan_ok=True), name
        assert result[f'm{name}'] == pytest.approx(np.nanmean(actual))
    assert result['existent_labels'] == [0, 1, 2, 3]


def pycocotools_numbers(data, areas, crowds):
    """The twelve numbers, as pycocotools prints them."""
    coco, evaluation = pytest.importorskip('pycocotools.coco'), pytest.importorskip('pycocotools.cocoeval')
    sides = [coco.COCO(), coco.COCO()]
    for side, prefix in zip(sides, ('gt', 'pred')):
        annotations = []
        for i, (boxes, labels) in enumerate(zip(data[f'{prefix}_bboxes'], data[f'{prefix}_labels'])):
            for k, ((y_min, x_min, y_max, x_max), label) in enumerate(zip(boxes.astype('d'), labels)):
                annotations.append({
                    'id': len(annotations) + 1, 'image_id': i, 'category_id': int(label),
                    'bbox': [x_min, y_min, x_max - x_min, y_max - y_min],
                    **({'area': areas[i][k], 'iscrowd': int(crowds[i][k])} if prefix == 'gt' else
                       {'area': (y_max - y_min) * (x_max - x_min), 'score': data['pred_scores'][i][k]})})
        side.dataset = {'images': [{'id': i} for i in range(len(areas))], 'annotations': annotations,
                        'categories': [{'id': k} for k in range(10)]}
    with contextlib.redirect_stdout(io.StringIO()):
        for side in sides:
            side.createIndex()
        run = evaluation.COCOeval(*sides, 'bbox')
        run.evaluate()
        run.accumulate()
        run.summarize()
    return run.stats


@pytest.mark.parametrize('seed', range(5))
def test_coco_beside_pycocotools(seed):
    data, crowds = random_data(seed, count=30, classes=6, most=(10, 40)[seed % 2], size=(150, 20)[seed % 3 == 0])
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1).astype('d') for boxes in data['gt_bboxes']]
    expected = pycocotools_numbers(data, areas, crowds)
    result = eval_detection_coco(**data, gt_areas=areas, gt_crowdeds=crowds)
    actual = [value for name, value in result.items() if name.startswith('m')]
    np.testing.assert_allclose(np.nan_to_num(actual, nan=-1), expected, 0, 1e-12)
    assert max(map(len, data['pred_labels'])) > (10, 40)[seed % 2]


def test_coco_without_objects_or_boxes():
    box, empty = np.array([[0., 0, 9, 9]]), np.zeros((0, 4))
    name = 'map/iou=0.50/area=all/max_dets=100'
    assert eval_detection_coco([empty], [np.zeros(0, int)], [np.zeros(0)], [box], [np.array([0])])[name] == 0
    assert np.isnan(eval_detection_coco([box], [np.array([0])], [np.zeros(1)], [empty], [np.zeros(0, int)])[name])
    assert np.isnan(eval_detection_coco([], [], [], [], [])[name])


@pytest.mark.parametrize('metric, name', [
    (eval_detection_voc, 'map'), (eval_detection_coco, 'map/iou=0.50/area=all/max_dets=100')])
def test_lists_and_scores_of_other_types(metric, name):
    """No boxes as an empty list, scores that are only sure or not."""
    box = np.array([[0, 0, 300, 300]], 'e')
    figures = metric([box, []], [np.array([0]), np.zeros(0, int)], [np.array([True]), []],
                     [box, []], [np.array([0]), np.zeros(0, int)])
    assert figures[name] == pytest.approx(1)


@pytest.mark.parametrize('metric', [eval_detection_voc, eval_detection_coco])
@pytest.mark.parametrize('change, message', [
    ({'gt_labels': []}, '1 pred_bboxes, 1 pred_labels, 1 pred_scores, 1 gt_bboxes, 0 gt_labels'),
    ({'pred_scores': [np.zeros(3)]}, r'pred_scores of image 0: expected an array of shape \(2,\), got \(3,\)'),
    ({'gt_bboxes': [np.zeros((1, 5))]}, r'gt_bboxes of image 0: expected an array of shape \(1, 4\), got \(1, 5\)'),
    ({'pred_labels': [np.array([0, -1])]}, r'pred_labels of image 0: expected integers of at least 0, .*-1')])
def test_what_is_refused(metric, change, message):
    data = {'pred_bboxes': [np.zeros((2, 4))], 'pred_labels': [np.zeros(2, int)], 'pred_scores': [np.zeros(2)],
            'gt_bboxes': [np.zeros((1, 4))], 'gt_labels': [np.zeros(1, int)], **change}
    with pytest.raises(ValueError, match=f'{metric.__name__}.*{message}'):
        metric(**data)
