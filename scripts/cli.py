"""What the command-line programs share: errors in one line, and how a trained model's folder describes itself."""
from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import numpy as np

from autograd_nn import Link, serializers


@contextmanager
def friendly_errors() -> Iterator[None]:
    """Turns a user's mistake into one line on standard error and exit status 2.

    From then on, letters of names that the terminal or the pipe does not know are escaped; they end no program.
    """
    for stream in sys.stdout, sys.stderr:
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors='backslashreplace')
    try:
        yield
    except (OSError, ValueError, KeyError, RuntimeError, ImportError) as error:
        message = ' '.join(str(error.args[0] if isinstance(error, KeyError) else error).split())
        print(f'{Path(sys.argv[0]).name}: error: {message}', file=sys.stderr)
        raise SystemExit(2) from None


@contextmanager
def warnings_as_errors() -> Iterator[None]:
    """Turns warnings into errors of users: what a program may go on with, a person who starts it must know first.

    Raises:
        ValueError: There is a warning.
    """
    with warnings.catch_warnings():
        warnings.simplefilter('error', UserWarning)
        try:
            yield
        except UserWarning as warning:
            raise ValueError(warning) from None


def check_at_least(arguments: argparse.Namespace, **lowest: float) -> None:
    """Requires options to be at least a number each.

    Raises:
        ValueError: One is less.
    """
    for name, bound in lowest.items():
        value = getattr(arguments, name)
        if value < bound:
            raise ValueError(f'--{name.replace("_", "-")}: expected at least {bound}, got {value}')


def read_config(folder: Path) -> dict[str, Any]:
    """The configuration that a training run left in its folder.

    Args:
        folder: The run's folder.

    Raises:
        ValueError: There is none, or it is damaged.
    """
    path = folder / 'config.json'
    try:
        config = json.loads(path.read_text(encoding='utf-8'))
    except FileNotFoundError:
        raise ValueError(f'{path} is missing: it says which model the weights belong to') from None
    except ValueError as error:
        raise ValueError(f'{path} is damaged: {error}') from None
    if not isinstance(config, dict):
        raise ValueError(f'{path} is damaged: expected an object')
    return config


def load_weights(path: str | Path, model: Link) -> None:
    """Loads a model's weights; all of them must be there.

    Args:
        path: An ``.npz`` file (see `path_of_network`).
        model: The model to fill.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is damaged, or does not fit the model.
    """
    serializers.load_npz(path, model, path_of_network(path))


def path_of_network(path: str | Path) -> str:
    """Where in a file of weights the network is: in a snapshot, in a Classifier, or by itself.

    Args:
        path: An ``.npz`` file.

    Returns:
        The start of the names, for ``serializers.load_npz``.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is damaged.
    """
    with Path(path).open('rb') as file:
        try:
            with np.load(file, allow_pickle=False) as arrays:
                names = arrays.files
        except Exception as error:
            raise ValueError(f'{path} is not an .npz file of weights: {error}') from None
    prefixes = 'updater/model:main/predictor/', 'predictor/'
    return next((prefix for prefix in prefixes if any(name.startswith(prefix) for name in names)), '')
