import ml_dtypes
import numpy as np
import pytest

import autograd_nn as ann
from autograd_nn.distributed import CommunicatorBase, create_communicator
from autograd_nn.distributed.communicators import mean_gradients

DTYPES = ['f', 'd', 'e', ml_dtypes.bfloat16, '?', 'i8', 'u1', '>f4', 'F']


def draw(shape: tuple[int, ...], dtype: object, rank: int) -> np.ndarray:
    """An array of small whole numbers, others in each rank."""
    return np.asarray(np.random.default_rng(rank).integers(0, 5, shape)).astype(dtype)


@pytest.mark.parametrize('shape', [(), (0, 3), (3, 4)])
@pytest.mark.parametrize('dtype', DTYPES)
def test_collectives(comm: CommunicatorBase, shape: tuple[int, ...], dtype: object) -> None:
    rank, size = comm.rank, comm.size
    everybodys = [draw(shape, dtype, i) for i in range(size)]
    x = everybodys[rank]
    same(comm.allgather(x), everybodys)
    same([comm.bcast(x, size - 1)], everybodys[-1:])
    gathered = comm.gather(x, 1)
    assert (gathered is not None) == (rank == 1)
    if gathered is not None:
        same(gathered, everybodys)
    same([comm.scatter(everybodys if rank == 0 else None)], [x])
    same(comm.alltoall([x] * size), everybodys)
    wide = 'D' if np.dtype(dtype) == 'F' else 'd'
    total = np.asarray(np.sum([each.astype(wide) for each in everybodys], 0)).astype(dtype)
    if np.dtype(dtype).kind != 'F':
        same([comm.allreduce(x)], [total])


def same(arrays: object, expected: object) -> None:
    assert len(arrays) == len(expected)
    for x, y in zip(arrays, expected):
        assert x.shape == y.shape and x.dtype in (y.dtype, y.dtype.newbyteorder('='))
        np.testing.assert_array_equal(x, y)


def test_mismatches(comm: CommunicatorBase) -> None:
    with pytest.raises(ValueError, match=r'rank 0 has float32 \(1,\); rank 1 has float32 \(2,\)'):
        comm.allreduce(np.zeros(comm.rank + 1, 'f'))
    with pytest.raises(RuntimeError, match=r'rank 0 calls bcast\(root=0\); rank 1 calls allreduce'):
        comm.allreduce(np.zeros(3)) if comm.rank else comm.bcast(np.zeros(3))
    with pytest.raises(TypeError if comm.rank == 1 else RuntimeError, match='x must be an array of numbers, got int'):
        comm.allreduce(3 if comm.rank == 1 else np.zeros(2))  # type: ignore[arg-type]


def test_objects(comm: CommunicatorBase) -> None:
    assert comm.bcast_obj({'a': comm.rank}) == {'a': 0}
    assert comm.allreduce_obj([comm.rank]) == list(range(comm.size))
    assert comm.gather_obj(comm.rank) == (None if comm.rank else list(range(comm.size)))
    assert comm.scatter_obj(list(range(comm.size))) == comm.rank


@pytest.mark.parametrize('wire', [None, 'float16', 'bfloat16'])
@pytest.mark.parametrize('n', [0, 1, 5, 1000])
def test_start_sum(comm: CommunicatorBase, n: int, wire: str | None) -> None:
    everybodys = [draw((n,), 'f', i) for i in range(comm.size)]
    flats = [everybodys[comm.rank] * k for k in range(3)]
    reductions = [comm.start_sum(flat, wire) for flat in flats]
    while not reductions[2].poke():
        reductions[0].poke()
    comm.allreduce(np.ones(3))
    reductions[0].wait()
    reductions[1].wait()
    for k, flat in enumerate(flats):
        np.testing.assert_array_equal(flat, np.sum(everybodys, 0) * k)


def model_of(*shapes: tuple[int, ...], dtype: object = 'f') -> ann.Link:
    return ann.Link(**{f'p{i}': (shape, dtype) for i, shape in enumerate(shapes)})


def everybodys_grads(comm: CommunicatorBase, model: ann.Link) -> list[list[np.ndarray]]:
    return [[draw(param.shape, param.dtype, 10 * rank + i) for i, param in enumerate(model.params())]
            for rank in range(comm.size)]


@pytest.mark.parametrize('piece_bytes', [2 ** 24, 100, 24])
@pytest.mark.parametrize('dtype', ['f', 'd', 'e', ml_dtypes.bfloat16])
def test_mean_gradients(comm: CommunicatorBase, monkeypatch: pytest.MonkeyPatch, dtype: str, piece_bytes: int) -> None:
    """In buckets and in pieces; one has another order of axes, and one its own in each process."""
    monkeypatch.setattr(mean_gradients, '_PIECE_BYTES', piece_bytes)
    model = model_of((3,), (5, 7), (), (4, 2, 3), (6, 2), (0, 2), dtype=dtype)
    model.again = model.p1
    everybodys = everybodys_grads(comm, model)
    for i, (param, grad) in enumerate(zip(model.params(), everybodys[comm.rank])):
        param.grad = np.asfortranarray(grad) if i == 1 or (i == 3 and comm.rank) else grad
    mine = [grad.copy() for grad in everybodys[comm.rank]]
    comm.multi_node_mean_grad(model)
    for i, param in enumerate(model.params()):
        expected = np.mean([grads[i].astype('d') for grads in everybodys], 0)
        assert param.grad.dtype == param.dtype and param.grad.shape == param.shape
        np.testing.assert_allclose(param.grad.astype('d'), expected, rtol=1e-2 if param.dtype.itemsize == 2 else 1e-6)
        np.testing.assert_array_equal(everybodys[comm.rank][i], mine[i])  # who has it keeps it


@pytest.mark.parametrize('zero_fill', [False, True])
def test_mean_gradients_that_are_missing(comm: CommunicatorBase, zero_fill: bool) -> None:
    model = model_of((3,), (2, 2), (4,))
    everybodys = everybodys_grads(comm, model)
    model.cleargrads()
    model.p0.grad = everybodys[comm.rank][0]
    if comm.rank == 1:
        model.p1.grad = everybodys[1][1]
    comm.multi_node_mean_grad(model, zero_fill)
    np.testing.assert_allclose(model.p0.grad, np.mean([grads[0] for grads in everybodys], 0), rtol=1e-6)
    np.testing.assert_allclose(model.p1.grad, everybodys[1][1] / comm.size, rtol=1e-6)
    if zero_fill:
        np.testing.assert_array_equal(model.p2.grad, np.zeros(4))
    else:
        assert model.p2.grad is None


def test_mean_gradients_in_half_precision_and_of_other_models(comm: CommunicatorBase) -> None:
    model = model_of((30,))
    everybodys = [np.random.default_rng(rank).normal(size=30).astype('f') for rank in range(comm.size)]
    model.p0.grad = everybodys[comm.rank]
    create_communicator(allreduce_grad_dtype='float16').multi_node_mean_grad(model)
    error = abs(model.p0.grad - np.mean(everybodys, 0)).max()
    assert 0 < error < 2e-3 and (comm.allgather(model.p0.grad)[0] == model.p0.grad).all()
    with pytest.raises(ValueError, match=r'/p0 differs: rank 0 has float32 \(2,\); rank 1 has float32 \(3,\)'):
        comm.multi_node_mean_grad(model_of((2 + comm.rank,)))
    with pytest.raises(ValueError, match=r'/p1 differs: rank 0 has none; rank 1 has float32 \(1,\)'):
        comm.multi_node_mean_grad(model_of((2,), (1,)) if comm.rank else model_of((2,)))


def test_config(comm: CommunicatorBase) -> None:
    assert comm.get_config() == {'batched_copy': True}
    other = create_communicator(batched_copy=False)
    assert other.get_config('batched_copy') is False
    other.set_config('batched_copy')
    assert other.get_config('batched_copy') is True
    for call in other.get_config, other.set_config:
        with pytest.raises(ValueError, match="_config: expected one of batched_copy; got 'other'"):
            call('other')


def test_options_of_a_communicator(comm: CommunicatorBase) -> None:
    halves = create_communicator('hierarchical', allreduce_grad_dtype='bfloat16')
    assert halves.allreduce_grad_dtype == halves.split(0, 0).allreduce_grad_dtype == ml_dtypes.bfloat16
    assert comm.allreduce_grad_dtype is create_communicator(allreduce_grad_dtype='f').allreduce_grad_dtype is None
    with pytest.raises(ValueError, match=r'expected one of flat, naive, .*; got .fast.'):
        create_communicator('fast')
    with pytest.raises(ValueError, match='allreduce_grad_dtype must be float16, bfloat16 or float32, got int32'):
        create_communicator(allreduce_grad_dtype='i')
