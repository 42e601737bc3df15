"""Gradients and parameters between the GPUs of several processes, through NCCL."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from itertools import accumulate
from typing import Any

from autograd_nn import cuda
from autograd_nn.link import Link
from autograd_nn.types import Array

# The names that NCCL has for dtypes.
TYPES = {'float16': 'NCCL_HALF', 'float32': 'NCCL_FLOAT', 'float64': 'NCCL_DOUBLE', 'bfloat16': 'NCCL_BFLOAT16'}


class NcclGroup:
    """One of several processes, each with a GPU of its own and a model of the same structure.

    Args:
        unique_id: What `make_id` returned in the first process.
        n: The number of processes; this waits for all of them.
        rank: Which of them this is, 0 for the first.
    """

    def __init__(self, unique_id: Any, n: int, rank: int) -> None:
        self._communicator = cuda.cupy.cuda.nccl.NcclCommunicator(n, unique_id, rank)
        self._rank = rank

    @staticmethod
    def available() -> bool:
        """Whether CuPy is there, with NCCL."""
        return cuda.available and bool(getattr(cuda.cupy.cuda, 'nccl', None) and cuda.cupy.cuda.nccl.available)

    @staticmethod
    def make_id() -> Any:
        """What identifies a new group."""
        return cuda.cupy.cuda.nccl.get_unique_id()

    def sum_gradients(self, model: Link) -> None:
        """Gives the first process the sums of the gradients; those of the others are forgotten."""
        def reduce(flat: Any, kind: int, stream: int) -> None:
            self._communicator.reduce(flat.data.ptr, flat.data.ptr, flat.size, kind, cuda.cupy.cuda.nccl.NCCL_SUM, 0,
                                      stream)

        for param, g in self._exchange(model, lambda param: param.xp.zeros_like(param.array) if param.grad is None
                                       else param.grad, reduce):
            param.grad = g if self._rank == 0 else None

    def share_parameters(self, model: Link) -> None:
        """Gives all processes the parameters of the first one."""
        def broadcast(flat: Any, kind: int, stream: int) -> None:
            self._communicator.bcast(flat.data.ptr, flat.size, kind, 0, stream)

        for param, array in self._exchange(model, lambda param: param.array, broadcast):
            if self._rank:
                param.array[...] = array

    @staticmethod
    def _exchange(model: Link, part: Callable[[Any], Array], call: Callable[[Any, int, int], None]) -> list[Any]:
        """Has NCCL work on what belongs to all parameters, in one call for each dtype.

        Args:
            model: The model.
            part: The array that belongs to a parameter.
            call: Called with a vector of all arrays of one dtype, NCCL's name of that, and the stream.

        Returns:
            Pairs of a parameter and its part of the vector.
        """
        by_dtype: dict[str, list[Any]] = defaultdict(list)
        for _, param in sorted(model.namedparams(include_uninit=False)):
            by_dtype[param.dtype.name].append(param)
        pairs: list[Any] = []
        for name, params in by_dtype.items():
            flat = cuda.cupy.concatenate([part(param).ravel() for param in params])
            call(flat, getattr(cuda.cupy.cuda.nccl, TYPES[name]), cuda.cupy.cuda.get_current_stream().ptr)
            starts = accumulate([0, *[param.size for param in params]])
            pairs += [(param, flat[start:start + param.size].reshape(param.shape))
                      for param, start in zip(params, starts)]
        return pairs
