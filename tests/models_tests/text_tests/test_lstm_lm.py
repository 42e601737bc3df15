"""The recurrent language model: size, state, truncated backpropagation through time, and that it learns."""
import numpy as np
import pytest
from scipy.special import logsumexp

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import datasets, iterators, models, optimizers, serializers
from autograd_nn.dataset import concat_examples


def small(**arguments):
    return models.LSTMLanguageModel(**{'vocabulary_size': 7, 'units': 5, 'dropout': 0, **arguments})


def tokens(*shape):
    return np.random.randint(0, 7, shape).astype('i')


def test_the_size_of_the_papers_medium_model():
    entry = models.get('lstm_lm')
    assert entry.task == 'text' and entry.name in models.names('text') and entry.name not in models.names('images')
    model = entry.build()
    assert model.count_params() == 19_780_400
    assert entry.description.endswith('.')
    W = model.lstm[0].w0.array
    assert 0.0495 < abs(W).max() <= 0.05


def test_reading_on_is_reading_at_once():
    model, x = small(), tokens(9, 3)
    whole = model(x)
    model.reset_state()
    parts = [model(part) for part in np.split(x, [2, 3, 7])]
    np.testing.assert_allclose(np.concatenate([part.array for part in parts]), whole.array, atol=1e-6)


def test_streams_do_not_mix():
    model, x = small(), tokens(6, 3)
    together = model(x).array
    for k in range(3):
        model.reset_state()
        np.testing.assert_allclose(model(x[:, k:k + 1]).array, together[:, k:k + 1], atol=1e-6)


def gradient(model, x, t, unchain):
    """The gradient of the embedding from the loss of the second half of `x`."""
    model.reset_state()
    model.cleargrads()
    half = len(x) // 2
    model(x[:half])
    if unchain:
        model.unchain_state()
    model.lossfun(model(x[half:]), t[half:]).backward()
    return model.embed.W.grad


def test_gradients_stop_where_the_state_is_cut():
    """Words of the first half alone have a gradient only if the state was not cut."""
    model = small()
    x = np.array([[0], [1], [2], [3], [4], [5]], 'i')
    assert gradient(model, x, x, unchain=False)[:3].any(axis=1).all()
    cut = gradient(model, x, x, unchain=True)
    assert not cut[:3].any() and cut[3:6].any(axis=1).all()


def test_memory_of_earlier_chunks_goes():
    model = small()
    model(tokens(4, 2))
    earlier = model.h.creator_node
    assert earlier.inputs
    model.unchain_state()
    model(tokens(4, 2))
    assert earlier.inputs is None and model.h.creator_node is not earlier


def test_loss_is_the_mean_cross_entropy():
    model, x, t = small(), tokens(4, 3), tokens(4, 3)
    y = model(x)
    logits = y.array.astype('d')
    expected = (logsumexp(logits, axis=2) - np.take_along_axis(logits, t[..., None], 2)[..., 0]).mean()
    np.testing.assert_allclose(model.lossfun(y, t).array, expected, rtol=1e-6)


def test_dropout_is_for_training():
    model, x = small(dropout=0.5), tokens(4, 3)
    with ann.using_config('train', False):
        first = model(x).array
        model.reset_state()
        np.testing.assert_array_equal(model(x).array, first)
    model.reset_state()
    assert not np.allclose(model(x).array, first)


def test_other_streams_need_a_new_state():
    model = small()
    model(tokens(2, 3))
    with pytest.raises(ValueError, match=r'expected x of shape \(T, 3\).*got \(2, 4\); reset_state'):
        model(tokens(2, 4))
    model.reset_state()
    model(tokens(2, 4))


def test_learns_what_the_state_alone_can_tell():
    """In the sequence 0001 0111 ..., a pair is followed by 0 as often as by 1: only three tokens say what comes.

    A batch has two steps, so a model that did not carry its state over could not get below a perplexity of 2.
    """
    ids = np.tile([0, 0, 0, 1, 0, 1, 1, 1], 40)
    np.random.seed(0)
    predictor = models.LSTMLanguageModel(2, units=32, layers=1, dropout=0)
    model = L.Classifier(predictor, lossfun=predictor.lossfun)
    model.compute_accuracy = False
    optimizer = optimizers.Adam(0.02).setup(model)
    iterator = iterators.SerialIterator(datasets.parallel_streams(ids, 4, 2), 2, shuffle=False)
    losses = []
    while iterator.epoch < 20:
        if iterator.is_new_epoch:
            predictor.reset_state()
        optimizer.update(model, *concat_examples(iterator.next()))
        predictor.unchain_state()
        losses.append(model.loss.item())
    assert np.exp(np.mean(losses[:5])) > 1.8
    assert np.exp(np.mean(losses[-39:])) < 1.2
    predictor.reset_state()
    assert predictor.generate([0, 0, 0], 24, temperature=0.3) == [1, 0, 1, 1, 1, 0, 0, 0] * 3


def test_generated_text():
    model = small()
    model(tokens(2, 3))
    state = model.h.array
    np.random.seed(1)
    first = model.generate([1, 2], 30)
    assert len(first) == 30 and set(first) <= set(range(7)) and model.h.array is state
    np.random.seed(1)
    assert model.generate([1, 2], 30) == first
    assert not set(model.generate([1], 50, exclude=[0, 3])) & {0, 3}
    with ann.using_config('train', False), ann.no_backprop_mode():
        model.reset_state()
        likeliest = [int(model(np.array([[2]], 'i')).array[-1, 0].argmax())]
        for _ in range(9):
            likeliest.append(int(model(np.array([likeliest[-1:]], 'i')).array[-1, 0].argmax()))
    assert model.generate([2], 10, temperature=1e-6) == likeliest
    assert model.generate([2], 10, temperature=5, top_k=1) == likeliest


@pytest.mark.parametrize('start, temperature', [([], 1), ([1], 0)])
def test_impossible_generation(start, temperature):
    with pytest.raises(ValueError, match='at least one token as start, and a positive temperature'):
        small().generate(start, 5, temperature)


def test_impossible_number_of_candidates():
    with pytest.raises(ValueError, match='top_k of at least 1, got 0'):
        small().generate([1], 5, top_k=0)


@pytest.mark.parametrize('top_k', [None, 3, 100])
def test_generated_tokens_follow_the_distribution(top_k):
    model = small()
    with ann.using_config('train', False), ann.no_backprop_mode():
        p = F.softmax(model(np.array([[3]], 'i')), axis=2).array[0, 0]
    p[np.argsort(-p)[top_k or 7:]] = 0
    counts = np.bincount([model.generate([3], 1, top_k=top_k)[0] for _ in range(2000)], minlength=7)
    np.testing.assert_allclose(counts / 2000, p / p.sum(), atol=0.05)
    assert not counts[p == 0].any()


def test_files_have_no_state(tmp_path):
    model = small()
    model(tokens(2, 3))
    serializers.save_npz(tmp_path / 'model.npz', model)
    with np.load(tmp_path / 'model.npz') as arrays:
        assert {'embed/W', 'lstm/0/w0', 'lstm/1/b7', 'output/W', 'output/b'} <= set(arrays.files)
        assert len(arrays.files) == 35
    other = small()
    serializers.load_npz(tmp_path / 'model.npz', other)
    model.reset_state()
    x = tokens(3, 2)
    np.testing.assert_array_equal(other(x).array, model(x).array)
