"""Uses networks that were trained here, published weights, or Caffe's: says what they make of files, and draws it.

Several WEIGHTS are those of classifiers that answer together: their probabilities are averaged.
"""
from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence
from pathlib import Path

import autograd_nn
from autograd_nn import models, tasks
from autograd_nn.commands.command_line import CommandLine
from autograd_nn.commands.trained import read_member, using_config_of
from autograd_nn.tasks.classification import name_best
from autograd_nn.tasks.options import check_at_least
from autograd_nn.training.run_folder import CONFIG
from autograd_nn.utils import Animation
from autograd_nn.utils.atomic import atomic_write
from autograd_nn.utils.labels import read_labels
from autograd_nn.utils.program_help import ArgumentParser

USAGE = """
    %(prog)s [--out DIR] [--device DEVICE] [OPTIONS]
        WEIGHTS... [FILE...]
    %(prog)s --evaluate [--device DEVICE] WEIGHTS... [FILE...]
    %(prog)s --model NAME [--labels FILE] [--out DIR]
        [--device DEVICE] [OPTIONS] WEIGHTS FILE...
    %(prog)s --caffe DEPLOY.prototxt WEIGHTS.caffemodel
        [--labels FILE] [--mean FILE|NUMBERS] [--scale NUMBER]
        [--top N] [--device DEVICE] IMAGE..."""
ONLY_CAFFE = 'mean', 'scale'
# What is answered for may be a text, of which the beginning names what is drawn.
LONGEST_NAME = 60


def make_parser(line: CommandLine) -> argparse.ArgumentParser:
    """Makes the parser."""
    # Tasks may share an option.
    parser = ArgumentParser(prog=line.name, description=__doc__, usage=USAGE, conflict_handler='resolve')
    parser.add_argument('files', metavar='WEIGHTS FILE', nargs='+',
                        help='model.npz of a run, beside its config.json, or with --model published weights (neither '
                             'with --caffe); then what the network is for: pictures of any size, colour and format, '
                             'text files or a text itself, nothing for a network that plays or makes something up')
    parser.add_argument('--model', metavar='NAME', choices=models.names(),
                        help='WEIGHTS are those that somebody has published for this network of the zoo, in a file of '
                             'PyTorch (.pth), Chainer (.npz), Caffe (.caffemodel) or Darknet (.weights)')
    parser.add_argument('--labels', metavar='FILE',
                        help='with --model or --caffe, the names of the classes, one a line, such as synset_words.txt '
                             '(default: their numbers)')
    parser.add_argument('--evaluate', action='store_true',
                        help='say how good the networks are on the test data of their runs, and how much several gain '
                             'by answering together')
    parser.add_argument('--device', default='cpu', help='cpu or cuda:N (default: %(default)s)')
    parser.add_argument('--out', type=Path, default=Path('predictions'), metavar='DIR',
                        help='where to write what the network draws, if it does (default: %(default)s)')
    for name in tasks.names():
        tasks.get(name).add_predict_arguments(parser)
    group = parser.add_argument_group('networks of Caffe')
    group.add_argument('--caffe', nargs=2, metavar=('DEPLOY.prototxt', 'WEIGHTS.caffemodel'),
                       help='the network and its weights')
    group.add_argument('--mean', metavar='FILE|NUMBERS',
                       help='what is subtracted from pictures: a mean image (.binaryproto), or a number for blue, '
                            'green and red each (default: 104,117,123, which is for ImageNet, or 0 for grey pictures)')
    group.add_argument('--scale', type=float, help='what pictures are multiplied by then (default: 1)')
    return parser


def parse_arguments(line: CommandLine) -> argparse.Namespace:
    """Reads the command line."""
    parser = make_parser(line)
    arguments = parser.parse_args(line.words)
    if not arguments.caffe:
        extra = [f'--{name}' for name in ONLY_CAFFE if getattr(arguments, name) is not None]
        if extra:
            parser.error(f'{", ".join(extra)}: only with --caffe')
        if arguments.evaluate and arguments.model:
            parser.error('--evaluate: not with --model, whose weights are of no run')
        if arguments.labels and not arguments.model:
            parser.error('--labels: only with --caffe or --model; a run has the names of its classes')
    elif arguments.evaluate:
        parser.error('--evaluate: not with --caffe, whose network has no run')
    elif arguments.model:
        parser.error('--model: not with --caffe, whose deploy file says what the network is')
    if arguments.scale is not None and not 0 < arguments.scale < float('inf'):
        parser.error(f'--scale: expected a number above 0, got {arguments.scale}')
    return arguments


def split_files(paths: Sequence[str]) -> tuple[list[Path], list[str]]:
    """Which arguments name weights, and which the files to answer for.

    Args:
        paths: The arguments. The first one is of weights, and so are those that follow as long as they are files of
            arrays beside the configuration of a run.
    """
    weights = [Path(paths[0])]
    for path in map(Path, paths[1:]):
        if path.suffix != '.npz' or not path.is_file() or not (path.parent / CONFIG).is_file():
            break
        weights.append(path)
    return weights, list(paths[len(weights):])


def read_members(files: Sequence[Path], options: argparse.Namespace) -> tuple[type[tasks.Task], list[tasks.Member]]:
    """The networks of runs, and what they do.

    Args:
        files: Their weights: ``model.npz`` of runs, beside their ``config.json``.
        options: The options.

    Raises:
        ValueError: A file is missing or damaged, or they do different things.
    """
    members = [read_member(weights) for weights in files]
    first = members[0]
    for member in members:
        if member.entry.task != first.entry.task:
            raise ValueError(f'{member.weights} is of {member.entry.name}, for {member.entry.task}, {first.weights} of '
                             f'{first.entry.name}, for {first.entry.task}; expected networks for the same')
    task = tasks.get(first.entry.task)
    check_options(options, task)
    return task, members


def load_predictor(task: type[tasks.Task], members: Sequence[tasks.Member], options: argparse.Namespace,
                   device: autograd_nn.Device) -> tasks.Predictor:
    """Loads networks that were trained here.

    Args:
        task: What they do.
        members: The networks.
        options: The options.
        device: Where to compute.

    Raises:
        OSError: A file cannot be read.
        ValueError: A file is damaged, or does not fit.
    """
    with using_config_of(members[-1].weights):
        if len(members) > 1:
            return task.make_ensemble(members, options, device)
        member = members[0]
        return task.make_predictor(member.entry, member.config, member.weights, options, device)


def load_published(weights: Path, options: argparse.Namespace, device: autograd_nn.Device) -> tasks.Predictor:
    """Loads a network of the zoo with weights that somebody has published.

    Args:
        weights: The file (see `models.load_published`).
        options: The options.
        device: Where to compute.

    Raises:
        OSError: A file cannot be read.
        ValueError: A file is damaged, or does not fit.
    """
    entry = models.get(options.model)
    task = tasks.get(entry.task)
    check_options(options, task)
    labels = read_labels(options.labels) if options.labels else None
    return task.make_predictor(entry, task.published_config(entry, labels, weights), weights, options, device)


def check_options(options: argparse.Namespace, task: type[tasks.Task]) -> None:
    """Makes sure that no options of another task are given, and files if this one needs any.

    Args:
        options: The options.
        task: The task.

    Raises:
        ValueError: It is not so.
    """
    def known(kind: type[tasks.Task]) -> dict[str, str]:
        parser = argparse.ArgumentParser(add_help=False)
        kind.add_predict_arguments(parser)
        return {action.dest: action.option_strings[0] for action in parser._actions}

    others = {name: option for each in tasks.names() for name, option in known(tasks.get(each)).items()}
    senseless = [option for name, option in others.items()
                 if name not in known(task) and getattr(options, name) is not None]
    if senseless:
        raise ValueError(f'{", ".join(senseless)}: not for the network that these weights are of')
    files = split_files(options.files)[1]
    if task.needs_files and not files and not options.evaluate:
        raise ValueError(f'after {options.files[-1]}, expected the files that the network is to answer for')


def make_predictor(arguments: argparse.Namespace) -> tuple[tasks.Predictor, list[str]]:
    """Makes what the command line asks for.

    Returns:
        What answers for a file, and the files; an empty name for a network that makes something up.
    """
    if arguments.top is not None:
        check_at_least(arguments, top=1)
    device = autograd_nn.get_device(arguments.device)
    device.use()
    if arguments.caffe:
        from autograd_nn.commands.caffe_classifier import CaffeClassifier

        prototxt, caffemodel = arguments.caffe
        scale = 1 if arguments.scale is None else arguments.scale
        classifier = CaffeClassifier.read(prototxt, caffemodel, arguments.labels, arguments.mean, scale, device)
        return (lambda path: tasks.Answer(name_best(classifier.labels, classifier(path), arguments.top)),
                arguments.files)
    if arguments.model:
        weights, *files = arguments.files
        return load_published(Path(weights), arguments, device), files
    found, files = split_files(arguments.files)
    return load_predictor(*read_members(found, arguments), arguments, device), files or ['']


def evaluate(arguments: argparse.Namespace) -> None:
    """Prints how good networks are on the test data of their runs."""
    device = autograd_nn.get_device(arguments.device)
    device.use()
    task, members = read_members(split_files(arguments.files)[0], arguments)
    with using_config_of(members[-1].weights):
        print(*task.evaluate(members, device), sep='\n')


def save_pictures(answer: tasks.Answer, source: Path, out: Path, taken: set[Path]) -> list[Path]:
    """Writes what a network has drawn: pictures as PNG, animations as GIF.

    Args:
        answer: What it says of a file.
        source: The file, or if there is none, that of the weights.
        out: The folder to write to, which is made if need be.
        taken: The names of what was written for other files, which are added to.

    Returns:
        The new files: the name of the source, and what the picture shows.
    """
    written, name = [], source.stem[:LONGEST_NAME]
    for what, picture in answer.pictures.items():
        kind = 'GIF' if isinstance(picture, Animation) else 'PNG'
        path = out / f'{name}-{what}.{kind.lower()}'
        for number in itertools.count(2):
            if path not in taken:
                break
            path = path.with_stem(f'{name}-{what}-{number}')
        out.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as file:
            picture.save(file, kind)
        taken.add(path)
        written.append(path)
    return written


def main(line: CommandLine) -> None:
    """Prints what the network says of each file; status 2 if one could not be read."""
    arguments = parse_arguments(line)
    with line.friendly_errors():
        if arguments.evaluate:
            evaluate(arguments)
            if not split_files(arguments.files)[1]:
                return
        predict, files = make_predictor(arguments)
    failed, taken = False, set[Path]()
    for path in files:
        try:
            with line.friendly_errors():
                answer = predict(path)
                written = save_pictures(answer, Path(path or arguments.files[0]), arguments.out, taken)
        except SystemExit:
            failed = True
            continue
        print((f'{path}: ' if path else '') + answer.text + ''.join(f'\n  written: {target}' for target in written))
    if failed:
        raise SystemExit(2)
