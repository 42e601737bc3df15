"""Running averages that are computed anew: those of batch normalization, for weights that no update has made."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from autograd_nn.config import no_backprop_mode, using_config
from autograd_nn.dataset.convert import call_with_batch
from autograd_nn.link import Link


def recompute_statistics(model: Link, batches: Iterable[Any]) -> int:
    """Computes the running averages of all batch normalizations anew, as the means over some batches.

    Where weights are changed by other means than training (averaged, pruned, quantized), the averages are still those
    of the old ones. The batches go through the model in training mode and without a graph; nothing else changes.

    Args:
        model: The model, which is called with each batch.
        batches: Arrays, or tuples or dictionaries of these, on the model's device; at least one.

    Returns:
        How many layers have such averages. If there are none, no batch is looked at.

    Example:
        >>> import numpy as np, autograd_nn.links as L
        >>> from autograd_nn.training.statistics import recompute_statistics
        >>> layer = L.BatchNormalization(1)
        >>> recompute_statistics(layer, [np.array([[1.], [3.]], 'f'), np.array([[5.], [7.]], 'f')])
        1
        >>> layer.avg_mean, layer.decay
        (array([4.], dtype=float32), 0.9)
    """
    layers: list[Any] = [link for link in model.links() if hasattr(link, 'start_finetuning')]
    decays = [layer.decay for layer in layers]
    try:
        with using_config('train', True), no_backprop_mode():
            for count, batch in enumerate(batches if layers else ()):
                for layer in layers:
                    layer.decay = count / (count + 1)
                call_with_batch(model, batch)
    finally:
        for layer, decay in zip(layers, decays):
            layer.decay = decay
    return len(layers)
