"""What the updates of all who learn by playing have in common."""
from __future__ import annotations

from typing import Any

import numpy as np

from autograd_nn.backend import Device, get_device, to_cpu
from autograd_nn.reinforcement.players import Players
from autograd_nn.reporter import report
from autograd_nn.serializer import AbstractSerializer
from autograd_nn.training.updaters import StandardUpdater


class PlayUpdater(StandardUpdater):
    """Plays for some steps, and learns from them. A subclass has `play`, `learn`, and what more is to be saved.

    It reports the mean of the losses as ``loss``, and that of the returns of the episodes that ended as ``return``.

    Args:
        iterator: Counts the steps: its batches are as long as an update plays, in all environments together.
        optimizer: Its target is a link that computes the loss, and has the network as `predictor`.
        players: The environments.
        device: Where the network is.
    """

    def __init__(self, iterator: Any, optimizer: Any, players: Players, device: Device) -> None:
        super().__init__(iterator, optimizer, device=device)
        self.network_device = get_device(device)
        self.players = players
        self.t = 0
        self.model: Any = self._optimizers['main'].target

    @property
    def network(self) -> Any:
        """What plays."""
        return self.model.predictor

    def send(self, *arrays: np.ndarray) -> Any:
        """Arrays on the network's device."""
        return self.network_device.send(arrays)

    def update_core(self) -> None:
        """Plays, learns, and reports."""
        count = len(self._iterators['main'].next()) // len(self.players)
        self.play(count)
        losses = self.learn()
        if losses:
            report({'loss': np.mean([float(to_cpu(loss)) for loss in losses])}, self.model)
        returns = self.players.take_returns()
        if returns:
            report({'return': np.mean(returns)}, self.model)
        self._count_epoch()

    def play(self, count: int) -> None:
        """Plays some steps in each environment.

        Args:
            count: How many.
        """
        raise NotImplementedError

    def learn(self) -> list[Any]:
        """Updates the network, and returns the losses, arrays of no axes."""
        raise NotImplementedError

    def serialize(self, serializer: AbstractSerializer) -> None:
        super().serialize(serializer)
        self.t = int(serializer('t', self.t))
        self.players.serialize(serializer['players'])
