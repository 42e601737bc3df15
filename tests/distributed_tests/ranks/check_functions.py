from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
from autograd_nn import Variable
from autograd_nn.distributed import CommunicatorBase
from autograd_nn.distributed import functions as DF


def check_gradients(comm: CommunicatorBase, loss: Callable[..., Variable], *shapes: tuple[int, ...],
                    orders: int = 3) -> None:
    """Compares gradients, and gradients of sums of gradients, with differences of the sum of the losses of all ranks.

    Args:
        comm: The processes.
        loss: Makes a Variable with one element of the inputs; all ranks call it together.
        shapes: Those of this rank's inputs.
        orders: Up to gradients of which order.
    """
    rng = np.random.default_rng(comm.rank)
    xs = [Variable(rng.uniform(0.5, 1.5, shape)) for shape in shapes]
    for _ in range(orders):
        directions = [rng.uniform(0.5, 1.5, shape) for shape in shapes]
        gxs = ann.grad([loss(*xs)], xs, enable_double_backprop=True)
        for i in range(comm.size):
            compare(comm, loss, xs, [gx.array for gx in gxs] if i == comm.rank else None, i)
        loss = derivative(loss, directions)


def derivative(loss: Callable[..., Variable], directions: Sequence[np.ndarray]) -> Callable[..., Variable]:
    """The sum of the gradients, each times its factor; all gradients are in it, so that all ranks do the same."""
    def of(*xs: Variable) -> Variable:
        gxs = ann.grad([loss(*xs)], xs, enable_double_backprop=True)
        return sum((F.sum(gx * d) for gx, d in zip(gxs, directions)), Variable(np.zeros(())))

    return of


def compare(comm: CommunicatorBase, loss: Callable[..., Variable], xs: Sequence[Variable],
            gxs: Sequence[np.ndarray] | None, rank: int) -> None:
    """Moves each input of a rank a little, and looks at the sum of the losses."""
    sizes = comm.bcast_obj([x.size for x in xs], root=rank)
    for k, size in enumerate(sizes):
        for i in range(size):
            values = []
            for step in 1e-4, -1e-4:
                moved = list(xs)
                if rank == comm.rank:
                    array = xs[k].array.copy()
                    array.flat[i] += step
                    moved[k] = Variable(array)
                values.append(float(comm.allreduce(loss(*moved).array.reshape(1))[0]))
            if gxs is not None:
                assert gxs[k].flat[i] == pytest.approx((values[0] - values[1]) / 2e-4, rel=1e-5, abs=1e-6)


def neighbour(comm: CommunicatorBase, step: int) -> int:
    return (comm.rank + step) % comm.size


def ring(comm: CommunicatorBase, x: Variable) -> Variable:
    """Even ranks send first, odd ones receive first; each returns what came from the one before.

    `grad` goes only where a path from its inputs leads, so all that is received hangs on `x`.
    """
    if comm.rank % 2:
        y = DF.recv(comm, neighbour(comm, -1), x)
        return DF.pseudo_connect(DF.send(x * y, comm, neighbour(comm, 1)), y)[0]
    delegate = DF.send(x, comm, neighbour(comm, 1))
    return DF.recv(comm, neighbour(comm, -1), delegate)


def own(comm: CommunicatorBase) -> tuple[int, ...]:
    """A shape that no other rank has."""
    return comm.rank + 1,


SHAPES = {'one': lambda comm: (2,), 'own': own}
LOSSES: dict[str, tuple[str, Callable[[CommunicatorBase, Variable], Variable]]] = {
    'allreduce': ('one', lambda comm, x: F.sum(DF.allreduce(comm, x * x) ** 3) * (comm.rank + 1)),
    # Only one rank's loss depends on what arrived, and of the others' it is linear.
    'allreduce unequal': ('one', lambda comm, x: F.sum(DF.allreduce(comm, x ** 3) ** (1 if comm.rank else 2))),
    'allgather': ('own', lambda comm, x: total([y ** (i + comm.rank + 1)
                                                for i, y in enumerate(DF.allgather(comm, x ** 2))])),
    'allgather one': ('own', lambda comm, x: F.sum(DF.allgather(comm, x ** 2)[1 - comm.rank % 2] ** 3)),
    'alltoall': ('own', lambda comm, x: total([y ** (i + 1) for i, y in enumerate(
        DF.alltoall(comm, [x ** (i + comm.rank + 1) for i in range(comm.size)]))])),
    'bcast': ('one', lambda comm, x: F.sum(DF.bcast(comm, x ** 2, 1) ** (comm.rank + 2)) + F.sum(x ** 2)),
    'gather': ('own', lambda comm, x: gathered(comm, DF.gather(comm, x ** 3, 1), F.sum(x ** 2))),
    'scatter': ('one', lambda comm, x: F.sum(DF.scatter(
        comm, [x ** (i + 1) for i in range(comm.size)] if comm.rank == 1 else F.sum(x ** 2), 1) ** 3) + F.sum(x ** 3)),
    'ring': ('one', lambda comm, x: F.sum(ring(comm, x ** 2) ** 2) + F.sum(x ** 3)),
    'ring linear': ('one', lambda comm, x: F.sum(ring(comm, x ** 3))),
    'two in a row': ('one', lambda comm, x: F.sum(DF.allreduce(comm, DF.allgather(comm, x ** 2)[0] ** 2 * x) ** 2)),
}


def total(xs: Sequence[Variable]) -> Variable:
    return sum(map(F.sum, xs), Variable(np.zeros(())))


def gathered(comm: CommunicatorBase, ys: Any, loss: Variable) -> Variable:
    if comm.rank == 1:
        assert len(ys) == comm.size
        return total([y ** (i + 2) for i, y in enumerate(ys)]) + loss
    return DF.pseudo_connect(ys, loss)[0]


@pytest.mark.parametrize('name', LOSSES)
def test_gradients(comm: CommunicatorBase, name: str) -> None:
    shape, loss = LOSSES[name]
    check_gradients(comm, lambda x: loss(comm, x), SHAPES[shape](comm))
