"""Draws the pictures of the page on distributed training and writes its tables, from what the benchmark measured."""
from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use('Agg')
from matplotlib import pyplot

DOCS = Path(__file__).parent
PAGE = DOCS / 'howto' / 'distributed.md'
IMAGES = DOCS / 'images'
sys.path.append(str(DOCS.parent / 'scripts'))

from benchmarks import distributed_tables as tables  # noqa: E402
from benchmarks.distributed import MEASURED  # noqa: E402
from benchmarks.distributed_model import Cluster, Step, Wire, scaling  # noqa: E402
from benchmarks.rows import ROWS  # noqa: E402

COUNTS = [2 ** exponent for exponent in range(11)]
PASSES = '#4477aa', '#66ccee', '#ccbb44'
SUMS, WAIT = '#228833', '#ee6677'


def draw_overlap(report: dict[str, Any], target: Path) -> None:
    """A step of ResNet-50 and the sums of its buckets, during the backward pass and after it."""
    step = Step.from_json(report['networks']['resnet50']['large'])
    size, wire = report['size'], Wire(**report['wire'])
    figure, axes = pyplot.subplots(2, sharex=True, figsize=(9, 3.6), dpi=110)
    for axis, overlap in zip(axes, (False, True)):
        sums, free = [], 0.
        for ready, count in step.buckets:
            start = max(free, ready if overlap else step.backward)
            free = start + wire.send(2 * (size - 1) / size * count)
            sums.append((step.forward + start, free - start))
        end = step.forward + max(step.backward, free)
        computed = step.forward + step.backward
        axis.broken_barh([(0, step.forward), (step.forward, step.backward), (end, step.update)], (1.1, 0.8),
                         facecolors=PASSES)
        if end > computed:
            axis.broken_barh([(computed, end - computed)], (1.1, 0.8), facecolors='white', edgecolors=WAIT, hatch='//')
        axis.broken_barh(sums, (0.1, 0.8), facecolors=SUMS, edgecolors='white', linewidth=0.5)
        if overlap:
            axis.plot([step.forward + ready for ready, _ in step.buckets], [1.05] * len(step.buckets), 'k|', ms=9)
        for start, length, text in ((0, step.forward, 'forward'), (step.forward, step.backward, 'backward'),
                                    (end, step.update, 'update')):
            axis.text(start + length / 2, 1.5, text, ha='center', va='center', fontsize=8)
        axis.set(yticks=[0.5, 1.5], yticklabels=['sums', 'process'], ylim=(0, 2))
        axis.set_title(f'sums {"during" if overlap else "after"} the backward pass: {(end + step.update) * 1e3:.0f} ms',
                       fontsize=9, loc='left')
        axis.spines[['top', 'right']].set_visible(False)
    axes[1].set_xlabel('seconds')
    figure.tight_layout()
    figure.savefig(target)
    pyplot.close(figure)


def draw_scaling(report: dict[str, Any], target: Path) -> None:
    """How much of its speed a process keeps, for each network and two algorithms."""
    wire = Wire(**report['wire'])
    cluster = Cluster(wire, wire)
    figure, axes = pyplot.subplots(2, 3, sharex=True, sharey=True, figsize=(9, 5), dpi=110)
    for column, (model, measured) in zip(axes.T, report['networks'].items()):
        for axis, is_weak in zip(column, (True, False)):
            for algorithm, color in (('ring', PASSES[0]), ('halving', SUMS)):
                rows = scaling(*tables.load_of(measured, None if is_weak else tables.GLOBAL_BATCH), COUNTS, cluster,
                               algorithm)
                for how, line in (('without', '--'), ('overlap', '-')):
                    label = f'{algorithm}, {"with overlap" if how == "overlap" else "without"}'
                    axis.plot(COUNTS, [row[f'efficiency {how}'] for row in rows], line, color=color, label=label)
            axis.set_xscale('log', base=2)
            axis.set(ylim=(0, 1.05), xticks=COUNTS[::2], xticklabels=[f'{count:,}' for count in COUNTS[::2]])
            axis.grid(alpha=0.3)
        column[0].set_title(ROWS[model].title, fontsize=10)
        column[1].set_xlabel('processes')
    axes[0, 0].set_ylabel('efficiency, weak scaling')
    axes[1, 0].set_ylabel('efficiency, strong scaling')
    axes[0, 2].legend(fontsize=7, loc='lower left')
    figure.tight_layout()
    figure.savefig(target)
    pyplot.close(figure)


def write_tables(report: dict[str, Any], page: Path) -> None:
    """Puts the tables between the marks that the page has for them."""
    wire = Wire(**report['wire'])
    text = page.read_text(encoding='utf-8')
    for mark, found in (
            ('measured', [*tables.of_ranks(report['ranks']), tables.of_overlap(report)]),
            ('predicted', tables.of_scaling(report, Cluster(wire, wire), COUNTS[::2], tables.GLOBAL_BATCH)),
            ('check', [tables.of_check(report)])):
        content = '\n\n'.join(map(tables.in_markdown, found))
        text, count = re.subn(f'(<!-- {mark}: begin -->\n).*?(<!-- {mark}: end -->)',
                              lambda match, content=content: f'{match[1]}\n{content}\n\n{match[2]}', text,
                              flags=re.DOTALL)
        if count != 1:
            raise ValueError(f'{page.name}: expected the marks of "{mark}" once, found them {count} times')
    page.write_text(text, encoding='utf-8')


def main() -> None:
    """Brings the page up to date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('measured', nargs='?', type=Path, default=MEASURED,
                        help='what scripts/benchmark.py distributed --json has written (default: %(default)s)')
    report = json.loads(parser.parse_args().measured.read_text(encoding='utf-8'))
    draw_overlap(report, IMAGES / 'overlap.png')
    draw_scaling(report, IMAGES / 'scaling.png')
    write_tables(report, PAGE)


if __name__ == '__main__':
    main()
