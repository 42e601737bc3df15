"""Normalizations and scales multiplied into the weights of the layers before them."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import autograd_nn.links as L
from autograd_nn.caffe.layers.normalization import BatchNorm, Scale
from autograd_nn.caffe.plan import Step
from autograd_nn.link import Chain
from autograd_nn.sequential import fusion_of
from autograd_nn.variable import Parameter


def fold_into_products(chain: Chain, steps: Sequence[Step]) -> list[Step]:
    """Multiplies normalizations and scales that follow a convolution or a fully connected layer into its weights.

    Args:
        chain: The network, whose children are changed and removed.
        steps: Its layers.

    Returns:
        The layers that are left.
    """
    left: list[Step] = []
    for i, step in enumerate(steps):
        before = left[-1] if left else None
        if before is not None and _follows_alone(before, step, steps[i + 1:]) and _fold(chain, before, step):
            left[-1] = replace(before, tops=step.tops, loss_weights=step.loss_weights)
            delattr(chain, step.layer)  # type: ignore[arg-type]
        else:
            left.append(step)
    return left


def _follows_alone(before: Step, step: Step, later: Sequence[Step]) -> bool:
    """Whether a layer takes what the one before made, and nobody else does."""
    if len(before.tops) != 1 or step.bottoms != before.tops or len(step.tops) != 1 or before.loss_weights:
        return False
    if step.tops == step.bottoms:
        return True
    for other in later:
        if before.tops[0] in other.bottoms:
            return False
        if before.tops[0] in other.tops:
            break
    return True


def _fold(chain: Chain, before: Step, step: Step) -> bool:
    """Multiplies a layer into the weights of the one before if it can be done; tells whether it has."""
    if not isinstance(before.layer, str) or not isinstance(step.layer, str):
        return False
    product: Any = chain[before.layer]
    channels = getattr(product, 'out_channels', getattr(product, 'out_size', None))
    affine = None if channels is None or fusion_of(product) is None else _affine(chain[step.layer], channels)
    # A normalization has its channels along axis 1.
    if affine is None or not product.W.is_initialized or getattr(product, 'axis', 1) != 1:
        return False
    factor, shift = affine
    W = product.W.array
    if isinstance(product, L.DeconvolutionND):
        # Its filters have the shape (C, K / groups, *kernel).
        groups = product.groups
        parts = W.reshape(groups, W.shape[0] // groups, *W.shape[1:])
        W = (parts * factor.reshape(groups, 1, -1, *[1] * (W.ndim - 2))).reshape(W.shape)
    else:
        W = W * factor.reshape(-1, *[1] * (W.ndim - 1))
    b = shift if product.b is None else product.b.array * factor + shift
    with product.init_scope():
        product.W, product.b = Parameter(W), Parameter(b)
    return True


def _affine(link: Any, channels: int) -> tuple[Any, Any] | None:
    """What a link multiplies each channel by and then adds, None if it does not work like that."""
    if isinstance(link, BatchNorm):
        agreed = fusion_of(link) is not None and link.has_averages_of(channels)
        return link.scale_and_shift() if agreed else None
    if isinstance(link, Scale) and link.is_per_channel(channels):
        W = link.W.array
        return W, link.bias.b.array if link.has_bias else W * 0
    return None
