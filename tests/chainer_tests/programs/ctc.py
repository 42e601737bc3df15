"""Chainer 7: labels of a sequence without their places (connectionist temporal classification)."""
import argparse

import numpy as np

import chainer
import chainer.functions as F
import chainer.links as L
from chainer import training
from chainer.training import extensions

BLANK = 0


class Recognizer(chainer.Chain):

    def __init__(self, n_in, n_units, n_labels):
        super().__init__()
        with self.init_scope():
            self.conv = L.Convolution1D(n_in, n_units, 3, pad=1)
            self.rnn = L.NStepBiGRU(1, n_units, n_units, 0)
            self.out = L.Linear(2 * n_units, n_labels + 1)

    def forward(self, xs):
        """Logits of each time, as a list of (B, labels + 1)."""
        h = F.relu(self.conv(F.transpose(xs, (0, 2, 1))))
        _, hs = self.rnn(None, F.separate(F.transpose(h, (0, 2, 1)), axis=0))
        ys = self.out(F.stack(hs), n_batch_axes=2)
        return F.separate(ys, axis=1)

    def recognize(self, xs):
        """The labels of the best path."""
        path = np.stack([y.array.argmax(axis=1) for y in self(xs)], axis=1)
        result = []
        for row in path:
            row = row[np.append(True, row[1:] != row[:-1])]
            result.append(row[row != BLANK].tolist())
        return result


class CTCLoss(chainer.Chain):

    def __init__(self, predictor):
        super().__init__()
        with self.init_scope():
            self.predictor = predictor

    def forward(self, xs, ts, x_lengths, t_lengths):
        ys = self.predictor(xs)
        loss = F.connectionist_temporal_classification(ys, ts, BLANK, x_lengths, t_lengths)
        chainer.report({'loss': loss}, self)
        return loss


class ErrorRate(extensions.Evaluator):

    default_name = 'val'

    def evaluate(self):
        model = self.get_target('main')
        iterator = self.get_iterator('main')
        iterator.reset()
        wrong = total = 0
        for batch in iterator:
            xs, ts, _, t_lengths = self.converter(batch, self.device)
            with chainer.no_backprop_mode():
                found = model.predictor.recognize(xs)
            for labels, t, length in zip(found, ts.tolist(), t_lengths):
                wrong += labels != t[:length]
                total += 1
        observation = {}
        with chainer.reporter.report_scope(observation):
            chainer.report({'error_rate': wrong / total}, model)
        return observation


def make_example(rs):
    """Labels last for two or three steps each, in noise, with pauses between."""
    labels = rs.randint(1, 4, rs.randint(1, 4)).astype(np.int32)
    steps = [0]
    for label in labels:
        steps += [label] * rs.randint(2, 4) + [0]
    x = np.eye(4)[steps] + rs.normal(0, .2, (len(steps), 4))
    return x.astype(np.float32), labels, np.int32(len(steps)), np.int32(len(labels))


@chainer.dataset.converter()
def convert(batch, device):
    return chainer.dataset.concat_examples(batch, device, padding=(0, 0, None, None))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--device', '-d', type=str, default='-1')
    parser.add_argument('--epoch', '-e', type=int, default=12)
    parser.add_argument('--batchsize', '-b', type=int, default=20)
    args = parser.parse_args()
    device = chainer.get_device(args.device)
    device.use()
    np.random.seed(0)

    rs = np.random.RandomState(0)
    data = [make_example(rs) for _ in range(200)]
    train, test = chainer.datasets.split_dataset(data, 160)
    model = CTCLoss(Recognizer(4, 16, 3))
    model.to_device(device)
    optimizer = chainer.optimizers.Adam(.02).setup(model)
    train_iter = chainer.iterators.SerialIterator(train, args.batchsize)
    test_iter = chainer.iterators.SerialIterator(test, args.batchsize, repeat=False, shuffle=False)
    updater = training.updaters.StandardUpdater(train_iter, optimizer, converter=convert, device=device)
    trainer = training.Trainer(updater, (args.epoch, 'epoch'))
    trainer.extend(ErrorRate(test_iter, model, convert, device))
    trainer.extend(extensions.LogReport(trigger=(3, 'epoch')))
    trainer.extend(extensions.PrintReport(['epoch', 'main/loss', 'val/main/error_rate']), trigger=(3, 'epoch'))
    trainer.run()
    log = trainer.get_extension('LogReport').log
    assert log[-1]['main/loss'] < .3 * log[0]['main/loss'] and log[-1]['val/main/error_rate'] < .2, log


if __name__ == '__main__':
    main()
