"""Parameters: when their arrays come into being and what fills them, update rules, copies."""
import copy
import pickle

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
from autograd_nn import Parameter, Variable, using_config


def fill_with_three(array):
    array[...] = 3


class Counting:
    """An initializer with a dtype of its own that counts its calls."""

    dtype = np.dtype('float16')

    def __init__(self):
        self.calls = 0

    def __call__(self, array):
        self.calls += 1
        array[...] = np.arange(array.size).reshape(array.shape)


class RecordingRule:
    def __init__(self):
        self.updated = []

    def update(self, param):
        self.updated.append(param)


@pytest.mark.parametrize('initializer, expected', [
    (0.5, [[0.5, 0.5]]), (2, [[2, 2]]), (np.float64(0.5), [[0.5, 0.5]]), (fill_with_three, [[3, 3]]),
    (None, [[np.nan, np.nan]])])
def test_what_fills_it(initializer, expected):
    for p in Parameter(initializer, (1, 2)), Parameter(initializer):
        if not p.is_initialized:
            assert p.array is None and p.grad is None
            p.initialize((1, 2))
        assert p.is_initialized and p.shape == (1, 2) and p.requires_grad
        assert p.dtype == np.float32
        np.testing.assert_array_equal(p.array, expected)
        assert p.array.flags.writeable


def test_an_array_brings_shape_and_dtype_and_is_copied():
    a = np.arange(3.)
    p = Parameter(a)
    assert p.shape == (3,) and p.dtype == np.float64
    p.array[0] = 9
    assert a[0] == 0
    assert Parameter(a, (3,)).array.tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match=r'bias.*\(2,\).*\(3,\)'):
        Parameter(a, (2,), name='bias')


def test_initializer_objects_choose_the_dtype_and_run_once():
    initializer = Counting()
    p = Parameter(initializer)
    assert p.dtype == np.float16 and initializer.calls == 0
    p.initialize((2, 2))
    p.initialize((5, 5))
    assert initializer.calls == 1 and p.shape == (2, 2) and p.dtype == np.float16


@pytest.mark.parametrize('shape, expected', [
    (3, (3,)), (np.int64(3), (3,)), ((), ()), ([2, 3], (2, 3)), ((0, 2), (0, 2))])
def test_shapes(shape, expected):
    assert Parameter(1, shape).shape == expected


def test_dtype_follows_the_configuration():
    with using_config('dtype', np.dtype('float64')):
        p = Parameter(0)
        assert p.dtype == np.float64
        q = Parameter(0, (2,))
    assert q.dtype == np.float64
    p.initialize((2,))
    assert p.dtype == np.float64
    r = Parameter(np.float64(1))
    with using_config('dtype', np.dtype('float64')):
        r.initialize((2,))
    assert r.dtype == np.float32


def test_a_dtype_of_its_own():
    for initializer in None, 3, Counting(), np.ones(2, 'e'):
        p = Parameter(initializer, dtype='d')
        p.initialize((2,))
        assert p.dtype == np.float64


def test_using_it_before_it_has_a_shape_is_a_clear_error():
    p = Parameter(0, name='W')
    for hook in None, ann.FunctionHook():
        with pytest.raises(RuntimeError, match=r'Exp.*input 0.*W'):
            if hook is None:
                F.exp(p)
            else:
                with hook:
                    F.exp(p)


def test_repr():
    assert repr(Parameter(0.5, (2,))) == 'parameter([0.5, 0.5], dtype=float32)'
    assert repr(Parameter(0.5, name='W')) == 'parameter W(uninitialized)'
    assert str(Parameter(0.5, (2,), name='W')) == 'parameter W([0.5 0.5])'
    assert 'uninitialized' in Parameter().summary()


def test_gradient_before_and_after_initialization():
    p = Parameter(2)
    p.cleargrad()
    p.zerograd()
    assert p.grad is None
    p.initialize((2,))
    assert p.grad is None
    (p * p).sum().backward()
    assert p.grad.tolist() == [4, 4]


def test_gradient_of_a_new_parameter_can_be_written_into():
    p, q, r = Parameter(2, (2,)), Parameter(2), Parameter(3, (2,))
    assert q.grad is None
    q.initialize((2,))
    for x in p, q:
        x.grad[...] = 1
        assert x.grad.tolist() == [1, 1] and x.grad.dtype == np.float32
    (p * p).sum().backward()
    assert p.grad.tolist() == [5, 5] and q.grad.tolist() == [1, 1] and r.grad is None
    for clear in Parameter.cleargrad, lambda x: setattr(x, 'grad', None):
        r = Parameter(3, (2,))
        clear(r)
        assert r.grad is None and copy.copy(r).grad is None
    r = Parameter(3, (2,))
    assert copy.deepcopy(r).grad_var is None and copy.deepcopy(r).grad.tolist() == [0, 0]


def test_array_of_a_new_parameter():
    assert np.isnan(Parameter(shape=(2,)).array).all()


def test_naming_before_initialization():
    p = Parameter(1)
    p.name = 'W'
    assert p.node.shape is None and p.node.label == 'uninitialized'
    p.initialize((3,))
    assert p.node.shape == (3,) and p.node.dtype == np.float32
    p.sum().backward()
    assert p.grad.tolist() == [1, 1, 1]


def test_copydata_initializes():
    p = Parameter(Counting())
    p.copydata(Variable(np.array([1., 2.])))
    assert p.array.tolist() == [1, 2] and p.dtype == np.float16 and p.initializer.calls == 0
    empty = Parameter()
    empty.copydata(Parameter())
    assert not empty.is_initialized
    source = Parameter(5)
    p.copydata(source)
    assert p.array.tolist() == source.array.tolist() == [5, 5]
    with pytest.raises(ValueError, match='copydata'):
        p.copydata(Variable())


def test_update_rule():
    p = Parameter(1, (2,))
    p.update()
    p.update_rule = RecordingRule()
    p.update()
    assert p.update_rule.updated == [p] or p.update_rule.updated[0] is p


def test_to_device_before_initialization():
    p = Parameter(1)
    p.to_cpu()
    assert str(p.device) == '@numpy'
    p.initialize((1,))
    assert isinstance(p.array, np.ndarray) and str(p.device) == '@numpy'


@pytest.mark.parametrize('clone', [copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))])
def test_deep_copies(clone):
    p = Parameter(fill_with_three, (2,), name='W')
    p.grad = np.ones(2, 'f')
    p.update_rule = RecordingRule()
    q = clone(p)
    assert type(q) is Parameter and q.name == 'W' and q.initializer is fill_with_three
    assert q.array.tolist() == [3, 3] and not np.shares_memory(q.array, p.array)
    assert q.grad.tolist() == [1, 1] and not np.shares_memory(q.grad, p.grad)
    assert isinstance(q.update_rule, RecordingRule) and q.update_rule is not p.update_rule
    r = clone(Parameter(0.25, name='lazy'))
    assert not r.is_initialized and r.name == 'lazy'
    r.initialize((1,))
    assert r.array[0] == 0.25


def test_shallow_copy_shares_the_array_and_nothing_else():
    p = Parameter(1, (2,), name='W')
    q = copy.copy(p)
    assert type(q) is Parameter and q.array is p.array and q.name == 'W'
    (q * 2).sum().backward()
    assert q.grad.tolist() == [2, 2] and p.grad is None
    lazy = copy.copy(Parameter(0.5))
    lazy.initialize((1,))
    assert lazy.array[0] == 0.5


def test_copies_are_independent_of_the_graph():
    p = Parameter(1, (2,))
    y = (p * 3).sum()
    q = copy.deepcopy(p)
    y.backward()
    assert p.grad.tolist() == [3, 3] and q.grad is None


def test_a_parameter_is_an_attribute_holder():
    p = Parameter(1, (2,))
    p.tag = 'mine'
    assert copy.deepcopy(p).tag == 'mine' and copy.copy(p).tag == 'mine'
