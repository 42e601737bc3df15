"""How the communicator of a program is made."""
from __future__ import annotations

import logging
from typing import Any

import numpy as np

from autograd_nn.distributed import mpi, witness
from autograd_nn.distributed.communicators.mpi_communicator import MpiCommunicator
from autograd_nn.distributed.communicators.nccl_communicator import NcclCommunicator
from autograd_nn.dtypes import as_dtype, is_half, name_of
from autograd_nn.training.updaters.nccl_group import NcclGroup

_logger = logging.getLogger(__name__)
# Chainer's names; what they told apart, MPI settles by itself today.
_NAMES = ('flat', 'naive', 'pure_nccl', 'non_cuda_aware', 'hierarchical', 'two_dimensional', 'single_node')


def create_communicator(communicator_name: str = 'flat', mpi_comm: Any = None, allreduce_grad_dtype: Any = None,
                        batched_copy: bool = True) -> MpiCommunicator:
    """The processes of this MPI job; all of them call this together.

    Args:
        communicator_name: ``'naive'``, ``'flat'``, … ``'pure_nccl'``. The last one takes NCCL for what is on GPUs, of
            which each process has its own, if CuPy is there with NCCL. All others are MPI, and arrays of a GPU go over
            the host.
        mpi_comm: A communicator of mpi4py, by default that of all processes.
        allreduce_grad_dtype: The dtype in which a multi-node optimizer sends gradients: float16 or bfloat16, which are
            added in float32. By default, and with float32, they travel as they are.
        batched_copy: What `CommunicatorBase.get_config` returns; gradients are packed by a kernel for many arrays in
            any case.

    Raises:
        ValueError: There is no such name, or gradients cannot travel in that dtype.
        ImportError: mpi4py or MPI is missing.
        RuntimeError: This process was not started by a launcher of MPI.
    """
    if communicator_name not in _NAMES:
        raise ValueError(f'create_communicator: expected one of {", ".join(_NAMES)}; got {communicator_name!r}')
    wire = None if allreduce_grad_dtype is None else as_dtype(allreduce_grad_dtype)
    if wire is not None and not is_half(wire) and wire != np.float32:
        raise ValueError('create_communicator: allreduce_grad_dtype must be float16, bfloat16 or float32, got '
                         f'{name_of(wire)}')
    is_nccl = communicator_name == 'pure_nccl' and NcclGroup.available()
    if not is_nccl and communicator_name not in ('flat', 'naive'):
        _logger.debug('create_communicator: %s is a communicator on MPI', communicator_name)
    if mpi_comm is None:
        mpi_comm = mpi.world()
    module = mpi.load()
    if module.COMM_WORLD.Compare(mpi_comm) in (module.IDENT, module.CONGRUENT):
        witness.start(mpi_comm)
    kind = NcclCommunicator if is_nccl else MpiCommunicator
    comm = kind(mpi_comm, wire if wire is not None and is_half(wire) else None)
    comm.set_config('batched_copy', batched_copy)
    return comm
