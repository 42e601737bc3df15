"""Elements that are dropped at random: masks, gradients given the mask, training and inference."""
import numpy as np
import pytest
from hypothesis import given

import autograd_nn as ann
import autograd_nn.functions as F
from support.checking import check_function, shapes, uniform


@given(shapes())
def test_dropout_with_given_mask(shape):
    mask = np.random.randint(0, 2, shape) * 2.
    check_function(lambda x: F.dropout(x, mask=x.device.send(mask.astype(x.dtype))), lambda x: x * mask,
                   uniform(*shape))


@pytest.mark.parametrize('ratio', [0.0, 0.3, 0.5, 0.9])
@pytest.mark.parametrize('dtype', ['float16', 'float32', 'float64'])
def test_dropout_draws_a_mask(ratio, dtype):
    x = ann.Variable(np.random.rand(200, 100).astype(dtype) + 1)
    y, mask = F.dropout(x, ratio, return_mask=True)
    assert mask.dtype == y.dtype == dtype
    assert set(np.unique(mask)) <= {0, np.array(1 / (1 - ratio), dtype)[()]}
    assert abs((mask == 0).mean() - ratio) < 0.02
    np.testing.assert_array_equal(y.array, x.array * mask)
    y.grad = np.ones_like(y.array)
    y.backward()
    np.testing.assert_array_equal(x.grad, mask)


def test_dropout_draws_anew_and_repeats_after_a_seed():
    x = np.ones(1000, 'f')
    first, second = F.dropout(x).array, F.dropout(x).array
    assert (first != second).any()
    np.random.seed(0)
    np.testing.assert_array_equal(F.dropout(x).array, first)


def test_dropout_keeps_only_its_mask():
    x = ann.Variable(np.ones((2, 3), 'f'))
    y = F.dropout(x)
    assert y.creator.get_retained_inputs() == ()


def test_dropout_is_nothing_at_inference():
    x = ann.Variable(np.ones((2, 3)))
    with ann.using_config('train', False):
        assert F.dropout(x) is x
        y, mask = F.dropout(x, return_mask=True)
    assert y is x
    assert mask is None


@pytest.mark.parametrize('ratio', [-0.1, 1.0, 2])
def test_ratio_out_of_range(ratio):
    with pytest.raises(ValueError, match=f'dropout: ratio must be .* not {ratio}'):
        F.dropout(np.zeros(3), ratio)


@pytest.mark.parametrize('ratio', [-0.1, 1.5, 2])
def test_zoneout_ratio_out_of_range(ratio):
    with pytest.raises(ValueError, match=f'zoneout: ratio must be .* not {ratio}'):
        F.zoneout(np.zeros(3), np.zeros(3), ratio)


@pytest.mark.parametrize('train', [True, False])
def test_zoneout_of_all_or_nothing(train):
    h, x = np.arange(3.), np.ones(3)
    with ann.using_config('train', train):
        np.testing.assert_array_equal(F.zoneout(h, x, 1).array, h)
        np.testing.assert_array_equal(F.zoneout(h, x, 0).array, x)


def test_dropout_names_wrong_mask():
    with pytest.raises(ValueError, match=r'dropout: mask must have the shape \(3,\) .* it has \(2,\)'):
        F.dropout(np.zeros(3), mask=np.ones(2))


@given(shapes(min_dims=1))
def test_stochastic_depth_with_given_mask(shape):
    mask = np.random.randint(0, 2, (shape[0], *[1] * (len(shape) - 1))) * 2.
    check_function(lambda x: F.stochastic_depth(x, mask=x.device.send(mask.astype(x.dtype))), lambda x: x * mask,
                   uniform(*shape))


@pytest.mark.parametrize('ratio', [0.0, 0.3])
def test_stochastic_depth_drops_whole_samples(ratio):
    x = ann.Variable(np.random.rand(5000, 2, 3).astype('f') + 1)
    y, mask = F.stochastic_depth(x, ratio, return_mask=True)
    assert mask.shape == (5000, 1, 1) and mask.dtype == y.dtype == np.float32
    kept = y.array.any(axis=(1, 2))
    np.testing.assert_allclose(y.array[kept], x.array[kept] / (1 - ratio), rtol=1e-6)
    assert abs(kept.mean() - (1 - ratio)) < 0.03
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, np.broadcast_to(mask, x.shape))


def test_stochastic_depth_is_nothing_at_inference():
    x = ann.Variable(np.ones((2, 3)))
    with ann.using_config('train', False):
        assert F.stochastic_depth(x) is x
        assert F.stochastic_depth(x, return_mask=True) == (x, None)


def test_stochastic_depth_names_mistakes():
    with pytest.raises(ValueError, match=r'stochastic_depth: ratio must be .* not 1'):
        F.stochastic_depth(np.zeros((2, 3)), 1)
    with pytest.raises(ValueError, match=r'stochastic_depth: mask must have the shape \(2, 1\) .* it has \(2, 3\)'):
        F.stochastic_depth(np.zeros((2, 3)), mask=np.ones((2, 3)))


def test_zoneout_takes_elements_of_either():
    h, x = np.zeros((100, 100), 'f'), np.ones((100, 100), 'f')
    y = F.zoneout(h, x, 0.3)
    assert y.dtype == np.float32
    assert set(np.unique(y.array)) == {0, 1}
    assert abs((y.array == 0).mean() - 0.3) < 0.02


def test_zoneout_gradients():
    state = np.random.get_state()
    new = np.random.random_sample((3, 4)) >= 0.4

    def function(h, x):
        np.random.set_state(state)
        return F.zoneout(h, x, 0.4)

    h, x = uniform(3, 4), uniform(3, 4)
    check_function(function, lambda h, x: np.where(new, x, h), h, x, on_gpu=False)


def test_zoneout_at_inference():
    with ann.using_config('train', False):
        check_function(lambda h, x: F.zoneout(h, x, 0.25), lambda h, x: 0.25 * h + 0.75 * x, uniform(3, 4),
                       uniform(3, 4))


def test_zoneout_names_wrong_shapes():
    with pytest.raises(ValueError, match=r'zoneout: .* h \(2,\), x \(3,\)'):
        F.zoneout(np.zeros(2), np.zeros(3))
