"""Saving and loading in NumPy's NPZ format, in the layout of Chainer."""
from __future__ import annotations

import copy
import os
import pickletools
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from numbers import Number
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from autograd_nn import backend
from autograd_nn.link import Link
from autograd_nn.serializer import Deserializer, Serializable, Serializer
from autograd_nn.serializers.sign_bits import SCALES, SHAPE, SIGNS, pack_signs, packed_names, unpack_signs
from autograd_nn.types import Array, File
from autograd_nn.utils.atomic import open_for_writing

# None as an array, as Chainer has it.
NONE = np.array(None)
# What NumPy's format has for it: ``numpy.array(None)``, which every version of NumPy can read. The pickle that NumPy
# itself writes names a module that older versions do not have.
_PICKLED_NONE = b'\x80\x02cnumpy\narray\nN\x85R.'

Names = str | Callable[[str], bool]


class DictionarySerializer(Serializer):
    """Saves to a flat dictionary of NumPy arrays, whose keys are paths such as ``'predictor/l1/W'``.

    None is stored as ``numpy.array(None)``, as in files of Chainer; and bfloat16, which NumPy's format has not, as
    float32, of which it is a part.

    Args:
        target: The dictionary; a new one by default.
        path: What all keys start with.

    Attributes:
        target: The dictionary.

    Example:
        >>> import autograd_nn.links as L
        >>> from autograd_nn.serializers import DictionarySerializer
        >>> serializer = DictionarySerializer()
        >>> serializer.save(L.Linear(3, 2))
        >>> {key: x.shape for key, x in serializer.target.items()}
        {'W': (2, 3), 'b': (2,)}
    """

    def __init__(self, target: dict[str, np.ndarray] | None = None, path: str = '') -> None:
        self.target = {} if target is None else target
        self.path = path

    def __getitem__(self, key: str) -> DictionarySerializer:
        return DictionarySerializer(self.target, f'{self.path}{key.strip("/")}/')

    def __call__(self, key: str, value: Any) -> Any:
        path = self.path + key.lstrip('/')
        self.target[path] = as_saved(value, path)
        return value


def as_saved(value: Any, path: str) -> np.ndarray:
    """The array that a file has for a value.

    Args:
        value: An array, a number, a string or None.
        path: Its path, for the error.

    Raises:
        TypeError: It is something else.
    """
    if value is None:
        return NONE
    array = backend.to_cpu(value) if backend.is_array(value) else np.asarray(value)
    # NumPy's byte strings lose zeros at their ends. What was saved already may be None.
    if (array.dtype.hasobject and not is_none(array)) or isinstance(value, bytes):
        raise TypeError(f'save: {path!r} is a {type(value).__name__}; '
                        'only arrays, numbers, strings and None can be saved')
    return array.astype(np.float32) if array.dtype.name == 'bfloat16' else array


class NpzDeserializer(Deserializer):
    """Loads from a mapping of paths to arrays, such as what `DictionarySerializer` or ``numpy.load`` makes.

    Args:
        npz: The mapping.
        path: What the keys to load start with.
        strict: Raise for a value that is not there; otherwise it keeps what it is.
        ignore_names: Keys to leave as they are: a string, a function of the key, or a list of these.
    """

    def __init__(self, npz: Mapping[str, Any], path: str = '', strict: bool = True,
                 ignore_names: Names | list[Names] | None = None) -> None:
        self.npz = npz
        self.path = f'{path.strip("/")}/'.lstrip('/')
        self.strict = strict
        if ignore_names is None:
            ignore_names = []
        self.ignore_names = list(ignore_names) if isinstance(ignore_names, (list, tuple)) else [ignore_names]

    def __getitem__(self, key: str) -> NpzDeserializer:
        return NpzDeserializer(self.npz, f'{self.path}{key.strip("/")}', self.strict, self.ignore_names)

    def __call__(self, key: str, value: Any) -> Any:
        key = self.path + key.lstrip('/')
        if any(name(key) if callable(name) else name == key for name in self.ignore_names):
            return value
        if key not in self.npz:
            if self.strict:
                raise KeyError(f'load: there is no {key!r}, only {_list_keys(self.npz)}')
            return value
        stored = np.asarray(self.npz[key])
        if is_none(stored):
            return None
        if value is None:
            # The array may be that of whoever made the mapping.
            return stored.copy()
        if backend.is_array(value):
            _copy(stored, value, key)
            return value
        return convert_scalar(stored, value, key)


def convert_scalar(stored: np.ndarray, value: Any, key: str) -> Any:
    """What a file has for a value that is no array, in that value's type.

    Args:
        stored: The array in the file.
        value: A number, a string, or a list or tuple of them.
        key: Where in the file it is.

    Raises:
        ValueError: The type cannot hold what is stored, such as 1.5 where an integer is expected.
    """
    kind = type(value)
    try:
        result = kind(stored.tolist() if isinstance(value, (list, tuple)) else stored[()])
        if isinstance(result, (Number, np.bool_)) and not np.array_equal(stored, np.asarray(result), equal_nan=True):
            raise ValueError
        return result
    except (TypeError, ValueError, OverflowError):
        found = f'{stored[()]!s}' if stored.ndim == 0 else f'an array of shape {stored.shape}'
        raise ValueError(f'load: {key!r}: expected {kind.__name__}, found {found} ({stored.dtype})') from None


def is_none(stored: np.ndarray) -> bool:
    """Whether an array in a file stands for None; early versions wrote four bytes of the type "void"."""
    if stored.dtype == 'V4':
        return stored.shape == () and stored.tobytes() == b'None'
    return stored.dtype.kind == 'O' and stored.shape == () and stored[()] is None


def _copy(stored: np.ndarray, array: Array, key: str) -> None:
    if stored.shape != array.shape:
        raise ValueError(f'load: {key!r}: expected shape {array.shape}, found {stored.shape}')
    if not np.can_cast(stored.dtype, array.dtype, 'same_kind'):
        raise ValueError(f'load: {key!r}: expected dtype {array.dtype}, found {stored.dtype}')
    backend.copyto(array, stored.astype(array.dtype, copy=False))


def _list_keys(npz: Mapping[str, Any], limit: int = 12) -> str:
    keys = list(npz)
    more = f' and {len(keys) - limit} more' if len(keys) > limit else ''
    return ', '.join(keys[:limit]) + more if keys else 'an empty file'


def save_npz(file: File, obj: Serializable | dict[str, Any], compression: bool = True, *,
             pack: bool = False) -> None:
    """Saves an object to an NPZ file.

    A file with that name is replaced only when the new one is complete and on the disk: a crash leaves the old one.

    Args:
        file: A path, which is taken as it is, or a binary file object open for writing.
        obj: What to save: a link, an optimizer, a trainer, or a dictionary of arrays, which is saved as it is.
        compression: Whether to compress.
        pack: Whether to write arrays of which each row has one number and its negative, such as rounded weights of
            `links.BinaryLinear`, with one bit for each element. `load_npz` loads them as any others, bit for bit;
            Chainer does not.

    Raises:
        TypeError: A value is not an array, a number, a string or None.

    Example:
        >>> import io, numpy as np, autograd_nn.links as L
        >>> from autograd_nn import serializers
        >>> file = io.BytesIO()
        >>> serializers.save_npz(file, L.Linear(3, 2))
        >>> _ = file.seek(0)
        >>> sorted(np.load(file))
        ['W', 'b']
    """
    arrays = collect_arrays(obj)
    if pack:
        arrays = pack_signs(arrays)
    with open_for_writing(file) as stream:
        _write(stream, arrays, compression)


def collect_arrays(obj: Serializable | dict[str, Any]) -> dict[str, np.ndarray]:
    """What `save_npz` saves of an object, by name.

    Args:
        obj: A link, an optimizer, a trainer, or a dictionary of values.

    Raises:
        TypeError: A value is not an array, a number, a string or None.
    """
    serializer = DictionarySerializer()
    if isinstance(obj, dict):
        for key, value in obj.items():
            serializer(key, value)
    else:
        serializer.save(obj)
    return serializer.target


def _write(stream: BinaryIO, arrays: dict[str, np.ndarray], compression: bool) -> None:
    # numpy.savez takes keys as keyword arguments, so that it cannot save one named "file".
    method = zipfile.ZIP_DEFLATED if compression else zipfile.ZIP_STORED
    with zipfile.ZipFile(stream, 'w', method) as archive:
        for key, array in arrays.items():
            with archive.open(f'{key}.npy', 'w', force_zip64=True) as member:
                if is_none(array):
                    header: dict[str, Any] = {'descr': '|O', 'fortran_order': False, 'shape': ()}
                    np.lib.format.write_array_header_1_0(member, header)
                    member.write(_PICKLED_NONE)
                else:
                    np.lib.format.write_array(member, array, allow_pickle=False)


def load_npz(file: File, obj: Serializable, path: str = '', strict: bool = True,
             ignore_names: Names | list[Names] | None = None) -> None:
    """Loads an object from an NPZ file, such as `save_npz` and Chainer write.

    Arrays are filled in place and keep their dtypes. Pickled objects in a file are never executed. A link is loaded
    only if all of it can be: whatever is wrong with the file, the link stays as it is.

    Args:
        file: A path or a binary file object.
        obj: What to load into; of the same structure as what was saved.
        path: Where in the file the object's values are, such as ``'updater/model:main/'`` in a snapshot.
        strict: Raise for a value that is not in the file; otherwise it keeps what it is.
        ignore_names: Keys to leave as they are: a string, a function of the key that tells so, or a list of these.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is not an NPZ file, or it is damaged; or a shape or dtype in it does not fit.
        KeyError: A value is missing.

    Example:
        >>> import io, autograd_nn.links as L
        >>> from autograd_nn import serializers
        >>> file, trained, fresh = io.BytesIO(), L.Linear(3, 2), L.Linear(None, 2)
        >>> serializers.save_npz(file, trained)
        >>> serializers.load_npz(file, fresh)
        >>> bool((fresh.W.array == trained.W.array).all())
        True
    """
    with NpzReader(file) as npz:
        load_from(npz, obj, path, strict, ignore_names)


def load_from(arrays: Mapping[str, np.ndarray], obj: Serializable, path: str, strict: bool,
              ignore_names: Names | list[Names] | None) -> None:
    """Loads an object from arrays by name; the arguments are those of `load_npz`."""
    if isinstance(obj, Link):
        load_link(arrays, obj, path, strict, ignore_names)
    else:
        NpzDeserializer(arrays, path, strict, ignore_names).load(obj)


def load_link(npz: Mapping[str, np.ndarray], link: Link, path: str = '', strict: bool = True,
              ignore_names: Names | list[Names] | None = None) -> set[str]:
    """Loads a link from a mapping of paths to arrays, entirely or, where that raises an error, not at all.

    Args:
        npz: The mapping.
        link: The link.
        path: See `load_npz`, as for the others.
        strict: As there.
        ignore_names: As there.

    Returns:
        The paths that were read.
    """
    arrays = _Remembered(npz)
    for target in _scratch_copy(link), link:
        NpzDeserializer(arrays, path, strict, ignore_names).load(target)
    return set(arrays.keys())


class _Remembered(dict[str, np.ndarray]):
    """Another mapping, of which no value is read twice."""

    def __init__(self, source: Mapping[str, np.ndarray]) -> None:
        super().__init__()
        self.source = source

    def __missing__(self, key: str) -> np.ndarray:
        self[key] = value = self.source[key]
        return value

    def __contains__(self, key: object) -> bool:
        return key in self.source

    def __iter__(self) -> Iterator[str]:
        return iter(self.source)


def _scratch_copy(link: Link) -> Link:
    """A link of the same structure with arrays of its own, whose contents do not matter."""
    scratch = link.copy('share')
    for part in scratch.links():
        for name in part._params:
            param = getattr(part, name)
            if param.array is not None:
                param.array = param.xp.empty_like(param.array)
        for name in part._persistent:
            setattr(part, name, copy.deepcopy(getattr(part, name)))
    return scratch


class NpzReader(Mapping[str, np.ndarray]):
    """The arrays of an NPZ file by key, each read when it is asked for; a context manager.

    Unlike ``numpy.load`` it reads the pickled None that Chainer writes for a parameter without an array, which it
    recognises without executing it, and its errors name the file and what is wrong with it. Arrays that `save_npz` has
    packed appear as they were.

    Args:
        file: A path or a binary file object.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is not an NPZ file, or it is damaged.
    """

    def __init__(self, file: File) -> None:
        self._owned = isinstance(file, (str, os.PathLike))
        self._stream: Any = Path(file).open('rb') if isinstance(file, (str, os.PathLike)) else file  # noqa: SIM115
        self.name = str(getattr(self._stream, 'name', 'the file object'))
        try:
            self._archive = zipfile.ZipFile(self._stream)
        except zipfile.BadZipFile:
            self._stream.seek(0)
            start = self._stream.read(4)
            self.close()
            what = 'is truncated or damaged' if start == b'PK\x03\x04' else 'is not an npz file'
            raise ValueError(f'load_npz: {self.name} {"is empty" if not start else what}') from None
        self._members = {name.removesuffix('.npy'): name for name in self._archive.namelist()}
        self._packed = packed_names(self._members)
        parts = {name + part for name in self._packed for part in (SIGNS, SCALES, SHAPE)}
        self._keys = [*sorted(self._packed), *(name for name in self._members if name not in parts)]

    def __enter__(self) -> NpzReader:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file, if this object has opened it."""
        if self._owned:
            self._stream.close()

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def __getitem__(self, key: str) -> np.ndarray:
        if key not in self._packed:
            return self._read(key)
        parts = {key + part: self._read(key + part) for part in (SIGNS, SCALES, SHAPE)}
        try:
            return unpack_signs(parts, key)
        except (ValueError, TypeError) as error:
            raise ValueError(f'load_npz: {self.name} is damaged at {key!r}: {error}') from error

    def _read(self, key: str) -> np.ndarray:
        name = self._members[key]
        try:
            with self._archive.open(name) as member:
                array = _read_array(member)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
            raise ValueError(f'load_npz: {self.name} is damaged at {key!r}: {error}') from error
        if array is None:
            raise ValueError(f'load_npz: {self.name} has a pickled object at {key!r}; pickled objects are not read, '
                             'since a pickle can run any program')
        return array


def _read_array(member: Any) -> np.ndarray | None:
    """Reads an array in NPY format; of the pickled ones only that of None, for the others it returns None itself."""
    if np.lib.format.read_magic(member) == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(member)
        if dtype.hasobject:
            return np.array(None) if shape == () and _pickles_none(member.read()) else None
    member.seek(0)
    return np.lib.format.read_array(member, allow_pickle=False)


def _pickles_none(pickled: bytes) -> bool:
    """Whether a pickle is that of an array that holds nothing but None. It is parsed, never executed."""
    if pickled == _PICKLED_NONE:
        return True
    skipped = {'PUT', 'BINPUT', 'LONG_BINPUT', 'MEMOIZE', 'FRAME', 'MARK'}
    names = [opcode.name for opcode, _, _ in pickletools.genops(pickled) if opcode.name not in skipped]
    # An array's pickle ends with its state: the list of its elements, as the last of a tuple.
    return names[-6:] == ['EMPTY_LIST', 'NONE', 'APPEND', 'TUPLE', 'BUILD', 'STOP']
