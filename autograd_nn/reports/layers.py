"""What a report shows of a network: how weights and gradients are distributed, filters, what layers return."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from autograd_nn.backend import is_array, to_cpu
from autograd_nn.config import no_backprop_mode, using_config
from autograd_nn.link import ForwardPostprocessCallbackArgs, Link
from autograd_nn.link_hook import LinkHook
from autograd_nn.reports.elements import Gallery, Marked, Picture, Section, Table
from autograd_nn.types import Array
from autograd_nn.utils.sampling import sample_elements
from autograd_nn.variable import Parameter, Variable

# As many elements of an array as these say how all of them are distributed.
SAMPLE = 40_000
# The most rows of tables, and pictures of a kind, so that a page stays one that can be read.
MOST_PARAMETERS = 150
MOST_LAYERS = 16
MOST_FILTERS = 64
# A weight whose gradient is so much smaller than the largest of all weights hardly learns.
VANISHING = 1e-3


class Statistics(NamedTuple):
    """How the elements of an array are distributed.

    Attributes:
        mean: Their mean.
        std: Their standard deviation.
        rms: The root of the mean of their squares.
        histogram: How many there are in equal intervals between the extremes.
        low: The smallest.
        high: The largest.
    """

    mean: float
    std: float
    rms: float
    histogram: np.ndarray
    low: float
    high: float


def describe(x: Array, bins: int = 32) -> Statistics:
    """How the elements of an array are distributed, by a sample of them.

    Args:
        x: The array.
        bins: The number of intervals of the histogram.
    """
    values = sample_elements(x, SAMPLE)
    finite = values[np.isfinite(values)]
    if not finite.size:
        return Statistics(np.nan, np.nan, np.nan, np.zeros(bins, int), np.nan, np.nan)
    histogram, edges = np.histogram(finite, bins)
    with np.errstate(invalid='ignore', over='ignore'):
        rms = float(np.sqrt(np.mean(values ** 2)))
        return Statistics(float(values.mean()), float(values.std()), rms, histogram, float(edges[0]), float(edges[-1]))


class Histogram:
    """A small drawing of a distribution.

    Args:
        statistics: The distribution.
        kind: A class of the style sheet.
    """

    def __init__(self, statistics: Statistics, kind: str = '') -> None:
        self.statistics = statistics
        self.kind = kind

    def html(self) -> str:
        """The drawing as HTML."""
        counts = self.statistics.histogram
        highest = max(int(counts.max()), 1)
        bars = ''.join(f'M{4 * i} 26v-{25 * count / highest:.1f}h3.4v{25 * count / highest:.1f}z'
                       for i, count in enumerate(counts.tolist()) if count)
        text = f'{self.statistics.low:.3g} to {self.statistics.high:.3g}'
        return (f'<svg class="histogram {self.kind}" viewBox="0 0 {4 * len(counts)} 26" preserveAspectRatio="none" '
                f'role="img" aria-label="from {text}"><title>{text}</title><path d="{bars}"/></svg>')


def distributions(params: Iterable[tuple[str, Parameter]]) -> Section | None:
    """How the weights of each layer, and the gradients of the last update, are distributed.

    Args:
        params: Parameters with their names.

    Returns:
        The section; None if there are no parameters.
    """
    found = [(name, param) for name, param in params if param.array is not None and param.array.size]
    if not found:
        return None
    # The weights say more than the many short vectors beside them.
    shown = {name for name, _ in sorted(found, key=lambda pair: pair[1].array.ndim < 2)[:MOST_PARAMETERS]}
    gradients = {name: describe(param.grad) for name, param in found if name in shown and has_gradient(param)}
    largest = max((gradients[name].rms for name, param in found
                   if name in gradients and param.ndim > 1 and np.isfinite(gradients[name].rms)), default=0.)
    rows = []
    for name, param in found:
        if name in shown:
            weights, grad = describe(param.array), gradients.get(name)
            rows.append([name, ' × '.join(map(str, param.shape)), Histogram(weights), weights.mean, weights.std,
                         *([None, None] if grad is None else [Histogram(grad, 'grad'), grad.rms]),
                         _remark(param, grad, largest)])
    note = ('Each bar chart goes from the smallest to the largest element; the gradients are those of the last '
            'update. A weight is marked as vanishing if the root mean square of its gradient is less than '
            f'{VANISHING:g} of the largest.')
    if len(shown) < len(found):
        note += f' {len(shown)} of {len(found)} parameters are shown.'
    columns = ['parameter', 'shape', 'values', 'mean', 'deviation', 'gradient', 'root mean square', '']
    return Section('Weights and gradients', [Table(columns, rows)], note)


def has_gradient(param: Parameter) -> bool:
    """Whether a parameter has a gradient; asking a new one for it would make one.

    Args:
        param: The parameter.
    """
    return param.grad_var is not None and param.grad is not None


def _remark(param: Parameter, grad: Statistics | None, largest: float) -> Any:
    rule = param.update_rule
    if not param.requires_grad or (rule is not None and not rule.enabled):
        return 'frozen'
    if grad is None:
        return ''
    if not np.isfinite(grad.rms):
        return Marked('not finite')
    if param.ndim > 1 and grad.rms <= VANISHING * largest:
        return Marked('vanishing')
    return ''


class Outputs(LinkHook):
    """Remembers what layers, links without children, got and returned when they first ran.

    Attributes:
        found: The layer with its first argument and what it returned, the first sample of each, in the order in which
            they ran.
    """

    name = 'ReportOutputs'

    def __init__(self) -> None:
        self.found: dict[int, tuple[Link, np.ndarray, np.ndarray]] = {}

    def forward_postprocess(self, args: ForwardPostprocessCallbackArgs) -> None:
        link = args.link
        if id(link) in self.found or any(link.children()):
            return
        x, y = (_first_sample(value) for value in (args.args[0] if args.args else None, args.out))
        if x is not None and y is not None:
            self.found[id(link)] = link, x, y


def _first_sample(value: Any) -> np.ndarray | None:
    array = value.array if isinstance(value, Variable) else value
    if not is_array(array) or array.ndim < 2 or not len(array) or array.dtype.kind != 'f':
        return None
    return to_cpu(array[0]).astype(np.float32)


def inspect_layers(network: Link, work: Callable[[], Any]) -> list[Section]:
    """What the layers of a network make of a sample, and what the first one looks for.

    Args:
        network: The network.
        work: Has it work on a sample, in inference; it may not.
    """
    # What draws random numbers here must not change what the training draws.
    state = np.random.get_state()
    with Outputs() as outputs, using_config('train', False), no_backprop_mode():
        work()
    np.random.set_state(state)
    names = {id(link): path.lstrip('/') for path, link in network.namedlinks(skipself=True)}
    found = [(names[key], *layer) for key, layer in outputs.found.items() if key in names]
    if not found:
        return []
    return [section for section in (_filters(*found[0][:3]), _activations(found)) if section is not None]


def _filters(name: str, link: Any, x: np.ndarray) -> Section | None:
    """Pictures of the weights of the first layer: of kernels, or of what is multiplied by a picture."""
    W = getattr(link, 'W', None)
    if not isinstance(W, Parameter) or W.array is None or W.ndim not in (2, 4):
        return None
    weights = to_cpu(W.array[:MOST_FILTERS]).astype(np.float32)
    if weights.ndim == 2:
        if x.ndim != 3 or x.size != weights.shape[1]:
            return None
        weights = weights.reshape(-1, *x.shape)
    if min(weights.shape[2:]) < 2:
        return None
    what = 'in colour' if weights.shape[1] == 3 else 'grey' if weights.shape[1] == 1 else 'of the first channel, grey'
    scale = max(1, min(10, 64 // weights.shape[-1]))
    sheet = Picture(tile(_as_pixels(weights)), f'the first {len(weights)} filters of {name}', scale)
    return Section('Filters of the first layer', [sheet],
                   f'{name}, {len(weights)} of {W.shape[0]}, {what}: each from its smallest (dark) to its largest '
                   'weight.')


def _activations(found: Sequence[tuple[str, Any, np.ndarray, np.ndarray]]) -> Section:
    """What layers return for a sample."""
    taken = found if len(found) <= MOST_LAYERS else [
        found[i] for i in np.linspace(0, len(found) - 1, MOST_LAYERS).round().astype(int)]
    rows = []
    for name, link, _, y in taken:
        rows.append([name, picture_of(y, name), type(link).__name__, ' × '.join(map(str, y.shape)), float(y.mean()),
                     float(y.std()), f'{np.mean(y <= 0):.0%}'])
    note = 'What layers return for the first sample that is evaluated, before what follows, such as a ReLU.'
    if len(taken) < len(found):
        note += f' {len(taken)} of {len(found)} layers are shown.'
    x = found[0][2]
    elements: list[Any] = [Table(['layer', 'outputs', 'kind', 'shape', 'mean', 'deviation', '≤ 0'], rows)]
    if x.ndim == 3 and x.shape[0] in (1, 3):
        shown = Picture(tile(_as_pixels(x[None])), 'what the network is given', max(1, 112 // x.shape[-1]))
        elements.insert(0, Gallery([(shown, 'the sample')]))
    return Section('Activations', elements, note)


def picture_of(y: np.ndarray, name: str) -> Picture | None:
    """A small picture of what a layer returns for a sample: its channels side by side, or its elements in rows.

    Args:
        y: Channels, height and width; a vector; or a matrix.
        name: The layer.

    Returns:
        The picture; None for arrays of other shapes.
    """
    text = f'what {name} returns'
    if y.ndim == 3 and min(y.shape[1:]) > 1:
        step = -(-max(y.shape[1:]) // 56)
        maps = y[:8, None, ::step, ::step]
        return Picture(tile(_as_pixels(maps, together=True), 8), text, max(1, 56 // maps.shape[-1]))
    y = y.reshape(y.shape[0], -1) if y.ndim > 1 else y
    if y.ndim == 1 or y.shape[1] == 1:
        y = y.ravel()[:512]
        width = min(len(y), 64)
        rows = np.full((-(-len(y) // width), width), y.min(), y.dtype)
        rows.ravel()[:len(y)] = y
        y = rows
    y = y[:64, :128]
    return Picture(tile(_as_pixels(y[None, None])), text, max(1, 448 // max(y.shape[1], 64)))


def tile(pictures: np.ndarray, columns: int = 16) -> Image.Image:
    """Puts small pictures side by side, a pixel apart.

    Args:
        pictures: Values from 0 to 255, of shape (N, H, W, 3), uint8.
        columns: How many stand in a row, at most.

    Example:
        >>> tile(np.zeros((3, 4, 5, 3), np.uint8), columns=2).size
        (11, 9)
    """
    count, height, width = pictures.shape[:3]
    columns = min(columns, count)
    rows = -(-count // columns)
    whole = np.zeros((rows * (height + 1) - 1, columns * (width + 1) - 1, 4), np.uint8)
    for i, picture in enumerate(pictures):
        top, left = i // columns * (height + 1), i % columns * (width + 1)
        whole[top:top + height, left:left + width, :3] = picture
        whole[top:top + height, left:left + width, 3] = 255
    return Image.fromarray(whole)


def _as_pixels(x: np.ndarray, together: bool = False) -> np.ndarray:
    """Arrays (N, C, H, W) as pictures (N, H, W, 3): of each, or of all together, the smallest value black."""
    x = x[:, :3] if x.shape[1] == 3 else x[:, :1].repeat(3, axis=1)
    axes = None if together else (1, 2, 3)
    low, high = x.min(axis=axes, keepdims=True), x.max(axis=axes, keepdims=True)
    with np.errstate(invalid='ignore'):
        pixels = np.nan_to_num((x - low) / np.maximum(high - low, 1e-12)) * 255
    return pixels.astype(np.uint8).transpose(0, 2, 3, 1)
