"""Old names: where programs for Chainer, many of them for its first versions, look for what has another place here.

They are all in this module, and nothing else refers to them. What takes long to import, or needs a library that may be
absent, is imported when a program asks for one of its names.
"""
from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

from autograd_nn import backends, cuda, function, initializers, optimizer, optimizer_hooks, training
from autograd_nn.config import force_backprop_mode, no_backprop_mode
from autograd_nn.dataset import convert
from autograd_nn.training import extensions, updaters
from autograd_nn.training.extensions.dump_graph import DumpGraph
from autograd_nn.training.triggers import interval

# For Chainer, `config` is the configuration alone, and this the module that defines it.
configuration = import_module('autograd_nn.config')

_NAMES: dict[ModuleType, dict[str, Any]] = {
    backends: {'cuda': cuda},
    convert: {'_call_converter': convert.call_converter},
    extensions: {'dump_graph': DumpGraph},
    function: {'force_backprop_mode': force_backprop_mode, 'no_backprop_mode': no_backprop_mode},
    initializers: {'_get_initializer': initializers.get_initializer},
    optimizer: {name: getattr(optimizer_hooks, name) for name in optimizer_hooks.__all__},
    training: {'trigger': interval, 'updater': updaters},
}

# The pretrained networks and those of Caffe are links or functions for Chainer; here they are built from links.
_NETWORKS = {
    'googlenet': ['GoogLeNet'],
    'resnet': ['ResNetLayers', 'ResNet50Layers', 'ResNet101Layers', 'ResNet152Layers'],
    'vgg': ['VGGLayers', 'VGG16Layers', 'VGG19Layers'],
}
# What they are made of, in the modules only.
_BLOCKS = {'resnet': ['BuildingBlock', 'BottleneckA', 'BottleneckB']}
_CAFFE_MODULES = 'links.caffe', 'links.caffe.caffe_function', 'functions.caffe'


def install() -> None:
    """Makes the old names work."""
    for module, names in _NAMES.items():
        vars(module).update(names)
    # For ``import autograd_nn.backends.cuda``.
    sys.modules['autograd_nn.backends.cuda'] = cuda
    for file, classes in _NETWORKS.items():
        defer('autograd_nn.links', 'autograd_nn.models.vision', classes)
        defer(f'autograd_nn.links.model.vision.{file}', f'autograd_nn.models.vision.{file}',
              [*classes, *_BLOCKS.get(file, []), 'prepare'])
    for path in _CAFFE_MODULES:
        defer(f'autograd_nn.{path}', 'autograd_nn.caffe.function', ['CaffeFunction'])


def defer(module: str, target: str, names: Sequence[str]) -> None:
    """Lets a module have names of another one, without importing that one yet.

    So a package offers what is built upon it, under the names that programs know, and needs no import of its own for
    that; nor does importing the package take longer.

    Args:
        module: The module that is to have the names. It may exist; otherwise it is made, with the packages around it.
        target: The module that defines them.
        names: The names.

    Example:
        >>> import sys
        >>> from autograd_nn.compat import defer
        >>> defer('shapes.flat', 'turtle', ['Turtle'])
        >>> defer('shapes.numbers', 'math', ['pi', 'tau'])
        >>> from shapes.numbers import pi
        >>> pi, 'tau' in dir(sys.modules['shapes.numbers']), 'turtle' in sys.modules
        (3.141592653589793, True, False)
    """
    owner = _get_or_make(module)
    origins: dict[str, str] = vars(owner).setdefault('_deferred', {})
    origins.update(dict.fromkeys(names, target))
    otherwise = vars(owner).get('__getattr__')

    def get(name: str) -> Any:
        if name not in origins:
            if otherwise is not None:
                return otherwise(name)
            raise AttributeError(f'module {module!r} has no attribute {name!r}')
        value = getattr(import_module(origins[name]), name)
        setattr(owner, name, value)
        return value

    vars(owner).update(__getattr__=get, __dir__=lambda: sorted({*vars(owner), *origins}))


def _get_or_make(path: str) -> ModuleType:
    """The module of a dotted path; those on the way that do not exist are made, and found by ``import`` then."""
    if path not in sys.modules:
        module = sys.modules[path] = ModuleType(path)
        module.__path__ = []
        package, _, name = path.rpartition('.')
        if package:
            setattr(_get_or_make(package), name, module)
    return sys.modules[path]
