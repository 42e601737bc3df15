"""Tests that are run on the CPU and on GPUs."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from autograd_nn.backend import CpuDevice, Device, GpuDevice, using_device
from autograd_nn.config import using_config
from autograd_nn.testing import attr
from autograd_nn.testing.bundle import Bundle, Case, make_decorator, with_argument
from autograd_nn.types import Array

_DEFAULTS: dict[str, Any] = {
    'use_cuda': False, 'cuda_device': None, 'use_cudnn': 'never', 'cudnn_deterministic': False, 'autotune': False,
    'cudnn_fast_batch_normalization': False, 'use_chainerx': False, 'chainerx_device': None, 'use_ideep': 'never',
}
_SETTINGS = 'use_cudnn', 'cudnn_deterministic', 'autotune', 'use_ideep'


class BackendConfig:
    """Where a test runs. As a context it makes the device the current one, and the settings those of the configuration.

    Args:
        params: What is not the default, by name: `use_cuda` runs it on a GPU, `cuda_device` is the number of that;
            `use_cudnn`, `cudnn_deterministic` and `autotune` are the entries of the configuration. Chainer's others
            are known: what needs ChainerX or iDeep is skipped.

    Raises:
        TypeError: `params` is no dict.
        ValueError: There is no such parameter.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.testing import BackendConfig
        >>> with BackendConfig({}) as config:
        ...     config.device, config.get_array(np.zeros(2))
        (<CpuDevice (numpy)>, array([0., 0.]))
    """

    use_cuda: bool
    cuda_device: int | None
    use_cudnn: str
    use_chainerx: bool
    use_ideep: str

    def __init__(self, params: dict[str, Any]) -> None:
        if not isinstance(params, dict):
            raise TypeError(f'BackendConfig: expected a dict, got {type(params).__name__}')
        unknown = sorted(params.keys() - _DEFAULTS.keys())
        if unknown:
            raise ValueError(f'BackendConfig: there is no parameter {", ".join(unknown)}; '
                             f'expected some of {", ".join(_DEFAULTS)}')
        self._params = params
        self._contexts: list[ExitStack] = []
        vars(self).update({**_DEFAULTS, **params})
        if self.use_cuda and self.cuda_device is None:
            self.cuda_device = 0

    @property
    def device(self) -> Device:
        """The device."""
        return GpuDevice(self.cuda_device) if self.use_cuda else CpuDevice()

    @property
    def xp(self) -> Any:
        """The device's array module."""
        return self.device.xp

    def get_array(self, np_array: Array) -> Any:
        """An array, or those in a tuple or a list, on the device."""
        return self.device.send(np_array)

    def get_func_str(self) -> str:
        """What names of tests say of it."""
        return '__'.join([f'{name}_{value}' for name, value in self._params.items()]) or 'cpu'

    def get_pytest_marks(self) -> list[Callable[[Any], Any]]:
        """Decorators that say what a test with it needs (see `attr`)."""
        marks: list[Callable[[Any], Any]] = []
        if self.use_chainerx:
            marks.append(attr.chainerx)
        if self.use_ideep != 'never':
            marks.append(attr.ideep)
        if self.use_cuda:
            marks.append(attr.multi_gpu((self.cuda_device or 0) + 1))
            if self.use_cudnn != 'never':
                marks.append(attr.cudnn)
        return marks

    def __enter__(self) -> BackendConfig:
        context = ExitStack()
        for name in _SETTINGS:
            context.enter_context(using_config(name, getattr(self, name)))
        context.enter_context(using_device(self.device))
        self._contexts.append(context)
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self._contexts.pop().close()

    def __repr__(self) -> str:
        return f'<BackendConfig {" ".join([f"{name}={value!r}" for name, value in self._params.items()]) or "cpu"}>'


def inject_backend_tests(method_names: Sequence[str] | None,
                         params: Sequence[dict[str, Any]]) -> Callable[[Any], Bundle]:
    """Decorator of a class of tests: they are run once with each of several back ends.

    Args:
        method_names: The tests that take a `BackendConfig` as first argument; the others are run once. None stands for
            all.
        params: What `BackendConfig` is made of. Those that need a GPU are skipped where there is none.

    Raises:
        TypeError: One of the arguments is something else.

    Example:
        >>> import unittest, numpy as np
        >>> from autograd_nn import testing
        >>> @testing.inject_backend_tests(None, [{}, {'use_cuda': True}])
        ... class TestSum(unittest.TestCase):
        ...     def test_sum(self, backend_config):
        ...         x = backend_config.get_array(np.ones(3))
        ...         self.assertEqual(x.sum(), 3)
        >>> [cls.__name__ for cls in TestSum.classes]
        ['TestSum_cpu', 'TestSum_use_cuda_True']
    """
    if not (method_names is None or isinstance(method_names, (list, tuple))):
        raise TypeError(f'inject_backend_tests: expected None or a list of names, got {method_names!r}')
    if not isinstance(params, (list, tuple)):
        raise TypeError(f'inject_backend_tests: expected a list of dicts, got {type(params).__name__}')
    configs = [BackendConfig(each) for each in params]

    def make_cases(base: type) -> list[Case]:
        cases = [Case(f'{base.__name__}_{config.get_func_str()}', {}, _injector(method_names, config))
                 for config in configs]
        if method_names is not None:
            names = set(method_names)
            cases.append(Case(f'{base.__name__}_others', {},
                              lambda method: None if method.__name__ in names else method))
        return cases

    return make_decorator(make_cases)


def _injector(names: Sequence[str] | None, config: BackendConfig) -> Callable[[Callable[..., Any]], Any]:
    def convert(method: Callable[..., Any]) -> Any:
        if names is not None and method.__name__ not in names:
            return None
        test = with_argument(method, config)
        for mark in config.get_pytest_marks():
            test = mark(test)
        return test

    return convert
