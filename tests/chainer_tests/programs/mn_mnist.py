"""ChainerMN, in the style of the example `mnist`: each process trains on its part, rank 0 reports."""
from __future__ import print_function

import argparse
import json

import numpy as np

import chainer
import chainer.functions as F
import chainer.links as L
import chainermn
from chainer import training
from chainer.training import extensions


class MLP(chainer.Chain):

    def __init__(self, n_units, n_out):
        super(MLP, self).__init__(
            l1=L.Linear(64, n_units),
            l2=L.Linear(n_units, n_out))

    def __call__(self, x):
        return self.l2(F.relu(self.l1(x)))


def make_digits(n, seed):
    patterns = np.random.RandomState(0).rand(10, 64)
    rs = np.random.RandomState(seed)
    t = rs.randint(0, 10, n).astype(np.int32)
    return chainer.datasets.TupleDataset((patterns[t] + rs.normal(0, .3, (n, 64))).astype(np.float32), t)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--communicator', default='naive')
    parser.add_argument('--double-buffering', action='store_true')
    args = parser.parse_args()
    comm = chainermn.create_communicator(args.communicator)
    if comm.rank == 0:
        print('processes: {}, communicator: {}'.format(comm.size, args.communicator))
    np.random.seed(comm.rank)
    model = L.Classifier(MLP(50, 10))
    optimizer = chainermn.create_multi_node_optimizer(
        chainer.optimizers.Adam(0.005), comm, double_buffering=args.double_buffering)
    optimizer.setup(model)

    if comm.rank == 0:
        train, test = make_digits(401, 1), make_digits(101, 2)
    else:
        train, test = None, None
    train = chainermn.scatter_dataset(train, comm, shuffle=True)
    test = chainermn.scatter_dataset(test, comm, shuffle=True)
    assert len(train) == 201 and len(test) == 51

    train_iter = chainer.iterators.SerialIterator(train, 20)
    test_iter = chainer.iterators.SerialIterator(test, 20, repeat=False, shuffle=False)
    updater = training.StandardUpdater(train_iter, optimizer, device=-1)
    trainer = training.Trainer(updater, (5, 'epoch'), out='result')
    trainer.extend(chainermn.create_multi_node_evaluator(extensions.Evaluator(test_iter, model, device=-1), comm))
    if comm.rank == 0:
        trainer.extend(extensions.DumpGraph('main/loss'))
        trainer.extend(extensions.LogReport())
        trainer.extend(extensions.PrintReport(['epoch', 'main/loss', 'validation/main/loss', 'validation/main/accuracy']))
        trainer.extend(extensions.snapshot(), trigger=(5, 'epoch'))
    trainer.run()

    weights = comm.gather(model.predictor.l1.W.array, root=0)
    if comm.rank == 0:
        assert all((each == weights[0]).all() for each in weights)
        with open('result/log') as file:
            log = json.load(file)
        assert log[-1]['validation/main/accuracy'] > 0.9, log[-1]
        print('accuracy', log[-1]['validation/main/accuracy'])


if __name__ == '__main__':
    main()
