"""The communicator between GPUs, on CUDA in software and a stand-in for NCCL."""
from typing import Any

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import cuda, optimizers
from autograd_nn.distributed import CommunicatorBase, create_communicator, create_multi_node_optimizer
from autograd_nn.distributed.communicators import MpiCommunicator
from support import nccl


@pytest.fixture(scope='module')
def gpus(comm: CommunicatorBase) -> Any:
    assert type(create_communicator('pure_nccl')) is MpiCommunicator  # CUDA in software has none
    nccl.install()
    return create_communicator('pure_nccl')


@pytest.fixture(autouse=True)
def calls() -> list[str]:
    nccl.calls.clear()
    return nccl.calls


def draw(rank: int, shape: tuple[int, ...] = (3, 4), dtype: Any = 'f') -> np.ndarray:
    return np.asarray(np.random.default_rng(rank).integers(0, 5, shape)).astype(dtype)


@pytest.mark.parametrize('dtype', ['f', 'd', 'e', 'i'])
def test_collectives(gpus: Any, calls: list[str], dtype: str) -> None:
    everybodys = [draw(rank, dtype=dtype) for rank in range(gpus.size)]
    x = cuda.to_gpu(everybodys[gpus.rank])
    total = gpus.allreduce(x)
    assert isinstance(total, cuda.ndarray) and total.dtype == dtype
    np.testing.assert_array_equal(total.get(), np.sum(everybodys, 0).astype(dtype))
    np.testing.assert_array_equal(x.get(), everybodys[gpus.rank])
    y = gpus.bcast(x.T if gpus.rank == 1 else None, 1)
    np.testing.assert_array_equal(y.get(), everybodys[1].T)
    for y, expected in zip(gpus.allgather(x), everybodys):
        np.testing.assert_array_equal(y.get(), expected)
    assert calls == [*['allReduce'] * (dtype != 'i'), 'bcast', 'allGather']


def test_what_goes_over_mpi(gpus: Any, calls: list[str]) -> None:
    """What is on the host anywhere, has several shapes, or is empty."""
    x = cuda.to_gpu(draw(0))
    np.testing.assert_array_equal(cuda.to_cpu(gpus.allreduce(x if gpus.rank else x.get())), gpus.size * draw(0))
    shapes = [each.shape for each in gpus.allgather(x[gpus.rank:])]
    assert shapes == [(max(3 - rank, 0), 4) for rank in range(gpus.size)]
    assert gpus.allreduce(x[:0]).shape == gpus.bcast(x[:0]).shape == (0, 4)
    np.testing.assert_array_equal(gpus.allreduce(np.ones(2)), np.full(2, gpus.size))
    assert calls == []


@pytest.mark.parametrize('wire', [None, 'float16', 'bfloat16'])
@pytest.mark.parametrize('n', [1, 5, 1000])
def test_sums(gpus: Any, calls: list[str], n: int, wire: str | None) -> None:
    everybodys = [draw(rank, (n,)) for rank in range(gpus.size)]
    flats = [cuda.to_gpu(everybodys[gpus.rank]) * k for k in range(3)]
    reductions = [gpus.start_sum(flat, wire) for flat in flats]
    for k, (flat, reduction) in enumerate(zip(flats, reductions)):
        reduction.wait()
        np.testing.assert_array_equal(flat.get(), np.sum(everybodys, 0) * k)
    assert calls == (['allReduce'] if wire is None else ['group', 'allGather']) * 3


@pytest.mark.parametrize('options', [{}, {'double_buffering': True}, {'shard_state': True}])
@pytest.mark.parametrize('wire', [None, 'float16'])
def test_optimizers(gpus: Any, comm: CommunicatorBase, calls: list[str], options: dict[str, bool],
                    wire: str | None) -> None:
    """The same parameters, bit for bit where nothing is rounded on the wire, as by MPI over the host."""
    found = []
    for name in 'pure_nccl', 'flat':
        np.random.seed(0)
        model = ann.Sequential(L.Linear(5, 7), F.tanh, L.Linear(7, 3)).to_device('cuda:0')
        optimizer = create_multi_node_optimizer(optimizers.Adam(0.01), create_communicator(
            name, allreduce_grad_dtype=wire), bucket_bytes=100, **options).setup(model)
        for step in range(4):
            x = cuda.to_gpu(np.random.RandomState(10 * step + gpus.rank).randn(4, 5).astype('f'))
            optimizer.update(lambda: F.sum(model(x) ** 2))
        found.append([param.array.get() for param in model.params()])
    for ours, theirs in zip(*found):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
        for other in comm.allgather(ours):
            np.testing.assert_array_equal(other, ours)
    assert {'group' if wire else 'reduceScatter' if 'shard_state' in options else 'allReduce'} <= set(calls)


def test_mean_gradients_and_end(gpus: Any, calls: list[str]) -> None:
    model = L.Linear(2, 3).to_device('cuda:0')
    for param in model.params():
        param.grad = cuda.cupy.full(param.shape, gpus.rank, 'f')
    gpus.multi_node_mean_grad(model)
    for param in model.params():
        np.testing.assert_array_equal(param.grad.get(), np.full(param.shape, (gpus.size - 1) / 2))
    assert calls == ['allReduce']
    other = create_communicator('pure_nccl')
    other.bcast(model.W.array)
    other.finalize()
    assert calls[-1] == 'destroy'
