"""Numerical gradients, and checks that pass what is right and catch what is wrong."""
import numpy as np
import pytest

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import Function, FunctionNode, Parameter, Variable
from autograd_nn.gradient_check import (
    NondifferentiableError,
    assert_allclose,
    check_backward,
    check_double_backward,
    check_forward,
    numerical_grad,
)


class Scaled(FunctionNode):
    """x ** 3 with a gradient that is wrong by a factor, or in one element."""

    def __init__(self, factor=1., element=None, off=0.):
        self.factor, self.element, self.off = factor, element, off

    def forward(self, inputs):
        self.retain_inputs((0,))
        return inputs[0] ** 3,

    def backward(self, indexes, grad_outputs):
        x, = self.get_retained_inputs()
        gx = 3 * x * x * grad_outputs[0] * self.factor
        if self.element is not None:
            offset = np.zeros(x.shape, x.dtype)
            offset[self.element] = self.off
            gx = gx + offset
        return gx,


def cube(x, **kwargs):
    return Scaled(**kwargs).apply((x,))[0]


def random(*shape, dtype='f8'):
    return np.random.uniform(0.5, 1.5, shape).astype(dtype)


class TestNumericalGrad:
    def test_one_input(self):
        x = random(2, 3)
        gy = random(2, 3)
        gx, = numerical_grad(lambda: (np.sin(x),), [x], [gy])
        np.testing.assert_allclose(gx, np.cos(x) * gy, rtol=1e-8)

    def test_several_inputs_and_outputs(self):
        a, b = random(3), random(3)
        before = a.copy(), b.copy()
        g0, g1 = random(3), random()
        ga, gb = numerical_grad(lambda: (a * b, (a ** 2).sum()), [a, b], [g0, g1])
        np.testing.assert_allclose(ga, b * g0 + 2 * a * g1, rtol=1e-8)
        np.testing.assert_allclose(gb, a * g0, rtol=1e-8)
        np.testing.assert_array_equal((a, b), before)

    def test_an_output_without_gradient_is_left_out(self):
        x = random(3)
        gx, = numerical_grad(lambda: (x ** 2, x ** 3), [x], [None, np.ones(3)])
        np.testing.assert_allclose(gx, 3 * x ** 2, rtol=1e-8)

    def test_variables_as_results(self):
        x = random(2)
        gx, = numerical_grad(lambda: F.exp(Variable(x)), [x], [np.ones(2)])
        np.testing.assert_allclose(gx, np.exp(x), rtol=1e-8)

    @pytest.mark.parametrize('shape', [(), (0,), (2, 0, 3), (1, 1)])
    def test_odd_shapes(self, shape):
        x = random(*shape)
        gx, = numerical_grad(lambda: (x * x,), [x], [np.ones(shape)])
        assert gx.shape == shape
        np.testing.assert_allclose(gx, 2 * x, rtol=1e-8)

    def test_single_precision(self):
        x = random(3, dtype='f4')
        gx, = numerical_grad(lambda: (x * x,), [x], [np.ones(3, 'f')], eps=1e-2)
        assert gx.dtype == np.float32
        np.testing.assert_allclose(gx, 2 * x, rtol=1e-3)

    def test_nondifferentiable(self):
        x = np.array([1., 0., 2.])
        with pytest.raises(NondifferentiableError, match=r'\(1,\)'):
            numerical_grad(lambda: (abs(x),), [x], [np.ones(3)], detect_nondifferentiable=True)
        x[1] = 3
        numerical_grad(lambda: (abs(x),), [x], [np.ones(3)], detect_nondifferentiable=True)

    def test_what_counts_as_a_kink(self):
        x = np.zeros(1)

        def bent(slope):
            return lambda: (np.where(x > 0, slope * x, x),)

        def check(slope, **options):
            return numerical_grad(bent(slope), [x], [np.ones(1)], 1e-4, True, **options)

        check(1.005)
        for options in {}, {'diff_rtol': 0.2}, {'diff_atol': 0.2}:
            with pytest.raises(NondifferentiableError):
                check(1.5, **options)
        check(1.5, diff_rtol=0.4)
        check(1.5, diff_atol=0.6)
        # Where the function is said to have another value there, it is not even continuous.
        with pytest.raises(NondifferentiableError):
            check(1, center_outputs=(np.ones(1),))

    def test_the_end_of_the_domain(self):
        x = np.zeros(1)
        with np.errstate(divide='ignore', invalid='ignore'), pytest.raises(NondifferentiableError):
            numerical_grad(lambda: (np.log(x),), [x], [np.ones(1)], detect_nondifferentiable=True)

    def test_a_number_as_gradient_and_an_output_that_is_left_out(self):
        x = random(3)
        gx, _ = numerical_grad(lambda: (x ** 2, None), [x, np.ones(1)], [2., None])
        np.testing.assert_allclose(gx, 4 * x, rtol=1e-8)

    def test_wrong_gradients(self):
        x = random(3)
        with pytest.raises(ValueError, match='each of 1 outputs, got 2'):
            numerical_grad(lambda: (x,), [x], [np.ones(3), np.ones(3)])
        with pytest.raises(ValueError, match=r'\(3,\).*\(2,\)'):
            numerical_grad(lambda: (x,), [x], [np.ones(2)])


def test_assert_allclose():
    x = random(2, 3)
    assert_allclose(x, Variable(x + 1e-6))
    assert_allclose(1, 1.)
    assert_allclose([1., np.nan], [1., np.nan])
    for y, options in (x + 1, {}), (x * (1 + 1e-3), {'atol': 0}), (x + 1e-3, {'rtol': 0}):
        with pytest.raises(AssertionError, match=r'6 of 6 elements[^\n]*\nx: .*\n'):
            assert_allclose(x, y, **options)
        with pytest.raises(AssertionError, match=r'6 of 6 elements[^\n]*$'):
            assert_allclose(x, y, verbose=False, **options)
    assert_allclose(x, x + 1, atol=1)
    assert_allclose(x, x * 2, rtol=1)


class TestCheckForward:
    def test_right(self):
        check_forward(lambda x, y: (x + y, x * y), (random(2), random(2)), lambda x, y: (x + y, x * y))
        check_forward(F.exp, random(3), np.exp)

    def test_wrong_values_show_the_worst(self):
        x = np.zeros((2, 3))

        def wrong(x):
            y = x.copy()
            y[0, 1], y[1, 2] = 0.1, -7
            return y

        with pytest.raises(AssertionError, match=r'output 0: 2 of 6 elements.*\(1, 2\): expected -7.0, got 0.0'):
            check_forward(lambda x: x * 1, x, wrong)

    def test_wrong_shape_and_number(self):
        with pytest.raises(AssertionError, match=r'shape \(3,\), got \(1,\)'):
            check_forward(lambda x: F.sum(x, keepdims=True), random(3), lambda x: x)
        with pytest.raises(AssertionError, match='expected 2 outputs, got 1'):
            check_forward(lambda x: x * 1, random(3), lambda x: (x, x))

    def test_nan(self):
        check_forward(lambda x: x * 1, np.array([np.nan, 1]), lambda x: x)
        with pytest.raises(AssertionError, match=r'worst is \(0,\)'):
            check_forward(lambda x: x * 1, np.array([np.nan, 1]), lambda x: np.array([0., 1.]))


class TestCheckBackward:
    @pytest.mark.parametrize('shape', [(3, 4), (), (0,), (1,), (2, 0), (50, 40)])
    @pytest.mark.parametrize('dtype', ['f8', 'f4'])
    def test_right(self, shape, dtype):
        check_backward(cube, random(*shape, dtype=dtype), random(*shape, dtype=dtype), dtype='f8')

    def test_single_precision(self):
        check_backward(cube, random(3, 4, dtype='f4'), random(3, 4, dtype='f4'), eps=1e-2, atol=1e-3, rtol=1e-2)

    @pytest.mark.parametrize('factor', [0.99, -1, 0, np.nan])
    def test_wrong_factor(self, factor):
        with pytest.raises(AssertionError, match='check_backward: gradient of input 0'):
            check_backward(lambda x: cube(x, factor=factor), random(3, 4), random(3, 4))

    def test_one_wrong_element_is_shown(self):
        x = np.full((3, 4), 2.)
        with pytest.raises(AssertionError) as info:
            check_backward(lambda x: cube(x, element=(1, 2), off=0.5), x, np.ones((3, 4)))
        message = str(info.value)
        assert '1 of 12 elements' in message and '(1, 2)' in message and 'backward 12.5' in message
        assert 'numerical 12.0' in message or 'numerical 11.99' in message

    def test_two_errors_that_cancel_in_the_sum(self):
        class Cancels(Scaled):
            def backward(self, indexes, grad_outputs):
                gx, = super().backward(indexes, grad_outputs)
                return gx + np.array([1., -1.]),

        with pytest.raises(AssertionError, match='2 of 2 elements'):
            check_backward(lambda x: Cancels().apply((x,))[0], random(2), np.ones(2))

    def test_the_missing_gradient(self):
        class Missing(Scaled):
            def backward(self, indexes, grad_outputs):
                return None,

        with pytest.raises(AssertionError, match=r'backward 0.0'):
            check_backward(lambda x: Missing().apply((x,))[0], random(2), np.ones(2))

    def test_several_inputs_name_the_wrong_one(self):
        def f(a, b):
            return a * cube(b, factor=1.1)

        with pytest.raises(AssertionError, match='input 1'):
            check_backward(f, (random(2), random(2)), np.ones(2))
        check_backward(f, (random(2), random(2)), np.ones(2), no_grads=[False, True])
        check_backward(lambda a, b: a * cube(b), (random(2), random(2)), np.ones(2))

    def test_integer_inputs_are_left_out(self):
        check_backward(lambda x, n: x * n, (random(3), np.array([1, 2, 3])), np.ones(3))

    def test_several_outputs(self):
        def f(x):
            return x * x, cube(x), x.sum()

        check_backward(f, random(3), (random(3), random(3), random()))
        check_backward(f, random(3), (random(3), None, None))
        check_backward(lambda x: (x * x, cube(x, factor=2)), random(3), (random(3), None))
        with pytest.raises(AssertionError):
            check_backward(lambda x: (x * x, cube(x, factor=2)), random(3), (random(3), random(3)))

    def test_no_gradient_given_for_a_scalar(self):
        check_backward(lambda x: F.sum(cube(x)), random(3), None)
        with pytest.raises(ValueError, match='y_grad is needed'):
            check_backward(cube, random(3), None)
        with pytest.raises(ValueError, match='y_grad has 2 entries for 1 outputs'):
            check_backward(cube, random(3), (random(3), random(3)))

    def test_parameters_are_checked_and_restored(self):
        W = Parameter(random(3, dtype='f4'), name='W')
        b = Parameter(random(3, dtype='f4'))
        arrays = W.array, b.array
        values = W.array.copy()
        check_backward(lambda x: x * W + b, random(3, dtype='f4'), random(3, dtype='f4'), (W, b), dtype='f8')
        assert W.array is arrays[0] and b.array is arrays[1] and W.dtype == np.float32 and W.grad is None
        np.testing.assert_array_equal(W.array, values)
        with pytest.raises(AssertionError, match='parameter W'):
            check_backward(lambda x: x * cube(W, factor=2), random(3), random(3), (W, b), dtype='f8')
        assert W.array is arrays[0]
        with pytest.raises(AssertionError, match='parameter 1'):
            check_backward(lambda x: x * cube(b, factor=2), random(3), random(3), (W, b), dtype='f8')

    def test_parameters_that_come_into_being(self):
        layer = L.Linear(None, 2)
        x = random(3, 4, dtype='f4')
        check_backward(layer, x, random(3, 2, dtype='f4'), (layer.W, layer.b), dtype='f8')
        assert layer.W.shape == (2, 4) and layer.W.dtype == np.float32

    def test_no_input_and_no_output(self):
        class Second(FunctionNode):
            def forward(self, inputs):
                return None, inputs[0] * 2

            def backward(self, indexes, grad_outputs):
                return grad_outputs[1] * 2,

        def f(x, nothing):
            assert nothing is None
            return Second().apply((x,))

        check_backward(f, (random(3), None), (None, random(3)))
        check_double_backward(f, (random(3), None), (None, random(3)), (random(3), None))

    def test_gradients_are_computed_in_the_precision_of_the_inputs(self):
        seen = []

        def f(x):
            seen.append(x.dtype)
            return cube(x)

        check_backward(f, random(3, dtype='f4'), random(3, dtype='f4'), dtype='f8')
        assert seen[0] == np.float32 and set(seen[1:]) == {np.dtype('f8')}
        with pytest.raises(ValueError, match='floating-point dtype'):
            check_backward(f, random(3), random(3), dtype=int)

    def test_inputs_are_not_changed(self):
        x, gy = random(3), random(3)
        before = x.copy(), gy.copy()
        check_backward(cube, x, gy)
        np.testing.assert_array_equal((x, gy), before)

    def test_wrong_shape_of_a_gradient(self):
        class Wrong(Function):
            def forward(self, inputs):
                return inputs[0] * 1,

            def backward(self, inputs, grad_outputs):
                return grad_outputs[0][:1],

        with pytest.raises(ValueError, match=r'Wrong.*\(3,\).*\(1,\)'):
            check_backward(lambda x: Wrong()(x), random(3), random(3))

    def test_wrong_no_grads(self):
        with pytest.raises(ValueError, match='no_grads has 2 entries'):
            check_backward(cube, random(3), random(3), no_grads=[True, False])

    def test_nondifferentiable(self):
        with pytest.raises(NondifferentiableError):
            check_backward(abs, np.zeros(1), np.ones(1), detect_nondifferentiable=True)
        check_backward(abs, np.ones(1), np.ones(1), detect_nondifferentiable=True)

    def test_cost_does_not_grow_with_the_size(self):
        calls = []

        def f(x):
            calls.append(1)
            return cube(x)

        check_backward(f, random(100, 100), random(100, 100))
        assert len(calls) < 10


class TestCheckDoubleBackward:
    def test_right(self):
        for shape in (3, 2), (), (0,):
            check_double_backward(cube, random(*shape), random(*shape), random(*shape))
        check_double_backward(lambda a, b: (a * cube(b), F.exp(a)), (random(2), random(2)), (random(2), random(2)),
                              (random(2), random(2)))

    def test_parameters(self):
        W = Parameter(random(3))
        check_double_backward(lambda x: cube(x) * cube(W), random(3), random(3), random(3), (W,), (random(3),))
        assert W.grad is None

    def test_integer_inputs(self):
        check_double_backward(lambda x, n: cube(x) * n, (random(3), np.array([1, 2, 3])), random(3), (random(3), None))
        check_double_backward(lambda x, n: cube(x) * n, (random(3), np.array([1, 2, 3])), random(3), (random(3),))

    def test_linear_functions_have_second_order_zero(self):
        check_double_backward(lambda x: x * 3, random(3), random(3), random(3))

    def test_wrong_second_order(self):
        class Wrong(Scaled):
            def backward(self, indexes, grad_outputs):
                x, = self.get_retained_inputs()
                # Right in value, but the graph knows nothing of the factor's own dependence on x.
                return grad_outputs[0] * Variable(3 * x.array ** 2, requires_grad=False),

        def f(x):
            return Wrong().apply((x,))[0]

        check_backward(f, random(3), random(3))
        with pytest.raises(AssertionError, match='gradient of input 0'):
            check_double_backward(f, random(3), random(3), random(3))

    def test_a_function_of_arrays_is_refused(self):
        class Cube(Function):
            def forward(self, inputs):
                return inputs[0] ** 3,

            def backward(self, inputs, grad_outputs):
                return 3 * inputs[0] ** 2 * grad_outputs[0],

        with pytest.raises(RuntimeError, match=r'Cube.*FunctionNode'):
            check_double_backward(lambda x: Cube()(x), random(3), random(3), random(3))
