"""Variables that all processes exchange, and gradients that go the other way.

All processes call these functions together, and all must get to them in their backward passes: where a loss depends on
nothing that a function returned, `pseudo_connect` binds it to the loss.
"""
from __future__ import annotations

from functools import reduce
from typing import Any

from autograd_nn.distributed.communicators import CommunicatorBase
from autograd_nn.distributed.functions.communication import Communication
from autograd_nn.function_node import Arrays
from autograd_nn.functions.precision import cast
from autograd_nn.functions.single_precision import widened
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable


class AllReduce(Communication):

    def communicate(self, xs: Arrays) -> Arrays:
        return self.comm.allreduce(*xs),

    def transposed(self, gys: tuple[Variable, ...], token: Variable) -> tuple[Variable, ...]:
        return allreduce(self.comm, gys[0]),


class AllGather(Communication):

    def communicate(self, xs: Arrays) -> Arrays:
        return self.comm.allgather(*xs)

    def transposed(self, gys: tuple[Variable, ...], token: Variable) -> tuple[Variable, ...]:
        gxs = alltoall(self.comm, gys)
        # A sum of many numbers in half precision needs more digits.
        return cast(reduce(lambda total, gx: total + gx, widened(*gxs)), gxs[0].dtype),


class AllToAll(Communication):

    def communicate(self, xs: Arrays) -> Arrays:
        return self.comm.alltoall(xs)

    def transposed(self, gys: tuple[Variable, ...], token: Variable) -> tuple[Variable, ...]:
        return alltoall(self.comm, gys)


class Rooted(Communication):
    """From or to one of the processes."""

    def __init__(self, comm: CommunicatorBase, root: int, has_inputs: bool) -> None:
        super().__init__(comm, has_inputs)
        self.root = root


class Bcast(Rooted):

    def communicate(self, xs: Arrays) -> Arrays:
        return self.comm.bcast(xs[0] if self.has_inputs else None, self.root),

    def transposed(self, gys: tuple[Variable, ...], token: Variable) -> tuple[Variable, ...]:
        return allreduce(self.comm, gys[0]),


class Gather(Rooted):

    def communicate(self, xs: Arrays) -> Arrays:
        return self.comm.gather(xs[0], self.root) or ()

    def transposed(self, gys: tuple[Variable, ...], token: Variable) -> tuple[Variable, ...]:
        return scatter(self.comm, gys or token, self.root),


class Scatter(Rooted):

    def communicate(self, xs: Arrays) -> Arrays:
        return self.comm.scatter(xs if self.has_inputs else None, self.root),

    def transposed(self, gys: tuple[Variable, ...], token: Variable) -> Any:
        gathered = gather(self.comm, gys[0], self.root)
        return gathered if self.has_inputs else (gathered,)


def allreduce(comm: CommunicatorBase, x: ArrayLike) -> Variable:
    """The sum of the Variables of all processes, in all of them; so is the gradient.

    Args:
        comm: The processes, which call this together.
        x: This process's Variable or array; shape and dtype are the same in all.

    Returns:
        The sum, the same bits in all processes.

    Raises:
        ValueError: Shapes or dtypes differ.
    """
    return AllReduce(comm).outputs_of((x,))[0]


def allgather(comm: CommunicatorBase, x: ArrayLike) -> tuple[Variable, ...]:
    """The Variables of all processes in the order of ranks, in all of them.

    Args:
        comm: The processes, which call this together.
        x: This process's Variable or array, of any shape.
    """
    return AllGather(comm).outputs_of((x,))[:-1]


def alltoall(comm: CommunicatorBase, xs: tuple[ArrayLike, ...] | list[ArrayLike]) -> tuple[Variable, ...]:
    """Sends a Variable to each process, and receives one from each.

    Args:
        comm: The processes, which call this together.
        xs: A Variable or an array for each rank, of any shapes.

    Returns:
        One from each rank.

    Raises:
        ValueError: There are not as many as processes.
    """
    return AllToAll(comm).outputs_of(_as_tuple(xs))[:-1]


def bcast(comm: CommunicatorBase, x: ArrayLike | None, root: int = 0) -> Variable:
    """The Variable of one process, in all; its gradient is the sum of those of all.

    Args:
        comm: The processes, which call this together.
        x: The Variable or array, in the process `root`. In the others it may be None; a Variable there gets a gradient
            of zeros, as a delegate does.
        root: The rank of that process.
    """
    is_root = comm.rank == root
    return Bcast(comm, root, is_root).outputs_of(_as_tuple(x) if is_root else _delegates(x))[0]


def gather(comm: CommunicatorBase, x: ArrayLike, root: int = 0) -> Any:
    """The Variables of all processes in the order of ranks, in one of them.

    Args:
        comm: The processes, which call this together.
        x: This process's Variable or array, of any shape.
        root: The rank of that process.

    Returns:
        A tuple in the process `root`; in the others a delegate, from which the backward pass is to start, or which is
        to be bound to the loss with `pseudo_connect`.
    """
    *ys, token = Gather(comm, root, True).outputs_of((x,))
    return tuple(ys) if comm.rank == root else token


def scatter(comm: CommunicatorBase, xs: tuple[ArrayLike, ...] | list[ArrayLike] | Variable | None,
            root: int = 0) -> Variable:
    """One of the Variables that a process has for each.

    Args:
        comm: The processes, which call this together.
        xs: One for each rank, of any shapes, in the process `root`. In the others it may be None; a Variable there gets
            a gradient of zeros, as a delegate does.
        root: The rank of that process.

    Raises:
        ValueError: There are not as many as processes.
    """
    is_root = comm.rank == root
    return Scatter(comm, root, is_root).outputs_of(_as_tuple(xs) if is_root else _delegates(xs))[0]


def _as_tuple(xs: Any) -> tuple[Any, ...]:
    return tuple(xs) if isinstance(xs, (tuple, list)) else (xs,)


def _delegates(x: Any) -> tuple[Variable, ...]:
    """What connects to what was before, in a process that sends nothing."""
    return (x,) if isinstance(x, Variable) else ()
