"""Lists the models of the zoo: how large each is, and how long it trains here."""
from __future__ import annotations

import argparse
import contextlib
import io
import time
from typing import Any

import numpy as np

import autograd_nn
from autograd_nn import links, models, tasks
from autograd_nn.commands.command_line import CommandLine
from autograd_nn.tasks.network_input import settle
from autograd_nn.utils.program_help import ArgumentParser

PICTURES = 1000
LINE = '{:24}  {:>11}  {:>15}  {:>10}  {}'
LINE_OF_OTHERS = '{:24}  {:>11}  {}'


def make_parser(line: CommandLine) -> argparse.ArgumentParser:
    """Makes the parser."""
    return ArgumentParser(prog=line.name, description=__doc__)


def main(line: CommandLine) -> None:
    """Prints the list."""
    make_parser(line).parse_args(line.words)
    with line.friendly_errors():
        list_models()


class ListModels(argparse.Action):
    """Prints the list, and ends the program."""

    def __call__(self, parser: argparse.ArgumentParser, *others: Any, **more: Any) -> None:
        list_models()
        parser.exit()


def list_models() -> None:
    """Prints a line for each model, as soon as its numbers are known."""
    speed = multiply_adds_a_second()
    print(LINE.format('model', 'parameters', 'multiply-adds', 'input', 'on this CPU'))
    for name in models.names():
        entry = models.get(name)
        if tasks.get(entry.task).takes_pictures:
            summary = measure(entry)
            # Gradients with respect to inputs and weights take twice the work of the forward pass.
            seconds = 3 * PICTURES * summary.multiply_adds / speed
            figures = f'{summary.parameters:,}', f'{summary.multiply_adds:,}', 'x'.join(map(str, entry.input_shape))
            print(LINE.format(name, *figures, verdict(seconds)), flush=True)
        else:
            print(LINE_OF_OTHERS.format(name, count_parameters(entry), f'({entry.task})'), flush=True)
    print('multiply-adds: of a forward pass with one sample\n'
          f'on this CPU: is training feasible, and about how long is an epoch of {PICTURES:,}\n'
          f'pictures, by the speed measured just now ({2e-9 * speed:.0f} GFLOPS)')


def verdict(seconds: float) -> str:
    """Whether a model can be trained where an epoch takes so many seconds, and that time."""
    time_text = f'{seconds / 60:.0f} min' if seconds >= 90 else f'{max(seconds, 1):.0f} s'
    return f'{"yes" if seconds < 120 else "slow" if seconds < 900 else "no"}, {time_text}'


def count_parameters(entry: models.Entry) -> str:
    """A model's number of parameters, in words; nothing where data decide on it.

    Args:
        entry: The model.
    """
    network = build_blank(entry)
    with np.errstate(all='ignore'):
        tasks.get(entry.task).find_shapes(network, entry.input_shape)
    params = list(network.params())
    return f'{sum(param.size for param in params):,}' if all(param.is_initialized for param in params) else ''


def measure(entry: models.Entry) -> autograd_nn.ModelSummary:
    """Counts a model's parameters and multiply-adds.

    Args:
        entry: The model.
    """
    network = build_blank(entry)
    with contextlib.redirect_stdout(io.StringIO()), np.errstate(all='ignore'):
        if hasattr(network, 'auxiliary'):
            settle(network, entry.input_shape)
        return autograd_nn.summary(network, entry.input_shape)


def build_blank(entry: models.Entry) -> Any:
    """Makes a model whose parameters have any values.

    Args:
        entry: The model.
    """
    network: Any = entry.build()
    for param in network.params():
        # The sizes do not depend on values, and memory that nobody writes to costs nothing.
        param.initializer = leave_blank
    return network


def leave_blank(array: np.ndarray) -> None:
    """An initializer that does nothing."""


def multiply_adds_a_second() -> float:
    """How fast this computer trains: multiply-adds in a second of the forward pass of a convolution."""
    x = np.ones((4, 64, 56, 56), np.float32)
    convolution = links.Convolution2D(64, 64, 3, pad=1)
    seconds = []
    with autograd_nn.no_backprop_mode():
        for _ in range(5):
            start = time.perf_counter()
            convolution(x)
            seconds.append(time.perf_counter() - start)
    return 4 * 56 * 56 * convolution.W.size / min(seconds[1:])
