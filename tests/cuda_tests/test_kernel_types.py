"""Kernels on a GPU in every precision and number of axes, beside those on NumPy in double precision."""
import numpy as np
import pytest

from autograd_nn import backend, cpu, cuda, using_config
from autograd_nn.cuda.layout import laid_out
from autograd_nn.dtypes import as_dtype, is_floating

pytestmark = pytest.mark.gpu
TOLERANCES = {'bfloat16': 2e-2, 'e': 1e-2, 'f': 1e-5, 'd': 1e-12}


@pytest.fixture(autouse=True, params=['auto', 'never'])
def use_cudnn(request):
    """Each test runs with cuDNN, where it is installed, and without."""
    with using_config('use_cudnn', request.param):
        yield


def send_in_order(a):
    return cuda.to_gpu(np.array(a, order='C'))


def send_channels_last(a):
    return laid_out(cuda.to_gpu(a), True) if a.ndim > 3 else cuda.to_gpu(a)


def both(name, dtype, *args, send=cuda.to_gpu):
    """What a kernel computes on a GPU, and on NumPy in double precision, from the same numbers."""
    kernels = backend.kernels(cuda.to_gpu(np.ones(1)))
    rounded = [a.astype(as_dtype(dtype)) if isinstance(a, np.ndarray) and is_floating(a.dtype) else a for a in args]
    exact = [a.astype('d') if isinstance(a, np.ndarray) and is_floating(a.dtype) else a for a in rounded]
    results = [function(*[send(a) if isinstance(a, np.ndarray) else a for a in values]) for function, send, values in (
        (getattr(kernels, name), send, rounded), (getattr(cpu, name), np.array, exact))]
    return [result if isinstance(result, tuple) else (result,) for result in results]


def check(name, dtype, *args, **kwargs):
    """Compares them, and returns the results of NumPy."""
    actual, expected = both(name, dtype, *args, **kwargs)
    for a, e in zip(actual, expected):
        assert isinstance(a, cuda.ndarray) and (a.dtype == dtype or not is_floating(a.dtype))
        np.testing.assert_allclose(cuda.to_cpu(a).astype('d'), e, TOLERANCES[dtype], TOLERANCES[dtype])
    return expected if len(expected) > 1 else expected[0]


@pytest.fixture(params=TOLERANCES)
def dtype(request):
    return request.param


@pytest.fixture(params=[1, 2, 3])
def axes(request):
    return request.param


def test_windows(dtype, axes):
    x, size, k = np.random.uniform(-1, 1, (2, 3, *[5, 6, 4][:axes])), (5, 6, 4)[:axes], (2, 3, 2)[:axes]
    stride, pad, dilate = (2, 1, 1)[:axes], (1, 0, 1)[:axes], (1, 2, 1)[:axes]
    col = check('im2col', dtype, x, k, stride, pad, dilate, False)
    check('col2im', dtype, np.random.uniform(-1, 1, col.shape), size, stride, pad, dilate)


@pytest.mark.parametrize('send', [send_in_order, send_channels_last])
def test_pooling(dtype, axes, send):
    x, size, k = np.random.uniform(-1, 1, (2, 3, *[5, 6, 4][:axes])), (5, 6, 4)[:axes], (2, 3, 2)[:axes]
    stride, pad = (2, 1, 2)[:axes], (1, 0, 1)[:axes]
    y, indexes = check('max_pooling', dtype, x, k, stride, pad, True, True, send=send)
    gy = np.random.uniform(-1, 1, y.shape)
    check('max_pooling_grad', dtype, gy, indexes, size, k, stride, pad, send=send)
    check('max_pooling_gather', dtype, x, indexes, k, stride, pad, send=send)
    for pad_value in 0, None:
        check('average_pooling', dtype, x, k, stride, pad, True, pad_value, send=send)
        check('average_pooling_grad', dtype, gy, size, k, stride, pad, pad_value, send=send)


@pytest.mark.parametrize('send', [send_in_order, send_channels_last])
def test_regions_of_interest(dtype, send):
    shape, indices = (2, 3, 5, 6), np.array([1, 0, 1])
    rows, columns = (np.array([[[-1.5, 0.5, n], [1.25, 0.5, 2]]] * 3) for n in (4, 3))
    x, gy = np.random.uniform(-1, 1, shape), np.random.uniform(-1, 1, (3, 3, 2, 2))
    check('roi_average', dtype, x, indices, rows, columns, send=send)
    check('roi_average_grad', dtype, gy, indices, rows, columns, shape, send=send)
    _, places = check('roi_max', dtype, x, indices, rows, columns, 0., send=send)
    check('roi_max_grad', dtype, gy, places, indices, rows, columns, shape, send=send)
    check('roi_max_gather', dtype, x, places, indices, rows, columns, send=send)


@pytest.mark.parametrize('deterministic', [False, True])
def test_interpolation(dtype, deterministic):
    x, gy, weights = (np.random.uniform(-1, 1, shape) for shape in ((2, 3, 5), (2, 3, 5), (4, 2, 5)))
    places = np.random.randint(-1, 5, weights.shape)
    check('interpolate', dtype, x, places, weights)
    with using_config('cudnn_deterministic', deterministic):
        check('interpolate_grad', dtype, gy, places, weights, 5)
    check('interpolate_weight_grad', dtype, x, gy, places)


def test_depthwise_convolution(dtype, axes):
    x, size, k = np.random.uniform(-1, 1, (2, 3, *[5, 6, 4][:axes])), (5, 6, 4)[:axes], (2, 3, 2)[:axes]
    W, b = np.random.uniform(-1, 1, (3, 1, *k)), np.random.uniform(-1, 1, 3)
    stride, pad, dilate = (2, 1, 2)[:axes], (1, 0, 1)[:axes], (1, 2, 1)[:axes]
    y = check('convolution', dtype, x, W, b, stride, pad, dilate, 3, None, None, None, None)
    gy = np.random.uniform(-1, 1, y.shape)
    check('deconvolution', dtype, gy, W, None, stride, pad, size, dilate, 3)
    check('convolution_filter_grad', dtype, x, gy, k, stride, pad, dilate, 3)


@pytest.mark.parametrize('deterministic', [False, True])
def test_embedding_grad(dtype, deterministic):
    with using_config('cudnn_deterministic', deterministic):
        check('embedding_grad', dtype, np.random.uniform(-1, 1, (3, 4, 5)), np.random.randint(0, 7, (3, 4)), (7, 5))


def test_softmax_cross_entropy(dtype):
    x, labels = np.random.uniform(-3, 3, (4, 5, 2)), np.random.randint(0, 5, (4, 2))
    y, _ = check('softmax_cross_entropy', dtype, x, labels)
    check('softmax_cross_entropy_grad', dtype, y, labels, np.random.uniform(0, 1, (4, 2)))


def test_what_is_not_finite(dtype):
    kernels = backend.kernels(cuda.to_gpu(np.ones(1)))
    arrays = [cuda.to_gpu(np.ones(n, as_dtype(dtype))) for n in (3, 10000)]
    assert bool(kernels.all_finite(arrays))
    for odd in np.inf, -np.inf, np.nan:
        arrays[1][9999] = odd
        assert not bool(kernels.all_finite(arrays))
