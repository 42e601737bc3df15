"""Configuration: process-wide defaults in `global_config`, thread-local values in `config`."""
from __future__ import annotations

import os
import sys
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import numpy as np

from autograd_nn.dtypes import as_dtype
from autograd_nn.types import DTypeLike


class MixedPrecision:
    """The type of `mixed16` and `mixed_bfloat16`.

    Args:
        name: What it is called in this module.
        half: The name of the type in half precision.
    """

    def __init__(self, name: str, half: str) -> None:
        self.name = name
        self.half = half

    @property
    def dtype(self) -> np.dtype:
        """What NumPy takes it for: the type in half precision."""
        return as_dtype(self.half)

    def __repr__(self) -> str:
        return self.name

    def __reduce__(self) -> str:
        return self.name


mixed16 = MixedPrecision('mixed16', 'float16')
"""As ``config.dtype``: numbers in half precision where that does; the rest, and what updates keep, in single precision.

Parameters and data are float16; those of normalization are float32. Optimizers that are set up while it is in force
update copies in float32 (see `GradientMethod.use_fp32_update`) and scale the loss (see `Optimizer.loss_scaling`).
"""

mixed_bfloat16 = MixedPrecision('mixed_bfloat16', 'bfloat16')
"""As `mixed16`, with bfloat16 (of the library ml_dtypes): fewer digits, but the range of float32.

So gradients do not vanish, and optimizers do not scale the loss.
"""


class GlobalConfig:
    """Defaults that every thread sees until it sets a value of its own.

    The entries are those of `config`; assigning one reaches all running threads that have not overridden it.
    """

    def __init__(self, **entries: Any) -> None:
        self.__dict__.update(entries)

    def __setattr__(self, name: str, value: Any) -> None:
        with _lock:
            self.__dict__[name] = value
            for view in _views:
                if name not in view.own:
                    view.values[name] = value

    def __delattr__(self, name: str) -> None:
        with _lock:
            super().__delattr__(name)
            for view in _views:
                if name not in view.own:
                    del view.values[name]

    def show(self, file: IO[str] | None = None) -> None:
        """Prints every entry and its value."""
        _show(self.__dict__, file)


class _ThreadView:
    """What one thread sees: all the entries by value, so that reading one is a plain attribute access."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values
        self.own: set[str] = set()
        values.update(global_config.__dict__)
        values['_view'] = self


class LocalConfig(threading.local):
    """This thread's configuration. An entry that the thread has not set has its value from `global_config`.

    ============================ ======================================================================
    entry                        meaning
    ============================ ======================================================================
    ``train``                    training (True) or inference (False) behaviour of dropout and the like
    ``enable_backprop``          whether functions record themselves for backpropagation
    ``dtype``                    floating-point type of new parameters and data sets; or `mixed16`,
                                 `mixed_bfloat16`
    ``debug``                    check every array that is computed for NaN
    ``type_check``               run ``check_type_forward`` of user-defined functions
    ``use_bfloat16``             let float32 convolutions and products of matrices on the CPU round what they multiply
                                 to bfloat16, where the processor has instructions for it: faster, to 3 digits
    ``use_cudnn``                ``'auto'``: cuDNN's kernels on a GPU where the library is there; ``'always'``: an
                                 error where it is not; ``'never'``: the kernels without it
    ``cudnn_deterministic``      let sums on a GPU be taken in a fixed order where the faster way has none
    ``autotune``                 let cuDNN time some ways to compute before it chooses one, for each new shape
    ``num_threads``              how many threads the kernels on the CPU use; None for one on each core that the
                                 process may run on
    ``use_onednn``               ``'auto'``: oneDNN's kernels on the CPU where the library is there; ``'always'``:
                                 an error where it is not; ``'never'``: NumPy's
    ``warn_nondeterministic``    let `utils.nondeterministic` warn
    ``in_recomputing``           whether `functions.forget` is computing a second time
    ``keep_graph_on_report``     whether reported Variables keep their graphs
    ============================ ======================================================================

    Programs for Chainer find its other entries, such as ``use_ideep``, with Chainer's defaults; nothing here depends on
    them.

    Example:
        >>> from autograd_nn import config, using_config
        >>> with using_config('train', False):
        ...     config.train
        False
        >>> config.train
        True
    """

    train: bool
    enable_backprop: bool
    dtype: Any
    debug: bool
    type_check: bool
    num_threads: int | None
    use_bfloat16: bool
    use_onednn: str
    use_cudnn: str
    cudnn_deterministic: bool
    autotune: bool
    warn_nondeterministic: bool
    in_recomputing: bool
    keep_graph_on_report: bool
    _view: _ThreadView
    _function_hooks: dict[str, Any]
    _link_hooks: dict[str, Any]

    def __init__(self) -> None:
        super().__init__()
        self.__dict__.update(_function_hooks={}, _link_hooks={})
        with _lock:
            _views.add(_ThreadView(self.__dict__))

    def __setattr__(self, name: str, value: Any) -> None:
        self._view.own.add(name)
        self.__dict__[name] = value

    def __delattr__(self, name: str) -> None:
        if name not in self._view.own:
            raise AttributeError(f'config: {name!r} is not set in this thread')
        self._view.own.discard(name)
        if name in global_config.__dict__:
            self.__dict__[name] = global_config.__dict__[name]
        else:
            del self.__dict__[name]

    def show(self, file: IO[str] | None = None) -> None:
        """Prints every entry and the value that this thread sees."""
        _show({name: value for name, value in self.__dict__.items() if not name.startswith('_')}, file)


def _show(entries: dict[str, Any], file: IO[str] | None) -> None:
    width = max(map(len, entries))
    for name, value in sorted(entries.items()):
        print(f'{name:{width}} {value!r}', file=file or sys.stdout)


@contextmanager
def using_config(name: str, value: Any, config: Any = None) -> Iterator[None]:
    """Sets one entry for the duration of a ``with`` block.

    Args:
        name: The entry.
        value: Its value inside the block.
        config: The configuration to change; this thread's `config` by default.
    """
    target = _config if config is None else config
    # A LocalConfig distinguishes its own values from those it sees through the global configuration.
    own = name in (target._view.own if isinstance(target, LocalConfig) else target.__dict__)
    old = getattr(target, name) if own else None
    setattr(target, name, value)
    try:
        yield
    finally:
        if own:
            setattr(target, name, old)
        else:
            delattr(target, name)


def no_backprop_mode() -> Any:
    """A context in which functions do not record themselves: inference takes less time and memory.

    Example:
        >>> import numpy as np, autograd_nn as ann
        >>> x = ann.Variable(np.ones(2, 'f'))
        >>> with ann.no_backprop_mode():
        ...     y = x * 2
        >>> y.creator is None
        True
    """
    return using_config('enable_backprop', False)


def force_backprop_mode() -> Any:
    """A context in which functions record themselves, inside a `no_backprop_mode` block too."""
    return using_config('enable_backprop', True)


def set_debug(debug: bool) -> None:
    """Turns the NaN check of this thread's forward and backward passes on or off."""
    config.debug = bool(debug)


def is_debug() -> bool:
    """Whether this thread checks what it computes for NaN."""
    return config.debug


class DebugMode:
    """A context in which the NaN check is on (or off)."""

    def __init__(self, debug: bool) -> None:
        self._context = using_config('debug', bool(debug))

    def __enter__(self) -> None:
        self._context.__enter__()

    def __exit__(self, *exc_info: Any) -> None:
        self._context.__exit__(*exc_info)


def get_dtype(dtype: DTypeLike | MixedPrecision | None = None, map_mixed16: DTypeLike | None = None) -> np.dtype:
    """`dtype` as a NumPy dtype; ``config.dtype`` where it is None.

    Args:
        dtype: The dtype, or its name; or `mixed16`, `mixed_bfloat16`.
        map_mixed16: What these two stand for, if that is not their type in half precision.

    Raises:
        ImportError: It is bfloat16, and the library ml_dtypes is not installed.
    """
    dtype = config.dtype if dtype is None else dtype
    if isinstance(dtype, MixedPrecision):
        dtype = dtype.dtype if map_mixed16 is None else map_mixed16
    return as_dtype(dtype)


def _dtype_from_environment() -> Any:
    name = os.environ.get('AUTOGRAD_NN_DTYPE', 'float32')
    return {mixed.name: mixed for mixed in (mixed16, mixed_bfloat16)}.get(name) or as_dtype(name)


def threads_from_environment() -> int | None:
    """How many threads the environment asks for: AUTOGRAD_NN_NUM_THREADS or, as for other libraries, OMP_NUM_THREADS.

    Returns:
        The number; None if nothing or 0 is asked for.
    """
    if own := os.environ.get('AUTOGRAD_NN_NUM_THREADS'):
        return int(own) or None
    # There may be a number for each level of nested threads.
    common = os.environ.get('OMP_NUM_THREADS', '').partition(',')[0].strip()
    return int(common) or None if common.isdigit() else None


# Threads come and go while another one changes the global configuration.
_lock = threading.Lock()
_views: weakref.WeakSet[_ThreadView] = weakref.WeakSet()

global_config = GlobalConfig(
    train=True,
    enable_backprop=True,
    dtype=_dtype_from_environment(),
    debug=os.environ.get('AUTOGRAD_NN_DEBUG', '0') not in ('', '0'),
    type_check=os.environ.get('AUTOGRAD_NN_TYPE_CHECK', '1') not in ('', '0'),
    use_bfloat16=False,
    num_threads=threads_from_environment(),
    use_onednn='auto',
    use_cudnn='auto',
    cudnn_deterministic=False,
    autotune=False,
    warn_nondeterministic=False,
    in_recomputing=False,
    keep_graph_on_report=False,
)
config = LocalConfig()
_config = config
