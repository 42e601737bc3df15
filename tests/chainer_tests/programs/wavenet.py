"""Chainer 7, in the style of the example `wavenet`: dilated convolutions, and samples that are generated one by one."""
import argparse

import numpy as np

import chainer
import chainer.functions as F
import chainer.links as L
from chainer import training
from chainer.training import extensions

LEVELS, LENGTH = 16, 32


def quantize(wave):
    """By the mu law."""
    y = np.sign(wave) * np.log1p(LEVELS * abs(wave)) / np.log1p(LEVELS)
    return np.minimum((y + 1) / 2 * LEVELS, LEVELS - 1).astype(np.int32)


def restore(levels):
    y = (2 * levels.astype(np.float32) + 1) / LEVELS - 1
    return np.sign(y) * ((1 + LEVELS) ** abs(y) - 1) / LEVELS


class Causal(chainer.Chain):
    """A convolution over time, of the present and of what was `dilation` steps ago."""

    def __init__(self, n_in, n_out, dilation=1):
        super(Causal, self).__init__()
        self.dilation = dilation
        with self.init_scope():
            self.conv = L.Convolution2D(n_in, n_out, (2, 1), pad=(dilation, 0), dilate=(dilation, 1))

    def forward(self, x):
        return F.get_item(self.conv(x), (slice(None), slice(None), slice(0, x.shape[2])))

    def start(self):
        self.past = self.xp.zeros((1, self.conv.W.shape[1], self.dilation, 1), np.float32)

    def step(self, x):
        """The same for one sample, with a queue of those before."""
        x = F.concat([self.past, x], axis=2)
        self.past = x[:, :, 1:]
        return F.convolution_2d(x, self.conv.W, self.conv.b, dilate=(self.dilation, 1))


class Block(chainer.Chain):

    def __init__(self, n, n_skip, dilation):
        super(Block, self).__init__()
        with self.init_scope():
            self.causal = Causal(n, 2 * n, dilation)
            self.res = L.Convolution2D(n, n, 1)
            self.skip = L.Convolution2D(n, n_skip, 1)

    def forward(self, x, condition, causal):
        a, b = F.split_axis(causal(x) + condition, 2, axis=1)
        z = F.tanh(a) * F.sigmoid(b)
        return self.res(z) + x, self.skip(z)


class WaveNet(chainer.Chain):

    def __init__(self, n_layers, n=8, n_skip=16):
        super(WaveNet, self).__init__()
        with self.init_scope():
            self.embed = Causal(LEVELS, n)
            self.blocks = chainer.ChainList(*[Block(n, n_skip, 2 ** i) for i in range(n_layers)])
            self.out = chainer.Sequential(F.relu, L.Convolution2D(n_skip, n_skip, 1, nobias=True),
                                          F.relu, L.Convolution2D(n_skip, LEVELS, 1, nobias=True))
            self.upsample = chainer.Sequential(L.Convolution2D(1, 4, 1),
                                               L.Deconvolution2D(4, 2 * n, (4, 1), stride=(4, 1)))

    def compute(self, x, condition, method):
        x = getattr(self.embed, method)(x)
        total = 0
        for block in self.blocks:
            x, skip = block(x, condition, getattr(block.causal, method))
            total += skip
        return self.out(total)

    def forward(self, x, condition):
        return self.compute(x, self.upsample(condition), 'forward')

    def generate(self, x, condition):
        """Predictions of each next sample, where each one is known only after the step before."""
        for layer in self.links():
            if isinstance(layer, Causal):
                layer.start()
        condition = self.upsample(condition)
        return F.concat([self.compute(x[:, :, i:i + 1], condition[:, :, i:i + 1], 'step')
                         for i in range(x.shape[2])], axis=2)


@chainer.dataset.converter()
def convert(batch, device):
    inputs, targets = zip(*batch)
    return chainer.dataset.concat_examples(inputs, device) + (chainer.dataset.concat_examples(targets, device),)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--epoch', '-e', type=int, default=10)
    parser.add_argument('--device', '-d', type=str, default='-1')
    parser.add_argument('--out', '-o', default='result')
    parser.add_argument('--gpu', '-g', dest='device', type=int, nargs='?', const=0)
    args = parser.parse_args()
    device = chainer.get_device(args.device)
    device.use()
    np.random.seed(0)

    data = []
    for pitch in np.linspace(.3, .8, 40).astype(np.float32):
        levels = quantize(.9 * np.sin(pitch * np.arange(LENGTH + 1) + np.random.uniform(0, 6)))
        one_hot = np.eye(LEVELS, dtype=np.float32)[levels[:-1]].T[:, :, None]
        data.append(((one_hot, np.full((1, LENGTH // 4, 1), pitch, np.float32)), levels[1:, None]))
    network = WaveNet(3)
    model = L.Classifier(network)
    model.to_device(device)
    optimizer = chainer.optimizers.Adam(1e-2).setup(model)
    train_iter = chainer.iterators.SerialIterator(data, 8)
    updater = training.updaters.StandardUpdater(train_iter, optimizer, device=device, converter=convert)
    trainer = training.Trainer(updater, (args.epoch, 'epoch'), out=args.out)
    trainer.extend(extensions.DumpGraph('main/loss'))
    trainer.extend(extensions.LogReport(trigger=(10, 'iteration')))
    trainer.extend(extensions.PrintReport(['epoch', 'iteration', 'main/loss', 'main/accuracy']),
                   trigger=(10, 'iteration'))
    trainer.extend(extensions.ProgressBar(update_interval=100))
    trainer.run()
    log = trainer.get_extension('LogReport').log
    assert log[-1]['main/loss'] < .6 * log[0]['main/loss'], log

    x, condition, _ = convert(data[20:21], device)
    with chainer.no_backprop_mode(), chainer.using_config('train', False):
        whole, steps = [chainer.get_device('@numpy').send(y.array) for y in (network(x, condition),
                                                                          network.generate(x, condition))]
    print('difference of both ways', abs(whole - steps).max())
    assert abs(whole - steps).max() < 1e-4
    wave = restore(whole.argmax(axis=1)[0, :, 0])
    assert wave.dtype.kind == 'f' and -1 <= wave.min() < -.3 < .3 < wave.max() <= 1


if __name__ == '__main__':
    main()
