"""Chainer 7, in the style of the example `mnist`: a perceptron, and a trainer with all usual extensions, resumable."""
import argparse
import json
import os
import sys

import matplotlib
import numpy as np

import chainer
import chainer.functions as F
import chainer.links as L
from chainer import training
from chainer.training import extensions
import chainerx

matplotlib.use('Agg')


class MLP(chainer.Chain):

    def __init__(self, n_units, n_out):
        super(MLP, self).__init__()
        with self.init_scope():
            self.l1 = L.Linear(None, n_units)
            self.l2 = L.Linear(None, n_units)
            self.l3 = L.Linear(None, n_out)

    def forward(self, x):
        return self.l3(F.relu(self.l2(F.relu(self.l1(x)))))


def make_digits(n, seed):
    """Ten patterns and noise, where there is no network to download the real ones from."""
    patterns = np.random.RandomState(0).rand(10, 64)
    rs = np.random.RandomState(seed)
    t = rs.randint(0, 10, n)
    return chainer.datasets.TupleDataset((patterns[t] + rs.normal(0, .3, (n, 64))).astype(np.float32),
                                         t.astype(np.int32))


def main():
    parser = argparse.ArgumentParser(description='digits')
    parser.add_argument('--batchsize', '-b', type=int, default=50)
    parser.add_argument('--epoch', '-e', type=int, default=4)
    parser.add_argument('--device', '-d', type=str, default='-1', help="such as '@numpy' or 0")
    parser.add_argument('--out', '-o', default='result')
    parser.add_argument('--resume', '-r', type=str)
    parser.add_argument('--autoload', action='store_true')
    parser.add_argument('--noplot', dest='plot', action='store_false')
    parser.add_argument('--gpu', '-g', dest='device', type=int, nargs='?', const=0, help='deprecated')
    args = parser.parse_args()
    np.random.seed(0)

    device = chainer.get_device(args.device)
    print('Device:', device, 'float16' if chainer.get_dtype() == np.float16 else '')
    if device.xp is chainerx:
        sys.exit('not on ChainerX')
    model = L.Classifier(MLP(30, 10))
    model.to_device(device)
    device.use()
    optimizer = chainer.optimizers.Adam(alpha=.005)
    optimizer.setup(model)

    train_iter = chainer.iterators.SerialIterator(make_digits(500, 1), args.batchsize)
    test_iter = chainer.iterators.SerialIterator(make_digits(100, 2), args.batchsize, repeat=False, shuffle=False)
    updater = training.updaters.StandardUpdater(train_iter, optimizer, device=device)
    trainer = training.Trainer(updater, (args.epoch, 'epoch'), out=args.out)
    trainer.extend(extensions.Evaluator(test_iter, model, device=device), call_before_training=True)
    trainer.extend(extensions.DumpGraph('main/loss'))
    trainer.extend(extensions.snapshot(n_retains=1, autoload=args.autoload), trigger=(args.epoch, 'epoch'))
    trainer.extend(extensions.snapshot_object(model.predictor, 'model_epoch-{.updater.epoch}'), trigger=(1, 'epoch'))
    trainer.extend(extensions.FailOnNonNumber())
    trainer.extend(extensions.LogReport(), call_before_training=True)
    if args.plot and extensions.PlotReport.available():
        for name in 'loss', 'accuracy':
            trainer.extend(extensions.PlotReport(['main/' + name, 'validation/main/' + name], 'epoch',
                                                 file_name=name + '.png'), call_before_training=True)
    trainer.extend(extensions.PrintReport(['epoch', 'main/loss', 'validation/main/loss', 'main/accuracy',
                                           'validation/main/accuracy', 'elapsed_time']), call_before_training=True)
    trainer.extend(extensions.ProgressBar(update_interval=10))
    if args.resume is not None:
        chainer.serializers.load_npz(args.resume, trainer)
    trainer.run()

    with open(os.path.join(args.out, 'log')) as f:
        log = json.load(f)
    assert [entry['epoch'] for entry in log] == list(range(args.epoch + 1))
    assert log[-1]['main/loss'] < .3 * log[1]['main/loss'], log
    assert log[-1]['validation/main/accuracy'] > .9, log
    with open(os.path.join(args.out, 'cg.dot')) as f:
        assert 'SoftmaxCrossEntropy' in f.read()
    print('best', max(entry['validation/main/accuracy'] for entry in log))


if __name__ == '__main__':
    main()
