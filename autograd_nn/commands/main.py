# PYTHON_ARGCOMPLETE_OK
"""The command ``autograd-nn``: its first words name a program, which is imported and started."""
from __future__ import annotations

import os
import sys
from pathlib import Path

from autograd_nn.commands.command_line import CommandLine
from autograd_nn.commands.programs import PROGRAMS, load_program, split_name
from autograd_nn.utils.hints import find_close
from autograd_nn.utils.program_help import ArgumentParser
from autograd_nn.version import __version__


def main() -> None:
    """Starts the program that the command line names, or completes the command line for a shell that asks."""
    is_module = Path(sys.argv[0]).name == '__main__.py'
    start = ['python', '-m', 'autograd_nn'] if is_module else ['autograd-nn']
    if '_ARGCOMPLETE' in os.environ:
        from autograd_nn.commands.completion import complete

        complete()
    start_program(CommandLine(' '.join(start), start, sys.argv[1:]))


def start_program(line: CommandLine) -> None:
    """Starts the program that the first words name; lists the programs if there are none.

    Args:
        line: The command line.

    Raises:
        SystemExit: There is no such program.
    """
    name, words = split_name(line.words)
    if name in PROGRAMS:
        with line.friendly_errors():
            program = load_program(name)
        program.main(line.of_program(name, words))
        return
    with line.friendly_errors():
        if not words or words[0] in ('-h', '--help'):
            print(make_parser(line.name, name).format_help(), end='')
        elif not name and words[0] == '--version':
            print(f'autograd_nn {__version__}')
        else:
            raise ValueError(refusal(f'{name} {words[0]}'.lstrip()))


def refusal(words: str) -> str:
    """What is said of words that no program has.

    Args:
        words: The words.
    """
    close = find_close(words, [*PROGRAMS, '--help', '--version'])
    meant = f' (did you mean {close[0]!r}?)' if close else ''
    what = 'option' if words.startswith('-') else 'command'
    return f'there is no {what} {words!r}{meant}; --help lists the commands'


def make_parser(command: str, group: str = '') -> ArgumentParser:
    """Makes a parser whose help lists the programs, one a line.

    Args:
        command: How the command was started.
        group: The first word of the names of those to list; empty for all.
    """
    parser = ArgumentParser(prog=command, usage='%(prog)s COMMAND ...', add_help=False,
                            epilog='"COMMAND --help" says more about one of them; --version names the version.')
    commands = parser.add_argument_group('commands')
    for name, text in PROGRAMS.items():
        if name.startswith(group):
            commands.add_argument(name, help=text)
    return parser
