"""Pruning of small weights."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autograd_nn.link import Link
from autograd_nn.optimizer_hooks import WeightMask
from autograd_nn.serializer import AbstractSerializer
from autograd_nn.training.extension import PRIORITY_WRITER, Extension
from autograd_nn.training.trainer import Trainer
from autograd_nn.variable import Parameter


class MagnitudePruning(Extension):
    """Sets more and more weights to zero while the others train on: those of the least magnitude.

    Weights are the elements of parameters with two axes or more; biases and the like stay. The part that is zero rises
    from 0, fast at first, where many weights do not matter: after a part ``x`` of the time it is
    ``1 - (1 - x) ** 3`` of its last value. A weight that is zero stays so: its parameter gets a
    `optimizer_hooks.WeightMask`. References: S. Han, J. Pool, J. Tran, W. Dally, Learning both Weights and Connections
    for Efficient Neural Networks, 2015, https://arxiv.org/abs/1506.02626; M. Zhu, S. Gupta, To prune, or not to prune,
    2017, https://arxiv.org/abs/1710.01878, equation 1.

    Args:
        network: Whose weights are pruned. An optimizer has been set up for it.
        sparsity: The part of the weights that is zero at the end, from 0 to less than 1.
        updates: After how many updates it is reached; those that follow make up for what was lost.
        every: How many updates lie between two steps.
        per_layer: Whether each parameter loses the same part, and not those of all parameters that are least.

    Raises:
        ValueError: `sparsity` or a number is impossible.

    Example:
        >>> import numpy as np, autograd_nn as ann
        >>> from autograd_nn import training
        >>> pruning = training.extensions.MagnitudePruning(ann.links.Linear(4, 2), sparsity=0.5, updates=100)
        >>> [round(pruning.sparsity_after(t), 3) for t in (0, 20, 50, 100, 200)]
        [0.0, 0.244, 0.438, 0.5, 0.5]
        >>> pruning.prune(0.5)
        >>> pruning.zeros()
        {'/W': (4, 8)}
    """

    trigger = (1, 'iteration')
    # Before what looks at the weights and what takes the snapshot.
    priority = PRIORITY_WRITER + 1

    def __init__(self, network: Link, sparsity: float, updates: int, every: int = 1, per_layer: bool = False) -> None:
        if not 0 <= sparsity < 1:
            raise ValueError(f'MagnitudePruning: expected a sparsity from 0 to less than 1, got {sparsity}')
        if updates < 1 or every < 1:
            raise ValueError(f'MagnitudePruning: expected positive numbers of updates, got {updates} and {every}')
        self.network = network
        self.sparsity = sparsity
        self.updates = updates
        self.every = every
        self.per_layer = per_layer
        # By path, True where a weight is trained.
        self._masks: dict[str, Any] = {}

    def sparsity_after(self, updates: int) -> float:
        """The part of the weights that is to be zero after so many updates."""
        return self.sparsity * (1 - (1 - min(1, updates / self.updates)) ** 3)

    def __call__(self, trainer: Trainer) -> None:
        done = trainer.updater.iteration
        if done == self.updates or (done < self.updates and done % self.every == 0):
            self.prune(self.sparsity_after(done))

    def initialize(self, trainer: Trainer) -> None:
        self._watch()

    def _weights(self) -> dict[str, Parameter]:
        return {path: param for path, param in self.network.namedparams(include_uninit=False)
                if isinstance(param, Parameter) and param.ndim > 1 and param.requires_grad}

    def _watch(self) -> dict[str, Parameter]:
        """Sees that all weights have masks; returns the weights."""
        weights = self._weights()
        for path, param in weights.items():
            if path not in self._masks:
                self._masks[path] = param.xp.ones_like(param.array, dtype=bool)
                if param.update_rule is not None:
                    param.update_rule.add_hook(WeightMask(self._masks[path]))
        return weights

    def prune(self, sparsity: float) -> None:
        """Sets weights to zero, so that a part of them is; those that were stay, however small the part.

        Args:
            sparsity: The part.
        """
        weights = self._watch()
        groups = [[path] for path in weights] if self.per_layer else [list(weights)]
        for paths in groups:
            self._prune([weights[path] for path in paths], [self._masks[path] for path in paths], sparsity)
        self.apply()

    def _prune(self, params: Sequence[Parameter], masks: Sequence[Any], sparsity: float) -> None:
        if not params:
            return
        xp = params[0].xp
        # What has been pruned comes first, and before weights that are zero by chance.
        sizes = xp.concatenate([xp.where(mask, abs(param.array), -1).reshape(-1) for param, mask in zip(params, masks)])
        count = max(round(sparsity * sizes.size), int((sizes < 0).sum()))
        kept = xp.ones(sizes.size, bool)
        if count:
            kept[xp.argpartition(sizes, count - 1)[:count]] = False
        start = 0
        for mask in masks:
            mask[...] = kept[start:start + mask.size].reshape(mask.shape)
            start += mask.size

    def apply(self) -> None:
        """Sets what is pruned to zero, also where something else than an update has changed it."""
        for path, param in self._weights().items():
            if path in self._masks:
                param.array[...] = param.xp.where(self._masks[path], param.array, 0)

    def zeros(self) -> dict[str, tuple[int, int]]:
        """By the paths of parameters: how many of their weights are pruned, and how many there are."""
        masks = {path: self._masks[path] for path in self._weights() if path in self._masks}
        return {path: (int(mask.size - mask.sum()), mask.size) for path, mask in masks.items()}

    def serialize(self, serializer: AbstractSerializer) -> None:
        for path in self._watch():
            self._masks[path][...] = serializer(path.strip('/'), self._masks[path])
