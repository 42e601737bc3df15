"""BlackOut and negative sampling: losses over a label and a few others."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

import autograd_nn as ann
import autograd_nn.functions as F
from autograd_nn.utils.type_check import ShapeError
from support.checking import check_function, uniform

sizes = st.integers(0, 3)


def black_out_by_definition(x, t, W, samples):
    losses = []
    for vector, label, others in zip(x, t, samples):
        p = special.softmax(W[[label, *others]] @ vector)
        losses.append(-np.log(p[0]) - np.log(1 - p[1:]).sum())
    return np.array(losses)


@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 5), sizes, st.sampled_from(['mean', 'no']))
def test_black_out(n, features, labels, samples, reduce):
    t, drawn = np.random.randint(0, labels, n), np.random.randint(0, labels, (n, samples))

    def reference(x, W):
        losses = black_out_by_definition(x, t, W, drawn)
        return losses if reduce == 'no' else losses.mean()

    check_function(lambda x, W: F.black_out(x, t, W, drawn, reduce), reference, uniform(n, features),
                   uniform(labels, features))


@pytest.mark.parametrize('dtype', ['float32', 'float64'])
def test_black_out_where_one_sample_outweighs_all(dtype):
    """The probability of all others is lost beside 1 where it is subtracted from it."""
    x, W = ann.Variable(np.array([[1.]], dtype)), ann.Variable(np.array([[0], [60], [0]], dtype))
    loss = F.black_out(x, np.array([0]), W, np.array([[1, 2]]))
    # 60 for the label, 60 - log(2) for the first sample, nothing for the other.
    np.testing.assert_allclose(loss.array, 120 - np.log(2), rtol=1e-6)
    loss.backward()
    np.testing.assert_allclose(W.grad, [[-1.5], [2], [-0.5]], rtol=1e-6)


def softplus(x):
    return np.logaddexp(0, x)


@given(st.integers(0, 4), st.integers(1, 3), st.integers(1, 5), sizes, st.sampled_from(['sum', 'no']))
def test_negative_sampling(n, features, labels, samples, reduce):
    t, drawn = np.random.randint(-1, labels, n), np.random.randint(0, labels, (n, samples + 1))

    def reference(x, W):
        losses = np.array([0 if label < 0 else softplus(-W[label] @ vector) + softplus(W[others[1:]] @ vector).sum()
                           for vector, label, others in zip(x, t, drawn)], float)
        return losses if reduce == 'no' else losses.sum()

    check_function(lambda x, W: F.negative_sampling(x, t, W, lambda shape: drawn, samples, reduce), reference,
                   uniform(n, features), uniform(labels, features))


def test_negative_sampling_returns_its_samples():
    drawn = np.random.randint(0, 9, (3, 4)).astype('i')
    before = drawn.copy()
    arguments = np.zeros((3, 2), 'f'), np.array([7, -1, 8]), np.zeros((9, 2), 'f')
    loss, samples = F.negative_sampling(*arguments, lambda shape: drawn, 3, return_samples=True)
    np.testing.assert_allclose(loss.array, 8 * np.log(2), rtol=1e-6)
    assert samples.dtype == 'int32'
    np.testing.assert_array_equal(samples[:, 0], [7, -1, 8])
    np.testing.assert_array_equal(samples[:, 1:], drawn[:, 1:])
    np.testing.assert_array_equal(drawn, before)


@pytest.mark.parametrize('dtype', ['int8', 'uint8', 'uint32', 'uint64'])
def test_samples_of_small_or_unsigned_types_leave_labels_as_they_are(dtype):
    t, W = np.array([300, -1]), uniform(400, 3)
    losses = [F.negative_sampling(np.ones((2, 3)), t, W, lambda shape: np.ones(shape, kind), 2, 'no').array
              for kind in (dtype, 'int64')]
    np.testing.assert_array_equal(*losses)


def test_labels_and_samples_of_different_types():
    x, t, W, samples = uniform(2, 3), np.array([4, 0]), uniform(5, 3), np.array([[1, 2], [2, 3]])
    np.testing.assert_array_equal(F.black_out(x, t.astype('uint64'), W, samples).array,
                                  F.black_out(x, t, W, samples).array)


def test_the_sampler_is_told_the_shape():
    shapes = []

    def sampler(shape):
        shapes.append(shape)
        return np.zeros(shape, 'i')

    F.negative_sampling(np.zeros((3, 2)), np.zeros(3, 'i'), np.zeros((9, 2)), sampler, 5)
    assert shapes == [(3, 6)]


@pytest.mark.parametrize('name', ['black_out', 'negative_sampling'])
def test_mistakes_are_named(name):
    def call(x, t, W, **options):
        last = [np.zeros((2, 3), 'i')] if name == 'black_out' else [lambda shape: np.zeros(shape, 'i'), 3]
        return getattr(F, name)(x, t, W, *last, **options)

    x, t, W = np.zeros((2, 4)), np.array([0, 1]), np.zeros((5, 4))
    with pytest.raises(ShapeError, match=rf'{name}: .*\(2, 4\), \(2,\) of int64 and \(5, 3\)'):
        call(x, t, W[:, :3])
    with pytest.raises(ShapeError, match=rf'{name}: .*\(3,\) of int64'):
        call(x, np.zeros(3, int), W)
    with pytest.raises(ShapeError, match=rf'{name}: .*\(2,\) of float64'):
        call(x, t * 1., W)
    with pytest.raises(ValueError, match=f'{name}: t.* contains 5, expected numbers from 0 to 4'):
        call(x, t + 4, W)
    with pytest.raises(TypeError, match=f'{name}: expected floating-point x, got int64'):
        call(x.astype(int), t, W)
    with pytest.raises(ValueError, match=f"{name}: reduce must be .*, not 'max'"):
        call(x, t, W, reduce='max')


def test_wrong_samples_are_named():
    x, t, W = np.zeros((2, 4)), np.array([0, 1]), np.zeros((5, 4))
    with pytest.raises(ShapeError, match=r'black_out: .* integers samples of shape \(2, S\).* got \(3, 1\)'):
        F.black_out(x, t, W, np.zeros((3, 1), int))
    with pytest.raises(ValueError, match='black_out: samples contains 5'):
        F.black_out(x, t, W, np.full((2, 1), 5))
    with pytest.raises(ShapeError, match=r'negative_sampling: .* sampler integers of shape \(2, 4\), got \(2,\)'):
        F.negative_sampling(x, t, W, lambda shape: np.zeros(2, int), 3)
    with pytest.raises(ValueError, match=r'negative_sampling: .* drawn, contains -1'):
        F.negative_sampling(x, t, W, lambda shape: np.full(shape, -1), 3)
