"""What a report shows of a classifier: which classes it takes for which, and how well it finds each."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd_nn.reports.elements import Section, Shaded, Table

# Larger matrices nobody reads: of more classes the pairs that are confused most often are listed.
MOST_CLASSES = 24
MOST_ROWS = 100


def count_pairs(truth: Any, predicted: Any, n_classes: int) -> np.ndarray:
    """How often samples of each class were taken for each: rows are the true classes.

    Args:
        truth: The true classes, of shape (N,).
        predicted: What they were taken for, of shape (N,).
        n_classes: The number of classes.

    Example:
        >>> count_pairs([0, 0, 1], [0, 1, 1], 2)
        array([[1, 1],
               [0, 1]])
    """
    counts = np.zeros((n_classes, n_classes), int)
    np.add.at(counts, (np.asarray(truth), np.asarray(predicted)), 1)
    return counts


def class_sections(counts: np.ndarray, names: Sequence[str]) -> list[Section]:
    """The confusion matrix, and precision, recall and F1 of each class.

    Args:
        counts: How often samples of each class (rows) were taken for each (columns).
        names: The names of the classes.
    """
    correct, total = int(np.trace(counts)), int(counts.sum())
    note = f'{correct:,} of {total:,} right' + (f' ({correct / total:.2%}).' if total else '.')
    return [Section('Confusion matrix', [_matrix(counts, names)],
                    f'{note} Rows are the true classes, columns what they were taken for.'),
            Section('Precision and recall', [_scores(counts, names)],
                    'Precision: how many of those taken for the class are of it. Recall: how many of the class are '
                    'taken for it. F1 is their harmonic mean.')]


def _matrix(counts: np.ndarray, names: Sequence[str]) -> Table:
    totals = np.maximum(counts.sum(axis=1), 1)
    if len(names) > MOST_CLASSES:
        wrong = counts * ~np.eye(len(counts), dtype=bool)
        worst = [i for i in np.argsort(-wrong, axis=None, kind='stable')[:30] if wrong.flat[i]]
        pairs = [divmod(int(i), len(names)) for i in worst]
        return Table(['true class', 'taken for', 'times', 'of all of its class'],
                     [[names[i], names[j], int(counts[i, j]), f'{counts[i, j] / totals[i]:.1%}'] for i, j in pairs],
                     caption='The pairs that are confused most often')
    rows = [[name, *(Shaded(int(count), count / total, i != j) for j, count in enumerate(row))]
            for i, (name, row, total) in enumerate(zip(names, counts.tolist(), totals.tolist()))]
    return Table(['', *(str(name)[:8] for name in names)], rows, kind='matrix')


def _scores(counts: np.ndarray, names: Sequence[str]) -> Table:
    rows = []
    for i, name in enumerate(names):
        hits, of_class, taken = int(counts[i, i]), int(counts[i].sum()), int(counts[:, i].sum())
        precision, recall = hits / taken if taken else None, hits / of_class if of_class else None
        rows.append([name, precision, recall, 2 * hits / (of_class + taken) if of_class + taken else None, of_class])
    caption = ''
    if len(rows) > MOST_ROWS:
        rows = sorted(rows, key=lambda row: 1. if row[3] is None else float(row[3]))[:MOST_ROWS]
        caption = f'The {MOST_ROWS} of {len(names)} classes with the least F1'
    return Table(['class', 'precision', 'recall', 'F1', 'samples'], rows, caption=caption)
