"""Chainer 7, in the style of the example `pos`: parts of speech by a conditional random field."""
import argparse
import collections

import numpy as np

import chainer
from chainer import datasets
import chainer.functions as F
import chainer.links as L
from chainer import reporter
from chainer import training
from chainer.training import extensions


class Tagger(chainer.Chain):

    def __init__(self, n_words, n_tags):
        super(Tagger, self).__init__()
        with self.init_scope():
            self.feature = L.EmbedID(n_words, n_tags)
            self.crf = L.CRF1d(n_tags)

    def forward(self, xs, ys):
        order = sorted(range(len(xs)), key=lambda i: -len(xs[i]))
        words = F.transpose_sequence([xs[i] for i in order])
        tags = F.transpose_sequence([ys[i] for i in order])
        scores = [self.feature(each) for each in words]
        loss = self.crf(scores, tags, transpose=False)
        _, found = self.crf.argmax(scores, transpose=False)
        correct = sum((t.array == f).sum() for t, f in zip(tags, found))
        reporter.report({'loss': loss, 'correct': correct, 'total': sum(map(len, tags))}, self)
        return loss

    def tag(self, xs):
        return self.crf.argmax([self.feature(x) for x in xs], transpose=True)


@chainer.dataset.converter()
def convert(batch, device):
    xs, ys = zip(*batch)
    return {'xs': [device.send(x) for x in xs], 'ys': [device.send(y) for y in ys]}


def make_sentences(n):
    """Of `det adj* noun verb`, in words each of which is of two parts of speech."""
    rs = np.random.RandomState(0)
    words = {'DET': ['the', 'that'], 'ADJ': ['light', 'cold'], 'NOUN': ['light', 'cold', 'dog'], 'VERB': ['dog', 'is']}
    for _ in range(n):
        tags = ['DET'] + ['ADJ'] * rs.randint(0, 2) + ['NOUN', 'VERB']
        yield [(words[tag][rs.randint(len(words[tag]))], tag) for tag in tags]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--batchsize', '-b', type=int, default=30)
    parser.add_argument('--epoch', '-e', type=int, default=20)
    parser.add_argument('--device', '-d', type=str, default='-1')
    parser.add_argument('--gpu', '-g', dest='device', type=int, nargs='?', const=0)
    args = parser.parse_args()
    np.random.seed(0)
    device = chainer.get_device(args.device)
    device.use()

    words = collections.defaultdict(lambda: len(words))
    tags = collections.defaultdict(lambda: len(tags))
    data = [tuple(np.array(column, np.int32) for column in zip(*((words[word], tags[tag]) for word, tag in sentence)))
            for sentence in make_sentences(200)]
    print(len(data), 'sentences of', len(words), 'words and', len(tags), 'tags')
    model = Tagger(len(words), len(tags))
    model.to_device(device)
    optimizer = chainer.optimizers.Adam(.1).setup(model)
    optimizer.add_hook(chainer.optimizer_hooks.WeightDecay(.0001))
    test, train = datasets.split_dataset_random(data, len(data) // 4, seed=0)
    train_iter = chainer.iterators.SerialIterator(train, args.batchsize)
    test_iter = chainer.iterators.SerialIterator(test, args.batchsize, repeat=False, shuffle=False)
    updater = training.updaters.StandardUpdater(train_iter, optimizer, converter=convert, device=device)
    trainer = training.Trainer(updater, (args.epoch, 'epoch'))
    evaluator = extensions.Evaluator(test_iter, model, device=device, converter=convert)
    trainer.extend(evaluator, trigger=(10, 'epoch'))
    trainer.extend(extensions.LogReport(trigger=(10, 'epoch')), trigger=(10, 'epoch'))
    for prefix in 'main/', 'validation/main/':
        trainer.extend(extensions.MicroAverage(prefix + 'correct', prefix + 'total', prefix + 'accuracy'),
                       name=prefix, trigger=(1 if prefix == 'main/' else 10, 'epoch'))
    trainer.extend(extensions.PrintReport(['epoch', 'main/loss', 'validation/main/loss', 'main/accuracy',
                                           'validation/main/accuracy']), trigger=(10, 'epoch'))
    trainer.run()

    names = {index: name for name, index in tags.items()}
    _, (found,) = model.tag([model.xp.array([words[word] for word in 'the cold light is'.split()], np.int32)])
    found = [names[int(tag)] for tag in found]
    print(*found)
    assert found == ['DET', 'ADJ', 'NOUN', 'VERB']
    result = evaluator()  # under the name that the trainer gave it
    assert result['validation/main/correct'] / result['validation/main/total'] > .95, result


if __name__ == '__main__':
    main()
