"""In which order a network's layers run, which of them run as a row, and how long their results are kept."""
from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import autograd_nn.links as L
from autograd_nn.caffe.layers.normalization import BatchNorm, Fold, Scale
from autograd_nn.caffe.layers.shape import Eltwise
from autograd_nn.link import Link
from autograd_nn.sequential import run_layers
from autograd_nn.variable import Variable

Layer = Callable[..., Any]


@dataclass(frozen=True)
class Step:
    """A layer of a network.

    Attributes:
        name: Its name.
        type: Its type in Caffe.
        layer: What computes it: a function, or the name of the network's child that does.
        bottoms: The blobs that it takes.
        tops: The blobs that it makes; one that has a bottom's name takes its place.
        each: Whether it makes a top of each bottom, one by one.
        loss_weights: The factor of each top in the total loss; empty where it has no part in it.
    """

    name: str
    type: str
    layer: Layer | str
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    each: bool = False
    loss_weights: tuple[float, ...] = ()


@dataclass(frozen=True)
class Addition:
    """Adds a value that is there already to that of the layer before: the end of a residual block."""

    other: int


@dataclass
class Row:
    """Layers, each of which is all that uses the result of the one before.

    Attributes:
        layers: Functions, names of children, a `Fold` of two of them, and `Addition`.
        names: What errors call the layers.
        bottoms: The numbers of the values that the first layer takes.
        tops: Those of the values that the last one makes.
        done: Those of the values that nobody needs afterwards.
    """

    layers: list[Any]
    names: list[str]
    bottoms: tuple[int, ...]
    tops: tuple[int, ...]
    done: list[int] = field(default_factory=list)


class Plan:
    """What of a network runs to compute some blobs from others.

    Every blob that a layer makes has a number of its own, so that layers which work in place do not hide what was there
    before.

    Args:
        steps: The network's layers, in the order of the file.
        links: What the network's children are, by name.
        inputs: The blobs that are given.
        outputs: The names of the blobs to compute, or of layers, which stand for their first top; None for all blobs
            that no layer takes.
        disable: The names of layers to leave out.
        end: The name of the last layer to run; None for all.
        losses: Whether to compute, instead of `outputs`, all tops with a weight in the total loss.

    Attributes:
        names: The names of the outputs.
        loss_weights: With `losses`, the weights of the outputs in the total loss.

    Raises:
        ValueError: There is no such blob or layer, or it cannot be computed from these inputs.
    """

    def __init__(self, steps: Sequence[Step], links: Mapping[str, Link], inputs: Sequence[str],
                 outputs: Sequence[str] | None, disable: Collection[str] = (), end: str | None = None,
                 losses: bool = False) -> None:
        self.inputs = tuple(inputs)
        if end is not None and all(step.name != end for step in steps):
            raise ValueError(f'there is no layer {end!r}')
        enabled = [step for step in steps if step.name not in disable]
        calls, blobs, tops = _number(enabled, self.inputs, end)
        layers = {step.name: numbers[0] for step, numbers in tops if numbers}
        if losses:
            outputs = [step.name for step in enabled if any(step.loss_weights)]
            if not outputs:
                raise ValueError('no layer has a loss')
        elif outputs is None:
            used = {blob for step, _, _ in calls for blob in step.bottoms if blob not in step.tops}
            outputs = [blob for blob in blobs if blob not in used and blob not in self.inputs]
        self.names = tuple(outputs)
        unknown = [name for name in outputs if name not in layers and (losses or name not in blobs)]
        if unknown or not outputs:
            raise ValueError(_explain(enabled, unknown, blobs))
        weighted = [(number, weight) for step, numbers in tops for number, weight in zip(numbers, step.loss_weights)
                    if weight]
        self.loss_weights = [weight for _, weight in weighted]
        self.outputs = [number for number, _ in weighted] if losses else [
            blobs.get(name, layers.get(name, -1)) for name in outputs]
        calls = _needed(calls, self.outputs)
        uses = Counter(i for _, taken, _ in calls for i in taken)
        uses.update(self.outputs)
        self.rows: list[Row] = []
        for step, taken, made in calls:
            if not self.rows or not _join(self.rows[-1], step, taken, made, uses, links):
                self.rows.append(Row([step.layer], [step.name], taken, made))
        _release(self.rows, self.outputs)

    def run(self, links: Mapping[str, Link], values: Iterable[Any]) -> list[Any]:
        """Runs the layers.

        Args:
            links: The network's children by name.
            values: What the inputs are, in their order.

        Returns:
            Variables for the outputs.

        Raises:
            ValueError: A layer cannot work with what it is given; the message names it.
        """
        found: dict[int, Any] = dict(enumerate(values))
        for row in self.rows:
            layers = [layer for element in row.layers for layer in _resolve(element, links, found)]
            try:
                result = run_layers(layers, *[found[i] for i in row.bottoms])
            except (ValueError, TypeError) as error:
                name = _find_culprit(row, links, found)
                raise ValueError(f'layer {name!r}: {error}') from error
            results = result if isinstance(result, (tuple, list)) else (result,)
            if len(results) != len(row.tops):
                raise ValueError(f'layer {row.names[-1]!r}: expected {len(row.tops)} results, as it has '
                                 f'{len(row.tops)} tops, got {len(results)}')
            found.update(zip(row.tops, results))
            del layers, result, results
            for i in row.done:
                del found[i]
        return [found[i] for i in self.outputs]


def _find_culprit(row: Row, links: Mapping[str, Link], values: Mapping[int, Any]) -> str:
    """The name of the layer in a row that fails."""
    layers = [layer for element in row.layers
              for layer in ([links[name] for name in element.names] if isinstance(element, Fold)
                            else _resolve(element, links, values))]
    result = tuple(values[i] for i in row.bottoms)
    for name, layer in zip(row.names, layers):
        try:
            result = (layer(*result),)
        except (ValueError, TypeError):
            return name
    return row.names[-1]


Call = tuple[Step, tuple[int, ...], tuple[int, ...]]


def _number(steps: Sequence[Step], inputs: tuple[str, ...], end: str | None
            ) -> tuple[list[Call], dict[str, int], list[tuple[Step, tuple[int, ...]]]]:
    """The layers that can run, the numbers of the blobs in the end, and those of the tops of each layer."""
    blobs = {name: i for i, name in enumerate(inputs)}
    calls: list[Call] = []
    tops: list[tuple[Step, tuple[int, ...]]] = []
    count = len(inputs)
    for step in steps:
        if all(name in blobs for name in step.bottoms):
            taken = tuple(blobs[name] for name in step.bottoms)
            if step.type == 'Split':
                made = taken * len(step.tops)
            else:
                made = tuple(range(count, count + len(step.tops)))
                count += len(made)
                calls += _calls_for_each(step, taken, made) if step.each else [(step, taken, made)]
            # What is given takes the place of what a layer would make out of nothing.
            blobs.update((name, i) for name, i in zip(step.tops, made) if step.bottoms or name not in inputs)
            tops.append((step, made))
        if step.name == end:
            break
    return calls, blobs, tops


def _calls_for_each(step: Step, taken: tuple[int, ...], made: tuple[int, ...]) -> list[Call]:
    return [(replace(step, bottoms=(bottom,), tops=(top,)), (number,), (result,))
            for bottom, top, number, result in zip(step.bottoms, step.tops, taken, made)]


def _explain(steps: Sequence[Step], unknown: Sequence[str], blobs: Collection[str]) -> str:
    """Why some outputs cannot be computed from what is given."""
    wanted, seen, missing = list(unknown), set(blobs), []
    while wanted:
        name = wanted.pop()
        if name not in seen:
            seen.add(name)
            makers = [step for step in steps if (name in step.tops or name == step.name) and name not in step.bottoms]
            if not makers:
                missing.append(name)
            wanted += [blob for step in makers for blob in step.bottoms]
    names = ', '.join(map(repr, unknown)) or 'any output'
    if missing and not set(missing).intersection(unknown):
        return f'expected the inputs {", ".join(map(repr, sorted(missing)))}, too, to compute {names}'
    known = [*blobs] if len(blobs) < 12 else [*list(blobs)[:4], '...', *list(blobs)[-6:]]
    return f'there is no blob or layer {names}; there are {", ".join(known)}'


def _needed(calls: list[Call], outputs: Sequence[int]) -> list[Call]:
    """The calls that some outputs depend on."""
    needed, chosen = set(outputs), []
    for call in reversed(calls):
        if needed.intersection(call[2]):
            needed.update(call[1])
            chosen.append(call)
    return chosen[::-1]


def _join(row: Row, step: Step, taken: tuple[int, ...], made: tuple[int, ...], uses: Counter[int],
          links: Mapping[str, Link]) -> bool:
    """Appends a layer to a row if it is all that uses the row's result; tells whether it has."""
    if len(row.tops) != 1 or uses[row.tops[0]] != 1 or row.tops[0] not in taken:
        return False
    if len(taken) == 1:
        before = row.layers[-1]
        if (isinstance(before, str) and isinstance(step.layer, str) and isinstance(links.get(before), BatchNorm)
                and isinstance(links.get(step.layer), Scale)):
            row.layers[-1] = Fold((before, step.layer))
        else:
            row.layers.append(step.layer)
    elif len(taken) == 2 and isinstance(step.layer, Eltwise) and step.layer.is_sum:
        row.layers.append(Addition(taken[1] if taken[0] == row.tops[0] else taken[0]))
    else:
        return False
    row.names.append(step.name)
    row.tops = made
    return True


def _release(rows: list[Row], outputs: Sequence[int]) -> None:
    """Settles after which row each value is not needed any more."""
    seen = set(outputs)
    for row in reversed(rows):
        used = {*row.bottoms, *row.tops, *(layer.other for layer in row.layers if isinstance(layer, Addition))}
        row.done = sorted(used - seen)
        seen |= used


def _resolve(element: Any, links: Mapping[str, Link], values: Mapping[int, Variable]) -> list[Layer]:
    """What computes an element of a row."""
    if isinstance(element, str):
        return [links[element]]
    if isinstance(element, Fold):
        return list(element.resolve(links))
    return [L.Shortcut(values[element.other])] if isinstance(element, Addition) else [element]
