"""The bases of tests of links."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd_nn.backend import to_cpu
from autograd_nn.gradient_check import check_backward
from autograd_nn.initializers import get_initializer
from autograd_nn.link import Link
from autograd_nn.testing.array import as_noncontiguous
from autograd_nn.testing.backend import BackendConfig
from autograd_nn.testing.checks import (
    BackendTestCase,
    ErrorOfTest,
    as_variables,
    checked_arrays,
    on_cpu,
    uniform_like,
)
from autograd_nn.types import DTypeLike
from autograd_nn.variable import Parameter, Variable


class LinkTestError(ErrorOfTest):
    """A link is wrong."""


class InitializerArgument:
    """An argument that initializes a parameter, and what it means where that is not the same.

    Args:
        argument_value: The argument, such as None.
        expected_initializer: What fills the parameter then: an initializer, a number or an array.

    Raises:
        ValueError: That is None.
    """

    def __init__(self, argument_value: Any, expected_initializer: Any) -> None:
        if expected_initializer is None:
            raise ValueError('InitializerArgument: expected an initializer, a number or an array, got None')
        get_initializer(expected_initializer)
        self.argument_value = argument_value
        self.expected_initializer = expected_initializer


class _LinkTest(BackendTestCase):
    """What tests of values and gradients, and of initial values, have in common.

    Attributes:
        param_names: The names of the parameters that are tested.
    """

    error = LinkTestError
    param_names: Sequence[str] = ()

    def generate_params(self) -> Sequence[Any]:
        """What the parameters are initialized with: an initializer, a number or an array for each."""
        raise NotImplementedError(f'{type(self).__name__}: generate_params is not implemented')

    def create_link(self, initializers: Sequence[Any]) -> Link:
        """Creates the link.

        Args:
            initializers: What its parameters are to be initialized with.
        """
        raise NotImplementedError(f'{type(self).__name__}: create_link is not implemented')

    def generate_inputs(self) -> tuple[np.ndarray, ...]:
        """Draws the inputs, a tuple of NumPy arrays."""
        raise NotImplementedError(f'{type(self).__name__}: generate_inputs is not implemented')

    def forward(self, link: Link, inputs: tuple[Variable, ...], device: Any) -> tuple[Variable, ...]:
        """Calls the link.

        Args:
            link: The link.
            inputs: Variables on the device of the test.
            device: The device.

        Returns:
            A tuple of Variables on it.
        """
        ys = link(*inputs)
        return ys if isinstance(ys, tuple) else (ys,)

    def make_link(self, initializers: Sequence[Any]) -> Link:
        """Creates the link, on the device of the test, of arguments or `InitializerArgument` objects."""
        values = [each.argument_value if isinstance(each, InitializerArgument) else each for each in initializers]
        link = self.create_link(values)
        if not isinstance(link, Link):
            raise TypeError(f'create_link: expected a Link, got {type(link).__name__}')
        return link.to_device(self.backend_config.device)

    def params_of(self, link: Link) -> list[Parameter]:
        """The parameters that are tested."""
        missing = [name for name in self.param_names if getattr(link, name, None) is None]
        if missing:
            raise LinkTestError(f'{type(link).__name__} has no parameter {", ".join(missing)}')
        return [getattr(link, name) for name in self.param_names]

    def call(self, link: Link, inputs: Sequence[Variable]) -> tuple[Variable, ...]:
        """Calls the link in the context of the test, and looks at what it returns."""
        with self.backend_config:
            return self.outputs_of(self.forward(link, tuple(inputs), self.backend_config.device))


class LinkTestCase(_LinkTest):
    """Tests of a link: its values, and the gradients of inputs and parameters against numerical ones.

    A subclass overrides `generate_params`, `create_link`, `generate_inputs` and `forward_expected`, and `forward` where
    calling the link with the inputs is not all. With `inject_backend_tests`, the tests run on several devices.

    Attributes:
        param_names: The names of the parameters whose gradients are tested.
        check_forward_options: Arguments of `assert_allclose`, such as tolerances; empty for each test.
        check_backward_options: Arguments of `gradient_check.check_backward`.
        skip_forward_test: Whether to leave the test of values out.
        skip_backward_test: Whether to leave the test of gradients out.
        dodge_nondifferentiable: Whether to draw everything again where the link has no derivative.
        numerical_grad_dtype: What numerical gradients are computed in.
        contiguous: ``'C'``: arrays lie in memory without gaps. None: they have gaps where that is possible.
        test_name: The test that is running: ``'test_forward'`` or ``'test_backward'``.
        backend_config: Its `BackendConfig`.

    Example:
        >>> import unittest, numpy as np, autograd_nn.links as L
        >>> from autograd_nn import testing
        >>> class TestLinear(testing.LinkTestCase):
        ...     param_names = 'W', 'b'
        ...
        ...     def generate_params(self):
        ...         return np.random.uniform(-1, 1, (3, 2)).astype('f'), np.random.uniform(-1, 1, 3).astype('f')
        ...
        ...     def create_link(self, initializers):
        ...         return L.Linear(2, 3, False, *initializers)
        ...
        ...     def generate_inputs(self):
        ...         return np.random.uniform(-1, 1, (4, 2)).astype('f'),
        ...
        ...     def forward_expected(self, link, inputs):
        ...         return inputs[0] @ link.W.array.T + link.b.array,
        >>> tests = unittest.defaultTestLoader.loadTestsFromTestCase(TestLinear)
        >>> tests.run(unittest.TestResult())
        <unittest.result.TestResult run=2 errors=0 failures=0>
    """

    skip_forward_test = False
    skip_backward_test = False
    dodge_nondifferentiable = False
    numerical_grad_dtype: DTypeLike = np.float64

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.check_forward_options: dict[str, Any] = {}
        self.check_backward_options: dict[str, Any] = {}

    def forward_expected(self, link: Any, inputs: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
        """Computes in another way, from the link, which is on the CPU, and NumPy arrays, what it should return."""
        raise NotImplementedError(f'{type(self).__name__}: forward_expected is not implemented')

    def generate_grad_outputs(self, outputs_template: tuple[np.ndarray, ...]) -> tuple[np.ndarray | None, ...]:
        """Draws gradients of the outputs, of the shapes and dtypes of some arrays; None leaves one out."""
        return uniform_like(outputs_template)

    def check_forward_outputs(self, outputs: tuple[Any, ...], expected_outputs: tuple[Any, ...]) -> None:
        """Compares arrays on the device of the test with what is expected.

        Raises:
            LinkTestError: They are not alike.
        """
        self.check_equal(outputs, expected_outputs, self.check_forward_options)

    def test_forward(self, backend_config: BackendConfig | None = None) -> None:
        """The values are right."""
        self.begin('test_forward', backend_config, self.skip_forward_test)
        link = self.make_link(self.generate_params())
        inputs = checked_arrays(self.generate_inputs(), 'generate_inputs')
        outputs = self.call(link, as_variables(self.sent(inputs)))
        link.to_cpu()
        expected = checked_arrays(self.forward_expected(link, inputs), 'forward_expected')
        self.check_forward_outputs(tuple([y.array for y in outputs]), expected)

    def test_backward(self, backend_config: BackendConfig | None = None) -> None:
        """The gradients agree with numerical ones."""
        config = self.begin('test_backward', backend_config, self.skip_backward_test)

        def check() -> None:
            link = self.make_link(self.generate_params())
            inputs = self.sent(checked_arrays(self.generate_inputs(), 'generate_inputs'))
            # The first call settles shapes.
            outputs = on_cpu(self.call(link, as_variables(inputs)))
            gys = self.sent(checked_arrays(self.generate_grad_outputs(outputs), 'generate_grad_outputs'))
            params = self.params_of(link)
            for param in params:
                param.array = param.array if self.contiguous == 'C' else as_noncontiguous(param.array)
            with config, LinkTestError.raise_if_fail('backward is wrong'):
                check_backward(lambda *xs: self.call(link, xs), inputs, gys, params, dtype=self.numerical_grad_dtype,
                               detect_nondifferentiable=self.dodge_nondifferentiable, **self.check_backward_options)

        self.where_differentiable(check, self.dodge_nondifferentiable)


class LinkInitializersTestCase(_LinkTest):
    """A test of the initial values of a link's parameters.

    A subclass overrides `generate_params`, `create_link`, `generate_inputs` and `get_initializers`, and `forward` where
    calling the link with the inputs is not all.

    Attributes:
        param_names: The names of the parameters, in the order of `generate_params`.
        check_initializers_options: Arguments of `assert_allclose`, such as tolerances.
        test_name: ``'test_initializers'``.
        backend_config: The `BackendConfig`.

    Example:
        >>> import unittest, numpy as np, autograd_nn as ann, autograd_nn.links as L
        >>> from autograd_nn import testing
        >>> class TestLinear(testing.LinkInitializersTestCase):
        ...     param_names = 'W', 'b'
        ...
        ...     def generate_params(self):
        ...         return 1, 0
        ...
        ...     def create_link(self, initializers):
        ...         return L.Linear(2, 3, False, *initializers)
        ...
        ...     def generate_inputs(self):
        ...         return np.zeros((4, 2), 'f'),
        ...
        ...     def get_initializers(self):
        ...         return [ann.initializers.One(), 2], [3, testing.InitializerArgument(None, 0)]
        >>> tests = unittest.defaultTestLoader.loadTestsFromTestCase(TestLinear)
        >>> tests.run(unittest.TestResult())
        <unittest.result.TestResult run=1 errors=0 failures=0>
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.check_initializers_options: dict[str, Any] = {}

    def get_initializers(self) -> Sequence[Sequence[Any]]:
        """For each parameter, what is to be tried as its initializer, one after the other.

        An argument that is none itself, such as None, comes as an `InitializerArgument`.
        """
        raise NotImplementedError(f'{type(self).__name__}: get_initializers is not implemented')

    def test_initializers(self, backend_config: BackendConfig | None = None) -> None:
        """Each initializer fills its parameter."""
        self.begin('test_initializers', backend_config, skip=False)
        for i, initializers in enumerate(self.get_initializers()):
            for initializer in initializers:
                arguments = list(self.generate_params())
                arguments[i] = initializer
                self._check_initializer(i, arguments)

    def _check_initializer(self, i: int, arguments: Sequence[Any]) -> None:
        link = self.make_link(arguments)
        self.call(link, as_variables(self.sent(checked_arrays(self.generate_inputs(), 'generate_inputs'))))
        array = to_cpu(self.params_of(link)[i].array)
        argument = arguments[i]
        expected = np.empty_like(array)
        get_initializer(argument.expected_initializer if isinstance(argument, InitializerArgument) else argument)(
            expected)
        with LinkTestError.raise_if_fail(f'{self.param_names[i]} is not what {argument!r} fills it with'):
            self.check_equal((array,), (expected,), self.check_initializers_options)
