"""The graph behind a reported Variable, for extensions that look at it once."""
from __future__ import annotations

from typing import Any

from autograd_nn.config import config
from autograd_nn.training.trainer import Trainer
from autograd_nn.variable import Variable


class KeptGraph:
    """Has reported Variables keep their graphs in the first iteration of a training.

    Several extensions may have one at a time.

    Args:
        key: The key of the Variable that is looked for.
    """

    def __init__(self, key: str) -> None:
        self.key = key
        self._changed = False

    def begin(self, trainer: Trainer) -> None:
        """Has graphs kept from now on, if the training is to begin.

        Args:
            trainer: The training loop.
        """
        if trainer.is_before_training and not config.keep_graph_on_report:
            self._changed = config.keep_graph_on_report = True

    def take(self, trainer: Trainer) -> Variable | None:
        """The Variable with its graph, None if there is none of that key; from now on graphs are not kept.

        Args:
            trainer: The training loop.
        """
        self.end()
        found: Any = trainer.observation.get(self.key)
        return found if isinstance(found, Variable) else None

    def end(self) -> None:
        """Has graphs not be kept any more, unless they were before."""
        if self._changed:
            self._changed = config.keep_graph_on_report = False
