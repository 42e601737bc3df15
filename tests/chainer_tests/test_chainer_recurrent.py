"""Recurrent networks as programs for Chainer write them: loops over steps with a stateful network, and lists."""
import numpy as np

import autograd_nn as chainer
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import optimizers, training
from autograd_nn.training import extensions


class WordByWord(chainer.Chain):
    """Two stateful layers that are called once a step."""

    def __init__(self, n_vocab, n_units):
        super().__init__()
        with self.init_scope():
            self.embed = L.EmbedID(n_vocab, n_units)
            self.l1 = L.LSTM(n_units, n_units)
            self.l2 = L.LSTM(n_units, n_units)
            self.l3 = L.Linear(n_units, n_vocab)
        for param in self.params():
            param.array[...] = np.random.uniform(-0.4, 0.4, param.shape)

    def reset_state(self):
        self.l1.reset_state()
        self.l2.reset_state()

    def forward(self, x):
        h = self.l1(F.dropout(self.embed(x), 0.1))
        return self.l3(F.dropout(self.l2(h), 0.1))


class Streams(chainer.dataset.Iterator):
    """An iterator of a program's own: words from several places of the text, and those that follow them."""

    def __init__(self, words, batch_size, repeat=True):
        self.words, self.batch_size, self.repeat = words, batch_size, repeat
        self.offsets = [i * len(words) // batch_size for i in range(batch_size)]
        self.iteration, self.epoch, self.is_new_epoch = 0, 0, False
        self.previous_epoch_detail = -1

    def __next__(self):
        length = len(self.words)
        if not self.repeat and self.iteration * self.batch_size >= length:
            raise StopIteration
        current = [self.words[(offset + self.iteration) % length] for offset in self.offsets]
        self.iteration += 1
        following = [self.words[(offset + self.iteration) % length] for offset in self.offsets]
        epoch = self.iteration * self.batch_size // length
        self.is_new_epoch, self.epoch = epoch > self.epoch, epoch
        return list(zip(current, following))

    @property
    def epoch_detail(self):
        return self.iteration * self.batch_size / len(self.words)


class BPTTUpdater(training.updaters.StandardUpdater):

    def __init__(self, train_iter, optimizer, bprop_len, device):
        super().__init__(train_iter, optimizer, device=device)
        self.bprop_len = bprop_len

    def update_core(self):
        loss = 0
        train_iter, optimizer = self.get_iterator('main'), self.get_optimizer('main')
        for _ in range(self.bprop_len):
            x, t = self.converter(train_iter.__next__(), self.device)
            loss += optimizer.target(x, t)
        optimizer.target.cleargrads()
        loss.backward()
        loss.unchain_backward()
        optimizer.update()


def test_a_language_model_step_by_step(tmp_path):
    np.random.seed(0)
    words = np.tile([0, 1, 2, 1, 3, 1, 4, 1], 30).astype(np.int32)
    train, val = Streams(words, 10), Streams(words[:80], 1, repeat=False)
    rnn = WordByWord(5, 20)
    model = L.Classifier(rnn)
    model.compute_accuracy = False
    optimizer = optimizers.Adam(0.02)
    optimizer.setup(model)
    optimizer.add_hook(chainer.optimizer_hooks.GradientClipping(5))
    trainer = training.Trainer(BPTTUpdater(train, optimizer, 12, -1), (30, 'epoch'), out=tmp_path)
    eval_model = model.copy()
    eval_model.predictor.reset_state()
    trainer.extend(extensions.Evaluator(val, eval_model, device=-1,
                                        eval_hook=lambda _: eval_model.predictor.reset_state()),
                   trigger=(30, 'epoch'))
    perplexities = []

    def compute_perplexity(result):
        result['perplexity'] = np.exp(result['main/loss'])
        if 'validation/main/loss' in result:
            result['val_perplexity'] = np.exp(result['validation/main/loss'])
            perplexities.append(result['val_perplexity'])

    trainer.extend(extensions.LogReport(postprocess=compute_perplexity, trigger=(30, 'epoch')))
    trainer.run()
    # One word does not tell what follows a 1; a network that has seen the one before knows.
    assert perplexities[-1] < 1.1


class Encoder(chainer.Chain):
    """A classifier of sequences of different lengths, read in both directions."""

    def __init__(self, n_vocab, n_units, n_classes):
        super().__init__()
        with self.init_scope():
            self.embed = L.EmbedID(n_vocab, n_units)
            self.encoder = L.NStepBiLSTM(1, n_units, n_units, 0.1)
            self.output = L.Linear(2 * n_units, n_classes)

    def forward(self, xs):
        lengths = [len(x) for x in xs]
        exs = F.split_axis(self.embed(F.concat(xs, axis=0)), np.cumsum(lengths)[:-1], 0)
        last_h, _, _ = self.encoder(None, None, exs)
        return self.output(F.concat(F.separate(last_h), axis=1))


def test_a_classifier_of_sequences():
    """Whether the first word is the last one, too, which both directions have to find out together."""
    np.random.seed(0)
    xs = [np.random.randint(0, 3, np.random.randint(2, 7)).astype(np.int32) for _ in range(60)]
    ys = np.array([x[0] == x[-1] for x in xs], np.int32)
    model = Encoder(3, 20, 2)
    optimizer = optimizers.Adam(0.02).setup(model)
    for _ in range(60):
        loss = F.softmax_cross_entropy(model(xs), ys)
        model.cleargrads()
        loss.backward()
        optimizer.update()
    with chainer.using_config('train', False), chainer.no_backprop_mode():
        assert F.accuracy(model(xs), ys).array == 1
