"""Trains a network of the zoo; without arguments, LeNet on the handwritten digits that come with it.

Further options depend on what the network is for: see --model NAME --help.
"""
from __future__ import annotations

import argparse
from dataclasses import asdict

from autograd_nn import models
from autograd_nn.commands.command_line import friendly_errors, sigterm_as_ctrl_c, use_saved
from autograd_nn.commands.image_run import ImageRun
from autograd_nn.commands.run_folder import CONFIG, RunFolder, refuse_changes
from autograd_nn.commands.text_run import TextRun
from autograd_nn.commands.training_run import DEFAULT_MODEL, TrainingRun, add_common_arguments

# By the tasks of the models.
KINDS: dict[str, type[TrainingRun]] = {'images': ImageRun, 'text': TextRun}


class HelpFormatter(argparse.ArgumentDefaultsHelpFormatter):
    """Adds to each option's help its default value, where there is one and the help does not say it."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default is None else super()._get_help_string(action)


def choose_model() -> models.Entry:
    """The model that the command line, or the run that it continues, is about."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument('--model')
    parser.add_argument('--resume')
    arguments, _ = parser.parse_known_args()
    model = arguments.model or DEFAULT_MODEL
    if arguments.resume:
        folder = RunFolder(arguments.resume)
        saved = folder.read()[0]['arguments']
        if 'dataset' not in saved:
            raise ValueError(f'--resume: the run in {folder.path} is one of another program')
        if arguments.model:
            refuse_changes(folder, saved, vars(arguments), ['model'])
        model = saved.get('model')
        if model not in models.names():
            raise ValueError(f'--resume: {folder.path / CONFIG} is damaged: there is no model {model}')
    return models.get(model)


def parse_arguments(entry: models.Entry) -> argparse.Namespace:
    """Reads the command line; what it does not say comes from the model's recipe or, with --resume, from the run.

    Args:
        entry: The model, on whose task it depends which options are possible.
    """
    kind = KINDS[entry.task]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=HelpFormatter)
    add_common_arguments(parser)
    kind.add_arguments(parser)
    # Rate and epochs depend on other options, too: a run settles them.
    options = {action.dest for action in parser._actions} - {'lr', 'epochs'}
    parser.set_defaults(**{name: value for name, value in asdict(entry.recipe).items() if name in options})
    arguments = parser.parse_args()
    if arguments.resume:
        folder = RunFolder(arguments.resume)
        use_saved(parser, {**folder.read()[0]['arguments'], 'out': arguments.resume}, folder.path / CONFIG)
        arguments = parser.parse_args()
    kind.check_arguments(arguments)
    return arguments


def main() -> None:
    """Trains, evaluates and writes the results."""
    with friendly_errors(), sigterm_as_ctrl_c():
        entry = choose_model()
        KINDS[entry.task](parse_arguments(entry)).run()
