"""Uses a network that was trained here, published weights, or Caffe's: says what it makes of files, and draws it."""
from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import autograd_nn
from autograd_nn import models, tasks
from autograd_nn.commands.command_line import CommandLine
from autograd_nn.tasks.classification import name_best
from autograd_nn.tasks.options import check_at_least
from autograd_nn.training.run_folder import SNAPSHOT, read_config
from autograd_nn.utils import Animation
from autograd_nn.utils.atomic import atomic_write
from autograd_nn.utils.labels import read_labels

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
    parser = argparse.ArgumentParser(prog=line.name, description=__doc__, usage=USAGE)
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
        if arguments.labels and not arguments.model:
            parser.error('--labels: only with --caffe or --model; a run has the names of its classes')
    elif arguments.model:
        parser.error('--model: not with --caffe, whose deploy file says what the network is')
    if arguments.scale is not None and not 0 < arguments.scale < float('inf'):
        parser.error(f'--scale: expected a number above 0, got {arguments.scale}')
    return arguments


def load_predictor(weights: Path, options: argparse.Namespace, device: autograd_nn.Device) -> tasks.Predictor:
    """Loads a network that was trained here.

    Args:
        weights: ``model.npz`` of a run, beside its ``config.json``.
        options: The options.
        device: Where to compute.

    Raises:
        OSError: A file cannot be read.
        ValueError: A file is missing, damaged, or does not fit.
    """
    if not weights.is_file():
        snapshot = weights.with_name(SNAPSHOT)
        advice = f'; the run there has not ended, its last weights are in {snapshot}' if snapshot.is_file() else ''
        raise ValueError(f'{weights}: no such file{advice}')
    config = read_config(weights.parent)
    try:
        entry = models.get(config['arguments']['model'])
        task = tasks.get(entry.task)
        check_options(options, task)
        return task.make_predictor(entry, config, weights, options, device)
    except (KeyError, TypeError) as error:
        raise ValueError(f'{weights.parent / "config.json"} is damaged: {error}') from None


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
    return task.make_predictor(entry, task.published_config(entry, labels), weights, options, device)


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
    if task.needs_files and len(options.files) < 2:
        raise ValueError(f'after {options.files[0]}, expected the files that the network is to answer for')


def make_predictor(arguments: argparse.Namespace) -> tuple[tasks.Predictor, list[str]]:
    """Makes what the command line asks for.

    Returns:
        What answers for a file, and the files.
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
    weights, *files = arguments.files
    load = load_published if arguments.model else load_predictor
    return load(Path(weights), arguments, device), files


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
    written = []
    for what, picture in answer.pictures.items():
        kind = 'GIF' if isinstance(picture, Animation) else 'PNG'
        path = out / f'{source.stem}-{what}.{kind.lower()}'
        for number in itertools.count(2):
            if path not in taken:
                break
            path = path.with_stem(f'{source.stem}-{what}-{number}')
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
        predict, files = make_predictor(arguments)
    failed, taken = False, set[Path]()
    for path in files or ['']:
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
