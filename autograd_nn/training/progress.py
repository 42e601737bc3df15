"""What is known of a training while it runs."""
from __future__ import annotations

from typing import Any, Protocol


class Progress(Protocol):
    """How far a training is and what it has reported: what triggers and updaters see of the `Trainer` above them."""

    @property
    def observation(self) -> dict[str, Any]:
        """What has been reported in the current iteration, by name."""
    @property
    def updater(self) -> Any:
        """The updater, with its ``iteration``, ``epoch`` and ``epoch_detail``."""
    @property
    def elapsed_time(self) -> float:
        """How long the training has been running, in seconds."""
