"""Saving and loading in the HDF5 format, in the layout of Chainer: groups for links, datasets for their arrays."""
from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from autograd_nn.serializer import Serializable, Serializer
from autograd_nn.serializers.npz import NONE, NpzDeserializer, as_saved, is_none, load_from
from autograd_nn.types import File
from autograd_nn.utils.atomic import atomic_path

# The largest ratio by which HDF5's compression makes numbers smaller; a damaged file may promise more.
_MAX_RATIO = 1100


def import_h5py(what: str) -> ModuleType:
    """The library h5py.

    Args:
        what: What needs it, the beginning of the error.

    Raises:
        ImportError: It is not installed.
    """
    try:
        import h5py
    except ImportError as error:
        raise ImportError(f"{what} h5py: pip install 'autograd_nn[hdf5]'") from error
    return h5py


class HDF5Serializer(Serializer):
    """Saves to a group of an HDF5 file: each part of an object to a group within it, each value to a dataset.

    None is an empty dataset, a string one of UTF-8, and bfloat16 is saved as float32.

    Args:
        group: The ``h5py.Group``; an ``h5py.File`` is one.
        compression: The level of compression by gzip, 0 to 9, of arrays with more than one element; None for none.

    Raises:
        ImportError: h5py is not installed.

    Attributes:
        group: The group.
        compression: The level.

    Example:
        >>> import io, h5py, autograd_nn.links as L
        >>> from autograd_nn.serializers import HDF5Serializer
        >>> with h5py.File(io.BytesIO(), 'w') as file:
        ...     HDF5Serializer(file.create_group('layer')).save(L.Linear(3, 2))
        ...     file['layer/W']
        <HDF5 dataset "W": shape (2, 3), type "<f4">
    """

    def __init__(self, group: Any, compression: int | None = 4) -> None:
        self._h5py = import_h5py('HDF5Serializer needs')
        self.group = group
        self.compression = compression

    def __getitem__(self, key: str) -> HDF5Serializer:
        return HDF5Serializer(self.group.require_group(key.strip('/')), self.compression)

    def __call__(self, key: str, value: Any) -> Any:
        key = key.lstrip('/')
        array = as_saved(value, f'{self.group.name.strip("/")}/{key}'.lstrip('/'))
        if is_none(array):
            self.group.create_dataset(key, data=self._h5py.Empty('f'))
        elif array.dtype.kind == 'U':
            self.group.create_dataset(key, data=array.astype(object), dtype=self._h5py.string_dtype())
        else:
            self.group.create_dataset(key, data=array, compression=None if array.size <= 1 else self.compression)
        return value


class HDF5Deserializer(NpzDeserializer):
    """Loads from a group of an HDF5 file, such as `HDF5Serializer` fills.

    Args:
        group: The ``h5py.Group``; an ``h5py.File`` is one.
        strict: Raise for a value that is not there; otherwise it keeps what it is.
        path: Where in the group the values are.

    Raises:
        ImportError: h5py is not installed.

    Attributes:
        group: The group.
        strict: As given.
    """

    def __init__(self, group: Any, strict: bool = True, *, path: str = '') -> None:
        super().__init__(HDF5Reader(group), path, strict)
        self.group = group

    def __getitem__(self, key: str) -> HDF5Deserializer:
        return HDF5Deserializer(self.group, self.strict, path=f'{self.path}{key.strip("/")}')


def save_hdf5(filename: File, obj: Serializable | dict[str, Any], compression: int | None = 4) -> None:
    """Saves an object to an HDF5 file.

    A file with that name is replaced only when the new one is complete.

    Args:
        filename: A path, or a binary file object open for reading and writing.
        obj: What to save: a link, an optimizer, a trainer, or a dictionary of arrays, which is saved as it is.
        compression: The level of compression by gzip, 0 to 9; None for none.

    Raises:
        TypeError: A value is not an array, a number, a string or None.
        ImportError: h5py is not installed.

    Example:
        >>> import io, autograd_nn.links as L
        >>> from autograd_nn import serializers
        >>> file, trained, fresh = io.BytesIO(), L.Linear(3, 2), L.Linear(None, 2)
        >>> serializers.save_hdf5(file, trained)
        >>> serializers.load_hdf5(file, fresh)
        >>> bool((fresh.W.array == trained.W.array).all())
        True
    """
    import_h5py('save_hdf5 needs')
    if isinstance(filename, (str, os.PathLike)):
        with atomic_path(filename) as path:
            _write(str(path), obj, compression)
    else:
        _write(filename, obj, compression)


def _write(file: Any, obj: Serializable | dict[str, Any], compression: int | None) -> None:
    import h5py

    with h5py.File(file, 'w') as stored:
        serializer = HDF5Serializer(stored, compression)
        if isinstance(obj, dict):
            for key, value in obj.items():
                serializer(key, value)
        else:
            serializer.save(obj)


def load_hdf5(filename: File, obj: Serializable) -> None:
    """Loads an object from an HDF5 file, such as `save_hdf5` and Chainer write.

    Arrays are filled in place and keep their dtypes. A link is loaded only if all of it can be: whatever is wrong with
    the file, the link stays as it is.

    Args:
        filename: A path, or a binary file object open for reading.
        obj: What to load into; of the same structure as what was saved.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is not an HDF5 file, or it is damaged; or a shape or dtype in it does not fit.
        KeyError: A value is missing.
        ImportError: h5py is not installed.
    """
    h5py = import_h5py('load_hdf5 needs')
    name = str(filename) if isinstance(filename, (str, os.PathLike)) else getattr(filename, 'name', 'the file object')
    if isinstance(filename, (str, os.PathLike)):
        Path(filename).open('rb').close()  # which says what is wrong in the usual words
    try:
        stored = h5py.File(filename, 'r')
    except (OSError, RuntimeError) as error:
        raise ValueError(f'load_hdf5: {name} is no HDF5 file, or damaged: {error}') from error
    with stored:
        load_from(HDF5Reader(stored), obj, '', True, None)


class HDF5Reader(Mapping[str, np.ndarray]):
    """The arrays in a group of an HDF5 file by path, each read when it is asked for.

    Args:
        group: The ``h5py.Group``.

    Raises:
        ImportError: h5py is not installed.
    """

    def __init__(self, group: Any) -> None:
        self._dataset_type = import_h5py('HDF5 files need').Dataset
        self._group = group

    def __contains__(self, key: object) -> bool:
        return key in self._group and isinstance(self._group[key], self._dataset_type)

    def __iter__(self) -> Iterator[str]:
        names: list[str] = []
        self._group.visit(names.append)
        return (name for name in names if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __getitem__(self, key: str) -> np.ndarray:
        if key not in self:
            raise KeyError(key)
        dataset = self._group[key]
        if dataset.shape is None:
            return NONE
        check_size(dataset, f'load: {self._group.file.filename}')
        try:
            array = np.asarray(dataset.asstr() if dataset.dtype.kind == 'O' else dataset)
        except (OSError, RuntimeError, TypeError, ValueError) as error:
            raise ValueError(f'load: {self._group.file.filename} is damaged at {key!r}: {error}') from error
        return array.astype(str) if dataset.dtype.kind == 'O' else array


def check_size(dataset: Any, what: str) -> None:
    """Raises a ValueError where a dataset claims to be so large that the file is damaged.

    Args:
        dataset: An ``h5py.Dataset``.
        what: The beginning of the error, which names the file.
    """
    if dataset.nbytes > _MAX_RATIO * dataset.id.get_storage_size():
        raise ValueError(f'{what}: is damaged: {dataset.name} of shape {dataset.shape} has '
                         f'{dataset.id.get_storage_size():,} bytes')
