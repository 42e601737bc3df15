"""Networks of symbols: links and functions are called anew each time, and children are as in any chain."""
import copy
import io
import pickle
import xml.etree.ElementTree

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import serializers
from autograd_nn.functional import Functional


def random(*shape):
    return np.random.rand(*shape).astype('f')


def branches():
    """Two inputs, a layer that both go through, two branches that meet, two outputs."""
    a, b, shared = ann.Input(4, name='a'), ann.Input(4, name='b'), L.Linear(4, 3)
    left, right = F.relu(shared(a)), F.tanh(shared(b))
    merged = F.concat([left, right]) * 2
    return ann.Model([a, b], {'sum': left + right, 'classes': L.Linear(6, 2)(merged)})


def test_branches_merges_and_shared_layers():
    model = branches()
    assert [path for path, _ in model.namedparams()] == ['/linear/W', '/linear/b', '/linear_1/W', '/linear_1/b']
    a, b = random(5, 4), random(5, 4)
    W, c, V, d = (param.array for param in model.params())
    left, right = np.maximum(a @ W.T + c, 0), np.tanh(b @ W.T + c)
    found = model(a, b)
    np.testing.assert_allclose(found['sum'].array, left + right, rtol=1e-5)
    np.testing.assert_allclose(found['classes'].array, np.hstack([left, right]) * 2 @ V.T + d, rtol=1e-5)
    # The gradient of a shared layer comes from both of its calls.
    F.sum(found['sum']).backward()
    slopes = [(left > 0).astype('f'), 1 - right ** 2]
    np.testing.assert_allclose(model.linear.W.grad, slopes[0].T @ a + slopes[1].T @ b, rtol=1e-4)


def test_the_mode_and_the_random_numbers_are_those_of_the_call():
    x = ann.Input(50)
    norm = L.BatchNormalization(50)
    model = ann.Model(x, (F.dropout(x, 0.5), norm(x)))
    a = random(20, 50)
    first, second = model(a)[0].array, model(a)[0].array
    assert 0.3 < (first == 0).mean() < 0.7 and not np.array_equal(first, second)
    assert not np.allclose(norm.avg_mean, 0)                       # training moved it
    mean = norm.avg_mean.copy()
    with ann.using_config('train', False):
        kept, normalized = model(a)
    np.testing.assert_array_equal(kept.array, a)
    np.testing.assert_allclose(normalized.array, (a - mean) / np.sqrt(norm.avg_var + norm.eps), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(norm.avg_mean, mean)


def test_lengths_are_those_of_the_call():
    x = ann.Input((2, 3))
    y = F.reshape(x, (x.shape[0], 6)) + F.broadcast_to(F.sum(x), (x.shape[0], 6))
    for n in 1, 7:
        a = random(n, 2, 3)
        np.testing.assert_allclose(ann.Model(x, y)(a).array, a.reshape(n, 6) + a.sum(), rtol=1e-5)


def test_parameters_and_arrays_belong_to_the_model():
    x, scale = ann.Input(3), ann.Parameter(2., (3,))
    mean = np.array([1, 2, 3], 'f')
    model = ann.Model(x, (x - mean) * scale)
    assert [path for path, _ in model.namedparams()] == ['/parameter']
    assert [path for path, _ in model.namedpersistents()] == ['/constant']
    np.testing.assert_array_equal(model(np.ones((1, 3), 'f')).array, [[0, -2, -4]])
    file = io.BytesIO()
    serializers.save_npz(file, model)
    assert sorted(np.load(io.BytesIO(file.getvalue()))) == ['constant', 'parameter']


@pytest.mark.parametrize('duplicate', [lambda model: model.copy('copy'), copy.deepcopy,
                                       lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_compute_the_same_with_weights_of_their_own(duplicate):
    model = branches()
    copied = duplicate(model)
    a, b = random(5, 4), random(5, 4)
    np.testing.assert_array_equal(copied(a, b)['sum'].array, model(a, b)['sum'].array)
    copied.linear.W.array[...] = 0
    assert np.abs(model.linear.W.array).min() > 0
    assert copied.linear is not model.linear


def test_a_shared_copy_has_the_same_arrays():
    model = branches()
    copied = model.copy()
    assert copied.linear.W is not model.linear.W and copied.linear.W.array is model.linear.W.array
    model.linear.W.array[...] = 0
    a, b = random(2, 4), random(2, 4)
    np.testing.assert_array_equal(copied(a, b)['classes'].array, model(a, b)['classes'].array)


def test_weights_go_through_a_file():
    model, other, file = branches(), branches(), io.BytesIO()
    serializers.save_npz(file, model)
    file.seek(0)
    serializers.load_npz(file, other)
    a, b = random(2, 4), random(2, 4)
    np.testing.assert_array_equal(other(a, b)['classes'].array, model(a, b)['classes'].array)


def test_a_model_is_a_layer():
    inner = branches()
    a = ann.Input(4)
    outer = ann.Model(a, inner(a, 2 * a)['classes'])
    x = random(3, 4)
    np.testing.assert_array_equal(outer(x).array, inner(x, 2 * x)['classes'].array)
    assert [name for name, _ in outer._named_children()] == ['model'] and outer.model is inner


def test_part_of_a_formula():
    x = ann.Input(4)
    features = F.relu(L.Linear(4, 3)(x))
    y = L.Linear(3, 2)(features)
    whole, extractor, head = ann.Model(x, y), ann.Model(x, features), ann.Model(features, y)
    a = random(5, 4)
    np.testing.assert_array_equal(head(extractor(a)).array, whole(a).array)
    assert head.linear is whole.linear_1 and head.count_params() == 8


def test_results_go_as_soon_as_nobody_needs_them():
    x = ann.Input(2)
    h = F.exp(x)
    y = F.tanh(h) + h
    model = Functional(x, F.sin(y))
    # Steps 1 to 4 are exp, tanh, add, sin; 0 is the input.
    assert [sorted(step.done) for step in model.steps] == [[0], [], [1, 2], [3]]


@pytest.mark.parametrize(('inputs', 'message'), [
    (lambda: (np.ones((2, 4)),), 'expected 2 inputs, got 1'),
    (lambda: (np.ones((2, 4)), np.ones((2, 5))), r'input b must have the shape \(None, 4\).*it has \(2, 5\)'),
    (lambda: (np.ones(4), np.ones((2, 4))), r'input a must have the shape \(None, 4\).*it has \(4,\)')])
def test_inputs_are_checked(inputs, message):
    with pytest.raises(ValueError, match=message):
        branches()(*inputs())


def test_outputs_must_come_from_the_inputs():
    a, b = ann.Input(3), ann.Input(3, name='forgotten')
    with pytest.raises(ValueError, match=r'the outputs need <Symbol forgotten.*not among the inputs'):
        ann.Model(a, a + b)
    with pytest.raises(TypeError, match=r'expected symbols, which begin with Input, got ndarray'):
        ann.Model(a, np.ones(3))
    with pytest.raises(TypeError, match='expected inputs and outputs, or a subclass'):
        ann.Model()


def test_summary_knows_the_inputs(capsys):
    tokens, x = ann.Input(5, 'int32'), ann.Input(3)
    model = ann.Model([tokens, x], F.concat([F.mean(L.EmbedID(10, 4)(tokens), axis=1), x]))
    assert model.summary().parameters == 40
    assert 'input (5,), (3,)' in capsys.readouterr().out


def test_drawing(tmp_path):
    graph = branches().graph()
    labels = [label for label, _ in graph.nodes]
    assert labels[:3] == ['a: (None, 4)', 'b: (None, 4)', 'linear: Linear\n(None, 3)'] and len(labels) == 10
    # relu and tanh go to the concatenation and to the sum.
    relu, tanh = (next(i for i, label in enumerate(labels) if label.startswith(name)) for name in ('relu', 'tanh'))
    heads = [{labels[head].split('\n')[0] for tail, head in graph.edges if tail == i} for i in (relu, tanh)]
    assert heads == [{'concat', 'add'}] * 2
    graph.save(tmp_path / 'model.svg')
    graph.save(tmp_path / 'model.dot')
    root = xml.etree.ElementTree.parse(tmp_path / 'model.svg').getroot()
    text = ' '.join(root.itertext())
    assert root.tag.endswith('svg') and all(label.split('\n')[0] in text for label in labels)
    assert 'n0 -> n2;' in (tmp_path / 'model.dot').read_text()
    assert graph._repr_svg_().lstrip().startswith(('<svg', '<?xml'))
