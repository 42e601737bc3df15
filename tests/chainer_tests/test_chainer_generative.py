"""Generative models: a variational autoencoder, an adversarial pair with an updater of its own, a gradient penalty."""
import numpy as np
import pytest

import autograd_nn as chainer
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import Variable, training
from autograd_nn.training import extensions


class VAE(chainer.Chain):

    def __init__(self, n_in, n_latent, n_h):
        super().__init__()
        with self.init_scope():
            self.le1 = L.Linear(n_in, n_h)
            self.le2_mu = L.Linear(n_h, n_latent)
            self.le2_ln_var = L.Linear(n_h, n_latent)
            self.ld1 = L.Linear(n_latent, n_h)
            self.ld2 = L.Linear(n_h, n_in)

    def forward(self, x, sigmoid=True):
        return self.decode(self.encode(x)[0], sigmoid)

    def encode(self, x):
        h1 = F.tanh(self.le1(x))
        return self.le2_mu(h1), self.le2_ln_var(h1)

    def decode(self, z, sigmoid=True):
        h2 = self.ld2(F.tanh(self.ld1(z)))
        return F.sigmoid(h2) if sigmoid else h2

    def get_loss_func(self, beta=1.0, k=1):
        def lf(x):
            mu, ln_var = self.encode(x)
            batchsize = len(mu)
            rec_loss = 0
            for _ in range(k):
                z = F.gaussian(mu, ln_var)
                rec_loss += F.bernoulli_nll(x, self.decode(z, sigmoid=False)) / (k * batchsize)
            self.rec_loss = rec_loss
            self.loss = self.rec_loss + beta * F.gaussian_kl_divergence(mu, ln_var) / batchsize
            chainer.report({'rec_loss': rec_loss, 'loss': self.loss}, observer=self)
            return self.loss
        return lf


def test_variational_autoencoder(tmp_path):
    train = np.random.RandomState(0).binomial(1, 0.1, (64, 12)).astype(np.float32)
    model = VAE(12, 2, 8)
    optimizer = chainer.optimizers.Adam(alpha=0.02)
    optimizer.setup(model)
    train_iter = chainer.iterators.SerialIterator(train, 16)
    test_iter = chainer.iterators.SerialIterator(train, 16, repeat=False, shuffle=False)
    updater = training.StandardUpdater(train_iter, optimizer, loss_func=model.get_loss_func())
    trainer = training.Trainer(updater, (10, 'epoch'), out=tmp_path)
    trainer.extend(extensions.Evaluator(test_iter, model, eval_func=model.get_loss_func(k=3)))
    log = extensions.LogReport()
    trainer.extend(log)

    @training.make_extension()
    def confirm_images(trainer):
        with chainer.using_config('train', False), chainer.no_backprop_mode():
            confirm_images.last = model(chainer.Variable(train[:4]))

    trainer.extend(confirm_images, trigger=(5, 'epoch'))
    trainer.run()
    assert confirm_images.last.shape == (4, 12)
    rows = log.log
    assert rows[-1]['main/loss'] < 0.8 * rows[0]['main/loss']
    assert rows[-1]['main/loss'] > rows[-1]['main/rec_loss'] > 0
    assert rows[-1]['validation/main/loss'] < rows[0]['validation/main/loss']


class Generator(chainer.Chain):

    def __init__(self, n_hidden, bottom_width=2, ch=8, wscale=0.02):
        super().__init__()
        self.n_hidden = n_hidden
        self.ch = ch
        self.bottom_width = bottom_width
        with self.init_scope():
            w = chainer.initializers.Normal(wscale)
            self.l0 = L.Linear(self.n_hidden, bottom_width * bottom_width * ch, initialW=w)
            self.dc1 = L.Deconvolution2D(ch, ch // 2, 4, 2, 1, initialW=w)
            self.dc2 = L.Deconvolution2D(ch // 2, 1, 3, 1, 1, initialW=w)
            self.bn0 = L.BatchNormalization(bottom_width * bottom_width * ch)
            self.bn1 = L.BatchNormalization(ch // 2)

    def make_hidden(self, batchsize):
        dtype = chainer.get_dtype()
        return np.random.uniform(-1, 1, (batchsize, self.n_hidden, 1, 1)).astype(dtype)

    def forward(self, z):
        h = F.reshape(F.relu(self.bn0(self.l0(z))), (len(z), self.ch, self.bottom_width, self.bottom_width))
        h = F.relu(self.bn1(self.dc1(h)))
        return F.sigmoid(self.dc2(h))


class Discriminator(chainer.Chain):

    def __init__(self, bottom_width=2, ch=8, wscale=0.02):
        w = chainer.initializers.Normal(wscale)
        super().__init__()
        with self.init_scope():
            self.c0 = L.Convolution2D(1, ch, 3, 1, 1, initialW=w)
            self.c1 = L.Convolution2D(ch, ch, 4, 2, 1, initialW=w, nobias=True)
            self.bn1 = L.BatchNormalization(ch, use_gamma=False)
            self.l = L.Linear(None, 1, initialW=w)

    def forward(self, x):
        device = self.device
        noise = device.xp.random.randn(*x.shape).astype(x.dtype) * 0.1
        h = F.leaky_relu(self.c0(x + noise))
        h = F.leaky_relu(self.bn1(self.c1(h)))
        return self.l(F.dropout(h, 0.2))


class DCGANUpdater(chainer.training.updaters.StandardUpdater):

    def __init__(self, *args, **kwargs):
        self.gen, self.dis = kwargs.pop('models')
        super().__init__(*args, **kwargs)

    def loss_dis(self, dis, y_fake, y_real):
        batchsize = len(y_fake)
        loss = F.sum(F.softplus(-y_real)) / batchsize + F.sum(F.softplus(y_fake)) / batchsize
        chainer.report({'loss': loss}, dis)
        return loss

    def loss_gen(self, gen, y_fake):
        loss = F.sum(F.softplus(-y_fake)) / len(y_fake)
        chainer.report({'loss': loss}, gen)
        return loss

    def update_core(self):
        gen_optimizer = self.get_optimizer('gen')
        dis_optimizer = self.get_optimizer('dis')
        batch = self.get_iterator('main').next()
        device = self.device
        x_real = Variable(self.converter(batch, device)) / 255.
        gen, dis = self.gen, self.dis
        batchsize = len(batch)
        y_real = dis(x_real)
        z = Variable(device.xp.asarray(gen.make_hidden(batchsize)))
        x_fake = gen(z)
        y_fake = dis(x_fake)
        dis_optimizer.update(self.loss_dis, dis, y_fake, y_real)
        gen_optimizer.update(self.loss_gen, gen, y_fake)


def adversarial_trainer(out, epochs):
    gen, dis = Generator(n_hidden=5), Discriminator()

    def make_optimizer(model, alpha=0.002, beta1=0.5):
        optimizer = chainer.optimizers.Adam(alpha=alpha, beta1=beta1)
        optimizer.setup(model)
        optimizer.add_hook(chainer.optimizer_hooks.WeightDecay(0.0001), 'hook_dec')
        return optimizer

    images = (np.random.RandomState(0).rand(24, 1, 4, 4) * 255).astype('f')
    updater = DCGANUpdater(models=(gen, dis), iterator=chainer.iterators.SerialIterator(images, 8),
                           optimizer={'gen': make_optimizer(gen), 'dis': make_optimizer(dis)}, device='@numpy')
    trainer = training.Trainer(updater, (epochs, 'epoch'), out=out)
    interval = (3, 'iteration')
    trainer.extend(extensions.snapshot(filename='snapshot_iter_{.updater.iteration}.npz'), trigger=interval)
    trainer.extend(extensions.snapshot_object(gen, 'gen_iter_{.updater.iteration}.npz'), trigger=interval)
    trainer.extend(extensions.LogReport(trigger=interval))
    trainer.extend(extensions.PrintReport(['epoch', 'iteration', 'gen/loss', 'dis/loss']), trigger=interval)
    return trainer


def test_adversarial_networks_with_an_updater_of_their_own(tmp_path, capsys):
    np.random.seed(0)
    whole = adversarial_trainer(tmp_path, 4)
    before = [param.array.copy() for param in whole.updater.gen.params(include_uninit=False)]
    whole.run()
    after = [param.array for param in whole.updater.gen.params()]
    assert all(np.any(a != b) for a, b in zip(before, after))
    assert set(whole.updater.get_all_optimizers()) == {'gen', 'dis'}
    log = whole.get_extension('LogReport').log
    assert len(log) == 4 and all(np.isfinite(row['gen/loss']) and np.isfinite(row['dis/loss']) for row in log)
    second = adversarial_trainer(tmp_path, 4)
    chainer.serializers.load_npz(tmp_path / 'snapshot_iter_6.npz', second)
    second.run()
    for expected, actual in zip(whole.updater.dis.params(), second.updater.dis.params()):
        np.testing.assert_array_equal(actual.array, expected.array)


def test_gradient_penalty():
    """Second-order gradients as in the training of Wasserstein critics; compared with a formula."""
    rs = np.random.RandomState(0)
    critic = chainer.Sequential(L.Linear(3, 4), F.tanh, L.Linear(4, 1))
    x = chainer.Variable(rs.randn(5, 3).astype('f'))
    grad, = chainer.grad([critic(x)], [x], enable_double_backprop=True)
    norm = F.sqrt(F.batch_l2_norm_squared(grad))
    penalty = F.mean_squared_error(norm, np.ones_like(norm.array)) * 10
    critic.cleargrads()
    penalty.backward()
    W1, W2 = critic[0].W.array.astype('d'), critic[2].W.array.astype('d')

    def value(W1):
        h = np.tanh(x.array @ W1.T + critic[0].b.array)
        return 10 * np.mean((np.linalg.norm((W2 * (1 - h * h)) @ W1, axis=1) - 1) ** 2)
    expected = np.empty_like(W1)
    for i in np.ndindex(*W1.shape):
        d = np.zeros_like(W1)
        d[i] = 1e-5
        expected[i] = (value(W1 + d) - value(W1 - d)) / 2e-5
    np.testing.assert_allclose(critic[0].W.grad, expected, rtol=1e-3, atol=1e-4)
    assert critic[2].b.grad is None or not critic[2].b.grad.any()


def test_double_backpropagation_through_backward():
    x = chainer.Variable(np.array([2.0, 3.0]))
    y = F.sum(x ** 3)
    y.backward(enable_double_backprop=True)
    gx = x.grad_var
    x.cleargrad()
    F.sum(gx).backward()
    np.testing.assert_allclose(x.grad, [12, 18])
    assert gx.array == pytest.approx([12, 27])
