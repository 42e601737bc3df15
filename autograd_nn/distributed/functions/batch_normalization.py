"""Batch normalization with the statistics of the batches of all processes."""
from __future__ import annotations

from typing import Any

import numpy as np

from autograd_nn import backend
from autograd_nn.config import config
from autograd_nn.distributed.communicators import CommunicatorBase
from autograd_nn.distributed.functions.collective import allreduce
from autograd_nn.dtypes import is_half
from autograd_nn.function_node import Arrays, Gradients, Indexes
from autograd_nn.functions.array.shape import reshape
from autograd_nn.functions.axes import keep_dims
from autograd_nn.functions.fused_rectifiers import is_relu, relu_grad
from autograd_nn.functions.kernel_gradients import KernelGradients
from autograd_nn.functions.math.exponential import rsqrt
from autograd_nn.functions.math.reduction import sum as sum_over
from autograd_nn.functions.normalization.batch_normalization import BatchNormalization, added_inputs, statistics_axes
from autograd_nn.types import Activation, Array, ArrayLike, BareArray
from autograd_nn.variable import Variable, as_variable


class MultiNodeBatchNormalization(BatchNormalization):
    """Of `x`, `gamma` and `beta`; a fourth input is added to the result, before it is rectified."""

    def __init__(self, comm: CommunicatorBase, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.comm = comm

    def forward(self, inputs: Arrays) -> Arrays:
        x, gamma, beta, *residual = inputs
        self.retain_inputs((0, 1))
        if self.relu:
            self.retain_outputs((0,))
        self.kernels = backend.kernels(*inputs)
        self._find_statistics(x, gamma)
        if self.total and not config.in_recomputing:
            self._update_statistics(self.total)
        return self.kernels.fixed_batch_normalization(x, gamma, beta, self.mean, self.var, self.eps, self.axis,
                                                      self.relu, residual[0] if residual else None),

    def _find_statistics(self, x: Array, gamma: Array) -> None:
        """The mean and the variance over all processes, of which each counts with the size of its batch.

        Sums of squares would lose digits where the mean is large, so they are added up in float64: they are few.
        """
        xp = backend.get_array_module(x)
        self.count = x.size // gamma.size if gamma.size else 0
        sums = xp.zeros((3, gamma.size))
        sums[2] = self.count
        dtype = np.dtype(np.float32) if is_half(gamma.dtype) else gamma.dtype
        if self.count:
            _, mean, inv_std, _ = self.kernels.batch_normalization(
                x, xp.ones(gamma.shape, dtype), xp.zeros(gamma.shape, dtype), self.eps, self.axis, False, None)
            sums[0] = mean.ravel()
            sums[1] = inv_std.ravel().astype(np.float64) ** -2 - self.eps + sums[0] ** 2
            sums[:2] *= self.count
        sums = self.comm.allreduce(sums)
        self.total = int(sums[2, 0]) if gamma.size else 0
        mean, square = sums[:2] / max(self.total, 1)
        var = (square - mean ** 2).clip(0)
        self.mean, self.var, self.inv_std = (each.astype(dtype).reshape(gamma.shape)
                                             for each in (mean, var, (var + self.eps) ** -0.5))

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        x, gamma = self.get_retained_inputs()
        gy, = grad_outputs
        if self.relu:
            gy = relu_grad(self._retained_outputs[0], gy)
        gradients = MultiNodeBatchNormalizationGrad(self).apply((x, gamma, gy))
        return (*gradients, gy)[:len(self.inputs or ())]


class MultiNodeBatchNormalizationGrad(KernelGradients):
    """The gradients of `gamma` and `beta` are those of this process's loss, as those of other parameters are."""

    def __init__(self, forward_node: MultiNodeBatchNormalization) -> None:
        self.node = forward_node

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs((0, 1, 2))
        x, gamma, gy = inputs
        node = self.node
        axis, mean, inv_std = node.axis, node.mean, node.inv_std
        xp = backend.get_array_module(x)
        wide = gamma.astype(mean.dtype, copy=False)
        gx, ggamma, gbeta = node.kernels.batch_normalization_grad(x, wide, gy, mean, inv_std, axis, None)
        mine = xp.stack([ggamma, gbeta])
        everybodys = node.comm.allreduce(mine)
        # The kernel took means over this process's batch; what they lack is one scale and shift for each channel.
        lack = (mine / max(node.count, 1) - everybodys / max(node.total, 1)) * (wide * inv_std)
        gx = node.kernels.fixed_batch_normalization(x, lack[0], lack[1], mean, node.var, node.eps, axis, False, gx)
        return gx, ggamma.astype(gamma.dtype, copy=False), gbeta.astype(gamma.dtype, copy=False)

    def backward(self, target_input_indexes: Indexes, grad_outputs: Gradients) -> Gradients:
        # All processes go through all of the formula.
        x, gamma, _ = self.get_retained_inputs()
        zeros = [Variable(each.xp.zeros_like(each.array)) for each in (x, gamma, gamma)]
        return super().backward(target_input_indexes, tuple([zero if g is None else g
                                                             for zero, g in zip(zeros, grad_outputs)]))

    def formula(self, *inputs: Variable) -> tuple[Variable, ...]:
        x, gamma, gy = inputs
        axis, wide = self.node.axis, keep_dims(x.shape, self.node.axis)

        def mean_over_all(sums: Variable) -> Variable:
            return reshape(allreduce(self.node.comm, sums) / max(self.node.total, 1), wide)

        centred = x - mean_over_all(sum_over(x, axis))
        inv_std = rsqrt(mean_over_all(sum_over(centred * centred, axis)) + self.node.eps)
        x_hat = centred * inv_std
        gbeta = sum_over(gy, axis)
        ggamma = sum_over(gy * x_hat, axis)
        gx = reshape(gamma, wide) * inv_std * (gy - mean_over_all(gbeta) - x_hat * mean_over_all(ggamma))
        return gx, ggamma, gbeta


def multi_node_batch_normalization(comm: CommunicatorBase, x: ArrayLike, gamma: ArrayLike, beta: ArrayLike, eps: float,
                                   running_mean: BareArray, running_var: BareArray, decay: float, *,
                                   axis: Any = None, residual: ArrayLike | None = None,
                                   activation: Activation | None = None) -> Variable:
    """`batch_normalization` over the batches of all processes, which may be of several sizes, or empty.

    Args:
        comm: The processes, which call this together.
        x: Input, floating point; shapes may differ in the axes of the batch.
        gamma: Scale, of the shape of `x` without those axes.
        beta: Shift, of the shape of `gamma`.
        eps: Added to the variance.
        running_mean: Array of the shape of `gamma` that is moved, in place, towards the mean.
        running_var: The same for the (unbiased) variance.
        decay: How much of the running statistics stays.
        axis: The axes of the batch (see `batch_normalization`).
        residual: What is added to the output, of its shape, or None.
        activation: `relu`, to be computed in the same kernel, or None.

    Returns:
        Output of the shape of `x`.

    Raises:
        ValueError: The shapes do not fit, or `activation` is something else.
    """
    name = 'multi_node_batch_normalization'
    x, gamma, beta = as_variable(x), as_variable(gamma), as_variable(beta)
    axes = statistics_axes(name, x, axis, gamma=gamma, beta=beta)
    node = MultiNodeBatchNormalization(comm, eps, axes, running_mean, running_var, decay, is_relu(name, activation))
    return node.apply((x, gamma, beta, *added_inputs(name, residual, x)))[0]
