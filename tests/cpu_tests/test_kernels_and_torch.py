"""The kernels on every back end against PyTorch, another implementation of the same: values and gradients."""
import numpy as np
import pytest

torch = pytest.importorskip('torch')
F = torch.nn.functional

SHAPES = [(2, 8, 13, 14), (3, 5, 7, 7), (1, 32, 28, 28), (4, 16, 9, 1)]


def draw(*shape, channels_last=False):
    x = np.random.default_rng(sum(shape)).standard_normal(shape).astype('f')
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1) if channels_last else x


def differentiated(f, *arrays):
    """The result of a function of tensors, a gradient for it, and the gradients of the arguments."""
    tensors = [torch.tensor(np.ascontiguousarray(a), requires_grad=True) for a in arrays]
    y = f(*tensors)
    gy = draw(*y.shape)
    y.backward(torch.tensor(gy))
    return y.detach().numpy(), gy, [t.grad.numpy() for t in tensors]


def same(actual, expected, atol=2e-5):
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=atol)


@pytest.mark.parametrize('shape, filters, stride, pad, dilate, groups', [
    ((2, 8, 13, 14), (12, 8, 3, 3), (1, 1), (1, 1), (1, 1), 1), ((3, 6, 9, 7), (9, 2, 3, 2), (2, 1), (0, 1), (1, 2), 3),
    ((2, 16, 12, 12), (16, 1, 3, 3), (2, 2), (1, 1), (1, 1), 16),
    ((2, 520, 7, 6), (512, 520, 1, 1), (2, 2), (0, 0), (1, 1), 1),
    ((4, 160, 32, 30), (160, 160, 3, 3), (1, 1), (1, 1), (1, 1), 1)])
def test_convolution(kernel, shape, filters, stride, pad, dilate, groups):
    x, W = draw(*shape, channels_last=True), draw(*filters) / np.sqrt(np.prod(filters[1:])).astype('f')
    b = draw(filters[0])
    y, gy, (gx, gW, gb) = differentiated(lambda x, W, b: F.conv2d(x, W, b, stride, pad, dilate, groups), x, W, b)
    geometry = stride, pad, dilate, groups
    for actual, expected in ((kernel('convolution', x, W, b, *geometry), y),
                             (kernel('deconvolution', gy, W, None, stride, pad, shape[2:], dilate, groups), gx),
                             (kernel('convolution_filter_grad', x, gy, filters[2:], *geometry), gW),
                             (kernel('convolution_bias_grad', gy), gb)):
        same(actual, expected, 2e-5 * abs(expected).max())


@pytest.mark.parametrize('shape', SHAPES)
@pytest.mark.parametrize('k, stride, pad', [(2, 2, 0), (3, 2, 1), (3, 1, 1), (1, 2, 0)])
@pytest.mark.parametrize('channels_last', [False, True])
def test_pooling(kernel, shape, k, stride, pad, channels_last):
    if min(shape[2:]) + 2 * pad < k:
        return
    x = draw(*shape, channels_last=channels_last)
    geometry = (k, k), (stride, stride), (pad, pad)
    expected, gy, (gx,) = differentiated(lambda x: F.max_pool2d(x, k, stride, pad), x)
    y, indexes = kernel('max_pooling', x, *geometry, False, True)
    same(y, expected)
    same(kernel('max_pooling_grad', gy, indexes, shape[2:], *geometry), gx)
    for pad_value in 0, None:
        expected, gy, (gx,) = differentiated(
            lambda x, p=pad_value: F.avg_pool2d(x, k, stride, pad, count_include_pad=p == 0), x)
        same(kernel('average_pooling', x, *geometry, False, pad_value), expected)
        same(kernel('average_pooling_grad', gy, shape[2:], *geometry, pad_value), gx)


@pytest.mark.parametrize('shape', SHAPES)
@pytest.mark.parametrize('relu', [False, True])
def test_batch_normalization(kernel, shape, relu):
    x, gamma, beta, axis = draw(*shape, channels_last=True), draw(shape[1]), draw(shape[1]) + 1, (0, 2, 3)

    def normalize(x, gamma, beta):
        y = F.batch_norm(x, None, None, gamma, beta, training=True, eps=1e-3)
        return torch.relu(y) if relu else y

    expected, gy, gradients = differentiated(normalize, x, gamma, beta)
    y, mean, inv_std, mask = kernel('batch_normalization', x, gamma, beta, 1e-3, axis, relu)
    same(y, expected)
    for actual, wanted in zip(kernel('batch_normalization_grad', x, gamma, gy, mean, inv_std, axis, mask), gradients):
        same(actual, wanted, 1e-4)
    statistics = draw(shape[1]), abs(draw(shape[1] + 1)[1:])
    y = kernel('fixed_batch_normalization', x, gamma, beta, *statistics, 1e-3, axis, relu)
    expected = F.batch_norm(*map(torch.tensor, (x.copy(), *statistics, gamma, beta)), eps=1e-3).numpy()
    same(y, np.maximum(expected, 0) if relu else expected, 1e-4)


@pytest.mark.parametrize('n, d', [(1, 5), (70, 384), (9, 1000)])
def test_layer_normalization(kernel, n, d):
    x, gamma, beta = draw(n, d), draw(d), draw(d)
    expected, gy, gradients = differentiated(lambda x, gamma, beta: F.layer_norm(x, (d,), gamma, beta), x, gamma, beta)
    y, mean, inv_std = kernel('layer_normalization', x, gamma, beta, 1e-5)
    same(y, expected)
    for actual, wanted in zip(kernel('layer_normalization_grad', x, gamma, gy, mean, inv_std), gradients):
        same(actual, wanted)


@pytest.mark.parametrize('shape, groups', [((2, 8, 13, 14), 4), ((1, 32, 28, 28), 32), ((3, 6), 1)])
def test_group_normalization(kernel, shape, groups):
    x, gamma, beta = draw(*shape), draw(shape[1]), draw(shape[1])
    expected, gy, gradients = differentiated(lambda x, gamma, beta: F.group_norm(x, groups, gamma, beta), x, gamma,
                                             beta)
    y, mean, inv_std = kernel('group_normalization', x, groups, gamma, beta, 1e-5)
    same(y, expected)
    for actual, wanted in zip(kernel('group_normalization_grad', x, groups, gamma, gy, mean, inv_std), gradients):
        same(actual, wanted, 1e-4)


@pytest.mark.parametrize('shape', SHAPES)
@pytest.mark.parametrize('n, beta', [(5, 0.75), (3, 0.5)])
def test_local_response_normalization(kernel, shape, n, beta):
    x = draw(*shape)
    expected, gy, (gx,) = differentiated(lambda x: F.local_response_norm(x, n, 0.1 * n, beta, 2), x)
    same(kernel('local_response_normalization', x, n, 2, 0.1, beta), expected)
    same(kernel('local_response_normalization_grad', x, gy, n, 2, 0.1, beta), gx)


@pytest.mark.parametrize('shape', [(3, 5), (70, 1000)])
@pytest.mark.parametrize('name', ['softmax', 'log_softmax'])
def test_softmax(kernel, shape, name):
    x = draw(*shape)
    expected, gy, (gx,) = differentiated(lambda x: getattr(F, name)(x, 1), x)
    y = kernel(name, x, 1)
    same(y, expected)
    same(kernel(f'{name}_grad', y, gy, 1), gx)


@pytest.mark.parametrize('name, network, gates, n_states, options', [
    ('lstm_sequence', torch.nn.LSTM, 4, 2, ()), ('gru_sequence', torch.nn.GRU, 3, 1, ()),
    ('rnn_sequence', torch.nn.RNN, 1, 1, ('tanh',)), ('rnn_sequence', torch.nn.RNN, 1, 1, ('relu',))])
@pytest.mark.parametrize('steps, batch, inputs, units', [(5, 20, 65, 130), (1, 3, 7, 9), (12, 1, 33, 300)])
@pytest.mark.parametrize('reverse', [False, True])
def test_sequences(kernel, name, network, gates, n_states, options, steps, batch, inputs, units, reverse):
    """PyTorch has the same gates, in the same order, in one matrix; it goes through flipped steps for ours reversed."""
    ws = [draw(units, inputs) / 9 for _ in range(gates)] + [draw(units, units) / 9 for _ in range(gates)]
    ws = [w * (k + 1) / len(ws) for k, w in enumerate(ws)]
    bs = [draw(units) * k / 9 for k in range(len(ws))]
    x, states = draw(steps * batch, inputs), [draw(batch, units + k)[:, k:] for k in range(n_states)]
    torch_network = network(inputs, units, **({'nonlinearity': options[0]} if options else {}))
    parameters = [torch_network.weight_ih_l0, torch_network.weight_hh_l0, torch_network.bias_ih_l0,
                  torch_network.bias_hh_l0]
    with torch.no_grad():
        for parameter, parts in zip(parameters, (ws[:gates], ws[gates:], bs[:gates], bs[gates:])):
            parameter.copy_(torch.tensor(np.concatenate(parts)))
    tensors = [torch.tensor(a, requires_grad=True) for a in (x, *states)]
    inputs_in_order = tensors[0].reshape(steps, batch, inputs)
    initial = [state[None] for state in tensors[1:]]
    expected, last = torch_network(inputs_in_order.flip(0) if reverse else inputs_in_order,
                                   tuple(initial) if n_states == 2 else initial[0])
    expected = [(expected.flip(0) if reverse else expected).reshape(-1, units),
                *[state[0] for state in (last if n_states == 2 else [last])]]
    gys = [draw(*y.shape) for y in expected]
    torch.autograd.backward(expected, [torch.tensor(gy) for gy in gys])
    batch_sizes = (batch,) * steps
    *ys, workspace = kernel(name, x, *states, ws, bs, *options, batch_sizes, reverse, True)
    *gxs, gws, gbs = kernel(f'{name}_grad', x, *states, ws, ys[0], workspace, *gys, *options, batch_sizes, reverse)
    for actual, wanted in zip((*ys, *gxs), (*[y.detach() for y in expected], *[tensor.grad for tensor in tensors])):
        same(actual, wanted.numpy(), 1e-4)
    for parameter, parts in zip(parameters, (gws[:gates], gws[gates:], gbs[:gates], gbs[gates:])):
        same(np.concatenate(parts), parameter.grad.numpy(), 1e-3)
