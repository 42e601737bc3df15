"""Writing networks to files of other frameworks: a module for each, which is imported when it is asked for."""
from importlib import import_module
from types import ModuleType

_MODULES = ('caffe',)


def __getattr__(name: str) -> ModuleType:
    if name in _MODULES:
        return import_module(f'{__name__}.{name}')
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
