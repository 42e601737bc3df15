"""Fully connected layers and embeddings."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

import autograd_nn as ann
import autograd_nn.functions as F
from support.checking import check_function, gradients, uniform


@given(n=st.integers(0, 3), features=st.integers(1, 4), outputs=st.integers(1, 3), bias=st.booleans())
def test_linear(n, features, outputs, bias):
    arrays = [uniform(n, features), uniform(outputs, features)] + [uniform(outputs)] * bias
    check_function(F.linear, lambda x, W, b=0: x @ W.T + b, *arrays)


@pytest.mark.parametrize('shape, n_batch_axes, batch', [((2, 3, 4), 1, (2,)), ((2, 3, 4), 2, (2, 3)),
                                                        ((2, 1, 3, 2, 2), 3, (2, 1, 3)), ((0, 3, 4), 2, (0, 3))])
def test_linear_with_more_axes(shape, n_batch_axes, batch):
    features = int(np.prod(shape[n_batch_axes:]))
    check_function(lambda x, W, b: F.linear(x, W, b, n_batch_axes),
                   lambda x, W, b: x.reshape(*batch, features) @ W.T + b,
                   uniform(*shape), uniform(2, features), uniform(2))


def test_linear_in_half_precision():
    check_function(F.linear, lambda x, W, b: x @ W.T + b, uniform(3, 4), uniform(2, 4), uniform(2), dtypes=['float16'])


def test_linear_is_the_same_as_in_torch():
    torch = pytest.importorskip('torch')
    arrays = uniform(5, 4), uniform(3, 4), uniform(3)
    tensors = [torch.tensor(a, requires_grad=True) for a in arrays]
    expected = torch.nn.functional.linear(*tensors)
    gy = uniform(5, 3)
    expected.backward(torch.tensor(gy))
    np.testing.assert_allclose(F.linear(*arrays).array, expected.detach().numpy())
    for g, tensor in zip(gradients(lambda *xs: (F.linear(*xs),), arrays, [gy], None), tensors):
        np.testing.assert_allclose(g, tensor.grad.numpy())


@given(n=st.integers(0, 3), sizes=st.tuples(*[st.integers(1, 3)] * 3), full=st.booleans())
def test_bilinear(n, sizes, full):
    J, K, L = sizes
    arrays = [uniform(n, J), uniform(n, K), uniform(J, K, L)] + [uniform(J, L), uniform(K, L), uniform(L)] * full

    def plain(e1, e2, W, V1=None, V2=None, b=0):
        y = np.einsum('ni,nj,ijk->nk', e1, e2, W)
        return y if V1 is None else y + e1 @ V1 + e2 @ V2 + b

    check_function(F.bilinear, plain, *arrays)


@given(shape=array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4), ignore_label=st.sampled_from([None, -1, 2]))
def test_embed_id(shape, ignore_label):
    ids = np.random.randint(0 if ignore_label is None else -1, 5, shape)
    if ignore_label == 2:
        ids = np.asarray(np.where(ids == -1, 2, ids))

    def plain(ids, W):
        y = np.zeros((*ids.shape, 3))
        for index in np.ndindex(*ids.shape):
            if ids[index] != ignore_label:
                y[index] = W[ids[index]]
        return y

    check_function(lambda ids, W: F.embed_id(ids, W, ignore_label), plain, np.asarray(ids), uniform(5, 3))


def test_embed_id_ignores_any_number():
    W = ann.Variable(np.ones((3, 2), 'f'))
    y = F.embed_id(np.array([[7, 0], [1, 7]]), W, ignore_label=7)
    np.testing.assert_array_equal(y.array, [[[0, 0], [1, 1]], [[1, 1], [0, 0]]])
    F.sum(y).backward()
    np.testing.assert_array_equal(W.grad, [[1, 1], [1, 1], [0, 0]])


@pytest.mark.parametrize('call, error, message', [
    (lambda: F.linear(np.ones((100, 783)), np.ones((10, 784))), ValueError,
     r'^linear: x has 783 features \(shape \(100, 783\)\) but W expects 784 \(shape \(10, 784\)\)$'),
    (lambda: F.linear(np.ones((4, 3)), np.ones((2, 3)), np.ones(3)), ValueError, r'b of shape \(2,\), got \(3,\)'),
    (lambda: F.linear(np.ones((4, 3)), np.ones(3)), ValueError, 'expected W of shape'),
    (lambda: F.linear(np.ones((4, 3)), np.ones((2, 3)), n_batch_axes=2), ValueError, 'n_batch_axes'),
    (lambda: F.linear(np.ones(3), np.ones((2, 3))), ValueError, 'linear'),
    (lambda: F.bilinear(np.ones((4, 3)), np.ones((4, 2)), np.ones((2, 3, 1))), ValueError, r'\(3, 2, outputs\)'),
    (lambda: F.bilinear(np.ones((4, 1)), np.ones((4, 1)), np.ones((1, 1, 1)), np.ones((1, 1))), ValueError,
     'V2, b missing'),
    (lambda: F.embed_id(np.array([0.]), np.ones((2, 3))), TypeError, 'expected integers as x, got float64'),
    (lambda: F.embed_id(np.array([0, 2]), np.ones((2, 3))), ValueError, 'x contains 2, expected numbers from 0 to 1'),
    (lambda: F.embed_id(np.array([-1]), np.ones((2, 3))), ValueError, 'x contains -1'),
    (lambda: F.embed_id(np.array([-2]), np.ones((2, 3)), ignore_label=-1), ValueError, 'or ignore_label -1'),
    (lambda: F.embed_id(np.array([0]), np.ones(2)), ValueError, 'expected W of shape'),
])
def test_errors_of_linear_and_embed_id(call, error, message):
    with pytest.raises(error, match=message):
        call()
