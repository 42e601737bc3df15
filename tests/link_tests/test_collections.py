"""Lists, tuples and dicts of links and parameters register nothing, and a warning says so."""
import warnings

import pytest

import autograd_nn as ann
import autograd_nn.links as L


def make(assign, base=ann.Chain):
    class Model(base):
        def __init__(self):
            super().__init__()
            with self.init_scope():
                assign(self)

    return Model()


def append(model):
    model.layers = []
    model.layers.append(L.Linear(2, 2))


@pytest.mark.parametrize('assign, kind, advice', [
    (lambda model: setattr(model, 'layers', [L.Linear(2, 2), 'x']), 'list', 'ChainList or a Sequential'),
    (lambda model: setattr(model, 'layers', (L.Linear(2, 2),)), 'tuple', 'ChainList'),
    (lambda model: setattr(model, 'layers', {'a': L.Linear(2, 2)}), 'dict', 'ChainList'),
    (lambda model: setattr(model, 'layers', [('relu', None), ('fc', L.Linear(2, 2))]), 'list', 'ChainList'),
    (append, 'list', 'ChainList'),
    (lambda model: setattr(model, 'layers', [ann.Parameter(1, (2,))]), 'list', 'attribute of its own'),
])
@pytest.mark.parametrize('base', [ann.Chain, ann.Link])
def test_warning(assign, kind, advice, base):
    with pytest.warns(UserWarning, match=rf'Model\.layers is a {kind}.* not registered.*{advice}') as seen:
        make(assign, base)
    assert len(seen) == 1 and seen[0].filename == __file__


def shared(model):
    model.l1 = L.Linear(2, 2)
    model.all = [model.l1]


def registered_one_by_one(model):
    model.all = [('fc1', L.Linear(2, 2)), ('fc2', L.Linear(2, 2))]
    for name, link in model.all:
        setattr(model, name, link)


def registered_by_add_link(model):
    model.all = [L.Linear(2, 2), L.Linear(2, 2)]
    for i, link in enumerate(model.all):
        model.add_link(f'l{i}', link)


@pytest.mark.parametrize('assign', [
    shared, registered_one_by_one, registered_by_add_link, lambda model: setattr(model, 'sizes', [1, 2, (3,)]),
    lambda model: setattr(model, 'layers', ann.ChainList(L.Linear(2, 2))),
    lambda model: setattr(model, 'layers', ann.Sequential(L.Linear(2, 2))),
])
def test_no_warning_inside(assign):
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        make(assign)


def test_no_warning_outside():
    """The way to keep a link out, and the links of a list that are registered later."""
    model = ann.Chain()
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        model.teacher = (L.Linear(2, 2),)
        model.layers = [L.Linear(2, 2), L.Linear(2, 2)]
        for i, link in enumerate(model.layers):
            model.add_link(f'l{i}', link)
    assert len(list(model.params())) == 4


def test_a_failing_scope_leaves_the_link_usable():
    link = ann.Chain()
    with pytest.raises(ZeroDivisionError), link.init_scope():
        link.layers = [L.Linear(2, 2)]
        raise ZeroDivisionError
    with link.init_scope():
        link.l1 = L.Linear(2, 2)
    assert [path for path, _ in link.namedparams()] == ['/l1/W', '/l1/b'] and '_collections' not in vars(link)
