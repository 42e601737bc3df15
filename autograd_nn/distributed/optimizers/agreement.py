"""What all processes must have in common before gradients can be averaged: the same parameters, of equal values."""
from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from autograd_nn import backend
from autograd_nn.distributed.communicators import CommunicatorBase
from autograd_nn.link import Link
from autograd_nn.types import Shape
from autograd_nn.variable import Parameter, VariableNode


class Description(NamedTuple):
    """A parameter without its elements.

    Args:
        shape: Its shape, None as long as it has no array.
        dtype: The name of its dtype.
        is_trained: Whether it gets gradients.
        kind: What else must be the same in all processes, such as how it is updated.
        axes: Its axes in the order in which they lie in memory, the slowest first.
    """

    shape: Shape | None
    dtype: str
    is_trained: bool
    kind: str
    axes: tuple[int, ...]

    def __str__(self) -> str:
        return f'{self.dtype} {self.shape}, {"trained" if self.is_trained else "frozen"} {self.kind}'.rstrip()

    def is_like(self, other: Description) -> bool:
        """Whether two processes may have these: one of them has no array yet, or only the order of axes differs."""
        return self.shape is None or other.shape is None or self[:4] == other[:4]


class Agreement(NamedTuple):
    """What the processes have agreed on.

    Args:
        parameters: Those that are trained, in the order in which their gradients arrived in the first process.
        axes: Their axes in the order in which they lie in the first process's memory.
        has_changed: Whether the parameters of any process have changed, since it had other values than the first one.
    """

    parameters: list[Parameter]
    axes: list[tuple[int, ...]]
    has_changed: bool


def no_kind(param: Parameter) -> str:
    """What serves where all parameters are of one kind."""
    return ''


def trained(target: Link) -> list[Parameter]:
    """The parameters of a model that get gradients, in the order of definition."""
    # What a program has computed and put in the place of a parameter is no leaf.
    return [param for param in target.params(False) if param.requires_grad and param.node.creator_node is None]


def agree(communicator: CommunicatorBase, target: Link, arrivals: Sequence[VariableNode] = (),
          kind: Callable[[Parameter], str] = no_kind) -> Agreement:
    """Gives all processes the parameters of the first one; they call this together.

    A parameter that has its array in some of them only gets it in all, with the values of the first that has it.

    Args:
        communicator: The processes.
        target: This process's model.
        arrivals: The nodes of parameters in the order in which their gradients arrived, as far as that is known.
        kind: The kind of a parameter.

    Raises:
        ValueError: The models have parameters of other names, shapes or dtypes, or trained in some of them only.
    """
    params = _by_path(target)
    order = {node: i for i, node in enumerate(arrivals)}
    last_first = [*params][::-1]
    last_first.sort(key=lambda path: order.get(params[path].node, len(order)))
    table = {path: _describe(params[path], kind(params[path])) for path in last_first}
    digest = _digest(target)
    tables, digests = zip(*communicator.allgather_obj((table, digest)), strict=True)
    _check(tables)
    _complete(communicator, params, tables)
    if any(other != digests[0] for other in digests) or any(other != tables[0] for other in tables):
        communicator.bcast_data(target)
    has_changed = any(communicator.allgather_obj(_digest(target) != digest))
    common = {path: next((each[path] for each in tables if each[path].shape is not None), None) for path in tables[0]}
    chosen = [path for path, each in common.items() if each is not None and each.is_trained]
    return Agreement([params[path] for path in chosen], [common[path].axes for path in chosen],  # type: ignore[union-attr]
                     has_changed)


def _by_path(target: Link) -> dict[str, Parameter]:
    """The parameters by their paths; one with several paths by the first."""
    paths: dict[int, str] = {}
    for path, param in target.namedparams():
        paths.setdefault(id(param), path)
    return {paths[id(param)]: param for param in target.params() if param.node.creator_node is None}


def _describe(param: Parameter, kind: str) -> Description:
    if not param.is_initialized:
        return Description(None, param.dtype.name, param.requires_grad, kind, ())
    strides = param.array.strides
    axes = tuple(sorted(range(param.ndim), key=lambda i: -abs(strides[i])))
    return Description(param.shape, param.dtype.name, param.requires_grad, kind, axes)


def _digest(target: Link) -> bytes:
    """Few bytes that differ where the parameters' values do."""
    digest = hashlib.blake2b()
    for _, param in sorted(target.namedparams(False)):
        digest.update(np.ascontiguousarray(backend.to_cpu(param.array)).view(np.uint8).reshape(-1).data)
    return digest.digest()


def _check(tables: Sequence[dict[str, Description]]) -> None:
    for rank, table in enumerate(tables):
        for path in tables[0].keys() ^ table.keys():
            there, not_there = (0, rank) if path in tables[0] else (rank, 0)
            raise ValueError(f'update: the processes have different models: rank {there} has a parameter {path}, rank '
                             f'{not_there} has none')
        for path, theirs in tables[0].items():
            if not theirs.is_like(table[path]):
                raise ValueError(f'update: the parameter {path} differs: rank 0 has {theirs}; rank {rank} has '
                                 f'{table[path]}')


def _complete(communicator: CommunicatorBase, params: dict[str, Parameter],
              tables: Sequence[dict[str, Description]]) -> None:
    """Gives each parameter that has its array in some processes only the same array in the others."""
    for path in sorted(params):
        there = [table[path].shape is not None for table in tables]
        if all(there) or not any(there):
            continue
        root = there.index(True)
        shape = tables[root][path].shape
        assert shape is not None
        params[path].initialize(shape)
        array = communicator.bcast(params[path].array, root)
        backend.copyto(params[path].array, array)
