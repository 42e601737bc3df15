"""Imports of `chainer`, `chainermn` and `chainerx` and of modules below them, which find this package instead."""
from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from functools import cache
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


# Of what each name is the one that programs know, and below what here the paths of its modules are.
_ROOTS = {'chainer': 'autograd_nn', 'chainermn': 'autograd_nn.distributed'}


class _Chainer(ModuleType):
    """A package of this one, with the version of Chainer. What is set here, by a patch say, is set there.

    Args:
        name: Chainer's name of it.
        real: The package.
    """

    def __init__(self, name: str, real: ModuleType) -> None:
        super().__init__(name, real.__doc__)
        self.__real__ = real
        self.__version__ = VERSION
        self.__path__ = []
        self.__file__ = real.__file__
        # By which programs see whether there is a Chainer.
        self.__spec__ = ModuleSpec(name, None, origin=real.__file__, is_package=True)

    def __getattr__(self, name: str) -> Any:
        path = f'{self.__name__}.{name}'
        if path in sys.modules:
            return sys.modules[path]
        if name == '__all__':  # Chainer has none: "from chainer import *" brings its modules, too
            return [each for each in vars(self.__real__) if not each.startswith('_')]
        try:
            return getattr(self.__real__, name)
        except AttributeError:
            if name.startswith('_'):
                raise
        try:
            # Chainer imports all its modules at once, so programs name them without an import.
            return import_module(path)
        except ModuleNotFoundError as error:
            if error.name != path:
                raise
        raise AttributeError(f'module {self.__name__!r} has no attribute {name!r}')

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith('__'):
            super().__setattr__(name, value)
        else:
            setattr(self.__real__, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self.__real__, name)

    def __dir__(self) -> list[str]:
        return dir(self.__real__)


chainer = _Chainer('chainer', autograd_nn)


@cache
def get_chainermn() -> ModuleType:
    """The module `chainermn`. With ``CHAINERMN_FORCE_ABORT_ON_EXCEPTION``, exceptions end the whole job from now on."""
    real = import_module(_ROOTS['chainermn'])
    paths.offer_attributes()
    if os.environ.get('CHAINERMN_FORCE_ABORT_ON_EXCEPTION'):
        real.add_global_except_hook()
    return _Chainer('chainermn', real)


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
            paths.complete(sys.modules[name], _path(path))
            sys.modules.setdefault(path, sys.modules[name])


def _find(fullname: str) -> ModuleType | None:
    """The module for a dotted path of Chainer, or None."""
    root, _, rest = fullname.partition('.')
    if fullname in _MODULES:
        return import_module(_MODULES[fullname])
    if root not in _ROOTS:
        return None
    if not rest:
        return chainer if root == 'chainer' else get_chainermn()
    real = f'{_ROOTS[root]}.{rest}'
    try:
        module = import_module(real)
    except ModuleNotFoundError as error:
        if error.name is None or not f'{real}.'.startswith(f'{error.name}.'):
            raise  # the module is there and lacks something else
        return paths.make_module(_path(fullname))
    paths.complete(module, _path(fullname))
    return module


def _path(fullname: str) -> str:
    """The path of a module of Chainer below autograd_nn."""
    root, _, rest = fullname.partition('.')
    return f'{_ROOTS[root]}.{rest}'.partition('.')[2]


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
