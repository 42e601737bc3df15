"""Uses a network that was trained here, published weights, or Caffe's: says what it makes of files, and draws it."""
from __future__ import annotations

import argparse

from autograd_nn.commands.command_line import CommandLine

USAGE = """
    %(prog)s [--out DIR] [--device DEVICE] [OPTIONS]
        WEIGHTS [FILE...]
    %(prog)s --model NAME [--labels FILE] [--out DIR]
        [--device DEVICE] [OPTIONS] WEIGHTS FILE...
    %(prog)s --caffe DEPLOY.prototxt WEIGHTS.caffemodel
        [--labels FILE] [--mean FILE|NUMBERS] [--scale NUMBER]
        [--top N] [--device DEVICE] IMAGE..."""
ONLY_CAFFE = 'mean', 'scale'


def make_parser(line: CommandLine) -> argparse.ArgumentParser:
    """Makes the parser."""
