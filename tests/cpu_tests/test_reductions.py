"""Sums along axes against NumPy's in double precision."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

from autograd_nn import functions as F
from autograd_nn.dtypes import as_dtype
from support.pairs import every_pair

pytestmark = pytest.mark.kernels('sum_along')

TOLERANCES = {'bfloat16': 1e-2, 'e': 2e-3, 'f': 1e-5, 'd': 1e-12}


def channels_last(a):
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(a, 1, -1)), -1, 1)


def check(kernel, x, axis, keepdims, dtype):
    y = kernel('sum_along', x, axis, keepdims, np.dtype(dtype))
    expected = x.astype('d').sum(axis=axis, keepdims=keepdims)
    assert y.dtype == dtype and y.shape == expected.shape
    size = np.abs(x.astype('d')).sum(axis=axis, keepdims=keepdims).max(initial=1)
    tolerance = max(TOLERANCES[dtype], TOLERANCES['f'])
    np.testing.assert_allclose(y.astype('d'), expected, rtol=tolerance, atol=tolerance * size)


@given(shape=array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=4), data=st.data(), keepdims=st.booleans(),
       dtype=st.sampled_from(list(TOLERANCES)))
def test_sums(kernel, shape, data, keepdims, dtype):
    axis = tuple(sorted(data.draw(st.sets(st.integers(0, len(shape) - 1))))) if shape else ()
    x = np.random.uniform(-1, 1, shape).astype(as_dtype(dtype))
    layout = data.draw(st.sampled_from([np.array, np.asfortranarray, channels_last if len(shape) > 1 else np.array]))
    check(kernel, layout(x), axis, keepdims, data.draw(st.sampled_from([dtype, 'd' if dtype == 'd' else 'f'])))


@pytest.mark.parametrize('shape, axis, layout, keepdims', every_pair(
    [(8, 4, 30, 30), (40, 33, 8, 8)], [(0, 2, 3), (2, 3), (1,), (0, 1), (0, 1, 2, 3), (1, 2), (3,)],
    [np.array, channels_last], [False, True]))
def test_sums_in_several_steps(kernel, shape, axis, layout, keepdims):
    for dtype in TOLERANCES:
        check(kernel, layout(np.random.uniform(-1, 1, shape).astype(as_dtype(dtype))), axis, keepdims, dtype)


@pytest.mark.parametrize('rows', [1024, 2099, 6000])
def test_sums_of_many_rows(kernel, rows):
    for shape in (rows, 3), (rows,), (rows, 2, 40):
        for dtype in TOLERANCES:
            x = np.random.uniform(-1, 1, shape).astype(as_dtype(dtype))
            for each in x, np.asfortranarray(x):
                check(kernel, each, (0,), False, dtype)


@pytest.mark.parametrize('dtype', TOLERANCES)
def test_functions_of_large_arrays(kernel, dtype):
    x = kernel.send(channels_last(np.random.uniform(0, 1, (16, 8, 20, 20)).astype(as_dtype(dtype))))
    exact = kernel.fetch(x).astype('d')
    for y, expected in ((F.sum(x), exact.sum()), (F.mean(x), exact.mean()), (F.sum(x, 1), exact.sum(1)),
                        (F.mean(x, (2, 3)), exact.mean((2, 3))), (F.sum_to(x, (8, 1, 1)),
                                                                   exact.sum((0, 2, 3)).reshape(8, 1, 1))):
        assert y.dtype == as_dtype(dtype) and y.shape == expected.shape
        np.testing.assert_allclose(kernel.fetch(y.array).astype('d'), expected, rtol=max(TOLERANCES[dtype], 1e-5))
