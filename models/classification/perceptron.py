"""The perceptron and the logic gates that it can and cannot be."""
from __future__ import annotations

from typing import Any

import numpy as np

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn.link import Chain
from autograd_nn.models.classification.image_network import DigitNetwork
from autograd_nn.models.recipes import SMALL
from autograd_nn.models.registry import register
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable


class Perceptron(Chain):
    """One unit that fires where a weighted sum of its inputs exceeds a threshold.

    Reference: F. Rosenblatt, The perceptron: a probabilistic model for information storage and organization in the
    brain, Psychological Review 65, 1958.

    Args:
        weights: One weight for each input.
        bias: The negative of the threshold.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import Perceptron
        >>> majority = Perceptron([1, 1, 1], bias=-1.5)
        >>> majority(np.array([[0, 1, 0], [0, 1, 1]], 'f')).array
        array([0., 1.], dtype=float32)
    """

    def __init__(self, weights: Any, bias: float) -> None:
        super().__init__()
        with self.init_scope():
            W = np.array([weights], dtype=np.float32)
            self.unit = L.Linear(W.shape[1], 1, initialW=W, initial_bias=bias)

    def forward(self, x: ArrayLike) -> Variable:
        """Computes outputs of shape (N,), 0 or 1, from inputs of shape (N, number of inputs)."""
        return F.step(self.unit(x))[:, 0]

    def train(self, x: ArrayLike, t: ArrayLike, epochs: int = 100) -> int:
        """Learns from samples by Rosenblatt's rule, which converges if a line can separate them.

        Args:
            x: Inputs of shape (N, number of inputs), float.
            t: The wanted outputs of shape (N,), 0 or 1.
            epochs: The largest number of passes over the samples.

        Returns:
            The number of passes until all samples were right; `epochs` if they never were.
        """
        W, b = (param.array for param in self.unit.params())
        for epoch in range(epochs):
            mistakes = 0
            for sample, wanted in zip(np.asarray(x, dtype=np.float32), t):
                error = float(wanted) - self(sample[None]).array[0]
                mistakes += error != 0
                W += error * sample
                b += error
            if mistakes == 0:
                return epoch
        return epochs


@register('perceptron', input_shape=(1, 28, 28), recipe=SMALL)
class SingleLayerPerceptron(DigitNetwork):
    """A single layer of units, one for each class, without a threshold so that gradients can train it.

    7,850 parameters for 28 x 28 pixels and 10 classes. Reference: B. Widrow, M. E. Hoff, Adaptive switching circuits,
    IRE WESCON Convention Record, 1960.

    Args:
        num_classes: The number of outputs.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models.classification.perceptron import SingleLayerPerceptron
        >>> SingleLayerPerceptron()(np.zeros((2, 1, 28, 28), 'f')).shape
        (2, 10)
    """

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.add_stage('units', L.Linear(None, num_classes))


def and_gate() -> Perceptron:
    """1 where both inputs are 1.

    Example:
        >>> from autograd_nn.models.classification.perceptron import and_gate, truth_table
        >>> truth_table(and_gate())
        [0, 0, 0, 1]
    """
    return Perceptron([0.5, 0.5], bias=-0.7)


def nand_gate() -> Perceptron:
    """0 where both inputs are 1.

    Example:
        >>> from autograd_nn.models.classification.perceptron import nand_gate, truth_table
        >>> truth_table(nand_gate())
        [1, 1, 1, 0]
    """
    return Perceptron([-0.5, -0.5], bias=0.7)


def or_gate() -> Perceptron:
    """1 where an input is 1.

    Example:
        >>> from autograd_nn.models.classification.perceptron import or_gate, truth_table
        >>> truth_table(or_gate())
        [0, 1, 1, 1]
    """
    return Perceptron([0.5, 0.5], bias=-0.2)


class TwoLayerPerceptron(Chain):
    """Perceptrons side by side whose outputs another perceptron combines.

    Args:
        hidden: The perceptrons of the first layer.
        output: The perceptron of the second, with an input for each of `hidden`.
    """

    def __init__(self, hidden: list[Perceptron], output: Perceptron) -> None:
        super().__init__()
        for i, unit in enumerate(hidden):
            self.add_link(f'hidden{i}', unit)
        self.add_link('output', output)

    def forward(self, x: ArrayLike) -> Variable:
        """Computes outputs of shape (N,), 0 or 1, from inputs of shape (N, number of inputs)."""
        *hidden, output = self.children()
        return output(F.stack([unit(x) for unit in hidden], axis=1))


def xor_gate() -> TwoLayerPerceptron:
    """1 where the inputs differ: no single perceptron can be this gate, two layers can.

    Reference: M. Minsky, S. Papert, Perceptrons, MIT Press, 1969.

    Example:
        >>> from autograd_nn.models.classification.perceptron import truth_table, xor_gate
        >>> truth_table(xor_gate())
        [0, 1, 1, 0]
    """
    return TwoLayerPerceptron([nand_gate(), or_gate()], and_gate())


def truth_table(gate: Chain) -> list[int]:
    """The outputs of a gate for the inputs 00, 01, 10 and 11."""
    inputs = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.float32)
    return gate(inputs).array.astype(int).tolist()
