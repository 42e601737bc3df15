"""Functions that give elements other places: reshaping, joining, mirroring, padding."""
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_nn.functions as F
from autograd_nn import Variable
from support.checking import check_function, shapes, uniform

HALF = ('float64', 'float32', 'float16')

# function, NumPy reference, shapes of the arguments
TABLE = [
    (lambda x: F.reshape(x, (3, -1)), lambda x: x.reshape(3, -1), (2, 3)),
    (lambda x: F.reshape(x, -1), lambda x: x.reshape(-1), (2, 3)),
    (lambda x: F.reshape(x, ()), lambda x: x.reshape(()), (1, 1)),
    (lambda x: F.reshape(x, (4, 0)), lambda x: x.reshape(4, 0), (0, 3)),
    (lambda x: x.reshape(3, 2), lambda x: x.reshape(3, 2), (2, 3)),
    (lambda x: x.reshape([3, 2]), lambda x: x.reshape(3, 2), (2, 3)),
    (F.flatten, np.ravel, (2, 1, 3)),
    (F.flatten, np.ravel, ()),
    (lambda x: F.expand_dims(x, 1), lambda x: np.expand_dims(x, 1), (2, 3)),
    (lambda x: F.expand_dims(x, -1), lambda x: np.expand_dims(x, -1), (2, 3)),
    (lambda x: F.expand_dims(x, 0), lambda x: np.expand_dims(x, 0), ()),
    (F.squeeze, np.squeeze, (1, 2, 1)),
    (lambda x: F.squeeze(x, -1), lambda x: np.squeeze(x, -1), (1, 2, 1)),
    (lambda x: x.squeeze((0, 2)), lambda x: np.squeeze(x, (0, 2)), (1, 2, 1)),
    (F.transpose, np.transpose, (2, 3, 4)),
    (F.transpose, np.transpose, ()),
    (lambda x: F.transpose(x, (1, -1, 0)), lambda x: np.transpose(x, (1, 2, 0)), (2, 3, 4)),
    (lambda x: x.transpose(1, 2, 0), lambda x: x.transpose(1, 2, 0), (2, 3, 4)),
    (lambda x: x.transpose((1, 2, 0)), lambda x: x.transpose(1, 2, 0), (2, 3, 4)),
    (lambda x: x.transpose(0), lambda x: x, (2,)),
    (lambda x: x.transpose(), lambda x: x.T, (2, 3)),
    (lambda x: x.T, lambda x: x.T, (2, 3, 4)),
    (lambda x: F.moveaxis(x, (0, -1), (1, 0)), lambda x: np.moveaxis(x, (0, -1), (1, 0)), (2, 3, 4)),
    (lambda x: F.swapaxes(x, 0, -1), lambda x: np.swapaxes(x, 0, -1), (2, 3, 4)),
    (lambda x: F.broadcast_to(x, (3, 2, 4)), lambda x: np.broadcast_to(x, (3, 2, 4)), (2, 1)),
    (lambda x: F.broadcast_to(x, (2, 0)), lambda x: np.broadcast_to(x, (2, 0)), (1,)),
    (lambda x: F.sum_to(x, (3, 1)), lambda x: x.sum((0, 2))[:, None], (2, 3, 4)),
    (lambda x: F.sum_to(x, ()), np.sum, (2, 3)),
    (lambda x, y: F.broadcast(x, y), lambda x, y: np.broadcast_arrays(x, y), (2, 1), (3,)),
    (lambda x: F.flip(x, 1), lambda x: np.flip(x, 1), (2, 3)),
    (lambda x: F.flip(x, (0, -1)), lambda x: np.flip(x, (0, 2)), (2, 3, 4)),
    (lambda x: F.flip(x, None), np.flip, (2, 3)),
    (F.fliplr, np.fliplr, (2, 3, 2)),
    (F.flipud, np.flipud, (3,)),
    (lambda x: F.tile(x, 3), lambda x: np.tile(x, 3), (2, 3)),
    (lambda x: F.tile(x, (2, 1, 3)), lambda x: np.tile(x, (2, 1, 3)), (2, 3)),
    (lambda x: F.tile(x, (2,)), lambda x: np.tile(x, (2,)), ()),
    (lambda x: F.tile(x, (2, 0)), lambda x: np.tile(x, (2, 0)), (2, 3)),
    (lambda x: F.repeat(x, 2), lambda x: np.repeat(x, 2), (2, 3)),
    (lambda x: F.repeat(x, 2, 1), lambda x: np.repeat(x, 2, 1), (2, 3, 2)),
    (lambda x: F.repeat(x, (2, 0, 1), -1), lambda x: np.repeat(x, (2, 0, 1), -1), (2, 3)),
    (lambda x: F.repeat(x, 0, 0), lambda x: np.repeat(x, 0, 0), (2, 3)),
    (lambda x: F.pad(x, 1, 'constant'), lambda x: np.pad(x, 1), (2, 3)),
    (lambda x: F.pad(x, (1, 2), 'constant', constant_values=3), lambda x: np.pad(x, (1, 2), constant_values=3), (2, 3)),
    (lambda x: F.pad(x, ((0, 1), (2, 0)), 'constant', constant_values=((1, 2), (3, 4))),
     lambda x: np.pad(x, ((0, 1), (2, 0)), constant_values=((1, 2), (3, 4))), (2, 3)),
    (lambda x: F.pad(x, 1), lambda x: np.pad(x, 1), (0, 2)),
    *[(lambda x, mode=mode: F.pad(x, ((1, 0), (2, 2)), mode), lambda x, mode=mode: np.pad(x, ((1, 0), (2, 2)), mode),
       (2, 3)) for mode in ('edge', 'reflect', 'symmetric', 'wrap')],
    (lambda x: F.permutate(x, np.array([2, 0, 1]), 1), lambda x: x[:, [2, 0, 1]], (2, 3)),
    (lambda x: F.permutate(x, np.array([2, 0, 1]), 0, inv=True), lambda x: x[[1, 2, 0]], (3, 2)),
    (lambda *xs: F.concat(xs), lambda *xs: np.concatenate(xs, 1), (2, 3), (2, 0), (2, 2)),
    (lambda *xs: F.concat(xs, -2), lambda *xs: np.concatenate(xs, -2), (2, 3), (1, 3)),
    (lambda *xs: F.concat(xs, 0), lambda *xs: np.concatenate(xs, 0), (2,)),
    (lambda *xs: F.stack(xs), lambda *xs: np.stack(xs), (2, 3), (2, 3)),
    (lambda *xs: F.stack(xs, -1), lambda *xs: np.stack(xs, -1), (2, 3), (2, 3)),
    (lambda *xs: F.stack(xs), lambda *xs: np.stack(xs), (), ()),
    (lambda *xs: F.hstack(xs), lambda *xs: np.hstack(xs), (2,), (3,)),
    (lambda *xs: F.hstack(xs), lambda *xs: np.hstack(xs), (2, 1), (2, 3)),
    (lambda *xs: F.hstack(xs), lambda *xs: np.hstack(xs), (), ()),
    (lambda *xs: F.vstack(xs), lambda *xs: np.vstack(xs), (3,), (3,)),
    (lambda *xs: F.vstack(xs), lambda *xs: np.vstack(xs), (1, 3), (2, 3)),
    (lambda *xs: F.vstack(xs), lambda *xs: np.vstack(xs), (), ()),
    (lambda *xs: F.dstack(xs), lambda *xs: np.dstack(xs), (3,), (3,)),
    (lambda *xs: F.dstack(xs), lambda *xs: np.dstack(xs), (2, 3), (2, 3)),
    (lambda *xs: F.dstack(xs), lambda *xs: np.dstack(xs), (2, 3, 1), (2, 3, 2)),
    (lambda *xs: F.dstack(xs), lambda *xs: np.dstack(xs), (), ()),
    (lambda x: F.split_axis(x, 3, 1), lambda x: np.split(x, 3, 1), (2, 6)),
    (lambda x: F.split_axis(x, (1, 1, 4), -1), lambda x: np.split(x, (1, 1, 4), 1), (2, 6)),
    (lambda x: F.split_axis(x, np.array([2]), 0), lambda x: np.split(x, [2]), (3, 2)),
    (lambda x: F.split_axis(x, 2, 0), lambda x: np.split(x, 2), (0, 2)),
    (lambda x: F.separate(x), lambda x: list(x), (3, 2)),
    (lambda x: F.separate(x, -1), lambda x: list(x.T), (2, 3)),
    (lambda x: F.space2depth(F.depth2space(x, 2), 2), lambda x: x, (2, 8, 2, 3)),
    (lambda *xs: F.pad_sequence(xs, padding=-1),
     lambda *xs: np.stack([np.pad(x, ((0, 3 - len(x)), (0, 0)), constant_values=-1) for x in xs]),
     (1, 2), (3, 2), (0, 2)),
    (lambda *xs: F.pad_sequence(xs, 4), lambda *xs: np.stack([np.pad(x, (0, 4 - len(x))) for x in xs]), (1,), (3,)),
    (lambda x: F.copy(x, 'cpu'), lambda x: x, (2, 3)),
]


@pytest.mark.parametrize('row', TABLE, ids=range(len(TABLE)))
def test_values_and_gradients(row):
    f, reference, *shapes_ = row
    check_function(f, reference, *[uniform(*shape) for shape in shapes_], dtypes=HALF)


@pytest.mark.parametrize('axis, start', list(itertools.product(range(-3, 3), range(-3, 4))))
def test_rollaxis(axis, start):
    x = uniform(2, 3, 4)
    np.testing.assert_array_equal(F.rollaxis(x, axis, start).array, np.rollaxis(x, axis, start))
    check_function(lambda x: F.rollaxis(x, axis, start), None, x)


@given(shapes(), st.data())
def test_shapes(shape, data):
    x = uniform(*shape)
    axes = data.draw(st.permutations(range(len(shape))))
    check_function(lambda x: F.transpose(x, axes), lambda x: np.transpose(x, axes), x)
    reps = data.draw(st.lists(st.integers(0, 2), max_size=4))
    check_function(lambda x: F.tile(x, reps), lambda x: np.tile(x, reps), x)
    widths = [data.draw(st.tuples(st.integers(0, 2), st.integers(0, 2))) for _ in shape]
    check_function(lambda x: F.pad(x, widths or 0), lambda x: np.pad(x, widths) if widths else x, x)
    if shape:
        axis = data.draw(st.integers(-len(shape), len(shape) - 1))
        ends = sorted(data.draw(st.lists(st.integers(0, shape[axis]), max_size=3)))
        check_function(lambda x: F.split_axis(x, ends, axis), lambda x: np.split(x, ends, axis), x)
        check_function(lambda x, y: F.concat((x, y, x), axis), lambda x, y: np.concatenate((x, y, x), axis), x, x + 1)


def test_views():
    """What only changes the shape does not copy."""
    x = uniform(2, 3, 1)
    for y in (F.reshape(x, (3, 2)), F.transpose(x), F.squeeze(x), F.flatten(x), F.flip(x, 0),
              F.broadcast_to(x, (2, 3, 400))):
        assert np.shares_memory(y.array, x)


def test_same_shape_is_the_same_variable():
    x = Variable(uniform(2, 3))
    assert F.reshape(x, (2, 3)) is x
    assert F.broadcast_to(x, (2, 3)) is x
    assert F.sum_to(x, (2, 3)) is x
    assert F.cast(x, np.float64) is x


def test_cast():
    check_function(lambda x: F.cast(F.cast(x, 'float64'), x.dtype), lambda x: x, uniform(2, 3), dtypes=HALF)
    x = Variable(np.ones(2, 'f'))
    F.sum(F.cast(x, np.float16) * 2).backward()
    assert x.grad.dtype == np.float32
    assert Variable(np.array([1.7])).astype(int).array.tolist() == [1]


def test_split_into_one_part():
    x = uniform(2, 3)
    assert isinstance(F.split_axis(x, 1, 0), tuple)
    assert isinstance(F.split_axis(x, 1, 0, force_tuple=False), Variable)
    assert isinstance(F.split_axis(x, [], 0, force_tuple=False), Variable)


def test_unused_parts_get_zeros():
    x = Variable(uniform(4, 2))
    F.sum(F.split_axis(x, 2, 0)[1]).backward()
    assert x.grad.tolist() == [[0, 0], [0, 0], [1, 1], [1, 1]]
    x = Variable(uniform(3))
    F.separate(x)[1].backward()
    assert x.grad.tolist() == [0, 1, 0]


def test_depth2space():
    """The example of the sub-pixel layer: four channels become blocks of two by two pixels."""
    x = np.arange(24.).reshape(1, 4, 2, 3)
    assert F.depth2space(x, 2).array.tolist() == [[[[0, 6, 1, 7, 2, 8], [12, 18, 13, 19, 14, 20],
                                                    [3, 9, 4, 10, 5, 11], [15, 21, 16, 22, 17, 23]]]]
    check_function(lambda x: F.depth2space(x, 3), None, uniform(2, 18, 1, 2))
    check_function(lambda x: F.space2depth(x, 3), None, uniform(2, 2, 3, 6))


def bilinear(x, height, width, align_corners):
    """Straight from the definition, one pixel at a time."""
    n, c, h, w = x.shape
    y = np.empty((n, c, height, width))
    for i, j in np.ndindex(height, width):
        if align_corners:
            u = i * (h - 1) / (height - 1) if height > 1 else 0
            v = j * (w - 1) / (width - 1) if width > 1 else 0
        else:
            u = min(max((i + 0.5) * h / height - 0.5, 0), h - 1)
            v = min(max((j + 0.5) * w / width - 0.5, 0), w - 1)
        a, b = int(u), int(v)
        c_, d = min(a + 1, h - 1), min(b + 1, w - 1)
        y[:, :, i, j] = ((1 - u + a) * ((1 - v + b) * x[:, :, a, b] + (v - b) * x[:, :, a, d])
                         + (u - a) * ((1 - v + b) * x[:, :, c_, b] + (v - b) * x[:, :, c_, d]))
    return y


@pytest.mark.parametrize('size', [(5, 7), (2, 2), (3, 4), (1, 6), (1, 1)])
@pytest.mark.parametrize('align_corners', [True, False])
def test_resize_images(size, align_corners):
    check_function(lambda x: F.resize_images(x, size, align_corners=align_corners),
                   lambda x: bilinear(x, *size, align_corners), uniform(2, 3, 3, 4))


def test_resize_images_nearest():
    x = uniform(2, 1, 2, 3)
    check_function(lambda x: F.resize_images(x, (4, 6), mode='nearest', align_corners=False),
                   lambda x: x.repeat(2, 2).repeat(2, 3), x)
    check_function(lambda x: F.resize_images(x, (3, 5), mode='nearest'),
                   lambda x: x[:, :, [0, 1, 1]][:, :, :, [0, 1, 1, 2, 2]], x)


@pytest.mark.parametrize('call, error, message', [
    (lambda x: F.reshape(x, (4, 2)), ValueError, r'reshape: x of shape \(2, 3\) \(6 elements\) cannot become \(4, 2\)'),
    (lambda x: F.squeeze(x, 0), ValueError, r'squeeze: axis 0 of x of shape \(2, 3\) is not of length one'),
    (lambda x: F.expand_dims(x, 3), ValueError, r'expand_dims: axis 3 is out of range'),
    (lambda x: F.transpose(x, (0, 0)), ValueError, r'transpose: axis \(0, 0\) names an axis .* twice'),
    (lambda x: F.transpose(x, (0,)), ValueError, r'transpose: expected 2 axes for x of shape \(2, 3\), got \(0,\)'),
    (lambda x: F.moveaxis(x, (0, 1), 0), ValueError, r'moveaxis: expected as many destinations as sources'),
    (lambda x: F.broadcast_to(x, (3, 2)), ValueError, r'broadcast_to: x of shape \(2, 3\) cannot be broadcast'),
    (lambda x: F.sum_to(x, (3, 1)), ValueError, r'sum_to: x of shape \(2, 3\) cannot be summed to \(3, 1\)'),
    (lambda x: F.broadcast(x, x.T), ValueError, r'broadcast: shapes \(2, 3\), \(3, 2\) do not fit'),
    (lambda x: F.concat([]), ValueError, 'concat: expected at least one array'),
    (lambda x: F.concat(x), TypeError, 'concat: expected a tuple or a list of Variables or arrays, got ndarray'),
    (lambda x: F.concat([x, x.T]), ValueError, r'concat: .* along axis 1, got \(2, 3\), \(3, 2\)'),
    (lambda x: F.stack([x, x.T]), ValueError, r'stack: expected arrays of one shape, got \(2, 3\), \(3, 2\)'),
    (lambda x: F.split_axis(x, 2, 1), ValueError, r'split_axis: axis 1 of x of shape \(2, 3\) does not split into 2'),
    (lambda x: F.split_axis(x, 0, 1), ValueError, r'does not split into 0'),
    (lambda x: F.split_axis(x, (4, 1), 1), ValueError, r'split_axis: a part begins at 4, beyond .* shape \(2, 3\)'),
    (lambda x: F.pad_sequence([x, x], 1), ValueError, 'pad_sequence: length 1 is shorter than the longest array'),
    (lambda x: F.pad_sequence([x, x.T]), ValueError, r'pad_sequence: .* got \(2, 3\), \(3, 2\)'),
    (lambda x: F.tile(x, -1), ValueError, 'tile: .* got -1'),
    (lambda x: F.repeat(x, (1, 2), 1), ValueError, r'repeat: expected one number or 3 .* got \(1, 2\)'),
    (lambda x: F.pad(x, [1, 2, 3]), ValueError, r'pad: pad_width \[1, 2, 3\] does not fit x of shape \(2, 3\)'),
    (lambda x: F.pad(x, -1), ValueError, 'pad: expected widths that are not negative, got -1'),
    (lambda x: F.pad(x, 1, 'mean'), ValueError, "pad: expected mode .* got 'mean'"),
    (lambda x: F.pad(x, 1, value=1), TypeError, 'pad: unknown arguments value'),
    (lambda x: F.permutate(x, np.array([0, 0])), ValueError, 'permutate: expected .* a permutation of 0 to 1'),
    (lambda x: F.depth2space(x, 2), ValueError, r'depth2space: expected X of shape \(N, 2 \* 2 \* C, H, W\)'),
    (lambda x: F.space2depth(np.ones((1, 1, 3, 2)), 2), ValueError, r'space2depth: .* got \(1, 1, 3, 2\)'),
    (lambda x: F.resize_images(x, (2, 2)), ValueError, r'resize_images: expected x of shape \(N, C, H, W\)'),
    (lambda x: F.resize_images(x[None, None], (2, 2), mode='cubic'), ValueError, "bilinear or nearest, got 'cubic'"),
    (lambda x: F.scale(x, np.ones(2)), ValueError, r'scale: y of shape \(2,\) .*x has shape \(2, 3\)'),
])
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call(np.ones((2, 3)))


def test_a_variable_is_joined_along_its_first_axis():
    x = np.random.randn(3, 2, 4)
    check_function(lambda x: F.concat(x, axis=0), lambda x: x.reshape(6, 4), x)
    check_function(lambda x: F.concat(x), lambda x: np.concatenate(list(x), 1), x)
    check_function(lambda x: F.stack(x, axis=1), lambda x: x.transpose(1, 0, 2), x)
