"""Digit scenes as the embedded data of tasks."""
from __future__ import annotations

import copy
from typing import Any

import numpy as np

from autograd_nn.dataset import DatasetMixin
from autograd_nn.datasets import DigitScenes
from autograd_nn.datasets.digit_scenes import Scene


class DrawnScenes(DatasetMixin):
    """Digit scenes that are drawn once and kept, pictures in bytes; those of other epochs, if any, are not kept.

    An example is a tuple of a picture, red, green and blue from 0 to 255, float32 of shape (3, H, W), and of what a
    subclass says with `find_targets`.

    Args:
        scenes: The scenes.
    """

    def __init__(self, scenes: DigitScenes) -> None:
        self._scenes = scenes
        self._drawn: dict[int, tuple[np.ndarray, ...]] = {}

    def __len__(self) -> int:
        return len(self._scenes)

    def at_epoch(self, epoch: int) -> DrawnScenes:
        if not (epoch and self._scenes.fresh):
            return self
        moved = copy.copy(self)
        moved._scenes, moved._drawn = self._scenes.at_epoch(epoch), {}
        return moved

    def find_targets(self, scene: Scene) -> tuple[np.ndarray, ...]:
        """What is to be learned of a scene.

        Args:
            scene: The scene.
        """
        raise NotImplementedError

    def get_example(self, i: int) -> tuple[Any, ...]:
        if i not in self._drawn:
            scene = self._scenes[i]
            self._drawn[i] = np.rint(scene.image).astype(np.uint8), *self.find_targets(scene)
        image, *targets = self._drawn[i]
        return image.astype(np.float32), *(target.copy() for target in targets)
