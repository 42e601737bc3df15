"""Pictures of a search: what matters, where good values are, how the best trials learned."""
from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState

from autograd_nn.tuning.space import Dimension, Range

BLUE, ORANGE, GREY = '#1f6fb4', '#d9730d', '#9aa2ab'


def importances(study: optuna.Study) -> dict[str, float]:
    """How much each hyperparameter matters for how good a trial is, by PED-ANOVA; they add up to 1.

    It asks in how far the values of the best trials are distributed unlike those of all, and needs no model of the
    trials (Watanabe et al., PED-ANOVA, 2023).

    Args:
        study: The study.

    Returns:
        The most important first; empty where there are too few trials to say.
    """
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len({trial.values[0] for trial in complete}) < 4:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # that it is experimental
        evaluator = optuna.importance.PedAnovaImportanceEvaluator()
        return dict(optuna.importance.get_param_importances(study, evaluator=evaluator))


def draw_importance(found: Mapping[str, float]) -> Any:
    """Bars of how much each hyperparameter matters.

    Args:
        found: The importances by name.

    Returns:
        A figure of matplotlib.
    """
    figure = _figure(6.4, 1. + 0.42 * len(found))
    axes = figure.add_subplot()
    names = list(found)[::-1]
    bars = axes.barh(names, [found[name] for name in names], color=BLUE, height=0.6)
    axes.bar_label(bars, [f'{found[name]:.0%}' for name in names], padding=4)
    axes.set_xlabel('importance')
    axes.margins(x=0.12)
    axes.set_xlim(left=0)
    axes.spines[['top', 'right']].set_visible(False)
    return figure


def draw_slices(trials: Sequence[FrozenTrial], dimensions: Sequence[Dimension], label: str) -> Any:
    """How good trials are over each hyperparameter: points, hollow ones for where pruned trials ended.

    Args:
        trials: The trials.
        dimensions: What was searched over.
        label: What says how good a trial is.

    Returns:
        A figure of matplotlib.
    """
    columns = min(3, len(dimensions))
    rows = -(-len(dimensions) // columns)
    figure = _figure(1. + 3.6 * columns, 0.4 + 2.9 * rows)
    shown = [(trial, value) for trial in trials if (value := value_of(trial)) is not None]
    pruned = [trial.state == TrialState.PRUNED for trial, _ in shown]
    values = np.array([value for _, value in shown], float)
    for i, dimension in enumerate(dimensions):
        axes = figure.add_subplot(rows, columns, i + 1)
        given = [trial.params.get(dimension.name) for trial, _ in shown]
        xs: list[Any] = given
        if not isinstance(dimension, Range):
            # Side by side as they were written, with a little room between those of one value.
            order = list(dimension.values)
            shift = np.linspace(-0.12, 0.12, max(len(given), 1))
            xs = [order.index(value) + shift[k] for k, value in enumerate(given)]
            axes.set_xticks(range(len(order)), list(map(str, order)))
            axes.set_xlim(-0.5, len(order) - 0.5)
        else:
            if dimension.is_log:
                axes.set_xscale('log')
            axes.set_xlim(dimension.low, dimension.high)
        for kind in True, False:
            chosen = [k for k, each in enumerate(pruned) if each == kind]
            axes.scatter([xs[k] for k in chosen], values[chosen], s=26, linewidths=1.2,
                         facecolors='none' if kind else BLUE, edgecolors=GREY if kind else 'white', zorder=3 - kind)
        if len(values) and values.min() > 0 and values.max() > 20 * values.min():
            axes.set_yscale('log')
        axes.set_xlabel(dimension.name)
        if i % columns == 0:
            axes.set_ylabel(label)
        axes.grid(color='0.9', linewidth=0.8)
        axes.set_axisbelow(True)
        axes.spines[['top', 'right']].set_visible(False)
    return figure


def draw_curves(logs: Sequence[tuple[str, Sequence[Mapping[str, Any]]]], key: str) -> Any:
    """The curves of trials in small panels of one scale: on validation data, and dashed on training data.

    Args:
        logs: Names and logs (see `training.extensions.LogReport`), in the order of the panels.
        key: The figure to draw, such as ``'validation/main/accuracy'``.

    Returns:
        A figure of matplotlib.
    """
    columns = max(1, min(5, len(logs)))
    rows = max(1, -(-len(logs) // columns))
    figure = _figure(2.2 * columns + 0.5, 1.9 * rows + 0.3)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for axes in panels[len(logs):]:
        axes.set_visible(False)
    drawn = []
    for axes, (name, log) in zip(panels, logs):
        for each, colour, line in (key, BLUE, '-'), (key.removeprefix('validation/'), ORANGE, '--'):
            points = [(row['epoch'], row[each]) for row in log if row.get(each) is not None and 'epoch' in row]
            if points:
                axes.plot(*zip(*points), color=colour, linestyle=line, linewidth=1.6,
                          marker='o' if len(points) == 1 else None, markersize=4)
                drawn += [value for _, value in points]
        axes.set_title(name, fontsize='small')
        axes.grid(color='0.9', linewidth=0.8)
        axes.spines[['top', 'right']].set_visible(False)
        axes.tick_params(labelsize='small')
        axes.xaxis.get_major_locator().set_params(integer=True)
    if drawn and min(drawn) > 0 and max(drawn) > 20 * min(drawn):
        panels[0].set_yscale('log')
    figure.supxlabel('epoch', fontsize='medium')
    figure.supylabel(f'{key} (dashed: on training data)', fontsize='medium')
    return figure


def value_of(trial: FrozenTrial) -> float | None:
    """How good a trial is: its value, or where it was pruned the last that it has reported.

    Args:
        trial: The trial.
    """
    if trial.values:
        return float(trial.values[0])
    reported = {step: value for step, value in trial.intermediate_values.items() if math.isfinite(value)}
    return reported[max(reported)] if reported else None


def _figure(width: float, height: float) -> Any:
    # Importing matplotlib takes as long as importing everything else, and most programs draw nothing.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout='constrained')
    FigureCanvasAgg(figure)
    return figure
