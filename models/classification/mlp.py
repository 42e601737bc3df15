"""The multilayer perceptron: fully connected layers alone."""
from __future__ import annotations

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn.models.classification.image_network import DigitNetwork
from autograd_nn.models.registry import register


@register('mlp', input_shape=(1, 28, 28))
class MLP(DigitNetwork):
    """A multilayer perceptron: two hidden layers of rectified units.

    1,796,010 parameters for images of 28 x 28 pixels, 1000 units and 10 classes. Reference: D. E. Rumelhart,
    G. E. Hinton, R. J. Williams, Learning representations by back-propagating errors, Nature 323, 1986.

    Args:
        num_classes: The number of outputs.
        units: The number of units in each hidden layer.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import MLP
        >>> model = MLP()
        >>> x = np.random.rand(2, 1, 28, 28).astype('f')
        >>> model(x).shape
        (2, 10)

        The stages have names so that `extract` can give what any of them returns. Where nothing has to be extracted,
        the same network, with the same paths of parameters, is a chain with a `forward`:

        >>> import autograd_nn as ann, autograd_nn.functions as F, autograd_nn.links as L
        >>> class Plain(ann.Chain):
        ...     def __init__(self):
        ...         super().__init__()
        ...         with self.init_scope():
        ...             self.l1 = L.Linear(784, 1000)
        ...             self.l2 = L.Linear(1000, 1000)
        ...             self.l3 = L.Linear(1000, 10)
        ...
        ...     def forward(self, x):
        ...         h = F.relu(self.l1(x))
        ...         h = F.relu(self.l2(h))
        ...         return self.l3(h)
        >>> plain = Plain()
        >>> plain.copyparams(model)
        >>> bool(np.allclose(plain(x).array, model(x).array, atol=1e-5))
        True
    """

    def __init__(self, num_classes: int = 10, units: int = 1000) -> None:
        super().__init__()
        self.add_stage('l1', L.Linear(None, units), F.relu)
        self.add_stage('l2', L.Linear(units, units), F.relu)
        self.add_stage('l3', L.Linear(units, num_classes))
