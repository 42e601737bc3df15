"""Further published networks, with random weights and for small images: see `support.caffe.networks`."""
import numpy as np

from support.caffe.networks import Builder


def mobilenet(size=64, classes=7, width=0.25):
    """MobileNet of 2017: convolutions of single channels, then of single pixels, each normalized."""
    net = Builder(size)

    def block(name, out, ksize, stride=1, pad=0, group=1):
        net.conv(name, out, ksize, stride, pad, group, bias=False, relu=False)
        net.blobs[f'{name}/bn'] = [net.draw(out, low=-0.3, high=0.3), net.draw(out, low=0.5, high=1.5),
                                   np.ones(1, np.float32)]
        net.blobs[f'{name}/scale'] = [net.draw(out, low=0.8, high=1.2), net.draw(out, low=-0.2, high=0.2)]
        net.layer(f'{name}/bn', 'BatchNorm', 'batch_norm_param { use_global_stats: true eps: 1e-5 }', inplace=True)
        net.layer(f'{name}/scale', 'Scale', 'scale_param { bias_term: true }', inplace=True)
        net.relu(f'relu_{name}')

    channels = int(32 * width)
    block('conv1', channels, 3, 2, 1)
    for name, out, stride in (('2_1', 64, 1), ('2_2', 128, 2), ('3_1', 128, 1), ('3_2', 256, 2), ('4_1', 256, 1),
                              ('4_2', 512, 2), *((f'5_{i}', 512, 1) for i in range(1, 6)), ('5_6', 1024, 2),
                              ('6', 1024, 1)):
        block(f'conv{name}/dw', channels, 3, stride, 1, channels)
        channels = int(out * width)
        block(f'conv{name}/sep', channels, 1)
    net.layer('pool6', 'Pooling', 'pooling_param { pool: AVE global_pooling: true }', shape=(channels, 1, 1))
    net.conv('fc7', classes, 1, relu=False)
    return net.finish()


def ssd(size=96, classes=4):
    """The single-shot detector on VGG-16, with an eighth of its channels and for smaller images.

    Its fully connected layers are convolutions, of which the first is dilated; six feature maps have heads, of which
    the first is normalized.
    """
    net = Builder(size)
    for i, (count, out) in enumerate(zip((2, 2, 3, 3, 3), (8, 16, 32, 64, 64)), start=1):
        for j in range(1, count + 1):
            net.conv(f'conv{i}_{j}', out, 3, pad=1)
        net.pool(f'pool{i}', *((2, 2) if i < 5 else (3, 1, 1)))
    dilated(net, 'fc6', 128, 6)
    net.conv('fc7', 128, 1)
    for i, (squeeze, out, stride, pad) in enumerate([(32, 64, 2, 1), (16, 32, 2, 1), (16, 32, 1, 0)], start=6):
        net.conv(f'conv{i}_1', squeeze, 1)
        net.conv(f'conv{i}_2', out, 3, stride, pad if min(net.shapes[net.last][1:]) > 2 or pad else 1)
    net.blobs['conv4_3_norm'] = [net.draw(64, low=10, high=20)]
    sources = [net.layer('conv4_3_norm', 'Normalize', 'norm_param { across_spatial: false channel_shared: false '
                         'scale_filler { type: "constant" value: 20 } }', ['conv4_3']),
               'fc7', 'conv6_2', 'conv7_2', 'conv8_2']
    heads = {'loc': [], 'conf': [], 'priorbox': []}
    for i, source in enumerate(sources):
        ratios = (2,) if i in (0, 4) else (2, 3)
        boxes = 2 + 2 * len(ratios)
        for kind, count in ('loc', 4), ('conf', classes):
            name = f'{source}_mbox_{kind}'
            net.conv(name, boxes * count, 3, pad=1, bottom=source, relu=False)
            channels, height, width = net.shapes[name]
            net.layer(f'{name}_perm', 'Permute', 'permute_param { order: 0 order: 2 order: 3 order: 1 }', [name],
                      (height, width, channels))
            heads[kind].append(net.layer(f'{name}_flat', 'Flatten', 'flatten_param { axis: 1 }',
                                         shape=(channels * height * width,)))
        text = ' '.join(f'aspect_ratio: {ratio}' for ratio in ratios)
        heads['priorbox'].append(net.layer(
            f'{source}_mbox_priorbox', 'PriorBox',
            f'prior_box_param {{ min_size: {10 + 15 * i} max_size: {25 + 15 * i} {text} flip: true clip: false '
            'variance: 0.1 variance: 0.1 variance: 0.2 variance: 0.2 offset: 0.5 }',
            [source, 'data'], (2, 4 * boxes * height * width)))
    for kind, bottoms in heads.items():
        axis = 2 if kind == 'priorbox' else 1
        net.layer(f'mbox_{kind}', 'Concat', f'concat_param {{ axis: {axis} }}', bottoms)
    net.layer('mbox_conf_reshape', 'Reshape', f'reshape_param {{ shape {{ dim: 0 dim: -1 dim: {classes} }} }}',
              ['mbox_conf'])
    net.layer('mbox_conf_softmax', 'Softmax', 'softmax_param { axis: 2 }')
    net.layer('mbox_conf_flatten', 'Flatten', 'flatten_param { axis: 1 }')
    net.layer('detection_out', 'DetectionOutput', f'''detection_output_param {{
        num_classes: {classes} share_location: true background_label_id: 0
        nms_param {{ nms_threshold: 0.45 top_k: 400 }}
        code_type: CENTER_SIZE keep_top_k: 20 confidence_threshold: 0.3 }}''',
              ['mbox_loc', 'mbox_conf_flatten', 'mbox_priorbox'])
    return '\n'.join(net.lines), net.blobs


def dilated(net, name, out, dilation):
    """A convolution of 3 x 3 with gaps, that keeps the size, and a rectifier."""
    channels, *sides = net.shapes[net.last]
    net.blobs[name] = [net.draw(out, channels, 3, 3) * np.float32((6 / (9 * channels)) ** 0.5),
                       net.draw(out, low=-0.2, high=0.2)]
    net.layer(name, 'Convolution', f'convolution_param {{ num_output: {out} kernel_size: 3 pad: {dilation} '
              f'dilation: {dilation} }}', shape=(out, *sides))
    net.relu(f'relu_{name}')
