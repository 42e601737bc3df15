"""BLEU, CIDEr and CIDEr-D: agreement with loops over the papers' formulas, and with other programs where installed."""
import itertools
import math

import numpy as np
import pytest

from autograd_nn.evaluation import bleu, cider, cider_d


def random_sentences(seed, n=12, words='abcde', lengths=(1, 11)):
    """Candidates that have much in common with their references."""
    rng = np.random.default_rng(seed)

    def sentence():
        return ' '.join(rng.choice(list(words), rng.integers(*lengths)))

    candidates, references = [], []
    for _ in range(n):
        others = [sentence() for _ in range(rng.integers(1, 5))]
        changed = others[0].split()
        changed[rng.integers(len(changed))] = str(rng.choice(list(words)))
        candidates.append(' '.join(changed) if rng.random() < 0.7 else sentence())
        references.append(others)
    return candidates, references


def grams(sentence, n):
    words = sentence.split()
    return [tuple(words[i:i + n]) for i in range(len(words) - n + 1)]


def bleu_by_loops(candidates, references, max_n):
    """Section 2 of the paper, gram by gram."""
    c = sum(len(candidate.split()) for candidate in candidates)
    r = 0
    for candidate, others in zip(candidates, references):
        lengths = sorted(len(other.split()) for other in others)
        r += min(lengths, key=lambda length: abs(length - len(candidate.split())))
    logs, scores = [], []
    for n in range(1, max_n + 1):
        clipped = total = 0
        for candidate, others in zip(candidates, references):
            found = grams(candidate, n)
            total += len(found)
            clipped += sum(min(found.count(gram), max(grams(other, n).count(gram) for other in others))
                           for gram in set(found))
        logs.append(math.log(clipped / total) if clipped else -math.inf)
        scores.append((1 if c > r else math.exp(1 - r / c)) * math.exp(sum(logs) / n))
    return scores


def cider_by_loops(candidates, references, max_n=4, sigma=None):
    """Equations 1 to 5 of the paper, over a vocabulary of all n-grams, in arrays."""
    scores = []
    for candidate, others in zip(candidates, references):
        total = 0
        for n in range(1, max_n + 1):
            known = sorted({gram for each in [*candidates, *itertools.chain(*references)] for gram in grams(each, n)})
            idf = np.array([math.log(len(references) / max(1, sum(any(gram in grams(other, n) for other in each)
                                                                  for each in references))) for gram in known])
            vector = idf * [grams(candidate, n).count(gram) for gram in known]
            for other in others:
                reference = idf * [grams(other, n).count(gram) for gram in known]
                norm = np.linalg.norm(vector) * np.linalg.norm(reference)
                if norm and sigma is None:
                    total += vector @ reference / norm / len(others)
                elif norm:
                    difference = len(candidate.split()) - len(other.split())
                    total += (np.minimum(vector, reference) @ reference / norm / len(others)
                              * math.exp(-difference ** 2 / (2 * sigma ** 2)))
        scores.append(10 * total / max_n)
    return scores


@pytest.mark.parametrize('seed', range(8))
def test_bleu_is_the_formula(seed):
    candidates, references = random_sentences(seed)
    found = bleu(candidates, references, 5)
    np.testing.assert_allclose(found.scores, bleu_by_loops(candidates, references, 5), rtol=1e-12)
    assert found.candidate_length == sum(len(candidate.split()) for candidate in candidates)
    short = [' '.join(candidate.split()[:2]) for candidate in candidates]
    assert bleu(short, references).brevity_penalty < 1
    np.testing.assert_allclose(bleu(short, references, 2).scores, bleu_by_loops(short, references, 2), rtol=1e-12)


@pytest.mark.parametrize('seed', range(4))
def test_bleu_agrees_with_sacrebleu(seed):
    sacrebleu = pytest.importorskip('sacrebleu')
    candidates, references = random_sentences(seed, 30)
    most = max(map(len, references))
    columns = [[others[k] if k < len(others) else None for others in references] for k in range(most)]
    other = sacrebleu.corpus_bleu(candidates, columns, smooth_method='none', tokenize='none', force=True)
    found = bleu(candidates, references)
    assert found.scores[3] == pytest.approx(other.score / 100, abs=1e-12)
    np.testing.assert_allclose(found.precisions, np.array(other.precisions) / 100, rtol=1e-9)
    assert (found.candidate_length, found.reference_length) == (other.sys_len, other.ref_len)


@pytest.mark.parametrize('seed', range(4))
def test_bleu_agrees_with_nltk(seed):
    nltk = pytest.importorskip('nltk.translate.bleu_score')
    # Of a sentence of less than n words, NLTK counts one n-gram that does not match.
    candidates, references = random_sentences(seed, 30, lengths=(4, 11))
    for n in range(1, 5):
        other = nltk.corpus_bleu([[each.split() for each in others] for others in references],
                                 [candidate.split() for candidate in candidates], weights=[1 / n] * n)
        assert bleu(candidates, references).scores[n - 1] == pytest.approx(other, abs=1e-12)


def test_the_papers_examples_of_clipping():
    found = bleu(['the the the the the the the'], [['the cat is on the mat', 'there is a cat on the mat']])
    assert found.precisions[0] == pytest.approx(2 / 7)
    assert found.scores[1] == 0, 'no pair of words occurs'
    candidate = 'It is a guide to action which ensures that the military always obeys the commands of the party'.lower()
    others = ['it is a guide to action that ensures that the military will forever heed party commands',
              'it is the guiding principle which guarantees the military forces always being under the command of the '
              'party', 'it is the practical guide for the army always to heed the directions of the party']
    found = bleu([candidate], [others])
    np.testing.assert_allclose(found.precisions[:2], [17 / 18, 10 / 17])
    assert found.reference_length == 18


def test_bleu_of_the_extremes():
    sentences = ['a large three left of two small sevens', 'a small one']
    assert bleu(sentences, [[sentence] for sentence in sentences]).scores.tolist() == [1, 1, 1, 1]
    assert bleu([''], [['a']]).scores.tolist() == [0, 0, 0, 0]
    assert bleu([['a', 'b c']], [[['a', 'b c'], ['d']]], 2).scores.tolist() == [1, 1], 'lists of words are words'


@pytest.mark.parametrize('seed', range(2))
def test_cider_is_the_formula(seed):
    candidates, references = random_sentences(seed, words='abcdefghij')
    np.testing.assert_allclose(cider(candidates, references), cider_by_loops(candidates, references), rtol=1e-9)
    np.testing.assert_allclose(cider_d(candidates, references), cider_by_loops(candidates, references, sigma=6),
                               rtol=1e-9)
    np.testing.assert_allclose(cider_d(candidates, references, 2, sigma=2.),
                               cider_by_loops(candidates, references, 2, sigma=2), rtol=1e-9)


@pytest.mark.parametrize('seed', range(3))
def test_cider_d_agrees_with_coco(seed):
    scorer = pytest.importorskip('pycocoevalcap.cider.cider_scorer')
    candidates, references = random_sentences(seed, words='abcdefghij', lengths=(2, 11))
    other = scorer.CiderScorer(n=4, sigma=6.0)
    for candidate, others in zip(candidates, references):
        other += (candidate, others)
    _, scores = other.compute_score()
    np.testing.assert_allclose(cider_d(candidates, references), scores, rtol=1e-9)


def test_cider_of_the_extremes():
    references = [['a b c d e'], ['f g h i j']]
    assert cider(['a b c d e', 'f g h i j'], references).tolist() == pytest.approx([10, 10])
    assert cider_d(['f g h i j', ''], references).tolist() == [0, 0]
    repeated, once = (cider_d([candidate, 'f g h i j'], references)[0] for candidate in ('a a a a a', 'a b'))
    assert repeated < once
    assert cider(['a'], [['a']]).tolist() == [0], 'what occurs in all references there are says nothing'


@pytest.mark.parametrize('function', [bleu, cider, cider_d])
@pytest.mark.parametrize('arguments, message', [
    (([], []), 'expected sentences with references for each, got 0 and 0'), ((['a'], []), 'got 1 and 0'),
    ((['a'], ['a']), r"references\[0\]: expected a list of at least one sentence, got 'a'"),
    ((['a', 'b'], [['a'], []]), r'references\[1\]: .*got \[\]'),
    ((['a'], [['a']], 0), 'expected max_n of at least 1, got 0')])
def test_mistakes(function, arguments, message):
    with pytest.raises(ValueError, match=f'^{function.__name__}: .*{message}'):
        function(*arguments)


def test_sigma_is_positive():
    with pytest.raises(ValueError, match='cider_d: expected a positive sigma, got 0'):
        cider_d(['a'], [['a']], sigma=0)
