"""Which optimizer of several processes is made of one of a single process."""
from __future__ import annotations

from typing import Any

from autograd_nn.distributed.communicators import CommunicatorBase
from autograd_nn.distributed.optimizers.averaging import GradientAverager
from autograd_nn.distributed.optimizers.double_buffering import DoubleBufferingOptimizer
from autograd_nn.distributed.optimizers.multi_node_optimizer import MultiNodeOptimizer
from autograd_nn.distributed.optimizers.sharded_state import ShardedOptimizer
from autograd_nn.optimizer import GradientMethod


def create_multi_node_optimizer(actual_optimizer: GradientMethod, communicator: CommunicatorBase,
                                double_buffering: bool = False, zero_fill: bool = True, *,
                                shard_state: bool = False, bucket_bytes: int = 4 * 2 ** 20) -> Any:
    """An optimizer that updates by the averages of all processes' gradients, and else is like another one.

    The averages are computed while the backward pass still computes other gradients. Hooks, such as gradient clipping
    and weight decay, see them. The first `update` gives all processes the parameters of the first one.

    Args:
        actual_optimizer: The optimizer. Whatever is read from or set in the result is read from or set in it.
        communicator: The processes; all of them create such an optimizer, and update together.
        double_buffering: Whether to update by the averages of the gradients of the step before, so that communication
            has the whole next step to end.
        zero_fill: Whether parameters without a gradient in any process get one of zeros before hooks see them. Where
            some processes have none, it counts as zeros in any case.
        shard_state: Whether each process keeps only its part of the optimizer's state, which takes the less memory the
            more processes there are (ZeRO, stage 1). `serialize` is then called by all processes together.
        bucket_bytes: Gradients travel together until they are that many bytes.

    Returns:
        A `MultiNodeOptimizer`.

    Raises:
        TypeError: It is no optimizer that updates by gradients.
        ValueError: `bucket_bytes` is not positive, or `double_buffering` comes with `shard_state`.

    Example:
        >>> from autograd_nn import distributed, optimizers
        >>> comm = distributed.create_communicator()  # doctest: +SKIP
        >>> optimizer = create_multi_node_optimizer(optimizers.Adam(), comm)  # doctest: +SKIP
    """
    if not isinstance(actual_optimizer, GradientMethod):
        raise TypeError('create_multi_node_optimizer: actual_optimizer must be one that updates by gradients (a '
                        f'GradientMethod), got {type(actual_optimizer).__name__}')
    if bucket_bytes < 1:
        raise ValueError(f'create_multi_node_optimizer: bucket_bytes must be positive, got {bucket_bytes}')
    if shard_state:
        if double_buffering:
            raise ValueError('create_multi_node_optimizer: expected double_buffering or shard_state, got both')
        return ShardedOptimizer(actual_optimizer, communicator, bucket_bytes, zero_fill)
    kind = DoubleBufferingOptimizer if double_buffering else MultiNodeOptimizer
    return kind(actual_optimizer, communicator, GradientAverager(communicator, bucket_bytes, zero_fill))
