"""Models that train themselves in a few lines: those of symbols, rows of layers, and subclasses."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from autograd_nn.functional import Functional
from autograd_nn.link import Chain, Link
from autograd_nn.model_summary import ModelSummary, summary
from autograd_nn.optimizer import Optimizer
from autograd_nn.sequential import Sequential
from autograd_nn.training.history import History
from autograd_nn.training.learner import Learner
from autograd_nn.training.saving import read_model, save_model
from autograd_nn.types import DTypeLike, File, PathLike


def compile(model: Link, optimizer: str | Optimizer = 'adam', loss: Any = None, metrics: Any = (),
            loss_weights: Any = None) -> Learner:
    """What trains, evaluates and applies any link, a `Chain` of yours for instance: see `training.Learner`.

    `Model` and `Sequential` have a method of the same name, after which they have the learner's methods themselves.

    Args:
        model: The model.
        optimizer: See `training.Learner`, as for the others.
        loss: As there.
        metrics: As there.
        loss_weights: As there.
    """
    return Learner(model, optimizer, loss, metrics, loss_weights)


class Trainable:
    """The methods with which a model trains itself; those of the `Learner` that `compile` makes."""

    _learner: Learner | None = None

    def compile(self, optimizer: str | Optimizer = 'adam', loss: Any = None, metrics: Any = (),
                loss_weights: Any = None) -> None:
        """Says how the model is trained and measured: see `training.Learner`."""
        self._learner = Learner(self, optimizer, loss, metrics, loss_weights)  # type: ignore[arg-type]

    @property
    def learner(self) -> Learner:
        """What `compile` has made.

        Raises:
            RuntimeError: It has not been called.
        """
        # A copy of a model is not what the learner trains.
        if self._learner is None or self._learner.model is not self:
            raise RuntimeError(f"{type(self).__name__}: say first how it is trained: model.compile('adam', "
                               "loss='softmax_cross_entropy', metrics=['accuracy'])")
        return self._learner

    def fit(self, x: Any, y: Any = None, batch_size: int = 32, epochs: int = 1, verbose: int = 1, callbacks: Any = (),
            validation_split: float = 0., validation_data: Any = None, shuffle: bool = True,
            class_weight: Mapping[int, float] | None = None, sample_weight: Any = None, initial_epoch: int = 0,
            out: PathLike | None = None) -> History:
        """Trains the model: see `training.Learner.fit`."""
        return self.learner.fit(x, y, batch_size, epochs, verbose, callbacks, validation_split, validation_data,
                                shuffle, class_weight, sample_weight, initial_epoch, out)

    def evaluate(self, x: Any, y: Any = None, batch_size: int = 128, sample_weight: Any = None) -> dict[str, float]:
        """The loss and the metrics over a data set: see `training.Learner.evaluate`."""
        return self.learner.evaluate(x, y, batch_size, sample_weight)

    def predict(self, x: Any, batch_size: int = 128) -> Any:
        """What the model returns for many inputs: see `training.Learner.predict`. It need not be compiled."""
        learner = self._learner
        if learner is None or learner.model is not self:
            learner = Learner(self)  # type: ignore[arg-type]
        return learner.predict(x, batch_size)

    def train_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None,
                       class_weight: Mapping[int, float] | None = None) -> dict[str, float]:
        """Updates the model once: see `training.Learner.train_on_batch`."""
        return self.learner.train_on_batch(x, y, sample_weight, class_weight)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None) -> dict[str, float]:
        """The loss and the metrics of a minibatch: see `training.Learner.test_on_batch`."""
        return self.learner.test_on_batch(x, y, sample_weight)

    def save(self, path: File) -> None:
        """Writes the model to a file, from which `load_model` makes it again: see `save_model`."""
        save_model(path, self)  # type: ignore[arg-type]


class Model(Trainable, Functional):
    """A network with ``compile``, ``fit``, ``evaluate`` and ``predict``: a formula of symbols, or a class of yours.

    As a formula, it is what leads from inputs to outputs: links, functions and operators are called with what `Input`
    returns, once, and the model makes the same calls for every minibatch. There may be several inputs and outputs,
    branches, and links that are called several times. What a formula cannot say, such as an ``if`` that asks for
    numbers, a subclass does, which is a `Chain` like any other::

        class MLP(ann.Model):
            def __init__(self):
                super().__init__()
                with self.init_scope():
                    self.l1 = L.Linear(100)
                    self.l2 = L.Linear(10)

            def forward(self, x):
                return self.l2(F.relu(self.l1(x)))

    Args:
        inputs: A symbol or a list of them, in the order of the model's arguments.
        outputs: What the model returns: a symbol, or several in a tuple, a list or a dict.

    Raises:
        ValueError: The outputs need an input that is not among `inputs`.
        TypeError: Something is no symbol.

    Example:
        >>> import numpy as np, autograd_nn as ann, autograd_nn.functions as F, autograd_nn.links as L
        >>> x = ann.Input((28, 28))
        >>> y = L.Linear(10)(F.relu(L.Linear(100)(x)))
        >>> model = ann.Model(x, y)
        >>> model(np.zeros((5, 28, 28), 'f')).shape
        (5, 10)
        >>> [path for path, param in model.namedparams()]
        ['/linear/W', '/linear/b', '/linear_1/W', '/linear_1/b']
        >>> model.compile('adam', loss='softmax_cross_entropy', metrics=['accuracy'])
    """

    def __init__(self, inputs: Any = None, outputs: Any = None) -> None:
        if inputs is None and outputs is None:
            if type(self).forward is Functional.forward:
                raise TypeError('Model: expected inputs and outputs, or a subclass with a forward of its own')
            Chain.__init__(self)
        else:
            super().__init__(inputs, outputs)

    def summary(self, input_shape: Sequence[Any] | None = None, dtype: DTypeLike | None = None) -> ModelSummary:
        """Prints a table of the layers: see `autograd_nn.summary`.

        Args:
            input_shape: The shape of one sample; that of the inputs, for a formula.
            dtype: The inputs' dtype; likewise.
        """
        if input_shape is None and '_inputs' in self.__dict__:
            shapes: Any = [spec.shape[1:] for spec in self.input_specs]
            return summary(self, shapes, [spec.dtype for spec in self.input_specs] if dtype is None else dtype)
        return _summarize(self, input_shape, dtype)


def _summarize(self: Any, input_shape: Sequence[Any] | None = None, dtype: DTypeLike | None = None) -> ModelSummary:
    """Prints a table of the layers: see `autograd_nn.summary`.

    Args:
        input_shape: The shape of one sample, without the axis of the batch.
        dtype: The input's dtype; ``config.dtype`` by default.
    """
    if input_shape is None:
        raise TypeError(f'{type(self).__name__}.summary: expected input_shape, the shape of one sample')
    return summary(self, input_shape, dtype)


def load_model(file: File) -> Any:
    """Makes the model that `save_model` has written.

    Only links and functions of this package are made, whatever the file says, so that files of others do no harm.

    Args:
        file: A path or a binary file object.

    Returns:
        A `Model` of symbols, a `Sequential` or another link, with its weights.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no such file, or it is damaged.
    """
    model, settings = read_model(file, Model)
    if settings is not None:
        model.compile(**settings)
    return model


def install() -> None:
    """Gives `Sequential`, which knows of no training, the methods of `Trainable`."""
    methods: dict[str, Callable[..., Any] | Any] = {name: value for name, value in vars(Trainable).items()
                                                    if not name.startswith('__')}
    for name, method in {**methods, 'summary': _summarize}.items():
        setattr(Sequential, name, method)


install()
