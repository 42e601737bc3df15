"""Batch normalization that is corrected towards the running averages."""
from __future__ import annotations

from typing import Any

from autograd_nn.functions.normalization.batch_renormalization import batch_renormalization
from autograd_nn.links.normalization.normalization import BatchNormalization
from autograd_nn.sequential import fusible
from autograd_nn.types import Activation, ArrayLike, DTypeLike, InitializerLike
from autograd_nn.variable import Variable


class BatchRenormalization(BatchNormalization):
    """`BatchNormalization` that in training, too, normalises by the running averages, within limits.

    So the result for a sample depends less on the others of its batch, which may be small or of one kind. Usually the
    limits are set a while after the beginning and grow from there: `rmax` from 1 to 3, and `dmax` from 0 to 5.

    Ioffe, Batch renormalization (2017), https://arxiv.org/abs/1702.03275.

    Args:
        size: The number of channels, or the shape of the statistics; None settles it in the first call.
        rmax: The limit of the correction of the scale, at least 1.
        dmax: The limit of the correction of the mean, at least 0.
        decay: How much of the running averages each batch leaves.
        eps: Added to the variance.
        dtype: The dtype of parameters and averages, of which the latter are at least float32; ``config.dtype`` by
            default.
        use_gamma: Whether to scale.
        use_beta: Whether to shift.
        initial_gamma: Initial scale; 1 by default.
        initial_beta: Initial shift; 0 by default.
        initial_avg_mean: Initial running mean; 0 by default.
        initial_avg_var: Initial running variance; 1 by default.

    Attributes:
        rmax: As given; may be set at any time, and so may `dmax`.
        dmax: As given.

    Example:
        >>> import numpy as np, autograd_nn as ann, autograd_nn.links as L
        >>> layer = L.BatchRenormalization(3, rmax=3, dmax=5)
        >>> x = np.random.randn(10, 3).astype('f')
        >>> with ann.using_config('train', False):
        ...     expected = layer(x)
        >>> np.allclose(layer(x).array, expected.array, atol=1e-5)
        True
    """

    def __init__(self, size: int | tuple[int, ...] | None = None, rmax: float = 1, dmax: float = 0, decay: float = 0.9,
                 eps: float = 2e-5, dtype: DTypeLike | None = None, use_gamma: bool = True, use_beta: bool = True,
                 initial_gamma: InitializerLike = None, initial_beta: InitializerLike = None,
                 initial_avg_mean: InitializerLike = None, initial_avg_var: InitializerLike = None) -> None:
        super().__init__(size, decay, eps, dtype, use_gamma, use_beta, initial_gamma, initial_beta,
                         initial_avg_mean=initial_avg_mean, initial_avg_var=initial_avg_var)
        self.rmax = rmax
        self.dmax = dmax

    @property
    def printable_specs(self) -> list[tuple[str, Any]]:
        size, *others = super().printable_specs
        return [size, ('rmax', self.rmax), ('dmax', self.dmax), *others]

    @fusible(BatchNormalization._absorb, is_affine=True)
    def forward(self, x: ArrayLike, finetune: bool = False, *, residual: ArrayLike | None = None,
                activation: Activation | None = None) -> Variable:
        """Applies the layer; the arguments are those of `BatchNormalization`."""
        return super().forward(x, finetune=finetune, residual=residual, activation=activation)

    def _normalize(self, x: ArrayLike, gamma: ArrayLike, beta: ArrayLike, decay: float, **options: Any) -> Variable:
        return batch_renormalization(x, gamma, beta, self.rmax, self.dmax, self.eps, self.avg_mean, self.avg_var, decay,
                                     update_statistics=True, **options)
