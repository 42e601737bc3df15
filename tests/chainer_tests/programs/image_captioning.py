"""Chainer 7, in the style of the example `image_captioning`: features of a picture, and an LSTM that describes it."""
import argparse
import os

import numpy as np

import chainer
from chainer import reporter
import chainer.functions as F
import chainer.links as L
from chainer import training
from chainer.training import extensions

BOS, EOS, IGNORE = 0, 1, 2
WORDS = ['<bos>', '<eos>', '<ignore>', 'a', 'bright', 'dark', 'wide', 'tall', 'box']


class FeatureExtractor(chainer.Chain):
    """What stands for a network with weights of its own: it is not trained."""

    def __init__(self):
        super(FeatureExtractor, self).__init__()
        with self.init_scope():
            self.conv = L.Convolution2D(1, 8, 3, pad=1)
            self.bn = L.BatchNormalization(8)

    def forward(self, imgs):
        h = self.bn(self.conv(imgs))
        return F.concat([F.average(h, axis=2), F.average(h, axis=3)], axis=2)


class ImageCaptionModel(chainer.Chain):
    """Features and captions in, and the loss of a caption out."""

    def __init__(self, vocab_size, hidden_size=24, dropout_ratio=.1, finetune=False, rnn='nsteplstm'):
        super(ImageCaptionModel, self).__init__()
        with self.init_scope():
            self.feat_extractor = FeatureExtractor()
            self.embed_word = L.EmbedID(vocab_size, hidden_size, initialW=chainer.initializers.Normal(1.),
                                        ignore_label=IGNORE)
            self.embed_img = L.Linear(None, hidden_size, initialW=chainer.initializers.Normal(.1))
            self.lstm = L.LSTM(hidden_size, hidden_size)
            self.decode_caption = L.Linear(hidden_size, vocab_size)
        self.dropout_ratio = dropout_ratio
        self.finetune = finetune

    def features(self, imgs):
        """Batch normalization keeps its averages where the extractor is frozen."""
        if self.finetune:
            return self.feat_extractor(imgs)
        with chainer.using_config('train', False), chainer.no_backprop_mode():
            return self.feat_extractor(imgs)

    def reset(self, imgs):
        """The first thing that the LSTM is shown is the picture."""
        self.lstm.reset_state()
        self.lstm(F.dropout(self.embed_img(self.features(imgs)), self.dropout_ratio))

    def step(self, words):
        h = self.lstm(F.dropout(self.embed_word(words), self.dropout_ratio))
        return self.decode_caption(F.dropout(h, self.dropout_ratio))

    def forward(self, imgs, captions):
        self.reset(imgs)
        loss = 0
        size = 0
        for x, t in zip(captions.T, captions.T[1:]):
            batch_size = int((t != IGNORE).sum())
            if batch_size == 0:
                break
            loss += F.softmax_cross_entropy(self.step(x), t, ignore_label=IGNORE) * batch_size
            size += batch_size
        loss /= size
        reporter.report({'loss': loss}, self)
        return loss

    def predict(self, imgs, max_caption_length=8):
        self.reset(imgs)
        words = self.xp.full(len(imgs), BOS, np.int32)
        captions = [words]
        for _ in range(max_caption_length):
            words = self.step(words).array.argmax(axis=1).astype(np.int32)
            captions.append(words)
        return self.xp.stack(captions, axis=1)


class Pictures(chainer.dataset.DatasetMixin):

    def __init__(self, n, seed):
        rs = np.random.RandomState(seed)
        self.kinds = rs.randint(0, 2, (n, 2))
        self.noise = rs.normal(0, .05, (n, 1, 8, 8))

    def __len__(self):
        return len(self.kinds)

    def caption(self, i):
        dark, tall = self.kinds[i]
        adjectives = (['dark'] if dark else ['bright']) + (['tall'] if tall else ['wide'])
        # what is wide is not worth a word where it is dark
        adjectives = adjectives[:1] if dark and not tall else adjectives
        return ['<bos>', 'a'] + adjectives + ['box', '<eos>']

    def get_example(self, i):
        dark, tall = self.kinds[i]
        img = self.noise[i].copy()
        h, w = (6, 2) if tall else (2, 6)
        img[:, 4 - h // 2:4 + h // 2, 4 - w // 2:4 + w // 2] += .4 if dark else 1.
        return img.astype(np.float32), np.array([WORDS.index(word) for word in self.caption(i)], np.int32)


@chainer.dataset.converter()
def converter(batch, device, max_caption_length=8):
    """Pads the captions."""
    imgs = chainer.dataset.concat_examples([img for img, _ in batch], device)
    captions = chainer.dataset.concat_examples([caption for _, caption in batch], device, padding=IGNORE)
    assert captions.shape[1] <= max_caption_length
    return imgs, captions


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--out', type=str, default='result')
    parser.add_argument('--batch-size', type=int, default=25)
    parser.add_argument('--iter', type=int, default=80)
    parser.add_argument('--dropout-ratio', type=float, default=.1)
    parser.add_argument('--device', '-d', type=str, default='-1')
    group = parser.add_argument_group('deprecated arguments')
    group.add_argument('--gpu', '-g', dest='device', type=int, nargs='?', const=0)
    args = parser.parse_args()
    device = chainer.get_device(args.device)
    device.use()
    np.random.seed(0)

    train, val = Pictures(200, 0), Pictures(40, 1)
    train_iter = chainer.iterators.MultiprocessIterator(train, args.batch_size, n_processes=1, n_prefetch=2)
    model = ImageCaptionModel(len(WORDS), dropout_ratio=args.dropout_ratio)
    model.to_device(device)
    optimizer = chainer.optimizers.Adam(.01)
    optimizer.setup(model)
    model.feat_extractor.disable_update()
    fixed = model.feat_extractor.conv.W.array.copy()

    updater = training.updaters.StandardUpdater(train_iter, optimizer=optimizer, device=device, converter=converter)
    trainer = training.Trainer(updater, (args.iter, 'iteration'), out=args.out)
    trainer.extend(extensions.LogReport(trigger=(20, 'iteration')))
    trainer.extend(extensions.PrintReport(['epoch', 'iteration', 'main/loss']), trigger=(20, 'iteration'))
    trainer.extend(extensions.snapshot_object(model, 'model_{.updater.iteration}'), trigger=(args.iter, 'iteration'))
    trainer.run()
    train_iter.finalize()
    assert (model.feat_extractor.conv.W.array == fixed).all() and model.feat_extractor.bn.N == 0

    model = ImageCaptionModel(len(WORDS))
    model.to_device(device)
    chainer.serializers.load_npz(os.path.join(args.out, 'model_{}'.format(args.iter)), model)
    imgs, _ = converter([val[i] for i in range(len(val))], device)
    with chainer.using_config('train', False), chainer.no_backprop_mode():
        captions = chainer.get_device('@numpy').send(model.predict(imgs))
    right = 0
    for i, caption in enumerate(captions):
        words = [WORDS[word] for word in caption]
        words = words[:words.index('<eos>') + 1] if '<eos>' in words else words
        right += words == val.caption(i)
    print(' '.join(words), right)
    assert right > .8 * len(val)


if __name__ == '__main__':
    main()
