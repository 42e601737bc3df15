"""A define-by-run deep-learning framework on NumPy and CuPy, with the names and the meaning of Chainer."""
import sys as _sys
from typing import TYPE_CHECKING as _TYPE_CHECKING

from autograd_nn import (
    backends,
    computational_graph,
    cuda,
    dataset,
    datasets,
    device_resident,
    exporters,
    function,
    function_hooks,
    functions,
    gradient_check,
    initializers,
    iterators,
    link_hooks,
    links,
    optimizer,
    optimizer_hooks,
    optimizers,
    random,
    serializers,
    training,
    utils,
)
from autograd_nn.architecture import note_arguments as _note_arguments
from autograd_nn.backend import (
    CpuDevice,
    Device,
    GpuDevice,
    get_array_module,
    get_array_types,
    get_cpu_array_types,
    get_device,
    get_device_from_array,
    is_arrays_compatible,
    using_device,
)
from autograd_nn.backprop import backward, grad
from autograd_nn.compat import configuration
from autograd_nn.compat import defer as _defer
from autograd_nn.compat import install as _install_old_names
from autograd_nn.config import (
    DebugMode,
    config,
    force_backprop_mode,
    get_dtype,
    global_config,
    is_debug,
    mixed16,
    mixed_bfloat16,
    no_backprop_mode,
    set_debug,
    using_config,
)
from autograd_nn.cpu.memory import MemoryPool, get_default_memory_pool
from autograd_nn.device_resident import DeviceResident
from autograd_nn.function import Function
from autograd_nn.function_hook import FunctionHook, get_function_hooks
from autograd_nn.function_node import FunctionNode
from autograd_nn.initializers import Initializer, initializer
from autograd_nn.link import Chain, ChainList, Link
from autograd_nn.link_hook import LinkHook, get_link_hooks
from autograd_nn.model_summary import ModelSummary, summary
from autograd_nn.optimizer import GradientMethod, Optimizer, UpdateRule
from autograd_nn.reporter import DictSummary, Reporter, Summary, get_current_reporter, report, report_scope
from autograd_nn.runtime_info import print_runtime_info, show_config
from autograd_nn.sequential import Sequential
from autograd_nn.serializer import AbstractSerializer, Deserializer, Serializer
from autograd_nn.symbolic import Input, Symbol
from autograd_nn.training.model import Model, compile, load_model
from autograd_nn.training.saving import save_model
from autograd_nn.utils import foreign_names as _foreign_names
from autograd_nn.utils import hints as _hints
from autograd_nn.variable import Parameter, Variable, as_array, as_variable, from_dlpack
from autograd_nn.version import __version__

if _TYPE_CHECKING:
    from autograd_nn import distributions
    from autograd_nn.distribution import Distribution, cross_entropy, kl_divergence, register_kl

__all__ = [
    'AbstractSerializer', 'Chain', 'ChainList', 'CpuDevice', 'DebugMode', 'Deserializer', 'Device', 'DeviceResident',
    'DictSummary', 'Distribution', 'Function', 'FunctionHook', 'FunctionNode', 'GpuDevice', 'GradientMethod',
    'Initializer', 'Input', 'Link', 'LinkHook', 'MemoryPool', 'Model', 'ModelSummary', 'Optimizer', 'Parameter',
    'Reporter', 'Sequential', 'Serializer', 'Summary', 'Symbol', 'UpdateRule', 'Variable', '__version__', 'as_array',
    'as_variable', 'backends', 'backward', 'compile', 'computational_graph', 'config', 'configuration', 'cross_entropy',
    'cuda', 'dataset', 'datasets', 'device_resident', 'distributions', 'exporters', 'force_backprop_mode',
    'from_dlpack', 'function', 'function_hooks', 'functions', 'get_array_module', 'get_array_types',
    'get_cpu_array_types', 'get_current_reporter', 'get_default_memory_pool', 'get_device', 'get_device_from_array',
    'get_dtype', 'get_function_hooks', 'get_link_hooks', 'global_config', 'grad', 'gradient_check', 'initializer',
    'initializers', 'is_arrays_compatible', 'is_debug', 'iterators', 'kl_divergence', 'link_hooks', 'links',
    'load_model', 'mixed16', 'mixed_bfloat16', 'no_backprop_mode', 'optimizer', 'optimizer_hooks', 'optimizers',
    'print_runtime_info', 'random', 'register_kl', 'report', 'report_scope', 'save_model', 'serializers', 'set_debug',
    'show_config', 'summary', 'training', 'using_config', 'using_device', 'utils',
]

# Who looks for a name of PyTorch or Keras, or mistypes one, is told what it is called here.
_hints.explain_names({
    functions: _foreign_names.FUNCTIONS, links: _foreign_names.LINKS, _sys.modules[__name__]: _foreign_names.ROOT,
    optimizers: _foreign_names.OPTIMIZERS, optimizer_hooks: _foreign_names.OPTIMIZER_HOOKS,
    initializers: _foreign_names.INITIALIZERS, serializers: _foreign_names.SERIALIZERS,
    datasets: _foreign_names.DATASETS, dataset: {}, iterators: _foreign_names.ITERATORS, cuda: _foreign_names.CUDA,
    training: _foreign_names.TRAINING, training.extensions: _foreign_names.EXTENSIONS, training.triggers: {},
})
_hints.explain_attributes(Variable, _foreign_names.VARIABLE)
_hints.explain_attributes(Link, _foreign_names.LINK)
_hints.explain_attributes(Optimizer, _foreign_names.OPTIMIZER)
_hints.explain_constructors(links, note=_note_arguments)
_hints.explain_constructors(optimizers, optimizer_hooks, initializers, iterators, training.extensions)

_install_old_names()

# Few programs need them, and all start faster without.
_defer('autograd_nn', 'autograd_nn.distribution',
       ['Distribution', 'cross_entropy', 'distribution', 'kl_divergence', 'register_kl'])
_defer('autograd_nn', 'autograd_nn.distributions', ['distributions'])
