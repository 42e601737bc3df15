"""What NumPy 1 had and NumPy 2 has not, for packages that nobody changes any more."""
from __future__ import annotations

import ast
import builtins
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import PathFinder, SourceFileLoader
from types import CodeType, ModuleType
from typing import Any

import numpy as np

# Of the environment: processes that the launcher's program starts give NumPy the names back when they import chainer.
NAMES_VARIABLE = 'AUTOGRAD_NN_NUMPY1_NAMES'
# Each name, and what was behind it; where two are given the first one that NumPy has.
_BUILTINS = 'bool', 'int', 'float', 'complex', 'object', 'str'
_NEW_NAMES = {
    'unicode': 'str_', 'long': 'int64', 'bool8': 'bool_', 'object0': 'object_', 'str0': 'str_', 'bytes0': 'bytes_',
    'void0': 'void', 'int0': 'intp', 'uint0': 'uintp', 'float_': 'float64', 'complex_': 'complex128',
    'cfloat': 'complex128', 'singlecomplex': 'complex64', 'clongfloat': 'clongdouble', 'longfloat': 'longdouble',
    'longcomplex': 'clongdouble', 'string_': 'bytes_', 'unicode_': 'str_', 'Inf': 'inf', 'Infinity': 'inf',
    'infty': 'inf', 'NaN': 'nan', 'product': 'prod', 'cumproduct': 'cumprod', 'sometrue': 'any', 'alltrue': 'all',
    'in1d': 'isin', 'trapz': 'trapezoid', 'row_stack': 'vstack', 'mat': 'asmatrix', 'round_': 'round',
}


def _asfarray(a: Any, dtype: Any = float) -> np.ndarray:
    return np.asarray(a, dtype if np.issubdtype(dtype, np.inexact) else float)


_VALUES = {'PINF': np.inf, 'NINF': -np.inf, 'PZERO': 0.0, 'NZERO': -0.0, 'asfarray': _asfarray}


def restore_names() -> list[str]:
    """Gives NumPy the names back that it has no more, and says which these are.

    It changes NumPy for the whole process, so it is for programs, not for libraries; and it calls
    `accept_single_elements`. ``np.bool`` and ``np.long``, which
    NumPy 2 has again with another meaning, stay what they are.

    Returns:
        The names.
    """
    missing = {name: getattr(builtins, name) for name in _BUILTINS}
    missing.update({name: getattr(np, new) for name, new in _NEW_NAMES.items() if hasattr(np, new)})
    missing.update(_VALUES)
    missing = {name: value for name, value in missing.items() if name not in vars(np)}
    for name, value in missing.items():
        setattr(np, name, value)
    accept_single_elements()
    return sorted(missing)


def accept_single_elements() -> None:
    """Lets ``float(x)`` and ``int(x)`` of an array with one element and several axes work in modules for Chainer.

    NumPy 2.4 has made an error of it. Modules that are imported from now on, and that mention `chainer`, are compiled
    with a call of `number` instead; all others stay as they are.
    """
    builtins.autograd_nn_number = number  # type: ignore[attr-defined]
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def number(kind: type, x: Any) -> Any:
    """What ``float(x)`` or ``int(x)`` was.

    Args:
        kind: `float` or `int`.
        x: What to convert.

    Example:
        >>> import numpy as np
        >>> number(float, np.ones((1, 1)))
        1.0
    """
    return kind(x.item() if isinstance(x, np.ndarray) and x.size == 1 else x)


def compiled(source: bytes, path: str) -> CodeType:
    """The code of a program or module, in which `number` converts.

    Args:
        source: The text.
        path: Its file.
    """
    tree = ast.parse(source, path)
    for node in ast.walk(tree):
        if (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ('float', 'int')
                and len(node.args) == 1 and not node.keywords):
            node.args.insert(0, node.func)
            node.func = ast.copy_location(ast.Name('autograd_nn_number', ast.Load()), node)
    return compile(tree, path, 'exec', dont_inherit=True)


class _Loader(SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return compiled(self.get_data(path), path)


class _Finder(MetaPathFinder):
    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> Any:
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or type(spec.loader) is not SourceFileLoader or fullname.startswith('autograd_nn'):
            return None
        if b'chainer' not in spec.loader.get_data(spec.loader.path):
            return None
        spec.loader = _Loader(fullname, spec.loader.path)
        return spec
