"""Search over hyperparameters, on Optuna."""
from autograd_nn.tuning.locks import Locks
from autograd_nn.tuning.pictures import draw_curves, draw_importance, draw_slices
from autograd_nn.tuning.pruning import Pruning
from autograd_nn.tuning.search import PRUNERS, SAMPLERS, Search
from autograd_nn.tuning.space import Choice, Dimension, Range, grid_of, parse_dimension

__all__ = [
    'PRUNERS',
    'SAMPLERS',
    'Choice',
    'Dimension',
    'Locks',
    'Pruning',
    'Range',
    'Search',
    'draw_curves',
    'draw_importance',
    'draw_slices',
    'grid_of',
    'parse_dimension',
]
