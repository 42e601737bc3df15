"""Results as text."""
from __future__ import annotations

import statistics
from typing import Any

from benchmarks.comparison import CHANNELS_LAST, DEFAULT, OURS, better_layout

GET_TORCH = 'PyTorch is not installed, so there is nothing to compare with: pip install torch'
HEAD = f"""\
ratio: the time of PyTorch, by autograd_nn's time, so that above 1 autograd_nn is faster; medians and (quartiles)
memory: resident at the highest point, beyond what importing the library takes (in all)
{'':24}{OURS:>12}{'PyTorch, better layout':>31}{'ratio to':>19}{'ratio to':>21}{'memory, MiB':>24}{'share of peak':>20}
{'network':14}{'':10}{'ms':>12}{'ms':>10}  {'layout':13}{'better layout':>25}{'default layout':>21}{OURS:>14}\
{'PyTorch':>12}{OURS:>13}{'PyTorch':>9}"""


def versions(about: dict[str, str | None]) -> str:
    """The versions of what computes in one line."""
    return ', '.join(f'{name} {version or "not installed"}' for name, version in about.items())


def header(about: dict[str, Any]) -> str:
    """What is measured, on what and when."""
    machine = about['machine']
    broken = [f'{name} is installed but cannot be imported: {error}\n'
              for name, error in about['frameworks'].items() if error]
    gpu = '' if machine['gpu'] is None else f', {machine["gpu"]}'
    load = '' if machine['load'] is None else f'; load average {machine["load"]:.1f}'
    return (f'{versions(about["versions"])}\n{machine["processor"]}, {machine["cores"]} cores '
            f'({", ".join(machine["instruction sets"])}), {machine["system"]}{gpu}{load}; {machine["date"]}\n'
            f'{about["threads"]} threads, {about["rounds"]} rounds, {about["device"]}, '
            f'{about["precision"]}\n{"".join(broken)}')


def spread(ratio: list[float] | None) -> str:
    """A median with its quartiles."""
    return '-' if ratio is None else f'{ratio[1]:.2f} ({ratio[0]:.2f}-{ratio[2]:.2f})'


def mebibytes(memory: dict[str, int] | None) -> str:
    """Memory beyond the imports, and in all."""
    return '-' if memory is None else f'{memory["beyond imports"] / 2 ** 20:.0f} ({memory["highest"] / 2 ** 20:.0f})'


def line(result: dict[str, Any]) -> str:
    """A result of `comparison.compare` as a line of the table; Chainer has one of its own."""
    ours, better = result['sides'][OURS], better_layout(result)
    theirs = result['sides'].get(better)
    ms, layout, share = ('-', '-', '-') if theirs is None else (
        f'{theirs["milliseconds"][1]:.2f}', 'channels_last' if better == CHANNELS_LAST else 'default',
        f'{theirs["share of peak"]:.0%}')
    ratios = result['ratios']
    text = (f'{result["title"]:14}{result["what"]:10}{ours["milliseconds"][1]:12.2f}{ms:>10}  {layout:13}'
            f'{spread(ratios.get(better)):>25}{spread(ratios.get(DEFAULT)):>21}{mebibytes(ours["memory"]):>14}'
            f'{mebibytes(theirs and theirs["memory"]):>12}{ours["share of peak"]:13.0%}{share:>9}')
    if 'chainer' in ratios:
        ms = result['sides']['chainer']['milliseconds'][1]
        text += f'\n{"  Chainer":24}{ms:22.2f}{spread(ratios["chainer"]):>40}'
    return text


def means(results: list[dict[str, Any]]) -> str:
    """The geometric means of the ratios, by what was timed and in all."""
    lines = []
    for title, phases in ('training', ['training']), ('inference', ['inference']), ('all', ['training', 'inference']):
        chosen = [result for result in results if result['what'] in phases and DEFAULT in result['ratios']]
        if {result['what'] for result in chosen} == set(phases):
            better, default = (statistics.geometric_mean(result['ratios'][side(result)][1] for result in chosen)
                               for side in (better_layout, lambda result: DEFAULT))
            lines.append(f'geometric mean, {title:9}{better:5.2f} against the better layout, '
                         f'{default:.2f} against the default layout')
    return '\n'.join(lines)


def profile(result: dict[str, Any]) -> str:
    """A result of `comparison.profile` as two tables."""
    whole = result['profiled']
    functions = [[name, f'{calls:g}', f'{ms:.3f}', f'{inside:.3f}', f'{ms / whole:.1%}']
                 for name, calls, ms, inside in result['functions']]
    kernels = [[name, f'{calls:g}', f'{ms:.3f}', '', f'{ms / whole:.1%}'] for name, calls, ms in result['kernels']]
    rest = whole - sum(ms for _, _, ms in result['kernels'])
    kernels.append(['outside of kernels (NumPy itself, Python)', '', f'{rest:.3f}', '', f'{rest / whole:.1%}'])
    covered = sum(ms for _, _, ms, _ in result['functions'])
    functions.append(['in all', '', f'{covered:.3f}', f'{whole - rest:.3f}', f'{covered / whole:.1%}'])
    return '\n'.join([
        f'{result["title"]}, {result["what"]}, batch of {result["batch"]}: {result["step"]:.2f} ms a step, '
        f'{whole:.2f} ms with the profile',
        *columns([['function', 'calls', 'ms', 'in kernels', 'share'], *functions]), '',
        *columns([['kernel', 'calls', 'ms', '', 'share'], *kernels]), ''])


def columns(rows: list[list[str]]) -> list[str]:
    """Rows of cells, the first on the left, the others right-aligned."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    return ['  '.join(cell.rjust(width) if i else cell.ljust(width) for i, (cell, width) in enumerate(zip(row, widths)))
            for row in rows]
