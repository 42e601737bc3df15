"""Tests of elementwise functions of one array."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_nn.gradient_check import check_backward, check_double_backward
from autograd_nn.testing.array import assert_allclose
from autograd_nn.testing.attr import gpu
from autograd_nn.testing.backend import BackendConfig
from autograd_nn.testing.bundle import Bundle
from autograd_nn.testing.checks import uniform_like
from autograd_nn.testing.parameterized import parameterize, product
from autograd_nn.variable import Variable

_PARAMETERS = product({'shape': [(3, 2), ()], 'dtype': [np.float16, np.float32, np.float64]})


def unary_math_function_unittest(
        func: Callable[[Any], Variable], func_expected: Callable[..., Any] | None = None,
        label_expected: str | None = None, make_data: Callable[[Any, Any], tuple[np.ndarray, ...]] | None = None,
        is_linear: bool | None = None, forward_options: dict[str, Any] | None = None,
        backward_options: dict[str, Any] | None = None,
        double_backward_options: dict[str, Any] | None = None) -> Callable[[type], Bundle]:
    """Decorator of an empty class of tests: it gets tests of an elementwise function of one array.

    Of its values, and of its gradients of first and second order against numerical ones; in each precision, with axes
    and without, on the CPU and, where there is one, on a GPU.

    Args:
        func: The function.
        func_expected: Computes the values from a NumPy array and, as `dtype`, its dtype; by default NumPy's function of
            the same name.
        label_expected: What the function is to be called in messages and drawings; not looked at by default.
        make_data: Draws, for a shape and a dtype, the input, the gradient of the output, and the gradient of the
            input's gradient; by default evenly from -1 to 1.
        is_linear: Check gradients of second order of the function's square.
        forward_options: Arguments of `assert_allclose`, such as tolerances.
        backward_options: Arguments of `gradient_check.check_backward`.
        double_backward_options: Arguments of `gradient_check.check_double_backward`.

    Raises:
        ValueError: NumPy has no such function, and none is given.

    Example:
        >>> import unittest, autograd_nn.functions as F
        >>> from autograd_nn import testing
        >>> @testing.unary_math_function_unittest(F.sin)
        ... class TestSin(unittest.TestCase):
        ...     pass
        >>> len(TestSin.classes)
        6
    """
    expected = func_expected or getattr(np, func.__name__, None)
    if expected is None:
        raise ValueError(f'unary_math_function_unittest: NumPy has no function {func.__name__}; give func_expected')
    options = forward_options, backward_options, double_backward_options

    def decorate(cls: type) -> Bundle:
        square = (lambda x: func(x) ** 2) if is_linear else func
        for name, method in _tests(func, square, expected, label_expected, make_data or _draw, options).items():
            setattr(cls, name, method)
        return parameterize(*_PARAMETERS)(cls)

    return decorate


def _draw(shape: Any, dtype: Any) -> tuple[np.ndarray, ...]:
    return uniform_like([np.empty(shape, dtype)] * 3)


def _tests(func: Any, square: Any, expected: Any, label: str | None, make_data: Any, options: Any) -> dict[str, Any]:
    def set_up(self: Any) -> None:
        self.x, self.gy, self.ggx = make_data(self.shape, self.dtype)
        half = self.dtype == np.float16
        values = {'atol': np.finfo('e').eps, 'rtol': np.finfo('e').eps} if half else {'atol': 1e-4, 'rtol': 1e-4}
        gradients = {'dtype': np.float64, **({'eps': 2 ** -4, 'atol': 2 ** -4, 'rtol': 2 ** -4} if half else values)}
        self.forward_options, self.backward_options, self.double_backward_options = (
            {**default, **(given or {})} for default, given in zip((values, gradients, gradients), options))

    def check_forward(self: Any, x: Any) -> None:
        y = func(Variable(x))
        self.assertEqual(y.dtype, self.dtype)
        assert_allclose(y, expected(self.x, dtype=self.dtype), **self.forward_options)

    def check_first(self: Any, x: Any, gy: Any) -> None:
        check_backward(func, x, gy, **self.backward_options)

    def check_second(self: Any, x: Any, gy: Any, ggx: Any) -> None:
        check_double_backward(square, x, gy, ggx, **self.double_backward_options)

    def test_label(self: Any) -> None:
        self.assertEqual(func(Variable(self.x.astype('d'))).creator.label, label)

    def run(check: str, *names: str, config: BackendConfig) -> Any:
        """A test that calls a check with some of the arrays on a device."""
        def test(self: Any) -> None:
            getattr(self, check)(*config.get_array(tuple([getattr(self, name) for name in names])))

        return test

    tests = {'setUp': set_up, 'check_forward': check_forward, 'check_backward': check_first,
             'check_double_backward': check_second}
    for place, needs in ('cpu', lambda test: test), ('gpu', gpu):
        config = BackendConfig({'use_cuda': place == 'gpu'})
        tests[f'test_forward_{place}'] = needs(run('check_forward', 'x', config=config))
        tests[f'test_backward_{place}'] = needs(run('check_backward', 'x', 'gy', config=config))
        tests[f'test_double_backward_{place}'] = needs(run('check_double_backward', 'x', 'gy', 'ggx', config=config))
    return tests if label is None else {**tests, 'test_label': test_label}
