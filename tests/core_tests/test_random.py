"""One seed, and states that are plain arrays."""
import types

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
from autograd_nn import Parameter, Variable, cuda


def train(steps):
    """A small network with dropout; the bytes of what it learned."""
    W = Parameter(lambda array: np.copyto(array, np.random.normal(0, 0.5, array.shape)), (8, 8))
    for _ in range(steps):
        x = Variable(np.random.standard_normal((4, 8)).astype('f'))
        W.cleargrad()
        F.sum(F.dropout(F.tanh(x @ W), 0.5) ** 2).backward()
        W.array -= np.float32(0.1) * W.grad
    return W.array.tobytes()


def test_a_seeded_run_repeats_bit_for_bit():
    ann.random.seed(7)
    first = train(5)
    second = train(5)
    ann.random.seed(7)
    assert train(5) == first and train(5) == second != first
    ann.random.seed(8)
    assert train(5) != first


@pytest.mark.parametrize('draws', [0, 1, 1000])
def test_a_state_continues_bit_for_bit(draws):
    ann.random.seed(3)
    np.random.standard_normal(draws)
    state = ann.random.get_state()
    expected = np.random.standard_normal(5).tobytes(), train(2)
    ann.random.seed(99)
    ann.random.set_state(state)
    assert (np.random.standard_normal(5).tobytes(), train(2)) == expected
    # A state can be used again: nothing in it is shared with the generator.
    ann.random.set_state(state)
    assert np.random.standard_normal(5).tobytes() == expected[0]


def test_a_state_survives_a_file_without_pickles(tmp_path):
    np.random.standard_normal(3)
    np.savez(tmp_path / 'state.npz', **ann.random.get_state())
    expected = np.random.standard_normal(5)
    with np.load(tmp_path / 'state.npz', allow_pickle=False) as file:
        ann.random.set_state(dict(file))
    np.testing.assert_array_equal(np.random.standard_normal(5), expected)


def test_a_state_is_arrays_and_numbers():
    state = ann.random.get_state()
    assert all(type(value) in (np.ndarray, int, float) for value in state.values())
    assert state['numpy_key'].shape == (624,) and state['numpy_key'].dtype == np.uint32


def test_getting_the_state_draws_nothing():
    ann.random.seed(0)
    expected = np.random.rand(3)
    ann.random.seed(0)
    ann.random.get_state()
    np.testing.assert_array_equal(np.random.rand(3), expected)


def test_wrong_seeds_and_states():
    for seed in -1, 2 ** 32:
        with pytest.raises(ValueError):
            ann.random.seed(seed)
    state = ann.random.get_state()
    with pytest.raises(ValueError):
        ann.random.set_state({**state, 'numpy_key': np.zeros(3)})
    del state['numpy_pos']
    with pytest.raises(KeyError, match='numpy_pos'):
        ann.random.set_state(state)


def test_a_gpu_is_seeded_too(monkeypatch):
    generator = np.random.RandomState()
    fake = types.SimpleNamespace(random=types.SimpleNamespace(seed=generator.seed, randint=generator.randint))
    monkeypatch.setattr(cuda, 'available', True)
    monkeypatch.setattr(cuda, 'cupy', fake)
    ann.random.seed(5)
    expected = generator.rand(3)
    ann.random.seed(5)
    np.testing.assert_array_equal(generator.rand(3), expected)
    state = ann.random.get_state()
    expected = generator.rand(3)
    ann.random.set_state(state)
    np.testing.assert_array_equal(generator.rand(3), expected)
    del state['cupy_seed']
    ann.random.set_state(state)
