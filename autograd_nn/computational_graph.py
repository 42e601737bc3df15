"""Drawings of the graph, in the language of Graphviz."""
from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from autograd_nn.backprop import ancestors
from autograd_nn.function_node import FunctionNode
from autograd_nn.types import PathLike
from autograd_nn.utils.layered_svg import layered_svg
from autograd_nn.variable import Variable, VariableNode

Node = Variable | VariableNode | FunctionNode
Style = Mapping[str, Any]

_GRAPH_STYLE = {'bgcolor': 'white', 'nodesep': '0.3', 'ranksep': '0.3'}
_NODE_STYLE = {'fontname': 'Helvetica', 'fontsize': '10', 'height': '0.3', 'margin': '0.12,0.05'}
_EDGE_STYLE = {'color': '#6E7781', 'arrowsize': '0.6'}
_VARIABLE_STYLE = {'shape': 'box', 'style': 'rounded,filled', 'color': '#8C959F', 'fillcolor': '#F3F4F6'}
_FUNCTION_STYLE = {'shape': 'box', 'style': 'filled', 'color': '#2F6DB5', 'fillcolor': '#CFE3FA'}


class DotNode:
    """A node of the graph as Graphviz draws it.

    Attributes:
        node: A `VariableNode` or a `FunctionNode`.
        id_: What it is called in the text.
        attribute: Its Graphviz attributes.

    Args:
        node: The node.
        attribute: Graphviz attributes, such as ``{'shape': 'box'}``, instead of the default ones of the same names.
        show_name: Whether to show the name of a Variable.
        name: What to call it; by default something that tells it from others.
    """

    def __init__(self, node: VariableNode | FunctionNode, attribute: Style | None = None, show_name: bool = True, *,
                 name: str | None = None) -> None:
        self.node = node
        self.id_ = str(id(node)) if name is None else name
        style, name = (_VARIABLE_STYLE, node.name) if isinstance(node, VariableNode) else (_FUNCTION_STYLE, None)
        self.attribute = {'label': f'{name}: {node.label}' if show_name and name is not None else node.label,
                          **style, **(attribute or {})}

    @property
    def label(self) -> str:
        """The statement that draws the node."""
        return f'{self.id_} {_attributes(self.attribute)}'


class Drawing:
    """Boxes and arrows, as text for Graphviz and as a picture. In a notebook it shows itself.

    Args:
        rankdir: The direction of drawing: ``'TB'`` (from top to bottom), ``'BT'``, ``'LR'`` or ``'RL'``.
    """

    def __init__(self, rankdir: str = 'TB') -> None:
        if rankdir not in ('TB', 'BT', 'LR', 'RL'):
            raise ValueError(f"{type(self).__name__}: expected rankdir 'TB', 'BT', 'LR' or 'RL', got {rankdir!r}")
        self.rankdir = rankdir

    def boxes(self) -> Iterable[Style]:
        """The Graphviz attributes of each box, its ``label`` among them."""
        raise NotImplementedError(f'{type(self).__name__} does not override boxes')

    def arrows(self) -> Iterable[tuple[int, int]]:
        """Which boxes the arrows connect, as pairs of indices."""
        raise NotImplementedError(f'{type(self).__name__} does not override arrows')

    def dump(self, format: str = 'dot') -> str:
        """The graph as text. Two graphs of the same structure have the same text.

        Args:
            format: ``'dot'``, the language of Graphviz.

        Raises:
            ValueError: Another format.
        """
        if format != 'dot':
            raise ValueError(f"dump: expected format 'dot', got {format!r}; save() draws pictures")
        return '\n'.join(['digraph graphname {', *(f'    {line};' for line in self._statements()), '}']) + '\n'

    def _statements(self) -> Iterator[str]:
        yield f'graph {_attributes({"rankdir": self.rankdir, **_GRAPH_STYLE})}'
        yield f'node {_attributes(_NODE_STYLE)}'
        yield f'edge {_attributes(_EDGE_STYLE)}'
        for i, box in enumerate(self.boxes()):
            yield f'n{i} {_attributes(box)}'
        for tail, head in self.arrows():
            yield f'n{tail} -> n{head}'

    def save(self, path: PathLike) -> None:
        """Writes the graph to a file, in the format that the suffix names.

        Args:
            path: A name that ends in ``.dot`` or ``.gv`` for the text, or in ``.svg``, ``.png`` or ``.pdf`` for a
                picture, which the program ``dot`` of Graphviz draws. Where that is not installed, an SVG is drawn
                without it: with the same boxes and arrows, in plainer places.

        Raises:
            ValueError: Another suffix.
            RuntimeError: Another picture than SVG is asked for where Graphviz is not installed, or it fails.
        """
        path = Path(path)
        suffix = path.suffix.lower()
        if suffix in ('.dot', '.gv'):
            path.write_text(self.dump(), encoding='utf-8')
        elif suffix == '.svg':
            path.write_text(self._repr_svg_(), encoding='utf-8')
        elif suffix in ('.png', '.pdf'):
            path.write_bytes(self._draw(suffix[1:]))
        else:
            raise ValueError(f'save: expected a name that ends in .dot, .gv, .svg, .png or .pdf, got {path}')

    def _draw(self, format: str) -> bytes:
        program = shutil.which('dot')
        if program is None:
            raise RuntimeError(f"save: a picture (.{format}) needs Graphviz's program dot, which is not installed: "
                               'apt install graphviz, brew install graphviz, or https://graphviz.org/download; '
                               'a name that ends in .svg or .dot needs nothing')
        result = subprocess.run([program, f'-T{format}'], input=self.dump().encode(), capture_output=True, check=False)
        if result.returncode:
            raise RuntimeError(f'save: dot failed: {result.stderr.decode(errors="replace").strip()}')
        return result.stdout

    def _repr_svg_(self) -> str:
        if shutil.which('dot') is None:
            return layered_svg(list(self.boxes()), list(self.arrows()), self.rankdir)
        return self._draw('svg').decode()


class ComputationalGraph(Drawing):
    """A part of the graph, to be drawn.

    Attributes:
        nodes: The `VariableNode` and `FunctionNode` objects, in the order of the computation.
        edges: Pairs of nodes, in the direction of the computation.
        variable_style: Graphviz attributes of Variables, instead of the default ones of the same names.
        function_style: Graphviz attributes of functions, likewise.
        rankdir: The direction of drawing: ``'TB'``, ``'BT'``, ``'LR'`` or ``'RL'``.
        show_name: Whether to show the names of Variables.
    """

    def __init__(self, nodes: list[VariableNode | FunctionNode],
                 edges: list[tuple[VariableNode | FunctionNode, VariableNode | FunctionNode]],
                 variable_style: Style | None = None, function_style: Style | None = None, rankdir: str = 'TB',
                 *, show_name: bool = True) -> None:
        super().__init__(rankdir)
        self.nodes = nodes
        self.edges = edges
        self.variable_style = {**_VARIABLE_STYLE, **(variable_style or {})}
        self.function_style = {**_FUNCTION_STYLE, **(function_style or {})}
        self.show_name = show_name

    def __len__(self) -> int:
        return len(self.nodes)

    def __contains__(self, node: object) -> bool:
        return node in self.nodes

    def boxes(self) -> Iterable[Style]:
        for node in self.nodes:
            style = self.variable_style if isinstance(node, VariableNode) else self.function_style
            yield DotNode(node, style, self.show_name).attribute

    def arrows(self) -> Iterable[tuple[int, int]]:
        index = {node: i for i, node in enumerate(self.nodes)}
        return [(index[tail], index[head]) for tail, head in self.edges]


def _attributes(style: Style) -> str:
    return '[' + ', '.join(f'{name}={_quote(str(value))}' for name, value in style.items()) + ']'


def _quote(text: str) -> str:
    """A string of the language, with what it or its record labels would interpret escaped."""
    escaped = re.sub(r'([\\"{}|<>])', r'\\\1', text).replace('\n', '\\n')
    return f'"{escaped}"'


def build_computational_graph(outputs: Node | Iterable[Node], remove_split: bool = True,
                              variable_style: Style | None = None, function_style: Style | None = None,
                              rankdir: str = 'TB', remove_variable: bool = False,
                              show_name: bool = True) -> ComputationalGraph:
    """Collects everything that some results were computed from, to draw it.

    Args:
        outputs: A Variable, a `VariableNode` or a `FunctionNode`, or several.
        remove_split: True; here for compatibility.
        variable_style: Graphviz attributes of Variables, such as ``{'fillcolor': 'yellow'}``.
        function_style: Graphviz attributes of functions.
        rankdir: The direction of drawing: ``'TB'`` (from top to bottom), ``'BT'``, ``'LR'`` or ``'RL'``.
        remove_variable: Draw functions alone.
        show_name: Show the names of Variables.

    Returns:
        A `ComputationalGraph`; its `dump` gives the text, its `save` writes it or a picture.

    Example:
        >>> import numpy as np, autograd_nn as ann
        >>> from autograd_nn.computational_graph import build_computational_graph
        >>> x = ann.Variable(np.zeros((2, 3), 'f'), name='x')
        >>> graph = build_computational_graph(ann.functions.exp(x))
        >>> [node.label for node in graph.nodes]
        ['(2, 3), float32', 'Exp', '(2, 3), float32']
        >>> print(graph.dump())
        digraph graphname {
        ...
            n0 [label="x: (2, 3), float32", ...];
            n1 [label="Exp", ...];
            n2 [label="(2, 3), float32", ...];
            n0 -> n1;
            n1 -> n2;
        }
    """
    if not remove_split:
        raise ValueError('build_computational_graph: expected remove_split=True; there are no split nodes to show')
    ends = [outputs] if isinstance(outputs, Node) else list(outputs)
    ends = [end.node if isinstance(end, Variable) else end for end in ends]
    functions = ancestors(node for node in ends if isinstance(node, VariableNode))
    for func in ends:
        if isinstance(func, FunctionNode):
            functions |= {func} | ancestors(func.inputs or ())
    ordered = sorted(functions, key=lambda func: func.rank)
    last = [node for node in ends if isinstance(node, VariableNode)]
    nodes, edges = _between_functions(ordered) if remove_variable else _with_variables(ordered, last)
    return ComputationalGraph(nodes, edges, variable_style, function_style, rankdir, show_name=show_name)


def _between_functions(functions: list[FunctionNode]) -> tuple[list[Any], list[tuple[Any, Any]]]:
    edges = {(node.creator, func): None for func in functions for node in func.inputs or () if node.creator}
    return [*functions], [*edges]


def _with_variables(functions: list[FunctionNode], last: list[VariableNode]) -> tuple[list[Any], list[tuple[Any, Any]]]:
    # One output of a function may have several nodes: in backward, a new one stands in where a Variable is gone.
    nodes: dict[Any, VariableNode | FunctionNode] = {}
    edges: dict[tuple[Any, Any], None] = {}

    def variable(node: VariableNode) -> VariableNode | FunctionNode:
        func = node.creator
        key = node if func is None else (func, node.index)
        if key not in nodes:
            nodes[key] = node
            if func is not None:
                edges[func, node] = None
        return nodes[key]

    for func in functions:
        sources = [variable(node) for node in func.inputs or ()]
        nodes[func] = func
        for source in sources:
            edges[source, func] = None
    for node in last:
        variable(node)
    return [*nodes.values()], [*edges]
