"""The texts that the help of the programs consists of, as the catalogues of translations have them."""
from __future__ import annotations

import argparse
import gettext
import json
from collections.abc import Iterator

from autograd_nn import models, tasks
from autograd_nn.commands import main
from autograd_nn.commands.command_line import CommandLine
from autograd_nn.commands.programs import PROGRAMS, load_program
from autograd_nn.utils.program_help import format_help


class Recorder(gettext.NullTranslations):
    """A catalogue that translates nothing, and notes what is asked for: the keys of `texts`, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: dict[str, None] = {}

    def gettext(self, message: str) -> str:
        self.texts[message] = None
        return message


def parsers() -> Iterator[argparse.ArgumentParser]:
    """The parsers of all programs; of those whose options depend on the task, one for each."""
    yield main.make_parser('autograd-nn')
    for name in PROGRAMS:
        program = load_program(name)
        for task in tasks.names() if name in ('train', 'search') else ['']:
            words = ['--model', models.names(task)[0]] if task else []
            yield program.make_parser(CommandLine(f'autograd-nn {name}', [], words))
    from autograd_nn.chainer import __main__ as chainer  # it changes the process: last

    yield chainer.make_parser()


def collect() -> list[str]:
    """The texts, in the order in which they appear."""
    recorder = Recorder()
    for parser in parsers():
        format_help(parser, recorder)
    return list(recorder.texts)


if __name__ == '__main__':
    print(json.dumps(collect()))
