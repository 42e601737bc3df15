"""Networks that make pictures: sizes, losses and gradients, and that they learn eight pictures by heart."""
import math
import re
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import autograd_nn as ann
import autograd_nn.functions as F
from autograd_nn import models, optimizers
from autograd_nn.gradient_check import numerical_grad
from autograd_nn.models.generative.dcgan import gradient_penalty
from autograd_nn.models.generative.gan import NormalizedLinear
from autograd_nn.models.generative.generative_network import GenerativeNetwork
from autograd_nn.models.generative.vae import MixturePrior

DOCS = Path(__file__).parents[3] / 'docs' / 'reference' / 'models.md'
TASKS = 'autoencoding', 'generation', 'adversarial_generation', 'picture_translation'
NAMES = sorted(name for task in TASKS for name in models.names(task))
# Where a network was published, as it is counted there.
PARAMETERS = {'autoencoder': 2_837_314, 'denoising_autoencoder': 2_837_314, 'vae_normal': 815_824, 'gan': 3_735_425,
              'cgan': 3_638_335, 'dcgan64': 3_576_704 + 2_765_568, 'pix2pix256': 54_413_955 + 2_768_705}


def pictures(count, shape):
    return np.random.uniform(0, 1, (count, *shape)).astype('f')


@pytest.mark.parametrize('name', PARAMETERS)
def test_published_sizes(name, blank_parameters):
    assert models.create(name).count_params() == PARAMETERS[name]


def test_the_table_of_the_documentation(blank_parameters):
    rows = dict(re.findall(r'^\| `(\w+)` \| ([\d,]+) \|', DOCS.read_text(), re.MULTILINE))
    for name in NAMES:
        assert models.create(name).count_params() == int(rows[name].replace(',', '')), name


@pytest.mark.parametrize('name', [name for name in NAMES if not name.startswith('pix2pix')])
def test_shapes_and_values(name, blank_parameters):
    network = models.create(name)
    assert isinstance(network, GenerativeNetwork)
    assert network.shape == models.get(name).input_shape
    if name == 'dcgan64':
        network = models.DCGAN((3, 64, 64), width=2)
    for param in network.params():
        param.array[...] = np.random.standard_normal(param.shape)
    z = network.draw_latents(3)
    assert z.shape == (3, network.latent_size)
    made = network.make_pictures(z, np.arange(3))
    assert made.shape == (3, *network.shape) and made.dtype == np.float32
    assert made.min() >= 0 and made.max() <= 1 and np.ptp(made) > 0
    x = pictures(3, network.shape)
    np.testing.assert_allclose(network.to_pictures(network.preprocessing.normalize(x)), x, atol=1e-6)


def test_latents_of_a_seed_are_always_the_same():
    network = models.VAE(latent_size=3, hidden=[5], components=4)
    for draw in network.draw_latents, models.GAN(hidden=4, units=2).draw_latents:
        first = draw(6, np.random.default_rng(1))
        state = np.random.get_state()[1].copy()
        np.testing.assert_array_equal(draw(6, np.random.default_rng(1)), first)
        np.testing.assert_array_equal(np.random.get_state()[1], state)
        assert not np.array_equal(draw(6), draw(6))


@pytest.mark.parametrize('make, rate', [
    (lambda: models.Autoencoder(hidden=(200, 100), latent_size=8), 0.003),
    (lambda: models.DenoisingAutoencoder(hidden=(300, 100), latent_size=8, noise=0.1), 0.003),
    (lambda: models.VAE(hidden=[200], latent_size=8), 0.003),
    (lambda: models.VAE(hidden=[200], latent_size=8, components=5), 0.003)])
def test_coders_learn_eight_pictures_by_heart(make, rate):
    network = make()
    x = (pictures(8, (1, 28, 28)) > 0.7).astype('f')
    optimizer = optimizers.Adam(rate).setup(network)
    for _ in range(150):
        optimizer.update(lambda: network.losses(x)['loss'])
    made = network.reconstruct(x).array
    assert ((made > 0.5) == (x > 0.5)).mean() > 0.98
    assert all(np.abs(made[i] - x).mean(axis=(1, 2, 3)).argmin() == i for i in range(8))


@pytest.mark.slow
def test_translation_learns_eight_pairs_by_heart():
    network = models.Pix2Pix((1, 32, 32), width=8, halvings=5, patch_halvings=1)
    x, y = (2 * (pictures(8, (1, 4, 4)) > 0.5).astype('f').repeat(8, 2).repeat(8, 3) - 1 for _ in range(2))
    own, other = (optimizers.Adam(0.01, beta1=0.5).setup(part) for part in (network.generator, network.discriminator))
    first = float(network.losses(x, y)['l1'].array)
    for _ in range(50):
        other.update(lambda: network.adversary_losses(x, y)['loss'])
        own.update(lambda: network.losses(x, y)['loss'])
    assert float(network.losses(x, y)['l1'].array) < 0.15 * first
    made = network.translate(x).array
    assert all(np.abs(made[i] - y).mean(axis=(1, 2, 3)).argmin() == i for i in range(8))


@pytest.mark.parametrize('make', [lambda: models.GAN(hidden=64, units=32), lambda: models.DCGAN(width=8),
                                  lambda: models.ConditionalGAN(width=0.1), lambda: models.WGANGP(width=8)])
def test_adversaries_tell_eight_pictures_from_made_ones(make):
    """The discriminator finds out, and then the generator finds a way to be taken for real."""
    network = make()
    network.adversary_steps = 1
    x = 2 * (pictures(8, (1, 28, 28)) > 0.8).astype('f') - 1
    t = np.arange(8, dtype=np.int32)
    own, other = (optimizers.Adam(0.004, beta1=0.5).setup(part) for part in (network.generator, network.discriminator))

    def gap():
        with ann.no_backprop_mode():
            return F.mean(network.discriminate(x, t)).item() - F.mean(
                network.discriminate(network.imitate(x, t), t)).item()

    for _ in range(30):
        other.update(lambda: network.adversary_losses(x, t)['loss'])
    learned = gap()
    assert learned > 1
    for _ in range(40):
        own.update(lambda: network.losses(x, t)['loss'])
    assert gap() < 0.7 * learned


def test_normalized_layers_have_a_bias_and_no_scale():
    layer = NormalizedLinear(5, 3)
    assert layer.count_params() == 5 * 3 + 3
    layer.normalization.beta.array[...] = 1, 2, 3
    with ann.using_config('train', True):
        y = layer(np.random.standard_normal((50, 5)).astype('f')).array
    np.testing.assert_allclose(y.mean(axis=0), [1, 2, 3], atol=1e-5)
    np.testing.assert_allclose(y.std(axis=0), 1, atol=1e-3)


@pytest.mark.parametrize('network', [models.GAN(hidden=40, units=20), models.ConditionalGAN(width=0.05)])
def test_generators_do_not_forget_their_latents(network):
    """Steps along which the pictures of all latents move alike leave these as different as they were."""
    z, t = network.draw_latents(50), np.zeros(50, np.int32)
    before = network.generate(z, t).array.std(axis=0).mean()
    for link in network.generator.links():
        if isinstance(link, NormalizedLinear):
            link.linear.W.array[...] += 1
    assert network.generate(z, t).array.std(axis=0).mean() > 0.5 * before


def test_losses_are_cross_entropies():
    rng = np.random.default_rng(0)
    real, fake = rng.standard_normal((2, 6, 1)) * 3
    chance = 1 / (1 + np.exp(-np.stack([real, fake])))
    expected = -np.log(chance[0]).mean() - np.log(1 - chance[1]).mean()
    assert models.discrimination_loss(ann.Variable(real), ann.Variable(fake)).item() == pytest.approx(expected)
    assert models.deception_loss(ann.Variable(fake)).item() == pytest.approx(-np.log(chance[1]).mean())
    assert models.discrimination_loss(*map(ann.Variable, np.zeros((2, 3)))).item() == pytest.approx(2 * math.log(2))


def test_the_evidence_lower_bound():
    """Of the standard normal prior in closed form; with a mixture of one such component the estimate comes near it."""
    network = models.VAE(latent_size=3, hidden=[20])
    x = pictures(4, (1, 28, 28))
    posterior = network.posterior(x)
    mean, scale = posterior.loc.array.astype(float), posterior.scale.array.astype(float)
    kl = (0.5 * (mean ** 2 + scale ** 2 - 1) - np.log(scale)).sum() / 4
    found = network.losses(x)
    assert found['kl'].item() == pytest.approx(kl, rel=1e-4)
    assert found['loss'].item() == pytest.approx(found['reconstruction'].item() + found['kl'].item(), rel=1e-6)
    mixture = models.VAE(latent_size=3, hidden=[20], components=1, beta=2.)
    mixture.encoder.copyparams(network.encoder)
    mixture.prior.loc.array[...] = mixture.prior.log_scale.array[...] = 0
    estimates = [mixture.losses(x) for _ in range(300)]
    assert np.mean([each['kl'].item() for each in estimates]) == pytest.approx(kl, rel=0.1)
    assert estimates[0]['loss'].item() == pytest.approx(
        estimates[0]['reconstruction'].item() + 2 * estimates[0]['kl'].item(), rel=1e-5)


def test_the_mixture_is_a_mixture():
    prior = MixturePrior(6, 2)
    prior.loc.array[...] *= 3
    prior.log_scale.array[...] = np.random.uniform(-1, 0.5, (6, 2))
    scale = np.exp(prior.log_scale.array.astype(float))
    z = np.random.standard_normal((7, 2)).astype('f') * 3
    density = np.mean([stats.norm.pdf(z, prior.loc.array[i], scale[i]).prod(axis=1) for i in range(6)], axis=0)
    np.testing.assert_allclose(prior.log_prob(z).array, np.log(density), rtol=1e-4)
    drawn = prior.draw(20_000)
    np.testing.assert_allclose(drawn.mean(axis=0), prior.loc.array.mean(axis=0), atol=0.1)
    spread = (scale ** 2).mean(axis=0) + prior.loc.array.var(axis=0)
    np.testing.assert_allclose(drawn.var(axis=0), spread, rtol=0.05)


def test_noise_is_black_and_white_and_as_much_as_was_asked_for():
    network = models.DenoisingAutoencoder(hidden=[5], latent_size=2, noise=0.4)
    x = np.full((50, 1, 28, 28), 0.5, 'f')
    seen = network.see(x)
    assert [(seen == value).mean() for value in (0, 0.5, 1)] == pytest.approx([0.2, 0.6, 0.2], abs=0.01)
    assert (x == 0.5).all(), 'what was given is not touched'


@pytest.mark.parametrize('layers', [1, 2])
def test_gradient_penalty(layers):
    """Its value from numerical gradients, and the gradients of that with respect to weights likewise: second order."""
    with ann.using_config('dtype', np.dtype(np.float64)):
        critic = models.WGANGP((1, 8, 8), latent_size=2, width=2).discriminator
        if layers == 1:
            critic = critic[-1:]
        for param in critic.params():
            param.array[...] = np.random.standard_normal(param.shape)
        x = np.random.standard_normal((3, *((1, 8, 8) if layers == 2 else (2, 4, 4))))

    def expected():
        def scores():
            with ann.no_backprop_mode():
                return critic(x).array.sum(),

        gx, = numerical_grad(scores, (x,), (np.ones(()),), eps=1e-4)
        return ((np.sqrt((gx ** 2).sum(axis=(1, 2, 3))) - 1) ** 2).mean()

    penalty = gradient_penalty(critic, x)
    assert penalty.item() == pytest.approx(expected(), rel=1e-5)
    critic.cleargrads()
    penalty.backward()
    for param in critic.params():
        places = np.random.default_rng(0).choice(param.size, min(6, param.size), replace=False)
        flat = param.array.reshape(-1)
        for place in places.tolist():
            before, sides = flat[place], []
            for step in 1e-4, -1e-4:
                flat[place] = before + step
                sides.append(gradient_penalty(critic, x).item())
            flat[place] = before
            assert param.grad.reshape(-1)[place] == pytest.approx((sides[0] - sides[1]) / 2e-4, rel=1e-3, abs=1e-6)


def test_the_critic_counts_its_penalty():
    network = models.WGANGP(width=4, penalty=7.)
    x = 2 * pictures(4, (1, 28, 28)) - 1
    found = {name: value.item() for name, value in network.adversary_losses(x).items()}
    assert found['loss'] == pytest.approx(7 * found['penalty'] - found['distance'], rel=1e-5)
    assert not [link for link in network.discriminator.links() if 'Normalization' in type(link).__name__]


@pytest.mark.parametrize('make', [lambda penalty: models.GAN(hidden=8, units=4, penalty=penalty),
                                  lambda penalty: models.ConditionalGAN(width=0.02, penalty=penalty)])
def test_discriminators_count_how_steep_they_are(make, monkeypatch):
    """Of logits that are three times the sum of all pixels."""
    found, x = {}, pictures(4, (1, 28, 28))
    for penalty in 0, 2:
        network = make(penalty)
        monkeypatch.setattr(network, 'discriminate', lambda x, t=None: 3 * F.sum(x, axis=(1, 2, 3)) / 784)
        monkeypatch.setattr(network, 'imitate', lambda x, t=None: ann.Variable(np.zeros_like(x)))
        found[penalty] = {name: value.item() for name, value in network.adversary_losses(x, np.arange(4)).items()}
    assert found[0].keys() == {'loss'}
    assert found[2]['steepness'] == pytest.approx(9 / 784, rel=1e-5)
    assert found[2]['loss'] == pytest.approx(found[0]['loss'] + 2 * found[2]['steepness'], rel=1e-5)


def test_classes_are_needed_where_they_are_known():
    network = models.ConditionalGAN(width=0.05)
    with pytest.raises(ValueError, match='expected the classes'):
        network.generate(network.draw_latents(2))
    z = network.draw_latents(1)
    assert not np.array_equal(*(network.make_pictures(z, np.array([t])) for t in (3, 4)))


@pytest.mark.parametrize('halvings, seen', [(1, 16), (2, 34), (3, 70)])
def test_each_patch_sees_as_many_pixels_as_the_paper_says(halvings, seen):
    network = models.Pix2Pix((1, 128, 128), width=1, halvings=2, patch_halvings=halvings)
    x = ann.Variable(np.zeros((1, 2, 128, 128), 'f'))
    for param in network.discriminator.params():
        param.array[...] = 1
    with ann.using_config('train', False):
        y = network.discriminator(x)
        middle = y.shape[2] // 2
        F.sum(y[:, :, middle, middle]).backward()
    rows = np.flatnonzero(x.grad.any(axis=(0, 1, 3)))
    assert rows[-1] - rows[0] + 1 == seen


def test_sides_that_cannot_be_halved():
    with pytest.raises(ValueError, match=r'DCGAN: expected as many rows as columns.*30 x 30'):
        models.DCGAN((1, 30, 30))
    with pytest.raises(ValueError, match='Pix2Pix: expected sides that can be halved 5 times, got 28 x 28'):
        models.Pix2Pix((1, 28, 28), halvings=5)
