"""A network of Caffe that grows by layers."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd_nn import backend
from autograd_nn.caffe.schema import LayerParameter, NetParameter
from autograd_nn.link import Link
from autograd_nn.types import Array


@dataclass
class Operand:
    """An input of a function.

    Attributes:
        name: The blob of the network that it is; None for a constant.
        array: Its value in the run that is exported.
    """

    name: str | None
    array: np.ndarray

    @property
    def is_constant(self) -> bool:
        """Whether it does not depend on the inputs of the network."""
        return self.name is None

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape in that run."""
        return self.array.shape


class CaffeGraph:
    """The network so far.

    Args:
        name: Its name.
        model: The links whose names the layers get.

    Attributes:
        net: The `NetParameter` message.
        blobs: The layers' weights by name.
    """

    def __init__(self, name: str, model: Link) -> None:
        self.net = NetParameter(name=name)
        self.blobs: dict[str, list[np.ndarray]] = {}
        self._names: set[str] = set()
        # An operand is the very array that the link owns. The arrays are kept, lest others get their identities.
        self._owners: dict[int, str] = {}
        self._owned: list[Any] = []
        for path, link in model.namedlinks():
            for key in (*link._params, *link._persistent):
                value = getattr(link, key)
                array = getattr(value, 'array', value)
                if backend.is_array(array) and path != '/':
                    self._owners.setdefault(id(array), path.strip('/'))
                    self._owned.append(array)

    def fetch(self, array: Array) -> np.ndarray:
        """An array on the CPU, which belongs to the same link."""
        fetched = backend.to_cpu(array)
        if id(array) in self._owners:
            self._owners[id(fetched)] = self._owners[id(array)]
            self._owned.append(fetched)
        return fetched

    def add_input(self, name: str, shape: tuple[int, ...]) -> None:
        """Adds a layer of type Input, whose blob of `shape` has the layer's name."""
        self._names.add(name)
        self.net.layer.append(LayerParameter(name=name, type='Input', top=[name],
                                             input_param={'shape': [{'dim': shape}]}))

    def add(self, kind: str, bottoms: Iterable[Operand | str], blobs: Sequence[np.ndarray] = (), *,
            owners: Sequence[np.ndarray] = (), outputs: int = 1, **parameters: Any) -> Any:
        """Adds a layer.

        Args:
            kind: Caffe's name of its type.
            bottoms: Its inputs: operands, or the names of blobs.
            blobs: Its weights.
            owners: The arrays whose link the layer is named after, if not `blobs`.
            outputs: The number of its outputs.
            parameters: Its settings, such as ``relu_param={'negative_slope': 0.1}``.

        Returns:
            The name of its output; a list where `outputs` is not 1.
        """
        name = self._make_name(kind, owners or blobs)
        tops = [name] if outputs == 1 else [f'{name}_{i + 1}' for i in range(outputs)]
        names = [bottom if isinstance(bottom, str) else bottom.name for bottom in bottoms]
        self.net.layer.append(LayerParameter(name=name, type=kind, bottom=names, top=tops, **parameters))
        if blobs:
            self.blobs[name] = [np.asarray(blob, np.float32) for blob in blobs]
        return name if outputs == 1 else tops

    def _make_name(self, kind: str, owners: Sequence[np.ndarray]) -> str:
        wanted = next((self._owners[id(array)] for array in owners if id(array) in self._owners), None)
        candidates = (f'{kind.lower()}{i}' for i in range(1, len(self._names) + 2))
        if wanted is not None:
            candidates = (wanted if i == 1 else f'{wanted}_{i}' for i in range(1, len(self._names) + 2))
        name = next(name for name in candidates if name not in self._names)
        self._names.add(name)
        return name
