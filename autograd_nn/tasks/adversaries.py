"""What tasks share in which two networks learn against each other."""
from __future__ import annotations

from typing import Any

from autograd_nn.tasks.sample_task import MeasuringEvaluator, SampleTask
from autograd_nn.training import extensions
from autograd_nn.training.trainer import Trainer
from autograd_nn.training.updaters import AdversarialUpdater


def make_adversarial_updater(task: SampleTask, optimizers: dict[str, Any], steps: int = 1) -> AdversarialUpdater:
    """Makes what updates both networks of a task.

    Args:
        task: The task.
        optimizers: The optimizers, set up for what the task says.
        steps: The updates of the adversary for each one of the main network.
    """
    losses = {name: task.processes.make_loss(link, optimizers[name], task.options.seed)
              for name, link in task.optimized().items()}
    return AdversarialUpdater(task.make_iterator(), optimizers, losses, steps, task.converter, task.device)


class FiguresEvaluator(MeasuringEvaluator):
    """Evaluates what a task measures, and no loss: that of a network that learns against another one says little."""

    def evaluate(self) -> dict[str, float]:
        return self.measure()


def plot_losses(task: SampleTask, trainer: Trainer) -> None:
    """Has curves of both losses drawn.

    Args:
        task: The task.
        trainer: The training loop.
    """
    if task.processes.is_first and extensions.PlotReport.available():
        keys = ['main/loss', f'discriminator/{task.network.followed}']
        trainer.extend(extensions.PlotReport(keys, 'epoch', filename='losses.png'), name='plot_losses')
