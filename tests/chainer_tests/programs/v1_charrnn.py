"""Chainer 1.2: characters one by one through LSTMs whose states the program carries along."""
import copy
import pickle

import numpy as np

from chainer import cuda, Variable, FunctionSet, optimizers
import chainer.functions as F

N_UNITS = 24
np.random.seed(0)
text = 'hello, world! ' * 69
chars = sorted(set(text))
codes = np.array([chars.index(char) for char in text], np.int32)


class CharRNN(FunctionSet):

    def __init__(self):
        links = {'embed': F.EmbedID(len(chars), N_UNITS), 'out': F.Linear(N_UNITS, len(chars))}
        for name in 'x1', 'h1', 'x2', 'h2':
            links[name] = F.Linear(N_UNITS, 4 * N_UNITS)
        super(CharRNN, self).__init__(**links)
        for param in self.parameters:
            param[:] = np.random.uniform(-.2, .2, param.shape)

    def step(self, code, state, train=True):
        """The scores of each next character, and the new state."""
        c1, y1, c2, y2 = state
        h = F.dropout(self.embed(Variable(code, volatile=not train)), ratio=.1, train=train)
        c1, y1 = F.lstm(c1, self.x1(h) + self.h1(y1))
        c2, y2 = F.lstm(c2, self.x2(F.dropout(y1, ratio=.1, train=train)) + self.h2(y2))
        return self.out(F.dropout(y2, ratio=.1, train=train)), (c1, y1, c2, y2)


def start(batchsize, train=True):
    return tuple(Variable(np.zeros((batchsize, N_UNITS), np.float32), volatile=not train) for _ in range(4))


model = CharRNN()
optimizer = optimizers.RMSprop(lr=.01, alpha=.95, eps=1e-8)
optimizer.setup(model)
places = np.arange(8) * (len(codes) // 8)
state, loss, losses = start(8), Variable(np.zeros((), np.float32)), []
for i in range(1, 841):
    y, state = model.step(codes[places % len(codes)], state)
    places += 1
    loss += F.softmax_cross_entropy(y, Variable(codes[places % len(codes)]))
    if i % 12 == 0:
        losses.append(float(cuda.to_cpu(loss.data)) / 12)
        optimizer.zero_grads()
        loss.backward()
        loss.unchain_backward()
        optimizer.clip_grads(5)
        optimizer.update()
        loss = Variable(np.zeros((), np.float32))
    if i % 240 == 0:
        print('step', i, 'loss', losses[-1])
        optimizer.lr *= .97
assert losses[-1] < .2 * losses[0], losses
with open('charrnn.pkl', 'wb') as f:
    pickle.dump(copy.deepcopy(model).to_cpu(), f)

with open('charrnn.pkl', 'rb') as f:
    model = pickle.load(f)
state, result = start(1, train=False), 'h'
for _ in range(48):
    y, state = model.step(np.array([chars.index(result[-1])], np.int32), state, train=False)
    assert y.creator is None and abs(F.softmax(y).data.sum() - 1) < 1e-5
    result += chars[int(cuda.to_cpu(y.data).argmax())]
print(result)
assert 'hello, world! hello' in result
