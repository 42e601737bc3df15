"""Normalization with trained scales and shifts, and the running averages that inference uses."""
from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from autograd_nn import variable
from autograd_nn.config import MixedPrecision, config, get_dtype
from autograd_nn.dtypes import is_half
from autograd_nn.functions.activation.rectifier import relu
from autograd_nn.functions.normalization.batch_normalization import batch_normalization, fixed_batch_normalization
from autograd_nn.functions.normalization.layer_normalization import group_normalization, layer_normalization
from autograd_nn.initializers import generate_array, get_initializer
from autograd_nn.link import Link
from autograd_nn.links.shortcut import Shortcut
from autograd_nn.sequential import fusible
from autograd_nn.types import Activation, ArrayLike, Axis, DTypeLike, InitializerLike
from autograd_nn.variable import Variable


class BatchNormalization(Link):
    """Normalises each channel over the batch to mean 0 and variance 1, then scales and shifts it.

    In training (``config.train``) the statistics are those of the batch, and their running averages are kept; at
    inference, and while the link is frozen (see `Link.freeze`), those averages are used.

    Ioffe and Szegedy, Batch normalization (2015), https://arxiv.org/abs/1502.03167.

    Args:
        size: The number of channels, or the shape of the statistics; None settles it in the first call.
        decay: How much of the running averages each batch leaves.
        eps: Added to the variance.
        dtype: The dtype of parameters and averages, of which the latter are at least float32; ``config.dtype`` by
            default.
        use_gamma: Whether to scale.
        use_beta: Whether to shift.
        initial_gamma: Initial scale; 1 by default.
        initial_beta: Initial shift; 0 by default.
        axis: The axes of the batch; by default all but those of `size` from axis 1 on, and all but axis 1 where the
            size is not given.
        initial_avg_mean: Initial running mean; 0 by default.
        initial_avg_var: Initial running variance; 1 by default.

    Attributes:
        gamma: The scale, or None.
        beta: The shift, or None.
        avg_mean: The running mean: an array, saved with the link.
        avg_var: The running, unbiased variance: an array, saved with the link.
        N: The number of batches of fine-tuning so far, saved with the link.
        decay: As given.
        eps: As given.

    Example:
        >>> import numpy as np, autograd_nn as ann, autograd_nn.links as L
        >>> layer, x = L.BatchNormalization(3), np.random.randn(10, 3, 4, 4).astype('f')
        >>> abs(layer(x).array.mean(axis=(0, 2, 3))).max() < 1e-5
        np.True_
        >>> with ann.using_config('train', False):
        ...     y = layer(x)
    """

    avg_mean: Any
    avg_var: Any
    N: int

    def __init__(self, size: int | tuple[int, ...] | None = None, decay: float = 0.9, eps: float = 2e-5,
                 dtype: DTypeLike | None = None, use_gamma: bool = True, use_beta: bool = True,
                 initial_gamma: InitializerLike = None, initial_beta: InitializerLike = None, axis: Axis = None,
                 initial_avg_mean: InitializerLike = None, initial_avg_var: InitializerLike = None) -> None:
        super().__init__()
        self.decay = decay
        self.eps = eps
        self.axis = axis if axis is None else tuple(axis) if isinstance(axis, Iterable) else (axis,)
        self.dtype = get_dtype(dtype, np.float32)
        # The variance of numbers in half precision may be out of its range.
        averages_dtype = np.dtype(np.float32) if is_half(self.dtype) else self.dtype
        self._initial_averages = [get_initializer(default if given is None else given, averages_dtype)
                                  for given, default in ((initial_avg_mean, 0), (initial_avg_var, 1))]
        with self.init_scope():
            self.gamma = variable.Parameter(get_initializer(1 if initial_gamma is None else initial_gamma,
                                                            self.dtype)) if use_gamma else None
            self.beta = variable.Parameter(get_initializer(0 if initial_beta is None else initial_beta,
                                                           self.dtype)) if use_beta else None
        self.add_persistent('avg_mean', None)
        self.add_persistent('avg_var', None)
        self.add_persistent('N', 0)
        if size is not None:
            self._initialize_params(tuple(size) if isinstance(size, Iterable) else (size,))

    def _initialize_params(self, shape: tuple[int, ...]) -> None:
        for param in self.gamma, self.beta:
            if param is not None:
                param.initialize(shape)
        if self.avg_mean is None:
            self.avg_mean, self.avg_var = (generate_array(initializer, shape, device=self.device)
                                           for initializer in self._initial_averages)

    @property
    def printable_specs(self) -> Iterable[tuple[str, Any]]:
        shape = None if self.avg_mean is None else self.avg_mean.shape
        specs = [('size', shape[0] if shape is not None and len(shape) == 1 else shape), ('decay', self.decay),
                 ('eps', self.eps), ('dtype', self.dtype), ('use_gamma', self.gamma is not None),
                 ('use_beta', self.beta is not None)]
        return specs if self.axis is None else [*specs, ('axis', self.axis)]

    def _absorb(self, following: Sequence[Callable[..., Any]]) -> tuple[int, dict[str, Any]]:
        """Takes over a `Shortcut` and `relu`."""
        options: dict[str, Any] = {}
        rest = iter(following)
        layer = next(rest, None)
        if type(layer) is Shortcut:
            options['residual'] = layer.x
            layer = next(rest, None)
        if layer is relu:
            options['activation'] = relu
        return len(options), options

    def has_averages_of(self, channels: int) -> bool:
        """Whether its running averages are those of images with that many channels."""
        return self.axis is None and self.avg_mean is not None and self.avg_mean.shape == (channels,)

    def scale_and_shift(self) -> tuple[Any, Any]:
        """What normalization by the running averages multiplies by and then adds: arrays of the shape of `avg_mean`."""
        scale = 1 / self.xp.sqrt(self.avg_var + self.eps)
        if self.gamma is not None:
            scale *= self.gamma.array
        shift = -self.avg_mean * scale
        if self.beta is not None:
            shift += self.beta.array
        return scale, shift

    @fusible(_absorb, is_affine=True)
    def forward(self, x: ArrayLike, *, finetune: bool = False, residual: ArrayLike | None = None,
                activation: Activation | None = None) -> Variable:
        """Applies the layer.

        Args:
            x: Input of shape (N, C, ...), floating point.
            finetune: In training, make the running averages those of all batches since `start_finetuning`, each with
                the same weight.
            residual: What is added to the output, of its shape, or None.
            activation: `functions.relu`, to be computed with the layer in one kernel, or None.

        Returns:
            Output of the shape of `x`.
        """
        if self.avg_mean is None or (self.gamma is not None and not self.gamma.is_initialized) or (
                self.beta is not None and not self.beta.is_initialized):
            batch_axes = (0, *range(2, x.ndim)) if self.axis is None else [i % x.ndim for i in self.axis]
            self._initialize_params(tuple(n for i, n in enumerate(x.shape) if i not in batch_axes))
        gamma = self.xp.ones_like(self.avg_mean) if self.gamma is None else self.gamma
        beta = self.xp.zeros_like(self.avg_mean) if self.beta is None else self.beta
        if self.frozen or not config.train:
            return fixed_batch_normalization(x, gamma, beta, self.avg_mean, self.avg_var, self.eps, self.axis,
                                             residual=residual, activation=activation)
        decay = self.decay
        if finetune:
            if not config.in_recomputing:
                self.N += 1
            decay = 1 - 1 / self.N
        return self._normalize(x, gamma, beta, decay, residual=residual, activation=activation)

    def _normalize(self, x: ArrayLike, gamma: ArrayLike, beta: ArrayLike, decay: float, **options: Any) -> Variable:
        """Normalizes by the batch and moves the running averages."""
        return batch_normalization(x, gamma, beta, self.eps, self.avg_mean, self.avg_var, decay, self.axis, **options)

    def start_finetuning(self) -> None:
        """Makes the next calls with ``finetune=True`` begin the running averages anew."""
        self.N = 0


class LayerNormalization(Link):
    """Normalises the features of each sample to mean 0 and variance 1, then scales and shifts each feature.

    Ba et al., Layer normalization (2016), https://arxiv.org/abs/1607.06450.

    Args:
        size: The number of features; None settles it in the first call.
        eps: Added to the variance.
        initial_gamma: Initial scale; 1 by default.
        initial_beta: Initial shift; 0 by default.

    Attributes:
        gamma: The scale, of shape (size,).
        beta: The shift, of shape (size,).
        eps: As given.
    """

    def __init__(self, size: int | None = None, eps: float = 1e-6, initial_gamma: InitializerLike = None,
                 initial_beta: InitializerLike = None) -> None:
        super().__init__()
        self.eps = eps
        with self.init_scope():
            self.gamma = variable.Parameter(_precise(1 if initial_gamma is None else initial_gamma))
            self.beta = variable.Parameter(_precise(0 if initial_beta is None else initial_beta))
        if size is not None:
            self._initialize_params(size)

    def _initialize_params(self, size: int) -> None:
        self.gamma.initialize(size)
        self.beta.initialize(size)

    @property
    def printable_specs(self) -> Iterable[tuple[str, Any]]:
        return [('size', None if not self.gamma.is_initialized else len(self.gamma)), ('eps', self.eps)]

    def forward(self, x: ArrayLike) -> Variable:
        """Applies the layer to an input of shape (N, size)."""
        if not self.gamma.is_initialized:
            self._initialize_params(math.prod(x.shape[1:]))
        return layer_normalization(x, self.gamma, self.beta, self.eps)


class GroupNormalization(Link):
    """Normalises groups of channels of each sample to mean 0 and variance 1, then scales and shifts each channel.

    Wu and He, Group normalization (2018), https://arxiv.org/abs/1803.08494.

    Args:
        groups: The number of groups, a divisor of the number of channels.
        size: The number of channels; None settles it in the first call.
        eps: Added to the variance.
        initial_gamma: Initial scale; 1 by default.
        initial_beta: Initial shift; 0 by default.

    Attributes:
        gamma: The scale, of shape (size,).
        beta: The shift, of shape (size,).
        groups: As given.
        eps: As given.
    """

    def __init__(self, groups: int, size: int | None = None, eps: float = 1e-5, initial_gamma: InitializerLike = None,
                 initial_beta: InitializerLike = None) -> None:
        super().__init__()
        self.groups = groups
        self.eps = eps
        with self.init_scope():
            self.gamma = variable.Parameter(_precise(1 if initial_gamma is None else initial_gamma))
            self.beta = variable.Parameter(_precise(0 if initial_beta is None else initial_beta))
        if size is not None:
            self._initialize_params(size)

    def _initialize_params(self, size: int) -> None:
        self.gamma.initialize(size)
        self.beta.initialize(size)

    @property
    def printable_specs(self) -> Iterable[tuple[str, Any]]:
        return [('groups', self.groups), ('size', None if not self.gamma.is_initialized else len(self.gamma)),
                ('eps', self.eps)]

    def forward(self, x: ArrayLike) -> Variable:
        """Applies the layer to an input of shape (N, size, ...)."""
        if not self.gamma.is_initialized:
            self._initialize_params(x.shape[1])
        return group_normalization(x, self.groups, self.gamma, self.beta, self.eps)


def _precise(initializer: InitializerLike) -> Any:
    """An initializer of parameters that are float32 in mixed precision."""
    return get_initializer(initializer, np.float32 if isinstance(config.dtype, MixedPrecision) else None)
