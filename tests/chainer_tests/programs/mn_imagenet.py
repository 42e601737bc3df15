"""ChainerMN, in the style of the example `imagenet`: pictures read by processes, normalization over all, checkpoints.

What fails with `--fail`, in the last process, is in one of the places where programs fail.
"""
import argparse
import multiprocessing
import os
import signal

import numpy as np

import chainer
import chainer.functions as F
import chainer.links as L
import chainermn
from chainer import training
from chainer.training import extensions
from chainermn import global_except_hook


class Net(chainer.Chain):

    def __init__(self):
        super(Net, self).__init__()
        with self.init_scope():
            self.conv = L.Convolution2D(3, 8, 3, pad=1, nobias=True)
            self.bn = L.BatchNormalization(8)
            self.fc = L.Linear(None, 4)

    def forward(self, x, t):
        h = F.average_pooling_2d(F.relu(self.bn(self.conv(x))), 4)
        y = self.fc(h)
        loss = F.softmax_cross_entropy(y, t)
        chainer.report({'loss': loss, 'accuracy': F.accuracy(y, t)}, self)
        return loss


class Pictures(chainer.dataset.DatasetMixin):

    def __init__(self, n, seed, fails=False):
        rs = np.random.RandomState(seed)
        self.labels = rs.randint(0, 4, n).astype('i')
        self.pictures = rs.rand(n, 3, 9, 9).astype('f')
        self.fails = fails
        for picture, label in zip(self.pictures, self.labels):
            picture[:, 4 * (label // 2):][:, :4, 4 * (label % 2):][:, :, :4] += 1

    def __len__(self):
        return len(self.labels)

    def get_example(self, i):
        if self.fails and i == 33:
            raise RuntimeError('as wanted')
        return self.pictures[i, :, :8, :8], self.labels[i]


class Evaluator(extensions.Evaluator):

    fails = False

    def evaluate(self):
        if self.fails:
            raise RuntimeError('as wanted')
        return super(Evaluator, self).evaluate()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--epoch', type=int, default=4)
    parser.add_argument('--out', default='result')
    parser.add_argument('--serial', action='store_true')
    parser.add_argument('--fail', choices=['extension', 'evaluator', 'worker', 'signal'])
    args = parser.parse_args()
    global_except_hook.add_hook()
    multiprocessing.set_start_method('forkserver')
    comm = chainermn.create_communicator('flat')
    last = comm.rank == comm.size - 1
    np.random.seed(comm.rank)
    model = chainermn.links.create_mnbn_model(Net(), comm)
    if comm.rank == 0:
        train, val = Pictures(240, 1), Pictures(60, 2)
    else:
        train, val = None, None
    train = chainermn.scatter_dataset(train, comm, shuffle=True, seed=0)
    val = chainermn.scatter_dataset(val, comm)
    if args.fail == 'worker' and last:
        train = Pictures(len(train), 1, fails=True)
    if args.serial:
        train_iter = chainer.iterators.SerialIterator(train, 10)
        val_iter = chainer.iterators.SerialIterator(val, 10, repeat=False, shuffle=False)
    else:
        train_iter = chainer.iterators.MultiprocessIterator(train, 10, n_processes=1)
        val_iter = chainer.iterators.MultiprocessIterator(val, 10, repeat=False, shuffle=False, n_processes=1)

    optimizer = chainermn.create_multi_node_optimizer(chainer.optimizers.MomentumSGD(lr=0.05), comm)
    optimizer.setup(model)
    optimizer.add_hook(chainer.optimizer_hooks.WeightDecay(0.0005))
    updater = training.updaters.StandardUpdater(train_iter, optimizer)
    trainer = training.Trainer(updater, (args.epoch, 'epoch'), args.out)
    checkpointer = chainermn.create_multi_node_checkpointer(name='imagenet', comm=comm, path='checkpoints')
    evaluator = Evaluator(val_iter, model)
    trainer.extend(chainermn.create_multi_node_evaluator(evaluator, comm))
    trainer.extend(chainermn.extensions.ObservationAggregator(comm, 'main/loss'))
    trainer.extend(chainermn.extensions.AllreducePersistent(model, comm))
    if comm.rank == 0:
        trainer.extend(extensions.LogReport())
        trainer.extend(extensions.PrintReport(['epoch', 'main/loss', 'validation/main/accuracy']))

    def fail(trainer):
        if last and trainer.updater.iteration == 25:
            if args.fail == 'extension':
                raise RuntimeError('as wanted')
            if args.fail == 'signal':
                os.kill(os.getpid(), signal.SIGINT)
            evaluator.fails = args.fail == 'evaluator'

    trainer.extend(fail, trigger=(1, 'iteration'), priority=1)
    trainer.extend(checkpointer, trigger=(10, 'iteration'))
    checkpointer.maybe_load(trainer, optimizer)
    if comm.rank == 0:
        print('begins at', trainer.updater.iteration)
    trainer.run()
    if comm.rank == 0:
        accuracy = trainer.observation['validation/main/accuracy']
        print('accuracy', accuracy, checkpointer.get_stats())
        assert accuracy > 0.9


if __name__ == '__main__':
    main()
