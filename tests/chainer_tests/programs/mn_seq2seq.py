"""ChainerMN, in the style of the example `seq2seq`: sentences of any length, and a measure that is no mean."""
import numpy as np

import chainer
import chainer.functions as F
import chainer.links as L
import chainermn
from chainer import training
from chainer.training import extensions

END = 0


class Reverser(chainer.Chain):

    def __init__(self, n_words, n_units):
        super(Reverser, self).__init__()
        with self.init_scope():
            self.embed = L.EmbedID(n_words, n_units)
            self.encoder = L.NStepLSTM(1, n_units, n_units, 0)
            self.decoder = L.NStepLSTM(1, n_units, n_units, 0)
            self.out = L.Linear(n_units, n_words)

    def decode(self, xs, ys):
        end = np.array([END], 'i')
        h, c, _ = self.encoder(None, None, [self.embed(x) for x in xs])
        _, _, hs = self.decoder(h, c, [self.embed(np.concatenate([end, y])) for y in ys])
        return self.out(F.concat(hs, axis=0)), np.concatenate([np.concatenate([y, end]) for y in ys])

    def __call__(self, *batch):
        y, t = self.decode(batch[:len(batch) // 2], batch[len(batch) // 2:])
        loss = F.softmax_cross_entropy(y, t)
        chainer.report({'loss': loss}, self)
        return loss


class WordAccuracy(chainermn.extensions.GenericMultiNodeEvaluator):
    """How many words are right, of all."""

    def calc_local(self, *batch):
        y, t = self._targets['main'].decode(batch[:len(batch) // 2], batch[len(batch) // 2:])
        return int((y.array.argmax(1) == t).sum()), len(t)

    def aggregate(self, results):
        right, total = np.sum(results, axis=0)
        chainer.report({'words': right / total})
        return right / total


def convert(batch, device):
    return tuple(x for x, _ in batch) + tuple(y for _, y in batch)


def make_sentences(n, seed):
    rs = np.random.RandomState(seed)
    sentences = [rs.randint(1, 6, rs.randint(2, 5)).astype('i') for _ in range(n)]
    return [(x, x[::-1]) for x in sentences]


def main():
    comm = chainermn.create_communicator('naive')
    np.random.seed(1)
    model = Reverser(6, 30)
    optimizer = chainermn.create_multi_node_optimizer(chainer.optimizers.Adam(0.01), comm)
    optimizer.setup(model)
    data = test = None
    if comm.rank == 0:
        data, test = make_sentences(200, 0), make_sentences(41, 1)
    data = chainermn.scatter_dataset(data, comm)
    test = chainermn.scatter_dataset(test, comm, force_equal_length=False)
    iterator = chainer.iterators.SerialIterator(data, 20)
    test_iterator = chainer.iterators.SerialIterator(test, 5, repeat=False, shuffle=False)
    updater = training.StandardUpdater(iterator, optimizer, converter=convert)
    stop = chainermn.extensions.MultiNodeEarlyStoppingTrigger(
        comm, monitor='main/loss', patience=3, max_trigger=(25, 'epoch'))
    trainer = training.Trainer(updater, stop, out='result')
    trainer.extend(WordAccuracy(comm, test_iterator, model, converter=convert), trigger=(5, 'epoch'))
    snapshot = extensions.snapshot(filename='snapshot_{.updater.epoch}', autoload=True, n_retains=1)
    trainer.extend(chainermn.extensions.multi_node_snapshot(comm, snapshot, [0]), trigger=(5, 'epoch'))
    if comm.rank == 0:
        trainer.extend(extensions.LogReport(trigger=(5, 'epoch')))
        trainer.extend(extensions.PrintReport(['epoch', 'main/loss', 'words']))
    trainer.run()
    if comm.rank == 0:
        log = trainer.get_extension('LogReport').log
        print('words', log[-1]['words'])
        assert log[-1]['words'] > 0.8


if __name__ == '__main__':
    main()
