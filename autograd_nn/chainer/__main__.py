"""Runs a program that was written for Chainer: ``python -m autograd_nn.chainer program.py``."""
from __future__ import annotations

import argparse
import os
import runpy
import sys
from pathlib import Path

import autograd_nn.chainer
from autograd_nn.chainer import installation

_USAGE = 'python -m autograd_nn.chainer [--numpy1-names] (PROGRAM.py | -m MODULE | -c COMMAND) ...'


def main(words: list[str]) -> None:
    """Runs what the command line names.

    Args:
        words: The command line.
    """
    own, program = _split(words)
    parser = argparse.ArgumentParser(
        prog='python -m autograd_nn.chainer', usage=f'{_USAGE}\n       python -m autograd_nn.chainer --install | '
        '--uninstall', description='Runs a program for Chainer, in which the name chainer means this package.')
    parser.add_argument('--numpy1-names', action='store_true', help='give NumPy the names back that it has no more, '
                        'such as np.float and np.product')
    alone = parser.add_mutually_exclusive_group()
    alone.add_argument('--install', action='store_true', help='put a package "chainer" into this environment')
    alone.add_argument('--uninstall', action='store_true', help='take it away')
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
            print(f'{parser.prog}: NumPy has {len(names)} names of its first versions again', file=sys.stderr)
        _run(program)


def _split(words: list[str]) -> tuple[list[str], list[str]]:
    """What is for this program, and the program to run with its arguments."""
    first = next((i for i, word in enumerate(words) if not word.startswith('--') and word != '-h'), len(words))
    return words[:first], words[first:]


def _run(program: list[str]) -> None:
    """Runs a program as Python would, and lets processes that it starts find `chainer`, too."""
    directory = str(installation.STAND_IN)
    os.environ['PYTHONPATH'] = os.pathsep.join(filter(None, [directory, os.environ.get('PYTHONPATH')]))
    sys.path.append(directory)
    first, *rest = program
    if first in ('-m', '-c') and not rest:
        sys.exit(f'python -m autograd_nn.chainer: {first} needs an argument')
    if first == '-m':
        sys.argv = rest  # run_module puts the module's file in the first place
        runpy.run_module(rest[0], run_name='__main__', alter_sys=True)
    elif first == '-c':
        sys.argv = ['-c', *rest[1:]]
        exec(compile(rest[0], '<string>', 'exec'), vars(sys.modules['__main__']))
    else:
        if not Path(first).is_file():
            sys.exit(f'python -m autograd_nn.chainer: there is no file {first}')
        sys.argv = program
        sys.path[0] = str(Path(first).resolve().parent)
        runpy.run_path(first, run_name='__main__')


if __name__ == '__main__':
    main(sys.argv[1:])
