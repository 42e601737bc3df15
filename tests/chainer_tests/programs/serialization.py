"""Chainer 7, in the style of the example `serialization`: models, optimizers and trainers as NPZ and HDF5."""
import argparse
import copy

import numpy as np

import chainer
import chainer.functions as F
import chainer.links as L
from chainer import serializers


class MLP(chainer.Chain):

    def __init__(self, n_units, n_out):
        super(MLP, self).__init__()
        with self.init_scope():
            self.l1 = L.Linear(None, n_units)
            self.bn = L.BatchNormalization(n_units)
            self.layers = chainer.ChainList(L.Linear(None, n_units), L.Linear(None, n_units, nobias=True))
            self.scale = chainer.Parameter(np.ones(n_out, np.float32))
            self.l3 = L.Linear(n_units, n_out)
        self.add_persistent('seen', 0)

    def forward(self, x):
        self.seen += len(x)
        h = F.relu(self.bn(self.l1(x)))
        for layer in self.layers.children():
            h = F.relu(layer(h))
        return self.l3(h) * F.broadcast_to(self.scale, (len(x), len(self.scale)))


def step(model, optimizer, x, t):
    optimizer.update(lambda: F.softmax_cross_entropy(model(x), t))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--format', choices=['npz', 'h5'], nargs='+', default=['npz', 'h5'])
    args = parser.parse_args()
    np.random.seed(0)
    x = np.random.rand(20, 5).astype(np.float32)
    t = np.random.randint(0, 3, 20).astype(np.int32)
    model = MLP(8, 3)
    optimizer = chainer.optimizers.Adam()
    optimizer.setup(model)
    for _ in range(3):
        step(model, optimizer, x, t)

    for kind in args.format:
        save, load = {'npz': (serializers.save_npz, serializers.load_npz),
                      'h5': (serializers.save_hdf5, serializers.load_hdf5)}[kind]
        save('mlp.' + kind, model)
        save('opt.' + kind, optimizer)
        other = MLP(8, 3)  # its shapes are settled by what is loaded
        load('mlp.' + kind, other)
        other_optimizer = chainer.optimizers.Adam().setup(other)
        load('opt.' + kind, other_optimizer)
        assert other.seen == model.seen == 60 and other_optimizer.t == 3
        original, original_optimizer = copy.deepcopy((model, optimizer))
        original_optimizer.setup(original)
        load('opt.' + kind, original_optimizer)
        for each, its in (original, original_optimizer), (other, other_optimizer):
            step(each, its, x, t)
        for (name, a), (_, b) in zip(sorted(original.namedparams()), sorted(other.namedparams())):
            np.testing.assert_array_equal(a.array, b.array, err_msg=name)

    with np.load('mlp.npz') as f:
        print(sorted(f.files))
        assert f['layers/0/W'].shape == (8, 8) and f['bn/avg_mean'].any()
        # a serializer of the program's own
        pretrained = {name: f[name] for name in f.files}
    target = MLP(8, 3)
    serializers.NpzDeserializer(pretrained, path='layers/', strict=False).load(target.layers)
    assert (target.layers[1].W.array == model.layers[1].W.array).all()
    serializer = serializers.DictionarySerializer()
    serializer.save(target)
    print(len(serializer.target))
    try:
        serializers.NpzDeserializer({}, strict=True).load(target)
    except KeyError as error:
        print('missing:', 'scale' in str(error))
    else:
        raise AssertionError('all parameters are missing')

    class Window(object):
        """Anything with a method `serialize` can be saved."""

        def __init__(self, values):
            self.values = values

        def serialize(self, serializer):
            self.values = serializer('values', self.values)
            if isinstance(serializer, chainer.Deserializer):
                self.restored = True
            inner = serializer['inner']
            inner('double', self.values * 2)

    serializers.save_npz('window.npz', Window(np.arange(3.)), compression=False)
    window = Window(np.zeros(3))
    serializers.load_npz('window.npz', window)
    print(window.values, sorted(np.load('window.npz').files))
    assert window.restored and window.values.tolist() == [0, 1, 2]


if __name__ == '__main__':
    main()
