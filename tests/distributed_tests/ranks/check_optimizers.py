"""Multi-node optimizers: one step on N processes is one step of one process with all their examples."""
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import optimizer_hooks, optimizers
from autograd_nn.distributed import CommunicatorBase, create_communicator, create_multi_node_optimizer
from autograd_nn.distributed.functions import recv, send
from autograd_nn.distributed.links import MultiNodeBatchNormalization

OPTIMIZERS: list[Callable[[], Any]] = [getattr(optimizers, name) for name in optimizers.__all__
                                       if hasattr(getattr(optimizers, name), 'setup')]


class Network(ann.Chain):
    def __init__(self, seed: int, n_in: int | None = 5) -> None:
        super().__init__()
        np.random.seed(seed)
        with self.init_scope():
            self.l1 = L.Linear(n_in, 7)
            self.l2 = L.Linear(7 if n_in else None, 7)
            self.l3 = L.Linear(7, 3)
            self.unused = L.Linear(2, 2)

    def forward(self, x: Any, t: Any) -> Any:
        h = F.tanh(self.l1(x))
        h = F.tanh(self.l2(self.l2(h)))
        return F.sum((self.l3(h) - t) ** 2) / len(x)


def batch(step: int, n: int = 8) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.RandomState(step)
    return rng.randn(n, 5).astype('f'), rng.randn(n, 3).astype('f')


def mine(comm: CommunicatorBase, arrays: Any) -> list[np.ndarray]:
    return [x[comm.rank * len(x) // comm.size:(comm.rank + 1) * len(x) // comm.size] for x in arrays]


def values(model: Any) -> np.ndarray:
    return np.concatenate([param.array.ravel() for _, param in sorted(model.namedparams(False))])


def assert_equal_everywhere(comm: CommunicatorBase, model: Any) -> None:
    everybodys = comm.allgather(values(model))
    for other in everybodys:
        np.testing.assert_array_equal(other, everybodys[0])


def pair(comm: CommunicatorBase, make: Callable[[], Any], n_in: int | None = 5, **options: Any) -> tuple[Any, Any]:
    """A multi-node optimizer of a model that differs at first, and one that trains alone from rank 0's values."""
    multi = create_multi_node_optimizer(make(), comm, bucket_bytes=100, **options)
    multi.setup(Network(comm.rank, n_in))
    return multi, make().setup(Network(0, n_in))


@pytest.mark.parametrize('make', OPTIMIZERS)
@pytest.mark.parametrize('n_in', [5, None])
def test_same_as_alone(comm: CommunicatorBase, make: Callable[[], Any], n_in: int | None) -> None:
    multi, alone = pair(comm, make, n_in)
    for optimizer in multi, alone:
        optimizer.add_hook(optimizer_hooks.WeightDecay(1e-3))
        optimizer.add_hook(optimizer_hooks.GradientClipping(0.5))
    for step in range(4):
        np.random.seed(comm.rank)  # of initial values, where they come with the first call
        multi.update(multi.target, *mine(comm, batch(step)))
        np.random.seed(0)
        alone.update(alone.target, *batch(step))
    assert_equal_everywhere(comm, multi.target)
    np.testing.assert_allclose(values(multi.target), values(alone.target), rtol=1e-3, atol=2e-5)
    assert multi.t == 4


class Normalized(ann.Chain):
    """Some parameters are initialized in the first call, in which the processes communicate."""

    def __init__(self, norm: Any) -> None:
        super().__init__(l1=L.Linear(None, 7, nobias=True), norm=norm, l2=L.Linear(7, 3))

    def forward(self, x: Any, t: Any) -> Any:
        return F.sum((self.l2(F.tanh(self.norm(self.l1(x)))) - t) ** 2) / len(x)


def test_the_first_call_communicates(comm: CommunicatorBase) -> None:
    np.random.seed(comm.rank)
    multi = create_multi_node_optimizer(optimizers.Adam(), comm).setup(Normalized(MultiNodeBatchNormalization(7, comm)))
    np.random.seed(0)
    alone = optimizers.Adam().setup(Normalized(L.BatchNormalization(7)))
    for step in range(3):
        np.random.seed(comm.rank)
        multi.update(multi.target, *mine(comm, batch(step)))
        np.random.seed(0)
        alone.update(alone.target, *batch(step))
    assert_equal_everywhere(comm, multi.target)
    np.testing.assert_allclose(values(multi.target), values(alone.target), rtol=1e-3, atol=2e-5)
    np.testing.assert_allclose(multi.target.norm.avg_mean, alone.target.norm.avg_mean, rtol=1e-4, atol=1e-6)
    assert multi.t == 3


@pytest.mark.parametrize('n_in', [5, None])
def test_the_first_call_communicates_with_those_of_another_optimizer(comm: CommunicatorBase, n_in: int | None) -> None:
    """Each half of the model is in half of the processes, and only the first one is initialized in the call."""
    if comm.size % 2:
        pytest.skip('needs pairs of processes')
    half = comm.rank % 2
    sharing = comm.split(half, comm.rank)
    other = comm.rank + 1 - 2 * half
    np.random.seed(comm.rank)
    model = L.Linear(7, 3) if half else L.Linear(n_in, 7)
    optimizer = create_multi_node_optimizer(optimizers.SGD(), sharing).setup(model)

    def loss(x: Any, t: Any) -> Any:
        return F.sum((model(recv(comm, other)) - t) ** 2) if half else send(model(x), comm, other)

    for step in range(3):
        optimizer.update(loss, *mine(sharing, batch(step)))
        assert_equal_everywhere(sharing, model)
    assert optimizer.t == (2 if n_in is None and not half and sharing.size > 1 else 3)


def test_a_thousand_steps(comm: CommunicatorBase) -> None:
    multi, _ = pair(comm, optimizers.Adam)
    for step in range(1000):
        multi.update(multi.target, *mine(comm, batch(step)))
    assert_equal_everywhere(comm, multi.target)


def test_own_backward_and_accumulation(comm: CommunicatorBase) -> None:
    multi, alone = pair(comm, optimizers.MomentumSGD)
    comm.bcast_data(multi.target)
    for step in range(3):
        for optimizer, cut in (multi, lambda arrays: mine(comm, arrays)), (alone, lambda arrays: arrays):
            optimizer.target.cleargrads()
            for k in range(2):
                optimizer.target(*cut(batch(10 * step + k))).backward()
            optimizer.update()
    assert_equal_everywhere(comm, multi.target)
    np.testing.assert_allclose(values(multi.target), values(alone.target), rtol=1e-5, atol=1e-6)


def test_own_backward_with_other_parameters_only_shares_them(comm: CommunicatorBase) -> None:
    multi, alone = pair(comm, optimizers.SGD)
    multi.target.cleargrads()
    multi.target(*mine(comm, batch(0))).backward()
    multi.update()
    assert multi.t == (0 if comm.size > 1 else 1)
    np.testing.assert_array_equal(values(multi.target), values(alone.target))


@pytest.mark.parametrize('zero_fill', [True, False])
def test_parameters_without_a_gradient_somewhere(comm: CommunicatorBase, zero_fill: bool) -> None:
    multi, alone = pair(comm, optimizers.SGD, zero_fill=zero_fill)
    for step in range(4):
        x, t = batch(step)

        def loss(model: Any, rank: int, n: int, x: Any = x, t: Any = t) -> Any:
            h = F.tanh(model.l1(x)) if (rank + step) % 2 else F.tanh(F.linear(x, np.ones((7, 5), 'f')))
            return F.sum((model.l3(h) - t) ** 2) / n

        multi.update(lambda: loss(multi.target, comm.rank, 1))
        alone.update(lambda: sum(loss(alone.target, rank, comm.size) for rank in range(comm.size)))
    assert_equal_everywhere(comm, multi.target)
    np.testing.assert_allclose(values(multi.target), values(alone.target), rtol=1e-4, atol=1e-5)


def test_changes_of_the_model(comm: CommunicatorBase) -> None:
    multi, alone = pair(comm, optimizers.SGD)

    def step(k: int) -> None:
        multi.update(multi.target, *mine(comm, batch(k)))
        alone.update(alone.target, *batch(k))
        assert_equal_everywhere(comm, multi.target)
        np.testing.assert_allclose(values(multi.target), values(alone.target), rtol=1e-4, atol=1e-5)

    step(0)
    for optimizer in multi, alone:
        optimizer.target.l2.freeze()
    step(1)
    for optimizer, seed in (multi, comm.rank), (alone, 0):
        model = optimizer.target
        model.l2.unfreeze()
        model.l3 = L.Linear(7, 3, initialW=np.full((3, 7), seed, 'f'))
        optimizer.setup(model)
    step(2)
    for optimizer, seed in (multi, comm.rank), (alone, 0):
        model = optimizer.target
        model.l1.W.array = np.full((7, 5), seed + 1., 'f')
        with model.l1.init_scope():
            model.l1.b = ann.Parameter(np.full(7, seed, 'f'))
    step(3)
    step(4)


@pytest.mark.parametrize('zero_fill', [True, False])
@pytest.mark.parametrize('shard_state', [False, True])
def test_a_parameter_comes_into_being_in_one_process(comm: CommunicatorBase, zero_fill: bool,
                                                     shard_state: bool) -> None:
    model = ann.Chain(l1=L.Linear(5, 3), late=L.Linear(None, 3))
    multi = create_multi_node_optimizer(optimizers.Adam(0.1), comm, False, zero_fill, shard_state=shard_state)
    multi.setup(model)
    np.random.seed(comm.rank)
    for step in range(5):
        x, t = batch(step)
        uses_late = step > 2 or (step == 2 and comm.rank == comm.size - 1)
        multi.update(lambda: F.sum((model.l1(x) + (model.late(x) if uses_late else 0) - t) ** 2))
        assert model.late.W.is_initialized == (step > 1)
        assert_equal_everywhere(comm, model)
        if step == 2:
            start = model.late.W.array.copy()
    assert (model.late.W.array != start).all()


@pytest.mark.parametrize('dtype', ['float16', 'bfloat16'])
@pytest.mark.parametrize('shard_state', [False, True])
def test_half_precision_on_the_wire(comm: CommunicatorBase, dtype: str, shard_state: bool) -> None:
    comm = create_communicator('pure_nccl', allreduce_grad_dtype=dtype)
    multi, alone = pair(comm, lambda: optimizers.SGD(0.1), shard_state=shard_state)
    for step in range(3):
        multi.update(multi.target, *mine(comm, batch(step)))
        alone.update(alone.target, *batch(step))
    assert_equal_everywhere(comm, multi.target)
    error = abs(values(multi.target) - values(alone.target)).max()
    assert error < 2e-2 and (error > 1e-6 or comm.size == 1)


def test_dropout_and_shared_parameters(comm: CommunicatorBase) -> None:
    multi, _ = pair(comm, optimizers.Adam)
    model = multi.target
    with model.unused.init_scope():
        model.unused.again = model.l1.W
    np.random.seed(comm.rank)
    for step in range(20):
        x, t = mine(comm, batch(step))
        multi.update(lambda: F.sum((model.l3(F.dropout(model.l1(x) + F.linear(x, model.unused.again))) - t) ** 2))
    assert_equal_everywhere(comm, model)
    masks = comm.allgather(np.random.rand(3))
    assert comm.size == 1 or (masks[0] != masks[1]).all()


def test_errors_in_the_backward_pass(comm: CommunicatorBase) -> None:
    class Fail(ann.FunctionNode):
        def forward(self, inputs: Any) -> Any:
            return inputs

        def backward(self, indexes: Any, grad_outputs: Any) -> Any:
            raise ZeroDivisionError

    model = ann.Chain(l1=L.Linear(5, 3), l2=L.Linear(3, 3))
    multi = create_multi_node_optimizer(optimizers.SGD(), comm).setup(model)
    x = np.ones((2, 5), 'f')
    multi.update(lambda: F.sum(model.l2(model.l1(x))))
    with pytest.raises(ZeroDivisionError):
        multi.update(lambda: F.sum(model.l2(Fail().apply((model.l1(x),))[0])))
    with pytest.raises(RuntimeError, match='start all processes anew'):
        multi.update(lambda: F.sum(model.l2(model.l1(x))))


def test_another_model_is_an_error_everywhere(comm: CommunicatorBase) -> None:
    multi = create_multi_node_optimizer(optimizers.SGD(), comm).setup(L.Linear(5, 3 + comm.rank))
    with pytest.raises(ValueError, match=r'/[Wb] differs'):
        multi.update(lambda: F.sum(multi.target(np.ones((2, 5), 'f'))))
    comm.allgather(np.ones(1))


def test_loss_scale(comm: CommunicatorBase) -> None:
    multi, _ = pair(comm, optimizers.SGD)
    multi.loss_scaling(interval=3)
    scales = []
    for step in range(12):
        x, t = mine(comm, batch(step))
        if step in (4, 8) and comm.rank == step // 4 - 1:
            x = x * np.float32(np.inf)
        before = values(multi.target).copy()
        with np.errstate(all='ignore'):
            multi.update(multi.target, x, t)
        if step in (4, 8):
            np.testing.assert_array_equal(values(multi.target), before)
        scales.append(multi.loss_scale)
    assert comm.allgather_obj(scales) == [scales] * comm.size
    assert scales[4] < scales[3] and scales[8] < scales[7] and np.isfinite(values(multi.target)).all()
    assert_equal_everywhere(comm, multi.target)


def test_double_buffering(comm: CommunicatorBase) -> None:
    multi, alone = pair(comm, optimizers.Adam, double_buffering=True)
    grads: list[Any] = []
    for step in range(5):
        alone.target.cleargrads()
        alone.target(*batch(step)).backward()
        grads.append({path: param.grad for path, param in alone.target.namedparams()})
        if step:
            for path, param in alone.target.namedparams():
                param.grad = grads[step - 1][path]
            alone.update()
        multi.update(multi.target, *mine(comm, batch(step)))
        np.testing.assert_allclose(values(multi.target), values(alone.target), rtol=1e-3, atol=1e-5)
    assert multi.t == 4
    assert_equal_everywhere(comm, multi.target)


def test_is_like_the_optimizer(comm: CommunicatorBase) -> None:
    adam = optimizers.Adam()
    multi = create_multi_node_optimizer(adam, comm)
    assert multi.setup(Network(0)) is multi and multi.target is adam.target
    multi.alpha = 0.5
    assert adam.hyperparam.alpha == 0.5 and multi.alpha == 0.5
    multi.new_epoch()
    assert adam.epoch == 1
    with pytest.raises(AttributeError):
        multi.nothing  # noqa: B018
    with pytest.raises(TypeError, match='GradientMethod'):
        create_multi_node_optimizer(object(), comm)


class Network10G(CommunicatorBase):
    """Stands in for a network: remembers what is started, and ends it when it is waited for, without MPI's progress."""

    def __init__(self, comm: CommunicatorBase, events: list[str]) -> None:
        self._comm, self.size, self.rank, self._events = comm, comm.size, comm.rank, events
        self.allgather_obj, self.bcast_data = comm.allgather_obj, comm.bcast_data

    def start_sum(self, flat: Any, wire_dtype: Any = None) -> Any:
        events, comm = self._events, self._comm
        events.append(f'start {flat.size}')

        class Later:
            is_done = False

            def poke(self) -> bool:
                return self.is_done

            def wait(self) -> None:
                if not self.is_done:
                    events.append(f'wait {flat.size}')
                    flat[...] = comm.allreduce(flat)
                    self.is_done = True

        return Later()


@pytest.mark.parametrize('double_buffering', [False, True])
def test_all_buckets_but_the_last_start_during_backward(comm: CommunicatorBase, double_buffering: bool) -> None:
    events: list[str] = []

    class Mark(ann.FunctionNode):
        """Tells when the backward pass comes by."""

        def __init__(self, name: str) -> None:
            self.name = name

        def forward(self, inputs: Any) -> Any:
            return inputs

        def backward(self, indexes: Any, grad_outputs: Any) -> Any:
            events.append(self.name)
            return grad_outputs

    model = L.Linear(3, 3), L.Linear(3, 3), L.Linear(3, 3)
    links = ann.ChainList(*model)

    def loss() -> Any:
        h = ann.Variable(np.ones((2, 3), 'f'))
        for k, link in enumerate(model):
            h, = Mark(f'after layer {k}').apply((link(h),))
        return F.sum(h * h)

    network: Any = Network10G(comm, events)
    multi = create_multi_node_optimizer(optimizers.SGD(1e-3), network, double_buffering, bucket_bytes=48).setup(links)
    multi.update(loss)
    multi.update(loss)
    events.clear()
    multi.update(loss)
    during = ['start 1', 'after layer 2', 'start 12', 'after layer 1', 'start 12', 'after layer 0', 'start 12']
    assert [event for event in events if not event.startswith('wait')] == during
    assert events[:7] == during, 'nothing was waited for before all had started'
    assert events[7:] == ['wait 1', 'wait 12', 'wait 12', 'wait 12']
    assert_equal_everywhere(comm, links)
