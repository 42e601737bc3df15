"""A link that makes the calls which were recorded with symbols."""
from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from autograd_nn.backend import is_array
from autograd_nn.computational_graph import Drawing, Style
from autograd_nn.link import Chain, Link
from autograd_nn.symbolic import Call, Length, Symbol, name_of
from autograd_nn.types import ArrayLike
from autograd_nn.utils.nested import map_nested
from autograd_nn.variable import Parameter, Variable, as_variable

_LINK_STYLE = {'fillcolor': '#CFE3FA', 'color': '#2F6DB5'}
_FUNCTION_STYLE = {'fillcolor': '#F3F4F6', 'color': '#8C959F', 'style': 'rounded,filled'}
_INPUT_STYLE = {'fillcolor': '#DDF4E4', 'color': '#2E8B57', 'style': 'rounded,filled'}


@dataclass(frozen=True)
class Result:
    """A place in what a step returned.

    Attributes:
        step: Which step's; the inputs come first.
        path: Where in it: indices and keys, one within the other.
    """

    step: int
    path: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Size:
    """The length of an axis of a `Result`."""

    of: Result
    axis: int


@dataclass(frozen=True)
class Attribute:
    """An attribute of the link: a parameter or an array that is no input."""

    name: str


@dataclass
class Step:
    """A call of a network.

    Attributes:
        link: The name of the child that is called; None for a function.
        function: The function that is called; None for a child.
        args: The arguments, with a `Result`, a `Size` or an `Attribute` where those come from.
        kwargs: The keyword arguments, likewise.
        shape: What is shown of the result: its shape, with None for the number of samples.
        done: The steps whose results nobody needs afterwards.
    """

    link: str | None
    function: Callable[..., Any] | None
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    shape: str
    done: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class InputSpec:
    """What an input is like: the shape of one sample (of what is no input of samples: None), the dtype, the name."""

    shape: tuple[int | None, ...]
    dtype: str
    name: str | None = None


class Functional(Chain):
    """A network that was written as a formula of symbols (see `autograd_nn.Model`).

    Links that the formula calls become children, named by their classes (``linear``, ``linear_1``, …) in the order of
    the calls; a link that is called several times is one child. Every call of the network calls them, and the
    functions, anew: what depends on the mode or on random numbers, does so at that time.

    Args:
        inputs: A symbol or several.
        outputs: A symbol, or several in a tuple, a list or a dict: what the network returns.

    Raises:
        ValueError: The outputs need an input that is not among `inputs`.
        TypeError: Something is no symbol.
    """

    def __init__(self, inputs: Any, outputs: Any) -> None:
        super().__init__()
        ends = [inputs] if isinstance(inputs, Symbol) else list(inputs)
        found: list[Symbol] = []
        map_nested(found.append, outputs)
        for symbol in (*ends, *found):
            if not isinstance(symbol, Symbol):
                raise TypeError(f'Model: expected symbols, which begin with Input, got {type(symbol).__name__}')
        self._inputs = [InputSpec(tuple(n if isinstance(n, int) else None for n in x.shape), x.dtype.name, x.name)
                        for x in ends]
        calls = _calls_between(ends, found)
        given = {id(symbol): i for i, symbol in enumerate(ends)}
        steps = {id(call): i for i, call in enumerate(calls, len(ends))}
        names: dict[int, str] = {}

        def place(symbol: Symbol) -> Result:
            return Result(given[id(symbol)]) if id(symbol) in given else Result(steps[id(symbol.call)], symbol.path)

        def value(x: Any) -> Any:
            if isinstance(x, Symbol):
                return place(x)
            if isinstance(x, Length):
                return Size(place(x.symbol), x.axis)
            if isinstance(x, (Variable, Link)) or is_array(x):
                return Attribute(self._keep(x, names))
            return x

        self._steps: list[Step] = []
        for call in calls:
            is_link = isinstance(call.function, Link)
            link = self._keep(call.function, names) if is_link else None
            self._steps.append(Step(link, None if is_link else call.function,
                                    map_nested(value, call.args), map_nested(value, call.kwargs), call.shape))
        self._outputs = map_nested(value, outputs)
        self._find_last_uses()

    def _keep(self, x: Any, names: dict[int, str]) -> str:
        """Makes a link, a parameter or an array an attribute, and tells its name."""
        if id(x) not in names:
            base = _snake_case(type(x).__name__) if isinstance(x, Link) else 'parameter' \
                if isinstance(x, Parameter) else 'constant'
            name, count = base, 0
            while hasattr(self, name):
                count += 1
                name = f'{base}_{count}'
            names[id(x)] = name
            if isinstance(x, (Link, Parameter)):
                with self.init_scope():
                    setattr(self, name, x)
            else:
                self.add_persistent(name, x.array if isinstance(x, Variable) else x)
        return names[id(x)]

    def _find_last_uses(self) -> None:
        """Notes when a result can go, so that inference holds no more of them than it has to."""
        last: dict[int, int] = {}
        for i, step in enumerate(self._steps):
            for result in _results_in((step.args, step.kwargs)):
                last[result.step] = i
        for result in _results_in(self._outputs):
            last.pop(result.step, None)
        for step in self._steps:
            step.done = []
        for used, i in last.items():
            self._steps[i].done.append(used)

    def parts(self) -> dict[str, Any]:
        """What `assemble` makes the network of again: its links, the names of its parameters and arrays, the calls."""
        return {'links': dict(self._named_children()), 'parameters': list(self._params),
                'constants': list(self._persistent), 'inputs': self._inputs, 'steps': self._steps,
                'outputs': self._outputs}

    def assemble(self, links: dict[str, Link], parameters: list[str], constants: list[str], inputs: list[InputSpec],
                 steps: list[Step], outputs: Any) -> None:
        """Makes the network of its parts, in the place of the constructor.

        Args:
            links: The children by name.
            parameters: The names of its own parameters, which have no values yet.
            constants: The names of its persistent arrays, likewise.
            inputs: What the inputs are like.
            steps: The calls, in their order.
            outputs: Where what it returns comes from.
        """
        Chain.__init__(self, **links)
        with self.init_scope():
            for name in parameters:
                setattr(self, name, Parameter())
        for name in constants:
            self.add_persistent(name, None)
        self._inputs, self._steps, self._outputs = inputs, steps, outputs
        self._find_last_uses()

    @property
    def input_specs(self) -> list[InputSpec]:
        """What the inputs are like, in their order."""
        return list(self._inputs)

    @property
    def steps(self) -> list[Step]:
        """The calls, in their order."""
        return list(self._steps)

    def forward(self, *inputs: ArrayLike) -> Any:
        """Makes the calls.

        Args:
            inputs: Variables or arrays, as many as there are inputs, of their shapes.

        Returns:
            What the outputs were written as: a Variable, or a tuple, a list or a dict of these.

        Raises:
            ValueError: Number or shapes of the inputs are wrong.
        """
        self._check(inputs)
        results: list[Any] = [as_variable(x) for x in inputs]

        def value(x: Any) -> Any:
            kind = type(x)
            if kind is Result:
                found = results[x.step]
                for key in x.path:
                    found = found[key]
                return found
            if kind is Size:
                return value(x.of).shape[x.axis]
            return getattr(self, x.name) if kind is Attribute else x

        for step in self._steps:
            function: Any = step.function if step.link is None else getattr(self, step.link)
            results.append(function(*[map_nested(value, x) for x in step.args],
                                    **(map_nested(value, step.kwargs) if step.kwargs else {})))
            for i in step.done:
                results[i] = None
        return map_nested(value, self._outputs)

    def _check(self, inputs: tuple[Any, ...]) -> None:
        if len(inputs) != len(self._inputs):
            raise ValueError(f'{type(self).__name__}: expected {len(self._inputs)} inputs, got {len(inputs)}')
        for i, (x, spec) in enumerate(zip(inputs, self._inputs)):
            shape = getattr(x, 'shape', ())
            if len(shape) != len(spec.shape) or any(m is not None and n != m for n, m in zip(shape, spec.shape)):
                raise ValueError(f'{type(self).__name__}: input {spec.name or i} must have the shape {spec.shape}, '
                                 f'None for any number; it has {tuple(shape)}')

    def graph(self, rankdir: str = 'TB') -> LayerGraph:
        """A drawing of the calls: ``model.graph().save('model.svg')``, or the last line of a notebook's cell.

        Args:
            rankdir: The direction of drawing: ``'TB'`` (from top to bottom), ``'BT'``, ``'LR'`` or ``'RL'``.

        Example:
            >>> import autograd_nn as ann, autograd_nn.functions as F, autograd_nn.links as L
            >>> x = ann.Input(4, name='x')
            >>> print(ann.Model(x, F.relu(L.Linear(3)(x)) + 1).graph().dump())
            digraph graphname {
            ...
                n0 [label="x: (None, 4)", ...];
                n1 [label="linear: Linear\\n(None, 3)", ...];
                n2 [label="relu\\n(None, 3)", ...];
                n3 [label="add\\n(None, 3)", ...];
                n0 -> n1;
                n1 -> n2;
                n2 -> n3;
            }
        """
        nodes = [(f'{spec.name or "input"}: {spec.shape}', _INPUT_STYLE) for spec in self._inputs]
        edges: dict[tuple[int, int], None] = {}
        for i, step in enumerate(self._steps, len(self._inputs)):
            what = name_of(step.function) if step.link is None else f'{step.link}: {type(self[step.link]).__name__}'
            nodes.append((f'{what}\n{step.shape}', _FUNCTION_STYLE if step.link is None else _LINK_STYLE))
            edges.update(dict.fromkeys((result.step, i) for result in _results_in((step.args, step.kwargs))))
        return LayerGraph(nodes, list(edges), rankdir)


class LayerGraph(Drawing):
    """The calls of a network, to be drawn.

    Attributes:
        nodes: What stands in each box, and its Graphviz attributes.
        edges: Pairs of indices of nodes, in the direction of the computation.

    Args:
        nodes: As above.
        edges: As above.
        rankdir: The direction of drawing: ``'TB'``, ``'BT'``, ``'LR'`` or ``'RL'``.
    """

    def __init__(self, nodes: Sequence[tuple[str, Style]], edges: Sequence[tuple[int, int]],
                 rankdir: str = 'TB') -> None:
        super().__init__(rankdir)
        self.nodes = nodes
        self.edges = edges

    def boxes(self) -> Iterable[Style]:
        return [{'label': label, 'shape': 'box', 'style': 'filled', **style} for label, style in self.nodes]

    def arrows(self) -> Iterable[tuple[int, int]]:
        return self.edges


def _calls_between(inputs: list[Symbol], outputs: list[Symbol]) -> list[Call]:
    """The calls by which the outputs come from the inputs, in the order in which they were recorded."""
    ends = set(map(id, inputs))
    found: dict[int, Call] = {}
    waiting = list(outputs)
    while waiting:
        symbol = waiting.pop()
        if id(symbol) in ends:
            continue
        if symbol.call is None:
            raise ValueError(f'Model: the outputs need {symbol!r}, which is not among the inputs')
        if id(symbol.call) not in found:
            found[id(symbol.call)] = symbol.call

            def collect(x: Any) -> None:
                if isinstance(x, Symbol):
                    waiting.append(x)
                elif isinstance(x, Length):
                    waiting.append(x.symbol)

            map_nested(collect, (symbol.call.args, symbol.call.kwargs))
    return sorted(found.values(), key=lambda call: call.order)


def _results_in(value: Any) -> Iterator[Result]:
    found: list[Any] = []
    map_nested(found.append, value)
    for x in found:
        if isinstance(x, Size):
            x = x.of
        if isinstance(x, Result):
            yield x


def _snake_case(name: str) -> str:
    """``BatchNormalization`` as ``batch_normalization``, ``NStepLSTM`` as ``n_step_lstm``."""
    return re.sub(r'(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])', '_', name).lower()
