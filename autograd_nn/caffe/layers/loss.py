"""Probabilities, losses and measures."""
from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any

import autograd_nn.functions as F
from autograd_nn.backend import get_array_module
from autograd_nn.caffe.layers.registry import Layer, Specification, builder
from autograd_nn.variable import Variable, as_variable


@builder('Softmax')
def softmax(spec: Specification) -> Layer:
    """Probabilities along an axis."""
    return partial(F.softmax, axis=spec.softmax_param.axis)


def _labels(x: Variable, label: Any, axis: int) -> Any:
    """Integer labels of the shape of `x` without `axis`, whatever axes of length 1 and type a file's have."""
    array = as_variable(label).array
    shape = x.shape[:axis] + x.shape[axis + 1:]
    if array.size != prod(shape):
        raise ValueError(f'expected labels of shape {shape} for an input of shape {x.shape}, got {array.shape}')
    return array.reshape(shape).astype(get_array_module(array).int32)


def _normalizer(spec: Specification, batch_axes: int) -> Callable[[Any, tuple[int, ...]], Any]:
    """What a loss is divided by: a function of the elements that count and of the shape of all."""
    param = spec.loss_param
    mode = param.normalization
    if not param.HasField('normalization') and param.HasField('normalize'):
        mode = 1 if param.normalize else 2

    def divisor(valid: Any, shape: tuple[int, ...]) -> Any:
        value = {0: prod(shape), 1: int(valid.sum()), 2: prod(shape[:batch_axes]), 3: 1}[mode]
        return max(value, 1)

    return divisor


def _weighted(spec: Specification, loss: Variable) -> Variable:
    return loss * spec.loss_weight[0] if spec.loss_weight and spec.loss_weight[0] != 1 else loss


@builder('SoftmaxWithLoss')
def softmax_with_loss(spec: Specification) -> Layer:
    """The cross entropy of logits and labels, and the softmax where there is a second top."""
    axis = spec.softmax_param.axis
    ignored = spec.loss_param.ignore_label if spec.loss_param.HasField('ignore_label') else None
    with_softmax = len(spec.top) > 1

    def forward(x: Any, label: Any) -> Any:
        x = as_variable(x)
        channel = axis % x.ndim
        t = _labels(x, label, channel)
        # The function has its classes along axis 1.
        scores = F.moveaxis(x, channel, 1) if channel > 1 else x if channel else F.expand_dims(x, 0)
        # Without one that is ignored, every label counts.
        no_label = (min(int(t.min()), 0) if t.size else 0) - 1 if ignored is None else ignored
        losses = F.softmax_cross_entropy(scores, t if channel else t[None], reduce='no', ignore_label=no_label)
        divisor = _normalizer(spec, channel)(t != no_label, t.shape)
        loss = _weighted(spec, F.sum(losses) / divisor)
        return (loss, F.softmax(x, axis=channel)) if with_softmax else loss

    return forward


@builder('EuclideanLoss')
def euclidean_loss(spec: Specification) -> Layer:
    """Half the sum of squared differences, divided by the number of samples."""
    def forward(x: Any, t: Any) -> Variable:
        difference = as_variable(x) - F.reshape(t, as_variable(x).shape)
        return _weighted(spec, F.sum(difference * difference) / (2 * len(difference)))

    return forward


@builder('SigmoidCrossEntropyLoss')
def sigmoid_cross_entropy_loss(spec: Specification) -> Layer:
    """The cross entropy of independent yes-or-no predictions, divided by the number of samples by default."""
    ignored = spec.loss_param.ignore_label if spec.loss_param.HasField('ignore_label') else None
    told = spec.loss_param.HasField('normalization') or spec.loss_param.HasField('normalize')

    def forward(x: Any, t: Any) -> Variable:
        x = as_variable(x)
        target = as_variable(t).array.reshape(x.shape)
        xp = get_array_module(target)
        valid = xp.ones(target.shape, bool) if ignored is None else target != ignored
        losses = F.softplus(x) - x * xp.where(valid, target, 0).astype(x.dtype)
        divisor = _normalizer(spec, 1)(valid, x.shape) if told else len(x)
        return _weighted(spec, F.sum(losses * valid.astype(x.dtype)) / divisor)

    return forward


@builder('HingeLoss')
def hinge_loss(spec: Specification) -> Layer:
    """The hinge loss of one against all others, L1 or L2."""
    squared = spec.hinge_loss_param.norm == 2

    def forward(x: Any, label: Any) -> Variable:
        x = F.reshape(x, (len(as_variable(x)), -1))
        t = as_variable(label).array.reshape(-1).astype(get_array_module(x.array).int32)
        return _weighted(spec, F.hinge(x, t, norm='L2' if squared else 'L1'))

    return forward


@builder('Accuracy')
def accuracy(spec: Specification) -> Layer:
    """The share of labels among the most probable classes; with a second top, also that of each class."""
    param = spec.accuracy_param
    ignored = param.ignore_label if param.HasField('ignore_label') else None
    per_class = len(spec.top) > 1

    def forward(x: Any, label: Any) -> Any:
        x = as_variable(x)
        xp, axis = get_array_module(x.array), param.axis % x.ndim
        t = _labels(x, label, axis)
        valid = xp.ones(t.shape, bool) if ignored is None else t != ignored
        safe = xp.where(valid, t, 0)
        scores = xp.take_along_axis(x.array, xp.expand_dims(safe, axis), axis)
        # Of classes with one score, all come before the label.
        correct = ((x.array >= scores).sum(axis) <= param.top_k) & valid
        share = _constant(xp, correct.sum() / xp.maximum(valid.sum(), 1), x.dtype)
        if not per_class:
            return share
        counts, hits = (xp.bincount(t[mask].ravel(), minlength=x.shape[axis]) for mask in (valid, correct))
        return share, _constant(xp, hits / xp.maximum(counts, 1), x.dtype)

    return forward


def _constant(xp: Any, value: Any, dtype: Any) -> Variable:
    return Variable(xp.asarray(value, dtype), requires_grad=False)


@builder('ArgMax')
def argmax(spec: Specification) -> Layer:
    """The places of the largest elements, along an axis or of a whole sample, or these elements."""
    param = spec.argmax_param
    axis = param.axis if param.HasField('axis') else None
    top_k, with_values = param.top_k, param.out_max_val

    def forward(x: Any) -> Variable:
        x = as_variable(x)
        xp = get_array_module(x.array)
        if axis is not None:
            places, values = _largest(xp, xp.moveaxis(x.array, axis, -1), top_k)
            return _constant(xp, xp.moveaxis(values if with_values else places, -1, axis), x.dtype)
        places, values = _largest(xp, x.array.reshape(len(x), -1), top_k)
        y = xp.stack([places, values], 1) if with_values else places[:, None]
        return _constant(xp, y.reshape(*y.shape, *(1,) * (x.ndim - 3)), x.dtype)

    return forward


def _largest(xp: Any, x: Any, count: int) -> tuple[Any, Any]:
    """The places and values of the largest elements along the last axis; of equal ones the last comes first."""
    if not 1 <= count <= x.shape[-1]:
        raise ValueError(f'expected top_k from 1 to {x.shape[-1]}, got {count}')
    places = x.shape[-1] - 1 - xp.argsort(-x[..., ::-1], axis=-1, kind='stable')[..., :count]
    return places, xp.take_along_axis(x, places, -1)
