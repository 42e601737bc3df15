"""Recurrent cells and stacked layers over sequences: values against loops and PyTorch, gradients, errors."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

import autograd_nn as ann
import autograd_nn.functions as F
from support.checking import check_function, gradients, uniform


def plain_lstm(c_prev, x):
    a, i, f, o = (x[:, k::4] for k in range(4))
    c = c_prev.copy()
    c[:len(x)] = np.tanh(a) * expit(i) + c_prev[:len(x)] * expit(f)
    return c, np.tanh(c[:len(x)]) * expit(o)


@given(n=st.integers(0, 3), ended=st.integers(0, 2), units=st.integers(1, 3), more=st.sampled_from([(), (2,)]))
def test_lstm(n, ended, units, more):
    check_function(F.lstm, plain_lstm, uniform(n + ended, units, *more), uniform(n, 4 * units, *more))


def test_lstm_in_half_precision():
    check_function(F.lstm, plain_lstm, uniform(4, 3), uniform(3, 12), dtypes=['float16'])


def test_lstm_with_one_output_used():
    """The gradient of the other output has not arrived."""
    for output in 0, 1:
        check_function(lambda c, x, k=output: F.lstm(c, x)[k], lambda c, x, k=output: plain_lstm(c, x)[k],
                       uniform(3, 2), uniform(2, 8))


@given(n=st.integers(0, 3), units=st.integers(1, 2), more=st.sampled_from([(), (2,)]))
def test_slstm(n, units, more):
    def plain(c1, c2, x1, x2):
        (a1, i1, f1, o1), (a2, i2, f2, o2) = ([x[:, k::4] for k in range(4)] for x in (x1, x2))
        c = np.tanh(a1) * expit(i1) + np.tanh(a2) * expit(i2) + c1 * expit(f1) + c2 * expit(f2)
        return c, np.tanh(c) * expit(o1 + o2)

    check_function(F.slstm, plain, *[uniform(n, units, *more)] * 2, *[uniform(n, 4 * units, *more)] * 2)


@given(n=st.integers(0, 3), units=st.integers(1, 2), branches=st.integers(1, 3))
def test_tree_lstm(n, units, branches):
    def plain(*inputs):
        *cells, x = inputs
        a, i, o, *fs = np.split(x, 3 + branches, axis=1)
        c = np.tanh(a) * expit(i) + sum(c * expit(f) for c, f in zip(cells, fs))
        return c, np.tanh(c) * expit(o)

    arrays = [uniform(n, units) for _ in range(branches)]
    check_function(F.tree_lstm, plain, *arrays, uniform(n, (3 + branches) * units))


def plain_gru(h, x, u):
    (x_r, x_z, x_a), (u_r, u_z, u_a) = np.split(x, 3, axis=1), np.split(u, 3, axis=1)
    z = expit(x_z + u_z)
    return (1 - z) * np.tanh(x_a + expit(x_r + u_r) * u_a) + z * h


@given(n=st.integers(0, 3), units=st.integers(1, 3))
def test_gru(n, units):
    check_function(F.gru, plain_gru, uniform(n, units), uniform(n, 3 * units), uniform(n, 3 * units))


@given(n=st.integers(0, 3), inputs=st.integers(1, 3), units=st.integers(1, 3), bias=st.booleans())
def test_rnn(n, inputs, units, bias):
    arrays = [uniform(n, units), uniform(n, inputs), uniform(units, inputs), uniform(units, units)]
    check_function(F.rnn, lambda h, x, W, U, b=0: np.tanh(x @ W.T + h @ U.T + b), *arrays, *[uniform(units)] * bias)


def test_rnn_with_relu():
    check_function(lambda *xs: F.rnn(*xs, activation='relu'),
                   lambda h, x, W, U: np.maximum(x @ W.T + h @ U.T, 0), uniform(3, 2), uniform(3, 4), uniform(2, 4),
                   uniform(2, 2))


# For each kind: the functions in one direction and in both, and numbers of states and of weights.
KINDS = {
    'lstm': (F.n_step_lstm, F.n_step_bilstm, 2, 8),
    'gru': (F.n_step_gru, F.n_step_bigru, 1, 6),
    'tanh': (F.n_step_rnn, F.n_step_birnn, 1, 2),
    'relu': (lambda *args: F.n_step_rnn(*args, activation='relu'),
             lambda *args: F.n_step_birnn(*args, activation='relu'), 1, 2),
}


def plain_step(kind, x, states, w, b):
    """The new states of one sequence after one step."""
    h = states[0]
    if kind == 'lstm':
        i, f, a, o = (w[k] @ x + b[k] + w[k + 4] @ h + b[k + 4] for k in range(4))
        c = expit(f) * states[1] + expit(i) * np.tanh(a)
        return expit(o) * np.tanh(c), c
    if kind == 'gru':
        r, z = (expit(w[k] @ x + b[k] + w[k + 3] @ h + b[k + 3]) for k in range(2))
        return (1 - z) * np.tanh(w[2] @ x + b[2] + r * (w[5] @ h + b[5])) + z * h,
    total = w[0] @ x + b[0] + w[1] @ h + b[1]
    return np.tanh(total) if kind == 'tanh' else np.maximum(total, 0),


def plain_n_step(kind, directions, states, ws, bs, xs):
    """Each sequence by itself, layer after layer; returns the last states and the steps of the last layer."""
    states = [state.copy() for state in states]
    n_sequences = states[0].shape[1]
    sequences = [[x[k] for x in xs if k < len(x)] for k in range(n_sequences)]
    for layer in range(len(ws) // directions):
        results = [[[] for _ in sequence] for sequence in sequences]
        for direction in range(directions):
            place = layer * directions + direction
            for k, sequence in enumerate(sequences):
                now = [state[place, k] for state in states]
                for t in list(range(len(sequence)))[::-1 if direction else 1]:
                    now = plain_step(kind, sequence[t], now, ws[place], bs[place])
                    results[k][t].append(now[0])
                for state, last in zip(states, now):
                    state[place, k] = last
        sequences = [[np.concatenate(parts) for parts in result] for result in results]
    width = directions * states[0].shape[2]
    ys = [np.array([s[t] for s in sequences if t < len(s)]).reshape(len(x), width) for t, x in enumerate(xs)]
    return (*states, *ys)


def n_step_arrays(kind, layers, directions, batch, batch_sizes, inputs, units):
    """States, weights, biases and steps, flat."""
    _, _, n_states, n_weights = KINDS[kind]
    groups = layers * directions
    states = [uniform(groups, batch, units) for _ in range(n_states)]
    ws = [uniform(units, (inputs if k < directions else units * directions) if j < n_weights // 2 else units)
          for k in range(groups) for j in range(n_weights)]
    bs = [uniform(units) for _ in range(groups * n_weights)]
    return [*states, *ws, *bs, *[uniform(n, inputs) for n in batch_sizes]]


def arranged(kind, groups, arrays):
    """From flat arrays back to states, weights, biases and steps."""
    _, _, n_states, n_weights = KINDS[kind]
    count = groups * n_weights
    states, parameters, xs = arrays[:n_states], arrays[n_states:n_states + 2 * count], arrays[n_states + 2 * count:]
    ws, bs = ([part[k:k + n_weights] for k in range(0, count, n_weights)]
              for part in (parameters[:count], parameters[count:]))
    return states, ws, bs, xs


def flat_n_step(kind, layers, directions, dropout=0.0):
    """The function of a kind on flat arguments, with flat results."""
    function = KINDS[kind][directions - 1]

    def call(*arrays):
        states, ws, bs, xs = arranged(kind, layers * directions, arrays)
        *last, ys = function(layers, dropout, *states, ws, bs, xs)
        return (*last, *ys)

    return call


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('layers, directions, batch, batch_sizes', [
    (1, 1, 3, (3, 2, 1)), (2, 1, 2, (2, 1, 1)), (1, 2, 3, (2, 2, 1)), (2, 2, 2, (2, 1)), (1, 1, 2, (2,)),
    (1, 2, 2, (0, 0)),
])
def test_n_step(kind, layers, directions, batch, batch_sizes):
    """F.n_step_lstm, F.n_step_bilstm, F.n_step_gru, F.n_step_bigru, F.n_step_rnn and F.n_step_birnn."""
    arrays = n_step_arrays(kind, layers, directions, batch, batch_sizes, 2, 2)

    def plain(*arrays):
        states, *rest = arranged(kind, layers * directions, arrays)
        return plain_n_step(kind, directions, states, *rest)

    check_function(flat_n_step(kind, layers, directions), plain, *arrays, tolerance={'float32': 1e-3})


@pytest.mark.parametrize('kind', KINDS)
def test_n_step_in_half_precision(kind):
    arrays = n_step_arrays(kind, 1, 1, 3, (3, 2), 4, 3)
    ys = flat_n_step(kind, 1, 1)(*[a.astype('e') for a in arrays])
    assert all(y.dtype == 'float16' for y in ys)
    for y, expected in zip(ys, flat_n_step(kind, 1, 1)(*arrays)):
        np.testing.assert_allclose(y.array, expected.array, atol=5e-3)


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('layers, directions', [(1, 1), (2, 2)])
def test_n_step_is_the_same_as_in_torch(kind, layers, directions):
    """PyTorch has the weights of all gates in one matrix, in the same order: i, f, g, o and r, z, n."""
    torch = pytest.importorskip('torch')
    batch_sizes = (4, 4, 3, 1)
    arrays = n_step_arrays(kind, layers, directions, 4, batch_sizes, 5, 6)
    states, ws, bs, xs = arranged(kind, layers * directions, arrays)
    options = {'nonlinearity': kind} if kind in ('tanh', 'relu') else {}
    network = {'lstm': torch.nn.LSTM, 'gru': torch.nn.GRU}.get(kind, torch.nn.RNN)(
        5, 6, layers, bidirectional=directions == 2, **options).double()
    half = len(ws[0]) // 2
    with torch.no_grad():
        for k, (w, b) in enumerate(zip(ws, bs)):
            name = f'l{k // directions}' + '_reverse' * (k % directions)
            for place, part in ('ih', slice(half)), ('hh', slice(half, None)):
                getattr(network, f'weight_{place}_{name}').copy_(torch.tensor(np.concatenate(w[part])))
                getattr(network, f'bias_{place}_{name}').copy_(torch.tensor(np.concatenate(b[part])))
    packed = torch.tensor(np.concatenate(xs), requires_grad=True)
    tensors = [torch.tensor(state, requires_grad=True) for state in states]
    y, last = network(torch.nn.utils.rnn.PackedSequence(packed, torch.tensor(batch_sizes)),
                      tuple(tensors) if kind == 'lstm' else tensors[0])
    expected = [*(last if kind == 'lstm' else [last]), *torch.split(y.data, batch_sizes)]
    ours = flat_n_step(kind, layers, directions)
    for a, b in zip(ours(*arrays), expected):
        np.testing.assert_allclose(a.array, b.detach().numpy(), atol=1e-12)
    gys = [uniform(*y.shape) for y in expected]
    torch.autograd.backward(expected, [torch.tensor(gy) for gy in gys])
    found = gradients(ours, arrays, gys, None)
    gstates, gws, gbs, gxs = arranged(kind, layers * directions, found)
    for g, tensor in zip(gstates, tensors):
        np.testing.assert_allclose(g, tensor.grad.numpy(), atol=1e-10)
    np.testing.assert_allclose(np.concatenate(gxs), packed.grad.numpy(), atol=1e-10)
    for k, (gw, gb) in enumerate(zip(gws, gbs)):
        name = f'l{k // directions}' + '_reverse' * (k % directions)
        for place, part in ('ih', slice(half)), ('hh', slice(half, None)):
            for what, g in ('weight', gw), ('bias', gb):
                np.testing.assert_allclose(np.concatenate(g[part]),
                                           getattr(network, f'{what}_{place}_{name}').grad.numpy(), atol=1e-10)


def test_dropout_is_between_the_layers_only():
    arrays = n_step_arrays('lstm', 2, 1, 3, (3, 2), 4, 50)
    whole, dropped = flat_n_step('lstm', 2, 1)(*arrays), flat_n_step('lstm', 2, 1, 0.5)(*arrays)
    np.testing.assert_array_equal(whole[0].array[0], dropped[0].array[0])
    assert not np.allclose(whole[0].array[1], dropped[0].array[1])
    with ann.using_config('train', False):
        for a, b in zip(whole, flat_n_step('lstm', 2, 1, 0.5)(*arrays)):
            np.testing.assert_array_equal(a.array, b.array)
    arrays = n_step_arrays('lstm', 1, 1, 3, (3, 2), 4, 5)
    for a, b in zip(flat_n_step('lstm', 1, 1)(*arrays), flat_n_step('lstm', 1, 1, 0.5)(*arrays)):
        np.testing.assert_array_equal(a.array, b.array)


def test_gradients_reach_back_to_the_first_step():
    """A plain unit that adds what it sees: the last state depends on each step by 1."""
    xs = [ann.Variable(np.ones((1, 1))) for _ in range(30)]
    hy, _ = F.n_step_rnn(1, 0, np.zeros((1, 1, 1)), np.ones((1, 2, 1, 1)), np.zeros((1, 2, 1)), xs, 'relu')
    assert hy.item() == 30
    F.sum(hy).backward()
    assert all(x.grad == 1 for x in xs)


def test_no_graph_is_kept_without_backprop():
    arrays = n_step_arrays('lstm', 2, 2, 2, (2, 1), 2, 3)
    with ann.no_backprop_mode():
        without = flat_n_step('lstm', 2, 2)(*[ann.Variable(a) for a in arrays])
    for y, expected in zip(without, flat_n_step('lstm', 2, 2)(*arrays)):
        assert y.creator is None
        np.testing.assert_array_equal(y.array, expected.array)


@given(lengths=st.lists(st.integers(0, 4), min_size=1, max_size=4), more=st.sampled_from([(), (2,)]))
def test_transpose_sequence(lengths, more):
    lengths.sort(reverse=True)
    xs = [uniform(n, *more) for n in lengths]
    if not lengths[0]:
        assert F.transpose_sequence(xs) == F.transpose_sequence([]) == ()
        return

    def plain(*xs):
        return tuple(np.array([x[t] for x in xs if t < len(x)]) for t in range(lengths[0]))

    check_function(lambda *xs: F.transpose_sequence(xs), plain, *xs)
    there_and_back = F.transpose_sequence(F.transpose_sequence(xs))
    for x, y in zip(xs, there_and_back):
        np.testing.assert_array_equal(y.array, x)


def n_step_lstm_of(hx=(1, 2, 3), cx=(1, 2, 3), w_in=(3, 4), w=(3, 3), b=(3,), xs=((2, 4),), count=8, groups=1):
    ws, bs = [[np.ones(w_in)] * 4 + [np.ones(w)] * (count - 4)] * groups, [[np.ones(b)] * count] * groups
    return F.n_step_lstm(1, 0, np.ones(hx), np.ones(cx), ws, bs, [np.ones(x) for x in xs])


@pytest.mark.parametrize('call, error, message', [
    (lambda: F.lstm(np.ones((2, 3)), np.ones((2, 11))), ValueError,
     r'^lstm: expected c_prev of shape \(B, S, ...\) and x of shape \(N, 4 S, ...\) with N not above B, '
     r'got \(2, 3\) and \(2, 11\)$'),
    (lambda: F.lstm(np.ones((2, 3)), np.ones((3, 12))), ValueError, 'with N not above B'),
    (lambda: F.lstm(np.ones((2, 3), int), np.ones((2, 12))), TypeError, 'floating-point c_prev, got int64'),
    (lambda: F.slstm(np.ones((2, 3)), np.ones((2, 3)), *np.ones((2, 3, 12))), ValueError, r'\(2, 3\) and \(3, 12\)'),
    (lambda: F.slstm(np.ones((2, 3)), np.ones((2, 2)), *np.ones((2, 2, 12))), ValueError, 'c_prev1, c_prev2 must'),
    (lambda: F.tree_lstm(np.ones((2, 3))), ValueError, 'at least one branch'),
    (lambda: F.tree_lstm(np.ones((2, 3)), np.ones((2, 15))), ValueError, r'\(N, 4 S, ...\)'),
    (lambda: F.gru(np.ones((2, 3)), np.ones((2, 9)), np.ones((2, 8))), ValueError, 'x, u must have one shape'),
    (lambda: F.gru(np.ones((2, 3)), *np.ones((2, 2, 12))), ValueError, r'\(N, 3 S, ...\)'),
    (lambda: F.gru(np.ones((2, 3, 1)), *np.ones((2, 2, 9, 1))), ValueError, r'x of shape \(N, 3 S\)'),
    (lambda: F.rnn(np.ones((2, 3)), np.ones((2, 4)), np.ones((3, 4)), np.ones((3, 4))), ValueError, r'U of shape'),
    (lambda: F.rnn(np.ones((2, 3)), np.ones((2, 4)), np.ones((3, 4)), np.ones((3, 3)), activation='sigmoid'),
     ValueError, "'tanh' or 'relu'"),
    (lambda: n_step_lstm_of(xs=()), ValueError, 'n_step_lstm: expected at least one step in xs'),
    (lambda: n_step_lstm_of(xs=((1, 4), (2, 4))), ValueError, 'do not grow from step to step as xs, got 1, 2'),
    (lambda: n_step_lstm_of(xs=((2, 4), (2, 5))), ValueError, r'as xs, got \(2, 4\), \(2, 5\)'),
    (lambda: n_step_lstm_of(xs=((2, 5),)), ValueError, r'expected ws\[0\]\[0\] of shape \(3, 5\)'),
    (lambda: n_step_lstm_of(xs=((3, 4),)), ValueError, r'hx and cx of shape \(1, B of at least 3, N\)'),
    (lambda: n_step_lstm_of(hx=(2, 2, 3)), ValueError, r'got hx \(2, 2, 3\), cx \(1, 2, 3\)'),
    (lambda: n_step_lstm_of(cx=(1, 2, 4)), ValueError, r'cx \(1, 2, 4\)'),
    (lambda: n_step_lstm_of(w=(3, 4)), ValueError, r'expected ws\[0\]\[4\] of shape \(3, 3\)'),
    (lambda: n_step_lstm_of(b=(4,)), ValueError, r'bs\[0\]\[0\] of shape \(3,\)'),
    (lambda: n_step_lstm_of(count=6), ValueError, 'expected 1 lists of 8 arrays as ws, got lists of 6'),
    (lambda: n_step_lstm_of(groups=2), ValueError, 'expected 1 lists of 8 arrays as ws, got lists of 8, 8'),
    (lambda: F.n_step_rnn(1, 0, np.ones((1, 1, 1)), np.ones((1, 2, 1, 1)), np.ones((1, 2, 1)), np.ones((2, 1, 1)),
                          'elu'), ValueError, 'n_step_rnn: activation must be'),
    (lambda: F.transpose_sequence([np.ones(1), np.ones(2)]), ValueError, 'the longest first, got lengths 1, 2'),
])
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize('kind', KINDS)
def test_second_gradients_where_the_input_is_constant(kind):
    """As in training: only weights have gradients, and these can be differentiated."""
    arrays = n_step_arrays(kind, 1, 1, 2, (2, 1), 3, 2)
    n_states = KINDS[kind][2]

    def second(constant):
        xs = [a if constant and not 0 <= k - n_states < 2 * KINDS[kind][3] else ann.Variable(a)
              for k, a in enumerate(arrays)]
        states, ws, bs, steps = arranged(kind, 1, xs)
        *_, ys = KINDS[kind][0](1, 0, *states, ws, bs, steps)
        gW, = ann.grad([F.sum(F.concat(ys, axis=0) ** 2)], [ws[0][0]], enable_double_backprop=True)
        return [g.array for g in ann.grad([F.sum(gW ** 2)], [ws[0][0], ws[0][-1], bs[0][0]])]

    for a, b in zip(second(True), second(False)):
        np.testing.assert_allclose(a, b)


def test_forgotten_and_computed_again():
    arrays = n_step_arrays('lstm', 2, 1, 2, (2, 2, 1), 3, 2)
    gys = [uniform(*y.shape) for y in flat_n_step('lstm', 2, 1)(*arrays)]
    kept = gradients(flat_n_step('lstm', 2, 1), arrays, gys, None)
    again = gradients(lambda *xs: F.forget(flat_n_step('lstm', 2, 1), *xs), arrays, gys, None)
    for a, b in zip(kept, again):
        np.testing.assert_allclose(a, b)
