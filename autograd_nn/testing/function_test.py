"""The base of tests of functions."""
from __future__ import annotations

from typing import Any

import numpy as np

from autograd_nn.dtypes import is_floating
from autograd_nn.gradient_check import assert_allclose, check_backward, check_double_backward
from autograd_nn.testing.backend import BackendConfig
from autograd_nn.testing.checks import (
    BackendTestCase,
    ErrorOfTest,
    as_variables,
    checked_arrays,
    uniform_like,
)
from autograd_nn.types import DTypeLike
from autograd_nn.utils.error import _format_array_props
from autograd_nn.variable import Variable


class FunctionTestError(ErrorOfTest):
    """A function is wrong."""


class FunctionTestCase(BackendTestCase):
    """Tests of a function: its values, and its gradients of first and second order against numerical ones.

    A subclass overrides `generate_inputs`, `forward` and `forward_expected`. With `inject_backend_tests`, the tests run
    on several devices.

    Attributes:
        check_forward_options: Arguments of `assert_allclose`, such as tolerances; empty for each test.
        check_backward_options: Arguments of `gradient_check.check_backward`.
        check_double_backward_options: Arguments of `gradient_check.check_double_backward`.
        skip_forward_test: Whether to leave the test of values out.
        skip_backward_test: Whether to leave the test of gradients out.
        skip_double_backward_test: Whether to leave the test of gradients of second order out.
        dodge_nondifferentiable: Whether to draw the inputs again where the function has no derivative.
        numerical_grad_dtype: What numerical gradients are computed in.
        contiguous: ``'C'``: arrays lie in memory without gaps. None: they have gaps where that is possible.
        test_name: The test that is running: ``'test_forward'``, ``'test_backward'`` or ``'test_double_backward'``.
        backend_config: Its `BackendConfig`.

    Example:
        >>> import unittest, numpy as np, autograd_nn.functions as F
        >>> from autograd_nn import testing
        >>> class TestReLU(testing.FunctionTestCase):
        ...     dodge_nondifferentiable = True
        ...
        ...     def generate_inputs(self):
        ...         return np.random.uniform(-1, 1, (2, 3)).astype('f'),
        ...
        ...     def forward(self, inputs, device):
        ...         return F.relu(*inputs),
        ...
        ...     def forward_expected(self, inputs):
        ...         return np.maximum(*inputs, 0),
        >>> tests = unittest.defaultTestLoader.loadTestsFromTestCase(TestReLU)
        >>> tests.run(unittest.TestResult())
        <unittest.result.TestResult run=3 errors=0 failures=0>
    """

    error = FunctionTestError
    skip_forward_test = False
    skip_backward_test = False
    skip_double_backward_test = False
    dodge_nondifferentiable = False
    numerical_grad_dtype: DTypeLike = np.float64

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.check_forward_options: dict[str, Any] = {}
        self.check_backward_options: dict[str, Any] = {}
        self.check_double_backward_options: dict[str, Any] = {}

    def generate_inputs(self) -> tuple[np.ndarray, ...]:
        """Draws the inputs, a tuple of NumPy arrays."""
        raise NotImplementedError(f'{type(self).__name__}: generate_inputs is not implemented')

    def forward(self, inputs: tuple[Variable, ...], device: Any) -> tuple[Variable, ...]:
        """Calls the function.

        Args:
            inputs: Variables on the device of the test.
            device: The device.

        Returns:
            A tuple of Variables on it.
        """
        raise NotImplementedError(f'{type(self).__name__}: forward is not implemented')

    def forward_expected(self, inputs: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
        """Computes in another way, from NumPy arrays, what the function should return."""
        raise NotImplementedError(f'{type(self).__name__}: forward_expected is not implemented')

    def generate_grad_outputs(self, outputs_template: tuple[np.ndarray, ...]) -> tuple[np.ndarray | None, ...]:
        """Draws gradients of the outputs, of the shapes and dtypes of some arrays; None leaves one out."""
        return uniform_like(outputs_template)

    def generate_grad_grad_inputs(self, inputs_template: tuple[np.ndarray, ...]) -> tuple[np.ndarray | None, ...]:
        """Draws the gradients of the inputs' gradients, of the shapes and dtypes of some arrays."""
        return uniform_like(inputs_template)

    def check_forward_outputs(self, outputs: tuple[Any, ...], expected_outputs: tuple[Any, ...]) -> None:
        """Compares arrays on the device of the test with what is expected.

        Raises:
            FunctionTestError: They are not alike.
        """
        self.check_equal(outputs, expected_outputs, self.check_forward_options)

    def test_forward(self, backend_config: BackendConfig | None = None) -> None:
        """The values are right, and the inputs stay as they are."""
        self.run_test_forward(backend_config)

    def test_backward(self, backend_config: BackendConfig | None = None) -> None:
        """The gradients agree with numerical ones."""
        self.run_test_backward(backend_config)

    def test_double_backward(self, backend_config: BackendConfig | None = None) -> None:
        """The gradients of the gradients agree with numerical ones."""
        self.run_test_double_backward(backend_config)

    def run_test_forward(self, backend_config: BackendConfig | None) -> None:
        """What `test_forward` does."""
        self.begin('test_forward', backend_config, self.skip_forward_test)
        given = checked_arrays(self.generate_inputs(), 'generate_inputs')
        expected = self._expected(given)
        inputs = self.sent(given)
        outputs = self._call(*as_variables(inputs))
        changed = [i for i, (x, before) in enumerate(zip(inputs, given)) if not _is_same(x, before)]
        if changed:
            raise FunctionTestError(f'forward changed its inputs {changed} ({_format_array_props(inputs)})')
        self.check_forward_outputs(tuple([y.array for y in outputs]), expected)

    def run_test_backward(self, backend_config: BackendConfig | None) -> None:
        """What `test_backward` does."""
        config = self.begin('test_backward', backend_config, self.skip_backward_test)

        def check() -> None:
            given = checked_arrays(self.generate_inputs(), 'generate_inputs')
            gys = checked_arrays(self.generate_grad_outputs(self._expected(given)), 'generate_grad_outputs')
            with config, FunctionTestError.raise_if_fail('backward is wrong'):
                check_backward(self._call, self.sent(given), self.sent(gys), dtype=self.numerical_grad_dtype,
                               detect_nondifferentiable=self.dodge_nondifferentiable, **self.check_backward_options)

        self.where_differentiable(check, self.dodge_nondifferentiable)

    def run_test_double_backward(self, backend_config: BackendConfig | None) -> None:
        """What `test_double_backward` does."""
        config = self.begin('test_double_backward', backend_config, self.skip_double_backward_test)

        def check() -> None:
            given = checked_arrays(self.generate_inputs(), 'generate_inputs')
            gys = checked_arrays(self.generate_grad_outputs(self._expected(given)), 'generate_grad_outputs')
            drawn = checked_arrays(self.generate_grad_grad_inputs(given), 'generate_grad_grad_inputs')
            ggxs = tuple([ggx for ggx in drawn if ggx is None or is_floating(ggx.dtype)])
            with config, FunctionTestError.raise_if_fail('double backward is wrong'):
                check_double_backward(self._call, self.sent(given), self.sent(gys), self.sent(ggxs),
                                      dtype=self.numerical_grad_dtype,
                                      detect_nondifferentiable=self.dodge_nondifferentiable,
                                      **self.check_double_backward_options)

        self.where_differentiable(check, self.dodge_nondifferentiable)

    def _expected(self, inputs: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
        return checked_arrays(self.forward_expected(inputs), 'forward_expected')

    def _call(self, *inputs: Variable) -> tuple[Variable, ...]:
        with self.backend_config:
            return self.outputs_of(self.forward(inputs, self.backend_config.device))


def _is_same(x: Any, y: Any) -> bool:
    try:
        assert_allclose(x, y, atol=0, rtol=0)
    except AssertionError:
        return False
    return True
