"""How good features are: what a linear classifier makes of them."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import optimizer_hooks, optimizers
from autograd_nn.config import using_config


@dataclass
class LinearProbe:
    """A linear classifier of features.

    Attributes:
        W: Weights, shape (classes, D), float32.
        b: Biases, shape (classes,), float32.
    """

    W: np.ndarray
    b: np.ndarray

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Computes logits, shape (N, classes), from features, shape (N, D)."""
        return features @ self.W.T + self.b


def fit_probe(features: np.ndarray, labels: np.ndarray, classes: int, decay: float = 0.1,
              steps: int = 200) -> LinearProbe:
    """Fits a linear classifier: softmax regression of features of mean 0, all scaled by one number to variance 1.

    Reference: G. Alain, Y. Bengio, Understanding intermediate layers using linear classifier probes, 2016,
    https://arxiv.org/abs/1610.01644.

    Args:
        features: Shape (N, D), floating-point.
        labels: The classes, integers of shape (N,).
        classes: How many there are.
        decay: How strongly weights are pulled toward zero: the fewer labels, the more they should be.
        steps: The number of updates, each with all samples.

    Returns:
        The classifier, which takes features as they are.

    Raises:
        ValueError: Shapes do not fit, or there are no samples.

    Example:
        >>> import numpy as np
        >>> x = np.array([[0., 5.], [1., 5.], [4., 5.], [5., 5.]])
        >>> fit_probe(x, np.array([0, 0, 1, 1]), 2)(x).argmax(axis=1)
        array([0, 0, 1, 1])
    """
    if features.ndim != 2 or not len(features) or labels.shape != features.shape[:1]:
        raise ValueError('fit_probe: expected features of shape (N, D) and labels of shape (N,), '
                         f'got {features.shape} and {labels.shape}')
    # Of a few samples, the variances of single features say little.
    mean, std = features.mean(axis=0), max(float(features.var(axis=0).mean() ** 0.5), 1e-6)
    x, t = ((features - mean) / std).astype(np.float32), labels.astype(np.int32)
    layer: Any = L.Linear(x.shape[1], classes, initialW=0)
    optimizer = optimizers.Adam(0.02).setup(layer)
    layer.W.update_rule.add_hook(optimizer_hooks.WeightDecay(decay))
    with using_config('enable_backprop', True):
        for step in range(steps):
            optimizer.alpha = 0.01 * (1 + np.cos(np.pi * step / steps))
            optimizer.update(lambda: F.softmax_cross_entropy(layer(x), t))
    W = layer.W.array / std
    return LinearProbe(W.astype(np.float32), (layer.b.array - W @ mean).astype(np.float32))
