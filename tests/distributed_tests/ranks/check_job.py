"""What the processes of one training run do together."""
import os

import numpy as np
import pytest

from autograd_nn.distributed.job import Job
from autograd_nn.distributed.shared_summary import SharedSummary
from autograd_nn.reporter import DictSummary
from autograd_nn.serializers import DictionarySerializer, NpzDeserializer
from autograd_nn.utils.launcher import find_launch


@pytest.fixture(scope='module')
def job():
    launch = find_launch(os.environ)
    assert launch is not None
    return Job(launch)


def test_means_are_those_of_all_processes_by_weight(comm):
    """As if one had added everything; a key may be missing in some."""
    values = np.random.RandomState(0).rand(3, comm.size)
    summary, whole = SharedSummary(comm, weight=comm.rank + 1), DictSummary()
    for row in values:
        summary.add({'loss': row[comm.rank], 'text': 'no number'})
        whole.add({f'loss{rank}': (value, 1) for rank, value in enumerate(row)})
    if comm.rank == 1:
        summary.add({'other': (5., 2.)})
    weights = np.arange(1, comm.size + 1)
    expected = (values * weights).sum() / (3 * weights.sum())
    means = summary.compute_mean()
    assert means == {'loss': pytest.approx(expected, rel=1e-12), 'other': 5.}
    assert len(set(comm.allgather_obj(repr(means)))) == 1, 'the same bits in all'
    summary.merge()
    assert summary.compute_mean() == pytest.approx(means, rel=1e-12)
    serializer = DictionarySerializer()
    summary.serialize(serializer)
    stored = comm.bcast_obj(serializer.target if comm.rank == 0 else None)
    restored = SharedSummary(comm, weight=1.)
    restored.serialize(NpzDeserializer(stored))
    assert restored.compute_mean() == pytest.approx(means, rel=1e-12), 'what was stored counts once'


def test_an_error_of_one_is_one_of_all(job):
    with job.together():
        pass
    for kind in ValueError, KeyboardInterrupt:
        with pytest.raises((kind, RuntimeError)) as caught, job.together():
            if job.rank == 1:
                raise kind('no such thing')
        assert caught.type is (kind if job.rank == 1 else RuntimeError)
        assert job.rank == 1 or str(caught.value) == 'rank 1: no such thing'


def test_a_number_of_this_process_becomes_its_share_of_that_of_all(job):
    job.divide(2 * job.size + 1)
    assert job.whole(job.rank + 1) == pytest.approx(job.share * sum(range(1, job.size + 1)))
    assert sum(job.comm.allgather_obj(job.whole(7))) == pytest.approx(7 * job.size)


@pytest.mark.parametrize('count', [8, 11])
def test_parts_are_the_whole(job, count):
    parts = [job.part(count, rank) for rank in range(job.size)]
    assert [i for part in parts for i in range(count)[part]] == list(range(count))
    assert max(p.stop - p.start for p in parts) - min(p.stop - p.start for p in parts) <= 1
    collected = job.collect(list(range(count))[job.part(count)])
    assert collected == ([list(range(count))[part] for part in parts] if job.is_first else None)
    job.divide(count)
    assert job.share == (parts[job.rank].stop - parts[job.rank].start) / count
    with pytest.raises(ValueError, match=f'{job.size} processes cannot share minibatches of 1;'):
        job.divide(1)


def test_random_numbers_differ_by_rank_and_can_be_repeated(job):
    """They depend on the seed, the update and the rank alone, once there are parameters."""
    class Counter:
        t = 1

    job.divide(job.size)
    loss = job.make_loss(lambda: np.random.rand(), Counter, seed=3)
    first = loss()
    np.random.rand()
    assert loss() == first
    Counter.t = 2
    assert loss() != first
    assert len(set(job.comm.allgather_obj(first))) == job.size
