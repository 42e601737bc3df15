"""Chainer 7, in the style of the example `mnist`: the loop over mini-batches is the program's own."""
import argparse
import os

import numpy as np

import chainer
from chainer import configuration
from chainer.dataset import convert
import chainer.functions as F
from chainer.iterators import SerialIterator
import chainer.links as L
from chainer import serializers


class MLP(chainer.Chain):

    def __init__(self, n_units, n_out, dropout):
        super().__init__()
        self.dropout = dropout
        with self.init_scope():
            self.l1 = L.Linear(None, n_units, initialW=chainer.initializers.HeNormal())
            self.bn1 = L.BatchNormalization(n_units)
            self.l2 = L.Linear(n_units, n_out)

    def forward(self, x):
        h = F.dropout(F.relu(self.bn1(self.l1(x))), self.dropout)
        chainer.report({'active': (h.array > 0).mean()}, self)
        return self.l2(h)


def get_data(n, seed):
    """Which row of a picture is the brightest?"""
    rs = np.random.RandomState(seed)
    x = rs.rand(n, 1, 6, 6).astype(np.float32)
    return chainer.datasets.TupleDataset(x, x.reshape(n, 6, 6).sum(axis=2).argmax(axis=1).astype('i'))


def evaluate(model, iterator, device):
    iterator.reset()
    total = np.zeros(2)
    with configuration.using_config('train', False), chainer.using_config('enable_backprop', False):
        for batch in iterator:
            x, t = convert.concat_examples(batch, device)
            loss = model(x, t)
            assert loss.creator is None
            total += np.array([float(loss.array), float(model.accuracy.array)]) * len(t)
    return total / len(iterator.dataset)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--batchsize', '-b', type=int, default=40)
    parser.add_argument('--epoch', '-e', type=int, default=10)
    parser.add_argument('--device', '-d', type=str, default='-1')
    parser.add_argument('--out', '-o', default='result')
    group = parser.add_argument_group('deprecated')
    group.add_argument('--gpu', '-g', dest='device', type=int, nargs='?', const=0)
    args = parser.parse_args()
    np.random.seed(0)

    device = chainer.get_device(args.device)
    device.use()
    chainer.print_runtime_info()
    chainer.global_config.autotune = True
    chainer.config.user_gpu_mode = device.xp is not np

    model = L.Classifier(MLP(40, 6, .1))
    model.to_device(device)
    optimizer = chainer.optimizers.MomentumSGD(lr=.2)
    optimizer.setup(model)
    optimizer.add_hook(chainer.optimizer_hooks.WeightDecay(1e-4))
    optimizer.add_hook(chainer.optimizer_hooks.GradientClipping(5))
    train, test = chainer.datasets.split_dataset_random(get_data(500, 0), 400, seed=0)
    train_iter = SerialIterator(train, args.batchsize)
    test_iter = SerialIterator(test, args.batchsize, repeat=False, shuffle=False)
    reporter = chainer.Reporter()
    reporter.add_observer('main', model)
    reporter.add_observers('main', model.namedlinks(skipself=True))

    losses, summary = [], chainer.DictSummary()
    while train_iter.epoch < args.epoch:
        x, t = convert.concat_examples(train_iter.next(), device)
        observation = {}
        with reporter.scope(observation):
            optimizer.update(model, chainer.Variable(x), chainer.Variable(t, requires_grad=False))
        assert observation['main/loss'].array == model.loss.array and 0 < observation['main/predictor/active'] < 1
        summary.add(observation)
        if train_iter.is_new_epoch:
            mean = summary.compute_mean()
            losses.append(float(mean['main/loss']))
            loss, accuracy = evaluate(model, test_iter, device)
            print('epoch', train_iter.epoch, 'loss', losses[-1], 'test', loss, 'accuracy', accuracy)
            summary = chainer.DictSummary()
            optimizer.lr *= .95
    assert losses[-1] < .6 * losses[0] and accuracy > .6, (losses, accuracy)
    assert not chainer.config.user_gpu_mode

    os.makedirs(args.out, exist_ok=True)
    serializers.save_npz(os.path.join(args.out, 'mlp.model'), model)
    serializers.save_npz(os.path.join(args.out, 'mlp.state'), optimizer)
    again = L.Classifier(MLP(40, 6, .1))
    serializers.load_npz(os.path.join(args.out, 'mlp.model'), again)
    with chainer.no_backprop_mode(), chainer.using_config('train', False):
        assert (again.predictor(x).array == model.predictor(x).array).all()


if __name__ == '__main__':
    main()
