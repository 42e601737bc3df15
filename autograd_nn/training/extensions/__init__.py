"""Extensions of the training loop."""
from autograd_nn.training.extensions import snapshot_writers
from autograd_nn.training.extensions.dump_graph import DumpGraph
from autograd_nn.training.extensions.evaluator import Evaluator
from autograd_nn.training.extensions.inspection import DivergenceError, FailOnNonNumber, ParameterStatistics
from autograd_nn.training.extensions.log_report import LogReport
from autograd_nn.training.extensions.observe import MicroAverage, observe_lr, observe_value, unchain_variables
from autograd_nn.training.extensions.plot_report import PlotReport
from autograd_nn.training.extensions.print_report import PrintReport
from autograd_nn.training.extensions.progress_bar import ProgressBar
from autograd_nn.training.extensions.pruning import MagnitudePruning
from autograd_nn.training.extensions.shift import (
    CosineShift,
    ExponentialShift,
    InverseShift,
    LinearShift,
    MultistepShift,
    PolynomialShift,
    Shift,
    StepShift,
    WarmupShift,
)
from autograd_nn.training.extensions.snapshot import snapshot, snapshot_object
from autograd_nn.training.extensions.tensorboard_report import TensorBoardReport
from autograd_nn.training.extensions.variable_statistics_plot import VariableStatisticsPlot
from autograd_nn.training.extensions.weight_averaging import WeightAveraging

__all__ = [
    'CosineShift', 'DivergenceError', 'DumpGraph', 'Evaluator', 'ExponentialShift', 'FailOnNonNumber', 'InverseShift',
    'LinearShift', 'LogReport', 'MagnitudePruning', 'MicroAverage', 'MultistepShift', 'ParameterStatistics',
    'PlotReport', 'PolynomialShift', 'PrintReport', 'ProgressBar', 'Shift', 'StepShift', 'TensorBoardReport',
    'VariableStatisticsPlot', 'WarmupShift', 'WeightAveraging', 'observe_lr', 'observe_value', 'snapshot',
    'snapshot_object', 'snapshot_writers', 'unchain_variables',
]
