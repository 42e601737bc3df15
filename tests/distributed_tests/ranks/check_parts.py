"""Data sets, iterators, evaluation, means, snapshots and checkpoints on several processes."""
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.links as L
from autograd_nn import distributed, training
from autograd_nn.distributed import CommunicatorBase
from autograd_nn.distributed.extensions import (
    AllreducePersistent,
    GenericMultiNodeEvaluator,
    MultiNodeEarlyStoppingTrigger,
    ObservationAggregator,
    multi_node_snapshot,
)
from autograd_nn.iterators import MultiprocessIterator, MultithreadIterator, SerialIterator
from autograd_nn.serializers import DictionarySerializer, NpzDeserializer
from autograd_nn.training import extensions


@pytest.fixture
def folder(comm: CommunicatorBase) -> Iterator[Path]:
    """One directory for all processes, which the pytest of another process does not clear away."""
    path = Path(comm.bcast_obj(tempfile.mkdtemp() if comm.rank == 0 else None))
    yield path
    comm.allgather_obj(None)
    shutil.rmtree(path, ignore_errors=True)


# --- data sets


@pytest.mark.parametrize('n', [0, 1, 7, 8, 9])
def test_intervals(comm: CommunicatorBase, n: int) -> None:
    given = n if comm.rank == comm.size - 1 else -5
    start, finish = distributed.scatter_index(given, comm, comm.size - 1)
    intervals = comm.allgather_obj((start, finish))
    assert {finish - start for start, finish in intervals} == {-(-n // comm.size)}
    assert {i for each in intervals for i in range(*each)} == set(range(n))
    start, finish = distributed.scatter_index(n, comm, force_equal_length=False)
    assert comm.allreduce_obj(list(range(start, finish))) == list(range(n))
    lengths = comm.allgather_obj(finish - start)
    assert max(lengths) - min(lengths) <= 1


class Counted(ann.dataset.DatasetMixin):
    """Numbers; counts how often it is sent."""
    sent = 0

    def __init__(self, numbers: list[int]) -> None:
        self.numbers = numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def get_example(self, i: int) -> int:
        return self.numbers[i]

    def __reduce__(self) -> tuple:
        Counted.sent += 1
        return Counted, (self.numbers,)


def test_a_data_set_that_all_have_is_not_sent(comm: CommunicatorBase) -> None:
    Counted.sent = 0
    whole = Counted([3 * i for i in range(11)])
    part = distributed.scatter_dataset(whole, comm, shuffle=True, seed=0, force_equal_length=False)
    assert Counted.sent == 0 and part._dataset is whole
    everybodys = comm.allreduce_obj(part[:])
    assert everybodys == [3 * int(i) for i in np.random.RandomState(0).permutation(11)]


@pytest.mark.parametrize('of_others', [None, list(range(5)), list(range(1, 12))])
def test_the_data_set_of_one(comm: CommunicatorBase, of_others: list | None) -> None:
    """Where the others have none, or another one, if only as long."""
    root = comm.size - 1
    mine = Counted(list(range(11))) if comm.rank == root else of_others if of_others is None else Counted(of_others)
    part = distributed.scatter_dataset(mine, comm, root, shuffle=True)
    assert set(comm.allreduce_obj(part[:])) == set(range(11))
    assert len(part) == -(-11 // comm.size)


def test_no_data_set(comm: CommunicatorBase) -> None:
    with pytest.raises(TypeError, match='process 0 is the root, and its dataset is None'):
        distributed.scatter_dataset(None if comm.rank == 0 else [1], comm)


# --- iterators


@pytest.mark.parametrize('kind', [SerialIterator, MultithreadIterator, MultiprocessIterator])
def test_multi_node_iterator(comm: CommunicatorBase, kind: type) -> None:
    master = 1
    data = [(np.full(2, i, 'f'), str(i)) for i in range(7)]
    actual = kind(data, 3) if comm.rank == master else None
    iterator = distributed.create_multi_node_iterator(actual, comm, master)
    for _ in range(4):
        batch = next(iterator)
        same(comm, [(x.tolist(), text) for x, text in batch])
        same(comm, [iterator.epoch, iterator.epoch_detail, iterator.is_new_epoch, iterator.current_position,
                    iterator.previous_epoch_detail, iterator.batch_size])
    # The file of the master serves all.
    serializer = DictionarySerializer()
    serializer.save(iterator)
    saved = comm.bcast_obj(serializer.target, root=master)
    following = [text for _, text in next(iterator)]
    iterator.reset()
    assert iterator.epoch == 0 and next(iterator)
    NpzDeserializer(saved).load(iterator)
    same(comm, [iterator.epoch_detail, iterator.current_position, iterator.is_new_epoch])
    assert [text for _, text in next(iterator)] == following
    iterator.finalize()


def test_multi_node_iterator_ends_for_all(comm: CommunicatorBase) -> None:
    actual = SerialIterator([1, 2, 3], 2, repeat=False, shuffle=False) if comm.rank == 0 else SerialIterator([0], 1)
    iterator = distributed.create_multi_node_iterator(actual, comm)
    assert list(iterator) == [[1, 2], [3]]
    iterator.reset()
    assert next(iterator) == [1, 2]


class Broken(Counted):
    def get_example(self, i: int) -> int:
        raise OSError('no disk')


def test_multi_node_iterator_fails_for_all(comm: CommunicatorBase) -> None:
    iterator = distributed.create_multi_node_iterator(SerialIterator(Broken([1]), 1), comm)
    with pytest.raises(RuntimeError if comm.rank else OSError, match='rank 0: OSError: no disk' if comm.rank else 'no'):
        next(iterator)
    with pytest.raises(TypeError, match='process 1 is the master'):
        distributed.create_multi_node_iterator(None, comm, 1)


@pytest.mark.parametrize('kind', [SerialIterator, MultithreadIterator, MultiprocessIterator])
def test_synchronized_iterator(comm: CommunicatorBase, kind: type) -> None:
    np.random.seed(comm.rank)
    iterator = distributed.create_synchronized_iterator(kind(list(range(20)), 8), comm)
    batches = [next(iterator) for _ in range(6)]
    same(comm, batches)
    assert sorted(batches[0] + batches[1] + batches[2][:4]) == list(range(20)) != batches[0] + batches[1]
    iterator.finalize()
    with pytest.raises(ValueError, match='different lengths: 1 in rank 0; 2 in rank 1'):
        distributed.create_synchronized_iterator(SerialIterator([0] * (comm.rank + 1), 1), comm)


def same(comm: CommunicatorBase, value: object) -> None:
    everybodys = comm.allgather_obj(value)
    assert all(each == everybodys[0] for each in everybodys), everybodys


# --- evaluation


def test_evaluator_is_that_of_one_process(comm: CommunicatorBase) -> None:
    """Parts of different lengths, values with weights of their own, and one that some do not report."""
    data = np.random.default_rng(0).random(13)
    model = ann.Link()

    def evaluate(x: np.ndarray) -> None:
        ann.report({'mean': x.mean(), 'weighted': (x[0], int(10 * x[0]))}, model)
        if x.max() > 0.8:
            ann.report({'rare': x.max()}, model)

    def evaluator(part: object) -> extensions.Evaluator:
        return extensions.Evaluator(SerialIterator(part, 1, repeat=False, shuffle=False), model, eval_func=evaluate)

    part = distributed.scatter_dataset(data, comm, shuffle=True, seed=1, force_equal_length=False)
    shared = distributed.create_multi_node_evaluator(evaluator(part), comm)
    result = shared()
    assert result == pytest.approx(evaluator(data)())
    same(comm, result)
    assert result['main/mean'] == pytest.approx(data.mean())


def test_an_evaluator_of_ones_own(comm: CommunicatorBase) -> None:
    class Own(extensions.Evaluator):
        def evaluate(self) -> dict:
            return {'count': float(comm.rank), 'array': np.full(2, comm.rank)}

    iterator = SerialIterator([0] * (comm.rank + 1), 1, repeat=False)
    result = distributed.create_multi_node_evaluator(Own(iterator, ann.Link()), comm)()
    weights = np.arange(1, comm.size + 1)
    expected = (weights * np.arange(comm.size)).sum() / weights.sum()
    assert result['count'] == pytest.approx(expected)
    np.testing.assert_allclose(result['array'], [expected] * 2)


def test_generic_evaluator(comm: CommunicatorBase) -> None:
    class Largest(GenericMultiNodeEvaluator):
        def calc_local(self, x: np.ndarray) -> tuple:
            assert not ann.config.train
            return comm.rank, float(x.max())

        def aggregate(self, results: list) -> tuple:
            return [rank for rank, _ in results], max(x for _, x in results)

    iterator = SerialIterator(np.arange(1. + comm.rank), 1, repeat=False, shuffle=False)
    seen: list = []
    evaluator = Largest(comm, iterator, None, root=1, progress_hook=seen.append)
    for _ in range(2):
        result = evaluator()
    if comm.rank == 1:
        assert result[1] == comm.size - 1 and len(seen) == 4
        assert result[0] == [rank for turn in range(comm.size) for rank in range(turn, comm.size)]
    else:
        assert result is None and seen == []


# --- means


class Fake:
    """As much of a trainer as extensions need."""

    def __init__(self, iteration: int, **observation: float) -> None:
        self.observation = observation
        self.updater = type('Updater', (), {'iteration': iteration, 'epoch_detail': iteration / 10})
        self.elapsed_time = 0.


def test_persistent_values(comm: CommunicatorBase) -> None:
    bn = L.BatchNormalization(3)
    bn.avg_mean[...] = comm.rank
    bn.avg_var[...] = 2 * comm.rank
    bn.N = np.array(comm.rank)
    AllreducePersistent(ann.Sequential(bn), comm)()
    mean = (comm.size - 1) / 2
    np.testing.assert_allclose(bn.avg_mean, mean)
    np.testing.assert_allclose(bn.avg_var, 2 * mean)
    assert bn.avg_mean.dtype == np.float32 and comm.rank == bn.N


def test_observations(comm: CommunicatorBase) -> None:
    aggregator = ObservationAggregator(comm, 'x', 'all', comm_trigger=(2, 'iteration'))
    aggregator(Fake(1, x=ann.Variable(np.array(comm.rank, 'f'))))  # type: ignore[arg-type]
    serializer = DictionarySerializer()
    serializer.save(aggregator)
    aggregator = ObservationAggregator(comm, 'x', 'all', comm_trigger=(2, 'iteration'))
    NpzDeserializer(serializer.target).load(aggregator)
    trainer = Fake(2, x=comm.rank + 1.) if comm.rank else Fake(2)
    aggregator(trainer)  # type: ignore[arg-type]
    ranks = list(range(comm.size))
    assert trainer.observation['all'] == pytest.approx(np.mean(ranks + [rank + 1 for rank in ranks[1:]]))
    largest = ObservationAggregator(comm, 'x', aggregator=lambda ranks: max(x for each in ranks for x in each))
    largest(trainer := Fake(1, x=float(comm.rank)))  # type: ignore[arg-type]
    assert trainer.observation == {'x': comm.size - 1}


def test_early_stopping(comm: CommunicatorBase) -> None:
    """All stop together, when the mean gets worse, whatever a process sees for itself."""
    stop = MultiNodeEarlyStoppingTrigger(comm, check_trigger=(1, 'iteration'), monitor='loss', patience=2)
    losses = [3., 2., 2.5, 2.5, 1.]
    fired = []
    for i, loss in enumerate(losses):
        trainer = Fake(i + 1, loss=loss + (comm.rank - (comm.size - 1) / 2) * 10 * i)
        fired.append(stop(trainer))  # type: ignore[arg-type]
        assert trainer.observation['loss_aggregated'] == pytest.approx(loss)
    assert fired == [False, False, False, True, False]


# --- snapshots and checkpoints


def make_trainer(comm: CommunicatorBase, folder: Path, stop: int) -> training.Trainer:
    """A training of a small network, in step in all processes, each on its own examples."""
    ann.random.seed(comm.rank)
    model = L.Classifier(L.Linear(4, 3))
    data = np.random.default_rng(comm.rank).random((20, 4), 'f')
    examples = ann.datasets.TupleDataset(data, (data.sum(1) > 2).astype('i'))
    optimizer = ann.optimizers.Adam().setup(model)
    updater = training.StandardUpdater(SerialIterator(examples, 4), optimizer)
    return training.Trainer(updater, (stop, 'iteration'), folder)


def weights(trainer: training.Trainer) -> np.ndarray:
    return trainer.updater.get_optimizer('main').target.predictor.W.array


def run_with_checkpoints(comm: CommunicatorBase, folder: Path, stop: int, **options: int) -> training.Trainer:
    trainer = make_trainer(comm, folder, stop)
    checkpointer = distributed.create_multi_node_checkpointer('a.b', comm, **options)
    trainer.extend(checkpointer, trigger=(2, 'iteration'))
    checkpointer.maybe_load(trainer)
    trainer.loaded = trainer.updater.iteration  # type: ignore[attr-defined]
    checkpointer.finalize = lambda: None  # type: ignore[method-assign]  # as if it was killed
    trainer.run()
    return trainer


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle:middle + 200] = bytes(200)
    path.write_bytes(content)


def remove(path: Path) -> None:
    path.unlink()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


@pytest.mark.parametrize('harm', [None, damage, remove, cut])
def test_checkpoints(comm: CommunicatorBase, folder: Path, harm: object) -> None:
    """A training that is resumed ends as one that was never stopped, if need be from the generation before."""
    whole = make_trainer(comm, folder / 'whole', 9)
    whole.run()
    run_with_checkpoints(comm, folder, 6)
    if callable(harm) and comm.rank == comm.size - 1:
        harm(folder / f'a.b.{comm.rank}.6')
    comm.allgather_obj(None)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        resumed = run_with_checkpoints(comm, folder, 9)
    assert resumed.loaded == (4 if harm else 6)  # type: ignore[attr-defined]
    said = [str(each.message) for each in caught if 'not whole' in str(each.message)]
    assert len(said) == (1 if harm and comm.rank == 0 else 0)
    if said:
        assert f'generation 6 (rank {comm.size - 1}' in said[0] and 'generation 4 is loaded' in said[0]
    np.testing.assert_array_equal(weights(resumed), weights(whole))


def test_old_checkpoints_go(comm: CommunicatorBase, folder: Path) -> None:
    run_with_checkpoints(comm, folder, 12, cp_interval=2, gc_interval=3)
    comm.allgather_obj(None)
    assert {int(path.suffix[1:]) for path in folder.glob('a.b.*')} == {8, 10, 12}
    comm.allgather_obj(None)
    trainer = make_trainer(comm, folder, 13)
    checkpointer = distributed.create_multi_node_checkpointer('a.b', comm)
    assert checkpointer.get_stats() == 'no checkpoint has been saved'
    trainer.extend(checkpointer)
    optimizer = trainer.updater.get_optimizer('main')
    checkpointer.maybe_load(trainer, optimizer)
    assert trainer.updater.iteration == 12 and optimizer.needs_broadcast is False
    trainer.run()
    comm.allgather_obj(None)
    assert not list(folder.glob('a.b.*')) and checkpointer.get_stats().startswith('1 checkpoints, ')


def test_checkpoints_stay_where_a_training_fails(comm: CommunicatorBase, folder: Path) -> None:
    trainer = make_trainer(comm, folder, 5)
    trainer.extend(distributed.create_multi_node_checkpointer('n', comm), trigger=(1, 'iteration'))

    def fail(trainer: training.Trainer) -> None:
        if trainer.updater.iteration == 3:
            raise RuntimeError('oh')

    trainer.extend(fail)
    with pytest.raises(RuntimeError):
        trainer.run(show_loop_exception_msg=False)
    comm.allgather_obj(None)
    assert (folder / f'n.{comm.rank}.2').exists()


def test_checkpoints_of_another_number_of_processes(comm: CommunicatorBase, folder: Path) -> None:
    link = L.Linear(2, 2)
    alone = comm.split(comm.rank, 0)
    if comm.rank == 0:
        distributed.create_multi_node_checkpointer('n', alone, path=folder).save(link, 7)
    comm.allgather_obj(None)
    with pytest.raises(ValueError, match=f"'n' in .* are those of 1 processes, and there are {comm.size}: start as"):
        distributed.create_multi_node_checkpointer('n', comm).maybe_load(link, path=folder)


def test_a_checkpoint_of_an_object(comm: CommunicatorBase, folder: Path) -> None:
    link, other = L.Linear(2, 2), L.Linear(2, 2)
    distributed.create_multi_node_checkpointer('n', comm, path=folder / 'new').save(link, 7)
    distributed.create_multi_node_checkpointer('n', comm).maybe_load(other, path=folder / 'new')
    np.testing.assert_array_equal(link.W.array, other.W.array)
    with pytest.raises(ValueError, match='needs the path'):
        distributed.create_multi_node_checkpointer('n', comm).save(link, 7)
    with pytest.raises(ValueError, match='cp_interval must be positive'):
        distributed.create_multi_node_checkpointer('n', comm, 0)


def test_snapshots(comm: CommunicatorBase, folder: Path) -> None:
    def make(stop: int, **options: bool) -> training.Trainer:
        trainer = make_trainer(comm, folder, stop)
        if comm.rank == 0:
            trainer.extend(extensions.LogReport(trigger=(1, 'iteration')))
        snapshot = extensions.snapshot(n_retains=2, **options)  # type: ignore[arg-type]
        trainer.extend(multi_node_snapshot(comm, snapshot, [0]), trigger=(2, 'iteration'))
        return trainer

    make(6).run()
    comm.allgather_obj(None)
    assert {path.name for path in folder.glob('snapshot*')} == {
        f'snapshot_iter_{i}.{rank}' for i in (4, 6) for rank in (0, 1)}
    comm.allgather_obj(None)
    if comm.rank == 1:
        damage(folder / 'snapshot_iter_6.1')
    comm.allgather_obj(None)
    resumed = make(7, autoload=True)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        started: list = []
        resumed.extend(lambda trainer: started.append(trainer.updater.iteration), name='first')
        resumed.run()
    assert started[0] == 5
    assert any('generation 6 (rank 1' in str(each.message) for each in caught) == (comm.rank == 0)


def test_sets_of_replicas(comm: CommunicatorBase) -> None:
    for sets in [[comm.size]], [[0], 0], [[0, 0]]:
        with pytest.raises(ValueError, match='replica_sets must have ranks from 0'):
            multi_node_snapshot(comm, extensions.snapshot(), sets)


def test_empty_data_set() -> None:
    assert distributed.create_empty_dataset([1, 2]) == [(), ()]
