"""Training on many processes and machines, on MPI and NCCL, with the names of ChainerMN."""
from autograd_nn.distributed.communicators import CommunicatorBase, create_communicator
from autograd_nn.distributed.optimizers import create_multi_node_optimizer

__all__ = ['CommunicatorBase', 'create_communicator', 'create_multi_node_optimizer']
