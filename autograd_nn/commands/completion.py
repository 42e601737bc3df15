"""Completing command lines of ``autograd-nn`` in a shell, by argcomplete."""
from __future__ import annotations

import argparse
import contextlib
import io
import os
from collections.abc import Sequence

from autograd_nn.commands.command_line import CommandLine
from autograd_nn.commands.programs import PROGRAMS, load_program, split_name


def complete() -> None:
    """Answers the shell, which asks by variables of the environment, and ends the process."""
    try:
        import argcomplete
    except ImportError:
        raise SystemExit(1) from None
    words = argcomplete.split_line(os.environ['COMP_LINE'], int(os.environ['COMP_POINT']))[3]
    # It says where the words of the program begin: `python -m autograd_nn` is three.
    argcomplete.autocomplete(make_parser(words[int(os.environ['_ARGCOMPLETE']):]))


def make_parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """A parser of all programs. Only the one that is named has its options, as only its module is imported.

    Args:
        words: The command line so far.
    """
    name, rest = split_name(words)
    parser = argparse.ArgumentParser()
    parser.add_argument('--version', action='version')
    groups = {'': parser.add_subparsers()}
    for program, text in PROGRAMS.items():
        group, _, last = program.rpartition(' ')
        if group not in groups:
            groups[group] = groups[''].add_parser(group).add_subparsers()
        parents = [make_program_parser(program, rest)] if program == name else []
        groups[group].add_parser(last, help=text, parents=parents, add_help=not parents)
    return parser


def make_program_parser(name: str, words: Sequence[str]) -> argparse.ArgumentParser:
    """The parser of a program, whose options may depend on those that are there already.

    Args:
        name: The program.
        words: The command line so far.
    """
    program = load_program(name)
    with contextlib.redirect_stderr(io.StringIO()):
        for line in CommandLine(name, [], words), CommandLine(name, [], []):
            with contextlib.suppress(SystemExit, OSError, ValueError):
                return program.make_parser(line)
    raise AssertionError('a program has a parser')
