"""Writing a network as Caffe's files, from the graph that one run of it leaves."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from autograd_nn import backend
from autograd_nn.backprop import ancestors
from autograd_nn.caffe.writing import write_caffemodel, write_prototxt
from autograd_nn.config import using_config
from autograd_nn.dtypes import is_floating
from autograd_nn.exporters.caffe_graph import CaffeGraph, Operand
from autograd_nn.exporters.caffe_layers import convert
from autograd_nn.function_hook import FunctionHook
from autograd_nn.function_node import FunctionNode
from autograd_nn.link import Link
from autograd_nn.types import PathLike
from autograd_nn.variable import Variable, VariableNode


class _RecordInputs(FunctionHook):
    """Keeps the input arrays of all functions: what an intermediate result was is not in the graph."""

    name = 'exporters.caffe'

    def __init__(self) -> None:
        self.arrays: dict[FunctionNode, tuple[Any, ...]] = {}

    def forward_preprocess(self, function: FunctionNode, in_data: tuple[Any, ...]) -> None:
        self.arrays[function] = in_data


def export(model: Link, args: Any, directory: PathLike | None = None, export_params: bool = True,
           graph_name: str = 'Graph') -> tuple[Any, dict[str, list[np.ndarray]]]:
    """Writes a network as Caffe's ``chainer_model.prototxt`` and ``chainer_model.caffemodel``.

    The model is run once, in test mode, and what it computed becomes Caffe's layers. They are named after the links
    that own their weights, and their inputs after the keywords, or ``data``.

    Args:
        model: The model: a link that takes images or vectors and returns one or more Variables.
        args: What to call it with, float arrays or Variables: one, a tuple or list, or a dictionary of keyword
            arguments. Their shapes become those of the network's inputs.
        directory: Where to write; it is created if it does not exist. None writes nothing.
        export_params: Whether to write the weights as well.
        graph_name: The name of the network.

    Returns:
        The network, a message as `read_prototxt` returns it, and the weights by the names of layers.

    Raises:
        ValueError: The model computes something for which Caffe has no layer; the message says what.

    Example:
        >>> import numpy as np, autograd_nn as ann, autograd_nn.functions as F, autograd_nn.links as L
        >>> from autograd_nn import exporters
        >>> model = ann.Sequential(L.Convolution2D(3, 8, 3), F.relu, L.Linear(None, 10))
        >>> net, blobs = exporters.caffe.export(model, np.zeros((1, 3, 8, 8), 'f'))
        >>> [(layer.type, layer.name) for layer in net.layer]
        [('Input', 'data'), ('Convolution', '0'), ('ReLU', 'relu1'), ('Reshape', 'reshape1'), ('InnerProduct', '1')]
        >>> [blob.shape for blob in blobs['0']]
        [(8, 3, 3, 3), (8,)]
    """
    names, inputs = _name_inputs(args)
    hook = _RecordInputs()
    with using_config('train', False), using_config('enable_backprop', True), hook:
        outputs = model(**dict(zip(names, inputs, strict=True))) if isinstance(args, Mapping) else model(*inputs)
    graph = CaffeGraph(graph_name, model)
    for name, x in zip(names, inputs, strict=True):
        graph.add_input(name, x.shape)
    _convert_graph(graph, dict(zip((x.node for x in inputs), names, strict=True)), _as_list(outputs), hook.arrays)
    if directory is not None:
        path = Path(directory)
        path.mkdir(parents=True, exist_ok=True)
        write_prototxt(path / 'chainer_model.prototxt', graph.net)
        if export_params:
            write_caffemodel(path / 'chainer_model.caffemodel', graph.net, graph.blobs)
    return graph.net, graph.blobs


def _name_inputs(args: Any) -> tuple[list[str], list[Variable]]:
    if isinstance(args, Mapping):
        named = dict(args)
    else:
        values = list(args) if isinstance(args, (tuple, list)) else [args]
        named = {f'data{i + 1}' if len(values) > 1 else 'data': value for i, value in enumerate(values)}
    arrays = [value.array if isinstance(value, Variable) else value for value in named.values()]
    for name, array in zip(named, arrays, strict=True):
        if not backend.is_array(array) or not is_floating(array.dtype):
            raise ValueError(f'exporters.caffe.export: expected float arrays, got {name} of type '
                             f'{getattr(array, "dtype", type(array).__name__)}')
    return list(named), [Variable(array) for array in arrays]


def _as_list(outputs: Any) -> list[Variable]:
    if isinstance(outputs, Variable):
        return [outputs]
    values = list(outputs.values()) if isinstance(outputs, Mapping) else outputs
    if not isinstance(values, Sequence) or not values or not all(isinstance(y, Variable) for y in values):
        raise ValueError('exporters.caffe.export: expected a model that returns Variables, got '
                         f'{type(outputs).__name__}')
    return list(values)


def _convert_graph(graph: CaffeGraph, names: dict[VariableNode, str], outputs: list[Variable],
                   arrays: dict[FunctionNode, tuple[Any, ...]]) -> None:
    """Converts the functions between the inputs and the outputs.

    Args:
        graph: What to add layers to.
        names: The names of the inputs.
        outputs: The outputs.
        arrays: The functions' input arrays.
    """
    tops: dict[FunctionNode, list[str]] = {}

    def name_blob(node: VariableNode) -> str | None:
        creator = node.creator_node
        return names.get(node) if creator is None else tops[creator][node.index] if creator in tops else None

    for function in sorted(ancestors(y.node for y in outputs), key=lambda function: function.rank):
        operands = [Operand(name_blob(node), graph.fetch(array))
                    for node, array in zip(function.inputs or (), arrays[function], strict=True)]
        # What does not depend on the inputs, such as weights that were computed from others, is a constant.
        if any(operand.name is not None for operand in operands):
            tops[function] = convert(graph, function, operands)
    if any(y.creator_node not in tops for y in outputs):
        raise ValueError('exporters.caffe.export: an output does not depend on the inputs')
