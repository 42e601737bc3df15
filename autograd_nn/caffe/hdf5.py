"""Reading weights that Caffe has saved in HDF5's format."""
from __future__ import annotations

from typing import Any

import numpy as np

from autograd_nn.serializers.hdf5 import check_size, import_h5py
from autograd_nn.types import File


def read_hdf5(file: File, name: str) -> dict[str, list[np.ndarray]]:
    """Reads the datasets ``data/LAYER/INDEX`` of a file.

    Args:
        file: A path or a binary file object.
        name: What errors call it.

    Returns:
        float32 arrays in the order of their indexes, by the names of the layers.

    Raises:
        ImportError: There is no h5py.
        ValueError: The file is damaged, or has no such datasets.
    """
    h5py = import_h5py("Caffe's weights in HDF5's format need")
    found: dict[str, dict[int, np.ndarray]] = {}

    def visit(path: str, item: Any) -> None:
        layer, _, index = path.rpartition('/')
        if isinstance(item, h5py.Dataset) and index.isdecimal():
            found.setdefault(layer, {})[int(index)] = _read(item, name)

    try:
        with h5py.File(file, 'r') as stored:
            data = stored.get('data')
            if not isinstance(data, h5py.Group):
                raise ValueError(f"{name}: expected weights of Caffe, found no group 'data'")
            data.visititems(visit)
    except (OSError, RuntimeError) as error:
        raise ValueError(f'{name}: is damaged: {error}') from error
    for layer, blobs in found.items():
        if sorted(blobs) != [*range(len(blobs))]:
            raise ValueError(f'{name}: expected blobs 0 to {len(blobs) - 1} of layer {layer!r}, '
                             f'found {", ".join(map(str, sorted(blobs)))}')
    return {layer: [blobs[index] for index in sorted(blobs)] for layer, blobs in found.items()}


def _read(dataset: Any, name: str) -> np.ndarray:
    if dataset.dtype.kind != 'f' or dataset.shape is None:
        raise ValueError(f'{name}: expected floating-point numbers in {dataset.name}, found {dataset.dtype}')
    check_size(dataset, name)
    array = np.empty(dataset.shape, np.float32)
    if array.size:
        dataset.read_direct(array)
    return array
