"""From batches, which are lists of examples, to arrays on a device."""
from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from autograd_nn.backend import Device, DeviceLike, GpuDevice, get_array_module, get_device, is_array, using_device
from autograd_nn.dataset.examples import Examples, map_columns

T = TypeVar('T')


def to_device(device: DeviceLike | None, x: Any) -> Any:
    """Sends an array to a device.

    Args:
        device: None to leave the array where it is, a `Device` (or anything with a ``send`` method), or what
            `get_device` takes: ``'cuda:0'``, a GPU's number, a negative number for the CPU.
        x: The array, or a tuple, a list or a dict of arrays.

    Returns:
        The array on that device: the same object if it is there already.
    """
    if device is None:
        return x
    return (device if hasattr(device, 'send') else get_device(device)).send(x)


class Converter:
    """Base class of converters, which make arrays of a batch.

    A subclass defines ``__call__(batch, device)``. A function becomes a converter with the decorator `converter`.
    """

    def __call__(self, batch: Any, device: DeviceLike | None = None) -> Any:
        """Converts a batch.

        Args:
            batch: What an iterator returned.
            device: The device on which the result shall be.
        """
        raise NotImplementedError


class _FunctionConverter(Converter):

    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function)
        self._function = function

    def __call__(self, batch: Any, device: DeviceLike | None = None, *args: Any, **kwargs: Any) -> Any:
        if device is not None and not hasattr(device, 'send'):
            device = get_device(device)
        return self._function(batch, device, *args, **kwargs)


def converter() -> Callable[[Callable[..., Any]], Converter]:
    """Decorator that makes a `Converter` of a function.

    The function takes a batch and a device; the device is None or a `Device`, whatever specifier the caller gave.

    Example:
        >>> @converter()
        ... def half(batch, device):
        ...     return device.send(concat_examples(batch) / 2)
        >>> half([2., 4.], device='cpu')
        array([1., 2.])
    """
    return _FunctionConverter


def call_converter(converter: Callable[..., Any], batch: Any, device: DeviceLike | None) -> Any:
    """Calls what an updater or an evaluator was given as converter.

    A plain function is told of the device as programs for Chainer expect it: by the number of the GPU, a negative one
    for the CPU. A `Converter` is given the `Device` itself.

    Args:
        converter: A `Converter` or a function of a batch and a device.
        batch: What an iterator returned.
        device: A `Device`, or None to leave the arrays where they are.
    """
    if not isinstance(converter, Converter) and isinstance(device, Device):
        device = getattr(device, 'index', -1)
    return converter(batch, device)


def call_with_batch(function: Callable[..., T], arrays: Any) -> T:
    """Calls a function, such as a model, with what a converter returned.

    Args:
        function: The function.
        arrays: A tuple or a dict, whose elements become arguments of their own, or one argument.

    Returns:
        What the function returns.
    """
    if isinstance(arrays, tuple):
        return function(*arrays)
    return function(**arrays) if isinstance(arrays, dict) else function(arrays)


def concat_examples(batch: Sequence[Any], device: DeviceLike | None = None, padding: Any = None) -> Any:
    """Concatenates a list of examples into arrays with a new first axis.

    Args:
        batch: A list of n examples: arrays or scalars, or tuples or dicts of them.
        device: Where to send the arrays (see `to_device`); None leaves them.
        padding: None if all arrays of one column have one shape. Otherwise arrays may differ in the lengths of their
            axes, and the space behind shorter ones is filled with this scalar, or with that of the column in a tuple
            (for tuples) or a dict (for dicts) of scalars and None.

    Returns:
        An array of shape (n, ...) and of the examples' dtype; a tuple or a dict of such arrays if the examples are
        tuples or dicts.

    Raises:
        ValueError: The batch is empty, the examples differ in length or (without padding) in shape.

    Example:
        >>> concat_examples([(np.zeros(2), 3), (np.ones(2), 4)])
        (array([[0., 0.], [1., 1.]]), array([3, 4]))
        >>> concat_examples([np.array([1, 2, 3]), np.array([4])], padding=-1)
        array([[ 1,  2,  3], [ 4, -1, -1]])
    """
    if len(batch) == 0:
        raise ValueError('concat_examples: the batch is empty')
    if padding is None and isinstance(batch, Examples):
        columns = batch.gather()
        if columns is not None:
            return map_columns(lambda column: to_device(device, column), columns)
    first = batch[0]
    if isinstance(first, tuple):
        paddings = _paddings(padding, tuple, range(len(first)))
        lengths = {len(example) for example in batch}
        if len(lengths) > 1:
            raise ValueError(f'concat_examples: examples are tuples of different lengths: {sorted(lengths)}')
        return tuple([to_device(device, _concat_arrays(list(column), paddings[i])) for i, column in
                      enumerate(zip(*batch))])
    if isinstance(first, dict):
        paddings = _paddings(padding, dict, first)
        return {key: to_device(device, _concat_arrays([example[key] for example in batch], paddings[key]))
                for key in first}
    return to_device(device, _concat_arrays(batch, padding))


def _paddings(padding: Any, kind: type[tuple[Any, ...]] | type[dict[Any, Any]], keys: Any) -> Any:
    """The padding of each column, as something indexed by the column."""
    if not isinstance(padding, kind):
        return dict.fromkeys(keys, padding)
    if len(padding) != len(keys):
        raise ValueError(f'concat_examples: {len(padding)} paddings for examples of {len(keys)} elements')
    return padding


def _concat_arrays(arrays: Sequence[Any], padding: Any) -> Any:
    if isinstance(arrays, np.ndarray) and not arrays.dtype.hasobject:
        return arrays.copy()
    if not is_array(arrays[0]):
        if padding is None:
            return np.asarray(arrays)
        arrays = [np.asarray(array) for array in arrays]
    shapes = {array.shape for array in arrays}
    if len(shapes) == 1:
        shape = shapes.pop()
        xp = get_array_module(arrays[0])
        # Joining along the first axis is several times faster than adding an axis to each array.
        return xp.concatenate(arrays).reshape(len(arrays), *shape) if shape else xp.stack(arrays)
    if padding is None:
        raise ValueError('concat_examples: the examples have different shapes, for instance '
                         f'{" and ".join(map(str, sorted(shapes)[:2]))}; give `padding` to fill the shorter ones')
    return _concat_with_padding(arrays, shapes, padding)


class Conveyor:
    """Sends arrays to a device, in the order in which they are to be fetched.

    On a GPU the copy goes on while the device computes; see `ConcatWithAsyncTransfer`.

    Args:
        device: The device; None leaves arrays where they are.
        stream: The ``cupy.cuda.Stream`` on which the arrays come into being; None for the current one.
    """

    def __init__(self, device: DeviceLike | None = None, stream: Any = None) -> None:
        self._device = None if device is None else get_device(device)
        self._stream = stream if isinstance(self._device, GpuDevice) else None
        self._arrays: deque[Any] = deque()

    def put(self, array: Any) -> None:
        """Begins to send an array.

        Args:
            array: The array, which may be changed as soon as this returns.
        """
        if self._stream is None:
            self._arrays.append(to_device(self._device, array))
        else:
            with using_device(self._device), self._stream:  # type: ignore[arg-type]
                self._arrays.append(to_device(self._device, array))

    def get(self, sync: bool = True) -> Any:
        """The first array that has not been fetched yet.

        Args:
            sync: Whether to wait until it is there. Otherwise it must be used on the given stream, or after an event of
                it. On the current stream there is nothing to wait for.

        Raises:
            IndexError: There is none.
        """
        if not self._arrays:
            raise IndexError('Conveyor: every array has been fetched; put comes before get')
        if sync and self._stream is not None:
            self._stream.synchronize()
        return self._arrays.popleft()


class ConcatWithAsyncTransfer:
    """A converter: concatenates examples as `concat_examples` does, and sends the arrays to a GPU while that computes.

    `concat_examples` itself does so for arrays of the size of a minibatch. This one lets a program choose the streams.

    Args:
        stream: The ``cupy.cuda.Stream`` on which the arrays come into being; None for the current one.
        compute_stream: A stream that is to wait for the arrays, where they are used. Without one, the program waits for
            `stream`.

    Example:
        >>> from autograd_nn.dataset.convert import ConcatWithAsyncTransfer
        >>> ConcatWithAsyncTransfer()([(np.zeros(2), 3), (np.ones(2), 4)])
        (array([[0., 0.], [1., 1.]]), array([3, 4]))
    """

    def __init__(self, stream: Any = None, compute_stream: Any = None) -> None:
        self._stream = stream
        self.compute_stream = compute_stream

    def __call__(self, batch: Sequence[Any], device: DeviceLike | None = None, padding: Any = None) -> Any:
        """Converts a batch.

        Args:
            batch: A list of examples.
            device: The device; None leaves the arrays where they are.
            padding: See `concat_examples`.
        """
        conveyor = Conveyor(device, self._stream)
        # Structures keep their order, so that arrays come back as they went.
        columns = concat_examples(batch, None, padding)
        map_columns(conveyor.put, columns)
        waits = self._stream is not None and self.compute_stream is not None
        arrays = map_columns(lambda _: conveyor.get(sync=not waits), columns)
        if waits and isinstance(conveyor._device, GpuDevice):
            self.compute_stream.wait_event(self._stream.record())
        return arrays


def _concat_with_padding(arrays: Sequence[Any], shapes: set[tuple[int, ...]], padding: Any) -> Any:
    if len({len(shape) for shape in shapes}) > 1:
        raise ValueError(f'concat_examples: the examples have different numbers of axes: shapes {sorted(shapes)[:4]}')
    longest = tuple([max(lengths) for lengths in zip(*shapes)])
    batch = get_array_module(arrays[0]).full((len(arrays), *longest), padding, dtype=arrays[0].dtype)
    for row, array in zip(batch, arrays):
        row[tuple([slice(length) for length in array.shape])] = array
    return batch
