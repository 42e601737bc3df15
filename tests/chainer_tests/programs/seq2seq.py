"""Chainer 7, in the style of the example `seq2seq`: an encoder and a decoder, which learn to turn sentences round."""
import argparse

import numpy as np

import chainer
import chainer.functions as F
import chainer.links as L
from chainer import training
from chainer.training import extensions

EOS = 1


def embed_all(embed, xs):
    """Looks all words of a batch up at once."""
    return F.split_axis(embed(F.concat(xs, axis=0)), np.cumsum([len(x) for x in xs])[:-1], axis=0)


class Translator(chainer.Chain):

    def __init__(self, n_layers, n_words, n_units):
        super(Translator, self).__init__()
        with self.init_scope():
            self.embed_x = L.EmbedID(n_words, n_units)
            self.embed_y = L.EmbedID(n_words, n_units)
            self.encoder = L.NStepLSTM(n_layers, n_units, n_units, 0.1)
            self.decoder = L.NStepLSTM(n_layers, n_units, n_units, 0.1)
            self.out = L.Linear(n_units, n_words)

    def encode(self, xs):
        h, c, _ = self.encoder(None, None, embed_all(self.embed_x, [x[::-1] for x in xs]))
        return h, c

    def forward(self, xs, ys):
        end = self.xp.array([EOS], np.int32)
        h, c = self.encode(xs)
        _, _, hs = self.decoder(h, c, embed_all(self.embed_y, [F.concat([end, y], axis=0) for y in ys]))
        targets = F.concat([self.xp.concatenate([y, end]) for y in ys], axis=0)
        losses = F.softmax_cross_entropy(self.out(F.concat(hs, axis=0)), targets, reduce='no')
        loss = F.sum(losses) / len(xs)
        chainer.report({'loss': loss, 'perp': self.xp.exp(losses.array.mean())}, self)
        return loss

    def translate(self, xs, max_length):
        """The likeliest words, one by one."""
        words = self.xp.full(len(xs), EOS, np.int32)
        result = []
        with chainer.no_backprop_mode(), chainer.using_config('train', False):
            h, c = self.encode(xs)
            for _ in range(max_length):
                h, c, ys = self.decoder(h, c, F.split_axis(self.embed_y(words), len(xs), axis=0))
                words = self.out(F.concat(ys, axis=0)).array.argmax(axis=1).astype(np.int32)
                result.append(words)
        rows = chainer.get_device('@numpy').send(self.xp.stack(result, axis=1)).tolist()
        return [row[:row.index(EOS)] if EOS in row else row for row in rows]


@chainer.dataset.converter()
def convert(batch, device):
    """Sends each side of a batch as one array, and cuts it there."""
    result = {}
    for name, arrays in zip(('xs', 'ys'), zip(*batch)):
        xp = chainer.backend.get_array_module(*arrays)
        whole = xp.concatenate(arrays)
        whole = whole if device is None else device.send(whole)
        result[name] = device.xp.split(whole, np.cumsum([len(x) for x in arrays])[:-1])
    return result


class Exactness(chainer.training.Extension):

    trigger = 40, 'iteration'
    priority = chainer.training.PRIORITY_WRITER

    def __init__(self, model, data, device):
        self.model, self.data, self.device = model, data, device

    def __call__(self, trainer):
        xs, ys = zip(*self.data)
        found = self.model.translate([self.device.send(x) for x in xs], 8)
        chainer.report({'validation/exact': np.mean([a == b.tolist() for a, b in zip(found, ys)])})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--batchsize', '-b', type=int, default=32)
    parser.add_argument('--epoch', '-e', type=int, default=15)
    parser.add_argument('--layer', '-l', type=int, default=2)
    parser.add_argument('--out', '-o', default='result')
    parser.add_argument('--device', '-d', type=str, default='-1')
    parser.add_argument('--gpu', '-g', dest='device', type=int, nargs='?', const=0)
    args = parser.parse_args()
    device = chainer.get_device(args.device)
    device.use()
    np.random.seed(0)

    rs = np.random.RandomState(0)
    sources = [rs.randint(2, 6, rs.randint(1, 4)).astype(np.int32) for _ in range(300)]
    data = [(x, 7 - x[::-1]) for x in sources]
    model = Translator(args.layer, 6, 32)
    model.to_device(device)
    optimizer = chainer.optimizers.Adam(.01).setup(model)
    train_iter = chainer.iterators.SerialIterator(data[:250], args.batchsize)
    updater = training.updaters.StandardUpdater(train_iter, optimizer, converter=convert, device=device)
    trainer = training.Trainer(updater, (args.epoch, 'epoch'), out=args.out)
    trainer.extend(extensions.LogReport(trigger=(40, 'iteration')))
    trainer.extend(Exactness(model, data[250:], device))
    trainer.extend(extensions.PrintReport(['epoch', 'iteration', 'main/loss', 'main/perp', 'validation/exact']),
                   trigger=(40, 'iteration'))
    trainer.extend(extensions.snapshot_object(model, 'model_iter_{.updater.iteration}'), trigger=(80, 'iteration'))

    @chainer.training.make_extension(trigger=(80, 'iteration'))
    def show(trainer):
        x, y = data[250 + np.random.choice(50)]
        print(x, 'is', model.translate([model.xp.array(x)], 6)[0], 'and should be', y)

    trainer.extend(show)
    trainer.run()
    log = trainer.get_extension('LogReport').log
    assert log[-1]['main/perp'] < 1.6 and log[-1]['validation/exact'] > .6, log[-1]


if __name__ == '__main__':
    main()
