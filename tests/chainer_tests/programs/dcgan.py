"""Chainer 7, in the style of the example `dcgan`: two networks, two optimizers, an updater of its own."""
import argparse
import json
import os

import numpy as np
from PIL import Image

import chainer
from chainer import Variable
import chainer.backends.cuda
import chainer.functions as F
import chainer.links as L
from chainer import training
from chainer.training import extensions


class Generator(chainer.Chain):

    def __init__(self, n_hidden, ch=16):
        super(Generator, self).__init__()
        self.n_hidden, self.ch = n_hidden, ch
        w = chainer.initializers.Normal(.02)
        with self.init_scope():
            self.l0 = L.Linear(n_hidden, 4 * ch, initialW=w)
            self.dc1 = L.Deconvolution2D(ch, ch // 2, 4, stride=2, pad=1, initialW=w)
            self.dc2 = L.Deconvolution2D(ch // 2, 1, 3, stride=1, pad=1, initialW=w)
            self.bn0 = L.BatchNormalization(4 * ch)
            self.bn1 = L.BatchNormalization(ch // 2)

    def draw(self, n):
        return self.xp.asarray(np.random.uniform(-1, 1, (n, self.n_hidden, 1, 1)), chainer.get_dtype())

    def forward(self, z):
        h = F.relu(self.bn0(self.l0(z))).reshape(len(z), self.ch, 2, 2)
        return F.sigmoid(self.dc2(F.relu(self.bn1(self.dc1(h)))))


class Discriminator(chainer.Chain):

    def __init__(self, ch=16):
        super(Discriminator, self).__init__()
        w = chainer.initializers.Normal(.02)
        with self.init_scope():
            self.c0 = L.Convolution2D(1, ch, 4, 2, 1, initialW=w)
            self.bn0 = L.BatchNormalization(ch, use_gamma=False)
            self.l1 = L.Linear(None, 1, initialW=w)

    def blur(self, h):
        """Noise, by which the discriminator does not become too sure."""
        return h + .2 * self.xp.asarray(np.random.randn(*h.shape), h.dtype) if chainer.config.train else h

    def forward(self, x):
        h = self.bn0(self.c0(self.blur(x)))
        return self.l1(F.leaky_relu(self.blur(h)))


class Updater(training.updaters.StandardUpdater):

    def __init__(self, *args, **kwargs):
        self.gen, self.dis = kwargs.pop('models')
        super(Updater, self).__init__(*args, **kwargs)

    def loss_dis(self, real, fake):
        loss = F.average(F.softplus(-real)) + F.average(F.softplus(fake))
        chainer.report({'loss': loss}, self.dis)
        return loss

    def loss_gen(self, fake):
        loss = F.average(F.softplus(-fake))
        chainer.report({'loss': loss}, self.gen)
        return loss

    def update_core(self):
        batch = self.get_iterator('main').next()
        real = self.dis(Variable(self.converter(batch, self.device)) / 255.)
        fake = self.dis(self.gen(Variable(self.gen.draw(len(batch)))))
        self.get_optimizer('dis').update(self.loss_dis, real, fake)
        self.get_optimizer('gen').update(self.loss_gen, fake)


def pictures(gen, rows, cols, seed, out):
    @training.make_extension(trigger=(20, 'iteration'))
    def write(trainer):
        state = np.random.get_state()
        np.random.seed(seed)
        with chainer.using_config('train', False), chainer.no_backprop_mode():
            x = chainer.backends.cuda.to_cpu(gen(gen.draw(rows * cols)).array)
        np.random.set_state(state)
        n, m = x.shape[2:]
        x = (x * 255).astype(np.uint8).reshape(rows, cols, n, m).transpose(0, 2, 1, 3).reshape(rows * n, cols * m)
        if not os.path.exists(out):
            os.makedirs(out)
        Image.fromarray(x).save(os.path.join(out, 'image{:0>8}.png'.format(trainer.updater.iteration)))

    return write


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--batchsize', '-b', type=int, default=32)
    parser.add_argument('--epoch', '-e', type=int, default=20)
    parser.add_argument('--device', '-d', type=str, default='-1')
    parser.add_argument('--out', '-o', default='result')
    parser.add_argument('--gpu', '-g', dest='device', type=int, nargs='?', const=0)
    args = parser.parse_args()
    device = chainer.get_device(args.device)
    device.use()
    np.random.seed(0)

    models = gen, dis = Generator(8), Discriminator()
    optimizers = {}
    for name, model in zip(('gen', 'dis'), models):
        model.to_device(device)
        optimizers[name] = chainer.optimizers.Adam(alpha=.004, beta1=.5).setup(model)
        optimizers[name].add_hook(chainer.optimizer_hooks.WeightDecay(.0001), 'decay')
    # the left half is bright, or the right one
    train = np.full((128, 1, 4, 4), 30, np.float32)
    train[:64, :, :, :2] = train[64:, :, :, 2:] = 220
    train += np.random.RandomState(0).uniform(-20, 20, train.shape).astype('f')
    train_iter = chainer.iterators.SerialIterator(train, args.batchsize)
    trainer = training.Trainer(Updater(train_iter, optimizers, models=models, device=device), (args.epoch, 'epoch'),
                               out=args.out)
    trainer.extend(extensions.snapshot_object(gen, 'gen_iter_{.updater.iteration}.npz'), trigger=(args.epoch, 'epoch'))
    trainer.extend(extensions.LogReport(trigger=(20, 'iteration')))
    trainer.extend(extensions.PrintReport(['epoch', 'iteration', 'gen/loss', 'dis/loss']), trigger=(20, 'iteration'))
    trainer.extend(extensions.ProgressBar(update_interval=10))
    trainer.extend(pictures(gen, 2, 4, 0, os.path.join(args.out, 'preview')))
    trainer.run()

    with open(os.path.join(args.out, 'log')) as f:
        log = json.load(f)
    assert all(0 < entry['dis/loss'] < 2 and 0 < entry['gen/loss'] < 5 for entry in log), log
    with chainer.using_config('train', False), chainer.no_backprop_mode():
        halves = gen(gen.draw(100)).array.reshape(100, 4, 2, 2).mean(axis=(1, 3))
    contrast = abs(halves[:, 0] - halves[:, 1]).mean()
    print('contrast', contrast)
    assert contrast > .3


if __name__ == '__main__':
    main()
