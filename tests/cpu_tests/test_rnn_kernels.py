"""Recurrent kernels against loops in float64 that take one sequence after the other, and numerical gradients."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from autograd_nn.cpu import onednn
from autograd_nn.cpu.onednn import rnn
from autograd_nn.dtypes import as_dtype
from support.pairs import every_pair


@pytest.fixture(scope='module', autouse=True)
def small_ones_too():
    """oneDNN serves the smallest products, too, which it would leave to NumPy."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rnn, '_LEAST', 0)
        yield


def plain_lstm(z, c):
    """One LSTM step of one sample: sums of the gates i, f, a, o, each (N,), and the cells (N,)."""
    i, f, a, o = np.split(z, 4)
    c = expit(f) * c + expit(i) * np.tanh(a)
    return expit(o) * np.tanh(c), c


def plain_gru(x, u, h):
    r, z, a = np.split(x, 3)
    u_r, u_z, u_a = np.split(u, 3)
    z = expit(z + u_z)
    return (1 - z) * np.tanh(a + expit(r + u_r) * u_a) + z * h


def each_sequence(step, x, states, batch_sizes, reverse):
    """Runs every sequence by itself, from its own first step to its own last (or back)."""
    starts = np.cumsum([0, *batch_sizes])
    states = [state.copy() for state in states]
    y = np.zeros((len(x), states[0].shape[1]))
    for k in range(len(states[0])):
        rows = [starts[t] + k for t, n in enumerate(batch_sizes) if k < n]
        for row in rows[::-1] if reverse else rows:
            for state, new in zip(states, step(x[row], *[state[k] for state in states])):
                state[k] = new
            y[row] = states[0][k]
    return (y, *states)


# Kernels with the numbers of states and of gates, and the options.
KINDS = [('lstm_sequence', 2, 4, ()), ('gru_sequence', 1, 3, ()), ('rnn_sequence', 1, 1, ('tanh',)),
         ('rnn_sequence', 1, 1, ('relu',))]


def arranged(kind, arrays):
    """From flat arrays to the input and initial states, weights, and biases."""
    _, n_states, gates, _ = kind
    middle = 1 + n_states + 2 * gates
    return arrays[:1 + n_states], list(arrays[1 + n_states:middle]), list(arrays[middle:])


def plain_sequence(kind, arrays, batch_sizes, reverse):
    """What a kernel computes."""
    name, _, gates, options = kind
    (x, *states), ws, bs = arranged(kind, arrays)
    W, U, b, d = (np.concatenate(part) for part in (ws[:gates], ws[gates:], bs[:gates], bs[gates:]))
    if name == 'lstm_sequence':
        def step(x, h, c):
            return plain_lstm(W @ x + U @ h + b + d, c)
    elif name == 'gru_sequence':
        def step(x, h):
            return [plain_gru(W @ x + b, U @ h + d, h)]
    else:
        def step(x, h):
            total = W @ x + U @ h + b + d
            return [np.tanh(total) if options[0] == 'tanh' else np.maximum(total, 0)]
    return each_sequence(step, x, states, batch_sizes, reverse)


def sequence_arrays(kind, batch, batch_sizes, inputs, units):
    _, n_states, gates, _ = kind
    shapes = [(sum(batch_sizes), inputs), *[(batch, units)] * n_states, *[(units, inputs)] * gates,
              *[(units, units)] * gates, *[(units,)] * (2 * gates)]
    return [np.random.uniform(-1, 1, shape) for shape in shapes]


def run_sequence(kernel, kind, arrays, gys, batch_sizes, reverse):
    """The outputs of a kernel, and its gradients."""
    name, _, _, options = kind
    xs, ws, bs = arranged(kind, arrays)
    *ys, workspace = kernel(name, *xs, ws, bs, *options, batch_sizes, reverse, True)
    *gxs, gws, gbs = kernel(name + '_grad', *xs, ws, ys[0], workspace, *gys, *options, batch_sizes, reverse)
    return ys, [*gxs, *gws, *gbs]


def numerical(f, arrays, gys, eps=1e-6):
    """The gradients of <f(*arrays), gys> by central differences."""
    gradients = []
    for array in arrays:
        g = np.zeros_like(array)
        for index in np.ndindex(*array.shape):
            middle, values = array[index], []
            for value in middle + eps, middle - eps:
                array[index] = value
                values.append(sum((y * gy).sum() for y, gy in zip(f(*arrays), gys)))
            array[index] = middle
            g[index] = (values[0] - values[1]) / (2 * eps)
        gradients.append(g)
    return gradients


@given(kind=st.sampled_from(KINDS), batch_sizes=st.lists(st.integers(0, 3), max_size=4), more=st.integers(0, 1),
       inputs=st.integers(0, 3), units=st.integers(1, 3), reverse=st.booleans())
def test_sequences(kernel, kind, batch_sizes, more, inputs, units, reverse):
    batch_sizes = tuple(sorted(batch_sizes, reverse=True))
    batch = max(batch_sizes, default=1) + more
    arrays = [a.astype(kernel.dtype) for a in sequence_arrays(kind, batch, batch_sizes, inputs, units)]
    exact = [a.astype('d') for a in arrays]

    def plain(*arrays):
        return plain_sequence(kind, arrays, batch_sizes, reverse)

    expected = plain(*exact)
    gys = [np.random.uniform(-1, 1, y.shape).astype(kernel.dtype) for y in expected]
    ys, gxs = run_sequence(kernel, kind, arrays, gys, batch_sizes, reverse)
    assert len(ys) == len(expected) and len(gxs) == len(arrays)
    for y, wanted in zip(ys, expected):
        np.testing.assert_allclose(y, wanted, atol=kernel.atol)
    for g, wanted in zip(gxs, numerical(plain, exact, gys)):
        np.testing.assert_allclose(g, wanted, atol=max(1e-7, kernel.atol))


@pytest.mark.parametrize('kind, reverse, sizes', every_pair(KINDS, [False, True], [
    (20, (20, 20, 20, 17, 17, 3), 33, 48), (7, (7, 7, 7), 64, 65), (1, (1,) * 9, 31, 40), (5, (4,), 1, 97),
    (3, (3, 3, 0), 17, 1)]))
def test_sequences_of_many_units(kernel, kind, reverse, sizes):
    """Sizes at which fast kernels work, in float32; inputs stay as they are, and inference is the same."""
    batch, batch_sizes, inputs, units = sizes
    arrays = [a.astype('f') / 4 for a in sequence_arrays(kind, batch, batch_sizes, inputs, units)]
    exact = [a.astype('d') for a in arrays]
    expected = plain_sequence(kind, exact, batch_sizes, reverse)
    gys = [np.random.uniform(-1, 1, y.shape).astype('f') for y in expected]
    given_arrays = [a.copy() for a in (*arrays, *gys)]
    ys, gxs = run_sequence(kernel, kind, arrays, gys, batch_sizes, reverse)
    for y, wanted in zip(ys, expected):
        assert y.dtype == 'float32'
        np.testing.assert_allclose(y, wanted, atol=1e-5)
    _, wanted_gxs = run_sequence(kernel, kind, exact, [gy.astype('d') for gy in gys], batch_sizes, reverse)
    for g, wanted in zip(gxs, wanted_gxs):
        assert g.dtype == 'float32'
        np.testing.assert_allclose(g, wanted, rtol=1e-4, atol=1e-4)
    for array, before in zip((*arrays, *gys), given_arrays):
        np.testing.assert_array_equal(array, before)
    xs, ws, bs = arranged(kind, arrays)
    again = kernel(kind[0], *xs, ws, bs, *kind[3], batch_sizes, reverse, False)
    for y, wanted in zip(again, expected):
        np.testing.assert_allclose(y, wanted, atol=1e-5)


@pytest.mark.parametrize('kind', KINDS[:3], ids=lambda kind: kind[0])
def test_gradient_of_a_sequence_leaves_its_workspace(kernel, kind):
    arrays = [a.astype(kernel.dtype) for a in sequence_arrays(kind, 2, (2, 1), 3, 4)]
    xs, ws, bs = arranged(kind, arrays)
    *ys, workspace = kernel(kind[0], *xs, ws, bs, *kind[3], (2, 1), False, True)
    args = (*xs, ws, ys[0], workspace, *ys, *kind[3], (2, 1), False)
    (*first, gws, gbs), (*second, gws_too, gbs_too) = (kernel(kind[0] + '_grad', *args) for _ in range(2))
    for a, b in zip((*first, *gws, *gbs), (*second, *gws_too, *gbs_too)):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize('kind', KINDS[:3], ids=lambda kind: kind[0])
def test_gradients_of_sequences_share_no_memory(kernel, kind):
    arrays = [a.astype(kernel.dtype) for a in sequence_arrays(kind, 2, (2, 1), 3, 4)]
    gys = [np.ones(shape, kernel.dtype) for shape in [(3, 4)] + [(2, 4)] * kind[1]]
    ys, gxs = run_sequence(kernel, kind, arrays, gys, (2, 1), False)
    for i, g in enumerate(gxs):
        assert g.flags.writeable and not any(np.shares_memory(g, other) for other in (*gxs[:i], *arrays, *ys))


@pytest.mark.parametrize('kind', KINDS, ids=lambda kind: '-'.join([kind[0], *kind[3]]))
def test_sequences_in_half_precision_and_of_any_strides(kernel, kind):
    arrays = [a.astype(kernel.dtype) for a in sequence_arrays(kind, 3, (3, 2), 3, 4)]
    expected = plain_sequence(kind, arrays, (3, 2), False)
    gys = [np.ones(y.shape, kernel.dtype) for y in expected]
    _, wanted_gxs = run_sequence(kernel, kind, arrays, gys, (3, 2), False)
    strided = [np.repeat(np.asfortranarray(a), 2, axis=-1)[..., ::2] for a in arrays]
    halves = [([a.astype(dtype) for a in arrays], [gy.astype(dtype) for gy in gys], tolerance)
              for dtype, tolerance in (('e', 2e-2), (as_dtype('bfloat16'), 0.15))]
    for others, gys_too, tolerance in (strided, gys, kernel.atol), *halves:
        ys, gxs = run_sequence(kernel, kind, others, gys_too, (3, 2), False)
        assert {y.dtype for y in (*ys, *gxs)} == {others[0].dtype}
        for y, wanted in zip((*ys, *gxs), (*expected, *wanted_gxs)):
            np.testing.assert_allclose(y.astype('d'), wanted, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize('kind', KINDS, ids=lambda kind: '-'.join([kind[0], *kind[3]]))
def test_what_is_not_a_number_stays_so(kernel, kind):
    arrays = [a.astype(kernel.dtype) for a in sequence_arrays(kind, 3, (3, 3), 3, 4)]
    arrays[0][4, 1] = np.nan
    xs, ws, bs = arranged(kind, arrays)
    y, *_ = kernel(kind[0], *xs, ws, bs, *kind[3], (3, 3), False, True)
    assert np.isnan(y[4]).all() and np.isnan(y).sum() == 4


@pytest.mark.skipif(onednn.load()[0] is None, reason=onednn.load()[1])
@pytest.mark.parametrize('kind', KINDS[:3], ids=lambda kind: kind[0])
def test_wrong_shapes_are_refused_by_name(kind):
    arrays = [a.astype('f') for a in sequence_arrays(kind, 3, (3, 2), 5, 4)]
    for k in range(len(arrays)):
        xs, ws, bs = arranged(kind, [*arrays[:k], arrays[k][..., 1:], *arrays[k + 1:]])
        with pytest.raises(ValueError, match=f'^{kind[0]}: expected '):
            getattr(onednn, kind[0])(*xs, ws, bs, *kind[3], (3, 2), False, True)
    xs, ws, bs = arranged(kind, arrays)
    for batch_sizes in (2, 3), (4, 1), (6, -1), (3,):
        with pytest.raises(ValueError, match=f'^{kind[0]}: expected '):
            getattr(onednn, kind[0])(*xs, ws, bs, *kind[3], batch_sizes, False, True)


def interleaved(z):
    """Sums of the gates a, i, f, o of each unit in a row: the order of the cell."""
    return [z[:, k::4] for k in range(4)]


@given(n=st.integers(0, 3), units=st.integers(1, 3), more=st.sampled_from([(), (2,), (0,), (2, 3)]))
def test_lstm_cell(kernel, n, units, more):
    c_prev, x = np.random.uniform(-1, 1, (n, units, *more)), np.random.uniform(-1, 1, (n, 4 * units, *more))

    def plain(c_prev, x):
        a, i, f, o = interleaved(x)
        c = np.tanh(a) * expit(i) + c_prev * expit(f)
        return c, np.tanh(c) * expit(o)

    expected = plain(c_prev, x)
    gys = [np.random.uniform(-1, 1, y.shape) for y in expected]
    ys = kernel('lstm', c_prev, x)
    for y, wanted in zip(ys, expected):
        np.testing.assert_allclose(y, wanted, atol=1e-12)
    for g, wanted in zip(kernel('lstm_grad', c_prev, x, ys[0], *gys), numerical(plain, [c_prev, x], gys)):
        np.testing.assert_allclose(g, wanted, atol=1e-7)


@given(n=st.integers(0, 3), units=st.integers(1, 3))
def test_gru_cell(kernel, n, units):
    arrays = [np.random.uniform(-1, 1, (n, k * units)) for k in (1, 3, 3)]

    def plain(h, x, u):
        return np.array([plain_gru(*sample) for sample in zip(x, u, h)]).reshape(n, units),

    gh = np.random.uniform(-1, 1, (n, units))
    np.testing.assert_allclose(kernel('gru', *arrays), plain(*arrays)[0], atol=1e-12)
    for g, wanted in zip(kernel('gru_grad', *arrays, gh), numerical(plain, arrays, [gh])):
        np.testing.assert_allclose(g, wanted, atol=1e-7)


@pytest.mark.parametrize('dtype', ['bfloat16', 'float16', 'float32', 'float64'])
def test_cell_dtypes(kernel, dtype):
    h, x, u = (np.random.uniform(-1, 1, (3, k * 5)).astype(as_dtype(dtype)) for k in (1, 3, 3))
    assert kernel('gru', h, x, u).dtype == dtype
    assert [g.dtype for g in kernel('gru_grad', h, x, u, h)] == [dtype] * 3
    x = np.random.uniform(-1, 1, (3, 20)).astype(as_dtype(dtype))
    c, y = kernel('lstm', h, x)
    assert c.dtype == y.dtype == dtype
    assert [g.dtype for g in kernel('lstm_grad', h, x, c, h, h)] == [dtype] * 2


def test_gates_of_large_sums_do_not_overflow(kernel):
    with np.errstate(over='raise'):
        c, _ = kernel('lstm', np.ones((1, 2), 'f'), np.full((1, 8), 1e4, 'f'))
        np.testing.assert_allclose(c, [[2, 2]])
        np.testing.assert_allclose(kernel('gru', np.ones((1, 2), 'f'), *[np.full((1, 6), -1e4, 'f')] * 2), [[-1, -1]])
