"""Chainer 1.24: layers given to the constructor, `test=` and `train=` in calls, and a trainer."""
from __future__ import print_function
import argparse
import os

import numpy as np

import chainer
from chainer import cuda
import chainer.functions as F
import chainer.links as L
from chainer import serializers
from chainer import training
from chainer.training import extensions


class ConvNet(chainer.Chain):
    """A network with its loss; the attribute `train` says what it is called for."""

    train = True

    def __init__(self):
        super(ConvNet, self).__init__(
            conv1=L.Convolution2D(1, 8, 3, pad=1, wscale=np.sqrt(2), nobias=True, use_cudnn=False),
            norm1=L.BatchNormalization(8, decay=.8),
            conv2=L.Convolution2D(8, 8, 3, stride=1, wscale=2, bias=.1),
            hidden=L.Linear(None, 20, wscale=.5),
            out=L.Linear(20, 3),
        )

    def __call__(self, x, t):
        h = F.relu(self.norm1(self.conv1(x), test=not self.train), use_cudnn=False)
        h = F.relu(self.conv2(F.max_pooling_2d(h, 2, stride=2, use_cudnn=False)))
        h = F.average_pooling_2d(F.local_response_normalization(h), 2, stride=2, use_cudnn=False)
        y = self.out(F.dropout(F.relu(self.hidden(h)), .2, train=self.train))
        self.loss, self.accuracy = F.softmax_cross_entropy(y, t, use_cudnn=False), F.accuracy(y, t)
        chainer.report({'loss': self.loss, 'accuracy': self.accuracy}, self)
        return self.loss


class Evaluator(extensions.Evaluator):

    def evaluate(self):
        model = self.get_target('main')
        model.train = False
        try:
            return super(Evaluator, self).evaluate()
        finally:
            model.train = True


def make_pictures(n, seed):
    """Stripes that lie, that stand, and noise."""
    rs = np.random.RandomState(seed)
    t = rs.randint(0, 3, n).astype(np.int32)
    x = rs.rand(n, 1, 12, 12).astype(np.float32)
    for image, label in zip(x, t):
        if label < 2:
            image[0] += np.rot90((np.arange(144).reshape(12, 12) // 24 % 2), label)
    return chainer.datasets.TupleDataset(x, t)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--epoch', '-E', type=int, default=8)
    parser.add_argument('--gpu', '-g', type=int, default=-1)
    parser.add_argument('--out', '-o', default='result')
    parser.add_argument('--resume', '-r', default='')
    args = parser.parse_args()
    np.random.seed(0)

    model = ConvNet()
    if args.gpu >= 0:
        cuda.get_device(args.gpu).use()
        model.to_gpu()
    optimizer = chainer.optimizers.MomentumSGD(lr=.03, momentum=.9)
    optimizer.use_cleargrads()
    optimizer.setup(model)
    optimizer.add_hook(chainer.optimizer.WeightDecay(1e-4))
    val = make_pictures(60, 1)
    train_iter = chainer.iterators.SerialIterator(make_pictures(240, 0), 30)
    val_iter = chainer.iterators.SerialIterator(val, 30, repeat=False)
    updater = training.StandardUpdater(train_iter, optimizer, device=args.gpu)
    trainer = training.Trainer(updater, (args.epoch, 'epoch'), args.out)
    trainer.extend(Evaluator(val_iter, model, device=args.gpu))
    trainer.extend(extensions.dump_graph('main/loss'))
    trainer.extend(extensions.snapshot(filename='snapshot_{.updater.iteration}'), trigger=(args.epoch, 'epoch'))
    trainer.extend(extensions.snapshot_object(model, 'model_iter_{.updater.iteration}'), trigger=(1, 'epoch'))
    trainer.extend(extensions.ExponentialShift('lr', .8), trigger=(2, 'epoch'))
    trainer.extend(extensions.LogReport())
    trainer.extend(extensions.PrintReport(['epoch', 'main/loss', 'validation/main/loss', 'main/accuracy',
                                           'validation/main/accuracy']))
    trainer.extend(extensions.ProgressBar(update_interval=10))
    if args.resume:
        serializers.load_npz(args.resume, trainer)
    trainer.run()

    other = ConvNet()
    serializers.load_npz(os.path.join(args.out, 'model_iter_{}'.format(updater.iteration)), other)
    other.train = False
    x, t = [chainer.Variable(other.xp.asarray(column), volatile='on') for column in zip(*val[:])]
    loss = other(x, t)
    print('loss', float(loss.data), 'accuracy', float(other.accuracy.data))
    assert other.accuracy.data > .85 and loss.creator is None and loss.volatile == 'on'
    assert (cuda.to_cpu(other.norm1.avg_mean) == cuda.to_cpu(model.norm1.avg_mean)).all()


if __name__ == '__main__':
    main()
