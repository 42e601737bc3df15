"""Measures of predictions against straightforward counting."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_nn as ann
import autograd_nn.functions as F
from support.checking import shapes, uniform


@given(shapes(min_dims=1), st.integers(1, 4), st.sampled_from([None, -1, 0]), st.sampled_from(['f', 'd', 'e']))
def test_accuracy(shape, classes, ignore_label, dtype):
    y = uniform(shape[0], classes, *shape[1:]).astype(dtype)
    t = np.random.randint(-1, classes, shape)
    counted = [(y[(i[0], slice(None), *i[1:])].argmax(), t[i]) for i in np.ndindex(*shape) if t[i] != ignore_label]
    expected = np.mean([a == b for a, b in counted]) if counted else 0
    result = F.accuracy(y, t, ignore_label)
    assert result.dtype == dtype
    assert result.shape == ()
    np.testing.assert_allclose(result.array, expected, rtol=1e-3)


def test_accuracy_drops_axes_of_length_one():
    assert F.accuracy(np.array([[[[1.]], [[2.]]]]), np.array([1])).array == 1


def test_no_gradient():
    y = ann.Variable(uniform(3, 2))
    assert not F.accuracy(y, np.array([0, 1, 1])).requires_grad


@pytest.mark.parametrize('function', [F.accuracy, F.confusion_matrix, F.classification_summary, F.precision, F.recall,
                                      F.f1_score])
@pytest.mark.parametrize('y_shape, t_shape', [((3, 2), (4,)), ((3,), (3,)), ((3, 2, 2), (3,)), ((3, 2), (3, 2))])
def test_shapes_that_do_not_fit(function, y_shape, t_shape):
    with pytest.raises(ValueError, match=function.__name__ + ': expected y of shape'):
        function(np.zeros(y_shape), np.zeros(t_shape, 'i'))


@given(shapes())
def test_binary_accuracy(shape):
    y, t = uniform(*shape).astype('f'), np.random.randint(-1, 2, shape)
    counts = t != -1
    expected = ((y >= 0) == t)[counts].mean() if counts.any() else 0
    result = F.binary_accuracy(y, t)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result.array, expected, rtol=1e-6)


def test_binary_accuracy_names_wrong_shapes():
    with pytest.raises(ValueError, match=r'binary_accuracy: .* y \(2,\), t \(3,\)'):
        F.binary_accuracy(np.zeros(2), np.zeros(3, 'i'))


def counts(y, t, label_num, ignore_label):
    """True positives, predictions and members of each class."""
    pairs = [(p, q) for p, q in zip(y.argmax(1).ravel(), t.ravel()) if q != ignore_label]
    rows = [(sum(p == q == c for p, q in pairs), sum(p == c for p, _ in pairs), sum(q == c for _, q in pairs))
            for c in range(label_num)]
    return np.array(rows, float).reshape(label_num, 3).T


def share(part, whole):
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole != 0)


@given(st.integers(0, 12), st.sampled_from([(), (2,)]), st.integers(1, 4), st.sampled_from([0.5, 1.0, 2.0]),
       st.booleans())
def test_classification_summary(n, rest, classes, beta, by_default):
    y, t = uniform(n, classes, *rest), np.random.randint(-1, classes, (n, *rest))
    label_num = None if by_default else classes + 1
    expected_num = label_num or max(t.max(initial=-1) + 1, 0)
    hits, predictions, members = counts(y, t, expected_num, -1)
    precision, recall = share(hits, predictions), share(hits, members)
    fbeta = share((1 + beta ** 2) * precision * recall, beta ** 2 * precision + recall)
    results = F.classification_summary(y, t, label_num, beta)
    for result, expected in zip(results, (precision, recall, fbeta, members), strict=True):
        np.testing.assert_allclose(result.array, expected)
    assert [result.dtype for result in results] == [np.float64] * 3 + [np.int64]
    if beta == 1:
        for function, index in (F.precision, 0), (F.recall, 1), (F.f1_score, 2):
            value, support = function(y, t, label_num)
            np.testing.assert_array_equal(value.array, results[index].array)
            np.testing.assert_array_equal(support.array, members)


@pytest.mark.parametrize('t, options, expected', [
    ([0, 1, 1, 0, 0], {'label_num': 3}, [[1, 2 / 3, 0], [1 / 3, 1, np.nan], [0.5, 0.8, np.nan], [3, 2, 0]]),
    ([0, 1, 1, 0, 0], {'beta': 2., 'ignore_label': 0}, [[np.nan, 1]] * 3 + [[0, 2]]),
    ([0] * 5, {'ignore_label': 0}, [[np.nan]] * 3 + [[0]]),
    ([-1] * 5, {'label_num': 2}, [[np.nan] * 2] * 3 + [[0] * 2]),
    ([3] * 5, {}, [[0, 0, 0, np.nan], [np.nan] * 3 + [0], [np.nan] * 4, [0, 0, 0, 5]]),
    ([0, 1, -1, 2, 2], {}, [[1, 0.5, 1], [1, 1, 0.5], [1, 2 / 3, 2 / 3], [1, 1, 2]]),
])
@pytest.mark.parametrize('dtype', 'efd')
def test_numbers_of_chainer(t, options, expected, dtype):
    """What Chainer 7.8.1 computes, where there is nothing to divide by, too."""
    y = np.array([[.9, .1, 0, 0], [.1, .8, .1, 0], [.2, .7, .1, 0], [.3, .4, .3, 0], [0, 0, 1, 0]], dtype)
    with np.errstate(all='raise'):
        results = F.classification_summary(y, np.array(t, 'i'), **options)
    np.testing.assert_allclose([result.array for result in results], expected, rtol=1e-12)


def test_classification_summary_ignores_a_label():
    y = np.array([[2, 1, 0], [0, 1, 0], [3, 4, 0]], 'f')
    results = F.classification_summary(y, np.array([0, 2, 1]), label_num=2, ignore_label=2)
    np.testing.assert_array_equal([result.array for result in results], [[1, 1]] * 4)


def test_label_beyond_the_number_of_classes():
    with pytest.raises(ValueError, match='recall: labels in t must be from 0 to 1, got 0 to 2'):
        F.recall(uniform(2, 3), np.array([0, 2]), label_num=2)
    with pytest.raises(ValueError, match='confusion_matrix: labels in t must be from 0 to 2, got 1 to 3'):
        F.confusion_matrix(uniform(2, 3), np.array([1, 3]))
    with pytest.raises(ValueError, match=r'confusion_matrix: .* predicts classes beyond label_num 1'):
        F.confusion_matrix(np.array([[0., 1.]]), np.array([0]), label_num=1)


@given(st.integers(0, 20), st.sampled_from([(), (2,)]), st.integers(1, 4), st.integers(0, 2))
def test_confusion_matrix(n, rest, classes, more):
    y, t = uniform(n, classes, *rest), np.random.randint(-1, classes, (n, *rest))
    expected = np.zeros((classes + more, classes + more), int)
    for p, q in zip(y.argmax(1).ravel(), t.ravel()):
        if q >= 0:
            expected[q, p] += 1
    result = F.confusion_matrix(y, t, classes + more if more else None)
    assert result.dtype.kind == 'i'
    np.testing.assert_array_equal(result.array, expected)


@pytest.mark.parametrize('multioutput', ['uniform_average', 'raw_values'])
@pytest.mark.parametrize('shape', [(5,), (5, 3), (5, 2, 3)])
def test_r2_score(shape, multioutput):
    true = uniform(*shape)
    pred = true + 0.3 * uniform(*shape)
    expected = 1 - ((true - pred) ** 2).sum(0) / (len(true) * true.var(0))
    result = F.r2_score(pred.astype('f'), true.astype('f'), multioutput=multioutput)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result.array, expected if multioutput == 'raw_values' else expected.mean(), rtol=1e-4)


def test_r2_score_without_variance_is_zero():
    with np.errstate(all='raise'):
        score = F.r2_score(np.array([[1., 1.], [2., 2.]]), np.array([[1., 1.], [2., 1.]]), multioutput='raw_values')
    np.testing.assert_array_equal(score.array, [1, 0])


def test_r2_score_names_mistakes():
    with pytest.raises(ValueError, match=r'r2_score: .* pred \(2,\), true \(3,\)'):
        F.r2_score(np.zeros(2), np.zeros(3))
    with pytest.raises(ValueError, match='r2_score: sample_weight must be None'):
        F.r2_score(np.zeros(2), np.zeros(2), sample_weight=np.ones(2))
    with pytest.raises(ValueError, match='r2_score: multioutput'):
        F.r2_score(np.zeros(2), np.zeros(2), multioutput='sum')
