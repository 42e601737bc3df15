"""Chainer 7, in the style of the example `imagenet`: files of pictures, processes that load them, and a ResNet."""
import argparse
import os
import random

import numpy as np
from PIL import Image

import chainer
from chainer import initializers
from chainer import training
import chainer.functions as F
import chainer.links as L
from chainer.training import extensions


class BottleNeck(chainer.Chain):
    """Three convolutions beside the identity, or beside a fourth one where the number of channels changes."""

    def __init__(self, n_in, n_mid, n_out, groups=1):
        super(BottleNeck, self).__init__()
        with self.init_scope():
            for i, (a, b, ksize) in enumerate([(n_in, n_mid, 1), (n_mid, n_mid, 3), (n_mid, n_out, 1),
                                               (n_in, n_out, 1)][:3 + (n_in != n_out)], 1):
                conv = L.Convolution2D(a, b, ksize, pad=ksize // 2, nobias=True, groups=groups if ksize == 3 else 1,
                                       initialW=initializers.HeNormal())
                setattr(self, 'conv%d' % i, conv)
                setattr(self, 'bn%d' % i, L.BatchNormalization(b))

    def forward(self, x):
        h = F.relu(self.bn1(self.conv1(x)))
        h = F.relu(self.bn2(self.conv2(h)))
        return F.relu(self.bn3(self.conv3(h)) + (self.bn4(self.conv4(x)) if hasattr(self, 'conv4') else x))


class ResNet(chainer.Chain):

    insize = 14

    def __init__(self, n_class):
        super(ResNet, self).__init__()
        with self.init_scope():
            self.conv1 = L.Convolution2D(3, 8, 3, 1, 1, initialW=initializers.HeNormal())
            self.bn1 = L.BatchNormalization(8)
            self.blocks = chainer.ChainList()
            self.fc = L.Linear(16, n_class)
        self.blocks.add_link(BottleNeck(8, 4, 16))
        self.blocks.add_link(BottleNeck(16, 4, 16, groups=2))

    def forward(self, x, t):
        h = F.max_pooling_2d(F.relu(self.bn1(self.conv1(x))), 3, stride=2)
        for block in self.blocks:
            h = block(h)
        y = self.fc(F.average_pooling_2d(h, h.shape[2:], stride=1))
        loss = F.softmax_cross_entropy(y, t)
        chainer.report({'loss': loss, 'accuracy': F.accuracy(y, t)}, self)
        return loss


class Pictures(chainer.dataset.DatasetMixin):
    """Pictures less their mean, from 0 to 1; in training, parts of them that are flipped at random."""

    def __init__(self, path, root, mean, size, is_random):
        self.base = chainer.datasets.LabeledImageDataset(path, root)
        self.mean, self.size, self.is_random = mean, size, is_random

    def __len__(self):
        return len(self.base)

    def get_example(self, i):
        image, label = self.base[i]
        image -= self.mean
        spare = image.shape[1] - self.size
        top, left = [random.randint(0, spare) if self.is_random else spare // 2 for _ in range(2)]
        image = image[:, top:top + self.size, left:left + self.size] / np.float32(255)
        return image[:, :, ::-1] if self.is_random and random.randint(0, 1) else image, label


class Evaluator(extensions.Evaluator):

    def evaluate(self):
        assert not chainer.config.train and self.get_target('main').fc.W.array is not None
        return super(Evaluator, self).evaluate()


def write_pictures(root, n, seed):
    """Red, green and blue pictures, and the list of them."""
    rs = np.random.RandomState(seed)
    os.makedirs(root)
    with open(root + '.txt', 'w') as f:
        for i in range(n):
            label = rs.randint(3)
            pixels = rs.randint(0, 130, (16, 16, 3))
            pixels[3:13, 3:13, label] += 60
            Image.fromarray(pixels.astype(np.uint8)).save(os.path.join(root, '{}.png'.format(i)))
            f.write('{}.png {}\n'.format(i, label))
    return root + '.txt', root


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--batchsize', '-B', type=int, default=24)
    parser.add_argument('--epoch', '-E', type=int, default=5)
    parser.add_argument('--device', '-d', type=str, default='-1')
    parser.add_argument('--loaderjob', '-j', type=int, default=2)
    parser.add_argument('--dtype', choices=('mixed16', 'float16', 'float32'), default='float32')
    parser.add_argument('--out', '-o', default='result')
    parser.add_argument('--gpu', '-g', dest='device', type=int, nargs='?', const=0)
    args = parser.parse_args()
    device = chainer.get_device(args.device)
    chainer.config.dtype = chainer.mixed16 if args.dtype == 'mixed16' else args.dtype
    random.seed(0)
    np.random.seed(0)
    train_files, val_files = write_pictures('train', 120, 0), write_pictures('val', 48, 1)
    np.save('mean.npy', np.mean([image for image, _ in chainer.datasets.LabeledImageDataset(*train_files)], axis=0))

    model = ResNet(3)
    model.to_device(device)
    device.use()
    mean = np.load('mean.npy')
    train = Pictures(*train_files, mean=mean, size=model.insize, is_random=True)
    val = Pictures(*val_files, mean=mean, size=model.insize, is_random=False)
    train_iter = chainer.iterators.MultiprocessIterator(train, args.batchsize, n_processes=args.loaderjob,
                                                        shared_mem=10000)
    val_iter = chainer.iterators.MultithreadIterator(val, args.batchsize, repeat=False, n_threads=args.loaderjob)
    optimizer = chainer.optimizers.MomentumSGD(lr=.05, momentum=.9)
    optimizer.setup(model)
    updater = training.updaters.StandardUpdater(train_iter, optimizer, device=device,
                                                converter=chainer.dataset.concat_examples)
    trainer = training.Trainer(updater, (args.epoch, 'epoch'), args.out)
    epochs = (1, 'epoch')
    trainer.extend(Evaluator(val_iter, model, device=device), trigger=epochs)
    trainer.extend(extensions.DumpGraph('main/loss'))
    trainer.extend(extensions.snapshot_object(model, 'model_iter_{.updater.iteration}'), trigger=epochs)
    trainer.extend(extensions.LogReport(trigger=epochs))
    trainer.extend(extensions.observe_lr(), trigger=epochs)
    trainer.extend(extensions.LinearShift('lr', (.05, .01), (10, 25)))
    trainer.extend(extensions.PrintReport(['epoch', 'iteration', 'main/loss', 'validation/main/loss', 'main/accuracy',
                                           'validation/main/accuracy', 'lr']), trigger=epochs)
    trainer.run()
    train_iter.finalize()
    val_iter.finalize()
    log = trainer.get_extension('LogReport').log
    assert log[-1]['validation/main/accuracy'] > .9 and .05 >= log[0]['lr'] > log[-1]['lr'] > .009, log


if __name__ == '__main__':
    main()
