"""Trainers that train nothing."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from unittest import mock

from autograd_nn.training import Trainer


def get_trainer_with_mock_updater(stop_trigger: Any = (10, 'iteration'), iter_per_epoch: int = 10,
                                  extensions: Sequence[Any] | None = None) -> Trainer:
    """A `Trainer` whose updater only counts: for tests of extensions and triggers.

    Args:
        stop_trigger: When it stops.
        iter_per_epoch: The number of iterations in an epoch.
        extensions: The extensions.

    Returns:
        The trainer; its updater is a mock, which counts iterations and epochs, and has no optimizers.

    Example:
        >>> from autograd_nn import testing
        >>> trainer = testing.get_trainer_with_mock_updater((2, 'epoch'), 5)
        >>> for _ in range(10):
        ...     trainer.updater.update()
        >>> trainer.updater.iteration, trainer.updater.epoch, trainer.updater.is_new_epoch
        (10, 2, True)
    """
    updater = mock.Mock(iteration=0, epoch=0, epoch_detail=0, is_new_epoch=True, previous_epoch_detail=None)
    updater.get_all_optimizers.return_value = {}

    def update() -> None:
        updater.update_core()
        updater.previous_epoch_detail = updater.iteration / iter_per_epoch
        updater.iteration += 1
        updater.epoch = updater.iteration // iter_per_epoch
        updater.epoch_detail = updater.iteration / iter_per_epoch
        updater.is_new_epoch = updater.iteration % iter_per_epoch == 0

    updater.update = update
    return Trainer(updater, stop_trigger, extensions=extensions or ())
