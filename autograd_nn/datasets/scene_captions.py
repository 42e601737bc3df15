"""Scenes of handwritten digits with sentences about them."""
from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np

from autograd_nn.dataset.dataset_mixin import DatasetMixin
from autograd_nn.datasets.digit_scenes import DigitScenes

DIGITS = 'zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'
COUNTS = 'a', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight'
# From which part of the picture's shorter side on a digit is large: describers do not quite agree.
LARGE = 0.32, 0.38
# The distance of centres, as part of the picture's side, from which on one thing is beside or above another.
APART = 0.05
# For each axis of a picture (rows, columns) what is said of the first thing, and of the last one.
RELATIONS = ('above', 'below'), ('left of', 'right of')


class DigitSceneCaptions(DatasetMixin):
    """Scenes of handwritten digits with sentences about them: captions with nothing but this package.

    An example is an image, float32 RGB from 0 to 255 of shape (3, H, W), and the list of sentences that are true of it
    (see `describe_scene`). Example *i* depends on the arguments and *i* alone.

    Args:
        length: The number of scenes.
        split: ``'train'`` or ``'test'``: of which people's digits.
        size: Height and width of the scenes.
        seed: Chooses them; not negative.
        count: The least and the greatest number of digits in a scene.
        fresh: Whether each epoch has other scenes, so that a network sees none twice (see `DigitScenes`).
        easy_epochs: In how many epochs, from the first on, there are fewer digits: the greatest number rises evenly
            from the least one. A network learns sooner what digits look like from scenes of one and short sentences.
            Reference: Y. Bengio et al., Curriculum Learning, ICML 2009, https://doi.org/10.1145/1553374.1553380.

    Raises:
        ValueError: There is no such split, or a number is impossible (see `DigitScenes`).

    Example:
        >>> from autograd_nn.datasets import DigitSceneCaptions
        >>> image, sentences = DigitSceneCaptions(100)[6]
        >>> image.shape
        (3, 64, 64)
        >>> sentences
        ['a large eight left of a large five and two small ones']
    """

    def __init__(self, length: int, split: str = 'train', size: tuple[int, int] = (64, 64), seed: int = 0,
                 count: tuple[int, int] = (1, 4), fresh: bool = False, easy_epochs: int = 0) -> None:
        side = min(size)
        # Sizes on both sides of what is large, each as often as the other.
        self.scenes = DigitScenes(length, split, size, seed, count, (0.22 * side, 0.55 * side), fresh)
        self.easy_epochs = easy_epochs

    def __len__(self) -> int:
        return len(self.scenes)

    def get_example(self, i: int) -> tuple[np.ndarray, list[str]]:
        image, boxes, labels, _ = self.scenes.get_example(i)
        return image, describe_scene(boxes, labels, image.shape[1:])

    def at_epoch(self, epoch: int) -> DigitSceneCaptions:
        if not self.scenes.fresh and epoch >= self.easy_epochs:
            return self
        moved = copy.copy(self)
        moved.scenes = copy.copy(self.scenes.at_epoch(epoch))
        if epoch < self.easy_epochs:
            least, most = self.scenes.count
            moved.scenes.count = least, least + (most - least) * epoch // self.easy_epochs
        return moved


def describe_scene(boxes: np.ndarray, labels: np.ndarray, size: Sequence[int]) -> list[str]:
    """What can be said of a scene: sentences such as "a large three left of two small sevens".

    Equal digits of equal sizes are named together. One thing that lies apart from all others is named first, with where
    it lies: each of the four sides on which there is one gives a sentence; without any, things are listed from left to
    right. Two describers, who do not quite agree on what is large, each say all of this.

    Args:
        boxes: (y_min, x_min, y_max, x_max) of each digit in pixels, shape (R, 4), R at least 1.
        labels: Which digit it is, integers of shape (R,).
        size: Height and width of the scene.

    Returns:
        The sentences, each once.

    Example:
        >>> boxes = np.array([[10, 2, 50, 22], [5, 30, 20, 40], [30, 45, 45, 56]])
        >>> for sentence in describe_scene(boxes, np.array([3, 7, 7]), (64, 64)):
        ...     print(sentence)
        a large three left of two small sevens
        two small sevens right of a large three
    """
    sides = (boxes[:, 2:] - boxes[:, :2]).max(axis=1) / min(size)
    centres = (boxes[:, :2] + boxes[:, 2:]) / (2 * np.asarray(size))
    sentences = [sentence for limit in LARGE for sentence in _describe(sides >= limit, labels, centres)]
    return list(dict.fromkeys(sentences))


def _describe(large: np.ndarray, labels: np.ndarray, centres: np.ndarray) -> list[str]:
    """What one describer says."""
    groups = [np.flatnonzero((labels == label) & (large == is_large))
              for label, is_large in sorted(set(zip(labels.tolist(), large.tolist())))]
    names = [_name(len(group), int(labels[group[0]]), bool(large[group[0]])) for group in groups]
    if len(groups) == 1:
        return names
    sentences = []
    for axis in 1, 0:
        places = [centres[group, axis] for group in groups]
        order = np.argsort([place.mean() for place in places], kind='stable').tolist()
        first, last = order[0], order[-1]
        others = {end: np.concatenate([places[k] for k in order if k != end]) for end in (first, last)}
        if places[first].max() + APART <= others[first].min():
            sentences.append(f'{names[first]} {RELATIONS[axis][0]} ' + ' and '.join(names[k] for k in order[1:]))
        if others[last].max() + APART <= places[last].min():
            sentences.append(f'{names[last]} {RELATIONS[axis][1]} ' + ' and '.join(names[k] for k in order[:-1]))
        if axis == 1:
            listed = ' and '.join(names[k] for k in order)
    return sentences or [listed]


def _name(count: int, label: int, large: bool) -> str:
    ending = '' if count == 1 else 'es' if DIGITS[label].endswith('x') else 's'
    number = COUNTS[count - 1] if count <= len(COUNTS) else str(count)
    return f'{number} {"large" if large else "small"} {DIGITS[label]}{ending}'
