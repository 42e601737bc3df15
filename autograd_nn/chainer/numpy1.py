"""Names that NumPy had until 1.20 or until 2.0, for packages that nobody changes any more."""
from __future__ import annotations

import builtins
from typing import Any

import numpy as np

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

    It changes NumPy for the whole process, so it is for programs, not for libraries. ``np.bool`` and ``np.long``, which
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
    return sorted(missing)
