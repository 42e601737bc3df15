"""Probabilities, losses and measures."""
from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from math import log, prod
from typing import Any

import autograd_nn.functions as F
from autograd_nn.backend import get_array_module
from autograd_nn.caffe.blobs import read_blob
from autograd_nn.caffe.layers.registry import Layer, Specification, builder, describe
from autograd_nn.caffe.wire import Message, open_wire
from autograd_nn.function_node import Arrays, FunctionNode, Gradients, Indexes
from autograd_nn.types import Array, ArrayLike, DTypeLike, Operand
from autograd_nn.variable import Variable, as_variable

_LOSS_TYPES = frozenset({'SoftmaxWithLoss', 'EuclideanLoss', 'SigmoidCrossEntropyLoss', 'HingeLoss', 'ContrastiveLoss',
                         'InfogainLoss', 'MultinomialLogisticLoss', 'SmoothL1Loss'})
# Caffe's least probabilities: for the softmax the smallest normal number of float32, for other losses a number.
_LOG_OF_LEAST_FLOAT = log(2. ** -126)
_LEAST = 1e-20


def name_tops(message: Message, blobs: Collection[str]) -> tuple[str, ...]:
    """The names of a layer's tops; a loss without any has one of its own, as in Caffe.

    Args:
        message: The layer.
        blobs: The names of all blobs that the network's layers name.
    """
    if message.top or message.type not in _LOSS_TYPES:
        return tuple(message.top)
    return (f'{message.name} (automatic)' if message.name in blobs else message.name,)


def get_loss_weights(message: Message, tops: Sequence[str]) -> tuple[float, ...]:
    """By what the sum of each top is multiplied in the total loss; nothing where the layer has no part in it.

    Args:
        message: The layer.
        tops: Its tops.

    Raises:
        ValueError: There are some weights, but not one for each top.
    """
    weights = tuple(message.loss_weight)
    if weights and len(weights) != len(tops):
        raise ValueError(f'{describe(message)}: expected a loss_weight for each of {len(tops)} tops, '
                         f'got {len(weights)}')
    return weights or ((1.,) if message.type in _LOSS_TYPES else ())


class _Floor(FunctionNode):
    """``max(x, low)``, whose gradient is passed on below `low`, too, as Caffe's losses do."""

    def __init__(self, low: float) -> None:
        self.low = low

    def forward(self, inputs: Arrays) -> Arrays:
        x, = inputs
        return get_array_module(x).maximum(x, self.low),

    def backward(self, target_input_indexes: Indexes, grad_outputs: Gradients) -> Gradients:
        return grad_outputs


def _floor(x: Variable, low: float) -> Variable:
    return _Floor(low).apply((x,))[0]


@builder('Softmax')
def softmax(spec: Specification) -> Layer:
    """Probabilities along an axis."""
    return partial(F.softmax, axis=spec.softmax_param.axis)


def _labels(x: Variable, label: Array, axis: int) -> Any:
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

    def divisor(valid: Array, shape: tuple[int, ...]) -> Any:
        value = {0: prod(shape), 1: int(valid.sum()), 2: prod(shape[:batch_axes]), 3: 1}[mode]
        return max(value, 1)

    return divisor


def _loss_of_logits(spec: Specification, axis: int, criterion: Callable[..., Variable]) -> Layer:
    """A loss of logits and labels, and the softmax where there is a second top.

    Args:
        spec: The layer.
        axis: The axis of the classes.
        criterion: Takes logits with their classes along axis 1, labels, the label that is ignored, and further bottoms;
            returns the loss of each label.
    """
    ignored = spec.loss_param.ignore_label if spec.loss_param.HasField('ignore_label') else None
    with_softmax = len(spec.top) > 1

    def forward(x: ArrayLike, label: ArrayLike, *others: ArrayLike) -> Any:
        x = as_variable(x)
        channel = axis % x.ndim
        t = _labels(x, label, channel)
        scores = F.moveaxis(x, channel, 1) if channel > 1 else x if channel else F.expand_dims(x, 0)
        # Without one that is ignored, every label counts.
        no_label = (min(int(t.min()), 0) if t.size else 0) - 1 if ignored is None else ignored
        losses = criterion(scores, t if channel else t[None], no_label, *others)
        loss = F.sum(losses) / _normalizer(spec, channel)(t != no_label, t.shape)
        return (loss, F.softmax(x, axis=channel)) if with_softmax else loss

    return forward


@builder('SoftmaxWithLoss')
def softmax_with_loss(spec: Specification) -> Layer:
    """The cross entropy of logits and labels, and the softmax where there is a second top."""
    def criterion(scores: Variable, t: Array, no_label: int) -> Variable:
        return -_floor(-F.softmax_cross_entropy(scores, t, reduce='no', ignore_label=no_label), _LOG_OF_LEAST_FLOAT)

    return _loss_of_logits(spec, spec.softmax_param.axis, criterion)


@builder('InfogainLoss')
def infogain_loss(spec: Specification) -> Layer:
    """The cross entropy of logits and of the row of a matrix that the label names.

    The matrix is the third bottom, or lies in a file of its own.
    """
    source = spec.infogain_loss_param.source
    if len(spec.bottom) < 3 and not source:
        raise spec.error('expected a matrix as the third bottom or as the source of infogain_loss_param')
    if len(spec.bottom) < 3:
        with open_wire(source, f'caffe.load: {describe(spec.message)}') as reader:
            stored = read_blob(reader, 0, reader.size)

    def criterion(scores: Variable, t: Array, no_label: int, matrix: Array = None) -> Variable:
        xp, classes = get_array_module(scores.array), scores.shape[1]
        weights = xp.asarray(stored, scores.dtype) if matrix is None else as_variable(matrix).array
        if weights.size != classes ** 2:
            raise ValueError(f'expected a matrix of {classes} x {classes} numbers, got shape {weights.shape}')
        valid = t != no_label
        if not ((t >= 0) & (t < classes) | ~valid).all():
            raise ValueError(f'expected labels from 0 to {classes - 1}, got {t.min()} to {t.max()}')
        rows = weights.reshape(classes, classes)[xp.where(valid, t, 0)] * valid[..., None]
        return -F.sum(_floor(F.log_softmax(scores), log(_LEAST)) * xp.moveaxis(rows, -1, 1), 1)

    return _loss_of_logits(spec, spec.infogain_loss_param.axis, criterion)


@builder('MultinomialLogisticLoss')
def multinomial_logistic_loss(spec: Specification) -> Layer:
    """The cross entropy of probabilities and labels, divided by the number of samples."""
    def forward(p: ArrayLike, label: ArrayLike) -> Variable:
        p = F.reshape(p, (len(as_variable(p)), -1))
        t = as_variable(label).array.reshape(-1).astype(get_array_module(p.array).int32)
        return -F.sum(F.log(_floor(F.select_item(p, t), _LEAST))) / len(p)

    return forward


@builder('ContrastiveLoss')
def contrastive_loss(spec: Specification) -> Layer:
    """The loss of pairs: the distance of similar ones, and what others lack in distance, squared."""
    margin, legacy = spec.contrastive_loss_param.margin, spec.contrastive_loss_param.legacy_version

    def forward(x0: ArrayLike, x1: ArrayLike, label: ArrayLike) -> Variable:
        x0, x1 = (F.reshape(x, (len(as_variable(x)), -1)) for x in (x0, x1))
        similar = as_variable(label).array.reshape(-1).astype(x0.dtype)
        if not legacy:
            return F.contrastive(x0, x1, similar, margin)
        squared = F.sum(F.square(x0 - x1), 1)
        return F.sum(similar * squared + (1 - similar) * F.relu(margin - squared)) / (2 * len(x0))

    return forward


@builder('SmoothL1Loss')
def smooth_l1_loss(spec: Specification) -> Layer:
    """Half the square of small differences, and the size of others, divided by the number of samples.

    A third bottom multiplies the differences, a fourth one their losses.
    Girshick, Fast R-CNN (2015), https://arxiv.org/abs/1504.08083.
    """
    slope = spec.smooth_l1_loss_param.sigma ** 2

    def forward(x: ArrayLike, t: ArrayLike, inside: Operand = 1, outside: Operand = 1) -> Variable:
        difference = (as_variable(x) - t) * inside
        losses = F.huber_loss(difference, get_array_module(difference.array).zeros_like(difference.array), 1 / slope,
                              reduce='no')
        return F.sum(losses * outside) * slope / len(difference)

    return forward


@builder('EuclideanLoss')
def euclidean_loss(spec: Specification) -> Layer:
    """Half the sum of squared differences, divided by the number of samples."""
    def forward(x: ArrayLike, t: ArrayLike) -> Variable:
        difference = as_variable(x) - F.reshape(t, as_variable(x).shape)
        return F.sum(difference * difference) / (2 * len(difference))

    return forward


@builder('SigmoidCrossEntropyLoss')
def sigmoid_cross_entropy_loss(spec: Specification) -> Layer:
    """The cross entropy of independent yes-or-no predictions, divided by the number of samples by default."""
    ignored = spec.loss_param.ignore_label if spec.loss_param.HasField('ignore_label') else None
    told = spec.loss_param.HasField('normalization') or spec.loss_param.HasField('normalize')

    def forward(x: ArrayLike, t: ArrayLike) -> Variable:
        x = as_variable(x)
        target = as_variable(t).array.reshape(x.shape)
        xp = get_array_module(target)
        valid = xp.ones(target.shape, bool) if ignored is None else target != ignored
        losses = F.softplus(x) - x * xp.where(valid, target, 0).astype(x.dtype)
        divisor = _normalizer(spec, 1)(valid, x.shape) if told else len(x)
        return F.sum(losses * valid.astype(x.dtype)) / divisor

    return forward


@builder('HingeLoss')
def hinge_loss(spec: Specification) -> Layer:
    """The hinge loss of one against all others, L1 or L2."""
    squared = spec.hinge_loss_param.norm == 2

    def forward(x: ArrayLike, label: ArrayLike) -> Variable:
        x = F.reshape(x, (len(as_variable(x)), -1))
        t = as_variable(label).array.reshape(-1).astype(get_array_module(x.array).int32)
        return F.hinge(x, t, norm='L2' if squared else 'L1')

    return forward


@builder('Accuracy')
def accuracy(spec: Specification) -> Layer:
    """The share of labels among the most probable classes; with a second top, also that of each class."""
    param = spec.accuracy_param
    ignored = param.ignore_label if param.HasField('ignore_label') else None
    per_class = len(spec.top) > 1

    def forward(x: ArrayLike, label: ArrayLike) -> Any:
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


def _constant(xp: Any, value: Any, dtype: DTypeLike) -> Variable:
    return Variable(xp.asarray(value, dtype), requires_grad=False)


@builder('ArgMax')
def argmax(spec: Specification) -> Layer:
    """The places of the largest elements, along an axis or of a whole sample, or these elements."""
    param = spec.argmax_param
    axis = param.axis if param.HasField('axis') else None
    top_k, with_values = param.top_k, param.out_max_val

    def forward(x: ArrayLike) -> Variable:
        x = as_variable(x)
        xp = get_array_module(x.array)
        if axis is not None:
            places, values = _largest(xp, xp.moveaxis(x.array, axis, -1), top_k)
            return _constant(xp, xp.moveaxis(values if with_values else places, -1, axis), x.dtype)
        places, values = _largest(xp, x.array.reshape(len(x), -1), top_k)
        y = xp.stack([places, values], 1) if with_values else places[:, None]
        return _constant(xp, y.reshape(*y.shape, *(1,) * (x.ndim - 3)), x.dtype)

    return forward


def _largest(xp: Any, x: Array, count: int) -> tuple[Any, Any]:
    """The places and values of the largest elements along the last axis; of equal ones the last comes first."""
    if not 1 <= count <= x.shape[-1]:
        raise ValueError(f'expected top_k from 1 to {x.shape[-1]}, got {count}')
    places = x.shape[-1] - 1 - xp.argsort(-x[..., ::-1], axis=-1, kind='stable')[..., :count]
    return places, xp.take_along_axis(x, places, -1)
