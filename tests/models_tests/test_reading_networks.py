"""Networks that read sequences: their sizes, that they learn, that padding changes nothing, and their losses."""
import itertools
import re
from pathlib import Path

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
from autograd_nn import models
from autograd_nn.backend import CpuDevice
from autograd_nn.datasets import DigitStrips, pad_sentences
from autograd_nn.models.sequence.packed import Packing
from autograd_nn.models.sequence.word2vec import LOSSES
from autograd_nn.tasks.transcription import LineConverter
from support.overfitting import overfit

DOCS = Path(__file__).parents[2] / 'docs' / 'reference' / 'models.md'
# For 10,000 words: 50, 100 or 300 numbers each; then the four gates of LSTMs with two biases, and output layers.
PARAMETERS = {
    'bilstm_tagger': 500_000 + 2 * 4 * (50 * 100 + 2 * 50) + 16 * 101,
    'bilstm_crf_tagger': 500_000 + 2 * 4 * (50 * 100 + 2 * 50) + 16 * 101 + 16 ** 2,
    'cbow': 2 * 1_000_000, 'skip_gram': 2 * 1_000_000,
    # Kim, 2014: 100 maps of each width over vectors of 300.
    'text_cnn': 3_000_000 + 3 * 100 + 100 * 300 * (3 + 4 + 5) + 2 * 301,
    'text_lstm': 1_000_000 + 4 * (100 * 200 + 2 * 100) + 2 * 101,
    'text_bow': 1_000_000 + 100 * 101 + 2 * 101,
    'crnn': 16 * 10 + 32 * (16 * 9 + 2) + 64 * (32 * 9 + 2) + 128 * (64 * 21 + 2) + 2 * 4 * (64 * 192 + 128) + 11 * 129,
}
TEXTS = pad_sentences([np.random.RandomState(i).randint(0, 30, 3 + i % 5) for i in range(8)])


def test_parameters_and_the_table_of_the_documentation():
    assert {name: models.get(name).build().count_params() for name in PARAMETERS} == PARAMETERS
    rows = re.findall(r'^\| `(\w+)` \| ([\d,]+) \|', DOCS.read_text(), re.MULTILINE)
    assert {name: int(count.replace(',', '')) for name, count in rows if name in PARAMETERS} == PARAMETERS
    for name in PARAMETERS:
        words, number = re.search(r'(?:(\d+) V \+ )?([\d,]+) parameters', models.get(name).model.__doc__
                                  .replace('200 V parameters', '200 V + 0 parameters')).groups()
        assert int(words or 0) * 10_000 + int(number.replace(',', '')) == PARAMETERS[name]


def learn(network, arrays, rate=0.01, steps=150, enough=0.05):
    """Trains on one minibatch; returns the loss afterwards, in inference."""
    *x, t = arrays
    overfit(network, lambda: network.lossfun(network(*x), t), steps, rate, enough)
    with ann.using_config('train', False), ann.no_backprop_mode():
        return network.lossfun(network(*x), t).item()


@pytest.mark.parametrize('name', models.names('text_classification'))
def test_classifiers_overfit_eight_texts(name):
    ann.random.seed(0)
    t = np.arange(8, dtype=np.int32) % 3
    assert learn(models.create(name, num_classes=3, vocabulary_size=30), (TEXTS, t), 0.003) < 0.1


@pytest.mark.parametrize('name', models.names('tagging'))
def test_taggers_overfit_eight_sentences(name):
    ann.random.seed(0)
    tags = np.where(TEXTS < 0, -1, np.random.RandomState(0).randint(0, 4, TEXTS.shape)).astype(np.int32)
    network = models.create(name, num_classes=4, vocabulary_size=30, dropout=0.)
    assert learn(network, (TEXTS, tags)) < 0.1
    with ann.using_config('train', False):
        for found, true in zip(network.tag(TEXTS), tags):
            assert found.tolist() == true[true >= 0].tolist()


@pytest.mark.slow
def test_the_reader_of_lines_overfits_eight_lines():
    ann.random.seed(0)
    arrays = LineConverter('0123456789')(DigitStrips(8, count=(1, 2))[:])
    network = models.create('crnn', units=32, dropout=0.)
    assert learn(network, arrays, 0.005, 110) < 0.2
    with ann.using_config('train', False):
        found = models.ctc_greedy(network(*arrays[:2]), network.blank)
    assert found == [row[row >= 0].tolist() for row in arrays[2]]


@pytest.mark.parametrize('loss', LOSSES)
@pytest.mark.parametrize('name', models.names('word_vectors'))
def test_words_are_told_from_those_near_them(name, loss):
    """Each of eight words has but one neighbour, so that nothing is left to guess."""
    ann.random.seed(0)
    network = models.create(name, vocabulary_size=8, units=8, loss=loss, counts=[3, 1, 4, 1, 5, 9, 2, 6])
    arrays = network.pairs(np.arange(8, dtype=np.int32), (np.arange(8, dtype=np.int32)[:, None] + 1) % 8)
    # Negative samples may be the word itself, so that its loss does not go to 0.
    least = 2 if loss == 'negative' else 0.2
    assert learn(network, arrays, 0.05, 200) < least
    if loss == 'negative':
        assert (F.matmul(network(arrays[0]), network.output.W, transb=True).array.argmax(axis=1) == arrays[1]).all()


@pytest.mark.parametrize('name', [*models.names('text_classification'), *models.names('tagging')])
def test_what_is_said_of_a_text_does_not_depend_on_those_beside_it(name):
    network = models.create(name, num_classes=4, vocabulary_size=30)
    with ann.using_config('train', False):
        together = network(TEXTS).array
        for row, text in zip(together, TEXTS):
            alone = network(text[text >= 0][None]).array[0]
            np.testing.assert_allclose(row[:len(alone)], alone, atol=1e-5)


def test_what_is_read_in_a_line_does_not_depend_on_those_beside_it():
    network = models.create('crnn')
    lines = DigitStrips(5)[:]
    for param in network.conv1.b, network.bn2.beta, network.bn3.beta, network.bn4.beta:
        param.array[:] = np.random.uniform(0.1, 0.5, param.shape)
    converter = LineConverter('0123456789')
    with ann.using_config('train', False):
        together = network(*converter(lines)[:2]).array
        for logits, line in zip(together, lines):
            alone = network(*converter([line])[:2]).array[0]
            np.testing.assert_allclose(logits[:len(alone)], alone, atol=1e-4)
            assert (logits[len(alone):].argmax(axis=1) == network.blank).all()


def test_packing():
    lengths, x = np.array([2, 4, 1]), np.arange(24).reshape(3, 4, 2)
    packing = Packing(lengths, 4, CpuDevice())
    expected = [x[i, step] for step in range(4) for i in (1, 0, 2) if step < lengths[i]]
    np.testing.assert_array_equal(packing.pack(x), expected)
    assert packing.sizes == (3, 2, 1, 1)
    steps = packing.steps(packing.pack(x))
    assert [len(step) for step in steps] == [3, 2, 1, 1]
    np.testing.assert_array_equal(steps[1], [x[1, 1], x[0, 1]])
    back = packing.unpack(ann.Variable(packing.pack(x).astype('f')), -7).array
    for i, length in enumerate(lengths):
        np.testing.assert_array_equal(back[i, :length], x[i, :length])
        assert (back[i, length:] == -7).all()


def test_kims_network_is_what_loops_compute():
    network = models.TextCNN(3, 30, units=6, maps=4)
    words = [3, 0, 7, 7]
    vectors = network.embed.W.array[words]
    features = []
    for width in 3, 4, 5:
        layer = getattr(network, f'conv{width}')
        padded = np.concatenate([np.zeros((width - 1, 6)), vectors, np.zeros((width - 1, 6))])
        said = [[sum((layer.W.array[k, :, j] * padded[i + j]).sum() for j in range(width)) + layer.b.array[k]
                 for i in range(len(words) + width - 1)] for k in range(4)]
        features += [max(0, *row) for row in said]
    with ann.using_config('train', False):
        found = network(np.array([words], 'i')).array[0]
    np.testing.assert_allclose(found, network.output.W.array @ features + network.output.b.array, rtol=1e-4, atol=1e-6)


def test_the_loss_and_the_best_tags_of_a_crf_are_those_of_all_sequences():
    network = models.BiLSTMCRFTagger(3, 30, units=4, dropout=0.)
    network.crf.cost.array[:] = np.random.normal(size=(3, 3))
    network.output.W.array *= 5
    x, t = pad_sentences([np.array([4, 5]), np.array([1, 2, 3, 9])]), pad_sentences([np.array([2, 0]),
                                                                                    np.array([1, 1, 0, 2])])
    with ann.using_config('train', False):
        scores, found = network(x), network.tag(x)
    total = 0.
    for row, tags, best in zip(scores.array.astype(float), t, found):
        length = int((tags >= 0).sum())
        all_scores = {labels: sum(row[i, k] for i, k in enumerate(labels))
                      + sum(network.crf.cost.array[a, b] for a, b in itertools.pairwise(labels))
                      for labels in itertools.product(range(3), repeat=length)}
        total += np.log(sum(np.exp(score) for score in all_scores.values())) - all_scores[tuple(tags[:length])]
        assert max(all_scores, key=all_scores.get) == tuple(best)
    assert float(network.lossfun(scores, t).array) == pytest.approx(total / 6, rel=1e-4)


def collapse(path, blank):
    """What a label at each step comes down to."""
    return tuple(label for i, label in enumerate(path) if label != blank and (i == 0 or path[i - 1] != label))


def all_labels(p, blank):
    """The probability of each sequence of labels: the sum over all paths that come down to it."""
    found = {}
    for path in itertools.product(range(p.shape[1]), repeat=len(p)):
        labels = collapse(path, blank)
        found[labels] = found.get(labels, 0) + np.prod([p[i, label] for i, label in enumerate(path)])
    return found


@pytest.mark.parametrize('blank', [0, 2])
def test_beam_search_adds_up_all_ways_to_say_something(blank):
    p = np.random.dirichlet(np.full(3, 0.7), (4, 5))
    for steps, hypotheses in zip(p, models.ctc_beam_search(np.log(p), blank, width=1000)):
        expected = all_labels(steps, blank)
        assert {tuple(tokens) for tokens, _ in hypotheses} == {*expected}
        for tokens, score in hypotheses:
            assert score == pytest.approx(np.log(expected[tuple(tokens)]))
        assert [score for _, score in hypotheses] == sorted([score for _, score in hypotheses], reverse=True)


def test_the_likeliest_label_of_each_step():
    logits = np.random.normal(size=(6, 9, 4))
    assert models.ctc_greedy(logits, 3) == [[*collapse(row, 3)] for row in logits.argmax(axis=2).tolist()]
    # A beam of one beginning still adds up its ways, in long sequences, too.
    certain = np.full((1, 3000, 4), -9.)
    certain[0, :, 3] = certain[0, ::10, 1] = 0
    certain[0, ::10, 3] = -9
    (tokens, score), = models.ctc_beam_search(F.log_softmax(certain, axis=2), 3, width=1)[0]
    assert tokens == models.ctc_greedy(certain, 3)[0] == [1] * 300
    assert -10 < score < 0
    with pytest.raises(ValueError, match='expected a width of at least 1, got 0'):
        models.ctc_beam_search(certain, 3, width=0)


@pytest.mark.parametrize('search', [models.ctc_greedy, models.ctc_beam_search])
@pytest.mark.parametrize(('log_p', 'blank', 'message'), [
    (np.zeros((3, 4)), 0, r'expected log_p of shape \(N, T, V\), got \(3, 4\)'),
    (np.zeros((1, 3, 4)), 4, 'expected a blank from 0 to 3, got 4'),
    (np.zeros((1, 3, 4)), -1, 'expected a blank from 0 to 3, got -1'),
    ([[[-1., -1.], [-1., np.nan]]], 0, 'expected logarithms of probabilities, got NaN at step 1')])
def test_nonsense_is_not_decoded(search, log_p, blank, message):
    with pytest.raises(ValueError, match=f'{search.__name__}: {message}'):
        search(np.array(log_p), blank)


def test_a_step_without_a_possible_label():
    log_p = np.array([[[0., 0.], [-np.inf, -np.inf]]])
    with pytest.raises(ValueError, match='got -inf as the largest of sequence 0 at step 1'):
        models.ctc_beam_search(log_p, 0)
    tokens, score = models.ctc_beam_search(np.array([[[-np.inf, 0.], [-800., -np.inf]]]), 0)[0][0]
    assert (tokens, score) == ([1], pytest.approx(-800))


def test_the_score_of_labels_is_the_loss_of_ctc():
    logits, t = np.random.normal(size=(1, 6, 4)), np.array([[1, 1, 0]])
    loss = F.connectionist_temporal_classification([*F.separate(logits, axis=1)], t, 3)
    found = models.ctc_beam_search(F.log_softmax(logits, axis=2), 3, width=1000)[0]
    score, = [score for tokens, score in found if tokens == [1, 1, 0]]
    assert float(loss.array) == pytest.approx(-score)


def test_softmax_and_hierarchical_losses_are_means_of_cross_entropies():
    x, t = np.array([0, 3, 3, 1], 'i'), np.array([1, 2, 0, 1], 'i')
    network = models.SkipGram(4, 5, 'softmax')
    network.output.W.array[:] = np.random.normal(size=(4, 5))
    logits = network.embed.W.array[x] @ network.output.W.array.T
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert float(network.lossfun(network(x), t).array) == pytest.approx(-np.log(p[range(4), t]).mean(), rel=1e-5)
    network = models.SkipGram(4, 5, 'hierarchical', [9, 4, 2, 1])
    network.output.W.array[:] = np.random.normal(size=(3, 5))
    network.embed.W.array[:] = np.random.normal(size=(4, 5))
    # The probabilities of all words add up to 1.
    total = sum(np.exp(-float(network.lossfun(network(x[:1]), np.array([k], 'i')).array)) for k in range(4))
    assert total == pytest.approx(1, rel=1e-5)
    with pytest.raises(ValueError, match=r'^CBOW: expected as loss one of negative, .*, got .hinge.$'):
        models.CBOW(4, 5, 'hinge')
