"""Text files, vocabularies and streams."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_nn import datasets, iterators
from autograd_nn.dataset import concat_examples


@pytest.mark.parametrize('data, text', [
    ('Grüße\n', 'Grüße\n'), ('a\r\nb\rc', 'a\nb\nc'), ('\ufeffa', 'a'), ('', ''),
])
def test_text_is_read(data, text, tmp_path):
    path = tmp_path / 'some.txt'
    path.write_bytes(data.encode())
    assert datasets.read_text(path) == text


@pytest.mark.parametrize('data, message', [
    (b'abc\xff', r'some\.txt: expected text in UTF-8, but byte 3 is 0xff'), (b'ab\0c', 'byte 2 is zero'),
    ('text'.encode('utf-16'), 'byte 0 is 0xff'), (b'\x89PNG\r\n\x1a\n\0', 'byte 0 is 0x89'),
])
def test_what_is_no_text(data, message, tmp_path):
    path = tmp_path / 'some.txt'
    path.write_bytes(data)
    with pytest.raises(ValueError, match=message):
        datasets.read_text(path)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match='nothing'):
        datasets.read_text(tmp_path / 'nothing.txt')


def test_words_by_frequency():
    text = 'the cat\nthe dog\n\nthe end'
    vocabulary = datasets.Vocabulary.of_text(text, 'word')
    assert vocabulary.tokens[:3] == ['<unk>', 'the', '<eos>'] and len(vocabulary) == 6
    assert vocabulary.decode(vocabulary.encode(text)) == text
    small = datasets.Vocabulary.of_text(text, 'word', 3)
    assert small.encode('the cat\n').tolist() == [1, 0, 2]
    assert small.decode([1, 0, 2, 2, 1]) == 'the <unk>\n\nthe'


def test_unknown_words_of_a_prepared_text_are_the_unknown_word():
    vocabulary = datasets.Vocabulary.of_text('<unk> a <unk> b <unk>', 'word')
    assert vocabulary.tokens == ['<unk>', 'a', 'b']
    assert vocabulary.encode('<unk> b c').tolist() == [0, 2, 0]


@given(text=st.text(max_size=30))
def test_characters(text):
    vocabulary = datasets.Vocabulary.of_text(text, 'char')
    numbers = vocabulary.encode(text)
    assert numbers.dtype == np.int32 and numbers.shape == (len(text),)
    assert vocabulary.decode(numbers) == text and 0 not in numbers
    assert len(vocabulary) == len(set(text)) + 1


def test_vocabularies_in_files(tmp_path):
    vocabulary = datasets.Vocabulary.of_text('größer, bitte\n"so" \\n', 'char')
    vocabulary.save(tmp_path / 'vocabulary.json')
    loaded = datasets.Vocabulary.load(tmp_path / 'vocabulary.json')
    assert loaded.tokens == vocabulary.tokens and loaded.level == 'char'
    for damaged in '{', '[]', '{"level": "word"}', '{"level": "word", "tokens": ["a"]}', '{"level": 1, "tokens": 2}':
        (tmp_path / 'damaged.json').write_text(damaged)
        with pytest.raises(ValueError, match=r'damaged\.json is no vocabulary'):
            datasets.Vocabulary.load(tmp_path / 'damaged.json')


@pytest.mark.parametrize('tokens, level', [(['<unk>', 'a'], 'line'), (['a'], 'char'), ([], 'char'),
                                           (['<unk>', 'a', 'a'], 'word')])
def test_impossible_vocabularies(tokens, level):
    with pytest.raises(ValueError, match='Vocabulary'):
        datasets.Vocabulary(tokens, level)


@given(n=st.integers(2, 60), n_streams=st.integers(1, 5), n_steps=st.integers(1, 4))
def test_streams(n, n_streams, n_steps):
    """Each stream is a stretch of the text, and the streams do not overlap."""
    if (n - 1) // n_streams < n_steps:
        with pytest.raises(ValueError, match=f'at least {n_streams * n_steps + 1} tokens'):
            datasets.parallel_streams(np.arange(n), n_streams, n_steps)
        return
    streams = datasets.parallel_streams(np.arange(n), n_streams, n_steps)
    x, t = concat_examples(streams[:])
    np.testing.assert_array_equal(t, x + 1)
    assert (np.diff(x, axis=0) == 1).all() and t.max() < n
    assert len(x) % n_steps == 0 and len(set(x.flat)) == x.size
    assert len(x) == (n - 1) // n_streams // n_steps * n_steps


def test_streams_go_on_from_batch_to_batch():
    streams = datasets.parallel_streams(np.arange(50), 3, 4)
    iterator = iterators.SerialIterator(streams, 4, shuffle=False)
    last = None
    for _ in range(len(streams) // 4):
        x, t = concat_examples(iterator.next())
        assert x.shape == (4, 3)
        if last is not None:
            np.testing.assert_array_equal(x[0], last)
        last = t[-1]
    assert iterator.epoch == 1 and iterator.epoch_detail == 1


def test_impossible_streams():
    with pytest.raises(ValueError, match='positive n_streams and n_steps, got 0 and 1'):
        datasets.parallel_streams(np.arange(9), 0)
