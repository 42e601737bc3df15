"""A hook that names functions in the time lines of NVIDIA's profilers."""
from __future__ import annotations

from typing import Any

from autograd_nn import cuda
from autograd_nn.function_hook import FunctionHook
from autograd_nn.function_node import FunctionNode


class CUDAProfileHook(FunctionHook):
    """Marks the range of every function, forward and backward, with NVTX: Nsight Systems shows it beside the kernels.

    Raises:
        RuntimeError: There is no GPU.

    Example:
        With the program run by ``nsys profile python train.py``::

            with CUDAProfileHook():
                loss = model(x, t)
                loss.backward()
    """

    name = 'CUDAProfileHook'

    def __init__(self) -> None:
        cuda.check_cuda_available()

    def forward_preprocess(self, function: FunctionNode, in_data: tuple[Any, ...]) -> None:
        _nvtx().RangePush(f'{function.label}.forward')

    def forward_postprocess(self, function: FunctionNode, in_data: tuple[Any, ...]) -> None:
        _nvtx().RangePop()

    def backward_preprocess(self, function: FunctionNode, in_data: tuple[Any, ...], out_grad: tuple[Any, ...]) -> None:
        _nvtx().RangePush(f'{function.label}.backward')

    def backward_postprocess(self, function: FunctionNode, in_data: tuple[Any, ...],
                             out_grad: tuple[Any, ...]) -> None:
        _nvtx().RangePop()


def _nvtx() -> Any:
    return cuda.cupy.cuda.nvtx
