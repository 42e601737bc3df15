"""Chainer 7, in the style of the example `memnn`: an end-to-end memory network that answers where somebody is."""
import argparse
import collections
import os
import pickle

import numpy as np

import chainer
import chainer.functions as F
from chainer import initializers
import chainer.links as L
from chainer import training
from chainer.training import extensions

PLACES = ['garden', 'office', 'kitchen']
NAMES = ['mary', 'john']
N_MEMORY, N_WORDS = 5, 4


def bag_of_words(embed, sentences):
    return F.sum(embed(sentences), axis=-2)


def position_encoding(embed, sentences):
    """The words' vectors, weighted by where they stand (equation in section 4.1 of the paper); word 0 is none."""
    xp = chainer.backend.get_array_module(sentences)
    e = embed(sentences)
    n_words, n_units = e.shape[-2:]
    length = xp.maximum((sentences != 0).sum(axis=-1), 1).astype('f')[..., None, None]
    place = xp.arange(1, n_words + 1, dtype='f')[:, None] / length
    unit = xp.arange(1, n_units + 1, dtype='f') / n_units
    return F.sum((1 - place - unit * (1 - 2 * place)) * e, axis=-2)


class MemoryNetwork(chainer.Chain):

    def __init__(self, n_units, n_vocab, encode, hops):
        super(MemoryNetwork, self).__init__()
        normal = initializers.Normal()
        with self.init_scope():
            # hop i reads with layer i, and answers with layer i + 1
            self.words, self.times = chainer.ChainList(), chainer.ChainList()
        for _ in range(hops + 1):
            self.words.append(L.EmbedID(n_vocab, n_units, initialW=normal, ignore_label=0))
            self.times.append(L.EmbedID(N_MEMORY, n_units, initialW=normal))
        self.encode, self.hops = encode, hops

    def forward(self, sentences, question):
        ages = self.xp.arange(N_MEMORY - 1, -1, -1, dtype=np.int32)
        u = self.encode(self.words[0], question)
        memories = []
        for words, times in zip(self.words, self.times):
            m = self.encode(words, sentences)
            memories.append(m + F.broadcast_to(times(ages), m.shape))
        for key, value in zip(memories, memories[1:]):
            p = F.softmax(F.matmul(key, F.expand_dims(u, -1)))
            u += F.squeeze(F.matmul(F.swapaxes(value, 2, 1), p), -1)
        return F.linear(u, self.words[-1].W)


def make_stories(n, rs):
    for _ in range(n):
        at = {}
        sentences = []
        while len(sentences) < 4 or len(at) < 2:
            name, place = NAMES[rs.randint(2)], PLACES[rs.randint(3)]
            at[name] = place
            sentences.append([name, 'is', 'in', place])
        name = NAMES[rs.randint(2)]
        yield sentences[-N_MEMORY:], ['where', 'is', name], at[name]


def as_numbers(stories, vocab):
    """Examples as dictionaries, whose keys are arguments of the network."""
    def number(words):
        return np.array([vocab[word] for word in words] + [0] * (N_WORDS - len(words)), np.int32)

    return [{'sentences': np.stack([number(sentence) for sentence in sentences + [[]] * (N_MEMORY - len(sentences))]),
             'question': number(question), 'answer': np.array(vocab[answer], np.int32)}
            for sentences, question, answer in stories]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--device', '-d', type=str, default='-1')
    parser.add_argument('--epoch', '-e', type=int, default=30)
    parser.add_argument('--sentence-repr', choices=['bow', 'pe'], default='bow')
    parser.add_argument('--model', default='model')
    parser.add_argument('--gpu', '-g', dest='device', type=int, nargs='?', const=0)
    args = parser.parse_args()
    device = chainer.get_device(args.device)
    device.use()
    np.random.seed(0)

    vocab = collections.defaultdict(lambda: len(vocab))
    vocab['<none>'] = 0
    rs = np.random.RandomState(0)
    train, test = as_numbers(make_stories(400, rs), vocab), as_numbers(make_stories(100, rs), vocab)
    encode = {'bow': bag_of_words, 'pe': position_encoding}[args.sentence_repr]
    network = MemoryNetwork(16, len(vocab), encode, 2)
    model = L.Classifier(network, label_key='answer')
    model.to_device(device)
    optimizer = chainer.optimizers.Adam(.02).setup(model)
    train_iter = chainer.iterators.SerialIterator(train, 50)
    test_iter = chainer.iterators.SerialIterator(test, 50, repeat=False, shuffle=False)
    trainer = training.Trainer(training.StandardUpdater(train_iter, optimizer, device=device), (args.epoch, 'epoch'))

    @training.make_extension()
    def forget_padding(trainer):
        for embed in network.words:
            embed.W.array[embed.ignore_label] = 0

    trainer.extend(forget_padding)
    trainer.extend(extensions.Evaluator(test_iter, model, device=device))
    trainer.extend(extensions.LogReport(trigger=(10, 'epoch')))
    trainer.extend(extensions.PrintReport(['epoch', 'main/loss', 'validation/main/loss', 'main/accuracy',
                                           'validation/main/accuracy']), trigger=(10, 'epoch'))
    trainer.run()

    os.makedirs(args.model, exist_ok=True)
    with open(os.path.join(args.model, 'vocab.pickle'), 'wb') as f:
        pickle.dump(dict(vocab), f)
    chainer.serializers.save_npz(os.path.join(args.model, 'model.npz'), model)
    log = trainer.get_extension('LogReport').log
    assert log[-1]['validation/main/accuracy'] > .9 and not network.words[0].W.array[0].any(), log
    with chainer.using_config('train', False), chainer.no_backprop_mode():
        y = network(test[0]['sentences'][None], test[0]['question'][None])
    answer = int(y.array.argmax())
    print('answer:', [word for word, index in vocab.items() if index == answer][0])


if __name__ == '__main__':
    main()
