"""Functions of two arrays that broadcast, and the operators on Variables."""
import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

import autograd_nn.functions as F
from autograd_nn import Variable
from support.checking import check_function, shapes, spread, uniform

# function, NumPy reference, the intervals of the two arguments
TABLE = [
    (F.add, np.add, (-2, 2), (-2, 2)),
    (F.sub, np.subtract, (-2, 2), (-2, 2)),
    (F.mul, np.multiply, (-2, 2), (-2, 2)),
    (F.div, np.divide, (-2, 2), (0.5, 2)),
    (F.pow, np.power, (0.5, 2), (-2, 2)),
    (F.arctan2, np.arctan2, (-2, 2), (0.5, 2)),
    (F.squared_difference, lambda x, y: (x - y) ** 2, (-2, 2), (-2, 2)),
    (F.maximum, np.maximum, (-2, 0.4), (0.5, 2)),
    (F.minimum, np.minimum, (-2, 0.4), (0.5, 2)),
    (F.remainder, np.remainder, (1.1, 1.8), (2, 3)),
    (F.remainder, np.remainder, (-1.8, -1.1), (2, 3)),
    (F.fmod, np.fmod, (2.1, 2.8), (0.9, 1)),
    (F.fmod, np.fmod, (-1.8, -1.1), (2, 3)),
]
NAMES = [f'{i}-{f.__name__}' for i, (f, *_) in enumerate(TABLE)]


@pytest.mark.parametrize('f, reference, left, right', TABLE, ids=NAMES)
def test_values_and_gradients(f, reference, left, right):
    def check(shape0, shape1, **options):
        check_function(f, reference, uniform(*shape0, low=left[0], high=left[1]),
                       uniform(*shape1, low=right[0], high=right[1]), **options)

    check((3, 4), (3, 4), dtypes=('float64', 'float32', 'float16'))
    check((2, 1, 3), (4, 1))
    check((), ())
    check((0, 3), (3,))


@given(st.sampled_from(TABLE), mutually_broadcastable_shapes(num_shapes=2, min_dims=0, max_dims=3, max_side=3))
def test_shapes(row, shapes_):
    f, reference, left, right = row
    shape0, shape1 = shapes_.input_shapes
    check_function(f, reference, uniform(*shape0, low=left[0], high=left[1]),
                   uniform(*shape1, low=right[0], high=right[1]))


def test_maximum_of_mixed_order():
    x, y = np.split(spread(2, 5), 2)
    check_function(F.maximum, np.maximum, x, y, eps=1e-5)
    check_function(F.minimum, np.minimum, x, y, eps=1e-5)
    check_function(lambda x: F.maximum(x, 0), lambda x: np.maximum(x, 0), x, eps=1e-5)
    tie = Variable(np.ones(2)), Variable(np.ones(2))
    F.sum(F.maximum(*tie)).backward()
    assert tie[0].grad.tolist() == [1, 1]
    assert tie[1].grad.tolist() == [0, 0]


def test_floordiv():
    check_function(F.floordiv, np.floor_divide, spread(3, 4), uniform(4, low=0.3, high=1), differentiable=False)


def test_add_of_many():
    check_function(F.add, lambda *xs: sum(xs), uniform(2, 3), uniform(3), uniform(1))
    check_function(F.add, lambda x: x, uniform(2, 3))
    check_function(lambda x: F.add(x, activation=F.relu), lambda x: np.maximum(x, 0), spread(2, 3))
    with pytest.raises(ValueError, match='add: expected one or more arguments, got none'):
        F.add()


@pytest.mark.parametrize('exponent', [-1, 0, 0.5, 1, 2, 3])
def test_constant_power(exponent):
    x = uniform(2, 3, low=0.5, high=2)
    check_function(lambda x: x ** exponent, lambda x: x ** exponent, x)
    check_function(lambda x: exponent ** x if exponent > 0 else x, None, x)


def test_powers_of_zero():
    for x, y, gx, gy in [(0., 0., 0, 0), (0., 1., 1, 0), (0., 2., 0, 0), (0., 3., 0, 0), (2., 0., 0, np.log(2))]:
        base, exponent = Variable(np.array(x)), Variable(np.array(y))
        (base ** exponent).backward()
        assert (base.grad, exponent.grad) == (gx, gy)
        base = Variable(np.array(x))
        (base ** y).backward()
        assert base.grad == gx


OPERATORS = [operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod, operator.pow]
COMPARISONS = [operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne]


@pytest.mark.parametrize('op', OPERATORS + COMPARISONS)
@pytest.mark.parametrize('dtype', ['float16', 'float32', 'float64'])
@pytest.mark.parametrize('other', [2, 2.5, True, np.float64(2.5), np.float32(2.5), np.int64(2), np.array(2.5, 'f4')])
def test_operators_with_scalars(op, dtype, other):
    """A number never changes the dtype, on whichever side it is."""
    array = np.array([[1, 2, 3.5]], dtype)
    for x in array, np.array(1.5, dtype):
        if isinstance(other, np.ndarray) and dtype == 'float16':
            continue
        for y, expected in [(op(Variable(x), other), op(x, np.asarray(other, dtype))),
                            (op(other, Variable(x)), op(np.asarray(other, dtype), x))]:
            assert isinstance(y, Variable)
            assert y.dtype == expected.dtype
            assert y.shape == x.shape
            np.testing.assert_array_equal(y.array, expected)


@pytest.mark.parametrize('op', [*OPERATORS, *COMPARISONS, operator.matmul])
def test_operators_with_arrays(op):
    x, y = uniform(3, 3, low=0.5, high=2), uniform(3, 3, low=0.5, high=2)
    for z in op(Variable(x), Variable(y)), op(Variable(x), y), op(x, Variable(y)):
        assert isinstance(z, Variable)
        np.testing.assert_array_equal(z.array, op(x, y))


@pytest.mark.parametrize('op', [*OPERATORS, operator.matmul, operator.lt, operator.ge])
@pytest.mark.parametrize('other', ['text', None, [1.0], {}])
def test_unsupported_operands(op, other):
    x = Variable(np.ones((1, 1)))
    with pytest.raises(TypeError, match=r'unsupported operand|not supported|scalar index'):
        op(x, other)
    if other != 'text' or op is not operator.mod:  # that is formatting
        with pytest.raises(TypeError):
            op(other, x)


def test_comparison_with_anything():
    x = Variable(np.ones(2))
    assert (x == None) is False  # noqa: E711
    assert (x != 'text') is True


def test_operators_on_integers():
    n = Variable(np.array([5, -7]))
    assert (n + 1).dtype == n.dtype
    assert (n / 2).array.tolist() == [2.5, -3.5]
    assert (n * 0.5).dtype == np.float64
    assert (n // 2).array.tolist() == [2, -4]
    assert (-n % 3).array.tolist() == [1, 1]
    assert (2 - n).array.tolist() == [-3, 9]
    assert (+n) is n


def test_mixed_precision_gives_gradients_of_the_inputs_precision():
    x, y = Variable(np.ones(2, 'f')), Variable(np.ones(2))
    F.sum(x * y).backward()
    assert (x * y).dtype == np.float64
    assert x.grad.dtype == np.float32
    assert y.grad.dtype == np.float64


def test_errors():
    with pytest.raises(ValueError, match=r'Multiply: operands of shapes \(2,\) and \(3,\) do not broadcast'):
        Variable(np.ones(2)) * np.ones(3)
    with pytest.raises(TypeError, match='NumPy or CuPy array, got str'):
        F.add(np.ones(2), 'text')


@given(shapes())
def test_scalar_operators_in_any_shape(shape):
    check_function(lambda x: (2 - x) * 3 / (x + 4) - 1, lambda x: (2 - x) * 3 / (x + 4) - 1, uniform(*shape))


def test_numbers_leave_small_integers_small():
    n = Variable(np.array([1, 2], np.uint8))
    assert (n + 1).dtype == np.uint8
    assert (n * np.int64(3)).dtype == np.uint8
    assert (n / 2).dtype == (n.array / 2).dtype


@pytest.mark.parametrize('op', [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow])
def test_arrays_take_the_dtype_of_a_variable(op):
    """As in Chainer: beside a Variable, an array is a constant, and does not change the precision."""
    x = Variable(np.array([1.5, 2], 'f'))
    for array in np.array([1., 3.]), np.array([1, 3]), np.array([True, True]), np.array([1, 3], 'f2'):
        single = array.astype('f')
        for y, expected in (op(x, array), op(x.array, single)), (op(array, x), op(single, x.array)):
            assert y.dtype == np.float32
            np.testing.assert_allclose(y.array, expected, rtol=1e-6)
    assert op(Variable(np.array([1, 2])), np.array([1.5, 2.5])).dtype == np.float64
    assert op(x, np.array([1j, 2])).dtype.kind == 'c'
    assert F.add(x.array, np.array([1., 3.])).dtype == np.float64


@pytest.mark.parametrize('left, right', [((3, 4), (3, 4)), ((2, 1, 3), (4, 1)), ((5,), (1,)), ((), ()), ((0, 3), (3,))])
def test_sum_with_a_rectifier(left, right):
    shape = np.broadcast_shapes(left, right)
    total = spread(*shape, low=-2, high=2)
    other = uniform(*right)
    # With one of the two broadcast, sums are what they are: far from zero they are by their own spread.
    x = total - other if left == shape else spread(*left, low=-9, high=9)
    check_function(lambda x, y: F.add(x, y, activation=F.relu), lambda x, y: np.maximum(x + y, 0), x, other, eps=1e-5)


def test_activations_of_sums():
    x = Variable(np.array([1., -5.]))
    assert F.add(x, x, 3, activation=F.relu).array.tolist() == [5, 0]
    assert F.add(x, 3., activation=F.relu).array.tolist() == [4, 0]
    for wrong in F.relu6, True:
        with pytest.raises(ValueError, match='add: expected activation'):
            F.add(x, x, activation=wrong)


@pytest.mark.parametrize('f, reference', [
    (F.add, np.add), (F.sub, np.subtract), (F.mul, np.multiply), (F.div, np.divide),
    (lambda x, y: F.add(x, y, activation=F.relu), lambda x, y: np.maximum(x + y, 0))])
@pytest.mark.parametrize('dtype', ['f', 'd', 'i'])
def test_large_arrays(f, reference, dtype):
    x = (uniform(3, 5, 200, 111, low=1, high=9)).astype(dtype)
    y = -x[::-1]
    np.testing.assert_array_equal(f(x, y).array, reference(x, y))
    channels_last = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)
    for other in channels_last, y:
        z = f(channels_last, other).array
        np.testing.assert_array_equal(z, reference(channels_last, other))
    if dtype != 'i':
        assert f(channels_last, channels_last).array.strides == channels_last.strides
