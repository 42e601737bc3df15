"""The folder of a training run: configuration, weights, snapshot, log and report in it always belong together."""
from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import shutil
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

import autograd_nn
from autograd_nn import training
from autograd_nn.commands.command_line import describe, read_config
from autograd_nn.serializer import serialize_if_there
from autograd_nn.serializers import load_npz
from autograd_nn.serializers.npz import NpzReader
from autograd_nn.training.extensions import DivergenceError
from autograd_nn.utils.atomic import atomic_write
from autograd_nn.utils.readable import to_json

try:
    import fcntl
except ImportError:  # not on Windows, where two runs in one folder at once stay unnoticed
    fcntl = None  # type: ignore[assignment]

CONFIG = 'config.json'
SNAPSHOT = 'snapshot.npz'
MODEL = 'model.npz'
BEST = 'best.npz'
LOG = 'log.json'
MISTAKES = 'mistakes.png'
VOCABULARY = 'vocabulary.json'
# What a run writes at its end, and all that it writes: in the order in which it can go, so that what is left is a run.
RESULTS = MODEL, MISTAKES
FILES = (*RESULTS, BEST, 'accuracy.png', 'loss.png', 'losses.png', 'samples/[0-9]*.jpg', LOG, f'on_error_{SNAPSHOT}',
         'snapshot_interrupted', SNAPSHOT, VOCABULARY, CONFIG)
# Where the last process that had a folder was killed, its helpers may need a moment to notice.
PATIENCE = 2.


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes:
        iteration: The number of updates.
        epoch: The number of epochs that are complete.
        position: The number of samples of the next one that have been seen.
    """

    iteration: int = 0
    epoch: int = 0
    position: int = 0

    def updates(self, size: int, batch_size: int) -> int:
        """How many updates it takes to get that far.

        Args:
            size: The number of samples in an epoch.
            batch_size: How many of them an update takes.
        """
        return (self.epoch * size + self.position) // batch_size


class RunFolder:
    """The folder of a run; a context manager that keeps other processes from writing to it.

    Args:
        path: The folder.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._lock: int | None = None

    def __enter__(self) -> RunFolder:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ValueError(f'--out: {self.path} cannot be created: {describe(error)}') from None
        self._acquire()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        self._release()

    def check(self) -> None:
        """Makes sure, before anything is computed, that the folder can be written to, and exists or can be created.

        Raises:
            ValueError: It cannot.
        """
        place = self.path.resolve()
        while not place.exists():
            place = place.parent
        if not place.is_dir():
            where = self.path if self.path.exists() else place
            raise ValueError(f'--out: {where} is a file; expected a folder to write to, or a new name')
        if not os.access(place, os.W_OK | os.X_OK):
            raise ValueError(f'--out: {self.path} cannot be written to: there is no permission to write to {place}')

    def read(self) -> tuple[dict[str, Any], Progress]:
        """The configuration of the run in this folder, and how far it is.

        Raises:
            ValueError: There is no run that can be continued.
        """
        if not self.path.is_dir():
            what = 'is a file, not the folder of a run' if self.path.exists() else 'does not exist'
            raise ValueError(f'--resume: {self.path} {what}')
        if not (self.path / CONFIG).exists():
            raise ValueError(f'--resume: there is no run in {self.path}: {self.path / CONFIG} is missing')
        config = read_config(self.path)
        if not isinstance(config.get('arguments'), dict):
            raise ValueError(f'--resume: {self.path / CONFIG} is not the configuration of a training run')
        if not (self.path / SNAPSHOT).exists():
            raise ValueError(f'--resume: the run in {self.path} ended before its first snapshot; begin it again, '
                             'without --resume')
        return config, self._progress()

    def _progress(self) -> Progress:
        names = 'updater/iteration', 'updater/iterator:main/epoch', 'updater/iterator:main/current_position'
        try:
            with NpzReader(self.path / SNAPSHOT) as snapshot:
                return Progress(*(int(snapshot[name]) for name in names))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ValueError(f'--resume: {_what_is_wrong(error)}') from None

    def has_results(self) -> bool:
        """Whether the run ended, and wrote its weights."""
        return (self.path / MODEL).exists()

    def check_data(self, about: dict[str, Any], data: str) -> None:
        """Makes sure that the run in this folder is continued with the data that it began with.

        Args:
            about: What is known of them, to compare with what was written down.
            data: Their name.

        Raises:
            ValueError: They are others.
        """
        config, _ = self.read()
        for name, value in json.loads(json.dumps(about)).items():
            if name in config and value != config[name]:
                raise ValueError(f'--resume: {data} is not the data that the run in {self.path} began with: its '
                                 f'{name.replace("_", " ")} differ')

    def load_snapshot(self, trainer: Any) -> None:
        """Brings a trainer to where the run in this folder is.

        Args:
            trainer: The trainer, with an extension `ChosenRates`.

        Raises:
            ValueError: The snapshot is damaged, or that of another trainer.
        """
        try:
            load_npz(self.path / SNAPSHOT, trainer)
        except (OSError, ValueError, KeyError) as error:
            raise ValueError(f'--resume: the snapshot in {self.path} cannot be continued: '
                             f'{_what_is_wrong(error)}') from None
        trainer.get_extension('ChosenRates').apply_changes()

    def make_room(self, resume: str | None, overwrite: bool, needed: Sequence[str | Path] = ()) -> None:
        """Prepares the folder for a new run, or for the rest of one.

        Args:
            resume: The folder of the run that goes on: this one or another one, from which it is copied; None for a
                new run.
            overwrite: Whether a run that is in the way is removed, and not moved aside.
            needed: Files and folders that are still read from, and so cannot be moved.

        Raises:
            ValueError: A run is in the way and cannot be moved.
        """
        here = resume is not None and self.path.resolve() == Path(resume).resolve()
        if not here and self._find(FILES):
            self._clear(overwrite, [*needed, *([] if resume is None else [resume])])
        # What a killed process left half written, and the end of a run that goes on: it belongs to an older snapshot.
        self._remove([str(Path(name).with_name(f'.{Path(name).name}{end}')) for name in FILES
                      for end in ('.*.tmp', '-*')])
        self._remove(RESULTS)
        if resume is not None and not here:
            source = RunFolder(resume)
            for path in reversed(source._find([name for name in FILES if name not in (*RESULTS, CONFIG)])):
                copy_file(path, self.path / path.relative_to(source.path))

    def _clear(self, overwrite: bool, needed: Sequence[str | Path]) -> None:
        """Moves the run that is here aside, or removes it; says which."""
        if overwrite:
            self._check_that_it_is_a_run()
            self._remove(FILES)
            print(f'{self.path}: the run that was there is overwritten')
        else:
            print(f'{self.path}: the run that was there is in {self._move_aside(needed)} now (--overwrite replaces it)')

    def write_config(self, arguments: argparse.Namespace, about: dict[str, Any]) -> None:
        """Writes down what is run; from then on there is a run here.

        Args:
            arguments: The options.
            about: What is to be known besides.
        """
        saved = {name: value for name, value in vars(arguments).items() if name not in ('resume', 'out', 'overwrite')}
        config = {'arguments': saved, **about, 'autograd_nn': autograd_nn.__version__}
        with atomic_write(self.path / CONFIG) as file:
            file.write(to_json(config) + b'\n')

    @contextlib.contextmanager
    def telling_how_to_continue(self, trainer: Any) -> Iterator[None]:
        """A context for the training: when it ends early, a line says why, what is kept, and how to go on."""
        try:
            # That a training diverges shows in its weights, and is said then, once.
            with np.errstate(over='ignore', invalid='ignore'), warnings.catch_warnings():
                warnings.filterwarnings('ignore', '.*has become NaN or infinite')
                yield
        except KeyboardInterrupt:
            print(f'\ninterrupted: {self._what_is_kept(trainer)}', file=sys.stderr)
            raise SystemExit(130) from None
        except DivergenceError:
            raise RuntimeError(f'the training diverged after {trainer.updater.iteration} updates, in epoch '
                               f'{trainer.updater.epoch + 1}: weights became infinite or NaN, which a smaller --lr '
                               f'avoids; {self._what_is_kept(trainer, " --lr X")}') from None
        except (OSError, RuntimeError, ValueError, MemoryError) as error:
            raise RuntimeError(f'{describe(error)}; {self._what_is_kept(trainer)}') from error

    def _what_is_kept(self, trainer: Any, options: str = '') -> str:
        if not (self.path / SNAPSHOT).exists():
            return f'there was no snapshot in {self.path} yet, so begin again'
        kept = self._progress().iteration
        what = 'the state' if kept == trainer.updater.iteration else f'the state after {kept} updates'
        command = shlex.join(['python', sys.argv[0], '--resume', str(self.path)])
        return f'{what} is kept; to continue: {command}{options}'

    def _acquire(self) -> None:
        if fcntl is None:
            return
        self._lock = os.open(self.path, os.O_RDONLY)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() > deadline:
                    self._release()
                    raise ValueError(f'--out: another process is training in {self.path} now') from None
                time.sleep(0.05)
            except OSError:  # a file system without locks
                return

    def _release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _find(self, names: Sequence[str]) -> list[Path]:
        return [path for name in names for path in sorted(self.path.glob(name))]

    def _check_that_it_is_a_run(self) -> None:
        if (self.path / CONFIG).exists() and 'arguments' not in read_config(self.path):
            raise ValueError(f'--overwrite: {self.path / CONFIG} is not that of a training run')

    def _move_aside(self, needed: Sequence[str | Path]) -> str:
        """Renames the folder, and makes a new one; returns the other name."""
        folder, advice = self.path.resolve(), 'give --overwrite, or another --out'
        for path in (Path.cwd(), *needed):
            if Path(path).resolve().is_relative_to(folder):
                raise ValueError(f'--out: there is a run in {self.path} already, and it cannot be moved aside, since '
                                 f'{path} is in use; {advice}')
        number = 1
        while (aside := folder.with_name(f'{folder.name}.{number}')).exists():
            number += 1
        try:
            folder.rename(aside)
        except OSError as error:
            raise ValueError(f'--out: there is a run in {self.path} already, and it cannot be moved aside '
                             f'({error.strerror}); {advice}') from None
        self._release()
        folder.mkdir()
        self._acquire()
        return str(aside if self.path.is_absolute() else os.path.relpath(aside))

    def _remove(self, names: Sequence[str]) -> None:
        for path in self._find(names):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()


class ChosenRates(training.Extension):
    """Remembers with a snapshot which hyperparameters the options set, for a resumption with others.

    Args:
        optimizer: The optimizer.
        chosen: The values by the names of its attributes; None for the usual one.
    """

    trigger = None

    def __init__(self, optimizer: Any, chosen: dict[str, float | None]) -> None:
        self.optimizer = optimizer
        self.chosen = chosen
        self.before = chosen
        # As the optimizer was made; loading a snapshot changes it.
        self.values = {name: getattr(optimizer, name) for name in chosen if hasattr(optimizer, name)}

    def __call__(self, trainer: training.Trainer) -> None:
        raise AssertionError('it is never called')

    def apply_changes(self) -> None:
        """Sets what is chosen now and was not when the snapshot was taken; schedules continue from there."""
        for name, value in self.values.items():
            if self.chosen[name] != self.before.get(name):
                setattr(self.optimizer, name, value)

    def serialize(self, serializer: Any) -> None:
        self.before = json.loads(str(serialize_if_there(serializer, 'chosen', json.dumps(self.chosen))))


def _what_is_wrong(error: Exception) -> str:
    return describe(error).removeprefix('load_npz: ').removeprefix('load: ')


def copy_file(source: Path, target: Path) -> None:
    """Copies a file, wholly or not at all; makes the folder that it comes to."""
    target.parent.mkdir(exist_ok=True)
    with source.open('rb') as file, atomic_write(target) as copy:
        shutil.copyfileobj(file, copy)


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
            raise ValueError(f'--resume: the run in {folder.path} is of {_in_words(name, old)}, not of '
                             f'{_in_words(name, now)}; to begin a new run, leave --resume out')


def _in_words(name: str, value: Any) -> str:
    if name in ('model', 'dataset', 'task'):
        return str(value)
    option = f'--{name.replace("_", "-")}'
    if value is None or value is False:
        return f'no {option}'
    return option if value is True else f'{option} {value}'
