"""Recurrent layers: values against plain NumPy, gradients through time, states, and files with Chainer's paths."""
import copy

import numpy as np
import pytest
from scipy.special import expit

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import serializers
from autograd_nn.gradient_check import check_backward
from support.checking import uniform

N, I, S = 3, 4, 2


def gates(link, x, h):
    """The sums of the gates a, i, f and o, each (N, S)."""
    sums = x @ link.upward.W.array.T + link.upward.b.array + h @ link.lateral.W.array.T
    return [sums[:, k::4] for k in range(4)]


def plain_lstm(link, x, c, h):
    a, i, f, o = gates(link, x, h)
    c = np.tanh(a) * expit(i) + c * expit(f)
    return c, expit(o) * np.tanh(c)


def plain_peephole(link, x, c, h):
    a, i, f, o = gates(link, x, h)
    new = np.tanh(a) * expit(i + c @ link.peep_i.W.array.T) + c * expit(f + c @ link.peep_f.W.array.T)
    return new, expit(o + new @ link.peep_o.W.array.T) * np.tanh(new)


def plain_zoneout(link, x, c, h):
    """At inference."""
    new, y = plain_lstm(link, x, c, h)
    return c * link.c_ratio + new * (1 - link.c_ratio), h * link.h_ratio + y * (1 - link.h_ratio)


def affine(layer, x):
    return x @ layer.W.array.T + layer.b.array


def plain_gru(link, x, h):
    r, z = expit(affine(link.W_r, x) + affine(link.U_r, h)), expit(affine(link.W_z, x) + affine(link.U_z, h))
    return (1 - z) * h + z * np.tanh(affine(link.W, x) + affine(link.U, r * h)),


def plain_mgu(link, x, h):
    f = expit(affine(link.W_f, np.hstack([h, x])))
    return (1 - f) * h + f * np.tanh(affine(link.W_h, np.hstack([f * h, x]))),


# What makes a layer that keeps its state, the number of its states, and the step in NumPy, from and to its states.
STATEFUL = {
    'LSTM': (lambda: L.LSTM(I, S), 2, plain_lstm),
    'LSTM of any size': (lambda: L.LSTM(S), 2, plain_lstm),
    'StatefulPeepholeLSTM': (lambda: L.StatefulPeepholeLSTM(I, S), 2, plain_peephole),
    'StatefulZoneoutLSTM': (lambda: L.StatefulZoneoutLSTM(None, S, 0.3, 0.1), 2, plain_zoneout),
    'StatefulGRU': (lambda: L.StatefulGRU(I, S), 1, plain_gru),
    'GRU': (lambda: L.GRU(None, S), 1, plain_gru),
    'StatefulMGU': (lambda: L.StatefulMGU(I, S), 1, plain_mgu),
}
# Parameters by their paths in a file, with their shapes.
LSTM_PATHS = {'upward/W': (4 * S, I), 'upward/b': (4 * S,), 'lateral/W': (4 * S, S)}
GRU_PATHS = {f'{name}/{part}': (S, I if name[0] == 'W' else S)[:2 if part == 'W' else 1]
             for name in ('W_r', 'U_r', 'W_z', 'U_z', 'W', 'U') for part in 'Wb'}
MGU_PATHS = {'W_f/W': (S, I + S), 'W_f/b': (S,), 'W_h/W': (S, I + S), 'W_h/b': (S,)}


def n_step_paths(weights, directions):
    def width(k, j):
        return S if j >= weights // 2 else I if k < directions else directions * S

    return {f'{k}/{part}{j}': (S, width(k, j)) if part == 'w' else (S,)
            for k in range(2 * directions) for j in range(weights) for part in 'wb'}


N_STEP = {'NStepLSTM': (8, 1), 'NStepBiLSTM': (8, 2), 'NStepGRU': (6, 1), 'NStepBiGRU': (6, 2), 'NStepRNNTanh': (2, 1),
          'NStepRNNReLU': (2, 1), 'NStepBiRNNTanh': (2, 2), 'NStepBiRNNReLU': (2, 2)}
PATHS = {
    'LSTM': (lambda: L.LSTM(I, S), LSTM_PATHS),
    'StatelessLSTM': (lambda: L.StatelessLSTM(I, S), LSTM_PATHS),
    'StatefulZoneoutLSTM': (lambda: L.StatefulZoneoutLSTM(I, S), LSTM_PATHS),
    'StatefulPeepholeLSTM': (lambda: L.StatefulPeepholeLSTM(I, S),
                             {**LSTM_PATHS, **{f'peep_{gate}/W': (S, S) for gate in 'ifo'}}),
    'StatelessGRU': (lambda: L.StatelessGRU(I, S), GRU_PATHS),
    'StatefulGRU': (lambda: L.StatefulGRU(I, S), GRU_PATHS),
    'GRU': (lambda: L.GRU(I, S), GRU_PATHS),
    'StatelessMGU': (lambda: L.StatelessMGU(I, S), MGU_PATHS),
    'StatefulMGU': (lambda: L.StatefulMGU(I, S), MGU_PATHS),
    'ChildSumTreeLSTM': (lambda: L.ChildSumTreeLSTM(I, S), {'W_x/W': (4 * S, I), 'W_x/b': (4 * S,),
                                                            'W_h_aio/W': (3 * S, S), 'W_h_f/W': (S, S)}),
    'NaryTreeLSTM': (lambda: L.NaryTreeLSTM(I, S), {'W_x/W': (5 * S, I), 'W_x/b': (5 * S,), 'W_h1/W': (5 * S, S),
                                                    'W_h2/W': (5 * S, S)}),
    **{name: (lambda name=name: getattr(L, name)(2, I, S, 0), n_step_paths(*numbers))
       for name, numbers in N_STEP.items()},
}


def states_of(link):
    return [getattr(link, name) for name in link.state_names]


@pytest.mark.parametrize('name', STATEFUL)
def test_stateful_layers(name):
    """Three steps, then new sequences; the gradient goes back through all steps."""
    make, n_states, plain = STATEFUL[name]
    xs = uniform(3, N, I)
    with ann.using_config('dtype', np.dtype('float64')), ann.using_config('train', False):
        link = make()
        for x in xs:
            link(x)
        link.reset_state()
        for param in link.params():
            param.array[...] = uniform(*param.shape)
        assert states_of(link) == [None] * n_states
        states = [np.zeros((N, S))] * n_states
        if isinstance(link, L.StatefulGRU):
            # The first step leaves the biases of the connections from the state out.
            states = [expit(affine(link.W_z, xs[0])) * np.tanh(affine(link.W, xs[0]))]
            np.testing.assert_allclose(link(xs[0]).array, states[0], atol=1e-12)
        else:
            states = plain(link, xs[0], *states)
            np.testing.assert_allclose(link(xs[0]).array, states[-1], atol=1e-12)
        for x in xs[1:]:
            states = plain(link, x, *states)
            np.testing.assert_allclose(link(x).array, states[-1], atol=1e-12)
        for ours, wanted in zip(states_of(link), states):
            np.testing.assert_allclose(ours.array, wanted, atol=1e-12)

        def unrolled(*xs):
            link.reset_state()
            for x in xs:
                y = link(x)
            return y

        check_backward(unrolled, tuple(xs), uniform(N, S), tuple(link.params()), atol=1e-6)


@pytest.mark.parametrize('name', STATEFUL)
def test_states_are_set_and_move(name):
    class Elsewhere(ann.backend.CpuDevice):

        def send(self, array):
            return None if array is None else array.copy()

    link = STATEFUL[name][0]()
    given_states = [ann.Variable(uniform(N, S).astype('f')) for _ in link.state_names]
    link.set_state(*given_states)
    assert states_of(link) == given_states
    with ann.using_config('train', False):
        first = link(np.ones((N, I), 'f'))
        link.set_state(*[state.array for state in given_states])
        np.testing.assert_array_equal(link(np.ones((N, I), 'f')).array, first.array)
    before = [state.array for state in states_of(link)]
    chain = ann.Chain(layer=link)
    chain.to_device(Elsewhere())
    for old, state in zip(before, states_of(link)):
        assert state.array is not old
        np.testing.assert_array_equal(state.array, old)
    link.reset_state()
    chain.to_cpu()


def test_lstm_with_sequences_that_end():
    link = L.LSTM(I, S)
    steps = [uniform(n, I).astype('f') for n in (3, 2, 2, 0, 0)]
    ys = [link(x) for x in steps]
    for k, length in enumerate((3, 3, 1)):
        alone = L.LSTM(I, S)
        alone.copyparams(link)
        for t in range(length):
            np.testing.assert_allclose(alone(steps[t][k:k + 1]).array, ys[t].array[k:k + 1], atol=1e-6)
        for ours, wanted in zip(states_of(link), states_of(alone)):
            np.testing.assert_allclose(ours.array[k:k + 1], wanted.array, atol=1e-6)
    with pytest.raises(ValueError, match='at most 3 samples, as in the step before, got 4'):
        link(np.ones((4, I), 'f'))


def test_stateless_layers_are_the_stateful_ones():
    x = uniform(N, I).astype('f')
    link, stateful = L.StatelessLSTM(I, S), L.LSTM(I, S)
    stateful.copyparams(link)
    c, h = link(None, None, x)
    np.testing.assert_array_equal(stateful(x).array, h.array)
    c, h = link(c, h, x)
    np.testing.assert_array_equal(stateful(x).array, h.array)
    np.testing.assert_array_equal(stateful.c.array, c.array)
    state = uniform(N, S).astype('f')
    for kind in 'GRU', 'MGU':
        link, stateful = getattr(L, f'Stateless{kind}')(I, S), getattr(L, f'Stateful{kind}')(I, S)
        stateful.copyparams(link)
        stateful.set_state(state)
        np.testing.assert_array_equal(stateful(x).array, link(state, x).array)


def test_initial_values_of_an_lstm():
    link = L.LSTM(I, S)
    np.testing.assert_array_equal(link.upward.b.array, [0, 0, 1, 0] * S)
    assert link.upward.W.array.any() and link.lateral.W.array.any() and link.lateral.b is None
    link = L.LSTM(None, S, lateral_init=5, upward_init=6, bias_init=np.arange(S), forget_bias_init=3)
    link(np.ones((1, I), 'f'))
    assert (link.lateral.W.array == 5).all() and (link.upward.W.array == 6).all()
    np.testing.assert_array_equal(link.upward.b.array, [0, 0, 3, 0, 1, 1, 3, 1])
    quarters = np.split(L.LSTM(8, 8, lateral_init=ann.initializers.Orthogonal(1)).lateral.W.array, 4)
    for quarter in quarters:
        np.testing.assert_allclose(quarter @ quarter.T, np.eye(8), atol=1e-5)
    with pytest.raises(TypeError, match='LSTM: out_size'):
        L.LSTM(None)


def test_zoneout_in_training_keeps_old_or_takes_new():
    link = L.StatefulZoneoutLSTM(I, 200, 0.5, 0.25)
    c, h, x = uniform(1, 200).astype('f'), uniform(1, 200).astype('f'), uniform(1, I).astype('f')
    link.set_state(c, h)
    link(x)
    new_c, new_h = plain_lstm(link, x, c, h)
    for state, old, new, ratio in (link.c, c, new_c, 0.5), (link.h, h, new_h, 0.25):
        kept = state.array == old
        np.testing.assert_allclose(state.array[~kept], new[~kept], atol=1e-6)
        assert abs(kept.mean() - ratio) < 0.15


@pytest.mark.parametrize('name', PATHS)
def test_paths_in_files(name, tmp_path):
    """A file with Chainer's paths and shapes, written by NumPy alone, is read; one written here has the same."""
    make, paths = PATHS[name]
    arrays = {path: uniform(*shape).astype('f') for path, shape in paths.items()}
    np.savez(tmp_path / 'given.npz', **arrays)
    link = make()
    serializers.load_npz(tmp_path / 'given.npz', link)
    for path, param in link.namedparams():
        np.testing.assert_array_equal(param.array, arrays[path[1:]])
    serializers.save_npz(tmp_path / 'written.npz', link)
    with np.load(tmp_path / 'written.npz') as written:
        assert {path: written[path].shape for path in written.files} == paths
    other = make()
    serializers.load_npz(tmp_path / 'written.npz', other)
    for a, b in zip(link.params(), other.params()):
        np.testing.assert_array_equal(a.array, b.array)


def function_of(name):
    """The function that a link computes, on lists of steps."""
    if 'RNN' in name:
        function = F.n_step_birnn if 'Bi' in name else F.n_step_rnn
        return lambda *args: function(*args, activation=name[-4:].lower())
    return getattr(F, 'n_step_' + name.removeprefix('NStep').lower())


@pytest.mark.parametrize('name', N_STEP)
def test_n_step_links(name):
    """Sequences in any order, some of them empty, with and without initial states."""
    _, directions = N_STEP[name]
    lengths = [2, 4, 0, 3, 4]
    with ann.using_config('dtype', np.dtype('float64')):
        link = getattr(L, name)(2, I, S, 0)
    xs = [uniform(n, I) for n in lengths]
    states = [uniform(2 * directions, 5, S) for _ in range(link.n_cells)]
    order = [1, 4, 3, 0, 2]
    steps = [np.array([xs[k][t] for k in order if t < lengths[k]]) for t in range(4)]
    *last, y_steps = function_of(name)(2, 0, *[state[:, order] for state in states], link.ws, link.bs, steps)
    *hys, ys = link(*states, xs)
    for hy, expected in zip(hys, last):
        np.testing.assert_allclose(hy.array[:, order], expected.array, atol=1e-12)
    for place, k in enumerate(order):
        expected = np.array([y.array[place] for y in y_steps[:lengths[k]]]).reshape(lengths[k], directions * S)
        np.testing.assert_allclose(ys[k].array, expected, atol=1e-12)
    zeros = [np.zeros_like(state) for state in states]
    for a, b in zip(link(*[None] * link.n_cells, xs)[:-1], link(*zeros, xs)[:-1]):
        np.testing.assert_array_equal(a.array, b.array)

    def flat(*inputs):
        *hys, ys = link(*inputs[:link.n_cells], list(inputs[link.n_cells:]))
        return (*hys, *ys)

    check_backward(flat, (*states, *xs), tuple(uniform(*y.shape) for y in (*hys, *ys)), tuple(link.params()), atol=1e-6)


def test_n_step_links_of_packed_sequences():
    link = L.NStepLSTM(2, I, S, 0)
    xs = uniform(5, N, I).astype('f')
    hy, cy, ys = link(None, None, [xs[:, k] for k in range(N)])
    (hy_too, cy_too), y = link.forward_packed([None, None], xs.reshape(5 * N, I), (N,) * 5)
    np.testing.assert_array_equal(hy.array, hy_too.array)
    np.testing.assert_array_equal(cy.array, cy_too.array)
    np.testing.assert_array_equal(np.stack([y.array for y in ys], 1), y.array.reshape(5, N, S))


def test_n_step_links_of_empty_sequences():
    link = L.NStepBiGRU(1, I, S, 0)
    hx = uniform(2, 2, S).astype('f')
    hy, ys = link(hx, [np.zeros((0, I), 'f')] * 2)
    np.testing.assert_array_equal(hy.array, hx)
    assert [y.shape for y in ys] == [(0, 2 * S)] * 2


def test_n_step_links_are_copied_with_their_weights():
    link = L.NStepLSTM(1, I, S, 0)
    for other in link.copy(), link.copy('copy'), copy.deepcopy(link):
        other[0].w0.array = np.zeros((S, I), 'f')
        assert not other.ws[0][0].array.any() and link.ws[0][0].array.any()
    assert repr(link) == 'NStepLSTM(n_layers=1, in_size=4, out_size=2, dropout=0)'


def test_initial_values_of_n_step_links():
    link = L.NStepGRU(2, 400, 300, 0)
    assert all(not b.array.any() for group in link.bs for b in group)
    assert abs(link[0].w0.array.std() * np.sqrt(400) - 1) < 0.02
    assert abs(link[1].w0.array.std() * np.sqrt(300) - 1) < 0.02
    link = L.NStepGRU(1, I, S, 0, initialW=2, initial_bias=3)
    assert all((param.array == (2 if param.name[0] == 'w' else 3)).all() for param in link.params())


def tree_sums(link, x, hs):
    if isinstance(link, L.NaryTreeLSTM):
        return affine(link.W_x, x) + sum(h @ link[f'W_h{k}'].W.array.T for k, h in enumerate(hs, 1))
    sums = affine(link.W_x, x)
    aio, f = sums[:, :3 * S] + sum(hs) @ link.W_h_aio.W.array.T, sums[:, 3 * S:]
    return np.hstack([aio, *[f + h @ link.W_h_f.W.array.T for h in hs]])


@pytest.mark.parametrize('make, branches', [(lambda: L.NaryTreeLSTM(I, S), 2), (lambda: L.NaryTreeLSTM(I, S, 3), 3),
                                            (lambda: L.ChildSumTreeLSTM(I, S), 1),
                                            (lambda: L.ChildSumTreeLSTM(I, S), 3)])
def test_tree_lstms(make, branches):
    with ann.using_config('dtype', np.dtype('float64')):
        link = make()
    cs, hs, x = list(uniform(branches, N, S)), list(uniform(branches, N, S)), uniform(N, I)
    a, i, o, *fs = np.split(tree_sums(link, x, hs), 3 + branches, axis=1)
    c = np.tanh(a) * expit(i) + sum(expit(f) * c for f, c in zip(fs, cs))
    for ours, wanted in zip(link(*cs, *hs, x), (c, expit(o) * np.tanh(c))):
        np.testing.assert_allclose(ours.array, wanted, atol=1e-12)
    check_backward(link, (*cs, *hs, x), (uniform(N, S), uniform(N, S)), tuple(link.params()))
    zeros = np.zeros((N, S))
    for some, full in (((None, *cs[1:], None, *hs[1:], x), (zeros, *cs[1:], zeros, *hs[1:], x)),
                       ((*cs, *hs, None), (*cs, *hs, np.zeros((N, I))))):
        for ours, wanted in zip(link(*some), link(*full)):
            np.testing.assert_allclose(ours.array, wanted.array, atol=1e-12)
    with pytest.raises(ValueError, match='not all of them None'):
        link(*[None] * (2 * branches + 1))


def test_leaves_of_a_child_sum_tree():
    link, x = L.ChildSumTreeLSTM(I, S), uniform(N, I).astype('f')
    for leaf, branch in zip(link(x), link(None, None, x)):
        np.testing.assert_allclose(leaf.array, branch.array, atol=1e-6)


def ones(*shape):
    return np.ones(shape, 'f')


@pytest.mark.parametrize('call, message', [
    (lambda: L.NStepLSTM(1, I, S, 0)(None, None, []), 'NStepLSTM: expected a list of at least one sequence as xs'),
    (lambda: L.NStepLSTM(1, I, S, 0)(None, None, ones(2, 3, I)), 'got ndarray'),
    (lambda: L.NStepLSTM(1, I, S, 0)(None, None, [ones(3, 5)]), r'shape \(length, 4\) as xs, got \(3, 5\)'),
    (lambda: L.NStepGRU(1, I, S, 0)(ones(1, 2, S), [ones(3, I)]), r'hx of shape \(1, 1, 2\), got hx \(1, 2, 2\)'),
    (lambda: L.NStepLSTM(1, I, S, 0)(ones(1, 1, 3), None, [ones(3, I)]), r'got hx \(1, 1, 3\), cx \(1, 1, 2\)'),
    (lambda: L.NStepGRU(1, I, S, 0).forward_packed([None], ones(3, I), (2, 2)), r'x of shape \(4, 4\), got \(3, 4\)'),
    (lambda: L.NStepGRU(1, I, S, 0).forward_packed([ones(1, 1, S)], ones(3, I), (2, 1)), 'B of at least 2, 2'),
    (lambda: L.NaryTreeLSTM(I, S, 0), 'positive n_ary'),
    (lambda: L.NaryTreeLSTM(I, S)(ones(N, I)), 'expected 5 arguments, got 1'),
    (lambda: L.ChildSumTreeLSTM(I, S)(None, ones(N, I)), 'got 2 arguments'),
])
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
