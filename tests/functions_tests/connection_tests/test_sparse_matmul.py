"""Sparse matrices, and their products."""
import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

import autograd_nn.functions as F
from autograd_nn import Variable, cuda, utils
from autograd_nn.utils.type_check import DTypeError, ShapeError
from support.checking import check_function, uniform


def sparse(*shape, share=0.4):
    """Matrices of which a share of the elements is not zero."""
    return uniform(*shape) * (uniform(*shape, low=0) < share)


def coo(x, **options):
    """A sparse matrix on the device of the tests' arrays."""
    return utils.to_coo(cuda.to_gpu(x) if cuda.available else x, **options)


@pytest.mark.parametrize('transa', [False, True])
@pytest.mark.parametrize('transb', [False, True])
@pytest.mark.parametrize('batch', [(), (3,), (0,)])
@pytest.mark.parametrize('n', [2, 0])
def test_products(transa, transb, batch, n):
    a = sparse(*batch, *((4, 3) if transa else (3, 4)))
    b = uniform(*batch, *((n, 4) if transb else (4, n)))
    matrix = utils.to_coo(a)

    def turned(x, trans):
        return x.swapaxes(-1, -2) if trans else x

    def with_entries(data):
        send = data.device.send
        return utils.CooMatrix(data, send(matrix.row), send(matrix.col), matrix.shape)

    def dense(data):
        x = np.zeros(a.shape)
        x[a != 0] = data[matrix.row >= 0]
        return x

    check_function(lambda data, b: F.sparse_matmul(with_entries(data), b, transa, transb),
                   lambda data, b: turned(dense(data), transa) @ turned(b, transb), matrix.data.array, b)
    check_function(lambda data, b: F.sparse_matmul(b, with_entries(data), not transb, not transa),
                   lambda data, b: turned(b, not transb) @ turned(dense(data), not transa), matrix.data.array, b)


@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 3), st.integers(0, 20), st.booleans())
def test_lists_of_entries(m, n, batch, ldnz, several):
    x = sparse(*[batch] * several, m, n).astype('f')
    matrix = utils.to_coo(x, ldnz)
    assert matrix.shape == (m, n) and matrix.order == 'C' and matrix.data.dtype == np.float32
    assert matrix.row.dtype == matrix.col.dtype == np.int32
    assert matrix.data.shape == matrix.row.shape == matrix.col.shape == (*x.shape[:-2], matrix.data.shape[-1])
    counts = (x != 0).sum((-2, -1))
    assert matrix.data.shape[-1] == max(ldnz, counts.max(initial=0))
    np.testing.assert_array_equal((matrix.row >= 0).sum(-1), counts)
    np.testing.assert_array_equal(matrix.to_dense(), x)


def test_entries_of_one_place_are_added():
    place = np.array([1, 1, 0], 'i')
    matrix = utils.CooMatrix(np.array([2., 3., 4.]), place, place, (2, 2))
    np.testing.assert_array_equal(matrix.to_dense(), [[4, 0], [0, 5]])
    np.testing.assert_array_equal(F.sparse_matmul(matrix, np.eye(2)).array, [[4, 0], [0, 5]])


def test_what_lists_are_filled_up_with_does_not_count():
    filled = utils.CooMatrix(np.array([2., np.nan]), np.array([0, -1]), np.array([1, -1]), (2, 2), requires_grad=True)
    y = F.sparse_matmul(filled, np.array([[1., 2.], [3., 4.]]))
    np.testing.assert_array_equal(y.array, [[6, 8], [0, 0]])
    F.sum(y[:, 0]).backward()
    np.testing.assert_array_equal(filled.data.grad, [3, 0])


def test_gradients_are_those_of_the_entries_alone():
    x = sparse(3, 4)
    matrix = coo(x, requires_grad=True)
    F.sum(F.sparse_matmul(matrix, matrix.data.xp.ones((4, 2)))).backward()
    np.testing.assert_array_equal(cuda.to_cpu(matrix.data.grad), np.full((x != 0).sum(), 2))
    assert not coo(x).data.requires_grad


def test_large_matrices():
    x, b = sparse(500, 700, share=0.02), uniform(700, 9)
    np.testing.assert_allclose(F.sparse_matmul(utils.to_coo(x), b).array, scipy.sparse.coo_matrix(x) @ b)


@pytest.mark.parametrize('row, col, order', [
    ([0, 0, 1], [0, 2, 1], 'C'), ([0, 2, 1], [0, 0, 1], 'F'), ([1, 0], [0, 0], 'other'), ([0, 1], [1, 0], 'C'),
    ([1, 0, -1], [0, 1, -1], 'F'), ([], [], 'C'), ([[0, 1], [1, 0]], [[0, 0], [0, 1]], 'F'), ([0, 0], [1, 0], 'other')])
def test_order(row, col, order):
    row, col = np.array(row, 'i'), np.array(col, 'i')
    assert utils.get_order(row, col) == order
    if row.shape[-1]:
        assert utils.CooMatrix(np.ones(row.shape), row, col, (3, 3)).order == order
    assert utils.CooMatrix(np.ones(row.shape), row, col, (3, 3), order='other').order == 'other'


def test_names_are_where_chainer_has_them():
    from autograd_nn.utils import sparse as module
    assert module.CooMatrix is utils.CooMatrix and module.to_coo is utils.to_coo and module.get_order is utils.get_order


@pytest.mark.parametrize('dtype', ['int8', 'uint64'])
def test_indexes_of_other_types(dtype):
    a, b = uniform(90, 3, 2), uniform(90, 2, 4)
    matrix = utils.to_coo(a)
    matrix.row, matrix.col = matrix.row.astype(dtype), matrix.col.astype(dtype)
    np.testing.assert_allclose(F.sparse_matmul(matrix, b).array, a @ b, atol=1e-12)


MATRIX = utils.to_coo(np.eye(2, 3))
INDEXES = np.array([0, 1])


@pytest.mark.parametrize('call, error, message', [
    (lambda: F.sparse_matmul(np.eye(2), np.eye(2)), TypeError, 'sparse_matmul: .* got ndarray and ndarray'),
    (lambda: F.sparse_matmul(MATRIX, MATRIX), TypeError, 'got CooMatrix and CooMatrix'),
    (lambda: F.sparse_matmul(MATRIX, 3), TypeError, 'got CooMatrix and int'),
    (lambda: F.sparse_matmul(MATRIX, np.eye(2)), ShapeError,
     r'sparse_matmul: to a sparse matrix of shape \(2, 3\) a dense one of shape \(3, N\) fits, got \(2, 2\)'),
    (lambda: F.sparse_matmul(MATRIX, np.eye(2), transb=True), ShapeError, r'of shape \(N, 3\) fits'),
    (lambda: F.sparse_matmul(MATRIX, np.ones((2, 3, 3))), ShapeError, r'got \(2, 3, 3\)'),
    (lambda: F.sparse_matmul(MATRIX, np.eye(3, dtype=int)), DTypeError, 'floating-point numbers in the dense matrix'),
    (lambda: F.sparse_matmul(utils.to_coo(np.eye(3, dtype=int)), np.eye(3)), DTypeError, 'in the sparse matrix'),
    (lambda: utils.to_coo(np.ones(3)), ShapeError, r'to_coo: .* two or three axes, got shape \(3,\)'),
    (lambda: utils.CooMatrix(np.ones(2), INDEXES, np.arange(3), (2, 2)), ShapeError, r'\(2,\) and \(3,\)'),
    (lambda: utils.CooMatrix(np.ones(()), np.zeros(()), np.zeros(()), (2, 2)), ShapeError, 'CooMatrix: expected data'),
    (lambda: utils.CooMatrix(np.ones(2), INDEXES, INDEXES, (2, 0)), ValueError, r'as shape, got \(2, 0\)'),
    (lambda: utils.CooMatrix(np.ones(2), INDEXES, INDEXES, (2,)), ValueError, r'as shape, got \(2,\)'),
    (lambda: utils.CooMatrix(np.ones(2), INDEXES, INDEXES, (2, 1)), ValueError, 'CooMatrix: col contains 1, expected'),
    (lambda: utils.CooMatrix(np.ones(2), INDEXES - 2, INDEXES, (2, 2)), ValueError, 'CooMatrix: row contains -2'),
    (lambda: utils.CooMatrix(np.ones(2), INDEXES - 1, INDEXES, (2, 2)), ValueError, 'a row and no column'),
    (lambda: utils.CooMatrix(np.ones(2), INDEXES, INDEXES, (2, 2), 'A'), ValueError, "order must be 'C' or"),
    (lambda: utils.get_order(INDEXES, np.arange(3)), ShapeError, r'get_order: .* one shape, got \(2,\) and \(3,\)'),
])
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_entries_may_be_computed():
    data = Variable(np.array([1., 2.]))
    matrix = utils.CooMatrix(data * 3, INDEXES, INDEXES, (2, 2))
    F.sum(F.sparse_matmul(matrix, np.eye(2))).backward()
    np.testing.assert_array_equal(data.grad, [3, 3])
