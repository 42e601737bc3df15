"""Layers that put elements elsewhere or combine corresponding ones, against OpenCV or NumPy."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.caffe.layer_checks import check_layer, describe, load, random, run

shapes = st.lists(st.integers(1, 4), min_size=2, max_size=4).map(tuple)


@given(shape=shapes, data=st.data(), count=st.integers(1, 3))
def test_concat_and_slice(shape, data, count):
    axis = data.draw(st.integers(0, len(shape) - 1))
    sizes = [data.draw(st.integers(1, 3)) for _ in range(count)]
    parts = [random(*shape[:axis], size, *shape[axis + 1:]) for size in sizes]
    check_layer('Concat', f'concat_param {{ axis: {axis} }}', parts, reference=lambda *xs: np.concatenate(xs, axis))
    points = ' '.join(f'slice_point: {point}' for point in np.cumsum(sizes)[:-1])
    check_layer('Slice', f'slice_param {{ axis: {axis} {points} }}', [np.concatenate(parts, axis)],
                reference=lambda x: tuple(parts), tops=count)


def test_concat_and_slice_by_their_old_names():
    xs = [random(2, 3, 4, 5) for _ in range(2)]
    check_layer('Concat', 'concat_param { concat_dim: 2 }', xs, reference=lambda *xs: np.concatenate(xs, 2))
    check_layer('Slice', 'slice_param { slice_dim: 2 }', [np.concatenate(xs, 2)], reference=lambda x: tuple(xs), tops=2)
    check_layer('Concat', '', xs)
    check_layer('Concat', 'concat_param { axis: -1 }', xs, reference=lambda *xs: np.concatenate(xs, -1))


@pytest.mark.parametrize('settings, shape', [
    ('', (2, 60)), ('axis: 2', (2, 3, 20)), ('axis: 1 end_axis: 2', (2, 12, 5)), ('axis: -2', (2, 3, 20)),
    ('axis: 0 end_axis: -2', (24, 5))])
def test_flatten(settings, shape):
    x = random(2, 3, 4, 5)
    check_layer('Flatten', f'flatten_param {{ {settings} }}', [x], reference=lambda x: x.reshape(shape))
    check_layer('Flatten', f'flatten_param {{ {settings} }}', [x])


@pytest.mark.parametrize('settings, shape', [
    ('shape { dim: 0 dim: -1 }', (2, 60)), ('shape { dim: 0 dim: 0 dim: 20 }', (2, 3, 20)),
    ('shape { dim: -1 } axis: 2', (2, 3, 20)), ('shape { dim: 3 dim: 2 } axis: 0 num_axes: 2', (3, 2, 4, 5)),
    ('shape { dim: 2 dim: 2 } axis: 2 num_axes: 1', (2, 3, 2, 2, 5)), ('shape { dim: 1 } axis: -1 num_axes: 0',
                                                                      (2, 3, 4, 5, 1))])
def test_reshape(settings, shape):
    check_layer('Reshape', f'reshape_param {{ {settings} }}', [random(2, 3, 4, 5)],
                reference=lambda x: x.reshape(shape))


def test_reshape_and_opencv():
    check_layer('Reshape', 'reshape_param { shape { dim: 0 dim: -1 dim: 10 } }', [random(2, 3, 4, 5)])


@pytest.mark.parametrize('order', [(0, 2, 3, 1), (3, 1, 0, 2), (1, 0)])
def test_permute(order):
    settings = f'permute_param {{ {" ".join(f"order: {i}" for i in order)} }}'
    full = (*order, *range(len(order), 4))
    check_layer('Permute', settings, [random(2, 3, 4, 5)], reference=lambda x: x.transpose(full))
    if len(order) == 4:
        check_layer('Permute', settings, [random(2, 3, 4, 5)])


@given(size=st.tuples(*[st.integers(1, 6)] * 2), like=st.tuples(*[st.integers(1, 6)] * 2), data=st.data())
def test_crop(size, like, data):
    like = tuple(map(min, size, like))
    offsets = [data.draw(st.integers(0, n - m)) for n, m in zip(size, like)]
    text = f'crop_param {{ axis: 2 {" ".join(f"offset: {i}" for i in offsets)} }}'
    check_layer('Crop', text, [random(2, 3, *size), random(1, 5, *like)],
                reference=lambda x, _: x[:, :, offsets[0]:offsets[0] + like[0], offsets[1]:offsets[1] + like[1]])


def test_crop_by_one_offset_for_all_axes():
    check_layer('Crop', 'crop_param { axis: 1 offset: 1 }', [random(2, 3, 4, 5), random(2, 2, 2, 2)])
    check_layer('Crop', '', [random(2, 3, 4, 5), random(2, 3, 2, 2)])
    net = load('input: "x" input: "z" layer { name: "y" type: "Crop" bottom: "x" bottom: "z" top: "y" '
               'crop_param { offset: 3 } }')
    with pytest.raises(ValueError, match=r"layer 'y': no part of shape \(2, 2\) at \[3, 3\]"):
        net({'x': random(1, 1, 4, 4), 'z': random(1, 1, 2, 2)})


@pytest.mark.parametrize('axis', [0, 1, 3, -2])
def test_tile(axis):
    check_layer('Tile', f'tile_param {{ axis: {axis} tiles: 3 }}', [random(2, 3, 4, 5)],
                reference=lambda x: np.concatenate([x] * 3, axis))


@pytest.mark.parametrize('operation', ['SUM', 'PROD', 'MAX'])
@pytest.mark.parametrize('count', [2, 3])
def test_eltwise(operation, count):
    check_layer('Eltwise', f'eltwise_param {{ operation: {operation} }}', [random(2, 3, 4, 5) for _ in range(count)])


def test_eltwise_sum_with_coefficients():
    check_layer('Eltwise', 'eltwise_param { coeff: 2 coeff: -0.5 }', [random(2, 3, 4, 5) for _ in range(2)])
    with pytest.raises(ValueError, match=r"layer 'y' \(Eltwise\): expected a coeff for each of 2 bottoms, got 1"):
        load('input: "x" input: "z" layer { name: "y" type: "Eltwise" bottom: "x" bottom: "z" top: "y" '
             'eltwise_param { coeff: 1 } }')


def test_eltwise_of_other_shapes():
    net = load('input: "x" input: "z" layer { name: "y" type: "Eltwise" bottom: "x" bottom: "z" top: "y" }')
    with pytest.raises(ValueError, match=r"layer 'y': expected bottoms of one shape, got \(2, 3\), \(1, 3\)"):
        net({'x': random(2, 3), 'z': random(1, 3)})


@pytest.mark.parametrize('operation, formula', [
    ('SUM', np.sum), ('MEAN', np.mean), ('ASUM', lambda x, axes: abs(x).sum(axes)),
    ('SUMSQ', lambda x, axes: (x * x).sum(axes))])
@pytest.mark.parametrize('axis, coefficient', [(0, 1), (1, 0.5), (-1, 2)])
def test_reduction(operation, formula, axis, coefficient):
    x = random(2, 3, 4)
    check_layer('Reduction', f'reduction_param {{ operation: {operation} axis: {axis} coeff: {coefficient} }}', [x],
                reference=lambda x: coefficient * formula(x, tuple(range(axis % 3, 3))))


def test_splits_and_silence():
    x = random(2, 3)
    y, = run('''input: "x"
        layer { name: "s" type: "Split" bottom: "x" top: "a" top: "b" }
        layer { name: "r" type: "ReLU" bottom: "a" top: "a" }
        layer { name: "quiet" type: "Silence" bottom: "a" }
        layer { name: "e" type: "Eltwise" bottom: "a" bottom: "b" top: "y" eltwise_param { operation: PROD } }''',
             None, {'x': x}, ['y'])
    np.testing.assert_allclose(y, np.maximum(x, 0) * x)


def test_filter():
    """Samples for which the selector is not 0; none at all where it always is."""
    check_layer('Filter', '', [np.arange(6).reshape(3, 2), [1, 0, 1]],
                reference=lambda x, s: np.array([[0, 1], [4, 5]]))
    check_layer('Filter', '', [random(3, 2), random(3, 1, 4), np.array([0, 2, -1]).reshape(3, 1, 1, 1)],
                reference=lambda x, z, s: (x[1:], z[1:]), tops=2)
    check_layer('Filter', '', [random(3, 2), np.zeros(3)], reference=lambda x, s: x[:0])
    net = load(describe('Filter', '', [(3, 2), (2,)]))
    with pytest.raises(ValueError, match=r"layer 'y': expected a number for each of 3 samples, got shape \(2,\)"):
        net({'x0': random(3, 2), 'x1': np.ones(2)})


def test_batch_reindex():
    check_layer('BatchReindex', '', [np.arange(6).reshape(3, 2), [2, 0, 0, 1]],
                reference=lambda x, i: np.array([[4, 5], [0, 1], [0, 1], [2, 3]]))
    net = load(describe('BatchReindex', '', [(3, 2), (2,)]))
    for wrong in -1, 3:
        with pytest.raises(ValueError, match="layer 'y': expected indexes from 0 to 2, got"):
            net({'x0': random(3, 2), 'x1': np.array([0, wrong])})
