"""Saving and loading in the safetensors format, which other frameworks read as well."""
from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from autograd_nn.serializer import Serializable
from autograd_nn.serializers.npz import NONE, Names, collect_arrays, is_none, load_from
from autograd_nn.types import File
from autograd_nn.utils.atomic import open_for_writing

_DTYPES = {'F64': '<f8', 'F32': '<f4', 'F16': '<f2', 'I64': '<i8', 'I32': '<i4', 'I16': '<i2', 'I8': 'i1',
           'U64': '<u8', 'U32': '<u4', 'U16': '<u2', 'U8': 'u1', 'BOOL': '?', 'BF16': '<u2'}
# The format has no None. Names of values that are None are listed in the header, as JSON.
_NONE_NAMES = 'none'


def _import_safetensors() -> ModuleType:
    try:
        import safetensors
        import safetensors.numpy
    except ImportError as error:
        raise ImportError("safetensors files need the safetensors library: "
                          "pip install 'autograd_nn[safetensors]'") from error
    return safetensors


def save_safetensors(file: File, obj: Serializable | dict[str, Any]) -> None:
    """Saves an object to a safetensors file, under the same names as `save_npz`.

    A file with that name is replaced only when the new one is complete and on the disk.

    Args:
        file: A path, or a binary file object open for writing.
        obj: What to save: a link, an optimizer, or a dictionary of arrays, which is saved as it is.

    Raises:
        TypeError: The format has no type for a value, such as a string.
        ImportError: The safetensors library is not installed.

    Example:
        >>> import io, autograd_nn.links as L
        >>> from autograd_nn import serializers
        >>> file, trained, fresh = io.BytesIO(), L.Linear(3, 2), L.Linear(None, 2)
        >>> serializers.save_safetensors(file, trained)
        >>> serializers.load_safetensors(file, fresh)
        >>> bool((fresh.W.array == trained.W.array).all())
        True
    """
    library = _import_safetensors()
    arrays, without_value = {}, []
    for name, array in collect_arrays(obj).items():
        if is_none(array):
            without_value.append(name)
        elif array.dtype.newbyteorder('<') not in {np.dtype(dtype) for dtype in _DTYPES.values()}:
            raise TypeError(f'save_safetensors: the format has no type for {name!r}, {array.dtype}; save_npz has')
        else:
            arrays[name] = np.asarray(array, order='C')
    metadata = {_NONE_NAMES: json.dumps(without_value)} if without_value else None
    data = library.numpy.save(arrays, metadata)
    with open_for_writing(file) as stream:
        stream.write(data)


def load_safetensors(file: File, obj: Serializable, path: str = '', strict: bool = True,
                     ignore_names: Names | list[Names] | None = None) -> None:
    """Loads an object from a safetensors file that `save_safetensors` has written, or that uses the same names.

    Files with the names of PyTorch's layers are for `load_state_dict`. Arrays are filled in place and keep their
    dtypes. A link is loaded only if all of it can be: whatever is wrong with the file, the link stays as it is.

    Args:
        file: A path or a binary file object.
        obj: What to load into; of the same structure as what was saved.
        path: Where in the file the object's values are, such as ``'predictor/'``.
        strict: Raise for a value that is not in the file; otherwise it keeps what it is.
        ignore_names: Keys to leave as they are: a string, a function of the key that tells so, or a list of these.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is not a safetensors file, or it is damaged; or a shape or dtype in it does not fit.
        KeyError: A value is missing.
        ImportError: The safetensors library is not installed.
    """
    load_from(SafetensorsReader(file), obj, path, strict, ignore_names)


class SafetensorsReader(Mapping[str, np.ndarray]):
    """The arrays of a safetensors file by name.

    Args:
        file: A path or a binary file object, which is read to its end.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is not a safetensors file, it is damaged, or it holds numbers of a type that NumPy does not have
            (of these bfloat16 becomes float32).
        ImportError: The safetensors library is not installed.
    """

    def __init__(self, file: File) -> None:
        library = _import_safetensors()
        if isinstance(file, (str, os.PathLike)):
            name, data = str(file), Path(file).read_bytes()
        else:
            file.seek(0)
            name, data = str(getattr(file, 'name', 'the file object')), file.read()
        try:
            self._entries = dict(library.deserialize(data))
        except library.SafetensorError as error:
            raise ValueError(f'load_safetensors: {name} is no safetensors file, or damaged: {error}') from error
        for key, entry in self._entries.items():
            if entry['dtype'] not in _DTYPES:
                raise ValueError(f'load_safetensors: {name}: {key!r} has the type {entry["dtype"]}, '
                                 'for which there is no dtype')
        header = json.loads(data[8:8 + int.from_bytes(data[:8], 'little')])
        self._without_value = _parse_names(header.get('__metadata__', {}).get(_NONE_NAMES, '[]'))

    def __iter__(self) -> Iterator[str]:
        yield from self._entries
        yield from self._without_value - self._entries.keys()

    def __len__(self) -> int:
        return len(self._entries.keys() | self._without_value)

    def __getitem__(self, key: str) -> np.ndarray:
        if key in self._without_value and key not in self._entries:
            return NONE
        entry = self._entries[key]
        array = np.frombuffer(entry['data'], _DTYPES[entry['dtype']]).reshape(entry['shape'])
        return widen_bfloat16(array) if entry['dtype'] == 'BF16' else array


def _parse_names(text: str) -> set[str]:
    """The names in a header; any other program may have written something else there."""
    try:
        names = json.loads(text)
    except (ValueError, RecursionError):
        return set()
    return {name for name in names if isinstance(name, str)} if isinstance(names, list) else set()


def widen_bfloat16(bits: np.ndarray) -> np.ndarray:
    """Converts numbers of the type bfloat16, given as uint16, to float32, of which they are the upper half.

    Args:
        bits: uint16, any shape.

    Returns:
        float32, of that shape.
    """
    return (bits.astype('<u4') << 16).view('<f4')
