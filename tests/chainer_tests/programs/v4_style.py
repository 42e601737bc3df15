"""Chainer 3 and 4: a convolutional autoencoder and a picture that is optimized, on `xp`, in a loop of its own."""
import argparse

import numpy as np

import chainer
from chainer import cuda, optimizers, Variable
import chainer.computational_graph as c
import chainer.functions as F
import chainer.links as L


class ConvAE(chainer.Chain):

    def __init__(self, ch=6):
        w = chainer.initializers.HeNormal()
        super(ConvAE, self).__init__()
        with self.init_scope():
            self.conv1 = L.Convolution2D(1, ch, 4, stride=2, pad=1, initialW=w)
            self.conv2 = L.Convolution2D(ch, 2 * ch, 4, stride=2, pad=1, initialW=w)
            self.deconv1 = L.Deconvolution2D(2 * ch, ch, 4, stride=2, pad=1, initialW=w)
            self.deconv2 = L.Deconvolution2D(ch, 1, 4, stride=2, pad=1, initialW=w)
            self.bn1 = L.BatchNormalization(ch)
            self.bn2 = L.BatchNormalization(ch)

    def encode(self, x):
        h = F.elu(self.bn1(self.conv1(x)))
        return [h, F.elu(self.conv2(h))]

    def __call__(self, x):
        h = F.relu(self.bn2(self.deconv1(self.encode(x)[-1])))
        return F.sigmoid(self.deconv2(h))


def total_variation(x):
    """The squares of differences between neighbours."""
    return F.sum((x[:, :, 1:] - x[:, :, :-1]) ** 2) + F.sum((x[:, :, :, 1:] - x[:, :, :, :-1]) ** 2)


def correlations(y):
    y = F.reshape(y, y.shape[:2] + (-1,))
    return F.batch_matmul(y, y, transb=True) / (y.size // len(y))


parser = argparse.ArgumentParser()
parser.add_argument('--gpu', '-g', default=-1, type=int)
parser.add_argument('--epoch', '-e', default=8, type=int)
args = parser.parse_args()
chainer.set_debug(True)
np.random.seed(0)
model = ConvAE()
if args.gpu >= 0:
    cuda.get_device_from_id(args.gpu).use()
    model.to_gpu()
xp = cuda.cupy if args.gpu >= 0 else np

# circles and squares
rs = np.random.RandomState(0)
row, col = np.mgrid[:12, :12]
pictures = []
for _ in range(120):
    cy, cx, r = rs.uniform(4, 8), rs.uniform(4, 8), rs.uniform(2, 4)
    order = rs.choice([2, 8])
    pictures.append(((abs(row - cy) ** order + abs(col - cx) ** order) < r ** order).astype(np.float32))
pictures = xp.asarray(np.array(pictures)[:, None])

optimizer = optimizers.Adam(alpha=.01, beta1=.5)
optimizer.setup(model)
optimizer.add_hook(chainer.optimizer.WeightDecay(.00001), name='decay')
losses = []
for epoch in range(args.epoch):
    perm = np.random.permutation(len(pictures))
    for i in range(0, len(pictures), 20):
        x = Variable(pictures[perm[i:i + 20]])
        loss = F.mean_squared_error(model(x), x)
        model.cleargrads()
        loss.backward()
        optimizer.update()
    losses.append(float(cuda.to_cpu(loss.data)))
    print('epoch', epoch, 'loss', losses[-1])
optimizer.remove_hook('decay')
assert losses[-1] < .3 * losses[0]

# a picture with the content of one and the style of another
with chainer.no_backprop_mode(), chainer.using_config('train', False):
    content = [y.data for y in model.encode(pictures[:1])]
    style = [correlations(y).data for y in model.encode(pictures[1:2])]
picture = chainer.links.Parameter(xp.random.uniform(0, 1, (1, 1, 12, 12)).astype(np.float32))
picture_optimizer = optimizers.Adam(alpha=.03)
picture_optimizer.setup(picture)
distances = []
for i in range(60):
    with chainer.using_config('train', False):
        y = model.encode(picture.W)
    loss = .001 * total_variation(picture.W)
    for each, its_content, its_style in zip(y, content, style):
        loss += F.mean_squared_error(each, Variable(its_content))
        loss += .3 * F.mean_squared_error(correlations(each), its_style)
    model.cleargrads()
    picture.cleargrads()
    loss.backward()
    picture_optimizer.update()
    picture.W.data = xp.clip(picture.W.data, 0, 1)
    distances.append(float(cuda.to_cpu(loss.data)))
print('from', distances[0], 'to', distances[-1])
assert distances[-1] < .3 * distances[0]
with open('graph.dot', 'w') as o:
    o.write(c.build_computational_graph((loss,), variable_style={'shape': 'oval', 'color': 'blue'},
                                        function_style={'shape': 'box', 'style': 'filled'}).dump())
