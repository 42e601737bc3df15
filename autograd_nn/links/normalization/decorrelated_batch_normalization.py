"""Batch normalization that removes correlations, with the running averages that inference uses."""
from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from autograd_nn.config import config, get_dtype
from autograd_nn.dtypes import is_half
from autograd_nn.functions.normalization.decorrelated_batch_normalization import (
    decorrelated_batch_normalization,
    fixed_decorrelated_batch_normalization,
)
from autograd_nn.link import Link
from autograd_nn.serializer import AbstractSerializer, Deserializer
from autograd_nn.types import ArrayLike, DTypeLike
from autograd_nn.variable import Variable


class DecorrelatedBatchNormalization(Link):
    """Gives channels mean 0, variance 1, and no correlation within their group.

    In training (``config.train``) the statistics are those of the batch, and their running averages are kept; at
    inference, and while the link is frozen (see `Link.freeze`), those averages are used. There are no scales and shifts
    to learn: `Scale` has them.

    Huang et al., Decorrelated batch normalization (2018), https://arxiv.org/abs/1804.08450.

    Args:
        size: The number C of channels.
        groups: The number of equal parts of channels that are whitened separately.
        decay: How much of the running averages each batch leaves.
        eps: Added to the eigenvalues of the covariance.
        dtype: The dtype of the averages, which is at least float32.

    Attributes:
        avg_mean: The running mean, of shape (groups, C / groups): an array, saved with the link.
        avg_projection: The running average of the matrices that groups are multiplied by, of shape (groups, C / groups,
            C / groups): an array, saved with the link.
        N: The number of batches of fine-tuning so far, saved with the link.
        groups: As given.
        decay: As given.
        eps: As given.

    Raises:
        ValueError: `size` is no multiple of `groups`.

    Example:
        >>> import numpy as np, autograd_nn.links as L
        >>> layer = L.DecorrelatedBatchNormalization(4, groups=2)
        >>> y = layer(np.random.randn(10, 4, 5).astype('f')).array[:, :2]
        >>> abs((y[:, 0] * y[:, 1]).mean()) < 1e-4
        np.True_
    """

    avg_mean: Any
    avg_projection: Any

    def __init__(self, size: int, groups: int = 16, decay: float = 0.9, eps: float = 2e-5,
                 dtype: DTypeLike = np.float32) -> None:
        super().__init__()
        if groups < 1 or size % groups:
            raise ValueError('DecorrelatedBatchNormalization: expected size to be a multiple of groups, '
                             f'got {size} and {groups}')
        dtype = get_dtype(dtype, np.float32)
        dtype = np.dtype(np.float32) if is_half(dtype) else dtype
        channels = size // groups
        self.add_persistent('avg_mean', np.zeros((groups, channels), dtype))
        self.add_persistent('avg_projection', np.tile(np.eye(channels, dtype=dtype), (groups, 1, 1)))
        self.add_persistent('N', 0)
        self.groups = groups
        self.decay = decay
        self.eps = eps

    @property
    def printable_specs(self) -> Iterable[tuple[str, Any]]:
        return [('size', self.avg_mean.size), ('groups', self.groups), ('decay', self.decay), ('eps', self.eps),
                ('dtype', self.avg_mean.dtype)]

    def serialize(self, serializer: AbstractSerializer) -> None:
        """Saves or loads (see `Link.serialize`); loads averages without groups, of early versions of Chainer,
        too."""
        super().serialize(_Repeating(serializer) if isinstance(serializer, Deserializer) else serializer)

    def forward(self, x: ArrayLike, *, finetune: bool = False) -> Variable:
        """Applies the layer.

        Args:
            x: Input of shape (N, C, ...), floating point.
            finetune: In training, make the running averages those of all batches since `start_finetuning`, each with
                the same weight.

        Returns:
            Output of the shape of `x`.
        """
        if self.frozen or not config.train:
            return fixed_decorrelated_batch_normalization(x, self.avg_mean, self.avg_projection, self.groups)
        decay = self.decay
        if finetune:
            if not config.in_recomputing:
                self.N += 1
            decay = 1 - 1 / self.N
        return decorrelated_batch_normalization(x, groups=self.groups, eps=self.eps, running_mean=self.avg_mean,
                                                running_projection=self.avg_projection, decay=decay)

    def start_finetuning(self) -> None:
        """Makes the next calls with ``finetune=True`` begin the running averages anew."""
        self.N = 0


class _Repeating(Deserializer):
    """Loads averages that early files have once, for all groups together."""

    def __init__(self, base: Deserializer) -> None:
        self.base = base

    def __getitem__(self, key: str) -> AbstractSerializer:
        return self.base[key]

    def __call__(self, key: str, value: Any) -> Any:
        stored = self.base(key, None) if key in ('avg_mean', 'avg_projection') else None
        if stored is None or stored.shape != value.shape[1:]:
            return self.base(key, value)
        if len(value) > 1:
            warnings.warn('DecorrelatedBatchNormalization: the file is of a Chainer before version 7, which averaged '
                          f'over groups; each of {len(value)} has the same {key} now', stacklevel=2)
        self.base(key, value[0])
        value[...] = value[0]
        return value
