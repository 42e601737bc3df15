"""Sharded states: the same numbers, a part of the memory, and files that are interchangeable."""
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import optimizer_hooks, optimizers
from autograd_nn.distributed import CommunicatorBase, create_multi_node_optimizer
from autograd_nn.serializers import DictionarySerializer, NpzDeserializer
from autograd_nn.update_rule import UpdateRule

OPTIMIZERS: list[Callable[[], Any]] = [getattr(optimizers, name) for name in optimizers.__all__
                                       if hasattr(getattr(optimizers, name), 'setup')]
HOOKS: dict[str, Callable[[], list[Any]]] = {
    'none': list,
    'elementwise': lambda: [optimizer_hooks.WeightDecay(1e-2), optimizer_hooks.Lasso(1e-3)],
    'whole': lambda: [optimizer_hooks.WeightDecay(1e-2), optimizer_hooks.GradientClipping(0.2)],
}


class Network(ann.Chain):
    def __init__(self, seed: int) -> None:
        super().__init__()
        np.random.seed(seed)
        with self.init_scope():
            self.first = L.Linear(8, 20)
            self.large = L.Linear(20, 31)
            self.last = L.Linear(31, 3)
        # In memory, the other axis comes first.
        self.first.W.array = self.first.W.array.T.copy().T

    def forward(self, x: Any, t: Any) -> Any:
        h = F.tanh(self.first(x))
        return F.sum((self.last(F.tanh(self.large(h))) - t) ** 2) / len(x)


def batch(comm: CommunicatorBase, step: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.RandomState(step * 100 + comm.rank)
    return rng.randn(3, 8).astype('f'), rng.randn(3, 3).astype('f')


def values(model: Any) -> np.ndarray:
    return np.concatenate([param.array.ravel() for _, param in sorted(model.namedparams())])


def multi(comm: CommunicatorBase, make: Callable[[], Any], hooks: str, shard_state: bool, model: Any = None) -> Any:
    optimizer = create_multi_node_optimizer(make(), comm, shard_state=shard_state, bucket_bytes=1000)
    optimizer.setup(model or Network(comm.rank))
    for hook in HOOKS[hooks]():
        optimizer.add_hook(hook)
    return optimizer


def train(comm: CommunicatorBase, optimizer: Any, steps: range) -> None:
    for step in steps:
        optimizer.update(optimizer.target, *batch(comm, step))


def stored(optimizer: Any) -> dict[str, Any]:
    serializer = DictionarySerializer()
    optimizer.serialize(serializer)
    return serializer.target


def state_size(optimizer: Any) -> int:
    return sum(value.size for param in optimizer.target.params() for value in (param.update_rule.state or {}).values())


def assert_close(comm: CommunicatorBase, sharded: Any, plain: Any) -> None:
    for other in comm.allgather(values(sharded.target)):
        np.testing.assert_array_equal(other, values(sharded.target))
    np.testing.assert_allclose(values(sharded.target), values(plain.target), rtol=1e-4, atol=1e-5)
    ours, theirs = stored(sharded), stored(plain)
    assert ours.keys() == theirs.keys()
    for key, value in theirs.items():
        np.testing.assert_allclose(ours[key], value, rtol=1e-3, atol=1e-5, err_msg=key)


# Each optimizer that takes parts of averages, and parts of whole gradients.
@pytest.mark.parametrize(('make', 'hooks'), [
    *((make, hooks) for make in OPTIMIZERS for hooks in HOOKS if hooks != 'none'), (optimizers.Adam, 'none')])
def test_the_same_numbers(comm: CommunicatorBase, make: Callable[[], Any], hooks: str) -> None:
    sharded, plain = (multi(comm, make, hooks, shard_state) for shard_state in (True, False))
    for optimizer in sharded, plain:
        train(comm, optimizer, range(4))
    assert_close(comm, sharded, plain)
    sizes = comm.allgather_obj(state_size(sharded))
    assert sum(sizes) == state_size(plain)
    assert max(sizes) <= state_size(plain) / comm.size + 3 * len(list(sharded.target.params()))


@pytest.mark.parametrize(('first', 'then'), [(True, False), (False, True), (True, True)])
def test_files_are_interchangeable(comm: CommunicatorBase, first: bool, then: bool) -> None:
    before, plain = multi(comm, optimizers.Adam, 'none', first), multi(comm, optimizers.Adam, 'none', False)
    train(comm, before, range(3))
    train(comm, plain, range(5))
    after = multi(comm, optimizers.Adam, 'none', then)
    after.target.copyparams(before.target)
    after.serialize(NpzDeserializer(stored(before)))
    train(comm, after, range(3, 5))
    assert_close(comm, after, plain)
    train(comm, before, range(3, 5))
    assert_close(comm, before, plain)


def test_the_first_process_saves_what_was_collected(comm: CommunicatorBase) -> None:
    sharded, plain = (multi(comm, optimizers.Adam, 'none', shard_state) for shard_state in (True, False))
    sharded.collect_state()
    for optimizer in sharded, plain:
        train(comm, optimizer, range(3))
    with pytest.raises(RuntimeError, match='were not collected here after the last update'):
        stored(sharded)
    sharded.collect_state()
    if comm.rank == 0:
        ours, theirs = stored(sharded), stored(plain)
        assert ours.keys() == theirs.keys()
        for key, value in theirs.items():
            np.testing.assert_allclose(ours[key], value, rtol=1e-3, atol=1e-5, err_msg=key)
    with pytest.raises(RuntimeError, match='were not collected'):
        stored(sharded)
    for optimizer in sharded, plain:
        train(comm, optimizer, range(3, 5))
    np.testing.assert_allclose(values(sharded.target), values(plain.target), rtol=1e-4, atol=1e-5)
    if comm.size > 1:
        assert state_size(sharded) < state_size(plain)


class Root(UpdateRule):
    """Looks at the whole gradient, and remembers its norm in an array and a number."""

    def init_state(self, param: Any) -> None:
        self.init_zeros(param, 'sum')
        self.state['count'] = 0

    def update_core(self, param: Any) -> None:
        self.state['sum'] += param.grad / np.linalg.norm(param.grad)
        self.state['count'] += 1
        param.array -= 0.01 * self.state['sum']


def test_rules_that_need_whole_parameters(comm: CommunicatorBase) -> None:
    sharded, plain = (multi(comm, optimizers.Adam, 'none', shard_state) for shard_state in (True, False))
    for optimizer in sharded, plain:
        for param in optimizer.target.large.params():
            param.update_rule = Root()
        optimizer.target.last.W.update_rule.add_hook(lambda rule, param: param.grad.shape == (3, 31) or 1 / 0)
        train(comm, optimizer, range(4))
    assert_close(comm, sharded, plain)
    assert sum(param.update_rule.state is not None for param in sharded.target.large.params()) < 2 or comm.size == 1


def test_the_model_changes(comm: CommunicatorBase) -> None:
    sharded, plain = (multi(comm, optimizers.MomentumSGD, 'none', shard_state) for shard_state in (True, False))
    for optimizer in sharded, plain:
        train(comm, optimizer, range(2))
        optimizer.target.first.freeze()
        train(comm, optimizer, range(2, 4))
        optimizer.target.first.unfreeze()
        optimizer.add_hook(optimizer_hooks.GradientClipping(0.1))
        train(comm, optimizer, range(4, 6))
        optimizer.remove_hook('GradientClipping')
        optimizer.target.large.W.array = optimizer.target.large.W.array.T.copy().T
        optimizer.target.last.disable_update()
        train(comm, optimizer, range(6, 8))
    assert_close(comm, sharded, plain)


@pytest.mark.parametrize('hooks', HOOKS)
@pytest.mark.parametrize('dtype', ['mixed16', 'float32'])
def test_loss_scale_and_half_precision(comm: CommunicatorBase, hooks: str, dtype: str) -> None:
    with ann.using_config('dtype', ann.mixed16 if dtype == 'mixed16' else np.dtype(dtype)):
        sharded, plain = (multi(comm, optimizers.MomentumSGD, hooks, shard_state) for shard_state in (True, False))
        for optimizer in sharded, plain:
            optimizer.loss_scaling(interval=2)
            for step in range(8):
                x, t = batch(comm, step)
                if step == 3 and comm.rank == comm.size - 1:
                    x[0] = np.inf
                with np.errstate(all='ignore'):
                    optimizer.update(optimizer.target, x.astype(optimizer.target.first.W.dtype), t)
    assert sharded.t == plain.t and sharded.loss_scale == plain.loss_scale
    assert comm.allgather_obj(sharded.loss_scale) == [sharded.loss_scale] * comm.size
    assert np.isfinite(values(sharded.target)).all()
    ours, theirs = (values(optimizer.target).astype('f') for optimizer in (sharded, plain))
    np.testing.assert_allclose(ours, theirs, rtol=1e-2, atol=1e-3)
    assert stored(sharded).keys() == stored(plain).keys()


def test_not_with_double_buffering(comm: CommunicatorBase) -> None:
    with pytest.raises(ValueError, match='both'):
        create_multi_node_optimizer(optimizers.SGD(), comm, True, shard_state=True)
