"""A table of a model's layers: shapes, parameters and the work of one forward pass."""
from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd_nn.config import get_dtype, no_backprop_mode, using_config
from autograd_nn.function_hook import FunctionHook
from autograd_nn.function_node import FunctionNode
from autograd_nn.link import Link
from autograd_nn.link_hook import ForwardPostprocessCallbackArgs, ForwardPreprocessCallbackArgs, LinkHook
from autograd_nn.types import DTypeLike

_WIDTH = 80


class _Recorder(LinkHook):
    """Notes which link runs, how often, and the shape of what it returns."""

    name = 'summary'

    def __init__(self) -> None:
        self.running: list[int] = []
        self.calls: Counter[int] = Counter()
        self.multiply_adds: Counter[int] = Counter()
        self.outputs: dict[int, str] = {}

    def forward_preprocess(self, args: ForwardPreprocessCallbackArgs) -> None:
        self.running.append(id(args.link))

    def forward_postprocess(self, args: ForwardPostprocessCallbackArgs) -> None:
        link = self.running.pop()
        self.calls[link] += 1
        self.outputs[link] = _shape_text(args.out)


class _Counter(FunctionHook):
    """Counts the multiply-adds of every function for the innermost link that runs."""

    name = 'summary'

    def __init__(self, recorder: _Recorder) -> None:
        self.recorder = recorder

    def forward_postprocess(self, function: Any, in_data: tuple[Any, ...]) -> None:
        if isinstance(function, FunctionNode) and self.recorder.running:
            self.recorder.multiply_adds[self.recorder.running[-1]] += function.multiply_adds(in_data)


def _shape_text(out: Any) -> str:
    """The shape of one sample of what a link returned."""
    if isinstance(out, dict):
        out = tuple(out.values())
    if isinstance(out, (tuple, list)):
        return ', '.join(map(_shape_text, out))
    return str(out.shape[1:]) if hasattr(out, 'shape') else '-'


@dataclass
class Row:
    """A line of the table.

    Attributes:
        path: The link's path, such as ``'/block/conv1'``; ``'/'`` for the model itself.
        type: The name of its class.
        calls: How often the forward pass has called it.
        output_shape: The shape of one sample of its output, as text; ``'-'`` where it was not called.
        parameters: The number of trainable numbers in its own parameters, without those of its children.
        multiply_adds: The number of multiplications, each with an addition, in the functions that it calls itself.
    """

    path: str
    type: str
    calls: int
    output_shape: str
    parameters: int
    multiply_adds: int

    @property
    def cells(self) -> list[str]:
        """The texts of the row's columns: path, class and calls, shape, parameters, multiply-adds."""
        calls = f' x{self.calls}' if self.calls > 1 else ''
        return [self.path[1:] or '(the model itself)', self.type + calls, self.output_shape,
                *(f'{n:,}' if n else '-' for n in (self.parameters, self.multiply_adds))]


class ModelSummary:
    """What `summary` found; as text it is the table.

    Attributes:
        rows: A `Row` for every link that has parameters, does counted work, or has no children.
        parameters: The number of trainable numbers in all parameters, shared ones counted once.
        multiply_adds: The number of multiply-adds of a forward pass with one sample.
    """

    def __init__(self, title: str, rows: list[Row], size: int) -> None:
        self.title = title
        self.rows = rows
        self.parameters = sum(row.parameters for row in rows)
        self.multiply_adds = sum(row.multiply_adds for row in rows)
        self._size = size

    def __str__(self) -> str:
        header = ['layer', 'type', 'output shape', 'parameters', 'multiply-adds']
        total = ['total', '', '', f'{self.parameters:,}', f'{self.multiply_adds:,}']
        cells = [header, *(row.cells for row in self.rows), total]
        widths = [max(map(len, column)) for column in zip(*cells)]
        cells = list(_break_paths(cells, _WIDTH - sum(widths[1:]) - 2 * len(widths[1:])))
        widths[0] = max(len(line[0]) for line in cells if any(line[1:]))
        lines = ['  '.join(cell.rjust(width) if i > 2 else cell.ljust(width)
                           for i, (cell, width) in enumerate(zip(line, widths))).rstrip() for line in cells]
        rule = '-' * max(map(len, lines))
        return '\n'.join([self.title, lines[0], rule, *lines[1:-1], rule, lines[-1],
                          f'{self._size / 2 ** 20:.2f} MiB of parameters; shapes and multiply-adds for one sample'])

    def __repr__(self) -> str:
        return f'<{type(self).__name__}: {self.parameters:,} parameters, {self.multiply_adds:,} multiply-adds>'


def _break_paths(lines: list[list[str]], room: int) -> Iterator[list[str]]:
    """Gives the beginnings of paths longer than the room lines of their own, above the rows that share them."""
    above = ''
    for path, *others in lines:
        names = path.split('/')
        # As much of the end of the path as there is room for, and at least the last name.
        count = max([1, *(n for n in range(1, len(names)) if 2 + len('/'.join(names[-n:])) <= room)])
        beginning = '' if len(path) <= room else '/'.join(names[:-count])
        if beginning not in ('', above):
            yield [beginning, *[''] * len(others)]
        above = beginning
        yield ['  ' + '/'.join(names[-count:]) if beginning else path, *others]


def summary(model: Link, input_shape: Sequence[Any],
            dtype: DTypeLike | list[DTypeLike] | None = None) -> ModelSummary:
    """Prints a table of a model's layers: output shapes, parameters, and multiply-adds of a forward pass.

    The model runs once, in test mode, on a batch of one sample of zeros. It stays as it is: parameters whose shape is
    not known yet are initialized in a copy only, and the random numbers of NumPy go on as if nothing had happened.
    Multiply-adds are counted for fully connected layers, convolutions, recurrent layers over sequences, attention and
    products of matrices, and for functions of yours that say theirs (see `FunctionNode.multiply_adds`); the rest of a
    network's work is small beside theirs.

    Args:
        model: A link whose ``forward`` takes arrays: a network, not the `links.Classifier` around it.
        input_shape: The shape of one sample, without the axis of the batch, such as ``(1, 28, 28)``; a list of shapes
            for a model with several inputs.
        dtype: The inputs' dtype, such as ``'int32'`` for a model that begins with `links.EmbedID`; ``config.dtype`` by
            default. A list of dtypes for several inputs.

    Returns:
        A `ModelSummary` with the numbers.

    Raises:
        TypeError: `model` is not a link.

    Example:
        >>> import autograd_nn as ann, autograd_nn.functions as F, autograd_nn.links as L
        >>> model = ann.Sequential(L.Convolution2D(None, 8, ksize=5), F.relu, L.Linear(10))
        >>> ann.summary(model, (1, 28, 28))
        Sequential, input (1, 28, 28)
        layer  type           output shape  parameters  multiply-adds
        -------------------------------------------------------------
        0      Convolution2D  (8, 24, 24)          208        115,200
        1      Linear         (10,)             46,090         46,080
        -------------------------------------------------------------
        total                                   46,298        161,280
        0.18 MiB of parameters; shapes and multiply-adds for one sample
        <ModelSummary: 46,298 parameters, 161,280 multiply-adds>
    """
    if not isinstance(model, Link):
        raise TypeError(f'summary: expected a Link as model, got {type(model).__name__}')
    shapes = [tuple(shape) for shape in input_shape] if isinstance(input_shape, list) else [tuple(input_shape)]
    dtypes = dtype if isinstance(dtype, list) else [dtype] * len(shapes)
    inputs = [model.device.xp.zeros((1, *shape), get_dtype(kind)) for shape, kind in zip(shapes, dtypes)]
    shared, recorder = model.copy('share'), _Recorder()
    random_state = np.random.get_state()
    try:
        with using_config('train', False), no_backprop_mode(), recorder, _Counter(recorder):
            shared(*inputs)
    finally:
        np.random.set_state(random_state)
    result = ModelSummary(f'{type(model).__name__}, input {", ".join(map(str, shapes))}', _rows(shared, recorder),
                          sum(param.array.nbytes for param in shared.params(include_uninit=False)))
    print(result)
    return result


def _rows(model: Link, recorder: _Recorder) -> list[Row]:
    rows = []
    paths: dict[int, str] = {}
    for path, param in model.namedparams(include_uninit=False):
        paths.setdefault(id(param), path)
    first_paths = set(paths.values())
    for path, link in model.namedlinks():
        parameters = sum(param.size for name, param in vars(link).items()
                         if f'{path.rstrip("/")}/{name}' in first_paths)
        # A link that stands in several places has run in all of them, and is counted in the first.
        multiply_adds = recorder.multiply_adds.pop(id(link), 0)
        if parameters or multiply_adds or not any(True for _ in link.children()):
            rows.append(Row(path, type(link).__name__, recorder.calls[id(link)],
                            recorder.outputs.get(id(link), '-'), parameters, multiply_adds))
    return rows
