import copy
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import Variable, optimizers
from autograd_nn.distributed import CommunicatorBase, MultiNodeChainList
from autograd_nn.distributed.links import MultiNodeBatchNormalization, create_mnbn_model, create_multi_node_n_step_rnn

# --- batch normalization


def slices(comm: CommunicatorBase) -> list[slice]:
    """The parts of a batch: 2, 3, … samples, and none in the last of several ranks but two."""
    sizes = [i + 2 if i < 2 or i < comm.size - 1 else 0 for i in range(comm.size)]
    ends = np.cumsum(sizes)
    return [slice(end - size, end) for end, size in zip(ends, sizes)]


def whole_batch(comm: CommunicatorBase, shape: tuple[int, ...], dtype: Any, n: int = 3) -> list[np.ndarray]:
    """Arrays that are the same in all ranks; their mean is far from 0."""
    rng = np.random.default_rng(0)
    return [(rng.normal(size=(slices(comm)[-1].stop, *shape)) * 2 + 30 * (i == 0)).astype(dtype) for i in range(n)]


def gradients(layer: Any, x: np.ndarray, gy: np.ndarray, residual: np.ndarray | None, relu: bool) -> list[Any]:
    """The output, and gradients of first and second order, of a layer's input and parameters."""
    x_, residual_ = Variable(x), None if residual is None else Variable(residual)
    y = layer(x_, residual=residual_, activation=F.relu if relu else None)
    inputs = [x_, layer.gamma, layer.beta, *([] if residual is None else [residual_])]
    gxs = ann.grad([y], inputs, [Variable(gy)], enable_double_backprop=True)
    ggxs = ann.grad([gxs[0], gxs[1]], [x_, layer.gamma], [Variable(gy), Variable(np.cos(layer.gamma.array))])
    return [y.array, *[g.array for g in (*gxs, *ggxs)]]


@pytest.mark.parametrize('has_residual', [False, True])
@pytest.mark.parametrize('relu', [False, True])
@pytest.mark.parametrize(('shape', 'dtype', 'tolerance'), [((4,), 'd', 1e-9), ((4, 3, 5), 'd', 1e-9),
                                                          ((16, 4, 4), 'f', 2e-4)])
def test_batch_normalization(comm: CommunicatorBase, shape: tuple[int, ...], dtype: str, tolerance: float, relu: bool,
                             has_residual: bool) -> None:
    """As in one process with the whole batch."""
    x, gy, residual = whole_batch(comm, shape, dtype)
    mine = slices(comm)[comm.rank]
    rng = np.random.default_rng(1)
    gamma, beta = rng.uniform(1, 2, shape[0]).astype(dtype), rng.uniform(-1, 1, shape[0]).astype(dtype)
    layers = [L.BatchNormalization(shape[0], dtype=dtype), MultiNodeBatchNormalization(shape[0], comm, dtype=dtype)]
    for layer in layers:
        layer.gamma.array[...], layer.beta.array[...] = gamma, beta
    single, multi = layers
    expected = gradients(single, x, gy, residual if has_residual else None, relu)
    found = gradients(multi, x[mine], gy[mine], residual[mine] if has_residual else None, relu)
    for i, (a, b) in enumerate(zip(found, expected)):
        # Those of parameters are of this rank's part.
        whole = comm.allreduce(a) if a.shape == gamma.shape and i else a
        part = b if a.shape == gamma.shape and i else b[mine]
        np.testing.assert_allclose(whole, part, atol=tolerance * max(1, abs(b).max()), rtol=0, err_msg=f'result {i}')
    for name in 'avg_mean', 'avg_var':
        np.testing.assert_allclose(getattr(multi, name), getattr(single, name), rtol=tolerance)
        assert all((each == getattr(multi, name)).all() for each in comm.allgather(getattr(multi, name)))
    with ann.using_config('train', False):
        np.testing.assert_allclose(multi(x).array, single(x).array, rtol=tolerance)


@pytest.mark.parametrize('dtype', ['float16', 'bfloat16'])
def test_half_precision(comm: CommunicatorBase, dtype: str) -> None:
    x, gy, _ = whole_batch(comm, (3, 64), 'f')
    x, gy = (x - 25).astype(ann.dtypes.as_dtype(dtype)), gy.astype(ann.dtypes.as_dtype(dtype))
    mine = slices(comm)[comm.rank]
    single, multi = L.BatchNormalization(3, dtype=dtype), MultiNodeBatchNormalization(3, comm, dtype=dtype)
    results = []
    for layer, part in (single, slice(None)), (multi, mine):
        x_ = Variable(x[part])
        y = layer(x_)
        y.grad = gy[part]
        y.backward()
        results.append([y.array, x_.grad])
    for a, b in zip(*results):
        assert b.dtype == a.dtype == x.dtype
        np.testing.assert_allclose(b.astype('f'), a[mine].astype('f'), atol=4e-2, rtol=4e-2)
    np.testing.assert_allclose(multi.avg_var, single.avg_var, rtol=1e-3)
    assert multi.avg_var.dtype == np.float32


class Counting(L.BatchNormalization):
    """Computes as its base."""

    def count(self) -> int:
        return len(self.avg_mean)


class Twice(L.BatchNormalization):
    """Computes something else."""

    def forward(self, x: Any, **options: Any) -> Variable:
        return super().forward(x, **options) * 2


class Block(ann.Chain):

    def __init__(self) -> None:
        super().__init__()
        with self.init_scope():
            self.conv = L.Convolution2D(2, 3, 3, pad=1)
            self.norm = L.BatchNormalization(3)
            self.own = Counting(3)
            self.twice = Twice(3)
            self.renormalization = L.BatchRenormalization(3)
            self.lazy = L.BatchNormalization()
            self.stages = ann.Sequential(L.Convolution2D(3, 3, 1), L.BatchNormalization(3, use_beta=False), F.relu)
            self.others = ann.ChainList(L.BatchNormalization(3), L.Linear(3, 2))

    def forward(self, x: Any) -> Variable:
        h = self.stages(F.relu(self.norm(self.conv(x))))
        return self.others[0](self.lazy(self.own(h)))


def test_create_mnbn_model(comm: CommunicatorBase) -> None:
    model = Block()
    comm.bcast_data(model)
    model.norm.avg_mean[...] = 5
    model.norm.gamma.array[...] = 7
    model.norm.freeze()
    model.norm.unfreeze()
    multi = create_mnbn_model(model, comm)
    changed = [multi.norm, multi.own, multi.lazy, multi.stages[1], multi.others[0]]
    assert all(isinstance(each, MultiNodeBatchNormalization) and each.comm is comm for each in changed)
    assert type(multi.twice) is Twice and type(multi.renormalization) is L.BatchRenormalization
    assert multi.own.count() == 3 and multi.stages[1].beta is None
    assert type(model.norm) is L.BatchNormalization and multi.norm.gamma.array is not model.norm.gamma.array
    assert (multi.norm.avg_mean == 5).all() and (multi.norm.gamma.array == 7).all()
    assert [path for path, _ in multi.namedparams()] == [path for path, _ in model.namedparams()]
    for each in copy.deepcopy(multi), multi.copy('copy'), multi.copy():
        assert each.norm.comm is comm
    assert isinstance(create_mnbn_model(L.BatchNormalization(3), comm), MultiNodeBatchNormalization)
    with pytest.raises(ValueError, match="got 'gloo'"):
        create_mnbn_model(model, comm, 'gloo')
    check_like_single(comm, model, multi, (2, 6, 6))


@pytest.mark.parametrize('dtype', [np.float32, np.float64])
def test_create_mnbn_model_of_the_zoo(comm: CommunicatorBase, dtype: Any) -> None:
    """Its stages compute normalization with what is around it in one kernel."""
    from autograd_nn.models import create
    with ann.using_config('dtype', dtype):
        model = create('resnet20')
        with ann.using_config('train', False):  # Now its parameters are there.
            model(np.zeros((1, 3, 32, 32), dtype))
    comm.bcast_data(model)
    multi = create_mnbn_model(model, comm)
    layers = [each for each in multi.links() if isinstance(each, L.BatchNormalization)]
    assert len(layers) > 18 and all(isinstance(each, MultiNodeBatchNormalization) for each in layers)
    if dtype is np.float64:
        check_like_single(comm, model, multi, (3, 32, 32), 1e-7, dtype)
    else:
        # In so many layers rounding moves a number or two to the other side of a rectifier, and so their gradients.
        check_outputs(comm, model, multi, (3, 32, 32), 1e-2)


def check_outputs(comm: CommunicatorBase, model: Any, multi: Any, shape: tuple[int, ...], tolerance: float,
                  dtype: Any = np.float32) -> tuple[Variable, Variable]:
    """Those of all ranks are those of one process with the whole batch; returns this process's of both."""
    x, = whole_batch(comm, shape, dtype, 1)
    x -= 30
    y = model(x)
    z = multi(x[slices(comm)[comm.rank]])
    np.testing.assert_allclose(z.array, y.array[slices(comm)[comm.rank]], atol=tolerance)
    return y, z


def check_like_single(comm: CommunicatorBase, model: Any, multi: Any, shape: tuple[int, ...],
                      tolerance: float = 1e-3, dtype: Any = np.float32) -> None:
    """Outputs, and the sum of all ranks' gradients, are those of one process with the whole batch."""
    y, z = check_outputs(comm, model, multi, shape, tolerance, dtype)
    gy = np.sin(np.arange(y.size).reshape(y.shape)).astype(dtype)
    for out, g in (y, gy), (z, gy[slices(comm)[comm.rank]]):
        out.grad = g
        out.backward()
    for (path, a), (_, b) in zip(model.namedparams(), multi.namedparams()):
        if a.grad is not None:
            np.testing.assert_allclose(comm.allreduce(b.grad), a.grad, atol=tolerance * max(1, abs(a.grad).max()),
                                       err_msg=path)


# --- models of which each process has a part

def part(seed: int, *sizes: int) -> ann.Sequential:
    ann.random.seed(seed)
    layers: list[Any] = [L.Linear(a, b) for a, b in pairwise(sizes)]
    return ann.Sequential(*[each for layer in layers for each in (layer, F.tanh)])


def train(model: Any, loss: Any, steps: int = 5) -> list[float]:
    optimizer = optimizers.Adam(1e-2).setup(model)
    losses = []
    for _ in range(steps):
        value = loss()
        model.cleargrads()
        value.backward()
        optimizer.update()
        losses.append(float(value.array))
    return losses


def same_params(a: Any, b: Any) -> None:
    for (path, p), (_, q) in zip(sorted(a.namedparams()), sorted(b.namedparams())):
        np.testing.assert_allclose(p.array, q.array, rtol=1e-5, atol=1e-6, err_msg=path)


def test_there_and_back(comm: CommunicatorBase) -> None:
    """Rank 0 has the first and the last part of a network, each other one of those in between."""
    x = np.random.default_rng(0).normal(size=(6, 4)).astype('f')
    parts = [part(i, 4, 5, 4) for i in range(comm.size + 1)]
    single = ann.ChainList(*[each.copy('copy') for each in parts])
    n = comm.size

    def forward() -> Variable:
        h = x
        for each in single:
            h = each(h)
        return F.mean(h ** 2)

    expected = train(single, forward)
    model = MultiNodeChainList(comm)
    if comm.rank == 0:
        model.add_link(parts[0], rank_out=1)
        model.add_link(parts[n], rank_in=n - 1)
        assert train(model, lambda: F.mean(model(x) ** 2)) == pytest.approx(expected, rel=1e-5)
        same_params(ann.ChainList(*model), ann.ChainList(single[0], single[n]))
    else:
        model.add_link(parts[comm.rank], rank_in=comm.rank - 1, rank_out=(comm.rank + 1) % n)
        train(model, lambda: model())
        same_params(model[0], single[comm.rank])


class Pair(ann.Chain):
    """Returns two things."""

    def __init__(self) -> None:
        super().__init__(a=part(10, 4, 3), b=part(11, 4, 2))

    def forward(self, x: Any) -> tuple[Variable, Variable]:
        return self.a(x), self.b(x)


class Join(ann.Chain):
    """Takes three, and does not use the last."""

    def __init__(self) -> None:
        super().__init__(a=part(12, 5, 1))

    def forward(self, pair: Any, own: Any, unused: Any) -> Variable:
        return F.mean(self.a(F.concat(pair)) ** 2) + F.mean(own ** 2)


def test_tuples_and_own_messages(comm: CommunicatorBase) -> None:
    """A part that sends to several, one that receives a tuple and what its process sent itself, and one in vain."""
    x = np.random.default_rng(0).normal(size=(6, 4)).astype('f')
    pair, join, other = Pair(), Join(), part(13, 4, 2)
    single = ann.ChainList(pair.copy('copy'), join.copy('copy'), other.copy('copy'))
    expected = train(single, lambda: single[1](single[0](x), single[2](x), None))
    model = MultiNodeChainList(comm)
    if comm.rank == 0:
        model.add_link(pair, rank_out=1)
        model.add_link(part(14, 4, 7), rank_out=[1])
        train(model, lambda: model(x))
        same_params(model[0], single[0])
    elif comm.rank == 1:
        model.add_link(other, rank_out=1)
        model.add_link(join, rank_in=[0, 1, 0])
        assert train(model, lambda: model(x)) == pytest.approx(expected, rel=1e-5)
        same_params(ann.ChainList(*model), ann.ChainList(single[2], single[1]))


def test_mistakes(comm: CommunicatorBase) -> None:
    model = MultiNodeChainList(comm)
    with pytest.raises(ValueError, match=f'rank_in must be ranks from 0 to {comm.size - 1}, got {comm.size}'):
        model.add_link(L.Linear(2, 2), rank_in=comm.size)
    model.add_link(L.Linear(2, 2))
    with pytest.raises(ValueError, match='another part has no rank_out'):
        model.add_link(L.Linear(2, 2))
    model.add_link(L.Linear(2, 2), rank_out=comm.rank)
    with pytest.raises(ValueError, match=f'rank {comm.rank} has sent itself 1 outputs'):
        model(np.zeros((1, 2), 'f'))
    model = MultiNodeChainList(comm)
    model.add_link(L.Linear(2, 2), rank_in=comm.rank)
    with pytest.raises(ValueError, match='receives from itself what no earlier part has sent'):
        model()
    with pytest.raises(ValueError, match='got Linear'):
        create_multi_node_n_step_rnn(L.Linear(2, 2), comm)  # type: ignore[arg-type]


@pytest.mark.parametrize('kind', [L.NStepLSTM, L.NStepBiGRU])
def test_n_step_rnn(comm: CommunicatorBase, kind: Any) -> None:
    """The encoder is in rank 0, the decoder in rank 1."""
    rng = np.random.default_rng(0)
    source, target = ([rng.normal(size=(n, 3)).astype('f') for n in lengths] for lengths in ((4, 2), (1, 3)))
    ann.random.seed(0)
    encoder, decoder = kind(2, 3, 4, 0), kind(2, 3, 4, 0)
    single = ann.ChainList(encoder.copy('copy'), decoder.copy('copy'))

    def forward() -> Variable:
        *states, _ = single[0](*[None] * encoder.n_cells, source)
        return F.mean(F.concat(single[1](*states, target)[-1], 0) ** 2)

    expected = train(single, forward)
    if comm.rank == 0:
        model = create_multi_node_n_step_rnn(encoder, comm, rank_out=1)
        train(model, lambda: model(source)[-1])
        same_params(model.actual_rnn, single[0])
    elif comm.rank == 1:
        model = create_multi_node_n_step_rnn(decoder, comm, rank_in=0)

        def loss() -> Variable:
            *_, ys, delegate = model(target)
            assert delegate is None
            return F.mean(F.concat(ys, 0) ** 2)

        assert train(model, loss) == pytest.approx(expected, rel=1e-5)
        same_params(model.actual_rnn, single[1])
