"""The functions of NumPy that CuPy has under the same names, on arrays of the emulator."""
from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ._array import call, made, ndarray, wrap

_SAME = '''
    bool_ broadcast_shapes dtype e euler_gamma finfo float16 float32 float64 iinfo inf int8 int16 int32 int64 intp nan
    newaxis pi uint8 uint16 uint32 uint64'''

# These make arrays from numbers.
_CREATE = 'arange eye full identity linspace ones tri zeros'

_FUNCTIONS = '''
    abs absolute add all allclose amax amin any append arccos arccosh arcsin arcsinh arctan arctan2 arctanh argmax
    argmin argpartition argsort argwhere around array_equal array_split atleast_1d atleast_2d atleast_3d average
    bincount bitwise_and bitwise_or bitwise_xor broadcast_arrays broadcast_to cbrt ceil clip column_stack concatenate
    conj copysign cos cosh count_nonzero cross cumprod cumsum deg2rad diag diagonal diff divide divmod dot dsplit
    dstack einsum equal exp exp2 expand_dims expm1 extract fabs fix flatnonzero flip fliplr flipud float_power floor
    floor_divide fmax fmin fmod full_like greater greater_equal heaviside histogram hsplit hstack hypot inner invert
    isclose isfinite isin isinf isnan isscalar ix_ kron ldexp left_shift less less_equal lexsort log log10 log1p log2
    logaddexp logaddexp2 logical_and logical_not logical_or logical_xor matmul max maximum mean median meshgrid min
    minimum mod modf moveaxis multiply nan_to_num nanmax nanmean nanmin nansum negative nextafter nonzero not_equal
    ones_like outer pad partition percentile positive power prod ptp rad2deg ravel reciprocal remainder repeat reshape
    right_shift rint roll rollaxis rot90 round searchsorted sign signbit sin sinc sinh sort split sqrt square squeeze
    stack std subtract sum swapaxes take take_along_axis tan tanh tensordot tile trace transpose tril triu true_divide
    trunc unique unravel_index var vdot vsplit vstack where zeros_like'''

__all__ = [*_SAME.split(), *_CREATE.split(), *_FUNCTIONS.split(), 'copyto', 'ndim', 'result_type', 'shape', 'size']


def _function(name: str) -> Callable[..., Any]:
    function = getattr(np, name)

    def on_arrays(*args: Any, **kwargs: Any) -> Any:
        return call(function, *args, **kwargs)

    on_arrays.__name__ = name
    return on_arrays


def _creation(name: str) -> Callable[..., Any]:
    function = getattr(np, name)

    def create(*args: Any, **kwargs: Any) -> ndarray:
        return made(lambda: function(*args, **kwargs))

    create.__name__ = name
    return create


globals().update({name: getattr(np, name) for name in _SAME.split()})
globals().update({name: _creation(name) for name in _CREATE.split()})
globals().update({name: _function(name) for name in _FUNCTIONS.split()})
for _name in ('add', 'maximum', 'minimum', 'multiply'):
    globals()[_name].at = partial(call, getattr(np, _name).at)


def copyto(dst: ndarray, src: Any, casting: str = 'same_kind', where: Any = None) -> None:
    """As ``numpy.copyto``; from another device too."""
    if isinstance(src, ndarray) and src._device != dst._device:
        src = wrap(src._a, dst._memory)
    call(np.copyto, dst, src, casting, **({} if where is None else {'where': where}))


def ndim(a: Any) -> int:
    return getattr(a, '_a', np.asarray(a) if not isinstance(a, ndarray) else a).ndim


def shape(a: Any) -> tuple[int, ...]:
    return a.shape if isinstance(a, ndarray) else np.shape(a)


def size(a: Any) -> int:
    return a.size if isinstance(a, ndarray) else np.size(a)


def result_type(*args: Any) -> np.dtype:
    return np.result_type(*[a._a if isinstance(a, ndarray) else a for a in args])
