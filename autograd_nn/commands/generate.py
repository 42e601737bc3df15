"""Makes up text with a language model that was trained here."""
from __future__ import annotations

import argparse
import sys
from pathlib import Path

import autograd_nn
from autograd_nn.commands.command_line import CommandLine
from autograd_nn.tasks.language_model import continue_text, load_run, unknown_tokens
from autograd_nn.tasks.options import check_at_least
from autograd_nn.utils.program_help import ArgumentParser


def make_parser(line: CommandLine) -> argparse.ArgumentParser:
    """Makes the parser."""
    parser = ArgumentParser(prog=line.name, description=__doc__)
    parser.add_argument('run', metavar='RUN', type=Path, help='the folder that the training wrote, such as result')
    parser.add_argument('--start', metavar='TEXT', default='', help='how the text begins (default: a new line)')
    parser.add_argument('--length', metavar='N', type=int, default=200,
                        help='words or characters to add (default: %(default)s)')
    parser.add_argument('--temperature', metavar='T', type=float, default=1.,
                        help='below 1 for likelier words, above 1 for a wilder text (default: %(default)s)')
    parser.add_argument('--top-k', metavar='K', type=int,
                        help='choose among the K likeliest words or characters each time (default: among all)')
    parser.add_argument('--seed', metavar='N', type=int,
                        help='start of the random numbers, for the same text each time (default: another each time)')
    parser.add_argument('--device', default='cpu', help='cpu or cuda:N (default: %(default)s)')
    return parser


def check_arguments(arguments: argparse.Namespace) -> None:
    """Raises a ValueError that names the first option with an impossible value."""
    check_at_least(arguments, length=1)
    if not 0 < arguments.temperature < float('inf'):
        raise ValueError(f'--temperature: expected a positive number, got {arguments.temperature}; with --top-k 1 the '
                         'likeliest word always comes')
    if arguments.top_k is not None:
        check_at_least(arguments, top_k=1)
    if arguments.seed is not None and not 0 <= arguments.seed < 2 ** 32:
        raise ValueError(f'--seed: expected a number from 0 to 2 ** 32 - 1, got {arguments.seed}')


def main(line: CommandLine) -> None:
    """Prints the text; status 2 for a mistake of the user."""
    arguments = make_parser(line).parse_args(line.words)
    with line.friendly_errors():
        check_arguments(arguments)
        device = autograd_nn.get_device(arguments.device)
        device.use()
        # Who is used to the program predict gives the file of the weights.
        folder = arguments.run.parent if arguments.run.is_file() else arguments.run
        network, vocabulary = load_run(folder, device)
        unknown = unknown_tokens(vocabulary, arguments.start)
        if unknown:
            print(f'--start: the model has never seen {", ".join(map(repr, unknown))}', file=sys.stderr)
        if arguments.seed is not None:
            autograd_nn.random.seed(arguments.seed)
        print(arguments.start + continue_text(network, vocabulary, arguments.start, arguments.length,
                                              arguments.temperature, arguments.top_k))
