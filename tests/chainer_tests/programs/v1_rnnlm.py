"""Chainer 1.24: a language model, its evaluation on a copy, and its loop without a trainer."""
import argparse

import numpy as np

import chainer
from chainer import cuda
import chainer.functions as F
import chainer.links as L
from chainer import optimizers
from chainer import serializers


class RNNLM(chainer.Chain):

    def __init__(self, n_words, n_units, train=True):
        super(RNNLM, self).__init__(
            embed=L.EmbedID(n_words, n_units),
            l1=L.LSTM(n_units, n_units),
            l2=L.StatefulGRU(n_units, n_units),
            out=L.Linear(n_units, n_words),
        )
        self.add_link('extra', L.Linear(n_units, n_units, nobias=True))
        self.add_param('gain', (1, n_units), initializer=chainer.initializers.One())
        self.add_persistent('steps', 0)
        self.train = train

    def reset_state(self):
        self.l1.reset_state()
        self.l2.reset_state()

    def __call__(self, x):
        self.steps += 1
        h = self.l1(F.dropout(self.embed(x), .1, self.train))
        h = self.l2(F.dropout(h, ratio=.1, train=self.train)) + self.extra(h)
        return self.out(F.dropout(h * F.broadcast_to(self.gain, h.data.shape), train=self.train, ratio=.1))


parser = argparse.ArgumentParser()
parser.add_argument('--gpu', '-g', default=-1, type=int)
parser.add_argument('--epoch', '-e', default=4, type=int)
args = parser.parse_args()
xp = cuda.cupy if args.gpu >= 0 else np
np.random.seed(0)

# each sentence counts upwards from a number, and then comes 0
rs = np.random.RandomState(0)
words = np.concatenate([np.append(np.arange(start, start + 3), 0) for start in rs.randint(1, 5, 300)]).astype('i')
train_words, valid_words = words[:1000], words[1000:]
model = L.Classifier(RNNLM(int(words.max()) + 1, 16))
model.compute_accuracy = False
for _, param in sorted(model.namedparams()):
    param.data[:] = np.random.uniform(-.3, .3, param.data.shape)
if args.gpu >= 0:
    cuda.get_device(args.gpu).use()
    model.to_gpu()
optimizer = optimizers.Adam(alpha=.02)
optimizer.setup(model)
optimizer.add_hook(chainer.optimizer.GradientClipping(5))


def evaluate(words):
    copied = model.copy()
    copied.predictor.reset_state()
    copied.predictor.train = False
    total = 0
    for i in range(words.size - 1):
        x, t = [chainer.Variable(xp.asarray(words[k:k + 1]), volatile='on') for k in (i, i + 1)]
        total += copied(x, t).data
    assert model.predictor.train and model.predictor.l1.h is not copied.predictor.l1.h
    assert copied.predictor.l1.h.creator is None
    return float(np.exp(float(total) / (words.size - 1)))


n_steps = len(train_words) // 10
places = np.arange(10) * n_steps
perplexities = []
for epoch in range(1, args.epoch + 1):
    total = xp.zeros(())
    loss = 0
    for i in range(1, n_steps + 1):
        x = chainer.Variable(xp.asarray(train_words[places % len(train_words)]))
        places += 1
        step = model(x, chainer.Variable(xp.asarray(train_words[places % len(train_words)])))
        loss += step
        total += step.data
        if i % 10 == 0:
            model.cleargrads()
            loss.backward()
            loss.unchain_backward()
            optimizer.update()
            loss = 0
    perplexities.append(float(xp.exp(total / n_steps)))
    print('epoch', epoch, 'perplexity', perplexities[-1], 'validation', evaluate(valid_words))

assert perplexities[-1] < .5 * perplexities[0] and evaluate(valid_words) < 2
serializers.save_hdf5('rnnlm.model', model)
serializers.save_hdf5('rnnlm.state', optimizer)
other = L.Classifier(RNNLM(int(words.max()) + 1, 16))
serializers.load_hdf5('rnnlm.model', other)
# what a copy counts is its own
assert other.predictor.steps == model.predictor.steps == n_steps * args.epoch
assert (other.predictor.gain.data == cuda.to_cpu(model.predictor.gain.data)).all()
