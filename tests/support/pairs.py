"""Combinations of parameters without their whole product."""
import itertools
from collections.abc import Iterable
from typing import Any


def every_pair(*factors: Iterable[Any]) -> list[tuple[Any, ...]]:
    """Few combinations of a value of each factor, in which any two values of two factors meet at least once.

    Mistakes show when a single parameter or two together have certain values, hardly ever three: four layouts, three
    shapes and three numbers of threads take 12 combinations, not 36.

    Args:
        factors: The values of each parameter; two or more.
    """
    values = [list(factor) for factor in factors]
    pairs = {combination: set(itertools.combinations(enumerate(combination), 2))
             for combination in itertools.product(*map(range, map(len, values)))}
    missing = set().union(*pairs.values())
    chosen = []
    while missing:
        best = max(pairs, key=lambda combination: len(pairs[combination] & missing))
        missing -= pairs[best]
        chosen.append(tuple(factor[i] for factor, i in zip(values, best)))
    return chosen
