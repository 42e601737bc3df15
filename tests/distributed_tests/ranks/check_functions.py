from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
from autograd_nn import Variable
from autograd_nn.distributed import CommunicatorBase
from autograd_nn.distributed import functions as DF
from autograd_nn.dtypes import as_dtype


def check_gradients(comm: CommunicatorBase, loss: Callable[[Variable], Variable], shape: tuple[int, ...],
                    orders: int = 3) -> None:
    """Compares gradients, and gradients of sums of gradients, with differences of the sum of the losses of all ranks.

    The inputs of all ranks move together, each along a random direction: a wrong gradient of any of them is seen.

    Args:
        comm: The processes.
        loss: Makes a Variable with one element of the input; all ranks call it together.
        shape: That of this rank's input.
        orders: Up to gradients of which order.
    """
    rng = np.random.default_rng(comm.rank)
    x = rng.uniform(0.5, 1.5, shape)
    for _ in range(orders):
        direction = rng.uniform(0.5, 1.5, shape)
        slope = derivative(loss, direction)
        ahead, behind = (total_of(comm, loss, x + step * direction) for step in (1e-4, -1e-4))
        assert total_of(comm, slope, x) == pytest.approx((ahead - behind) / 2e-4, rel=1e-5, abs=1e-6)
        loss = slope


def derivative(loss: Callable[[Variable], Variable], direction: np.ndarray) -> Callable[[Variable], Variable]:
    """The sum of the gradient, each element times its factor; all of it counts, so that all ranks do the same."""
    def of(x: Variable) -> Variable:
        gx, = ann.grad([loss(x)], [x], enable_double_backprop=True)
        return F.sum(gx * direction)

    return of


def total_of(comm: CommunicatorBase, loss: Callable[[Variable], Variable], x: np.ndarray) -> float:
    """The sum of the losses of all ranks."""
    return float(comm.allreduce(loss(Variable(x)).array.reshape(1))[0])


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


# --- messages

def partner(comm: CommunicatorBase) -> int | None:
    """Ranks 0 and 1, 2 and 3, … are pairs."""
    return comm.rank ^ 1 if comm.rank ^ 1 < comm.size else None


def test_tuples(comm: CommunicatorBase) -> None:
    """Of several shapes and dtypes; only what needs a gradient gets one."""
    other = partner(comm)
    x, half = Variable(np.arange(3.)), Variable(np.array(2, 'e'))
    fixed, labels = Variable(np.ones((2, 0, 1), 'f'), requires_grad=False), np.arange(4)
    if comm.rank % 2 == 0:
        delegate = DF.send([x, half, fixed, labels], comm, other, tag=3)
        assert delegate.array == 0 and delegate.name == 'delegate_variable'
        delegate.backward()
        np.testing.assert_array_equal(x.grad, [0, 2, 4])
        assert half.grad == 0 and half.grad.dtype == np.float16 and fixed.grad is None
    else:
        a, b, c, d = DF.recv(comm, other, tag=3)
        assert [each.dtype for each in (a, b, c, d)] == [np.float64, np.float16, np.float32, labels.dtype]
        assert b.shape == () and c.shape == (2, 0, 1) and d.array.tolist() == [0, 1, 2, 3]
        F.sum(a ** 2).backward()


def test_one_in_a_tuple(comm: CommunicatorBase) -> None:
    other = partner(comm)
    for force_tuple in False, True:
        if comm.rank % 2 == 0:
            DF.send((np.ones(2),), comm, other)
        else:
            assert isinstance(DF.recv(comm, other, force_tuple=force_tuple), tuple) == force_tuple


@pytest.mark.parametrize('why', ['array', 'requires_grad', 'no_backprop_mode'])
def test_sender_that_needs_no_gradient(comm: CommunicatorBase, why: str) -> None:
    """The receiver has one all the same, and sends none, which would be taken for a later message."""
    other = partner(comm)
    if comm.rank % 2 == 0:
        x = np.ones(2) if why == 'array' else Variable(np.ones(2), requires_grad=why != 'requires_grad')
        with ann.using_config('enable_backprop', why != 'no_backprop_mode'):
            delegate = DF.send(x, comm, other)
        delegate.backward()
        assert comm.recv(other, 0) == 5
    else:
        y = DF.recv(comm, other)
        F.sum(y ** 2).backward(retain_grad=True)
        assert y.grad.tolist() == [2, 2]
        comm.send(np.array(5), other, 0)


def test_delegates(comm: CommunicatorBase) -> None:
    """Two messages that go and one that comes, of which the losses depend on nothing else."""
    other = partner(comm)
    if comm.rank % 2 == 0:
        xs = [Variable(np.array([i + 1.])) for i in range(2)]
        first = DF.send(xs[0] * 2, comm, other)
        y = DF.recv(comm, other, delegate_variable=DF.pseudo_connect(first, DF.send(xs[1] ** 2, comm, other))[0])
        F.sum(y * 3).backward()
        assert [float(x.grad[0]) for x in xs] == [4, 12]
    else:
        a, b = DF.recv(comm, other), DF.recv(comm, other)
        DF.pseudo_connect(DF.send(b, comm, other), F.sum(a * 2))[0].backward()


def test_pseudo_connect(comm: CommunicatorBase) -> None:
    x = Variable(np.ones(2))
    assert DF.pseudo_connect(None, x) == (x,)
    assert all(isinstance(y, Variable) for y in DF.pseudo_connect(F.sum(x), np.ones(2), x))


@pytest.mark.parametrize('dtype', ['float16', 'bfloat16', 'float32'])
def test_precision(comm: CommunicatorBase, dtype: str) -> None:
    """Sums of gradients in half precision are taken in float32: 2048 + 1 + 1 would be 2048 otherwise."""
    big, small = (2048., 1.) if dtype == 'float16' else (256., 1.)
    x = Variable(np.zeros(1, as_dtype(dtype)))
    for function in (lambda: DF.allreduce(comm, x), lambda: DF.allgather(comm, x)[0], lambda: DF.bcast(comm, x)):
        y = function()
        assert y.dtype == x.dtype
        x.cleargrad()
        y.grad = np.full(1, small if comm.rank else big).astype(x.dtype)
        y.backward()
        expected = np.array(big + small * (comm.size - 1)).astype(x.dtype)
        if x.grad is not None and x.grad.any():
            assert x.grad.dtype == x.dtype and x.grad[0] == expected


def test_what_needs_no_gradient(comm: CommunicatorBase) -> None:
    """One rank has a constant where the others have a Variable: all go backward together."""
    x = Variable(np.ones(2), requires_grad=comm.rank == 0)
    for function in (lambda: DF.allreduce(comm, x), lambda: DF.allgather(comm, x)[-1],
                     lambda: DF.alltoall(comm, [x] * comm.size)[0], lambda: DF.bcast(comm, x),
                     lambda: DF.scatter(comm, [x] * comm.size if comm.rank == 0 else None)):
        F.sum(function()).backward()
    assert (x.grad is None) == (comm.rank != 0)
    assert not DF.allreduce(comm, np.arange(2)).requires_grad
    with ann.no_backprop_mode():
        assert not DF.allreduce(comm, x).requires_grad


def test_mistakes(comm: CommunicatorBase) -> None:
    """Those of one rank are errors in all."""
    is_last = comm.rank == comm.size - 1
    with pytest.raises(ValueError, match='must be the rank of another process'):
        DF.send(np.ones(1), comm, comm.rank)
    with pytest.raises(ValueError, match='must be the rank of another process'):
        DF.recv(comm, comm.rank)
    with pytest.raises(TypeError if is_last else RuntimeError, match='x must be an array of numbers, got list'):
        DF.allreduce(comm, [1.] if is_last else np.ones(1))  # type: ignore[arg-type]
    with pytest.raises(ValueError if is_last else RuntimeError, match=f'tuple of {comm.size} arrays'):
        DF.alltoall(comm, [np.ones(1)] * (comm.size + is_last))
    with pytest.raises(TypeError if comm.rank == 0 else RuntimeError, match='x must be an array of numbers, got None'):
        DF.bcast(comm, None)
    with pytest.raises(ValueError, match='the arrays differ'):
        DF.allreduce(comm, Variable(np.ones(comm.rank + 1)))
    with pytest.raises(ValueError, match='root must be a rank'):
        DF.gather(comm, np.ones(1), comm.size)
