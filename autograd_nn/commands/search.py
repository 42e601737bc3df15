"""Searches for the hyperparameters with which a network of the zoo learns best: trains it again and again.

All options of the program train can be given, or searched over. Started again, a search goes on; several at a time
share the trials.
"""
from __future__ import annotations

import argparse
import contextlib
import csv
import io
import json
import shlex
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograd_nn import models, reports
from autograd_nn.commands.command_line import CommandLine, check_file, sigterm_as_ctrl_c
from autograd_nn.commands.report import command_of
from autograd_nn.commands.run_folders import in_words, quiet_divergence
from autograd_nn.commands.training_options import DEFAULT_MODEL, HelpFormatter, add_run_arguments
from autograd_nn.commands.training_run import TrainingRun
from autograd_nn.reports.run import curves, duration
from autograd_nn.training import extensions
from autograd_nn.training.processes import Processes
from autograd_nn.training.run_folder import BEST, CONFIG, LOG, REPORT, SNAPSHOT, RunFolder
from autograd_nn.utils.atomic import atomic_write
from autograd_nn.utils.hints import find_close
from autograd_nn.utils.program_help import ArgumentParser

if TYPE_CHECKING:
    import optuna

    from autograd_nn import tuning

SAMPLERS = 'tpe', 'random', 'grid', 'gp', 'cmaes'
PRUNERS = 'median', 'hyperband', 'none'
# Options that are no hyperparameters; with others of these a study may go on.
NO_PARAMETERS = 'model', 'device', 'report', 'workers', 'early_stopping'
INDIFFERENT = 'device', 'report', 'workers'
USUAL_TRIALS = 20
# The part of the training data that trials are compared by; the test data are not to choose hyperparameters.
VALIDATION_PART = 0.2
# How many trials pictures show, and a table that is printed.
SHOWN = 20
STUDY = 'study.db'


def make_parser(line: CommandLine) -> argparse.ArgumentParser:
    """Makes the parser; on the model that the command line names depends which options there are."""
    return _make_parsers(line)[0]


def _make_parsers(line: CommandLine) -> tuple[argparse.ArgumentParser, list[argparse.Action]]:
    """The parser, and those of its options that make up a run."""
    first = argparse.ArgumentParser(prog=line.name, add_help=False)
    first.add_argument('--model', default=DEFAULT_MODEL)
    entry = models.get(first.parse_known_args(line.words)[0].model)
    parser = ArgumentParser(prog=line.name, description=__doc__, formatter_class=HelpFormatter)
    group = parser.add_argument_group('the search')
    group.add_argument('--search', metavar='NAME=VALUES', nargs='+', action='extend', required=True,
                       help='what to search over: options with a range, such as lr=1e-5:1e-1:log or units=50:200:50, '
                            'or with values, such as optimizer=adam,momentum')
    group.add_argument('--sampler', choices=SAMPLERS, default='tpe',
                       help='how values are chosen: by what was good (tpe, gp, cmaes), at random, or all combinations')
    group.add_argument('--trials', type=int, metavar='N',
                       help=f'how many trainings there are in the end (default: {USUAL_TRIALS}; of a grid, all)')
    group.add_argument('--pruner', choices=PRUNERS, default='median', help='which trainings end early')
    best = group.add_mutually_exclusive_group()
    best.add_argument('--minimize', metavar='KEY', help='the figure of the log that is to be small')
    best.add_argument('--maximize', metavar='KEY', help='the figure of the log that is to be large, such as '
                                                        'validation/main/accuracy (default: that of the task)')
    group.add_argument('--study', metavar='FILE', type=Path, help=f'what several processes share (default: {STUDY} in '
                                                                  'the folder of --out)')
    group.add_argument('--out', default='search', metavar='DIR', type=Path, help='where to write')
    others = set(parser._actions)
    add_run_arguments(parser, entry)
    options = [action for action in parser._actions if action not in others and action.dest != argparse.SUPPRESS]
    if any(action.dest == 'val_split' for action in options):
        parser.set_defaults(val_split=VALIDATION_PART)
    return parser, options


def main(line: CommandLine) -> None:
    """Searches, and says what was best; status 2 for a mistake of the user, 130 after Ctrl-C."""
    with line.friendly_errors(), sigterm_as_ctrl_c():
        parser, options = _make_parsers(line)
        arguments = parser.parse_args(line.words)
        try:
            from autograd_nn import tuning
        except ImportError as error:
            raise ImportError(f"a search needs {error.name}: pip install 'autograd_nn[search]'") from None
        dimensions = read_dimensions(arguments.search, options)
        if arguments.trials is not None and arguments.trials < 1:
            raise ValueError(f'--trials: expected at least 1, got {arguments.trials}')
        if arguments.sampler == 'grid':
            with _about_search():
                tuning.grid_of(dimensions)
        elif arguments.trials is None:
            arguments.trials = USUAL_TRIALS
        SearchRun(line, arguments, options, dimensions).run()


def read_dimensions(texts: Sequence[str], options: Sequence[argparse.Action]) -> list[tuning.Dimension]:
    """What is searched over.

    Args:
        texts: What follows ``--search``.
        options: The options that make up a run.

    Raises:
        ValueError: A text is no option with a range or values, or a value is none of the option.
    """
    from autograd_nn import tuning

    known = {action.dest: action for action in options
             if action.dest not in NO_PARAMETERS and action.nargs in (None, 0, '?')}
    found: dict[str, tuning.Dimension] = {}
    with _about_search():
        for text in texts:
            name = text.partition('=')[0].strip().lstrip('-').replace('-', '_')
            if '=' in text and name not in known:
                close = find_close(name, known)
                meant = f' (did you mean {close[0]}?)' if close else ''
                raise ValueError(f'{name} is no option that can be searched over{meant}; expected one of '
                                 f'{", ".join(known)}')
            dimension = tuning.parse_dimension(text, kind_of(known[name]) if name in known else str)
            if dimension.name in found:
                raise ValueError(f'{dimension.name} stands there twice')
            found[dimension.name] = dimension
    return list(found.values())


def kind_of(action: argparse.Action) -> Callable[[str], Any]:
    """What makes a value of an option of a word.

    Args:
        action: The option.
    """
    def choose(word: str) -> Any:
        if word not in (action.choices or ()):
            raise ValueError(f'expected some of {", ".join(map(str, action.choices or ()))}')
        return word

    def decide(word: str) -> bool:
        if word not in ('true', 'false'):
            raise ValueError('expected true,false')
        return word == 'true'

    if action.nargs == 0:
        return decide
    if action.choices is not None:
        return choose
    kind: Any = action.type
    return kind if kind in (int, float) else str


@contextlib.contextmanager
def _about_search() -> Any:
    try:
        yield
    except ValueError as error:
        raise ValueError(f'--search: {error}') from None


class SearchRun:
    """A search, or this process's part in one.

    Args:
        line: How the program was started.
        arguments: The options.
        options: Those that make up a run.
        dimensions: What is searched over.
    """

    def __init__(self, line: CommandLine, arguments: argparse.Namespace, options: Sequence[argparse.Action],
                 dimensions: Sequence[tuning.Dimension]) -> None:
        self.line = line
        self.arguments = arguments
        self.dimensions = list(dimensions)
        # What all trials have in common.
        self.common = {action.dest: getattr(arguments, action.dest) for action in options
                       if action.dest not in {dimension.name for dimension in dimensions}}
        run = self.make_run({dimension.name: dimension.example for dimension in dimensions}, arguments.out)
        run.check()  # what is impossible in any case is said before anything is written
        self.key = arguments.minimize or arguments.maximize or run.task.monitor
        self.maximize = bool(arguments.maximize) or (not arguments.minimize and run.task.larger_is_better)
        self.study_path: Path = arguments.study or arguments.out / STUDY

    def make_run(self, values: dict[str, Any], folder: Path) -> TrainingRun:
        """A training run.

        Args:
            values: What it is to be tried with.
            folder: Where it is written to.
        """
        place = {'out': str(folder), 'resume': None, 'overwrite': True, 'processes': None}
        return TrainingRun(argparse.Namespace(**{**self.common, **values, **place}), Processes())

    def run(self) -> None:
        """Does the trials, and writes and prints what came out."""
        from autograd_nn import tuning

        arguments = self.arguments
        RunFolder(arguments.out, '--out').check()
        if (arguments.out / CONFIG).exists():
            raise ValueError(f'--out: there is a training run in {arguments.out}; give another folder')
        if arguments.study is not None:
            check_file(arguments.study)
        arguments.out.mkdir(parents=True, exist_ok=True)
        with tuning.Search(self.study_path, self.dimensions, arguments.sampler, arguments.pruner, self.maximize,
                           self.common['seed']) as search:
            self.search = search
            self.settle()
            there = len(search.done)
            total = arguments.trials if arguments.trials is not None else len(tuning.grid_of(self.dimensions))
            goal = 'largest' if self.maximize else 'smallest'
            print(f'searching for the {goal} {self.key} over {", ".join(each.text for each in self.dimensions)}: '
                  f'{total} trials' + (f', of which {there} are done' if there else ''), flush=True)
            try:
                search.run(self.objective, arguments.trials, self.tell)
            except KeyboardInterrupt:
                print(f'\ninterrupted: {len(search.done)} trials are done; the same command goes on')
                raise SystemExit(130) from None
            self.write_results()

    def settle(self) -> None:
        """Writes down in the study what it is about, or makes sure that it is about the same.

        Raises:
            ValueError: It is about something else.
        """
        what = {'search': [dimension.text for dimension in self.dimensions],
                'maximize' if self.maximize else 'minimize': self.key}
        others = {name: value for name, value in self.common.items() if name not in INDIFFERENT}
        now = json.loads(json.dumps({**what, **others}))
        study = self.search.study
        if (old := study.user_attrs.get('about')) is None:
            study.set_user_attr('about', now)
            return
        for name in {**old, **now}:
            if old.get(name) != now.get(name):
                texts = [in_words(name, ' '.join(values[name]) if name == 'search' else values.get(name))
                         for values in (old, now)]
                raise ValueError(f'--study: the study in {self.study_path} is of {texts[0]}, not of {texts[1]}; to '
                                 'begin another one, give another --out')

    def folder_of(self, trial: Any) -> Path:
        """Where a trial is written to; one that is tried again takes the place of the first attempt.

        Args:
            trial: The trial.
        """
        return self.arguments.out / 'trials' / f'{self.number_of(trial):03d}'

    @staticmethod
    def number_of(trial: Any) -> int:
        """The number of a trial, from 0; one that is tried again keeps that of the first attempt.

        Args:
            trial: The trial.
        """
        return int(trial.user_attrs.get('retry_of', trial.number))

    def objective(self, trial: optuna.Trial, values: dict[str, Any]) -> tuple[float, bool]:
        """Trains once; returns the best value of the measure, and whether it was pruned.

        Args:
            trial: The trial.
            values: What it is tried with.
        """
        from autograd_nn import tuning

        start, folder = time.perf_counter(), self.folder_of(trial)
        pruning = tuning.Pruning(trial, self.key)
        with contextlib.redirect_stdout(io.StringIO()), quiet_divergence():
            run = self.make_run(values, folder)
            run.check()
            run.prepare_device()
            run.prepare_task()
            run.load_initial_weights()
            run.build_trainer()
            run.trainer.extend(pruning)
            run.add_report('')
            with run.open_folder():
                try:
                    run.trainer.run(show_loop_exception_msg=False)
                except extensions.DivergenceError:
                    trial.set_user_attr('diverged', True)
                    pruning.is_pruned = True
                except KeyError as error:
                    if error.args[0] != self.key:
                        raise
                    option = '--maximize' if self.arguments.maximize else '--minimize'
                    raise ValueError(f'{option}: there is no {self.key} in the log, which has '
                                     f'{", ".join(run.trainer.get_extension("LogReport").log[-1])}') from None
                finally:
                    # A trial is not continued, and snapshots are large.
                    for path in folder.glob(f'*{SNAPSHOT}'):
                        path.unlink()
        trial.set_user_attr('seconds', time.perf_counter() - start)
        log = run.trainer.get_extension('LogReport').log
        reached = [entry[self.key] for entry in log if self.key in entry]
        trial.set_user_attr('epochs', len(log))
        return (max if self.maximize else min)(reached, default=float('nan')), pruning.is_pruned

    def tell(self, trial: Any) -> None:
        """Says what came out of a trial, and keeps the weights of the best one only.

        Args:
            trial: The trial.
        """
        best = self.search.best
        mark = '  the best so far' if best is not None and best.number == trial.number else ''
        params = ' '.join(f'{name}={_text(value)}' for name, value in trial.params.items())
        print(f'trial {self.number_of(trial):3}  {self.outcome(trial):>22}  {params}  '
              f'{duration(trial.user_attrs["seconds"])}{mark}', flush=True)
        for other in self.search.done:
            if best is None or other.number != best.number:
                (self.folder_of(other) / BEST).unlink(missing_ok=True)

    def outcome(self, trial: Any) -> str:
        """How good a trial is, in words.

        Args:
            trial: The trial.
        """
        if trial.state.name == 'COMPLETE':
            return f'{trial.values[0]:.5g}'
        if trial.user_attrs.get('diverged'):
            return 'diverged'
        from autograd_nn.tuning.pictures import value_of

        value = value_of(trial)
        return 'pruned' if value is None else f'pruned at {value:.5g}'

    def write_results(self) -> None:
        """Prints the best trials and the command that repeats the best; writes table, pictures and a page."""
        search, out = self.search, self.arguments.out
        ranked = search.ranked
        done = sorted(search.done, key=self.number_of)
        pruned = [trial for trial in done if trial.state.name == 'PRUNED']
        self.write_table(out / 'trials.csv', done)
        print(f'\n{len(done)} trials: {len(ranked)} complete, {len(pruned)} pruned')
        if not ranked:
            print('none was complete; other ranges, or --pruner none, may help')
            return
        for place, trial in enumerate(ranked[:SHOWN], 1):
            params = ' '.join(f'{name}={_text(value)}' for name, value in trial.params.items())
            print(f'{place:3}.  {trial.values[0]:<10.5g}  {params}  (trial {self.number_of(trial)})')
        command = shlex.join([*self.line.start[:-1], self.line.start[-1].replace('search', 'train'),
                              *shlex.split(command_of(reports.read_run(self.folder_of(ranked[0]))))[2:]])
        pictures = self.draw()
        self.write_page(out / REPORT, command, pictures)
        print(f'\nthe best: {command}\n\nwritten to {out}/:')
        for name, meaning in {'trials.csv': 'all trials', **{name: text for name, (text, _) in pictures.items()},
                              REPORT: 'all of this to look at, in a browser', 'trials/': 'the run of each trial, with '
                              'the weights of the best'}.items():
            print(f'  {name:15} {meaning}')

    def write_table(self, path: Path, done: Sequence[Any]) -> None:
        """Writes all trials as a table for other programs.

        Args:
            path: The file.
            done: The trials.
        """
        names = [dimension.name for dimension in self.dimensions]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator='\n')
        writer.writerow(['trial', 'state', self.key, *names, 'epochs', 'seconds'])
        for trial in done:
            from autograd_nn.tuning.pictures import value_of

            state = 'diverged' if trial.user_attrs.get('diverged') else trial.state.name.lower()
            writer.writerow([self.number_of(trial), state, value_of(trial), *(trial.params[name] for name in names),
                             trial.user_attrs['epochs'], round(trial.user_attrs['seconds'], 3)])
        with atomic_write(path) as file:
            file.write(text.getvalue().encode())

    def draw(self) -> dict[str, tuple[str, bytes]]:
        """Draws what there is to see, if matplotlib is there: what it is and the picture, by the file's name."""
        if not extensions.PlotReport.available():
            return {}
        from autograd_nn.tuning import pictures

        search = self.search
        logs = [(f'{place}. {" ".join(f"{name}={_text(value)}" for name, value in trial.params.items())}'
                 if len(trial.params) == 1 else f'best-{place}: {trial.values[0]:.4g}', self.log_of(trial))
                for place, trial in enumerate(search.ranked[:SHOWN], 1)]
        drawn = {'best.png': (f'the curves of the best {len(logs)}', pictures.draw_curves(logs, self.key)),
                 'slices.png': ('how good trials are over each hyperparameter',
                                pictures.draw_slices(search.done, self.dimensions, self.key))}
        if found := pictures.importances(search.study):
            drawn['importance.png'] = 'how much each hyperparameter matters', pictures.draw_importance(found)
        files = {}
        for name, (text, figure) in drawn.items():
            file = io.BytesIO()
            figure.savefig(file, format='png', dpi=110)
            files[name] = text, file.getvalue()
            with atomic_write(self.arguments.out / name) as target:
                target.write(file.getvalue())
        return files

    def log_of(self, trial: Any) -> list[dict[str, Any]]:
        """The log of a trial.

        Args:
            trial: The trial.
        """
        return list(json.loads((self.folder_of(trial) / LOG).read_text(encoding='utf-8')))

    def write_page(self, path: Path, command: str, pictures: dict[str, tuple[str, bytes]]) -> None:
        """Writes the page that shows the search.

        Args:
            path: The file.
            command: What repeats the best trial.
            pictures: What was drawn.
        """
        search = self.search
        names = [dimension.name for dimension in self.dimensions]
        pruned = [trial for trial in search.done if trial.state.name == 'PRUNED']
        rows = [[self.number_of(trial), trial.values[0] if trial.state.name == 'COMPLETE' else self.outcome(trial),
                 *(trial.params[name] for name in names), trial.user_attrs['epochs'],
                 duration(trial.user_attrs['seconds'])] for trial in [*search.ranked, *pruned]]
        table = reports.Table(['trial', self.key, *names, 'epochs', 'time'], rows)
        shown = search.ranked[:8]
        runs = [reports.Run(f'trial {self.number_of(trial)}', self.log_of(trial)) for trial in shown]
        sections = [
            reports.Section('The best', [reports.Code(command)], 'This command repeats it.'),
            reports.Section('Trials', [table]),
            *(reports.Section(text[0].upper() + text[1:], [reports.Picture(data, text)])
              for text, data in pictures.values()), curves(runs)]
        over = ', '.join(dimension.text for dimension in self.dimensions)
        reports.write_page(path, reports.page(f'Search: {self.common["model"]} over {over}', '', sections))


def _text(value: Any) -> str:
    return f'{value:.4g}' if isinstance(value, float) else str(value)
