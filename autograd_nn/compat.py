"""Old names: where programs for Chainer, many of them for its first versions, look for what has another place here.

They are all in this module, and nothing else refers to them. What takes long to import, or needs a library that may be
absent, is imported when a program asks for one of its names.
"""
from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

from autograd_nn import (
    backend,
    backends,
    backprop,
    cuda,
    function,
    function_hook,
    function_node,
    graph_optimizations,
    initializers,
    memory_layouts,
    optimizer,
    optimizer_hooks,
    training,
    types,
    variable,
    warnings,
)
from autograd_nn.config import config, force_backprop_mode, global_config, no_backprop_mode
from autograd_nn.dataset import convert
from autograd_nn.serializers import npz
from autograd_nn.training import extensions, updaters
from autograd_nn.training.extensions.dump_graph import DumpGraph
from autograd_nn.training.triggers import interval

# For Chainer, `config` is the configuration alone, and this the module that defines it.
configuration = import_module('autograd_nn.config')


class _Fallback:
    """What ``forward_chainerx`` of a function returns in Chainer where `forward` is to be used; here it always is."""

    def __repr__(self) -> str:
        return 'Fallback'


def get_compute_mode() -> Any:
    """The entry ``compute_mode`` of the configuration."""
    return config.compute_mode


# What programs for Chainer read and set. Nothing here depends on them, except where a program asks for it.
_SETTINGS: dict[str, Any] = {
    'compute_mode': None,
    'cudnn_fast_batch_normalization': False,
    'lazy_grad_sum': False,
    'schedule_func': None,
    'use_cudnn_tensor_core': 'auto',
    'use_ideep': 'never',
    'use_static_graph': True,
}

_NAMES: dict[ModuleType, dict[str, Any]] = {
    sys.modules['autograd_nn']: {
        'Fallback': _Fallback(),
        'FunctionAdapter': function.FunctionAdapter,
        'disable_experimental_feature_warning': False,
        'get_compute_mode': get_compute_mode,
        'graph_optimizations': graph_optimizations,
        'memory_layouts': memory_layouts,
        'should_use_cudnn': cuda.should_use_cudnn,
        'should_use_cudnn_tensor_core': cuda.should_use_cudnn_tensor_core,
        'static_code': graph_optimizations.static_code,
        'static_graph': graph_optimizations.static_graph,
        'types': types,
        'warnings': warnings,
    },
    backend: {'cuda': cuda},
    backends: {'cuda': cuda},
    convert: {'_call_converter': convert.call_converter},
    cuda: {'GpuDevice': backend.GpuDevice},
    extensions: {'dump_graph': DumpGraph},
    function: {'FunctionHook': function_hook.FunctionHook, 'force_backprop_mode': force_backprop_mode,
               'no_backprop_mode': no_backprop_mode},
    function_node: {'grad': backprop.grad},
    initializers: {'_get_initializer': initializers.get_initializer},
    npz: {'serialize': npz.collect_arrays},
    optimizer: {name: getattr(optimizer_hooks, name) for name in optimizer_hooks.__all__},
    training: {'trigger': interval, 'updater': updaters},
    types: {'CudaDeviceSpec': Any, 'DTypeSpec': types.DTypeLike, 'DeviceSpec': backend.DeviceLike,
            'InitializerSpec': types.InitializerLike, 'NdArray': types.BareArray, 'ScalarValue': types.Number,
            'ShapeSpec': types.Size, 'Xp': Any},
    variable: {'variable_repr': repr, 'variable_str': str},
}

# Modules that have another place here, for ``import autograd_nn.backends.cuda`` and the like.
_MODULES = {
    'backends.cuda': cuda,
    'configuration': configuration,
    'initializer': import_module('autograd_nn.initializers.initializer'),
}

# The pretrained networks and those of Caffe are links or functions for Chainer; here they are built from links.
_NETWORKS = {
    'googlenet': ['GoogLeNet'],
    'resnet': ['ResNetLayers', 'ResNet50Layers', 'ResNet101Layers', 'ResNet152Layers'],
    'vgg': ['VGGLayers', 'VGG16Layers', 'VGG19Layers'],
}
# What they are made of, in the modules only.
_BLOCKS = {'resnet': ['BuildingBlock', 'BottleneckA', 'BottleneckB']}
_SPARSE = 'CooMatrix', 'get_order', 'to_coo'
_CAFFE_MODULES = 'links.caffe', 'links.caffe.caffe_function', 'functions.caffe'


def install() -> None:
    """Makes the old names work."""
    for module, names in _NAMES.items():
        vars(module).update(names)
    for name, value in _SETTINGS.items():
        setattr(global_config, name, value)
    for path, module in _MODULES.items():
        sys.modules[f'autograd_nn.{path}'] = module
    for file, classes in _NETWORKS.items():
        defer('autograd_nn.links', 'autograd_nn.models.vision', classes)
        defer(f'autograd_nn.links.model.vision.{file}', f'autograd_nn.models.vision.{file}',
              [*classes, *_BLOCKS.get(file, []), 'prepare'])
    defer('autograd_nn', 'autograd_nn.testing', ['testing'])
    defer('autograd_nn.function_hooks.debug_print', 'autograd_nn.function_hooks.print_hook', ['PrintHook'])
    defer('autograd_nn.graph_optimizations.static_graph_utilities', 'autograd_nn.graph_optimizations', ['static_code'])
    for path in 'utils', 'utils.walker_alias':
        defer(f'autograd_nn.{path}', 'autograd_nn.links.loss.walker_alias', ['WalkerAlias'])
    defer('autograd_nn.training.util', 'autograd_nn.training.triggers.interval', ['get_trigger'])
    for path in _CAFFE_MODULES:
        defer(f'autograd_nn.{path}', 'autograd_nn.caffe.function', ['CaffeFunction'])
    # A sparse matrix holds a Variable, of which the small tools know nothing.
    for path in 'autograd_nn.utils', 'autograd_nn.utils.sparse':
        defer(path, 'autograd_nn.functions.connection.sparse_matmul', _SPARSE)


def defer(module: str, target: str, names: Sequence[str]) -> None:
    """Lets a module have names of another one, without importing that one yet.

    So a package offers what is built upon it, under the names that programs know, and needs no import of its own for
    that; nor does importing the package take longer.

    Args:
        module: The module that is to have the names. It may exist; otherwise it is made, with the packages around it.
        target: The module that defines them. It is meant itself by a name that is the last part of its path.
        names: The names.

    Example:
        >>> import sys
        >>> from autograd_nn.compat import defer
        >>> defer('shapes.flat', 'turtle', ['Turtle'])
        >>> defer('shapes.numbers', 'math', ['pi', 'tau'])
        >>> defer('shapes.numbers', 'wsgiref.util', ['util'])
        >>> from shapes.numbers import pi, util
        >>> pi, util.__name__, 'tau' in dir(sys.modules['shapes.numbers']), 'turtle' in sys.modules
        (3.141592653589793, 'wsgiref.util', True, False)
    """
    owner = _get_or_make(module)
    if '_deferred' not in vars(owner):
        vars(owner).update(_deferred={}, __getattr__=_make_getter(owner),
                           __dir__=lambda: sorted({*vars(owner), *vars(owner)['_deferred']}))
    vars(owner)['_deferred'].update(dict.fromkeys(names, target))


def _make_getter(owner: ModuleType) -> Callable[[str], Any]:
    """What imports the names of a module that others define, when a program asks for them."""
    otherwise = vars(owner).get('__getattr__')

    def get(name: str) -> Any:
        target = vars(owner)['_deferred'].get(name)
        if target is None:
            if otherwise is not None:
                return otherwise(name)
            raise AttributeError(f'module {owner.__name__!r} has no attribute {name!r}')
        origin = import_module(target)
        value = origin if target.rpartition('.')[2] == name else getattr(origin, name)
        setattr(owner, name, value)
        return value

    return get


def _get_or_make(path: str) -> ModuleType:
    """The module of a dotted path; those on the way that do not exist are made, and found by ``import`` then."""
    if path not in sys.modules:
        module = sys.modules[path] = ModuleType(path)
        module.__path__ = []
        package, _, name = path.rpartition('.')
        if package:
            setattr(_get_or_make(package), name, module)
    return sys.modules[path]
