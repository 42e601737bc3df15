"""Hooks for links: ready-made ones."""
from autograd_nn.link_hooks.spectral_normalization import SpectralNormalization
from autograd_nn.link_hooks.timer import TimerHook
from autograd_nn.link_hooks.weight_standardization import WeightStandardization

__all__ = ['SpectralNormalization', 'TimerHook', 'WeightStandardization']
