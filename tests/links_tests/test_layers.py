"""Layers: values against plain NumPy and SciPy, gradients, lazy parameters, saving and printing."""
import copy
import io
import itertools

import numpy as np
import pytest
from scipy import signal, special

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import serializers
from autograd_nn.gradient_check import check_backward


def convolve(x, W, b, stride=1, pad=0, dilate=1, groups=1):
    """The convolution of a layer by SciPy, one pair of channels at a time."""
    n = x.ndim - 2
    stride, pad, dilate = ((v,) * n if isinstance(v, int) else v for v in (stride, pad, dilate))
    x = np.pad(x, [(0, 0), (0, 0), *((p, p) for p in pad)])
    spread = np.zeros((*W.shape[:2], *((k - 1) * d + 1 for k, d in zip(W.shape[2:], dilate))))
    spread[(..., *(slice(None, None, d) for d in dilate))] = W
    per_group, outputs = W.shape[1], W.shape[0] // groups
    y = np.array([[sum(signal.correlate(image[k // outputs * per_group + c], spread[k, c], 'valid', 'direct')
                       for c in range(per_group)) for k in range(W.shape[0])] for image in x])
    y = y[(..., *(slice(None, None, s) for s in stride))]
    return y if b is None else y + b.reshape(-1, *[1] * n)


def deconvolve(x, W, b, stride=1, pad=0, dilate=1, groups=1):
    """The transposed convolution of a layer by SciPy: zeros between the inputs, full convolution, and a crop."""
    n = x.ndim - 2
    stride, pad, dilate = ((v,) * n if isinstance(v, int) else v for v in (stride, pad, dilate))
    wide = np.zeros((*x.shape[:2], *((m - 1) * s + 1 for m, s in zip(x.shape[2:], stride))))
    wide[(..., *(slice(None, None, s) for s in stride))] = x
    spread = np.zeros((*W.shape[:2], *((k - 1) * d + 1 for k, d in zip(W.shape[2:], dilate))))
    spread[(..., *(slice(None, None, d) for d in dilate))] = W
    inputs, outputs = W.shape[0] // groups, W.shape[1]
    y = np.array([[sum(signal.convolve(image[g * inputs + c], spread[g * inputs + c, k], 'full', 'direct')
                       for c in range(inputs)) for g in range(groups) for k in range(outputs)] for image in wide])
    y = y[(..., *(slice(p, m - p) for p, m in zip(pad, y.shape[2:])))]
    return y if b is None else y + b.reshape(-1, *[1] * n)


def attend(link, x, memory, mask):
    """Attention by the heads of a layer, one at a time."""
    def transform(layer, x):
        return np.split(x @ layer.W.array.T + layer.b.array, link.n_heads, axis=2)

    results = []
    for q, k, v in zip(transform(link.query, x), transform(link.key, memory), transform(link.value, memory)):
        scores = np.where(mask, q @ k.swapaxes(1, 2) / np.sqrt(q.shape[2]), -np.inf)
        results.append(special.softmax(scores, axis=2) @ v)
    return np.concatenate(results, axis=2) @ link.out.W.array.T + link.out.b.array


def array(param):
    return None if param is None else param.array


def mlp_convolve(link, x):
    for layer in list(link)[:-1]:
        x = np.maximum(convolve(x, layer.W.array, layer.b.array), 0)
    return convolve(x, link[-1].W.array, link[-1].b.array)


def deform(link, x):
    """A convolution whose places of the window move, one sample at a time; stride 1 and padding 1."""
    offset = convolve(x, link.offset_conv.W.array, link.offset_conv.b.array, pad=1)
    W, b = link.deform_conv.W.array, link.deform_conv.b.array
    kh, kw = W.shape[2:]
    y = np.zeros((len(x), len(W), *offset.shape[2:])) + b[:, None, None]
    for n, i, j, u, v in np.ndindex(len(x), *offset.shape[2:], kh, kw):
        row, column = i - 1 + u + offset[n, kh * kw + u * kw + v, i, j], j - 1 + v + offset[n, u * kw + v, i, j]
        rows, columns = (np.maximum(1 - abs(at - np.arange(m)), 0) for at, m in zip((row, column), x.shape[2:]))
        y[n, :, i, j] += W[:, :, u, v] @ (rows @ x[n] @ columns)
    return y


def convolve_locally(link, x):
    """Each position has filters of its own; stride (2, 1)."""
    y = np.zeros((len(x), *link.W.shape[:3])) + link.b.array
    for i, j in np.ndindex(*y.shape[2:]):
        y[:, :, i, j] += np.tensordot(x[:, :, 2 * i:2 * i + 3, j:j + 2], link.W.array[:, i, j], ((1, 2, 3),) * 2)
    return y
def blend(share, x, y):
    return share * x + (1 - share) * y


def normalize(x, axis, eps):
    return (x - x.mean(axis, keepdims=True)) / np.sqrt(x.var(axis, keepdims=True) + eps)


def convolution(**arguments):
    return lambda link, x: convolve(x, link.W.array, array(link.b), **arguments)


def deconvolution(**arguments):
    return lambda link, x: deconvolve(x, link.W.array, array(link.b), **arguments)


# What makes a layer; the same with input sizes left open, or None; the shapes of its inputs; the layer on NumPy arrays.
LAYERS = {
    'Linear': (lambda: L.Linear(6, 4), lambda: L.Linear(None, 4), [(3, 2, 3)],
               lambda link, x: x.reshape(len(x), -1) @ link.W.array.T + link.b.array),
    'Linear, nobias': (lambda: L.Linear(6, 4, nobias=True), lambda: L.Linear(4, nobias=True), [(3, 6)],
                       lambda link, x: x @ link.W.array.T),
    'Bilinear': (lambda: L.Bilinear(2, 3, 4), None, [(5, 2), (5, 3)],
                 lambda link, x, y: np.einsum('ni,nj,ijk->nk', x, y, link.W.array)
                 + x @ link.V1.array + y @ link.V2.array + link.b.array),
    'Bilinear, nobias': (lambda: L.Bilinear(2, 3, 4, nobias=True), None, [(5, 2), (5, 3)],
                         lambda link, x, y: np.einsum('ni,nj,ijk->nk', x, y, link.W.array)),
    'Highway': (lambda: L.Highway(3, activate=F.tanh), None, [(5, 3)],
                lambda link, x: blend(special.expit(x @ link.transform.W.array.T + link.transform.b.array),
                                      np.tanh(x @ link.plain.W.array.T + link.plain.b.array), x)),
    'Highway, nobias': (lambda: L.Highway(3, nobias=True, init_Wh=np.eye(3)), None, [(5, 3)],
                        lambda link, x: blend(special.expit(x @ link.transform.W.array.T),
                                              np.maximum(x @ link.plain.W.array.T, 0), x)),
    'SimplifiedDropconnect': (lambda: L.SimplifiedDropconnect(6, 4, ratio=0),
                              lambda: L.SimplifiedDropconnect(None, 4, ratio=0), [(3, 2, 3)],
                              lambda link, x: x.reshape(len(x), -1) @ link.W.array.T + link.b.array),
    'SimplifiedDropconnect, nobias': (lambda: L.SimplifiedDropconnect(3, 4, 0, nobias=True), None, [(5, 3)],
                                      lambda link, x: x @ link.W.array.T),
    'Maxout': (lambda: L.Maxout(3, 4, 2), lambda: L.Maxout(None, 4, 2), [(5, 3)],
               lambda link, x: (x @ link.linear.W.array.T + link.linear.b.array).reshape(5, 4, 2).max(2)),
    'Convolution1D': (lambda: L.Convolution1D(2, 3, 3, pad=1), lambda: L.Convolution1D(3, 3, pad=1), [(2, 2, 7)],
                      convolution(pad=1)),
    'Convolution2D': (lambda: L.Convolution2D(2, 3, (3, 2), stride=(2, 1), pad=(1, 0)),
                      lambda: L.Convolution2D(None, 3, (3, 2), (2, 1), (1, 0)), [(2, 2, 7, 5)],
                      convolution(stride=(2, 1), pad=(1, 0))),
    'Convolution2D, groups': (lambda: L.Convolution2D(4, 6, 3, nobias=True, dilate=2, groups=2),
                              lambda: L.Convolution2D(6, 3, nobias=True, dilate=2, groups=2), [(2, 4, 6, 5)],
                              convolution(dilate=2, groups=2)),
    'DilatedConvolution2D': (lambda: L.DilatedConvolution2D(2, 3, 3, 1, 2, 2), lambda: L.DilatedConvolution2D(
        None, 3, 3, 1, 2, 2), [(1, 2, 5, 5)], convolution(pad=2, dilate=2)),
    'Convolution3D': (lambda: L.Convolution3D(2, 2, 2), lambda: L.Convolution3D(None, 2, 2), [(1, 2, 3, 4, 3)],
                      convolution()),
    'ConvolutionND': (lambda: L.ConvolutionND(2, 2, 3, 2, stride=2), lambda: L.ConvolutionND(2, 3, 2, stride=2),
                      [(1, 2, 4, 6)], convolution(stride=2)),
    'DepthwiseConvolution2D': (
        lambda: L.DepthwiseConvolution2D(3, 2, 2, pad=1), lambda: L.DepthwiseConvolution2D(None, 2, 2, pad=1),
        [(2, 3, 4, 4)], lambda link, x: convolve(
            x, link.W.array.swapaxes(0, 1).reshape(6, 1, 2, 2), link.b.array, pad=1, groups=3)),
    'Deconvolution1D': (lambda: L.Deconvolution1D(2, 3, 3, stride=2), lambda: L.Deconvolution1D(3, 3, stride=2),
                        [(2, 2, 4)], deconvolution(stride=2)),
    'Deconvolution2D': (lambda: L.Deconvolution2D(2, 3, (3, 4), stride=2, pad=1),
                        lambda: L.Deconvolution2D(None, 3, (3, 4), 2, 1), [(2, 2, 3, 4)],
                        deconvolution(stride=2, pad=1)),
    'Deconvolution2D, groups': (lambda: L.Deconvolution2D(4, 6, 2, nobias=True, dilate=2, groups=2),
                                lambda: L.Deconvolution2D(6, 2, nobias=True, dilate=2, groups=2), [(2, 4, 3, 3)],
                                deconvolution(dilate=2, groups=2)),
    'Deconvolution3D': (lambda: L.Deconvolution3D(2, 2, 2), lambda: L.Deconvolution3D(None, 2, 2), [(1, 2, 2, 3, 2)],
                        deconvolution()),
    'DeconvolutionND': (lambda: L.DeconvolutionND(1, 2, 3, 2), lambda: L.DeconvolutionND(1, 3, 2), [(1, 2, 4)],
                        deconvolution()),
    'DeformableConvolution2D': (lambda: L.DeformableConvolution2D(2, 3, (2, 3), pad=1),
                                lambda: L.DeformableConvolution2D(None, 3, (2, 3), pad=1), [(2, 2, 4, 3)], deform),
    'LocalConvolution2D': (lambda: L.LocalConvolution2D(2, 3, (6, 4), (3, 2), (2, 1)),
                           lambda: L.LocalConvolution2D(None, 3, ksize=(3, 2), stride=(2, 1)), [(2, 2, 6, 4)],
                           convolve_locally),
    'MLPConvolution2D': (lambda: L.MLPConvolution2D(2, (3, 4, 2), 3), lambda: L.MLPConvolution2D((3, 4, 2), 3),
                         [(2, 2, 5, 4)], mlp_convolve),
    'LayerNormalization': (
        lambda: L.LayerNormalization(5, initial_gamma=np.arange(5.0), initial_beta=2),
        lambda: L.LayerNormalization(initial_gamma=np.arange(5.0), initial_beta=2), [(3, 5)],
        lambda link, x: normalize(x, 1, 1e-6) * link.gamma.array + link.beta.array),
    'GroupNormalization': (
        lambda: L.GroupNormalization(2, 4, initial_gamma=np.arange(4.0), initial_beta=2),
        lambda: L.GroupNormalization(2, initial_gamma=np.arange(4.0), initial_beta=2), [(3, 4, 5)],
        lambda link, x: normalize(x.reshape(3, 2, 10), 2, 1e-5).reshape(x.shape) * link.gamma.array[:, None]
        + link.beta.array[:, None]),
    'MultiHeadAttention': (lambda: L.MultiHeadAttention(6, 3), None, [(2, 4, 6)],
                           lambda link, x: attend(link, x, x, True)),
    'MultiHeadAttention of a memory': (lambda: L.MultiHeadAttention(6, 2), None, [(2, 4, 6), (2, 3, 6)],
                                       lambda link, x, memory: attend(link, x, memory, True)),
    'PReLU': (lambda: L.PReLU((3,), init=np.array([0.1, -0.5, 2])), None, [(2, 3, 4)],
              lambda link, x: np.where(x < 0, x * link.W.array[:, None], x)),
    'Swish': (lambda: L.Swish((3,), 2), None, [(2, 3, 4)],
              lambda link, x: x * special.expit(x * link.beta.array[:, None])),
    'Swish, whole shape': (lambda: L.Swish((3, 4), 2), lambda: L.Swish(None, 2), [(2, 3, 4)],
                           lambda link, x: x * special.expit(x * link.beta.array)),
    'Bias': (lambda: L.Bias(1, (3, 4)), None, [(2, 3, 4)], lambda link, x: x + link.b.array),
    'Bias without parameter': (lambda: L.Bias(2), None, [(2, 3, 4), (4,)], lambda link, x, b: x + b),
    'Scale': (lambda: L.Scale(1, 3, bias_term=True), None, [(2, 3, 4)],
              lambda link, x: x * link.W.array[:, None] + link.bias.b.array[:, None]),
    'Scale without parameter': (lambda: L.Scale(1, bias_term=True, bias_shape=(3,)), None, [(2, 3, 4), (3,)],
                                lambda link, x, W: x * W[:, None] + link.bias.b.array[:, None]),
}


def make(name, dtype='d'):
    """The layer and its inputs, all values random."""
    create, _, shapes, _ = LAYERS[name]
    with ann.using_config('dtype', np.dtype(dtype)):
        link = create()
    for param in link.params():
        if not param.array.any() or (param.array == param.array.flat[0]).all():
            param.array[...] = np.random.uniform(-1, 1, param.shape)
    return link, [np.random.uniform(-1, 1, shape).astype(dtype) for shape in shapes]


@pytest.mark.parametrize('dtype', ['d', 'f'])
@pytest.mark.parametrize('name', LAYERS)
def test_values(name, dtype):
    link, xs = make(name, dtype)
    y = link(*xs)
    assert y.dtype == np.dtype(dtype)
    np.testing.assert_allclose(y.array, LAYERS[name][3](link, *xs), rtol=1e-10 if dtype == 'd' else 1e-4,
                               atol=1e-12 if dtype == 'd' else 1e-5)


@pytest.mark.parametrize('name', LAYERS)
def test_gradients(name):
    link, xs = make(name)
    gy = np.random.uniform(-1, 1, link(*xs).shape)
    check_backward(link, tuple(xs), gy, params=tuple(link.params()), eps=1e-4)


@pytest.mark.parametrize('name', [name for name, entry in LAYERS.items() if entry[1] is not None])
def test_input_size_left_open(name):
    link, xs = make(name, 'f')
    y = link(*xs).array
    file = io.BytesIO()
    serializers.save_npz(file, link)
    for call_first in False, True:
        lazy = LAYERS[name][1]()
        assert any(param.array is None for param in lazy.params())
        assert 'None' in repr(lazy) or name == 'Swish, whole shape' or 'LayerN' in name
        if call_first:
            assert lazy(*xs).shape == y.shape
        serializers.load_npz(file, lazy)
        np.testing.assert_allclose(lazy(*xs).array, y, rtol=1e-6)
        assert repr(lazy) == repr(link)


@pytest.mark.parametrize('name', LAYERS)
def test_deep_copy(name):
    link, xs = make(name, 'f')
    copied = copy.deepcopy(link)
    y = link(*xs).array
    np.testing.assert_array_equal(copied(*xs).array, y)
    for param in copied.params():
        param.array += 1
    np.testing.assert_array_equal(link(*xs).array, y)


def test_default_initial_values():
    for link in L.Linear(300, 200), L.Convolution2D(12, 200, 5), L.Deconvolution2D(200, 12, 5):
        fan_in = link.W.size // len(link.W)
        assert abs(link.W.array.std() * np.sqrt(fan_in) - 1) < 0.02
        assert not link.b.array.any() and link.W.dtype == link.b.dtype == np.float32
    assert abs(L.EmbedID(300, 200).W.array.std() - 1) < 0.02


def test_given_initial_values():
    W = np.arange(6.0).reshape(2, 3)
    link = L.Linear(3, 2, initialW=W, initial_bias=np.array([5, 6]))
    np.testing.assert_array_equal(link.W.array, W)
    np.testing.assert_array_equal(link.b.array, [5, 6])
    assert link.W.array is not W and link.W.dtype == np.float32
    assert (L.Convolution2D(2, 3, 3, initialW=0.5, initial_bias=2).W.array == 0.5).all()
    assert (L.Linear(2, initial_bias=ann.initializers.One()).b.array == 1).all()
    maxout = L.Maxout(3, 2, 2, initialW=np.arange(12.0).reshape(2, 2, 3), initial_bias=np.arange(4.0).reshape(2, 2))
    np.testing.assert_array_equal(maxout.linear.W.array, np.arange(12).reshape(4, 3))
    np.testing.assert_array_equal(maxout.linear.b.array, np.arange(4))
    assert L.Maxout(3, 2, 2, initial_bias=None).linear.b is None
    shapes = []
    for in_size in 3, None:
        maxout = L.Maxout(in_size, 4, 2, initialW=lambda W: shapes.append(W.shape) or W.fill(7),
                          initial_bias=lambda b: shapes.append(b.shape) or b.fill(8))
        maxout(np.ones((1, 3), 'f'))
        assert sorted(shapes) == [(4, 2), (4, 2, 3)]
        assert (maxout.linear.W.array == 7).all() and (maxout.linear.b.array == 8).all()
        shapes.clear()
    with pytest.raises(ValueError, match=r'\(3, 2\).*\(2, 3\)'):
        L.Linear(2, 3, initialW=W)


def test_dtype_of_the_configuration():
    with ann.using_config('dtype', np.float64):
        assert L.Linear(3, 2).W.dtype == np.float64
        lazy = L.Linear(2)
        assert lazy(np.zeros((1, 3))).dtype == np.float64


def test_batch_axes():
    link = L.Linear(None, 2)
    assert link(np.zeros((4, 5, 3), 'f'), n_batch_axes=2).shape == (4, 5, 2)
    assert link.in_size == 3


def test_cover_all_and_outsize():
    assert L.ConvolutionND(1, 1, 1, 2, stride=2, cover_all=True)(np.zeros((1, 1, 5), 'f')).shape == (1, 1, 3)
    assert L.Convolution1D(1, 1, 2, stride=2)(np.zeros((1, 1, 5), 'f')).shape == (1, 1, 2)
    link = L.Deconvolution2D(1, 1, 2, stride=2, outsize=(5, 4))
    assert link(np.zeros((1, 1, 2, 2), 'f')).shape == (1, 1, 5, 4) and 'outsize=(5, 4)' in repr(link)


def test_embed_id():
    link = L.EmbedID(5, 2, ignore_label=-1)
    x = np.array([[4, 0], [-1, 0]])
    y = link(x)
    expected = link.W.array[x]
    expected[1, 0] = 0
    np.testing.assert_array_equal(y.array, expected)
    y.sum().backward()
    np.testing.assert_array_equal(link.W.grad, np.array([2, 0, 0, 0, 1])[:, None] * [1, 1])
    np.testing.assert_array_equal(L.EmbedID(3, 2, initialW=np.eye(3, 2))(np.array([1])).array, [[0, 1]])


def test_attention_with_a_mask():
    link = L.MultiHeadAttention(4, 2)
    x, past = np.random.rand(3, 5, 4).astype('f'), np.tri(5, dtype=bool)
    np.testing.assert_allclose(link(x, mask=past).array, attend(link, x, x, past), rtol=1e-4, atol=1e-6)


def test_attention_with_keys_and_values_that_are_known():
    link = L.MultiHeadAttention(6, 3)
    x, memory = np.random.rand(2, 4, 6).astype('f'), np.random.rand(2, 5, 6).astype('f')
    mask = np.array([[1, 1, 0, 1, 0], [1, 1, 1, 1, 1]], bool)[:, None, None]
    key, value = link.keys_and_values(memory)
    assert key.shape == value.shape == (2, 3, 5, 2)
    np.testing.assert_allclose(link.attend(x, key, value, mask).array, link(x, memory, mask).array, rtol=1e-5)
    weights = link.weights(x, key, mask).array
    query = link.query(x, n_batch_axes=2).array
    for n, head, q in itertools.product(range(2), range(3), range(4)):
        scores = [query[n, q, 2 * head:2 * head + 2] @ key.array[n, head, k] / 2 ** 0.5 for k in range(5)]
        e = np.exp(scores) * mask[n, 0, 0]
        np.testing.assert_allclose(weights[n, head, q], e / e.sum(), rtol=1e-5)


def test_attention_against_pytorch():
    torch = pytest.importorskip('torch')
    link, other = L.MultiHeadAttention(6, 3), torch.nn.MultiheadAttention(6, 3, batch_first=True)
    joined = [link.query, link.key, link.value]
    other.in_proj_weight.data = torch.from_numpy(np.concatenate([layer.W.array for layer in joined]))
    other.out_proj.weight.data = torch.from_numpy(link.out.W.array)
    x, memory = np.random.rand(2, 4, 6).astype('f'), np.random.rand(2, 5, 6).astype('f')
    seen = np.array([[1, 1, 0, 1, 0], [1, 1, 1, 1, 1]], bool)
    y, weights = other(*map(torch.from_numpy, (x, memory, memory)), key_padding_mask=torch.from_numpy(~seen),
                       average_attn_weights=False)
    ours = link(x, memory, seen[:, None, None])
    np.testing.assert_allclose(ours.array, y.detach().numpy(), rtol=1e-4, atol=1e-5)
    key, _ = link.keys_and_values(memory)
    found = link.weights(x, key, seen[:, None, None]).array
    np.testing.assert_allclose(found, weights.detach().numpy(), rtol=1e-4, atol=1e-6)
    (ours * x).sum().backward()
    (y * torch.from_numpy(x)).sum().backward()
    gW = np.concatenate([layer.W.grad for layer in joined])
    np.testing.assert_allclose(gW, other.in_proj_weight.grad.numpy(), rtol=1e-3, atol=1e-5)


def test_dropout_of_attention():
    link, x = L.MultiHeadAttention(4, 2, dropout=0.5), np.random.rand(3, 5, 4).astype('f')
    assert (link(x).array != link(x).array).any()
    with ann.using_config('train', False):
        np.testing.assert_allclose(link(x).array, attend(link, x, x, True), rtol=1e-4, atol=1e-6)


def test_parameter():
    link = L.Parameter(np.array([1, 2], 'f'))
    assert link() is link.W and [path for path, _ in link.namedparams()] == ['/W']


@pytest.mark.parametrize('link, text', [
    (L.Linear(784, 100), 'Linear(in_size=784, out_size=100, nobias=False)'),
    (L.Linear(10), 'Linear(in_size=None, out_size=10, nobias=False)'),
    (L.Convolution2D(1, 20, 5), 'Convolution2D(in_channels=1, out_channels=20, ksize=5, stride=1, pad=0, '
                                'nobias=False)'),
    (L.Convolution2D(4, 8, (3, 2), 2, (0, 1), nobias=True, dilate=2, groups=4),
     'Convolution2D(in_channels=4, out_channels=8, ksize=(3, 2), stride=2, pad=(0, 1), nobias=True, dilate=2, '
     'groups=4)'),
    (L.EmbedID(3, 2), 'EmbedID(in_size=3, out_size=2)'),
    (L.PReLU(), 'PReLU(shape=())'),
    (L.Bias(1, (3, 4)), 'Bias(axis=1, shape=(3, 4))'),
    (L.Bilinear(2, 3, 4), 'Bilinear(left_size=2, right_size=3, out_size=4, nobias=False)'),
    (L.BatchNormalization(3), 'BatchNormalization(size=3, decay=0.9, eps=2e-05, dtype=float32, use_gamma=True, '
                              'use_beta=True)'),
], ids=lambda value: type(value).__name__)
def test_print(link, text):
    assert repr(link) == text


@pytest.mark.parametrize('misuse, error, message', [
    (lambda: L.Linear(None), TypeError, 'out_size'),
    (lambda: L.Linear(784, 10)(np.zeros((100, 783), 'f')), ValueError, 'linear: x has 783 features .* 784'),
    (lambda: L.Convolution2D(3), TypeError, 'ksize'),
    (lambda: L.Convolution2D(3, 16, (3, 3, 3)), ValueError, 'Convolution2D: ksize'),
    (lambda: L.Convolution2D(3, 16, 3)(np.zeros((1, 4, 5, 5), 'f')), ValueError, 'convolution_2d: '),
    (lambda: L.Convolution2D(3, 16, 3, groups=3), ValueError, 'out_channels .* 16 and 3'),
    (lambda: L.Convolution2D(4, 6, 3, groups=3), ValueError, 'in_channels .* 4 and 3'),
    (lambda: L.Convolution2D(6, 3, groups=3)(np.zeros((1, 4, 5, 5), 'f')), ValueError, 'in_channels .* 4 and 3'),
    (lambda: L.Scale(bias_term=True), ValueError, 'bias_shape'),
    (lambda: L.Bias(1, 3)(np.zeros((2, 3)), np.zeros(3)), TypeError, 'expected 1 argument, got 2'),
    (lambda: L.Bias()(np.zeros((2, 3))), TypeError, 'expected 2 arguments, got 1'),
    (lambda: L.MultiHeadAttention(6, 4), ValueError, 'multiple of n_heads, got 6 and 4'),
    (lambda: L.Linear(3, 2, initialW='zero'), TypeError, 'got str'),
])
def test_misuse(misuse, error, message):
    with pytest.raises(error, match=message):
        misuse()


def test_highway_keeps_its_input_in_the_beginning():
    link = L.Highway(3)
    assert (link.transform.b.array == -1).all() and not link.plain.b.array.any()
    assert (L.Highway(3, init_bh=2, init_bt=5).transform.b.array == 5).all()
    assert [path for path, _ in link.namedparams()] == ['/plain/W', '/plain/b', '/transform/W', '/transform/b']


def test_simplified_dropconnect_drops_in_each_call():
    link, x = L.SimplifiedDropconnect(50, 40, ratio=0.5, nobias=True), np.ones((2, 50), 'f')
    mask = np.random.rand(40, 50) < 0.5
    np.testing.assert_allclose(link(x, mask=mask).array, x @ (link.W.array * mask * 2).T, rtol=1e-4, atol=1e-5)
    assert (link(x).array != link(x).array).any()
    same = link(x, use_batchwise_mask=False).array
    np.testing.assert_allclose(same[0], same[1], rtol=1e-5)
    np.testing.assert_allclose(link(x, train=False).array, x @ link.W.array.T, rtol=1e-4, atol=1e-5)
