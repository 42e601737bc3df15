"""Draws what pruning costs and what ensembles gain, for the pages on them, from the runs that these pages make."""
from __future__ import annotations

import argparse
import io
import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use('Agg')
import numpy as np
from matplotlib import pyplot

from autograd_nn import get_device, serializers
from autograd_nn.commands.trained import read_member
from autograd_nn.tasks.classification import Classification

IMAGES = Path(__file__).parent / 'images'


def tasks_of(runs: Iterable[Path]) -> list[Classification]:
    """The runs, with their networks and data."""
    return [Classification.of_run(read_member(run / 'model.npz'), get_device('cpu')) for run in runs]


def accuracy(task: Classification) -> float:
    """The accuracy on the test data, in percent."""
    return 100 * task.measure(task.test, task.answer_all(task.test))['accuracy']


def size_of(network: Any) -> float:
    """The size of a compressed file of the weights, in kB."""
    file = io.BytesIO()
    serializers.save_npz(file, network, pack=True)
    return len(file.getvalue()) / 1000


def draw_pruning(folder: Path) -> None:
    """Accuracy against the part of the weights that is left, and prints it with the size of the file."""
    figure, axis = pyplot.subplots(figsize=(6, 3.4), dpi=110)
    for pattern, label, style in (('[0-9]*', 'the least of all layers together', 'o-'),
                                  ('layer_*', 'the least of each layer', 's--')):
        points = []
        for task in tasks_of(sorted(folder.glob(pattern))):
            weights = [param.array for param in task.network.params() if param.ndim > 1]
            left = sum(int((array != 0).sum()) for array in weights) / sum(array.size for array in weights)
            points.append((left, accuracy(task), size_of(task.network)))
            print(f'{label}: {1 - left:.1%} zero, accuracy {points[-1][1]:.2f} %, {points[-1][2]:,.0f} kB')
        axis.plot(*zip(*sorted((100 * left, right) for left, right, _ in points)), style, label=label)
    axis.set(xscale='log', xlabel='weights that are left (%)', ylabel='accuracy on test digits (%)')
    axis.invert_xaxis()
    ticks = 100, 50, 20, 10, 5, 2, 1, 0.5
    axis.set_xticks(ticks, [f'{tick:g}' for tick in ticks])
    axis.minorticks_off()
    axis.grid(alpha=0.3)
    axis.legend()
    figure.tight_layout()
    figure.savefig(IMAGES / 'pruning.png')


def draw_ensembles(folder: Path) -> None:
    """Accuracy of every choice of so many networks, the mean, and the extremes."""
    found = tasks_of(sorted(folder.iterdir()))
    answers = [task.answer_all(task.test) for task in found]
    truth = np.array([t for t, _ in answers[0]])
    p = np.array([[each for _, each in answer] for answer in answers])
    counts = range(1, len(found) + 1)
    values = [[100 * (p[list(chosen)].mean(axis=0).argmax(axis=1) == truth).mean()
               for chosen in itertools.combinations(range(len(found)), count)] for count in counts]
    figure, axis = pyplot.subplots(figsize=(6, 3.4), dpi=110)
    axis.fill_between(counts, [min(row) for row in values], [max(row) for row in values], alpha=0.2,
                      label='the worst and the best choice')
    axis.plot(counts, [np.mean(row) for row in values], 'o-', label='mean over all choices')
    axis.set(xlabel='networks that answer together', ylabel='accuracy on test digits (%)', xticks=counts)
    axis.grid(alpha=0.3)
    axis.legend(loc='lower right')
    figure.tight_layout()
    figure.savefig(IMAGES / 'ensembles.png')
    print('ensembles:', ', '.join(f'{count}: {np.mean(row):.2f} %' for count, row in zip(counts, values)))


def main() -> None:
    """Draws both pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('pruned', type=Path, help='a folder of runs: 0, 0.5, ..., layer_0.9, ... (--prune-per-layer)')
    parser.add_argument('ensemble', type=Path, help='a folder of runs of different seeds')
    arguments = parser.parse_args()
    draw_pruning(arguments.pruned)
    draw_ensembles(arguments.ensemble)


if __name__ == '__main__':
    main()
