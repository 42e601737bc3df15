"""The networks that were published for Caffe, layer by layer, with random weights and for small images."""
from math import ceil

import numpy as np

from autograd_nn import caffe


class Builder:
    """Writes a deploy file layer by layer, and draws the weights.

    Args:
        size: The height and width of the images.
        seed: Starts the random numbers.
    """

    def __init__(self, size, seed=0):
        self.lines = [f'input: "data" input_shape {{ dim: 1 dim: 3 dim: {size} dim: {size} }}']
        self.blobs = {}
        self.shapes = {'data': (3, size, size)}
        self.last = 'data'
        self.random = np.random.default_rng(seed)

    def draw(self, *shape, low=-1.0, high=1.0):
        return (self.random.random(shape, np.float32) * np.float32(high - low) + np.float32(low)).astype(np.float32)

    def layer(self, name, kind, text='', bottoms=None, shape=None, inplace=False):
        bottoms = bottoms or [self.last]
        top = bottoms[0] if inplace else name
        links = ' '.join([*(f'bottom: "{bottom}"' for bottom in bottoms), f'top: "{top}"'])
        self.lines.append(f'layer {{ name: "{name}" type: "{kind}" {links} {text} }}')
        self.shapes[top] = shape or self.shapes[bottoms[0]]
        self.last = top
        return top

    def conv(self, name, out, ksize, stride=1, pad=0, group=1, bottom=None, bias=True, relu=True):
        bottom = bottom or self.last
        channels, *sides = self.shapes[bottom]
        fan_in = channels // group * ksize ** 2
        # Pixels have a standard deviation of about 64.
        W = self.draw(out, channels // group, ksize, ksize) * np.float32((6 / fan_in) ** 0.5 / (
            64 if bottom == 'data' else 1))
        self.blobs[name] = [W, self.draw(out, low=-0.2, high=0.2)] if bias else [W]
        shape = (out, *((side + 2 * pad - ksize) // stride + 1 for side in sides))
        self.layer(name, 'Convolution', f'convolution_param {{ num_output: {out} kernel_size: {ksize} stride: {stride} '
                   f'pad: {pad} group: {group} bias_term: {str(bias).lower()} }}', [bottom], shape)
        return self.relu(f'relu_{name}') if relu else name

    def relu(self, name):
        return self.layer(name, 'ReLU', inplace=True)

    def fc(self, name, out, relu=True):
        n = int(np.prod(self.shapes[self.last]))
        self.blobs[name] = [self.draw(out, n) * np.float32((6 / n) ** 0.5), self.draw(out, low=-0.2, high=0.2)]
        self.layer(name, 'InnerProduct', f'inner_product_param {{ num_output: {out} }}', shape=(out,))
        if relu:
            self.relu(f'relu_{name}')
            self.layer(f'drop_{name}', 'Dropout', 'dropout_param { dropout_ratio: 0.5 }', inplace=True)
        return self.last

    def pool(self, name, ksize=3, stride=2, pad=0, kind='MAX', bottom=None):
        bottom = bottom or self.last
        channels, *sides = self.shapes[bottom]
        shape = (channels, *(ceil((side + 2 * pad - ksize) / stride) + 1 for side in sides))
        return self.layer(name, 'Pooling', f'pooling_param {{ pool: {kind} kernel_size: {ksize} stride: {stride} '
                          f'pad: {pad} }}', [bottom], shape)

    def global_pool(self, name):
        return self.pool(name, self.shapes[self.last][1], 1, kind='AVE')

    def norm(self, name):
        return self.layer(name, 'LRN', 'lrn_param { local_size: 5 alpha: 0.0001 beta: 0.75 }')

    def conv_bn(self, name, bn, scale, out, ksize, stride=1, pad=0, bottom=None, relu=True, bias=False):
        self.conv(name, out, ksize, stride, pad, bottom=bottom, bias=bias, relu=False)
        factor = np.float32(250)
        self.blobs[bn] = [self.draw(out, low=-0.3, high=0.3) * factor, self.draw(out, low=0.5, high=1.5) * factor,
                          np.array([factor])]
        self.blobs[scale] = [self.draw(out, low=0.4, high=0.9), self.draw(out, low=-0.2, high=0.2)]
        self.layer(bn, 'BatchNorm', 'batch_norm_param { use_global_stats: true }', inplace=True)
        self.layer(scale, 'Scale', 'scale_param { bias_term: true }', inplace=True)
        return self.relu(f'{name}_relu') if relu else name

    def finish(self):
        self.layer('prob', 'Softmax')
        return '\n'.join(self.lines), self.blobs


def alexnet(size=67, classes=7, reference=False):
    """Caffe's AlexNet; with `reference` its variant CaffeNet, which pools before it normalizes."""
    net = Builder(size)
    for i, (out, ksize, stride, pad, group) in enumerate([(96, 11, 4, 0, 1), (256, 5, 1, 2, 2)], start=1):
        net.conv(f'conv{i}', out, ksize, stride, pad, group)
        for step in [net.pool, net.norm] if reference else [net.norm, net.pool]:
            step(f'{step.__name__}{i}')
    net.conv('conv3', 384, 3, pad=1)
    net.conv('conv4', 384, 3, pad=1, group=2)
    net.conv('conv5', 256, 3, pad=1, group=2)
    net.pool('pool5')
    net.fc('fc6', 4096)
    net.fc('fc7', 4096)
    net.fc('fc8', classes, relu=False)
    return net.finish()


def vgg(counts, size=32, classes=7):
    net = Builder(size)
    for i, (count, out) in enumerate(zip(counts, (64, 128, 256, 512, 512)), start=1):
        for j in range(1, count + 1):
            net.conv(f'conv{i}_{j}', out, 3, pad=1)
        net.pool(f'pool{i}', 2)
    net.fc('fc6', 4096)
    net.fc('fc7', 4096)
    net.fc('fc8', classes, relu=False)
    return net.finish()


def nin(size=67, classes=7):
    net = Builder(size)
    for i, (names, outs, *first) in enumerate([
            (('conv1', 'cccp1', 'cccp2'), (96, 96, 96), 11, 4, 0),
            (('conv2', 'cccp3', 'cccp4'), (256, 256, 256), 5, 1, 2),
            (('conv3', 'cccp5', 'cccp6'), (384, 384, 384), 3, 1, 1),
            (('conv4-1024', 'cccp7-1024', 'cccp8-1024'), (1024, 1024, classes), 3, 1, 1)]):
        for j, (name, out) in enumerate(zip(names, outs)):
            net.conv(name, out, *(first if j == 0 else (1,)))
        if i < 3:
            net.pool(f'pool{i}')
    net.global_pool('pool4')
    return net.finish()


def squeezenet(version='1.1', size=64, classes=7):
    net = Builder(size)
    out, ksize, pooled = (96, 7, (1, 4, 8)) if version == '1.0' else (64, 3, (1, 3, 5))
    net.conv('conv1', out, ksize, 2)
    for i, squeeze in enumerate((16, 16, 32, 32, 48, 48, 64, 64), start=2):
        if i - 1 in pooled:
            net.pool(f'pool{i - 1}')
        bottom = net.conv(f'fire{i}/squeeze1x1', squeeze, 1)
        net.layer(f'fire{i}/concat', 'Concat', bottoms=[net.conv(f'fire{i}/expand1x1', 4 * squeeze, 1, bottom=bottom),
                                                       net.conv(f'fire{i}/expand3x3', 4 * squeeze, 3, pad=1,
                                                                bottom=bottom)],
                  shape=(8 * squeeze, *net.shapes[bottom][1:]))
    net.conv('conv10', classes, 1)
    net.global_pool('pool10')
    return net.finish()


INCEPTIONS = {
    '3a': (64, 96, 128, 16, 32, 32), '3b': (128, 128, 192, 32, 96, 64), '4a': (192, 96, 208, 16, 48, 64),
    '4b': (160, 112, 224, 24, 64, 64), '4c': (128, 128, 256, 24, 64, 64), '4d': (112, 144, 288, 32, 64, 64),
    '4e': (256, 160, 320, 32, 128, 128), '5a': (256, 160, 320, 32, 128, 128), '5b': (384, 192, 384, 48, 128, 128)}


def googlenet(size=96, classes=7, heads=False):
    """GoogLeNet; with `heads` the weights have those of the auxiliary heads, as the published file has."""
    net = Builder(size)
    net.conv('conv1/7x7_s2', 64, 7, 2, 3)
    net.pool('pool1/3x3_s2')
    net.norm('pool1/norm1')
    net.conv('conv2/3x3_reduce', 64, 1)
    net.conv('conv2/3x3', 192, 3, pad=1)
    net.norm('conv2/norm2')
    net.pool('pool2/3x3_s2')
    extra = []
    for name, (out1, proj3, out3, proj5, out5, proj) in INCEPTIONS.items():
        prefix, bottom = f'inception_{name}/', net.last
        tops = [net.conv(f'{prefix}1x1', out1, 1, bottom=bottom)]
        net.conv(f'{prefix}3x3_reduce', proj3, 1, bottom=bottom)
        tops.append(net.conv(f'{prefix}3x3', out3, 3, pad=1))
        net.conv(f'{prefix}5x5_reduce', proj5, 1, bottom=bottom)
        tops.append(net.conv(f'{prefix}5x5', out5, 5, pad=2))
        net.pool(f'{prefix}pool', 3, 1, 1, bottom=bottom)
        tops.append(net.conv(f'{prefix}pool_proj', proj, 1))
        net.layer(f'{prefix}output', 'Concat', bottoms=tops,
                  shape=(out1 + out3 + out5 + proj, *net.shapes[bottom][1:]))
        if name in ('4a', '4d') and heads:
            extra.append(net.last)
        if name in ('3b', '4e'):
            net.pool(f'pool{name[0]}/3x3_s2')
    net.global_pool('pool5/7x7_s1')
    net.layer('pool5/drop_7x7_s1', 'Dropout', inplace=True)
    last = net.fc('loss3/classifier', classes, relu=False)
    for i, bottom in enumerate(extra, start=1):
        net.pool(f'loss{i}/ave_pool', 5, 3, kind='AVE', bottom=bottom)
        net.conv(f'loss{i}/conv', 128, 1)
        net.fc(f'loss{i}/fc', 1024)
        net.fc(f'loss{i}/classifier', classes, relu=False)
    net.last = last
    return net.finish()


def resnet(n_layers=50, size=64, classes=7, bias=True):
    """The residual networks of K. He et al.; that of 50 layers has a bias in its first convolution."""
    net = Builder(size)
    net.conv_bn('conv1', 'bn_conv1', 'scale_conv1', 64, 7, 2, 3, bias=bias)
    net.pool('pool1')
    letters = {50: ['abc', 'abcd', 'abcdef', 'abc'],
               101: ['abc', ['a', *(f'b{i}' for i in range(1, 4))], ['a', *(f'b{i}' for i in range(1, 23))], 'abc'],
               152: ['abc', ['a', *(f'b{i}' for i in range(1, 8))], ['a', *(f'b{i}' for i in range(1, 36))], 'abc'],
               }[n_layers]
    for stage, blocks in enumerate(letters, start=2):
        out = 64 << stage
        for i, letter in enumerate(blocks):
            def conv(branch, *geometry, bottom=None, relu=True, block=f'{stage}{letter}_branch'):
                return net.conv_bn(f'res{block}{branch}', f'bn{block}{branch}', f'scale{block}{branch}', *geometry,
                                   bottom=bottom, relu=relu)

            bottom, stride = net.last, 2 if stage > 2 and i == 0 else 1
            shortcut = bottom if i else conv('1', out, 1, stride, relu=False)
            conv('2a', out // 4, 1, stride, bottom=bottom)
            conv('2b', out // 4, 3, 1, 1)
            residual = conv('2c', out, 1, relu=False)
            net.layer(f'res{stage}{letter}', 'Eltwise', bottoms=[shortcut, residual])
            net.relu(f'res{stage}{letter}_relu')
    net.global_pool('pool5')
    net.fc('fc1000', classes, relu=False)
    return net.finish()


def se_resnet(size=64, classes=7):
    """The network of 50 layers with squeeze and excitation; Axpy is a layer of its authors."""
    net = Builder(size)

    def conv(name, *geometry, **options):
        return net.conv_bn(name, f'{name}/bn', f'{name}/bn/scale', *geometry, **options)

    conv('conv1/7x7_s2', 64, 7, 2, 3)
    net.pool('pool1/3x3_s2')
    for stage, depth in enumerate((3, 4, 6, 3), start=2):
        out = 64 << stage
        for i in range(depth):
            block, bottom, stride = f'conv{stage}_{i + 1}', net.last, 2 if stage > 2 and i == 0 else 1
            conv(f'{block}_1x1_reduce', out // 4, 1, stride, bottom=bottom)
            conv(f'{block}_3x3', out // 4, 3, 1, 1)
            residual = conv(f'{block}_1x1_increase', out, 1, relu=False)
            net.global_pool(f'{block}_global_pool')
            net.conv(f'{block}_1x1_down', out // 16, 1)
            net.conv(f'{block}_1x1_up', out, 1, relu=False)
            gates = net.layer(f'{block}_prob', 'Sigmoid')
            shortcut = bottom if i else conv(f'{block}_1x1_proj', out, 1, stride, bottom=bottom, relu=False)
            net.layer(block, 'Axpy', bottoms=[gates, residual, shortcut], shape=net.shapes[residual])
            net.relu(f'{block}/relu')
    net.global_pool('pool5/7x7_s1')
    net.fc('classifier', classes, relu=False)
    return net.finish()


def write(folder, network, name='net'):
    """Writes a network's deploy file and its weights; returns their paths."""
    text, blobs = network
    prototxt, caffemodel = folder / f'{name}.prototxt', folder / f'{name}.caffemodel'
    prototxt.write_text(text)
    caffe.write_caffemodel(caffemodel, caffe.read_prototxt(prototxt), blobs)
    return prototxt, caffemodel


PUBLISHED = {
    'alexnet': alexnet,
    'googlenet': lambda: googlenet(heads=True),
    'nin': nin,
    'resnet50': resnet,
    'resnet101': lambda: resnet(101, bias=False),
    'resnet152': lambda: resnet(152, bias=False),
    'squeezenet1_0': lambda: squeezenet('1.0'),
    'squeezenet1_1': lambda: squeezenet('1.1'),
    'vgg16': lambda: vgg((2, 2, 3, 3, 3)),
    'vgg19': lambda: vgg((2, 2, 4, 4, 4)),
}
