"""Blobs: the arrays in Caffe's files."""
from __future__ import annotations

import math
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError

from autograd_nn.caffe.schema import BlobProto
from autograd_nn.caffe.wire import FIXED32, FIXED64, LENGTH, Field, Message, WireReader, open_wire
from autograd_nn.types import File

_DATA, _DOUBLE_DATA, _RAW_DATA = 5, 8, 12
_GRADIENTS = {6, 9, 13}
# NVIDIA's variant of Caffe stores bytes and their type.
_RAW_TYPES = {0: '<f8', 1: '<f4', 2: '<f2'}
_MAX_AXES = 32


def read_blob(reader: WireReader, start: int, end: int) -> np.ndarray:
    """Reads a blob's numbers into a new array.

    Args:
        reader: The file.
        start: Where in it the blob's message begins.
        end: Where it ends.

    Returns:
        float32, of the blob's shape; of four axes where the file has the four lengths of Caffe's first version. Numbers
        of half and of double precision are converted.

    Raises:
        ValueError: The message is damaged, or its shape does not go with the count of its numbers.
    """
    header, parts = bytearray(), []
    raw: list[Field] = []
    for field in reader.fields(start, end):
        kind = field.number, field.wire_type
        if kind in ((_DATA, LENGTH), (_DATA, FIXED32)):
            parts.append(reader.read_numbers(field, '<f4'))
        elif kind in ((_DOUBLE_DATA, LENGTH), (_DOUBLE_DATA, FIXED64)):
            parts.append(_as_float32(reader.read_numbers(field, '<f8')))
        elif kind == (_RAW_DATA, LENGTH):
            raw = [field]
        elif field.number not in _GRADIENTS:
            header += reader.read_bytes(field.position, field.end)
    proto = parse(reader, BlobProto, header)
    for field in raw:
        if proto.raw_data_type not in _RAW_TYPES:
            raise reader.error(f'expected a blob of float numbers, found type {proto.raw_data_type} of NVIDIA\'s Caffe')
        parts.append(_as_float32(reader.read_numbers(field, _RAW_TYPES[proto.raw_data_type])))
    numbers = parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, np.float32), *parts])
    return _as_float32(numbers).reshape(_check_shape(reader, proto, numbers.size))


def _as_float32(numbers: np.ndarray) -> np.ndarray:
    with np.errstate(over='ignore', invalid='ignore'):
        return numbers.astype(np.float32, copy=False)


def _check_shape(reader: WireReader, proto: Message, count: int) -> tuple[int, ...]:
    if proto.HasField('shape'):
        shape = tuple(proto.shape.dim)
    elif any(proto.HasField(name) for name in ('num', 'channels', 'height', 'width')):
        shape = (proto.num, proto.channels, proto.height, proto.width)
    else:
        shape = (count,)
    if len(shape) > _MAX_AXES or min(shape, default=0) < 0 or math.prod(shape) != count:
        text = f'{shape[:8]}'.replace(')', ', ...)') if len(shape) > 8 else f'{shape}'
        raise reader.error(f'is damaged: expected {count:,} numbers in a blob to fill its shape, found shape {text}')
    return shape


def parse(reader: WireReader, message_class: Any, data: bytes | bytearray) -> Any:
    """Parses a message of which weights have been taken out.

    Raises:
        ValueError: It is damaged.
    """
    try:
        message = message_class.FromString(bytes(data))
    except (DecodeError, RecursionError, ValueError) as error:
        raise reader.error(f'is damaged: expected a {message_class.DESCRIPTOR.name}, found {error}') from error
    _check_text(reader, message)
    return message


def _check_text(reader: WireReader, message: Message) -> None:
    """The library hands over bytes for a string that is not UTF-8; here it is an error, as it is in Caffe's text."""
    for field, value in message.ListFields():
        if field.type == field.TYPE_STRING:
            values = [value] if isinstance(value, (str, bytes)) else value
            bad = next((text for text in values if not isinstance(text, str)), None)
            if bad is not None:
                raise reader.error(f'is damaged: expected UTF-8 text in {field.name}, found {bad[:40]!r}')


def read_mean(file: File) -> np.ndarray:
    """Reads a mean image, such as ``imagenet_mean.binaryproto``.

    Args:
        file: A path or a binary file object.

    Returns:
        float32, shape (C, H, W), the channels in the order of the network's training, which for Caffe is BGR.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is damaged, or not of this format.

    Example:
        >>> import io, numpy as np
        >>> from autograd_nn.caffe import read_mean, write_mean
        >>> file = io.BytesIO()
        >>> write_mean(file, np.full((3, 2, 2), 104, np.float32))
        >>> read_mean(file)[:, 0, 0]
        array([104., 104., 104.], dtype=float32)
    """
    with open_wire(file, 'read_mean') as reader:
        array = read_blob(reader, 0, reader.size)
        if array.ndim == 4 and len(array) == 1:
            array = array[0]
        if array.ndim != 3 or not array.size:
            raise reader.error(f'expected a mean image of shape (C, H, W), found an array of shape {array.shape}')
        return array
