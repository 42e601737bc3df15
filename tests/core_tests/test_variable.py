"""Variables: as arrays, as operands, their gradients, their place in the graph, and copies."""
import copy
import gc
import operator
import pickle
import weakref

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
from autograd_nn import Variable


def f32(*values):
    return np.array(values, dtype=np.float32)


@pytest.fixture
def no_gc():
    """Whatever is freed inside, reference counting has freed."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


class TestAsArray:
    def test_array_and_data_are_the_very_array(self):
        a = f32(1, 2)
        x = Variable(a)
        assert x.array is a and x.data is a
        b = f32(3, 4)
        x.data = b
        assert x.array is b
        x.array = a
        assert x.data is a

    @pytest.mark.parametrize('wrong', [1.0, 3, [1.0, 2.0], 'text', (1,), np.float32(1), object()])
    def test_what_is_no_array_is_refused(self, wrong):
        with pytest.raises(TypeError, match=f'Variable.*{type(wrong).__name__}'):
            Variable(wrong)
        x = Variable(f32(1))
        with pytest.raises(TypeError, match='Variable'):
            x.array = wrong
        assert x.array[0] == 1

    def test_a_variable_is_no_array(self):
        with pytest.raises(TypeError, match='Variable'):
            Variable(Variable(f32(1)))

    def test_shape_size_ndim_dtype(self):
        x = Variable(np.zeros((2, 3, 0), 'f2'))
        assert (x.shape, x.size, x.ndim, x.dtype) == ((2, 3, 0), 0, 3, np.float16)
        assert x.xp is np and str(x.device) == '@numpy'

    def test_arguments_are_keywords(self):
        with pytest.raises(TypeError):
            Variable(f32(1), 'x')
        x = Variable(f32(1), name='x', grad=f32(2), requires_grad=True)
        assert x.name == 'x' and x.grad[0] == 2 and x.requires_grad

    @pytest.mark.parametrize('dtype', ['i4', 'u1', '?'])
    def test_integers_need_no_gradient(self, dtype):
        assert not Variable(np.ones(2, dtype)).requires_grad
        assert not Variable(np.ones(2, dtype), requires_grad=True).requires_grad

    def test_len_and_iteration(self):
        x = Variable(np.arange(6.).reshape(3, 2))
        assert len(x) == 3
        rows = list(x)
        assert [row.array.tolist() for row in rows] == [[0, 1], [2, 3], [4, 5]]
        (rows[0] * 1 + rows[2] * 3).sum().backward()
        assert x.grad.tolist() == [[1, 1], [0, 0], [3, 3]]
        _, b, _ = x
        assert b.shape == (2,)

    def test_no_axes_no_length_no_iteration(self):
        x = Variable(np.array(1.))
        with pytest.raises(TypeError):
            len(x)
        with pytest.raises(TypeError):
            iter(x)
        with pytest.raises(TypeError):
            list(x)

    def test_python_numbers(self):
        x = Variable(np.array([[2.5]], 'f'))
        assert type(x.item()) is float and x.item() == 2.5
        assert float(x) == 2.5 and int(x) == 2
        assert operator.index(Variable(np.array(3))) == 3
        with pytest.raises(TypeError):
            operator.index(Variable(np.array(3.)))
        for convert in float, int, Variable.item:
            with pytest.raises(ValueError):
                convert(Variable(f32(1, 2)))

    def test_truth(self):
        assert Variable(f32(1)) and not Variable(f32(0))
        with pytest.raises(ValueError):
            bool(Variable(f32(1, 2)))

    def test_hash_tells_variables_apart(self):
        a = f32(1, 2)
        x, y = Variable(a), Variable(a)
        table = {x: 'x', y: 'y'}
        assert table[x] == 'x' and table[y] == 'y' and len({x, y, x}) == 2

    def test_repr_and_str_show_values(self):
        x = Variable(f32(1, 2.5))
        assert repr(x) == 'variable([1. , 2.5], dtype=float32)'
        assert str(x) == 'variable([1.  2.5])'
        x.name = 'x'
        assert repr(x) == 'variable x([1. , 2.5], dtype=float32)'
        assert str(x) == 'variable x([1.  2.5])'

    def test_repr_of_several_lines_is_aligned(self):
        lines = repr(Variable(np.arange(8.).reshape(2, 2, 2), name='cube')).splitlines()
        assert lines[0] == 'variable cube([[[0., 1.],'
        assert [line.index('[') for line in lines if line] == [14, 16, 15, 16]

    def test_repr_of_special_arrays(self):
        assert repr(Variable(np.array(3.))) == 'variable(3.)'
        assert 'shape=(0, 3)' in repr(Variable(np.zeros((0, 3)))) or 'variable([]' in repr(Variable(np.zeros((0, 3))))
        assert repr(Variable(np.array([True]))) == 'variable([ True])'
        assert len(repr(Variable(np.zeros(10 ** 6)))) < 200

    def test_summary_line(self):
        text = Variable(f32(1, 2), name='x').summary()
        assert all(part in text for part in ('x', '(2,)', 'float32', '@numpy'))

    def test_array_protocol(self):
        a = f32(1, 2)
        x = Variable(a)
        assert np.asarray(x) is a
        assert np.array(x) is not a and np.array(x).tolist() == [1, 2]
        assert np.asarray(x, dtype='f8').dtype == np.float64
        assert np.sum(np.asarray(x)) == 3
        if np.lib.NumpyVersion(np.__version__) >= '2.0.0':
            assert np.asarray(x, copy=False) is a
            assert np.asarray(x, copy=True) is not a
            with pytest.raises(ValueError):
                np.asarray(x, dtype='f8', copy=False)

    def test_numpy_functions_do_not_swallow_variables(self):
        with pytest.raises(TypeError):
            np.exp(Variable(f32(1)))

    def test_transfer_to_the_cpu_stays(self):
        a, g = f32(1, 2), f32(3, 4)
        x = Variable(a, grad=g)
        x.to_cpu()
        assert x.array is a and x.grad is g
        x.to_device('cpu')
        assert x.array is a and x.grad is g


class TestDLPack:
    def test_numpy_reads_a_variable_without_copy(self):
        a = f32(1, 2, 3)
        b = np.from_dlpack(Variable(a))
        a[0] = 7
        assert b[0] == 7

    def test_variable_reads_numpy_without_copy(self):
        a = f32(1, 2, 3)
        x = ann.from_dlpack(a)
        assert isinstance(x, Variable) and x.requires_grad and x.dtype == np.float32
        a[0] = 7
        assert x.array[0] == 7

    def test_torch_both_ways(self):
        torch = pytest.importorskip('torch')
        t = torch.arange(3.)
        x = ann.from_dlpack(t)
        t[0] = 5
        assert x.array.tolist() == [5, 1, 2]
        y = x * 2
        back = torch.from_dlpack(y)
        back[1] = -1
        assert y.array.tolist() == [10, -1, 4]


NUMBERS = [2, 2.0, np.float32(2), np.float64(2), np.int64(2), np.array(2.0, 'f'), Variable(np.array(2.0, 'f'))]
BINARY = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.floordiv, operator.mod]


class TestOperators:
    @pytest.mark.parametrize('op', BINARY)
    @pytest.mark.parametrize('number', NUMBERS, ids=lambda n: type(n).__name__)
    def test_numbers_on_either_side_keep_the_dtype(self, op, number):
        for dtype in 'f2', 'f4':
            a = np.array([1.5, 2.5, 4.0], dtype)
            value = float(number)
            if dtype == 'f2' and isinstance(number, (Variable, np.ndarray)):
                continue
            for actual, expected in ((op(Variable(a), number), op(a, a.dtype.type(value))),
                                     (op(number, Variable(a)), op(a.dtype.type(value), a))):
                assert isinstance(actual, Variable)
                assert actual.dtype == dtype
                np.testing.assert_allclose(actual.array, expected, rtol=1e-3)

    @pytest.mark.parametrize('op', BINARY)
    def test_arrays_on_either_side_broadcast(self, op):
        a, b = np.array([[1.5], [2.5]]), np.array([1.25, 2.0, 3.0])
        for left, right in ((Variable(a), b), (a, Variable(b)), (Variable(a), Variable(b))):
            result = op(left, right)
            assert isinstance(result, Variable) and result.requires_grad
            np.testing.assert_allclose(result.array, op(a, b))

    @pytest.mark.parametrize('number', [2.0, np.float64(2), np.float32(2)])
    def test_integer_variables_with_floats(self, number):
        x = Variable(np.array([1, 2, 3]))
        for result, expected in ((x * number, [2, 4, 6]), (number / x, [2, 1, 2 / 3]), (x - number, [-1, 0, 1])):
            assert result.dtype.kind == 'f' and not result.requires_grad
            np.testing.assert_allclose(result.array, expected)

    def test_integer_variables_with_integers(self):
        x = Variable(np.array([1, 2, 3], 'i4'))
        assert (x + 1).dtype.kind == 'i' and (x * np.int64(2)).array.tolist() == [2, 4, 6]
        assert (x // 2).array.tolist() == [0, 1, 1] and (7 % x).array.tolist() == [0, 1, 1]
        assert (x / 2).array.tolist() == [0.5, 1, 1.5]

    def test_integer_times_float_variable(self):
        n, x = Variable(np.array([1, 2, 3])), Variable(np.array([1., 2., 3.]))
        (n * x).sum().backward()
        assert n.grad is None and x.grad.tolist() == [1, 2, 3]

    def test_matmul_on_either_side(self):
        a, b = np.arange(6.).reshape(2, 3), np.arange(12.).reshape(3, 4)
        for left, right in ((Variable(a), b), (a, Variable(b)), (Variable(a), Variable(b))):
            np.testing.assert_allclose((left @ right).array, a @ b)

    def test_unary(self):
        x = Variable(f32(-1, 2))
        assert (-x).array.tolist() == [1, -2] and abs(x).array.tolist() == [1, 2] and (+x).array.tolist() == [-1, 2]

    @pytest.mark.parametrize('op', [operator.iadd, operator.isub, operator.imul, operator.itruediv, operator.ipow])
    def test_in_place_operators_make_new_variables(self, op):
        a = f32(1, 2)
        x = y = Variable(a)
        y = op(y, 3)
        assert y is not x and x.array is a and a.tolist() == [1, 2]
        np.testing.assert_allclose(y.array, op(f32(1, 2), 3))

    def test_in_place_on_an_array_is_refused(self):
        a = f32(1, 2)
        with pytest.raises(TypeError):
            a += Variable(f32(1, 1))
        assert a.tolist() == [1, 2]

    @pytest.mark.parametrize('op', [operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne])
    def test_comparison_is_elementwise(self, op):
        a, b = np.array([1., 2., 3.]), np.array([2., 2., 2.])
        expected = op(a, b)
        for left, right in ((Variable(a), Variable(b)), (Variable(a), b), (a, Variable(b)), (Variable(a), 2),
                            (Variable(a), np.float32(2))):
            result = op(left, right)
            assert isinstance(result, Variable) and result.dtype == np.bool_ and not result.requires_grad
            assert result.array.tolist() == expected.tolist()

    def test_comparison_with_strangers(self):
        x = Variable(f32(1, 2))
        assert (x == None) is False and (x != None) is True  # noqa: E711
        with pytest.raises(TypeError):
            assert x < 'text'

    def test_shapes_that_do_not_fit_are_named(self):
        with pytest.raises(ValueError, match=r'\(2,\).*\(3,\)'):
            Variable(np.zeros(2)) + Variable(np.zeros(3))

    @pytest.mark.parametrize('other', ['text', None, [1.0], object()])
    def test_strange_operands_are_left_to_python(self, other):
        with pytest.raises(TypeError):
            Variable(f32(1)) * other

    def test_the_other_class_may_know(self):
        class Known:
            def __radd__(self, other):
                return 'known'

        assert Variable(f32(1)) + Known() == 'known'

    def test_reshape_transpose_index(self):
        a = np.arange(24.).reshape(2, 3, 4)
        x = Variable(a)
        for actual, expected in (
                (x.reshape(6, 4), a.reshape(6, 4)), (x.reshape((4, 6)), a.reshape(4, 6)), (x.reshape(-1), a.ravel()),
                (x.reshape(2, -1), a.reshape(2, 12)), (x.T, a.T), (x.transpose(), a.T),
                (x.transpose(1, 0, 2), a.transpose(1, 0, 2)), (x.transpose((2, 0, 1)), a.transpose(2, 0, 1)),
                (x.transpose(-1, 0, 1), a.transpose(-1, 0, 1)),
                (x[1], a[1]), (x[:, 1:, ::2], a[:, 1:, ::2]), (x[..., None], a[..., None]), (x[1, 2, 3], a[1, 2, 3]),
                (x[[0, 0, 1]], a[[0, 0, 1]]), (x[a > 5], a[a > 5]), (x[:, np.array([2, 0])], a[:, [2, 0]]),
                (x[::-1], a[::-1]), (x[-1, ..., 0], a[-1, ..., 0])):
            assert actual.shape == np.shape(expected)
            np.testing.assert_array_equal(actual.array, expected)

    def test_repeated_index_adds_gradients(self):
        x = Variable(np.arange(3.))
        x[np.array([0, 0, 2])].sum().backward()
        assert x.grad.tolist() == [2, 0, 1]

    def test_index_out_of_range(self):
        with pytest.raises(IndexError):
            Variable(f32(1, 2))[2]


class TestNode:
    def test_the_way_back_to_the_variable(self):
        x = Variable(f32(1, 2), name='x')
        y = x * 3
        assert x.node.get_variable() is x and y.node.get_variable_or_none() is y
        node = y.node
        del y
        assert node.get_variable_or_none() is None and node.data is None
        again = node.get_variable()
        assert again.node is node and again.array is None and again.creator is node.creator
        with pytest.raises(RuntimeError, match='the Variable is gone'):
            del again
            node.retain_data()

    def test_who_keeps_the_array(self):
        x = Variable(f32(1, 2))
        assert x.node.data is x.array
        node = x.node
        x.retain_data()
        array = x.array
        del x
        assert node.data is array and node.get_variable().array is array
        y = F.exp(Variable(f32(0)))
        node, array = y.node, y.array
        del y
        assert node.data is array is node.get_variable().array
        z = Variable(f32(3))
        z.node.retain_data()
        node = z.node
        del z
        assert node.data.tolist() == [3]

    def test_gradient_as_an_array(self):
        x = Variable(f32(1, 2))
        assert x.node.grad is None
        x.grad = f32(3, 4)
        assert x.node.grad is x.grad


class TestGradientAttribute:
    def test_set_get_clear(self):
        x = Variable(f32(1, 2))
        assert x.grad is None and x.grad_var is None
        g = f32(3, 4)
        x.grad = g
        assert x.grad is g and isinstance(x.grad_var, Variable)
        y, gy = x * 2, f32(1, 1)
        y.grad = gy
        given = y.grad_var
        x.cleargrad()
        y.backward(enable_double_backprop=True)
        (x.grad_var ** 2).sum().backward()
        assert given.grad.tolist() == [8, 8]
        x.cleargrad()
        assert x.grad is None
        x.zerograd()
        assert x.grad.tolist() == [0, 0] and x.grad.dtype == np.float32
        x.grad = None
        assert x.grad is None
        gv = Variable(f32(1, 1))
        x.grad_var = gv
        assert x.grad_var is gv

    @pytest.mark.parametrize('g', [np.zeros(3, 'f'), np.zeros((1, 2), 'f'), np.zeros(2, 'f8'), np.array(0, 'f')])
    def test_shape_and_dtype_are_checked_by_name(self, g):
        x = Variable(f32(1, 2), name='weights')
        for attribute, value in (('grad', g), ('grad_var', Variable(g))):
            with pytest.raises(ValueError) as info:
                setattr(x, attribute, value)
            message = str(info.value)
            assert 'weights' in message and '(2,)' in message and 'float32' in message
            assert str(g.shape) in message and str(g.dtype) in message
        assert x.grad is None
        with pytest.raises(ValueError):
            Variable(f32(1, 2), grad=g)

    @pytest.mark.parametrize('g', [1.0, [1, 2], np.float32(1)])
    def test_a_gradient_is_an_array(self, g):
        with pytest.raises(TypeError):
            Variable(f32(1, 2)).grad = g

    def test_addgrad(self):
        x, y = Variable(f32(1, 2)), Variable(f32(5, 6), grad=f32(1, 2))
        x.addgrad(y)
        assert x.grad.tolist() == [1, 2] and x.grad is not y.grad
        x.addgrad(y)
        assert x.grad.tolist() == [2, 4] and y.grad.tolist() == [1, 2]
        x.addgrad(Variable(f32(0, 0)))
        assert x.grad.tolist() == [2, 4]
        with pytest.raises(ValueError, match=r'addgrad.*\(2,\).*\(1,\)'):
            x.addgrad(Variable(f32(1), grad=f32(1)))

    def test_copydata(self):
        a = f32(1, 2)
        x = Variable(a)
        x.copydata(Variable(np.array([3., 4.])))
        assert x.array is a and a.tolist() == [3, 4] and a.dtype == np.float32
        with pytest.raises(ValueError, match=r'copydata.*\(2,\).*\(1,\)'):
            x.copydata(Variable(f32(1)))
        with pytest.raises(ValueError, match='copydata'):
            x.copydata(ann.Parameter())


class TestGraph:
    def test_creator_rank_name(self):
        x = Variable(f32(1))
        y = x * x
        z = y + x
        assert x.creator is None and x.creator_node is None and x.rank == 0
        assert type(y.creator).__name__ == 'Multiply' and y.creator_node is y.creator
        assert 0 < y.rank < z.rank
        assert y.name is None
        y.name = 'y'
        assert y.name == y.node.name == 'y'

    def test_nothing_is_recorded_where_no_gradient_is_wanted(self):
        assert (Variable(f32(1), requires_grad=False) * f32(2)).creator is None
        assert F.exp(f32(1)).creator is None
        with ann.no_backprop_mode():
            y = Variable(f32(1)) * 2
        assert y.creator is None and not y.requires_grad

    def test_requires_grad_spreads(self):
        x, c = Variable(f32(1)), Variable(f32(1), requires_grad=False)
        assert (x * c).requires_grad and not (c * c).requires_grad
        y = x * c
        y.backward()
        assert c.grad is None

    def test_freezing_after_construction(self):
        x, w = Variable(f32(2)), Variable(f32(3))
        w.requires_grad = False
        (x * w).backward()
        assert w.grad is None and x.grad[0] == 3

    def test_unchain_makes_a_leaf(self):
        x = Variable(f32(2))
        y = x * 3
        y.unchain()
        assert y.creator is None
        z = y * 2
        z.backward()
        assert x.grad is None and y.grad[0] == 2

    def test_another_creator(self):
        y = Variable(f32(2)) * 3
        for set_creator in Variable.set_creator_node, Variable.set_creator:
            z = Variable(f32(1))
            set_creator(z, y.creator)
            assert z.creator is y.creator and z.rank == y.rank == z.node.rank
        z.node.unchain()
        assert z.creator is None and z.node.rank == 0

    def test_unchain_of_a_leaf_does_nothing(self):
        x = Variable(f32(2))
        x.unchain()
        x.unchain_backward()
        (x * 2).backward()
        assert x.grad[0] == 2

    def test_unchain_backward_cuts_everything_behind(self):
        x = Variable(f32(2))
        h1 = x * 3
        h2 = h1 * h1
        y = h2 * 2
        h2.unchain_backward()
        assert h1.creator is None and h2.creator is None and y.creator is not None
        y.backward()
        assert h2.grad[0] == 2 and h1.grad is None and x.grad is None

    def test_unchain_backward_frees_memory(self, no_gc):
        class Keep(ann.FunctionNode):
            def forward(self, inputs):
                self.retain_inputs((0,))
                self.retain_outputs((0,))
                y = inputs[0] * 2
                arrays.append(weakref.ref(y))
                return y,

        arrays, functions = [], []
        y = Variable(np.ones(10))
        for _ in range(5):
            y, = Keep().apply((y,))
            functions.append(weakref.ref(y.creator))
        assert all(ref() is not None for ref in arrays)
        y.unchain_backward()
        assert [ref() is not None for ref in arrays] == [False] * 4 + [True]
        assert all(ref() is None for ref in functions)

    def test_truncated_backpropagation(self):
        w, h, total = Variable(np.array(0.5)), Variable(np.array(1.)), 0.
        for _ in range(3):
            loss = Variable(np.array(0.))
            for _ in range(2):
                h = h * w
                loss = loss + h
            start = h.item() / w.item() ** 2
            w.cleargrad()
            loss.backward()
            total += loss.item()
            # h_1 = start w, h_2 = start w ** 2
            assert w.grad == pytest.approx(start * (1 + 2 * w.item()))
            loss.unchain_backward()
            assert h.creator is None

    def test_changing_the_array_changes_the_node(self):
        x = Variable(f32(1, 2))
        assert x.node.shape == (2,)
        x.array = np.zeros((3, 4))
        assert x.node.shape == (3, 4) and x.node.dtype == np.float64
        assert x.node.label == '(3, 4), float64'


class TestCopies:
    @pytest.mark.parametrize('clone', [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
    def test_deep(self, clone):
        x = Variable(f32(1, 2), name='x', grad=f32(3, 4))
        y = clone(x)
        assert type(y) is Variable and y.name == 'x' and y.requires_grad
        assert y.array.tolist() == [1, 2] and y.grad.tolist() == [3, 4]
        assert not np.shares_memory(x.array, y.array) and not np.shares_memory(x.grad, y.grad)
        y.cleargrad()
        assert x.grad is not None
        assert not clone(Variable(f32(1), requires_grad=False)).requires_grad

    @pytest.mark.parametrize('clone', [copy.deepcopy, copy.copy, lambda x: pickle.loads(pickle.dumps(x))])
    def test_of_a_result_is_a_leaf(self, clone):
        x = Variable(f32(1, 2))
        y = x * 2
        z = clone(y)
        assert z.creator is None and y.creator is not None and z.array.tolist() == [2, 4]
        z.sum().backward()
        assert z.grad.tolist() == [1, 1] and x.grad is None and y.grad is None

    def test_deepcopy_of_a_long_chain_is_flat(self):
        y = Variable(f32(1))
        for _ in range(5000):
            y = y + 1
        assert copy.deepcopy(y).array[0] == 5001
        assert len(pickle.dumps(y)) < 1000

    def test_deepcopy_keeps_identity_within_a_structure(self):
        x = Variable(f32(1))
        a, b = copy.deepcopy([x, x])
        assert a is b

    def test_shallow_shares_the_array(self):
        x = Variable(f32(1, 2), name='x', grad=f32(3, 4))
        y = copy.copy(x)
        assert y is not x and y.array is x.array and y.name == 'x'
        y.cleargrad()
        assert x.grad is not None
        y.name = 'y'
        assert x.name == 'x'


def test_as_variable_and_as_array():
    a = f32(1)
    x = ann.as_variable(a)
    assert isinstance(x, Variable) and x.array is a and not x.requires_grad
    assert ann.as_variable(x) is x
    assert ann.as_array(x) is a and ann.as_array(a) is a and ann.as_array(3) == 3
    with pytest.raises(TypeError):
        ann.as_variable([1.0])
