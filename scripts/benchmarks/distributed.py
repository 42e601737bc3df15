"""Training on several processes: what is measured here, and what it would be on many machines."""
from __future__ import annotations

import argparse
import dataclasses
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from autograd_nn.utils.atomic import atomic_write
from autograd_nn.utils.launcher import is_launched
from autograd_nn.utils.readable import to_json
from benchmarks import distributed_tables, machine
from benchmarks.distributed_model import Cluster, Wire
from benchmarks.rows import ROWS

# The networks, with minibatches that leave two cores time for several processes.
BATCHES = {'resnet50': 4, 'vgg16': 6, 'lstm_lm': 20}
# What this program has measured on the machine of the documentation.
MEASURED = Path(__file__).with_name('distributed.json')
GIGABIT = 1e9 / 8


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Adds the options of the subcommand."""
    command.add_argument('--rows', nargs='+', default=list(BATCHES), choices=BATCHES, metavar='MODEL',
                         help=f'which networks, of {", ".join(BATCHES)} (default: all)')
    command.add_argument('--processes', nargs='+', type=int, default=[2, 4], metavar='N',
                         help='how many processes mpiexec is to start, in turn (default: 2 4)')
    command.add_argument('--rounds', type=int, default=3,
                         help='how often each side has its turn (default: %(default)s)')
    command.add_argument('--json', type=Path, metavar='FILE', help='write all that was measured to a file')
    command.add_argument('--markdown', action='store_true', help='print the tables in Markdown')
    command.add_argument('--simulate', action='store_true',
                         help='measure nothing: predict steps of up to 1,024 processes from what was measured')
    command.add_argument('--measured', type=Path, default=MEASURED, metavar='FILE',
                         help='with --simulate: what --json has written (default: the figures of the documentation)')
    network = command.add_argument_group('the network between machines that are not here')
    network.add_argument('--latency', type=float, default=50., metavar='MICROSECONDS',
                         help='of a message between two machines (default: %(default)s)')
    network.add_argument('--bandwidth', type=float, default=10., metavar='GBIT',
                         help='what goes from one machine to another in a second (default: %(default)s)')
    network.add_argument('--per-machine', type=int, default=1, metavar='N',
                         help='processes on each machine (default: %(default)s)')
    network.add_argument('--inside-latency', type=float, default=10., metavar='MICROSECONDS',
                         help='of a message within a machine (default: %(default)s)')
    network.add_argument('--inside-bandwidth', type=float, default=100., metavar='GBIT',
                         help='what goes from one process to another within it (default: %(default)s)')
    network.add_argument('--size', type=int, default=16, metavar='N',
                         help='processes on the network on which overlap is measured (default: %(default)s)')
    network.add_argument('--counts', nargs='+', type=int, default=[1, 4, 16, 64, 256, 1024], metavar='N',
                         help='numbers of processes to predict (default: 1 4 16 64 256 1024)')
    network.add_argument('--global-batch', type=int, default=distributed_tables.GLOBAL_BATCH, metavar='N',
                         help='samples of all processes together in strong scaling (default: %(default)s)')
    command.set_defaults(run=run, threads=1, length=1)


def cluster_of(arguments: argparse.Namespace) -> Cluster:
    """The machines that the options describe.

    Raises:
        ValueError: They cannot be.
    """
    for name in 'bandwidth', 'inside_bandwidth', 'per_machine', 'size', 'global_batch', 'counts', 'processes':
        value = getattr(arguments, name)
        if (min(value) if isinstance(value, list) else value) <= 0:
            raise ValueError(f'--{name.replace("_", "-")}: expected more than 0, got {value}')
    if min(arguments.latency, arguments.inside_latency) < 0:
        raise ValueError('--latency, --inside-latency: expected 0 or more')
    return Cluster(Wire(arguments.latency * 1e-6, arguments.bandwidth * GIGABIT),
                   Wire(arguments.inside_latency * 1e-6, arguments.inside_bandwidth * GIGABIT), arguments.per_machine)


def run(arguments: argparse.Namespace) -> None:
    """The subcommand ``distributed``."""
    cluster = cluster_of(arguments)
    show = distributed_tables.in_markdown if arguments.markdown else distributed_tables.in_columns
    if arguments.simulate:
        report = json.loads(arguments.measured.read_text(encoding='utf-8'))
    elif is_launched(os.environ):
        from benchmarks.distributed_ranks import Ranks

        ranks = Ranks(arguments.rounds)
        found = ranks.measure({model: BATCHES[model] for model in arguments.rows})
        if ranks.comm.rank == 0:
            print(*map(show, distributed_tables.of_ranks([found])), sep='\n\n')
        return
    else:
        report = measure(arguments, cluster.between)
        if arguments.json:
            with atomic_write(arguments.json) as file:
                file.write(to_json(report) + b'\n')
    measured = [] if arguments.simulate else [*distributed_tables.of_ranks(report['ranks']),
                                              distributed_tables.of_overlap(report)]
    predicted = [distributed_tables.of_check(report),
                 *distributed_tables.of_scaling(report, cluster, arguments.counts, arguments.global_batch)]
    print(distributed_tables.about(report), *map(show, [*measured, *predicted]), sep='\n\n')


def measure(arguments: argparse.Namespace, wire: Wire) -> dict[str, Any]:
    """Measures steps on a network that is not there, and in processes that are.

    Args:
        arguments: The options.
        wire: The network.
    """
    from benchmarks.distributed_steps import measure as measure_steps

    networks = {}
    for model in arguments.rows:
        tell(f'{model} on a network that is not there')
        large = dataclasses.replace(ROWS[model], batch=BATCHES[model])
        found = measure_steps(large, arguments.rounds, arguments.size, wire)
        small = measure_steps(dataclasses.replace(large, batch=1), 2, arguments.size, wire)
        networks[model] = {**found, 'batch': large.batch, 'small': small['record'], 'large': found.pop('record')}
    return {'versions': machine.versions(), 'machine': machine.describe(), 'rounds': arguments.rounds,
            'size': arguments.size, 'wire': {'latency': wire.latency, 'bandwidth': wire.bandwidth},
            'networks': networks,
            'ranks': [start_ranks(processes, arguments.rounds, {model: BATCHES[model] for model in arguments.rows})
                      for processes in arguments.processes]}


def start_ranks(processes: int, rounds: int, batches: dict[str, int]) -> dict[str, Any]:
    """Has `mpiexec` start processes that measure, which share the cores (see `benchmarks.distributed_ranks`).

    Args:
        processes: Their number.
        rounds: How often each side has its turn.
        batches: The minibatch of each process, by network.

    Raises:
        FileNotFoundError: There is no `mpiexec`.
        RuntimeError: It failed.
    """
    tell(f'{processes} processes')
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get('PATH', '')])
    mpiexec = shutil.which('mpiexec', path=path)
    if mpiexec is None:
        raise FileNotFoundError("there is no mpiexec; pip install 'autograd_nn[mpi]' brings one")
    threads = str(max(machine.cores() // processes, 1))
    names = 'OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS', 'AUTOGRAD_NN_NUM_THREADS'
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, 'figures.json')
        process = subprocess.run(
            [mpiexec, '-n', str(processes), sys.executable, '-m', 'benchmarks.distributed_ranks', file, str(rounds),
             json.dumps(batches)], cwd=Path(__file__).parents[1], env={**os.environ, **dict.fromkeys(names, threads)},
            stdin=subprocess.DEVNULL, check=False)
        if process.returncode:
            raise RuntimeError(f'mpiexec -n {processes} ended with status {process.returncode}')
        return json.loads(file.read_text(encoding='utf-8'))


def tell(what: str) -> None:
    """Says what is being measured, beside the tables."""
    print(f'measuring: {what}', file=sys.stderr, flush=True)
