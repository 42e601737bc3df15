"""Cross entropies of softmax and of sigmoid: the losses of classifiers."""
from __future__ import annotations

from typing import Any

import numpy as np

from autograd_nn.backend import elementwise, get_array_module, kernels
from autograd_nn.config import config
from autograd_nn.dtypes import at_least_float32, is_floating
from autograd_nn.function_node import Arrays, FunctionNode, Gradients, Indexes
from autograd_nn.functions.activation.sigmoid import sigmoid
from autograd_nn.functions.activation.softmax import log_softmax, softmax
from autograd_nn.functions.checks import check_choice, check_float, check_indices, check_same_shape
from autograd_nn.functions.math.exponential import log
from autograd_nn.functions.single_precision import SinglePrecision, in_single_precision, widened
from autograd_nn.types import Array, ArrayLike, BareArray, DTypeLike
from autograd_nn.utils.type_check import DTypeError, ShapeError
from autograd_nn.variable import Variable, as_array, as_variable


@elementwise('T x, T t', 'T loss', 'loss = (x > (T)0 ? x : (T)0) - x * t + log1p(exp(-fabs(x)))')
def _logistic_loss(x: Array, t: Array) -> Any:
    loss = np.log1p(np.exp(-abs(x)))
    loss += np.maximum(x, 0) - x * t
    return loss


class SoftmaxCrossEntropy(FunctionNode):
    """The cross entropy of softmax and integer labels, each pass in one go.

    Attributes:
        labels: The label of each position, 0 where it is ignored.
        weight: The factor of each position's loss: the class weight, the normalization, and zero where it is ignored.
        y: The softmax, if it is cached.
    """

    y: Any = None

    def __init__(self, normalize: bool, cache_score: bool, class_weight: Array, ignore_label: int, reduce: str) -> None:
        self.normalize = normalize
        self.cache_score = cache_score
        self.class_weight = class_weight
        self.ignore_label = ignore_label
        self.reduce = reduce

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs((0,))
        x, t = at_least_float32(inputs[0]), inputs[1]
        xp = get_array_module(x)
        valid = t != self.ignore_label
        self.labels = xp.where(valid, t, 0)
        # On a GPU, where nobody looks, the loss of a wrong label is not a number.
        classes = x.shape[1]
        check_indices('softmax_cross_entropy', 't', self.labels, classes, f'x of shape {x.shape} has {classes} classes')
        self.weight = self._position_weight(xp, x.dtype, valid, self.labels)
        y, loss = kernels(x, t).softmax_cross_entropy(x, self.labels)
        if self.cache_score:
            self.y = y
        loss = xp.where(valid, loss, 0) * self.weight
        if self.reduce == 'mean':
            loss = loss.sum()
        return loss.astype(inputs[0].dtype, copy=False),

    def _position_weight(self, xp: Any, dtype: DTypeLike, valid: Array, labels: Array) -> Any:
        weight = valid.astype(dtype)
        if self.class_weight is not None:
            weight *= self.class_weight[labels]
        if self.reduce == 'mean':
            weight /= xp.maximum(xp.count_nonzero(valid), 1) if self.normalize else max(len(valid), 1)
        return weight

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        gy, = grad_outputs
        x, = self.get_retained_inputs()
        if config.enable_backprop:
            return self._differentiable_gradient(x, gy), None
        y = self.y
        if y is None:
            y = kernels(x.array).softmax(at_least_float32(x.array), 1)
        gx = kernels(y).softmax_cross_entropy_grad(y, self.labels, self.weight * gy.array)
        return Variable(gx, requires_grad=False), None

    def _differentiable_gradient(self, x: Variable, gy: Variable) -> Variable:
        classes = x.xp.arange(x.shape[1]).reshape(-1, *[1] * (x.ndim - 2))
        x, gy = widened(x, gy)
        one_hot = (self.labels[:, None] == classes).astype(x.dtype)
        scale = gy * self.weight
        return (softmax(x) - one_hot) * scale.reshape((x.shape[0], 1, *x.shape[2:]))


class SigmoidCrossEntropy(SinglePrecision):

    def __init__(self, normalize: bool, reduce: str) -> None:
        self.normalize = normalize
        self.reduce = reduce

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs((0,))
        x, t = inputs
        valid = t != -1
        self.target = t.astype(x.dtype)
        self.weight = weight = valid.astype(x.dtype)
        loss = _logistic_loss(x, self.target)
        if self.reduce == 'mean':
            weight /= get_array_module(x).maximum(valid.sum(), 1) if self.normalize else max(len(x), 1)
            loss = (loss * weight).sum()
        else:
            loss = loss * weight
        return loss,

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        gy, = grad_outputs
        x, = self.get_retained_inputs()
        return (sigmoid(x) - self.target) * (gy * self.weight), None


def softmax_cross_entropy(x: ArrayLike, t: ArrayLike, normalize: bool = True, cache_score: bool = True,
                          class_weight: BareArray | None = None, ignore_label: int = -1, reduce: str = 'mean',
                          enable_double_backprop: bool = False, soft_target_loss: str = 'cross-entropy') -> Variable:
    """The cross entropy of predictions, given as logits, and true classes.

    Args:
        x: Variable or array of logits, shape (N, C) or (N, C, d1, d2, ...), floating-point; C is the number of classes.
        t: Variable or array of labels from 0 to C - 1, integers of shape (N,) or (N, d1, d2, ...); or of probability
            distributions, floating-point of the shape of `x`.
        normalize: With integer labels and ``reduce='mean'``: divide the sum of losses by the number of labels that are
            not ignored (True) or by N (False). Class weights do not enter the divisor.
        cache_score: Keep the softmax for the backward pass; otherwise it is computed again, which saves memory.
        class_weight: Array of shape (C,) whose elements multiply the losses of the classes.
        ignore_label: Positions with this label have loss and gradient zero.
        reduce: ``'mean'``, or ``'no'`` for the loss of each position.
        enable_double_backprop: Has no effect: the gradient can always be differentiated again.
        soft_target_loss: With distributions, ``'cross-entropy'`` or ``'kl-divergence'`` (the cross entropy less the
            entropy of `t`). Their mean is taken over all positions.

    Returns:
        A Variable of the dtype of `x`: of shape ``()``, or (N, d1, d2, ...) with ``reduce='no'``.

    Raises:
        TypeError: `x` is not floating-point, or `t` is neither that nor of integers.
        ValueError: Shapes do not fit, a label is out of range, or an option is unknown.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> x = np.array([[2., 0.], [0., 0.], [5., 5.]])
        >>> F.softmax_cross_entropy(x, np.array([0, 1, -1]))
        variable(0.4100376)
        >>> F.softmax_cross_entropy(x, np.array([0, 1, -1]), reduce='no')
        variable([0.12692801, 0.69314718, 0.        ])
    """
    x, t = as_variable(x), as_variable(t)
    class_weight = as_array(class_weight)
    check_choice('softmax_cross_entropy', 'reduce', reduce, ('mean', 'no'))
    check_choice('softmax_cross_entropy', 'soft_target_loss', soft_target_loss, ('cross-entropy', 'kl-divergence'))
    check_float('softmax_cross_entropy', 'x', x)
    if x.ndim < 2:
        raise ShapeError(f'softmax_cross_entropy: x must have shape (N, C, ...), got {x.shape}')
    if class_weight is not None and getattr(class_weight, 'shape', None) != x.shape[1:2]:
        raise ShapeError(f'softmax_cross_entropy: class_weight must be an array of shape {x.shape[1:2]} for x of shape '
                         f'{x.shape}, got {getattr(class_weight, "shape", type(class_weight).__name__)}')
    if is_floating(t.dtype):
        return _soft_target_loss(x, t, class_weight, reduce, soft_target_loss)
    if t.dtype.kind not in 'iu':
        raise DTypeError(f'softmax_cross_entropy: t must hold integers or probabilities, not {t.dtype}')
    if t.shape != x.shape[:1] + x.shape[2:]:
        raise ShapeError(f'softmax_cross_entropy: t must have shape {x.shape[:1] + x.shape[2:]} for x of shape '
                         f'{x.shape}, got {t.shape}')
    return SoftmaxCrossEntropy(normalize, cache_score, class_weight, ignore_label, reduce).apply((x, t))[0]


@in_single_precision
def _soft_target_loss(x: Variable, t: Variable, class_weight: Array, reduce: str, kind: str) -> Variable:
    check_same_shape('softmax_cross_entropy', x=x, t=t)
    loss = -t * log_softmax(x)
    if kind == 'kl-divergence':
        # 0 log 0 is 0.
        loss += t * log(t + (t.array == 0).astype(t.dtype))
    if class_weight is not None:
        loss *= class_weight.astype(x.dtype).reshape((-1,) + (1,) * (x.ndim - 2))
    loss = loss.sum(axis=1)
    return loss.mean() if reduce == 'mean' else loss


def sigmoid_cross_entropy(x: ArrayLike, t: ArrayLike, normalize: bool = True, reduce: str = 'mean') -> Variable:
    """The cross entropy of independent yes-or-no predictions, given as logits, and true answers.

    Args:
        x: Variable or array of logits, of any shape, floating-point.
        t: Variable or array of the same shape: 0, 1, or -1 to ignore the element. Probabilities are possible, too.
        normalize: With ``reduce='mean'``: divide the sum of losses by the number of elements that are not ignored
            (True) or by the length of the first axis (False).
        reduce: ``'mean'``, or ``'no'`` for the loss of each element.

    Returns:
        A Variable of the dtype of `x`: of shape ``()``, or that of `x` with ``reduce='no'``.

    Raises:
        ValueError: The shapes differ, or `reduce` is unknown.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.sigmoid_cross_entropy(np.array([[2., 0., 9.]]), np.array([[1, 0, -1]]))
        variable(0.4100376)
    """
    check_choice('sigmoid_cross_entropy', 'reduce', reduce, ('mean', 'no'))
    x, t = as_variable(x), as_variable(t)
    check_float('sigmoid_cross_entropy', 'x', x)
    check_same_shape('sigmoid_cross_entropy', x=x, t=t)
    return SigmoidCrossEntropy(normalize, reduce).apply((x, t))[0]
