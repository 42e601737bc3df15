"""Shows training runs in one page for a browser: their curves, what came out, and in what they differ."""
from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from autograd_nn import models, reports
from autograd_nn.commands.command_line import CommandLine, check_file, write_options
from autograd_nn.commands.train import make_parser as make_train_parser
from autograd_nn.reports.run import configuration, curves, pictures, summary
from autograd_nn.training.run_folder import REPORT
from autograd_nn.utils.program_help import ArgumentParser


def make_parser(line: CommandLine) -> argparse.ArgumentParser:
    """Makes the parser."""
    parser = ArgumentParser(prog=line.name, description=__doc__)
    parser.add_argument('runs', metavar='RUN', nargs='+', help='a folder that a training wrote, such as result')
    parser.add_argument('--out', metavar='FILE', type=Path, default=Path(REPORT),
                        help='where to write (default: %(default)s)')
    return parser


def main(line: CommandLine) -> None:
    """Writes the page; status 2 for a mistake of the user."""
    arguments = make_parser(line).parse_args(line.words)
    with line.friendly_errors():
        check_file(arguments.out)
        runs = [reports.read_run(path) for path in arguments.runs]
        for run in runs:
            run.command = command_of(run)
        if len(runs) == 1:
            title, (run,) = runs[0].title, runs
            sections = [summary(run), curves([run]), *pictures(run), configuration(run)]
        else:
            title, sections = f'{len(runs)} runs', reports.compare(runs)
        reports.write_page(arguments.out, reports.page(title, '', sections))
        print(f'written to {arguments.out}')


def command_of(run: reports.Run) -> str:
    """The command line that repeats a run; empty if the program that trains does not know such runs.

    Args:
        run: The run.
    """
    options = run.config.get('arguments', {})
    model = options.get('model')
    if 'dataset' not in options or model not in models.names():
        return ''
    parser = make_train_parser(CommandLine('train', [], ['--model', model]))
    return shlex.join(['autograd-nn', 'train', *write_options(parser, options)])
