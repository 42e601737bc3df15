"""What is known of a run by its log and its configuration, and how that looks in a report."""
from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograd_nn.reports.charts import Chart, Series
from autograd_nn.reports.elements import Beside, Code, Element, Folded, Picture, Section, Table
from autograd_nn.training.run_folder import CONFIG, LOG, MISTAKES, RESULTS_PICTURE, read_config
from autograd_nn.types import PathLike
from autograd_nn.utils.readable import one_line

# What tells how far an entry of the log is, and is no figure itself.
POSITIONS = 'epoch', 'iteration', 'elapsed_time'
PICTURES = {RESULTS_PICTURE: 'What it says of samples', MISTAKES: 'What it gets wrong with most confidence'}
# A list of options or names that is longer is cut in the table of the configuration.
LONGEST = 200
# The last entries of the log that are shown as they are.
LAST = 50
# Of more runs, a page has no pictures of results: it would become too large to be sent around.
MOST_ILLUSTRATED = 8


@dataclass
class Run:
    """A training run.

    Attributes:
        name: What to call it.
        log: The entries of its log, as `training.extensions.LogReport` writes them.
        config: Its options, ``arguments``, and what is to be known besides; empty if nothing is.
        command: What repeats it; empty if that is not known.
        pictures: Pictures of results: files by what they show.
        memory: Pairs of an epoch and the most memory that was in use, in MB, as far as it was measured.
    """

    name: str
    log: Sequence[Mapping[str, Any]]
    config: Mapping[str, Any] = field(default_factory=dict)
    command: str = ''
    pictures: Mapping[str, Path] = field(default_factory=dict)
    memory: Sequence[tuple[float, float]] = ()

    @property
    def options(self) -> dict[str, Any]:
        """The options that it was started with; those that were not given are missing."""
        return {name: value for name, value in self.config.get('arguments', {}).items() if value not in (None, False)}

    @property
    def title(self) -> str:
        """Model and data."""
        options = self.options
        if 'model' not in options:
            return self.name
        data = options.get('dataset')
        return f'{options["model"]} on {Path(str(data)).name or data}' if data else str(options['model'])

    @property
    def keys(self) -> list[str]:
        """The names of the figures in the log, in the order in which they first appear."""
        return [key for key in dict.fromkeys(key for entry in self.log for key in entry) if key not in POSITIONS]

    @property
    def x_key(self) -> str:
        """What entries of the log are told apart by: the epoch, or the iteration if there are several in an epoch."""
        epochs = [entry.get('epoch') for entry in self.log]
        return 'epoch' if None not in epochs and len(set(epochs)) == len(epochs) else 'iteration'

    def points(self, key: str) -> list[tuple[float, float]]:
        """A figure over the training; NaN where the log has null.

        Args:
            key: Its name.
        """
        x_key = self.x_key
        return [(entry.get(x_key, i + 1), math.nan if entry[key] is None else entry[key])
                for i, entry in enumerate(self.log) if key in entry]


def read_run(path: PathLike) -> Run:
    """Reads what a training run has written; a log alone is enough.

    Args:
        path: The folder of the run, or its log.

    Raises:
        ValueError: There is no log, or it is damaged.
    """
    given = Path(path)
    logs = [given] if given.is_file() else [given / name for name in (LOG, 'log') if (given / name).is_file()]
    if not logs:
        what = 'there is no log of a training' if given.is_dir() else 'there is no such folder'
        raise ValueError(f'{path}: {what}; expected the folder of a run, such as result')
    try:
        log = json.loads(logs[0].read_text(encoding='utf-8'))
    except (OSError, ValueError) as error:
        raise ValueError(f'{logs[0]}: {one_line(error)}; expected the log of a training') from None
    if not isinstance(log, list) or not all(isinstance(entry, dict) and all(map(_is_figure, entry.values()))
                                            for entry in log):
        raise ValueError(f'{logs[0]} is no log of a training: expected a list with the figures of each epoch')
    folder = logs[0].parent
    config = read_config(folder) if (folder / CONFIG).is_file() else {}
    if not isinstance(config.get('arguments', {}), dict):
        raise ValueError(f'{folder / CONFIG} is not the configuration of a training run')
    pictures = {text: folder / name for name, text in PICTURES.items() if (folder / name).is_file()}
    return Run(os.path.relpath(folder) if folder.resolve().is_relative_to(Path.cwd()) else str(folder), log, config,
               pictures=pictures)


def _is_figure(value: Any) -> bool:
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))


def group(key: str) -> tuple[str, str]:
    """The chart that a figure of the log belongs to, and what it is called there.

    Args:
        key: The figure's name.

    Example:
        >>> group('main/loss'), group('validation/main/loss'), group('images/s'), group('lr')
        (('loss', 'training'), ('loss', 'validation'), ('throughput', 'images/s'), ('learning rate', 'learning rate'))
        >>> group('gen/loss')
        ('loss', 'gen')
    """
    if key.endswith('/s'):
        return 'throughput', key
    if key == 'lr':
        return 'learning rate', 'learning rate'
    whose, _, what = key.rpartition('/')
    if whose == 'main':
        return what, 'training'
    if whose.startswith('validation'):
        rest = whose.partition('/')[2]
        return what, 'validation' if rest in ('', 'main') else f'validation {rest}'
    return what, whose or what


def curves(runs: Sequence[Run], faint: Sequence[Run] = ()) -> Section:
    """The figures of runs over the training, in a chart for each kind of figure.

    Of one run, each figure has its colour; of several, each run.

    Args:
        runs: The runs.
        faint: Runs that stand back behind the others.
    """
    charts: dict[str, list[Series]] = {}
    single = len(runs) == 1 and not faint
    for number, run in [*((len(runs), run) for run in faint), *enumerate(runs)]:
        for key in run.keys:
            title, name = group(key)
            series = charts.setdefault(title, [])
            if single:
                series.append(Series(name, run.points(key), len(series)))
            else:
                label = run.name if name == title or name.endswith('/s') else f'{run.name}: {name}'
                series.append(Series(label, run.points(key), number, name == 'training', number == len(runs)))
        if run.memory:
            series = charts.setdefault('memory (MB)', [])
            series.append(Series('most in use' if single else run.name, run.memory, 0 if single else number))
    # What is measured stands before how the training went.
    last = [title for title in ('learning rate', 'throughput', 'memory (MB)') if title in charts]
    titles = [title for title in charts if title not in last] + last
    x_label = runs[0].x_key if runs else 'epoch'
    drawn = [Chart(title, charts[title], x_label, title in last) for title in titles]
    return Section('Curves', [Beside(drawn, 'charts')],
                   'Point at a curve to read its values.')


def figures(run: Run) -> Table:
    """The last, smallest and largest value of each figure, and when those were.

    Args:
        run: The run.
    """
    rows = []
    for key in run.keys:
        points = run.points(key)
        finite = [point for point in points if math.isfinite(point[1])]
        lowest, highest = (choose(finite, key=lambda point: point[1], default=(None, None)) for choose in (min, max))
        rows.append([key, None if math.isnan(points[-1][1]) else points[-1][1],
                     lowest[1], lowest[0], highest[1], highest[0]])
    at = f'in {run.x_key}'
    return Table(['', 'last', 'smallest', at, 'largest', at], rows)


def facts(run: Run) -> list[tuple[str, str]]:
    """What a run is, in names and words.

    Args:
        run: The run.
    """
    options, last = run.options, run.log[-1] if run.log else {}
    named: Sequence[str] = ('model', 'dataset', 'optimizer', 'device')
    found = [(name, str(options[name])) for name in named if name in options]
    if 'samples' in run.config:
        found.append(('samples', ' + '.join(f'{count:,}' for count in run.config['samples'])))
    if 'epoch' in last:
        of = f' of {options["epochs"]}' if 'epochs' in options else ''
        found.append(('epochs', f'{last["epoch"]}{of}'))
    if 'iteration' in last:
        found.append(('updates', f'{last["iteration"]:,}'))
    if 'elapsed_time' in last:
        found.append(('time', duration(last['elapsed_time'])))
    if run.memory:
        found.append(('memory', f'{run.memory[-1][1]:,.0f} MB at most'))
    return found


def summary(run: Run) -> Section:
    """What a run is, and its figures.

    Args:
        run: The run.
    """
    return Section('Summary', [Beside([Table([], facts(run), kind='facts'), figures(run)])])


def last_entries(run: Run) -> Element:
    """The end of the log as it is.

    Args:
        run: The run.
    """
    keys = [key for key in ('epoch', 'iteration', *run.keys, 'elapsed_time') if any(key in entry for entry in run.log)]
    rows = [[entry.get(key) for key in keys] for entry in run.log[-LAST:]]
    title = 'The log' if len(run.log) <= LAST else f'The last {LAST} of {len(run.log):,} entries of the log'
    return Folded(title, [Table(keys, rows)])


def pictures(run: Run) -> list[Section]:
    """The pictures of results that are there.

    Args:
        run: The run.
    """
    return [Section(text, [Picture(path.read_bytes(), text)]) for text, path in run.pictures.items() if path.is_file()]


def configuration(run: Run, versions: Mapping[str, str] | None = None) -> Section:
    """The options and whatever else was written down, versions, and how to repeat the run.

    Args:
        run: The run.
        versions: Versions of what it runs on, by name.
    """
    options = [(f'--{name.replace("_", "-")}', _short(value)) for name, value in run.options.items()]
    others = [(name.replace('_', ' '), _short(value)) for name, value in run.config.items()
              if name not in ('arguments', 'autograd_nn')]
    written = run.config.get('autograd_nn')
    versions = versions or ({'autograd_nn': written} if written else {})
    elements: list[Element] = [Code(run.command)] if run.command else []
    for title, rows in ('options', options), ('known of the data', others), ('versions', list(versions.items())):
        if rows:
            elements.append(Table([], rows, kind='facts', caption=title))
    note = 'This command repeats the run.' if run.command else ''
    return Section('Configuration', [*elements, last_entries(run)], note)


def compare(runs: Sequence[Run]) -> list[Section]:
    """Several runs side by side: how far each came, its figures, and in what they differ.

    Args:
        runs: The runs.
    """
    names = list(dict.fromkeys(name for run in runs for name in run.options))
    texts = {name: [_short(run.options.get(name, '')) for run in runs] for name in names}
    differing = [name for name in names if len(set(texts[name])) > 1]
    keys = [key for key in dict.fromkeys(key for run in runs for key in run.keys) if key.startswith('validation')]
    keys = keys or [key for key in dict.fromkeys(key for run in runs for key in run.keys) if key.startswith('main/')]
    rows = []
    for number, run in enumerate(runs):
        last = run.log[-1] if run.log else {}
        row = [run.name, last.get('epoch'), duration(last['elapsed_time']) if 'elapsed_time' in last else None]
        row += [texts[name][number] for name in differing]
        for key in keys:
            values = [value for _, value in run.points(key) if math.isfinite(value)]
            row += [values[-1], min(values), max(values)] if values else [None, None, None]
        rows.append(row)
    columns = ['run', 'epochs', 'time', *(f'--{name.replace("_", "-")}' for name in differing)]
    for key in keys:
        columns += [f'{key}: last', 'smallest', 'largest']
    sections = [Section('Runs', [Table(columns, rows)])]
    sections.append(curves(runs))
    for run in runs:
        elements: list[Element] = [figures(run)]
        if len(runs) <= MOST_ILLUSTRATED:
            elements += [Folded(section.title, section.elements) for section in pictures(run)]
        elements.append(last_entries(run))
        if run.command:
            elements.insert(0, Code(run.command))
        sections.append(Section(run.name, elements, '' if run.title == run.name else run.title))
    return sections


def duration(seconds: float) -> str:
    """A time in words.

    Args:
        seconds: The time.

    Example:
        >>> duration(7.31), duration(75), duration(3700)
        ('7.3 s', '1 min 15 s', '1 h 1 min')
    """
    if seconds < 60:
        return f'{seconds:.1f} s'
    minutes, rest = divmod(round(seconds), 60)
    return f'{minutes} min {rest} s' if minutes < 60 else f'{minutes // 60} h {minutes % 60} min'


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f'{text[:LONGEST]}…'
