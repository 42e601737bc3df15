"""Networks as estimators of scikit-learn, for its pipelines, searches and cross-validation. It needs scikit-learn."""
from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from autograd_nn import functions, links, random
from autograd_nn.link import Link
from autograd_nn.optimizer import Optimizer
from autograd_nn.sequential import Sequential
from autograd_nn.training.learner import Learner
from autograd_nn.training.objective import find_optimizer, rate_of

__all__ = ['Classifier', 'Regressor']


class _Network(BaseEstimator):

    def __init__(self, network: Link | Callable[[int, int], Link] | None = None, *, hidden: Sequence[int] = (100,),
                 optimizer: str | Optimizer = 'adam', lr: float | None = None, loss: Any = None, epochs: int = 100,
                 batch_size: int = 32, validation_split: float = 0., callbacks: Any = (), random_state: Any = None,
                 verbose: int = 0) -> None:
        self.network = network
        self.hidden = hidden
        self.optimizer = optimizer
        self.lr = lr
        self.loss = loss
        self.epochs = epochs
        self.batch_size = batch_size
        self.validation_split = validation_split
        self.callbacks = callbacks
        self.random_state = random_state
        self.verbose = verbose

    def _train(self, X: Any, y: Any, n_outputs: int, loss: Any, metrics: Sequence[str], sample_weight: Any) -> None:
        with _seeded(self.random_state):
            self.network_ = self._make_network(X.shape[1], n_outputs)
            optimizer: Any = find_optimizer(self.optimizer)
            if optimizer is self.optimizer:
                # One object may serve many estimators, in a search for instance.
                kind = type(optimizer)
                optimizer, given = kind(), optimizer.hyperparam.get_dict()
                for name, value in given.items():
                    setattr(optimizer, name, value)
            if self.lr is not None:
                setattr(optimizer, rate_of(optimizer), self.lr)
            self.learner_ = Learner(self.network_, optimizer, self.loss or loss, metrics)
            self.history_ = self.learner_.fit(
                self._numbers(X), y, self.batch_size, self.epochs, self.verbose, self.callbacks, self.validation_split,
                sample_weight=sample_weight).history

    def _make_network(self, n_features: int, n_outputs: int) -> Link:
        if isinstance(self.network, Link):
            return self.network.copy('init')
        if self.network is not None:
            return self.network(n_features, n_outputs)
        layers: list[Any] = []
        n_inputs = n_features
        for size in self.hidden:
            layers += [links.Linear(n_inputs, size), functions.relu]
            n_inputs = size
        return Sequential(*layers, links.Linear(n_inputs, n_outputs))

    def _outputs(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        return self.learner_.predict(self._numbers(validate_data(self, X, reset=False, allow_nd=True)))

    def _numbers(self, X: Any) -> Any:
        # A network that is given may begin with an embedding of integers.
        return X.astype('d') if self.network is None and X.dtype.kind in 'iub' else X

    def _weights(self, sample_weight: Any, X: Any) -> Any:
        return None if sample_weight is None else _check_sample_weight(sample_weight, X)


class Classifier(ClassifierMixin, _Network):
    """A network as a classifier of scikit-learn.

    Args:
        network: What returns a network for a number of features and one of classes; or a network, of which every
            training takes a copy with new weights. It returns a number for each class, before any softmax. By default
            a perceptron with layers of `hidden` units.
        hidden: The sizes of the hidden layers of that perceptron.
        optimizer: See `training.Learner`.
        lr: The learning rate; that of the optimizer by default.
        loss: See `training.Learner`; ``'softmax_cross_entropy'`` by default.
        epochs: How long to train.
        batch_size: The number of samples in a minibatch.
        validation_split: See `training.Learner.fit`.
        callbacks: See `training.Learner.fit`.
        random_state: What makes a training repeatable: a number, or a generator of NumPy. Others are not affected.
        verbose: See `training.Learner.fit`.

    Attributes:
        classes_: The labels, of any type.
        network_: The trained network.
        learner_: The `training.Learner` that has trained it.
        history_: See `training.History`.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.model_selection import cross_val_score
        >>> from sklearn.pipeline import make_pipeline
        >>> from sklearn.preprocessing import StandardScaler
        >>> from autograd_nn.sklearn import Classifier
        >>> X, y = load_iris(return_X_y=True)
        >>> model = make_pipeline(StandardScaler(), Classifier(hidden=(20,), lr=0.02, epochs=20, random_state=0))
        >>> bool(cross_val_score(model, X, y, cv=3).mean() > 0.9)
        True
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Classifier:
        """Trains a network.

        Args:
            X: Samples of shape (N, features), or with more axes.
            y: Labels of shape (N,).
            sample_weight: How much each sample counts, of shape (N,).
        """
        X, y = validate_data(self, X, y, allow_nd=True)
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        self._train(X, labels.astype('i'), len(self.classes_), 'softmax_cross_entropy', ['accuracy'],
                    self._weights(sample_weight, X))
        return self

    def predict(self, X: Any) -> np.ndarray:
        """The most probable label of each sample."""
        best = self._outputs(X).argmax(axis=1)
        return self.classes_[best]

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probabilities of the labels, of shape (N, classes)."""
        outputs = self._outputs(X).astype('d')
        outputs = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        return outputs / outputs.sum(axis=1, keepdims=True)


class Regressor(RegressorMixin, _Network):
    """A network as a regressor of scikit-learn.

    Args:
        network: See `Classifier`: the second number is that of the targets.
        hidden: As there.
        optimizer: As there.
        lr: As there.
        loss: ``'mean_squared_error'`` by default.
        epochs: As there.
        batch_size: As there.
        validation_split: As there.
        callbacks: As there.
        random_state: As there.
        verbose: As there.

    Attributes:
        network_: The trained network.
        learner_: The `training.Learner` that has trained it.
        history_: See `training.History`.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.sklearn import Regressor
        >>> X = np.linspace(-1, 1, 100).reshape(100, 1)
        >>> model = Regressor(hidden=(20,), lr=0.02, epochs=40, random_state=0).fit(X, X[:, 0] ** 2)
        >>> bool(model.score(X, X[:, 0] ** 2) > 0.95)
        True
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Regressor:
        """Trains a network.

        Args:
            X: Samples of shape (N, features), or with more axes.
            y: Targets of shape (N,) or (N, targets).
            sample_weight: How much each sample counts, of shape (N,).
        """
        X, y = validate_data(self, X, y, allow_nd=True, multi_output=True, y_numeric=True)
        self._is_flat = y.ndim == 1
        y = y.astype('d').reshape(len(y), -1)
        self._train(X, y, y.shape[1], 'mean_squared_error', (), self._weights(sample_weight, X))
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def predict(self, X: Any) -> np.ndarray:
        """The targets of each sample, of the shape that they had in `fit`."""
        outputs = self._outputs(X).astype('d')
        return outputs[:, 0] if self._is_flat else outputs


@contextmanager
def _seeded(random_state: Any) -> Iterator[None]:
    """Within, random numbers follow a seed; afterwards they go on as if nothing had been. None leaves them alone."""
    if random_state is None:
        yield
        return
    before = random.get_state()
    random.seed(check_random_state(random_state).randint(2 ** 31 - 1))
    try:
        yield
    finally:
        random.set_state(before)
