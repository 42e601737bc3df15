"""Curves: what is drawn, and where."""
import json
import math
import re

import numpy as np
import pytest

from autograd_nn.reports import Chart, Series
from autograd_nn.reports.charts import MOST_POINTS, Scale, thin, tick_text
from support.pages import Page


def positions(text, kind):
    """The points of the lines in the drawing of a kind, linear or log."""
    svg = re.search(f'<svg [^>]*class="{kind}".*?</svg>', text)[0]
    return [np.array([list(map(float, point.split(','))) for point in line.split()])
            for line in re.findall('points="(.*?)"', svg)]


def test_lines_are_where_their_values_are():
    xs, ys = np.arange(1, 6), np.array([0.001, 1., 10., 3., 0.5])
    text = Chart('loss', [Series('a', list(zip(xs.tolist(), ys.tolist())))]).html()
    Page(text)
    for kind, values in ('linear', ys), ('log', np.log(ys)):
        (line,) = positions(text, kind)
        np.testing.assert_allclose(np.diff(line[:, 0]), (line[-1, 0] - line[0, 0]) / 4, atol=0.11)
        slope, offset = np.polyfit(values, line[:, 1], 1)
        assert slope < 0, 'larger values are higher'
        np.testing.assert_allclose(line[:, 1], slope * values + offset, atol=0.11)


def test_what_cannot_be_drawn_leaves_a_gap():
    points = [(1, 1.), (2, 2.), (3, math.nan), (4, 3.), (5, 0.), (6, 5.), (7, 6.)] + [(x, 5.) for x in range(8, 20)]
    text = Chart('loss', [Series('a', points)]).html()
    assert [len(line) for line in positions(text, 'linear')] == [2, 16]
    assert [len(line) for line in positions(text, 'log')] == [2, 14] and text.count('<circle') == 1
    data = json.loads(re.search('json">(.*?)</script>', text)[1])
    assert data[0]['points'] == [[x, y] for x, y in points if x != 3]
    assert Chart('nothing', [Series('a', [(1, math.nan)])]).html() == ''


def test_negative_values_have_no_logarithm():
    assert Chart('reward', [Series('a', [(1, -3.), (2, 5.)])]).html().count('<svg') == 1


def test_names_are_no_html():
    text = Chart('<b>', [Series('</script><i>', [(1, 1.), (2, 2.)])]).html()
    page = Page(text)
    assert 'i' not in [tag for tag, _ in page.elements]
    assert json.loads(re.search('json">(.*?)</script>', text)[1])[0]['name'] == '</script><i>'


@pytest.mark.parametrize('count', [399, 401, 5000])
def test_thinning_keeps_ends_and_extremes(count):
    state = np.random.RandomState(count)
    points = [(x, float(y)) for x, y in enumerate(state.randn(count).cumsum())]
    kept = thin(points)
    assert len(kept) <= MOST_POINTS and set(kept) <= set(points) and kept == sorted(kept)
    assert {points[0], points[-1], min(points, key=lambda p: p[1]), max(points, key=lambda p: p[1])} <= set(kept)
    assert thin([(x, math.nan) for x in range(count)], 10)[0][0] == 0


@pytest.mark.parametrize('low, high', [(0, 1), (0.0123, 0.0456), (-7, 3), (99, 101), (0, 123456), (5, 5), (0, 0)])
def test_ticks_are_round_and_inside(low, high):
    scale = Scale(low, high)
    assert 2 <= len(scale.ticks) <= 11 or low == high
    assert all(scale.low - 1e-9 <= tick <= scale.high + 1e-9 for tick in scale.ticks)
    assert all(len(tick_text(tick)) <= 7 for tick in scale.ticks)


@pytest.mark.parametrize('low, high', [(1e-8, 1), (0.03, 0.9), (2, 3), (1e-3, 1e3)])
def test_ticks_of_logarithms(low, high):
    scale = Scale(low, high, is_log=True)
    assert 1 <= len(scale.ticks) <= 7
    assert all(low <= tick <= high and f'{tick:e}'[0] in '125' for tick in scale.ticks)
