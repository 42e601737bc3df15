"""The training loop: trainer, updaters, triggers and extensions."""
from autograd_nn.training import extensions, triggers, updaters
from autograd_nn.training.extension import (
    PRIORITY_EDITOR,
    PRIORITY_READER,
    PRIORITY_WRITER,
    Extension,
    make_extension,
)
from autograd_nn.training.history import History
from autograd_nn.training.learner import Learner
from autograd_nn.training.trainer import Trainer
from autograd_nn.training.triggers.interval import IntervalTrigger, get_trigger
from autograd_nn.training.updaters import ParallelUpdater, StandardUpdater, Updater

__all__ = [
    'PRIORITY_EDITOR',
    'PRIORITY_READER',
    'PRIORITY_WRITER',
    'Extension',
    'History',
    'IntervalTrigger',
    'Learner',
    'ParallelUpdater',
    'StandardUpdater',
    'Trainer',
    'Updater',
    'extensions',
    'get_trigger',
    'make_extension',
    'triggers',
    'updaters',
]
