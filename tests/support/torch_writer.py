"""Files as PyTorch writes them, put together by hand, so that the tests need no PyTorch and can also lie."""
from __future__ import annotations

import io
import pickle
import struct
import zipfile
from dataclasses import dataclass
from typing import Any

import numpy as np

KINDS = {'f4': 'Float', 'f8': 'Double', 'f2': 'Half', 'i8': 'Long', 'i4': 'Int', 'i2': 'Short', 'i1': 'Char',
         'u1': 'Byte', 'b1': 'Bool', 'c8': 'ComplexFloat', 'c16': 'ComplexDouble'}


@dataclass
class Call:
    """A function of a module that the pickle's reader is to call."""

    name: str
    arguments: tuple


@dataclass
class Storage:
    kind: str
    key: str
    size: int


def dump(value: Any) -> bytes:
    """A pickle of the second protocol."""
    return b'\x80\x02' + _encode(value) + b'.'


def _encode(value: Any) -> bytes:
    if isinstance(value, Call):
        return _encode_global(value.name) + _encode(value.arguments) + b'R'
    if isinstance(value, Storage):
        return (b'(' + _encode('storage') + _encode_global(f'torch {value.kind}Storage') + _encode(value.key)
                + _encode('cpu') + _encode(value.size) + b'tQ')
    if isinstance(value, dict):
        return b'}(' + b''.join(_encode(key) + _encode(item) for key, item in value.items()) + b'u'
    if isinstance(value, tuple):
        return b'(' + b''.join(_encode(item) for item in value) + b't'
    return pickle.dumps(value, 2)[2:-1]


def _encode_global(name: str) -> bytes:
    return b'c' + name.replace(' ', '\n').encode() + b'\n'


def tensor(storage: Storage, offset: int, shape: tuple, strides: tuple) -> Call:
    return Call('torch._utils _rebuild_tensor_v2',
                (storage, offset, shape, strides, False, Call('collections OrderedDict', ())))


def describe(array: np.ndarray, key: str) -> Call:
    """The tensor of a contiguous array, the only one of its storage."""
    strides = tuple(stride // array.itemsize for stride in np.empty(array.shape, array.dtype).strides)
    return tensor(Storage(KINDS[array.dtype.str[1:]], key, array.size), 0, array.shape, strides)


def write_zip(content: Any, storages: dict[str, bytes], order: str = 'little',
              method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w', method) as archive:
        archive.writestr('model/data.pkl', content if isinstance(content, bytes) else dump(content))
        archive.writestr('model/version', '3\n')
        archive.writestr('model/byteorder', order)
        for key, numbers in storages.items():
            archive.writestr(f'model/data/{key}', numbers)
    return file.getvalue()


def write_old(content: Any, storages: dict[str, tuple[int, bytes]]) -> bytes:
    # Here a storage has a sixth entry, for views of others, which is None.
    pickled = dump(content).replace(b'tQ', b'NtQ')
    parts = [dump(0x1950a86a20f9469cfc6c), dump(1001), dump({'little_endian': True}), pickled, dump(list(storages))]
    for size, numbers in storages.values():
        parts += [struct.pack('<q', size), numbers]
    return b''.join(parts)
