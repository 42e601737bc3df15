"""Networks that write captions: sizes, teacher forcing against writing word by word, attention, and that they learn."""
import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
from autograd_nn import models, serializers
from autograd_nn.datasets import DigitSceneCaptions, SentenceVocabulary, pad_sentences
from autograd_nn.models.captioning.encoders import what_and_where
from support.overfitting import overfit

NAMES = models.names('captions')
V = 10_000
# Of the classifiers, less what the encoders have not: of VGG-16 the last layer (4,097,000), and for attention the two
# large ones before it (102,764,544 and 16,781,312); of ResNet-50 and GoogLeNet the last one (2,049,000 and 1,025,000)
# and the auxiliary heads (6,379,728).
ENCODERS = {'nic_vgg16': 138_357_544 - 4_097_000, 'nic_resnet50': 25_557_032 - 2_049_000,
            'nic_googlenet': 13_378_280 - 6_379_728 - 1_025_000,
            'attention_vgg16': 138_357_544 - 4_097_000 - 102_764_544 - 16_781_312,
            'attention_resnet50': 25_557_032 - 2_049_000, 'attention_googlenet': 13_378_280 - 6_379_728 - 1_025_000}
FEATURES = {'nic_vgg16': 4096, 'nic_resnet50': 2048, 'nic_googlenet': 1024,
            'attention_vgg16': 512, 'attention_resnet50': 2048, 'attention_googlenet': 1024}


def small(kind, **arguments):
    return models.get(f'{kind}_scenes').build(**{'vocabulary_size': 9, 'units': 12, **arguments})


def decoder_size(name, features, units=512, attention=512):
    """From the papers' formulas."""
    lstm = 4 * units * (units + units)
    if name.startswith('nic'):
        return features * units + 2 * units + V * units + lstm + 8 * units + (units + 1) * V
    return (V * units + 2 * (features + 1) * units + (features + 1) * attention + units * attention + attention
            + units + 1 + lstm + 4 * units * features + 4 * units + (units + 1) * units + features * units
            + (units + 1) * V)


@pytest.mark.parametrize('name', sorted(ENCODERS))
def test_sizes_of_the_networks_for_photographs(name, blank_parameters):
    entry = models.get(name)
    model = entry.build()
    assert entry.input_shape == (3, 224, 224) == (3, model.insize, model.insize) and entry.description.endswith('.')
    with ann.no_backprop_mode():
        y = model(np.zeros((1, *entry.input_shape), 'f'), np.ones((1, 2), 'i'))
    assert y.shape == (1, 2, V)
    assert model.encoder.count_params() == ENCODERS[name]
    assert model.count_params() - ENCODERS[name] == decoder_size(name, FEATURES[name])


def test_sizes_of_the_networks_for_scenes():
    model = models.SceneNet()
    model(np.zeros((1, 3, 64, 64), 'f'))
    convolutions = sum(a * b * k * k + 2 * b for a, b, k in
                       [(3, 16, 5), (16, 32, 3), (32, 64, 3), (64, 128, 3), (128, 128, 3), (130, 128, 1),
                        (130, 512, 1)])
    assert model.count_params() == convolutions + 513 * 10 == 335_770


@pytest.mark.parametrize('kind', ['nic', 'attention'])
def test_paths_of_parameters(kind):
    model = small(kind)
    model(np.zeros((1, 3, 64, 64), 'f'), np.ones((1, 2), 'i'))
    paths = {path for path, _ in model.namedparams()}
    assert {'/encoder/conv1/conv/W', '/encoder/conv5/bn/gamma', '/embed/W', '/output/b'} <= paths
    assert '/detector/W' in paths and '/encoder/conv7/conv/W' not in paths and '/encoder/fc8/W' not in paths
    own = {'nic': {'/image/W', '/norm/gamma', '/lstm/0/w0', '/lstm/0/b7'},
           'attention': {'/place/W', '/state/W', '/word/W', '/weigh/W', '/gate/W', '/lstm/upward/W', '/lstm/lateral/W',
                         '/initial_c/W', '/initial_h/b', '/output_h/W', '/output_z/W'}}
    assert own[kind] <= paths


@pytest.mark.parametrize('kind', ['nic', 'attention'])
def test_reading_a_sentence_is_writing_it_word_by_word(kind):
    model = small(kind)
    images, words = np.random.randn(3, 3, 64, 64).astype('f'), np.random.randint(1, 9, (3, 5)).astype('i')
    with ann.using_config('train', False), ann.no_backprop_mode():
        whole = model(images, words).array
        states = model.start(images)
        for t in range(5):
            logits, states = model.step(words[:, t], states)
            np.testing.assert_allclose(logits.array, whole[:, t], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('kind', ['nic', 'attention'])
def test_what_stands_behind_a_sentence_changes_nothing(kind):
    """Neither other sentences' logits nor its own, nor the loss: as of each sentence alone."""
    model = small(kind, dropout=0.)
    images = np.random.randn(2, 3, 64, 64).astype('f')
    sentences = [np.array([1, 5, 6, 7, 2], 'i'), np.array([1, 8, 2], 'i')]
    padded = pad_sentences(sentences)
    with ann.using_config('train', False), ann.no_backprop_mode():
        together = model(images, padded[:, :-1])
        loss = models.CaptionNetwork.lossfun(model, together, padded[:, 1:]).item()
        total = 0.
        for i, sentence in enumerate(sentences):
            alone = model(images[i:i + 1], sentence[None, :-1])
            np.testing.assert_allclose(together.array[i, :len(sentence) - 1], alone.array[0], rtol=1e-4, atol=1e-5)
            total += models.CaptionNetwork.lossfun(model, alone, sentence[None, 1:]).item() * (len(sentence) - 1)
    assert loss == pytest.approx(total / 6, rel=1e-5)


@pytest.mark.parametrize('kind', ['nic', 'attention'])
def test_nothing_is_written_about_no_pictures(kind):
    assert small(kind).write(np.zeros((0, 3, 64, 64), 'f')) == []


@pytest.mark.parametrize('kind', ['nic', 'attention'])
def test_written_sentences(kind):
    """Their scores are those of reading them; marks never come; a width of 1 is greedy."""
    model = small(kind)
    images = np.random.randn(2, 3, 64, 64).astype('f')
    model(images, np.ones((2, 1), 'i'))
    for image, hypotheses in zip(images, model.write(images, width=3, max_length=4)):
        assert 1 <= len(hypotheses) <= 3
        for tokens, score in hypotheses:
            assert not {0, 1, 2} & set(tokens)
            full = np.array([[1, *tokens, 2]], 'i')[:, :5]
            with ann.using_config('train', False), ann.no_backprop_mode():
                log_p = F.log_softmax(model(image[None], full[:, :-1]), axis=2).array[0]
            assert score == pytest.approx(sum(log_p[t, full[0, t + 1]] for t in range(full.shape[1] - 1)), rel=1e-4)
    with ann.using_config('train', False), ann.no_backprop_mode():
        logits, _ = model.step(np.array([1, 1], 'i'), model.start(images))
        logits.array[:, :2] = -np.inf
    for first, (hypothesis,) in zip(logits.array.argmax(axis=1), model.write(images, width=1, max_length=1)):
        assert hypothesis.tokens == ([] if first == 2 else [first])


@pytest.mark.parametrize('asking', [False, True])
def test_attention_is_a_distribution_and_what_is_looked_at_is_the_mean(asking):
    model = small('attention', asking=asking)
    images, words = np.random.randn(2, 3, 64, 48).astype('f'), np.array([[1, 5, 6], [1, 4, -1]], 'i')
    weights = model.look(images, words)
    assert weights.shape == (2, 3, 8, 6) and (weights > 0).all()
    np.testing.assert_allclose(weights.sum(axis=(2, 3)), 1, rtol=1e-5)
    assert ann.config.train, 'back in training'
    # Equations 4 to 6 of the paper in NumPy, for the first step; the last word may ask, too.
    with ann.using_config('train', False), ann.no_backprop_mode():
        a = model.encode(images).array.transpose(0, 2, 3, 1).reshape(2, 48, -1)
        h = np.tanh(a.mean(axis=1) @ model.initial_h.W.array.T + model.initial_h.b.array)
    asked = h @ model.state.W.array.T
    if asking:
        asked += model.embed.W.array[words[:, 0]] @ model.word.W.array.T
    e = np.tanh(a @ model.place.W.array.T + model.place.b.array + asked[:, None]) @ model.weigh.W.array[0]
    e = np.exp(e - e.max(axis=1, keepdims=True))
    np.testing.assert_allclose(weights[:, 0].reshape(2, -1), e / e.sum(axis=1, keepdims=True), rtol=1e-4)


@pytest.mark.parametrize('kind', ['nic', 'attention'])
def test_the_loss_asks_the_encoder_for_words(kind):
    """In training: of each word, where it is said most of all, whether it is in the sentence."""
    images, t = np.random.randn(2, 3, 64, 64).astype('f'), np.array([[3, 4, 3, 2], [5, 2, -1, -1]], 'i')
    model = small(kind, detection=0.7)
    y = model(images, np.ones((2, 4), 'i'))
    without = models.CaptionNetwork.lossfun(small(kind, detection=0.), y, t).item()
    features = model.encoder.extract(images, [model._stage])[model._stage].array
    features = features.reshape(2, features.shape[1], -1)
    said = (model.detector.W.array @ features + model.detector.b.array[:, None]).max(axis=2).astype(float)
    there = np.array([[word in row for word in range(9)] for row in t])
    expected = (np.log1p(np.exp(said)) - said * there).sum() / 6
    assert model.lossfun(y, t).item() == pytest.approx(without + 0.7 * expected, rel=1e-5)
    with ann.using_config('train', False):
        assert model.lossfun(model(images, np.ones((2, 4), 'i')), t).item() < without + 0.7 * expected
    assert model._said is None


def test_coverage_has_the_gradient_of_equation_14():
    """The sum of the squares of 1 less the weights of each place, over a sentence, for each word of the minibatch."""
    model, t = small('attention', coverage=0.7), np.array([[3, 4, 2], [5, 2, -1]], 'i')
    y = ann.Variable(np.random.randn(2, 3, 9).astype('f'))
    values = np.random.dirichlet(np.ones(6), (2, 3)).astype('f')
    gradients = []
    for ours in True, False:
        weights = ann.Variable(values)
        if ours:
            model._weights = weights
            loss = model.lossfun(y, t)
        else:
            alpha = weights * (t >= 0).astype('f')[:, :, None]
            loss = 0.7 / 5 * F.sum((1 - F.sum(alpha, axis=1)) ** 2)
        loss.backward()
        gradients.append(weights.grad)
    # Weights sum to 1, so what is the same for all places of a step does not count.
    ours, expected = (each - each.mean(axis=2, keepdims=True) for each in gradients)
    np.testing.assert_allclose(ours, expected, atol=1e-6)
    assert model._weights is None


@pytest.mark.parametrize('kind', ['nic', 'attention'])
def test_a_small_step_against_the_gradient_lowers_the_loss_as_it_should(kind):
    """A gradient check of the whole network, in training."""
    images, sentence = np.random.randn(3, 3, 32, 32), np.array([[1, 5, 6, 2], [1, 7, 2, -1], [1, 2, -1, -1]], 'i')

    def loss():
        np.random.seed(0)
        return model.lossfun(model(images, sentence[:, :-1]), sentence[:, 1:])

    with ann.using_config('dtype', np.dtype(np.float64)):
        model = small(kind, dropout=0.3, **({'coverage': 0.5} if kind == 'attention' else {}))
        loss()
        before = loss()
        before.backward()
        assert not [path for path, param in model.namedparams() if param.grad is None]
        square = sum(float(np.vdot(param.grad, param.grad)) for param in model.params())
        expected = 1e-6 * before.item()
        for param in model.params():
            param.array -= expected / square * param.grad
        with ann.no_backprop_mode():
            assert before.item() - loss().item() == pytest.approx(expected, rel=0.01)


def learn_captions(name, size, steps, rate=1e-3, **arguments):
    """Learns eight captions by heart; returns the loss, what it writes, and the captions."""
    scenes = DigitSceneCaptions(8, size=(size, size))[:]
    sentences = [references[0] for _, references in scenes]
    vocabulary = SentenceVocabulary.of_sentences(sentences)
    np.random.seed(0)
    network = models.get(name).build(vocabulary_size=len(vocabulary), dropout=0., **arguments)
    images = network.preprocessing.normalize(np.stack([image for image, _ in scenes]), 255)
    padded = pad_sentences([vocabulary.encode(sentence) for sentence in sentences])
    words, following = padded[:, :-1].copy(), padded[:, 1:].copy()
    loss = overfit(network, lambda: network.lossfun(network(images, words), following), steps, rate, enough=0.02)
    written = [vocabulary.decode(hypotheses[0].tokens) for hypotheses in network.write(images)]
    return loss, written, sentences


@pytest.mark.slow
@pytest.mark.parametrize('name', ['nic_scenes', 'attention_scenes'])
def test_overfits_eight_samples(name):
    loss, written, sentences = learn_captions(name, 32, 100, 2e-3, units=128)
    assert loss < 0.1
    assert written == sentences


@pytest.mark.slow
def test_an_encoder_of_photographs_overfits_eight_samples():
    loss, written, sentences = learn_captions('nic_googlenet', 64, 130, 2e-3, units=128)
    assert loss < 0.1
    assert written == sentences


def test_weights_go_through_a_file(tmp_path):
    model, images = small('attention'), np.random.randn(1, 3, 64, 64).astype('f')
    model(images, np.ones((1, 1), 'i'))
    serializers.save_npz(tmp_path / 'model.npz', model)
    other = small('attention')
    other(images, np.ones((1, 1), 'i'))
    serializers.load_npz(tmp_path / 'model.npz', other)
    assert model.write(images) == other.write(images)


def test_an_encoder_takes_the_weights_of_its_classifier(tmp_path):
    """All that it has is in the file: what was cut off is all that the file has besides."""
    classifier = models.SceneNet()
    classifier(np.zeros((1, 3, 64, 64), 'f'))
    serializers.save_npz(tmp_path / 'classifier.npz', classifier)
    model = small('nic')
    model(np.zeros((1, 3, 64, 64), 'f'), np.ones((1, 1), 'i'))
    report = serializers.load_matching(tmp_path / 'classifier.npz', model.encoder)
    assert not report.missing and not report.other_shape
    assert {path.split('/')[0] for path in report.unused} == {'conv7', 'fc8'}


def test_what_and_where():
    x = np.random.uniform(0, 1, (2, 3, 4, 5)).astype('f')
    rows, columns = np.linspace(-4, 4, 4)[:, None], np.linspace(-4, 4, 5)
    expected = [x.max(axis=(2, 3)), *((x * places).sum(axis=(2, 3)) / (1 + x.sum(axis=(2, 3)))
                                      for places in (rows, columns))]
    np.testing.assert_allclose(what_and_where(ann.Variable(x)).array, np.concatenate(expected, axis=1), rtol=1e-4,
                               atol=1e-5)


def test_no_such_encoder():
    with pytest.raises(ValueError, match="encoder: expected one of scenes, vgg16, resnet50, googlenet; got 'vgg'"):
        models.NIC(encoder='vgg')


def test_cut_off_stages():
    network = models.create('googlenet')
    network.cut('inception_4b')
    assert network.available_layers[-2:] == ['inception_4b', 'prob'] and not hasattr(network, 'loss1_fc1')
    assert not hasattr(network, 'inc4c') and hasattr(network, 'inc4b')
    with ann.using_config('train', False), ann.no_backprop_mode():
        assert network(np.zeros((1, 3, 96, 96), 'f')).shape == (1, 512, 6, 6)
    with pytest.raises(ValueError, match="cut: GoogLeNet has no stage 'inception_9'; expected one of conv1, pool1"):
        network.cut('inception_9')
