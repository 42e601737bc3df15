"""What a notebook shows of objects: small, and with all text escaped."""
import xml.etree.ElementTree

import numpy as np

import autograd_nn as ann
import autograd_nn.links as L
from autograd_nn.computational_graph import build_computational_graph


def text_of(html):
    """The text of what is well-formed: an unescaped name would not be."""
    return ' '.join(xml.etree.ElementTree.fromstring(f'<div>{html}</div>').itertext())


def test_variables():
    text = text_of(ann.Variable(np.array([1.5, 2]), name='<b>&')._repr_html_())
    assert 'Variable <b>&: shape (2,), float64' in text and '[1.5 2. ]' in text
    assert 'uninitialized' in text_of(L.Linear(3).W._repr_html_())
    assert len(ann.Variable(np.zeros((1000, 1000)))._repr_html_()) < 2000


def test_links():
    model = ann.Sequential(L.Linear(2, 3), ann.Sequential(L.Linear(4)))
    text = text_of(model._repr_html_())
    assert 'Sequential: 13 parameters' in text and '/0 Linear W (3, 2), b (3,)' in text
    assert '/1/0' in text and 'W ?, b (4,)' in text
    many = ann.ChainList(*[L.Linear(1, 1) for _ in range(60)])._repr_html_()
    assert 'the first 50 of 60 layers' in text_of(many) and many.count('<tr>') == 51


def test_graphs():
    x = ann.Variable(np.ones(2), name='x')
    svg = build_computational_graph([x * x + 1])._repr_svg_()
    assert 'x: (2,), float64' in ' '.join(xml.etree.ElementTree.fromstring(svg).itertext())
