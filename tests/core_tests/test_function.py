"""User-defined functions that compute with arrays in both directions."""
import copy
import gc
import pickle
import weakref

import numpy as np
import pytest

import autograd_nn as ann
from autograd_nn import Function, Variable
from autograd_nn.utils import type_check


class Cube(Function):
    def forward(self, inputs):
        x, = inputs
        return x ** 3,

    def backward(self, inputs, grad_outputs):
        x, = inputs
        return 3 * x ** 2 * grad_outputs[0],


class SumAndDifference(Function):
    def forward(self, inputs):
        a, b = inputs
        return a + b, a - b

    def backward(self, inputs, grad_outputs):
        self.seen = inputs, grad_outputs
        zero = np.zeros_like(inputs[0])
        gs, gd = (zero if g is None else g for g in grad_outputs)
        return gs + gd, gs - gd


class Keeping(Function):
    """Keeps its second input and its first output."""

    def forward(self, inputs):
        self.retain_inputs((1,))
        self.retain_outputs((0,))
        a, b = inputs
        return np.exp(a) * b, b * 2

    def backward(self, inputs, grad_outputs):
        a, b = inputs
        assert a is None
        y, none = self.output_data
        assert none is None
        ga, gb = np.zeros_like(b), np.zeros_like(b)
        if grad_outputs[0] is not None:
            ga += y * grad_outputs[0]
            gb += y / b * grad_outputs[0]
        if grad_outputs[1] is not None:
            gb += 2 * grad_outputs[1]
        return ga, gb


@pytest.fixture
def no_gc():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def test_one_input_one_output():
    x = Variable(np.array([1., 2.]))
    y = Cube()(x)
    assert isinstance(y, Variable) and y.array.tolist() == [1, 8]
    assert isinstance(y.creator, Cube) and y.creator_node.label == 'Cube'
    y.grad = np.array([1., 10.])
    y.backward()
    assert x.grad.tolist() == [3, 120]


def test_arrays_as_inputs():
    y = Cube()(np.array([2.]))
    assert y.array.tolist() == [8] and y.creator is None


def test_several_inputs_and_outputs():
    a, b = Variable(np.array(3.)), Variable(np.array(2.))
    s, d = SumAndDifference()(a, b)
    (s * d).backward()
    assert (a.grad, b.grad) == (6, -4)


def test_outputs_without_gradient_are_none():
    a, b = Variable(np.array(3.)), Variable(np.array(2.))
    function = SumAndDifference()
    _, d = function(a, b)
    d.backward()
    inputs, grads = function.seen
    assert inputs == (3, 2) and grads[0] is None and isinstance(grads[1], np.ndarray)
    assert (a.grad, b.grad) == (1, -1)


def test_retained_inputs_and_outputs():
    a, b = Variable(np.array(0.5)), Variable(np.array(2.))
    function = Keeping()
    y, z = function(a, b)
    np.testing.assert_allclose(function.output_data[0], np.exp(0.5) * 2)
    (y + z).backward()
    np.testing.assert_allclose([a.grad, b.grad], [2 * np.exp(0.5), np.exp(0.5) + 2])


def test_only_what_is_retained_stays_in_memory(no_gc):
    a, b = (Variable(np.ones(3)) * 1 for _ in range(2))
    arrays = [weakref.ref(v.array) for v in (a, b)]
    y, z = Keeping()(a, b)
    outputs = [weakref.ref(v.array) for v in (y, z)]
    w = y + z
    del a, b, y, z
    assert [ref() is not None for ref in arrays] == [False, True]
    assert [ref() is not None for ref in outputs] == [True, False]
    del w
    assert arrays[1]() is None and outputs[0]() is None


def test_no_circle_of_references(no_gc):
    function = Cube()
    x = Variable(np.ones(3))
    y = function(x)
    node = weakref.ref(y.creator_node)
    y.sum().backward()
    del y
    assert node() is None and function.node is None
    gone = weakref.ref(function)
    del function
    assert gone() is None


def test_applied_twice():
    function = Cube()
    x0, x1 = Variable(np.array(1.)), Variable(np.array(2.))
    y0 = function(x0)
    y1 = function(x1)
    (y0 + 10 * y1).backward()
    assert (x0.grad, x1.grad) == (3, 120)
    assert function.inputs[0] is x1.node or function.inputs[0] is x0.node


def test_applied_to_its_own_result():
    function = Cube()
    x = Variable(np.array(1.1))
    function(function(x)).backward()
    np.testing.assert_allclose(x.grad, 9 * 1.1 ** 8)


def test_forward_cpu_and_backward_cpu():
    class Double(Function):
        def forward_cpu(self, inputs):
            return inputs[0] * 2,

        def backward_cpu(self, inputs, grad_outputs):
            return grad_outputs[0] * 2,

    x = Variable(np.array([1., 2.]))
    y = Double()(x)
    y.sum().backward()
    assert y.array.tolist() == [2, 4] and x.grad.tolist() == [2, 2]


def test_nothing_implemented():
    with pytest.raises(NotImplementedError, match=r'Nothing.*forward'):
        type('Nothing', (Function,), {})()(np.ones(1))
    y = type('Half', (Function,), {'forward': lambda self, inputs: inputs})()(Variable(np.ones(1)))
    with pytest.raises(NotImplementedError, match=r'Half.*backward'):
        y.backward()


def test_none_for_no_gradient():
    class First(Function):
        def forward(self, inputs):
            return inputs[0] * 1,

        def backward(self, inputs, grad_outputs):
            return grad_outputs[0], None

    a, b = Variable(np.array(1.)), Variable(np.array(2.))
    First()(a, b).backward()
    assert a.grad == 1 and b.grad is None


@pytest.mark.parametrize('result', [np.ones(2), [np.ones(2)], None])
def test_forward_must_return_a_tuple(result):
    class Wrong(Function):
        def forward(self, inputs):
            return result

    with pytest.raises(TypeError, match=r'Wrong.*tuple'):
        Wrong()(Variable(np.ones(2)))


@pytest.mark.parametrize('result', [np.ones(2), (np.ones(2), np.ones(2)), None, (), []])
def test_backward_must_return_a_tuple_of_the_right_length(result):
    class Wrong(Function):
        def forward(self, inputs):
            return inputs[0] * 1,

        def backward(self, inputs, grad_outputs):
            return result

    y = Wrong()(Variable(np.ones(2)))
    with pytest.raises(TypeError, match=r'Wrong.*tuple of 1'):
        y.sum().backward()


def test_a_list_of_gradients_and_no_array_as_output():
    class Both(Function):
        def forward(self, inputs):
            return None, inputs[0] * 2

        def backward(self, inputs, grad_outputs):
            assert grad_outputs[0] is None
            return [grad_outputs[1] * 2]

    x = Variable(np.ones(2))
    nothing, y = Both()(x)
    y.sum().backward()
    assert nothing.array is None and x.grad.tolist() == [2, 2]


def test_gradient_of_a_wrong_shape_is_noticed():
    class Wrong(Function):
        def forward(self, inputs):
            return inputs[0] * 1,

        def backward(self, inputs, grad_outputs):
            return np.ones(3),

    y = Wrong()(Variable(np.ones(2)))
    with pytest.raises(ValueError, match=r'Wrong.*input 0.*\(2,\).*\(3,\)'):
        y.sum().backward()


def test_numpy_scalars_as_results():
    class Total(Function):
        def forward(self, inputs):
            return inputs[0].sum(),

        def backward(self, inputs, grad_outputs):
            return np.full_like(inputs[0], grad_outputs[0]),

    x = Variable(np.ones((2, 2), 'f'))
    y = Total()(x)
    assert isinstance(y.array, np.ndarray) and y.shape == ()
    y.backward()
    assert x.grad.tolist() == [[1, 1], [1, 1]]


def test_gradients_have_the_dtype_of_the_input():
    class Wide(Function):
        def forward(self, inputs):
            return inputs[0] * 1,

        def backward(self, inputs, grad_outputs):
            return grad_outputs[0].astype('f8'),

    x = Variable(np.ones(2, 'f'))
    Wide()(x).sum().backward()
    assert x.grad.dtype == np.float32


def test_differentiating_the_gradient_is_refused_only_when_it_is_tried():
    x = Variable(np.array(2.))
    y = Cube()(x)
    y.backward(enable_double_backprop=True)
    assert x.grad == 12
    with pytest.raises(RuntimeError, match=r'Cube.*FunctionNode'):
        (x.grad_var * 1).backward()
    z = Variable(np.array(3.))
    gx, gz = ann.grad([Cube()(x) * z * z], [x, z], enable_double_backprop=True)
    with pytest.raises(RuntimeError, match='Cube'):
        ann.grad([gx], [x])
    # Another path leads around the function's gradient.
    ggz, = ann.grad([gz], [z])
    assert ggz.array == 2 * 8


def test_type_check():
    class Checked(Cube):
        def check_type_forward(self, in_types):
            type_check.expect(in_types.size() == 1, in_types[0].ndim == 1)

    assert Checked()(np.ones(2)).array.tolist() == [1, 1]
    with pytest.raises(type_check.InvalidType, match=r'Checked.*in_types\[0\]\.ndim == 1.*2 == 1'):
        Checked()(np.ones((2, 2)))
    with ann.using_config('type_check', False):
        Checked()(np.ones((2, 2)))


def test_local_hooks_stay_with_the_function():
    class Count(ann.FunctionHook):
        name = 'Count'
        forward = backward = 0

        def forward_preprocess(self, function, in_data):
            self.forward += 1

        def backward_preprocess(self, function, in_data, out_grad):
            self.backward += 1

    function, hook = Cube(), Count()
    function.add_hook(hook)
    with pytest.raises(KeyError, match='Count'):
        function.add_hook(hook)
    x = Variable(np.array(2.))
    function(x).backward()
    function(x)
    Cube()(x)
    assert (hook.forward, hook.backward) == (2, 1)
    function.delete_hook('Count')
    function(x)
    assert hook.forward == 2
    with pytest.raises(KeyError, match='Count'):
        function.delete_hook('Count')


def test_asking_before_applying():
    with pytest.raises(RuntimeError, match=r'Cube.*not been applied'):
        assert Cube().output_data
    assert Cube().inputs is None and Cube().node is None and Cube().outputs is None and Cube().stack is None
    assert Cube().rank == 0


def test_place_in_the_graph():
    function, x = Cube(), Variable(np.array(2.))
    with ann.DebugMode(True):
        y = function(x)
    assert function.rank == y.rank > 0 and function.outputs[0]() is y.node and y.creator_node.function is function
    assert function.stack is not None and ann.function.FunctionAdapter(Cube()).apply((x,))[0].array == 8
    function.unchain()
    assert function.inputs is None and y.creator is None


@pytest.mark.parametrize('clone', [copy.copy, copy.deepcopy, lambda f: pickle.loads(pickle.dumps(f))])
def test_copies_of_an_applied_function(clone):
    function = Cube()
    y = function(Variable(np.array(2.)))
    twin = clone(function)
    assert twin.node is None and function.node is y.creator_node
    assert twin(np.array(3.)).item() == 27


def test_state_between_forward_and_backward():
    class Relu(Function):
        def forward(self, inputs):
            self.retain_inputs(())
            self.mask = inputs[0] > 0
            return inputs[0] * self.mask,

        def backward(self, inputs, grad_outputs):
            assert inputs == (None,)
            return grad_outputs[0] * self.mask,

    x = Variable(np.array([-1., 2.]))
    Relu()(x).sum().backward()
    assert x.grad.tolist() == [0, 1]
