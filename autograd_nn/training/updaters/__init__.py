"""Updaters: what happens in one iteration of the training loop."""
from autograd_nn.training.updaters.adversarial_updater import AdversarialUpdater
from autograd_nn.training.updaters.multiprocess_parallel_updater import MultiprocessParallelUpdater
from autograd_nn.training.updaters.parallel_updater import ParallelUpdater
from autograd_nn.training.updaters.standard_updater import StandardUpdater
from autograd_nn.training.updaters.updater import Updater

__all__ = ['AdversarialUpdater', 'MultiprocessParallelUpdater', 'ParallelUpdater', 'StandardUpdater', 'Updater']
