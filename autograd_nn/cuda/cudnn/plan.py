"""Computations of cuDNN that are prepared once for arrays of certain shapes, layouts and types, and then run.

A computation is described to cuDNN as a graph of operations on tensors. Its heuristics propose ways to compute it, and
the first one that this device supports is taken; with ``config.autotune`` several are timed. What cuDNN cannot do is
remembered as well, so that the kernels without it take over at once.
"""
from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from autograd_nn.config import config
from autograd_nn.cuda import device
from autograd_nn.cuda.cudnn import library
from autograd_nn.cuda.layout import strides
from autograd_nn.dtypes import name_of
from autograd_nn.types import Array, Ints

_logger = logging.getLogger(__name__)

# How many of the ways that the heuristics propose, and that are allowed, are timed.
_CANDIDATES = 8
# How many plans are kept; then the oldest goes. A ResNet-50 has a hundred.
_MAX_PLANS = 2048
_TYPES = {'float16': 'HALF', 'bfloat16': 'BFLOAT16', 'float32': 'FLOAT'}


class Operand(NamedTuple):
    """What a plan needs to know of an array: shape, strides in elements, and type."""

    shape: Ints
    strides: Ints
    dtype: str


@lru_cache(1 << 14)
def operand(shape: Ints, dtype: Any, channels_last: bool = False) -> Operand:
    """An image in one of the two layouts, or an array in C order."""
    return Operand(shape, strides(shape, channels_last), str(dtype))


class Settings(NamedTuple):
    """What a plan depends on besides its arrays."""

    device: int
    workspace: int
    deterministic: bool
    autotune: bool
    tf32: bool

    @classmethod
    def current(cls, dtype: str) -> Settings:
        """Those of this thread for arrays of a type."""
        # The environment is slow to read.
        return cls(device.cupy.cuda.Device().id, device.get_max_workspace_size(), config.cudnn_deterministic,
                   config.autotune, dtype == 'float32' and library.may_round_to_tf32())


class Plan:
    """A computation, prepared.

    Args:
        describe: Called with cuDNN's graph and the tensors of the inputs; adds operations to the graph and returns the
            tensors of the outputs.
        inputs: The arrays that it reads.
        outputs: The arrays that it writes.
        numbers: Numbers of the computation; their tensors come after those of the inputs.
        settings: What it depends on besides.

    Raises:
        cudnn.cudnnGraphNotSupportedError: cuDNN has no way to compute this on the device.
    """

    def __init__(self, describe: Callable[..., Sequence[Any]], inputs: Sequence[Operand], outputs: Sequence[Operand],
                 numbers: Sequence[float], settings: Settings) -> None:
        cudnn, _ = library.load()
        types = cudnn.data_type
        self.graph = graph = cudnn.pygraph(intermediate_data_type=types.FLOAT, compute_data_type=types.FLOAT,
                                           handle=library.handle())
        tensors = [graph.tensor(name=f'input_{uid}', uid=uid, dim=list(x.shape), stride=list(x.strides),
                                data_type=getattr(types, _TYPES[x.dtype])) for uid, x in enumerate(inputs, 1)]
        # cuDNN reads them on the host, each time that the plan runs.
        self.numbers = [np.array([number], 'f') for number in numbers]
        first = len(inputs) + len(outputs) + 1
        tensors += [graph.tensor(name=f'number_{uid}', uid=uid, dim=[1, 1, 1, 1], stride=[1, 1, 1, 1],
                                 data_type=types.FLOAT, is_pass_by_value=True)
                    for uid in range(first, first + len(numbers))]
        results = describe(graph, *tensors)
        for uid, (tensor, x) in enumerate(zip(results, outputs, strict=True), len(inputs) + 1):
            tensor.set_output(True).set_uid(uid).set_data_type(getattr(types, _TYPES[x.dtype]))
            tensor.set_dim(list(x.shape)).set_stride(list(x.strides))
        graph.validate()
        graph.build_operation_graph()
        graph.create_execution_plans([cudnn.heur_mode.A, cudnn.heur_mode.FALLBACK])
        graph.deselect_workspace_greater_than(settings.workspace)
        graph.deselect_numeric_notes(self._unwanted(cudnn, inputs, settings))
        graph.check_support()
        graph.build_plans(cudnn.build_plan_policy.HEURISTICS_CHOICE)
        self.workspace = graph.get_workspace_size()
        self.settings = settings
        self.index: int | None = None
        self.is_tuned = not settings.autotune

    @staticmethod
    def _unwanted(cudnn: Any, inputs: Sequence[Operand], settings: Settings) -> list[Any]:
        """What no chosen way may do: round float32, or add up in an order that changes."""
        notes = cudnn.numerical_note
        unwanted = [notes.NONDETERMINISTIC] if settings.deterministic else []
        if all(x.dtype == 'float32' for x in inputs) and not settings.tf32:
            unwanted += [notes.TENSOR_CORE, notes.DOWN_CONVERT_INPUTS, notes.REDUCED_PRECISION_REDUCTION]
        return unwanted

    def __call__(self, *arrays: Array) -> None:
        """Runs it.

        Args:
            arrays: The inputs and then the outputs, laid out as was promised.
        """
        addresses = [*[array.data.ptr for array in arrays], *[number.ctypes.data for number in self.numbers]]
        pointers = dict(enumerate(addresses, 1))
        handle = library.handle()
        if not self.is_tuned:
            self._tune(pointers, handle)
        workspace = device.cupy.cuda.alloc(max(self.workspace, 1))
        if self.index is None:
            self.graph.execute(pointers, workspace.ptr, handle=handle)
        else:
            self.graph.execute_plan_at_index(pointers, workspace.ptr, self.index, handle=handle)

    def _tune(self, pointers: dict[int, int], handle: Any) -> None:
        """Times the first ways that the heuristics propose, on these arrays, and keeps the fastest."""
        cudnn, _ = library.load()
        self.is_tuned = True
        ways: list[tuple[float, int, int]] = []
        for index in range(self.graph.get_execution_plan_count()):
            if len(ways) == _CANDIDATES:
                break
            try:
                self.graph.build_plan_at_index(index)
                size = self.graph.get_workspace_size_plan_at_index(index)
            except (cudnn.cudnnGraphNotSupportedError, RuntimeError, ValueError) as error:
                _logger.debug('way %d is left out: %s', index, error)
                continue
            workspace = device.cupy.empty(max(size, 1), np.uint8)
            ways.append((self._time(index, pointers, workspace.data.ptr, handle), index, size))
        if ways:
            milliseconds, self.index, self.workspace = min(ways)
            _logger.debug('of %d ways, number %d is the fastest: %g ms', len(ways), self.index, milliseconds)

    def _time(self, index: int, pointers: dict[int, int], workspace: int, handle: Any) -> float:
        """The shortest of some times in milliseconds, after one run to warm up."""
        times = []
        for _ in range(4):
            start, end = device.Event(), device.Event()
            start.record()
            self.graph.execute_plan_at_index(pointers, workspace, index, handle=handle)
            end.record()
            end.synchronize()
            times.append(device.cupy.cuda.get_elapsed_time(start, end))
        return min(times[1:])


_UNSEEN: Any = object()
_plans: dict[Any, Plan | None] = {}


def prepared(describe: Callable[..., Callable[..., Sequence[Any]]], options: tuple[Any, ...],
             inputs: Sequence[Operand], outputs: Sequence[Operand], numbers: Sequence[float] = ()) -> Plan | None:
    """The plan of a computation, from the last call if there was one; None where cuDNN does not do it.

    Args:
        describe: Called with `options`, returns what describes the computation (see `Plan`).
        options: What can be compared.
        inputs: The arrays that it reads.
        outputs: The arrays that it writes.
        numbers: Numbers of the computation.
    """
    settings = Settings.current(inputs[0].dtype)
    key = describe, options, *inputs, None, *outputs, *numbers, settings
    plan = _plans.get(key, _UNSEEN)
    if plan is _UNSEEN:
        if len(_plans) >= _MAX_PLANS:
            del _plans[next(iter(_plans))]
        what = f'{describe.__name__.strip("_")} of {", ".join(f"{x.dtype}{x.shape}" for x in inputs)}'
        plan = _plans[key] = _prepare(what, describe(*options), inputs, outputs, numbers, settings)
    return plan


def _prepare(what: str, *arguments: Any) -> Plan | None:
    cudnn, _ = library.load()
    try:
        return Plan(*arguments)
    except cudnn.cudnnGraphNotSupportedError as error:
        _logger.debug('%s: cuDNN does not compute it: %s', what, error)
    except RuntimeError as error:
        _logger.warning('%s: cuDNN failed to prepare it, so other kernels compute it: %s', what, error)
    return None


def serves(kernel: str, *arrays: Array) -> bool:
    """Whether a kernel of cuDNN can take the arrays: float32 or half precision, all of one type, none of them empty."""
    dtype = arrays[0].dtype
    for array in arrays:
        if array is not None and (array.dtype != dtype or name_of(dtype) not in _TYPES or not array.size):
            _logger.debug('%s: cuDNN does not compute on %s of shape %s', kernel, array.dtype, array.shape)
            return False
    return True
