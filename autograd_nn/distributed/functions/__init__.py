"""Differentiable communication: Variables go from process to process, and gradients the other way, of any order."""
from autograd_nn.distributed.functions.collective import allgather, allreduce, alltoall, bcast, gather, scatter
from autograd_nn.distributed.functions.communication import pseudo_connect
from autograd_nn.distributed.functions.point_to_point import recv, send

__all__ = ['allgather', 'allreduce', 'alltoall', 'bcast', 'gather', 'pseudo_connect', 'recv', 'scatter', 'send']
