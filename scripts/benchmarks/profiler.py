"""Where the time of a step goes: by function, and by kernel."""
from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from autograd_nn import FunctionHook, FunctionNode, backend


class Profile(FunctionHook):
    """Adds up the time of functions and of kernels.

    Functions within functions (gradients are made of functions), and kernels within kernels, are part of the outer one.

    Args:
        shapes: Tell calls with arrays of different shapes apart.

    Attributes:
        functions: Calls, seconds, and the seconds of these spent in kernels, by the name of a function and the pass, or
            by the name of a part of the step for what runs outside of all functions.
        kernels: Calls and seconds by name.
    """

    name = 'benchmark'

    def __init__(self, shapes: bool) -> None:
        self.shapes = shapes
        self.functions: dict[str, list[float]] = defaultdict(lambda: [0, 0., 0.])
        self.kernels: dict[str, list[float]] = defaultdict(lambda: [0, 0.])
        self._depth = 0
        self._start = 0.
        self._in_functions = 0.
        self._part = self._running = ''
        self._kernel_runs = False

    def part(self, name: str, run: Callable[[], None]) -> None:
        """Runs a part of the step; what it does outside of functions goes by its name."""
        self._running, self._in_functions = f'{name}, outside of functions', 0.
        start = time.perf_counter()
        run()
        entry = self.functions[self._running]
        entry[0] += 1
        entry[1] += time.perf_counter() - start - self._in_functions

    def forward_preprocess(self, function: FunctionNode, in_data: tuple[Any, ...]) -> None:
        self._enter(function, 'forward', in_data)

    def forward_postprocess(self, function: FunctionNode, in_data: tuple[Any, ...]) -> None:
        self._leave()

    def backward_preprocess(self, function: FunctionNode, in_data: tuple[Any, ...], out_grad: tuple[Any, ...]) -> None:
        self._enter(function, 'backward', out_grad)

    def backward_postprocess(self, function: FunctionNode, in_data: tuple[Any, ...],
                             out_grad: tuple[Any, ...]) -> None:
        self._leave()

    def _enter(self, function: FunctionNode, pass_: str, arrays: tuple[Any, ...]) -> None:
        self._depth += 1
        if self._depth == 1:
            self._part, self._running = self._running, f'{function.label} {pass_}{self._shapes(arrays)}'
            self._start = time.perf_counter()

    def _leave(self) -> None:
        self._depth -= 1
        if self._depth == 0:
            seconds = time.perf_counter() - self._start
            entry = self.functions[self._running]
            entry[0] += 1
            entry[1] += seconds
            self._in_functions += seconds
            self._running = self._part

    def run_kernel(self, name: str, kernel: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Calls a kernel and adds its time to its own and to that of the function that runs."""
        if self._kernel_runs:
            return kernel(*args, **kwargs)
        self._kernel_runs = True
        start = time.perf_counter()
        try:
            return kernel(*args, **kwargs)
        finally:
            seconds = time.perf_counter() - start
            self._kernel_runs = False
            entry = self.kernels[name + self._shapes(args)]
            entry[0] += 1
            entry[1] += seconds
            self.functions[self._running][2] += seconds

    def _shapes(self, arrays: tuple[Any, ...]) -> str:
        return ''.join(f' {x.shape}' for x in arrays if backend.is_array(x)) if self.shapes else ''


class TimedKernels:
    """The kernels of a back end, each of which tells a `Profile` how long it takes."""

    def __init__(self, kernels: Any, profile: Profile) -> None:
        self._kernels = kernels
        self._profile = profile

    def __getattr__(self, name: str) -> Any:
        kernel = getattr(self._kernels, name)
        return lambda *args, **kwargs: self._profile.run_kernel(name, kernel, *args, **kwargs)


@contextmanager
def timed_kernels(profile: Profile) -> Iterator[None]:
    """A context in which all kernels of the contract, and all elementwise operations, report to `profile`."""
    kernels, call = backend.kernels, backend.Elementwise.__call__
    users = [module for name, module in sys.modules.items()
             if name.startswith('autograd_nn') and vars(module).get('kernels') is kernels]

    def use(new_kernels: Any, new_call: Any) -> None:
        for module in users:
            module.kernels = new_kernels  # type: ignore[attr-defined]
        backend.Elementwise.__call__ = new_call  # type: ignore[method-assign]

    use(lambda *arrays: TimedKernels(kernels(*arrays), profile),
        lambda self, *args: profile.run_kernel(f'{self.name} (elementwise)', call, self, *args))
    try:
        yield
    finally:
        use(kernels, call)


def profile(side: Any, rounds: int, shapes: bool) -> dict[str, Any]:
    """Times steps without and with a profile, in turn.

    Args:
        side: A `benchmarks.chainer_side.ChainerSide` on autograd_nn.
        rounds: How many steps of each kind.
        shapes: Tell calls with arrays of different shapes apart.

    Returns:
        Milliseconds of a ``step`` without the profile and of a ``profiled`` one; rows of ``functions`` and of
        ``kernels``, the longest first. ``[name, calls, milliseconds]``, and for functions ``milliseconds in kernels``.
    """
    profile, seconds = Profile(shapes), [0., 0.]
    for _ in range(rounds):
        start = time.perf_counter()
        side.step()
        seconds[0] += time.perf_counter() - start
        with profile, timed_kernels(profile):
            start = time.perf_counter()
            for part in side.parts:
                profile.part(part, getattr(side, part))
            seconds[1] += time.perf_counter() - start

    def rows(entries: dict[str, list[float]]) -> list[list[Any]]:
        return sorted(([name, calls / rounds, *(s * 1e3 / rounds for s in times)]
                       for name, (calls, *times) in entries.items()), key=lambda row: -row[2])

    return {'step': seconds[0] * 1e3 / rounds, 'profiled': seconds[1] * 1e3 / rounds,
            'functions': rows(profile.functions), 'kernels': rows(profile.kernels)}
