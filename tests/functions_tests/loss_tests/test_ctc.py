"""Connectionist temporal classification: against the sum over all alignments, PyTorch, and itself in parts."""
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special
from scipy.special import log_softmax

import autograd_nn as ann
import autograd_nn.functions as F
from autograd_nn.utils.type_check import ShapeError
from support.checking import check_function, uniform

CTC = F.connectionist_temporal_classification


def sum_over_alignments(x, t, blank, input_length, label_length):
    """The loss of each sequence by its definition: all ways to say something at each step that come down to the labels.
    """
    losses = []
    for b, (steps, labels) in enumerate(zip(input_length, label_length)):
        log_p = log_softmax(x[:, b], 1)
        p = sum(np.exp(sum(log_p[i, k] for i, k in enumerate(way)))
                for way in itertools.product(range(x.shape[2]), repeat=steps)
                if [k for k, _ in itertools.groupby(way) if k != blank] == [*t[b, :labels]])
        losses.append(-np.log(p))
    return np.array(losses)


def needed(labels):
    """How many steps labels need: a blank is between equal ones."""
    return len(labels) + sum(a == b for a, b in itertools.pairwise(labels))


@st.composite
def problems(draw):
    """Logits, labels, the blank, and lengths that fit."""
    length, n, classes = draw(st.integers(1, 4)), draw(st.integers(1, 3)), draw(st.integers(2, 3))
    blank = draw(st.integers(0, classes - 1))
    label = st.sampled_from([k for k in range(classes) if k != blank])
    t = np.array(draw(st.lists(st.lists(label, min_size=2, max_size=2), min_size=n, max_size=n)))
    input_length = np.array(draw(st.lists(st.integers(0, length), min_size=n, max_size=n)))
    label_length = np.array([draw(st.sampled_from([m for m in range(3) if needed(row[:m]) <= steps]))
                             for row, steps in zip(t.tolist(), input_length)])
    return uniform(length, n, classes, low=-2, high=2), t, blank, input_length, label_length


@given(problems(), st.sampled_from(['mean', 'no']))
def test_all_alignments(problem, reduce):
    x, t, blank, input_length, label_length = problem

    def reference(x):
        losses = sum_over_alignments(x, t, blank, input_length, label_length)
        return losses if reduce == 'no' else losses.mean()

    check_function(
        lambda x: F.connectionist_temporal_classification(F.separate(x), t, blank, input_length, label_length, reduce),
        reference, x)


@pytest.mark.parametrize('length', [15, 16, 17, 40])
def test_many_steps(length):
    """By products of matrices, of probabilities themselves."""
    t, input_length, label_length = np.array([[1, 1, 2], [2, 1, 2]]), np.array([length, length - 3]), np.array([3, 2])

    def reference(x):
        losses = []
        for p, labels, steps, m in zip(special.softmax(x, 2).swapaxes(0, 1), t, input_length, label_length):
            states = [0, *np.stack((labels[:m], np.zeros(m, int)), 1).ravel()]
            n = len(states)
            moves = np.eye(n) + np.eye(n, k=1)
            for i in range(n - 2):
                moves[i, i + 2] = states[i] != states[i + 2]
            reached = np.eye(n)[0]
            for step in p[:steps]:
                reached = reached @ moves * step[states]
            losses.append(-np.log(reached[-2:].sum()))
        return np.array(losses)

    check_function(
        lambda x: F.connectionist_temporal_classification(F.separate(x), t, 0, input_length, label_length, 'no'),
        reference, uniform(length, 2, 3), dtypes=('float64', 'float32'))


def test_lengths_are_the_whole_by_default():
    x, t = [uniform(2, 4) for _ in range(6)], np.array([[1, 2], [3, 3]])
    expected = CTC(x, t, 0, np.array([6, 6]), ann.Variable(np.array([2, 2]))).array
    assert CTC(x, t, 0).array == expected


@pytest.mark.parametrize('dtype', ['float32', 'float64'])
def test_against_pytorch(dtype):
    torch = pytest.importorskip('torch')
    x = uniform(20, 5, 6, low=-4, high=4).astype(dtype)
    t, input_length = np.random.randint(1, 6, (5, 4)), np.array([20, 17, 9, 20, 12])
    label_length = np.array([4, 0, 3, 1, 4])
    xs = [ann.Variable(step) for step in x]
    loss = CTC(xs, t, 0, input_length, label_length, reduce='no')
    loss.grad = np.arange(1, 6, dtype=dtype)
    loss.backward()
    theirs = torch.tensor(x, requires_grad=True)
    expected = torch.nn.functional.ctc_loss(theirs.log_softmax(2), torch.tensor(t), torch.tensor(input_length),
                                            torch.tensor(label_length), reduction='none')
    expected.backward(torch.arange(1, 6, dtype=expected.dtype))
    tolerance = 1e-4 if dtype == 'float32' else 1e-9
    np.testing.assert_allclose(loss.array, expected.detach(), rtol=tolerance)
    np.testing.assert_allclose(np.array([step.grad for step in xs]), theirs.grad, rtol=tolerance, atol=tolerance)


def losses_and_gradients(x, *rest):
    xs = [ann.Variable(step) for step in x]
    loss = CTC(xs, *rest, reduce='no')
    loss.grad = np.ones_like(loss.array)
    loss.backward()
    return loss.array, np.array([step.grad for step in xs])


def test_certain_steps_lose_no_digits():
    """Probabilities that are zero in single precision."""
    x, t = uniform(5, 3, 4, low=-1, high=1) * 1000, np.array([[1, 2], [3, 3], [2, 1]])
    x = x.astype('f')
    loss, gradient = losses_and_gradients(x, t, 0)
    lengths = np.full(3, 5), np.full(3, 2)
    expected = []
    for row, labels in zip(log_softmax(x.astype('d'), 2).swapaxes(0, 1), t):
        scores = [row[np.arange(5), list(way)].sum() for way in itertools.product(range(4), repeat=5)
                  if [k for k, _ in itertools.groupby(way) if k != 0] == [*labels]]
        expected.append(-np.logaddexp.reduce(scores))
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    exact = losses_and_gradients(x.astype('d'), t, 0, *lengths)[1]
    np.testing.assert_allclose(gradient, exact, atol=1e-3)


def test_labels_that_do_not_fit_are_impossible_and_teach_nothing():
    x, t = uniform(2, 3, 4), np.array([[1, 1], [1, 2], [1, 2]])
    with np.errstate(all='raise', under='ignore'):
        loss, gradient = losses_and_gradients(x, t, 0, np.array([2, 2, 1]))
    assert np.isinf(loss).tolist() == [True, False, True] and (loss > 0).all()
    assert not gradient[:, [0, 2]].any() and gradient[:, 1].any()


def test_a_label_without_probability():
    """Minus infinity among the logits, as masks make it."""
    x, t = uniform(4, 1, 4), np.array([[1, 2]])
    rest = losses_and_gradients(x[:, :, :3], t, 0)
    x[:, :, 3] = -np.inf
    loss, gradient = losses_and_gradients(x, t, 0)
    np.testing.assert_allclose(loss, rest[0])
    np.testing.assert_allclose(gradient[:, :, :3], rest[1])
    assert not gradient[:, :, 3].any()


def test_padding_of_labels_and_steps_does_not_matter():
    x, t, lengths = uniform(6, 2, 3), np.array([[1, -1], [2, 1]]), (np.array([3, 6]), np.array([1, 2]))
    loss, gradient = losses_and_gradients(x, t, 0, *lengths)
    x[3:, 0], t[0, 1] = 99, 2
    again, other = losses_and_gradients(x, t, 0, *lengths)
    np.testing.assert_array_equal(loss, again)
    np.testing.assert_array_equal(gradient, other)
    assert not gradient[3:, 0].any()


@pytest.mark.parametrize('padding', [np.nan, -np.inf])
def test_padding_need_not_be_numbers(padding):
    x, t, lengths = uniform(6, 2, 3), np.array([[1, 2], [2, 0]]), (np.array([4, 6]), np.array([2, 1]))
    gradients = []
    for value in 1., padding:
        x[4:, 0] = value
        x_var = ann.Variable(x.copy())
        F.connectionist_temporal_classification([*F.separate(x_var)], t, 0, *lengths).backward()
        gradients.append(x_var.grad)
    np.testing.assert_array_equal(*gradients)
    assert not gradients[0][4:, 0].any() and gradients[0][:4, 0].all()


@pytest.mark.parametrize('dtype', ['int8', 'uint8', 'uint64'])
def test_lengths_of_small_or_unsigned_types(dtype):
    x, t, lengths = [*uniform(120, 1, 3)], np.arange(80).reshape(1, 80) % 2 + 1, (np.array([110]), np.array([70]))
    losses = [F.connectionist_temporal_classification(x, t, 0, *[n.astype(kind) for n in lengths]).array
              for kind in (dtype, 'int64')]
    assert losses[0] == losses[1] and np.isfinite(losses[0])


def test_a_large_batch_is_what_its_parts_are():
    """Enough states for the kernels of elementwise functions, which take blocks."""
    x, t = uniform(4, 10_000, 3).astype('f'), np.random.randint(1, 3, (10_000, 2))
    loss, gradient = losses_and_gradients(x, t, 0)
    for part in slice(0, 3), slice(9_998, 10_000):
        some, part_gradient = losses_and_gradients(x[:, part], t[part], 0)
        np.testing.assert_allclose(loss[part], some, rtol=1e-6)
        np.testing.assert_allclose(gradient[:, part], part_gradient, rtol=1e-5, atol=1e-6)


def test_mistakes_are_named():
    x, t = [np.zeros((2, 3), 'f')] * 4, np.array([[1, 2], [2, 1]])
    with pytest.raises(TypeError, match=r'connectionist_temporal_classification: .* a list .*, got ndarray'):
        CTC(np.zeros((4, 2, 3)), t, 0)
    with pytest.raises(TypeError, match=r'connectionist_temporal_classification: .* a list .*, got \[\]'):
        CTC([], t, 0)
    with pytest.raises(TypeError, match='connectionist_temporal_classification: expected floating-point x, got int64'):
        CTC([np.zeros((2, 3), int)], t, 0)
    with pytest.raises(ShapeError, match=r'connectionist_temporal_classification: .*\(B, V\) .* got \(3,\)'):
        CTC([np.zeros(3)], t, 0)
    with pytest.raises(ShapeError, match=r'integers t of shape \(2, M\) for x of shape \(4, 2, 3\), got \(1, 2\)'):
        CTC(x, t[:1], 0)
    with pytest.raises(ShapeError, match=r'got .* of float64'):
        CTC(x, t.astype('d'), 0)
    with pytest.raises(ValueError, match='blank_symbol must be from 0 to 2, not 3'):
        CTC(x, t, 3)
    with pytest.raises(TypeError):
        CTC(x, t, 0.5)
    with pytest.raises(ValueError, match='t contains 3, expected numbers from 0 to 2'):
        CTC(x, t + 1, 0)
    with pytest.raises(ValueError, match='input_length contains 5, expected numbers from 0 to 4'):
        CTC(x, t, 0, np.array([4, 5]))
    with pytest.raises(ShapeError, match=r'integers label_length of shape \(2,\), got \(1,\) of int64'):
        CTC(x, t, 0, None, np.array([1]))
    with pytest.raises(ValueError, match="temporal_classification: reduce must be 'mean' or 'no', not 'sum'"):
        CTC(x, t, 0, reduce='sum')
