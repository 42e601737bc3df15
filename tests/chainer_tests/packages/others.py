"""Mask R-CNN, the hook that counts operations, and the extension that reports to ChainerUI."""
import json
from pathlib import Path

import chainer
import chainer.functions as F
import chainer.links as L
import chainerui.extensions
import numpy as np
from chainer.training import extensions
from chainer_computational_cost import ComputationalCostHook
from chainer_mask_rcnn.models.mask_rcnn_resnet import ResNetRoIHead
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

# The head of Mask R-CNN, without the extractor, whose weights are downloaded whenever it is made.
head = ResNetRoIHead(50, 4, 7, 1 / 16, pretrained_model=None)
features = chainer.Variable(np.random.RandomState(0).rand(1, 1024, 6, 8).astype('f'))
regions = np.array([[0, 0, 60, 80], [10, 20, 60, 70]], 'f')
outputs = head(features, regions, np.zeros(2, 'i'))
assert [y.shape for y in outputs[:3]] == [(2, 16), (2, 4), (2, 3, 14, 14)], [y.shape for y in outputs]
(F.sum(outputs[0]) + F.sum(outputs[1]) + F.sum(outputs[2])).backward()
assert features.grad.any() and np.isfinite(features.grad).all() and head.mask.W.grad.any()

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
