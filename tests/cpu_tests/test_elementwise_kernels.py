"""Elementwise kernels, on arrays of all sizes and layouts."""
import numpy as np
import pytest

from autograd_nn import using_config
from autograd_nn.cpu import blocks

SHAPES = [(), (0,), (5,), (3, 4, 5), (512, 512), (512, 513), (2, 3, 300, 301)]
LAYOUTS = {
    'C': lambda a: a,
    'channels-last': lambda a: np.moveaxis(np.ascontiguousarray(np.moveaxis(a, 1, -1)), -1, 1) if a.ndim > 2 else a,
    'F': np.asfortranarray,
    'gaps': lambda a: np.repeat(a, 2, -1)[..., ::2] if a.ndim else a,
}


@pytest.fixture(params=[1, 2, 3])
def num_threads(request):
    with using_config('num_threads', request.param):
        yield request.param


def draw(shape, dtype, layout='C', seed=0):
    return LAYOUTS[layout](np.random.default_rng(seed).normal(size=shape).astype(dtype))


@pytest.mark.parametrize('shape', SHAPES)
@pytest.mark.parametrize('dtype', ['e', 'f', 'd'])
def test_scaled(kernel, shape, dtype, num_threads):
    x = draw(shape, dtype)
    y = kernel('scaled', x, 0.3)
    assert y.dtype == dtype and y.shape == shape and y is not x
    np.testing.assert_allclose(y, x.astype('d') * 0.3, rtol={'e': 5e-4, 'f': 2e-7, 'd': 1e-15}[dtype],
                               atol=1e-7)


@pytest.mark.parametrize('shape', SHAPES)
@pytest.mark.parametrize('dtypes', ['ee', 'ff', 'dd', 'fe'])
def test_scaled_sum(kernel, shape, dtypes, num_threads):
    x, y = draw(shape, dtypes[0]), draw(shape, dtypes[1], seed=1)
    z = kernel('scaled_sum', x, y, 0.3)
    assert z.dtype == dtypes[0] and z.shape == shape
    tolerance = {'e': 2e-3, 'f': 1e-6, 'd': 1e-14}[dtypes[0]]
    np.testing.assert_allclose(z, x.astype('d') + 0.3 * y.astype('d'), tolerance, tolerance)


@pytest.mark.parametrize('shape', [(3, 4, 5), (2, 3, 300, 301)])
@pytest.mark.parametrize('left', LAYOUTS)
@pytest.mark.parametrize('right', LAYOUTS)
def test_layouts(kernel, shape, left, right, num_threads):
    x, y = draw(shape, 'f', left), draw(shape, 'f', right, seed=1)
    before = x.copy(), y.copy()
    z = kernel('scaled_sum', x, y, 0.5)
    np.testing.assert_array_equal(z, before[0] + np.float32(0.5) * before[1])
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(y, before[1])


@pytest.mark.parametrize('layout', ['C', 'channels-last', 'F'])
def test_the_result_has_the_layout_of_the_first_array(layout):
    x = draw((2, 3, 300, 301), 'f', layout)
    assert blocks.compute(lambda out, x: np.negative(x, out=out), x).strides == x.strides


def test_large_arrays_are_shared_out_in_blocks():
    sizes = []

    def step(out, x):
        sizes.append(x.size)
        out[...] = x

    blocks.compute(step, np.zeros(1 << 19))
    assert len(sizes) > 8 and sum(sizes) == 1 << 19
