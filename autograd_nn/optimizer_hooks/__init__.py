"""Hooks that change gradients between backpropagation and update, or parameters after it."""
from autograd_nn.optimizer_hooks.constraints import WeightClipping, WeightMask
from autograd_nn.optimizer_hooks.gradient import (
    GradientClipping,
    GradientHardClipping,
    GradientLARS,
    GradientNoise,
    GradientScaling,
    exponential_decay_noise,
)
from autograd_nn.optimizer_hooks.regularization import Lasso, WeightDecay

__all__ = [
    'GradientClipping', 'GradientHardClipping', 'GradientLARS', 'GradientNoise', 'GradientScaling', 'Lasso',
    'WeightClipping', 'WeightDecay', 'WeightMask', 'exponential_decay_noise',
]
