"""The network that is not there."""
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[2] / 'scripts'))

from benchmarks.distributed_model import Wire, finish
from benchmarks.distributed_network import StandIn


class Clock:
    """A clock that goes on only when somebody sleeps."""

    def __init__(self):
        self.now = 100.

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


@pytest.fixture
def network():
    clock = Clock()
    return StandIn(4, Wire(latency=2., bandwidth=6.), clock, clock.sleep)


def test_a_sum_takes_latency_and_what_a_ring_sends(network):
    vector = np.arange(10, dtype='f')
    reduction = network.start_sum(vector)
    assert not reduction.poke()
    network.sleep(11.9)
    assert not reduction.poke()
    reduction.wait()
    assert network.clock() == 100 + 2 + 40 * 1.5 / 6 and reduction.poke()
    assert network.waited == pytest.approx(0.1)
    reduction.wait()
    assert network.clock() == 112
    np.testing.assert_array_equal(vector, np.arange(10))


def test_sums_queue_as_the_model_says(network):
    reductions, expected = [], []
    for ready, length in (0, 10), (1, 2), (30, 4):
        network.sleep(100 + ready - network.clock())
        reductions.append(network.start_sum(np.zeros(length, 'f')))
        expected.append((ready, 2 + length * 4 * 1.5 / 6))
    assert network.started == [(100, 40), (101, 8), (130, 16)]
    for number, reduction in enumerate(reductions):
        reduction.wait()
        assert network.clock() == max(130, 100 + finish(expected[:number + 1]))


def test_held_back_sums_start_when_one_is_waited_for(network):
    network.holds_back = True
    first, second = (network.start_sum(np.zeros(4, 'f')) for _ in range(2))
    network.sleep(100)
    assert not first.poke()
    first.wait()
    assert network.clock() == 200 + 6 and not second.poke()
    second.wait()
    assert network.clock() == 200 + 12


def test_half_precision_halves_what_is_sent(network):
    network.start_sum(np.zeros(10, 'f'), np.float16)
    assert network.started == [(100, 20)]
