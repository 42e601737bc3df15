"""What a model is trained for and measured by: losses, metrics and optimizers, by name too, and weights of samples."""
from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from autograd_nn import functions, optimizers
from autograd_nn.link import Link
from autograd_nn.optimizer import Optimizer
from autograd_nn.reporter import report
from autograd_nn.training.optimization import OPTIMIZERS
from autograd_nn.utils import foreign_names
from autograd_nn.utils.hints import find_close, simplify
from autograd_nn.variable import Variable

LOSSES: dict[str, Callable[..., Any]] = {name: getattr(functions, name) for name in (
    'hinge', 'mean_absolute_error', 'mean_squared_error', 'sigmoid_cross_entropy', 'softmax_cross_entropy')}
"""The losses that have names: functions of what a model returns and of the targets."""
METRICS: dict[str, Callable[..., Any]] = {'accuracy': functions.accuracy, 'binary_accuracy': functions.binary_accuracy,
                                          **LOSSES}
"""The metrics that have names.

``'accuracy'`` is `functions.binary_accuracy` where the loss is `sigmoid_cross_entropy`.
"""
# What the losses without an argument `reduce` are the means of.
_BY_ELEMENT: dict[Any, Callable[..., Any]] = {functions.mean_squared_error: functions.squared_error,
                                              functions.mean_absolute_error: functions.absolute_error}
# Those of which a sample's loss is not the mean but the sum over its classes.
_SUMS = functions.hinge,


def look_up(kind: str, name: str, known: Mapping[str, Any], foreign: Mapping[str, str] | None = None) -> Any:
    """What a name stands for.

    Args:
        kind: What it is the name of, for the error.
        name: The name, in any case, with or without underscores.
        known: What there is.
        foreign: What other frameworks call it, as in `utils.foreign_names`.

    Raises:
        ValueError: There is none of that name; the message lists those there are.

    Example:
        >>> look_up('loss', 'MSE', LOSSES, foreign_names.FUNCTIONS).__name__
        'mean_squared_error'
        >>> look_up('loss', 'softmax_cross_entrpy', LOSSES)
        Traceback (most recent call last):
            ...
        ValueError: loss: there is no 'softmax_cross_entrpy', did you mean 'softmax_cross_entropy'? There are
        hinge, mean_absolute_error, mean_squared_error, sigmoid_cross_entropy, softmax_cross_entropy
    """
    simple = {simplify(each): each for each in known}
    key = simplify(name)
    advice = (foreign or {}).get(key, '')
    if key not in simple and advice.isidentifier():
        key = simplify(advice)
    if key in simple:
        return known[simple[key]]
    close = find_close(key, simple)
    hint = f'; {advice}.' if advice else f', did you mean {simple[close[0]]!r}?' if close else '.'
    raise ValueError(f'{kind}: there is no {name!r}{hint} There are {", ".join(known)}')


def find_loss(loss: str | Callable[..., Any]) -> Callable[..., Any]:
    """A loss by name (one of `LOSSES`, or what Keras and PyTorch call it), or itself."""
    return look_up('loss', loss, LOSSES, foreign_names.FUNCTIONS) if isinstance(loss, str) else loss


def find_optimizer(optimizer: str | Optimizer) -> Optimizer:
    """An optimizer by the name of its class or of `optimization.OPTIMIZERS`, with its default values, or itself."""
    if not isinstance(optimizer, str):
        return optimizer
    known = {**OPTIMIZERS, **{name: getattr(optimizers, name) for name in optimizers.__all__
                              if simplify(name) not in OPTIMIZERS}}
    return look_up('optimizer', optimizer, known, foreign_names.OPTIMIZERS)()


def rate_of(optimizer: Any) -> str:
    """The attribute of an optimizer that holds its learning rate.

    Raises:
        ValueError: It has none.
    """
    found = [name for name in ('lr', 'alpha') if name in optimizer.hyperparam.get_dict()]
    if not found:
        raise ValueError(f'callbacks: {type(optimizer).__name__} has no learning rate to change')
    return found[0]


class Objective:
    """The loss of a model, as a function of a minibatch; it and the metrics are reported by the model.

    Args:
        model: The model.
        loss: A loss by name or a function of output and target; a list or dict of these for a model that returns a
            tuple or dict; None for a model that computes its loss itself, from all that a minibatch has.
        metrics: Metrics, by name or as functions of output and target; a list or dict of lists for several outputs.
        loss_weights: What each of several losses is multiplied by; 1 by default.

    Attributes:
        names: The keys under which it reports.
    """

    def __init__(self, model: Link, loss: Any = None, metrics: Any = (), loss_weights: Any = None) -> None:
        self.model = model
        self.is_several = isinstance(loss, (list, tuple, dict))
        self.keys: list[Any] = list(loss) if isinstance(loss, dict) else list(range(len(loss))) \
            if self.is_several else [0]
        self.losses = [] if loss is None else [find_loss(loss[key]) for key in self.keys] if self.is_several else \
            [find_loss(loss)]
        if loss is None and metrics:
            raise ValueError('compile: metrics need a loss; a model that computes its own loss reports its own metrics')
        by_key = metrics if self.is_several else [metrics]
        if self.is_several and metrics and len(by_key) != len(self.losses):
            raise ValueError(f'compile: expected metrics for each of {len(self.losses)} outputs, got {len(by_key)}')
        self.metrics = [_find_metrics(by_key[key], function) if metrics else {}
                        for key, function in zip(self.keys, self.losses)]
        self.weights = [float(1 if not loss_weights else loss_weights[key]) for key in self.keys]
        suffixes = [f'_{key}' for key in self.keys] if self.is_several else ['']
        self._suffixes = suffixes
        self.names = ['loss', *(f'loss{suffix}' for suffix in suffixes if suffix),
                      *(f'{name}{suffix}' for found, suffix in zip(self.metrics, suffixes) for name in found)]

    @property
    def n_targets(self) -> int:
        """How many of the arrays of a minibatch, the last ones, are targets."""
        return len(self.losses)

    def __call__(self, *arrays: Any, weighted: bool = False, class_weight: Mapping[int, float] | None = None,
                 **named: Any) -> Any:
        """Computes the loss.

        Args:
            arrays: The inputs, the targets and, if `weighted`, the weights of the samples.
            weighted: Whether the last array has weights.
            class_weight: A weight for each label; 1 for those that are missing.
            named: The arrays by name, for a model that computes its loss itself.

        Returns:
            The loss: with weights, the mean of the samples' losses, each multiplied by its weight.
        """
        if not self.losses:
            loss = self.model(*arrays, **named)
            report({'loss': loss}, self.model)
            return loss
        weights = None
        if weighted:
            *arrays, weights = arrays  # type: ignore[assignment]
        if named or len(arrays) <= self.n_targets:
            raise ValueError(f'fit: with a loss, a sample has inputs and {self.n_targets} targets, not '
                             f'{", ".join(named) or f"{len(arrays)} arrays"} alone')
        outputs = self.model(*arrays[:-self.n_targets])
        values: dict[str, Any] = {}
        total: Any = 0
        for i, (key, function, target) in enumerate(zip(self.keys, self.losses, arrays[-self.n_targets:])):
            y = outputs[key] if self.is_several else outputs
            loss = _weighted(function, y, target, weights, class_weight)
            total = loss * self.weights[i] + total if self.is_several else loss
            if self.is_several:
                values[f'loss{self._suffixes[i]}'] = loss
            for name, metric in self.metrics[i].items():
                values[name + self._suffixes[i]] = metric(y, target)
        report({'loss': total, **values}, self.model)
        return total


def _find_metrics(metrics: Any, loss: Any) -> dict[str, Callable[..., Any]]:
    found: dict[str, Callable[..., Any]] = {}
    for metric in [metrics] if isinstance(metrics, str) or callable(metrics) else metrics:
        if callable(metric):
            found[getattr(metric, '__name__', type(metric).__name__)] = metric
        elif simplify(metric) in ('accuracy', 'acc'):
            found['accuracy'] = METRICS['binary_accuracy' if loss is functions.sigmoid_cross_entropy else 'accuracy']
        else:
            found[metric] = look_up('metrics', metric, METRICS, foreign_names.FUNCTIONS)
    return found


def _weighted(function: Callable[..., Any], y: Any, t: Any, weights: Any,
              class_weight: Mapping[int, float] | None) -> Any:
    if weights is None and not class_weight:
        return function(y, t)
    each = _by_sample(function, y, t)
    if class_weight:
        xp = each.xp
        if t.dtype.kind not in 'iu' or y.ndim < 2 or t.ndim != 1:
            raise ValueError(f'class_weight: expected targets that are labels, of shape (N,), got {t.dtype} of shape '
                             f'{t.shape}')
        table = xp.ones(y.shape[1], each.dtype)
        for label, weight in class_weight.items():
            if not 0 <= label < y.shape[1]:
                raise ValueError(f'class_weight: expected labels from 0 to {y.shape[1] - 1}, got {label!r}')
            table[label] = weight
        weights = table[t] if weights is None else table[t] * weights
    return functions.sum(each * weights.astype(each.dtype)) / len(each)


def _by_sample(function: Callable[..., Any], y: Any, t: Any) -> Variable:
    """The loss of each sample, of shape (N,)."""
    if function in _BY_ELEMENT:
        each = _BY_ELEMENT[function](y, t)
    elif 'reduce' in inspect.signature(function).parameters:
        each = function(y, t, reduce='no')
    else:
        raise ValueError(f"sample_weight, class_weight: the loss {getattr(function, '__name__', function)!r} has no "
                         "argument reduce, with which 'no' asks for the loss of each sample")
    if each.ndim == 1:
        return each
    return (functions.sum if function in _SUMS else functions.mean)(each, axis=tuple(range(1, each.ndim)))


def as_columns(arrays: Any) -> Sequence[Any]:
    """Several inputs or targets as a sequence; one of them as a sequence of one."""
    is_several = isinstance(arrays, tuple) or (isinstance(arrays, list) and arrays and hasattr(arrays[0], 'ndim')
                                               and arrays[0].ndim > 0)
    return arrays if is_several else [arrays]
