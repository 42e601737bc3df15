"""Random draws that gradients go through: of Gaussian distributions and of almost one-hot vectors."""
import numpy as np
import pytest
import scipy.special
from hypothesis import given

import autograd_nn.functions as F
from support.checking import check_function, shapes, uniform


@given(shapes())
def test_gaussian_with_given_eps(shape):
    eps = uniform(*shape)
    check_function(lambda mean, ln_var: F.gaussian(mean, ln_var, eps=mean.device.send(eps.astype(mean.dtype))),
                   lambda mean, ln_var: mean + np.exp(ln_var / 2) * eps, uniform(*shape), uniform(*shape))


def test_gaussian_draws_from_the_distribution():
    mean, ln_var = np.full((100, 100), 3, 'f'), np.full((100, 100), np.log(4), 'f')
    y, eps = F.gaussian(mean, ln_var, return_eps=True)
    assert y.dtype == eps.dtype == np.float32
    assert abs(y.array.mean() - 3) < 0.1
    assert abs(y.array.std() - 2) < 0.1
    np.testing.assert_allclose(y.array, 3 + 2 * eps, rtol=1e-5)


def test_gaussian_names_wrong_shapes():
    with pytest.raises(ValueError, match=r'gaussian: .* mean \(2,\), ln_var \(3,\)'):
        F.gaussian(np.zeros(2), np.zeros(3))
    with pytest.raises(ValueError, match=r'gaussian: .* mean \(2,\), eps \(3,\)'):
        F.gaussian(np.zeros(2), np.zeros(2), eps=np.zeros(3))


@pytest.mark.parametrize('shape, axis', [((3, 4), 1), ((4, 3), 0), ((2, 3, 2), -1), ((0, 3), 1)])
def test_gumbel_softmax_given_the_noise(shape, axis):
    state = np.random.get_state()
    noise = np.random.gumbel(size=shape)

    def function(log_pi):
        np.random.set_state(state)
        return F.gumbel_softmax(log_pi, 0.5, axis)

    check_function(function, lambda x: scipy.special.softmax((x + noise) / 0.5, axis) if x.size else x, uniform(*shape),
                   dtypes=('float64', 'float32'), tolerance={'float32': 1e-3}, on_gpu=False)


def test_gumbel_softmax_picks_classes_by_their_probability():
    p = np.array([0.1, 0.2, 0.7])
    y = F.gumbel_softmax(np.broadcast_to(np.log(p), (20000, 3)), tau=0.01).array
    np.testing.assert_allclose(np.bincount(y.argmax(1)) / len(y), p, atol=0.02)


def test_gumbel_softmax_names_mistakes():
    with pytest.raises(ValueError, match='gumbel_softmax: tau must be positive, not 0'):
        F.gumbel_softmax(np.zeros((2, 3)), 0)
