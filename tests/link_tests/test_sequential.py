"""Sequential: a list of layers that runs."""
import functools
import pickle

import numpy as np
import pytest

import autograd_nn as ann


class Gain(ann.Link):
    def __init__(self, value):
        super().__init__()
        self.value = value
        with self.init_scope():
            self.W = ann.Parameter(value, 2)

    @property
    def printable_specs(self):
        return [('value', self.value)]

    def forward(self, x):
        return self.W * x


def plus_one(x):
    return x + 1


X = np.array([3, 4], 'f')


def test_forward_calls_the_layers_in_turn():
    model = ann.Sequential(Gain(2), plus_one, Gain(10))
    np.testing.assert_array_equal(model(X).array, (X * 2 + 1) * 10)
    assert ann.Sequential()(5) == 5
    assert ann.Sequential(divmod, lambda a, b: {'x': a, 'y': b}, lambda x, y: (y, x), max)(17, 5) == 3


def test_paths_count_links_only():
    model = ann.Sequential(plus_one, Gain(2), plus_one, ann.Sequential(plus_one, Gain(3)))
    assert [path for path, _ in model.namedparams()] == ['/0/W', '/1/0/W']
    model.insert(0, Gain(4))
    assert [path for path, _ in model.namedparams()] == ['/0/W', '/2/W', '/1/0/W']
    assert [child.name for child in model.children()] == ['0', '2', '1']


def test_is_a_list():
    a, b = Gain(2), Gain(3)
    model = ann.Sequential(a, plus_one)
    model.append(b)
    model.extend([plus_one, abs])
    assert len(model) == 5 and list(model) == [a, plus_one, b, plus_one, abs]
    assert model[2] is b and model[-1] is abs and b in model and model.count(plus_one) == 2
    part = model[1:4]
    assert isinstance(part, ann.Sequential) and list(part) == [plus_one, b, plus_one]
    np.testing.assert_array_equal(part(X).array, (X + 1) * 3 + 1)
    model.remove(b)
    assert list(model.children()) == [a]
    model[1] = b
    del model[0]
    assert list(model) == [b, plus_one, abs] and list(model.children()) == [b]
    model[1:] = [a]
    assert list(model) == [b, a] and model.pop(0) is b
    model += [plus_one]
    assert list(model) == [a, plus_one]
    model.clear()
    assert len(model) == 0 and list(model.params()) == []


def test_addition_shares_layers():
    a, b = Gain(2), Gain(3)
    total = ann.Sequential(a, plus_one) + ann.Sequential(b)
    assert list(total) == [a, plus_one, b]
    with pytest.raises(TypeError):
        total + [a]


def test_layers_must_be_callable():
    for misuse in (lambda: ann.Sequential(3), lambda: ann.Sequential(abs).append('relu'),
                   lambda: ann.Sequential(abs).__setitem__(0, None)):
        with pytest.raises(TypeError, match='callable'):
            misuse()


def test_flatten():
    inner = ann.Sequential(Gain(2), plus_one)
    flat = ann.Sequential(inner, abs, ann.Sequential(inner, ann.Sequential(abs))).flatten()
    assert list(flat) == [*inner, abs, *inner, abs]


@pytest.mark.parametrize('mode', ['init', 'copy', 'share'])
def test_repeat(mode):
    block = ann.Sequential(Gain(2), plus_one)
    block[0].W.array[...] = 5
    model = block.repeat(3, mode)
    assert len(model) == 3 and all(isinstance(layer, ann.Sequential) for layer in model)
    assert [path for path, _ in model.namedparams()] == ['/0/0/W', '/2/0/W', '/1/0/W']
    assert len(set(model.params())) == 3
    for param in model.params():
        np.testing.assert_array_equal(param.array, np.full(2, 2 if mode == 'init' else 5, 'f'))
        assert (param.array is block[0].W.array) == (mode == 'share')


def test_repeat_of_any_link():
    model = Gain(3).repeat(2)
    assert isinstance(model, ann.Sequential)
    np.testing.assert_array_equal(model(X).array, X * 9)
    assert len(Gain(3).repeat(0)) == 0
    with pytest.raises(ValueError, match='-1'):
        Gain(3).repeat(-1)
    with pytest.raises(ValueError, match='mode'):
        Gain(3).repeat(2, 'clone')


def test_copies_have_layers_of_their_own():
    model = ann.Sequential(Gain(2), plus_one, ann.Sequential(Gain(3)))
    for mode in 'share', 'copy', 'init':
        copied = model.copy(mode)
        assert [type(layer) for layer in copied] == [type(layer) for layer in model]
        assert copied[1] is plus_one and copied[0] is not model[0] and copied[2][0] is not model[2][0]
        assert list(copied.children()) == [copied[0], copied[2]]
        copied[0].W.array = np.zeros(2, 'f')
        assert copied(X).array.sum() != model(X).array.sum()


def test_pickle():
    model = pickle.loads(pickle.dumps(ann.Sequential(Gain(2), plus_one)))
    np.testing.assert_array_equal(model(X).array, X * 2 + 1)


def test_layer_types():
    model = ann.Sequential(Gain(2), plus_one, Gain(3), plus_one, functools.partial(max, 2))
    assert [model.count_by_layer_type(name) for name in ('Gain', 'plus_one', 'partial', 'x')] == [2, 2, 1, 0]
    model.remove_by_layer_type('Gain')
    assert len(model) == 3 and list(model.params()) == []


def test_print():
    model = ann.Sequential(Gain(2), plus_one, functools.partial(max, 2, key=abs), ann.Sequential(abs))
    assert repr(model) == ('Sequential(\n'
                           '    Gain(value=2),\n'
                           '    plus_one,\n'
                           '    partial(max, 2, key=abs),\n'
                           '    Sequential(\n'
                           '        abs,\n'
                           '    ),\n'
                           ')')
    assert repr(ann.Sequential()) == 'Sequential()'


@pytest.mark.parametrize('layers, names', [
    ('w w w w', '0 3 2 1'), ('w f w f w w', '0 3 2 1'), ('f w w f w w', '0 1 3 2'), ('f f w w w w w', '0 1 2 4 3'),
    ('f f f w w w w w', '0 1 2 3 4')])
def test_names_are_those_of_files_of_chainer(layers, names, tmp_path):
    """In the order of the layers; Chainer 4.5 and 7.8 name the links so."""
    model = ann.Sequential(*[Gain(i) if layer == 'w' else abs for i, layer in enumerate(layers.split())])
    assert [child.name for child in model.children()] == names.split()
    assert [path for path, _ in model.namedparams()] == [f'/{name}/W' for name in names.split()]
    ann.serializers.save_npz(tmp_path / 'model.npz', model)
    with np.load(tmp_path / 'model.npz') as file:
        for child in model.children():
            assert (file[f'{child.name}/W'] == child.value).all()
