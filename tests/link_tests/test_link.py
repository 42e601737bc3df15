"""Links and chains: what they register, walk over, copy, update and print."""
import copy
import pickle
import warnings

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.links as L


class Affine(ann.Link):
    """Has a lazy parameter, an initialized one and persistent values."""

    def __init__(self, size=None):
        super().__init__()
        with self.init_scope():
            self.scale = ann.Parameter(2, size)
            self.shift = ann.Parameter(3, 1 if size is None else size)
        self.add_persistent('count', 7)
        self.add_persistent('mean', np.arange(3.0))

    def forward(self, x, times=1):
        return (self.scale * x + self.shift) * times


class Net(ann.Chain):
    """Nests a chain, and shares a link's parameter."""

    def __init__(self):
        super().__init__()
        with self.init_scope():
            self.zeta = Affine(3)
            self.block = ann.Chain(inner=Affine(3))
            self.bias = ann.Parameter(0, 3)

    def forward(self, x):
        return self.block['inner'](self.zeta(x)) + self.bias


def test_registers_in_order_of_definition():
    model = Net()
    assert [path for path, _ in model.namedparams()] == [
        '/bias', '/zeta/scale', '/zeta/shift', '/block/inner/scale', '/block/inner/shift']
    assert [path for path, _ in model.namedlinks()] == ['/', '/zeta', '/block', '/block/inner']
    assert [path for path, _ in model.namedlinks(skipself=True)] == ['/zeta', '/block', '/block/inner']
    assert list(model.links()) == [model, model.zeta, model.block, model.block.inner]
    assert list(model.children()) == [model.zeta, model.block]
    assert [param.name for param in model.params()] == ['bias', 'scale', 'shift', 'scale', 'shift']
    assert (model.zeta.name, model.block.inner.name, model.name) == ('zeta', 'inner', None)
    assert model['zeta'] is model.zeta


def test_params_leaves_out_uninitialized_ones_on_request():
    link = Affine()
    assert [path for path, _ in link.namedparams()] == ['/scale', '/shift']
    assert list(link.params(include_uninit=False)) == [link.shift]


def test_shared_parameter_comes_with_each_path():
    model = ann.Chain(a=Affine(3), b=Affine(3))
    with model.b.init_scope():
        model.b.scale = model.a.scale
    assert [path for path, _ in model.namedparams()] == ['/a/scale', '/a/shift', '/b/scale', '/b/shift']
    assert model.count_params() == 9 and len(list(model.params())) == 3
    copied = model.copy('copy')
    assert copied.a.scale is copied.b.scale and copied.a.scale is not model.a.scale
    with model.a.init_scope():
        model.a.same = model.a.scale
    assert len(list(model.params())) == 3


def test_a_link_with_two_names_is_trained_once(tmp_path):
    model = ann.Chain(a=L.Linear(1, 1, nobias=True, initialW=0))
    with model.init_scope():
        model.b = model.a
    assert [path for path, _ in model.namedlinks()] == ['/', '/a', '/b'] and len(list(model.children())) == 2
    assert [path for path, _ in model.namedparams()] == ['/a/W', '/b/W'] and model.count_params() == 1
    optimizer = ann.optimizers.MomentumSGD(1).setup(model)
    optimizer.update(lambda: model.a(np.ones((1, 1), 'f')).sum())
    assert model.b.W.array == -1 and model.a.W.update_rule.t == 1
    ann.serializers.save_npz(tmp_path / 'optimizer.npz', optimizer)
    other = ann.optimizers.MomentumSGD(1).setup(model)
    ann.serializers.load_npz(tmp_path / 'optimizer.npz', other)
    assert model.a.W.update_rule.t == 1 and model.a.W.update_rule.state['v'] == -1
    for copied in model.copy(), model.copy('copy'):
        assert copied.a is copied.b is not model.a


def test_link_takes_shapes_as_arguments():
    link = ann.Link(W=(2, 3), b=2, c=((4,), np.float64))
    assert (link.W.shape, link.b.shape, link.c.shape, link.c.dtype) == ((2, 3), (2,), (4,), np.float64)
    assert np.isnan(link.W.array).all()


def test_add_param():
    link = ann.Link()
    link.add_param('W', (2, 2), initializer=1)
    link.add_param('lazy', initializer=0)
    np.testing.assert_array_equal(link.W.array, np.ones((2, 2), 'f'))
    assert not link.lazy.is_initialized
    with pytest.raises(AttributeError, match="already"):
        link.add_param('W', 3)
    link.add_param('V', dtype='d')
    link.V.initialize((2,))
    assert link.V.dtype == np.float64
    link.add_param('U', (2,), 'd', np.array([1, 2]))
    assert link.U.dtype == np.float64 and link.U.array.tolist() == [1, 2]


def test_init_scope_is_closed_by_an_exception_and_nests():
    link = ann.Link()
    with pytest.raises(KeyError), link.init_scope():
        raise KeyError
    assert not link.within_init_scope
    with link.init_scope():
        with link.init_scope():
            pass
        assert link.within_init_scope


@pytest.mark.parametrize('value', [ann.Link(), ann.Parameter(0, 1)])
def test_warns_of_what_is_assigned_outside_init_scope(value):
    model = ann.Chain()
    with pytest.warns(UserWarning, match=r'Chain\.layer is assigned but not registered.*init_scope') as record:
        model.layer = value
    assert record[0].filename == __file__
    assert list(model.params()) == [] and list(model.children()) == []


def test_does_not_warn_of_what_belongs_to_another_link_or_replaces_a_child():
    model, other = Net(), ann.Chain()
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        other.shared = model.zeta
        other.parameter = model.bias
        model.zeta = replacement = Affine(3)
        model.bias = ann.Parameter(1, 3)
    assert model['zeta'] is replacement and replacement.name == 'zeta'
    assert list(other.params()) == []


def test_plain_link_holds_no_links():
    link = ann.Link()
    with pytest.warns(UserWarning, match='derive from Chain'), link.init_scope():
        link.child = ann.Link()


def test_forgotten_super_init_is_named():
    class Forgetful(ann.Chain):
        def __init__(self):
            with self.init_scope():
                pass

    with pytest.raises(RuntimeError, match=r'super\(\).__init__\(\)'):
        Forgetful()


@pytest.mark.parametrize('base', [ann.Link, ann.Chain, ann.ChainList])
def test_what_is_set_before_init_is_an_attribute_that_is_not_registered(base):
    class Early(base):
        def __init__(self):
            self.scale, self.layer, self.size = ann.Parameter(1, (2,)), Affine(2), 2
            super().__init__()

    with pytest.warns(UserWarning, match=r'Early\.(scale|layer).*super\(\).__init__\(\)') as record:
        link = Early()
    assert len(record) == 2
    assert link.scale.shape == (2,) and link.size == 2 and list(link.links()) == [link] and list(link.params()) == []


def test_a_variable_in_the_place_of_a_parameter():
    layer = L.Linear(2, 3)
    before, W = layer.W, ann.Variable(np.ones((3, 2), 'f'))
    layer.W = W
    layer(np.ones((1, 2), 'f')).sum().backward()
    assert W.grad.tolist() == [[1, 1]] * 3 and before.grad is None
    assert dict(layer.namedparams())['/W'] is W
    optimizer = ann.optimizers.SGD(1).setup(layer)
    optimizer.update()
    assert W.array.tolist() == [[1, 1]] * 3 and layer.b.array.tolist() == [-1] * 3
    for mode in 'share', 'copy', 'init':
        assert layer.copy(mode).W.array.tolist() == [[1, 1]] * 3
    layer.cleargrads()
    assert W.grad is None
    assert L.Linear(None, 3).W.is_initialized is False and W.is_initialized


def test_attributes_can_be_deleted():
    model = Net()
    del model.bias, model.block, model.zeta.count
    assert [path for path, _ in model.namedparams()] == ['/zeta/scale', '/zeta/shift']
    assert list(model.zeta._persistent) == ['mean']


def test_none_takes_a_parameter_or_child_out():
    chain = ann.Chain(a=ann.Link(W=(2,), b=(2,)), c=ann.Link(W=(2,)))
    chain.a.b = None
    chain.c = None
    chain.cleargrads()
    assert [path for path, _ in chain.namedparams()] == ['/a/W']
    assert list(chain.children()) == [chain.a]


def test_register_persistent():
    link = ann.Link(W=3)
    link.register_persistent('W')
    assert list(link.params()) == []
    with pytest.raises(AttributeError, match='nothing'):
        link.register_persistent('nothing')
    with pytest.raises(AttributeError, match='already'):
        link.add_persistent('W', 0)


def test_chain_refuses_wrong_children():
    model = Net()
    with pytest.raises(AttributeError, match='zeta'), model.init_scope():
        model.zeta = Affine(3)
    with pytest.raises(AttributeError, match='zeta'):
        model.add_link('zeta', Affine(3))
    with pytest.raises(TypeError, match='function'):
        model.add_link('f', lambda x: x)
    model.size = 3
    assert model['size'] == 3 and model['bias'] is model.bias and model['zeta'] is model.zeta
    with pytest.raises(KeyError, match='zeta, block'):
        model['nothing']


def test_call_passes_arguments_on():
    x = np.array([1, 2, 3], 'f')
    np.testing.assert_array_equal(Affine(3)(x, times=2).array, (2 * x + 3) * 2)
    with pytest.raises(AttributeError, match='forward'):
        ann.Link()(x)


def test_count_params_warns_of_unknown_shapes():
    model = ann.Chain(a=Affine(), b=Affine(3))
    with pytest.warns(UserWarning, match='/a/scale'):
        assert model.count_params() == 7


def gradients(model):
    return [param.grad for param in model.params()]


def test_cleargrads_zerograds_addgrads():
    x, model, other = np.array([1, 2, 3], 'f'), Net(), Net()
    for net in model, other:
        net(x).sum().backward()
    total = [g + h for g, h in zip(gradients(model), gradients(other))]
    model.addgrads(other)
    for actual, expected in zip(gradients(model), total):
        np.testing.assert_array_equal(actual, expected)
    model.zerograds()
    assert all((g == 0).all() for g in gradients(model))
    model.cleargrads()
    assert gradients(model) == [None] * 5
    model.addgrads(other)
    np.testing.assert_array_equal(model.zeta.scale.grad, other.zeta.scale.grad)


def test_copyparams():
    source, target = Net(), Net()
    for param in source.params():
        param.array[...] = np.random.rand(3)
    source.zeta.count, source.zeta.mean = 8, np.array([5.0, 6.0, 7.0])
    mean = target.zeta.mean
    target.copyparams(source, copy_persistent=False)
    assert target.zeta.count == 7 and mean[0] == 0
    target.copyparams(source)
    for a, b in zip(source.params(), target.params()):
        np.testing.assert_array_equal(a.array, b.array)
        assert a.array is not b.array
    assert target.zeta.count == 8 and target.zeta.mean is mean
    np.testing.assert_array_equal(mean, [5, 6, 7])


def test_copyparams_and_addgrads_of_other_structures():
    with pytest.raises(ValueError, match="no child 'zeta'"):
        Net().copyparams(bare_net())
    with pytest.raises(ValueError, match="no child 'zeta'"):
        Net().addgrads(bare_net())
    with pytest.raises(ValueError, match="no 'scale'"):
        Affine(3).copyparams(ann.Link())
    with pytest.raises(ValueError, match='shape'):
        Affine(3).copyparams(Affine(4))


def bare_net():
    net = ann.Chain()
    net.add_param('bias', 3)
    return net


def test_copy_share():
    model = Net()
    model.zeta.scale.grad = np.ones(3, 'f')
    copied = model.copy()
    assert type(copied) is Net and copied.zeta is not model.zeta
    for a, b in zip(model.params(), copied.params()):
        assert a is not b and a.array is b.array
    assert copied.zeta.scale.grad is None and model.zeta.scale.grad is not None
    with copied.init_scope():
        copied.extra = ann.Parameter(0, 1)
    copied.zeta.add_persistent('more', 1)
    assert not hasattr(model, 'extra') and 'more' not in model.zeta._persistent
    assert (copied.zeta.name, copied.block.inner.name) == ('zeta', 'inner')


@pytest.mark.parametrize('mode', ['share', 'copy', 'init'])
def test_what_is_shared_within_a_model_stays_so_in_copies(mode):
    model = ann.Chain(a=Affine(3), b=Affine(3), c=ann.ChainList())
    model.b.scale = model.a.scale
    model.c.append(model.a)
    copied = model.copy(mode)
    assert copied.a.scale is copied.b.scale and copied.c[0] is copied.a
    assert copied.a is not model.a and copied.a.scale is not model.a.scale


def test_copy_copy_and_deepcopy():
    for copied in (model := Net()).copy('copy'), copy.deepcopy(model):
        for a, b in zip(model.params(), copied.params()):
            assert a.array is not b.array
            np.testing.assert_array_equal(a.array, b.array)
        assert copied.zeta.mean is not model.zeta.mean


def test_copy_init_draws_anew():
    class Random(ann.Link):
        def __init__(self):
            super().__init__()
            with self.init_scope():
                self.W = ann.Parameter(ann.initializers.Normal(rng=np.random.RandomState(1)), 100)
                self.lazy = ann.Parameter(0)

    link = Random()
    link.W.grad = np.ones(100, 'f')
    first, second = link.copy('init'), link.copy('init')
    assert first.W.shape == (100,) and first.W.grad is None and not first.lazy.is_initialized
    # The copies go on with the stream of random numbers of the original.
    reference = np.random.RandomState(1).normal(0, 0.05, (3, 100)).astype('f')
    for drawn, expected in zip((link, first, second), reference):
        np.testing.assert_array_equal(drawn.W.array, expected)


def test_copy_of_unknown_mode():
    with pytest.raises(ValueError, match='deep'):
        ann.Link().copy('deep')


def test_pickle():
    model = Net()
    model.zeta.scale.array[0] = 5
    loaded = pickle.loads(pickle.dumps(model))
    x = np.array([1, 2, 3], 'f')
    np.testing.assert_array_equal(loaded(x).array, model(x).array)
    assert [path for path, _ in loaded.namedparams()] == [path for path, _ in model.namedparams()]


class Rule:
    """Stands for an optimizer's update rule."""

    enabled = True


def test_enable_and_disable_update():
    model = Net()
    assert not model.update_enabled
    model.disable_update()
    for param in model.params():
        param.update_rule = Rule()
    assert model.update_enabled
    model.zeta.disable_update()
    assert not model.zeta.update_enabled and model.update_enabled
    model.disable_update()
    assert not model.update_enabled
    model.zeta.enable_update()
    assert model.zeta.update_enabled and not model.block.update_enabled


def test_devices():
    model = Net()
    assert model.to_cpu() is model and model.to_device('@numpy') is model
    assert model.xp is np and model.device == ann.get_device('cpu')
    if not ann.cuda.available:
        with pytest.raises(RuntimeError, match='CUDA'):
            model.to_gpu()


@pytest.mark.gpu
def test_device_of_a_gpu():
    cupy = ann.cuda.cupy
    model = Net().to_gpu()
    assert model.xp is cupy and isinstance(model.block.inner.scale.array, cupy.ndarray)
    assert isinstance(model.zeta.mean, cupy.ndarray) and model.zeta.count == 7
    assert isinstance(model.to_cpu().zeta.mean, np.ndarray)


class Pool(ann.Link):
    """Has arguments of every kind to print."""

    def __init__(self, activation):
        super().__init__()
        self.activation = activation

    @property
    def printable_specs(self):
        return [('activation', self.activation), ('mode', 'full'), ('dtype', np.dtype('f')), ('mean', np.zeros(3))]


def test_print_reads_like_source():
    def relu(x):
        return x

    text = "Pool(activation=relu, mode='full', dtype=float32, mean=<array of shape (3,), float64>)"
    assert repr(Pool(relu)) == str(Pool(relu)) == text
    assert repr(Net()) == ('Net(\n'
                           '    zeta=Affine(),\n'
                           '    block=Chain(\n'
                           '        inner=Affine(),\n'
                           '    ),\n'
                           ')')
    assert repr(ann.Chain()) == 'Chain()'
    assert repr(ann.ChainList(Affine(3), ann.ChainList(Affine(3)))) == (
        'ChainList(\n    Affine(),\n    ChainList(\n        Affine(),\n    ),\n)')


def test_chainlist_is_a_list():
    a, b, c, d = (Affine(3) for _ in range(4))
    layers = ann.ChainList(a)
    layers.append(c)
    layers.insert(1, b)
    layers.extend([d])
    assert list(layers) == [a, b, c, d] == list(layers.children()) and len(layers) == 4
    assert [layer.name for layer in layers] == ['0', '1', '2', '3']
    assert (layers[1], layers[-1], layers[1:3], layers.index(c)) == (b, d, [b, c], 2)
    assert c in layers and Affine(3) not in layers
    del layers[1]
    assert [path for path, _ in layers.namedlinks(skipself=True)] == ['/0', '/1', '/2']
    layers[0] = b
    assert layers[0] is b and b.name == '0'
    layers[:2] = [a, b, c]
    assert list(layers) == [a, b, c, d]
    assert layers.pop() is d
    layers.reverse()
    assert list(layers) == [c, b, a] and a.name == '2'
    layers += [d]
    layers.remove(b)
    assert list(layers) == [c, a, d]
    layers.add_link(b)
    assert layers[3] is b


def test_chainlist_takes_links_only():
    layers = ann.ChainList(Affine(3))
    for misuse in (lambda: layers.append(abs), lambda: layers.__setitem__(0, abs),
                   lambda: layers.__setitem__(slice(1), [abs])):
        with pytest.raises(TypeError, match='Link'):
            misuse()
    with pytest.raises(TypeError, match='append'), layers.init_scope():
        layers.extra = Affine(3)
    with layers.init_scope():
        layers.gain = ann.Parameter(1, 1)
    assert [path for path, _ in layers.namedparams()] == ['/gain', '/0/scale', '/0/shift']


def test_chainlist_copies():
    layers = ann.ChainList(Affine(3), Affine(3))
    for mode in 'share', 'copy', 'init':
        copied = layers.copy(mode)
        copied.append(Affine(3))
        assert len(layers) == 2 and len(copied) == 3
        assert (copied[0].scale.array is layers[0].scale.array) == (mode == 'share')
        assert copied[0].scale is not layers[0].scale
    other = ann.ChainList(Affine(3), Affine(3))
    layers[1].scale.array[...] = 9
    other.copyparams(layers)
    np.testing.assert_array_equal(other[1].scale.array, np.full(3, 9, 'f'))


def test_namedpersistents():
    model = ann.Chain(a=Affine(2), b=Affine(3))
    model.a.count = 8
    model.add_persistent('epoch', 1)
    assert [path for path, _ in model.namedpersistents()] == ['/epoch', '/a/count', '/a/mean', '/b/count', '/b/mean']
    values = dict(model.namedpersistents())
    assert values['/a/count'] == 8 and values['/b/mean'] is model.b.mean


def test_attributes_that_are_remembered():
    """What a computation changed, added and removed is as before; arrays keep what was written into them."""
    model = ann.Chain(a=Affine(2))
    restore = model.remember_attributes()
    model.a.count = 8
    model.a.mean[0] = 5
    model.h = 'new'
    del model.a.shift
    assert [path for path, _ in model.namedparams()] == ['/a/scale']
    for _ in range(2):
        restore()
        assert model.a.count == 7 and model.a.mean[0] == 5 and not hasattr(model, 'h') and hasattr(model.a, 'shift')
        model.a.count = 9
