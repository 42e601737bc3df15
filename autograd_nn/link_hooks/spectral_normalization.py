"""Spectral normalization: weights whose largest singular value is 1."""
from __future__ import annotations

from typing import Any

import numpy as np

from autograd_nn.backend import copyto
from autograd_nn.config import config
from autograd_nn.functions.array.shape import moveaxis, reshape
from autograd_nn.functions.math.matrix_product import matmul
from autograd_nn.functions.precision import cast
from autograd_nn.functions.single_precision import widened
from autograd_nn.functions.util.forget import once
from autograd_nn.initializers import Constant
from autograd_nn.link_hooks.weight_hook import WeightHook
from autograd_nn.links.connection.convolution import DeconvolutionND
from autograd_nn.types import Array
from autograd_nn.variable import Variable, as_variable


class SpectralNormalization(WeightHook):
    """A hook that lets a link compute with its weight divided by the largest singular value.

    So the link as a function grows at most as fast as its input: what discriminators of adversarial networks are made
    of. The weight is taken as a matrix whose rows are those of the outputs. Its largest singular value is estimated by
    power iteration, which goes on from call to call; in training it is kept, with the link, how far it came. A
    weight of zeros, which has no such value to divide by, stays as it is.

    It serves `Linear`, `EmbedID` and all convolutions and transposed convolutions, and other links with a parameter
    that `weight_name` names. Add it before the optimizer is set up, if there is a `gamma` to learn.

    Miyato et al., Spectral normalization for generative adversarial networks (2018), https://arxiv.org/abs/1802.05957.

    Args:
        n_power_iteration: The number of steps of the iteration in each call.
        eps: Added to the lengths of vectors that are divided by them.
        use_gamma: Whether to multiply by a parameter `gamma`, of shape (), that begins as the singular value, or as 1
            if that is 0.
        factor: A number to multiply by; None for none.
        weight_name: The link's attribute that is the weight.
        name: The name of the hook.

    Attributes:
        vector_name: The name of the vector, an array that is saved with the link, from which the iteration goes on:
            ``'W_u'``.
        axis: The axis of the weight that is that of the outputs: 1 in transposed convolutions, 0 elsewhere; None before
            the hook was added to a link.

    Raises:
        ValueError: `n_power_iteration` is not positive; in `add_hook`: there is no such weight, or something of the
            name of what is to be added.

    Example:
        >>> import numpy as np, autograd_nn as ann, autograd_nn.links as L
        >>> layer = L.Convolution2D(None, 5, 3).add_hook(ann.link_hooks.SpectralNormalization(n_power_iteration=20))
        >>> y = layer(np.random.randn(1, 3, 9, 9).astype('f'))
        >>> W = layer.local_link_hooks['SpectralNormalization'].normalize_weight(layer).array
        >>> np.allclose(np.linalg.norm(W.reshape(5, -1), 2), 1, atol=1e-2), layer.W_u.shape
        (True, (5,))
    """

    name = 'SpectralNormalization'

    def __init__(self, n_power_iteration: int = 1, eps: float = 1e-6, use_gamma: bool = False,
                 factor: float | None = None, weight_name: str = 'W', name: str | None = None) -> None:
        super().__init__(weight_name, name)
        if n_power_iteration < 1:
            raise ValueError(f'SpectralNormalization: expected n_power_iteration of 1 or more, got {n_power_iteration}')
        self.n_power_iteration = n_power_iteration
        self.eps = eps
        self.use_gamma = use_gamma
        self.factor = factor
        self.vector_name = f'{weight_name}_u'
        self.axis: int | None = None

    def added(self, link: Any) -> None:
        super().added(link)
        weight = getattr(link, self.weight_name)
        axis = 1 if isinstance(link, DeconvolutionND) else 0
        if self.axis not in (None, axis):
            raise ValueError(f'{self.name}: the outputs are along axis {axis} in {type(link).__name__}, and along axis '
                             f'{self.axis} in the link that has this hook already: make another hook')
        self.axis = axis
        for name in (self.vector_name, 'gamma')[:1 + self.use_gamma]:
            if hasattr(link, name):
                raise ValueError(f'{self.name}: {type(link).__name__} has an attribute {name!r} already')
        if weight.is_initialized and not weight.shape[axis]:
            raise ValueError(f'{self.name}: expected outputs, got {self.weight_name} of shape {weight.shape}')
        # They are there from the beginning, so that a file may be loaded before the weight has a shape.
        link.add_persistent(self.vector_name, None)
        if self.use_gamma:
            link.add_param('gamma', initializer=Constant(1, weight.dtype))
        if weight.is_initialized:
            self._prepare(link)

    def deleted(self, link: Any) -> None:
        delattr(link, self.vector_name)
        if self.use_gamma:
            del link.gamma

    def _prepare(self, link: Any) -> None:
        """Fills what was added to the link, if nothing has been loaded into it."""
        weight = getattr(link, self.weight_name)
        if getattr(link, self.vector_name) is None:
            u = np.random.normal(size=weight.shape[self.axis]).astype(weight.dtype)
            setattr(link, self.vector_name, link.device.send(u))
        if self.use_gamma and not link.gamma.is_initialized:
            matrix = self._as_matrix(*widened(as_variable(weight.array))).array
            largest = link.xp.linalg.svd(matrix, compute_uv=False).max()
            link.gamma.initializer = link.xp.asarray(largest + _one_if_zero(largest), weight.dtype)
            link.gamma.initialize(())

    def _as_matrix(self, W: Variable) -> Variable:
        """The weight with one row for each output."""
        return reshape(moveaxis(W, 1, 0) if self.axis else W, (W.shape[self.axis or 0], -1))

    def normalize_weight(self, link: Any) -> Variable:
        """What takes the place of the weight; in training, the iteration goes on."""
        self._prepare(link)
        weight = getattr(link, self.weight_name)
        wide, = widened(weight)
        matrix = self._as_matrix(wide)
        u, v = once(lambda: self._iterate(link, matrix.array))
        sigma = matmul(matmul(u, matrix), v)
        factor = 1 if self.factor is None else self.factor
        scale = factor / (sigma + _one_if_zero(sigma.array))
        if self.use_gamma:
            scale = cast(link.gamma, wide.dtype) * scale
        return cast(wide * scale, weight.dtype)

    def _iterate(self, link: Any, matrix: Array) -> tuple[Array, Array]:
        """The left and the right singular vector, of length 1, as far as they are known."""
        kept = getattr(link, self.vector_name)
        u = kept.astype(matrix.dtype)
        for _ in range(self.n_power_iteration):
            v = self._to_unit_length(u @ matrix)
            u = self._to_unit_length(matrix @ v)
        if config.train and not link.frozen:
            # Of a weight of zeros there is nothing to learn, and from a vector of zeros no way back.
            copyto(kept, link.xp.where(u.any(), u, kept).astype(kept.dtype, copy=False))
        return u, v

    def _to_unit_length(self, v: Array) -> Array:
        return v / ((v * v).sum() ** 0.5 + self.eps)


def _one_if_zero(x: Array) -> Array:
    """What to add to a number that is divided by: 1 to 0, and 0 to all others."""
    return (x == 0).astype(x.dtype)
