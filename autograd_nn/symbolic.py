"""Networks written as a formula of symbols: the calls are recorded once, and made again with every minibatch."""
from __future__ import annotations

import itertools
import operator
import types
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import numpy as np

from autograd_nn import functions
from autograd_nn.backend import ARRAYS, to_cpu
from autograd_nn.config import get_dtype, no_backprop_mode, using_config
from autograd_nn.link import Link
from autograd_nn.types import DTypeLike
from autograd_nn.utils.nested import map_nested
from autograd_nn.variable import Parameter, Variable, as_array

# Every call that is recorded runs with two minibatches of these sizes: axes whose length differs are those of samples.
_SAMPLES = 2, 3
_NO_NUMBERS = ('a symbol has a shape but no numbers, which come when the model is called: Sequential(function)(x) '
               'records a function of yours as a whole, functions.where chooses by elements, and a Chain decides in '
               'its forward')
_next_order = itertools.count().__next__


class Length:
    """The length of an axis that goes with the number of samples: known when the model is called.

    It stands in the `shape` of a symbol, and may be handed on, as in ``F.reshape(x, (x.shape[0], 10))``.
    """

    __slots__ = 'axis', 'symbol'

    def __init__(self, symbol: Symbol, axis: int) -> None:
        self.symbol = symbol
        self.axis = axis

    def __repr__(self) -> str:
        return 'None'

    def _refuse(self, *_: Any) -> NoReturn:
        raise TypeError(f'the number of samples (axis {self.axis} of {self.symbol!r}) is known when the model is '
                        'called; functions.reshape takes -1 for it')

    __index__ = __int__ = __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __floordiv__ = _refuse


class Symbol:
    """What stands for a Variable while a network is written down: a shape and a dtype without numbers.

    Links, functions and operators take symbols and return symbols. The first one is an `Input`.

    Attributes:
        shape: The shape; where the length of an axis goes with the number of samples it has a `Length`, shown as None.
        dtype: The dtype.
        name: A name for people to read, or None.
        call: The `Call` that returns it; None for an input.
        path: Where in what that returns: indices and keys, one within the other.
    """

    __slots__ = '_samples', 'call', 'dtype', 'name', 'path', 'shape'
    # NumPy leaves operators with an array on the left to the symbol on the right.
    __array_ufunc__ = None

    def __init__(self, samples: Sequence[np.ndarray], call: Call | None = None, path: tuple[Any, ...] = (),
                 name: str | None = None) -> None:
        first, second = samples
        if first.ndim != second.ndim:
            raise ValueError(f'the number of axes goes with the number of samples: {first.shape} for {_SAMPLES[0]}, '
                             f'{second.shape} for {_SAMPLES[1]}')
        self._samples = tuple(samples)
        self.call = call
        self.path = path
        self.name = name
        self.dtype = first.dtype
        self.shape = tuple(n if n == m else Length(self, axis)
                           for axis, (n, m) in enumerate(zip(first.shape, second.shape)))

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    def __repr__(self) -> str:
        return f'<Symbol{"" if self.name is None else " " + self.name}: {self.shape}, {self.dtype}>'

    def _refuse(self, *_: Any) -> NoReturn:
        raise TypeError(_NO_NUMBERS)

    __bool__ = __float__ = __int__ = __index__ = __len__ = __iter__ = __array__ = _refuse

    def __getattr__(self, name: str) -> Any:
        if name in ('array', 'data', 'grad', 'item', 'size', 'backward', 'creator', 'xp', 'device'):
            self._refuse()
        raise AttributeError(f'Symbol has no attribute {name!r}')

    # As in functions/operators.py.
    def __neg__(self) -> Any:
        return functions.neg(self)  # type: ignore[arg-type]

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return functions.absolute(self)  # type: ignore[arg-type]

    def __getitem__(self, key: Any) -> Any:
        return functions.get_item(self, key)  # type: ignore[arg-type]

    def reshape(self, *shape: Any) -> Any:
        """As `functions.reshape`."""
        return functions.reshape(self, shape[0] if len(shape) == 1 else shape)  # type: ignore[arg-type]

    def transpose(self, *axes: Any) -> Any:
        """As `functions.transpose`."""
        return functions.transpose(self, axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes or None)  # type: ignore[arg-type]


def _install_operators() -> None:
    """Gives symbols the operators and the methods that Variables have."""
    def binary(function: Callable[..., Any]) -> tuple[Any, Any]:
        return lambda self, other: function(self, other), lambda self, other: function(other, self)

    for name, function in (('add', functions.add), ('sub', functions.sub), ('mul', functions.mul),
                           ('truediv', functions.div), ('floordiv', functions.floordiv), ('mod', functions.remainder),
                           ('pow', functions.pow), ('matmul', functions.matmul)):
        method, reflected = binary(function)
        setattr(Symbol, f'__{name}__', method)
        setattr(Symbol, f'__r{name}__', reflected)
    Symbol.T = property(functions.transpose, doc='The axes in reverse order.')  # type: ignore[attr-defined]
    for name in COMPARISONS:
        setattr(Symbol, f'__{name}__', lambda self, other, name=name: record(COMPARISONS[name], (self, other), {}))
    methods: tuple[tuple[str, Any], ...] = (
        ('astype', functions.cast), ('flatten', functions.flatten), ('squeeze', functions.squeeze),
        ('sum', functions.sum), ('mean', functions.mean), ('max', functions.max), ('min', functions.min))
    for name, method in methods:
        setattr(Symbol, name, lambda self, *args, function=method, **kwargs: function(self, *args, **kwargs))


COMPARISONS: dict[str, Callable[..., Any]] = {name: getattr(operator, name) for name in ('lt', 'le', 'gt', 'ge')}
"""The operators that no function stands for, by name."""
_install_operators()


class Call:
    """A call that was recorded.

    Attributes:
        function: The link or the function.
        args: Its arguments, symbols among them, also in lists, tuples and dicts.
        kwargs: Its keyword arguments, likewise.
        order: Higher than that of every call recorded before.
        shape: The shape of what it returns, as text; of several things, one after the other.
    """

    shape = ''

    def __init__(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.function = function
        self.args = args
        self.kwargs = kwargs
        self.order = _next_order()


class Input(Symbol):
    """An input of a network that is written as a formula: see `Model`.

    Args:
        shape: The shape of one sample, without the axis of the samples; a number n stands for (n,).
        dtype: The dtype; ``config.dtype`` by default.
        name: A name for people to read.

    Example:
        >>> import autograd_nn as ann, autograd_nn.functions as F, autograd_nn.links as L
        >>> x = ann.Input((3, 32, 32))
        >>> h = F.max_pooling_2d(F.relu(L.Convolution2D(16, 3, pad=1)(x)), 2)
        >>> h
        <Symbol: (None, 16, 16, 16), float32>
        >>> h + 1, F.concat([h, 2 * h]), h.reshape(h.shape[0], -1)
        (<Symbol: (None, 16, 16, 16), float32>, <Symbol: (None, 32, 16, 16), float32>, <Symbol: (None, 4096), float32>)
    """

    __slots__ = ()

    def __init__(self, shape: int | Sequence[int], dtype: DTypeLike | None = None, name: str | None = None) -> None:
        _intercept_calls()
        one = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
        kind = get_dtype(dtype)
        # Ones, as logarithms and the like have them in their domain; of integers 0, as that is an index.
        fill = 0 if kind.kind in 'iub' else 1
        super().__init__([np.full((n, *one), fill, kind) for n in _SAMPLES], name=name)


# --- recording

class _Recorder:
    """What a function, and `Link.__call__`, does as soon as there are symbols.

    Args:
        function: The function.
        original: What it did before.
    """

    def __init__(self, function: types.FunctionType, original: Callable[..., Any]) -> None:
        self.function = function
        self.original = original

    def __call__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if not _has_symbol(args) and not (kwargs and _has_symbol(kwargs)):
            return self.original(*args, **kwargs)
        if self.function is Link.__call__:
            return record(args[0], args[1:], kwargs)
        return record(self.function, args, kwargs)


def _template(*args: Any, _recorder: Any, **kwargs: Any) -> Any:
    return _recorder(args, kwargs)


def _template_of_closure(function: Any) -> Any:
    # A function has as many free variables with its new code as with the old: those that a decorator made have one.
    def template(*args: Any, _recorder: Any, **kwargs: Any) -> Any:
        return _recorder(args, kwargs) if _recorder else function

    return template


_is_intercepting = False


def _intercept_calls() -> None:
    """From now on, `Link.__call__` and all functions record calls with symbols.

    Their code is exchanged, as a reload does it, and not the functions themselves: so those hold it, too, who imported
    them by name or compare them, and programs without symbols pay nothing.
    """
    global _is_intercepting
    if _is_intercepting:
        return
    _is_intercepting = True
    exported = [getattr(functions, name) for name in functions.__all__]
    wanted: dict[int, Any] = {id(each): each for each in (Link.__call__, *exported)}
    for function in wanted.values():
        original = types.FunctionType(function.__code__, function.__globals__, function.__name__, function.__defaults__,
                                      function.__closure__)
        original.__kwdefaults__ = function.__kwdefaults__
        original.__annotations__ = function.__annotations__
        template: Any = _template if function.__closure__ is None else _template_of_closure(None)
        if not hasattr(function, '__wrapped__'):
            function.__wrapped__ = original  # whose signature it is
        function.__kwdefaults__ = {'_recorder': _Recorder(function, original)}
        function.__code__ = template.__code__


def _has_symbol(value: Any) -> bool:
    kind = type(value)
    if kind is Symbol or kind is Input or kind is Length:
        return True
    if kind is tuple or kind is list:
        return any(map(_has_symbol, value))
    return kind is dict and any(map(_has_symbol, value.values()))


def record(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Records a call with symbols.

    Args:
        function: The link or the function.
        args: Its arguments.
        kwargs: Its keyword arguments.

    Returns:
        What it returns, with symbols in the place of Variables and arrays.

    Raises:
        ValueError: What it returns, apart from the lengths of axes, goes with the number of samples.
    """
    call = Call(function, args, kwargs)
    results = []
    for i, n in enumerate(_SAMPLES):
        try:
            results.append(_run(call, i))
        except Exception as error:
            if not results:
                raise
            raise ValueError(f'{name_of(function)}: works for {_SAMPLES[0]} samples, but for {n}: {error}') from error
    symbols = _symbols_of(results, call, ())
    shapes: list[str] = []
    map_nested(lambda x: shapes.append(str(x.shape)) if isinstance(x, Symbol) else None, symbols)
    call.shape = ', '.join(shapes)
    return symbols


def _run(call: Call, i: int) -> Any:
    """The call with one of the two minibatches."""
    function = call.function
    send = function.device.send if isinstance(function, Link) else lambda array: array

    def value(x: Any) -> Any:
        if isinstance(x, Symbol):
            return Variable(send(x._samples[i]), requires_grad=False)
        return x.symbol._samples[i].shape[x.axis] if isinstance(x, Length) else x

    with without_traces(function), using_config('train', False), using_config('debug', False), no_backprop_mode(), \
            np.errstate(all='ignore'):
        return function(*[map_nested(value, x) for x in call.args], **map_nested(value, call.kwargs))


@contextmanager
def without_traces(function: Any) -> Iterator[None]:
    """A context after which a link is as before, but for parameters and persistent values that got their first values.

    So are the random numbers, if there were no such parameters.

    Args:
        function: The link; anything else has no state.
    """
    links = list(function.links()) if isinstance(function, Link) else []
    before = [(link, dict(link.__dict__)) for link in links]
    random_state = np.random.get_state()
    is_new = any(param.array is None for link in links for param in link.params())
    try:
        yield
    finally:
        if not is_new:
            np.random.set_state(random_state)
        for link, attributes in before:
            for name in [name for name, value in link.__dict__.items() if value is not attributes.get(name, link)]:
                if isinstance(link.__dict__[name], (Link, Parameter)) or (
                        name in link._persistent and attributes.get(name) is None):
                    continue
                if name in attributes:
                    link.__dict__[name] = attributes[name]
                else:
                    del link.__dict__[name]
            for name in attributes.keys() - link.__dict__.keys():
                link.__dict__[name] = attributes[name]


def _symbols_of(results: list[Any], call: Call, path: tuple[Any, ...]) -> Any:
    first, second = results
    if isinstance(first, (Variable, np.generic, *ARRAYS)):
        return Symbol([to_cpu(as_array(result)) for result in results], call, path)
    if isinstance(first, (list, tuple)):
        if len(first) != len(second):
            raise ValueError(f'{name_of(call.function)}: the number of results goes with the number of samples')
        return type(first)([_symbols_of([result[i] for result in results], call, (*path, i))
                            for i in range(len(first))])
    if isinstance(first, dict):
        return {key: _symbols_of([result[key] for result in results], call, (*path, key)) for key in first}
    if first is not second and first != second:
        raise ValueError(f'{name_of(call.function)}: returns {first!r} for {_SAMPLES[0]} samples and {second!r} for '
                         f'{_SAMPLES[1]}, which is no array')
    return first


def name_of(function: Any) -> str:
    """What a link or a function is called.

    Args:
        function: The link or the function.
    """
    return type(function).__name__ if isinstance(function, Link) else function.__name__
