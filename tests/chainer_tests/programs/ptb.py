"""Chainer 7, in the style of the example `ptb`: a language model by truncated backpropagation through time."""
import argparse

import numpy as np

import chainer
import chainer.functions as F
import chainer.links as L
from chainer import training
from chainer.training import extensions


class LanguageModel(chainer.Chain):

    def __init__(self, n_words, n_units):
        super(LanguageModel, self).__init__()
        with self.init_scope():
            self.embed = L.EmbedID(n_words, n_units)
            self.l1 = L.LSTM(n_units, n_units)
            self.l2 = L.LSTM(n_units, n_units)
            self.l3 = L.Linear(n_units, n_words)
        for param in self.params():
            param.array[...] = np.random.uniform(-.3, .3, param.shape)

    def reset_state(self):
        for layer in self.l1, self.l2:
            layer.reset_state()

    def forward(self, x):
        h = self.embed(x)
        for layer in self.l1, self.l2, self.l3:
            h = layer(F.dropout(h, .05))
        return h


class ParallelSequentialIterator(chainer.dataset.Iterator):
    """Pairs of a word and the next one, read on from as many places as a batch has elements."""

    def __init__(self, words, batch_size, repeat=True):
        self.words, self.batch_size, self.repeat = words, batch_size, repeat
        self.starts = np.arange(batch_size) * len(words) // batch_size
        self.reset()

    def reset(self):
        self.steps = 0
        self.is_new_epoch = False
        self.previous_epoch_detail = None

    @property
    def epoch_detail(self):
        return self.steps * self.batch_size / len(self.words)

    @property
    def epoch(self):
        return int(self.epoch_detail)

    def __next__(self):
        if self.epoch_detail >= 1 and not self.repeat:
            raise StopIteration
        self.previous_epoch_detail = self.epoch_detail
        places = (self.starts + self.steps) % len(self.words)
        self.steps += 1
        self.is_new_epoch = self.epoch > int(self.previous_epoch_detail)
        return list(zip(self.words[places], self.words[(places + 1) % len(self.words)]))

    def serialize(self, serializer):
        self.steps = serializer('steps', self.steps)
        self.is_new_epoch = serializer('is_new_epoch', self.is_new_epoch)
        if self.steps:
            self.previous_epoch_detail = (self.steps - 1) * self.batch_size / len(self.words)


class BPTTUpdater(training.updaters.StandardUpdater):

    def __init__(self, iterator, optimizer, n_steps, device):
        super(BPTTUpdater, self).__init__(iterator, optimizer, device=device)
        self.n_steps = n_steps

    def update_core(self):
        optimizer, iterator = self.get_optimizer('main'), self.get_iterator('main')
        loss = sum(optimizer.target(*self.converter(next(iterator), self.device)) for _ in range(self.n_steps))
        optimizer.target.cleargrads()
        loss.backward()
        loss.unchain_backward()
        optimizer.update()


def add_perplexities(result):
    for name in 'main/loss', 'validation/main/loss':
        if name in result:
            result[name.replace('main/loss', 'perplexity')] = float(np.exp(result[name]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--batchsize', '-b', type=int, default=10)
    parser.add_argument('--bproplen', '-l', type=int, default=8)
    parser.add_argument('--epoch', '-e', type=int, default=6)
    parser.add_argument('--device', '-d', type=str, default='-1')
    parser.add_argument('--out', '-o', default='result')
    parser.add_argument('--resume', '-r', default='')
    parser.add_argument('--gpu', '-g', dest='device', type=int, nargs='?', const=0)
    args = parser.parse_args()
    device = chainer.get_device(args.device)
    device.use()
    np.random.seed(0)

    # each sentence counts upwards from a number, and then comes 0: of five words one is free among five
    rs = np.random.RandomState(0)
    words = np.concatenate([np.append(np.arange(start, start + 4), 0) for start in rs.randint(1, 6, 300)]).astype('i')
    train_iter = ParallelSequentialIterator(words[:1000], args.batchsize)
    val_iter, test_iter = [ParallelSequentialIterator(part, 1, repeat=False) for part in (words[1000:1250],
                                                                                        words[1250:])]
    model = L.Classifier(LanguageModel(int(words.max()) + 1, 20))
    model.compute_accuracy = False
    model.to_device(device)
    optimizer = chainer.optimizers.Adam(.02).setup(model)
    optimizer.add_hook(chainer.optimizer_hooks.GradientClipping(5))
    trainer = training.Trainer(BPTTUpdater(train_iter, optimizer, args.bproplen, device), (args.epoch, 'epoch'),
                               out=args.out)
    eval_model = model.copy()  # the same parameters, and a state of its own
    trainer.extend(extensions.Evaluator(val_iter, eval_model, device=device,
                                        eval_hook=lambda _: eval_model.predictor.reset_state()))
    trainer.extend(extensions.LogReport(postprocess=add_perplexities, trigger=(15, 'iteration')))
    trainer.extend(extensions.PrintReport(['epoch', 'iteration', 'perplexity', 'validation/perplexity']),
                   trigger=(15, 'iteration'))
    trainer.extend(extensions.ProgressBar(update_interval=10))
    trainer.extend(extensions.snapshot())
    trainer.extend(extensions.snapshot_object(model, 'model_iter_{.updater.iteration}'))
    if args.resume:
        chainer.serializers.load_npz(args.resume, trainer)
    trainer.run()

    eval_model.predictor.reset_state()
    perplexity = float(np.exp(float(extensions.Evaluator(test_iter, eval_model, device=device)()['main/loss'])))
    print('test perplexity:', perplexity)
    assert perplexity < 1.3 * 5 ** .2
    assert model.predictor.l1.h.shape == (args.batchsize, 20) and eval_model.predictor.l1.h.shape == (1, 20)


if __name__ == '__main__':
    main()
