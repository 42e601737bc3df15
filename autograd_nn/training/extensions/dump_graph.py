"""A drawing of the graph."""
from __future__ import annotations

import shutil
from pathlib import Path

from autograd_nn.computational_graph import build_computational_graph
from autograd_nn.serializer import AbstractSerializer, serialize_if_there
from autograd_nn.training.extension import Extension
from autograd_nn.training.extensions.kept_graph import KeptGraph
from autograd_nn.training.trainer import Trainer
from autograd_nn.utils.atomic import atomic_write


class DumpGraph(Extension):
    """Writes the graph behind a reported Variable, in the first iteration, for Graphviz, and as SVG if that is there.

    Args:
        root_name: The key of the Variable, usually ``'main/loss'``.
        filename: The file's name in the trainer's directory, ``cg.dot`` by default. The SVG has the same name with
            the suffix ``.svg``.
        variable_style: Graphviz attributes of Variables, such as ``{'shape': 'box'}``.
        function_style: Graphviz attributes of functions.
        out_name: An older name of `filename`.

    Raises:
        ValueError: When it is called, the observation has no Variable of that key.
    """

    default_name = 'dump_graph'

    def __init__(self, root_name: str, filename: str | None = None, variable_style: dict[str, str] | None = None,
                 function_style: dict[str, str] | None = None, *, out_name: str | None = None) -> None:
        self._root_name = root_name
        self._filename = out_name or filename or 'cg.dot'
        self._variable_style = variable_style
        self._function_style = function_style
        self._kept = KeptGraph(root_name)

    def trigger(self, trainer: Trainer) -> bool:
        """Fires in the first iteration."""
        return trainer.updater.iteration == 1

    def initialize(self, trainer: Trainer) -> None:
        self._kept.begin(trainer)

    def __call__(self, trainer: Trainer) -> None:
        root = self._kept.take(trainer)
        if root is None:
            raise ValueError(f'DumpGraph: expected a Variable named {self._root_name!r} in the observation, which has '
                             f'{", ".join(trainer.observation) or "nothing"}')
        graph = build_computational_graph([root], variable_style=self._variable_style,
                                          function_style=self._function_style)
        path = Path(trainer.out, self._filename)
        with atomic_write(path) as file:
            file.write(graph.dump().encode())
        if shutil.which('dot') is not None:
            graph.save(path.with_suffix('.svg'))

    def finalize(self) -> None:
        self._kept.end()

    def serialize(self, serializer: AbstractSerializer) -> None:
        """Stores what Chainer looks for; a file has nothing that is needed here."""
        serialize_if_there(serializer, '_original_flag', False)
        serialize_if_there(serializer, '_flag_called', True)
