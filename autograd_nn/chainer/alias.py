"""Imports of `chainer`, `chainermn` and `chainerx` and of modules below them, which find this package instead."""
from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import autograd_nn
from autograd_nn import cuda
from autograd_nn.chainer import environment, paths
from autograd_nn.compat import defer
from autograd_nn.config import config

VERSION = '7.8.1'
# Where modules are that have another place here, beside those of `paths`.
_MODULES = {
    'chainermn': 'autograd_nn.distributed',
    'chainerx': 'autograd_nn.chainer.chainerx',
    'chainer.basic_math': 'chainer.functions.math.basic_math',
    'chainer.function_set': 'autograd_nn.chainer.function_set',
    'chainer.flag': 'autograd_nn.chainer.flag',
    'chainer.configuration': 'autograd_nn.config',
    'chainer.training.trigger': 'autograd_nn.training.triggers.interval',
    'chainer.training.updater': 'autograd_nn.training.updaters',
    'chainer.backends._cpu': 'autograd_nn.backends.device',
    'chainer.functions.theano': 'autograd_nn.chainer.gone',
    'chainer.functions.theano.theano_function': 'autograd_nn.chainer.gone',
    'chainer.links.theano': 'autograd_nn.chainer.gone',
    'chainer.links.theano.theano_function': 'autograd_nn.chainer.gone',
}


class _Chainer(ModuleType):
    """autograd_nn, with the version of Chainer. What is set here, by a patch say, is set there."""

    def __getattr__(self, name: str) -> Any:
        if f'chainer.{name}' in sys.modules:
            return sys.modules[f'chainer.{name}']
        if name == '__all__':  # Chainer has none: "from chainer import *" brings its modules, too
            return [each for each in vars(autograd_nn) if not each.startswith('_')]
        try:
            return getattr(autograd_nn, name)
        except AttributeError:
            if name.startswith('_'):
                raise
        try:
            # Chainer imports all its modules at once, so programs name them without an import.
            return import_module(f'chainer.{name}')
        except ModuleNotFoundError as error:
            if error.name != f'chainer.{name}':
                raise
        raise AttributeError(f"module 'chainer' has no attribute {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith('__'):
            super().__setattr__(name, value)
        else:
            setattr(autograd_nn, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(autograd_nn, name)

    def __dir__(self) -> list[str]:
        return dir(autograd_nn)


chainer = _Chainer('chainer', autograd_nn.__doc__)
chainer.__version__ = VERSION
chainer.__path__ = []
chainer.__file__ = autograd_nn.__file__
# By which programs see whether there is a Chainer.
chainer.__spec__ = ModuleSpec('chainer', None, origin=autograd_nn.__file__, is_package=True)


class _Finder(MetaPathFinder, Loader):
    """Finds modules here.

    Args:
        find: Takes the dotted path of a module, and returns the module or None.
    """

    def __init__(self, find: Callable[[str], ModuleType | None]) -> None:
        self.find = find

    def find_spec(self, fullname: str, path: Sequence[str] | None = None,
                  target: ModuleType | None = None) -> ModuleSpec | None:
        module = self.find(fullname)
        if module is None:
            return None
        spec = ModuleSpec(fullname, self, is_package=hasattr(module, '__path__'))
        spec.loader_state = module
        return spec

    def create_module(self, spec: ModuleSpec) -> None:
        """Python makes an empty module, which `exec_module` replaces."""

    def exec_module(self, module: ModuleType) -> None:
        spec = module.__spec__
        assert spec is not None
        sys.modules[spec.name] = spec.loader_state
        # What the module has imported already needs no import: that would set the attribute of the package, which may
        # be a function of the same name by now.
        real = spec.loader_state.__name__
        for name in [name for name in sys.modules if name.startswith(real + '.')]:
            path = spec.name + name[len(real):]
            paths.complete(sys.modules[name], path.partition('.')[2])
            sys.modules.setdefault(path, sys.modules[name])


def _find(fullname: str) -> ModuleType | None:
    """The module for a dotted path of Chainer, or None."""
    root, _, rest = fullname.partition('.')
    if root not in ('chainer', 'chainermn', 'chainerx'):
        return None
    if fullname in _MODULES:
        return import_module(_MODULES[fullname])
    if root == 'chainerx':
        return None
    if root == 'chainermn':
        return _find_distributed(rest)
    if not rest:
        return chainer
    real = f'autograd_nn.{rest}'
    try:
        module = import_module(real)
    except ModuleNotFoundError as error:
        if error.name is None or not f'{real}.'.startswith(f'{error.name}.'):
            raise  # the module is there and lacks something else
        return paths.make_module(rest)
    paths.complete(module, rest)
    return module


def _find_distributed(path: str) -> ModuleType | None:
    """The module of `distributed` for a path below `chainermn`, or None."""
    real = f'autograd_nn.distributed.{path}'
    try:
        return import_module(real)
    except ModuleNotFoundError as error:
        if error.name is None or not f'{real}.'.startswith(f'{error.name}.'):
            raise  # the module is there and lacks something else
        return None


def _find_last(fullname: str) -> ModuleType | None:
    """The module for one that packages for Chainer have compiled, and that nobody else has found."""
    is_compiled = fullname == 'chainercv.utils.bbox._nms_gpu_post'
    return import_module('autograd_nn.chainer.chainercv_nms') if is_compiled else None


def install() -> None:
    """Lets imports of `chainer` find this package."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder(_find))
        sys.meta_path.append(_Finder(_find_last))
        paths.offer_attributes(path.partition('.')[2] for path in _MODULES if '.' in path)
        defer('autograd_nn.links', 'autograd_nn.chainer.gone', ['TheanoFunction'])
        defer('autograd_nn.initializers', 'autograd_nn.chainer.helpers', ['init_weight'])
        defer('autograd_nn.cuda', 'autograd_nn.chainer.gone', ['get_cudnn_dropout_states',
                                                               'get_cudnn_dropout_states_core'])
        vars(cuda).setdefault('config', config)
        environment.install()
    sys.modules['chainer'] = chainer
