"""Reading Caffe's networks and weights."""
from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf import text_format

from autograd_nn.caffe.blobs import parse, read_blob
from autograd_nn.caffe.hdf5 import read_hdf5
from autograd_nn.caffe.schema import LayerParameter, NetParameter, V0LayerParameter, V1LayerParameter
from autograd_nn.caffe.upgrade import upgrade
from autograd_nn.caffe.wire import LENGTH, Field, WireReader, open_wire
from autograd_nn.types import File

logger = logging.getLogger(__name__)

Blobs = dict[str, list[np.ndarray]]

# Where blobs are in a layer's message, for the three versions of it.
_BLOBS = {LayerParameter: 7, V1LayerParameter: 6, V0LayerParameter: 50}
_LAYERS = {100: LayerParameter, 2: V1LayerParameter}
_MAX_TEXT = 16 << 20
_HDF5 = b'\x89HDF\r\n\x1a\n'


def read_caffemodel(file: File) -> tuple[Any, Blobs]:
    """Reads a ``.caffemodel``: the network it was saved from, and its weights.

    Each blob goes from the file straight into an array of its own, so that reading takes about as long as reading the
    file, and no more memory than that.

    Args:
        file: A path or a binary file object.

    Returns:
        The network as a `NetParameter` message without weights, its layers in Caffe's current form whatever version
        the file has; and the weights, float32 arrays in Caffe's order (such as filters, bias) by the names of layers
        that have any.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is damaged, or not of this format.

    Example:
        >>> import io, numpy as np
        >>> from autograd_nn import caffe
        >>> net = caffe.NetParameter(layer=[{'name': 'fc', 'type': 'InnerProduct'}])
        >>> file = io.BytesIO()
        >>> caffe.write_caffemodel(file, net, {'fc': [np.eye(3, dtype=np.float32), np.zeros(3, np.float32)]})
        >>> net, blobs = caffe.read_caffemodel(file)
        >>> net.layer[0].type, [blob.shape for blob in blobs['fc']]
        ('InnerProduct', [(3, 3), (3,)])
    """
    with open_wire(file, 'read_caffemodel') as reader:
        rest, blobs = bytearray(), {}
        layers: dict[Any, list[Any]] = {message_class: [] for message_class in _LAYERS.values()}
        for field in reader.fields(0, reader.size):
            if field.number in _LAYERS and field.wire_type == LENGTH:
                message_class = _LAYERS[field.number]
                layer, arrays = _read_layer(reader, field, message_class)
                layers[message_class].append(layer)
                if arrays:
                    blobs[layer.name] = arrays
            else:
                rest += reader.read_bytes(field.position, field.end)
        net = parse(reader, NetParameter, rest)
        net.layer.extend(layers[LayerParameter])
        net.layers.extend(layers[V1LayerParameter])
        if not net.layer and not net.layers:
            raise reader.error('expected a network, found no layers')
        return upgrade(net), blobs


def read_weights(file: File) -> Blobs:
    """Reads the weights of a ``.caffemodel``, or of a ``.caffemodel.h5``, which has nothing else.

    Args:
        file: A path or a binary file object. HDF5's format needs h5py (``pip install 'autograd_nn[hdf5]'``).

    Returns:
        float32 arrays in Caffe's order (such as filters, bias) by the names of layers that have any.

    Raises:
        FileNotFoundError: There is no such file.
        ImportError: The file has HDF5's format, and there is no h5py.
        ValueError: It is damaged, or of neither format.

    Example:
        >>> import io, numpy as np
        >>> from autograd_nn import caffe
        >>> net, file = caffe.NetParameter(layer=[{'name': 'fc', 'type': 'InnerProduct'}]), io.BytesIO()
        >>> caffe.write_caffemodel(file, net, {'fc': [np.eye(3, dtype=np.float32)]})
        >>> caffe.read_weights(file)['fc'][0].shape
        (3, 3)
    """
    if isinstance(file, (str, os.PathLike)):
        with Path(file).open('rb') as stream:
            return read_weights(stream)
    file.seek(0)
    if file.read(len(_HDF5)) == _HDF5:
        return read_hdf5(file, f'read_weights: {getattr(file, "name", "the file object")}')
    return read_caffemodel(file)[1]


def _read_layer(reader: WireReader, layer: Field, message_class: Any) -> tuple[Any, list[np.ndarray]]:
    rest, arrays, inner = bytearray(), [], None
    for field in reader.fields(layer.start, layer.end):
        if field.number == _BLOBS[message_class] and field.wire_type == LENGTH:
            arrays.append(read_blob(reader, field.start, field.end))
        elif message_class is V1LayerParameter and field.number == 1 and field.wire_type == LENGTH:
            inner, inner_arrays = _read_layer(reader, field, V0LayerParameter)
            arrays += inner_arrays
        else:
            rest += reader.read_bytes(field.position, field.end)
    message = parse(reader, message_class, rest)
    if inner is not None:
        message.layer.CopyFrom(inner)
        message.name = inner.name
    return message, arrays


def read_prototxt(file: File) -> Any:
    """Reads a ``.prototxt``: a network as text.

    Fields that this package does not know, such as the engine of a layer or what a variant of Caffe has added, are left
    out; the log tells so at the level of debugging.

    Args:
        file: A path or a binary file object.

    Returns:
        A `NetParameter` message, its layers in Caffe's current form whatever version the file has.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is not of this format; the message has the line and the column.

    Example:
        >>> import io
        >>> from autograd_nn import caffe
        >>> net = caffe.read_prototxt(io.BytesIO(b'layers { name: "r" type: RELU bottom: "x" top: "x" }'))
        >>> net.layer[0].type
        'ReLU'
    """
    if isinstance(file, (str, os.PathLike)):
        with Path(file).open('rb') as stream:
            return read_prototxt(stream)
    name = f'read_prototxt: {getattr(file, "name", "the file object")}'
    data = file.read(_MAX_TEXT + 1)
    if len(data) > _MAX_TEXT:
        raise ValueError(f'{name}: expected a text of at most {_MAX_TEXT >> 20} MB')
    if b'\0' in data:
        raise ValueError(f'{name}: expected text, found binary data, such as in a .caffemodel')
    net = _parse_text(data.decode('utf-8', errors='replace'), name)
    if not net.layer and not net.layers:
        raise ValueError(f'{name}: expected a network, found no layers')
    return upgrade(net)


def _parse_text(text: str, name: str) -> Any:
    try:
        return text_format.Parse(text, NetParameter())
    except text_format.ParseError as error:
        logger.debug('%s: %s; fields that are not known are left out', name, error)
    except RecursionError:
        pass
    try:
        return text_format.Parse(text, NetParameter(), allow_unknown_field=True)
    except (text_format.ParseError, RecursionError, ValueError) as error:
        raise ValueError(f'{name}: expected a network in Caffe\'s text format, found at {error}') from error
