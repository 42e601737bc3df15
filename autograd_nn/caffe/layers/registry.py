"""How the layers of network files become callables: a builder for each type, and what builders share."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd_nn.caffe.wire import Message
from autograd_nn.variable import Parameter

Layer = Callable[..., Any]

_READING_TYPES = frozenset({'Input', 'Data', 'ImageData', 'HDF5Data', 'MemoryData', 'WindowData', 'Python',
                            'AnnotatedData', 'VideoData'})
_SOURCE_TYPES = frozenset({'Parameter', 'DummyData'})


def is_input(message: Message) -> bool:
    """Whether a layer only reads data: its tops are what a program supplies."""
    return message.type in _READING_TYPES and not message.bottom


class Specification:
    """A layer as a file describes it.

    Args:
        message: Its `LayerParameter`.
        blobs: Its weights, or None: then they get the initial values that the fillers of the file describe.
        like_chainer: Whether ``config.train`` decides where Chainer lets it, against the file.
    """

    def __init__(self, message: Message, blobs: Sequence[np.ndarray] | None = None, like_chainer: bool = False) -> None:
        self.message = message
        self.blobs = blobs
        self.like_chainer = like_chainer

    def __getattr__(self, name: str) -> Any:
        return getattr(self.message, name)

    def error(self, text: str) -> ValueError:
        """An exception that names the layer, for the builder to raise."""
        return ValueError(f'{describe(self.message)}: {text}')

    def fill(self, param: Parameter, index: int, role: str, shape: Sequence[int | None]) -> None:
        """Gives a parameter the layer's blob as its array, if there are blobs.

        Args:
            param: The parameter; the array that it gets is that of `blobs`, in the shape that it must have.
            index: Which blob.
            role: What it is, for messages.
            shape: The shape that it must have; None for a size that the file does not say.

        Raises:
            ValueError: There is no such blob, or it has another shape.
        """
        if self.blobs is not None:
            param.array = self.blob(index, role, shape)

    def blob(self, index: int, role: str, shape: Sequence[int | None]) -> np.ndarray:
        """One of the layer's blobs as an array of its own (see `fill`)."""
        blobs = self.blobs or ()
        expected = ', '.join('any' if n is None else str(n) for n in shape)
        if index >= len(blobs):
            raise self.error(f'expected {role} of shape ({expected}) as blob {index}, but the weights have '
                             f'{len(blobs)} blob{"s" * (len(blobs) != 1)} for this layer')
        found = blobs[index].shape
        # Files of Caffe's first version have four axes throughout, the first of which may be idle. Those of today leave
        # the shape of a single number out.
        idle = found[:len(found) - len(shape)]
        fitting = found[len(idle):] if len(found) in (1, 4) and set(idle) <= {1} else found or (1,) * len(shape)
        if len(fitting) != len(shape) or any(n not in (None, m) for n, m in zip(shape, fitting)):
            raise self.error(f'expected {role} of shape ({expected}) as blob {index}, the weights have {found}')
        return blobs[index].reshape(fitting)


def describe(message: Message) -> str:
    """A layer as messages call it."""
    return f'layer {message.name!r} ({message.type})'


def build(spec: Specification) -> Layer:
    """What computes a layer: a link, or a function.

    Raises:
        ValueError: Its settings or its blobs are wrong; the message names it.
    """
    if not spec.bottom and spec.type not in _SOURCE_TYPES:
        raise spec.error('expected at least one bottom')
    try:
        return BUILDERS[spec.type](spec)
    except (TypeError, ValueError) as error:
        text = str(error)
        raise ValueError(text if text.startswith('layer ') else f'{describe(spec.message)}: {text}') from error


BUILDERS: dict[str, Callable[[Specification], Layer]] = {}


def builder(*types: str) -> Callable[[Callable[[Specification], Layer]], Callable[[Specification], Layer]]:
    """Registers the decorated function as what makes the layers of some types.

    It is given a `Specification` and returns a link or a function, which takes the layer's bottoms and returns its top,
    or a tuple of several.
    """
    def register(function: Callable[[Specification], Layer]) -> Callable[[Specification], Layer]:
        BUILDERS.update(dict.fromkeys(types, function))
        return function

    return register
