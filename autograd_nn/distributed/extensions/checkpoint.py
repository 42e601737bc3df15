"""Checkpoints of all processes, from which a training goes on that was killed."""
from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from autograd_nn.distributed.communicators import CommunicatorBase
from autograd_nn.distributed.extensions.generations import load, load_newest
from autograd_nn.serializer import Serializable
from autograd_nn.serializers import save_npz
from autograd_nn.serializers.npz import NpzReader, collect_arrays
from autograd_nn.training.extension import Extension
from autograd_nn.training.trainer import Trainer
from autograd_nn.types import PathLike

# Under which name a file has the number of processes that wrote such.
_PROCESSES = '_processes'


def create_multi_node_checkpointer(name: str, comm: CommunicatorBase, cp_interval: int = 5, gc_interval: int = 5,
                                   path: PathLike | None = None) -> MultiNodeCheckpointer:
    """An extension by which each process saves its trainer, for a training that goes on after a process was killed.

    Extend the trainer with it, and call its `maybe_load` before the training, after all other extensions were added::

        checkpointer = create_multi_node_checkpointer('digits', comm)
        trainer.extend(checkpointer, trigger=(1000, 'iteration'))
        checkpointer.maybe_load(trainer)
        trainer.run()

    The file of a process is ``NAME.RANK.ITERATION``; it has that name only when it is complete and on the disk. The
    files go when the training has come to its end in all processes, and stay when an exception ends it.

    Args:
        name: Of the training.
        comm: The processes.
        cp_interval: How many generations are kept at least.
        gc_interval: How many more there may be before the older ones are removed.
        path: The directory; that of the trainer by default. Each process reads only its own files, so that it may be
            on a disk of its machine.

    Raises:
        ValueError: A number is not positive.
    """
    for argument, value in ('cp_interval', cp_interval), ('gc_interval', gc_interval):
        if value < 1:
            raise ValueError(f'create_multi_node_checkpointer: {argument} must be positive, got {value}')
    return MultiNodeCheckpointer(name, comm, cp_interval, gc_interval, path)


class MultiNodeCheckpointer(Extension):
    """What `create_multi_node_checkpointer` makes, with its arguments."""

    priority = -100  # after all whose work a checkpoint has

    def __init__(self, name: str, comm: CommunicatorBase, cp_interval: int, gc_interval: int,
                 path: PathLike | None) -> None:
        self.file_name = name
        self.comm = comm
        self.cp_interval = cp_interval
        self.gc_interval = gc_interval
        self.path = None if path is None else Path(path)
        self._generations: set[int] = set()
        self._seconds: list[float] = []

    def __call__(self, trainer: Trainer) -> None:
        """Saves the trainer; all processes call this together."""
        self.path = self.path or Path(trainer.out)
        self.save(trainer, trainer.updater.iteration)

    def save(self, target: Serializable, iteration: int) -> None:
        """Saves an object; all processes call this together, at the same iteration.

        Args:
            target: What to save.
            iteration: By which its generations are told apart, the newest being the largest.

        Raises:
            ValueError: The checkpointer was given no path.
        """
        start = time.perf_counter()
        file = self._directory('save') / self._file_name(iteration)
        file.parent.mkdir(parents=True, exist_ok=True)
        save_npz(file, {**collect_arrays(target), _PROCESSES: self.comm.size})
        self._seconds.append(time.perf_counter() - start)
        self._generations.add(iteration)
        if len(self._generations) >= self.cp_interval + self.gc_interval:
            self._remove_old()

    def maybe_load(self, trainer: Any, optimizer: Any = None, path: PathLike | None = None) -> None:
        """Loads the newest generation that is whole in all processes, if there is one; they call this together.

        Each file is read to its end first. If one is damaged or missing, the generation before is loaded, and a warning
        says so.

        Args:
            trainer: What to load: the trainer, or what `save` is given.
            optimizer: A multi-node optimizer, which then need not send the parameters to all processes.
            path: The directory, if none was given before.

        Raises:
            ValueError: The files are those of another number of processes, whose parts of the data were others.
        """
        self.path = self.path or Path(trainer.out if path is None else path)
        files = self._files()
        self._check_processes(files)
        found = load_newest(self.comm, files, f'create_multi_node_checkpointer: {self.file_name!r}')
        if found is None:
            return
        generation, arrays = found
        arrays.pop(_PROCESSES, None)
        load(arrays, trainer)
        # What is not whole does not count among those that are kept.
        self._generations = {each for each in files if each <= generation}
        if optimizer is not None:
            optimizer.needs_broadcast = False

    def _check_processes(self, files: dict[int, Path]) -> None:
        counts = self.comm.allgather_obj(_count_processes(files[max(files)]) if files else None)
        other = next((count for count in counts if count not in (None, self.comm.size)), None)
        if other is not None:
            raise ValueError(f'create_multi_node_checkpointer: the checkpoints of {self.file_name!r} in {self.path} '
                             f'are those of {other} processes, and there are {self.comm.size}: start as many, or '
                             'give another name (multi_node_snapshot goes on with any number)')

    def finalize(self) -> None:
        """Removes the files, unless an exception is on its way; all processes call this together."""
        if sys.exc_info()[0] is not None or self.path is None:
            return
        self.comm.allgather_obj(None)  # The files of all are needed until the last one has come to its end.
        self._remove(self._generations)

    def get_stats(self) -> str:
        """How long saving has taken in this process, in a line."""
        seconds = self._seconds
        if not seconds:
            return 'no checkpoint has been saved'
        return (f'{len(seconds)} checkpoints, {sum(seconds) / len(seconds):.3g} s each on average '
                f'({min(seconds):.3g} to {max(seconds):.3g} s)')

    def _remove_old(self) -> None:
        whole = set.intersection(*self.comm.allgather_obj(self._generations))
        self._remove(self._generations - set(sorted(whole)[-self.cp_interval:]))

    def _remove(self, generations: set[int]) -> None:
        for each in generations:
            (self._directory('finalize') / self._file_name(each)).unlink(missing_ok=True)
        self._generations = self._generations - generations

    def _directory(self, caller: str) -> Path:
        if self.path is None:
            raise ValueError(f'create_multi_node_checkpointer: {caller} needs the path of a directory, which was not '
                             'given')
        return self.path

    def _file_name(self, iteration: int) -> str:
        return f'{self.file_name}.{self.comm.rank}.{iteration}'

    def _files(self) -> dict[int, Path]:
        """This process's files by iteration."""
        start = f'{self.file_name}.{self.comm.rank}.'
        directory = self._directory('maybe_load')
        files = directory.iterdir() if directory.is_dir() else ()
        return {int(number): file for file in files
                if file.name.startswith(start) and (number := file.name.removeprefix(start)).isdecimal()}


def _count_processes(path: Path) -> int | None:
    """How many processes wrote such files; None if that cannot be told, as of files of ChainerMN and damaged ones."""
    try:
        with NpzReader(path) as npz:
            return int(npz[_PROCESSES]) if _PROCESSES in npz else None
    except (OSError, ValueError, RuntimeError):
        return None
