"""``ElementwiseKernel``, ``ReductionKernel``, ``RawKernel`` and ``RawModule``, on the system's C++ compiler.

The text that is compiled has the shape of CuPy's: a ``__global__`` function of arrays by value whose loop holds the
operation. `ElementwiseKernel.source` and `ReductionKernel.source` return it, for other compilers too.
"""
from __future__ import annotations

from typing import Any

import numpy as np

from . import _build
from ._array import check_device, ndarray, wrap
from ._parameters import C_TYPES, Parameter, decide_types, parse

_BLOCKS, _THREADS = 2, 4


def _typedefs(meaning: dict[str, np.dtype]) -> str:
    return ''.join(f'typedef {C_TYPES[dtype.name]} {letter};\n' for letter, dtype in sorted(meaning.items()))


def _declarations(parameters: tuple[Parameter, ...], types: list[np.dtype], axes: list[int | None]) -> str:
    """The parameter list of the ``__global__`` function; raw arrays say how many axes they have."""
    parts = []
    for parameter, dtype, ndim in zip(parameters, types, axes):
        name = C_TYPES[dtype.name]
        declared = f'{name} {parameter.name}' if ndim is None else \
            f'CArray<{name}, {ndim}> {parameter.name}' if parameter.raw else f'CArray<{name}> _raw_{parameter.name}'
        parts.append('const ' * parameter.const + declared)
    return ', '.join(parts)


def _elements(parameters: tuple[Parameter, ...], types: list[np.dtype], axes: list[int | None], index: str) -> str:
    """References to the elements that belong to an index, by the names of their parameters."""
    return '\n'.join(f'{"const " * p.const}{C_TYPES[dtype.name]} &{p.name} = _raw_{p.name}[{index}.get()];'
                     for p, dtype, ndim in zip(parameters, types, axes) if ndim is not None and not p.raw)


def _axes(args: list[Any]) -> list[int | None]:
    """The number of axes of each argument that is an array."""
    return [a.ndim if isinstance(a, ndarray) else None for a in args]


def _array_bytes(array: ndarray) -> np.ndarray:
    """A ``CArray``'s bytes."""
    a = array._a
    fill = [0] * (10 - a.ndim)
    return np.array([a.ctypes.data, a.size, a.ndim, a.flags.c_contiguous, *a.shape, *fill, *a.strides, *fill], np.int64)


def _indexer_bytes(shape: tuple[int, ...]) -> np.ndarray:
    """A ``CIndexer``'s bytes."""
    size = int(np.prod(shape, dtype=np.int64))
    return np.array([size, len(shape), *shape, *[0] * (20 - len(shape))], np.int64)


def _argument_bytes(args: list[Any], types: list[np.dtype]) -> list[np.ndarray]:
    return [_array_bytes(a) if isinstance(a, ndarray) else np.array(a).astype(t).reshape(1)
            for a, t in zip(args, types)]


def _check_arguments(name: str, args: tuple[Any, ...], n_in: int, n_out: int) -> list[Any]:
    if len(args) not in (n_in, n_in + n_out):
        raise TypeError(f"Wrong number of arguments for '{name}'. It must be either {n_in} or {n_in + n_out} "
                        f'(with outputs), but given {len(args)}.')
    for a in args:
        check_device(a)
    for a in args[n_in:]:
        if not isinstance(a, ndarray):
            raise TypeError('Output arguments type must be cupy.ndarray')
    return list(args)


def _broadcast(parameters: tuple[Parameter, ...], args: list[Any], size: int | None) -> tuple[int, ...]:
    """The shape to run over; arrays in `args` whose parameters are not raw are broadcast to it."""
    arrays = [a for p, a in zip(parameters, args) if isinstance(a, ndarray) and not p.raw]
    if size is not None:
        if arrays:
            raise ValueError("Specified 'size' can be used only if all of the ndarray are 'raw'.")
        return (int(size),)
    if not arrays:
        raise ValueError('Loop size is undecided.')
    shape = np.broadcast_shapes(*[a.shape for a in arrays])
    for i, (p, a) in enumerate(zip(parameters, args)):
        if isinstance(a, ndarray) and not p.raw and a.shape != shape:
            args[i] = wrap(np.broadcast_to(a._a, shape))
    return shape


def _outputs(parameters: tuple[Parameter, ...], given: list[Any], types: list[np.dtype], shape: tuple[int, ...],
             sized: bool) -> list[Any]:
    if not given:
        if any(p.raw for p in parameters) and not sized:
            raise ValueError('Output array size is Undecided')
        return [ndarray(shape, dtype) for dtype in types]
    for p, a in zip(parameters, given):
        if not p.raw and a.shape != shape:
            raise ValueError('Out shape is mismatched')
    return given


class ElementwiseKernel:
    """As ``cupy.ElementwiseKernel``."""

    def __init__(self, in_params: str, out_params: str, operation: str, name: str = 'kernel', reduce_dims: bool = True,
                 preamble: str = '', no_return: bool = False, return_tuple: bool = False, loop_prep: str = '',
                 after_loop: str = '', options: tuple[str, ...] = ()) -> None:
        if not name.isidentifier():
            raise ValueError(f'Invalid kernel name: "{name}"')
        self.in_params, self.out_params = parse(in_params, True), parse(out_params, False)
        self.params = self.in_params + self.out_params
        if 'i' in [p.name for p in self.params]:
            raise ValueError("Can not use 'i' as a parameter name")
        self.nin, self.nout, self.nargs = len(self.in_params), len(self.out_params), len(self.params)
        self.operation, self.name, self.__name__ = operation, name, name
        self.preamble, self.loop_prep, self.after_loop, self.options = preamble, loop_prep, after_loop, options
        self.reduce_dims, self.no_return, self.return_tuple = reduce_dims, no_return, return_tuple

    def source(self, meaning: dict[str, np.dtype], axes: list[int | None]) -> str:
        """The CUDA text for arguments of given types.

        Args:
            meaning: The types that the parameters' letters stand for.
            axes: The number of axes of arguments that are arrays; the others, numbers, have None.
        """
        types = [p.dtype or meaning[p.letter] for p in self.params]
        return f'''{_typedefs(meaning)}
{self.preamble}
extern "C" __global__ void {self.name}({_declarations(self.params, types, axes)}, CIndexer<> _ind) {{
    {self.loop_prep};
    CUPY_FOR(i, _ind.size()) {{
        _ind.set(i);
        {_elements(self.params, types, axes, '_ind')}
        {self.operation};
    }}
    {self.after_loop};
}}
'''

    def __call__(self, *args: Any, size: int | None = None, stream: Any = None, block_size: int = 128) -> Any:
        all_args = _check_arguments(self.name, args, self.nin, self.nout)
        given = all_args[self.nin:]
        shape = _broadcast(self.params, all_args, None if size == -1 else size)
        in_args = all_args[:self.nin]
        in_types, out_types, meaning = decide_types(self.in_params, self.out_params, in_args, given)
        out_args = _outputs(self.out_params, given, out_types, shape, size is not None)
        if 0 not in shape:
            self._run(in_args + out_args, in_types + out_types, meaning, shape)
        if self.no_return:
            return None
        return out_args[0] if self.nout == 1 and not self.return_tuple else tuple(out_args)

    def _run(self, args: list[Any], types: list[np.dtype], meaning: dict[str, np.dtype],
             shape: tuple[int, ...]) -> None:
        looped = [i for i, p in enumerate(self.params) if isinstance(args[i], ndarray) and not p.raw]
        if self.reduce_dims and len(shape) > 1 and all(args[i].flags.c_contiguous for i in looped):
            shape = (int(np.prod(shape)),)
            args = [wrap(a._a.reshape(-1)) if i in looped else a for i, a in enumerate(args)]
        library = _build.library(self.source(meaning, _axes(args)), (self.name,))
        _build.launch(library.launch_0, self.name, (_BLOCKS,), (_THREADS,),
                      [*_argument_bytes(args, types), _indexer_bytes(shape)])


class ReductionKernel:
    """As ``cupy.ReductionKernel``. Three partial results are made and joined, as the threads of a GPU do."""

    def __init__(self, in_params: str, out_params: str, map_expr: str, reduce_expr: str, post_map_expr: str,
                 identity: Any, name: str = 'reduce_kernel', reduce_type: str | None = None, reduce_dims: bool = True,
                 preamble: str = '', options: tuple[str, ...] = ()) -> None:
        if not name.isidentifier():
            raise ValueError(f'Invalid kernel name: "{name}"')
        self.in_params, self.out_params = parse(in_params, True), parse(out_params, False)
        self.params = self.in_params + self.out_params
        self.nin, self.nout, self.nargs = len(self.in_params), len(self.out_params), len(self.params)
        self.map_expr, self.reduce_expr, self.post_map_expr = map_expr, reduce_expr, post_map_expr
        self.identity = '' if identity is None else str(identity)
        self.name, self.__name__ = name, name
        self.reduce_type, self.preamble, self.options = reduce_type, preamble, options

    def source(self, meaning: dict[str, np.dtype], axes: list[int | None]) -> str:
        """The CUDA text for arguments of given types (see `ElementwiseKernel.source`)."""
        types = [p.dtype or meaning[p.letter] for p in self.params]
        kind = self.reduce_type or C_TYPES[types[self.nin].name]
        ins = _elements(self.in_params, types, axes, '_in_ind')
        outs = _elements(self.out_params, types[self.nin:], axes[self.nin:], '_out_ind')
        return f'''{_typedefs(meaning)}
typedef int IndexT;
{self.preamble}
typedef {kind} _type_reduce;
#define REDUCE(a, b) ({self.reduce_expr})
#define POST_MAP(a) ({self.post_map_expr})
extern "C" __global__ void {self.name}({_declarations(self.params, types, axes)}, CIndexer<> _in_ind,
                                       CIndexer<> _out_ind) {{
    CUPY_FOR(_i, _out_ind.size()) {{
        _type_reduce _s = _type_reduce({self.identity});
        for (int _part = 0; _part < 3; ++_part) {{
            _type_reduce _t = _type_reduce({self.identity});
            IndexT _J = _part;
            for (ptrdiff_t _j = _i + _part * _out_ind.size(); _j < _in_ind.size();
                 _j += 3 * _out_ind.size(), _J += 3) {{
                _in_ind.set(_j);
                {ins}
                _type_reduce _a = static_cast<_type_reduce>({self.map_expr});
                _t = REDUCE(_t, _a);
            }}
            _s = REDUCE(_s, _t);
        }}
        _out_ind.set(_i);
        {outs}
        POST_MAP(_s);
    }}
}}
'''

    def __call__(self, *args: Any, out: Any = None, axis: Any = None, keepdims: bool = False,
                 stream: Any = None) -> Any:
        if out is not None:
            if len(args) != self.nin:
                raise TypeError("cannot specify 'out' as both a positional and keyword argument")
            args = (*args, out)
        all_args = _check_arguments(self.name, args, self.nin, self.nout)
        in_args, given = all_args[:self.nin], all_args[self.nin:]
        shape = _broadcast(self.in_params, in_args, None)
        in_types, out_types, meaning = decide_types(self.in_params, self.out_params, in_args, given)
        axes = tuple(range(len(shape))) if axis is None else \
            tuple(sorted(np.lib.array_utils.normalize_axis_tuple(axis, len(shape))))
        kept = tuple(d for d in range(len(shape)) if d not in axes)
        out_shape = tuple(1 if d in axes else n for d, n in enumerate(shape)) if keepdims else \
            tuple(shape[d] for d in kept)
        out_args = _outputs(self.out_params, given, out_types, out_shape, False)
        if out_args[0].size == 0:
            return out_args[0]
        if 0 in shape and not self.identity:
            raise ValueError(f'zero-size array to reduction operation {self.name} which has no identity')
        if axes + kept != tuple(range(len(shape))):
            if any(p.raw for p in self.in_params):
                raise NotImplementedError('Illegal conditions')
            in_args = [wrap(a._a.transpose(axes + kept)) if isinstance(a, ndarray) else a for a in in_args]
        library = _build.library(self.source(meaning, _axes(in_args + out_args)), (self.name,))
        _build.launch(library.launch_0, self.name, (_BLOCKS,), (_THREADS,),
                      [*_argument_bytes(in_args + out_args, in_types + out_types),
                       _indexer_bytes(tuple(shape[d] for d in axes + kept)), _indexer_bytes(out_shape)])
        return out_args[0]


class RawModule:
    """As ``cupy.RawModule``, for CUDA text."""

    def __init__(self, *, code: str, options: tuple[str, ...] = (), backend: str = 'nvrtc',
                 name_expressions: Any = None) -> None:
        self.code, self.options, self.backend = code, options, backend
        self.name_expressions = tuple(name_expressions or ())

    def get_function(self, name: str) -> RawFunction:
        names = self.name_expressions if name in self.name_expressions else (name,)
        return RawFunction(self.code, names, name)


class RawFunction:
    """A kernel of a `RawModule`."""

    def __init__(self, code: str, names: tuple[str, ...], name: str) -> None:
        self.code, self.names, self.name = code, names, name

    def __call__(self, grid: tuple[int, ...], block: tuple[int, ...], args: Any, *, shared_mem: int = 0,
                 stream: Any = None) -> None:
        if shared_mem > 48 * 1024:
            raise RuntimeError(f'CUDA_ERROR_INVALID_VALUE: {self.name}: {shared_mem} bytes of shared memory')
        held = []
        for a in args:
            check_device(a)
            if isinstance(a, ndarray):
                held.append(np.array([a._a.ctypes.data], np.uint64))
            elif isinstance(a, (bool, int, float, np.generic)):
                held.append(np.array(a).reshape(1))
            else:
                raise TypeError(f'Unsupported type {type(a)}')
        library = _build.library(self.code, self.names)
        _build.launch(getattr(library, f'launch_{self.names.index(self.name)}'), self.name, grid, block, held)


class RawKernel(RawFunction):
    """As ``cupy.RawKernel``."""

    def __init__(self, code: str, name: str, options: tuple[str, ...] = (), backend: str = 'nvrtc') -> None:
        super().__init__(code, (name,), name)
        self.options, self.backend = options, backend
