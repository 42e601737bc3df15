"""Products of matrices, Einstein sums, inverses and determinants."""
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_nn.functions as F
from autograd_nn import Variable
from support.checking import check_function, uniform

SHAPES = [((2, 3), (3, 4)), ((3,), (3,)), ((3,), (3, 4)), ((2, 3), (3,)), ((5, 2, 3), (3, 4)), ((2, 3), (5, 3, 4)),
          ((5, 2, 3), (5, 3, 4)), ((5, 1, 2, 3), (6, 3, 4)), ((1, 2, 3), (5, 3, 4)), ((5, 2, 3), (3,)),
          ((3,), (5, 3, 4)), ((0, 3), (3, 4)), ((2, 0), (0, 4)), ((5, 0, 3), (3, 2)), ((1, 1), (1, 1))]


def swapped(x, flag):
    return x.swapaxes(-1, -2) if flag and x.ndim > 1 else x


@pytest.mark.parametrize('a_shape, b_shape', SHAPES)
def test_matmul(a_shape, b_shape):
    for transa, transb in itertools.product([False, True], repeat=2):
        a, b = swapped(uniform(*a_shape), transa), swapped(uniform(*b_shape), transb)
        check_function(lambda a, b: F.matmul(a, b, transa, transb),
                       lambda a, b: swapped(a, transa) @ swapped(b, transb), a, b)


def test_matmul_operator():
    check_function(lambda a, b: a @ b, np.matmul, uniform(2, 3), uniform(3, 2),
                   dtypes=('float64', 'float32', 'float16'))
    a, b = uniform(2, 3), uniform(3, 2)
    for y in Variable(a) @ b, a @ Variable(b):
        np.testing.assert_allclose(y.array, a @ b)


def test_batch_matmul():
    a, b = uniform(3, 2, 4), uniform(3, 4, 5)
    check_function(F.batch_matmul, np.matmul, a, b)
    check_function(lambda a, b: F.batch_matmul(a, b, transa=True, transb=True),
                   lambda a, b: a.swapaxes(1, 2) @ b.swapaxes(1, 2), uniform(3, 4, 2), uniform(3, 5, 4))
    check_function(lambda a, b: F.batch_matmul(a, b, transa=True),
                   lambda a, b: (a * b).sum(1)[:, None, None], uniform(3, 4), uniform(3, 4))


@pytest.mark.parametrize('a_shape, b_shape, axes', [
    ((2, 3, 4), (3, 4, 5), 2), ((2, 3), (4, 5), 0), ((2, 3), (3,), 1), ((3, 4), (3, 4), 2),
    ((2, 3, 4), (4, 3, 5), ([1, 2], [1, 0])), ((2, 3, 4), (5, 2), (0, 1)), ((2, 3, 4), (5, 4), (-1, -1)), ((), (2,), 0),
])
def test_tensordot(a_shape, b_shape, axes):
    check_function(lambda a, b: F.tensordot(a, b, axes), lambda a, b: np.tensordot(a, b, axes), uniform(*a_shape),
                   uniform(*b_shape))


EINSUMS = [
    ('ij,jk->ik', (2, 3), (3, 4)), ('ij,jk', (2, 3), (3, 4)), ('ba,cb', (2, 3), (4, 2)), ('ij->ji', (2, 3)),
    ('ij->', (2, 3)), ('ij->j', (2, 3)), ('ij', (2, 3)), ('ji', (2, 3)), ('i,i', (3,), (3,)), ('i,j->ij', (3,), (2,)),
    ('ii', (3, 3)), ('ii->i', (3, 3)), ('iij->ij', (2, 2, 3)), ('iii->i', (2, 2, 2)), ('iji,j->i', (2, 3, 2), (3,)),
    ('iijj->ij', (2, 2, 3, 3)), ('ijij', (2, 3, 2, 3)), ('...ij,...jk->...ik', (5, 2, 3), (5, 3, 4)),
    ('...ij,...jk', (5, 2, 3), (3, 4)), ('...ij,jk->...ik', (2, 1, 2, 3), (3, 4)), ('i...,i...->...', (2, 3), (2, 3)),
    ('...,...', (2, 1), (3,)), ('...i->...', (2, 3)), ('i...', (2, 3, 4)), ('ij,jk,kl->il', (2, 3), (3, 4), (4, 2)),
    ('ij,k->j', (2, 3), (4,)), ('i,,j->ij', (2,), (), (3,)), (' i j , j -> i ', (2, 3), (3,)), ('...->...', ()),
    ('ij,ij->ij', (2, 3), (1, 3)), ('bhwi,bhwj->bij', (2, 2, 2, 3), (2, 2, 2, 4)), ('ij,jk->ik', (0, 3), (3, 2)),
]


@pytest.mark.parametrize('subscripts, shapes', [(s, shapes) for s, *shapes in EINSUMS])
def test_einsum(subscripts, shapes):
    arrays = [uniform(*shape) for shape in shapes]
    check_function(lambda *xs: F.einsum(subscripts, *xs), lambda *xs: np.einsum(subscripts, *xs), *arrays)


@given(st.data())
def test_einsum_of_drawn_subscripts(data):
    lengths = dict(zip('abcd', (1, 2, 3, 2)))
    operands = data.draw(st.lists(st.text('abcd', max_size=3), min_size=1, max_size=3))
    used = sorted(set(''.join(operands)))
    result = ''.join(data.draw(st.permutations(used))[:data.draw(st.integers(0, len(used)))])
    subscripts = ','.join(operands) + '->' + result
    arrays = [uniform(*[lengths[c] for c in letters]) for letters in operands]
    check_function(lambda *xs: F.einsum(subscripts, *xs), lambda *xs: np.einsum(subscripts, *xs), *arrays)


def test_einsum_with_lists():
    check_function(lambda a, b: F.einsum(a, [0, 1], b, [1, 2], [2, 0]), lambda a, b: (a @ b).T, uniform(2, 3),
                   uniform(3, 4))
    check_function(lambda a, b: F.einsum(a, [Ellipsis, 1], b, [1, 2]), np.matmul, uniform(5, 2, 3), uniform(3, 4))


def invertible(*shape):
    return uniform(*shape) + 2 * np.eye(shape[-1])


@pytest.mark.parametrize('n', [1, 2, 4])
def test_inverse_and_determinant(n):
    half = {'dtypes': ('float64', 'float32', 'float16'), 'tolerance': {'float16': 0.1}}
    check_function(F.inv, np.linalg.inv, invertible(n, n), eps=1e-4, **half)
    check_function(F.det, np.linalg.det, invertible(n, n), eps=1e-4)
    check_function(F.batch_inv, np.linalg.inv, invertible(3, n, n), eps=1e-4)
    check_function(F.batch_det, np.linalg.det, invertible(3, n, n), eps=1e-4)


@pytest.mark.parametrize('shape', [(1, 1), (4, 4), (3, 2, 2), (2, 3, 3, 3), (0, 2, 2), (0, 0)])
def test_cholesky(shape):
    def function(x):
        a = F.matmul(x, x, transb=True)
        return F.cholesky(a + a.xp.eye(shape[-1], dtype=a.dtype))

    def reference(x):
        return np.linalg.cholesky(x @ x.swapaxes(-1, -2) + np.eye(shape[-1]))

    check_function(function, reference, uniform(*shape), eps=1e-4)


def test_the_gradient_of_cholesky_is_symmetric():
    x = Variable(np.array([[4., 2.], [2., 5.]]))
    F.cholesky(x)[1, 0].backward()
    np.testing.assert_allclose(x.grad, [[-0.125, 0.25], [0.25, 0]])


@pytest.mark.parametrize('call', [lambda: F.cholesky(-np.eye(2)), lambda: F.inv(np.zeros((2, 2)))])
def test_matrices_without_a_result_are_an_error_of_linear_algebra(call):
    with pytest.raises(np.linalg.LinAlgError) as error:
        call()
    assert isinstance(error.value, ValueError)


@pytest.mark.parametrize('call, message', [
    (lambda: F.cholesky(np.ones((2, 3))), r'cholesky: expected square matrices .* got shape \(2, 3\)'),
    (lambda: F.cholesky(np.ones(())), r'cholesky: expected square matrices .* got shape \(\)'),
    (lambda: F.cholesky(-np.eye(2)), r'cholesky: a of shape \(2, 2\) is not positive definite'),
    (lambda: F.matmul(np.ones((2, 3)), np.ones((2, 3))), r'matmul: a of shape \(2, 3\) and b of shape \(2, 3\) do not'),
    (lambda: F.matmul(np.ones((2, 3)), np.ones((3, 2)), transb=True), r'do not fit, transb=True'),
    (lambda: Variable(np.ones(2)) @ np.array(3.), r'matmul: .* \(2,\) and b of shape \(\)'),
    (lambda: F.batch_matmul(np.ones((2, 3)), np.ones((3, 3))), r'batch_matmul: .* \(2, 3\) and \(3, 3\)'),
    (lambda: F.tensordot(np.ones((2, 3)), np.ones((2, 3)), 1), r'tensordot: axes \(1,\) .* different lengths'),
    (lambda: F.tensordot(np.ones(2), np.ones((2, 3)), 2), r'tensordot: .* do not both have 2 axes'),
    (lambda: F.einsum('ij,jk', np.ones((2, 3))), r"einsum: subscripts 'ij,jk' are for 2 operands, got 1"),
    (lambda: F.einsum('ij', np.ones(3)), r"einsum: subscripts 'ij' do not fit an operand of shape \(3,\)"),
    (lambda: F.einsum('i,i', np.ones(3), np.ones(2)), r"einsum: axis 'i' has length 3 in one operand and 2"),
    (lambda: F.einsum('ii', np.ones((2, 3))), r"einsum: axes 'i' of an operand of shape \(2, 3\)"),
    (lambda: F.einsum('i->j', np.ones(3)), r"einsum: subscripts 'i->j' are not valid"),
    (lambda: F.einsum('i?', np.ones((3, 2))), r'are not valid'),
    (lambda: F.inv(np.ones((2, 3))), r'inv: expected a square matrix, got shape \(2, 3\)'),
    (lambda: F.inv(np.ones((2, 2))), r'inv: a of shape \(2, 2\) has no inverse'),
    (lambda: F.batch_det(np.ones((2, 2))), r'batch_det: expected square matrices'),
])
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
