"""Networks that were trained here, as programs find them: weights beside the configuration of their run."""
from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from autograd_nn import models, tasks
from autograd_nn.training.run_folder import CONFIG, SNAPSHOT, read_config


def read_member(weights: Path) -> tasks.Member:
    """What is known of a network that was trained here.

    Args:
        weights: ``model.npz`` of its run, beside ``config.json``.

    Raises:
        ValueError: A file is missing, or the configuration is damaged.
    """
    if not weights.is_file():
        snapshot = weights.with_name(SNAPSHOT)
        advice = f'; the run there has not ended, its last weights are in {snapshot}' if snapshot.is_file() else ''
        raise ValueError(f'{weights}: no such file{advice}')
    config = read_config(weights.parent)
    with using_config_of(weights):
        return tasks.Member(models.get(config['arguments']['model']), config, weights)


@contextlib.contextmanager
def using_config_of(weights: Path) -> Iterator[None]:
    """A context in which the configuration beside some weights is used, which may lack something.

    Args:
        weights: The weights.

    Raises:
        ValueError: It does.
    """
    try:
        yield
    except (KeyError, TypeError) as error:
        raise ValueError(f'{weights.parent / CONFIG} is damaged: {error}') from None
