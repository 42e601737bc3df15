"""Chainer 3 to 7, in the style of textbooks: define by run; loops, branches and recurrent networks in plain Python."""
import numpy as np

import chainer
from chainer import Chain, ChainList, Variable
import chainer.functions as F
import chainer.links as L

np.random.seed(0)

# what has been computed, and its gradients
x = Variable(np.array([3, -1], dtype=np.float32))
u = F.sin(x) * 2
y = F.sum(u ** 2 - x / 4)
y.backward(retain_grad=True)
print(y.data, x.grad.tolist(), u.grad.tolist())
np.testing.assert_allclose(x.grad, 4 * np.sin(2 * x.data) - .25, rtol=1e-5)
np.testing.assert_allclose(u.grad, 2 * u.data, rtol=1e-5)
x.cleargrad()
y = 1 - x
y.grad = np.array([1, 10], dtype=np.float32)
y.backward()
assert x.grad.tolist() == [-1, -10]
layer = L.Linear(2, 1, initialW=np.array([[2, 3]]), initial_bias=-1)
layer.cleargrads()
y = layer(np.array([[1, 1], [0, 2]], dtype=np.float32))
y.grad = np.ones((2, 1), dtype=np.float32)
y.backward()
assert y.data.tolist() == [[4], [5]] and layer.W.grad.tolist() == [[1, 3]] and layer.b.grad.tolist() == [2]
x = Variable(np.array(2.))
gx, = chainer.grad([x ** 3], [x], enable_double_backprop=True)
gx.backward()
assert gx.data == x.grad == 12
a, b = Variable(np.array(.5)), Variable(np.array(3.))
while a.data < 100:  # Newton's method for a square root is differentiated as it ran
    if abs(a.data ** 2 - b.data) < 1e-12:
        break
    a = (a + b / a) / 2
a.backward()
assert abs(a.data - 3 ** .5) < 1e-9 and abs(b.grad - 1 / (2 * 3 ** .5)) < 1e-6


class RNN(Chain):
    """Tells whether brackets are closed."""

    def __init__(self, n_units):
        super(RNN, self).__init__()
        with self.init_scope():
            self.embed = L.EmbedID(3, n_units, ignore_label=-1)
            self.x2h = L.Linear(n_units, n_units)
            self.h2h = L.Linear(n_units, n_units)
            self.mid = ChainList(*[L.Linear(n_units, n_units) for _ in range(2)])
            self.h2y = L.Linear(n_units, 2)

    def reset_state(self):
        self.h = None

    def __call__(self, x):
        h = self.x2h(self.embed(x))
        if self.h is not None:
            h += self.h2h(self.h)
        self.h = F.tanh(h)
        return self.h

    def decide(self, sequence):
        self.reset_state()
        for word in sequence:
            self(np.array([word], np.int32))
        h = self.h
        for layer in self.mid:
            h = F.leaky_relu(layer(h), slope=.1)
        return self.h2y(h)


def make_sequence(rs):
    """Brackets, of which at most one is open, and dots; the label is whether one is open at the end."""
    depth, words = 0, []
    for _ in range(rs.randint(2, 7)):
        word = rs.choice([0, 1]) if depth == 0 else rs.choice([1, 2])
        depth += {0: 1, 1: 0, 2: -1}[word]
        words.append(word)
    return words, depth


rs = np.random.RandomState(0)
data = [make_sequence(rs) for _ in range(120)]
model = RNN(8)
optimizer = chainer.optimizers.MomentumSGD(lr=.05)
optimizer.setup(model)
optimizer.add_hook(chainer.optimizer.GradientClipping(1.))
losses = []
for epoch in range(5):
    total, correct = 0, 0
    for sequence, label in data:
        y = model.decide(sequence)
        loss = F.softmax_cross_entropy(y, np.array([label], np.int32))
        model.cleargrads()
        loss.backward()
        loss.unchain_backward()
        optimizer.update()
        total += float(loss.data)
        correct += int(y.data.argmax() == label)
    losses.append(total / len(data))
    print('epoch', epoch, 'loss', losses[-1], 'accuracy', correct / len(data))
assert losses[-1] < .2 * losses[0] and correct > .95 * len(data)
with chainer.using_config('train', False), chainer.no_backprop_mode():
    y = model.decide([0, 1, 1, 2, 0])
    assert y.creator is None and int(F.argmax(y, axis=1).data[0]) == 1
