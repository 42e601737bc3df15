"""Normalization, scaling and shifting, against OpenCV or a formula."""
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_nn as ann
from autograd_nn import caffe, serializers
from support.caffe.layer_checks import check_layer, describe, load, random, run, run_opencv, write


@given(n=st.sampled_from([1, 3, 5, 7]), channels=st.integers(1, 8), alpha=st.floats(0.01, 2), beta=st.floats(0.1, 1))
def test_lrn_across_channels(n, channels, alpha, beta):
    check_layer('LRN', f'lrn_param {{ local_size: {n} alpha: {alpha} beta: {beta} }}', [random(2, channels, 3, 4)])


def test_lrn_with_another_constant():
    check_layer('LRN', 'lrn_param { local_size: 3 alpha: 6 beta: 0.5 k: 2 }', [random(2, 1, 3, 4)],
                reference=lambda x: x / np.sqrt(2 + 2 * x * x))


@given(n=st.sampled_from([1, 3, 5]), size=st.tuples(*[st.integers(3, 8)] * 2), alpha=st.floats(0.01, 2),
       beta=st.floats(0.1, 1))
def test_lrn_within_channel(n, size, alpha, beta):
    check_layer('LRN', f'lrn_param {{ norm_region: WITHIN_CHANNEL local_size: {n} alpha: {alpha} beta: {beta} }}',
                [random(2, 3, *size)])


def test_lrn_within_channel_has_no_constant_but_one():
    def formula(x):
        padded = np.pad(x * x, [(0, 0), (0, 0), (1, 1), (1, 1)])
        mean = sum(padded[:, :, i:i + 4, j:j + 5] for i in range(3) for j in range(3)) / 9
        return x / (1 + 0.5 * mean) ** 0.75

    check_layer('LRN', 'lrn_param { norm_region: WITHIN_CHANNEL local_size: 3 alpha: 0.5 k: 7 }', [random(2, 3, 4, 5)],
                reference=formula)


def statistics(channels, count=3.):
    return [count * random(channels), count * random(channels, low=0.5, high=2), np.array([count], 'f')]


def channel(a, ndim=4):
    return a.reshape(-1, *[1] * (ndim - 2))


def normalized(x, mean, var, count, eps=1e-5):
    factor = 0 if count == 0 else 1 / count
    return (x - channel(mean * factor, x.ndim)) / np.sqrt(channel(var * factor, x.ndim) + eps)


@pytest.mark.parametrize('shape', [(2, 3, 4, 5), (4, 3)])
def test_batch_norm(shape):
    x, blobs = random(*shape), statistics(3)
    check_layer('BatchNorm', '', [x], blobs, lambda x, *blobs: normalized(x, *blobs))
    if len(shape) == 4:
        check_layer('BatchNorm', 'batch_norm_param { eps: 0.1 use_global_stats: true }', [x], blobs)


def test_batch_norm_that_has_seen_nothing_yet():
    check_layer('BatchNorm', 'batch_norm_param { eps: 1 }', [random(2, 3, 4, 5)], statistics(3, 0.),
                lambda x, *blobs: x)


def test_batch_norm_with_the_statistics_of_the_batch():
    check_layer('BatchNorm', 'batch_norm_param { use_global_stats: false eps: 0.1 }', [random(4, 3, 4, 5)],
                statistics(3), lambda x, *blobs: (x - x.mean((0, 2, 3), keepdims=True))
                / np.sqrt(x.var((0, 2, 3), keepdims=True) + 0.1))


@pytest.mark.parametrize('text', [
    'layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y" batch_norm_param { moving_average_fraction: 0.9 } }',
    'layer { name: "bn" type: "BatchNorm" bottom: "x" top: "h" batch_norm_param { moving_average_fraction: 0.9 } }'
    'layer { name: "scale" type: "Scale" bottom: "h" top: "y" }'])
@pytest.mark.parametrize('count', [None, 0., 1.7])
def test_running_averages_are_those_of_sums_and_their_weight(text, count):
    mean, var = (random(3), random(3, low=0.5)) if count else (np.zeros(3), np.zeros(3))
    blobs = None if count is None else {'bn': [mean * count, var * count, np.array([count])], 'scale': [np.ones(3)]}
    net = load('input: "x" ' + text, blobs and {name: blobs[name] for name in blobs if name in text}, phase='TRAIN')
    weight, means, variances = count or 0., mean * (count or 0), var * (count or 0)
    net({'x': random(4, 3, 2, 5)}, 'y') if count is None else None  # settles the number of channels
    if count is None:
        net.bn.avg_mean[:] = net.bn.avg_var[:] = net.bn.N = 0
    for _ in range(3):
        x = random(4, 3, 2, 5) + 1
        net(x)
        # Caffe's own arithmetic.
        weight = 0.9 * weight + 1
        means = 0.9 * means + x.mean((0, 2, 3))
        variances = 0.9 * variances + x.var((0, 2, 3)) * 40 / 39
        np.testing.assert_allclose(net.bn.avg_mean, means / weight, rtol=1e-5)
        np.testing.assert_allclose(net.bn.avg_var, variances / weight, rtol=1e-5)
    with ann.using_config('train', False):
        expected = (x - channel(means / weight)) / np.sqrt(channel(variances / weight) + 1e-5)
        np.testing.assert_allclose(net(x).array, expected, rtol=1e-4, atol=1e-5)
    file = io.BytesIO()
    serializers.save_npz(file, net)
    file.seek(0)
    other = load('input: "x" ' + text, phase='TRAIN')
    serializers.load_npz(file, other)
    assert pytest.approx(weight) == other.bn.N


def test_running_averages_without_a_weight_move_as_those_of_many_batches():
    net = load(describe('BatchNorm', 'batch_norm_param { moving_average_fraction: 0.9 }', [(8, 3)]),
               {'y': [np.ones(3), np.ones(3)]}, phase='TRAIN')
    x = random(8, 3)
    net(x)
    np.testing.assert_allclose(net.y.avg_mean, 0.9 + 0.1 * x.mean(0), rtol=1e-5)
    frozen = load(describe('BatchNorm', '', [(8, 3)]), {'y': statistics(3)}, phase='TRAIN')
    before = frozen.y.avg_mean.copy(), frozen.y.N
    frozen.y.freeze()
    frozen(x)
    np.testing.assert_array_equal(frozen.y.avg_mean, before[0])
    assert frozen.y.N == before[1] == 3


@pytest.mark.parametrize('shape', [(4, 3), (2, 3, 5), (2, 3, 4, 5)])
@pytest.mark.parametrize('across', [False, True])
def test_mvn_gives_four_axes(shape, across):
    def formula(x):
        x = x.reshape(*shape, *[1] * (4 - len(shape)))
        axes = (1, 2, 3) if across else (2, 3)
        return (x - x.mean(axes, keepdims=True)) / (x.std(axes, keepdims=True) + 1e-9)

    check_layer('MVN', f'mvn_param {{ across_channels: {str(across).lower()} }}', [random(*shape)], reference=formula)


def test_batch_norm_with_a_scale_of_its_own():
    check_layer('BatchNorm', 'batch_norm_param { scale_bias: true }', [random(2, 3, 4, 5)],
                [*statistics(3), random(3), random(3)],
                lambda x, mean, var, count, gamma, beta: normalized(x, mean, var, count) * channel(gamma)
                + channel(beta))


@pytest.mark.parametrize('bias', [False, True])
@pytest.mark.parametrize('shape, axis, num_axes, blob', [
    ((2, 3, 4, 5), 1, 1, (3,)), ((2, 3, 4, 5), 1, -1, (3, 4, 5)), ((2, 3, 4, 5), -2, 1, (4,)),
    ((2, 3, 4), 0, 2, (2, 3)), ((2, 3), 1, 1, (3,)), ((2, 3, 4), 1, 0, ())])
def test_scale_and_bias(shape, axis, num_axes, blob, bias):
    first = axis % len(shape)
    wide = (*blob, *[1] * (len(shape) - first - len(blob)))
    blobs = [random(*blob) if blob else np.array(0.7, 'f') for _ in range(1 + bias)]
    check_layer('Scale', f'scale_param {{ axis: {axis} num_axes: {num_axes} bias_term: {str(bias).lower()} }}',
                [random(*shape)], blobs, lambda x, W, *b: x * W.reshape(wide) + (b[0].reshape(wide) if b else 0))
    check_layer('Bias', f'bias_param {{ axis: {axis} num_axes: {num_axes} }}', [random(*shape)], blobs[:1],
                lambda x, b: x + b.reshape(wide))


@pytest.mark.parametrize('bias', [False, True])
def test_scale_and_opencv(bias):
    check_layer('Scale', f'scale_param {{ bias_term: {str(bias).lower()} }}', [random(2, 3, 4, 5)],
                [random(3) for _ in range(1 + bias)])


def test_scale_and_bias_by_another_blob():
    x, y, b = random(2, 3, 4, 5), random(2, 3), random(2, 3)
    check_layer('Scale', 'scale_param { axis: 0 bias_term: true num_axes: 2 }', [x, y], [b],
                lambda x, y, b: x * y[:, :, None, None] + b[:, :, None, None])
    check_layer('Bias', 'bias_param { axis: 0 }', [x, y], reference=lambda x, y: x + y[:, :, None, None])
    # The bias has the axes of the second bottom, whatever num_axes says.
    check_layer('Scale', 'scale_param { axis: 0 bias_term: true }', [x, y], [b],
                lambda x, y, b: x * y[:, :, None, None] + b[:, :, None, None])
    net = load(describe('Scale', 'scale_param { axis: 0 bias_term: true bias_filler { value: 2 } }',
                        [x.shape, y.shape]))
    np.testing.assert_allclose(net({'x0': x, 'x1': y}).array, x * y[:, :, None, None] + 2, rtol=1e-5)
    assert net.y.bias.b.shape == (2, 3)


@pytest.mark.parametrize('blob', [np.array(0.5), np.array([0.5])])
def test_scale_and_bias_by_one_number(blob):
    """Caffe leaves the shape of a single number out, so that it may look like one axis."""
    x = random(2, 3)
    check_layer('Scale', 'scale_param { num_axes: 0 bias_term: true }', [x], [blob, blob], lambda x, *_: x * 0.5 + 0.5)
    check_layer('Bias', 'bias_param { num_axes: 0 }', [x], [blob], lambda x, b: x + 0.5)
    net = load(describe('Scale', 'scale_param { num_axes: 0 filler { value: 3 } bias_term: true }', [(2, 3)]))
    np.testing.assert_allclose(net(x).array, 3 * x, rtol=1e-6)
    assert net.y.W.shape == net.y.bias.b.shape == ()


@pytest.mark.parametrize('across', [True, False])
@pytest.mark.parametrize('shared', [True, False])
def test_normalize(across, shared):
    def formula(x, W):
        axes = (1, 2, 3) if across else 1
        return x / np.sqrt((x * x).sum(axes, keepdims=True) + 1e-10) * channel(W)

    settings = f'norm_param {{ across_spatial: {str(across).lower()} channel_shared: {str(shared).lower()} }}'
    x, W = random(2, 3, 4, 5), random(1 if shared else 3)
    check_layer('Normalize', settings, [x], [W], formula)
    if shared or not across:
        check_layer('Normalize', settings, [x], [W])


BLOCK = '''input: "x" input_shape { dim: 2 dim: 3 dim: 6 dim: 6 }
layer { name: "conv" type: "Convolution" bottom: "x" top: "conv"
        convolution_param { num_output: 4 kernel_size: 3 pad: 1 bias_term: false } }
layer { name: "bn" type: "BatchNorm" bottom: "conv" top: "bn" }
layer { name: "scale" type: "Scale" bottom: "bn" top: "scale" scale_param { bias_term: true } }
layer { name: "relu" type: "ReLU" bottom: "scale" top: "scale" }
layer { name: "up" type: "Deconvolution" bottom: "scale" top: "up"
        convolution_param { num_output: 4 group: 2 kernel_size: 2 stride: 2 } }
layer { name: "bn_up" type: "BatchNorm" bottom: "up" top: "up" }
layer { name: "fc" type: "InnerProduct" bottom: "up" top: "fc" inner_product_param { num_output: 5 } }
layer { name: "scale_fc" type: "Scale" bottom: "fc" top: "fc" }'''


def block_blobs():
    return {'conv': [random(4, 3, 3, 3)], 'bn': statistics(4), 'scale': [random(4), random(4)],
            'up': [random(4, 2, 2, 2), random(4)], 'bn_up': statistics(4),
            'fc': [random(5, 4 * 12 * 12), random(5)], 'scale_fc': [random(5)]}


@pytest.mark.parametrize('fuse', [False, True])
def test_a_row_in_one_kernel_is_what_its_layers_are(fuse):
    blobs, x = block_blobs(), {'x': random(2, 3, 6, 6)}
    actual = run(BLOCK, blobs, x, ['scale', 'fc'], fuse=fuse)
    for y, expected in zip(actual, run_opencv(BLOCK, blobs, x, ['relu', 'scale_fc'], fusion=False), strict=True):
        np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-4)


def test_fusing_leaves_what_has_a_loss():
    blobs, batch = block_blobs(), random(2, 3, 6, 6)
    for text in (BLOCK.replace('type: "BatchNorm" bottom: "up"', 'type: "BatchNorm" loss_weight: 2 bottom: "up"'),
                 BLOCK.replace('top: "fc" inner', 'top: "fc" loss_weight: -3 inner')):
        totals = [load(text, blobs, fuse=fuse).total_loss(batch).array for fuse in (False, True)]
        np.testing.assert_allclose(*totals, rtol=1e-4)


def test_fusing_leaves_products_alone():
    net = load(BLOCK, block_blobs(), fuse=True)
    assert [path for path, _ in net.namedlinks(skipself=True)] == ['/conv', '/up', '/fc']
    with pytest.raises(ValueError, match="there is no blob or layer 'bn'"):
        net(random(2, 3, 6, 6), 'bn')
    with pytest.raises(ValueError, match="fuse is for inference: expected phase 'TEST'"):
        load(BLOCK, block_blobs(), fuse=True, phase='TRAIN')


def test_fusing_stops_where_somebody_else_looks():
    text = BLOCK + '''
        layer { name: "other" type: "Power" bottom: "conv" top: "other" }'''
    blobs, x = block_blobs(), {'x': random(2, 3, 6, 6)}
    outputs = ['other', 'fc']
    for y, expected in zip(run(text, blobs, x, outputs, fuse=True), run(text, blobs, x, outputs), strict=True):
        np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-4)


def test_training_uses_and_updates_the_statistics():
    blobs, x = block_blobs(), random(2, 3, 6, 6)
    net = load(BLOCK, blobs, phase='TRAIN')
    before = net.bn.avg_mean.copy()
    together = net(x, 'scale').array
    mean_of_rows = net.bn.avg_mean.copy()
    assert abs(mean_of_rows - before).max() > 0
    net = load(BLOCK, blobs, phase='TRAIN')
    conv, bn, _ = net(x, ['conv', 'bn', 'scale'])
    np.testing.assert_allclose(bn.array.mean((0, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(net.bn.avg_mean, mean_of_rows, rtol=1e-5)
    np.testing.assert_allclose(together, np.maximum(
        bn.array * channel(blobs['scale'][0]) + channel(blobs['scale'][1]), 0), rtol=1e-3, atol=1e-4)
    with ann.using_config('train', False):
        np.testing.assert_allclose(net(x, 'bn').array, (conv.array - channel(net.bn.avg_mean))
                                   / np.sqrt(channel(net.bn.avg_var) + 1e-5), rtol=1e-3, atol=1e-4)


def test_a_missing_blob_and_one_of_another_shape():
    blobs = block_blobs()
    _, weights = write(BLOCK, {**blobs, 'bn': statistics(5)})
    net = caffe.load(io.BytesIO(BLOCK.encode()), io.BytesIO(weights))
    with pytest.raises(ValueError, match=r"layer 'bn': .*expected gamma of shape \(4,\).*got \(5,\)"):
        net(random(2, 3, 6, 6))
    _, weights = write(BLOCK, {**blobs, 'scale': [random(4)]})
    with pytest.raises(ValueError, match=r"layer 'scale' \(Scale\): expected a bias of shape \(any\) as blob 1, "
                                         'but the weights have 1 blob for this layer'):
        caffe.load(io.BytesIO(BLOCK.encode()), io.BytesIO(weights))
