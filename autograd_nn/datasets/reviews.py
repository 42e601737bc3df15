"""Reviews that a grammar makes up, in which the order of words decides: nothing but this package."""
from __future__ import annotations

import numpy as np

LABELS = ['very bad', 'bad', 'good', 'very good']

_THINGS = ['food', 'service', 'room', 'view', 'music', 'breakfast', 'bed', 'staff', 'garden', 'pool', 'coffee', 'soup',
           'bathroom', 'lobby', 'menu', 'terrace', 'wine', 'dessert', 'bar', 'beach']
_GOOD = ['good', 'nice', 'pleasant', 'lovely', 'charming', 'excellent', 'comfortable', 'delightful', 'fine',
         'impressive']
_BAD = ['bad', 'poor', 'dull', 'awful', 'shabby', 'disappointing', 'horrible', 'unpleasant', 'mediocre', 'sad']
_VERY = ['very', 'really', 'extremely', 'so']
_NOT = ['not', 'far from', 'anything but']
_LOOKS = ['was', 'seemed', 'looked']
_BEFORE = ['We came on a Sunday', 'It was our third visit', 'We stayed for two nights', 'A friend told us about it',
           'It rained all day', 'There were four of us']
_AFTER = ['We paid and left', 'The bus stops in front of it', 'We took some pictures', 'It is near the station',
          'There is a park behind it', 'We were there in May']


def make_reviews(length: int, seed: int = 0) -> list[tuple[str, int]]:
    """Makes up reviews of hotels, with what they say.

    A clause says of a thing that it is good or bad; *very* makes more of it, *not* turns it round and leaves nothing of
    *very* (what is not very good is bad). Where there are two clauses, it is *but* and *although* that say which one
    counts: "the food was bad, but the view was nice" and "the view was nice, but the food was bad" have the same words.

    Args:
        length: How many different ones.
        seed: Chooses them; not negative.

    Returns:
        Texts with 0 for very bad, 1 for bad, 2 for good and 3 for very good.

    Example:
        >>> from autograd_nn.datasets import make_reviews
        >>> for text, label in make_reviews(3):
        ...     print(label, text)
        2 Although the wine was anything but extremely impressive, the bathroom seemed excellent. We were there in May.
        0 The staff was so bad.
        1 The music seemed horrible, although the bathroom looked lovely.
    """
    rng = np.random.default_rng(seed)
    found: dict[str, int] = {}
    while len(found) < length:
        text, label = _review(rng)
        found[text] = label
    return [*found.items()]


def get_reviews() -> tuple[list[tuple[str, int]], list[tuple[str, int]], list[str]]:
    """Reviews to train with and to test with, 4,000 and 1,000 (see `make_reviews`), and the names of the classes.

    No review of the test is one to train with.

    Example:
        >>> from autograd_nn.datasets import get_reviews
        >>> train, test, labels = get_reviews()
        >>> len(train), len(test), labels
        (4000, 1000, ['very bad', 'bad', 'good', 'very good'])
    """
    reviews = make_reviews(5000)
    return reviews[:4000], reviews[4000:], LABELS


def _review(rng: np.random.Generator) -> tuple[str, int]:
    things = rng.choice(_THINGS, 2, replace=False)
    # Two clauses mostly say the opposite of each other, or there would be no "but".
    positive = bool(rng.integers(2))
    (first, label), (second, other) = _clause(things[0], positive, rng), _clause(things[1], not positive, rng)
    text, value = [(first, label), (f'{first}, but {second}', other), (f'although {first}, {second}', other),
                   (f'{first}, although {second}', label)][rng.integers(4)]
    before, after = (rng.choice(each) if rng.random() < 0.3 else '' for each in (_BEFORE, _AFTER))
    return ' '.join([f'{each[0].upper()}{each[1:]}.' for each in (before, text, after) if each]), value


def _clause(thing: str, positive: bool, rng: np.random.Generator) -> tuple[str, int]:
    """A clause about a thing, and its label: how it is put is drawn."""
    negated, strong = rng.random() < 0.4, rng.random() < 0.5
    words = _GOOD if positive != negated else _BAD
    parts = ['the', thing, rng.choice(_LOOKS), rng.choice(_NOT) if negated else '', rng.choice(_VERY) if strong else '',
             rng.choice(words)]
    if negated or not strong:
        label = 2 if positive else 1
    else:
        label = 3 if positive else 0
    return ' '.join(filter(None, parts)), label
