"""Curves as SVG, whose values show below the pointer, on a linear and on a logarithmic scale."""
from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

# More points than these a curve on a screen does not show.
MOST_POINTS = 400
WIDTH, HEIGHT = 520, 250
LEFT, RIGHT, TOP, BOTTOM = 62, 12, 12, 30
Point = tuple[float, float]


@dataclass(frozen=True)
class Series:
    """A curve.

    Args:
        name: What it shows.
        points: Pairs of x and y, in the order of x.
        colour: The number of its colour, from 0.
        is_dashed: Whether the line is dashed.
        is_faint: Whether it stands back behind others.
    """

    name: str
    points: Sequence[Point]
    colour: int = 0
    is_dashed: bool = False
    is_faint: bool = False


@dataclass(frozen=True)
class Chart:
    """Curves over one axis.

    Args:
        title: What they are about.
        series: The curves; NaN and infinite values make gaps.
        x_label: What the horizontal axis shows.
        from_zero: Whether the vertical axis begins at zero, as it does for what is never less.

    Example:
        >>> from autograd_nn import reports
        >>> chart = reports.Chart('loss', [reports.Series('training', [(1, 2.3), (2, 0.4)])], 'epoch')
        >>> chart.html().count('<svg')         # linear and logarithmic
        2
    """

    title: str
    series: Sequence[Series]
    x_label: str = 'epoch'
    from_zero: bool = False

    def html(self) -> str:
        """The chart as HTML."""
        series = [Series(each.name, [(x, y) for x, y in thin(each.points)], each.colour, each.is_dashed, each.is_faint)
                  for each in self.series]
        values = [y for each in series for _, y in each.points if math.isfinite(y)]
        xs = [x for each in series for x, _ in each.points]
        if not values:
            return ''
        pictures = [_svg(self, series, Scale(min([*values, *[0.] * self.from_zero]), max(values)), min(xs), max(xs))]
        positive = [y for y in values if y > 0]
        # Where all values are of one size, a logarithm only bends the axis.
        if len(positive) > 0.9 * len(values) and max(positive) > 1.5 * min(positive):
            pictures.append(_svg(self, series, Scale(min(positive), max(positive), is_log=True), min(xs), max(xs)))
        legend = ''.join(f'<span class="s{each.colour % 8}{" dashed" if each.is_dashed else ""}">{escape(each.name)}'
                         '</span>' for each in series if not each.is_faint)
        button = '<button type="button" class="scale" hidden>log</button>' if len(pictures) > 1 else ''
        data = [{'name': each.name, 'colour': each.colour % 8,
                 'points': [[x, y] for x, y in each.points if math.isfinite(y)]} for each in series]
        text = json.dumps(data, separators=(',', ':'), ensure_ascii=False).replace('<', '\\u003c')
        return (f'<figure class="chart" data-x="{escape(self.x_label)}"><figcaption><b>{escape(self.title)}</b>'
                f'<span class="legend">{legend}</span>{button}</figcaption><div class="plot">{"".join(pictures)}'
                f'<div class="tip" hidden></div></div><script type="application/json">{text}</script></figure>')


class Scale:
    """An axis: where values are on it, and which of them are labelled.

    Args:
        low: The smallest value.
        high: The largest value.
        is_log: Whether equal distances are equal ratios.
        most: How many values are labelled, at most.

    Example:
        >>> Scale(0.3, 9.2).ticks
        [2.0, 4.0, 6.0, 8.0]
        >>> Scale(0.003, 40, is_log=True).ticks
        [0.01, 0.1, 1.0, 10.0]
    """

    def __init__(self, low: float, high: float, is_log: bool = False, most: int = 5) -> None:
        self.is_log = is_log
        if low == high:
            low, high = (low / 2, high * 2) if is_log else (low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2)
        self.low, self.high = low, high
        if is_log:
            self.ticks = _log_ticks(low, high, most)
        else:
            step = _nice_step((high - low) / most)
            first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
            self.ticks = [float(f'{i * step:.12g}') for i in range(first, last + 1)]

    def part(self, value: float) -> float:
        """Where a value is, from 0 to 1.

        Args:
            value: The value.
        """
        if self.is_log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


def thin(points: Sequence[Point], most: int = MOST_POINTS) -> list[Point]:
    """Some of a curve's points, from which it looks the same: of each stretch the lowest and the highest.

    Args:
        points: The points.
        most: How many are left, at most.

    Example:
        >>> points = thin([(x, 9. if x == 500 else 1.) for x in range(1000)], 100)
        >>> len(points), (500, 9.) in points, points[0], points[-1]
        (52, True, (0, 1.0), (999, 1.0))
    """
    if len(points) <= most:
        return list(points)
    stretches, inner = most // 2 - 1, points[1:-1]
    kept = [points[0]]
    for i in range(stretches):
        stretch = inner[i * len(inner) // stretches:(i + 1) * len(inner) // stretches]
        finite = [point for point in stretch if math.isfinite(point[1])] or stretch[:1]
        kept += sorted({min(finite, key=lambda point: point[1]), max(finite, key=lambda point: point[1])})
    return [*kept, points[-1]]


def _svg(chart: Chart, series: Sequence[Series], scale: Scale, first: float, last: float) -> str:
    across = Scale(first, last, most=8)
    wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def place(x: float, y: float) -> str:
        return f'{LEFT + wide * across.part(x):.1f},{TOP + high * (1 - scale.part(y)):.1f}'

    parts = []
    for tick in scale.ticks:
        y = TOP + high * (1 - scale.part(tick))
        parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}h{wide}"/>'
                     f'<text x="{LEFT - 7}" y="{y + 4:.1f}" text-anchor="end">{tick_text(tick)}</text>')
    whole = all(x == int(x) for each in series for x, _ in each.points)
    for tick in across.ticks:
        if not whole or tick == int(tick):
            x = LEFT + wide * across.part(tick)
            parts.append(f'<text x="{x:.1f}" y="{HEIGHT - 12}" text-anchor="middle">{tick_text(tick)}</text>')
    parts.append(f'<path class="axis" d="M{LEFT} {TOP + high}h{wide}"/>')
    for each in series:
        kind = f's{each.colour % 8}{" dashed" if each.is_dashed else ""}{" faint" if each.is_faint else ""}'
        for run in _runs(each.points, scale):
            if len(run) == 1:
                left, top = place(*run[0]).split(',')
                parts.append(f'<circle class="{kind}" cx="{left}" cy="{top}" r="3"/>')
            else:
                parts.append(f'<polyline class="{kind}" points="{" ".join(place(*point) for point in run)}"/>')
    name = 'log' if scale.is_log else 'linear'
    box = json.dumps([LEFT, TOP, wide, high, across.low, across.high, scale.low, scale.high])
    return (f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" class="{name}" data-box="{box}" role="img" '
            f'aria-label="{escape(chart.title)} over {escape(chart.x_label)}"{" hidden" if scale.is_log else ""}>'
            f'{"".join(parts)}</svg>')


def _runs(points: Sequence[Point], scale: Scale) -> list[list[Point]]:
    """The stretches of a curve between values that cannot be drawn."""
    runs: list[list[Point]] = [[]]
    for x, y in points:
        if math.isfinite(y) and (y > 0 or not scale.is_log):
            runs[-1].append((x, y))
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def tick_text(value: float) -> str:
    """A value as an axis is labelled with it.

    Args:
        value: The value.

    Example:
        >>> tick_text(0.25), tick_text(20000), tick_text(1e-5)
        ('0.25', '20k', '1e-5')
    """
    if value and not 1e-3 <= abs(value) < 1e9:
        return f'{value:.6g}'.replace('e-0', 'e-').replace('e+0', 'e')
    for size, unit in (1e6, 'M'), (1e4, 'k'):
        if abs(value) >= size:
            return f'{value / (1e3 if unit == "k" else size):g}{unit}'
    return f'{value:.6g}'


def _nice_step(least: float) -> float:
    """The smallest of 1, 2, 5, 10, ... that is large enough."""
    size = 10. ** math.floor(math.log10(least))
    return next(size * factor for factor in (1, 2, 5, 10, 20) if size * factor >= least * (1 - 1e-9))


def _log_ticks(low: float, high: float, most: int) -> list[float]:
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    factors = (1, 2, 5) if last - first < 2 else (1,)
    every = max(1, -(-(last - first + 1) // most))
    ticks = [float(f'{factor}e{power}') for power in range(first - 1, last + 1, every) for factor in factors]
    return [tick for tick in ticks if low * (1 - 1e-9) <= tick <= high * (1 + 1e-9)]
