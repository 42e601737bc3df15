"""What programs that train say of the folders of runs: what may be continued, what was in the way, how to go on."""
from __future__ import annotations

import argparse
import contextlib
import json
import shlex
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from autograd_nn import training
from autograd_nn.commands.command_line import CommandLine, use_saved
from autograd_nn.training import extensions
from autograd_nn.training.run_folder import CONFIG, RunFolder


def parse_arguments(parser: argparse.ArgumentParser, line: CommandLine) -> argparse.Namespace:
    """Reads the command line of a program that trains; with --resume, what it does not say comes from that run.

    Args:
        parser: The parser, with the options ``--resume`` and ``--out``.
        line: The command line.

    Raises:
        ValueError: There is no run to continue, or its configuration is damaged.
    """
    arguments = parser.parse_args(line.words)
    if arguments.resume:
        folder = RunFolder(arguments.resume, '--resume')
        use_saved(parser, {**folder.config()['arguments'], 'out': arguments.resume}, folder.path / CONFIG)
        arguments = parser.parse_args(line.words)
    return arguments


def refuse_changes(folder: RunFolder, config: dict[str, Any], new: dict[str, Any], names: Sequence[str]) -> None:
    """Makes sure that what makes up a run is still the same.

    Args:
        folder: The run.
        config: What was written down.
        new: What there is now.
        names: The names of what may not change, in both.

    Raises:
        ValueError: Something differs.
    """
    for name in names:
        old, now = (json.loads(json.dumps(values.get(name))) for values in (config, new))
        if name in config and old != now:
            raise ValueError(f'{folder.label}: the run in {folder.path} is of {in_words(name, old)}, not of '
                             f'{in_words(name, now)}; to begin a new run, leave --resume out')


def in_words(name: str, value: Any) -> str:
    """What an option says, as one types it.

    Args:
        name: The option's name.
        value: Its value.

    Example:
        >>> in_words('batch_size', 32), in_words('augment', None), in_words('model', 'lenet')
        ('--batch-size 32', 'no --augment', 'lenet')
    """
    if name in ('model', 'dataset', 'task'):
        return str(value)
    option = f'--{name.replace("_", "-")}'
    if value is None or value is False:
        return f'no {option}'
    return option if value is True else f'{option} {value}'


def options_of_run(arguments: argparse.Namespace) -> dict[str, Any]:
    """The options that belong to a run, wherever it is written to and however many processes it has."""
    others = 'resume', 'out', 'overwrite', 'processes'
    return {name: value for name, value in vars(arguments).items() if name not in others}


def make_room(folder: RunFolder, source: RunFolder | None, overwrite: bool, needed: Sequence[str | Path]) -> None:
    """Prepares the folder of a run, and says what became of the run that was there.

    Args:
        folder: The folder.
        source: The folder of the run that goes on; None for a new run.
        overwrite: Whether a run that is in the way is removed, and not moved aside.
        needed: Files and folders that are still read from, and so cannot be moved.

    Raises:
        ValueError: A run is in the way.
    """
    try:
        done = folder.make_room(source, overwrite, needed)
    except ValueError as error:
        raise ValueError(f'{error}; give {"" if overwrite else "--overwrite, or "}another --out') from None
    if done:
        print(done if overwrite else f'{done} (--overwrite replaces it)')


@contextlib.contextmanager
def quiet_divergence() -> Iterator[None]:
    """A context without warnings of numbers that overflow: that a training diverges shows in its weights, once."""
    with np.errstate(over='ignore', invalid='ignore'), warnings.catch_warnings():
        warnings.filterwarnings('ignore', '.*has become NaN or infinite')
        yield


@contextlib.contextmanager
def telling_how_to_continue(folder: RunFolder, trainer: training.Trainer, line: CommandLine) -> Iterator[None]:
    """A context for the training: when it ends early, a line says why, what is kept, and how to go on.

    Args:
        folder: The folder of the run.
        trainer: The training loop.
        line: How the program was started.
    """
    def kept(options: str = '') -> str:
        progress = folder.progress()
        if progress is None:
            return f'there was no snapshot in {folder.path} yet, so begin again'
        iteration = progress.iteration
        what = 'the state' if iteration == trainer.updater.iteration else f'the state after {iteration} updates'
        return f'{what} is kept; to continue: {shlex.join([*line.start, "--resume", str(folder.path)])}{options}'

    try:
        with quiet_divergence():
            yield
    except KeyboardInterrupt:
        print(f'\ninterrupted: {kept()}', file=sys.stderr)
        raise SystemExit(130) from None
    except extensions.DivergenceError:
        updater = trainer.updater
        raise RuntimeError(f'the training diverged after {updater.iteration} updates, in epoch {updater.epoch + 1}: '
                           'weights became infinite or NaN, which a smaller --lr avoids; '
                           f'{kept(" --lr X")}') from None
    except (OSError, RuntimeError, ValueError, MemoryError) as error:
        raise RuntimeError(f'{line.describe(error)}; {kept()}') from error
