"""Triggers: they say when an extension is called, and when the training stops."""
from autograd_nn.training.triggers.best_value import BestValueTrigger, MaxValueTrigger, MinValueTrigger
from autograd_nn.training.triggers.early_stopping import EarlyStoppingTrigger
from autograd_nn.training.triggers.interval import IntervalTrigger
from autograd_nn.training.triggers.schedule import ManualScheduleTrigger, OnceTrigger, TimeTrigger

__all__ = [
    'BestValueTrigger', 'EarlyStoppingTrigger', 'IntervalTrigger', 'ManualScheduleTrigger', 'MaxValueTrigger',
    'MinValueTrigger', 'OnceTrigger', 'TimeTrigger',
]
