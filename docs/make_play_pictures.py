"""Draws the pictures of the page on playing from runs of scripts/train.py: curves of returns, and a film."""
from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import matplotlib

matplotlib.use('Agg')
from matplotlib import pyplot

IMAGES = Path(__file__).parent / 'images'
COLORS = {'dqn': '#d68910', 'ppo': '#2471a3'}


def draw_curves(runs: list[Path], target: Path) -> None:
    """Draws the validation returns of runs over the steps, those of a network in one colour."""
    figure, axes = pyplot.subplots(figsize=(8, 3.6), layout='constrained')
    seen = set()
    for run in runs:
        options = json.loads((run / 'config.json').read_text(encoding='utf-8'))['arguments']
        name = options['model']
        log = json.loads((run / 'log.json').read_text(encoding='utf-8'))
        axes.plot([entry['epoch'] * options['epoch_steps'] / 1000 for entry in log],
                  [entry['validation/main/return'] for entry in log], color=COLORS[name],
                  label=None if name in seen else name, linewidth=1.5, alpha=0.85)
        seen.add(name)
    axes.axhline(475, color='0.5', linewidth=1, linestyle=':')
    axes.set_xlabel('thousand steps')
    axes.set_ylabel('return of CartPole')
    axes.spines[['top', 'right']].set_visible(False)
    axes.grid(color='0.9', linewidth=0.8)
    axes.legend(frameon=False, loc='lower right')
    figure.savefig(target, dpi=110)


def main() -> None:
    """Draws both, from runs of dqn and ppo; the film is that of the first run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('runs', metavar='DIR', nargs='+', type=Path, help='folders of runs with CartPole')
    runs = parser.parse_args().runs
    draw_curves(runs, IMAGES / 'play_curves.png')
    shutil.copyfile(runs[0] / 'episode.gif', IMAGES / 'play.gif')


if __name__ == '__main__':
    main()
