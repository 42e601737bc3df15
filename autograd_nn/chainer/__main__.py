"""Runs a program that was written for Chainer: ``python -m autograd_nn.chainer program.py``."""
from __future__ import annotations

import builtins
import os
import runpy
import sys
from collections.abc import Callable
from functools import partial
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

import autograd_nn.chainer
from autograd_nn.chainer import installation
from autograd_nn.chainer.numpy1 import NAMES_VARIABLE, compiled
from autograd_nn.utils.program_help import ArgumentParser

_USAGE = 'python -m autograd_nn.chainer [--numpy1-names] (PROGRAM.py | -m MODULE | -c COMMAND) ...'


def make_parser() -> ArgumentParser:
    """Makes the parser of what comes before the program to run."""
    parser = ArgumentParser(
        prog='python -m autograd_nn.chainer', usage=f'{_USAGE}\n       python -m autograd_nn.chainer --install | '
        '--uninstall', description='Runs a program for Chainer, in which the name chainer means this package.')
    parser.add_argument('--numpy1-names', action='store_true', help='give NumPy the names back that it has no more, '
                        'such as np.float and np.product')
    alone = parser.add_mutually_exclusive_group()
    alone.add_argument('--install', action='store_true', help='put a package "chainer" into this environment')
    alone.add_argument('--uninstall', action='store_true', help='take it away')
    return parser


def main(words: list[str]) -> None:
    """Runs what the command line names.

    Args:
        words: The command line.
    """
    own, program = _split(words)
    parser = make_parser()
    options = parser.parse_args(own)
    if options.install or options.uninstall:
        try:
            print((installation.install if options.install else installation.uninstall)())
        except OSError as error:
            sys.exit(f'{parser.prog}: {error}')
    elif not program:
        parser.error('a program is missing (PROGRAM.py, -m MODULE or -c COMMAND)')
    else:
        if options.numpy1_names:
            names = autograd_nn.chainer.restore_names()
            os.environ[NAMES_VARIABLE] = '1'
            print(f'{parser.prog}: NumPy has {len(names)} names of its first versions again', file=sys.stderr)
        _run(program, compiled if options.numpy1_names else partial(compile, mode='exec', dont_inherit=True))


def _split(words: list[str]) -> tuple[list[str], list[str]]:
    """What is for this program, and the program to run with its arguments."""
    first = next((i for i, word in enumerate(words) if not word.startswith('--') and word != '-h'), len(words))
    return words[:first], words[first:]


def _run(program: list[str], translate: Callable[[bytes, str], CodeType]) -> None:
    """Runs a program as Python would, and lets processes that it starts find `chainer`, too."""
    directory = str(installation.STAND_IN)
    os.environ['PYTHONPATH'] = os.pathsep.join(filter(None, [directory, os.environ.get('PYTHONPATH')]))
    sys.path.insert(1, directory)  # processes take the path over, and another Chainer may be installed
    first, *rest = program
    if first in ('-m', '-c') and not rest:
        sys.exit(f'python -m autograd_nn.chainer: {first} needs an argument')
    if first not in ('-m', '-c') and not Path(first).is_file():
        sys.exit(f'python -m autograd_nn.chainer: there is no file {first}')
    # The program's module stays in its place, as pickles of its classes need it up to the last function of `atexit`.
    module = sys.modules['__main__'] = ModuleType('__main__')
    module.__dict__['__builtins__'] = builtins
    if first == '-m':
        sys.argv = rest  # the path of the module will be in the first place
        runpy._run_module_as_main(rest[0])  # type: ignore[attr-defined]
    elif first == '-c':
        sys.argv = ['-c', *rest[1:]]
        exec(translate(rest[0].encode(), '<string>'), vars(module))
    else:
        sys.argv = program
        sys.path[0] = str(Path(first).resolve().parent)
        module.__file__ = str(Path(first).absolute())
        module.__loader__ = SourceFileLoader('__main__', module.__file__)
        exec(translate(Path(first).read_bytes(), module.__file__), vars(module))


if __name__ == '__main__':
    main(sys.argv[1:])
