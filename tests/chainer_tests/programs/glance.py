"""Chainer 7, in the style of the example `glance`: a table in a file, a network as a list, and a binary classifier."""
import numpy as np

import chainer as ch
from chainer import datasets
import chainer.functions as F
import chainer.links as L
from chainer import training
from chainer.training import extensions

np.random.seed(0)

# Mushrooms of our own: a class (e or p), and three features of which two decide.
rs = np.random.RandomState(0)
with open('mushrooms.csv', 'w') as f:
    f.write('class,cap,odor,ring\n')
    for _ in range(400):
        cap, odor, ring = rs.choice(list('bcx')), rs.choice(list('anpf')), rs.choice(list('eo'))
        poisonous = odor in 'pf' or (odor == 'n' and ring == 'o')
        f.write(','.join(['p' if poisonous else 'e', cap, odor, ring]) + '\n')

table = np.genfromtxt('mushrooms.csv', delimiter=',', dtype=str, skip_header=1)
codes = np.stack([np.unique(column, return_inverse=True)[1] for column in table.T], axis=1)
dataset = datasets.TupleDataset(codes[:, 1:].astype(np.float32), codes[:, :1].astype(np.int32))
train, test = datasets.split_dataset_random(dataset, 280, seed=0)
train_iter = ch.iterators.SerialIterator(train, 50)
test_iter = ch.iterators.SerialIterator(test, 50, repeat=False, shuffle=False)

network = ch.Sequential(L.Linear(44), F.relu).repeat(2)
network.append(L.Linear(1))
model = L.Classifier(network, lossfun=F.sigmoid_cross_entropy, accfun=F.binary_accuracy)
optimizer = ch.optimizers.MomentumSGD(lr=.2).setup(model)

trainer = training.Trainer(training.StandardUpdater(train_iter, optimizer, device=-1), (40, 'epoch'), out='result')
trainer.extend(extensions.Evaluator(test_iter, model, device=-1))
trainer.extend(extensions.DumpGraph('main/loss'))
trainer.extend(extensions.snapshot(), trigger=(20, 'epoch'))
trainer.extend(extensions.LogReport())
trainer.extend(extensions.PrintReport(['epoch', 'main/loss', 'validation/main/loss', 'main/accuracy',
                                       'validation/main/accuracy']), trigger=(20, 'epoch'))
trainer.run()

x, t = test[np.random.randint(len(test))]
print('this one is', 'poisonous' if network(x[None]).array[0, 0] > 0 else 'edible', 'and was said to be', t)
print([type(layer).__name__ if isinstance(layer, ch.Link) else layer.__name__ for layer in network.flatten()])
assert trainer.get_extension('LogReport').log[-1]['validation/main/accuracy'] > .9
