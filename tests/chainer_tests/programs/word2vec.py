"""Chainer 7, in the style of the example `word2vec`: vectors of words, by two models and three losses."""
import argparse
import collections
import os

import numpy as np

import chainer
from chainer.backends import cuda
import chainer.functions as F
import chainer.initializers as I
import chainer.links as L
import chainer.optimizers as O
from chainer import reporter
from chainer import training
from chainer.training import extensions

N_WORDS, N_UNITS = 20, 8


class WordVectors(chainer.Chain):

    def __init__(self, loss_func):
        super(WordVectors, self).__init__()
        with self.init_scope():
            self.embed = L.EmbedID(N_WORDS, N_UNITS, initialW=I.Uniform(1. / N_UNITS))
            self.loss_func = loss_func

    def __call__(self, centre, around):
        loss = self.loss_func(*self.pairs(centre, self.embed(around)))
        reporter.report({'loss': loss}, self)
        return loss


class ContinuousBagOfWords(WordVectors):

    def pairs(self, centre, e):
        return F.average(e, axis=1), centre


class SkipGram(WordVectors):

    def pairs(self, centre, e):
        return F.reshape(e, (-1, N_UNITS)), self.xp.repeat(centre, e.shape[1])


class SoftmaxLoss(chainer.Chain):

    def __init__(self):
        super(SoftmaxLoss, self).__init__(out=L.Linear(N_UNITS, N_WORDS, initialW=0))

    def __call__(self, x, t):
        return F.softmax_cross_entropy(self.out(x), t)


class WindowIterator(chainer.dataset.Iterator):
    """Batches of words and of those around them, up to a random distance."""

    def __init__(self, words, window, batch_size, repeat=True):
        self.words, self.window, self.batch_size, self.repeat = words.astype(np.int32), window, batch_size, repeat
        self.places = np.random.permutation(np.arange(window, len(words) - window))
        self.position = self.epoch = 0
        self.is_new_epoch = False

    def __next__(self):
        if self.epoch and not self.repeat:
            raise StopIteration
        chosen = self.places[self.position:self.position + self.batch_size, None]
        self.position += self.batch_size
        self.is_new_epoch = self.position >= len(self.places)
        if self.is_new_epoch:
            self.position = 0
            self.epoch += 1
            np.random.shuffle(self.places)
        width = np.random.randint(1, self.window)
        offsets = np.delete(np.arange(-width, width + 1), width)
        return self.words[chosen[:, 0]], self.words[chosen + offsets]

    @property
    def epoch_detail(self):
        return self.epoch + self.position / len(self.places)

    def serialize(self, serializer):
        for name in 'position', 'epoch', 'is_new_epoch', 'places':
            setattr(self, name, serializer(name, getattr(self, name)))


@chainer.dataset.converter()
def convert(batch, device):
    return tuple(device.send(part) for part in batch)


def make_loss(name, counts):
    if name == 'hsm':
        tree = L.BinaryHierarchicalSoftmax.create_huffman_tree(counts)
        loss = L.BinaryHierarchicalSoftmax(N_UNITS, tree)
        loss.W.array[...] = 0
        return loss
    if name == 'ns':
        return L.NegativeSampling(N_UNITS, [counts[word] for word in range(N_WORDS)], 5)
    return SoftmaxLoss()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--device', '-d', type=str, default='-1')
    parser.add_argument('--epoch', '-e', default=4, type=int)
    parser.add_argument('--model', '-m', choices=['skipgram', 'cbow'], default='cbow')
    parser.add_argument('--out-type', '-o', choices=['hsm', 'ns', 'original'], nargs='+', default=['hsm'])
    parser.add_argument('--out', default='result')
    parser.add_argument('--gpu', '-g', dest='device', type=int, nargs='?', const=0)
    args = parser.parse_args()
    device = chainer.get_device(args.device)
    device.use()
    np.random.seed(0)

    # words of one topic come together
    rs = np.random.RandomState(0)
    words = np.repeat(rs.randint(0, 4, 100), 8) * 5 + rs.randint(0, 5, 800)
    counts = collections.Counter(words.tolist())
    for out_type in args.out_type:
        model = {'skipgram': SkipGram, 'cbow': ContinuousBagOfWords}[args.model](make_loss(out_type, counts))
        model.to_device(device)
        optimizer = O.Adam(.05).setup(model)
        train_iter = WindowIterator(words[:700], 3, 50)
        val_iter = WindowIterator(words[700:], 3, 50, repeat=False)
        updater = training.updaters.StandardUpdater(train_iter, optimizer, converter=convert, device=device)
        trainer = training.Trainer(updater, (args.epoch, 'epoch'), out=args.out)
        trainer.extend(extensions.Evaluator(val_iter, model, converter=convert, device=device))
        trainer.extend(extensions.LogReport())
        trainer.extend(extensions.PrintReport(['epoch', 'main/loss', 'validation/main/loss']))
        trainer.extend(extensions.snapshot(filename='snapshot_epoch_{.updater.epoch}'), trigger=(args.epoch, 'epoch'))
        trainer.run()
        assert trainer.get_extension('LogReport').log[-1]['main/loss'] < trainer.get_extension('LogReport').log[0][
            'main/loss']

        path = os.path.join(args.out, out_type + '.model')
        with open(path, 'w') as f:
            for word, vector in enumerate(cuda.to_cpu(model.embed.W.array)):
                f.write('word%d %s\n' % (word, ' '.join(map(str, vector))))
        with open(path) as f:
            vectors = np.array([line.split()[1:] for line in f], dtype=np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        near = np.argsort(-vectors.dot(vectors.T))[:, 1:4]
        same = (near // 5 == np.arange(N_WORDS)[:, None] // 5).mean()
        print(out_type, 'neighbours of the same topic:', same)
        assert same > .8


if __name__ == '__main__':
    main()
