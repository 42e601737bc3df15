"""Hooks for functions that come with the framework; see `autograd_nn.FunctionHook`."""
from autograd_nn.function_hooks.print_hook import PrintHook
from autograd_nn.function_hooks.timer import TimerHook
