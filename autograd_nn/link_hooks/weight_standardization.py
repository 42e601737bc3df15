"""Weight standardization: filters with mean 0 and variance 1."""
from __future__ import annotations

import math

from autograd_nn.functions.array.shape import reshape
from autograd_nn.functions.normalization.layer_normalization import layer_normalization
from autograd_nn.link import Link
from autograd_nn.link_hooks.weight_hook import WeightHook
from autograd_nn.variable import Variable


class WeightStandardization(WeightHook):
    """A hook that lets a link compute with weights that have mean 0 and variance 1 for each entry of the first axis.

    In a convolution these are the filters of an output channel. With `GroupNormalization` behind it, a network learns
    from small batches as well as with `BatchNormalization` from large ones.

    Qiao et al., Weight standardization (2019), https://arxiv.org/abs/1903.10520.

    Args:
        eps: Added to the variance.
        weight_name: The link's attribute that is the weight, of two axes or more.
        name: The name of the hook.

    Raises:
        ValueError: In `add_hook`: there is no such weight; in calls: it has one axis.

    Example:
        >>> import numpy as np, autograd_nn as ann, autograd_nn.links as L
        >>> layer = L.Convolution2D(3, 5, 3, initialW=7).add_hook(ann.link_hooks.WeightStandardization())
        >>> abs(layer(np.ones((1, 3, 9, 9), 'f')).array).max()
        np.float32(0.0)
    """

    name = 'WeightStandardization'

    def __init__(self, *, eps: float = 1e-5, weight_name: str = 'W', name: str | None = None) -> None:
        super().__init__(weight_name, name)
        self.eps = eps

    def normalize_weight(self, link: Link) -> Variable:
        """What takes the place of the weight."""
        weight = getattr(link, self.weight_name)
        if weight.ndim < 2:
            raise ValueError(f'{self.name}: expected a weight of two axes or more, got {self.weight_name} of shape '
                             f'{weight.shape}')
        rows = reshape(weight, (len(weight), math.prod(weight.shape[1:])))
        one = weight.xp.ones(rows.shape[1], weight.dtype)
        return reshape(layer_normalization(rows, one, one - one, self.eps), weight.shape)
