"""PyTorch's files of weights, read without PyTorch and without executing anything in them."""
from __future__ import annotations

import io
import math
import os
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from autograd_nn.serializers.safetensors import widen_bfloat16
from autograd_nn.serializers.torch_pickle import Storage, Tensor, read_pickle
from autograd_nn.types import File

_DTYPES = {f'torch.{name}Storage': dtype for name, dtype in {
    'Float': 'f4', 'Double': 'f8', 'Half': 'f2', 'BFloat16': 'u2', 'Long': 'i8', 'Int': 'i4', 'Short': 'i2',
    'Char': 'i1', 'Byte': 'u1', 'Bool': '?', 'ComplexFloat': 'c8', 'ComplexDouble': 'c16'}.items()}
# How files of PyTorch before version 1.6 begin: with a pickle of this number.
_OLD_MAGIC = 0x1950a86a20f9469cfc6c

ReadStorage = Callable[[Storage], np.ndarray]


def read_torch_file(file: File, key: str | None = None) -> dict[str, np.ndarray]:
    """Reads the tensors of a file that ``torch.save(model.state_dict(), file)`` has written, whatever its version.

    The pickle inside is read as data: nothing in it is executed, and PyTorch is not needed.

    Args:
        file: A path or a binary file object.
        key: Where in a dictionary of several the tensors are, such as ``'state_dict'`` in a checkpoint.

    Returns:
        The arrays by name, in the order of the file; those that share memory in PyTorch share it here, and have its
        strides. bfloat16 becomes float32. Values that are no tensors are left out.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no such file, it is damaged, it has no tensors there, or it holds objects other than tensors,
            numbers, strings, dictionaries, lists and tuples.
        KeyError: There is no such key.
    """
    if isinstance(file, (str, os.PathLike)):
        with Path(file).open('rb') as stream:
            return read_torch_file(stream, key)
    name = str(getattr(file, 'name', 'the file object'))
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    start = file.read(2)
    file.seek(0)
    try:
        if start == b'PK':
            content, read_storage = _open_zip(zipfile.ZipFile(file), size)
        elif start[:1] == b'\x80' and read_pickle(file) == _OLD_MAGIC:
            content, read_storage = _open_old(file, size)
        else:
            raise ValueError(f'{"an empty file" if not start else "something else"}')
        return _collect(content, key, read_storage, size)
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, RuntimeError, ValueError) as error:
        raise ValueError(f'read_torch_file: {name}: expected a dictionary of tensors that PyTorch has saved, '
                         f'found {error}') from error


def _open_zip(archive: zipfile.ZipFile, size: int) -> tuple[Any, ReadStorage]:
    """What is in a file of today, and how to read its storages."""
    members = {path.partition('/')[2]: path for path in archive.namelist()}
    cache: dict[Storage, np.ndarray] = {}
    left = size

    def read(name: str) -> np.ndarray:
        nonlocal left
        if name not in members:
            raise ValueError(f'no {name} in its archive')
        info = archive.getinfo(members[name])
        left -= info.file_size
        # PyTorch never compresses. A hostile archive could have the same bytes under many names.
        if info.compress_type != zipfile.ZIP_STORED or left < 0:
            raise ValueError(f'an archive that unpacks to more than its size, at {name}')
        content = np.empty(info.file_size, np.uint8)
        with archive.open(info) as member:
            _fill(content, member)
        return content

    order = '>' if 'byteorder' in members and read('byteorder').tobytes() == b'big' else '<'

    def read_storage(storage: Storage) -> np.ndarray:
        if storage not in cache:
            cache[storage] = _as_numbers(read(f'data/{storage.key}'), storage, order)
        return cache[storage]

    return read_pickle(io.BytesIO(read('data.pkl').tobytes())), read_storage


def _open_old(file: BinaryIO, size: int) -> tuple[Any, ReadStorage]:
    """Reads a file of PyTorch before version 1.6: pickles, and after them the storages in a certain order."""
    _, system, content, keys = (read_pickle(file) for _ in range(4))
    order = '<' if not isinstance(system, dict) or system.get('little_endian', True) else '>'
    storages = {tensor.storage.key: tensor.storage for tensor in _find_tensors(content)}
    numbers: dict[Storage, np.ndarray] = {}
    for key in keys if isinstance(keys, list) else []:
        if not isinstance(key, str) or key not in storages:
            raise ValueError('a storage that no tensor uses')
        count = int.from_bytes(file.read(8), 'little' if order == '<' else 'big', signed=True)
        length = count * _dtype(storages[key], order).itemsize
        if not 0 <= length <= size - file.tell():
            raise ValueError(f'{count:,} numbers announced where {size - file.tell():,} bytes are left')
        bits = np.empty(length, np.uint8)
        _fill(bits, file)
        numbers[storages[key]] = _as_numbers(bits, storages[key], order)

    def read_storage(storage: Storage) -> np.ndarray:
        if storage not in numbers:
            raise ValueError('a tensor without its storage')
        return numbers[storage]

    return content, read_storage


def _fill(array: np.ndarray, stream: Any) -> None:
    """Reads into an array of bytes, in pieces, so that nothing is in memory twice."""
    position = 0
    while position < len(array):
        piece = stream.read(min(1 << 20, len(array) - position))
        if not piece:
            raise EOFError('a truncated file')
        array[position:position + len(piece)] = np.frombuffer(piece, np.uint8)
        position += len(piece)


def _dtype(storage: Storage, order: str) -> np.dtype[Any]:
    if storage.kind not in _DTYPES:
        raise ValueError(f'a tensor of type {storage.kind}, for which there is no dtype')
    return np.dtype(order + _DTYPES[storage.kind])


def _as_numbers(bits: np.ndarray, storage: Storage, order: str) -> np.ndarray:
    dtype = _dtype(storage, order)
    if len(bits) != storage.size * dtype.itemsize:
        raise ValueError(f'{len(bits):,} bytes for {storage.size:,} numbers of type {dtype.name}')
    numbers = bits.view(dtype).astype(dtype.newbyteorder('='), copy=False)
    return widen_bfloat16(numbers) if storage.kind == 'torch.BFloat16Storage' else numbers


def _find_tensors(content: Any) -> Iterator[Tensor]:
    """All tensors in nested dictionaries, lists and tuples, which may also contain themselves."""
    seen, pending = set(), [content]
    while pending:
        value = pending.pop()
        if type(value) is Tensor:
            yield value
        elif type(value) in (dict, list, tuple) and id(value) not in seen:
            seen.add(id(value))
            pending.extend(value.values() if isinstance(value, dict) else value)


def _collect(content: Any, key: str | None, read_storage: ReadStorage, size: int) -> dict[str, np.ndarray]:
    if key is not None:
        if not isinstance(content, dict) or key not in content:
            raise KeyError(f'read_torch_file: there is no {key!r}, only {_list_keys(content)}')
        content = content[key]
    tensors = {name: value for name, value in content.items()
               if isinstance(name, str) and type(value) is Tensor} if isinstance(content, dict) else {}
    if not tensors:
        raise ValueError(f'{_list_keys(content)}; where these are dictionaries of tensors, choose one by key=')
    return {name: _make_view(name, tensor, read_storage(tensor.storage), size) for name, tensor in tensors.items()}


def _list_keys(content: Any) -> str:
    if not isinstance(content, dict):
        return f'a {type(content).__name__}'
    return f'the keys {", ".join(str(key)[:40] for key in list(content)[:12])}' if content else 'an empty dictionary'


def _make_view(name: str, tensor: Tensor, numbers: np.ndarray, size: int) -> np.ndarray:
    count = math.prod(tensor.shape)
    steps = zip(tensor.shape, tensor.strides, strict=True)
    last = tensor.offset + sum((length - 1) * stride for length, stride in steps)
    # A stride of zero repeats numbers: a few bytes could pretend to be an array that no memory holds.
    if (count and last >= len(numbers)) or count > max(size, len(numbers)):
        raise ValueError(f'{name[:80]} of shape {tensor.shape} beyond its storage of {len(numbers):,} numbers')
    if not count:
        return np.empty(tensor.shape, numbers.dtype)
    strides = tuple(stride * numbers.itemsize for stride in tensor.strides)
    return np.lib.stride_tricks.as_strided(numbers[tensor.offset:], tensor.shape, strides)
