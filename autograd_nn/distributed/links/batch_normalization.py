"""Batch normalization over the batches of all processes."""
from __future__ import annotations

import copy
import logging
from typing import Any

from autograd_nn.distributed.communicators import CommunicatorBase
from autograd_nn.distributed.functions.batch_normalization import multi_node_batch_normalization
from autograd_nn.distributed.links.communicating import Communicating
from autograd_nn.link import Link
from autograd_nn.links.normalization.normalization import BatchNormalization
from autograd_nn.sequential import fusible
from autograd_nn.types import Activation, ArrayLike, DTypeLike, InitializerLike
from autograd_nn.variable import Variable

_BACKENDS = ('auto', 'mpi', 'nccl')
_logger = logging.getLogger(__name__)


class MultiNodeBatchNormalization(Communicating, BatchNormalization):
    """`links.BatchNormalization` whose statistics, in training, are those of the batches of all processes together.

    So a layer computes what it would in a single process with the whole batch, however small the parts are and also
    where their sizes differ. All processes have the same running averages. The gradients of its parameters are those
    of this process's part, which a multi-node optimizer averages with the others.

    Args:
        size: The number of channels, or the shape of the statistics; None settles it in the first call.
        comm: The processes, which call the layer together, forward and backward.
        decay: How much of the running averages each batch leaves.
        eps: Added to the variance.
        dtype: The dtype of parameters and averages, of which the latter are at least float32; ``config.dtype`` by
            default.
        use_gamma: Whether to scale.
        use_beta: Whether to shift.
        initial_gamma: Initial scale; 1 by default.
        initial_beta: Initial shift; 0 by default.
        communication_backend: ``'auto'``, ``'mpi'`` or ``'nccl'``. Accepted; the communicator knows what is best.

    Raises:
        ValueError: There is no such `communication_backend`.
    """

    def __init__(self, size: int | tuple[int, ...] | None, comm: CommunicatorBase, decay: float = 0.9,
                 eps: float = 2e-5, dtype: DTypeLike | None = None, use_gamma: bool = True, use_beta: bool = True,
                 initial_gamma: InitializerLike = None, initial_beta: InitializerLike = None,
                 communication_backend: str = 'auto') -> None:
        _check_backend('MultiNodeBatchNormalization', communication_backend)
        super().__init__(size, decay, eps, dtype, use_gamma, use_beta, initial_gamma, initial_beta)
        self.comm = comm

    @fusible(BatchNormalization._absorb, is_affine=True)
    def forward(self, x: ArrayLike, finetune: bool = False, *, residual: ArrayLike | None = None,
                activation: Activation | None = None) -> Variable:
        """Applies the layer; the arguments are those of `BatchNormalization`."""
        return super().forward(x, finetune=finetune, residual=residual, activation=activation)

    def _normalize(self, x: ArrayLike, gamma: ArrayLike, beta: ArrayLike, decay: float, **options: Any) -> Variable:
        return multi_node_batch_normalization(self.comm, x, gamma, beta, self.eps, self.avg_mean, self.avg_var, decay,
                                              axis=self.axis, **options)


def create_mnbn_model(link: Link, comm: CommunicatorBase, communication_backend: str = 'auto') -> Any:
    """A copy of a model whose `links.BatchNormalization` layers have the statistics of all processes.

    They keep their parameters, averages and all else. A class derived from `BatchNormalization` is taken for one if it
    computes by the methods of that; another, as `links.BatchRenormalization`, stays as it is.

    Args:
        link: A link, with layers anywhere below it, or one itself.
        comm: The processes.
        communication_backend: As for `MultiNodeBatchNormalization`.

    Raises:
        ValueError: There is no such `communication_backend`.
    """
    _check_backend('create_mnbn_model', communication_backend)
    copied = copy.deepcopy(link)
    synchronize(copied, comm)
    return copied


def synchronize(link: Link, comm: CommunicatorBase) -> None:
    """Makes the `links.BatchNormalization` layers of a model such as `create_mnbn_model` has them in its copy.

    Args:
        link: The model.
        comm: The processes.
    """
    for each in link.links():
        if isinstance(each, BatchNormalization) and not isinstance(each, MultiNodeBatchNormalization):
            if _computes_as_base(each):
                # Others may refer to the layer, so it stays the object that it is.
                each.__class__ = _multi_node_class(type(each))
                each.comm = comm
            else:
                _logger.debug('create_mnbn_model: %s normalizes in a way of its own and stays in one process',
                              type(each).__name__)


def _computes_as_base(link: BatchNormalization) -> bool:
    return 'forward' not in link.__dict__ and all(getattr(type(link), name) is getattr(BatchNormalization, name)
                                                  for name in ('__call__', 'forward', '_normalize'))


def _multi_node_class(kind: type) -> type:
    """`MultiNodeBatchNormalization`, with what a derived class adds."""
    if kind is BatchNormalization:
        return MultiNodeBatchNormalization
    return type(kind.__name__, (MultiNodeBatchNormalization, kind), {})


def _check_backend(caller: str, communication_backend: str) -> None:
    if communication_backend not in _BACKENDS:
        raise ValueError(f'{caller}: communication_backend must be one of {", ".join(_BACKENDS)}, got '
                         f'{communication_backend!r}')
