"""Training on many processes and machines, on MPI, with the names of ChainerMN."""
from autograd_nn.distributed import extensions, functions, global_except_hook, links
from autograd_nn.distributed.communicators import CommunicatorBase, create_communicator
from autograd_nn.distributed.datasets import DataSizeError, create_empty_dataset, scatter_dataset, scatter_index
from autograd_nn.distributed.extensions import create_multi_node_checkpointer, create_multi_node_evaluator
from autograd_nn.distributed.global_except_hook import add_hook as add_global_except_hook
from autograd_nn.distributed.iterators import create_multi_node_iterator, create_synchronized_iterator
from autograd_nn.distributed.links import MultiNodeChainList
from autograd_nn.distributed.optimizers import create_multi_node_optimizer

__all__ = [
    'CommunicatorBase',
    'DataSizeError',
    'MultiNodeChainList',
    'add_global_except_hook',
    'create_communicator',
    'create_empty_dataset',
    'create_multi_node_checkpointer',
    'create_multi_node_evaluator',
    'create_multi_node_iterator',
    'create_multi_node_optimizer',
    'create_synchronized_iterator',
    'extensions',
    'functions',
    'global_except_hook',
    'links',
    'scatter_dataset',
    'scatter_index',
]
