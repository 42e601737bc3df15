"""Chainer 1.5 to 7, in the style of textbooks: an autoencoder that takes noise out, and what it has learned."""
import pickle

import numpy as np

from chainer import Chain, Variable, optimizers, serializers
import chainer.functions as F
import chainer.links as L

np.random.seed(0)


class AutoEncoder(Chain):

    def __init__(self, n_in, n_code):
        super(AutoEncoder, self).__init__(
            l1=L.Linear(n_in, n_code),
            l2=L.Linear(n_code, n_in),
        )

    def __call__(self, x, t):
        self.code = F.sigmoid(self.l1(x))
        return F.mean_squared_error(self.l2(self.code), t)


# sums of some of three patterns, and noise
patterns = np.random.rand(3, 16)
clean = (np.random.randint(0, 2, (300, 3)).dot(patterns) / 2).astype(np.float32)
noisy = clean + np.random.normal(0, .05, clean.shape).astype(np.float32)

model = AutoEncoder(16, 3)
optimizer = optimizers.Adam(alpha=.02)
optimizer.setup(model)
before = float(model(Variable(noisy), Variable(clean)).data)
W_before = model.l1.W.data.copy()
for epoch in range(40):
    order = np.random.permutation(300)
    for i in range(0, 300, 30):
        model.zerograds()
        loss = model(Variable(noisy[order[i:i + 30]]), Variable(clean[order[i:i + 30]]))
        loss.backward()
        optimizer.update()
    if epoch % 10 == 0:
        print('epoch', epoch, 'loss', float(loss.data), 'gradient', float(abs(model.l1.W.grad).sum()))
after = float(model(Variable(noisy), Variable(clean)).data)
print('from', before, 'to', after)
assert after < .1 * before and (model.l1.W.data != W_before).all()

# the weights in hand: what a layer computes
code = model.code.data
np.testing.assert_allclose(1 / (1 + np.exp(-(noisy.dot(model.l1.W.data.T) + model.l1.b.data))), code, rtol=1e-4)
for name, param in sorted(model.namedparams()):
    print(name, param.data.shape, param.data.dtype, param.grad.shape)

# three ways to keep a model
with open('model.pkl', 'wb') as f:
    pickle.dump(model, f)
with open('model.pkl', 'rb') as f:
    pickled = pickle.load(f)
serializers.save_npz('my.model', model)
restored = AutoEncoder(16, 3)
serializers.load_npz('my.model', restored)
np.savez('weights.npz', W1=model.l1.W.data, b1=model.l1.b.data, W2=model.l2.W.data, b2=model.l2.b.data)
by_hand = AutoEncoder(16, 3)
with np.load('weights.npz') as weights:
    for name, array in weights.items():
        getattr(by_hand['l' + name[1]], name[0]).data[...] = array
for each in pickled, restored, by_hand:
    assert float(each(Variable(noisy), Variable(clean)).data) == after

# a layer that is kept, and one that is new
stacked = Chain(first=model.l1.copy(), second=L.Linear(3, 2))
labels = (code[:, 0] > np.median(code[:, 0])).astype(np.int32)
optimizer = optimizers.SGD(lr=1.)
optimizer.setup(stacked.second)
for _ in range(300):
    y = stacked.second(F.sigmoid(stacked.first(Variable(noisy))))
    loss = F.softmax_cross_entropy(y, Variable(labels))
    stacked.zerograds()
    loss.backward()
    optimizer.update()
accuracy = float(F.accuracy(y, Variable(labels)).data)
print('classified', accuracy)
assert accuracy > .9 and (stacked.first.W.data == pickled.l1.W.data).all()
