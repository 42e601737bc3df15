from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.links as L
from autograd_nn import distributed, iterators, optimizers, training
from autograd_nn.distributed import CommunicatorBase, extensions


@pytest.mark.parametrize('has_all', [False, True])
def test_a_data_set_is_split(comm: CommunicatorBase, has_all: bool) -> None:
    data = [(np.full(2, i), i) for i in range(11)]
    mine = data if has_all or comm.rank == 0 else None
    for equal in True, False:
        part = distributed.scatter_dataset(mine, comm, shuffle=True, seed=3, force_equal_length=equal)
        parts = comm.allgather_obj([t for _, t in part])
        together = [t for each in parts for t in each]
        assert sorted(set(together)) == list(range(11))
        lengths = {len(each) for each in parts}
        assert len(lengths) == 1 if equal else len(together) == 11 and max(lengths) - min(lengths) <= 1
    assert distributed.scatter_dataset(mine, comm)[0][1] == parts_start(11, comm)
    assert len(distributed.create_empty_dataset(data)) == 11
    with pytest.raises((TypeError, RuntimeError), match='None'):
        distributed.scatter_dataset(None, comm)


def parts_start(n: int, comm: CommunicatorBase) -> int:
    return int(n * comm.rank / comm.size)


def test_batches_of_one_process_come_to_all(comm: CommunicatorBase) -> None:
    data = list(range(100 * comm.rank, 100 * comm.rank + 7))
    own = iterators.SerialIterator(data, 3, shuffle=False)
    shared = distributed.create_multi_node_iterator(own, comm)
    assert [shared.next() for _ in range(3)] == [[0, 1, 2], [3, 4, 5], [6, 0, 1]]
    assert shared.epoch == 1


def test_synchronized_iterators_draw_the_same(comm: CommunicatorBase) -> None:
    np.random.seed(comm.rank)
    iterator = distributed.create_synchronized_iterator(iterators.SerialIterator(list(range(20)), 5), comm)
    drawn = comm.allgather_obj([iterator.next() for _ in range(8)])
    assert drawn == [drawn[0]] * comm.size and drawn[0] != [[*range(5)]] * 8


def test_an_evaluation_is_that_of_the_whole_set(comm: CommunicatorBase) -> None:
    rng = np.random.default_rng(0)
    data = [(x, np.int32(i % 3)) for i, x in enumerate(rng.standard_normal((13, 4)).astype('f'))]
    np.random.seed(5)
    model = L.Classifier(L.Linear(4, 3))
    expected = training.extensions.Evaluator(batches(data), model)()
    part = distributed.scatter_dataset(data, comm, force_equal_length=False)
    found = distributed.create_multi_node_evaluator(training.extensions.Evaluator(batches(part), model), comm)()
    assert {name: float(value) for name, value in found.items()} == pytest.approx(
        {name: float(value) for name, value in expected.items()}, rel=1e-6)


def batches(data: Any) -> iterators.SerialIterator:
    return iterators.SerialIterator(data, 3, repeat=False, shuffle=False)


def test_running_statistics_are_averaged(comm: CommunicatorBase) -> None:
    model = ann.ChainList(L.BatchNormalization(3))
    model[0].avg_mean[...] = comm.rank
    extensions.AllreducePersistent(model, comm)()
    np.testing.assert_allclose(model[0].avg_mean, np.full(3, (comm.size - 1) / 2))


def make_trainer(comm: CommunicatorBase, out: Path) -> training.Trainer:
    data = [(np.full(2, i, 'f'), np.int32(i % 2)) for i in range(8)]
    np.random.seed(comm.rank)
    optimizer = distributed.create_multi_node_optimizer(optimizers.Adam(), comm).setup(L.Classifier(L.Linear(2, 2)))
    updater = training.StandardUpdater(iterators.SerialIterator(data, 2), optimizer)
    return training.Trainer(updater, (6, 'iteration'), out=str(out))


def test_the_newest_whole_generation_is_loaded(comm: CommunicatorBase, tmp_path: Path) -> None:
    path = Path(comm.bcast_obj(str(tmp_path)))
    trainer = make_trainer(comm, path)
    saved: dict[int, np.ndarray] = {}
    checkpointer = distributed.create_multi_node_checkpointer('digits', comm, path=path)
    trainer.extend(checkpointer, trigger=(2, 'iteration'))
    weights = trainer.updater.get_optimizer('main').target.predictor.W

    @training.make_extension(trigger=(2, 'iteration'), priority=0)
    def remember(trainer: training.Trainer) -> None:
        saved[trainer.updater.iteration] = weights.array.copy()
        if trainer.updater.iteration == 6:
            comm.allgather_obj(None)
            raise KeyboardInterrupt

    trainer.extend(remember, trigger=(2, 'iteration'))
    with pytest.raises(KeyboardInterrupt):
        trainer.run(show_loop_exception_msg=False)
    assert len(list(path.glob('digits.*'))) >= 2 * comm.size
    if comm.rank == 1:
        (newest := max(path.glob('digits.1.*'))).write_bytes(newest.read_bytes()[:100])
    comm.allgather_obj(None)
    resumed = make_trainer(comm, path)
    with pytest.warns(UserWarning, match='rank 1') if comm.rank == 0 else nullcontext():
        distributed.create_multi_node_checkpointer('digits', comm, path=path).maybe_load(resumed)
    assert resumed.updater.iteration == 2
    np.testing.assert_array_equal(resumed.updater.get_optimizer('main').target.predictor.W.array, saved[2])
