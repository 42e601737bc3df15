"""The layers of single-shot detectors, against OpenCV and against plain loops."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_nn.caffe.layers.detection import CENTER_SIZE, CORNER, CORNER_SIZE, decode_boxes, suppress_overlaps
from support.caffe.layer_checks import check_layer, describe, load, random, run, run_opencv


@pytest.mark.parametrize('settings', [
    'min_size: 30', 'min_size: 30 max_size: 60 aspect_ratio: 2',
    'min_size: 30 aspect_ratio: 2 aspect_ratio: 3 flip: false',
    'min_size: 30 max_size: 60 aspect_ratio: 2 aspect_ratio: 2 clip: true step: 16 offset: 0.3',
    'min_size: 30 variance: 0.1 variance: 0.1 variance: 0.2 variance: 0.2',
    'min_size: 30 step_h: 10 step_w: 20 variance: 0.3',
    'min_size: 20 min_size: 40 max_size: 35 max_size: 50 flip: true'])
@pytest.mark.parametrize('size', [(4, 5), (1, 1), (3, 2)])
def test_prior_boxes(settings, size):
    # What is not said means something else to OpenCV.
    settings += '' if 'variance' in settings else ' variance: 0.1'
    settings += '' if 'clip' in settings else ' clip: false'
    check_layer('PriorBox', f'prior_box_param {{ {settings} }}', [random(1, 8, *size), random(1, 3, 64, 96)], atol=1e-6)


def test_prior_boxes_of_a_given_image():
    check_layer('PriorBox', 'prior_box_param { min_size: 10 img_h: 50 img_w: 100 }',
                [random(1, 8, 1, 1), random(1, 3, 64, 96)],
                reference=lambda x, image: np.array([[[.45, .4, .55, .6], [.1] * 4]]).reshape(1, 2, 4))


def test_prior_boxes_without_sizes():
    for settings, message in (('aspect_ratio: 2', 'expected at least one min_size'),
                              ('min_size: 1 max_size: 2 max_size: 3', 'expected as many max_sizes as min_sizes'),
                              ('min_size: 1 variance: 1 variance: 2', 'expected one variance or four, got 2')):
        with pytest.raises(ValueError, match=rf"layer 'y' \(PriorBox\): {message}"):
            load(describe('PriorBox', f'prior_box_param {{ {settings} }}', [(1, 1, 2, 2)] * 2))


def random_boxes(count):
    corners = np.sort(np.random.uniform(0, 1, (count, 2, 2)), 1)
    return corners.reshape(count, 4)


@st.composite
def detections(draw):
    count, classes = draw(st.integers(1, 12)), draw(st.integers(2, 4))
    options = {
        'num_classes': classes, 'background_label_id': draw(st.sampled_from([0, 1])),
        'share_location': str(draw(st.booleans())).lower(),
        'code_type': draw(st.sampled_from(['CORNER', 'CENTER_SIZE'])),
        'keep_top_k': draw(st.sampled_from([1, 3, 100])),
        'confidence_threshold': draw(st.sampled_from([0.01, 0.3, 0.6])),
    }
    threshold, top_k = draw(st.sampled_from([0.2, 0.45, 0.7])), draw(st.sampled_from([1, 4, 400]))
    text = ' '.join(f'{name}: {value}' for name, value in options.items())
    text += f' nms_param {{ nms_threshold: {threshold} top_k: {top_k} }}'
    return count, classes, options['share_location'] == 'true', text


def sorted_rows(y):
    rows = y.reshape(-1, 7)
    return rows[np.lexsort(rows.T[::-1])]


@given(case=detections())
def test_detection_output_and_opencv(case):
    count, classes, share, settings = case
    priors = np.stack([random_boxes(count).reshape(-1), np.full(4 * count, 0.2)])[None]
    places = 1 if share else classes
    inputs = [random(1, count * places * 4), random(1, count * classes, low=0), priors.astype('f')]
    text = describe('DetectionOutput', f'detection_output_param {{ {settings} }}', [x.shape for x in inputs])
    named = {f'x{i}': x for i, x in enumerate(inputs)}
    y, = run(text, None, named, ['y'])
    expected, = run_opencv(text, {}, named, ['y'])
    # It fills up with rows of zeros.
    expected = expected.reshape(-1, 7)
    expected = expected[(expected != 0).any(1)]
    if (y[..., 1] == -1).all():
        assert not len(expected)
    else:
        np.testing.assert_allclose(sorted_rows(y), sorted_rows(expected), rtol=1e-4, atol=1e-5)


def test_predictions_may_have_been_multiplied_by_the_variances():
    priors = np.stack([random_boxes(6).reshape(-1), random(24, low=0.1)])[None].astype('f')
    location, confidence = random(2, 24), random(2, 18, low=0)
    settings = 'num_classes: 3 code_type: CENTER_SIZE confidence_threshold: 0.2'
    text = describe('DetectionOutput', f'detection_output_param {{ {settings} }}', [(2, 24), (2, 18), (1, 2, 24)])
    expected, = run(text, None, {'x0': location, 'x1': confidence, 'x2': priors}, ['y'])
    check_layer('DetectionOutput', f'detection_output_param {{ {settings} variance_encoded_in_target: true }}',
                [location * priors[:, 1], confidence, priors], reference=lambda *_: expected)


def test_samples_are_independent():
    priors = np.stack([random_boxes(6).reshape(-1), random(24, low=0.1)])[None].astype('f')
    location, confidence = random(3, 24), random(3, 18, low=0)
    text = describe('DetectionOutput', 'detection_output_param { num_classes: 3 keep_top_k: 2 }',
                    [(3, 24), (3, 18), (1, 2, 24)])
    together, *alone = (run(text, None, {'x0': location[i], 'x1': confidence[i], 'x2': priors}, ['y'])[0]
                        for i in (slice(0, 3), slice(0, 1), slice(1, 2), slice(2, 3)))
    np.testing.assert_array_equal(together[0, 0, :, 0], [0, 0, 1, 1, 2, 2])
    np.testing.assert_array_equal(together[..., 1:], np.concatenate(alone, 2)[..., 1:])


def test_nothing_detected():
    priors = np.stack([random_boxes(2).reshape(-1), np.ones(8)])[None]
    check_layer('DetectionOutput', 'detection_output_param { num_classes: 2 confidence_threshold: 0.9 }',
                [np.zeros((2, 8)), np.zeros((2, 4)), priors],
                reference=lambda *_: np.array([[[[0, -1, -1, -1, -1, -1, -1], [1, -1, -1, -1, -1, -1, -1]]]]))


def test_detection_output_of_wrong_shapes():
    net = load(describe('DetectionOutput', 'detection_output_param { num_classes: 2 }', [(1, 8), (1, 4), (1, 2, 8)]))
    with pytest.raises(ValueError, match=r"layer 'y': 2 boxes and 2 classes do not fit locations of shape \(1, 7\)"):
        net({'x0': random(1, 7), 'x1': random(1, 4), 'x2': random(1, 2, 8)})


def test_codes():
    priors, shifts, variances = random_boxes(5), random(3, 5, 4), random(5, 4, low=0.1)
    size = np.tile(priors[:, 2:] - priors[:, :2], 2)
    np.testing.assert_allclose(decode_boxes(shifts, priors, variances, CORNER), priors + variances * shifts)
    np.testing.assert_allclose(decode_boxes(shifts, priors, None, CORNER_SIZE), priors + size * shifts)
    boxes = decode_boxes(shifts, priors, variances, CENTER_SIZE)
    scaled = shifts * variances
    np.testing.assert_allclose(boxes[..., 2:] - boxes[..., :2], size[:, :2] * np.exp(scaled[..., 2:]))
    np.testing.assert_allclose((boxes[..., 2:] + boxes[..., :2]) / 2,
                               (priors[:, 2:] + priors[:, :2]) / 2 + scaled[..., :2] * size[:, :2])


def overlap(a, b):
    width, height = (min(a[i + 2], b[i + 2]) - max(a[i], b[i]) for i in range(2))
    common = max(width, 0) * max(height, 0)
    return common / sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)) if not common else common / (
        sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)) - common)


@given(count=st.integers(0, 12), threshold=st.sampled_from([0.1, 0.4, 0.8]), top_k=st.sampled_from([-1, 3]),
       eta=st.sampled_from([1., 0.8]))
def test_suppression(count, threshold, top_k, eta):
    boxes, scores = random_boxes(count), np.random.permutation(count) / 10
    kept, limit = [], threshold
    for i in sorted(range(count), key=lambda i: -scores[i])[:None if top_k < 0 else top_k]:
        if all(overlap(boxes[i], boxes[j]) <= limit for j in kept):
            kept.append(i)
            if eta < 1 and limit > 0.5:
                limit *= eta
    assert suppress_overlaps(boxes, scores, threshold, top_k, eta).tolist() == kept
