"""Snapshots, from which a training can be resumed."""
from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Callable
from numbers import Integral, Real
from pathlib import Path
from string import Formatter
from types import TracebackType
from typing import Any

from autograd_nn.serializer import Serializable
from autograd_nn.serializers import DictionarySerializer, load_npz, save_npz
from autograd_nn.training.extension import Extension
from autograd_nn.training.extensions.snapshot_writers import save_and_rename
from autograd_nn.training.state import non_finite_parameters
from autograd_nn.training.trainer import Trainer

_logger = logging.getLogger(__name__)


def snapshot(savefun: Callable[[str, Any], Any] | None = None,
             filename: str | Callable[[Any], str] = 'snapshot_iter_{.updater.iteration}', *,
             target: Serializable | None = None, condition: Callable[[], bool] | None = None,
             writer: Callable[[str, str, dict[str, Any]], Any] | None = None, snapshot_on_error: bool = False,
             n_retains: int = -1, autoload: bool = False) -> Extension:
    """An extension that saves the trainer, by default at the end of each epoch.

    ``load_npz(path, trainer)`` loads a snapshot into a trainer that was made in the same way; the training then
    continues bit for bit as if it had never stopped. A file gets its name when it is complete: however the program
    ends, earlier snapshots are safe. Ctrl-C leaves a snapshot in any case.

    Where a parameter has become NaN or infinite, nothing is saved, also when an exception ends the training: a snapshot
    from which it could go on is neither replaced nor pushed out by `n_retains`. A warning says so once.

    Args:
        savefun: Saves: called with a path and the trainer; `save_npz` by default.
        filename: The file's name in the trainer's directory: a format string to which the trainer is given, or a
            function of the trainer.
        target: What to save instead of the trainer.
        condition: Called without arguments before saving; whether to save.
        writer: Writes in place of `savefun` (see `snapshot_writers`).
        snapshot_on_error: Whether to save also when an exception ends the training; if there is a file of that name,
            it stays, and ``on_error_`` is put before the name of the new one.
        n_retains: How many of the files to keep, the newest ones; -1 for all. Only files are deleted whose names the
            format string can have given them, with numbers where it has numbers: not ``snapshot_iter_best``.
        autoload: Whether to load the newest of these files, if there is one, before the training.

    Returns:
        The extension.

    Raises:
        ValueError: Both `savefun` and `writer` are given; or `n_retains` or `autoload`, and files cannot be told by
            `filename`, as it is a function or names a directory by a field.
    """
    return _Snapshot('snapshot', target, filename, savefun, condition, writer, snapshot_on_error, n_retains, autoload)


def snapshot_object(target: Serializable, filename: str | Callable[[Any], str],
                    savefun: Callable[[str, Any], Any] | None = None, *, condition: Callable[[], bool] | None = None,
                    writer: Callable[[str, str, dict[str, Any]], Any] | None = None, snapshot_on_error: bool = False,
                    n_retains: int = -1, autoload: bool = False) -> Extension:
    """An extension that saves an object, such as the model, by default at the end of each epoch.

    Args:
        target: What to save.
        filename: See `snapshot`, as for the others: ``'model_{.updater.epoch}.npz'``, for instance.
        savefun: As there.
        condition: As there.
        writer: As there.
        snapshot_on_error: As there.
        n_retains: As there.
        autoload: As there.

    Returns:
        The extension.

    Raises:
        ValueError: See `snapshot`.
    """
    return _Snapshot('snapshot_object', target, filename, savefun, condition, writer, snapshot_on_error, n_retains,
                     autoload)


class _Snapshot(Extension):

    trigger = (1, 'epoch')
    priority = -100

    def __init__(self, name: str, target: Serializable | None, filename: str | Callable[[Any], str],
                 savefun: Callable[[str, Any], Any] | None, condition: Callable[[], bool] | None,
                 writer: Callable[[str, str, dict[str, Any]], Any] | None, snapshot_on_error: bool, n_retains: int,
                 autoload: bool) -> None:
        if savefun is not None and writer is not None:
            raise ValueError(f'{name}: give either savefun or writer, not both')
        if n_retains >= 0 or autoload:
            if callable(filename):
                raise ValueError(f'{name}: n_retains and autoload look for files by the format string `filename`, '
                                 'which is a function here')
            if '{' in str(Path(filename).parent):
                raise ValueError(f'{name}: n_retains and autoload look for files in one directory; filename '
                                 f'{filename!r} makes several')
        if n_retains == 0:
            raise ValueError(f'{name}: n_retains must be positive, or -1 to keep all files')
        self._caller = name
        self._target = target
        self.filename = filename
        self._savefun = savefun or save_npz
        self._condition = condition
        self._writer = writer
        self._snapshot_on_error = snapshot_on_error
        self._n_retains = n_retains
        self.autoload = autoload
        self._has_warned = False
        self._saved_of: Trainer | None = None
        self._unset: set[str] = set()  # parameters that were NaN from the beginning
        self._suffixes = {'', '.npz'}  # which a function that saves, such as NumPy's, may add to the name

    def initialize(self, trainer: Trainer) -> None:
        if self.autoload:
            files = self._files(trainer)
            if files:
                load_npz(files[-1], self.target_of(trainer))
                _logger.info('loaded %s', files[-1])
        self._unset = set(non_finite_parameters(self.target_of(trainer)))

    def __call__(self, trainer: Trainer) -> None:
        if self._condition is None or self._condition():
            self._save(trainer, self._name(trainer))

    def on_error(self, trainer: Trainer, exc: BaseException, tb: TracebackType | None) -> Path | None:
        wanted = self._snapshot_on_error or (isinstance(exc, KeyboardInterrupt) and self._target is None)
        if not wanted or not (self._condition is None or self._condition()):
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
            self._remove_old()  # The last file may have been written only now.
        self._saved_of = None

    def target_of(self, trainer: Trainer) -> Any:
        """What is saved."""
        return trainer if self._target is None else self._target

    def _name(self, trainer: Trainer) -> str:
        return self.filename(trainer) if callable(self.filename) else self.filename.format(trainer)

    def _save(self, trainer: Trainer, filename: str) -> Path | None:
        diverged = set(non_finite_parameters(self.target_of(trainer))) - self._unset
        if diverged:
            if not self._has_warned:
                warnings.warn(f'{self._caller}: nothing is saved at iteration {trainer.updater.iteration}, since '
                              f'the parameter {min(diverged)} has become NaN or infinite; earlier files stay',
                              stacklevel=2)
            self._has_warned = True
            return None
        path = Path(trainer.out, filename)
        if self._writer is None:
            names = save_and_rename(self._savefun, path, self.target_of(trainer))
            self._suffixes.update(name.removeprefix(path.name) for name in names)
        else:
            serializer = DictionarySerializer()
            serializer.save(self.target_of(trainer))
            self._writer(filename, str(trainer.out), serializer.target)
        self._saved_of = trainer
        self._remove_old()
        return path

    def _remove_old(self) -> None:
        if self._n_retains > 0 and self._saved_of is not None:
            for file in self._files(self._saved_of)[:-self._n_retains]:
                file.unlink()

    def _files(self, trainer: Trainer) -> list[Path]:
        """The files of this extension that are there, the newest last."""
        return [file for _, _, file in self._found(trainer)]

    def generations(self, trainer: Trainer) -> dict[tuple[float, ...], Path]:
        """The files of this extension that are there, by the numbers in their names."""
        return {tuple(numbers): file for _, numbers, file in self._found(trainer)}

    def _found(self, trainer: Trainer) -> list[tuple[int, list[float], Path]]:
        assert isinstance(self.filename, str)
        path = Path(trainer.out, self.filename)
        if not path.parent.is_dir():
            return []
        names = _Names(path.name, self._suffixes, trainer)
        return sorted((file.stat().st_mtime_ns, numbers, file) for file in path.parent.iterdir()
                      if (numbers := names.numbers_of(file.name)) is not None and file.is_file())


class _Names:
    """The names that a format string can give the files of a trainer: its numbers vary, all else is constant.

    Args:
        template: The format string.
        suffixes: What may follow.
        trainer: The trainer.
    """

    def __init__(self, template: str, suffixes: set[str], trainer: Trainer) -> None:
        formatter, pattern = Formatter(), ''
        self._formats: list[tuple[type, str]] = []
        for text, field, spec, conversion in formatter.parse(template):
            pattern += re.escape(text)
            if field is not None:
                value, _ = formatter.get_field(f'0{field.removeprefix("0")}', (trainer,), {})
                if isinstance(value, Real) and not conversion:
                    pattern += r'([-+.,\w]+?)'
                    self._formats.append((int if isinstance(value, Integral) else float, spec or ''))
                else:
                    pattern += re.escape(format(formatter.convert_field(value, conversion), spec or ''))
        self._pattern = re.compile(f'{pattern}(?:{"|".join(map(re.escape, suffixes))})')

    def numbers_of(self, name: str) -> list[float] | None:
        """The numbers in a name; None if it is no such name."""
        match = self._pattern.fullmatch(name)
        if match is None:
            return None
        numbers = []
        for text, (kind, spec) in zip(match.groups(), self._formats):
            try:
                number = kind(text.replace(',', ''))
            except ValueError:
                return None
            if format(number, spec) != text:
                return None
            numbers.append(number)
        return numbers
