"""Learning a few samples by heart."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd_nn as ann
from autograd_nn import optimizers


def overfit(network: Any, compute_loss: Callable[[], Any], steps: int, rate: float = 1e-3, enough: float = 0.,
            averages: int = 30) -> float:
    """Trains a network on the same samples again and again; returns the last loss.

    Args:
        network: The network.
        compute_loss: Computes its loss for the samples.
        steps: How many updates there are at most.
        rate: The learning rate of Adam.
        enough: Below which loss there are no more.
        averages: How often the samples are seen afterwards, so that the averages of batch normalization, which lag
            behind weights that change fast, are theirs.
    """
    optimizer = optimizers.Adam(rate).setup(network)
    for _ in range(steps):
        loss = compute_loss()
        if loss.item() < enough:
            break  # with the weights that this was computed with
        network.cleargrads()
        loss.backward()
        optimizer.update()
    with ann.no_backprop_mode():
        for _ in range(averages):
            compute_loss()
    return loss.item()
