"""Metrics of what a network reads or hears: how far it is from what is there."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def edit_distance(a: Sequence[Any], b: Sequence[Any]) -> int:
    """The least number of insertions, deletions and replacements that make one sequence of another.

    Reference: V. I. Levenshtein, Binary Codes Capable of Correcting Deletions, Insertions and Reversals, 1966.

    Args:
        a: A sequence, such as a string or a list of words.
        b: Another one.

    Example:
        >>> from autograd_nn.evaluation import edit_distance
        >>> edit_distance('kitten', 'sitting')
        3
    """
    before = [*range(len(b) + 1)]
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (x != y)))
        before = row
    return before[-1]


def character_error_rate(candidates: Sequence[Sequence[Any]], references: Sequence[Sequence[Any]]) -> float:
    """How many edits the characters of references need, on average, to become what was read.

    Of lists of words it is the word error rate.

    Args:
        candidates: What was read: N strings.
        references: What is there.

    Returns:
        The sum of the edit distances over the number of characters in the references; more than 1 is possible.

    Raises:
        ValueError: The numbers differ, or the references have no characters.

    Example:
        >>> from autograd_nn.evaluation import character_error_rate
        >>> character_error_rate(['1234', '55'], ['1234', '5556'])
        0.25
    """
    length = sum(map(len, references))
    if len(candidates) != len(references) or not length:
        raise ValueError('character_error_rate: expected as many candidates as references, with characters; got '
                         f'{len(candidates)} and {len(references)} with {length} characters')
    return sum(edit_distance(a, b) for a, b in zip(candidates, references)) / length
