"""The hook that counts operations, and the extension that reports to ChainerUI."""
import json
from pathlib import Path

import chainer
import chainer.functions as F
import chainer.links as L
import chainerui.extensions
import numpy as np
from chainer.training import extensions
from chainer_computational_cost import ComputationalCostHook
from chainerui.utils import save_args


class Net(chainer.Chain):

    def __init__(self):
        super().__init__()
        with self.init_scope():
            self.conv = L.Convolution2D(3, 8, 3, pad=1)
            self.bn = L.BatchNormalization(8)
            self.fc = L.Linear(None, 10)

    def forward(self, x):
        return self.fc(F.average_pooling_2d(F.max_pooling_2d(F.relu(self.bn(self.conv(x))), 2), 2) * 2 + 1)


net = Net()
x = np.random.RandomState(0).rand(1, 3, 32, 32).astype('f')
with chainer.no_backprop_mode(), chainer.using_config('train', False), ComputationalCostHook(fma_1flop=True) as hook:
    net(x)
# What it counts with Chainer 4.5.
assert hook.total_report['flops'] == 251914, hook.total_report

classifier = L.Classifier(net)
optimizer = chainer.optimizers.SGD().setup(classifier)
data = chainer.datasets.TupleDataset(np.repeat(x, 8, 0), np.zeros(8, 'i'))
updater = chainer.training.StandardUpdater(chainer.iterators.SerialIterator(data, 4), optimizer)
trainer = chainer.training.Trainer(updater, (2, 'epoch'), out='out')
trainer.extend(extensions.LogReport(trigger=(1, 'iteration')))
trainer.extend(chainerui.extensions.CommandsExtension(trigger=(1, 'iteration')))
trainer.run()
save_args({'epoch': 2}, 'out')
assert len(json.loads(Path('out/log').read_text())) == 4 and json.loads(Path('out/args').read_text())['epoch'] == 2
