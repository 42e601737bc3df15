"""Says what is on pictures, with a network that was trained here, or with one of Caffe."""
from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import autograd_nn
from autograd_nn import models
from autograd_nn.commands.command_line import CommandLine
from autograd_nn.commands.pictures import show_to_network
from autograd_nn.training.run_folder import SNAPSHOT, load_weights, read_config

USAGE = """
    %(prog)s [--top N] [--device DEVICE] WEIGHTS IMAGE...
    %(prog)s --caffe DEPLOY.prototxt WEIGHTS.caffemodel
        [--labels FILE] [--mean FILE|NUMBERS] [--scale NUMBER]
        [--top N] [--device DEVICE] IMAGE..."""
ONLY_CAFFE = 'labels', 'mean', 'scale'


def make_parser(line: CommandLine) -> argparse.ArgumentParser:
    """Makes the parser."""
    parser = argparse.ArgumentParser(prog=line.name, description=__doc__, usage=USAGE)
    parser.add_argument('files', metavar='WEIGHTS IMAGE', nargs='+',
                        help='model.npz of a run, beside its config.json (not with --caffe); then pictures of any '
                             'size, colour and format')
    parser.add_argument('--top', type=int, default=3, help='how many classes to show (default: %(default)s)')
    parser.add_argument('--device', default='cpu', help='cpu or cuda:N (default: %(default)s)')
    group = parser.add_argument_group('networks of Caffe')
    group.add_argument('--caffe', nargs=2, metavar=('DEPLOY.prototxt', 'WEIGHTS.caffemodel'),
                       help='the network and its weights')
    group.add_argument('--labels', metavar='FILE',
                       help='the names of the classes, one a line, such as synset_words.txt (default: their numbers)')
    group.add_argument('--mean', metavar='FILE|NUMBERS',
                       help='what is subtracted from pictures: a mean image (.binaryproto), or a number for blue, '
                            'green and red each (default: 104,117,123, which is for ImageNet, or 0 for grey pictures)')
    group.add_argument('--scale', type=float, help='what pictures are multiplied by then (default: 1)')
    return parser


def parse_arguments(line: CommandLine) -> argparse.Namespace:
    """Reads the command line."""
    parser = make_parser(line)
    arguments = parser.parse_args(line.words)
    if arguments.top < 1:
        parser.error(f'--top: expected at least 1, got {arguments.top}')
    if not arguments.caffe:
        if len(arguments.files) < 2:
            parser.error('the following arguments are required: WEIGHTS, IMAGE')
        extra = [f'--{name}' for name in ONLY_CAFFE if getattr(arguments, name) is not None]
        if extra:
            parser.error(f'{", ".join(extra)}: only with --caffe')
    if arguments.scale is not None and not 0 < arguments.scale < float('inf'):
        parser.error(f'--scale: expected a number above 0, got {arguments.scale}')
    return arguments


def load_model(weights: Path) -> tuple[Any, list[str], tuple[int, int, int], models.Preprocessing]:
    """Loads a network; returns it, the names of its classes, its input shape, and how it saw its training data."""
    if not weights.is_file():
        snapshot = weights.with_name(SNAPSHOT)
        advice = f'; the run there has not ended, its last weights are in {snapshot}' if snapshot.is_file() else ''
        raise ValueError(f'{weights}: no such file{advice}')
    config = read_config(weights.parent)
    if 'labels' not in config:
        raise ValueError(f'{weights} has the weights of no classifier of pictures; autograd-nn generate is for text')
    try:
        labels = list(config['labels'])
        channels, height, width = (int(n) for n in config['input_shape'])
        name, preprocessing = config['arguments']['model'], models.Preprocessing(**config['preprocessing'])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f'{weights.parent / "config.json"} is damaged: {error}') from None
    model = models.create(name, num_classes=len(labels))
    with autograd_nn.using_config('train', False), autograd_nn.no_backprop_mode():
        model(np.zeros((1, channels, height, width), np.float32))  # settles the shapes that depend on the input
    load_weights(weights, model)
    return model, labels, (channels, height, width), preprocessing


def make_classifier(arguments: argparse.Namespace) -> tuple[list[str], Callable[[str], np.ndarray], list[str]]:
    """Makes what the command line asks for.

    Returns:
        The names of the classes, a function that computes their probabilities for a picture, and the pictures.
    """
    device = autograd_nn.get_device(arguments.device)
    device.use()
    if arguments.caffe:
        from autograd_nn.commands.caffe_classifier import CaffeClassifier

        prototxt, caffemodel = arguments.caffe
        scale = 1 if arguments.scale is None else arguments.scale
        classifier = CaffeClassifier.read(prototxt, caffemodel, arguments.labels, arguments.mean, scale, device)
        return classifier.labels, classifier, arguments.files
    weights, *images = arguments.files
    model, labels, shape, preprocessing = load_model(Path(weights))
    model.to_device(device)

    def classify(path: str) -> np.ndarray:
        x = preprocessing.normalize(show_to_network(path, labels, shape, preprocessing))
        with autograd_nn.using_config('train', False), autograd_nn.no_backprop_mode():
            return np.asarray(autograd_nn.functions.softmax(model(device.send(x[None]))))[0]

    return labels, classify, images


def main(line: CommandLine) -> None:
    """Prints the most probable classes of each picture; status 2 if a picture could not be read."""
    arguments = parse_arguments(line)
    with line.friendly_errors():
        labels, classify, images = make_classifier(arguments)
    # Names such as those of ImageNet have commas themselves.
    separator = '; ' if any(',' in label for label in labels) else ', '
    failed = False
    for path in images:
        try:
            with line.friendly_errors():
                p = classify(path)
        except SystemExit:
            failed = True
            continue
        best = np.argsort(-p)[:arguments.top]
        print(f'{path}: ' + separator.join(f'{labels[i]} {p[i]:.1%}' for i in best))
    if failed:
        raise SystemExit(2)
