"""The reverse sweep: what arrives where, which functions are visited, memory, depth."""
import contextlib
import gc
import itertools
import weakref

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
from autograd_nn import Function, FunctionHook, FunctionNode, Parameter, Variable, grad
from autograd_nn.backprop import watching_leaves


def scalar(value, dtype='f8', **kwargs):
    return Variable(np.array(value, dtype), **kwargs)


@pytest.fixture
def no_gc():
    """Whatever is freed inside, reference counting has freed."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


class Visits(FunctionHook):
    """The labels of the functions that a backward pass visits."""

    name = 'Visits'

    def __init__(self):
        self.labels = []

    def backward_preprocess(self, function, in_data, out_grad):
        self.labels.append(function.label)


class TestBackward:
    def test_scalar_starts_from_one_and_keeps_it(self):
        for shape in (), (1,), (1, 1, 1):
            x = Variable(np.full(shape, 3.))
            y = x * x
            y.backward()
            assert x.grad.shape == shape and x.grad.item() == 6
            assert y.grad.shape == shape and y.grad.item() == 1

    def test_several_elements_need_a_gradient(self):
        x = Variable(np.ones((2, 3)))
        y = x * 2
        with pytest.raises(RuntimeError, match=r'\(2, 3\).*grad'):
            y.backward()
        with pytest.raises(RuntimeError):
            F.sum(Variable(np.ones((0, 2))), axis=1).backward()
        y.grad = np.arange(6.).reshape(2, 3)
        y.backward()
        assert x.grad.tolist() == [[0, 2, 4], [6, 8, 10]]
        assert y.grad.tolist() == [[0, 1, 2], [3, 4, 5]]

    def test_leaves_and_constants_have_nothing_to_do(self):
        x = Variable(np.ones(3))
        x.backward()
        assert x.grad is None
        with ann.no_backprop_mode():
            y = x * 2
        y.backward()
        assert x.grad is None

    def test_gradients_add_up_over_calls(self):
        x = scalar(3)
        for n in 1, 2, 3:
            (x * x).backward()
            assert x.grad == 6 * n
        y = x * x
        y.backward()
        y.backward()
        assert x.grad == 30

    def test_adding_up_leaves_the_first_array_alone(self):
        x = scalar(3)
        (x * x).backward()
        first = x.grad
        (x * x).backward()
        assert first == 6 and x.grad == 12

    def test_in_between_nothing_is_kept_unless_asked_for(self):
        x = scalar(3)
        h = x * x
        y = h * 2
        y.backward()
        assert h.grad is None
        y.backward(retain_grad=True)
        assert h.grad == 2 and y.grad == 1 and x.grad == 24
        # What is in between is set, what is a leaf adds up.
        y.backward(retain_grad=True)
        assert h.grad == 2 and x.grad == 36

    def test_loss_scale(self):
        x = scalar(3, 'f4')
        y = x * x
        y.backward(loss_scale=128)
        assert x.grad == 6 * 128 and x.grad.dtype == np.float32
        z = Variable(np.ones(2)) * x
        z.grad = np.ones(2)
        x.cleargrad()
        z.backward(loss_scale=4.)
        assert x.grad == 8 and z.grad.tolist() == [1, 1]
        x.cleargrad()
        y.backward(loss_scale=128, retain_grad=True)
        assert x.grad == 6 * 128 and y.grad == 1

    def test_one_input_twice_and_hundreds_of_times(self):
        x = scalar(2)
        (x * x).backward()
        assert x.grad == 4
        x.cleargrad()
        y = scalar(0)
        for _ in range(500):
            y = y + x
        y.backward()
        assert x.grad == 500

        class Many(FunctionNode):
            def forward(self, inputs):
                return sum(inputs),

            def backward(self, indexes, grad_outputs):
                return tuple(grad_outputs[0] * i for i in range(300))

        x.cleargrad()
        Many().apply([x] * 300)[0].backward()
        assert x.grad == sum(range(300))

    def test_diamonds(self):
        x = scalar(1.5)
        y = x
        for _ in range(30):
            y = y + y * 0.5
        with Visits() as visits:
            y.backward()
        np.testing.assert_allclose(x.grad, 1.5 ** 30)
        assert len(visits.labels) == 60

    def test_uneven_paths(self):
        x = scalar(0.5)
        a = F.exp(x)
        b = F.sin(F.cos(F.tanh(a)))
        (a * b + x).backward()
        h = 1e-6

        def f(v):
            return np.exp(v) * np.sin(np.cos(np.tanh(np.exp(v)))) + v

        np.testing.assert_allclose(x.grad, (f(0.5 + h) - f(0.5 - h)) / (2 * h), rtol=1e-7)

    def test_several_outputs(self):
        x = Variable(np.arange(6.).reshape(2, 3))
        a, _, c = F.split_axis(x, 3, axis=1)
        (a * c).sum().backward()
        assert x.grad.tolist() == [[2, 0, 0], [5, 0, 3]]

    def test_integer_inputs(self):
        x, n = Variable(np.ones(3)), Variable(np.array([1, 2, 3]))
        (x * n + n).sum().backward()
        assert n.grad is None and x.grad.tolist() == [1, 2, 3]

    def test_no_gradient_wanted(self):
        x, c = scalar(2), scalar(3, requires_grad=False)
        (x * c).backward()
        assert c.grad is None and x.grad == 3

    @pytest.mark.parametrize('pair', list(itertools.product(('f2', 'f4', 'f8'), repeat=2)))
    def test_mixed_dtypes(self, pair):
        a, b = (Variable(np.full(3, 2, dtype)) for dtype in pair)
        ((a * b) + a).sum().backward()
        assert (a.grad.dtype, b.grad.dtype) == tuple(map(np.dtype, pair))
        assert a.grad.tolist() == [3] * 3 and b.grad.tolist() == [2] * 3

    def test_mixed_dtypes_in_between(self):
        a = Variable(np.ones(2, 'f2'))
        h = a.astype('f8')
        y = (h * np.float64(1)).astype('f4').sum()
        y.backward(retain_grad=True)
        assert (a.grad.dtype, h.grad.dtype, y.grad.dtype) == (np.float16, np.float64, np.float32)

    def test_within_no_backprop_mode(self):
        x = scalar(3)
        y = x * x
        with ann.no_backprop_mode():
            y.backward()
        assert x.grad == 6

    def test_configuration_is_restored_after_an_error(self):
        y, = type('Fails', (FunctionNode,), {'forward': lambda self, xs: (xs[0] * 1,)})().apply((scalar(1),))
        with pytest.raises(NotImplementedError):
            y.backward()
        assert ann.config.enable_backprop

    def test_double_backprop(self):
        x = scalar(2)
        y = x * x * x
        y.backward()
        assert x.grad_var.creator is None
        x.cleargrad()
        y.backward(enable_double_backprop=True)
        gx = x.grad_var
        assert gx.array == 12 and gx.creator is not None
        x.cleargrad()
        gx.backward()
        assert x.grad == 12

    def test_double_backprop_through_shared_gradients(self):
        # Addition hands one gradient to both inputs; both must stay connected to the graph.
        a, b, w = scalar(2), scalar(3), scalar(5)
        y = (a + b) * w * w
        y.backward(enable_double_backprop=True)
        for leaf in a, b:
            assert leaf.grad == 25
            gw, = grad([leaf.grad_var], [w])
            assert gw.array == 10

    def test_accumulation_with_double_backprop(self):
        x = scalar(2)
        for _ in range(2):
            (x * x * x).backward(enable_double_backprop=True)
        ggx, = grad([x.grad_var], [x])
        assert ggx.array == 24

    def test_forget(self):
        W, x = Variable(np.ones((3, 3)) * 0.3), Variable(np.arange(6.).reshape(2, 3))
        y = F.forget(lambda x: F.tanh(F.tanh(x @ W) @ W), x)
        y.sum().backward()
        forgotten = x.grad, W.grad
        x.cleargrad()
        W.cleargrad()
        F.tanh(F.tanh(x @ W) @ W).sum().backward()
        np.testing.assert_allclose(forgotten[0], x.grad)
        np.testing.assert_allclose(forgotten[1], W.grad)


def leaf_gradients_are_apart(leaves, others=()):
    arrays = [leaf.grad for leaf in leaves] + list(others)
    for leaf in leaves:
        assert leaf.grad.flags.writeable
        before = [a.copy() for a in arrays]
        # Elements that share memory with each other would be added to more than once.
        leaf.grad += np.arange(1., 1 + leaf.grad.size).reshape(leaf.grad.shape)
        for a, b in zip(arrays, before):
            if a is leaf.grad:
                np.testing.assert_array_equal(a, b + np.arange(1., 1 + a.size).reshape(a.shape))
            else:
                np.testing.assert_array_equal(a, b)


class TestMemoryOfGradients:
    """Changing one gradient in place, as optimizer hooks do, must change nothing else."""

    @pytest.mark.parametrize('double', [False, True])
    @pytest.mark.parametrize('retain', [False, True])
    def test_addition_with_a_given_gradient(self, double, retain):
        a, b = Variable(np.ones(3)), Variable(np.ones(3))
        y = a + b
        mine = np.array([1., 2., 3.])
        y.grad = mine
        y.backward(retain_grad=retain, enable_double_backprop=double)
        assert y.grad is mine
        leaf_gradients_are_apart([a, b], [y.grad])

    def test_a_view_of_the_given_gradient(self):
        a = Variable(np.ones((3, 1)))
        y = a.reshape(3)
        buffer = np.ones((2, 3))
        y.grad = buffer[0]
        y.backward()
        leaf_gradients_are_apart([a], [buffer])

    def test_retained_gradients(self):
        a, b, c = (Variable(np.ones(3)) for _ in range(3))
        h = a + b
        y = h + c
        y.grad = np.ones(3)
        y.backward(retain_grad=True)
        leaf_gradients_are_apart([a, b, c, h, y])

    @pytest.mark.parametrize('f', [
        F.sum, lambda x: F.sum(F.sum(x, axis=1)), lambda x: F.broadcast_to(x, (2, 2, 3)).sum(),
        lambda x: F.sum(F.transpose(x)), lambda x: F.mean(x), lambda x: x.reshape(-1).sum(),
        lambda x: F.sum(x[:, :2])])
    def test_no_read_only_views(self, f):
        x = Variable(np.ones((2, 3)))
        f(x).backward()
        leaf_gradients_are_apart([x])
        x.grad *= 2

    def test_pieces_of_one_gradient(self):
        a, b = Variable(np.ones(2)), Variable(np.ones(3))
        y = F.concat((a, b), axis=0)
        y.grad = np.arange(5.)
        y.backward()
        leaf_gradients_are_apart([a, b], [y.grad])

    def test_a_second_pass_and_a_second_loss(self):
        a, b = Variable(np.ones(3)), Variable(np.ones(3))
        y = a + b
        y.grad = np.ones(3)
        y.backward()
        y.backward()
        leaf_gradients_are_apart([a, b], [y.grad])
        a.cleargrad()
        y.backward()
        leaf_gradients_are_apart([a, b], [y.grad])

    def test_grad_function(self):
        a, b = Variable(np.ones(3)), Variable(np.ones(3))
        gy = np.ones(3)
        ga, _ = grad([a + b], [a, b], [gy], set_grad=True)
        assert a.grad is ga.array
        leaf_gradients_are_apart([a, b], [gy])

    def test_nothing_is_copied_without_need(self):
        class Fresh(FunctionNode):
            def forward(self, inputs):
                return inputs[0] * 1,

            def backward(self, indexes, grad_outputs):
                made.append(np.ones((4, 3)))
                return Variable(made[-1].T),

        made = []
        x = Variable(np.ones((3, 4)))
        Fresh().apply((x,))[0].sum().backward()
        assert np.shares_memory(x.grad, made[0])

    def test_copies_keep_the_memory_layout(self):
        a, b = (Variable(np.ones((2, 3, 4, 5))) for _ in range(2))
        y = a + b
        layout = np.ones((2, 4, 5, 3)).transpose(0, 3, 1, 2)
        y.grad = layout
        y.backward()
        assert a.grad.strides == b.grad.strides == layout.strides


class TestDepth:
    @pytest.mark.parametrize('depth', [10_000, 100_000])
    def test_forward_backward_and_garbage(self, depth, no_gc):
        x = scalar(1.)
        y = x
        for _ in range(depth):
            y = y + 1
        first = weakref.ref(y.creator)
        y.backward()
        assert x.grad == 1 and y.array == depth + 1
        del y
        assert first() is None

    def test_unchain_backward(self, no_gc):
        x = scalar(1.)
        y = x
        for _ in range(100_000):
            y = y + 1
        y.unchain_backward()
        assert y.creator is None

    def test_dropping_the_graph_from_the_middle(self, no_gc):
        y = scalar(1.)
        middle = None
        for i in range(100_000):
            y = F.tanh(y)
            if i == 50_000:
                middle = y
        del y
        middle.unchain()
        assert middle.creator is None

    def test_grad_of_a_deep_graph(self):
        x = scalar(1.)
        y = x
        for _ in range(10_000):
            y = y * 1.0001
        gx, = grad([y], [x], enable_double_backprop=True)
        np.testing.assert_allclose(gx.array, 1.0001 ** 10_000)

    def test_deep_double_backprop(self):
        x = scalar(0.01)
        y = x
        for _ in range(3_000):
            y = F.sin(y)
        gx, = grad([y], [x], enable_double_backprop=True)
        ggx, = grad([gx], [x])
        assert np.isfinite(ggx.array) and ggx.array < 0


class TestMemory:
    def test_intermediates_go_as_soon_as_they_are_dropped(self, no_gc):
        x = Variable(np.ones(10))
        h = x + 1
        array, node = weakref.ref(h.array), weakref.ref(h.node)
        y = h + 1
        assert array() is not None
        del h
        # The graph keeps the node, but addition needs no array.
        assert array() is None and node() is not None
        del y
        assert node() is None

    def test_what_backward_needs_is_kept(self, no_gc):
        x = Variable(np.ones(10))
        h = x + 1
        array = weakref.ref(h.array)
        y = h * h
        del h
        assert array() is not None
        del y
        assert array() is None

    @pytest.mark.parametrize('retain', [False, True])
    def test_no_circles_after_a_backward_pass(self, retain, no_gc):
        x, w = Variable(np.ones(3)), Parameter(2., (3,))
        h = F.sigmoid(x * w)
        y = F.sum(F.exp(h) / h)
        watched = [weakref.ref(v) for v in (h.array, h.node, h.creator, y.creator, y.node)]
        y.backward(retain_grad=retain)
        del h, y
        assert [ref() for ref in watched] == [None] * 5

    def test_no_circles_after_gradients_of_gradients(self, no_gc):
        x = Variable(np.ones(3))
        y = F.sum(F.tanh(x) ** 3)
        gx, = grad([y], [x], enable_double_backprop=True)
        watched = [weakref.ref(v) for v in (y.creator, gx.creator, gx.array, gx.node)]
        F.sum(gx * gx).backward()
        del y, gx
        assert [ref() for ref in watched] == [None] * 4

    def test_clearing_the_gradient_breaks_the_circle_of_double_backprop(self, no_gc):
        x = Variable(np.ones(3))
        F.sum(F.tanh(x) ** 3).backward(enable_double_backprop=True)
        creator = weakref.ref(x.grad_var.creator)
        x.cleargrad()
        assert creator() is None

    def test_gradients_are_freed_as_the_sweep_goes(self, no_gc):
        alive = weakref.WeakSet()
        most = 0

        class Step(FunctionNode):
            def forward(self, inputs):
                return inputs[0] * 1,

            def backward(self, indexes, grad_outputs):
                nonlocal most
                gx = grad_outputs[0] * 1
                alive.add(gx)
                most = max(most, len(alive))
                return gx,

        x = Variable(np.ones(3))
        y = x
        for _ in range(50):
            y, = Step().apply((y,))
        y.sum().backward()
        assert most <= 3

    def test_gradients_that_were_added_up_are_freed(self, no_gc):
        arrays, alive = [], []

        class Step(FunctionNode):
            def forward(self, inputs):
                return inputs[0] * 1,

            def backward(self, indexes, grad_outputs):
                alive.append(sum(ref() is not None for ref in arrays))
                gx = np.ones(3)
                arrays.append(weakref.ref(gx))
                return Variable(gx),

        class Join(FunctionNode):
            def forward(self, inputs):
                return inputs[0] + inputs[1],

            def backward(self, indexes, grad_outputs):
                alive.append(sum(ref() is not None for ref in arrays))
                return grad_outputs * 2

        y = Variable(np.ones(3))
        for _ in range(20):
            y, = Join().apply((*Step().apply((y,)), *Step().apply((y,))))
        y.sum().backward()
        # The first gradient of each branching waits for the second; both go when their sum is there.
        assert alive == [0, 0, 1] * 20

    def test_a_failed_pass_keeps_nothing(self, no_gc):
        class Fails(FunctionNode):
            def forward(self, inputs):
                return inputs[0] * 1,

            def backward(self, indexes, grad_outputs):
                raise ZeroDivisionError

        y = Fails().apply((Variable(np.ones(3)),))[0].sum()
        creator = weakref.ref(y.creator)
        with contextlib.suppress(ZeroDivisionError):
            y.backward()
        del y
        assert creator() is None

    def test_training_steps_leave_nothing_behind(self, no_gc):
        w = Parameter(0.1, (4, 4))
        x = np.ones((2, 4), 'f')

        def step():
            w.cleargrad()
            F.sum(F.tanh(F.matmul(x, w)) ** 2).backward()
            w.array -= 0.01 * w.grad

        for _ in range(3):
            step()
        before = len(gc.get_objects())
        for _ in range(50):
            step()
        assert len(gc.get_objects()) <= before + 5


class TestGrad:
    def test_leaves(self):
        x, w = Variable(np.array([1., 2.])), Variable(np.array([3., 4.]))
        y = x * x * w
        gx, gw = grad([y], [x, w])
        assert gx.array.tolist() == [6, 16] and gw.array.tolist() == [1, 4]
        assert x.grad is None and w.grad is None and y.grad is None and gx.creator is None

    def test_intermediate_targets(self):
        x = scalar(2)
        h = x * x
        k = h * 3
        y = k * h
        gh, gx, gk, gy = grad([y], [h, x, k, y])
        # y = 3 h ** 2
        assert (gh.array, gx.array, gk.array, gy.array) == (24, 96, 4, 1)

    def test_a_target_that_is_an_output(self):
        x = scalar(2)
        gx, = grad([x], [x], [np.array(5.)])
        assert gx.array == 5
        y = x * x
        gy, = grad([y], [y])
        assert gy.array == 1

    def test_one_input_listed_twice(self):
        x = scalar(3)
        a, b = grad([x * x], [x, x])
        assert a.array == b.array == 6

    def test_several_outputs_with_their_gradients(self):
        x = scalar(3)
        a, b = x * x, x * 2
        for gys, expected in (([np.array(10.), np.array(100.)], 260), ([None, Variable(np.array(100.))], 206),
                              ((np.array(10.), None), 62), (None, 8)):
            gx, = grad([a, b], [x], gys)
            assert gx.array == expected
        gx, = grad((a, a), (x,))
        assert gx.array == 12

    def test_an_output_behind_another(self):
        x = scalar(3)
        h = x * x
        y = h * h
        gx, = grad([y, h], [x])
        assert gx.array == 4 * 27 + 6

    def test_unreachable_inputs_are_none(self):
        x, z = scalar(3), scalar(4)
        y = x * x
        gx, gz, gn = grad([y], [x, z, Variable(np.array(3))])
        assert gx.array == 6 and gz is None and gn is None
        assert grad([y], [z]) == [None]
        assert grad([x], [y]) == [None]

    def test_grad_inputs_are_added(self):
        x, z = scalar(3), scalar(4)
        gx, gz = grad([x * x], [x, z], grad_inputs=[Variable(np.array(100.)), Variable(np.array(7.))])
        assert gx.array == 106 and gz.array == 7
        gx, gz = grad([x * x], [x, z], grad_inputs=[None, None])
        assert gx.array == 6 and gz is None

    def test_grad_inputs_go_on_to_what_the_input_was_computed_from(self):
        x = Variable(np.ones(3))
        y = x * 2
        g = Variable(np.full(3, 100.))
        gx, gy = grad([y * 3], [x, y], grad_inputs=[None, g])
        assert gx.array.tolist() == [206] * 3 and gy.array.tolist() == [103] * 3
        gx, gy = grad([y * 3], [x, y], grad_inputs=[g, g])
        assert gx.array.tolist() == [306] * 3 and gy.array.tolist() == [103] * 3
        assert g.array.tolist() == [100] * 3
        with pytest.raises(ValueError, match=r'\(3,\).*\(2,\)'):
            grad([y], [x], grad_inputs=[Variable(np.ones(2))])

    def test_set_grad_and_retain_grad(self):
        x, w = scalar(3), scalar(5)
        x.grad = np.array(1000.)
        h = x * w
        y = h * h
        gx, = grad([y], [x], set_grad=True)
        assert x.grad_var is gx and x.grad == 150 and h.grad is None and w.grad is None
        grad([y], [x], retain_grad=True)
        assert h.grad == 30 and x.grad == 150 and w.grad is None

    def test_loss_scale(self):
        x = scalar(3)
        assert grad([x * x], [x], loss_scale=8)[0].array == 48
        assert grad([x * x], [x], [np.array(2.)], loss_scale=8)[0].array == 96

    def test_only_needed_functions_are_visited(self):
        x, w = scalar(0.5), scalar(0.25)
        a = F.exp(x)
        b = F.sin(w)
        c = F.cos(b)
        y = a * c
        F.tanh(y)
        with Visits() as visits:
            grad([y], [x])
        assert visits.labels == ['Multiply', 'Exp']
        with Visits() as visits:
            grad([y], [b])
        assert visits.labels == ['Multiply', 'Cos']
        with Visits() as visits:
            grad([y], [y])
            grad([y], [scalar(1)])
            grad([y], [])
        assert visits.labels == []

    def test_only_needed_gradients_are_computed(self):
        class Affine(FunctionNode):
            def forward(self, inputs):
                self.retain_inputs((0, 1))
                return inputs[0] * inputs[1] + inputs[2],

            def backward(self, indexes, grad_outputs):
                asked.append(indexes)
                x, w = self.get_retained_inputs()
                gy, = grad_outputs
                return gy * w, gy * x, gy

        asked = []
        x, w, b = scalar(2), scalar(3), scalar(4)
        h, = Affine().apply((x, w, b))
        y, = Affine().apply((h, w, b))
        gx, = grad([y], [x])
        assert gx.array == 9 and asked == [(0,), (0,)]
        asked.clear()
        gw, = grad([y], [w])
        assert gw.array == 16 and asked == [(0, 1), (1,)]
        assert x.grad is None and b.grad is None

    def test_several_outputs_at_once(self):
        x = Variable(np.ones(2))
        y = x * 2
        z, w = y * 3, x * 4
        ones = np.ones(2)
        assert ann.backward([z, w], [ones, Variable(ones)]) is None
        assert x.grad.tolist() == [10, 10] and y.grad is None and z.grad is None
        z.grad, w.grad = np.full(2, 5.), ones
        ann.backward((z, w))
        assert x.grad.tolist() == [44, 44]
        x.cleargrad()
        ann.backward([z, y, x * 7], [ones, ones, None])
        assert x.grad.tolist() == [8, 8]
        ann.backward([])
        ann.backward([x])
        assert x.grad.tolist() == [8, 8]
        ann.backward([x, x * 2], [ones, ones])  # what is given for a leaf is a part of its gradient
        assert x.grad.tolist() == [11, 11] and ones.tolist() == [1, 1]
        x.cleargrad()
        ann.backward([x], [ones])
        x.grad += 1
        assert x.grad.tolist() == [2, 2] and ones.tolist() == [1, 1]
        x.cleargrad()
        ann.backward([x ** 3], [ones], enable_double_backprop=True)
        (x.grad_var).sum().backward()
        assert x.grad.tolist() == [9, 9]
        for wrong, error in (((x,), TypeError), (([x], ones), TypeError), (([x], []), ValueError),
                             (([z], [np.ones(3)]), ValueError)):
            with pytest.raises(error):
                ann.backward(*wrong)

    def test_third_derivative(self):
        x = Variable(np.array([1., 2., -3.]))
        y = x ** 5
        for expected in 5 * x.array ** 4, 20 * x.array ** 3, 60 * x.array ** 2, 120 * x.array:
            y, = grad([y], [x], enable_double_backprop=True)
            np.testing.assert_allclose(y.array, expected)

    def test_higher_derivatives_of_tanh_and_sigmoid(self):
        for f, third in ((F.tanh, lambda t: -2 * (1 - 4 * t ** 2 + 3 * t ** 4)),
                         (F.sigmoid, lambda s: s * (1 - s) * (1 - 6 * s + 6 * s ** 2))):
            x = scalar(0.4)
            y = f(x)
            value = y.array
            for _ in range(3):
                y, = grad([y], [x], enable_double_backprop=True)
            np.testing.assert_allclose(y.array, third(value))

    def test_gradient_of_a_gradient_with_respect_to_an_output(self):
        # The gradient of tanh is 1 - y ** 2, computed from the output that tanh retained.
        x = scalar(0.5)
        y = F.tanh(x)
        gx, = grad([y], [x], enable_double_backprop=True)
        gy, = grad([gx], [y])
        np.testing.assert_allclose(gy.array, -2 * np.tanh(0.5))

    def test_mixed_second_derivative(self):
        x, w = scalar(2), scalar(3)
        gx, = grad([x * x * w * w], [x], enable_double_backprop=True)
        gxw, = grad([gx], [w])
        assert gxw.array == 4 * 2 * 3

    def test_gradient_penalty(self):
        # The norm of a gradient as part of a loss: second order reaches the parameter.
        W = Parameter(np.array([[1., 2.], [3., 4.]]))
        x = Variable(np.array([[0.1, 0.2]]))
        y = F.sum(F.tanh(x @ W))
        gx, = grad([y], [x], enable_double_backprop=True)
        F.sum(gx * gx).backward()

        def penalty(w):
            g = (1 - np.tanh(x.array @ w) ** 2) @ w.T
            return (g * g).sum()

        numerical = np.zeros((2, 2))
        for i, j in np.ndindex(2, 2):
            step = np.zeros((2, 2))
            step[i, j] = 1e-5
            numerical[i, j] = (penalty(W.array + step) - penalty(W.array - step)) / 2e-5
        np.testing.assert_allclose(W.grad, numerical, rtol=1e-6)

    @pytest.mark.parametrize('arguments, error, match', [
        (lambda x: (x, [x]), TypeError, 'grad: outputs'), (lambda x: ([x], x), TypeError, 'grad: inputs'),
        (lambda x: ([x], [x], x), TypeError, 'grad: grad_outputs'),
        (lambda x: ([x], [x], None, x), TypeError, 'grad: grad_inputs'),
        (lambda x: ([x], [x], [None, None]), ValueError, 'grad_outputs has 2 entries, expected 1'),
        (lambda x: ([x], [x], []), ValueError, 'grad_outputs has 0 entries, expected 1'),
        (lambda x: ([x], [x, x], None, [None]), ValueError, 'grad_inputs has 1 entries, expected 2'),
        (lambda x: ([x], [x], [np.zeros(3)]), ValueError, r'shape \(1,\).*\(3,\)'),
        (lambda x: ([x], [x], [np.zeros(1, 'f')]), ValueError, 'float64.*float32')])
    def test_wrong_arguments(self, arguments, error, match):
        with pytest.raises(error, match=match):
            grad(*arguments(Variable(np.ones(1))))

    def test_gradient_with_respect_to_a_gradient(self):
        x, gy = scalar(3), Variable(np.array(1.))
        gx, = grad([x * x], [x], [gy], enable_double_backprop=True)
        assert grad([gx], [gy])[0].array == 6

    def test_functions_of_arrays_take_part(self):
        class Double(Function):
            def forward(self, inputs):
                return inputs[0] * 2,

            def backward(self, inputs, grad_outputs):
                return grad_outputs[0] * 2,

        x = scalar(3)
        assert grad([Double()(x) * x], [x])[0].array == 12


class Leaves:
    """Remembers what a backward pass tells of leaves."""

    def __init__(self):
        self.expected, self.events = set(), []

    def expect(self, leaves):
        assert not self.expected
        self.expected = set(leaves)
        assert len(leaves) == len(self.expected)

    def arrived(self, leaf, g):
        self.events.append((leaf, None if g is None else g.array.tolist()))


class Visit(FunctionNode):
    """The identity, which tells when it is visited, and may give no gradient."""

    def __init__(self, visit, gives=True):
        self.visit, self.gives = visit, gives

    def forward(self, inputs):
        return inputs

    def backward(self, indexes, grad_outputs):
        self.visit()
        return grad_outputs if self.gives else (None,)


class TestWatchingLeaves:
    def watched(self, y, **kwargs):
        leaves = Leaves()
        with watching_leaves(leaves):
            y.backward(**kwargs)
        assert [leaf for leaf, _ in leaves.events if leaf in leaves.expected] == [leaf for leaf, _ in leaves.events]
        assert len(leaves.events) == len(leaves.expected)
        return leaves

    @pytest.mark.parametrize('retain_grad', [False, True])
    def test_a_gradient_is_reported_when_it_is_complete(self, retain_grad):
        a, b, c, unused = (scalar(k + 2.) for k in range(4))
        leaves = Leaves()
        seen = []

        def visit():
            seen.append([leaf for leaf, _ in leaves.events])

        h, = Visit(visit).apply((a * b,))
        h, = Visit(visit).apply((h * c * b,))
        y = h * c
        with watching_leaves(leaves):
            y.backward(retain_grad=retain_grad)
        # c is used above and below the second visit, b above and below the first.
        assert seen == [[], [c.node]]
        assert leaves.expected == {a.node, b.node, c.node}
        assert dict(leaves.events) == {x.node: x.grad.tolist() for x in (a, b, c)}
        assert unused.grad is None

    def test_none_and_what_is_never_visited_count_as_arrived(self):
        a, b, c = (scalar(k + 2.) for k in range(3))
        order = []
        h, = Visit(lambda: order.append('cut'), gives=False).apply((F.exp(b),))
        y = a * h + c
        leaves = self.watched(y)
        assert dict(leaves.events) == {a.node: a.grad.tolist(), b.node: None, c.node: 1.0}
        assert b.grad is None and order == ['cut']

    def test_several_outputs(self):
        x, z = Variable(np.arange(4.)), scalar(3.)
        first, second = F.split_axis(x, 2, 0)
        leaves = self.watched(F.sum(first * z))
        assert dict(leaves.events) == {x.node: [3, 3, 0, 0], z.node: 1.0}
        assert second.grad is None

    def test_gradients_from_before_are_not_part_of_the_report(self):
        x = scalar(3.)
        for total in 6, 12:
            leaves = self.watched(x * x)
            assert leaves.events == [(x.node, 6.0)] and x.grad == total

    def test_passes_within_the_pass_are_not_reported(self):
        x, inner = scalar(3.), scalar(2.)

        def another_pass():
            with ann.force_backprop_mode():
                (inner * inner).backward()

        y, = Visit(another_pass).apply((x * x,))
        leaves = self.watched(F.forget(lambda y: y * x, y))
        assert leaves.expected == {x.node} and leaves.events == [(x.node, 27.0)] and inner.grad == 4
        with watching_leaves(leaves):
            grad([x * x], [x])
        assert len(leaves.events) == 1

    def test_the_watcher_is_gone_after_the_block(self):
        leaves, x = Leaves(), scalar(3.)
        with pytest.raises(ZeroDivisionError), watching_leaves(leaves):
            raise ZeroDivisionError
        (x * x).backward()
        assert not leaves.events
