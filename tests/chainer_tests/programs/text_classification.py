"""Chainer 7, in the style of the example `text_classification`: an RNN, a CNN and a bag of words on lists of arrays."""
import argparse
import json
import os

import numpy as np

import chainer
from chainer.dataset.convert import concat_examples
import chainer.functions as F
import chainer.links as L
from chainer import reporter
from chainer import training
from chainer.training import extensions

N_UNITS, DROPOUT = 16, .1


class Encoder(chainer.Chain):

    def __init__(self, n_words, **links):
        super(Encoder, self).__init__(**links)
        with self.init_scope():
            self.embed = L.EmbedID(n_words, N_UNITS, ignore_label=-1, initialW=chainer.initializers.Uniform(.25))

    def as_images(self, xs):
        """Vectors of padded texts, of shape (B, units, words, 1)."""
        return F.dropout(self.embed(concat_examples(xs, padding=-1)), ratio=DROPOUT).transpose(0, 2, 1)[..., None]


class RNNEncoder(Encoder):

    def __init__(self, n_words):
        super(RNNEncoder, self).__init__(n_words, rnn=L.NStepLSTM(1, N_UNITS, N_UNITS, DROPOUT))

    def forward(self, xs):
        es = F.dropout(self.embed(F.concat(xs, axis=0)), ratio=DROPOUT)
        h, c, ys = self.rnn(None, None, F.split_axis(es, np.cumsum([len(x) for x in xs])[:-1], 0))
        assert h.shape == c.shape == (1, len(xs), N_UNITS) and ys[0].shape == (len(xs[0]), N_UNITS)
        return h[-1]


class CNNEncoder(Encoder):

    def __init__(self, n_words):
        super(CNNEncoder, self).__init__(n_words, **{
            'width%d' % k: L.Convolution2D(N_UNITS, N_UNITS // 2, (k, 1), pad=(k - 1, 0), nobias=True) for k in (3, 4)})
        with self.init_scope():
            self.mlp = chainer.Sequential(L.Linear(N_UNITS, N_UNITS), F.relu).repeat(2)

    def forward(self, xs):
        x = self.as_images(xs)
        h = F.concat([F.max(layer(x), axis=2) for layer in (self.width3, self.width4)], axis=1)
        return self.mlp(F.reshape(F.dropout(F.relu(h), ratio=DROPOUT), (len(xs), -1)))


class BagEncoder(Encoder):

    def __init__(self, n_words):
        super(BagEncoder, self).__init__(n_words, mlp=L.MLPConvolution2D(N_UNITS, (N_UNITS, N_UNITS), 1))

    def forward(self, xs):
        lengths = self.xp.array([len(x) for x in xs], np.float32)[:, None, None]
        return F.squeeze(self.mlp((F.sum(self.as_images(xs), axis=2) / lengths)[..., None]), (2, 3))


class TextClassifier(chainer.Chain):

    def __init__(self, encoder, n_class):
        super(TextClassifier, self).__init__(encoder=encoder, out=L.Linear(N_UNITS, n_class))

    def scores(self, xs):
        return self.out(F.dropout(self.encoder(xs), ratio=DROPOUT))

    def forward(self, xs, ys):
        y, t = self.scores(xs), F.concat(ys, axis=0)
        loss = F.softmax_cross_entropy(y, t)
        reporter.report({'loss': loss, 'accuracy': F.accuracy(y, t)}, self)
        return loss


@chainer.dataset.converter()
def convert(batch, device):
    """Keyword arguments, each a list of arrays of different lengths."""
    return {name: [x if device is None else device.send(x) for x in column]
            for name, column in zip(('xs', 'ys'), zip(*batch))}


def make_texts(n):
    """Among other words there is a mark (3), and what follows it is the topic."""
    rs = np.random.RandomState(0)
    for _ in range(n):
        label = rs.randint(3)
        words = rs.randint(4, 8, rs.randint(4, 9))
        place = rs.randint(len(words) - 1)
        words[place:place + 2] = 3, label
        yield words.astype(np.int32), np.array([label], np.int32)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--epoch', '-e', type=int, default=5)
    parser.add_argument('--out', '-o', default='result')
    parser.add_argument('--model', '-model', nargs='+', default=['cnn'], choices=['cnn', 'rnn', 'bow'])
    parser.add_argument('--device', '-d', type=str, default='-1')
    parser.add_argument('--gpu', '-g', dest='device', type=int, nargs='?', const=0)
    args = parser.parse_args()
    device = chainer.get_device(args.device)
    device.use()

    train, test = chainer.datasets.split_dataset_random(list(make_texts(400)), 320, seed=0)
    for name in args.model:
        np.random.seed(0)
        model = TextClassifier({'rnn': RNNEncoder, 'cnn': CNNEncoder, 'bow': BagEncoder}[name](8), 3)
        model.to_device(device)
        optimizer = chainer.optimizers.Adam(.01).setup(model)
        optimizer.add_hook(chainer.optimizer.WeightDecay(1e-4))
        train_iter = chainer.iterators.SerialIterator(train, 40)
        test_iter = chainer.iterators.SerialIterator(test, 40, repeat=False, shuffle=False)
        updater = training.updaters.StandardUpdater(train_iter, optimizer, converter=convert, device=device)
        trainer = training.Trainer(updater, (args.epoch, 'epoch'), out=args.out)
        trainer.extend(extensions.Evaluator(test_iter, model, converter=convert, device=device))
        trainer.extend(extensions.snapshot_object(model, 'best_model.npz'),
                       trigger=training.triggers.MaxValueTrigger('validation/main/accuracy', (1, 'epoch')))
        trainer.extend(extensions.LogReport())
        trainer.extend(extensions.PrintReport(['epoch', 'main/loss', 'validation/main/loss', 'main/accuracy',
                                               'validation/main/accuracy']))
        trainer.run()

        with open(os.path.join(args.out, 'args.json'), 'w') as f:
            json.dump(dict(vars(args), device=str(device)), f)
        chainer.serializers.load_npz(os.path.join(args.out, 'best_model.npz'), model)
        batch = convert(test[:], device)
        with chainer.using_config('train', False), chainer.no_backprop_mode():
            y = model.scores(batch['xs'])
        accuracy = float(F.accuracy(y, np.concatenate(batch['ys'])).array)
        print(name, 'accuracy', accuracy, 'certainty', float(F.softmax(y).array.max(axis=1).mean()))
        assert accuracy > .9


if __name__ == '__main__':
    main()
