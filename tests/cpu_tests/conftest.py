"""The back ends whose kernels the tests here run; each test runs on every one that is present."""
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autograd_nn import backend, cpu, cuda
from autograd_nn.cpu import onednn
from autograd_nn.cuda import cudnn


class BackEnd:
    """Calls kernels by name on NumPy arrays, wherever they compute.

    Attributes:
        on_gpu: Whether they compute on a GPU.
        names: Those that the test may call; None for all.
        dtype: The most precise type that the kernels have code of their own for.
        atol: The error to expect of a few operations on numbers around 1 in that type.
    """

    on_gpu = False
    names: tuple[str, ...] | None = None

    def __init__(self, kernels: Any, send: Callable[[np.ndarray], Any], fetch: Callable[[Any], np.ndarray],
                 dtype: str) -> None:
        self.kernels = kernels
        self.send = send
        self.fetch = fetch
        self.dtype = np.dtype(dtype)
        self.atol = 50 * np.finfo(dtype).eps

    def __call__(self, name: str, *args: Any) -> Any:
        assert self.names is None or name in self.names
        pairs: list[tuple[np.ndarray, Any]] = []
        result = getattr(self.kernels, name)(*[self._sent(a, pairs) for a in args])
        for original, array in pairs:
            if array is not original:
                original[...] = self.fetch(array)
        if isinstance(result, tuple):
            return tuple(None if array is None else self.fetch(array) for array in result)
        return None if result is None else self.fetch(result)

    def _sent(self, arg: Any, pairs: list[tuple[np.ndarray, Any]]) -> Any:
        """An argument as the kernel takes it; each array that is in it, and what is sent for it, joins `pairs`."""
        if isinstance(arg, (list, tuple)):
            return type(arg)([self._sent(a, pairs) for a in arg])
        if not isinstance(arg, (np.ndarray, np.floating)):
            return arg
        # Arithmetic on arrays of no axes yields numbers.
        arg = np.asarray(arg)
        pairs.append((arg, self.send(arg)))
        return pairs[-1][1]


class GpuBackEnd(BackEnd):
    """Calls kernels on CuPy arrays; elementwise operations run their own text there."""

    on_gpu = True

    def __call__(self, name: str, *args: Any) -> Any:
        if name != 'elementwise':
            return super().__call__(name, *args)
        body, args, _ = args
        operation = next((op for op in backend.elementwise.registry.values() if op.body is body), body)
        return self.fetch(operation(*[self._sent(a, []) for a in args]))


def sent_with_strides(a: np.ndarray) -> Any:
    """A copy on the GPU with the same strides, which CuPy's own copies need not have."""
    if a.size == 0 or min(a.strides, default=1) < 1 or any(s % a.itemsize for s in a.strides):
        return cuda.to_gpu(a)
    size = 1 + sum((n - 1) * s // a.itemsize for n, s in zip(a.shape, a.strides))
    result = cuda.cupy.ndarray(a.shape, a.dtype, cuda.cupy.empty(size, a.dtype).data, a.strides)
    result[...] = cuda.to_gpu(a)
    return result


BACK_ENDS = {'numpy': BackEnd(cpu, lambda a: a, lambda a: a, 'float64')}
if onednn.load()[0] is not None:
    BACK_ENDS['onednn'] = BackEnd(onednn, lambda a: a, lambda a: a, 'float32')
if cuda.available:
    BACK_ENDS['cuda'] = GpuBackEnd(cuda.kernels, sent_with_strides, cuda.to_cpu, 'float64')
    if cudnn.load()[0] is not None:
        BACK_ENDS['cudnn'] = GpuBackEnd(cudnn, sent_with_strides, cuda.to_cpu, 'float32')


def pytest_generate_tests(metafunc):
    """A test runs on every back end; where it says which ``kernels`` it runs, on those that have them from no other."""
    if 'kernel' not in metafunc.fixturenames:
        return
    marker = metafunc.definition.get_closest_marker('kernels')
    different = {tuple([getattr(back_end.kernels, each) for each in marker.args]) if marker else name: name
                 for name, back_end in reversed(BACK_ENDS.items())}
    metafunc.parametrize('kernel', [pytest.param(name, marks=[pytest.mark.gpu] if BACK_ENDS[name].on_gpu else [])
                                    for name in reversed(different.values())], indirect=True, scope='session')


@pytest.fixture(scope='session')
def kernel(request):
    """A callable ``kernel(name, *args)``."""
    return BACK_ENDS[request.param]


@pytest.fixture(autouse=True)
def names(request, monkeypatch):
    """A test runs no kernels beside those that it says it runs."""
    marker = request.node.get_closest_marker('kernels')
    monkeypatch.setattr(BackEnd, 'names', marker and marker.args)
