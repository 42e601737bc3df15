"""Trials of a study that several processes share, each of them done once, whoever is killed meanwhile."""
from __future__ import annotations

import importlib.util
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import URL

from autograd_nn.tuning.locks import Locks
from autograd_nn.tuning.space import Dimension, grid_of
from autograd_nn.types import PathLike

Objective = Callable[[optuna.Trial, dict[str, Any]], tuple[float, bool]]

SAMPLERS: dict[str, Callable[[int], optuna.samplers.BaseSampler]] = {
    'grid': optuna.samplers.RandomSampler,  # the values of its trials are set before
    'random': optuna.samplers.RandomSampler,
    'tpe': lambda seed: optuna.samplers.TPESampler(seed=seed),
    'gp': lambda seed: optuna.samplers.GPSampler(seed=seed),
    'cmaes': lambda seed: optuna.samplers.CmaEsSampler(seed=seed),
}
# Libraries that samplers need besides Optuna.
NEEDED = {'gp': 'torch', 'cmaes': 'cmaes'}
PRUNERS: dict[str, Callable[[], optuna.pruners.BasePruner]] = {
    'median': lambda: optuna.pruners.MedianPruner(n_startup_trials=4),
    'hyperband': optuna.pruners.HyperbandPruner,
    'none': optuna.pruners.NopPruner,
}
# The lock of the study; that of trial N is N + 1.
STUDY = 0
DONE = TrialState.COMPLETE, TrialState.PRUNED
# What is written down of a trial besides its parameters.
RETRY_OF = 'retry_of'


class Search:
    """A search over hyperparameters, in a file that other processes may share.

    All trials stand in the file from the beginning, waiting. A process takes one, and a lock with it that it loses when
    it ends, however it does. A trial that runs and whose lock is free has lost its process: it counts as failed, and
    waits again, with the same values, as a new one. So there are in the end as many trials as were asked for, no matter
    how many processes took part and which of them were killed.

    Args:
        path: The file of the study, which is created if it is not there.
        dimensions: What is searched over.
        sampler: How values are chosen, one of `SAMPLERS`.
        pruner: Which trials end early, one of `PRUNERS`.
        maximize: Whether the best is the largest.
        seed: From which, and the number of a trial, its random numbers come, whichever process it runs in.

    Attributes:
        study: The study.

    Raises:
        ValueError: The file is no study, or one that looks for the other end.
        ImportError: The sampler needs a library that is not installed.

    Example:
        >>> import tempfile
        >>> from autograd_nn import tuning
        >>> folder = tempfile.TemporaryDirectory()
        >>> dimensions = [tuning.parse_dimension('x=1,2,3', int), tuning.parse_dimension('y=0,5', int)]
        >>> with tuning.Search(f'{folder.name}/study.db', dimensions, sampler='grid') as search:
        ...     search.run(lambda trial, values: (abs(values['x'] - 2) + values['y'], False))
        ...     search.best.params
        {'x': 2, 'y': 0}
        >>> folder.cleanup()
    """

    def __init__(self, path: PathLike, dimensions: Sequence[Dimension], sampler: str = 'tpe', pruner: str = 'none',
                 maximize: bool = False, seed: int = 0) -> None:
        if sampler in NEEDED and importlib.util.find_spec(NEEDED[sampler]) is None:
            raise ImportError(f'the sampler {sampler} needs {NEEDED[sampler]}: pip install {NEEDED[sampler]}')
        self.dimensions = list(dimensions)
        self.sampler = sampler
        self.seed = seed
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        path = Path(path)
        self._locks = Locks(path.with_name(f'.{path.name}.lock'))
        try:
            with self._locks.have(STUDY):
                self.study = self._open(path, pruner, 'maximize' if maximize else 'minimize')
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Search:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _open(self, path: Path, pruner: str, direction: Any) -> optuna.Study:
        try:
            # Other processes may write at the time.
            url = URL.create('sqlite', database=str(path.absolute())).render_as_string()
            storage = optuna.storages.RDBStorage(url, engine_kwargs={'connect_args': {'timeout': 60}})
            study = optuna.create_study(storage=storage, study_name='search', direction=direction, load_if_exists=True,
                                        pruner=PRUNERS[pruner]())
        except Exception as error:  # SQLAlchemy's own, in several kinds
            raise ValueError(f'{path} is no study: {" ".join(str(error).split())[:200]}') from None
        if study.direction.name.lower() != direction:
            raise ValueError(f'the study in {path} is to {study.direction.name.lower()}, not to {direction}')
        return study

    def close(self) -> None:
        """Gives the locks back; what still runs here is then for others to do."""
        self._locks.close()

    @property
    def trials(self) -> list[FrozenTrial]:
        """The trials that count: all but those that have failed."""
        return [trial for trial in self.study.get_trials(deepcopy=False) if trial.state != TrialState.FAIL]

    @property
    def done(self) -> list[FrozenTrial]:
        """The trials that are complete or pruned."""
        return [trial for trial in self.trials if trial.state in DONE]

    @property
    def best(self) -> FrozenTrial | None:
        """The best of the complete ones; None if there is none."""
        ranked = self.ranked
        return ranked[0] if ranked else None

    @property
    def ranked(self) -> list[FrozenTrial]:
        """The complete ones, the best first."""
        sign = -1 if self.study.direction == optuna.study.StudyDirection.MAXIMIZE else 1
        return sorted((trial for trial in self.trials if trial.state == TrialState.COMPLETE),
                      key=lambda trial: sign * trial.values[0])

    def run(self, objective: Objective, n_trials: int | None = None,
            tell: Callable[[FrozenTrial], Any] = lambda trial: None) -> None:
        """Does trials until there are as many as are wanted, and none runs any more, here or elsewhere.

        Args:
            objective: What is computed: called with the trial, to which it may report, and the values by name; it
                returns how good they are, and whether the trial was pruned. What it raises ends the search.
            n_trials: How many trials the study has in the end; by default as many as the grid has.
            tell: Called with each trial of this process that is done.

        Raises:
            ValueError: A grid would be endless, or there is no number of trials.
        """
        grid = grid_of(self.dimensions) if self.sampler == 'grid' else None
        if n_trials is None:
            if grid is None:
                raise ValueError('Search.run: expected a number of trials')
            n_trials = len(grid)
        with self._locks.have(STUDY):
            self._fill(n_trials, grid)
        while True:
            trial = self._claim(n_trials)
            if trial is not None:
                self._try(trial, objective)
                tell(self.study.get_trials(deepcopy=False)[trial.number])
            elif self._is_over(n_trials):
                return
            else:
                time.sleep(0.5)  # other processes have those that are left, and may be killed

    def _fill(self, n_trials: int, grid: list[dict[str, Any]] | None) -> None:
        """Has as many trials wait as there are to be."""
        missing: list[dict[str, Any]] = [{}] * max(0, n_trials - len(self.trials))
        if grid is not None:
            there = [trial.params or trial.system_attrs.get('fixed_params') for trial in self.trials]
            missing = [values for values in grid[:n_trials] if values not in there]
        for values in missing:
            self.study.enqueue_trial(values)

    def _claim(self, n_trials: int) -> optuna.Trial | None:
        """Takes a waiting trial, with its lock; None if there is none, or there are enough."""
        with self._locks.have(STUDY):
            self._revive()
            busy = sum(trial.state != TrialState.WAITING for trial in self.trials)
            waiting = self.study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
            if not waiting or busy >= n_trials:
                return None
            found = waiting[0]
            self._locks.take(found.number + 1)
            self.study._storage.set_trial_state_values(found._trial_id, TrialState.RUNNING)
            # The same values in whichever process.
            self.study.sampler = SAMPLERS[self.sampler]((self.seed * 1_000_003 + found.number) % 2 ** 32)
            trial = optuna.Trial(self.study, found._trial_id)
            with warnings.catch_warnings():
                warnings.simplefilter('ignore')  # that a sampler is experimental, or does what another one would
                for dimension in self.dimensions:
                    dimension.suggest(trial)
            return trial

    def _revive(self) -> None:
        """Has the trials wait again whose processes have ended."""
        for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if self._locks.take(trial.number + 1):
                # Its lock may be free because it is done, since the list was made.
                if self.study.get_trials(deepcopy=False)[trial.number].state == TrialState.RUNNING:
                    self.study.tell(trial.number, state=TrialState.FAIL)
                    self.study.enqueue_trial(trial.params, {RETRY_OF: trial.user_attrs.get(RETRY_OF, trial.number)})
                self._locks.release(trial.number + 1)

    def _try(self, trial: optuna.Trial, objective: Objective) -> None:
        try:
            value, is_pruned = objective(trial, dict(trial.params))
        except Exception:
            self.study.tell(trial, state=TrialState.FAIL)
            self._locks.release(trial.number + 1)
            raise
        if is_pruned:
            self.study.tell(trial, state=TrialState.PRUNED)
        else:
            self.study.tell(trial, value)
        self._locks.release(trial.number + 1)

    def _is_over(self, n_trials: int) -> bool:
        with self._locks.have(STUDY):
            self._revive()
            trials = self.trials
        return len([trial for trial in trials if trial.state in DONE]) >= min(n_trials, len(trials))
