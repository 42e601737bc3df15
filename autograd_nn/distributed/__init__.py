"""Training on many processes and machines, on MPI and NCCL, with the names of ChainerMN."""
from autograd_nn.distributed.communicators import CommunicatorBase, create_communicator

__all__ = ['CommunicatorBase', 'create_communicator']
