"""Communicators: the processes of a training, and what they send each other."""
from autograd_nn.distributed.communicators.communicator_base import CommunicatorBase
from autograd_nn.distributed.communicators.factory import create_communicator
from autograd_nn.distributed.communicators.mpi_communicator import MpiCommunicator

__all__ = ['CommunicatorBase', 'MpiCommunicator', 'create_communicator']
