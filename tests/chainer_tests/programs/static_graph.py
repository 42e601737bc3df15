"""Chainer 7, in the style of the example `static_graph_optimizations`: chains whose graph does not change."""
import argparse

import numpy as np

import chainer
import chainer.functions as F
import chainer.links as L
from chainer import static_graph
from chainer import training
from chainer.training import extensions


class MLP(chainer.Chain):
    """A network that is defined anew in each iteration."""

    def __init__(self, n_units, n_out):
        super(MLP, self).__init__()
        with self.init_scope():
            self.l1 = L.Linear(16, n_units)
            self.bn = L.BatchNormalization(n_units)
            self.l2 = L.Linear(n_units, n_out)

    def __call__(self, x):
        return self.l2(F.relu(self.bn(self.l1(x))))


class StaticMLP(MLP):
    """The same, whose definition is taken from the first iteration."""

    @static_graph
    def __call__(self, x):
        return self.l2(F.relu(self.bn(self.l1(x))))


class CountingMLP(MLP):
    """With code beside the graph that does not become static."""

    def __init__(self, *args):
        super(CountingMLP, self).__init__(*args)
        self.counts = np.zeros(1, np.int64)

    @chainer.static_code
    def count(self, x):
        self.counts += 1

    @static_graph(verbosity_level=0)
    def __call__(self, x):
        self.count(x)
        return self.l2(F.relu(self.bn(self.l1(x))))


class StaticRNN(chainer.Chain):
    """All steps of a sequence as one static graph."""

    def __init__(self, n_units):
        super(StaticRNN, self).__init__()
        with self.init_scope():
            self.x2h = L.Linear(4, n_units)
            self.h2h = L.Linear(n_units, n_units)
            self.out = L.Linear(n_units, 4)

    @static_graph(force_test_define=True, minimize_cache_size=True)
    def static_call(self, x):
        h = F.tanh(self.x2h(x[:, 0]))
        for i in range(1, 4):
            h = F.tanh(self.x2h(x[:, i]) + self.h2h(h))
        return self.out(h)

    def forward(self, x):
        return self.static_call(x)


def train(model, data, args):
    np.random.seed(0)
    classifier = L.Classifier(model)
    optimizer = chainer.optimizers.Adam(.01)
    optimizer.setup(classifier)
    train_iter = chainer.iterators.SerialIterator(data[:192], 32)
    test_iter = chainer.iterators.SerialIterator(data[192:], 32, repeat=False, shuffle=False)
    updater = training.StandardUpdater(train_iter, optimizer, device=-1)
    trainer = training.Trainer(updater, (args.epoch, 'epoch'), out='result')
    trainer.extend(extensions.Evaluator(test_iter, classifier, device=-1))
    trainer.extend(extensions.LogReport(trigger=(5, 'epoch')))
    trainer.extend(extensions.PrintReport(['epoch', 'main/loss', 'validation/main/accuracy']), trigger=(5, 'epoch'))
    trainer.run()
    log = trainer.get_extension('LogReport').log
    assert log[-1]['main/loss'] < .5 * log[0]['main/loss'] and log[-1]['validation/main/accuracy'] > .8, log
    return log[-1]['main/loss']


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--epoch', '-e', type=int, default=10)
    args = parser.parse_args()
    chainer.disable_experimental_feature_warning = True

    rs = np.random.RandomState(0)
    t = rs.randint(0, 4, 256).astype(np.int32)
    x = (np.eye(4)[t][:, :, None] + rs.normal(0, .4, (256, 4, 4))).astype(np.float32)
    flat = chainer.datasets.TupleDataset(x.reshape(256, 16), t)
    losses = []
    for cls in MLP, StaticMLP, CountingMLP:
        np.random.seed(0)
        model = cls(20, 4)
        losses.append(train(model, flat, args))
    print('losses', losses)
    assert max(losses) < .1 and model.counts[0] > 1

    np.random.seed(0)
    train(StaticRNN(16), chainer.datasets.TupleDataset(x, t), args)
    with chainer.using_config('use_static_graph', False):
        np.random.seed(0)
        train(StaticRNN(16), chainer.datasets.TupleDataset(x, t), args)


if __name__ == '__main__':
    main()
