"""Sentences, their vocabulary, files of captions, and scenes that a grammar describes."""
import json
import re
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from autograd_nn import datasets
from autograd_nn.datasets import CaptionDataset, DigitSceneCaptions, RandomSentences, SentenceVocabulary, describe_scene
from autograd_nn.iterators import SerialIterator


def test_words_of_a_sentence():
    assert datasets.split_sentence('Two dogs, one (brown) cat -- and "Tim\'s" T-shirt!') == [
        'two', 'dogs', 'one', 'brown', 'cat', 'and', "tim's", 't-shirt']
    assert datasets.split_sentence('Größe: 3') == ['größe', '3'] and datasets.split_sentence(' ... ') == []


@pytest.mark.parametrize('sentence, words', [
    ('यह हिन्दी है।', ['यह', 'हिन्दी', 'है']), ('สวัสดีครับ', ['สวัสดีครับ']), ('வணக்கம் உலகம்', ['வணக்கம்', 'உலகம்']),
    ('שָׁלוֹם', ['שָׁלוֹם']), ('Un café à l’été', ['un', 'café', 'à', 'l’été']), ('ශ්‍රී', ['ශ්‍රී']),
    ('a ́ b ❤️', ['a', 'b'])])
def test_marks_belong_to_words(sentence, words):
    expected = [unicodedata.normalize('NFC', word) for word in words]
    for form in 'NFC', 'NFD':
        assert datasets.split_sentence(unicodedata.normalize(form, sentence)) == expected


def test_vocabulary_of_sentences(tmp_path):
    vocabulary = SentenceVocabulary.of_sentences(['A dog.', 'A cat and a dog!', 'a bird'])
    assert vocabulary.tokens == ['<unk>', '<bos>', '<eos>', 'a', 'dog', 'and', 'bird', 'cat']
    assert SentenceVocabulary.of_sentences(['b a', 'c b'], size=4).tokens[3:] == ['b']
    assert SentenceVocabulary.of_sentences(['b a', 'c b'], min_count=2).tokens[3:] == ['b']
    vocabulary.save(tmp_path / 'vocabulary.json')
    loaded = SentenceVocabulary.load(tmp_path / 'vocabulary.json')
    assert isinstance(loaded, SentenceVocabulary) and loaded.tokens == vocabulary.tokens
    assert loaded.encode('A zebra, a dog').tolist() == [1, 3, 0, 3, 4, 2]
    assert loaded.decode([1, 3, 0, 3, 4, 2, 7, 7]) == 'a <unk> a dog'


@given(st.lists(st.sampled_from(['a', 'cat', 'dog', 'sits']), max_size=9))
def test_sentences_come_back(words):
    vocabulary = SentenceVocabulary.of_sentences(['a cat', 'a dog sits'])
    assert vocabulary.decode(vocabulary.encode(' '.join(words))) == ' '.join(words)


@pytest.mark.parametrize('tokens, level, message', [
    (['<unk>', '<eos>', '<bos>'], 'word', '<unk>, <bos>, <eos> as the first three tokens, got <unk>, <eos>, <bos>'),
    (['<unk>', 'a'], 'word', 'Vocabulary: expected <unk>, <bos>, <eos> as the first three tokens, got <unk>, a'),
    (['<unk>', '<bos>', '<eos>'], 'char', "SentenceVocabulary: expected level word, got 'char'")])
def test_what_is_no_vocabulary_of_sentences(tokens, level, message):
    with pytest.raises(ValueError, match=message):
        SentenceVocabulary(tokens, level)


def test_padding():
    assert datasets.pad_sentences([np.array([1, 2]), np.array([1, 5, 2])], 9).tolist() == [[1, 2, 9], [1, 5, 2]]
    assert datasets.pad_sentences([]).shape == (0, 0)


@pytest.fixture
def photos(tmp_path):
    for name, color in ('red.png', 'red'), ('blue.jpg', 'blue'):
        Image.new('RGB', (40, 30), color).save(tmp_path / name)
    return tmp_path


def write(folder, content):
    (folder / 'captions.json').write_text(content if isinstance(content, str) else json.dumps(content))
    return folder / 'captions.json'


def test_captions_of_a_simple_file(photos):
    data = CaptionDataset(write(photos, {'red.png': ['A red wall.', 'Red!'], 'blue.jpg': 'The sky.'}))
    assert len(data) == 2 and data.sentences == [['A red wall.', 'Red!'], ['The sky.']]
    image, sentences = data[0]
    assert image.shape == (3, 30, 40) and image.dtype == np.float32 and image[:, 0, 0].tolist() == [255, 0, 0]
    assert sentences == ['A red wall.', 'Red!']
    assert CaptionDataset(photos / 'captions.json', size=(20, 16))[1][0].shape == (3, 20, 16)


def test_captions_of_coco(photos):
    (photos / 'annotations').mkdir()
    file = photos / 'annotations' / 'captions_val2017.json'
    file.write_text(json.dumps({
        'info': {}, 'licenses': [], 'images': [
            {'id': 7, 'file_name': 'blue.jpg', 'height': 30, 'width': 40}, {'id': 3, 'file_name': 'red.png'},
            {'id': 4, 'file_name': 'none.jpg'}],
        'annotations': [{'id': 1, 'image_id': 3, 'caption': 'A wall.'}, {'id': 2, 'image_id': 7, 'caption': 'Sky.'},
                        {'id': 3, 'image_id': 3, 'caption': 'It is red.'}]}))
    data = CaptionDataset(file, photos)
    assert [path.name for path in data.paths] == ['blue.jpg', 'red.png']
    assert data.sentences == [['Sky.'], ['A wall.', 'It is red.']]


@pytest.mark.parametrize('content, message', [
    ('', 'expected JSON with captions'), ('{', 'expected JSON with captions'),
    ([], 'expected captions of COCO.*a list'),
    ({}, 'has no captions'), ({'images': [], 'annotations': []}, 'has no captions'),
    ({'red.png': []}, r'red.png: expected a list of at least one sentence, got \[\]'),
    ({'red.png': 3}, 'red.png: expected a list of at least one sentence, got 3'),
    ({'red.png': ['A wall.', ' . ']}, "red.png: expected a sentence with words, got ' . '"),
    ({'red.png': ''}, "red.png: expected a sentence with words, got ''"),
    ({'red.png': [None]}, 'red.png: expected a sentence with words, got None'),
    ({'annotations': []}, 'expected captions of COCO, with images'),
    ({'images': [{'id': 1, 'file_name': 'red.png'}], 'annotations': [{'image_id': 2, 'caption': 'A.'}]},
     'expected captions of COCO, with images.*KeyError'),
    ({'images': [{'id': 1, 'file_name': 5}], 'annotations': [{'image_id': 1, 'caption': 'A.'}]},
     'expected the name of a picture as file_name, got 5'),
    ('[' * 100_000, 'expected JSON with captions: '),
])
def test_mistakes_in_files_take_one_line(photos, content, message):
    with pytest.raises(ValueError, match=message) as error:
        CaptionDataset(write(photos, content))
    assert 'captions.json' in str(error.value) and '\n' not in str(error.value)


def test_missing_pictures_and_files(photos):
    with pytest.raises(FileNotFoundError, match=r'captions.json: there is no picture .*green.png$'):
        CaptionDataset(write(photos, {'red.png': 'A wall.', 'green.png': 'Grass.'}))
    with pytest.raises(FileNotFoundError):
        CaptionDataset(photos / 'other.json')


def test_sentences_are_chosen_by_epoch_and_index():
    data = [(np.full((3, 2, 2), i, 'f'), [f'{i}{letter}' for letter in 'abcde']) for i in range(20)]
    first = RandomSentences(data, seed=1)
    chosen = [[sentence for _, sentence in first.at_epoch(epoch)[:]] for epoch in range(30)]
    assert [sentence for _, sentence in RandomSentences(data, 1).at_epoch(3)[:]] == chosen[3]
    assert chosen[0] != chosen[1] and [sentence for _, sentence in RandomSentences(data, 2)[:]] != chosen[0]
    assert {sentence for sentences in chosen for sentence in sentences} == {s for _, each in data for s in each}
    iterator = SerialIterator(first, 20, shuffle=False)
    assert [[sentence for _, sentence in iterator.next()] for _ in range(3)] == chosen[:3]


def test_scenes_are_the_same_each_time_and_fresh_ones_differ_by_epoch():
    one, other = DigitSceneCaptions(5), DigitSceneCaptions(9)
    np.testing.assert_array_equal(one[3][0], other[3][0])
    assert one[3][1] == other[3][1] and one.at_epoch(2) is one
    fresh = DigitSceneCaptions(5, fresh=True)
    np.testing.assert_array_equal(fresh.at_epoch(1)[2][0], other[7][0])
    assert fresh.at_epoch(1)[2][1] == other[7][1] and len(fresh.at_epoch(1)) == 5
    assert not np.array_equal(fresh.at_epoch(1)[2][0], fresh[2][0])


def test_scenes_have_fewer_digits_at_first():
    scenes = DigitSceneCaptions(40, easy_epochs=6)
    most = [max(len(scenes.at_epoch(epoch).scenes[i].labels) for i in range(40)) for epoch in range(8)]
    assert most == [1, 1, 2, 2, 3, 3, 4, 4]
    assert all(' and ' not in sentence and ' of ' not in sentence
               for _, sentences in scenes.at_epoch(0) for sentence in sentences)
    fresh = DigitSceneCaptions(3, fresh=True, easy_epochs=2)
    assert not np.array_equal(fresh.at_epoch(0)[1][0], fresh.at_epoch(1)[1][0])


def check(sentence, things, size):
    """Whether a sentence is true of things: (label, which part of the shorter side it takes, row, column)."""
    words = 'zero|one|two|three|four|five|six|seven|eight|nine'
    name = re.compile(rf'(a|two|three|four) (small|large) ({words})(?:e?s)?')
    parts = re.split(' (left of|right of|above|below) ', sentence)
    groups = [name.fullmatch(part) for part in re.split(' and ', ' and '.join(parts[::2]))]
    found = []
    for group in groups:
        count, how, label = group[1], group[2], words.split('|').index(group[3])
        alike = [thing for thing in things if thing[0] == label
                 and (thing[1] >= 0.32 if how == 'large' else thing[1] < 0.38)]
        assert len(alike) >= ['a', 'two', 'three', 'four'].index(count) + 1
        found.append((label, alike, ['a', 'two', 'three', 'four'].index(count) + 1))
    assert sum(count for _, _, count in found) == len(things)
    if len(parts) == 3:
        axis, sign = {'left of': (3, 1), 'right of': (3, -1), 'above': (2, 1), 'below': (2, -1)}[parts[1]]
        first = [sign * thing[axis] for thing in found[0][1]]
        others = [sign * thing[axis] for _, alike, _ in found[1:] for thing in alike]
        assert min(first) + 0.05 <= max(others) + 1e-6


def test_sentences_are_true():
    for i in range(150):
        scenes = DigitSceneCaptions(150)
        _, boxes, labels, _ = scenes.scenes[i]
        things = [(int(label), max(box[2] - box[0], box[3] - box[1]) / 64, (box[0] + box[2]) / 128,
                   (box[1] + box[3]) / 128) for box, label in zip(boxes, labels)]
        sentences = describe_scene(boxes, labels, (64, 64))
        assert sentences and len(set(sentences)) == len(sentences) and len(sentences) <= 8
        for sentence in sentences:
            check(sentence, things, (64, 64))


@pytest.mark.parametrize('boxes, labels, expected', [
    ([[0, 0, 40, 20]], [1], ['a large one']),
    ([[0, 0, 20, 10], [30, 30, 50, 40]], [6, 6], ['two small sixes']),
    # Between what the one and the other describer calls large.
    ([[0, 0, 22, 9]], [0], ['a large zero', 'a small zero']),
    ([[0, 0, 40, 20], [2, 44, 40, 62]], [3, 7],
     ['a large three left of a large seven', 'a large seven right of a large three']),
    # Nothing lies apart: from left to right.
    ([[20, 20, 30, 30], [19, 20, 29, 31]], [4, 5], ['a small four and a small five']),
    ([[0, 0, 10, 10], [0, 20, 10, 30], [1, 10, 11, 20]], [2, 2, 8],
     ['two small twos and a small eight']),
    ([[0, 0, 10, 10], [20, 0, 30, 10], [40, 1, 50, 11]], [2, 4, 8],
     ['a small two above a small four and a small eight', 'a small eight below a small two and a small four']),
])
def test_descriptions(boxes, labels, expected):
    assert describe_scene(np.array(boxes, 'f'), np.array(labels), (64, 64)) == expected
