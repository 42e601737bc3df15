"""Pooling, over random geometries; its reverse; and interpolation."""
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_nn as ann
from support.caffe.layer_checks import check_layer, describe, load, random


@st.composite
def geometries(draw):
    kernel, stride = (draw(st.tuples(*[st.integers(1, 4)] * 2)) for _ in range(2))
    # Larger steps than windows leave windows outside of the image.
    stride = tuple(min(s, k) for s, k in zip(stride, kernel))
    pad = tuple(draw(st.integers(0, k - 1)) for k in kernel)
    size = tuple(draw(st.integers(k, 9)) for k in kernel)
    return size, kernel, stride, pad


def windows(size, k, s, p, any_pad):
    """Start and end of each window along one axis, within image and padding: Caffe's own arithmetic."""
    count = int(np.ceil((size + 2 * p - k) / s)) + 1
    if any_pad and (count - 1) * s >= size + p:
        count -= 1
    return [(i * s - p, min(i * s - p + k, size + p)) for i in range(count)]


def pool(x, kernel, stride, pad, method):
    axes = [windows(*axis, any(pad)) for axis in zip(x.shape[2:], kernel, stride, pad)]
    y = np.empty((*x.shape[:2], *map(len, axes)))
    for i, (top, bottom) in enumerate(axes[0]):
        for j, (left, right) in enumerate(axes[1]):
            part = x[:, :, max(top, 0):bottom, max(left, 0):right]
            if method == 'MAX':
                y[:, :, i, j] = part.max((2, 3))
            elif method == 'AVE':
                y[:, :, i, j] = part.sum((2, 3)) / ((bottom - top) * (right - left))
            else:
                y[:, :, i, j] = (part * part).sum((2, 3)) / part.sum((2, 3))
    return y


def settings_of(method, kernel, stride, pad):
    return (f'pooling_param {{ pool: {method} kernel_h: {kernel[0]} kernel_w: {kernel[1]} stride_h: {stride[0]} '
            f'stride_w: {stride[1]} pad_h: {pad[0]} pad_w: {pad[1]} }}')


@pytest.mark.parametrize('method', ['MAX', 'AVE'])
@given(case=geometries())
def test_pooling(method, case):
    size, *geometry = case
    check_layer('Pooling', settings_of(method, *geometry), [random(2, 3, *size)],
                reference=lambda x: pool(x, *geometry, method))


@pytest.mark.parametrize('method', ['MAX', 'AVE'])
@pytest.mark.parametrize('size', range(5, 12))
@pytest.mark.parametrize('kernel, stride, pad', [(3, 2, 0), (3, 2, 1), (2, 2, 0), (2, 2, 1), (3, 1, 1), (5, 3, 0)])
def test_pooling_and_opencv(method, size, kernel, stride, pad):
    # OpenCV's mean of a window that reaches beyond the padding differs.
    beyond = (size + 2 * pad - kernel) % stride
    if method == 'MAX' or not beyond:
        check_layer('Pooling', f'pooling_param {{ pool: {method} kernel_size: {kernel} stride: {stride} pad: {pad} }}',
                    [random(2, 3, size, size + stride)])


@given(case=geometries())
def test_stochastic_pooling_expects(case):
    size, kernel, stride, _ = case
    check_layer('Pooling', settings_of('STOCHASTIC', kernel, stride, (0, 0)), [random(2, 3, *size, low=0.1)],
                reference=lambda x: pool(x, kernel, stride, (0, 0), 'STOCHASTIC'))


def test_stochastic_pooling_of_nothing_and_in_training():
    settings = 'pooling_param { pool: STOCHASTIC kernel_size: 2 stride: 2 }'
    check_layer('Pooling', settings, [np.zeros((1, 1, 4, 4))], reference=lambda x: np.zeros((1, 1, 2, 2)))
    net = load(f'input: "x" layer {{ name: "y" type: "Pooling" bottom: "x" top: "y" {settings} }}', phase='TRAIN')
    with pytest.raises(ValueError, match="layer 'y': stochastic pooling is there for inference only"):
        net(random(1, 1, 4, 4))


@pytest.mark.parametrize('method', ['MAX', 'AVE'])
def test_global_pooling(method):
    check_layer('Pooling', f'pooling_param {{ pool: {method} global_pooling: true }}', [random(2, 3, 5, 7)])


@pytest.mark.parametrize('mode', ['round_mode: FLOOR', 'ceil_mode: false'])
def test_rounding_down(mode):
    x = random(1, 2, 6, 8)
    check_layer('Pooling', f'pooling_param {{ pool: MAX kernel_size: 3 stride: 2 {mode} }}', [x],
                reference=lambda x: pool(x[:, :, :5, :7], (3, 3), (2, 2), (0, 0), 'MAX'))


@given(case=geometries())
def test_the_mask_says_where_the_maximum_was(case):
    size, *geometry = case
    x = np.random.permutation(6 * size[0] * size[1]).reshape(2, 3, *size)

    def formula(x):
        y = pool(x, *geometry, 'MAX')
        rows = x.reshape(2, 3, -1)
        return y, np.array([[[np.flatnonzero(rows[n, c] == v)[0] for v in y[n, c].flat] for c in range(3)]
                            for n in range(2)]).reshape(y.shape)

    check_layer('Pooling', settings_of('MAX', *geometry), [x], reference=formula, tops=2)


@pytest.mark.parametrize('kernel, stride', [(1, 3), ((1, 2), (3, 2)), ((2, 1), (2, 4))])
def test_windows_without_pixels(kernel, stride):
    """Their maximum is the least number, its place -1, and their mean no number, as in Caffe."""
    kernel, stride = (np.broadcast_to(value, 2) for value in (kernel, stride))
    x = np.random.permutation(5 * 6).reshape(1, 1, 5, 6).astype('f') + 1
    starts = [range(0, s * (int(np.ceil((n - k) / s)) + 1), s) for n, k, s in zip((5, 6), kernel, stride)]
    parts = [[x[0, 0, i:i + kernel[0], j:j + kernel[1]] for j in starts[1]] for i in starts[0]]
    least = np.finfo(np.float32).min
    largest = np.array([[part.max(initial=least) for part in row] for row in parts])[None, None]
    mask = np.array([[np.flatnonzero(x == y)[0] if y > 0 else -1 for y in row] for row in largest[0, 0]])[None, None]
    assert (mask == -1).any()
    settings = settings_of('MAX', kernel, stride, (0, 0))
    check_layer('Pooling', settings, [x], reference=lambda x: (largest, mask), tops=2)
    net = load(describe('Pooling', settings, [x.shape]))
    x = ann.Variable(x)
    y = net(x)
    y.grad = np.ones_like(y.array)
    y.backward()
    assert x.grad.sum() == (largest > 0).sum()
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        mean = load(describe('Pooling', settings_of('AVE', kernel, stride, (0, 0)), [x.shape]))(x).array
    assert not (mean[largest < 0] > 0).any()


@pytest.mark.parametrize('method', ['MAX', 'AVE'])
@pytest.mark.parametrize('height, size', [(1, (4, 5)), (2, (4, 5)), (3, (7, 11)), (3, (8, 4))])
def test_spatial_pyramid_pooling(method, height, size):
    def formula(x):
        levels = []
        for bins in (2 ** level for level in range(height)):
            kernel = [int(np.ceil(n / bins)) for n in size]
            pad = [(k * bins - n + 1) // 2 for k, n in zip(kernel, size)]
            levels.append(pool(x, kernel, kernel, pad, method))
        return levels[0] if height == 1 else np.concatenate([y.reshape(len(y), -1) for y in levels], 1)

    check_layer('SPP', f'spp_param {{ pyramid_height: {height} pool: {method} }}', [random(2, 3, *size)],
                reference=formula)


def test_spatial_pyramid_pooling_of_an_example_and_of_too_small_an_image():
    check_layer('SPP', 'spp_param { pyramid_height: 2 }', [np.arange(20).reshape(1, 1, 4, 5)],
                reference=lambda x: np.array([[19, 6, 9, 16, 19]]))
    net = load(describe('SPP', 'spp_param { pyramid_height: 3 }', [(1, 1, 3, 3)]))
    with pytest.raises(ValueError, match=r"layer 'y': expected images larger than \(3, 3\) for 4 x 4 windows"):
        net(random(1, 1, 3, 3))
    with pytest.raises(ValueError, match=r"layer 'y' \(SPP\): expected a pyramid_height of at least 1, got 0"):
        load(describe('SPP', '', [(1, 1, 3, 3)]))


def test_upsampling_puts_maxima_back():
    text = '''input: "x" input: "z"
        layer { name: "pool" type: "Pooling" bottom: "x" top: "pool" top: "mask"
                pooling_param { pool: MAX kernel_size: 2 stride: 2 } }
        layer { name: "scale" type: "Power" bottom: "pool" top: "scaled" power_param { scale: 2 } }
        layer { name: "up" type: "Upsample" bottom: "scaled" bottom: "mask" top: "y" upsample_param { scale: 2 } }'''
    x = np.random.permutation(2 * 3 * 4 * 6).reshape(2, 3, 4, 6).astype('f')
    y = load(text)(x, 'y').array
    largest = x.reshape(2, 3, 2, 2, 3, 2).max((3, 5)).repeat(2, 2).repeat(2, 3)
    np.testing.assert_array_equal(y, np.where(x == largest, 2 * x, 0))


def test_upsampling_without_a_mask_repeats():
    check_layer('Upsample', 'upsample_param { scale_h: 2 scale_w: 3 }', [random(2, 3, 4, 5)],
                reference=lambda x: x.repeat(2, 2).repeat(3, 3))
    check_layer('Upsample', 'upsample_param { scale: 2 pad_out_h: true }', [random(2, 3, 4, 5)],
                reference=lambda x: x.repeat(2, 2).repeat(2, 3)[:, :, :7])


def test_a_mask_that_does_not_fit():
    net = load('input: "x" input: "m" layer { name: "up" type: "Upsample" bottom: "x" bottom: "m" top: "y" }')
    with pytest.raises(ValueError, match="layer 'up': a mask from 99"):
        net({'x': np.ones((1, 1, 2, 2), 'f'), 'm': np.full((1, 1, 2, 2), 99, 'f')})


@pytest.mark.parametrize('settings', ['height: 9 width: 5', 'zoom_factor: 2', 'zoom_factor: 1'])
def test_interpolation(settings):
    check_layer('Interp', f'interp_param {{ {settings} }}', [random(2, 3, 5, 7)])


def test_interpolation_of_a_part_and_to_the_size_of_another():
    x, like = random(1, 2, 6, 8), random(1, 5, 4, 3)
    net = load('input: "x" layer { name: "y" type: "Interp" bottom: "x" top: "y" '
               'interp_param { pad_beg: -1 pad_end: -2 } }')
    np.testing.assert_allclose(net(x).array, x[:, :, 1:4, 1:6], rtol=1e-6)
    check_layer('Interp', 'interp_param { shrink_factor: 2 zoom_factor: 3 }', [random(1, 2, 5, 7)],
                reference=lambda x: np.stack([[interpolate(interpolate(plane, 7).T, 10).T for plane in image]
                                              for image in x]))
    check_layer('Interp', '', [x, like], reference=lambda x, like: np.stack(
        [[interpolate(interpolate(plane, 4).T, 3).T for plane in image] for image in x]))


def interpolate(plane, rows):
    where = np.linspace(0, len(plane) - 1, rows)
    return np.stack([np.interp(where, np.arange(len(plane)), column) for column in plane.T], 1)
