"""The processes that train together, as a training run sees them; here, there is but one."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from autograd_nn.backend import Device, get_device
from autograd_nn.link import Link
from autograd_nn.reporter import DictSummary
from autograd_nn.training.extension import Extension


class Processes:
    """The processes that train together: this one alone. Those of an MPI job are `distributed.Job`.

    They go through the same program, all in the same order: each minibatch is divided among them, and what they write
    and print comes from the first one. So N of them compute what one does, with the N-th part of each minibatch.

    Attributes:
        rank: Which of them this is, from 0.
        size: How many there are.
        share: Which part of each minibatch this one takes, from 0 to 1 (see `divide`).

    Example:
        >>> from autograd_nn.training.processes import Processes
        >>> processes = Processes()
        >>> processes.divide(32)
        >>> processes.part(32), processes.share, processes.collect('abc')
        (slice(0, 32, None), 1.0, ['abc'])
    """

    rank = 0
    size = 1
    share = 1.

    @property
    def is_first(self) -> bool:
        """Whether this is the one that writes and prints."""
        return self.rank == 0

    @contextmanager
    def together(self) -> Iterator[None]:
        """A context for what all of them do, or the first one for all: they wait for each other at its end.

        Raises:
            RuntimeError: There was an error in another one.
        """
        yield

    def part(self, count: int, rank: int | None = None) -> slice:
        """Which of some things in a row a process takes; the parts of any two differ by one thing at most.

        Args:
            count: The number of things.
            rank: The process; by default this one.
        """
        rank = self.rank if rank is None else rank
        return slice(count * rank // self.size, count * (rank + 1) // self.size)

    def divide(self, count: int) -> None:
        """Decides on who takes how much of a minibatch.

        Args:
            count: How many examples or streams a minibatch has.
        """
        part = self.part(count)
        self.share = (part.stop - part.start) / count

    def whole(self, number: float) -> float:
        """This process's `share` of the sum of a number over all processes.

        A loss that is divided by it, in place of the number itself, counts all of a minibatch alike, whichever process
        has more of what is counted.

        Args:
            number: That of this process's part of the minibatch, such as the number of objects in it.
        """
        return number

    def part_of(self, dataset: Any) -> Any:
        """The examples of a data set that this process evaluates."""
        return dataset

    def describe(self, what: str, count: int) -> str:
        """How minibatches are divided, in words; empty for one process.

        Args:
            what: What they consist of.
            count: How many of these they have.
        """
        return ''

    def collect(self, value: Any) -> list[Any] | None:
        """What each of them has, in the first one; None in the others."""
        return [value]

    def get_device(self, name: str) -> Device:
        """Where this process computes.

        Args:
            name: ``'cuda'`` gives each process a GPU of its own; others are as in `get_device`.

        Raises:
            ValueError: There is no such device.
            RuntimeError: It is not there, or there are not enough of them.
        """
        return get_device(name)

    def synchronize_normalization(self, model: Link) -> None:
        """Has batch normalization take the statistics of whole minibatches, not of this process's part of them.

        Args:
            model: The model; its layers are changed.
        """

    def make_optimizer(self, optimizer: Any, shard_state: bool = False) -> Any:
        """An optimizer that updates by the gradients of whole minibatches.

        Args:
            optimizer: One that does so by those of this process.
            shard_state: Whether each process keeps only its part of the optimizer's state.
        """
        return optimizer

    def make_loss(self, model: Link, optimizer: Any, seed: int) -> Callable[..., Any] | None:
        """What computes the loss of this process's part of a minibatch; None for the model.

        Args:
            model: The model.
            optimizer: The optimizer, which counts the updates.
            seed: From which, the number of the update and the rank the random numbers of an update come.
        """
        return None

    def make_summary(self, weight: float = 1.) -> DictSummary:
        """What averages reported values over all processes.

        Args:
            weight: How much those of this one count.
        """
        return DictSummary()

    def make_log_summary(self) -> DictSummary:
        """What averages over all processes what is reported of minibatches."""
        return DictSummary()

    def make_extensions(self, model: Link, prepare: Callable[[], Any] = lambda: None) -> list[Extension]:
        """The extensions that several processes need to stay in step.

        Args:
            model: What is trained.
            prepare: What all do before the first one takes a snapshot.
        """
        return []
