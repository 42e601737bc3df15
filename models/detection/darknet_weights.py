"""Weights in the format of Darknet: a header, and the numbers of all layers one after the other, without names."""
from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import autograd_nn.links as L
from autograd_nn.backend import to_cpu
from autograd_nn.config import no_backprop_mode, using_config
from autograd_nn.link import Chain, ChainList, Link
from autograd_nn.models import registry
from autograd_nn.models.detection.yolo import YOLO
from autograd_nn.models.layers.blocks import ConvBN
from autograd_nn.types import Array, File
from autograd_nn.utils.atomic import open_for_writing

DARKNET_NETWORKS = 'darknet19', 'darknet53', 'yolov2', 'yolov2_tiny', 'yolov3', 'yolov3_digits'
"""The networks of the zoo whose layers are those of Darknet."""

_VERSION = struct.Struct('<3i')
# A height and width with which all networks work.
_SMALL = 32


class DarknetHeader(NamedTuple):
    """What a file says of itself before its numbers begin.

    Attributes:
        major: The version of the format: the first number.
        minor: The second number; from 0.2 on, `seen` has 64 bits, before that 32.
        revision: The third number.
        seen: On how many pictures the network was trained.
    """

    major: int = 0
    minor: int = 2
    revision: int = 0
    seen: int = 0

    @property
    def seen_format(self) -> str:
        """How `seen` is stored, in the words of `struct`."""
        return '<Q' if 10 * self.major + self.minor >= 2 else '<I'


class _Place(NamedTuple):
    """An array of a network, and in which order Darknet has its elements along the first axis, None if in this one."""

    array: Array
    order: np.ndarray | None


def load_darknet(file: File, network: Link, strict: bool = True) -> DarknetHeader:
    """Loads weights in the format of Darknet.

    Args:
        file: A path, or a binary file object open for reading.
        network: The network, one of those named in `DARKNET_NETWORKS` of any width and depth; it stays as it is if an
            error is raised.
        strict: Whether the file must have the weights of all layers. Otherwise it may end behind any of them, as do
            the files of the first layers from which training starts (``darknet53.conv.74``).

    Returns:
        The header of the file.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is no such file, it ends too early, or it has the weights of another network.

    Example:
        >>> import io
        >>> from autograd_nn import models
        >>> file, trained, fresh = io.BytesIO(), models.YOLOv2Tiny(width=0.125), models.YOLOv2Tiny(width=0.125)
        >>> models.save_darknet(file, trained)
        >>> _ = file.seek(0)
        >>> models.load_darknet(file, fresh)
        DarknetHeader(major=0, minor=2, revision=0, seen=0)
        >>> bool((fresh.subnet.W.array == trained.subnet.W.array).all())
        True
    """
    header, numbers, name = _read(file)
    settle(network)
    layers = _layers(network)
    ends = np.cumsum([sum(place.array.size for place in places) for places in layers])
    if len(numbers) != ends[-1] and (strict or len(numbers) not in ends):
        raise ValueError(f'{name}: expected {ends[-1]:,} numbers behind the header for {_describe(network)}, got '
                         f'{len(numbers):,}: the file has been cut off, or has the weights of another network')
    start = 0
    for array, order in [place for places in layers for place in places]:
        if start == len(numbers):
            break
        source = numbers[start:start + array.size].reshape(array.shape)
        array[...] = network.device.send(source if order is None else source[order])
        start += array.size
    return header


def save_darknet(file: File, network: Link, header: DarknetHeader | None = None) -> None:
    """Saves weights in the format of Darknet.

    A file with that name is replaced only when the new one is complete and on the disk.

    Args:
        file: A path, or a binary file object open for writing.
        network: The network (see `load_darknet`).
        header: What the file is to say of itself; by default that of version 0.2, with 0 pictures seen.

    Raises:
        TypeError: The network has other layers than those of Darknet.
    """
    settle(network)
    header = header or DarknetHeader()
    with open_for_writing(file) as stream:
        stream.write(_VERSION.pack(*header[:3]) + struct.pack(header.seen_format, header.seen))
        for array, order in (place for places in _layers(network) for place in places):
            numbers = to_cpu(array) if order is None else to_cpu(array)[order]
            stream.write(np.ascontiguousarray(numbers, '<f4').tobytes())


def create_from_darknet(path: str | os.PathLike[str], name: str) -> Any:
    """Makes a network of the zoo with weights in the format of Darknet, and as many classes as they are for.

    Args:
        path: The file.
        name: The name of the network in the zoo, one of `DARKNET_NETWORKS`.

    Returns:
        The network.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is no such file, it ends too early, or it has the weights of another network; or there is no
            network of this name.
    """
    network = registry.create(name, num_classes=count_darknet_classes(path, name))
    load_darknet(path, network)
    return network


def count_darknet_classes(path: str | os.PathLike[str], name: str) -> int:
    """For how many classes weights in the format of Darknet are, which the length of the file says.

    The arguments, and what is raised, are those of `create_from_darknet`.
    """
    if name not in DARKNET_NETWORKS:
        raise ValueError(f'expected one of {", ".join(DARKNET_NETWORKS)}; got {name!r}')
    _, numbers, _ = _read(path)
    network = registry.create(name, num_classes=1)
    settle(network)
    layers = _layers(network)
    # Of the outputs, which are what has no normalization, each class has its share.
    outputs = 6 if isinstance(network, YOLO) else 1
    for_class = sum(place.array.size // outputs for places in layers if len(places) == 2 for place in places)
    missing = len(numbers) - sum(place.array.size for places in layers for place in places)
    classes, rest = divmod(missing, for_class)
    if rest or classes < 0:
        raise ValueError(f'{path}: {len(numbers):,} numbers behind the header are those of {name} for no number of '
                         'classes: the file has been cut off, or has the weights of another network')
    return 1 + classes


def settle(network: Link) -> None:
    """Lets a network find out the shapes of its parameters, if it has not yet."""
    if all(param.is_initialized for param in network.params()):
        return
    insize = network.insize if isinstance(network, YOLO) else None
    try:
        if isinstance(network, YOLO):
            network.insize = _SMALL
        with using_config('train', False), no_backprop_mode():
            network(network.xp.zeros((1, 3, _SMALL, _SMALL), np.float32))
    finally:
        if isinstance(network, YOLO) and insize is not None:
            network.insize = insize


def _read(file: File) -> tuple[DarknetHeader, np.ndarray, str]:
    """The header, all numbers behind it, and what errors call the file."""
    if isinstance(file, (str, os.PathLike)):
        content, name = Path(file).read_bytes(), str(file)
    else:
        content, name = file.read(), 'the file'
    version = DarknetHeader(*_VERSION.unpack_from(content)) if len(content) >= _VERSION.size else DarknetHeader(-1)
    start = _VERSION.size + struct.calcsize(version.seen_format)
    # Darknet itself wrote 0.1 and 0.2; all other files of four numbers and more begin with larger ones.
    if not (0 <= version.major < 10 and 0 <= version.minor < 10 and 0 <= version.revision < 1000
            and len(content) >= start):
        raise ValueError(f'{name}: expected weights of Darknet, which begin with a version such as 0.2.0')
    if (len(content) - start) % 4:
        raise ValueError(f'{name}: expected numbers of 4 bytes behind the header, got {len(content) - start:,} bytes: '
                         'the file has been cut off')
    seen, = struct.unpack_from(version.seen_format, content, _VERSION.size)
    return version._replace(seen=seen), np.frombuffer(content, '<f4', offset=start), name


def _layers(network: Link) -> list[list[_Place]]:
    """For each layer, in the order of the file, its arrays in the order of the file."""
    if isinstance(network, YOLO):
        return [layer for link in network.darknet_layers() for layer in _layers_of(link, network.class_outputs)]
    return list(_layers_of(network, 0))


def _layers_of(link: Link, numbers: int) -> Iterator[list[_Place]]:
    """The same of a part of a network that says so many numbers about each box; 0 for a classifier."""
    if isinstance(link, ConvBN):
        bn: Any = link['bn']
        conv: Any = link['conv']
        arrays = bn.beta.array, bn.gamma.array, bn.avg_mean, bn.avg_var, conv.W.array
        yield [_Place(array, None) for array in arrays]
    elif isinstance(link, (L.Convolution2D, L.Linear)) and link.b is not None:
        order = _order_of_boxes(len(link.W), numbers) if numbers else None
        yield [_Place(param.array, order) for param in (link.b, link.W)]
    elif isinstance(link, (Chain, ChainList)):
        for child in link.children():
            yield from _layers_of(child, numbers)
    else:
        raise TypeError(f'expected layers of Darknet: convolutions, with batch normalization or without, got {link!r}')


def _order_of_boxes(channels: int, numbers: int) -> np.ndarray:
    """From Darknet's (x, y, width, height) to (y, x, height, width), and back."""
    order = np.arange(channels).reshape(-1, numbers)
    order[:, :4] = order[:, [1, 0, 3, 2]]
    return order.reshape(-1)


def _describe(network: Link) -> str:
    classes = f' with {network.n_fg_class} classes' if isinstance(network, YOLO) else ''
    return f'{type(network).__name__}{classes}'
