"""The model of what training on many processes costs, against processes that send each other messages."""
import doctest
import itertools
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[2] / 'scripts'))

from benchmarks import distributed_model as model
from benchmarks.distributed_model import Cluster, Step, Wire

WIRE = Wire(latency=3., bandwidth=2., adding=5.)


class Processes:
    """Processes with a vector and a clock each; a message occupies both ends from when both are free."""

    def __init__(self, count, length):
        self.vectors = np.random.default_rng(0).integers(100, size=(count, length)).astype(float)
        self.expected = self.vectors.sum(0)
        self.clocks = np.zeros(count)

    def exchange(self, messages, add):
        """Messages of one round: (from, to, part). All are sent before any is received."""
        sent = [(self.vectors[source, part].copy(), self.clocks[[source, target]].max())
                for source, target, part in messages]
        for (source, target, part), (content, start) in zip(messages, sent):
            end = start + WIRE.latency + content.size / WIRE.bandwidth
            self.clocks[source] = max(self.clocks[source], end)
            self.clocks[target] = max(self.clocks[target], end + (content.size / WIRE.adding if add else 0))
            self.vectors[target, part] = content + self.vectors[target, part] if add else content

    def finished(self):
        """When all have the sum."""
        assert (self.vectors == self.expected).all()
        return self.clocks.max()


def parts(length, count):
    return [slice(i * length // count, (i + 1) * length // count) for i in range(count)]


@pytest.mark.parametrize('count', [1, 2, 3, 4, 5, 8, 16])
def test_ring_against_messages(count):
    length = 7 * count
    processes, part = Processes(count, length), parts(length, count)
    for add, step in itertools.product((True, False), range(count - 1)):
        processes.exchange([(rank, (rank + 1) % count, part[(rank - step + (not add)) % count])
                            for rank in range(count)], add)
    assert processes.finished() == pytest.approx(model.ring(length, count, WIRE))


@pytest.mark.parametrize('count', [1, 2, 3, 4, 5, 8, 13, 16])
def test_tree_against_messages(count):
    processes, everything = Processes(count, 12), slice(None)
    distances = [2 ** i for i in range(10) if 2 ** i < count]
    for distance in distances:
        processes.exchange([(rank, rank - distance, everything) for rank in range(count)
                            if rank % (2 * distance) == distance], add=True)
    for distance in reversed(distances):
        processes.exchange([(rank - distance, rank, everything) for rank in range(count)
                            if rank % (2 * distance) == distance], add=False)
    assert processes.finished() == pytest.approx(model.tree(12, count, WIRE))


@pytest.mark.parametrize('count', [1, 2, 3, 4, 6, 8, 16])
def test_halving_against_messages(count):
    length, power = 48, 2 ** (count.bit_length() - 1)
    processes = Processes(count, length)
    ranges = [[0, length] for _ in range(power)]
    extra = [(power + i, i, slice(None)) for i in range(count - power)]
    processes.exchange(extra, add=True)
    history = []
    for distance in (2 ** i for i in range(10) if 2 ** i < power):
        messages = []
        history.append((distance, [tuple(each) for each in ranges]))
        for rank in range(power):
            start, end = ranges[rank]
            middle = (start + end) // 2
            keeps_low = not rank & distance
            messages.append((rank, rank ^ distance, slice(middle, end) if keeps_low else slice(start, middle)))
            ranges[rank] = [start, middle] if keeps_low else [middle, end]
        processes.exchange(messages, add=True)
    for distance, before in reversed(history):
        processes.exchange([(rank, rank ^ distance, slice(*ranges[rank])) for rank in range(power)], add=False)
        ranges = [list(each) for each in before]
    processes.exchange([(target, source, part) for source, target, part in extra], add=False)
    assert processes.finished() == pytest.approx(model.halving(length, count, WIRE))


def test_two_levels_by_hand():
    cluster = Cluster(between=Wire(10., 1.), inside=Wire(1., 4.), per_machine=4)
    # 2 x 3 messages of 2 bytes inside, then 2 x 1 of 4 bytes, half of the vector of 8, between two machines.
    assert cluster.allreduce(8, 8, 'ring') == pytest.approx(6 * (1 + 2 / 4) + 2 * (10 + 4))
    assert cluster.allreduce(8, 8, 'tree') == pytest.approx(6 * (1 + 2 / 4) + 2 * (10 + 8))
    assert cluster.allreduce(8, 2, 'ring') == pytest.approx(2 * (1 + 4 / 4))
    assert cluster.allreduce(8, 1, 'ring') == 0
    with pytest.raises(ValueError, match='6 processes'):
        cluster.allreduce(8, 6, 'ring')


@pytest.mark.parametrize('size, best', [(1, 'halving'), (1e3, 'halving'), (1e9, 'ring')])
def test_orders_of_algorithms(size, best):
    """For long vectors the bytes count, of which ring and halving send the fewest; for short ones the messages."""
    wire = Wire(1e-5, 1e9)
    times = {name: allreduce(size, 64, wire) for name, allreduce in model.ALGORITHMS.items()}
    assert times[best] <= 1.001 * min(times.values())
    assert times['tree'] > 4 * times['ring'] if size == 1e9 else times['ring'] > 4 * times['tree']


def test_fit_recovers_a_wire_from_noisy_times():
    rng, wire = np.random.default_rng(1), Wire(2e-5, 3e9)
    sizes = [4. ** k for k in range(4, 14)]
    fitted = model.fit(sizes, [model.ring(size, 4, wire) * rng.uniform(0.98, 1.02) for size in sizes], 4)
    assert fitted.latency == pytest.approx(wire.latency, rel=0.05)
    assert fitted.bandwidth == pytest.approx(wire.bandwidth, rel=0.05)


def tick_by_tick(reductions):
    """When the last reduction ends, if the first in the queue gets each tick as soon as it is ready."""
    left = [[ready, ticks] for ready, ticks in reductions]
    tick = 0
    while left:
        if left[0][0] <= tick:
            left[0][1] -= 1
            if not left[0][1]:
                left.pop(0)
        tick += 1
    return tick


@pytest.mark.parametrize('seed', range(20))
def test_overlap_against_a_clock(seed):
    rng = np.random.default_rng(seed)
    ready = np.sort(rng.integers(0, 30, size=6)).tolist()
    sizes = rng.integers(1, 9, size=6).tolist()
    step = Step(1, forward=11., backward=30., update=5., buckets=tuple(zip(ready, sizes)))
    expected = {True: tick_by_tick(zip(ready, sizes)), False: tick_by_tick([(30, size) for size in sizes])}
    for overlap, end in expected.items():
        assert step.with_others(float, overlap) == 11 + max(30, end) + 5
    assert step.with_others(float, True) <= step.with_others(float, False) == step.alone + step.bytes
    waits = [step.with_others(float, overlap) - step.alone for overlap in (True, False)]
    assert step.hidden(float) == pytest.approx(1 - waits[0] / waits[1])
    assert step.hidden(lambda size: 0.) == 1


def test_other_batches_lie_on_a_line():
    small = Step(1, 10., 20., 5., ((4., 100), (20., 50)))
    large = Step(3, 20., 40., 5., ((6., 100), (40., 50)))
    assert model.with_batch(small, large, 2) == Step(2, 15., 30., 5., ((5., 100), (30., 50)))
    assert model.with_batch(small, large, 9).backward == 100
    assert model.with_batch(small, large, 0.1).buckets[-1][0] <= model.with_batch(small, large, 0.1).backward
    with pytest.raises(ValueError, match='the same buckets'):
        model.with_batch(small, Step(3, 1., 1., 1., ((1., 150),)), 2)


def test_scaling_by_hand():
    cluster = Cluster(Wire(0., 10.), Wire(0., 1.))

    def step_of(batch):
        return Step(batch, forward=batch, backward=2. * batch, update=1., buckets=((batch, 40), (2. * batch, 20)))

    weak = model.scaling(step_of, lambda processes: 4, [1, 2], cluster, 'ring')
    assert weak[0] == {'processes': 1, 'batch': 4, 'without': 13, 'overlap': 13, 'efficiency without': 1,
                       'efficiency overlap': 1}
    # A byte takes a tenth of a second. The first bucket goes from 4 to 8, when the second one is complete.
    assert weak[1]['without'] == 13 + 6 and weak[1]['overlap'] == 13 + 2
    assert weak[1]['efficiency overlap'] == pytest.approx(13 / 15)
    strong = model.scaling(step_of, lambda processes: 4 / processes, [2], cluster, 'ring')
    # 2 samples each: 7 seconds; the first bucket from 2 to 6, the second to 8, and the backward pass ends at 4.
    assert strong[0]['overlap'] == 7 + 4 and strong[0]['batch'] == 2
    assert strong[0]['efficiency without'] == pytest.approx(13 / 2 / (7 + 6))


def test_a_step_from_a_file():
    record = {'batch': 1, 'forward': 1., 'backward': 2., 'update': 3., 'buckets': [[0.5, 8], [2., 4]]}
    step = Step.from_json(record)
    assert step.alone == 6 and step.bytes == 12 and hash(step)


def test_examples_of_the_docstrings():
    assert doctest.testmod(model) == (0, 6)
