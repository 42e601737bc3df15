"""Says what autograd_nn runs on: versions, threads, GPUs and extras."""
from __future__ import annotations

import argparse
import importlib.metadata
import re

import autograd_nn
from autograd_nn import cuda
from autograd_nn.commands.command_line import CommandLine
from autograd_nn.cpu import threads
from autograd_nn.utils.program_help import ArgumentParser

# Extras for those who work on the package itself.
OWN = 'test', 'docs'


def make_parser(line: CommandLine) -> argparse.ArgumentParser:
    """Makes the parser."""
    parser = ArgumentParser(prog=line.name, description=__doc__)
    parser.add_argument('--kernels', action='store_true',
                        help='say which library computes which kernel, and why, and how memory is kept')
    return parser


def main(line: CommandLine) -> None:
    """Prints it."""
    arguments = make_parser(line).parse_args(line.words)
    with line.friendly_errors():
        if arguments.kernels:
            autograd_nn.show_config()
        else:
            autograd_nn.print_runtime_info()
            print(f'threads: {threads.number()}')
        print(f'GPU: {describe_gpus()}')
        print(f'extras: {describe_extras()}')


def describe_gpus() -> str:
    """The names of all GPUs and their memory; why there is none otherwise."""
    try:
        cuda.check_cuda_available()
    except RuntimeError as error:
        return ' '.join(str(error).split())
    runtime = cuda.cupy.cuda.runtime
    found = [runtime.getDeviceProperties(i) for i in range(runtime.getDeviceCount())]
    return ', '.join(f'{each["name"].decode()} ({each["totalGlobalMem"] >> 20} MiB)' for each in found)


def describe_extras() -> str:
    """Which extras of the package are installed, and which are not."""
    try:
        package = importlib.metadata.distribution('autograd_nn')
    except importlib.metadata.PackageNotFoundError:
        return 'unknown, as autograd_nn is used without being installed'
    needed: dict[str, list[str]] = {name: [] for name in package.metadata.get_all('Provides-Extra') or []
                                    if name not in OWN}
    for requirement in package.requires or []:
        found = re.match(r'([\w.-]+).*\bextra == .([\w-]+)', requirement)
        if found and found[2] in needed:
            needed[found[2]].append(found[1])
    there = [name for name, libraries in needed.items() if all(map(is_installed, libraries))]
    others = [name for name in needed if name not in there]
    return f'{", ".join(there) or "none"}' + (f' (not installed: {", ".join(others)})' if others else '')


def is_installed(library: str) -> bool:
    """Whether a distribution is installed."""
    try:
        importlib.metadata.distribution(library)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
