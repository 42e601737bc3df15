"""Hooks for functions that come with the framework; see `autograd_nn.FunctionHook`."""
from autograd_nn.function_hooks.cuda_profile import CUDAProfileHook
from autograd_nn.function_hooks.cupy_memory_profile import CupyMemoryProfileHook
from autograd_nn.function_hooks.print_hook import PrintHook
from autograd_nn.function_hooks.timer import TimerHook

__all__ = ['CUDAProfileHook', 'CupyMemoryProfileHook', 'PrintHook', 'TimerHook']
