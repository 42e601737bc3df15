"""Which names each package offers to the public, and where they are defined; what the reference is made from."""
from __future__ import annotations

import importlib
import re
from pathlib import Path
from types import ModuleType
from typing import Any

# Packages of the reference. A name is public that one of them exports and that does not start with an underscore.
PACKAGES = (
    'autograd_nn', 'autograd_nn.functions', 'autograd_nn.links', 'autograd_nn.initializers', 'autograd_nn.optimizers',
    'autograd_nn.optimizer_hooks', 'autograd_nn.function_hooks', 'autograd_nn.link_hooks', 'autograd_nn.serializers',
    'autograd_nn.caffe', 'autograd_nn.cuda', 'autograd_nn.dataset', 'autograd_nn.dataset.tabular',
    'autograd_nn.datasets', 'autograd_nn.distributed',
    'autograd_nn.distributed.communicators', 'autograd_nn.distributed.extensions', 'autograd_nn.distributed.functions',
    'autograd_nn.distributed.links', 'autograd_nn.distributed.optimizers', 'autograd_nn.distributions',
    'autograd_nn.evaluation', 'autograd_nn.exporters', 'autograd_nn.iterators', 'autograd_nn.models',
    'autograd_nn.reinforcement', 'autograd_nn.reports', 'autograd_nn.tasks', 'autograd_nn.testing',
    'autograd_nn.training', 'autograd_nn.training.extensions', 'autograd_nn.training.triggers',
    'autograd_nn.training.updaters', 'autograd_nn.tuning', 'autograd_nn.utils',
)
EXPORTS = re.compile(r'^\.\. exports:: (\S+)\n(?:   :from: (.+)\n)?', re.MULTILINE)
EXPLICIT = re.compile(r'^\.\. (?:autoclass|autofunction|autodata|py:data|py:function):: ([\w.]+)', re.MULTILINE)


def public_names(package: str) -> dict[str, Any]:
    """The public objects of a package or module by name, in alphabetical order.

    Those of a module that is no package are what it lists or defines, less what its package exports.

    Args:
        package: Its dotted name.
    """
    module = importlib.import_module(package)
    names = [name for name in getattr(module, '__all__', None) or vars(module) if not name.startswith('_')]
    found = {name: getattr(module, name) for name in sorted(names, key=str.lower)}
    found = {name: obj for name, obj in found.items()
             if not isinstance(obj, ModuleType)
             and (hasattr(module, '__all__') or defining_module(obj).startswith('autograd_nn'))}
    if hasattr(module, '__path__'):
        return found
    exported = public_names(package.rpartition('.')[0])
    return {name: obj for name, obj in found.items()
            if (hasattr(module, '__all__') or defining_module(obj) == package) and name not in exported}


def defining_module(obj: Any) -> str:
    """The module that an object comes from; for an instance the module of its class."""
    return getattr(obj, '__module__', None) or type(obj).__module__


def select(package: str, modules: list[str]) -> list[str]:
    """The public classes and functions of a package that come from some of its modules; from all if none is named.

    Classes come first. Other objects say nothing of themselves; they have entries of their own in the pages.

    Args:
        package: Its dotted name.
        modules: Names of modules, relative to the package.
    """
    wanted = {f'{package}.{module}' for module in modules}
    names = [name for name, obj in public_names(package).items()
             if hasattr(obj, '__name__') and (not wanted or defining_module(obj) in wanted)]
    return sorted(names, key=lambda name: not isinstance(public_names(package)[name], type))


def documented(pages: Path) -> dict[str, Any]:
    """The objects that the reference documents, by dotted name.

    Args:
        pages: The folder of the reference's pages.
    """
    found = {}
    for page in pages.rglob('*.md'):
        text = page.read_text(encoding='utf-8')
        for path in EXPLICIT.findall(text):
            module, _, name = path.rpartition('.')
            found[path] = getattr(importlib.import_module(module), name)
        for package, modules in EXPORTS.findall(text):
            objects = public_names(package)
            found.update({f'{package}.{name}': objects[name] for name in select(package, modules.split())})
    return found
