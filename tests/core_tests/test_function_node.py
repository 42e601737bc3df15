"""Functions that record themselves: what they keep, what backward receives and returns, hooks, errors."""
import gc
import weakref

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
from autograd_nn import FunctionHook, FunctionNode, Variable


@pytest.fixture
def no_gc():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


class Product(FunctionNode):
    def forward(self, inputs):
        self.retain_inputs((0, 1))
        a, b = inputs
        return a * b,

    def backward(self, indexes, grad_outputs):
        self.indexes = indexes
        a, b = self.get_retained_inputs()
        gy, = grad_outputs
        return gy * b, gy * a


class Powers(FunctionNode):
    """x, x ** 2 and x ** 3."""

    def forward(self, inputs):
        self.retain_inputs((0,))
        x, = inputs
        return x * 1, x * x, x * x * x

    def backward(self, indexes, grad_outputs):
        self.received = grad_outputs
        x, = self.get_retained_inputs()
        factors = 1, 2 * x, 3 * x * x
        return sum(g * f for g, f in zip(grad_outputs, factors) if g is not None),


class Returning(FunctionNode):
    """Hands out what it is told to."""

    def __init__(self, forward, backward):
        self.forward_result = forward
        self.backward_result = backward

    def forward(self, inputs):
        return self.forward_result

    def backward(self, indexes, grad_outputs):
        return self.backward_result


class TestApply:
    def test_arrays_and_variables(self):
        y, = Product().apply((np.array(2.), Variable(np.array(3.))))
        assert y.array == 6 and y.creator is not None
        y, = Product().apply([np.array(2.), np.array(3.)])
        assert y.creator is None
        y, = Product().apply(iter([Variable(np.array(2.)), np.array(3.)]))
        assert y.array == 6

    def test_numbers_are_refused(self):
        with pytest.raises(TypeError):
            Product().apply((2.0, np.array(3.)))

    @pytest.mark.parametrize('result', [np.ones(3), [np.ones(3)], np.float64(1), None])
    def test_forward_must_return_a_tuple(self, result):
        for x in Variable(np.ones(3)), np.ones(3):
            with pytest.raises(TypeError, match=r'Returning.*forward.*tuple'):
                Returning(result, None).apply((x,))

    @pytest.mark.parametrize('result', [(1.0,), (Variable(np.ones(1)),)])
    def test_forward_must_return_arrays(self, result):
        for x in Variable(np.ones(3)), np.ones(3):
            with pytest.raises(TypeError, match='Returning'):
                Returning(result, None).apply((x,))

    @pytest.mark.parametrize('retained', [(), (1,), (0, 1)])
    def test_an_output_may_be_left_out(self, retained):
        class Second(FunctionNode):
            def forward(self, inputs):
                self.retain_outputs(retained)
                return None, inputs[0] * 2

            def backward(self, indexes, grad_outputs):
                assert grad_outputs[0] is None
                return grad_outputs[1] * 2,

        assert Second().apply((np.ones(2),))[0].array is None
        x = Variable(np.ones(2))
        nothing, y = Second().apply((x,))
        assert nothing.array is None and not nothing.requires_grad
        with ann.DebugMode(True):
            y.sum().backward()
        assert x.grad.tolist() == [2, 2]

    def test_numpy_scalars_become_arrays(self):
        for x in Variable(np.ones(3)), np.ones(3):
            y, = Returning((np.float32(2),), None).apply((x,))
            assert isinstance(y.array, np.ndarray) and y.shape == () and y.dtype == np.float32

    def test_a_node_is_applied_once(self):
        node = Product()
        x = Variable(np.array(2.))
        y, = node.apply((x, x))
        with pytest.raises(RuntimeError, match=r'Product.*once'):
            node.apply((x, x))
        y.backward()
        assert x.grad == 4

    def test_exceptions_of_forward_pass_through(self):
        class Fails(FunctionNode):
            def forward(self, inputs):
                raise ZeroDivisionError('mine')

        with pytest.raises(ZeroDivisionError, match='mine'):
            Fails().apply((Variable(np.ones(1)),))

    def test_forward_cpu(self):
        class OnCpu(FunctionNode):
            def forward_cpu(self, inputs):
                return inputs[0] + 1,

        assert OnCpu().apply((np.ones(1),))[0].array[0] == 2
        with pytest.raises(NotImplementedError, match='FunctionNode'):
            FunctionNode().apply((np.ones(1),))

    def test_outputs_that_are_integers_need_no_gradient(self):
        y, = Returning((np.ones(3, 'i4'),), None).apply((Variable(np.ones(3)),))
        assert not y.requires_grad
        floats, integers = Returning((np.ones(3), np.ones(3, 'i4')), (None,)).apply((Variable(np.ones(3)),))
        assert floats.requires_grad and not integers.requires_grad

    def test_inputs_label_rank_output_count(self):
        x = Variable(np.ones(3))
        a, b, c = Powers().apply((x,))
        func = a.creator
        assert func is b.creator is c.creator
        assert func.inputs == (x.node,) and func._output_count == 3 and func.label == 'Powers'
        assert (a.node.index, b.node.index, c.node.index) == (0, 1, 2)
        d = a * 1
        assert d.creator.rank > func.rank == a.rank


class TestBackward:
    def test_outputs(self):
        node = Powers()
        assert node.outputs is None
        ys = node.apply((Variable(np.array(2.)),))
        assert [ref() for ref in node.outputs] == [y.node for y in ys]
        ys = ys[0], ys[2]
        nodes = [ref() for ref in node.outputs]
        assert nodes[1] is None and [nodes[0], nodes[2]] == [y.node for y in ys]
        assert node.output_data == (None, None, None)
        y = F.exp(Variable(np.array(0.)))
        assert y.creator.output_data == (1,)
        node.unchain()
        assert node.outputs is None

    def test_unused_outputs_have_no_gradient(self):
        x = Variable(np.array(2.))
        _, square, _ = Powers().apply((x,))
        square.backward()
        assert x.grad == 4
        received = square.creator.received
        assert received[0] is None and received[2] is None and isinstance(received[1], Variable)

    def test_several_outputs_are_gathered_in_one_call(self):
        x = Variable(np.array(2.))
        a, b, c = Powers().apply((x,))
        ((c + a) * b).backward()
        # (x ** 3 + x) * x ** 2
        assert x.grad == 5 * 16 + 3 * 4

    def test_target_indexes(self):
        for first, second, expected in ((True, True, (0, 1)), (True, False, (0,)), (False, True, (1,))):
            a, b = Variable(np.array(2.), requires_grad=first), Variable(np.array(3.), requires_grad=second)
            y, = Product().apply((a, b))
            y.backward()
            assert y.creator.indexes == expected
            assert (a.grad, b.grad) == (3 if first else None, 2 if second else None)

    def test_gradients_for_the_targets_only(self):
        class Lean(Product):
            def backward(self, indexes, grad_outputs):
                return tuple(gx for i, gx in enumerate(super().backward(indexes, grad_outputs)) if i in indexes)

        for first, second in ((True, True), (True, False), (False, True)):
            a, b = Variable(np.array(2.), requires_grad=first), Variable(np.array(3.), requires_grad=second)
            Lean().apply((a, b))[0].backward()
            assert (a.grad, b.grad) == (3 if first else None, 2 if second else None)

    def test_a_list_will_do(self):
        x = Variable(np.ones(2))
        y, = Returning((np.ones(2),), [Variable(np.ones(2))]).apply((x,))
        y.sum().backward()
        assert x.grad.tolist() == [1, 1]

    @pytest.mark.parametrize('result', [(), (Variable(np.ones(2)),) * 2, [None, None, None]])
    def test_wrong_number_of_gradients(self, result):
        y, = Returning((np.ones(2),), result).apply((Variable(np.ones(2)),))
        with pytest.raises(RuntimeError, match=f'Returning.*{len(result)} gradients for 1 input'):
            y.sum().backward()

    @pytest.mark.parametrize('result', [Variable(np.ones(1)), Variable(np.ones(2)), None, np.ones(1)])
    def test_something_else_than_a_tuple(self, result):
        for debug in False, True:
            y, = Returning((np.ones(2),), result).apply((Variable(np.ones(2)),))
            with pytest.raises(TypeError, match=r'Returning.*backward.*tuple'), ann.DebugMode(debug):
                y.sum().backward()

    def test_arrays_instead_of_variables(self):
        y, = Returning((np.ones(2),), (np.ones(2),)).apply((Variable(np.ones(2)),))
        with pytest.raises(TypeError, match=r'Returning.*input 0.*ndarray.*Variable'):
            y.sum().backward()

    def test_a_gradient_of_another_shape(self):
        for shape in (3,), (1, 2), ():
            y, = Returning((np.ones(2),), (Variable(np.ones(shape)),)).apply((Variable(np.ones(2)),))
            with pytest.raises(ValueError) as info:
                y.sum().backward()
            assert 'Returning' in str(info.value) and '(2,)' in str(info.value) and str(shape) in str(info.value)

    def test_not_implemented(self):
        class Forward(FunctionNode):
            def forward(self, inputs):
                return inputs[0] * 1,

        y, = Forward().apply((Variable(np.ones(1)),))
        with pytest.raises(NotImplementedError, match=r'Forward.*backward'):
            y.backward()

    def test_accumulating_alone(self):
        class Double(FunctionNode):
            def forward(self, inputs):
                return inputs[0] * 2, inputs[1] * 1

            def backward_accumulate(self, indexes, grad_outputs, grad_inputs):
                gxs = [grad_outputs[i] * (2 - i) for i in indexes]
                return tuple(gx if before is None else gx + before for gx, before in zip(gxs, grad_inputs))

        x, z = Variable(np.ones(2)), Variable(np.ones(2))
        y0, y1 = Double().apply((x, z))
        (y0 + y1 + x).sum().backward()
        assert x.grad.tolist() == [3, 3] and z.grad.tolist() == [1, 1]
        gz, = ann.grad(Double().apply((x, z)), [z])
        assert gz.array.tolist() == [1, 1]

    @pytest.mark.parametrize('in_full', [True, False])
    def test_accumulating_by_backward(self, in_full):
        class Sum(Product):
            def backward(self, indexes, grad_outputs):
                gy, = grad_outputs
                return (gy, None) if in_full else tuple([(gy, None)[i] for i in indexes])

        node, gy = Sum(), Variable(np.array(2.))
        node.apply((Variable(np.array(3.)), Variable(np.array(4.))))
        assert node.backward_accumulate((0, 1), (gy,), (gy, gy)) == (4, 2)
        assert node.backward_accumulate((1,), (gy,), (None,)) == (None,)
        assert node.backward_accumulate((0,), (gy,), (None,)) == (2,)

    def test_none_stops_here(self):
        x = Variable(np.ones(2))
        h = x * 2
        y, = Returning((np.ones(2),), (None,)).apply((h,))
        y.sum().backward()
        assert x.grad is None and h.grad is None


class TestRetaining:
    def test_inputs_in_any_order_and_subset(self):
        class Keep(FunctionNode):
            def __init__(self, indexes):
                self.wanted = indexes

            def forward(self, inputs):
                self.retain_inputs(self.wanted)
                return inputs[0] * 1,

            def backward(self, indexes, grad_outputs):
                kept = self.get_retained_inputs()
                assert len(kept) == len(self.wanted)
                for i, x in zip(self.wanted, kept):
                    assert x.array is arrays[i] and x.node is variables[i].node
                return (None,) * len(variables)

        for n in 1, 2, 3:
            arrays = [np.full(2, float(i)) for i in range(n)]
            variables = [Variable(a) for a in arrays]
            for wanted in ((), (0,), (n - 1,), tuple(range(n)), tuple(range(n))[::-1], list(range(n)), range(n),
                           (n - 1, 0), (-1,), (0, 0), (n - 1, n - 1)):
                Keep(wanted).apply(variables)[0].sum().backward()

    def test_retained_output_after_its_variable_is_gone(self, no_gc):
        class Exponential(FunctionNode):
            def forward(self, inputs):
                self.retain_outputs((0,))
                return np.exp(inputs[0]), inputs[0] * 2

            def backward(self, indexes, grad_outputs):
                y, = self.get_retained_outputs()
                g0, g1 = grad_outputs
                return (0 if g0 is None else g0 * y) + (0 if g1 is None else g1 * 2),

        x = Variable(np.array(0.5))
        kept, other = Exponential().apply((x,))
        place = weakref.ref(kept.node)
        z = kept * other
        del kept, other
        assert place() is not None
        gx, = ann.grad([z], [x], enable_double_backprop=True)
        np.testing.assert_allclose(gx.array, np.exp(0.5) * (2 + 2 * 0.5))
        ggx, = ann.grad([gx], [x])
        np.testing.assert_allclose(ggx.array, np.exp(0.5) * (4 + 2 * 0.5))

        # Nobody else refers to the retained output: its place in the graph is taken by a new node.
        kept, other = Exponential().apply((x,))
        place = weakref.ref(kept.node)
        del kept
        assert place() is None
        gx, = ann.grad([other], [x], enable_double_backprop=True)
        assert gx.array == 2

    def test_gradients_through_a_stand_in(self):
        # sigmoid's backward uses its own output, whose Variable is gone, so second order goes through a stand-in.
        x = Variable(np.array(0.3))
        y = F.sigmoid(x)
        gx, = ann.grad([y], [x], enable_double_backprop=True)
        del y
        ggx, = ann.grad([gx], [x])
        s = 1 / (1 + np.exp(-0.3))
        np.testing.assert_allclose(ggx.array, s * (1 - s) * (1 - 2 * s))

    def test_nothing_is_kept_without_a_graph(self):
        node = Product()
        with ann.no_backprop_mode():
            node.apply((Variable(np.ones(2)), Variable(np.ones(2))))
        assert node.get_retained_inputs() == () and node.inputs is None

    def test_unchain_forgets(self, no_gc):
        a = Variable(np.ones(3)) * 1
        array = weakref.ref(a.array)
        y, = Product().apply((a, a))
        del a
        assert array() is not None
        y.creator.unchain()
        assert array() is None and y.creator is None


class Trace(FunctionHook):
    def __init__(self, name='Trace', log=None):
        self.name = name
        self.log = [] if log is None else log

    def added(self, function):
        self.log.append(('added', self.name, function))

    def deleted(self, function):
        self.log.append(('deleted', self.name, function))

    def forward_preprocess(self, function, in_data):
        self.log.append(('forward', self.name, function.label, [x.shape for x in in_data]))

    def forward_postprocess(self, function, in_data):
        self.log.append(('forward done', self.name, function.label, [x.shape for x in in_data]))

    def backward_preprocess(self, function, in_data, out_grad):
        self.log.append(('backward', self.name, function.label, in_data, out_grad))

    def backward_postprocess(self, function, in_data, out_grad):
        self.log.append(('backward done', self.name, function.label, in_data, out_grad))


class TestHooks:
    def test_global_hook_sees_forward_and_backward(self):
        x, w = Variable(np.ones(2)), Variable(np.full(2, 3.))
        with Trace() as hook:
            assert ann.get_function_hooks() == {'Trace': hook}
            y, = Product().apply((x, w))
            y.grad = np.array([1., 2.])
            y.backward()
        assert ann.get_function_hooks() == {}
        y2, = Product().apply((x, w))
        y2.sum().backward()
        own = [entry for entry in hook.log if entry[2] in (None, 'Product')]
        assert own[:3] == [('added', 'Trace', None), ('forward', 'Trace', 'Product', [(2,), (2,)]),
                           ('forward done', 'Trace', 'Product', [(2,), (2,)])]
        assert [entry[0] for entry in own[3:]] == ['backward', 'backward done', 'deleted']
        in_data, out_grad = own[3][3:]
        assert in_data[0] is x.array and in_data[1] is w.array and out_grad[0].tolist() == [1, 2]

    def test_in_data_has_an_entry_for_each_input(self):
        class KeepSecond(Product):
            def forward(self, inputs):
                self.retain_inputs((1,))
                return inputs[0] * inputs[1],

            def backward(self, indexes, grad_outputs):
                return grad_outputs[0] * self.get_retained_inputs()[0], None

        a, b = Variable(np.ones(2)), Variable(np.ones(2))
        y, = KeepSecond().apply((a, b))
        with Trace() as hook:
            y.sum().backward()
        in_data = next(entry for entry in hook.log if entry[:3] == ('backward', 'Trace', 'KeepSecond'))[3]
        assert in_data[0] is None and in_data[1] is b.array

    def test_local_hook_sees_its_function_alone(self):
        node, hook = Product(), Trace()
        node.add_hook(hook)
        x = Variable(np.ones(2))
        y, = node.apply((x, x))
        (y * 2).sum().backward()
        assert [entry[2] for entry in hook.log] == [node] + ['Product'] * 4
        assert node.local_function_hooks == {'Trace': hook}
        with pytest.raises(KeyError, match='Trace'):
            node.add_hook(Trace())
        node.add_hook(Trace('Other'), 'named')
        assert list(node.local_function_hooks) == ['Trace', 'named']
        node.delete_hook('Trace')
        assert hook.log[-1] == ('deleted', 'Trace', node)
        with pytest.raises(KeyError, match='Trace'):
            node.delete_hook('Trace')

    def test_local_hook_added_after_forward(self):
        x = Variable(np.ones(2))
        y, = Product().apply((x, x))
        hook = Trace()
        y.creator.add_hook(hook)
        y.sum().backward()
        assert [entry[0] for entry in hook.log] == ['added', 'backward', 'backward done']

    def test_nested_hooks(self):
        log = []
        with Trace('outer', log):
            with Trace('inner', log):
                F.exp(np.ones(1))
            F.exp(np.ones(1))
        names = [(entry[0], entry[1]) for entry in log]
        assert names == [('added', 'outer'), ('added', 'inner'), ('forward', 'outer'), ('forward', 'inner'),
                         ('forward done', 'outer'), ('forward done', 'inner'), ('deleted', 'inner'),
                         ('forward', 'outer'), ('forward done', 'outer'), ('deleted', 'outer')]

    def test_one_name_once(self):
        with Trace():
            with pytest.raises(KeyError, match='Trace'), Trace():
                pass
            assert list(ann.get_function_hooks()) == ['Trace']
        assert not ann.get_function_hooks()

    def test_exceptions_leave_no_hook_behind(self):
        with pytest.raises(ZeroDivisionError), Trace():
            raise ZeroDivisionError
        assert not ann.get_function_hooks()

        class Fails(Trace):
            def added(self, function):
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError), Fails():
            pass
        node = Product()
        with pytest.raises(ZeroDivisionError):
            node.add_hook(Fails())
        assert not ann.get_function_hooks() and not node.local_function_hooks

    def test_exceptions_in_hooks_pass_through(self):
        class Fails(FunctionHook):
            def forward_preprocess(self, function, in_data):
                raise ZeroDivisionError('in a hook')

        with pytest.raises(ZeroDivisionError, match='in a hook'), Fails():
            F.exp(np.ones(1))
        F.exp(np.ones(1))

    def test_a_hook_may_compute(self):
        class Computes(FunctionHook):
            depth = calls = 0

            def forward_postprocess(self, function, in_data):
                self.calls += 1
                if self.depth == 0:
                    self.depth += 1
                    F.exp(in_data[0])
                    self.depth -= 1

        with Computes() as hook:
            F.exp(np.ones(1))
        assert hook.calls == 2

    def test_hooks_belong_to_their_thread(self):
        import threading
        seen = []
        with Trace() as hook:
            thread = threading.Thread(target=lambda: seen.append((dict(ann.get_function_hooks()), F.exp(np.ones(1)))))
            thread.start()
            thread.join()
        assert seen[0][0] == {} and [entry[0] for entry in hook.log] == ['added', 'deleted']


class TestDebugMode:
    def test_forward_names_the_function(self):
        for x in Variable(np.array([1., -1.])), np.array([1., -1.]):
            with np.errstate(invalid='ignore'):
                assert np.isnan(F.log(x).array).any()
                with ann.DebugMode(True), pytest.raises(RuntimeError, match=r'NaN.*forward.*Log'):
                    F.log(x)

    def test_backward_names_the_function(self):
        class Poison(FunctionNode):
            def forward(self, inputs):
                return inputs[0] * 1,

            def backward(self, indexes, grad_outputs):
                return grad_outputs[0] * np.array(np.nan),

        x = Variable(np.array(1.))
        y = Poison().apply((x,))[0] * 2
        with ann.DebugMode(True), pytest.raises(RuntimeError, match='NaN'):
            y.backward()
        y.cleargrad()
        y.backward()
        assert np.isnan(x.grad)

        class PoisonedArray(Poison):
            def backward(self, indexes, grad_outputs):
                return Variable(np.array(np.nan)), None

            def forward(self, inputs):
                return inputs[0] * inputs[1],

        y = PoisonedArray().apply((x, x))[0]
        with ann.DebugMode(True), pytest.raises(RuntimeError, match=r'NaN.*backward.*PoisonedArray$'):
            y.backward()
        assert y.creator.stack is None
        with ann.DebugMode(True):
            y = PoisonedArray().apply((x, x))[0]
            with pytest.raises(RuntimeError, match=r'PoisonedArray, which was .* in .*test_function_node.py, line'):
                y.backward()
        assert y.creator.stack[-1].filename.endswith('function_node.py')

    def test_integers_and_infinity_are_no_matter(self):
        with ann.DebugMode(True), np.errstate(divide='ignore'):
            F.log(np.zeros(1))
            y, = Returning((np.ones(3, 'i4'), np.array(True)), None).apply((np.ones(1),))[:1]
            assert y.dtype == np.int32


class TestTypeCheck:
    class Checked(FunctionNode):
        def check_type_forward(self, in_types):
            from autograd_nn.utils import type_check
            type_check.argname(in_types, ('x', 'W'))
            type_check.expect(in_types[0].ndim == 2, in_types[0].shape[1] == in_types[1].shape[0])

        def forward(self, inputs):
            return inputs[0] @ inputs[1],

    def test_on_and_off(self):
        from autograd_nn.utils.type_check import InvalidType
        x, w = np.ones((2, 3)), np.ones((4, 3))
        with pytest.raises(InvalidType, match=r'Checked.*x\.shape\[1\] == W\.shape\[0\].*3 == 4'):
            self.Checked().apply((x, w))
        with pytest.raises(InvalidType, match=r'Checked.*2 inputs'):
            self.Checked().apply((x,))
        with ann.using_config('type_check', False), pytest.raises(ValueError):
            self.Checked().apply((x, w))
        assert self.Checked().apply((x, w.T))[0].shape == (2, 4)
