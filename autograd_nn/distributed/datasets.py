"""Data sets on many processes: each process gets a part."""
from __future__ import annotations

import hashlib
import logging
import pickle
from typing import Any

import numpy as np

from autograd_nn.dataset.dataset_mixin import Dataset
from autograd_nn.datasets import SubDataset
from autograd_nn.distributed.communicators import CommunicatorBase

__all__ = ['DataSizeError', 'create_empty_dataset', 'scatter_dataset', 'scatter_index']

_logger = logging.getLogger(__name__)
# By how many examples data sets are compared.
_SAMPLES = 16


class DataSizeError(RuntimeError):
    """What early versions of ChainerMN raised for a data set that was too large to send; here none is."""


def scatter_dataset(dataset: Dataset | None, comm: CommunicatorBase, root: int = 0, shuffle: bool = False,
                    seed: int | None = None, max_buf_len: int = 256 * 1024 * 1024, *,
                    force_equal_length: bool = True) -> SubDataset:
    """Splits the data set of one process among all of them, which call this together.

    Only indices are sent where every process has the data set itself, as all of them have read the same files: each
    then reads its part from its own. That they have the same is seen from their lengths and from some of the examples.
    Otherwise, as where the others have None, that of the process `root` is pickled and sent to all.

    Args:
        dataset: The data set.
        comm: The processes.
        root: The rank of the process whose data set it is.
        shuffle: Whether to permute the examples before they are split.
        seed: Determines the permutation; by default the global random state of NumPy in the process `root` does.
        max_buf_len: How many bytes of the data set are sent at once.
        force_equal_length: Whether all parts have the same length, for which some examples may be in two of them. That
            is what a training needs, whose processes make their steps together. If False, each example is in one part,
            and lengths differ by one at most.

    Returns:
        The part of this process.

    Raises:
        TypeError: The process `root` has None.

    Example:
        >>> from mpi4py import MPI
        >>> from autograd_nn.distributed import create_communicator, scatter_dataset
        >>> comm = create_communicator(mpi_comm=MPI.COMM_SELF)
        >>> scatter_dataset('abcd', comm, shuffle=True, seed=0)[:]
        ['c', 'd', 'b', 'a']
    """
    sizes = comm.allgather_obj(None if dataset is None else len(dataset))
    size = sizes[root]
    if size is None:
        raise TypeError(f'scatter_dataset: the process {root} is the root, and its dataset is None')
    random: Any = np.random if seed is None else np.random.RandomState(seed)
    order = comm.bcast_obj(random.permutation(size) if shuffle and comm.rank == root else None, root=root)
    if any(each != size for each in sizes) or not _is_same(dataset, size, comm, root):
        _logger.debug('scatter_dataset: the data set of rank %d is sent, since not every process has it', root)
        dataset = comm.bcast_obj(dataset, max_buf_len=max_buf_len, root=root)
    assert dataset is not None
    start, finish = _interval(size, comm.rank, comm.size, force_equal_length)
    return SubDataset(dataset, start, finish, order)


def scatter_index(n_total_samples: int, comm: CommunicatorBase, root: int = 0, *,
                  force_equal_length: bool = True) -> tuple[int, int]:
    """The interval of indices that is this process's part of a data set; all processes call this together.

    Args:
        n_total_samples: The number of examples; that which the process `root` gives counts.
        comm: The processes.
        root: The rank of that process.
        force_equal_length: See `scatter_dataset`.

    Returns:
        The first index, and the one behind the last.

    Example:
        >>> from mpi4py import MPI
        >>> from autograd_nn.distributed import create_communicator, scatter_index
        >>> scatter_index(10, create_communicator(mpi_comm=MPI.COMM_SELF))
        (0, 10)
    """
    n_total_samples = comm.bcast_obj(n_total_samples, root=root)
    return _interval(n_total_samples, comm.rank, comm.size, force_equal_length)


def create_empty_dataset(dataset: Dataset) -> list[tuple[()]]:
    """A data set as long as another one, whose examples are empty: for processes whose model has no input of its own.

    Args:
        dataset: The other one.

    Example:
        >>> create_empty_dataset('abc')
        [(), (), ()]
    """
    return [()] * len(dataset)


def _is_same(dataset: Any, size: int, comm: CommunicatorBase, root: int) -> bool:
    """Whether the data sets of all processes, which are equally long, have the same examples: a few are compared."""
    indices = np.random.RandomState(0).choice(size, min(size, _SAMPLES), replace=False)
    samples = comm.allgather_obj([_digest(dataset, int(i)) for i in indices])
    return all(sample == samples[root] for sample in samples)


def _digest(dataset: Dataset, i: int) -> str | None:
    try:
        return hashlib.sha256(pickle.dumps(dataset[i], pickle.HIGHEST_PROTOCOL)).hexdigest()
    except Exception as error:  # whatever a data set raises whose files are on another machine
        _logger.debug('scatter_dataset: this process cannot read example %d: %r', i, error)
        return None


def _interval(n: int, rank: int, size: int, force_equal_length: bool) -> tuple[int, int]:
    if force_equal_length:
        start = n * rank // size
        return start, start + -(-n // size)
    longer = n % size  # so many of the first parts have one more
    return rank * (n // size) + min(rank, longer), (rank + 1) * (n // size) + min(rank + 1, longer)
