"""What the programs share: how they were started, errors in one line, and checks of options."""
from __future__ import annotations

import argparse
import json
import os
import re
import signal
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from autograd_nn.utils.readable import one_line

# What functions of the package call a wrong value, and the options that such values come from.
OPTIONS = {'get_device': '--device:', 'model': '--model:'}


@dataclass(frozen=True)
class CommandLine:
    """How a program was started.

    Attributes:
        name: What usage and errors call it, such as ``train.py`` or ``autograd-nn train``.
        start: What one types to start it: the words before the options.
        words: The options and what else follows.
    """

    name: str
    start: Sequence[str]
    words: Sequence[str]

    @classmethod
    def of_script(cls) -> CommandLine:
        """That of a file that Python was started with."""
        return cls(Path(sys.argv[0]).name, ['python', sys.argv[0]], sys.argv[1:])

    def of_program(self, program: str, words: Sequence[str]) -> CommandLine:
        """That of a program that a command starts.

        Args:
            program: Its name.
            words: What follows the name.
        """
        return CommandLine(f'{self.name} {program}', [*self.start, *program.split()], words)

    def option_of(self, path: Any) -> str:
        """The option that a path comes from; empty if it comes from none.

        Args:
            path: What an option says, or a file below it.
        """
        path, option = Path(os.fsdecode(path)), ''
        for word in self.words:
            name, equals, value = word.partition('=')
            if word.startswith('--') and not equals:
                option = name
                continue
            source, value = (name, value) if word.startswith('--') else (option, word)
            below = path.parents if Path(value) != Path() else ()  # every relative path is below the current folder
            if source and Path(value) in (path, *below):
                return source
        return ''

    def describe(self, error: BaseException) -> str:
        """What an exception says, in one line: the option and the file that it is about, and what to do.

        Args:
            error: The exception.
        """
        if isinstance(error, MemoryError):
            return 'there is not enough memory; a smaller --batch-size needs less'
        message = one_line(error)
        if isinstance(error, OSError) and error.filename is not None:
            return f'{self.option_of(error.filename)} {message}'.lstrip()
        return re.sub('^(get_device|model):', lambda found: OPTIONS[found[1]], message)

    @contextmanager
    def friendly_errors(self) -> Iterator[None]:
        """Turns a user's mistake into one line on standard error and exit status 2, and Ctrl-C into one and status 130.

        From then on, letters of names that the terminal or the pipe does not know are escaped; they end no program.
        """
        for stream in sys.stdout, sys.stderr:
            if isinstance(stream, TextIOWrapper):
                stream.reconfigure(errors='backslashreplace')
        try:
            yield
            sys.stdout.flush()
        except BrokenPipeError:
            # Who reads has ended, as `head` does. When Python ends, it is to find nothing that it cannot write.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(1) from None
        except (OSError, ValueError, KeyError, RuntimeError, ImportError, MemoryError) as error:
            print(f'{self.name}: error: {self.describe(error)}', file=sys.stderr)
            raise SystemExit(2) from None
        except KeyboardInterrupt:
            print('\ninterrupted', file=sys.stderr)
            raise SystemExit(130) from None


@contextmanager
def sigterm_as_ctrl_c() -> Iterator[None]:
    """A context in which SIGTERM, by which Docker and SLURM end a program, does what Ctrl-C does at that time."""
    def interrupt(signum: int, frame: Any) -> None:
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # what a script starts in the background
            raise KeyboardInterrupt
        signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGTERM, interrupt)
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


@contextmanager
def about(option: str) -> Iterator[None]:
    """Puts an option before the messages of errors that are about its value.

    Args:
        option: The option, such as ``--freeze``.

    Raises:
        ValueError: There is such an error.
    """
    try:
        yield
    except ValueError as error:
        raise ValueError(f'{option}: {error}') from None


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


def write_options(parser: argparse.ArgumentParser, values: Mapping[str, Any]) -> list[str]:
    """The words of a command line that say what values options have; those that have their defaults are left out.

    Args:
        parser: The parser.
        values: The values by name; names that the parser does not know are left out.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> for option in '--lr', '--model':
        ...     _ = parser.add_argument(option)
        >>> _ = parser.add_argument('--flip', action=argparse.BooleanOptionalAction, default=True)
        >>> write_options(parser, {'lr': 0.1, 'model': None, 'flip': False, 'other': 3})
        ['--lr', '0.1', '--no-flip']
    """
    words: list[str] = []
    for action in parser._actions:
        value = values.get(action.dest, action.default)
        if value == action.default or value is None or not action.option_strings:
            continue
        if action.nargs == 0:
            positive, *others = action.option_strings
            words.append(others[-1] if isinstance(action, argparse.BooleanOptionalAction) and not value else positive)
        else:
            words += [action.option_strings[0], *map(str, value if isinstance(value, (list, tuple)) else [value])]
    return words


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
