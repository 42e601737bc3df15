"""Communicators: the processes of a training, and what they send each other."""
from __future__ import annotations

import logging
from typing import Any

from autograd_nn.distributed import mpi, witness
from autograd_nn.distributed.communicators.communicator_base import CommunicatorBase
from autograd_nn.distributed.communicators.mpi_communicator import MpiCommunicator

__all__ = ['CommunicatorBase', 'MpiCommunicator', 'create_communicator']

_logger = logging.getLogger(__name__)
# Chainer's names; what they told apart, MPI and NCCL settle by themselves today.
_NAMES = ('flat', 'naive', 'pure_nccl', 'non_cuda_aware', 'hierarchical', 'two_dimensional', 'single_node')


def create_communicator(communicator_name: str = 'flat', mpi_comm: Any = None, allreduce_grad_dtype: Any = None,
                        batched_copy: bool | None = None) -> MpiCommunicator:
    """The processes of this MPI job; all of them call this together.

    Args:
        communicator_name: ``'naive'``, ``'flat'``, … ``'pure_nccl'``.
        mpi_comm: A communicator of mpi4py, by default that of all processes.
        allreduce_grad_dtype: The dtype in which gradients travel.
        batched_copy: Accepted; gradients always are packed by kernels for many arrays.

    Raises:
        ValueError: There is no such name.
        ImportError: mpi4py or MPI is missing.
        RuntimeError: This process was not started by a launcher of MPI.
    """
    if communicator_name not in _NAMES:
        raise ValueError(f'create_communicator: expected one of {", ".join(_NAMES)}; got {communicator_name!r}')
    if mpi_comm is None:
        mpi_comm = mpi.world()
        witness.start(mpi_comm)
    return MpiCommunicator(mpi_comm)
