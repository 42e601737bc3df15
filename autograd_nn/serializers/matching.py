"""Loading what fits from a file of weights into a network that differs in some layers."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from autograd_nn.link import Link
from autograd_nn.serializers.npz import DictionarySerializer, NpzReader, is_none, load_link
from autograd_nn.types import File, Shape


@dataclass(frozen=True)
class LoadReport:
    """What `load_matching` or `load_state_dict` has loaded, and what not; as text it is a short account of that.

    Attributes:
        loaded: The link's values that come from the file now, by the sizes of their arrays.
        other_shape: Those that stay as they were because the file has them with another shape: the shape in the file
            and that in the link.
        missing: Those that stay as they were because the file has none of their names.
        unused: What the file has besides.
    """

    loaded: dict[str, int]
    other_shape: dict[str, tuple[Shape, Shape]]
    missing: list[str]
    unused: list[str]

    def __str__(self) -> str:
        count = len(self.loaded) + len(self.other_shape) + len(self.missing)
        lines = [f'loaded {len(self.loaded)} of {count} arrays ({sum(self.loaded.values()):,} numbers)']
        shapes = [f'{name} {own} (in the file {stored})' for name, (stored, own) in self.other_shape.items()]
        for what, names in (('not loaded, of another shape', shapes), ('not loaded, not in the file', self.missing),
                            ('in the file only', self.unused)):
            if names:
                lines.append(f'{what}: {_some(names)}')
        return '\n'.join(lines)


def _some(names: Iterable[str], limit: int = 8) -> str:
    names = list(names)
    return ', '.join(names[:limit]) + (f' and {len(names) - limit} more' if len(names) > limit else '')


def load_matching(file: File, link: Link, path: str = '') -> LoadReport:
    """Loads from an NPZ file what fits a link by name and shape, and leaves the rest of the link as it is.

    This is how fine-tuning begins: a network with a new classifier takes over the other layers' weights. Layers whose
    sizes depend on their input must have been called before, as they take weights of any shape until then.

    Args:
        file: A path or a binary file object.
        link: What to load into. It stays as it is if an error is raised.
        path: Where in the file the link's values are (see `load_npz`).

    Returns:
        What has been loaded, and what not.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is not an NPZ file, or it is damaged; or a dtype in it does not fit.

    Example:
        >>> import io, autograd_nn as ann, autograd_nn.links as L
        >>> from autograd_nn import serializers
        >>> file = io.BytesIO()
        >>> serializers.save_npz(file, ann.Chain(body=L.Linear(8, 5), head=L.Linear(5, 1000, nobias=True)))
        >>> model = ann.Chain(body=L.Linear(8, 5), head=L.Linear(5, 2))
        >>> print(serializers.load_matching(file, model))
        loaded 2 of 4 arrays (45 numbers)
        not loaded, of another shape: head/W (2, 5) (in the file (1000, 5))
        not loaded, not in the file: head/b
    """
    prefix = f'{path.strip("/")}/'.lstrip('/')
    with NpzReader(file) as npz:
        return load_arrays({key.removeprefix(prefix): npz[key] for key in npz if key.startswith(prefix)}, link)


def load_arrays(stored: Mapping[str, np.ndarray], link: Link) -> LoadReport:
    """Loads from arrays what fits a link by path and shape, and leaves the rest of the link as it is.

    Args:
        stored: The arrays by path, such as ``'body/W'``.
        link: What to load into. It stays as it is if an error is raised.

    Returns:
        What has been loaded, and what not.

    Raises:
        ValueError: A dtype does not fit.
    """
    serializer = DictionarySerializer()
    serializer.save(link)
    report = LoadReport({}, {}, [], [])
    for name, own in serializer.target.items():
        if name not in stored or is_none(stored[name]):
            report.missing.append(name)
        elif is_none(own) or own.shape == stored[name].shape:
            report.loaded[name] = stored[name].size
        else:
            report.other_shape[name] = stored[name].shape, own.shape
    # A link may read more than it saves, such as what an earlier version of it saved.
    read = load_link(stored, link, strict=False, ignore_names=[*report.other_shape, *report.missing])
    report.unused.extend(name for name in stored if name not in read and name not in serializer.target)
    return report
