"""Chainer 1.24: adversarial networks with `test=` in calls, `wscale`, a function of their own and two optimizers."""
import math
import os

import numpy as np
from PIL import Image

import chainer
from chainer import cuda, function, optimizers, serializers, Variable
from chainer.utils import type_check
import chainer.functions as F
import chainer.links as L

N_HIDDEN = 8
xp = np


class Bent(function.Function):
    """The identity, bent below zero so that it falls to -1."""

    def check_type_forward(self, in_types):
        type_check.expect(in_types.size() == 1, in_types[0].dtype == np.float32)

    def forward_cpu(self, inputs):
        x, = inputs
        self.negative = np.minimum(x, 0)
        return np.where(x < 0, np.expm1(self.negative), x),

    def backward_cpu(self, inputs, grads):
        return np.exp(self.negative) * grads[0],


class Generator(chainer.Chain):

    def __init__(self):
        super(Generator, self).__init__(
            first=L.Linear(N_HIDDEN, 64, wscale=.02 * math.sqrt(N_HIDDEN)),
            up=L.Deconvolution2D(16, 8, 4, stride=2, pad=1, wscale=.3),
            last=L.Deconvolution2D(8, 1, 3, stride=1, pad=1, wscale=.2),
            norm0=L.BatchNormalization(64),
            norm1=L.BatchNormalization(8),
        )

    def __call__(self, z, test=False):
        h = F.relu(self.norm0(self.first(z), test=test))
        h = F.reshape(h, (h.data.shape[0], 16, 2, 2))
        return self.last(F.relu(self.norm1(self.up(h), test=test)))


class Discriminator(chainer.Chain):

    def __init__(self):
        super(Discriminator, self).__init__(
            c0=L.Convolution2D(1, 8, 3, stride=1, pad=1, wscale=.3),
            c1=L.Convolution2D(8, 16, 4, stride=2, pad=1, wscale=1.1),
            out=L.Linear(64, 2, wscale=.8),
            norm=L.BatchNormalization(16),
        )

    def __call__(self, x, test=False):
        return self.out(Bent()(self.norm(self.c1(Bent()(self.c0(x))), test=test)))


def draw(n, volatile='off'):
    return Variable(xp.random.uniform(-1, 1, (n, N_HIDDEN)).astype(np.float32), volatile)


np.random.seed(0)
# the left half is bright, or the right one
pictures = np.full((128, 1, 4, 4), -.8, np.float32)
pictures[:64, :, :, :2] = pictures[64:, :, :, 2:] = .8
pictures += np.random.uniform(-.1, .1, pictures.shape).astype('f')
zeros, ones = [Variable(xp.full(32, label, dtype=np.int32)) for label in (0, 1)]
gen, dis = Generator(), Discriminator()
optimizers_of = {}
for model, alpha in (gen, .004), (dis, .002):
    optimizers_of[model] = optimizers.Adam(alpha=alpha, beta1=.5)
    optimizers_of[model].setup(model)
    optimizers_of[model].add_hook(chainer.optimizer.WeightDecay(.00001))
os.makedirs('pictures')
for epoch in range(24):
    perm = np.random.permutation(len(pictures))
    sums = np.zeros(2)
    for i in range(0, len(pictures), 32):
        fake = dis(gen(draw(32)))
        real = dis(Variable(xp.asarray(pictures[perm[i:i + 32]])))
        losses = {gen: F.softmax_cross_entropy(fake, zeros),
                  dis: F.softmax_cross_entropy(fake, ones) + F.softmax_cross_entropy(real, zeros)}
        for k, model in enumerate((gen, dis)):
            optimizers_of[model].zero_grads()
            losses[model].backward()
            optimizers_of[model].update()
            sums[k] += float(losses[model].data)
    if epoch % 8 == 7:
        x = gen(draw(40, volatile='on'), test=True)
        assert x.creator is None and x.volatile == 'on'
        pixels = ((np.clip(cuda.to_cpu(x.data), -1, 1) + 1) * 127).astype(np.uint8)
        Image.fromarray(pixels.reshape(4, 10, 4, 4).transpose(0, 2, 1, 3).reshape(16, 40)).save(
            'pictures/{}.png'.format(epoch))
        serializers.save_npz('pictures/gen_{}.npz'.format(epoch), gen)
        serializers.save_npz('pictures/optimizer_{}.npz'.format(epoch), optimizers_of[gen])
        print('epoch', epoch, 'losses', *(sums / 4))

halves = cuda.to_cpu(x.data).reshape(40, 4, 2, 2).mean(axis=(1, 3))
contrast = abs(halves[:, 0] - halves[:, 1]).mean()
print('contrast', contrast)
assert contrast > .5 and 0 < sums[1] / 4 < 2
