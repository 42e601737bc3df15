"""Loading weights that carry the names of PyTorch."""
from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from autograd_nn.link import ChainList, Link
from autograd_nn.serializers.matching import LoadReport, load_arrays
from autograd_nn.serializers.safetensors import SafetensorsReader
from autograd_nn.serializers.torch_files import read_torch_file
from autograd_nn.types import File

NameMap = Mapping[str, str | None] | Callable[[str], str | None] | Sequence[tuple[str, str]]

# PyTorch's names of what a layer has, and ours: for layers that scale and shift, and for all others.
_NORMALIZATION = {'weight': 'gamma', 'bias': 'beta', 'running_mean': 'avg_mean', 'running_var': 'avg_var',
                  'num_batches_tracked': 'N'}
_OTHER = {'weight': 'W', 'bias': 'b'}


def load_state_dict(file: File | Mapping[str, np.ndarray], link: Link, name_map: NameMap | None = None,
                    key: str | None = None) -> LoadReport:
    """Loads weights with the names of PyTorch's modules into a link: what fits; the rest of the link stays as it is.

    A name such as ``features.0.weight`` is that of a module, ``features.0``, and of what it has, ``weight``. The name
    map turns the module's into the path of a link; what it has becomes ``W`` and ``b``, or ``gamma``, ``beta``,
    ``avg_mean`` and ``avg_var`` where the link there normalises.

    Args:
        file: A file of PyTorch (see `read_torch_file`) or a safetensors file, as a path or a binary file object; or
            arrays, or nested lists of numbers, by name.
        link: What to load into. Nothing of it changes if an error is raised.
        name_map: From modules to paths of links, in which dots and slashes mean the same: a dictionary, whose longest
            key that begins a name at a dot counts; or pairs of a regular expression and its replacement, applied one
            after the other; or a function. Where a dictionary or the function gives None, the module is left out. By
            default the names agree.
        key: Where in a file of PyTorch the tensors are, such as ``'state_dict'``.

    Returns:
        What has been loaded, and what not.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is damaged or of another kind; nothing in it fits; two names mean the same parameter; or a
            regular expression of the name map is none.

    Example:
        >>> import numpy as np, autograd_nn as ann, autograd_nn.links as L
        >>> from autograd_nn import serializers
        >>> model = ann.Chain(conv1=L.Convolution2D(3, 8, 3), bn1=L.BatchNormalization(8), fc=L.Linear(8, 2))
        >>> published = {'features.0.weight': np.ones((8, 3, 3, 3), 'f'), 'features.0.bias': np.ones(8, 'f'),
        ...              'features.1.weight': np.ones(8, 'f'), 'classifier.weight': np.ones((1000, 8), 'f')}
        >>> print(serializers.load_state_dict(published, model, {
        ...     'features.0': 'conv1', 'features.1': 'bn1', 'classifier': 'fc'}))
        loaded 3 of 9 arrays (232 numbers)
        not loaded, of another shape: fc/W (2, 8) (in the file (1000, 8))
        not loaded, not in the file: bn1/beta, bn1/avg_mean, bn1/avg_var, bn1/N, fc/b
    """
    arrays = file if isinstance(file, Mapping) else _read(file, key)
    arrays = {name: array if hasattr(array, 'dtype') else np.asarray(array) for name, array in arrays.items()}
    links = {path.strip('/'): child for path, child in link.namedlinks()}
    places = dict(_by_place(link))
    names: dict[str, str] = {}
    for name in arrays:
        path = _find_path(name, name_map, links, places)
        if path is not None and path in names:
            raise ValueError(f'load_state_dict: {names[path]!r} and {name!r} both mean {path!r}')
        if path is not None:
            names[path] = name
    report = load_arrays({path: arrays[name] for path, name in names.items()}, link)
    if not report.loaded:
        raise ValueError(f'load_state_dict: nothing of the file fits: it has names such as {_examples(arrays)}, '
                         f'the link {_examples(dict(link.namedparams()))}; a name_map says which is which')
    used = {names[path] for path in names.keys() - set(report.unused)}
    return LoadReport(report.loaded, report.other_shape, report.missing, [name for name in arrays if name not in used])


def _read(file: File, key: str | None) -> Mapping[str, np.ndarray]:
    if isinstance(file, (str, os.PathLike)):
        with Path(file).open('rb') as stream:
            return _read(stream, key)
    # A safetensors file begins with the length of its header, in eight bytes, and a brace.
    file.seek(0)
    return SafetensorsReader(file) if file.read(9)[8:] == b'{' else read_torch_file(file, key)


def _by_place(link: Link, place: str = '', path: str = '') -> Iterator[tuple[str, str]]:
    """The paths of links, by paths in which those of a list are numbered in their order.

    They are the same but for a `Sequential` of more than two links.
    """
    yield place, path
    for i, (name, child) in enumerate(link._named_children()):
        at = str(i) if isinstance(link, ChainList) else name
        yield from _by_place(child, f'{place}/{at}'.strip('/'), f'{path}/{name}'.strip('/'))


def _find_path(name: str, name_map: NameMap | None, links: Mapping[str, Link], places: Mapping[str, str]) -> str | None:
    """The path of the value in the link that a name of PyTorch means; None to leave it out."""
    module, _, own = name.rpartition('.')
    path = _map_name(module, name_map)
    if path is None:
        return None
    path = path.replace('.', '/').strip('/')
    path = places.get(path, path)
    if path in links:
        own = (_NORMALIZATION if hasattr(links[path], 'gamma') else _OTHER).get(own, own)
    return f'{path}/{own}'.lstrip('/')


def _map_name(module: str, name_map: NameMap | None) -> str | None:
    if name_map is None:
        return module
    if callable(name_map):
        return name_map(module)
    if isinstance(name_map, Mapping):
        fitting = [start for start in name_map if f'{module}.'.startswith(f'{start}.')]
        if not fitting:
            return module
        longest = max(fitting, key=len)
        replacement = name_map[longest]
        return None if replacement is None else replacement + module[len(longest):]
    for pattern, replacement in name_map:
        try:
            module = re.sub(pattern, replacement, module)
        except (re.error, IndexError) as error:  # the latter for a group of no such name
            raise ValueError(f'load_state_dict: name_map: expected a regular expression and its replacement, got '
                             f'{pattern!r} and {replacement!r}: {error}') from None
    return module


def _examples(names: Mapping[str, object]) -> str:
    return ', '.join(repr(name) for name in list(names)[:3]) or 'none'
