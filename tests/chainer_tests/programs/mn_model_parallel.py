"""ChainerMN, in the style of the example of two MLPs: the layers of one network are in two processes."""
import numpy as np

import chainer
import chainer.functions as F
import chainer.links as L
import chainermn
import chainermn.functions
from chainer import training
from chainer.training import extensions


class First(chainer.Chain):

    def __init__(self, n_units):
        super(First, self).__init__()
        with self.init_scope():
            self.l1 = L.Linear(None, n_units)

    def __call__(self, x):
        return F.relu(self.l1(x))


class Second(chainer.Chain):

    def __init__(self, n_units, n_out):
        super(Second, self).__init__()
        with self.init_scope():
            self.l2 = L.Linear(n_units, n_units)
            self.l3 = L.Linear(n_units, n_out)

    def __call__(self, h):
        return self.l3(F.relu(self.l2(h)))


class Part0(chainermn.MultiNodeChainList):

    def __init__(self, comm, n_units):
        super(Part0, self).__init__(comm=comm)
        self.add_link(First(n_units), rank_in=None, rank_out=1)


class Part1(chainermn.MultiNodeChainList):

    def __init__(self, comm, n_units, n_out):
        super(Part1, self).__init__(comm=comm)
        self.add_link(Second(n_units, n_out), rank_in=0, rank_out=None)


def make_digits(n, seed):
    patterns = np.random.RandomState(0).rand(10, 64)
    rs = np.random.RandomState(seed)
    t = rs.randint(0, 10, n).astype(np.int32)
    return chainer.datasets.TupleDataset((patterns[t] + rs.normal(0, .3, (n, 64))).astype(np.float32), t)


def main():
    comm = chainermn.create_communicator('naive')
    assert comm.size == 2
    train, test = make_digits(400, 1), make_digits(100, 2)
    # Both processes walk through the same examples: rank 0 takes the pictures, rank 1 the labels.
    iterator = chainermn.iterators.create_synchronized_iterator(chainer.iterators.SerialIterator(train, 20), comm)
    model = Part0(comm, 40) if comm.rank == 0 else Part1(comm, 40, 10)
    optimizer = chainer.optimizers.Adam(0.005)
    optimizer.setup(model)

    def loss_func(x, t):
        if comm.rank == 0:
            return model(x)
        loss = F.softmax_cross_entropy(model(), t)
        chainer.report({'loss': loss}, model)
        return loss

    updater = training.StandardUpdater(iterator, optimizer, loss_func=loss_func)
    trainer = training.Trainer(updater, (5, 'epoch'), out='result')
    if comm.rank == 1:
        trainer.extend(extensions.LogReport())
        trainer.extend(extensions.PrintReport(['epoch', 'main/loss']))
    trainer.run()

    x, t = chainer.dataset.concat_examples(test[:])
    with chainer.no_backprop_mode(), chainer.using_config('train', False):
        if comm.rank == 0:
            model(x)
        else:
            accuracy = float(F.accuracy(model(), t).array)
            print('accuracy', accuracy)
            assert accuracy > 0.9


if __name__ == '__main__':
    main()
