"""Drawings of directed graphs without cycles, as SVG: boxes in layers, arrows between them."""
from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

_CHARACTER = 6.4  # the mean width of one, in pixels, at the size of the text
_LINE, _PADDING, _GAP, _RANK_GAP = 15, 8, 18, 26
_SWEEPS = 8


class _Place:
    """A box, or a point where an arrow passes a layer."""

    def __init__(self, label: Sequence[str], style: Mapping[str, Any] | None, is_level: bool) -> None:
        self.label = label
        self.style = style
        width = max((len(line) for line in label), default=0) * _CHARACTER + 2 * _PADDING if style is not None else 0.
        height = float(len(label) * _LINE + _PADDING) if style is not None else 0.
        # Across the layers and along them.
        self.breadth, self.depth = (height, width) if is_level else (width, height)
        self.before: list[_Place] = []
        self.after: list[_Place] = []
        self.x = self.y = 0.


def layered_svg(boxes: Sequence[Mapping[str, Any]], arrows: Sequence[tuple[int, int]], rankdir: str = 'TB') -> str:
    """Draws a graph: every box is in a layer behind those it has arrows from, near to them.

    Args:
        boxes: The ``label`` of each (lines of text), and Graphviz's ``fillcolor``, ``color`` and ``style``
            (with ``rounded`` in it or not).
        arrows: Pairs of indices of boxes.
        rankdir: The direction: ``'TB'``, ``'BT'``, ``'LR'`` or ``'RL'``.

    Returns:
        The text of an SVG.

    Example:
        >>> svg = layered_svg([{'label': 'x'}, {'label': 'sin(x) < 1'}], [(0, 1)])
        >>> svg.count('<rect'), svg.count('marker-end'), 'sin(x) &lt; 1' in svg
        (2, 1, True)
    """
    is_level = rankdir in ('LR', 'RL')
    places = [_Place(str(box.get('label', '')).split('\n'), box, is_level) for box in boxes]
    ranks = _ranks(len(places), arrows)
    layers: list[list[_Place]] = [[] for _ in range(max(ranks, default=-1) + 1)]
    for place, rank in zip(places, ranks):
        layers[rank].append(place)
    routes = []
    for tail, head in arrows:
        route = [places[tail]]
        for rank in range(ranks[tail] + 1, ranks[head]):
            passage = _Place((), None, is_level)
            layers[rank].append(passage)
            route.append(passage)
        route.append(places[head])
        routes.append(route)
        for one, other in itertools.pairwise(route):
            one.after.append(other)
            other.before.append(one)
    _arrange(layers)
    breadth = max((place.x + place.breadth / 2 for layer in layers for place in layer), default=0.)
    depth = -float(_RANK_GAP)
    for layer in layers:
        thickness = max(place.depth for place in layer)
        depth += _RANK_GAP
        for place in layer:
            place.y = depth + thickness / 2
        depth += thickness
    depth = max(depth, 0.)

    def point(x: float, y: float) -> tuple[float, float]:
        y = depth - y if rankdir in ('BT', 'RL') else y
        return (y, x) if is_level else (x, y)

    width, height = (depth, breadth) if is_level else (breadth, depth)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width + 12:.0f}" height="{height + 12:.0f}" '
             f'viewBox="-6 -6 {width + 12:.0f} {height + 12:.0f}" font-family="Helvetica, Arial, sans-serif" '
             'font-size="12">',
             '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
             'orient="auto"><path d="M0,0.5 L8,4 L0,7.5 z" fill="#6E7781"/></marker></defs>',
             f'<path d="M-6,-6 h{width + 12:.0f} v{height + 12:.0f} h-{width + 12:.0f} z" fill="white"/>']
    parts += [_arrow(route, point) for route in routes]
    parts += [_box(place, point, is_level) for place in places]
    return '\n'.join([*parts, '</svg>']) + '\n'


def _ranks(count: int, arrows: Sequence[tuple[int, int]]) -> list[int]:
    """The number of the layer of each box: one more than the highest it has an arrow from."""
    ranks = [0] * count
    for _ in range(count):
        before = list(ranks)
        for tail, head in arrows:
            ranks[head] = max(ranks[head], ranks[tail] + 1)
        if ranks == before:
            break
    # What begins the graph stands just above what needs it first.
    nearest: dict[int, int] = {}
    for tail, head in arrows:
        nearest[tail] = min(ranks[head], nearest.get(tail, ranks[head]))
    for i in nearest.keys() - {head for _, head in arrows}:
        ranks[i] = nearest[i] - 1
    return ranks


def _arrange(layers: list[list[_Place]]) -> None:
    """Puts the boxes of each layer in an order and in places near those that they are connected with."""
    for layer in layers:
        _spread(layer, [0.] * len(layer))
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        for layer in layers if down else reversed(layers):
            wanted = []
            for place in layer:
                near = place.before if down else place.after
                wanted.append(sum(each.x for each in near) / len(near) if near else place.x)
            if sweep < _SWEEPS - 2:
                order = sorted(range(len(layer)), key=wanted.__getitem__)
                layer[:], wanted = [layer[i] for i in order], [wanted[i] for i in order]
            _spread(layer, wanted)
    left = min((place.x - place.breadth / 2 for layer in layers for place in layer), default=0.)
    for layer in layers:
        for place in layer:
            place.x -= left


def _spread(layer: list[_Place], wanted: list[float]) -> None:
    """Puts boxes where they want to be as far as they do not overlap; a group that is too narrow spreads evenly."""
    # Neighbours that would overlap are joined to a block, whose mean is where their wishes' mean is.
    blocks: list[tuple[list[_Place], list[float], float]] = []
    for place, wish in zip(layer, wanted):
        members, offsets, center = [place], [0.], wish
        while blocks:
            others, their, where = blocks[-1]
            needed = where + their[-1] + others[-1].breadth / 2 + _GAP + members[0].breadth / 2
            if needed <= center + offsets[0]:
                break
            blocks.pop()
            shift = their[-1] + others[-1].breadth / 2 + _GAP + members[0].breadth / 2 - offsets[0]
            total = len(others) + len(members)
            joined = [*their, *[offset + shift for offset in offsets]]
            center = (where * len(others) + (center - shift) * len(members)) / total
            members, offsets = [*others, *members], joined
        blocks.append((members, offsets, center))
    for members, offsets, center in blocks:
        for place, offset in zip(members, offsets):
            place.x = center + offset


def _arrow(route: list[_Place], point: Any) -> str:
    first, last = route[0], route[-1]
    corners = [(first.x, first.y + first.depth / 2), *[(each.x, each.y) for each in route[1:-1]],
               (last.x, last.y - last.depth / 2)]
    path = 'M{:.1f},{:.1f}'.format(*point(*corners[0]))
    for (x0, y0), (x1, y1) in itertools.pairwise(corners):
        middle = (y0 + y1) / 2
        path += ' C{:.1f},{:.1f} {:.1f},{:.1f} {:.1f},{:.1f}'.format(
            *point(x0, middle), *point(x1, middle), *point(x1, y1))
    return f'<path d="{path}" fill="none" stroke="#6E7781" marker-end="url(#head)"/>'


def _box(place: _Place, point: Any, is_level: bool) -> str:
    style = place.style or {}
    x, y = point(place.x, place.y)
    width, height = (place.depth, place.breadth) if is_level else (place.breadth, place.depth)
    radius = 6 if 'rounded' in str(style.get('style', '')) else 0
    lines = ''.join(f'<text x="{x:.1f}" y="{y + (i - (len(place.label) - 1) / 2) * _LINE + 4:.1f}" '
                    f'text-anchor="middle">{escape(line)}</text>' for i, line in enumerate(place.label))
    return (f'<rect x="{x - width / 2:.1f}" y="{y - height / 2:.1f}" width="{width:.1f}" height="{height:.1f}" '
            f'rx="{radius}" fill="{escape(str(style.get("fillcolor", "white")))}" '
            f'stroke="{escape(str(style.get("color", "black")))}"/>{lines}')
