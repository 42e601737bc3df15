import ml_dtypes
import numpy as np
import pytest

from autograd_nn.distributed import CommunicatorBase, create_communicator

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


def test_options_of_a_communicator(comm: CommunicatorBase) -> None:
    halves = create_communicator('hierarchical', allreduce_grad_dtype='bfloat16')
    assert halves.allreduce_grad_dtype == halves.split(0, 0).allreduce_grad_dtype == ml_dtypes.bfloat16
    assert comm.allreduce_grad_dtype is create_communicator(allreduce_grad_dtype='f').allreduce_grad_dtype is None
    with pytest.raises(ValueError, match=r'expected one of flat, naive, .*; got .fast.'):
        create_communicator('fast')
    with pytest.raises(ValueError, match='allreduce_grad_dtype must be float16, bfloat16 or float32, got int32'):
        create_communicator(allreduce_grad_dtype='i')
