"""The layers of BlackOut and negative sampling: what they draw, their parameters, copies on other devices."""
import io

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import cuda, serializers

COUNTS = [5, 0, 2, 9]


def test_negative_sampling():
    link = L.NegativeSampling(3, COUNTS, 2, power=0.5)
    assert link.W.dtype == 'float32' and link.W.shape == (4, 3) and not link.W.array.any()
    link.W.array[...] = np.random.randn(4, 3)
    x, t = np.random.randn(6, 3).astype('f'), np.array([0, 1, 2, 3, -1, 0])
    loss, samples = link(x, t, reduce='no', return_samples=True)
    assert samples.shape == (6, 3) and (samples[:, 1:] != 1).all()
    np.testing.assert_allclose(
        loss.array, F.negative_sampling(x, t, link.W, lambda shape: samples, 2, 'no').array, rtol=1e-6)
    assert link(x, t).shape == ()
    drawn = link.sampler.sample(100_000)
    np.testing.assert_allclose(np.bincount(drawn) / len(drawn), np.sqrt(COUNTS) / np.sqrt(COUNTS).sum(), atol=0.01)


def test_black_out():
    link = L.BlackOut(3, COUNTS, 2)
    assert link.W.shape == (4, 3) and np.isfinite(link.W.array).all()
    x, t = np.random.randn(6, 3).astype('f'), np.array([0, 1, 2, 3, 1, 0])
    ann.random.seed(3)
    loss = link(x, t)
    ann.random.seed(3)
    samples = link.sampler.sample((6, 2))
    np.testing.assert_allclose(loss.array, F.black_out(x, t, link.W, samples).array)
    loss.backward()
    assert link.W.grad.any()


@pytest.mark.parametrize('make', [L.BlackOut, L.NegativeSampling])
def test_only_weights_are_saved(make):
    link, other = make(3, COUNTS, 2), make(3, COUNTS, 2)
    link.W.array[...] = 7
    file = io.BytesIO()
    serializers.save_npz(file, link)
    file.seek(0)
    assert np.load(file).files == ['W']
    file.seek(0)
    serializers.load_npz(file, other)
    assert (other.W.array == 7).all()
    assert repr(link) == f'{make.__name__}(in_size=3, labels=4, sample_size=2)'


@pytest.mark.parametrize('dtype', ['float64', 'float16'])
def test_dtype(dtype):
    link = L.NegativeSampling(3, COUNTS, 2, dtype=dtype)
    assert link.W.dtype == dtype
    assert link(np.ones((2, 3), dtype), np.array([0, 1])).dtype == dtype


@pytest.mark.skipif(not cuda.available, reason='needs a GPU')
def test_a_copy_on_a_gpu_leaves_the_sampler_of_the_original():
    link = L.NegativeSampling(3, COUNTS, 2)
    there = link.copy().to_gpu()
    loss = there(cuda.to_gpu(np.ones((2, 3), 'f')), cuda.to_gpu(np.array([0, 1])))
    assert isinstance(loss.array, cuda.ndarray)
    assert isinstance(link(np.ones((2, 3), 'f'), np.array([0, 1])).array, np.ndarray)
    assert link.sampler.device == ann.get_device('cpu')
