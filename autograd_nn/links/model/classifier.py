"""A model with its loss."""
from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from autograd_nn.functions.evaluation.scores import accuracy
from autograd_nn.functions.loss.cross_entropy import softmax_cross_entropy
from autograd_nn.link import Chain, Link
from autograd_nn.reporter import report
from autograd_nn.variable import Variable


class Classifier(Chain):
    """Computes the loss, and the accuracy, of a model's predictions, and reports them as ``loss`` and ``accuracy``.

    Args:
        predictor: The model.
        lossfun: Computes the loss from predictions and labels.
        accfun: Computes the accuracy from them.
        label_key: Which argument of a call holds the labels: the position of a positional one, or the name of a
            keyword argument. The predictor gets the others.

    Attributes:
        predictor: The model.
        y: The predictions of the last call.
        loss: The loss of the last call.
        accuracy: The accuracy of the last call.
        compute_accuracy: Whether to compute the accuracy.

    Raises:
        TypeError: `label_key` is neither an integer nor a string.

    Example:
        >>> import numpy as np, autograd_nn.links as L
        >>> model = L.Classifier(L.Linear(3, 2, initialW=0))
        >>> loss = model(np.ones((4, 3), 'f'), np.array([0, 1, 1, 0]))
        >>> print(f'{loss.item():.4f} {model.accuracy.item():.2f}')
        0.6931 0.50
    """

    compute_accuracy = True

    def __init__(self, predictor: Link, lossfun: Callable[..., Variable] = softmax_cross_entropy,
                 accfun: Callable[..., Variable] = accuracy, label_key: int | str = -1) -> None:
        if not isinstance(label_key, (int, str)):
            raise TypeError(f'Classifier: expected label_key to be an integer or a string, '
                            f'got {type(label_key).__name__}')
        super().__init__()
        self.lossfun = lossfun
        self.accfun = accfun
        self.label_key = label_key
        self.y: Variable | None = None
        self.loss: Variable | None = None
        self.accuracy: Variable | None = None
        with self.init_scope():
            self.predictor = predictor

    @property
    def printable_specs(self) -> Iterable[tuple[str, Any]]:
        return [('lossfun', self.lossfun), ('accfun', self.accfun), ('label_key', self.label_key)]

    def forward(self, *args: Any, **kwargs: Any) -> Variable:
        """Computes the loss.

        Args:
            args: The predictor's arguments, and the labels.
            kwargs: The same by name.

        Returns:
            The loss.

        Raises:
            ValueError: There is no argument `label_key`.
        """
        key = self.label_key
        if isinstance(key, str):
            if key not in kwargs:
                raise ValueError(f'Classifier: there is no keyword argument {key!r} (the labels), '
                                 f'only {", ".join(kwargs) or "positional ones"}')
            t = kwargs.pop(key)
        else:
            if not -len(args) <= key < len(args):
                raise ValueError(f'Classifier: there is no argument {key} (the labels) '
                                 f'among {len(args)} positional ones')
            inputs = list(args)
            t = inputs.pop(key)
            args = tuple(inputs)
        # What the last call left holds its whole graph.
        self.y = self.loss = self.accuracy = None
        self.y = self.predictor(*args, **kwargs)
        self.loss = self.lossfun(self.y, t)
        report({'loss': self.loss}, self)
        if self.compute_accuracy:
            self.accuracy = self.accfun(self.y, t)
            report({'accuracy': self.accuracy}, self)
        return self.loss
