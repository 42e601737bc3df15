"""Convolutions and fully connected layers, over random geometries."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_nn as ann
import autograd_nn.functions as F
from support.caffe.layer_checks import check_layer, describe, load, random

small = st.integers(1, 3)


@st.composite
def geometries(draw):
    group = draw(small)
    kernel, stride, pad, dilation = (draw(st.tuples(*[integers] * 2)) for integers in (
        small, small, st.integers(0, 2), st.integers(1, 2)))
    size = tuple(d * (k - 1) + 1 + draw(st.integers(0, 5)) for d, k in zip(dilation, kernel))
    return (draw(small), group * draw(small), group * draw(small), group, size, kernel, stride, pad, dilation,
            draw(st.booleans()))


def convolution_settings(out, group, kernel, stride, pad, dilation, bias):
    square = len(set(kernel)) == 1
    sides = f'kernel_size: {kernel[0]}' if square else f'kernel_h: {kernel[0]} kernel_w: {kernel[1]}'
    dilations = ' '.join(f'dilation: {d}' for d in dilation)
    return (f'convolution_param {{ num_output: {out} group: {group} bias_term: {str(bias).lower()} {sides} '
            f'stride_h: {stride[0]} stride_w: {stride[1]} pad_h: {pad[0]} pad_w: {pad[1]} {dilations} }}')


@given(geometries())
def test_convolution(case):
    n, channels, out, group, size, kernel, stride, pad, dilation, bias = case
    check_layer('Convolution', convolution_settings(out, group, kernel, stride, pad, dilation, bias),
                [random(n, channels, *size)],
                [random(out, channels // group, *kernel), *([random(out)] if bias else [])])


@given(geometries())
def test_deconvolution(case):
    n, channels, out, group, size, kernel, stride, pad, _, bias = case
    pad = tuple(min(p, (k - 1) // 2) for p, k in zip(pad, kernel))
    # OpenCV knows no dilation here.
    check_layer('Deconvolution', convolution_settings(out, group, kernel, stride, pad, (1, 1), bias),
                [random(n, channels, *size)],
                [random(channels, out // group, *kernel), *([random(out)] if bias else [])])


def test_deconvolution_with_dilation():
    x, W = random(2, 4, 5, 6), random(4, 2, 3, 3)
    check_layer('Deconvolution', convolution_settings(4, 2, (3, 3), (2, 1), (1, 0), (2, 2), False), [x], [W],
                lambda x, W: F.deconvolution_2d(x, W, None, (2, 1), (1, 0), dilate=2, groups=2).array)


def test_convolution_over_one_and_three_axes():
    check_layer('Convolution', 'convolution_param { num_output: 4 kernel_size: 3 stride: 2 }', [random(2, 3, 9)],
                [random(4, 3, 3), random(4)], lambda x, W, b: F.convolution_1d(x, W, b, 2).array)
    check_layer('Convolution', 'convolution_param { num_output: 4 kernel_size: [1, 2, 3] pad: [0, 1, 1] }',
                [random(2, 3, 4, 5, 6)], [random(4, 3, 1, 2, 3), random(4)],
                lambda x, W, b: F.convolution_3d(x, W, b, 1, (0, 1, 1)).array)


@pytest.mark.parametrize('kind', ['Convolution', 'Deconvolution'])
def test_several_bottoms_with_the_same_weights(kind):
    x, z, W, b = random(2, 3, 5, 6), random(4, 3, 7, 5), random(4, 3, 3, 3), random(4)
    W = W if kind == 'Convolution' else W.swapaxes(0, 1)
    settings = 'convolution_param { num_output: 4 kernel_size: 3 }'
    text = describe(kind, settings, [x.shape, z.shape], tops=2) + '''
        layer { name: "bn" type: "BatchNorm" bottom: "y1" top: "n" }
        layer { name: "r" type: "ReLU" bottom: "n" top: "n" }'''
    blobs = {'y': [W, b], 'bn': [random(4), random(4, low=0.5), np.ones(1)]}
    function = F.convolution_2d if kind == 'Convolution' else F.deconvolution_2d
    expected = [function(value, W, b).array for value in (x, z)]
    mean, var = (blobs['bn'][i].reshape(-1, 1, 1) for i in (0, 1))
    for options in {}, {'fuse': True}:
        net = load(text, blobs, **options)
        y, y1, n = net({'x0': x, 'x1': z}, ['y', 'y1', 'n'])
        for actual, wanted in zip((y, y1, n), [*expected, np.maximum((expected[1] - mean) / np.sqrt(var + 1e-5), 0)]):
            np.testing.assert_allclose(actual.array, wanted, rtol=1e-4, atol=1e-4)
        assert len(list(net.y.params())) == 2
    gradients = []
    for outputs in ['y'], ['y1'], ['y', 'y1']:
        net.cleargrads()
        F.sum(sum(map(F.sum, net({'x0': x, 'x1': z}, outputs)))).backward()
        gradients.append(net.y.W.grad)
    np.testing.assert_allclose(gradients[0] + gradients[1], gradients[2], rtol=1e-4, atol=1e-4)
    with pytest.raises(ValueError, match=rf"layer 'y' \({kind}\): expected a top for each of 2 bottoms, got 1"):
        load(describe(kind, settings, [x.shape, z.shape]))


@pytest.mark.parametrize('axis', [2, -3])
def test_channels_along_another_axis(axis):
    x, W, b = random(2, 5, 3, 6, 7), random(4, 3, 3, 2), random(4)
    settings = f'convolution_param {{ num_output: 4 kernel_h: 3 kernel_w: 2 stride: 2 axis: {axis} }}'

    def formula(function, x, W, b):
        y = function(x.reshape(10, *x.shape[2:]), W, b, 2).array
        return y.reshape(2, 5, *y.shape[1:])

    check_layer('Convolution', settings, [x], [W, b], lambda *arrays: formula(F.convolution_2d, *arrays))
    check_layer('Deconvolution', settings, [x], [W.transpose(1, 0, 2, 3), b],
                lambda *arrays: formula(F.deconvolution_2d, *arrays))


@pytest.mark.parametrize('shape', [(2, 5, 3, 9), (2, 5, 3, 6, 7), (1, 2, 3, 4, 4, 4)])
def test_channels_along_another_axis_without_weights(shape):
    """The input says over how many axes the filters go."""
    x = random(*shape)
    net = load(describe('Convolution', 'convolution_param { num_output: 4 kernel_size: 3 pad: 1 axis: 2 '
                        'weight_filler { type: "xavier" } }', [shape]))
    n = len(shape) - 3
    y = net(x)
    assert y.shape == (*shape[:2], 4, *shape[3:]) and net.y.W.shape == (4, 3, *[3] * n)
    np.testing.assert_allclose(y.array.reshape(-1, 4, *shape[3:]), F.convolution_nd(
        x.reshape(-1, *shape[2:]), net.y.W, pad=1).array, rtol=1e-4, atol=1e-5)


def test_channels_along_another_axis_before_a_normalization():
    x, W, var = random(2, 3, 3, 5, 5), random(3, 3, 3, 3), random(3, low=0.5)
    text = describe('Convolution', 'convolution_param { num_output: 3 kernel_size: 3 axis: 2 bias_term: false }',
                    [x.shape]) + '''layer { name: "bn" type: "BatchNorm" bottom: "y" top: "y" }
        layer { name: "r" type: "ReLU" bottom: "y" top: "y" }'''
    y = F.convolution_2d(x.reshape(6, 3, 5, 5), W).array.reshape(2, 3, 3, 3, 3) / np.sqrt(
        var.reshape(3, 1, 1, 1) + 1e-5)
    for options in {}, {'fuse': True}:
        net = load(text, {'y': [W], 'bn': [np.zeros(3), var, np.ones(1)]}, **options)
        with ann.no_backprop_mode():
            np.testing.assert_allclose(net(x).array, np.maximum(y, 0), rtol=1e-4, atol=1e-4)


def test_windows_as_channels():
    check_layer('Im2col', 'convolution_param { kernel_size: 2 }', [np.arange(9).reshape(1, 1, 3, 3)],
                reference=lambda x: np.array([0, 1, 3, 4, 1, 2, 4, 5, 3, 4, 6, 7, 4, 5, 7, 8]).reshape(1, 4, 2, 2))
    settings = 'kernel_size: 3 stride: 2 pad: 1 dilation: 2'
    x = random(2, 3, 9, 8)
    check_layer('Im2col', f'convolution_param {{ {settings} }}', [x],
                reference=lambda x: F.im2col(x, 3, 2, 1, dilate=2).array)
    check_layer('Im2col', f'convolution_param {{ {settings} axis: 2 }}', [x.reshape(2, 1, 3, 9, 8)],
                reference=lambda x: F.im2col(x[:, 0], 3, 2, 1, dilate=2).array[:, None])
    check_layer('Im2col', 'convolution_param { kernel_size: 2 }', [np.arange(5).reshape(1, 1, 5)],
                reference=lambda x: np.array([[[0, 1, 2, 3], [1, 2, 3, 4]]]))
    net = load(describe('Im2col', 'convolution_param { kernel_size: 4 }', [(1, 1, 3, 3)]))
    with pytest.raises(ValueError, match=r"layer 'y': no window of \(4, 4\) fits an input of shape \(1, 1, 3, 3\)"):
        net(random(1, 1, 3, 3))


def test_depthwise_convolution():
    check_layer('DepthwiseConvolution', 'convolution_param { num_output: 5 kernel_size: 3 bias_term: false }',
                [random(2, 5, 6, 6)], [random(5, 1, 3, 3)],
                lambda x, W: F.depthwise_convolution_2d(x, W.transpose(1, 0, 2, 3)).array)


@given(shape=st.lists(st.integers(1, 4), min_size=2, max_size=4), out=small, bias=st.booleans(), data=st.data())
def test_inner_product(shape, out, bias, data):
    axis = data.draw(st.integers(1, len(shape) - 1))
    transpose = data.draw(st.booleans())
    features = int(np.prod(shape[axis:]))

    def formula(x, W, *b):
        return x.reshape(*shape[:axis], features) @ (W if transpose else W.T) + (b[0] if b else 0)

    check_layer('InnerProduct', f'inner_product_param {{ num_output: {out} axis: {axis} '
                f'transpose: {str(transpose).lower()} bias_term: {str(bias).lower()} }}', [random(*shape)],
                [random(*((features, out) if transpose else (out, features))), *([random(out)] if bias else [])],
                formula)


@pytest.mark.parametrize('shape', [(2, 12), (2, 3, 2, 2)])
def test_inner_product_and_opencv(shape):
    check_layer('InnerProduct', 'inner_product_param { num_output: 5 }', [random(*shape)], [random(5, 12), random(5)])


def test_inner_product_with_axis_from_the_end():
    check_layer('InnerProduct', 'inner_product_param { num_output: 5 axis: -1 }', [random(2, 3, 4)],
                [random(5, 4), random(5)], lambda x, W, b: x @ W.T + b)


def test_embed():
    check_layer('Embed', 'embed_param { num_output: 3 input_dim: 5 }', [np.array([[0, 4, 1], [2, 2, 3]])],
                [random(5, 3), random(3)], lambda x, W, b: W[x.astype(int)] + b)


@pytest.mark.parametrize('shapes', [[(1, 1, 5, 12), (1, 1, 1, 5)], [(5, 12), (1, 1, 1, 5)]])
def test_blobs_of_the_first_version_have_four_axes(shapes):
    W, b = random(5, 12), random(5)
    check_layer('InnerProduct', 'inner_product_param { num_output: 5 }', [random(2, 12)],
                [W.reshape(shapes[0]), b.reshape(shapes[1])], lambda x, *_: x @ W.T + b)
