"""Recurrent layers, against loops over time written with NumPy."""
import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
from support.caffe.layer_checks import check_layer, describe, load, random

CONSTANT = 'weight_filler { type: "constant" value: 0.1 } bias_filler { type: "constant" value: 0.2 }'


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm(x, cont, static, h, c, blobs):
    W_x, b, *W_static, W_h = blobs
    ys = []
    for t in range(len(x)):
        goes_on = cont[t][:, None]
        gates = x[t].reshape(len(h), -1) @ W_x.T + b + (goes_on * h) @ W_h.T
        if W_static:
            gates = gates + static @ W_static[0].T
        i, f, o, g = np.split(gates, 4, 1)
        c = goes_on * sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        ys.append(h)
    return np.stack(ys), h, c


def rnn(x, cont, static, h, _, blobs):
    W_x, b, *W_static, W_h, W_o, b_o = blobs
    ys = []
    for t in range(len(x)):
        inputs = x[t].reshape(len(h), -1) @ W_x.T + b + (cont[t][:, None] * h) @ W_h.T
        if W_static:
            inputs = inputs + static @ W_static[0].T
        h = np.tanh(inputs)
        ys.append(np.tanh(h @ W_o.T + b_o))
    return np.stack(ys), h


FORMULAS = {'LSTM': lstm, 'RNN': rnn}


def blobs_of(kind, features, units, static=0):
    n = 4 * units if kind == 'LSTM' else units
    blobs = [random(n, features), random(n), *([random(n, static)] if static else []), random(n, units)]
    return blobs + ([random(units, units), random(units)] if kind == 'RNN' else [])


@pytest.mark.parametrize('kind, expected', [('LSTM', [0.095241, 0.32479, 0.589499]),
                                            ('RNN', [0.25267, 0.316732, 0.352592])])
def test_an_example(kind, expected):
    net = load(describe(kind, f'recurrent_param {{ num_output: 2 {CONSTANT} }}', [(3, 1, 2), (3, 1)]))
    y = net({'x0': np.arange(6, dtype='f').reshape(3, 1, 2), 'x1': np.array([[0], [1], [1]], 'f')})
    np.testing.assert_allclose(y.array, np.repeat(expected, 2).reshape(3, 1, 2), rtol=1e-5)


@pytest.mark.parametrize('kind', FORMULAS)
@pytest.mark.parametrize('static', [False, True])
@pytest.mark.parametrize('exposed', [False, True])
def test_sequences_that_begin_and_go_on(kind, static, exposed):
    x, cont, still = random(5, 3, 2, 2), np.random.randint(2, size=(5, 3)), random(3, 6)
    h, c = random(1, 3, 4), random(1, 3, 4)
    states = ([h, c] if kind == 'LSTM' else [h]) if exposed else []
    blobs = blobs_of(kind, 4, 4, 6 if static else 0)
    zeros = np.zeros((3, 4))
    y, *last = FORMULAS[kind](x, cont, still, *((h[0], c[0]) if exposed else (zeros, zeros)), blobs)
    settings = f'recurrent_param {{ num_output: 4 expose_hidden: {str(exposed).lower()} }}'
    check_layer(kind, settings, [x, cont, *([still] if static else []), *states], blobs,
                lambda *_: (y, *(state[None] for state in last)) if exposed else y, tops=1 + len(states))


@pytest.mark.parametrize('kind', FORMULAS)
def test_a_sequence_goes_on_from_the_call_before(kind):
    """Its gradients do not; a batch of another size, or after a reset, begins anew."""
    x, cont, blobs = random(6, 2, 3), np.ones((6, 2), 'f'), blobs_of(kind, 3, 4)
    net = load(describe(kind, 'recurrent_param { num_output: 4 }', [x.shape, cont.shape]), {'y': blobs})
    zeros = np.zeros((2, 4))
    whole, *_ = FORMULAS[kind](x, cont, None, zeros, zeros, blobs)

    def run(part):
        first = ann.Variable(x[part])
        y = net({'x0': first, 'x1': cont[part]}, 'y')
        np.testing.assert_allclose(y.array, whole[part], rtol=1e-4, atol=1e-5)
        return first, y

    before, _ = run(slice(0, 4))
    after, y = run(slice(4, 6))
    F.sum(y).backward()
    assert before.grad is None and after.grad.any()
    net.y.reset_state()
    run(slice(0, 4))
    np.testing.assert_allclose(net({'x0': x[:2, :1], 'x1': cont[:2, :1]}).array, whole[:2, :1], rtol=1e-4, atol=1e-5)


def test_one_step():
    c, gates, cont = random(1, 3, 2), random(1, 3, 8), np.array([[0, 1, 1]])

    def formula(c, gates, cont):
        i, f, o, g = np.split(gates, 4, 2)
        c = cont[..., None] * sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        return c, sigmoid(o) * np.tanh(c)

    check_layer('LSTMUnit', '', [c, gates, cont], reference=formula, tops=2)


def test_shapes_that_do_not_fit():
    net = load(describe('LSTM', f'recurrent_param {{ num_output: 2 {CONSTANT} }}', [(3, 1, 2), (3, 1)]))
    with pytest.raises(ValueError, match=r"layer 'y': expected x of shape \(T, N, ...\) and cont of shape \(T, N\), "
                                         r'got \(3, 1, 2\) and \(3,\)'):
        net({'x0': random(3, 1, 2), 'x1': np.zeros(3, 'f')})
    with pytest.raises(ValueError, match=r"layer 'y' \(RNN\): expected 3 bottoms, or 4 with a static one, and 2 tops, "
                                         'got 2 and 2'):
        load(describe('RNN', 'recurrent_param { num_output: 2 expose_hidden: true }', [(3, 1, 2), (3, 1)], tops=2))
    with pytest.raises(ValueError, match=r"layer 'y' \(LSTM\): expected num_output of at least 1, got 0"):
        load(describe('LSTM', '', [(3, 1, 2), (3, 1)]))
