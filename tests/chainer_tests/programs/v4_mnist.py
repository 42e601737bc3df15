"""Chainer 4, in the style of the example `mnist`: `--gpu` numbers, `to_gpu`, and extensions under the names of then."""
from __future__ import print_function

import argparse
import json
import os

import numpy as np

import chainer
from chainer.backends import cuda
import chainer.functions as F
import chainer.links as L
from chainer import training
from chainer.training import extensions


class MLP(chainer.Chain):

    def __init__(self, n_units, n_out):
        super(MLP, self).__init__()
        with self.init_scope():
            self.l1 = L.Linear(None, n_units)
            self.l2 = L.Linear(None, n_units)
            self.l3 = L.Linear(None, n_out)

    def __call__(self, x):
        return self.l3(F.relu(self.l2(F.relu(self.l1(x)))))


class Digits(chainer.dataset.DatasetMixin):

    def __init__(self, n, seed):
        patterns = np.random.RandomState(0).rand(10, 8, 8)
        rs = np.random.RandomState(seed)
        self.t = rs.randint(0, 10, n).astype(np.int32)
        self.x = (patterns[self.t] + rs.normal(0, .3, (n, 8, 8))).astype(np.float32)

    def __len__(self):
        return len(self.t)

    def get_example(self, i):
        return self.x[i], self.t[i]


def main():
    parser = argparse.ArgumentParser(description='digits')
    parser.add_argument('--batchsize', '-b', type=int, default=50)
    parser.add_argument('--epoch', '-e', type=int, default=4)
    parser.add_argument('--gpu', '-g', type=int, default=-1, help='negative for the CPU')
    parser.add_argument('--out', '-o', default='result')
    parser.add_argument('--resume', '-r', default='')
    args = parser.parse_args()
    print('GPU: {}'.format(args.gpu))
    np.random.seed(0)

    model = L.Classifier(MLP(30, 10))
    if args.gpu >= 0:
        chainer.cuda.get_device_from_id(args.gpu).use()
        model.to_gpu()
    optimizer = chainer.optimizers.Adam(alpha=.005)
    optimizer.setup(model)
    optimizer.add_hook(chainer.optimizer.Lasso(1e-5))

    test = Digits(100, 2)
    train_iter = chainer.iterators.SerialIterator(Digits(500, 1), args.batchsize)
    test_iter = chainer.iterators.SerialIterator(test, args.batchsize, repeat=False, shuffle=False)
    updater = training.StandardUpdater(train_iter, optimizer, device=args.gpu)
    trainer = training.Trainer(updater, (args.epoch, 'epoch'), out=args.out)
    trainer.extend(extensions.Evaluator(test_iter, model, device=args.gpu))
    trainer.extend(extensions.dump_graph('main/loss'))
    trainer.extend(extensions.snapshot(), trigger=(args.epoch, 'epoch'))
    trainer.extend(extensions.LogReport())
    trainer.extend(extensions.ParameterStatistics(model.predictor.l1, prefix='l1'))
    trainer.extend(extensions.PrintReport(['epoch', 'main/loss', 'validation/main/loss', 'main/accuracy',
                                           'validation/main/accuracy', 'elapsed_time']))
    trainer.extend(extensions.ProgressBar())
    seen = []
    trainer.extend(lambda trainer: seen.append(trainer.updater.epoch), name='seen', trigger=(2, 'epoch'))
    if args.resume:
        chainer.serializers.load_npz(args.resume, trainer)
    trainer.run()

    with open(os.path.join(args.out, 'log')) as f:
        log = json.load(f)
    assert log[-1]['validation/main/accuracy'] > .9 and log[-1]['main/loss'] < .3 * log[0]['main/loss']
    assert [key for key in log[-1] if key.startswith('l1/')], log[-1]
    assert seen == [2, 4]

    x = chainer.Variable(model.xp.asarray(test[:10][0][0])[None])
    with cuda.get_device_from_array(x.data), chainer.using_config('train', False), chainer.no_backprop_mode():
        y = F.softmax(model.predictor(x))
    print('sum', float(cuda.to_cpu(y.data).sum()), 'array module', cuda.get_array_module(y).__name__)


if __name__ == '__main__':
    main()
