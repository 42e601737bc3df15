"""Snapshots, from which a training can be resumed."""
from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path
from string import Formatter
from types import TracebackType
from typing import Any

from autograd_nn.serializers import DictionarySerializer, load_npz, save_npz
from autograd_nn.training.extension import Extension
from autograd_nn.training.extensions.snapshot_writers import save_and_rename
from autograd_nn.training.state import find_non_number

_logger = logging.getLogger(__name__)


def snapshot(savefun: Callable[[str, Any], Any] | None = None,
             filename: str | Callable[[Any], str] = 'snapshot_iter_{.updater.iteration}', *, target: Any = None,
             condition: Callable[[], bool] | None = None, writer: Any = None, snapshot_on_error: bool = False,
             n_retains: int = -1, autoload: bool = False) -> Extension:
    """An extension that saves the trainer, by default at the end of each epoch.

    ``load_npz(path, trainer)`` loads a snapshot into a trainer that was made in the same way; the training then
    continues bit for bit as if it had never stopped. A file gets its name when it is complete: however the program
    ends, earlier snapshots are safe. Ctrl-C leaves a snapshot in any case. When a parameter has NaN or infinite
    elements, and none had before the training, nothing is saved but a message logged: no such file replaces a good one.

    Args:
        savefun: Saves: called with a path and the trainer; `save_npz` by default.
        filename: The file's name in the trainer's directory: a format string to which the trainer is given, or a
            function of the trainer.
        target: What to save instead of the trainer.
        condition: Called without arguments before saving; whether to save.
        writer: Writes in place of `savefun` (see `snapshot_writers`).
        snapshot_on_error: Whether to save also when an exception ends the training; if there is a file of that name,
            it stays, and ``on_error_`` is put before the name of the new one.
        n_retains: How many of the files to keep, the newest ones; -1 for all.
        autoload: Whether to load the newest of the files, if there is one, before the training.

    Returns:
        The extension.

    Raises:
        ValueError: Both `savefun` and `writer` are given.
    """
    return _Snapshot('snapshot', target, filename, savefun, condition, writer, snapshot_on_error, n_retains, autoload)


def snapshot_object(target: Any, filename: str | Callable[[Any], str],
                    savefun: Callable[[str, Any], Any] | None = None, *,
                    condition: Callable[[], bool] | None = None, writer: Any = None, snapshot_on_error: bool = False,
                    n_retains: int = -1, autoload: bool = False) -> Extension:
    """An extension that saves an object, such as the model, by default at the end of each epoch.

    Args:
        target: What to save.
        filename: See `snapshot`, as for the others: ``'model_{.updater.epoch}.npz'``, for instance.
        savefun: Likewise.
        condition: Likewise.
        writer: Likewise.
        snapshot_on_error: Likewise.
        n_retains: Likewise.
        autoload: Likewise.

    Returns:
        The extension.

    Raises:
        ValueError: Both `savefun` and `writer` are given.
    """
    return _Snapshot('snapshot_object', target, filename, savefun, condition, writer, snapshot_on_error, n_retains,
                     autoload)


class _Snapshot(Extension):

    trigger = (1, 'epoch')
    priority = -100

    def __init__(self, name: str, target: Any, filename: str | Callable[[Any], str],
                 savefun: Callable[[str, Any], Any] | None, condition: Callable[[], bool] | None, writer: Any,
                 snapshot_on_error: bool, n_retains: int, autoload: bool) -> None:
        if savefun is not None and writer is not None:
            raise ValueError(f'{name}: give either savefun or writer, not both')
        if callable(filename) and (n_retains >= 0 or autoload):
            raise ValueError(f'{name}: n_retains and autoload look for files by the format string `filename`, '
                             'which is a function here')
        if n_retains == 0:
            raise ValueError(f'{name}: n_retains must be positive, or -1 to keep all files')
        self._default_name = name
        self._target = target
        self._filename = filename
        self._savefun = savefun or save_npz
        self._condition = condition
        self._writer = writer
        self._snapshot_on_error = snapshot_on_error
        self._n_retains = n_retains
        self._autoload = autoload
        self._began_finite = False

    @property
    def default_name(self) -> str:
        return self._default_name

    def initialize(self, trainer: Any) -> None:
        if self._autoload:
            files = self._files(trainer)
            if files:
                load_npz(files[-1], self._target_of(trainer))
                _logger.info('loaded %s', files[-1])
        self._began_finite = find_non_number(self._target_of(trainer)) is None

    def __call__(self, trainer: Any) -> None:
        if self._condition is not None and not self._condition():
            return
        name = self._find_new_non_number(trainer)
        if name is None:
            self._save(trainer, self._name(trainer))
        else:
            _logger.warning('%s: the parameter %s has NaN or infinite elements after iteration %d; nothing is saved',
                            self._default_name, name, trainer.updater.iteration)

    def _find_new_non_number(self, trainer: Any) -> str | None:
        return find_non_number(self._target_of(trainer)) if self._began_finite else None

    def on_error(self, trainer: Any, exc: BaseException, tb: TracebackType | None) -> Path | None:
        wanted = self._snapshot_on_error or (isinstance(exc, KeyboardInterrupt) and self._target is None)
        if not wanted or not (self._condition is None or self._condition()) or self._find_new_non_number(trainer):
            return None
        filename = self._name(trainer)
        # What an exception, or a second Ctrl-C, left half updated must not replace an earlier snapshot.
        is_exact = isinstance(exc, KeyboardInterrupt) and not trainer.is_updating
        if not is_exact and Path(trainer.out, filename).exists():
            filename = str(Path(filename).with_name(f'on_error_{Path(filename).name}'))
        return self._save(trainer, filename)

    def finalize(self) -> None:
        if self._writer is not None and hasattr(self._writer, 'finalize'):
            self._writer.finalize()

    def _target_of(self, trainer: Any) -> Any:
        return trainer if self._target is None else self._target

    def _name(self, trainer: Any) -> str:
        return self._filename(trainer) if callable(self._filename) else self._filename.format(trainer)

    def _save(self, trainer: Any, filename: str) -> Path:
        path = Path(trainer.out, filename)
        if self._writer is None:
            save_and_rename(self._savefun, path, self._target_of(trainer))
        else:
            serializer = DictionarySerializer()
            serializer.save(self._target_of(trainer))
            self._writer(filename, str(trainer.out), serializer.target)
        if self._n_retains > 0:
            for file in self._files(trainer)[:-self._n_retains]:
                file.unlink()
        return path

    def _files(self, trainer: Any) -> list[Path]:
        """The files of this extension that are there, the newest last."""
        assert isinstance(self._filename, str)
        path = Path(trainer.out, self._filename)
        pattern = re.compile(''.join(re.escape(text) + ('' if field is None else '(.+)')
                                     for text, field, _, _ in Formatter().parse(path.name)))
        if not path.parent.is_dir():
            return []
        return sorted([file for file in path.parent.iterdir() if pattern.fullmatch(file.name) and file.is_file()],
                      key=lambda file: (file.stat().st_mtime_ns, [int(n) for n in re.findall(r'\d+', file.name)]))
