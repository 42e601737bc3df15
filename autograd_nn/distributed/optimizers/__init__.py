"""Optimizers of several processes that train one model."""
from autograd_nn.distributed.optimizers.double_buffering import DoubleBufferingOptimizer
from autograd_nn.distributed.optimizers.factory import create_multi_node_optimizer
from autograd_nn.distributed.optimizers.multi_node_optimizer import MultiNodeOptimizer
from autograd_nn.distributed.optimizers.sharded_state import ShardedOptimizer

__all__ = ['DoubleBufferingOptimizer', 'MultiNodeOptimizer', 'ShardedOptimizer', 'create_multi_node_optimizer']
