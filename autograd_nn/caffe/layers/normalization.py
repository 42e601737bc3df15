"""Normalization, scaling and shifting."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn.backend import get_array_module
from autograd_nn.caffe.layers.fillers import initializer
from autograd_nn.caffe.layers.registry import Layer, Specification, builder
from autograd_nn.config import config, using_config
from autograd_nn.link import Chain, Link
from autograd_nn.sequential import fusible, fusion_of
from autograd_nn.types import Array, ArrayLike, InitializerLike
from autograd_nn.variable import Parameter, Variable, as_variable


@builder('LRN')
def local_response_normalization(spec: Specification) -> Layer:
    """Normalization by the squares of neighbours: in other channels, or around a pixel in its own."""
    param = spec.lrn_param
    n = param.local_size
    if n % 2 == 0:
        raise spec.error(f'expected an odd local_size, got {n}')
    if param.norm_region == 1:
        return partial(_normalize_within_channel, n=n, alpha=param.alpha, beta=param.beta)
    return partial(F.local_response_normalization, n=n, k=param.k, alpha=param.alpha / n, beta=param.beta)


def _normalize_within_channel(x: Array, n: int, alpha: float, beta: float) -> Variable:
    x = as_variable(x)
    return x * (1 + alpha * F.average_pooling_2d(x * x, n, 1, n // 2)) ** -beta


class BatchNorm(L.BatchNormalization):
    """Batch normalization without scale and shift.

    Its running averages are Caffe's: of all batches so far, of which each weighs `decay` as much as the next.

    Args:
        size: The number of channels; None leaves it to the first call.
        use_global_stats: Whether to normalise by the running averages; None does so at inference (``config.train``).
        options: Further arguments of `links.BatchNormalization`.

    Attributes:
        N: The weight of the averages, the sum of those of the batches, saved with the link.
    """

    def __init__(self, size: int | None, use_global_stats: bool | None = None, **options: Any) -> None:
        super().__init__(size, initial_avg_var=0, **options)
        self.use_global_stats = use_global_stats
        self.N: Any = 0.

    def has_averages_of(self, channels: int) -> bool:
        """Whether it normalises images with that many channels by its running averages."""
        return self.use_global_stats is not False and super().has_averages_of(channels)

    @fusible(L.BatchNormalization._absorb, is_affine=True)
    def forward(self, x: ArrayLike, **options: Any) -> Variable:
        """Applies the layer to an input of shape (N, C, ...), with the options of `links.BatchNormalization`."""
        train = config.train if self.use_global_stats is None else not self.use_global_stats
        if train != config.train:
            with using_config('train', train):
                return self.forward(x, **options)
        if train and not self.frozen and not config.in_recomputing:
            self._age()
        return super().forward(x, finetune=train, **options)

    def _age(self) -> None:
        """Makes the averages weigh less against the next batch, which `start_finetuning` counts as 1."""
        if not self.N and self.avg_var is not None and self.avg_var.any():
            # They came without a weight: it is what that of many batches tends to.
            self.N = 1 / (1 - self.decay) if self.decay < 1 else float('inf')
        self.N *= self.decay


@builder('BatchNorm')
def batch_norm(spec: Specification) -> Layer:
    """Batch normalization with sums of means and variances in blobs 0 and 1, and what to divide them by in blob 2."""
    param = spec.batch_norm_param
    global_stats = param.use_global_stats if param.HasField('use_global_stats') else None
    if spec.like_chainer:
        global_stats = global_stats or None
    options = {'decay': param.moving_average_fraction, 'eps': param.eps, 'use_gamma': param.scale_bias,
               'use_beta': param.scale_bias}
    if spec.blobs is None:
        return BatchNorm(None, global_stats, **options)
    mean = spec.blob(0, 'means', (None,))
    link = BatchNorm(len(mean), global_stats, **options)
    var = spec.blob(1, 'variances', (len(mean),))
    count = spec.blob(2, 'the weight of the averages', (1,))[0] if len(spec.blobs) > 2 else np.float32(1)
    factor = np.float32(0 if count == 0 else 1 / count)
    link.avg_mean, link.avg_var = mean * factor, var * factor
    if len(spec.blobs) > 2:
        link.N = float(count)
    if param.scale_bias:
        assert link.gamma is not None and link.beta is not None
        spec.fill(link.gamma, 3, 'a scale', (len(mean),))
        spec.fill(link.beta, 4, 'a shift', (len(mean),))
    return link


class Scale(Chain):
    """Multiplies by an array that has some of the input's axes, and adds another.

    Args:
        axis: The first axis of the input that the arrays have.
        num_axes: How many axes they have, if the factor is not an argument; -1 for all from `axis` on.
        initialW: What fills the factor; None makes the factor the second argument of every call.
        initial_bias: What fills the bias; None for no bias.

    Attributes:
        W: The factor, if there is one.
        bias: A `Bias` with the array `b`, if there is one.
    """

    def __init__(self, axis: int = 1, num_axes: int = 1, initialW: InitializerLike = None,
                 initial_bias: InitializerLike = None) -> None:
        super().__init__()
        self.axis = axis
        self.num_axes = num_axes
        self.has_factor = initialW is not None
        self.has_bias = initial_bias is not None
        with self.init_scope():
            if initialW is not None:
                self.W = Parameter(initialW)
            if initial_bias is not None:
                self.bias = Bias(axis, num_axes, initial_bias)

    @property
    def printable_specs(self) -> Iterable[tuple[str, Any]]:
        return [('axis', self.axis), ('num_axes', self.num_axes)]

    @fusible()
    def forward(self, x: ArrayLike, *factor: ArrayLike) -> Variable:
        """Scales `x`."""
        x = as_variable(x)
        W = self.W if self.has_factor else as_variable(factor[0])
        if self.has_factor and not self.W.is_initialized:
            self.W.initialize(_shape_of(x, self.axis, self.num_axes))
        y = F.scale(x, W, self.axis % x.ndim)
        if not self.has_bias:
            return y
        if not self.bias.b.is_initialized:
            self.bias.b.initialize(W.shape)
        return self.bias(y)

    def is_per_channel(self, channels: int) -> bool:
        """Whether all it does is to apply one factor, and one summand if any, to each of so many channels."""
        links = [self, self.bias] if self.has_bias else [self]
        if self.axis != 1 or not self.has_factor or any(fusion_of(link) is None for link in links):
            return False
        params = [self.W, self.bias.b] if self.has_bias else [self.W]
        return all(param.is_initialized and param.shape == (channels,) for param in params)


class Bias(Link):
    """Adds an array that has some of the input's axes.

    Args:
        axis: The first axis of the input that the array has.
        num_axes: How many axes it has; -1 for all from `axis` on.
        initial: What fills the array; None makes it the second argument of every call.

    Attributes:
        b: The array, if there is one.
    """

    def __init__(self, axis: int = 1, num_axes: int = 1, initial: InitializerLike = None) -> None:
        super().__init__()
        self.axis = axis
        self.num_axes = num_axes
        self.has_array = initial is not None
        if initial is not None:
            with self.init_scope():
                self.b = Parameter(initial)

    @fusible()
    def forward(self, x: ArrayLike, *summand: ArrayLike) -> Variable:
        """Adds to `x`."""
        x = as_variable(x)
        if self.has_array and not self.b.is_initialized:
            self.b.initialize(_shape_of(x, self.axis, self.num_axes))
        return F.bias(x, self.b if self.has_array else summand[0], self.axis % x.ndim)


def _shape_of(x: Variable, axis: int, num_axes: int) -> tuple[int, ...]:
    start = axis % x.ndim
    return x.shape[start:] if num_axes < 0 else x.shape[start:start + num_axes]


@builder('Scale')
def scale(spec: Specification) -> Layer:
    """Multiplies by blob 0 or by the second bottom, and adds the next blob if there is to be a bias."""
    param = spec.scale_param
    has_factor = len(spec.bottom) < 2
    W = (initializer(param.filler) if param.HasField('filler') else 1) if has_factor else None
    link = Scale(param.axis, param.num_axes, W, initializer(param.bias_filler) if param.bias_term else None)
    if has_factor:
        spec.fill(link.W, 0, 'factors', _blob_shape(spec, param.num_axes, 0))
    if param.bias_term:
        # Where the factor is a bottom, the bias has the axes of that.
        axes = param.num_axes if has_factor else -1
        spec.fill(link.bias.b, int(has_factor), 'a bias', _blob_shape(spec, axes, int(has_factor)))
    return link


@builder('Bias')
def bias(spec: Specification) -> Layer:
    """Adds blob 0 or the second bottom."""
    param = spec.bias_param
    has_array = len(spec.bottom) < 2
    link = Bias(param.axis, param.num_axes, initializer(param.filler) if has_array else None)
    if has_array:
        spec.fill(link.b, 0, 'a bias', _blob_shape(spec, param.num_axes, 0))
    return link


def _blob_shape(spec: Specification, num_axes: int, index: int) -> tuple[None, ...]:
    """What is known of a blob's shape: its number of axes."""
    blobs = spec.blobs or ()
    return (None,) * (num_axes if num_axes >= 0 else blobs[index].ndim if index < len(blobs) else 1)


class ScaledNormalization(BatchNorm):
    """A `BatchNorm` and the `Scale` that follows it, in one step.

    It has no arrays of its own: what it is asked for is that of the two at the time.

    Args:
        normalization: The former, whose averages exist.
        scale: The latter, with an array for each channel.
    """

    def __init__(self, normalization: BatchNorm, scale: Scale) -> None:
        # In a tuple, as these links belong to the network.
        self.parts = normalization, scale

    def __getattr__(self, name: str) -> Any:
        if 'parts' not in self.__dict__ or name.startswith('__'):
            raise AttributeError(name)
        normalization, scale = self.parts
        if name == 'gamma':
            return scale.W
        if name == 'beta':
            return scale.bias.b if scale.has_bias else None
        return getattr(normalization, name)

    @property
    def _is_watched(self) -> bool:
        # Whether its parts are is asked before it is used.
        return False

    def has_averages_of(self, channels: int) -> bool:
        return self.parts[0].has_averages_of(channels)

    @fusible(L.BatchNormalization._absorb, is_affine=True)
    def forward(self, x: ArrayLike, **options: Any) -> Variable:
        """Applies both layers to an input of shape (N, C, ...)."""
        normalization, _ = self.parts
        self.frozen, self.N = normalization.frozen, normalization.N
        y = super().forward(x, **options)
        normalization.N = self.N
        return y


class Fold:
    """A layer and the one that follows it, in one step where they are a `BatchNorm` and its `Scale`.

    Args:
        names: The names of the network's children that they are.

    Example:
        >>> from autograd_nn.caffe.layers.normalization import BatchNorm, Fold, Scale
        >>> fold = Fold(('bn', 'scale'))
        >>> [type(link).__name__ for link in fold.resolve({'bn': BatchNorm(8), 'scale': Scale(axis=2)})]
        ['BatchNorm', 'Scale']
    """

    def __init__(self, names: tuple[str, str]) -> None:
        self.names = names
        self._folded: ScaledNormalization | None = None

    def resolve(self, links: Mapping[str, Any]) -> list[Link]:
        """What computes the two: one link, or both of them.

        Args:
            links: The network's children by name.
        """
        parts = normalization, scale = links[self.names[0]], links[self.names[1]]
        if not (isinstance(normalization, BatchNorm) and isinstance(scale, Scale) and fusion_of(normalization)
                is not None and normalization.gamma is None and normalization.avg_mean is not None
                and scale.is_per_channel(len(normalization.avg_mean))):
            return [*parts]
        if self._folded is None or self._folded.parts != parts:
            self._folded = ScaledNormalization(*parts)
        return [self._folded]


class Normalize(Link):
    """Divides by a Euclidean norm, then multiplies by factors that are learned.

    Liu et al., ParseNet: Looking wider to see better (2015), https://arxiv.org/abs/1506.04579.

    Args:
        across_spatial: Whether the norm is that of a whole sample; otherwise each position has its own, of its
            channels.
        eps: Added to the sum of squares.
        initial: What fills the factors.
        channel_shared: Whether there is one factor for all channels.

    Attributes:
        W: The factors, of shape (1,) or (C,).
    """

    def __init__(self, across_spatial: bool, eps: float, initial: InitializerLike, channel_shared: bool) -> None:
        super().__init__()
        self.across_spatial = across_spatial
        self.eps = eps
        with self.init_scope():
            self.W = Parameter(initial, (1,) if channel_shared else None)

    def forward(self, x: ArrayLike) -> Variable:
        """Applies the layer to an input of shape (N, C, ...)."""
        x = as_variable(x)
        if not self.W.is_initialized:
            self.W.initialize(x.shape[1:2])
        axes = tuple(range(1, x.ndim)) if self.across_spatial else 1
        norm = F.sqrt(F.sum(x * x, axes, keepdims=True) + self.eps)
        return x / F.broadcast_to(norm, x.shape) * F.broadcast_to(
            self.W.reshape((-1,) + (1,) * (x.ndim - 2)), x.shape)


@builder('Normalize')
def normalize(spec: Specification) -> Layer:
    """Divides by the Euclidean norm; factors lie in blob 0."""
    param = spec.norm_param
    initial = initializer(param.scale_filler) if param.HasField('scale_filler') else 1
    link = Normalize(param.across_spatial, param.eps, initial, param.channel_shared)
    spec.fill(link.W, 0, 'factors', (1 if param.channel_shared else None,))
    return link


@builder('MVN')
def mean_variance_normalization(spec: Specification) -> Layer:
    """Subtracts each channel's mean, and divides by its standard deviation; or those of the whole sample."""
    param = spec.mvn_param

    def forward(x: ArrayLike) -> Variable:
        x = as_variable(x)
        # Caffe gives the result four axes.
        x = F.reshape(x, x.shape + (1,) * (4 - x.ndim))
        axes = tuple(range(1 if param.across_channels else 2, x.ndim))
        y = x - F.broadcast_to(F.mean(x, axes, keepdims=True), x.shape)
        if not param.normalize_variance:
            return y
        # The root has no derivative at 0.
        square = F.mean(y * y, axes, keepdims=True)
        tiny = get_array_module(x.array).finfo(x.dtype).tiny
        return y / F.broadcast_to(F.sqrt(square + tiny) + param.eps, x.shape)

    return forward
