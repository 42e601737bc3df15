"""Networks that translate: sizes, agreement with NumPy loops and PyTorch, padding, writing step by step, learning."""
import itertools

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import models, serializers
from autograd_nn.datasets import DateSpellings, MarkedVocabulary, pad_sentences
from autograd_nn.models.sequence.transformer import positions
from support.overfitting import overfit

KINDS = ['seq2seq', 'transformer']
SMALL = {'seq2seq': lambda **options: models.Seq2Seq(**{'vocabulary_size': 9, 'units': 12, 'layers': 2, **options}),
         'transformer': lambda **options: models.Transformer(
             **{'vocabulary_size': 9, 'size': 12, 'hidden': 20, 'n_heads': 3, 'depth': 2, **options})}
SOURCE = np.array([[5, 6, 7, 8, 2], [3, 2, -1, -1, -1], [4, 8, 3, 2, -1]], 'i')
TARGET = np.array([[1, 3, 4, 5], [1, 7, 8, -1], [1, -1, -1, -1]], 'i')


def small(kind, **options):
    """A small network whose parameters are all random, biases too."""
    network = SMALL[kind](**options)
    for parameter in network.params():
        parameter.array[...] += np.random.normal(0, 0.3, parameter.shape)
    return network


@pytest.fixture(autouse=True)
def inference():
    with ann.using_config('train', False):
        yield


def attention_size(size):
    return 4 * (size * size + size)


def transformer_size(V, size, hidden, depth):
    """Of sections 3.1 to 3.4 of the paper: layers, and one matrix for both embeddings and the output."""
    dense, norm = 2 * size * hidden + hidden + size, 2 * size
    return V * size + depth * (attention_size(size) + dense + 2 * norm) + depth * (2 * attention_size(size) + dense
                                                                                  + 3 * norm)


@pytest.mark.parametrize('name, V, size, hidden, depth, published', [
    ('transformer_base', 37_000, 512, 2048, 6, 65e6), ('transformer_big', 37_000, 1024, 4096, 6, 213e6),
    ('transformer_small', 102, 96, 384, 2, None)])
def test_sizes_of_transformers(name, V, size, hidden, depth, published, blank_parameters):
    count = models.create(name, vocabulary_size=V).count_params()
    assert count == transformer_size(V, size, hidden, depth)
    if published:
        assert models.create(name).count_params() == count == {'base': 63_082_496, 'big': 214_245_376}[name[12:]]
        assert count == pytest.approx(published, rel=0.03), 'table 3 of the paper'


@pytest.mark.parametrize('name, V, units, layers', [('seq2seq', 10_000, 512, 2), ('seq2seq_small', 102, 128, 1)])
def test_sizes_of_seq2seq(name, V, units, layers, blank_parameters):
    half = units // 2
    encoder = layers * 2 * (4 * half * (units + half) + 8 * half)
    decoder = layers * (4 * units * 2 * units + 8 * units)
    expected = 2 * V * units + encoder + decoder + units ** 2 + 2 * units ** 2 + (units + 1) * V
    assert models.create(name, vocabulary_size=V).count_params() == expected


def test_positions_are_those_of_the_paper():
    for place, i in itertools.product(range(3, 8), range(0, 10, 2)):
        angle = place / 10000 ** (i / 10)
        np.testing.assert_allclose(positions(3, 5, 10)[place - 3, i:i + 2], [np.sin(angle), np.cos(angle)])


class InLoops:
    """A Transformer in plain loops over samples, heads, queries and keys."""

    def __init__(self, model):
        self.p = {path: parameter.array.astype(float) for path, parameter in model.namedparams()}
        self.n_heads = model.encoder[0].attention.n_heads
        self.depth = len(model.encoder)

    def linear(self, path, x):
        return x @ self.p[f'{path}/W'].T + self.p[f'{path}/b']

    def norm(self, path, x):
        mean, var = x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)
        return (x - mean) / np.sqrt(var + 1e-6) * self.p[f'{path}/gamma'] + self.p[f'{path}/beta']

    def attention(self, path, x, memory, causal):
        q, k, v = self.linear(f'{path}/query', x), self.linear(f'{path}/key', memory), self.linear(
            f'{path}/value', memory)
        d = x.shape[1] // self.n_heads
        y, self.weights = np.zeros_like(x), np.zeros((self.n_heads, len(x), len(memory)))
        for head in range(self.n_heads):
            part = slice(head * d, (head + 1) * d)
            for i in range(len(x)):
                seen = i + 1 if causal else len(memory)
                e = np.array([np.exp(q[i, part] @ k[j, part] / np.sqrt(d)) for j in range(seen)])
                self.weights[head, i, :seen] = e / e.sum()
                y[i, part] = sum(w * v[j, part] for j, w in enumerate(self.weights[head, i, :seen]))
        return self.linear(f'{path}/out', y)

    def dense(self, path, x):
        y = self.linear(f'{path}/fc2', np.maximum(self.linear(f'{path}/fc1', x), 0))
        return self.norm(f'{path}/last_norm', x + y)

    def embed(self, tokens):
        W = self.p['/embed/W']
        return W[tokens] * np.sqrt(W.shape[1]) + positions(0, len(tokens), W.shape[1])

    def __call__(self, source, target):
        """Logits, and the weights of what was read, of one text without padding."""
        h = self.embed(source)
        for k in range(self.depth):
            path = f'/encoder/{k}'
            h = self.norm(f'{path}/norm', h + self.attention(f'{path}/attention', h, h, False))
            h = self.dense(path, h)
        x, weights = self.embed(target), []
        for k in range(self.depth):
            path = f'/decoder/{k}'
            x = self.norm(f'{path}/norm', x + self.attention(f'{path}/attention', x, x, True))
            x = self.norm(f'{path}/memory_norm', x + self.attention(f'{path}/memory_attention', x, h, False))
            weights.append(self.weights)
            x = self.dense(path, x)
        return x @ self.p['/embed/W'].T, np.mean(weights, axis=(0, 1))


def lstm_in_loops(p, path, xs, h, c):
    """The equations of `functions.n_step_lstm`, step by step."""
    def gate(j, x):
        return p[f'{path}/w{j}'] @ x + p[f'{path}/b{j}'] + p[f'{path}/w{j + 4}'] @ h + p[f'{path}/b{j + 4}']

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    outputs = []
    for x in xs:
        i, f, a, o = sigmoid(gate(0, x)), sigmoid(gate(1, x)), np.tanh(gate(2, x)), sigmoid(gate(3, x))
        c = f * c + i * a
        h = o * np.tanh(c)
        outputs.append(h)
    return outputs, h, c


def seq2seq_in_loops(model, source, target):
    """Logits, and weights of what was read, of one text without padding: equations 5 to 8 of Luong et al."""
    p = {path: parameter.array.astype(float) for path, parameter in model.namedparams()}
    units, layers = model.decoder.out_size, model.decoder.n_layers
    memory, states = list(p['/embed_source/W'][source]), []
    for k in range(layers):
        zero = np.zeros(units // 2)
        forward, h, c = lstm_in_loops(p, f'/encoder/{2 * k}', memory, zero, zero)
        backward, h_back, c_back = lstm_in_loops(p, f'/encoder/{2 * k + 1}', memory[::-1], zero, zero)
        memory = [np.concatenate(pair) for pair in zip(forward, backward[::-1])]
        states.append((np.concatenate([h, h_back]), np.concatenate([c, c_back])))
    hidden = list(p['/embed_target/W'][target])
    for k in range(layers):
        hidden, _, _ = lstm_in_loops(p, f'/decoder/{k}', hidden, *states[k])
    logits, weights = [], []
    for h in hidden:
        e = np.exp([h @ p['/key/W'] @ s / np.sqrt(units) for s in memory])
        weights.append(e / e.sum())
        context = sum(w * s for w, s in zip(weights[-1], memory))
        attended = np.tanh(p['/combine/W'] @ np.concatenate([context, h]))
        logits.append(p['/output/W'] @ attended + p['/output/b'])
    return np.array(logits), np.array(weights)


@pytest.mark.parametrize('kind', KINDS)
def test_against_loops(kind):
    """Each text of a padded minibatch against the network in loops on that text alone."""
    model = small(kind)
    y, weights = model(SOURCE, TARGET).array, model.look(SOURCE, TARGET)
    in_loops = InLoops(model) if kind == 'transformer' else lambda *texts: seq2seq_in_loops(model, *texts)
    for i in range(3):
        source, target = SOURCE[i][SOURCE[i] != -1], TARGET[i][TARGET[i] != -1]
        logits, looked = in_loops(source, target)
        np.testing.assert_allclose(y[i, :len(target)], logits, rtol=2e-4, atol=2e-5)
        np.testing.assert_allclose(weights[i, :len(target), :len(source)], looked, rtol=2e-4, atol=2e-5)
        assert not weights[i, :, len(source):].any()


def test_transformer_against_pytorch():
    torch = pytest.importorskip('torch')
    model = small('transformer')
    size, hidden, n_heads, depth = 12, 20, 3, 2
    other = torch.nn.Transformer(size, n_heads, depth, depth, hidden, dropout=0., batch_first=True, layer_norm_eps=1e-6)
    other.encoder.norm = other.decoder.norm = None  # which the paper has not

    def copy(parameter, array):
        parameter.data[...] = torch.from_numpy(array)

    def copy_attention(to, link):
        for name in 'W', 'b':
            joined = np.concatenate([getattr(each, name).array for each in (link.query, link.key, link.value)])
            copy(to.in_proj_weight if name == 'W' else to.in_proj_bias, joined)
        copy_layer(to.out_proj, link.out)

    def copy_layer(to, link):
        weight, bias = ('gamma', 'beta') if isinstance(link, L.LayerNormalization) else ('W', 'b')
        copy(to.weight, getattr(link, weight).array)
        copy(to.bias, getattr(link, bias).array)

    for layers, ours in (other.encoder.layers, model.encoder), (other.decoder.layers, model.decoder):
        for to, layer in zip(layers, ours):
            copy_attention(to.self_attn, layer.attention)
            names = {'linear1': 'fc1', 'linear2': 'fc2', 'norm1': 'norm', 'norm2': 'last_norm'}
            if layers is other.decoder.layers:
                copy_attention(to.multihead_attn, layer.memory_attention)
                names.update(norm2='memory_norm', norm3='last_norm')
            for name, own in names.items():
                copy_layer(getattr(to, name), getattr(layer, own))
    other.train()  # its shortcuts for inference take other roads
    x, y = (torch.from_numpy(model._embed(tokens).array) for tokens in (SOURCE, TARGET))
    unseen = torch.from_numpy(SOURCE == -1)
    later = torch.triu(torch.ones(4, 4, dtype=bool), 1)
    expected = other(x, y, tgt_mask=later, src_key_padding_mask=unseen, memory_key_padding_mask=unseen)
    expected = expected @ torch.from_numpy(model.embed.W.array).T
    valid = TARGET != -1
    y = model(SOURCE, TARGET).array
    np.testing.assert_allclose(y[valid], expected.detach().numpy()[valid], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize('kind', KINDS)
def test_reading_a_translation_is_writing_it_step_by_step(kind):
    model, target = small(kind), np.random.randint(1, 9, (3, 5)).astype('i')
    whole, states = model(SOURCE, target).array, model.start(SOURCE)
    for t in range(5):
        logits, states = model.step(target[:, t], states)
        np.testing.assert_allclose(logits.array, whole[:, t], rtol=1e-3, atol=1e-4)
        assert all(len(state) == 3 for state in states)


@pytest.mark.parametrize('kind', KINDS)
def test_no_token_depends_on_later_ones(kind):
    model, other = small(kind), TARGET.copy()
    other[:, 2:] = 6
    difference = abs(model(SOURCE, TARGET).array - model(SOURCE, other).array).max(axis=(0, 2))
    assert difference[:2].max() < 1e-5 < 1e-3 < difference[2]


@pytest.mark.parametrize('kind', KINDS)
def test_gradients_of_padded_texts_are_those_of_each_alone(kind):
    following = np.array([[3, 4, 5, 2], [7, 8, 2, -1], [2, -1, -1, -1]], 'i')
    model = small(kind, dropout=0.)
    model.lossfun(model(SOURCE, TARGET), following).backward()
    together = {path: parameter.grad.copy() for path, parameter in model.namedparams()}
    model.cleargrads()
    for i in range(3):
        n = (following[i] != -1).sum()
        source = SOURCE[i:i + 1, :(SOURCE[i] != -1).sum()]
        loss = model.lossfun(model(source, TARGET[i:i + 1, :n]), following[i:i + 1, :n])
        (loss * (n / 8)).backward()
    for path, parameter in model.namedparams():
        np.testing.assert_allclose(parameter.grad, together[path], rtol=2e-3, atol=2e-5, err_msg=path)


@pytest.mark.parametrize('kind', KINDS)
def test_written_translations(kind):
    """Their scores are those of reading them; marks never come; the width is kept."""
    model = small(kind)
    for i, hypotheses in enumerate(model.write(SOURCE, width=3, max_length=4, length_penalty=0.6)):
        assert 1 <= len(hypotheses) <= 3
        for tokens, score in hypotheses:
            assert not {0, 1, 2} & set(tokens)
            full = np.array([[1, *tokens, 2]], 'i')[:, :5]
            log_p = F.log_softmax(model(SOURCE[i:i + 1], full[:, :-1]), axis=2).array[0]
            total = sum(log_p[t, full[0, t + 1]] for t in range(full.shape[1] - 1))
            assert score == pytest.approx(total / (full.shape[1] - 1) ** 0.6, rel=1e-3)


def test_a_beam_as_wide_as_there_are_sequences_finds_the_best():
    model = small('transformer', vocabulary_size=5)
    source, length = np.array([[3, 4, 2]], 'i'), 3
    sequences = [[*words, 2] for n in range(length) for words in itertools.product([3, 4], repeat=n)]
    sequences += [list(words) for words in itertools.product([3, 4], repeat=length)]

    def score(sequence):
        log_p = F.log_softmax(model(source, np.array([[1, *sequence[:-1]]], 'i')), axis=2).array[0]
        return sum(log_p[t, token] for t, token in enumerate(sequence)) / len(sequence)

    best = max(sequences, key=score)
    hypothesis = model.write(source, width=40, max_length=length, length_penalty=1.0)[0][0]
    assert hypothesis.tokens == [token for token in best if token != 2]
    assert hypothesis.score == pytest.approx(score(best), rel=1e-4)


def smoothed_by_loops(y, t, smoothing):
    losses = []
    for logits, label in zip(y.reshape(-1, y.shape[-1]), t.ravel()):
        if label != -1:
            log_p = logits - np.log(np.exp(logits).sum())
            target = np.full(len(logits), smoothing / len(logits))
            target[label] += 1 - smoothing
            losses.append(-(target * log_p).sum())
    return np.mean(losses)


def test_label_smoothing():
    """Against loops and PyTorch, its gradient too; not in inference."""
    model = SMALL['seq2seq']()
    model.label_smoothing = 0.2
    y, t = ann.Variable(np.random.randn(3, 4, 9)), np.array([[3, 4, 5, 2], [7, 8, 2, -1], [2, -1, -1, -1]], 'i')
    assert model.lossfun(y, t).item() == pytest.approx(smoothed_by_loops(y.array, t, 0))
    with ann.using_config('train', True):
        loss = model.lossfun(y, t)
        ann.gradient_check.check_backward(lambda y: model.lossfun(y, t), y.array, None, eps=1e-4, atol=1e-6, rtol=1e-4)
    assert loss.item() == pytest.approx(smoothed_by_loops(y.array, t, 0.2))
    torch = pytest.importorskip('torch')
    loss.backward()
    x = torch.tensor(y.array.reshape(-1, 9), requires_grad=True)
    other = torch.nn.functional.cross_entropy(x, torch.from_numpy(t.ravel()).long(), ignore_index=-1,
                                              label_smoothing=0.2)
    other.backward()
    assert loss.item() == pytest.approx(other.item())
    np.testing.assert_allclose(y.grad.reshape(-1, 9), x.grad.numpy(), atol=1e-9)


def test_sizes_that_are_no_sizes():
    with pytest.raises(ValueError, match='Seq2Seq: expected an even number of units, got 7'):
        models.Seq2Seq(9, units=7)
    with pytest.raises(ValueError, match='Transformer: expected an even size, got 9'):
        models.Transformer(9, size=9, n_heads=3)
    with pytest.raises(ValueError, match='multiple of n_heads, got 12 and 5'):
        models.Transformer(9, size=12, n_heads=5)


@pytest.mark.parametrize('kind', KINDS)
def test_weights_go_through_a_file(kind, tmp_path):
    model, other = small(kind), SMALL[kind]()
    serializers.save_npz(tmp_path / 'model.npz', model)
    serializers.load_npz(tmp_path / 'model.npz', other)
    assert model.write(SOURCE) == other.write(SOURCE)


def learn_dates(name, rate, steps, **options):
    """Learns eight dates by heart; returns the loss, what it writes, and the dates."""
    np.random.seed(0)
    pairs = DateSpellings(8)[:]
    vocabulary = MarkedVocabulary.of_texts([text for pair in pairs for text in pair], 'char')
    network = models.create(name, vocabulary_size=len(vocabulary), **options)
    source = pad_sentences([vocabulary.encode(text)[1:] for text, _ in pairs])
    target = pad_sentences([vocabulary.encode(text) for _, text in pairs])
    words, following = target[:, :-1].copy(), target[:, 1:].copy()
    with ann.using_config('train', True):
        loss = overfit(network, lambda: network.lossfun(network(source, words), following), steps, rate, 0.02, 0)
    written = [vocabulary.decode(hypotheses[0].tokens) for hypotheses in network.write(source)]
    return loss, written, [iso for _, iso in pairs]


@pytest.mark.parametrize('name, rate, options', [
    ('seq2seq_small', 0.01, {}), ('seq2seq', 0.01, {'units': 32, 'dropout': 0.}),
    pytest.param('transformer_small', 0.002, {}, marks=pytest.mark.slow)])
def test_overfits_eight_samples(name, rate, options):
    loss, written, dates = learn_dates(name, rate, 150, **options)
    assert loss < 0.1
    assert written == dates


@pytest.mark.slow
@pytest.mark.parametrize('name', ['transformer_base', 'transformer_big'])
def test_deep_transformers_overfit_eight_samples(name):
    """With all of their layers and heads, and shorter vectors."""
    loss, written, dates = learn_dates(name, 0.001, 150, size=64, hidden=128, dropout=0.)
    assert loss < 0.1
    assert written == dates
