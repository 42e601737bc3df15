"""The folder of a training run: configuration, weights, snapshot, log and report in it always belong together."""
from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from autograd_nn.link import Link
from autograd_nn.serializers import load_npz, save_npz
from autograd_nn.serializers.npz import NpzReader
from autograd_nn.training.trainer import Trainer
from autograd_nn.utils.atomic import atomic_write
from autograd_nn.utils.readable import one_line, to_json
from autograd_nn.version import __version__

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
RESULTS_PICTURE = 'results.png'
INTERPOLATION = 'interpolation.png'
LATENT_MAP = 'latent_map.png'
REPORT = 'report.html'
TENSORBOARD = 'tensorboard'
VOCABULARY = 'vocabulary.json'
EPISODE = 'episode.gif'
VECTORS = 'vectors.txt'
# What a run writes at its end, and all that it writes: in the order in which it can go, so that what is left is a run.
RESULTS = MODEL, MISTAKES, EPISODE
FILES = (*RESULTS, BEST, RESULTS_PICTURE, INTERPOLATION, LATENT_MAP, REPORT, 'accuracy.png', 'loss.png', 'losses.png',
         'metric.png', 'samples/[0-9]*.jpg', f'{TENSORBOARD}/events.out.tfevents.*', LOG, f'on_error_{SNAPSHOT}',
         'snapshot_interrupted', SNAPSHOT, VECTORS, VOCABULARY, CONFIG)
# Weights hardly shrink, and compressing them takes many times as long as writing them.
save_quickly = partial(save_npz, compression=False)
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
        label: What errors begin with, such as the option that names the folder.

    Example:
        >>> import tempfile
        >>> place = tempfile.TemporaryDirectory()
        >>> for epochs in 5, 10:
        ...     with RunFolder(f'{place.name}/result') as folder:
        ...         moved = folder.make_room()
        ...         folder.write_config({'epochs': epochs}, {'samples': 100})
        >>> moved
        '/.../result: the run that was there is in /.../result.1 now'
        >>> folder.config()['arguments'], folder.progress()     # there is no snapshot yet
        ({'epochs': 10}, None)
        >>> place.cleanup()
    """

    def __init__(self, path: str | Path, label: str = 'RunFolder') -> None:
        self.path = Path(path)
        self.label = label
        self._lock: int | None = None

    def __enter__(self) -> RunFolder:
        self.path.mkdir(parents=True, exist_ok=True)
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
            raise ValueError(f'{self.label}: {where} is a file; expected a folder to write to, or a new name')
        if not os.access(place, os.W_OK | os.X_OK):
            raise ValueError(f'{self.label}: {self.path} cannot be written to: there is no permission to write to '
                             f'{place}')

    def config(self) -> dict[str, Any]:
        """What was written down of the run in this folder: its options, ``arguments``, and what is known besides.

        Raises:
            ValueError: There is no run, or its configuration is damaged.
        """
        if not self.path.is_dir():
            what = 'is a file, not the folder of a run' if self.path.exists() else 'does not exist'
            raise ValueError(f'{self.label}: {self.path} {what}')
        if not (self.path / CONFIG).exists():
            raise ValueError(f'{self.label}: there is no run in {self.path}: {self.path / CONFIG} is missing')
        config = read_config(self.path)
        if not isinstance(config.get('arguments'), dict):
            raise ValueError(f'{self.label}: {self.path / CONFIG} is not the configuration of a training run')
        return config

    def read(self) -> tuple[dict[str, Any], Progress]:
        """The configuration of the run in this folder, and how far it is.

        Raises:
            ValueError: There is no run that can be continued.
        """
        config, progress = self.config(), self.progress()
        if progress is None:
            raise ValueError(f'{self.label}: the run in {self.path} ended before its first snapshot; begin it again')
        return config, progress

    def progress(self) -> Progress | None:
        """How far the last snapshot is; None if there is none.

        Raises:
            ValueError: It is damaged.
        """
        if not (self.path / SNAPSHOT).exists():
            return None
        names = 'updater/iteration', 'updater/iterator:main/epoch', 'updater/iterator:main/current_position'
        try:
            with NpzReader(self.path / SNAPSHOT) as snapshot:
                return Progress(*(int(snapshot[name]) for name in names))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ValueError(f'{self.label}: {_what_is_wrong(error)}') from None

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
        config = self.config()
        for name, value in json.loads(json.dumps(about)).items():
            if name in config and value != config[name]:
                raise ValueError(f'{self.label}: {data} is not the data that the run in {self.path} began with: its '
                                 f'{name.replace("_", " ")} differ')

    def load_snapshot(self, trainer: Trainer) -> None:
        """Brings a trainer to where the run in this folder is.

        Args:
            trainer: The trainer.

        Raises:
            ValueError: The snapshot is damaged, or that of another trainer.
        """
        try:
            load_npz(self.path / SNAPSHOT, trainer)
        except (OSError, ValueError, KeyError) as error:
            raise ValueError(f'{self.label}: the snapshot in {self.path} cannot be continued: '
                             f'{_what_is_wrong(error)}') from None

    def make_room(self, source: RunFolder | None = None, overwrite: bool = False,
                  needed: Sequence[str | Path] = ()) -> str:
        """Prepares the folder for a new run, or for the rest of one.

        Args:
            source: The folder of the run that goes on: this one or another one, from which it is copied; None for a
                new run.
            overwrite: Whether a run that is in the way is removed, and not moved aside.
            needed: Files and folders that are still read from, and so cannot be moved.

        Returns:
            What became of the run that was in the way; empty if there was none.

        Raises:
            ValueError: A run is in the way and cannot be moved, or what is there is no run.
        """
        here, done = source is not None and self.path.resolve() == source.path.resolve(), ''
        if not here and self._find(FILES):
            done = self._overwrite() if overwrite else self._move_aside([*needed, *([source.path] if source else [])])
        # What a killed process left half written, and the end of a run that goes on: it belongs to an older snapshot.
        self._remove([str(Path(name).with_name(f'.{Path(name).name}{end}')) for name in FILES
                      for end in ('.*.tmp', '-*')])
        self._remove(RESULTS)
        if source is not None and not here:
            for path in reversed(source._find([name for name in FILES if name not in (*RESULTS, CONFIG)])):
                _copy_file(path, self.path / path.relative_to(source.path))
        return done

    def write_config(self, arguments: dict[str, Any], about: dict[str, Any]) -> None:
        """Writes down what is run; from then on there is a run here.

        Args:
            arguments: The options.
            about: What is to be known besides.
        """
        with atomic_write(self.path / CONFIG) as file:
            file.write(to_json({'arguments': arguments, **about, 'autograd_nn': __version__}) + b'\n')

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
                    raise ValueError(f'{self.label}: another process is training in {self.path} now') from None
                time.sleep(0.05)
            except OSError:  # a file system without locks
                return

    def _release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _find(self, names: Sequence[str]) -> list[Path]:
        return [path for name in names for path in sorted(self.path.glob(name))]

    def _overwrite(self) -> str:
        """Removes the run that is here."""
        if (self.path / CONFIG).exists() and 'arguments' not in read_config(self.path):
            raise ValueError(f'{self.label}: {self.path / CONFIG} is not that of a training run')
        self._remove(FILES)
        return f'{self.path}: the run that was there is overwritten'

    def _move_aside(self, needed: Sequence[str | Path]) -> str:
        """Renames the folder, and makes a new one."""
        folder, problem = self.path.resolve(), f'there is a run in {self.path} already, and it cannot be moved aside'
        for path in (Path.cwd(), *needed):
            if Path(path).resolve().is_relative_to(folder):
                raise ValueError(f'{self.label}: {problem}, since {path} is in use')
        number = 1
        while (aside := folder.with_name(f'{folder.name}.{number}')).exists():
            number += 1
        try:
            folder.rename(aside)
        except OSError as error:
            raise ValueError(f'{self.label}: {problem} ({error.strerror})') from None
        self._release()
        folder.mkdir()
        self._acquire()
        where = aside if self.path.is_absolute() else os.path.relpath(aside)
        return f'{self.path}: the run that was there is in {where} now'

    def _remove(self, names: Sequence[str]) -> None:
        for path in self._find(names):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()


def _what_is_wrong(error: Exception) -> str:
    return one_line(error).removeprefix('load_npz: ').removeprefix('load: ')


def _copy_file(source: Path, target: Path) -> None:
    """Copies a file, wholly or not at all; makes the folder that it comes to."""
    target.parent.mkdir(exist_ok=True)
    with source.open('rb') as file, atomic_write(target) as copy:
        shutil.copyfileobj(file, copy)


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
    try:
        load_npz(path, model, path_of_network(path))
    except (KeyError, ValueError) as error:
        if str(path) in str(error):  # it is damaged
            raise
        raise ValueError(f'{path} does not fit {type(model).__name__}: {_what_is_wrong(error)}') from None


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
            raise ValueError(f'{path} is not an .npz file of weights, or is damaged') from None
    prefixes = 'updater/model:main/predictor/', 'predictor/'
    return next((prefix for prefix in prefixes if any(name.startswith(prefix) for name in names)), '')
