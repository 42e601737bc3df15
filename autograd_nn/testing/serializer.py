"""Objects that are saved and loaded."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from autograd_nn import serializers
from autograd_nn.utils import tempdir


def save_and_load(src: Any, dst: Any, filename: str, saver: Callable[[str, Any], Any],
                  loader: Callable[[str, Any], Any]) -> None:
    """Saves an object to a temporary file, from which another one is loaded.

    Args:
        src: What to save.
        dst: What to load.
        filename: The name of the file.
        saver: Saves: it is called with the path and `src`.
        loader: Loads: it is called with the path and `dst`.
    """
    with tempdir() as folder:
        path = str(Path(folder) / filename)
        saver(path, src)
        loader(path, dst)


def save_and_load_npz(src: Any, dst: Any) -> None:
    """As `save_and_load`, in an ``.npz`` file.

    Example:
        >>> import autograd_nn.links as L
        >>> from autograd_nn import testing
        >>> layer, copy = L.Linear(3, 2), L.Linear(3, 2)
        >>> testing.save_and_load_npz(layer, copy)
        >>> testing.assert_allclose(copy.W.array, layer.W.array)
    """
    save_and_load(src, dst, 'object.npz', serializers.save_npz, serializers.load_npz)


def save_and_load_hdf5(src: Any, dst: Any) -> None:
    """As `save_and_load`, in an HDF5 file."""
    formats: Any = serializers
    save_and_load(src, dst, 'object.h5', formats.save_hdf5, formats.load_hdf5)
