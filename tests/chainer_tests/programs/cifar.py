"""Chainer 7, in the style of the example `cifar`: a convolutional network in blocks, and pictures changed at random."""
import argparse
import json
import os

import numpy as np

import chainer
from chainer.backends import cuda
from chainer.datasets import TransformDataset
import chainer.functions as F
import chainer.links as L
from chainer import training
from chainer.training import extensions, triggers


class Block(chainer.Chain):
    """A convolution, batch normalization and a rectifier."""

    def __init__(self, out_channels, ksize=3):
        super(Block, self).__init__()
        with self.init_scope():
            self.conv = L.Convolution2D(None, out_channels, ksize, pad=ksize // 2, nobias=True)
            self.bn = L.BatchNormalization(out_channels)

    def __call__(self, x):
        return F.relu(self.bn(self.conv(x)))


class Network(chainer.Chain):

    def __init__(self, n_labels):
        super(Network, self).__init__()
        with self.init_scope():
            self.first, self.second = Block(8), Block(16)
            self.hidden = L.Linear(None, 16, nobias=True)
            self.norm = L.BatchNormalization(16)
            self.out = L.Linear(None, n_labels, nobias=True)

    def __call__(self, x):
        h = F.max_pooling_2d(F.dropout(self.first(x), ratio=.1), ksize=2, stride=2)
        h = F.average_pooling_2d(F.dropout(self.second(h), ratio=.1), 2, 2)
        return self.out(F.relu(self.norm(self.hidden(h))))


def make_pictures(n, seed):
    """Stripes that lie, that stand, and noise."""
    rs = np.random.RandomState(seed)
    t = rs.randint(0, 3, n).astype(np.int32)
    x = rs.rand(n, 3, 12, 12).astype(np.float32)
    stripes = (np.arange(12) // 2 % 2).astype('f')
    x[t == 0] += stripes
    x[t == 1] += stripes[:, None]
    return chainer.datasets.TupleDataset(x, t)


def transform(example):
    """Cuts out and flips, and adds noise where a model is trained."""
    x, t = example
    top, left = np.random.randint(0, 3, 2)
    x = x[:, top:top + 10, left:left + 10][:, :, ::np.random.choice([-1, 1])]
    if chainer.config.train:
        x = x + np.random.normal(0, .1, x.shape)
    return x.astype(chainer.get_dtype()), t


class CountingEvaluator(extensions.Evaluator):

    calls = 0

    def evaluate(self):
        assert self.get_target('main').predictor.out.W.is_initialized and not chainer.config.train
        self.calls += 1
        return super(CountingEvaluator, self).evaluate()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--learnrate', '-l', type=float, default=.05)
    parser.add_argument('--epoch', '-e', type=int, default=5)
    parser.add_argument('--device', '-d', type=str, default='@numpy')
    parser.add_argument('--out', '-o', default='result')
    parser.add_argument('--early-stopping', type=str, help='what to observe')
    args = parser.parse_args()
    device = chainer.get_device(args.device)
    model = L.Classifier(Network(3))
    model.to_device(device)
    device.use()
    optimizer = chainer.optimizers.MomentumSGD(args.learnrate).setup(model)
    optimizer.add_hook(chainer.optimizer_hooks.WeightDecay(5e-4))

    train, test = [TransformDataset(make_pictures(n, n), transform) for n in (200, 60)]
    train_iter = chainer.iterators.MultithreadIterator(train, 32, n_threads=2)
    test_iter = chainer.iterators.SerialIterator(test, 32, repeat=False, shuffle=False)
    stop = (args.epoch, 'epoch')
    if args.early_stopping:
        stop = triggers.EarlyStoppingTrigger(monitor=args.early_stopping, patients=2, verbose=True, max_trigger=stop)
    updater = training.updaters.StandardUpdater(train_iter, optimizer, device=device)
    trainer = training.Trainer(updater, stop, out=args.out)
    evaluator = CountingEvaluator(test_iter, model, device=device)
    trainer.extend(evaluator)
    trainer.extend(extensions.ExponentialShift('lr', .5), trigger=(2, 'epoch'))
    trainer.extend(extensions.DumpGraph('main/loss'))
    trainer.extend(extensions.snapshot(filename='snapshot_epoch_{.updater.epoch}'))
    trainer.extend(extensions.snapshot_object(model, 'best.npz'),
                   trigger=triggers.MaxValueTrigger('validation/main/accuracy'))
    trainer.extend(extensions.observe_lr())
    trainer.extend(extensions.LogReport())
    trainer.extend(extensions.PrintReport(['epoch', 'lr', 'main/loss', 'validation/main/loss', 'main/accuracy',
                                           'validation/main/accuracy']))
    trainer.run()
    train_iter.finalize()

    with open(os.path.join(args.out, 'log')) as f:
        log = json.load(f)
    assert log[-1]['validation/main/accuracy'] > .8 and len(log) == evaluator.calls, log
    assert [entry['lr'] for entry in log][:4] == [args.learnrate] * 2 + [args.learnrate / 2] * 2
    xs = np.stack([x for x, _ in test[:8]])
    with chainer.using_config('train', False), chainer.using_config('enable_backprop', False):
        y = model.predictor(device.send(xs))
    print('predicted', cuda.to_cpu(y.array).argmax(axis=1).tolist(), 'of', [int(t) for _, t in test[:8]])


if __name__ == '__main__':
    main()
