"""Trains a network of the zoo; without arguments, LeNet on the handwritten digits that come with it.

Further options depend on what the network is for: see --model NAME --help.
"""
from __future__ import annotations

import argparse
import shlex

from autograd_nn import models
from autograd_nn.commands.command_line import CommandLine, sigterm_as_ctrl_c, write_options
from autograd_nn.commands.processes import find_processes, start_processes
from autograd_nn.commands.run_folders import options_of_run, parse_arguments, refuse_changes, telling_how_to_continue
from autograd_nn.commands.training_options import (
    DEFAULT_MODEL,
    HelpFormatter,
    add_place_arguments,
    add_run_arguments,
)
from autograd_nn.commands.training_run import TrainingRun
from autograd_nn.training.run_folder import CONFIG, RunFolder
from autograd_nn.utils.program_help import ArgumentParser


def choose_model(line: CommandLine) -> models.Entry:
    """The model that the command line, or the run that it continues, is about."""
    parser = argparse.ArgumentParser(prog=line.name, add_help=False)
    parser.add_argument('--model')
    parser.add_argument('--resume')
    arguments, _ = parser.parse_known_args(line.words)
    model = arguments.model or DEFAULT_MODEL
    if arguments.resume:
        folder = RunFolder(arguments.resume, '--resume')
        saved = folder.read()[0]['arguments']
        if 'dataset' not in saved:
            raise ValueError(f'--resume: the run in {folder.path} is one of another program')
        if arguments.model:
            refuse_changes(folder, saved, vars(arguments), ['model'])
        model = saved.get('model')
        if model not in models.names():
            raise ValueError(f'--resume: {folder.path / CONFIG} is damaged: there is no model {model}')
    return models.get(model)


def make_parser(line: CommandLine) -> argparse.ArgumentParser:
    """Makes the parser; on the model that the command line names depends which options there are."""
    entry = choose_model(line)
    parser = ArgumentParser(prog=line.name, description=__doc__, formatter_class=HelpFormatter)
    add_run_arguments(parser, entry)
    add_place_arguments(parser)
    return parser


def command_of(line: CommandLine, arguments: argparse.Namespace) -> str:
    """The command line that repeats a run: the options that are not as they are without being given.

    Args:
        line: How the program was started.
        arguments: The options of the run, as it has settled them.
    """
    parser = make_parser(CommandLine(line.name, line.start, ['--model', arguments.model]))
    options = {**options_of_run(arguments), 'processes': arguments.processes}
    return shlex.join([*line.start, *write_options(parser, options)])


def main(line: CommandLine) -> None:
    """Trains, evaluates and writes the results; status 2 for a mistake of the user, 130 after Ctrl-C."""
    with find_processes() as processes, line.friendly_errors(), sigterm_as_ctrl_c():
        start_processes(line)
        with processes.together():
            arguments = parse_arguments(make_parser(line), line)
            run = TrainingRun(arguments, processes)
            run.check()
            run.prepare_device()
            run.prepare_task()
            run.load_initial_weights()
            run.build_trainer()
            run.add_report(command_of(line, arguments))
            run.announce_training()
            run.load_state()
        with run.open_folder(), telling_how_to_continue(run.folder, run.trainer, line):
            run.train()
            run.settle_weights()
            run.save_results()
