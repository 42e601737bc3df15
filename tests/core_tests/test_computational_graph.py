"""Drawings of the graph: nodes, edges, text, pictures."""
import re
import shutil
import xml.etree.ElementTree

import numpy as np
import pytest

import autograd_nn.functions as F
from autograd_nn import Function, FunctionNode, Parameter, Variable, computational_graph, grad
from autograd_nn.computational_graph import ComputationalGraph, DotNode, build_computational_graph

_STRING = r'"(?:[^"\\]|\\.)*"'


def parse(text):
    """Nodes {id: attributes}, edges [(id, id)] and defaults of a DOT text; everything else in it is an error."""
    body, = re.fullmatch(r'digraph graphname \{\n(.*)\}\n', text, re.DOTALL).groups()
    nodes, edges, defaults = {}, [], {}
    while body:
        node = re.match(rf'    (\w+) \[((?:\w+={_STRING}(?:, )?)*)\];\n', body)
        edge = re.match(r'    (\w+) -> (\w+);\n', body)
        match = node or edge
        assert match, f'cannot parse {body[:100]!r}'
        body = body[match.end():]
        if edge:
            edges.append(edge.groups())
        else:
            attributes = {name: unquote(value) for name, value in re.findall(rf'(\w+)=({_STRING})', node[2])}
            (defaults if node[1] in ('graph', 'node', 'edge') else nodes)[node[1]] = attributes
    assert all(end in nodes for edge in edges for end in edge)
    return nodes, edges, defaults


def unquote(text):
    return re.sub(r'\\(.)', lambda m: '\n' if m[1] == 'n' else m[1], text[1:-1])


def labels(graph):
    """The labels of the nodes, and the edges as pairs of labels."""
    nodes, edges, _ = parse(graph.dump())
    names = {key: attributes['label'] for key, attributes in nodes.items()}
    return list(names.values()), [(names[a], names[b]) for a, b in edges]


def small():
    x = Variable(np.zeros((2, 3), 'f'), name='x')
    W = Parameter(0, (3, 4), name='W')
    return F.sum(F.exp(x @ W))


def test_nodes_edges_and_labels():
    graph = build_computational_graph([small()])
    assert isinstance(graph, ComputationalGraph)
    names, edges = labels(graph)
    assert names == ['x: (2, 3), float32', 'W: (3, 4), float32', 'MatMul', '(2, 4), float32', 'Exp', '(2, 4), float32',
                     'Sum', 'scalar, float32']
    assert edges == [('x: (2, 3), float32', 'MatMul'), ('W: (3, 4), float32', 'MatMul'), ('MatMul', '(2, 4), float32'),
                     ('(2, 4), float32', 'Exp'), ('Exp', '(2, 4), float32'), ('(2, 4), float32', 'Sum'),
                     ('Sum', 'scalar, float32')]
    assert len(graph.nodes) == len(graph) == 8 and len(graph.edges) == 7
    assert all(a in graph and b in graph for a, b in graph.edges)


def test_shape_of_one_axis():
    assert labels(build_computational_graph(Variable(np.zeros(3))))[0] == ['(3,), float64']


def test_dumps_of_equal_graphs_are_equal():
    first = build_computational_graph([small()]).dump()
    F.exp(np.zeros(3))
    assert build_computational_graph([small()]).dump() == first
    y = small()
    assert build_computational_graph([y]).dump() == build_computational_graph(y).dump() == first


def test_shared_inputs_are_drawn_once():
    x = Variable(np.zeros(3), name='x')
    y = x * x + x
    names, edges = labels(build_computational_graph([y]))
    assert names.count('x: (3,), float64') == 1
    assert edges.count(('x: (3,), float64', 'Multiply')) == 1 and edges.count(('x: (3,), float64', 'Add')) == 1


def test_several_outputs():
    x = Variable(np.zeros(3), name='x')
    a, b = F.exp(x), F.sin(x)
    names, edges = labels(build_computational_graph([a, b]))
    assert sorted(names) == ['(3,), float64'] * 2 + ['Exp', 'Sin', 'x: (3,), float64'] and len(edges) == 4
    # One of the outputs may lie behind another.
    c = a * 2
    assert labels(build_computational_graph([c, a])) == labels(build_computational_graph([c]))


def test_functions_with_several_outputs():
    x = Variable(np.zeros((2, 3)), name='x')
    a, _, c = F.split_axis(x, 3, 1)
    names, edges = labels(build_computational_graph([a * c]))
    assert names.count('(2, 1), float64') == 3 and len(names) == 6
    assert sum(edge[0] == 'SplitAxis' for edge in edges) == 2


def test_names_can_be_hidden():
    names, _ = labels(build_computational_graph([small()], show_name=False))
    assert names[:2] == ['(2, 3), float32', '(3, 4), float32']


def test_without_variables():
    x = Variable(np.zeros(3))
    h = F.exp(x)
    y = h * F.sin(h) + h
    names, edges = labels(build_computational_graph([y], remove_variable=True))
    assert names == ['Exp', 'Sin', 'Multiply', 'Add']
    assert edges == [('Exp', 'Sin'), ('Exp', 'Multiply'), ('Sin', 'Multiply'), ('Multiply', 'Add'), ('Exp', 'Add')]


def test_from_nodes_and_functions():
    y = small()
    everything = build_computational_graph([y]).dump()
    assert build_computational_graph([y.node]).dump() == everything
    names, _ = labels(build_computational_graph([y.creator]))
    assert names == labels(build_computational_graph([y]))[0][:-1]
    assert build_computational_graph(y.creator).nodes[-1] is y.creator


def test_a_leaf_and_nothing():
    only = Variable(np.zeros((1, 2)), name='only')
    assert labels(build_computational_graph([only])) == (['only: (1, 2), float64'], [])
    assert labels(build_computational_graph([])) == ([], [])
    assert labels(build_computational_graph([Parameter(name='W')]))[0] == ['W: uninitialized']


def test_behind_a_cut_there_is_nothing():
    x = Variable(np.zeros(3))
    h = F.exp(x)
    y = F.sin(h)
    h.unchain_backward()
    assert labels(build_computational_graph([y]))[0] == ['(3,), float64', 'Sin', '(3,), float64']


def test_graph_of_gradients():
    # The output of tanh is an input of its gradient. Its Variable is gone; it is drawn as one node all the same.
    x = Variable(np.zeros(3), name='x')
    gx, = grad([F.tanh(x)], [x], enable_double_backprop=True)
    graph = build_computational_graph([gx])
    names, edges = labels(graph)
    assert 'Tanh' in names and sum(edge[0] == 'Tanh' for edge in edges) == 1
    assert len(set(graph.nodes)) == len(graph.nodes)


def test_user_functions_show_their_class():
    class Mine(Function):
        def forward(self, inputs):
            return inputs

    class MyNode(FunctionNode):
        def forward(self, inputs):
            return inputs[0] * 1,

    names, _ = labels(build_computational_graph([MyNode().apply((Mine()(Variable(np.zeros(1))),))[0]]))
    assert names[1] == 'Mine' and names[3] == 'MyNode'


def test_styles():
    nodes, _, defaults = parse(build_computational_graph([small()], rankdir='LR').dump())
    assert defaults['graph']['rankdir'] == 'LR'
    x, matmul = nodes['n0'], nodes['n2']
    assert x['shape'] and x['fillcolor'] != matmul['fillcolor']
    nodes, _, _ = parse(build_computational_graph(
        [small()], variable_style={'fillcolor': 'red', 'penwidth': 2}, function_style={'shape': 'record'}).dump())
    assert nodes['n0'] == {**x, 'fillcolor': 'red', 'penwidth': '2'}
    assert nodes['n2'] == {**matmul, 'shape': 'record'}


EVIL = 'a"b\\c{d|e}<f>\nnew line; é -> ] [label="x"] \\N \\n'


def test_a_node_by_itself():
    x = Variable(np.ones(2), name='x')
    node = DotNode(x.node, {'shape': 'oval'})
    assert node.label == f'{id(x.node)} {node.label.partition(" ")[2]}'
    assert 'label="x: (2,), float64"' in node.label and 'shape="oval"' in node.label and node.node is x.node
    assert 'label="(2,), float64"' in DotNode(x.node, show_name=False).label
    assert DotNode(F.exp(x).creator).attribute['label'] == 'Exp'


def test_names_are_escaped():
    x = Variable(np.zeros(3), name=EVIL)
    assert labels(build_computational_graph([F.exp(x)]))[0][0] == f'{EVIL}: (3,), float64'


@pytest.mark.parametrize('arguments', [{'remove_split': False}, {'rankdir': 'up'}])
def test_wrong_arguments(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        build_computational_graph([small()], **arguments)


def test_other_formats():
    graph = build_computational_graph([small()])
    with pytest.raises(ValueError, match=r"'dot'.*'svg'"):
        graph.dump('svg')
    with pytest.raises(ValueError, match='jpeg'):
        graph.save('graph.jpeg')


def test_a_deep_graph():
    y = Variable(np.zeros(1))
    for _ in range(10_000):
        y = y + 1
    graph = build_computational_graph([y])
    assert len(graph.nodes) >= 20_001
    assert graph.dump().count('->') == len(graph.edges)


@pytest.mark.parametrize('name', ['graph.dot', 'graph.gv'])
def test_text_needs_no_graphviz(name, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, 'which', lambda program: None)
    graph = build_computational_graph([F.exp(Variable(np.zeros(3), name='é'))])
    graph.save(tmp_path / name)
    assert (tmp_path / name).read_text(encoding='utf-8') == graph.dump()
    graph.save(str(tmp_path / name))


def test_without_graphviz_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(computational_graph.shutil, 'which', lambda program: None)
    with pytest.raises(RuntimeError, match=r'Graphviz.*install'):
        build_computational_graph([small()]).save(tmp_path / 'graph.png')
    assert not (tmp_path / 'graph.png').exists()


def test_svg_needs_no_graphviz(tmp_path, monkeypatch):
    monkeypatch.setattr(computational_graph.shutil, 'which', lambda program: None)
    x = Variable(np.zeros(3), name='<x> & "y"')
    graph = build_computational_graph([F.exp(x) + x])
    graph.save(tmp_path / 'graph.svg')
    svg = '{http://www.w3.org/2000/svg}'
    root = xml.etree.ElementTree.parse(tmp_path / 'graph.svg').getroot()
    assert [text.text for text in root.iter(f'{svg}text')] == [node.get('label') for node in graph.boxes()]
    assert len(list(root.iter(f'{svg}rect'))) == len(graph.nodes)
    assert sum('marker-end' in path.attrib for path in root.iter(f'{svg}path')) == len(graph.edges)
    assert graph._repr_svg_() == (tmp_path / 'graph.svg').read_text()


@pytest.mark.skipif(shutil.which('dot') is None, reason='Graphviz is not installed')
class TestPictures:
    @pytest.mark.parametrize('shape', ['box', 'record'])
    def test_svg_shows_the_labels(self, shape, tmp_path):
        x = Variable(np.zeros(3), name=EVIL.replace('\n', ' '))
        graph = build_computational_graph([F.exp(x)], variable_style={'shape': shape})
        graph.save(tmp_path / 'graph.svg')
        root = xml.etree.ElementTree.parse(tmp_path / 'graph.svg').getroot()
        texts = [''.join(e.itertext()) for e in root.iter('{http://www.w3.org/2000/svg}text')]
        assert ' '.join(texts[0].split()) == ' '.join(f'{x.name}: (3,), float64'.split())
        assert texts[1:] == ['Exp', '(3,), float64']

    def test_png_and_pdf(self, tmp_path):
        graph = build_computational_graph([small()])
        for suffix, magic in (('png', b'\x89PNG'), ('PDF', b'%PDF')):
            graph.save(tmp_path / f'graph.{suffix}')
            assert (tmp_path / f'graph.{suffix}').read_bytes().startswith(magic)

    def test_failure_is_reported(self, tmp_path, monkeypatch):
        graph = build_computational_graph([small()])
        monkeypatch.setattr(graph, 'dump', lambda: 'digraph { nonsense')
        with pytest.raises(RuntimeError, match=r'dot failed.*syntax error'):
            graph.save(tmp_path / 'graph.svg')
