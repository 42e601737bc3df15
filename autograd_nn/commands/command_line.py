"""What the command-line programs share: errors in one line, and how a trained model's folder describes itself."""
from __future__ import annotations

import argparse
import errno
import json
import os
import re
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import numpy as np

from autograd_nn import Link, serializers

ADVICE = {errno.ENOSPC: 'make room, or write to another disk', errno.EDQUOT: 'make room, or write to another disk',
          errno.EFBIG: 'files are limited to this size here', errno.EACCES: 'there is no permission for it',
          errno.EROFS: 'write to another disk'}
# What functions of the package call a wrong value, and the options that such values come from.
OPTIONS = {'get_device': '--device:', 'model': '--model:'}


@contextmanager
def friendly_errors() -> Iterator[None]:
    """Turns a user's mistake into one line on standard error and exit status 2, and Ctrl-C into one and status 130.

    From then on, letters of names that the terminal or the pipe does not know are escaped; they end no program.
    """
    for stream in sys.stdout, sys.stderr:
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors='backslashreplace')
    try:
        yield
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, MemoryError) as error:
        print(f'{Path(sys.argv[0]).name}: error: {describe(error)}', file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print('\ninterrupted', file=sys.stderr)
        raise SystemExit(130) from None


def describe(error: BaseException) -> str:
    """What an exception says, in one line: the option and the file that it is about, and what to do."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        advice = f' ({ADVICE[error.errno]})' if error.errno in ADVICE else ''
        return f'{with_option(error.filename)}: {error.strerror.lower()}{advice}'
    if isinstance(error, MemoryError):
        return 'there is not enough memory; a smaller --batch-size needs less'
    message = ' '.join(str(error.args[0] if isinstance(error, KeyError) else error).split())
    return re.sub('^(get_device|model):', lambda found: OPTIONS[found[1]], message)


@contextmanager
def sigterm_as_ctrl_c() -> Iterator[None]:
    """A context in which SIGTERM, by which Docker and SLURM end a program, does what Ctrl-C does at that time."""
    before = signal.signal(signal.SIGTERM, lambda signum, frame: signal.raise_signal(signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


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


def with_option(path: Any) -> str:
    """A path, and before it the option of the command line that it comes from, if it comes from one.

    Args:
        path: What an option says, or a file below it.
    """
    path, option = Path(os.fsdecode(path)), ''
    for argument in sys.argv[1:]:
        name, equals, value = argument.partition('=')
        if argument.startswith('--') and not equals:
            option = name
            continue
        source, value = (name, value) if argument.startswith('--') else (option, argument)
        below = path.parents if Path(value) != Path() else ()  # every relative path is below the current folder
        if source and Path(value) in (path, *below):
            return f'{source} {path}'
    return str(path)


def check_at_least(arguments: argparse.Namespace, **lowest: float) -> None:
    """Requires options to be at least a number each.

    Raises:
        ValueError: One is less.
    """
    for name, bound in lowest.items():
        value = getattr(arguments, name)
        if value < bound:
            raise ValueError(f'--{name.replace("_", "-")}: expected at least {bound}, got {value}')


def check_file(path: Path) -> None:
    """Makes sure, before anything is computed, that a file can be written or replaced.

    Raises:
        ValueError: Its folder does not exist, there is no permission, or there is a folder of that name.
    """
    if path.is_dir():
        raise ValueError(f'cannot write {path}: it is a folder; expected the name of a file')
    if not path.absolute().parent.is_dir():
        raise ValueError(f'cannot write {path}: there is no folder {path.parent}')
    if not os.access(path.absolute().parent, os.W_OK | os.X_OK):
        raise ValueError(f'cannot write {path}: there is no permission to write to {path.absolute().parent}')


def use_saved(parser: argparse.ArgumentParser, saved: dict[str, Any], path: Path) -> None:
    """Makes what a configuration says the defaults of the options.

    Args:
        parser: The parser.
        saved: The values by name.
        path: The file they come from.

    Raises:
        ValueError: A value is of another type than the option's.
    """
    for action in parser._actions:
        kind: Any = bool if action.nargs == 0 else (int, float) if action.type is float else action.type or str
        value = saved.get(action.dest)
        values = value if isinstance(value, list) else [value]
        if any((type(each) is bool and kind is not bool) or not isinstance(each, kind) for each in values
               if each is not None) or (value is not None and action.choices and value not in action.choices):
            raise ValueError(f'{path} is damaged: {json.dumps(value)} is no value of {action.dest}')
    parser.set_defaults(**saved)


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
        except Exception:
            raise ValueError(f'{with_option(path)} is not an .npz file of weights, or is damaged') from None
    prefixes = 'updater/model:main/predictor/', 'predictor/'
    return next((prefix for prefix in prefixes if any(name.startswith(prefix) for name in names)), '')
