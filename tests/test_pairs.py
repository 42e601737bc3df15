import itertools

import pytest

from support.pairs import every_pair


@pytest.mark.parametrize('sizes, fewest', [((4, 3, 3), 12), ((2, 2, 2, 2), 4), ((3, 5), 15)])
def test_every_pair_of_values_is_there(sizes, fewest):
    chosen = every_pair(*[[f'{i}{j}' for j in range(size)] for i, size in enumerate(sizes)])
    wanted = {pair for a, b in itertools.combinations(range(len(sizes)), 2)
              for pair in itertools.product([f'{a}{j}' for j in range(sizes[a])], [f'{b}{j}' for j in range(sizes[b])])}
    assert {pair for combination in chosen for pair in itertools.combinations(combination, 2)} == wanted
    assert fewest <= len(chosen) <= fewest + 2
