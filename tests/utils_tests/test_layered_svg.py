"""Drawings without Graphviz: boxes do not overlap, arrows go from layer to layer."""
import random
import xml.etree.ElementTree

import pytest

from autograd_nn.utils.layered_svg import layered_svg

SVG = '{http://www.w3.org/2000/svg}'


def boxes_of(svg):
    root = xml.etree.ElementTree.fromstring(svg)
    return [tuple(float(rect.get(name)) for name in ('x', 'y', 'width', 'height')) for rect in root.iter(f'{SVG}rect')]


def make_graph(count, seed):
    generator = random.Random(seed)
    arrows = sorted({(generator.randrange(head), head) for head in range(1, count) for _ in range(2)})
    labels = ['box' * generator.randint(1, 5) + '\nline' * generator.randint(0, 1) for _ in range(count)]
    return [{'label': label} for label in labels], arrows


@pytest.mark.parametrize('rankdir', ['TB', 'BT', 'LR', 'RL'])
@pytest.mark.parametrize('seed', range(3))
def test_boxes_do_not_overlap_and_arrows_go_forward(rankdir, seed):
    boxes, arrows = make_graph(25, seed)
    svg = layered_svg(boxes, arrows, rankdir)
    places = boxes_of(svg)
    assert len(places) == 25
    for i, (x, y, width, height) in enumerate(places):
        for a, b, c, d in places[:i]:
            assert x + width <= a + 0.2 or a + c <= x + 0.2 or y + height <= b + 0.2 or b + d <= y + 0.2
    for tail, head in arrows:
        (x, y, width, height), (a, b, c, d) = places[tail], places[head]
        assert {'TB': y + height < b, 'BT': b + d < y, 'LR': x + width < a, 'RL': a + c < x}[rankdir]
    root = xml.etree.ElementTree.fromstring(svg)
    left, top, width, height = map(float, root.get('viewBox').split())
    assert all(left <= x and x + w <= left + width and top <= y and y + h <= top + height for x, y, w, h in places)


def test_a_chain_is_a_straight_line():
    places = boxes_of(layered_svg([{'label': name * n} for n, name in enumerate('abcd', 1)], [(0, 1), (1, 2), (2, 3)]))
    assert len({round(x + width / 2) for x, _, width, _ in places}) == 1


def test_nothing_to_draw():
    assert boxes_of(layered_svg([], [])) == [] and len(boxes_of(layered_svg([{'label': 'x'}], []))) == 1
