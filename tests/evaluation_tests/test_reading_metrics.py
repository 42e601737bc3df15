"""Edit distances and confusion matrices, against other ways to compute them."""
import itertools
from functools import lru_cache

import numpy as np
import pytest

from autograd_nn.evaluation import character_error_rate, confusion_matrix, edit_distance, f1_scores


def distance_by_definition(a, b):
    """The fewest edits, tried one by one."""
    @lru_cache(None)
    def least(i, j):
        if i == len(a) or j == len(b):
            return len(a) - i + len(b) - j
        if a[i] == b[j]:
            return least(i + 1, j + 1)
        return 1 + min(least(i + 1, j), least(i, j + 1), least(i + 1, j + 1))
    return least(0, 0)


def test_edit_distance_is_that_of_its_definition():
    rng = np.random.default_rng(0)
    strings = [''.join(rng.choice([*'abc'], rng.integers(0, 9))) for _ in range(40)]
    for a, b in itertools.pairwise(strings):
        assert edit_distance(a, b) == edit_distance(b, a) == distance_by_definition(a, b)
    assert edit_distance('', 'abc') == 3 and edit_distance(['to', 'be'], ['to', 'bee', '!']) == 2


def test_character_error_rate():
    assert character_error_rate(['', 'abc'], ['ab', 'abc']) == pytest.approx(2 / 5)
    assert character_error_rate(['aaaa'], ['b']) == 4
    for candidates, references in ([], []), (['a'], ['']), (['a'], ['a', 'b']):
        with pytest.raises(ValueError, match='character_error_rate: expected as many candidates as references'):
            character_error_rate(candidates, references)


def test_confusion_and_f1_are_those_of_loops():
    labels, said = np.random.randint(0, 4, (2, 60))
    confusion = confusion_matrix(labels, said, 5)
    assert confusion.tolist() == [[sum(a == i and b == j for a, b in zip(labels, said)) for j in range(5)]
                                  for i in range(5)]
    for k, score in enumerate(f1_scores(confusion)[:4]):
        hits = sum(a == b == k for a, b in zip(labels, said))
        precision, recall = hits / sum(said == k), hits / sum(labels == k)
        assert score == pytest.approx(2 * precision * recall / (precision + recall))
    assert np.isnan(f1_scores(confusion)[4])


def test_confusion_and_f1_are_those_of_scikit_learn():
    metrics = pytest.importorskip('sklearn.metrics')
    labels, said = np.random.randint(0, 6, (2, 200))
    confusion = confusion_matrix(labels, said, 6)
    np.testing.assert_array_equal(confusion, metrics.confusion_matrix(labels, said, labels=range(6)))
    np.testing.assert_allclose(f1_scores(confusion), metrics.f1_score(labels, said, average=None))
    assert np.trace(confusion) / confusion.sum() == pytest.approx(metrics.accuracy_score(labels, said))


def test_what_has_no_confusion_matrix():
    with pytest.raises(ValueError, match=r'of one shape \(N,\), got \(2,\) and \(3,\)'):
        confusion_matrix([0, 1], [0, 1, 1], 2)
    for wrong in 2, -1:
        with pytest.raises(ValueError, match='expected classes from 0 to 1'):
            confusion_matrix([0], [wrong], 2)
