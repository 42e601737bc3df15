"""Evaluation that many processes share."""
from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from itertools import zip_longest
from typing import Any, TypeVar

from autograd_nn import backend
from autograd_nn.backend import DeviceLike, get_device
from autograd_nn.config import no_backprop_mode, using_config
from autograd_nn.dataset.convert import call_converter, call_with_batch, concat_examples
from autograd_nn.distributed.communicators import CommunicatorBase
from autograd_nn.distributed.shared_summary import SharedSummary
from autograd_nn.training.extension import PRIORITY_WRITER, Extension
from autograd_nn.training.trainer import Trainer
from autograd_nn.variable import as_array

_Evaluator = TypeVar('_Evaluator', bound=Any)


def create_multi_node_evaluator(actual_evaluator: _Evaluator, communicator: CommunicatorBase) -> _Evaluator:
    """Has an evaluator report means over the data of all processes, which call it together.

    They are what one process would report that evaluates all examples: whatever is in the parts of a data set that
    `scatter_dataset` makes with ``force_equal_length=False``, each example counts once, and a value that is reported
    with a weight of its own counts by that. (ChainerMN takes the plain mean of what the processes report.) What an
    evaluator of one's own returns, whose class overrides `evaluate`, is averaged with the numbers of examples in the
    processes as weights; where its iterator does not have them, the weights are equal. A value that some processes do
    not have is averaged over the others.

    Args:
        actual_evaluator: The `Evaluator`, or any object with a method `evaluate` that returns a dictionary of numbers
            or arrays; it is changed.
        communicator: The processes.

    Returns:
        The same evaluator.

    Example:
        >>> import numpy as np, autograd_nn as ann
        >>> from mpi4py import MPI
        >>> from autograd_nn.distributed import create_communicator, create_multi_node_evaluator
        >>> from autograd_nn.training import extensions
        >>> comm, model = create_communicator(mpi_comm=MPI.COMM_SELF), ann.Link()
        >>> iterator = ann.iterators.SerialIterator(np.arange(5.), 2, repeat=False)
        >>> evaluator = create_multi_node_evaluator(extensions.Evaluator(
        ...     iterator, model, eval_func=lambda x: ann.report({'mean': x.mean()}, model)), comm)
        >>> evaluator()
        {'main/mean': 2.0}
    """
    evaluate_here = actual_evaluator.evaluate

    def evaluate() -> dict[str, Any]:
        return _average(evaluate_here(), _count_examples(actual_evaluator), communicator)

    actual_evaluator._make_summary = partial(SharedSummary, communicator)
    actual_evaluator.evaluate = evaluate
    return actual_evaluator


def _count_examples(evaluator: Any) -> int | None:
    try:
        return len(evaluator.get_iterator('main').dataset)
    except (AttributeError, KeyError, TypeError):
        return None


def _average(values: dict[str, Any], count: int | None, comm: CommunicatorBase) -> dict[str, Any]:
    """The means over all processes; of numbers that are equal in all, that number itself."""
    here = {name: backend.to_cpu(as_array(value)) if backend.is_array(as_array(value)) else value
            for name, value in values.items()}
    there = comm.allgather_obj((here, count))
    counts = [1 if any(n is None for _, n in there) else n for _, n in there]
    means = {}
    for name in dict.fromkeys(name for each, _ in there for name in each):
        pairs = [(each[name], n) for (each, _), n in zip(there, counts) if name in each]
        first = pairs[0][0]
        # What the evaluator has summed up over all processes is the same everywhere, and stays as it is.
        is_settled = isinstance(first, float) and all(value == first for value, _ in pairs)
        means[name] = first if is_settled else sum(value * n for value, n in pairs) / sum(n for _, n in pairs)
    return means


class GenericMultiNodeEvaluator(Extension):
    """Evaluates what is no mean over examples: each process computes with its batches, one puts the results together.

    Override `calc_local` and `aggregate`. The processes may have different numbers of batches. Nothing is reported by
    itself: `aggregate` may do so.

    Args:
        comm: The processes; None for this one alone.
        iterator: An iterator that goes over this process's part of the data set once (``repeat=False``).
        target: The model.
        device: The device to which batches are sent; None leaves them where they are.
        converter: Makes arrays of a batch.
        root: The rank of the process that puts the results together.
        progress_hook: Called with each batch of the process `root`.

    Raises:
        ValueError: There is no such rank.
    """

    trigger = (1, 'epoch')
    default_name = 'validation'
    priority = PRIORITY_WRITER

    def __init__(self, comm: CommunicatorBase | None, iterator: Any, target: Callable[..., Any],
                 device: DeviceLike | None = None, converter: Callable[..., Any] = concat_examples, root: int = 0, *,
                 progress_hook: Callable[[Any], Any] | None = None) -> None:
        if comm is not None and not 0 <= root < comm.size:
            raise ValueError(f'GenericMultiNodeEvaluator: root must be a rank from 0 to {comm.size - 1}, got {root}')
        self.comm = comm
        self.iterator = iterator
        self.converter = converter
        self.device = None if device is None else get_device(device)
        self.root = root
        self._targets = {'main': target}
        self._progress_hook = progress_hook

    def __call__(self, trainer: Trainer | None = None) -> Any:
        """Evaluates; all processes call this together.

        Args:
            trainer: The trainer; not needed.

        Returns:
            What `aggregate` returns, in the process `root`; None in the others.
        """
        is_root = self.comm is None or self.comm.rank == self.root
        iterator = self.iterator
        if hasattr(iterator, 'reset'):
            iterator.reset()
        else:
            iterator = copy.copy(iterator)
        results = []
        with using_config('train', False), no_backprop_mode():
            for batch in iterator:
                results.append(call_with_batch(self.calc_local, call_converter(self.converter, batch, self.device)))
                if is_root and self._progress_hook is not None:
                    self._progress_hook(batch)
        everybodys = [results] if self.comm is None else self.comm.gather_obj(results, root=self.root)
        if everybodys is None:
            return None
        return self.aggregate([result for round in zip_longest(*everybodys) for result in round if result is not None])

    def calc_local(self, *args: Any, **kwargs: Any) -> Any:
        """What to compute with a batch; by default it calls the model.

        Args:
            args: The arrays of the batch.
            kwargs: Likewise, where a batch is a dictionary.

        Returns:
            Anything that can be pickled, but not None.
        """
        return self._targets['main'](*args, **kwargs)

    def aggregate(self, results: list[Any]) -> Any:
        """Puts the results together; called once, in the process `root`. By default it returns them.

        Args:
            results: What `calc_local` returned in all processes: the first of each process in the order of ranks, then
                the second, and so on.
        """
        return results
