"""Chainer 1.2: a perceptron as a FunctionSet, whose parameters an optimizer collects."""
import argparse
import pickle

import numpy as np

from chainer import Variable, FunctionSet, optimizers, cuda
import chainer.computational_graph as c
import chainer.functions as F

parser = argparse.ArgumentParser()
parser.add_argument('--gpu', '-g', default=-1, type=int)
args = parser.parse_args()
if args.gpu >= 0:
    cuda.check_cuda_available()
xp = cuda.cupy if args.gpu >= 0 else np

np.random.seed(0)
N, N_TEST, BATCH = 500, 100, 50
patterns = np.random.rand(10, 64)
labels = np.random.randint(0, 10, N + N_TEST).astype(np.int32)
images = (patterns[labels] + np.random.normal(0, .3, (N + N_TEST, 64))).astype(np.float32)

model = FunctionSet(l1=F.Linear(64, 30), l2=F.Linear(30, 30), l3=F.Linear(30, 10))
if args.gpu >= 0:
    cuda.get_device(args.gpu).use()
    model.to_gpu()


def forward(x, t, train=True):
    x, t = Variable(x, volatile=not train), Variable(t, volatile=not train)
    h = F.dropout(F.relu(model.l1(x)), ratio=.1, train=train)
    h = F.dropout(F.relu(model.l2(h)), ratio=.1, train=train)
    y = model.l3(h)
    return F.softmax_cross_entropy(y, t), F.accuracy(y, t)


optimizer = optimizers.Adam(alpha=.005)
optimizer.setup(model.collect_parameters())


def run_epoch(indices, train):
    """The means of loss and accuracy over examples."""
    total = np.zeros(2)
    for i in range(0, len(indices), BATCH):
        chosen = indices[i:i + BATCH]
        if train:
            optimizer.zero_grads()
        loss, accuracy = forward(xp.asarray(images[chosen]), xp.asarray(labels[chosen]), train)
        if train:
            loss.backward()
            optimizer.weight_decay(1e-5)
            optimizer.update()
        else:
            assert loss.creator is None
        total += [float(cuda.to_cpu(value.data)) * len(chosen) for value in (loss, accuracy)]
    return total / len(indices)


for epoch in range(1, 5):
    print('epoch {}: train loss={:.4f} accuracy={:.3f}'.format(epoch, *run_epoch(np.random.permutation(N), True)))
    print('test {}: loss={:.4f} accuracy={:.3f}'.format(epoch, *run_epoch(np.arange(N, N + N_TEST), False)))
test = images[N:], labels[N:]
loss, accuracy = forward(*test)
assert accuracy.data > .9
for name, remove_split in ('graph.dot', False), ('graph.wo_split.dot', True):
    with open(name, 'w') as o:
        o.write(c.build_computational_graph((loss,), remove_split).dump())
    with open(name) as f:
        assert f.read().startswith('digraph')

# what is kept of a model: itself, or its arrays
model.to_cpu()
with open('model.pkl', 'wb') as f:
    pickle.dump(model, f, -1)
with open('parameters.pkl', 'wb') as f:
    pickle.dump([cuda.to_cpu(param) for param in model.parameters], f)
before = forward(*test, train=False)[0].data
for param in model.parameters:
    param.fill(0)
assert forward(*test, train=False)[0].data > 2
with open('parameters.pkl', 'rb') as f:
    model.copy_parameters_from(pickle.load(f))
assert forward(*test, train=False)[0].data == before
with open('model.pkl', 'rb') as f:
    model = pickle.load(f)
assert forward(*test, train=False)[0].data == before
print('parameters', [param.shape for param in model.parameters], len(model.gradients))
