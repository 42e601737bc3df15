"""Chainer 7, in the style of the example `vae`: networks that return distributions, and a bound on the evidence."""
import argparse
import os

import numpy as np

import chainer
from chainer import reporter
import chainer.distributions as D
import chainer.functions as F
import chainer.links as L
from chainer import training
from chainer.training import extensions


class Encoder(chainer.Chain):

    def __init__(self, n_in, n_latent, n_units):
        super(Encoder, self).__init__()
        with self.init_scope():
            self.hidden = L.Linear(n_in, n_units)
            self.loc = L.Linear(n_units, n_latent)
            self.log_scale = L.Linear(n_units, n_latent)

    def forward(self, x):
        h = F.tanh(self.hidden(x))
        return D.Independent(D.Normal(loc=self.loc(h), log_scale=self.log_scale(h)))


class Decoder(chainer.Chain):

    def __init__(self, n_in, n_latent, n_units):
        super(Decoder, self).__init__()
        with self.init_scope():
            self.hidden = L.Linear(n_latent, n_units)
            self.logit = L.Linear(n_units, n_in)

    def forward(self, z):
        axes = z.ndim - 1
        logit = self.logit(F.tanh(self.hidden(z, n_batch_axes=axes)), n_batch_axes=axes)
        return D.Independent(D.Bernoulli(logit=logit), reinterpreted_batch_ndims=1)


class Prior(chainer.Link):

    def __init__(self, n_latent):
        super(Prior, self).__init__()
        self.loc, self.scale = np.zeros(n_latent, chainer.get_dtype()), np.ones(n_latent, chainer.get_dtype())
        self.register_persistent('loc')
        self.register_persistent('scale')

    def forward(self):
        return D.Independent(D.Normal(self.loc, scale=self.scale), reinterpreted_batch_ndims=1)


class Bound(chainer.Chain):
    """The negative lower bound on the evidence, by `k` samples."""

    def __init__(self, k, **links):
        super(Bound, self).__init__(**links)
        self.k = k

    def __call__(self, x):
        posterior = self.encoder(x)
        z = posterior.sample(self.k)
        likelihood = F.mean(self.decoder(z).log_prob(F.broadcast_to(x, (self.k,) + x.shape)))
        divergence = F.mean(chainer.kl_divergence(posterior, self.prior()))
        loss = divergence - likelihood
        reporter.report({'loss': loss, 'likelihood': likelihood, 'divergence': divergence}, self)
        return loss


@chainer.dataset.converter()
def to_float(batch, device):
    return chainer.dataset.concat_examples(batch, device).astype(np.float32)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--device', '-d', type=str, default='-1')
    parser.add_argument('--out', '-o', default='results')
    parser.add_argument('--epoch', '-e', default=30, type=int)
    parser.add_argument('--samples', '-k', default=2, type=int)
    parser.add_argument('--gpu', '-g', dest='device', type=int, nargs='?', const=0)
    args = parser.parse_args()
    device = chainer.get_device(args.device)
    device.use()
    np.random.seed(0)

    bound = Bound(args.samples, encoder=Encoder(16, 2, 30), decoder=Decoder(16, 2, 30), prior=Prior(2))
    bound.to_device(device)
    optimizer = chainer.optimizers.Adam(.01).setup(bound)
    bound.decoder.logit.W.update_rule.hyperparam.alpha = .02

    # four patterns, of whose bits some are turned round
    rs = np.random.RandomState(0)
    data = (rs.rand(4, 16) > .5)[rs.randint(0, 4, 300)] ^ (rs.rand(300, 16) < .05)
    train, test = data[:250], data[250:]
    train_iter = chainer.iterators.SerialIterator(train, 50)
    test_iter = chainer.iterators.SerialIterator(test, 50, repeat=False, shuffle=False)
    updater = training.updaters.StandardUpdater(train_iter, optimizer, device=device, loss_func=bound,
                                                converter=to_float)
    trainer = training.Trainer(updater, (args.epoch, 'epoch'), out=args.out)
    trainer.extend(extensions.Evaluator(test_iter, bound, device=device, converter=to_float))
    trainer.extend(extensions.snapshot_object(bound, 'bound_{.updater.iteration}'), trigger=(args.epoch, 'epoch'))
    log = extensions.LogReport()
    trainer.extend(log)
    trainer.extend(extensions.PrintReport(['epoch', 'main/loss', 'validation/main/loss', 'main/likelihood',
                                           'main/divergence']), trigger=(5, 'epoch'))
    trainer.run()
    log = log.log
    assert log[-1]['main/loss'] < .65 * log[0]['main/loss'] and log[-1]['main/divergence'] > .5, log

    chainer.serializers.load_npz(os.path.join(args.out, 'bound_{}'.format(updater.iteration)), bound)
    with chainer.using_config('train', False), chainer.no_backprop_mode():
        restored = bound.decoder(bound.encoder(to_float(list(test), device)).mean).mean.array > .5
        assert bound.decoder(bound.prior().sample(9)).sample().shape == (9, 16)
    print('restored', (restored == test).mean())
    assert (restored == test).mean() > .9


if __name__ == '__main__':
    main()
