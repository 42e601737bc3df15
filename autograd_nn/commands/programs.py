"""The programs of ``autograd-nn`` by name; the module of one is imported when it is needed."""
from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

# What they do. The module has the name of the program.
PROGRAMS = {
    'train': 'train a network of the zoo on pictures or text',
    'search': 'search for the best hyperparameters of a network',
    'predict': 'say what is on pictures; also with a network of Caffe',
    'generate': 'make up text with a trained language model',
    'models': 'list the networks of the zoo: sizes, time to train',
    'report': 'compare training runs in one page for a browser',
    'convert': 'convert weights of Caffe, or shrink those of a run',
    'style': 'paint a photograph in the style of a painting',
    'fast-style train': 'train a network that paints, or enlarges, in one pass',
    'fast-style generate': 'paint or enlarge pictures with such a network',
    'info': 'say what this runs on: versions, threads, GPUs, extras',
}


def split_name(words: Sequence[str]) -> tuple[str, Sequence[str]]:
    """Splits a command line in the name of a program, or of a group of programs, and what follows; the name may be ''.

    Args:
        words: The words.

    Example:
        >>> split_name(['fast-style', 'train', 'photos'])
        ('fast-style train', ['photos'])
        >>> split_name(['fast-style', '--help'])
        ('fast-style', ['--help'])
        >>> split_name(['--version'])
        ('', ['--version'])
    """
    possible = {name for program in PROGRAMS for name in (program, program.partition(' ')[0])}
    count = next((count for count in (2, 1) if len(words) >= count and ' '.join(words[:count]) in possible), 0)
    return ' '.join(words[:count]), words[count:]


def load_program(name: str) -> Any:
    """Imports the module of a program: ``make_parser`` and ``main`` take a `CommandLine`.

    Args:
        name: The program.
    """
    return import_module(f'autograd_nn.commands.{name.replace("-", "_").replace(" ", ".")}')
