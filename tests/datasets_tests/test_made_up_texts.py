"""Texts that grammars make up: reviews, tagged sentences, and those with planted analogies; and files of texts."""
import itertools
import re
from collections import Counter

import numpy as np
import pytest

from autograd_nn.datasets import (
    ContextWindows,
    Vocabulary,
    WordVectors,
    get_reviews,
    get_tagged_sentences,
    make_analogy_corpus,
    make_reviews,
    make_tagged_sentences,
    read_analogies,
    read_tagged_sentences,
    split_sentence,
)
from autograd_nn.datasets.context_windows import keep_probabilities
from autograd_nn.datasets.reviews import _BAD, _GOOD
from autograd_nn.datasets.text_files import read_columns

CLAUSE = re.compile(r'the \w+ (?:was|seemed|looked)( not| far from| anything but)?( very| really| extremely| so)? '
                    r'(\w+)')


def what_it_says(text):
    """The label of a review, found in another way than it was made: by rules for a reader."""
    clauses = list(CLAUSE.finditer(text.lower().replace(',', '')))
    if len(clauses) == 1:
        counts = clauses[0]
    else:
        first, second = clauses
        before, between = text.lower()[:first.start()], text.lower()[first.end():second.start() + 2]
        # What stands behind "although" does not count; otherwise the last clause does.
        counts = first if 'although' in between and 'although' not in before else second
    negated, strong, word = counts.groups()
    good = (word in _GOOD) != bool(negated)
    return 1 + good if negated or not strong else 3 * good


def test_reviews_say_what_their_labels_say():
    train, test, labels = get_reviews()
    assert len(labels) == 4 and not {*_GOOD} & {*_BAD}
    for text, label in train + test:
        assert what_it_says(text) == label, text
    assert len({text for text, _ in train + test}) == 5000
    assert min(Counter(label for _, label in train).values()) > 400
    assert make_reviews(10, seed=1) == make_reviews(10, seed=1) != make_reviews(10)


def test_bags_of_words_cannot_tell_reviews_apart():
    """Where clauses change places round "but", the words are the same, and mostly something else is said."""
    swapped = []
    for text, label in make_reviews(500):
        if ', but the' in text:
            said = re.search('the [^.]*', text, re.IGNORECASE)[0]
            first, second = said.split(', but ')
            other = text.replace(said, f'{second}, but {first}')
            assert sorted(split_sentence(other)) == sorted(split_sentence(text))
            swapped.append(what_it_says(other) != label)
    assert len(swapped) > 80 and np.mean(swapped) > 0.9


def test_sentences_keep_the_rules_of_their_grammar():
    train, test, tags = get_tagged_sentences()
    seen, kinds = Counter(), {}
    for words, sentence in train + test:
        assert len(words) == len(sentence) and {*sentence} <= {*tags} and sentence[-1] == 'PUNCT'
        seen.update(itertools.pairwise(sentence))
        for word, tag in zip(words, sentence):
            kinds.setdefault(word, set()).add(tag)
    for pair in ('DET', 'VERB'), ('AUX', 'NOUN'), ('PUNCT', 'NOUN'), ('ADJ', 'VERB'), ('AUX', 'DET'):
        assert not seen[pair]
    assert sum(len(each) > 1 for each in kinds.values()) > 60
    assert make_tagged_sentences(5, seed=1) != make_tagged_sentences(5)


def test_a_file_of_tagged_sentences(tmp_path):
    path = tmp_path / 'tagged.tsv'
    path.write_text('\ufeffthe\tDET\nNew York\tNOUN\n\n\n# NUM\r\nfast ADV\n', 'utf-8')
    assert read_tagged_sentences(path) == [(['the', 'New York'], ['DET', 'NOUN']), (['#', 'fast'], ['NUM', 'ADV'])]


@pytest.mark.parametrize('text, message', [
    ('dog\tNOUN\ndog\tNN\tB-NP\n',
     r"line 2: expected a word, a tab and its tag, got 3 columns: 'dog\\tNN\\tB-NP'"),
    ('dog\n', "line 1: expected a word, a tab and its tag, got 1 columns: 'dog'"),
    ('\tNOUN', 'line 1: expected a word'),
    ('\n \n', 'expected lines with a word and its tag, it is empty')])
def test_mistakes_in_files_of_tagged_sentences(text, message, tmp_path):
    (tmp_path / 'tagged.tsv').write_text(text)
    with pytest.raises(ValueError, match=message):
        read_tagged_sentences(tmp_path / 'tagged.tsv')


def test_files_with_two_columns(tmp_path):
    (tmp_path / 'a.tsv').write_text('good\tIt was, well, nice.\n\n bad \t "so" \tso\r\n')
    assert read_columns(tmp_path / 'a.tsv', ('a', 'b')) == [('good', 'It was, well, nice.'), ('bad', '"so" \tso')]
    (tmp_path / 'a.csv').write_text('good,"It was, well,\n""nice""."\n\nbad,so so\n')
    assert read_columns(tmp_path / 'a.csv', ('a', 'b')) == [('good', 'It was, well,\n"nice".'), ('bad', 'so so')]
    (tmp_path / 'a.tsv').write_text('good\tfine\nbad, dull\n')
    with pytest.raises(ValueError, match=r"a\.tsv, line 2: expected a label, a tab and a text, got 'bad, dull'"):
        read_columns(tmp_path / 'a.tsv', ('a label', 'a text'))
    (tmp_path / 'a.csv').write_text('good,a,b\n')
    with pytest.raises(ValueError, match=r"a\.csv, line 1: expected a label, a comma and a text, got 'good, a, b'"):
        read_columns(tmp_path / 'a.csv', ('a label', 'a text'))
    (tmp_path / 'a.tsv').write_text('\n')
    with pytest.raises(ValueError, match=r'a\.tsv: expected lines with a label and a text, it is empty'):
        read_columns(tmp_path / 'a.tsv', ('a label', 'a text'))


@pytest.mark.parametrize('language', ['en', 'ja'])
def test_planted_analogies_are_of_words_in_the_text(language):
    sentences, analogies = make_analogy_corpus(4000, language)
    words = {word for sentence in sentences for word in sentence.split()}
    assert {word for each in analogies for word in each} <= words and '{' not in ''.join(words)
    assert len(analogies) == len({*analogies}) == 11 * 10 + 12 * 11 + 12 * 11
    assert make_analogy_corpus(10, language)[0] == sentences[:10]
    with pytest.raises(ValueError, match='language: expected one of en, ja, got '):
        make_analogy_corpus(1, 'fr')


def windows_in_loops(words, sentences, window):
    return [[words[j] if 0 <= j < len(words) and sentences[i] == sentences[j] else -1
             for j in [*range(i - window, i), *range(i + 1, i + window + 1)]] for i in range(len(words))]


@pytest.mark.parametrize('window', [1, 3, 20])
def test_the_words_near_a_word_are_those_that_loops_find(window):
    words, sentences = np.random.randint(0, 9, 40).astype('i'), np.sort(np.random.randint(0, 6, 40))
    found = ContextWindows(words, sentences, window)[:]
    assert [int(center) for center, _ in found] == words.tolist()
    assert [near.tolist() for _, near in found] == windows_in_loops(words, sentences, window)


def test_what_is_left_out_depends_on_seed_and_epoch():
    words, sentences = np.arange(2000, dtype='i') % 2, np.arange(2000) // 10
    windows = ContextWindows(words, sentences, 2, keep=np.array([0.25, 1.]), seed=4)
    first, second = (windows.at_epoch(epoch).draw() for epoch in (0, 1))
    assert (first[0] != second[0]).any()
    for pair in zip(first, ContextWindows(words, sentences, 2, np.array([0.25, 1.]), 4).at_epoch(0).draw()):
        np.testing.assert_array_equal(*pair)
    centers, near = first
    assert (centers[1::2] == 1).all() and 0.2 < (centers[::2] == 0).mean() < 0.3
    assert (near[centers < 0] == -1).all() and {*centers.tolist()} == {-1, 0, 1}
    # What stays moves together, up to a distance that is drawn.
    stays = np.flatnonzero(centers >= 0)
    for place, i in enumerate(stays[5:-5].tolist(), 5):
        left, right = (stays[place + side] for side in (-1, 1))
        expected = [words[j] if sentences[j] == sentences[i] else -1 for j in (left, right)]
        assert near[i, 1:3].tolist() == expected
    assert 0.3 < (near[stays, 0] >= 0).sum() / (near[stays, 1] >= 0).sum() < 0.6
    assert keep_probabilities(np.array([900, 100]), 0).tolist() == [1, 1]


@pytest.fixture
def vectors():
    return WordVectors([f'w{i}' for i in range(30)], np.random.normal(size=(30, 6)))


def test_nearest_words_and_sums_are_those_that_loops_find(vectors):
    units = [vector / np.linalg.norm(vector) for vector in vectors.vectors]
    cosines = {f'w{i}': float(unit @ units[4]) for i, unit in enumerate(units) if i != 4}
    found = vectors.nearest('w4', 5)
    assert [word for word, _ in found] == sorted(cosines, key=cosines.get, reverse=True)[:5]
    np.testing.assert_allclose([cosine for _, cosine in found], [cosines[word] for word, _ in found])
    assert vectors.calculate('w4', 5) == found and len(vectors.nearest('w4', 99)) == 29
    target = units[1] - units[2] + units[3]
    cosines = {f'w{i}': float(unit @ target) for i, unit in enumerate(units) if i not in (1, 2, 3)}
    best = max(cosines, key=cosines.get)
    assert vectors.calculate('w1 - w2 + w3')[0][0] == vectors.calculate('- w2 + w1 + w3')[0][0] == best
    assert vectors.solve([('w2', 'w1', 'w3'), ('w2', 'w1', 'w3', 'w9')]) == [best] * 2
    assert vectors.solve([]) == []


def test_the_plane_of_most_variance_is_that_of_the_covariances(vectors):
    words = vectors.words[:12]
    places = vectors.in_plane(words)
    values = np.linalg.eigvalsh(np.cov(vectors.vectors[:12].T))[::-1]
    np.testing.assert_allclose(np.cov(places.T), np.diag(values[:2]), atol=1e-9)
    assert vectors.in_plane(words[:1]).tolist() == [[0, 0]]


def test_files_of_word2vec(vectors, tmp_path):
    path = tmp_path / 'vectors.txt'
    vectors.save(path)
    assert path.read_text().startswith('30 6\nw0 ')
    again = WordVectors.load(path)
    assert again.words == vectors.words
    np.testing.assert_allclose(again.vectors, vectors.vectors, rtol=1e-5)
    for text, message in [('', 'line 1: expected the numbers of words'),
                          ('2 2\na 1 2\n', 'expected 2 words, .* found 1'),
                          ('1 2\na 1\n', "line 2: expected a word and 2 numbers, got 'a 1'"),
                          ('1 2\na 1 x\n', 'line 2: expected a word'), ('2 1\na 1\na 2', 'for V different words')]:
        path.write_text(text)
        with pytest.raises(ValueError, match=message):
            WordVectors.load(path)


@pytest.mark.parametrize('expression, message', [
    ('', 'expected a word, or words with'), ('w1 w2', 'expected a word, or'), ('w1 +', 'expected a word'),
    ('w1 + + w2', 'expected a word'), ('v1', "there is no 'v1' among the 30 words")])
def test_what_cannot_be_calculated(vectors, expression, message):
    with pytest.raises(ValueError, match=message):
        vectors.calculate(expression)


def test_a_file_of_analogies(tmp_path):
    path = tmp_path / 'questions.txt'
    path.write_text(': capitals\nparis france rome italy\n\nrome italy paris france\n')
    assert read_analogies(path) == [('paris', 'france', 'rome', 'italy'), ('rome', 'italy', 'paris', 'france')]
    path.write_text('paris france rome\n')
    with pytest.raises(ValueError, match=r"questions\.txt, line 1: expected four words, got 'paris france rome'"):
        read_analogies(path)


def test_rare_words_are_not_known():
    assert Vocabulary.of_text('a b a c b a', 'word', min_count=2).tokens == ['<unk>', 'a', 'b']
