"""Hooks for links: ready-made ones."""
from autograd_nn.link_hooks.timer import TimerHook

__all__ = ['TimerHook']
