"""The multilayer perceptron."""
from __future__ import annotations

from typing import Any

from autograd_nn.models.registry import register

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn.link import Chain
from autograd_nn.variable import Variable


@register('mlp', input_shape=(1, 28, 28))
class MLP(Chain):
    """A multilayer perceptron: two hidden layers of rectified units.

    1,796,010 parameters for images of 28 x 28 pixels, 1000 units and 10 classes. Reference: D. E. Rumelhart,
    G. E. Hinton, R. J. Williams, Learning representations by back-propagating errors, Nature 323, 1986.

    Args:
        num_classes: The number of outputs.
        units: The number of units in each hidden layer.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import MLP
        >>> MLP()(np.zeros((2, 1, 28, 28), 'f')).shape
        (2, 10)
    """

    def __init__(self, num_classes: int = 10, units: int = 1000) -> None:
        super().__init__()
        with self.init_scope():
            self.l1 = L.Linear(None, units)
            self.l2 = L.Linear(units, units)
            self.l3 = L.Linear(units, num_classes)

    def forward(self, x: Any) -> Variable:
        """Computes logits of shape (N, num_classes) from samples of any shape (N, ...)."""
        h = F.relu(self.l1(x))
        h = F.relu(self.l2(h))
        return self.l3(h)
