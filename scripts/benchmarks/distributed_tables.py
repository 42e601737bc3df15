"""Figures of training on several processes as tables."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from benchmarks import tables
from benchmarks.distributed_model import ALGORITHMS, Cluster, Step, fit, ring, scaling, with_batch
from benchmarks.rows import ROWS

# The samples of all processes together in strong scaling, unless somebody says otherwise.
GLOBAL_BATCH = 1024


@dataclass(frozen=True)
class Table:
    """A table of text.

    Attributes:
        title: What it is about.
        rows: The cells, those of the head first.
    """

    title: str
    rows: list[list[str]]


def in_columns(table: Table) -> str:
    """A table for a terminal."""
    return '\n'.join([table.title, *tables.columns(table.rows)])


def in_markdown(table: Table) -> str:
    """A table for a page of the documentation."""
    head, *rows = table.rows
    lines = [head, ['---'] + ['---:'] * (len(head) - 1), *rows]
    return '\n'.join([table.title, '', *(f'| {" | ".join(cells)} |' for cells in lines)])


def about(report: dict[str, Any]) -> str:
    """On what the figures were measured, and when."""
    system = report['machine']
    load = '' if system['load'] is None else f'; load average {system["load"]:.1f}'
    return (f'{tables.versions(report["versions"])}\n{system["processor"]}, {system["cores"]} cores '
            f'({", ".join(system["instruction sets"])}), {system["system"]}{load}; {system["date"]}; medians of '
            f'{report["rounds"]} rounds')


def of_ranks(ranks: Iterable[dict[str, Any]]) -> list[Table]:
    """Steps, and sums beside MPI's own.

    Args:
        ranks: What `benchmarks.distributed_ranks` measured with each number of processes.
    """
    steps = [['network', 'processes', 'batch of each', 'alone, ms', 'all, without sums', 'sums after', 'of which sums',
              'sums meanwhile']]
    sums = [['bytes', 'processes', 'MPI.Allreduce, GB/s', 'start_sum', 'ratio']]
    means = [['gradients of', 'processes', 'MPI.Allreduce, GB/s', 'multi_node_mean_grad', 'ratio']]

    def compare(first: str, found: dict[str, Any], processes: int, ours: str, size: int) -> list[str]:
        bare, our = found['MPI.Allreduce'], found[ours]
        return [first, str(processes), *(f'{size / seconds / 1e9:.3f}' for seconds in (bare, our)), f'{bare / our:.2f}']

    for found in ranks:
        processes = found['processes']
        for step in found['steps']:
            title = ROWS[step['model']].title
            steps.append([title, str(processes), str(step['batch']), *(
                milliseconds(step[name]) for name in ('alone', 'apart', 'after', 'mean', 'overlapped'))])
            means.append(compare(title, step, processes, 'multi_node_mean_grad', step['bytes']))
        sums += [compare(f'{row["size"]:,}', row, processes, 'start_sum', row['size']) for row in found['sums']]
    return [Table('Steps on this machine, each process on its part of the cores, milliseconds', steps),
            Table('Sums of vectors beside what MPI itself does with as many bytes, in turns', sums),
            Table('Means of gradients beside what MPI itself does with as many bytes, in turns', means)]


def of_overlap(report: dict[str, Any]) -> Table:
    """Steps on a network that is not there, with sums after and during the backward pass."""
    rows = [['network', 'batch', 'gradients, MB', 'alone, ms', 'sums after', 'sums meanwhile', 'wait after',
             'wait meanwhile', 'hidden', 'steps, ratio']]
    for model, found in report['networks'].items():
        after, overlapped = (found['waited'][name] for name in ('after', 'overlapped'))
        rows.append([ROWS[model].title, str(found['batch']), f'{Step.from_json(found["large"]).bytes / 1e6:.0f}', *(
            milliseconds(seconds) for seconds in (found['alone'], found['after'], found['overlapped'], after,
                                                  overlapped)),
            f'{1 - overlapped / after:.0%}', f'{found["after"] / found["overlapped"]:.2f}'])
    wire = report['wire']
    return Table(f'One of {report["size"]} processes on a network of {wire["bandwidth"] * 8 / 1e9:g} Gbit/s and '
                 f'{wire["latency"] * 1e6:g} µs that is not there, milliseconds', rows)


def of_check(report: dict[str, Any]) -> Table:
    """What the model says of the processes that were measured, and what was measured."""
    rows = [['network', 'processes', 'without sums, ms', 'measured', 'sums', 'measured', 'step', 'measured', 'error']]
    cores = report['machine']['cores']
    wires = []
    for found in report['ranks']:
        processes = found['processes']
        wire = fit([row['size'] for row in found['sums']], [row['MPI.Allreduce'] for row in found['sums']], processes)
        wires.append(f'{wire.latency * 1e6:.3g} µs and {wire.bandwidth / 1e9:.3g} GB/s with {processes} processes')
        for step in found['steps']:
            apart = step['alone'] * max(1, processes / cores)
            sums = ring(step['bytes'], processes, wire)
            pairs = (apart, step['apart']), (sums, step['multi_node_mean_grad']), (apart + sums, step['after'])
            rows.append([ROWS[step['model']].title, str(processes),
                         *(milliseconds(seconds) for pair in pairs for seconds in pair),
                         f'{(apart + sums) / step["after"] - 1:+.0%}'])
    return Table(f'The model beside what was measured on {cores} cores, sums after the backward pass; fitted to '
                 f'MPI.Allreduce: {", ".join(wires)}', rows)


def of_scaling(report: dict[str, Any], cluster: Cluster, counts: Sequence[int], global_batch: int) -> list[Table]:
    """Weak and strong scaling, predicted.

    Args:
        report: What was measured.
        cluster: The machines.
        counts: Numbers of processes.
        global_batch: The samples of all together in strong scaling.
    """
    found = []
    for title, total in (('Weak scaling: each process has the batch that was measured', None),
                         (f'Strong scaling: {global_batch:,} samples in all', global_batch)):
        rows = [['network', 'processes', 'batch of each', 'alone, ms',
                 *(f'{name}{how}' for name in ALGORITHMS for how in ('', ', overlap'))]]
        for model, measured in report['networks'].items():
            step_of, batch_of = load_of(measured, total)
            by_algorithm = [scaling(step_of, batch_of, counts, cluster, name) for name in ALGORITHMS]
            for row, *others in zip(*by_algorithm):
                rows.append([ROWS[model].title, f'{row["processes"]:,}', f'{row["batch"]:g}',
                             milliseconds(step_of(row['batch']).alone),
                             *(f'{each[f"efficiency {how}"]:.0%}' for each in (row, *others)
                               for how in ('without', 'overlap'))])
        found.append(Table(f'{title}; efficiency without overlap and with it', rows))
    return found


def load_of(measured: dict[str, Any],
            total: int | None) -> tuple[Callable[[float], Step], Callable[[int], float]]:
    """What each process has to do: the step of a batch, and the batch where there are so many processes.

    Args:
        measured: What was measured of a network.
        total: The samples of all processes together; None if each has the batch that was measured.
    """
    small, large = (Step.from_json(measured[name]) for name in ('small', 'large'))
    return partial(with_batch, small, large), lambda count: large.batch if total is None else total / count


def milliseconds(seconds: float) -> str:
    """A time in milliseconds with three digits, or all of those before the point."""
    return f'{seconds * 1e3:.{2 if seconds < 0.01 else 1 if seconds < 0.1 else 0}f}'
