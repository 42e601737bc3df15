"""Chainer 7, as in examples with several devices, all of them the CPU: parts of a model, and copies of it."""
import argparse

import numpy as np

import chainer
import chainer.functions as F
import chainer.links as L
from chainer import training
from chainer.training import extensions


class MLP(chainer.Chain):

    def __init__(self, n_units, n_out):
        super(MLP, self).__init__()
        with self.init_scope():
            self.l1 = L.Linear(None, n_units)
            self.l2 = L.Linear(n_units, n_out)

    def forward(self, x):
        return self.l2(F.relu(self.l1(x)))


class TwoDevices(chainer.Chain):
    """One hidden layer on a device, the other on another, and their sum on the first."""

    def __init__(self, n_units, n_out, *devices):
        super(TwoDevices, self).__init__()
        self.devices = devices
        with self.init_scope():
            self.left, self.right, self.top = MLP(n_units, n_units), MLP(n_units, n_units), MLP(n_units, n_out)
        for link, device in zip((self.left, self.right, self.top), devices + devices[:1]):
            link.to_device(device)

    def forward(self, x):
        right = F.copy(self.right(F.copy(x, self.devices[1])), self.devices[0])
        return self.top(F.dropout(F.relu(self.left(x) + right), .1))


class CopiesUpdater(training.updaters.StandardUpdater):
    """Gradients of two halves of a batch, on two copies of the model."""

    def __init__(self, iterator, optimizer, models, device):
        super(CopiesUpdater, self).__init__(iterator, optimizer, device=device)
        self.models = models

    def update_core(self):
        batch = self.get_iterator('main').next()
        optimizer = self.get_optimizer('main')
        target = optimizer.target
        losses = []
        for i, model in enumerate(self.models):
            model.cleargrads()
            x, t = self.converter(batch[i::len(self.models)], self.device)
            loss = F.softmax_cross_entropy(model.predictor(x), t) / len(self.models)
            loss.backward(loss_scale=2.)
            losses.append(loss)
        with chainer.using_config('enable_backprop', False):
            for model in self.models[1:]:
                target.addgrads(model)
        for param in target.params():
            param.grad /= 2
        optimizer.update()
        for model in self.models[1:]:
            model.copyparams(target)
        chainer.report({'sum': sum(float(loss.array) for loss in losses)})


def run(updater, model, test, name, args):
    trainer = training.Trainer(updater, (args.epoch, 'epoch'), out=name)
    test_iter = chainer.iterators.SerialIterator(test, 50, repeat=False, shuffle=False)
    trainer.extend(extensions.Evaluator(test_iter, model, device=args.device0))
    trainer.extend(extensions.LogReport())
    trainer.extend(extensions.PrintReport(['epoch', 'main/loss', 'sum', 'validation/main/loss']))
    trainer.run()
    log = trainer.get_extension('LogReport').log
    assert log[-1]['validation/main/accuracy'] > .9, (name, log)
    return log


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--batchsize', '-b', type=int, default=50)
    parser.add_argument('--epoch', '-e', type=int, default=5)
    parser.add_argument('--device0', '-d0', type=int, default=-1)
    parser.add_argument('--device1', '-d1', type=int, default=-1)
    args = parser.parse_args()
    devices = chainer.get_device(args.device0), chainer.get_device(args.device1)

    rs = np.random.RandomState(0)
    t = rs.randint(0, 5, 400).astype(np.int32)
    x = (rs.rand(5, 20)[t] + rs.normal(0, .2, (400, 20))).astype(np.float32)
    data = chainer.datasets.TupleDataset(x, t)
    train, test = data[:300], data[300:]

    np.random.seed(0)
    model = L.Classifier(TwoDevices(20, 5, *devices))
    optimizer = chainer.optimizers.Adam(.01)
    optimizer.setup(model)
    train_iter = chainer.iterators.SerialIterator(train, args.batchsize)
    run(training.updaters.StandardUpdater(train_iter, optimizer, device=args.device0), model, test, 'parts', args)

    np.random.seed(0)
    model = L.Classifier(MLP(20, 5))
    model.predictor(x[:1])
    models = [model, model.copy(mode='copy')]
    optimizer = chainer.optimizers.Adam(.01)
    optimizer.setup(model)
    train_iter = chainer.iterators.SerialIterator(train, args.batchsize)
    log = run(CopiesUpdater(train_iter, optimizer, models, devices[0]), model, test, 'copies', args)
    assert log[-1]['sum'] < log[0]['sum']
    for a, b in zip(models[0].params(), models[1].params()):
        assert a is not b and (a.array == b.array).all()


if __name__ == '__main__':
    main()
