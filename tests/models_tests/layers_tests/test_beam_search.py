"""Beam search: agreement with the enumeration of all sequences, greedy search, batches."""
import itertools

import numpy as np
import pytest

import autograd_nn as ann
from autograd_nn import models
from autograd_nn.models import beam_search

BEGIN, END = 1, 0


class Writer:
    """A random model of text whose state, a sum over all tokens so far, changes what comes next; one for each input."""

    def __init__(self, seed, n=3, vocabulary=4):
        rng = np.random.default_rng(seed)
        self.embedding = rng.normal(size=(vocabulary, 5))
        self.output = rng.normal(size=(5, vocabulary)) * 1.5
        self.start = rng.normal(size=(n, 5))

    def step(self, tokens, states):
        state, = states
        state = np.tanh(0.7 * state + self.embedding[tokens])
        logits = state @ self.output
        return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)), [state]

    def all_sequences(self, i, max_length, penalty, exclude=()):
        """All sequences of input i with their scores, the best first."""
        found = []
        tokens = [token for token in range(len(self.embedding)) if token not in exclude]
        for length in range(1, max_length + 1):
            for sequence in itertools.product(tokens, repeat=length):
                ends = sequence[-1] == END
                if END in sequence[:-1] or not (ends or length == max_length):
                    continue
                state, last, total = self.start[i:i + 1], BEGIN, 0
                for token in sequence:
                    log_p, (state,) = self.step([last], [state])
                    total += log_p[0, token]
                    last = token
                found.append((list(sequence[:-1] if ends else sequence), total / length ** penalty))
        return sorted(found, key=lambda each: -each[1])


@pytest.mark.parametrize('penalty', [0, 0.7, 1])
@pytest.mark.parametrize('seed', range(3))
def test_a_wide_beam_finds_what_enumeration_finds(seed, penalty):
    writer = Writer(seed)
    found = beam_search(writer.step, [writer.start], BEGIN, END, 4 ** 5, 5, penalty)
    for i, hypotheses in enumerate(found):
        expected = writer.all_sequences(i, 5, penalty)
        assert [hypothesis.tokens for hypothesis in hypotheses] == [tokens for tokens, _ in expected]
        np.testing.assert_allclose([each.score for each in hypotheses], [score for _, score in expected])


@pytest.mark.parametrize('width', [1, 2, 4, 9])
@pytest.mark.parametrize('seed', range(5))
def test_scores_are_those_of_the_sequences(seed, width):
    writer = Writer(seed)
    for i, hypotheses in enumerate(beam_search(writer.step, [writer.start], BEGIN, END, width, 5)):
        scores = [each.score for each in hypotheses]
        assert 1 <= len(hypotheses) <= width and scores == sorted(scores, reverse=True)
        everything = {tuple(tokens): score for tokens, score in writer.all_sequences(i, 5, 0)}
        assert len({tuple(each.tokens) for each in hypotheses}) == len(hypotheses)
        np.testing.assert_allclose(scores, [everything[tuple(each.tokens)] for each in hypotheses])


@pytest.mark.parametrize('seed', range(10))
def test_a_width_of_1_takes_the_likeliest_token_each_time(seed):
    writer = Writer(seed, n=4, vocabulary=6)
    for i, (hypothesis,) in enumerate(beam_search(writer.step, [writer.start], BEGIN, END, 1, 8)):
        state, last, expected = writer.start[i:i + 1], BEGIN, []
        while len(expected) < 8:
            log_p, (state,) = writer.step([last], [state])
            last = int(log_p[0].argmax())
            if last == END:
                break
            expected.append(last)
        assert hypothesis.tokens == expected


@pytest.mark.parametrize('width', [1, 3])
def test_inputs_do_not_mix(width):
    writer = Writer(5, n=6, vocabulary=5)
    together = beam_search(writer.step, [writer.start], BEGIN, END, width, 7, 0.5)
    for i, hypotheses in enumerate(together):
        alone, = beam_search(writer.step, [writer.start[i:i + 1]], BEGIN, END, width, 7, 0.5)
        assert [each.tokens for each in alone] == [each.tokens for each in hypotheses]


def test_excluded_tokens_do_not_come():
    writer = Writer(0)
    for i, hypotheses in enumerate(beam_search(writer.step, [writer.start], BEGIN, END, 3 ** 4, 4, exclude=[2])):
        expected = writer.all_sequences(i, 4, 0, exclude=[2])
        assert [each.tokens for each in hypotheses] == [tokens for tokens, _ in expected]


def test_it_ends_when_nothing_better_can_come():
    calls = []

    def step(tokens, states):
        calls.append(len(tokens))
        return np.log([[0.9, 0.05, 0.05]] * len(tokens)), states

    hypotheses, = beam_search(step, [np.zeros((1, 2))], BEGIN, END, 1, 50)
    assert hypotheses[0].tokens == [] and calls == [1]
    hypotheses, = beam_search(step, [np.zeros((1, 2))], BEGIN, END, 2, 50)
    assert [each.tokens for each in hypotheses] == [[], [1]] and len(calls) == 3


def test_states_may_be_variables_and_several():
    writer = Writer(3)

    def step(tokens, states):
        log_p, (state,) = writer.step(tokens, [states[1]])
        assert states[0].shape == (len(tokens), 2, 3)
        return ann.Variable(log_p), [states[0], ann.Variable(state)]

    found = beam_search(step, [np.zeros((3, 2, 3)), ann.Variable(writer.start)], BEGIN, END, 3, 5)
    assert found == beam_search(writer.step, [writer.start], BEGIN, END, 3, 5)
    assert isinstance(found[0][0], models.Hypothesis)


def test_logarithms_that_are_nan():
    def step(tokens, states):
        return np.log([[0.1, 0.8, 0.1]]) if tokens[0] == 2 else np.full((1, 3), np.nan), states

    with pytest.raises(ValueError, match=r'^beam_search: expected logarithms of probabilities, got NaN at step 2$'):
        beam_search(step, [np.zeros((1, 1))], 2, END, 1)


@pytest.mark.parametrize('arguments, message', [
    ({'width': 0}, 'got 1 states, 0, 20 and 0.0'), ({'max_length': 0}, 'got 1 states, 3, 0 and'),
    ({'length_penalty': -1}, 'and -1'), ({'states': []}, 'got 0 states')])
def test_mistakes(arguments, message):
    writer = Writer(0)
    with pytest.raises(ValueError, match=f'^beam_search: expected states, width and max_length.*{message}'):
        beam_search(writer.step, arguments.pop('states', [writer.start]), BEGIN, END, **arguments)
