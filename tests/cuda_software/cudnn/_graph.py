"""``cudnn.pygraph``: operations on tensors, recorded, checked, and computed with NumPy."""
from __future__ import annotations

import ctypes
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import cudnn
import cupy
import numpy as np

import cuda_software

from . import _operations
from ._types import build_plan_policy, cudnnGraphNotSupportedError, data_type, heur_mode

IS_IDLE = 'CUDA_SOFTWARE_IDLE' in os.environ


class Tensor:
    """A tensor of a graph: what is known of it."""

    def __init__(self, graph: pygraph, number: int) -> None:
        self.graph = graph
        self.number = number
        self.uid: int | None = None
        self.dim: list[int] | None = None
        self.stride: list[int] | None = None
        self.data_type: data_type | None = None
        self.is_output = False
        self.is_pass_by_value = False

    def _set(self, name: str, value: Any) -> Tensor:
        self.graph.log.append([f'set_{name}', self.number, value.name if isinstance(value, data_type) else value])
        setattr(self, 'is_output' if name == 'output' else name, value)
        return self

    def set_output(self, value: bool) -> Tensor:
        return self._set('output', value)

    def set_uid(self, uid: int) -> Tensor:
        return self._set('uid', uid)

    def set_data_type(self, dtype: data_type) -> Tensor:
        return self._set('data_type', dtype)

    def set_dim(self, dim: list[int]) -> Tensor:
        return self._set('dim', dim)

    def set_stride(self, stride: list[int]) -> Tensor:
        return self._set('stride', stride)

    def at(self, address: int) -> np.ndarray:
        """The elements at an address, as an array."""
        dtype = self.data_type.value
        last = sum((n - 1) * s for n, s in zip(self.dim, self.stride, strict=True))
        size = (last + 1) * dtype.itemsize
        assert self.is_pass_by_value or cuda_software.is_memory(address, size), (self.dim, self.stride)
        memory = (ctypes.c_byte * size).from_address(address)
        return np.lib.stride_tricks.as_strided(np.frombuffer(memory, dtype), self.dim,
                                               [s * dtype.itemsize for s in self.stride])


class pygraph:
    """As ``cudnn.pygraph``."""

    def __init__(self, intermediate_data_type: data_type, compute_data_type: data_type, handle: Any = None) -> None:
        assert intermediate_data_type is compute_data_type is data_type.FLOAT
        assert isinstance(handle, cudnn.Handle)
        self.tensors: list[Tensor] = []
        self.nodes: list[tuple[str, dict[str, Any], list[Tensor]]] = []
        self.log: list[list[Any]] = []
        self.step = 0

    def _new(self) -> Tensor:
        self.tensors.append(Tensor(self, len(self.tensors)))
        return self.tensors[-1]

    def tensor(self, *, name: str, uid: int, dim: list[int], stride: list[int], data_type: data_type,
               is_pass_by_value: bool = False) -> Tensor:
        if len(dim) != len(stride) or any(type(n) is not int or n < 1 for n in dim):
            raise ValueError(f'tensor: dim {dim}, stride {stride}')
        t = self._new()
        t.uid, t.dim, t.stride, t.data_type, t.is_pass_by_value = uid, dim, stride, data_type, is_pass_by_value
        self.log.append(['tensor', dict(name=name, uid=uid, dim=dim, stride=stride, data_type=data_type.name,
                                        is_pass_by_value=is_pass_by_value)])
        return t

    def __getattr__(self, name: str) -> Any:
        if name.startswith('_') or not hasattr(_operations, name):
            raise AttributeError(f'cudnn.pygraph: {name} is not part of the stand-in')

        def add(**arguments: Any) -> Any:
            outputs = [self._new() for _ in range(_operations.OUTPUTS.get(name, 1))]
            self.nodes.append((name, arguments, outputs))
            self.log.append([name, {key: {'tensor': value.number} if isinstance(value, Tensor) else value
                                    for key, value in arguments.items()}])
            return outputs if name in _operations.OUTPUTS else outputs[0]
        return add

    def _advance(self, step: int) -> None:
        if self.step != step - 1:
            raise RuntimeError(f'cudnn.pygraph: step {step} after step {self.step}')
        self.step = step

    def validate(self) -> None:
        self._advance(1)
        uids = [t.uid for t in self.tensors if t.uid is not None]
        if len(set(uids)) < len(uids):
            raise ValueError(f'cudnn.pygraph: uids {uids}')

    def build_operation_graph(self) -> None:
        self._advance(2)

    def create_execution_plans(self, modes: list[heur_mode]) -> None:
        self._advance(3)

    def get_execution_plan_count(self) -> int:
        return 3

    def deselect_workspace_greater_than(self, size: int) -> None:
        self.log.append(['deselect_workspace_greater_than', size])

    def deselect_numeric_notes(self, notes: list[Any]) -> None:
        self.log.append(['deselect_numeric_notes', [note.name for note in notes]])

    def check_support(self) -> None:
        self._advance(4)
        for name, arguments, _ in self.nodes:
            if name in cudnn.declined:
                raise cudnnGraphNotSupportedError(f'{name} is declined')
            _operations.check(name, arguments)
        _operations.check_sequence([name for name, _, _ in self.nodes])

    def build_plans(self, policy: build_plan_policy) -> None:
        self._advance(5)
        directory = os.environ.get('CUDA_SOFTWARE_LOG')
        if directory:
            text = json.dumps(self.log)
            Path(directory, f'{hashlib.sha1(text.encode()).hexdigest()}.graph').write_text(text)

    def build_plan_at_index(self, index: int) -> None:
        if index == 1:
            raise cudnnGraphNotSupportedError('this way is declined')

    def get_workspace_size(self) -> int:
        return 64

    def get_workspace_size_plan_at_index(self, index: int) -> int:
        return 64 * (index + 1)

    def execute(self, pack: dict[int, int], workspace: int, handle: Any = None) -> None:
        self.execute_plan_at_index(pack, workspace, 0, handle=handle)

    def execute_plan_at_index(self, pack: dict[int, int], workspace: int, index: int, handle: Any = None) -> None:
        if IS_IDLE:
            return
        assert handle.stream == cupy.cuda.get_current_stream().ptr
        assert self.step == 5
        outside = [t for t in self.tensors if t.uid is not None]
        assert set(pack) == {t.uid for t in outside}, (set(pack), [t.uid for t in outside])

        def compute() -> None:
            self._compute(outside, pack, workspace, index)

        cuda_software.compute(compute)

    def _compute(self, outside: list[Tensor], pack: dict[int, int], workspace: int, index: int) -> None:
        ctypes.memset(workspace, 0xff, self.get_workspace_size_plan_at_index(index))
        values = {t: t.at(pack[t.uid]).astype('f') for t in outside if not t.is_output}
        for name, arguments, outputs in self.nodes:
            given = {key: values[value] if isinstance(value, Tensor) else value for key, value in arguments.items()}
            shapes = [t.dim for t in outputs]
            results = getattr(_operations, name)(shapes, **given)
            values.update(zip(outputs, results if name in _operations.OUTPUTS else [results], strict=True))
        for t in outside:
            if t.is_output:
                if values[t].shape != tuple(t.dim):
                    raise RuntimeError(f'cudnn.pygraph: {values[t].shape} for a tensor of {t.dim}')
                t.at(pack[t.uid])[...] = values[t]
