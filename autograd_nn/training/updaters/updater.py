"""The interface of updaters."""
from __future__ import annotations

from autograd_nn.optimizer import Optimizer
from autograd_nn.serializer import AbstractSerializer
from autograd_nn.training.progress import Progress


class Updater:
    """Interface of updaters. An updater also has the attribute ``iteration``, and ``epoch`` and ``epoch_detail``."""

    def connect_trainer(self, trainer: Progress) -> None:
        """Called once by the `Trainer` that will call `update`."""

    def finalize(self) -> None:
        """Called at the end of the training; releases what iterators hold."""

    def get_optimizer(self, name: str) -> Optimizer:
        """The optimizer of that name; a simple updater has one named ``main``."""
        raise NotImplementedError

    def get_all_optimizers(self) -> dict[str, Optimizer]:
        """All optimizers by name."""
        raise NotImplementedError

    def update(self) -> None:
        """Does one iteration: takes a minibatch and updates the parameters by it."""
        raise NotImplementedError

    def serialize(self, serializer: AbstractSerializer) -> None:
        """Stores the state in a serializer, or restores it from one."""
        raise NotImplementedError
