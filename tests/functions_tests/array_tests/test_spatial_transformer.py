"""Grids and samples of spatial transformers: values against loops, gradients against numerical ones."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_nn.functions as F
from autograd_nn import Variable
from autograd_nn.utils.type_check import DTypeError, ShapeError
from support.checking import check_function, gradients, uniform

SIZES = st.tuples(st.integers(1, 4), st.integers(1, 4))


@given(n=st.integers(0, 3), size=SIZES)
def test_grid(n, size):
    def plain(theta):
        y = np.zeros((n, 2, *size))
        for i, j in np.ndindex(*size):
            point = [-1 + 2 * k / (m - 1) if m > 1 else -1 for k, m in ((j, size[1]), (i, size[0]))]
            y[:, :, i, j] = theta @ [*point, 1]
        return y

    check_function(lambda theta: F.spatial_transformer_grid(theta, size), plain, uniform(n, 2, 3))


def plain_sampler(x, grid):
    """A sum over all pixels, most of whose weights are 0."""
    n, c, h, w = x.shape
    y = np.zeros((n, c, *grid.shape[2:]))
    for b, i, j in np.ndindex(n, *grid.shape[2:]):
        u, v = (grid[b, 0, i, j] + 1) * (w - 1) / 2, (grid[b, 1, i, j] + 1) * (h - 1) / 2
        for k, m in np.ndindex(h, w):
            y[b, :, i, j] += max(0, 1 - abs(v - k)) * max(0, 1 - abs(u - m)) * x[b, :, k, m]
    return y


def grid_between_pixels(n, out, size):
    """Points within the image and around it, none of them near the lines between pixels."""
    rng = np.random.default_rng(n + 10 * sum(out) + 100 * sum(size))
    points = [rng.integers(-3, m + 2, (n, *out)) + rng.uniform(0.1, 0.9, (n, *out)) for m in reversed(size)]
    return np.stack([2 * p / max(m - 1, 1) - 1 for p, m in zip(points, reversed(size))], 1)


@given(n=st.integers(0, 2), channels=st.integers(0, 3), size=SIZES, out=st.tuples(*[st.integers(0, 3)] * 2))
def test_sampler(n, channels, size, out):
    check_function(F.spatial_transformer_sampler, plain_sampler, uniform(n, channels, *size),
                   grid_between_pixels(n, out, size), eps=1e-5)


@pytest.mark.parametrize('size', [(1, 1), (1, 4), (3, 1), (3, 4)])
def test_at_pixels(size):
    """The identity copies images; beside them all is 0."""
    x = uniform(2, 3, *size)
    pixels = np.stack(np.meshgrid(*[np.arange(-1., n + 1) for n in reversed(size)]))
    ends = np.maximum(np.array(size[::-1])[:, None, None] - 1, 1)
    grid = np.repeat((2 * pixels / ends - 1)[None], 2, 0)
    if 1 in size:  # where there is one pixel, all coordinates are its own
        grid = grid[..., 1:-1, 1:-1]
        np.testing.assert_allclose(F.spatial_transformer_sampler(x, grid).array, x, atol=1e-12)
        return
    np.testing.assert_allclose(F.spatial_transformer_sampler(x, grid).array,
                               np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)]), atol=1e-12)
    identity = np.tile([[1., 0, 0], [0, 1, 0]], (2, 1, 1))
    y = F.spatial_transformer_sampler(x, F.spatial_transformer_grid(identity, size))
    np.testing.assert_allclose(y.array, x, atol=1e-12)


def test_the_gradient_at_a_pixel_is_that_to_its_right_and_below():
    x, grid = Variable(np.array([[[[1., 2., 4.]] * 3]])), Variable(np.zeros((1, 2, 1, 2)))
    grid.array[0, 0, 0] = 0, 1
    F.sum(F.spatial_transformer_sampler(x, grid)).backward()
    np.testing.assert_array_equal(grid.grad[0, 0], [[2, -4]])
    np.testing.assert_array_equal(x.grad[0, 0], [[0, 0, 0], [0, 1, 1], [0, 0, 0]])


@pytest.mark.filterwarnings('error')
def test_odd_numbers_stay_where_they_are():
    x, grid = np.ones((1, 1, 3, 3)), np.zeros((1, 2, 1, 5))
    grid[0, 0, 0] = -1, 0.5, 1, np.nan, 1e30
    x[0, 0, 1, 2] = np.nan
    np.testing.assert_array_equal(F.spatial_transformer_sampler(x, grid).array[0, 0, 0], [1, np.nan, np.nan, np.nan, 0])


def test_the_same_as_in_torch():
    torch = pytest.importorskip('torch')
    x, grid = uniform(3, 4, 5, 6), uniform(3, 2, 7, 8, low=-1.5, high=1.5)
    tensors = [torch.tensor(a, requires_grad=True) for a in (x, grid)]
    y = torch.nn.functional.grid_sample(tensors[0], tensors[1].permute(0, 2, 3, 1), align_corners=True)
    gy = np.random.normal(size=y.shape)
    y.backward(torch.tensor(gy))
    np.testing.assert_allclose(F.spatial_transformer_sampler(x, grid).array, y.detach().numpy(), atol=1e-12)
    for actual, tensor in zip(gradients(lambda *xs: (F.spatial_transformer_sampler(*xs),), [x, grid], [gy], None),
                              tensors):
        np.testing.assert_allclose(actual, tensor.grad.numpy(), atol=1e-11)
    theta = torch.tensor(uniform(3, 2, 3))
    expected = torch.nn.functional.affine_grid(theta, (3, 1, 4, 5), align_corners=True).permute(0, 3, 1, 2)
    np.testing.assert_allclose(F.spatial_transformer_grid(theta.numpy(), (4, 5)).array, expected.numpy(), atol=1e-12)


@pytest.mark.filterwarnings('ignore:invalid value')
def test_points_infinitely_far_outside():
    x, grid = Variable(uniform(1, 2, 3, 4)), Variable(np.zeros((1, 2, 1, 4)))
    grid.array[0, :, 0] = [np.inf, 0, -np.inf, 0.1], [0.2, -np.inf, np.inf, 0.3]
    y = F.spatial_transformer_sampler(x, grid)
    assert not y.array[..., :3].any() and y.array[..., 3].all()
    F.sum(y).backward()
    assert not grid.grad[..., :3].any() and grid.grad[..., 3].all()
    np.testing.assert_allclose(x.grad.sum((2, 3)), 1)


X, GRID = np.ones((2, 3, 4, 4)), np.zeros((2, 2, 5, 5))


@pytest.mark.parametrize('call, error, message', [
    (lambda: F.spatial_transformer_grid(np.ones((2, 3)), (2, 2)), ShapeError, r'theta .*\(N, 2, 3\), got \(2, 3\)'),
    (lambda: F.spatial_transformer_grid(np.ones((1, 2, 3), int), (2, 2)), DTypeError, '-point theta, got int64'),
    (lambda: F.spatial_transformer_grid(np.ones((1, 2, 3)), (2, 0)), ValueError, r'output_shape is \(2, 0\)'),
    (lambda: F.spatial_transformer_sampler(X[0], GRID), ShapeError, r'got \(3, 4, 4\) and \(2, 2, 5, 5\)'),
    (lambda: F.spatial_transformer_sampler(X, GRID[:1]), ShapeError, r'got \(2, 3, 4, 4\) and \(1, 2, 5, 5\)'),
    (lambda: F.spatial_transformer_sampler(X, GRID[:, :1]), ShapeError, r'grid of shape \(N, 2, out_h, out_w\)'),
    (lambda: F.spatial_transformer_sampler(X[:, :, :0], GRID), ShapeError, 'images must have elements'),
    (lambda: F.spatial_transformer_sampler(X.astype(int), GRID), DTypeError, 'expected floating-point x, got int64'),
    (lambda: F.spatial_transformer_sampler(X, GRID.astype('f')), DTypeError, 'the type of x, float64, got float32'),
])
def test_errors(call, error, message):
    with pytest.raises(error, match=f'^spatial_transformer_(grid|sampler): .*{message}'):
        call()
