"""Hooks that change weights: what links compute with, what becomes of the parameter, of gradients, copies and files."""
import copy
import io
import pickle
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import serializers
from autograd_nn.gradient_check import check_backward
from autograd_nn.link_hooks import SpectralNormalization, WeightStandardization

IMAGES = (2, 4, 6, 5)
# How each link is made, with and without its input size, the shape of its input, and the axis of its outputs.
LINKS = {
    'Linear': (lambda n=4: L.Linear(n, 3), (5, 4), 0),
    'Linear, more axes': (lambda n=6: L.Linear(n, 3), (5, 3, 2), 0),
    'Convolution2D': (lambda n=4: L.Convolution2D(n, 3, 3), IMAGES, 0),
    'Convolution2D in groups': (lambda n=4: L.Convolution2D(n, 6, 3, groups=2), IMAGES, 0),
    'ConvolutionND': (lambda n=4: L.ConvolutionND(1, n, 3, 2), (2, 4, 5), 0),
    'DepthwiseConvolution2D': (lambda n=4: L.DepthwiseConvolution2D(n, 2, 3), IMAGES, 0),
    'Deconvolution2D': (lambda n=4: L.Deconvolution2D(n, 3, 3, 2), IMAGES, 1),
    'DeconvolutionND': (lambda n=4: L.DeconvolutionND(3, n, 3, 2), (1, 4, 2, 2, 2), 1),
    'LocalConvolution2D': (lambda n=4: L.LocalConvolution2D(n, 3, n and (6, 5), 3), IMAGES, 0),
    'SimplifiedDropconnect': (lambda n=6: L.SimplifiedDropconnect(n, 3, ratio=0), (5, 3, 2), 0),
}


def draw(shape, dtype='f'):
    return np.random.randn(*shape).astype(dtype)


def spectral(W, u, axis, steps=1, eps=1e-6, gamma=1., factor=1.):
    """The normalized weight and the vector after some steps, with NumPy."""
    matrix = np.moveaxis(W, axis, 0).reshape(W.shape[axis], -1)
    for _ in range(steps):
        v = u @ matrix
        v = v / (np.linalg.norm(v) + eps)
        u = matrix @ v
        u = u / (np.linalg.norm(u) + eps)
    return W * gamma * factor / (u @ matrix @ v), u


def standardized(W, eps=1e-5):
    rows = W.reshape(len(W), -1)
    rows = (rows - rows.mean(1, keepdims=True)) / np.sqrt(rows.var(1, keepdims=True) + eps)
    return rows.reshape(W.shape)


def without_hook(link, W):
    """A copy of the link with another weight and no hook."""
    plain = link.copy('copy')
    plain.local_link_hooks.clear()
    plain.W.array = W.astype(link.W.dtype)
    return plain


@pytest.mark.parametrize('train', [True, False])
@pytest.mark.parametrize('options, steps', [({}, 1), ({'n_power_iteration': 3, 'eps': 0.1}, 3), ({'factor': 0.5}, 1),
                                            ({'use_gamma': True, 'factor': 2}, 1)], ids=str)
@pytest.mark.parametrize('make, shape, axis', LINKS.values(), ids=LINKS)
def test_spectral_normalization(make, shape, axis, options, steps, train):
    link = make().add_hook(SpectralNormalization(**options))
    W, u, x = link.W.array.copy(), link.W_u.copy(), draw(shape)
    matrix = np.moveaxis(W, axis, 0).reshape(W.shape[axis], -1)
    gamma = 1
    if 'use_gamma' in options:
        np.testing.assert_allclose(link.gamma.array, np.linalg.norm(matrix, 2), rtol=1e-5)
        link.gamma.array[...] = gamma = 1.5
    for _ in range(2):
        wanted, new_u = spectral(W, u, axis, steps, options.get('eps', 1e-6), gamma, options.get('factor', 1))
        with ann.using_config('train', train):
            y = link(x)
        np.testing.assert_allclose(y.array, without_hook(link, wanted)(x).array, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(link.W_u, new_u if train else u, rtol=1e-4, atol=1e-5)
        u = link.W_u.copy()
    np.testing.assert_array_equal(link.W.array, W)


def test_power_iteration_finds_the_largest_singular_value():
    link = L.Linear(5, 4).add_hook(SpectralNormalization())
    for _ in range(200):
        link(draw((1, 5)))
    W = link.local_link_hooks['SpectralNormalization'].normalize_weight(link).array
    assert np.linalg.norm(W, 2) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize('dtype', ['f', 'e'])
@pytest.mark.parametrize('use_gamma', [False, True])
def test_a_weight_of_zeros(use_gamma, dtype):
    with ann.using_config('dtype', np.dtype(dtype)):
        link, x = L.Linear(4, 3, initialW=0).add_hook(SpectralNormalization(use_gamma=use_gamma)), draw((5, 4), dtype)
    u, gy = link.W_u.copy(), draw((5, 3), dtype)
    for _ in range(2):
        link.cleargrads()
        y = link(x)
        y.grad = gy
        y.backward()
        np.testing.assert_array_equal(y.array, 0)
        np.testing.assert_array_equal(link.W_u, u)
        np.testing.assert_allclose(link.W.grad, gy.T @ x, atol=1e-2 if dtype == 'e' else 1e-5)
    # The next update finds its way, as if the weight had never been zeros.
    link.W.array[...] = W = draw((3, 4), dtype)
    wanted, _ = spectral(W.astype('d'), u.astype('d'), 0)
    np.testing.assert_allclose(link(x).array, x @ wanted.T, atol=5e-2 if dtype == 'e' else 1e-5)


@pytest.mark.parametrize('make, shape, axis', LINKS.values(), ids=LINKS)
def test_weight_standardization(make, shape, axis):
    link, x = make().add_hook(WeightStandardization(eps=0.01)), draw(shape)
    wanted = without_hook(link, standardized(link.W.array, 0.01))
    np.testing.assert_allclose(link(x).array, wanted(x).array, rtol=1e-4, atol=1e-4)


def test_vectors_that_are_looked_up():
    link, x = L.EmbedID(7, 3).add_hook(SpectralNormalization()), np.array([[2, 0], [6, 2]])
    wanted, _ = spectral(link.W.array, link.W_u, 0)
    np.testing.assert_allclose(link(x).array, wanted[x], rtol=1e-5)
    F.sum(link(x)).backward()
    assert link.W.grad.shape == (7, 3) and link.W.grad.any()
    link = L.EmbedID(7, 3).add_hook(WeightStandardization())
    np.testing.assert_allclose(link(x).array, standardized(link.W.array)[x], rtol=1e-4, atol=1e-6)


HOOKS = {'spectral': lambda: SpectralNormalization(use_gamma=True), 'standardization': WeightStandardization}


@pytest.mark.parametrize('hook', HOOKS.values(), ids=HOOKS)
@pytest.mark.parametrize('make, shape, axis', LINKS.values(), ids=LINKS)
def test_size_that_the_first_call_settles(make, shape, axis, hook):
    link = make(None).add_hook(hook())
    assert not link.W.is_initialized
    y = link(draw(shape))
    known = make()
    assert link.W.shape == known.W.shape and y.shape == known(draw(shape)).shape
    if hasattr(link, 'gamma'):
        matrix = np.moveaxis(link.W.array, axis, 0).reshape(link.W.shape[axis], -1)
        assert link.gamma.array == pytest.approx(np.linalg.norm(matrix, 2), rel=1e-4)
        assert link.W_u.shape == matrix.shape[:1]


def test_axes_of_the_batch():
    link, x = L.Linear(None, 3).add_hook(WeightStandardization()), draw((2, 4, 5))
    assert link(x, n_batch_axes=2).shape == (2, 4, 3) and link.W.shape == (3, 5)
    assert L.Linear(None, 3).add_hook(WeightStandardization())(x=x).shape == (2, 3)


@pytest.mark.parametrize('hook', HOOKS.values(), ids=HOOKS)
def test_threads_wait_for_each_other(hook):
    link, x = L.Linear(4, 3).add_hook(hook()), draw((5, 4))
    computing, plain = [], link.forward

    def forward(x):
        computing.append(len(computing))
        assert len(computing) == 1 and not isinstance(link.W, ann.Parameter)
        time.sleep(0.001)  # lets others go on
        y = plain(x)
        computing.pop()
        return y

    link.forward = forward

    def call(_):
        with ann.using_config('train', False):
            return link(x).array

    wanted = call(None)
    with ThreadPoolExecutor(4) as pool:
        for y in pool.map(call, range(40)):
            np.testing.assert_array_equal(y, wanted)
    with pytest.raises(ValueError), ann.using_config('train', False):
        link(draw((5, 7)))
    computing.clear()
    with ThreadPoolExecutor(1) as pool:  # what failed lets others in
        np.testing.assert_array_equal(pool.submit(call, None).result(timeout=60), wanted)
    assert isinstance(link.W, ann.Parameter)


# --- beside other layers: what is computed together elsewhere

def row_of_layers(name, hook):
    layers = {
        'convolution': [L.Convolution2D(4, 8, 3), L.BatchNormalization(8), F.relu],
        'deconvolution': [L.Deconvolution2D(4, 8, 3), L.BatchNormalization(8), F.relu],
        'linear': [L.Linear(4 * 6 * 5, 8), F.relu, L.BatchNormalization(8), F.relu],
        'shortcut': [L.Convolution2D(4, 4, 3, pad=1), L.BatchNormalization(4), L.Shortcut(draw(IMAGES)), F.relu6],
    }[name]
    model = ann.Sequential(*layers)
    bn = next(layer for layer in model if isinstance(layer, L.BatchNormalization))
    bn.avg_mean[...], bn.avg_var[...], bn.gamma.array[...] = 0.2, 0.7, 1.3
    model[0].add_hook(hook())
    return model


def wanted_weight(link):
    if 'W_u' in link._persistent:
        return spectral(link.W.array, link.W_u, int(isinstance(link, L.Deconvolution2D)), gamma=link.gamma.array)[0]
    return standardized(link.W.array)


def one_by_one(model, x):
    h = without_hook(model[0], wanted_weight(model[0]))(x)
    for layer in model[1:]:
        h = layer(h)
    return h


@pytest.mark.parametrize('train, backprop', [(True, True), (False, True), (False, False)])
@pytest.mark.parametrize('hook', HOOKS.values(), ids=HOOKS)
@pytest.mark.parametrize('name', ['convolution', 'deconvolution', 'linear', 'shortcut'])
def test_in_a_row_of_layers(name, hook, train, backprop):
    """Neither fused, nor folded with a normalization, nor with filters that were prepared for the parameter."""
    model, x = row_of_layers(name, hook), draw(IMAGES)
    with ann.using_config('train', train), ann.using_config('enable_backprop', backprop):
        for change in 1, 3, -2:
            model[0].W.array[0] *= change
            expected = one_by_one(model, x).array
            np.testing.assert_allclose(model(x).array, expected, rtol=1e-3, atol=1e-4)
    assert not model[0].W.kept


@pytest.mark.parametrize('hook', HOOKS.values(), ids=HOOKS)
def test_after_the_hook_is_deleted(hook):
    """The row is fused again, and the link is as it was."""
    model, x = row_of_layers('convolution', hook), draw(IMAGES)
    with ann.using_config('train', False), ann.no_backprop_mode():
        model(x)
        model[0].delete_hook(hook().name)
        assert vars(model[0]).keys() - {'_local_link_hooks', 'name'} == vars(L.Convolution2D(4, 8, 3)).keys()
        assert [name for name, _ in model[0].namedparams()] == ['/W', '/b'] and not model[0]._persistent
        h = F.convolution_2d(x, model[0].W.array, model[0].b.array)
        np.testing.assert_allclose(model(x).array, F.relu(model[1](h)).array, rtol=1e-4, atol=1e-4)


# --- the parameter

class Failing(L.Linear):
    def forward(self, x):
        assert not isinstance(self.W, ann.Parameter)
        raise ZeroDivisionError


class OtherHook(ann.LinkHook):
    name = 'Other'

    def __init__(self, method):
        setattr(self, method, self.fail)

    def fail(self, args):
        raise ZeroDivisionError


@pytest.mark.parametrize('hook', HOOKS.values(), ids=HOOKS)
def test_parameter_comes_back(hook):
    link, failing = L.Linear(4, 3).add_hook(hook()), Failing(4, 3).add_hook(hook())
    for each in link, failing:
        W, attributes = each.W, vars(each).keys()
        if each is failing:
            with pytest.raises(ZeroDivisionError):
                each(draw((2, 4)))
        else:
            each(draw((2, 4)))
        assert each.W is W and isinstance(W, ann.Parameter) and W.name == 'W' and vars(each).keys() == attributes


@pytest.mark.parametrize('method', ['forward_preprocess', 'forward_postprocess'])
@pytest.mark.parametrize('first', [True, False])
def test_parameter_comes_back_where_another_hook_fails(method, first):
    link, hooks = L.Linear(4, 3), [OtherHook(method), WeightStandardization()]
    W = link.W
    for hook in hooks if first else hooks[::-1]:
        link.add_hook(hook)
    with pytest.raises(ZeroDivisionError):
        link(draw((2, 4)))
    assert link.W is W
    link.delete_hook('Other')
    assert link(draw((2, 4))).shape == (2, 3) and link.W is W


def test_several_hooks_of_one_link():
    """Each takes what the one before it made."""
    link = L.Linear(4, 3).add_hook(WeightStandardization()).add_hook(SpectralNormalization())
    link.add_hook(SpectralNormalization(weight_name='b', name='of the bias'))
    W, b, x = link.W, link.b, draw((2, 4))
    b.array[...] = 1, -2, 2
    wanted, _ = spectral(standardized(W.array), link.W_u, 0)
    np.testing.assert_allclose(link(x).array, x @ wanted.T + b.array / 3, rtol=1e-4, atol=1e-4)
    assert link.W is W and link.b is b


def test_one_hook_for_several_links():
    hook = SpectralNormalization()
    links = [L.Linear(4, 3).add_hook(hook), L.Convolution2D(None, 5, 1).add_hook(hook)]
    for link, shape in zip(links, ((2, 4), (2, 3, 1, 1))):
        x = draw(shape)
        link(x)
        wanted, _ = spectral(link.W.array, link.W_u, 0)
        np.testing.assert_allclose(link(x).array, without_hook(link, wanted)(x).array, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match='along axis 1 in Deconvolution2D, and along axis 0'):
        L.Deconvolution2D(4, 3, 1).add_hook(hook)


# --- gradients

@pytest.mark.parametrize('hook', HOOKS.values(), ids=HOOKS)
@pytest.mark.parametrize('make, shape, axis', LINKS.values(), ids=LINKS)
def test_gradients(make, shape, axis, hook):
    """With respect to the parameters; the vectors of the iteration are constants, so the iteration has to be done."""
    with ann.using_config('dtype', np.dtype('d')):
        link = make().add_hook(hook())
    x = draw(shape, 'd')
    for _ in range(300):
        y = link(x)
    with ann.using_config('train', False):
        check_backward(link, x, draw(y.shape, 'd'), tuple(link.params()), eps=1e-5, atol=1e-4, rtol=1e-3)


def test_gradients_of_gradients():
    """As for the penalty of a discriminator's slope."""
    link = L.Linear(3, 2).add_hook(SpectralNormalization(use_gamma=True))
    x = ann.Variable(draw((4, 3)))
    gx, = ann.grad([F.sum(F.tanh(link(x)))], [x], enable_double_backprop=True)
    F.sum(gx * gx).backward()
    assert link.W.grad.any() and link.gamma.grad.any()


def test_no_gradients_while_frozen():
    link = L.Linear(3, 2).add_hook(SpectralNormalization(use_gamma=True)).freeze()
    u, x = link.W_u.copy(), ann.Variable(draw((4, 3)))
    F.sum(link(x)).backward()
    assert x.grad.any() and link.W.grad is None and link.gamma.grad is None
    np.testing.assert_array_equal(link.W_u, u)


@pytest.mark.parametrize('train', [True, False])
def test_computed_a_second_time(train):
    """With the vectors of the first time, whichever call it was, also in a computation within another."""
    results = []
    for way in 'kept', 'forgotten', 'within':
        np.random.seed(0)
        link = L.Linear(3, 3).add_hook(SpectralNormalization(use_gamma=True))
        forget = (lambda f, x: f(x)) if way == 'kept' else F.forget

        def call(x, link=link):
            return F.tanh(link(x)) * link(x)

        def outer(x, call=call, way=way):
            return call(F.forget(call, x) if way == 'within' else call(x))

        x = ann.Variable(draw((4, 3)))
        with ann.using_config('train', train):
            y = forget(call, x) + forget(outer, x * 2)
        F.sum(y * y).backward()
        results.append([y.array, x.grad, link.W.grad, link.gamma.grad, link.W_u])
    for others in results[1:]:
        for expected, actual in zip(results[0], others):
            np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('dtype', ['e', 'f', 'd', 'bfloat16'])
def test_types(dtype):
    dtype = ann.get_dtype(dtype)
    with ann.using_config('dtype', dtype):
        links = [L.Linear(4, 3).add_hook(SpectralNormalization(use_gamma=True)),
                 L.Linear(4, 3).add_hook(WeightStandardization())]
    for link in links:
        y = link(draw((2, 4), dtype))
        F.sum(y).backward()
        assert {y.dtype, *(param.dtype for param in link.params())} == {dtype}
        assert all(param.grad.dtype == dtype for param in link.params())
        assert np.isfinite(y.array.astype('f')).all()
    assert links[0].W_u.dtype == dtype


def test_an_optimizer_learns():
    np.random.seed(0)
    link = L.Linear(None, 3).add_hook(SpectralNormalization(use_gamma=True))
    optimizer = ann.optimizers.Adam(0.05).setup(link)
    x, losses = draw((20, 4)), []

    def loss():
        y = F.mean_squared_error(link(x), x @ np.ones((4, 3), 'f'))
        losses.append(float(y.array))
        return y

    for _ in range(60):
        optimizer.update(loss)
    assert losses[-1] < 0.1 * losses[0]
    assert link.W.update_rule.t == link.gamma.update_rule.t == 60 and link.gamma.array > 2


# --- copies and files

@pytest.mark.parametrize('mode', ['share', 'copy', 'init'])
@pytest.mark.parametrize('hook', HOOKS.values(), ids=HOOKS)
@pytest.mark.parametrize('size', [4, None])
def test_copies(hook, mode, size):
    link = L.Linear(size, 3).add_hook(hook())
    copied, x = link.copy(mode), draw((2, 4))
    with ann.using_config('train', False):
        for each in copied, link:
            W = each.W
            y = each(x)
            assert each.W is W
            np.testing.assert_allclose(y.array, x @ wanted_weight(each).T + each.b.array, rtol=1e-3, atol=1e-4)
            F.sum(y * y).backward()
            assert W.grad.any()
        assert copied.W is not link.W and [*copied._params] == [*link._params]
        copied.delete_hook(hook().name)
        assert 'gamma' not in copied._params and 'W_u' not in vars(copied)
        np.testing.assert_array_equal(link(x).array, y.array)


@pytest.mark.parametrize('make', [copy.deepcopy, lambda link: pickle.loads(pickle.dumps(link))])
def test_other_copies(make):
    link, x = L.Linear(4, 3).add_hook(SpectralNormalization(use_gamma=True)), draw((2, 4))
    copied = make(link)
    np.testing.assert_array_equal(copied(x).array, link(x).array)
    np.testing.assert_array_equal(copied.W_u, link.W_u)


def test_repeated_links():
    model = L.Linear(4, 4).add_hook(SpectralNormalization(use_gamma=True)).repeat(3)
    assert model(draw((2, 4))).shape == (2, 4)
    assert len({id(link.local_link_hooks['SpectralNormalization']) for link in model}) == 3


def file_of(link):
    file = io.BytesIO()
    serializers.save_npz(file, link)
    file.seek(0)
    return file


@pytest.mark.parametrize('size', [4, None])
def test_files(size):
    link, x = L.Linear(4, 3).add_hook(SpectralNormalization(use_gamma=True)), draw((2, 4))
    link.gamma.array[...] = 0.3
    link(x)
    file = file_of(link)
    assert {name: array.shape for name, array in np.load(file).items()} == {
        'W': (3, 4), 'b': (3,), 'W_u': (3,), 'gamma': ()}
    loaded = L.Linear(size, 3).add_hook(SpectralNormalization(use_gamma=True))
    serializers.load_npz(file, loaded)
    np.testing.assert_array_equal(loaded(x).array, link(x).array)
    np.testing.assert_array_equal(loaded.W_u, link.W_u)


def test_file_of_a_link_without_a_size():
    link = L.Linear(None, 3).add_hook(SpectralNormalization(use_gamma=True))
    loaded = L.Linear(None, 3).add_hook(SpectralNormalization(use_gamma=True))
    serializers.load_npz(file_of(link), loaded)
    assert loaded.W_u is None and loaded(draw((2, 4))).shape == (2, 3)


@pytest.mark.gpu
@pytest.mark.parametrize('hook', HOOKS.values(), ids=HOOKS)
@pytest.mark.parametrize('name', ['Linear', 'Convolution2D', 'Deconvolution2D'])
def test_on_a_gpu(name, hook):
    """The same, wherever the link is when it gets the hook and when it is called."""
    make, shape, _ = LINKS[name]
    x, results = draw(shape), []
    for size, before, after in ((4, 'cpu', 'cpu'), (4, 'cpu', 'cuda:0'), (4, 'cuda:0', 'cuda:0'),
                                (None, 'cuda:0', 'cpu')):
        np.random.seed(0)
        link = make() if size else make(None)
        link.to_device(before).add_hook(hook()).to_device(after)
        for train in True, False:
            with ann.using_config('train', train):
                link.cleargrads()
                y = link(link.device.send(x))
                F.sum(y * y).backward()
        assert {param.device for param in link.params()} == {link.device}
        link.to_cpu()
        results.append([ann.cuda.to_cpu(y.array), *[param.grad for param in link.params()],
                        *[array for _, array in link.namedpersistents()]])
    for other in results[1:-1]:
        for expected, actual in zip(results[0], other):
            np.testing.assert_allclose(actual, expected, rtol=1e-3, atol=1e-4)
    assert [array.shape for array in results[-1]] == [array.shape for array in results[0]]


# --- mistakes

@pytest.mark.parametrize('hook', [SpectralNormalization, WeightStandardization])
def test_not_for_all_links(hook):
    with pytest.raises(NotImplementedError, match=f'{hook.__name__} is not for all links.*add_hook'), hook():
        pass
    assert not ann.get_link_hooks()


@pytest.mark.parametrize('make, hook, message', [
    (lambda: L.Linear(4, 3), lambda: SpectralNormalization(weight_name='w'), "Linear has no parameter 'w'"),
    (lambda: L.Linear(4, 3), lambda: WeightStandardization(weight_name='ksize'), "Linear has no parameter 'ksize'"),
    (lambda: L.Linear(4, 3, nobias=True), lambda: WeightStandardization(weight_name='b'), "no parameter 'b'"),
    (lambda: L.Linear(4, 0), SpectralNormalization, r'expected outputs, got W of shape \(0, 4\)'),
    (lambda: L.BatchNormalization(3), lambda: SpectralNormalization(use_gamma=True, weight_name='beta'),
     "BatchNormalization has an attribute 'gamma' already"),
    (lambda: L.Linear(4, 3).add_hook(SpectralNormalization()), lambda: SpectralNormalization(name='again'),
     "again: Linear has an attribute 'W_u' already"),
])
def test_links_that_do_not_fit(make, hook, message):
    """They stay as they are."""
    link = make()
    before, hooks = vars(link).copy(), dict(link.local_link_hooks)
    with pytest.raises(ValueError, match=message):
        link.add_hook(hook())
    assert vars(link).keys() - {'_local_link_hooks'} == before.keys() - {'_local_link_hooks'}
    assert link.local_link_hooks == hooks


def test_no_outputs():
    assert L.Linear(4, 0).add_hook(WeightStandardization())(draw((2, 4))).shape == (2, 0)


def test_other_mistakes():
    with pytest.raises(ValueError, match='n_power_iteration of 1 or more, got 0'):
        SpectralNormalization(n_power_iteration=0)
    with pytest.raises(ValueError, match=r'weight of two axes or more, got b of shape \(3,\)'):
        L.Bias(1, 3).add_hook(WeightStandardization(weight_name='b'))(draw((2, 3)))

    class Lazy(ann.Link):
        def __init__(self):
            super().__init__()
            with self.init_scope():
                self.W = ann.Parameter(1)

    with pytest.raises(ValueError, match="Lazy settles the shape of 'W' in its first call"):
        Lazy().add_hook(WeightStandardization())(draw((2, 3)))
