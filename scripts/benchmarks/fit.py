"""The cost of `fit` over a loop of one's own: the same network, the same minibatches, both in turn."""
from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from benchmarks import tables

_SAMPLES, _BATCH = 6000, 100


def mlp() -> ann.Link:
    """A perceptron with one hidden layer."""
    return ann.Sequential(L.Linear(784, 100), F.relu, L.Linear(100, 10))


def convolutional() -> ann.Link:
    """Two convolutions and a fully connected layer."""
    return ann.Sequential(lambda x: F.reshape(x, (-1, 1, 28, 28)), L.Convolution2D(1, 8, 5), F.relu,
                          lambda x: F.max_pooling_2d(x, 2), L.Convolution2D(8, 16, 5), F.relu,
                          lambda x: F.max_pooling_2d(x, 2), L.Linear(256, 10))


NETWORKS: dict[str, Callable[[], ann.Link]] = {'784-100-10': mlp, 'two convolutions': convolutional}


def bare_loop(make: Callable[[], ann.Link], x: Any, t: Any) -> Callable[[], Any]:
    """An epoch of a loop that a program may have instead of `fit`: as little as does the same work."""
    model: Any = L.Classifier(make())
    optimizer = ann.optimizers.Adam().setup(model)

    def epoch() -> float:
        order = np.random.permutation(len(x))
        loss = accuracy = 0.
        for start in range(0, len(x), _BATCH):
            chosen = order[start:start + _BATCH]
            optimizer.update(model, x[chosen], t[chosen])
            loss += float(model.loss.array)
            accuracy += float(model.accuracy.array)
        return loss

    return epoch


def by_fit(make: Callable[[], ann.Link], x: Any, t: Any) -> Callable[[], Any]:
    """An epoch of `fit`."""
    learner = ann.compile(make(), 'adam', loss='softmax_cross_entropy', metrics=['accuracy'])
    return lambda: learner.fit(x, t, batch_size=_BATCH, epochs=1, verbose=0)


def measure(rounds: int, samples: int = _SAMPLES) -> list[dict[str, Any]]:
    """Times both, which take turns.

    Args:
        rounds: How many epochs each side runs of each network.
        samples: How many samples an epoch has.

    Returns:
        For each network the medians of the seconds of processor time that an epoch takes, and of the ratios of pairs.
    """
    random = np.random.RandomState(0)
    x, t = random.rand(samples, 784).astype('f'), random.randint(10, size=samples).astype('i')
    rows = []
    for name, make in NETWORKS.items():
        sides = [bare_loop(make, x, t), by_fit(make, x, t)]
        seconds: list[list[float]] = [[], []]
        for i in range(rounds + 1):
            # Each side is first in every other round; the first round warms up.
            for side in (0, 1) if i % 2 else (1, 0):
                start = time.process_time()
                sides[side]()
                if i:
                    seconds[side].append(time.process_time() - start)
        ratios = sorted(b / a for a, b in zip(*seconds))
        rows.append({'network': name, 'loop_ms': statistics.median(seconds[0]) * 1e3,
                     'fit_ms': statistics.median(seconds[1]) * 1e3, 'ratio': statistics.median(ratios),
                     'quartiles': [ratios[len(ratios) // 4], ratios[-1 - len(ratios) // 4]]})
    return rows


def show(rows: list[dict[str, Any]]) -> str:
    """The figures as a table."""
    cells = [['network', 'loop, ms', 'fit, ms', 'fit / loop', 'half of all pairs']]
    cells += [[row['network'], f'{row["loop_ms"]:.1f}', f'{row["fit_ms"]:.1f}', f'{row["ratio"]:.3f}',
               f'{row["quartiles"][0]:.3f} to {row["quartiles"][1]:.3f}'] for row in rows]
    return '\n'.join(tables.columns(cells))
