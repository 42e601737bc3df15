"""Cross entropies: values, gradients, ignored labels, weights, distributions, mistakes."""
import numpy as np
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st

import autograd_nn as ann
import autograd_nn.functions as F
from support.checking import check_function, shapes, uniform


def softmax_loss(x, t, normalize=True, class_weight=None, ignore_label=-1, reduce='mean'):
    """The definition, position by position."""
    log_p = scipy.special.log_softmax(x, 1)
    loss = np.zeros(t.shape)
    for position in np.ndindex(*t.shape):
        label = t[position]
        if label != ignore_label:
            weight = 1 if class_weight is None else class_weight[label]
            loss[position] = -weight * log_p[(position[0], label, *position[1:])]
    if reduce == 'no':
        return loss
    count = (t != ignore_label).sum() if normalize else len(t)
    return loss.sum() / max(count, 1)


@given(shapes(min_dims=1), st.integers(1, 4), st.booleans(), st.booleans(), st.booleans(),
       st.sampled_from([-1, 0, 255]), st.sampled_from(['mean', 'no']), st.sampled_from(['i', 'l', 'B']))
def test_integer_labels(shape, classes, normalize, cache_score, weighted, ignore_label, reduce, kind):
    x = uniform(shape[0], classes, *shape[1:], low=-3, high=3)
    t = np.random.randint(0, classes, shape)
    if ignore_label >= 0 or kind != 'B':
        t[np.random.rand(*shape) < 0.3] = ignore_label
    t = t.astype(kind)
    class_weight = uniform(classes, low=0.5, high=2) if weighted else None
    check_function(
        lambda x, t: F.softmax_cross_entropy(x, t, normalize, cache_score, x.device.send(class_weight), ignore_label,
                                             reduce),
        lambda x, t: softmax_loss(x, t, normalize, class_weight, ignore_label, reduce),
        x, t, dtypes=('float64', 'float32', 'float16'))


def plain_gradient(loss, x):
    """The gradient of the pass that does not record itself, which has its own formula."""
    x = ann.Variable(x)
    y = loss(x)
    y.grad = np.arange(1, y.size + 1, dtype=y.dtype).reshape(y.shape)
    y.backward()
    return x.grad


def recorded_gradient(loss, x):
    x = ann.Variable(x)
    y = loss(x)
    y.grad = np.arange(1, y.size + 1, dtype=y.dtype).reshape(y.shape)
    y.backward(enable_double_backprop=True)
    return x.grad


@pytest.mark.parametrize('cache_score', [True, False])
@pytest.mark.parametrize('reduce', ['mean', 'no'])
@pytest.mark.parametrize('shape', [(4, 3), (2, 3, 2), (2, 3, 2, 1)])
@pytest.mark.parametrize('dtype', ['float64', 'float32', 'float16'])
def test_both_backward_passes_agree(shape, reduce, cache_score, dtype):
    x = uniform(*shape).astype(dtype)
    t = np.random.randint(-1, 3, shape[:1] + shape[2:])
    weight = np.array([1, 2, 0.5], dtype)

    def loss(x):
        return F.softmax_cross_entropy(x, t, cache_score=cache_score, class_weight=weight, reduce=reduce)

    plain = plain_gradient(loss, x)
    assert plain.dtype == dtype
    tolerance = {'float64': 1e-12, 'float32': 1e-6, 'float16': 1e-2}[dtype]
    np.testing.assert_allclose(plain, recorded_gradient(loss, x), rtol=tolerance, atol=tolerance)


def test_backward_twice_leaves_the_cache_alone():
    x = ann.Variable(uniform(3, 4))
    loss = F.softmax_cross_entropy(x, np.array([0, 1, 3]))
    loss.backward()
    first = x.grad.copy()
    loss.backward()
    np.testing.assert_allclose(x.grad, 2 * first)


def test_stable_for_large_logits():
    x = ann.Variable(np.array([[1000, -1000, 0], [-1e4, 1e4, 0], [-1e4, 0, 1e4]], 'f'))
    t = np.array([0, 1, 0])
    with np.errstate(all='raise', under='ignore'):
        loss = F.softmax_cross_entropy(x, t, reduce='no')
        loss.grad = np.ones(3, 'f')
        loss.backward()
    np.testing.assert_array_equal(loss.array, [0, 0, 2e4])
    np.testing.assert_array_equal(x.grad, [[0, 0, 0], [0, 0, 0], [-1, 0, 1]])


def test_class_ruled_out_costs_infinitely_much_only_where_it_is_true():
    x = np.array([[0, -np.inf], [0, -np.inf]])
    np.testing.assert_array_equal(F.softmax_cross_entropy(x, np.array([0, 1]), reduce='no').array, [0, np.inf])


def test_float16_sums_in_float32():
    x = np.zeros((3000, 40000 // 3000), 'float16')
    loss = F.softmax_cross_entropy(x, np.zeros(3000, 'i'), normalize=False)
    np.testing.assert_allclose(loss.array, np.log(13), rtol=1e-3)


def test_everything_ignored():
    x = ann.Variable(uniform(2, 3))
    loss = F.softmax_cross_entropy(x, np.array([-1, -1]))
    loss.backward()
    assert loss.array == 0
    assert not x.grad.any()


def distribution(*shape):
    t = np.random.rand(*shape)
    return t / t.sum(1, keepdims=True)


@pytest.mark.parametrize('reduce', ['mean', 'no'])
@pytest.mark.parametrize('weighted', [False, True])
@pytest.mark.parametrize('kind', ['cross-entropy', 'kl-divergence'])
@pytest.mark.parametrize('shape', [(3, 4), (2, 3, 2)])
def test_distributions(shape, kind, weighted, reduce):
    class_weight = uniform(shape[1], low=0.5, high=2) if weighted else None

    def reference(x, t):
        loss = -t * scipy.special.log_softmax(x, 1)
        if kind == 'kl-divergence':
            loss += scipy.special.xlogy(t, t)
        if weighted:
            loss *= class_weight.reshape((-1,) + (1,) * (x.ndim - 2))
        loss = loss.sum(1)
        return loss if reduce == 'no' else loss.mean()

    check_function(
        lambda x, t: F.softmax_cross_entropy(x, t, class_weight=x.device.send(class_weight), reduce=reduce,
                                             soft_target_loss=kind),
        reference, uniform(*shape), distribution(*shape))


def test_divergence_from_itself_is_zero():
    x = uniform(3, 4)
    t = scipy.special.softmax(x, 1)
    np.testing.assert_allclose(F.softmax_cross_entropy(x, t, soft_target_loss='kl-divergence').array, 0, atol=1e-15)


def test_one_hot_distribution_equals_label():
    x, t = uniform(3, 4), np.array([1, 3, 0])
    for kind in 'cross-entropy', 'kl-divergence':
        soft = F.softmax_cross_entropy(x, np.eye(4)[t], soft_target_loss=kind)
        np.testing.assert_allclose(soft.array, F.softmax_cross_entropy(x, t).array)


def test_smoothed_labels_like_torch():
    torch = pytest.importorskip('torch')
    x, t = uniform(5, 3), distribution(5, 3)
    expected = torch.nn.functional.cross_entropy(torch.tensor(x), torch.tensor(t))
    np.testing.assert_allclose(F.softmax_cross_entropy(x, t).array, expected.numpy())


@pytest.mark.parametrize('shape', [(6, 4), (2, 4, 3), (2, 4, 3, 2)])
@pytest.mark.parametrize('weighted', [False, True])
@pytest.mark.parametrize('dtype', ['float64', 'float32'])
def test_like_torch(shape, weighted, dtype):
    torch = pytest.importorskip('torch')
    x = uniform(*shape, low=-5, high=5).astype(dtype)
    t = np.random.randint(-1, 4, shape[:1] + shape[2:])
    weight = uniform(4, low=0.5, high=2).astype(dtype) if weighted else None
    theirs = torch.tensor(x, requires_grad=True)
    losses = torch.nn.functional.cross_entropy(
        theirs, torch.tensor(t), None if weight is None else torch.tensor(weight), ignore_index=-1, reduction='none')
    # The mean is over the labels that count; torch's own 'mean' would divide by the sum of their weights.
    loss = losses.sum() / (t != -1).sum()
    loss.backward()
    ours = ann.Variable(x)
    y = F.softmax_cross_entropy(ours, t, class_weight=weight)
    y.backward()
    tolerance = {'float64': 1e-12, 'float32': 2e-6}[dtype]
    np.testing.assert_allclose(y.array, loss.detach().numpy(), rtol=tolerance)
    np.testing.assert_allclose(ours.grad, theirs.grad.numpy(), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize('x, t, options, error, message', [
    (np.zeros((3, 4)), np.array([0, 4, 1]), {}, ValueError, r't contains 4, .* as x of shape \(3, 4\) has 4 classes'),
    (np.zeros((3, 4)), np.array([0, -2, 1]), {}, ValueError, 't contains -2'),
    (np.zeros((3, 4)), np.array([0, -1, 1]), {'ignore_label': 2}, ValueError, 't contains -1'),
    (np.zeros((3, 4)), np.array([0, 1]), {}, ValueError, r't must have shape \(3,\) .* got \(2,\)'),
    (np.zeros((3, 4)), np.zeros((3, 4), 'i'), {}, ValueError, r't must have shape \(3,\)'),
    (np.zeros((3, 4)), np.zeros((3, 5)), {}, ValueError, r'x \(3, 4\), t \(3, 5\)'),
    (np.zeros((3, 4)), np.zeros(3, bool), {}, TypeError, 'integers or probabilities, not bool'),
    (np.zeros(4), np.zeros(4, 'i'), {}, ValueError, r'x must have shape \(N, C, ...\), got \(4,\)'),
    (np.zeros((3, 4)), np.zeros(3, 'i'), {'class_weight': np.ones(3)}, ValueError, r'class_weight must .*got \(3,\)'),
    (np.zeros((3, 4)), np.zeros(3, 'i'), {'reduce': 'sum'}, ValueError, "reduce must be 'mean' or 'no', not 'sum'"),
    (np.zeros((3, 4)), np.zeros((3, 4)), {'soft_target_loss': 'x'}, ValueError, 'soft_target_loss must be'),
])
def test_mistakes_are_named(x, t, options, error, message):
    with pytest.raises(error, match='softmax_cross_entropy: .*' + message):
        F.softmax_cross_entropy(x, t, **options)


def sigmoid_loss(x, t, normalize=True, reduce='mean'):
    loss = -(t * scipy.special.log_expit(x) + (1 - t) * scipy.special.log_expit(-x)) * (t != -1)
    if reduce == 'no':
        return loss
    count = (t != -1).sum() if normalize else len(x)
    return loss.sum() / max(count, 1)


@given(shapes(min_dims=1), st.booleans(), st.sampled_from(['mean', 'no']))
def test_sigmoid_cross_entropy(shape, normalize, reduce):
    check_function(lambda x, t: F.sigmoid_cross_entropy(x, t, normalize, reduce),
                   lambda x, t: sigmoid_loss(x, t, normalize, reduce),
                   uniform(*shape, low=-3, high=3), np.random.randint(-1, 2, shape),
                   dtypes=('float64', 'float32', 'float16'))


def test_sigmoid_cross_entropy_of_probabilities():
    t = np.random.rand(3, 4)
    check_function(lambda x: F.sigmoid_cross_entropy(x, x.device.send(t)), lambda x: sigmoid_loss(x, t), uniform(3, 4))


def test_sigmoid_cross_entropy_is_stable():
    x = ann.Variable(np.array([[1e4, -1e4, 1e4]], 'f'))
    with np.errstate(all='raise', under='ignore'):
        loss = F.sigmoid_cross_entropy(x, np.array([[1, 0, 0]]), reduce='no')
        loss.grad = np.ones((1, 3), 'f')
        loss.backward()
    np.testing.assert_array_equal(loss.array, [[0, 0, 1e4]])
    np.testing.assert_array_equal(x.grad, [[0, 0, 1]])


def test_sigmoid_cross_entropy_names_mistakes():
    with pytest.raises(ValueError, match=r'sigmoid_cross_entropy: .* x \(2, 3\), t \(2,\)'):
        F.sigmoid_cross_entropy(np.zeros((2, 3)), np.zeros(2, 'i'))
    with pytest.raises(ValueError, match='sigmoid_cross_entropy: reduce'):
        F.sigmoid_cross_entropy(np.zeros(2), np.zeros(2, 'i'), reduce='sum')
