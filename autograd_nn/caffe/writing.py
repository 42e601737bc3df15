"""Writing Caffe's networks and weights."""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from google.protobuf import text_format

from autograd_nn.caffe.schema import BlobProto, NetParameter
from autograd_nn.caffe.wire import LENGTH, Message
from autograd_nn.types import File
from autograd_nn.utils.atomic import open_for_writing

_LAYER, _LAYER_BLOBS, _BLOB_DATA = 100, 7, 5


def write_caffemodel(file: File, net: Message, blobs: Mapping[str, Sequence[np.ndarray]]) -> None:
    """Writes a ``.caffemodel``.

    Args:
        file: A path, or a binary file object open for writing.
        net: The network, a `NetParameter` message in Caffe's current form.
        blobs: The layers' weights by the layers' names, as `read_caffemodel` returns them; stored as float32.

    Raises:
        ValueError: There are weights for a layer that the network does not have.
    """
    unknown = sorted(blobs.keys() - {layer.name for layer in net.layer})
    if unknown:
        raise ValueError(f'write_caffemodel: there are blobs for {", ".join(unknown)}, but no such layer')
    rest = NetParameter()
    rest.CopyFrom(net)
    rest.ClearField('layer')
    with open_for_writing(file) as stream:
        stream.write(rest.SerializeToString())
        for layer in net.layer:
            arrays = [np.asarray(blob, '<f4', order='C') for blob in blobs.get(layer.name, ())]
            pieces: list[Any] = [layer.SerializeToString()]
            for array in arrays:
                pieces += _frame(_LAYER_BLOBS, list(_describe_blob(array)))
            stream.writelines(_frame(_LAYER, pieces))


def _describe_blob(array: np.ndarray) -> Iterable[Any]:
    yield BlobProto(shape={'dim': array.shape}).SerializeToString()
    yield from _frame(_BLOB_DATA, [array.reshape(-1).view(np.uint8).data])


def _frame(number: int, pieces: list[Any]) -> list[Any]:
    """A field that holds some pieces of bytes, without a copy of them."""
    return [_varint(number << 3 | LENGTH) + _varint(sum(len(piece) for piece in pieces)), *pieces]


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7f:
        encoded.append(value & 0x7f | 0x80)
        value >>= 7
    return bytes(encoded + bytes([value]))


def write_prototxt(file: File, net: Message) -> None:
    """Writes a ``.prototxt``: a network as text.

    Args:
        file: A path, or a binary file object open for writing.
        net: The network, a `NetParameter` message.

    Example:
        >>> import io
        >>> from autograd_nn.caffe import NetParameter, write_prototxt
        >>> file = io.BytesIO()
        >>> write_prototxt(file, NetParameter(layer=[{'name': 'relu1', 'type': 'ReLU'}]))
        >>> print(file.getvalue().decode())
        layer {
          name: "relu1"
          type: "ReLU"
        }
    """
    with open_for_writing(file) as stream:
        stream.write(text_format.MessageToString(net).encode())


def write_mean(file: File, mean: np.ndarray) -> None:
    """Writes a mean image in Caffe's format (``.binaryproto``).

    Args:
        file: A path, or a binary file object open for writing.
        mean: Shape (C, H, W), the channels in the order BGR where the network takes Caffe's images; stored as float32.

    Raises:
        ValueError: The array does not have three axes.
    """
    if mean.ndim != 3:
        raise ValueError(f'write_mean: expected an array of shape (C, H, W), got {mean.shape}')
    channels, height, width = mean.shape
    array = np.asarray(mean, '<f4', order='C')
    with open_for_writing(file) as stream:
        stream.write(BlobProto(num=1, channels=channels, height=height, width=width).SerializeToString())
        stream.writelines(_frame(_BLOB_DATA, [array.reshape(-1).view(np.uint8).data]))
