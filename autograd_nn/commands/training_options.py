"""The options that all kinds of training runs have."""
from __future__ import annotations

import argparse
import dataclasses
import math
from collections.abc import Callable
from dataclasses import asdict

import autograd_nn
from autograd_nn import models, tasks
from autograd_nn.commands.models import ListModels
from autograd_nn.training.optimization import COURSES, OPTIMIZERS, SCHEDULES, Optimization

MIXED = {'float16': autograd_nn.mixed16, 'bfloat16': autograd_nn.mixed_bfloat16}
# What a learning rate is multiplied by for minibatches that are so many times as large.
SCALES: dict[str, Callable[[float], float]] = {'linear': lambda times: times, 'sqrt': math.sqrt,
                                               'none': lambda times: 1.}
# The part of the training in which a scaled rate rises, unless --warmup says more.
SCALED_WARMUP = 0.1
DEFAULT_MODEL = 'lenet'
# With fewer updates than these a network has hardly begun to learn.
LEAST_UPDATES = 100


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of all kinds of runs; kinds and the models' recipes give some of them their defaults."""
    parser.add_argument('--model', metavar='NAME', default=DEFAULT_MODEL, choices=models.names(),
                        help='which network, see --list-models')
    parser.add_argument('--list-models', action=ListModels, nargs=0, dest=argparse.SUPPRESS,
                        help='say how large each network is, and how long it trains here, and end')
    parser.add_argument('--epochs', type=int, help='passes over the training data (default: that of the model, or more '
                                                   f'if these make fewer than {LEAST_UPDATES} updates)')
    add_optimization_arguments(parser)
    parser.add_argument('--early-stopping', type=int, default=0, metavar='N',
                        help='end when the validation loss has not fallen for N epochs; 0: never')
    parser.add_argument('--device', default='cpu', help='cpu, cuda:N, or cuda, with which each of several processes '
                                                        'has a GPU of its own')
    parser.add_argument('--sync-bn', action='store_true',
                        help='with several processes: batch normalization by the mean and variance of the whole '
                             'minibatch, as with one, instead of those of the part that each process has')
    parser.add_argument('--shard-state', action='store_true',
                        help='with several processes: each keeps its part of what the optimizer remembers, such as '
                             "Adam's two numbers for each parameter, instead of all of it")
    parser.add_argument('--amp', nargs='?', choices=MIXED, const='float16',
                        help='mixed precision: float16, or bfloat16, where that does; for GPUs')
    parser.add_argument('--seed', type=int, default=0, help='start of the random numbers')
    parser.add_argument('--tensorboard', action='store_true', help='write event files for TensorBoard, too')
    parser.add_argument('--report', action=argparse.BooleanOptionalAction, default=True,
                        help='write a report to look at in a browser, report.html, after each epoch')
    parser.add_argument('--initial-weights', metavar='FILE', help='start from these weights (.npz; or published '
                                                                  'ones of PyTorch or Caffe), with a new classifier if '
                                                                  'they have another number of classes')
    parser.add_argument('--freeze', metavar='LAYER', help='keep all layers up to this one as the weights have them')
    parser.add_argument('--prune', type=float, default=0., metavar='PART',
                        help='set this part of the weights to zero, those of the least magnitude, step by step in the '
                             'first half of the training')
    parser.add_argument('--prune-per-layer', action='store_true',
                        help='with --prune: each layer loses that part, and not those of all layers that are least')


def add_run_arguments(parser: argparse.ArgumentParser, entry: models.Entry) -> None:
    """Adds the options that make up a run: those of all kinds, and those of the model's task; its recipe has defaults.

    Args:
        parser: The parser.
        entry: The model.
    """
    add_common_arguments(parser)
    tasks.get(entry.task).add_arguments(parser)
    # Rate, betas and epochs depend on other options, too: a run settles them.
    options = {action.dest for action in parser._actions} - {'lr', 'betas', 'epochs'}
    parser.set_defaults(**{name: value for name, value in asdict(entry.recipe).items() if name in options})


def add_place_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options about where a run is written to, whether it goes on, and in how many processes."""
    parser.add_argument('--processes', type=int, metavar='N', help='train in N processes on this machine, as mpiexec '
                                                                   'starts them')
    parser.add_argument('--out', default='result', metavar='DIR', help='where to write')
    parser.add_argument('--overwrite', action='store_true', help='replace the run in that folder, if there is one, '
                                                                 'instead of moving it aside')
    parser.add_argument('--resume', metavar='DIR', help='continue the interrupted run in this folder, there or in '
                                                        'that of --out')


class HelpFormatter(argparse.ArgumentDefaultsHelpFormatter):
    """Adds to each option's help its default value, where there is one and the help does not say it."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default is None else super()._get_help_string(action)


def add_optimization_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options about the optimizer; their defaults are those of a model's recipe."""
    parser.add_argument('--optimizer', metavar='NAME', choices=OPTIMIZERS,
                        help='how parameters are updated: %(choices)s')
    parser.add_argument('--lr', type=float, help='highest learning rate (default: that of the model, or the usual one '
                                                 'of another optimizer)')
    parser.add_argument('--scale-lr', choices=SCALES, default='none',
                        help='what several processes, with minibatches that are so many times as large, multiply the '
                             'rate by: their number, its square root, or nothing; it then rises to that at first')
    parser.add_argument('--schedule', choices=SCHEDULES,
                        help='how the rate goes on from there: ' + ', '.join(f'{name}: it {text}'
                                                                             for name, text in COURSES.items()))
    parser.add_argument('--warmup', type=float, metavar='PART',
                        help='part of the training, from 0 to 1, in which the rate rises to --lr')
    parser.add_argument('--clip', type=float, metavar='NORM', help='largest norm of the gradient; 0 for any')
    parser.add_argument('--betas', type=float, nargs=2, metavar='PART',
                        help='what part of the running means of gradients, and of their squares, remains in an update; '
                             'for adam and adamw (default: that of the model, or 0.9 and 0.999)')
    parser.add_argument('--weight-decay', type=float, help='L2 regularization, decoupled with adamw')
    parser.add_argument('--swa', type=float, default=0., metavar='PART',
                        help='average the weights of this last part of the training, such as 0.25, in which the rate '
                             'stays as it is (stochastic weight averaging)')


def read_optimization(arguments: argparse.Namespace) -> Optimization:
    """What the options say about the optimizer.

    Args:
        arguments: The options.

    Raises:
        ValueError: A value is impossible; the message names the option.
    """
    names = [field.name for field in dataclasses.fields(Optimization)]
    try:
        return Optimization(**{name: getattr(arguments, name) for name in names})
    except ValueError as error:
        name, _, problem = str(error).partition(':')
        raise ValueError(f'--{name.replace("_", "-")}:{problem}') from None
