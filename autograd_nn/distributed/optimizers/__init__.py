"""Optimizers whose gradients are the averages over all processes."""
from __future__ import annotations

from typing import Any

from autograd_nn.distributed.communicators import CommunicatorBase


class MultiNodeOptimizer:
    """An optimizer that updates by the averages of all processes' gradients; in all else it is the one that it has.

    Args:
        actual_optimizer: The optimizer.
        communicator: The processes.
        zero_fill: Whether parameters without a gradient get zeros.
    """

    def __init__(self, actual_optimizer: Any, communicator: CommunicatorBase, zero_fill: bool = True) -> None:
        self.__dict__.update(actual_optimizer=actual_optimizer, communicator=communicator, zero_fill=zero_fill,
                             has_shared=False)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__['actual_optimizer'], name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.__dict__['actual_optimizer'], name, value)

    def update(self, lossfun: Any = None, *args: Any, **kwds: Any) -> None:
        """Updates the parameters once by the averages of all processes' gradients; they call this together.

        Args:
            lossfun: Computes this process's loss; None averages the gradients that the parameters have.
            args: Its arguments.
            kwds: Its keyword arguments.
        """
        actual, comm = self.__dict__['actual_optimizer'], self.__dict__['communicator']
        if lossfun is not None:
            actual.compute_gradients(lossfun, *args, **kwds)
        comm.multi_node_mean_grad(actual.target, self.__dict__['zero_fill'])
        actual.apply_gradients(None if lossfun is None else actual.loss_scale)


def create_multi_node_optimizer(actual_optimizer: Any, communicator: CommunicatorBase, double_buffering: bool = False,
                                zero_fill: bool = True) -> MultiNodeOptimizer:
    """An optimizer that updates by the averages of all processes' gradients.

    Args:
        actual_optimizer: One that updates by those of this process.
        communicator: The processes.
        double_buffering: Not yet.
        zero_fill: Whether parameters without a gradient get zeros.

    Raises:
        NotImplementedError: `double_buffering` is asked for.
    """
    if double_buffering:
        raise NotImplementedError('create_multi_node_optimizer: double_buffering=True is not there')
    return MultiNodeOptimizer(actual_optimizer, communicator, zero_fill)
