"""Checks of options that tasks and programs share."""
from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

from autograd_nn.training.run_folder import VOCABULARY


def check_at_least(arguments: argparse.Namespace, **lowest: float) -> None:
    """Requires options to be at least a number each.

    Raises:
        ValueError: One is less.
    """
    for name, bound in lowest.items():
        value = getattr(arguments, name)
        if value < bound:
            raise ValueError(f'--{name.replace("_", "-")}: expected at least {bound}, got {value}')


def add_dataset_argument(parser: argparse.ArgumentParser, embedded: Iterable[str], metavar: str, others: str) -> None:
    """Adds the option ``--dataset``, whose help lists the data sets that come with the package.

    Args:
        parser: The parser.
        embedded: Their names, which argparse fills in: what is translated has none, and stays as it is with new ones.
        metavar: What stands for the value.
        others: What else it may be; empty for nothing.
    """
    option = parser.add_argument('--dataset', metavar=metavar,
                                 help='; or '.join(filter(None, ['one of %(embedded)s', others])))
    vars(option)['embedded'] = ', '.join(embedded)


def find_vocabulary(options: argparse.Namespace) -> Path | None:
    """The file with the vocabulary that belongs to the weights which a run starts from, or goes on with.

    Args:
        options: The options of the run.

    Returns:
        The file; None if there is none.
    """
    start = options.resume or (options.initial_weights and Path(options.initial_weights).parent)
    if start is None:
        return None
    path = Path(start, VOCABULARY)
    return path if path.exists() else None
