"""A define-by-run deep-learning framework on NumPy and CuPy, with the names and the meaning of Chainer."""
from importlib import import_module as _import_module

from autograd_nn import (
    backends,
    computational_graph,
    cuda,
    dataset,
    datasets,
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
from autograd_nn.backend import (
    CpuDevice,
    Device,
    GpuDevice,
    get_array_module,
    get_device,
    get_device_from_array,
    using_device,
)
from autograd_nn.backprop import grad
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
from autograd_nn.utils import foreign_names as _foreign_names
from autograd_nn.utils import hints as _hints
from autograd_nn.utils.deferred import defer as _defer
from autograd_nn.variable import Parameter, Variable, as_array, as_variable, from_dlpack
from autograd_nn.version import __version__

__all__ = [
    'AbstractSerializer', 'Chain', 'ChainList', 'CpuDevice', 'DebugMode', 'Deserializer', 'Device', 'DictSummary',
    'Function', 'FunctionHook', 'FunctionNode', 'GpuDevice', 'GradientMethod', 'Initializer', 'Link', 'LinkHook',
    'MemoryPool', 'ModelSummary', 'Optimizer', 'Parameter', 'Reporter', 'Sequential', 'Serializer', 'Summary',
    'UpdateRule', 'Variable', 'as_array', 'as_variable', 'backends', 'computational_graph', 'config',
    'configuration', 'cuda', 'dataset', 'datasets', 'exporters', 'force_backprop_mode', 'from_dlpack', 'function',
    'function_hooks', 'functions', 'get_array_module', 'get_current_reporter', 'get_default_memory_pool',
    'get_device', 'get_device_from_array', 'get_dtype', 'get_function_hooks', 'get_link_hooks', 'global_config',
    'grad', 'gradient_check', 'initializer', 'initializers', 'is_debug', 'iterators', 'link_hooks', 'links',
    'mixed16', 'mixed_bfloat16', 'no_backprop_mode', 'optimizer', 'optimizer_hooks', 'optimizers',
    'print_runtime_info', 'random', 'report', 'report_scope', 'serializers', 'set_debug', 'show_config', 'summary',
    'training', 'using_config', 'using_device', 'utils',
]

# What Chainer calls the module `config`, whose name here means what it configures.
configuration = _import_module('autograd_nn.config')

# Many programs refer to names where earlier versions of Chainer had them.
for _name in optimizer_hooks.__all__:
    setattr(optimizer, _name, getattr(optimizer_hooks, _name))
for _name in 'no_backprop_mode', 'force_backprop_mode':
    setattr(function, _name, getattr(configuration, _name))

# Who looks for a name of PyTorch or Keras, or mistypes one, is told what it is called here.
_hints.explain_names({
    functions: _foreign_names.FUNCTIONS, links: _foreign_names.LINKS, _import_module(__name__): _foreign_names.ROOT,
    optimizers: _foreign_names.OPTIMIZERS, optimizer_hooks: _foreign_names.OPTIMIZER_HOOKS,
    initializers: _foreign_names.INITIALIZERS, serializers: _foreign_names.SERIALIZERS,
    datasets: _foreign_names.DATASETS, dataset: {}, iterators: _foreign_names.ITERATORS, cuda: _foreign_names.CUDA,
    training: _foreign_names.TRAINING, training.extensions: _foreign_names.EXTENSIONS, training.triggers: {},
})
_hints.explain_attributes(Variable, _foreign_names.VARIABLE)
_hints.explain_attributes(Link, _foreign_names.LINK)
_hints.explain_attributes(Optimizer, _foreign_names.OPTIMIZER)
_hints.explain_constructors(links, optimizers, optimizer_hooks, initializers, iterators, training.extensions)

# The pretrained networks, which are links for Chainer, are built from links here; they are loaded when they are used.
for _name, _classes in {'googlenet': ['GoogLeNet'], 'vgg': ['VGGLayers', 'VGG16Layers', 'VGG19Layers'],
                        'resnet': ['ResNetLayers', 'ResNet50Layers', 'ResNet101Layers', 'ResNet152Layers']}.items():
    _defer('autograd_nn.links', 'autograd_nn.models.vision', _classes)
    _defer(f'autograd_nn.links.model.vision.{_name}', f'autograd_nn.models.vision.{_name}', [*_classes, 'prepare'])

# So is `CaffeFunction`, which needs the protobuf library besides.
for _name in 'links.caffe', 'links.caffe.caffe_function', 'functions.caffe':
    _defer(f'autograd_nn.{_name}', 'autograd_nn.caffe.function', ['CaffeFunction'])
