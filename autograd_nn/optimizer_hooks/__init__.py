"""Hooks that change gradients between backpropagation and update: regularisation, clipping, noise."""
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
    'WeightDecay', 'exponential_decay_noise',
]
